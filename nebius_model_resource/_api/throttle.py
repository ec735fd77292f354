"""One pause for every call of the process when the service asks for it."""

from __future__ import annotations

import re
import threading
import time
from datetime import timezone
from email.utils import parsedate_to_datetime

from nebius_model_resource._api.deadline import Clock, Deadline
from nebius_model_resource.errors import DeadlineExceeded

_DELAY = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?", re.ASCII)
_UNITS = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_retry_after(value: str | None, now: Clock = time.time) -> float | None:
    """Seconds to wait from a ``Retry-After`` header; None without one that can be read.

    It has seconds (``1``), an HTTP date, or a number with a unit (``1s``, ``500ms``), which is how the service
    writes its other rate-limit headers (seen live).
    """
    if not value:
        return None
    if match := _DELAY.fullmatch(value.strip()):
        return float(match[1]) * _UNITS[match[2]]
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, moment.timestamp() - now())


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
        self._turnstile = threading.Lock()
        self._closed_until = 0.0
        self._interval = 0.0
        self._last_pass = 0.0
        self._refused_at = float("-inf")

    @property
    def throttled(self) -> bool:
        """Whether the service asked for a pause and calls still pass one by one."""
        with self._lock:
            return self._interval > 0

    def wait(self, deadline: Deadline) -> None:
        """Wait for this call's turn, or until the run is interrupted.

        Raises:
            DeadlineExceeded: the pause is longer than the time left.
        """
        if not self.throttled:
            return
        if not self._turnstile.acquire(timeout=deadline.remaining()):
            if deadline.interrupted():
                return
            raise DeadlineExceeded("the service's rate limit left no time for the call before its deadline")
        try:
            while (delay := self._delay()) > 0 and not deadline.interrupted():
                if delay > deadline.remaining():
                    raise DeadlineExceeded(
                        f"the service's rate limit asks for a pause of {delay:.0f} s, "
                        "which is more than is left until the deadline"
                    )
                deadline.sleep(delay)
            with self._lock:
                self._last_pass = self._clock()
        finally:
            self._turnstile.release()

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
