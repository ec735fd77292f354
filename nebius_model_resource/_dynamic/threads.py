"""More threads for the host's pool: it has four, and a call that waits for a model holds one of them.

Private names of ``concurrent.futures.thread``: ``executor_reference``, a local of the function that a pool's threads
run, and three attributes of the executor. Without them calls share the four threads.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

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
    """Counts the calls of a process, and lets its pool have one more thread for each call that waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = 0

    @contextmanager
    def call(self, *, waits: bool) -> Iterator[None]:
        """Count a call while it runs; if it waits, the pool has one more thread meanwhile, if one can start."""
        with self._lock:
            self._calls += 1
            executor = _larger_pool() if waits else None
        try:
            yield
        finally:
            with self._lock:
                self._calls -= 1
                if executor is not None:
                    executor._max_workers -= 1

    def idle(self) -> bool:
        """Whether no call is running."""
        with self._lock:
            return self._calls == 0


def _larger_pool() -> Any:
    """The pool whose thread runs this, after it may have one more thread; None where it cannot."""
    try:
        executor = locals_with("executor_reference")["executor_reference"]()
        executor._max_workers += 1
        try:
            with executor._shutdown_lock:
                executor._adjust_thread_count()  # calls that are already in the queue get no thread otherwise
        except BaseException:
            # The pool would try it again for each call that comes, and gRPC's server ends with such an error.
            executor._max_workers -= 1
            raise
    # RuntimeError: no further thread can start.
    except (AttributeError, LookupError, RuntimeError, TypeError):
        _log.debug("this dynamic-provider host does not let us reach another thread", exc_info=True)
        return None
    return executor
