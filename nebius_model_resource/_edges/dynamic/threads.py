"""Threads beside the host's own: it has four, and a call that waits for a model holds one of them.

Private names of ``concurrent.futures.thread``: the locals ``executor_reference`` and ``work_queue`` (from Python 3.14
on also ``ctx``) of the function that a pool's threads run. Without them calls share the four threads.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from queue import Empty
from types import FrameType
from typing import Any

_log = logging.getLogger(__name__)


def frame_with(*names: str) -> FrameType | None:
    """The nearest calling frame that has all those local variables."""
    wanted = frozenset(names)
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if wanted.issubset(frame.f_code.co_varnames):
            return frame
        frame = frame.f_back
    return None


class Threads:
    """Threads that serve the host's queue while its own wait: one for each call that waits."""

    _idle_seconds = 0.5

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = 0
        self._waiting = 0
        self._threads = 0
        # A thread of ours has none of the pool's frames above it, but its call needs a stand-in too.
        self._served = threading.local()

    @contextmanager
    def call(self, *, waits: bool) -> Iterator[None]:
        """Count a call while it runs; if it waits, start a stand-in for its thread."""
        with self._lock:
            self._calls += 1
        try:
            with self._stand_in() if waits else nullcontext():
                yield
        finally:
            with self._lock:
                self._calls -= 1

    @contextmanager
    def _stand_in(self) -> Iterator[None]:
        queue, context = getattr(self._served, "pool", None) or _work_queue()
        with self._lock:
            self._waiting += 1
            wanted = queue is not None and self._threads < self._waiting
            self._threads += wanted
        if wanted:
            threading.Thread(target=self._serve, args=(queue, context), daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def idle(self) -> bool:
        """Whether no call is running."""
        with self._lock:
            return self._calls == 0

    def _serve(self, queue: Any, context: tuple[Any, ...]) -> None:
        self._served.pool = queue, context
        while True:
            with suppress(Empty):
                item = queue.get(timeout=self._idle_seconds)
                if item is None:  # the pool is shutting down: tell the other threads
                    queue.put(None)
                    break
                item.run(*context)
                del item
            with self._lock:
                if self._threads > self._waiting:
                    self._threads -= 1
                    return


def _work_queue() -> tuple[Any, tuple[Any, ...]]:
    """The queue of this thread's pool, and the arguments of its items (none before Python 3.14)."""
    frame = frame_with("executor_reference", "work_queue")
    if frame is None:
        _log.debug("this dynamic-provider host does not let us reach the thread pool")
        return None, ()
    context = frame.f_locals.get("ctx")
    return frame.f_locals["work_queue"], () if context is None else (context,)
