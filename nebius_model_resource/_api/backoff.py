"""How long to wait before a call is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST = 0.5  # seconds
_LONGEST = 5.0


def backoff(failures: int, first: float = FIRST, jitter: Callable[[], float] = random.random) -> float:
    """Seconds before the next attempt: doubled with each failure, and up to half of it random.

    ``failures`` counts from 1, ``first`` is the longest wait after the first, ``jitter`` returns from 0 to 1.
    """
    longest: float = min(first * 2 ** min(failures - 1, 10), _LONGEST)
    return longest * (0.5 + 0.5 * jitter())
