"""The requests that the emulator received."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT = 100_000


@dataclass
class RecordedRequest:
    """One call; `status` is None until an answer starts, and stays None if none starts.

    `path` is decoded, `raw_path` as sent; `headers` have lower-case names; `time` is Unix seconds; `fault` is
    the id of the rule that hit the call.
    """

    method: str
    path: str
    raw_path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    has_authorization: bool
    authorized: bool
    time: float
    status: int | None = None
    fault: str | None = None
    request_id: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, fit for JSON."""
        return asdict(self)

    def line(self) -> str:
        """Return the call on one line, without anything secret."""
        return f"{self.method} {self.raw_path} {self.status if self.status is not None else '-'}"


class RequestLog:
    """The last calls, oldest first; safe to use from several threads."""

    def __init__(self, on_end: Callable[[RecordedRequest], None] | None = None) -> None:
        self._lock = threading.Lock()
        self._requests: deque[RecordedRequest] = deque(maxlen=KEPT)
        self.on_end = on_end

    def add(self, request: RecordedRequest) -> None:
        """Record a call that has just come in."""
        with self._lock:
            self._requests.append(request)

    def end(self, request: RecordedRequest) -> None:
        """Record that a call is over."""
        if self.on_end is not None:
            self.on_end(request)

    def select(self, method: str | None = None, path: str | None = None) -> list[RecordedRequest]:
        """Return the calls of a method and of a path, which may be a glob; None is any."""
        with self._lock:
            kept = list(self._requests)
        return [
            request
            for request in kept
            if method in {None, request.method} and (path is None or _path_matches(request.path, path))
        ]

    def clear(self) -> None:
        """Remove all calls."""
        with self._lock:
            self._requests.clear()


def _path_matches(path: str, pattern: str) -> bool:
    return path == pattern or fnmatchcase(path, pattern)
