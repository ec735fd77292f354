"""The time that an operation may take, and how it pauses, on a clock that tests can replace."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]
Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Deadline:
    """A moment after which nothing more is tried.

    Attributes:
        at: seconds on ``clock``.
        clock: monotonic seconds.
        sleep: pauses for a number of seconds; may raise EngineGone.
    """

    at: float
    clock: Clock = time.monotonic
    sleep: Sleep = time.sleep

    @classmethod
    def after(cls, seconds: float, clock: Clock = time.monotonic, sleep: Sleep = time.sleep) -> Deadline:
        """The moment ``seconds`` from now."""
        return cls(clock() + seconds, clock, sleep)

    def remaining(self) -> float:
        """Seconds left, never less than zero."""
        return max(0.0, self.at - self.clock())

    def passed(self) -> bool:
        """Whether no time is left."""
        return self.clock() >= self.at
