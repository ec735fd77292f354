"""The rate limit."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .settings import Settings


@dataclass(frozen=True)
class Allowance:
    """What the limit says to one call: whether it may pass, and the headers to answer with."""

    passed: bool
    headers: dict[str, str]


class RateLimit:
    """A bucket of `rate_limit_per_minute` calls that fills up evenly.

    The documentation describes windows of fifteen minutes for inference,
    and nothing for these routes.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._used = 0.0
        self._at = clock()

    def take(self) -> Allowance:
        """Count one call."""
        limit = self._settings.rate_limit_per_minute
        if limit is None:
            return Allowance(passed=True, headers={})
        with self._lock:
            now = self._clock()
            self._used = max(0.0, self._used - max(0.0, now - self._at) * limit / 60)
            self._at = now
            passed = self._used + 1 <= limit
            self._used += passed
            return Allowance(passed, self._headers(limit, now, passed=passed))

    def _headers(self, limit: int, now: float, *, passed: bool) -> dict[str, str]:
        # The unit after the number was seen live, although the documentation speaks of plain seconds.
        reset = math.ceil(self._used * 60 / limit)
        headers = {
            "x-ratelimit-limit-requests": str(limit),
            "x-ratelimit-remaining-requests": str(int(limit - self._used)),
            "x-ratelimit-reset-requests": f"{reset}s",
        }
        if not passed:
            wait = math.ceil((self._used + 1 - limit) * 60 / limit)
            headers["x-ratelimit-over-limit"] = "yes"
            headers["retry-after"] = self._retry_after(wait, now)
        return headers

    def _retry_after(self, wait: int, now: float) -> str:
        forms = {
            "seconds": str(wait),
            "unit": f"{wait}s",
            "date": formatdate(math.ceil(now + wait), usegmt=True),
        }
        return forms[self._settings.retry_after_format]
