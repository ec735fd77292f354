"""Importing libraries during a call, whatever modules lie beside the user's program.

The host of dynamic providers has the program's folder first in ``sys.path``. A file of the user's named ``secrets.py``
or ``queue.py`` would then be imported in place of the standard library's module.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

_thread = threading.local()


class _OwnLibraries:
    """Finds modules outside of the working folder, for a thread that asks for that."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, *_target: object) -> ModuleSpec | None:
        if path is not None or not getattr(_thread, "importing", False):
            return None
        here = Path.cwd()
        elsewhere = [entry for entry in sys.path if entry and Path(entry) != here]
        return PathFinder.find_spec(name, elsewhere)


@contextmanager
def own_libraries() -> Iterator[None]:
    """Import what this thread imports from the environment and not from the program's folder."""
    if _OwnLibraries not in sys.meta_path:
        sys.meta_path.insert(0, _OwnLibraries)
    _thread.importing = True
    try:
        yield
    finally:
        _thread.importing = False
