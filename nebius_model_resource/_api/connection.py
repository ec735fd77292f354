"""The connection to one account: sends requests through the shared gate, and retries those that are safe to repeat.

* Any call is retried after 429, or 503 with ``Retry-After``: nothing was done. One pause holds for the process.
* A GET or DELETE is also retried after a failed connection, a reset, a time-out, 408, 500, 502, 503, 504 or an
  answer that cannot be read, with backoff and jitter.
* A POST is not: its caller first looks whether it had its effect.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from nebius_model_resource._api import redact
from nebius_model_resource._api.answers import body_of, is_throttled
from nebius_model_resource._api.backoff import FIRST, backoff
from nebius_model_resource._api.deadline import Clock, Deadline, Sleep, never
from nebius_model_resource._api.throttle import Gate, parse_retry_after
from nebius_model_resource.errors import DeadlineExceeded, NotSent, ServerFault, Throttled, TransportError

if TYPE_CHECKING:
    import requests

    from nebius_model_resource._api.settings import Settings
    from nebius_model_resource._api.transport import Answer, Stream

ATTEMPT_SECONDS = 30.0  # one request; a call has its deadline
READ_ATTEMPTS = 4
_USER_AGENT = "nebius-model-resource (Pulumi provider)"
_T = TypeVar("_T")


class Connection:
    """Requests to one account; safe to share between threads. TCP connections stay open."""

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
        """Sends nothing; the first call loads ``requests``.

        Args:
            settings: base URL and key.
            clock: monotonic seconds.
            sleep: pauses a call that has no deadline of its own.
            first_pause: the longest pause before the first retry, in seconds; doubled with each.
            attempt_seconds: the longest time for one request.
            exchange: sends one request; by default :func:`.transport.exchange`.
        """
        self.settings = settings
        self.clock = clock
        self.gate = Gate(clock)
        self._sleep = sleep
        self._first_pause = first_pause
        self._attempt_seconds = attempt_seconds
        self._exchange = exchange
        self._lock = threading.Lock()
        self._session: requests.Session | None = None

    def deadline(self, seconds: float) -> Deadline:
        """A deadline on this connection's clock."""
        return Deadline.after(seconds, self.clock, self._sleep)

    def close(self) -> None:
        """Close the TCP connections; the next call opens new ones."""
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None

    def send(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | Stream | None = None,
        longest: int | None = None,
        seconds: float | None = None,
    ) -> tuple[Any, Answer]:
        """Send one request once the gate lets it through; returns the parsed body and the answer.

        ``path`` follows the base URL, ``params`` are the query, ``body`` is sent as JSON, or as the stream that it
        is, ``longest`` is the most bytes in an answer (1 MiB by default), and ``seconds`` the longest wait for it.

        Raises:
            ApiError, TransportError: the service refused, failed or did not answer.
            DeadlineExceeded: nothing was sent, or a read was interrupted.
        """
        from nebius_model_resource._api.transport import MAX_ANSWER, exchange

        self.gate.wait(deadline)
        if deadline.passed():
            raise DeadlineExceeded(f"{deadline.why_passed()} before the request was sent")
        # What changes something gets its answer first: only the answer says what it did.
        interrupted = deadline.interrupted if method == "GET" else never
        started = self.clock()
        try:
            answer = (self._exchange or exchange)(
                self._open(),
                method,
                self.settings.base_url + path,
                api_key=self.settings.api_key,
                user_agent=_USER_AGENT,
                params=params or {},
                body=body,
                # Half of what is left: the rest is for finding out what a lost answer created.
                seconds=min(seconds or self._attempt_seconds, max(0.5, deadline.remaining() / 2)),
                longest=longest or MAX_ANSWER,
                interrupted=interrupted,
            )
        except TransportError as error:
            if interrupted():
                raise DeadlineExceeded(f"{deadline.why_passed()} before the answer came") from None
            error.args = (redact.harmless(str(error), self.settings.api_key),)
            raise
        if is_throttled(answer):
            self.gate.refused(started, parse_retry_after(answer.headers.get("Retry-After")))
        else:
            self.gate.passed()
        return body_of(answer, self.settings.api_key), answer

    def repeat(
        self, call: Callable[[Deadline], _T], deadline: Deadline | None, attempts: int | None = READ_ATTEMPTS
    ) -> _T:
        """Retry a call until it succeeds, is refused, or its attempts (None: no limit) or time run out.

        Raises:
            NebiusError: the error of the last attempt.
        """
        deadline = deadline or self.deadline(2 * ATTEMPT_SECONDS)
        failures = 0
        while True:
            try:
                return call(deadline)
            except Throttled:
                continue  # nothing was done; the gate holds the next attempt back
            except (TransportError, ServerFault) as error:
                failures += 1
                if failures == attempts or (isinstance(error, NotSent) and error.permanent):
                    raise
                delay = backoff(failures, self._first_pause)
                if delay >= deadline.remaining():
                    raise
                deadline.sleep(delay)

    def _open(self) -> requests.Session:
        from nebius_model_resource._api.transport import open_session

        with self._lock:
            if self._session is None:
                self._session = open_session(self.settings.base_url)
            return self._session
