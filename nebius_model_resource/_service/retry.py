"""Time: the deadline of an operation, the pause that the service asks for, and the one loop that tries again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from nebius_model_resource.errors import DeadlineExceeded, NebiusError, NotSent, Throttled, may_have_happened

Clock = Callable[[], float]
Sleep = Callable[[float], None]
_T = TypeVar("_T")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0  # seconds before a call is tried again
_TURN = 0.5  # seconds until a thread that waits for another looks whether the run was interrupted


def never() -> bool:
    """No interruption."""
    return False


@dataclass(frozen=True)
class Deadline:
    """A moment after which nothing more is tried; it comes at once when the run is interrupted.

    Attributes:
        at: seconds on ``clock``.
        clock: monotonic seconds.
        sleep: pauses for a number of seconds, or until the interruption; may raise EngineGone.
        interrupted: whether the person who started the run has stopped it.
        attempts: how often a read is tried.
    """

    at: float
    clock: Clock = time.monotonic
    sleep: Sleep = time.sleep
    interrupted: Callable[[], bool] = never
    attempts: int = 4

    @classmethod
    def after(
        cls,
        seconds: float,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        interrupted: Callable[[], bool] = never,
    ) -> Deadline:
        """The moment ``seconds`` from now."""
        return cls(clock() + seconds, clock, sleep, interrupted)

    def once(self) -> Deadline:
        """The same moment, for a caller that tries again by itself."""
        return replace(self, attempts=1)

    def remaining(self) -> float:
        """Seconds left, never less than zero."""
        return 0.0 if self.interrupted() else max(0.0, self.at - self.clock())

    def passed(self) -> bool:
        """Whether no time is left."""
        return self.remaining() <= 0

    def why_passed(self) -> str:
        """What a message says of a deadline that has passed."""
        return "the run was interrupted" if self.interrupted() else "the deadline passed"

    @contextmanager
    def holding(self, lock: threading.Lock) -> Iterator[None]:
        """Hold a lock that another call may hold now.

        Raises:
            DeadlineExceeded: the other call takes longer than the time left.
        """
        while not lock.acquire(timeout=min(_TURN, self.remaining())):
            if self.passed():
                raise DeadlineExceeded(f"{self.why_passed()} while another call was under way")
        try:
            yield
        finally:
            lock.release()


class Gate:
    """Lets all calls through until the service asks for a pause.

    One refused call closes the gate for all threads. Afterwards calls pass one by one, first slowly, then faster
    with every success.
    """

    _first_interval = 0.05
    _longest_interval = 2.0
    _default_pause = 1.0

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._one_by_one = threading.Lock()
        self._closed_until = 0.0
        self._interval = 0.0
        self._last_pass = 0.0
        self._refused_at = float("-inf")

    def wait(self, deadline: Deadline) -> None:
        """Wait for this call's turn, or until the run is interrupted.

        Raises:
            DeadlineExceeded: the pause is longer than the time left.
        """
        if self._interval <= 0:
            return
        with deadline.holding(self._one_by_one):
            while (delay := self._delay()) > 0 and not deadline.interrupted():
                if delay > deadline.remaining():
                    asked = f"the service's rate limit asks for a pause of {delay:.0f} s"
                    raise DeadlineExceeded(f"{asked}, which is more than is left until the deadline")
                deadline.sleep(delay)
            with self._lock:
                self._last_pass = self._clock()

    def _delay(self) -> float:
        with self._lock:
            return max(self._closed_until, self._last_pass + self._interval) - self._clock()

    def refused(self, sent_at: float, retry_after: float | None) -> None:
        """Close the gate: the service asked for a pause in answer to a call sent at ``sent_at``."""
        with self._lock:
            now = self._clock()
            pause = self._default_pause if retry_after is None else retry_after
            self._closed_until = max(self._closed_until, now + pause)
            # Calls that were under way together count once: all were sent before the first refusal.
            if sent_at >= self._refused_at:
                self._interval = min(max(self._first_interval, self._interval * 2), self._longest_interval)
                self._refused_at = now

    def passed(self) -> None:
        """Open the gate a little more: a call succeeded."""
        with self._lock:
            self._interval *= 0.7
            if self._interval < self._first_interval / 4:
                self._interval = 0.0


def was_not_sent(error: NebiusError) -> bool:
    """Whether a POST may be sent again after an error."""
    return isinstance(error, NotSent) and not error.permanent


def may_repeat(error: NebiusError) -> bool:
    """Whether a read or a deletion may be sent again after an error."""
    return was_not_sent(error) or may_have_happened(error)


def repeat(
    call: Callable[[], _T],
    deadline: Deadline,
    *,
    repeats: Callable[[NebiusError], bool] = may_repeat,
    attempts: int | None = None,
    report: Callable[[NebiusError], Any] = lambda _error: None,
) -> _T:
    """Call until it succeeds: the only loop that tries again.

    A throttled call is always tried again: nothing was done, and the gate holds the next attempt back.

    Args:
        call: sends one request, or several.
        deadline: no pause goes beyond it.
        repeats: after which errors another attempt is allowed.
        attempts: the most attempts; None for no limit.
        report: told of each error before the pause that follows it.

    Raises:
        NebiusError: the error of the last attempt.
    """
    failures = 0
    while True:
        try:
            return call()
        except Throttled:
            continue
        except NebiusError as error:
            failures += 1
            pause = min(_FIRST_PAUSE * 2 ** min(failures - 1, 10), _LONGEST_PAUSE)
            pause *= 0.5 + 0.5 * random.random()  # noqa: S311 - it spreads calls, and hides nothing
            if not repeats(error) or failures == attempts or pause >= deadline.remaining():
                raise
            report(error)
            deadline.sleep(pause)
