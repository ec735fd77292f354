from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from nebius_model_resource._service.client import Client
from nebius_model_resource._service.http import Answer
from nebius_model_resource._service.retry import Deadline
from nebius_model_resource._service.settings import Settings
from tests.support.calls import without_proxies
from tests.support.virtual import KEY, MANY, VirtualTime

BASE = "https://service.test"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    without_proxies(monkeypatch)


@pytest.fixture
def time() -> VirtualTime:
    """A clock that moves only in a sleep."""
    random.seed(0)
    return VirtualTime()


def interrupted_at(time: VirtualTime, moment: float, seconds: float = 600) -> Deadline:
    """The deadline of an operation that is interrupted at a moment."""

    def sleep(pause: float) -> None:
        time.sleep(min(pause, max(0.0, moment - time.now)))

    return Deadline.after(seconds, time.clock, sleep, lambda: time.now >= moment)


class Zip:
    """A file to upload, in chunks."""

    filename = 'ä".zip'

    def __init__(self, *chunks: bytes) -> None:
        self.length = sum(map(len, chunks))
        self.chunks = lambda: iter(chunks)


@dataclass
class Script:
    """Gives answers in turn, repeats the last one, and records the requests; in place of :func:`.http.exchange`.

    An answer is a status code, a parsed body, an :class:`Answer`, an error, or a function that gives one of them for
    the query.

    Attributes:
        calls: method, path and query of each request.
        given: the further arguments of each request.
        at: the moment of each request.
        sessions: the session of each request.
    """

    time: VirtualTime
    answers: list[Any]
    calls: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    given: list[dict[str, Any]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    sessions: list[Any] = field(default_factory=list)

    def __call__(self, session: Any, method: str, url: str, **given: Any) -> Answer:
        """Answer one request."""
        assert len(self.calls) < MANY, "the calls do not end"
        self.calls.append((method, url.removeprefix(BASE), dict(given["params"])))
        self.given.append(given)
        self.at.append(self.time.now)
        self.sessions.append(session)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(given["params"])
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return Answer(answer, {}, b'{"detail": "no"}')
        return answer if isinstance(answer, Answer) else Answer(200, {}, json.dumps(answer).encode())


Serve = Callable[..., tuple[Client, Script]]


@pytest.fixture
def serve(time: VirtualTime) -> Serve:
    """The client of a service that gives those answers, on the virtual clock."""

    def serve(*answers: Any) -> tuple[Client, Script]:
        script = Script(time, list(answers))
        client = Client(Settings(BASE, KEY), clock=time.clock, sleep=time.sleep, exchange=script)
        return client, script

    return serve
