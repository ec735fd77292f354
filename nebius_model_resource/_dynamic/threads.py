"""More threads for the host's pool: it has four, and a call that waits for a model holds one of them.

Private names of ``concurrent.futures.thread``: ``executor_reference``, a local of the function that a pool's threads
run, and attributes of the executor. Without them calls share the four threads.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_FREE = 4  # threads besides those that wait: as many as the host has

_log = logging.getLogger(__name__)


def locals_with(*names: str) -> dict[str, Any]:
    """The local variables of the nearest calling frame that has all those.

    Raises:
        LookupError: no frame has them.
    """
    wanted = frozenset(names)
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if wanted.issubset(frame.f_code.co_varnames):
            return frame.f_locals
        frame = frame.f_back
    raise LookupError(f"no frame with {names}")


class Threads:
    """Counts the calls of a process, and keeps threads of its pool free while some of them wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = 0
        self._waiting = 0

    @contextmanager
    def call(self, *, waits: bool) -> Iterator[None]:
        """Count a call while it runs; one that waits leaves others as many threads as there were, if they can start."""
        with self._lock:
            self._calls += 1
            self._waiting += waits
            if waits:
                _enlarge_pool(self._waiting + _FREE)
        try:
            yield
        finally:
            with self._lock:
                self._calls -= 1
                self._waiting -= waits

    def idle(self) -> bool:
        """Whether no call is running."""
        with self._lock:
            return self._calls == 0


def _enlarge_pool(size: int) -> None:
    """Start threads of the pool whose thread runs this until there are that many, or no further one can start."""
    try:
        executor = locals_with("executor_reference")["executor_reference"]()
        with executor._shutdown_lock:
            # Up to Python 3.11 a pool counts a thread as idle that takes the next call from the queue at once.
            executor._idle_semaphore = threading.Semaphore(0)
            own, executor._max_workers = executor._max_workers, size
            try:
                for _ in range(len(executor._threads), size):
                    executor._adjust_thread_count()
            finally:
                # gRPC's server ends with the error of a thread that it may start and cannot.
                executor._max_workers = max(own, len(executor._threads))
    # RuntimeError: no further thread can start.
    except (AttributeError, LookupError, RuntimeError, TypeError):
        _log.debug("this dynamic-provider host does not let us reach another thread", exc_info=True)
