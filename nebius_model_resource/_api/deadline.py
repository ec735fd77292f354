"""The time that an operation may take, and how it pauses, on a clock that tests can replace."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]
Sleep = Callable[[float], None]


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
    """

    at: float
    clock: Clock = time.monotonic
    sleep: Sleep = time.sleep
    interrupted: Callable[[], bool] = never

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

    def remaining(self) -> float:
        """Seconds left, never less than zero."""
        return 0.0 if self.interrupted() else max(0.0, self.at - self.clock())

    def passed(self) -> bool:
        """Whether no time is left."""
        return self.interrupted() or self.clock() >= self.at

    def why_passed(self) -> str:
        """What a message says of a deadline that has passed."""
        return "the run was interrupted" if self.interrupted() else "the deadline passed"
