"""Until when something is tried, on a clock that can be replaced."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]
Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Deadline:
    """A moment on a monotonic clock after which nothing more is tried."""

    at: float
    clock: Clock = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Clock = time.monotonic) -> Deadline:
        """The moment that lies ``seconds`` ahead."""
        return cls(clock() + seconds, clock)

    def remaining(self) -> float:
        """Seconds left, never less than zero."""
        return max(0.0, self.at - self.clock())

    def passed(self) -> bool:
        """Whether no time is left."""
        return self.clock() >= self.at
