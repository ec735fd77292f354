"""The service's custom-model endpoints, one method each; knows nothing of Pulumi.

What is repeated, and when:

* a GET or DELETE after a connection that failed, a reset, a time-out, 408, 500, 502, 503, 504 or an answer that
  cannot be read: with backoff and jitter, a GET up to four times, a DELETE until its deadline;
* any call after 429, or 503 with ``Retry-After``: nothing was done; after one pause shared by the whole process;
* a POST otherwise never: its caller must look whether the model was made (``lifecycle.py``).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from nebius_model_resource._api import redact
from nebius_model_resource._api.answers import asks_for_pause, body_of, sent_at
from nebius_model_resource._api.backoff import FIRST, backoff
from nebius_model_resource._api.deadline import Clock, Deadline, Sleep
from nebius_model_resource._api.models import Fault, ModelInfo, canonical_source
from nebius_model_resource._api.throttle import Gate, parse_retry_after
from nebius_model_resource.errors import (
    DeadlineExceeded,
    InvalidInputs,
    NotSent,
    ServerFault,
    Throttled,
    TransportError,
    UnusableAnswer,
)

if TYPE_CHECKING:
    import requests

    from nebius_model_resource._api.models import Inputs
    from nebius_model_resource._api.settings import Settings
    from nebius_model_resource._api.transport import Answer

ATTEMPT_SECONDS = 30.0  # one request; a call as a whole has its deadline
READ_ATTEMPTS = 4
_MODELS = "/v0/models"
_USER_AGENT = "nebius-model-resource (+pulumi dynamic provider)"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Listing:
    """The models of one project.

    Attributes:
        entries: the list as the service sent it, but for the key in a status or its reason; entries that are no
            models, or whose names give the key away, are left out.
        server_time: the service's own clock (Unix seconds) out of the answer's ``Date``, None where it has none.
        whole: False where entries were left out: what is not in such a list may exist all the same.
    """

    entries: list[dict[str, Any]]
    server_time: float | None = None
    whole: bool = True

    def models(self) -> list[ModelInfo]:
        """Each entry as a model."""
        return [model for entry in self.entries if (model := ModelInfo.parse(entry))]


class NebiusClient:
    """One account's custom models over HTTP.

    Safe to share between threads; keeps its connections alive. Errors are those of
    :mod:`nebius_model_resource.errors`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        first_pause: float = FIRST,
        attempt_seconds: float = ATTEMPT_SECONDS,
        exchange: Callable[..., Answer] | None = None,
    ) -> None:
        """Nothing is sent, and ``requests`` is not loaded, before the first call.

        Args:
            settings: base URL and key.
            clock: monotonic seconds.
            sleep: how a pause is made; a call may bring its own.
            first_pause: the longest pause before the first repetition, in seconds; doubled with each.
            attempt_seconds: the longest that one request may take.
            exchange: sends one request, as :func:`.transport.exchange` does, which it is by default.
        """
        self.settings = settings
        self.clock = clock
        self.gate = Gate(clock)
        self.pause = sleep
        self._first_pause = first_pause
        self._attempt_seconds = attempt_seconds
        self._exchange = exchange
        self._lock = threading.Lock()
        self._session: requests.Session | None = None

    def __enter__(self) -> NebiusClient:  # noqa: PYI034 - Self is typing's from 3.11 on
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None

    def create_model(
        self, inputs: Inputs, *, deadline: Deadline | None = None, sleep: Sleep | None = None
    ) -> ModelInfo:
        """``POST /v0/models`` with just the fields given.

        Returns:
            The model as told; its name may be the short one (seen live, April 2025).

        Raises:
            BadRequest, AccessDenied, NotFound, Redirected: refused, nothing was made.
            NotSent: nothing was made.
            AnswerLost, UnusableAnswer, ServerFault: a model may have been made.
            DeadlineExceeded: rate-limited until the deadline, nothing was made.
        """
        deadline = deadline or Deadline.after(ATTEMPT_SECONDS, self.clock)
        body = {
            "name": inputs.name,
            "base_model": inputs.base_model,
            "source": canonical_source(inputs.source),
        }
        if inputs.description:
            body["description"] = inputs.description
        while True:
            try:
                parsed, _ = self._attempt(
                    "POST", _MODELS, _project(inputs.ai_project_id), body, deadline, sleep
                )
            except Throttled:
                continue  # nothing was done; the gate holds the next attempt back
            return self._model(
                parsed,
                asked=" ".join(map(str, vars(inputs).values())),
                otherwise="the service answered with success and without the model's name",
            )

    def list_models(
        self,
        ai_project_id: str | None = None,
        *,
        deadline: Deadline | None = None,
        sleep: Sleep | None = None,
        attempts: int = READ_ATTEMPTS,
        asked: str = "",
    ) -> Listing:
        """``GET /v0/models``: one array, no paging (documented, and seen live).

        ``asked`` is the name that is looked for, where there is one.

        Raises:
            ApiError, TransportError: the list could not be had.
        """

        def read(deadline: Deadline) -> Listing:
            parsed, answer = self._attempt("GET", _MODELS, _project(ai_project_id), None, deadline, sleep)
            if not isinstance(parsed, list):
                raise UnusableAnswer(
                    "the service answered the list of models with something else than a list"
                )
            # A list is asked for by nobody's name: an entry that gives the key away is left out as one that is no
            # model. No model is lost by it: such a list is not whole, so that nothing counts as absent, and a model
            # whose own inputs hold the key is still found by its name.
            entries = [
                entry
                for entry in parsed
                if (model := ModelInfo.parse(entry)) and not self._leaks(model, asked)
            ]
            for entry in entries:
                self._mask(entry)
            return Listing(entries, sent_at(answer), whole=len(entries) == len(parsed))

        return self._repeat(read, deadline, sleep, attempts)

    def get_model(
        self,
        name: str,
        *,
        deadline: Deadline | None = None,
        sleep: Sleep | None = None,
        attempts: int = READ_ATTEMPTS,
    ) -> ModelInfo:
        """``GET /v0/models/{name}`` by a short or full name.

        Raises:
            NotFound: there is no such model.
            AccessDenied: the key may not see it; the service's words hide whether it exists (seen live).
            ApiError, TransportError: it could not be read.
        """

        def read(deadline: Deadline) -> ModelInfo:
            parsed, _ = self._attempt("GET", _path(name), {}, None, deadline, sleep)
            return self._model(
                parsed, name, f"the service answered {name!r} with something else than a model"
            )

        return self._repeat(read, deadline, sleep, attempts)

    def delete_model(
        self, name: str, *, deadline: Deadline | None = None, sleep: Sleep | None = None
    ) -> ModelInfo:
        """``DELETE /v0/models/{name}`` by a short or full name, repeated until the deadline.

        Raises:
            NotFound: there is no such model (any more).
            ApiError, TransportError: it may still exist.
        """

        def delete(deadline: Deadline) -> ModelInfo:
            parsed, _ = self._attempt("DELETE", _path(name), {}, None, deadline, sleep)
            return self._model(
                parsed, name, f"the service answered the deletion of {name!r} with something else"
            )

        return self._repeat(delete, deadline, sleep, None)

    def _repeat(
        self,
        call: Callable[[Deadline], _T],
        deadline: Deadline | None,
        sleep: Sleep | None,
        attempts: int | None,
    ) -> _T:
        """Run a call that may be repeated until it succeeds, is refused, or its attempts or time run out."""
        deadline = deadline or Deadline.after(2 * ATTEMPT_SECONDS, self.clock)
        failures = 0
        while True:
            try:
                return call(deadline)
            except Throttled:
                continue
            except (TransportError, ServerFault) as error:
                failures += 1
                if failures == attempts or (isinstance(error, NotSent) and error.permanent):
                    raise
                delay = backoff(failures, self._first_pause)
                if delay >= deadline.remaining():
                    raise
                (sleep or self.pause)(delay)

    def _attempt(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: Mapping[str, Any] | None,
        deadline: Deadline,
        sleep: Sleep | None,
    ) -> tuple[Any, Answer]:
        """Send once, when the gate lets it through, and read what the answer says."""
        from nebius_model_resource._api.transport import MAX_ANSWER, MAX_LIST, exchange

        self.gate.wait(deadline, sleep or self.pause)
        if deadline.passed():
            raise DeadlineExceeded("the deadline passed before the request was sent")
        started = self.clock()
        try:
            answer = (self._exchange or exchange)(
                self._open(),
                method,
                self.settings.base_url + path,
                api_key=self.settings.api_key,
                user_agent=_USER_AGENT,
                params=params,
                body=body,
                # Half of what is left, so that there is time to look for what a lost answer made.
                seconds=min(self._attempt_seconds, max(0.5, deadline.remaining() / 2)),
                longest=MAX_LIST if method == "GET" and path == _MODELS else MAX_ANSWER,
            )
        except TransportError as error:
            error.args = (redact.harmless(str(error), self.settings.api_key),)
            raise
        if asks_for_pause(answer):
            self.gate.refused(started, parse_retry_after(answer.headers.get("Retry-After")))
        else:
            self.gate.passed()
        return body_of(answer, self.settings.api_key), answer

    def _open(self) -> requests.Session:
        from nebius_model_resource._api.transport import open_session

        with self._lock:
            if self._session is None:
                self._session = open_session(self.settings.base_url)
            return self._session

    def _model(self, parsed: Any, asked: str, otherwise: str) -> ModelInfo:
        """The model in an answer.

        Args:
            parsed: the answer.
            asked: the inputs of the call; where these hold the key, the model's name may.
            otherwise: what to say where there is none.

        Raises:
            UnusableAnswer: there is none, or its name would carry the key into the state and every message.
        """
        model = ModelInfo.parse(parsed, self.settings.api_key)
        if model is None:
            raise UnusableAnswer(otherwise)
        if self._leaks(model, asked):
            raise UnusableAnswer("the service sent the API key back in the name of a model")
        return model

    def _leaks(self, model: ModelInfo, asked: str) -> bool:
        key = self.settings.api_key
        return redact.holds(model.name, key) and not redact.holds(asked, key)

    def _mask(self, entry: dict[str, Any]) -> None:
        """Take the key out of what people read of a listed model."""
        for field in ("status", "status_reason"):
            if isinstance(text := entry.get(field), str):
                entry[field] = redact.masked(text, self.settings.api_key)


def _project(ai_project_id: str | None) -> dict[str, str]:
    return {"ai_project_id": ai_project_id} if ai_project_id else {}


def _path(name: str) -> str:
    """The model's path: each segment of its name encoded by itself, the slash between them kept."""
    segments = name.split("/")
    if any(
        segment in ("", ".", "..") for segment in segments
    ):  # would be another path, whatever the encoding
        raise InvalidInputs([Fault("name", f"{name!r} cannot be the generated name of a model")])
    return "/v0/models/" + "/".join(quote(segment, safe="") for segment in segments)
