"""What the virtual service does with a request, other than to carry it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nebius_model_resource._service.http import Answer
from nebius_model_resource.errors import AnswerLost, NotSent
from tests.support.virtual import Outcome, Request, Service, answer, done


def status(code: int, detail: str = "no", *, effect: bool = False, **headers: str) -> Outcome:
    """An error; with an effect, the service carries out the request before."""
    return _after(effect, lambda: answer({"detail": detail}, code, **headers))


def says(body: Any, *, effect: bool = False) -> Outcome:
    """A success with that body."""
    return _after(effect, lambda: answer(body))


def garbled(*, effect: bool = False) -> Outcome:
    """A success that is not JSON."""
    return _after(effect, lambda: Answer(200, {}, b"<html>"))


def _after(effect: bool, answered: Callable[[], Answer]) -> Outcome:
    def outcome(service: Service, request: Request) -> Answer:
        if effect:
            done(service, request)
        return answered()

    return outcome


def lost(*, effect: bool, at_once: bool = True) -> Outcome:
    """A connection that breaks at once, or no answer until the client's time is up."""

    def outcome(service: Service, request: Request) -> Answer:
        if effect:
            done(service, request)
        service.time.advance(0 if at_once else request.seconds)
        raise AnswerLost("no answer in time")

    return outcome


def not_sent(*, permanent: bool = False) -> Outcome:
    """No connection."""

    def outcome(_service: Service, _request: Request) -> Answer:
        raise NotSent("no connection", permanent=permanent)

    return outcome


def slow(seconds: float, outcome: Outcome = done) -> Outcome:
    """Another outcome, after some seconds."""

    def later(service: Service, request: Request) -> Answer:
        service.time.advance(seconds)
        return outcome(service, request)

    return later
