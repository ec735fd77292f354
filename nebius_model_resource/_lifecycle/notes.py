"""What a host notes of the models that it creates, so that they can be deleted if it dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from nebius_model_resource._api.deadline import Clock
from nebius_model_resource.errors import NebiusError


class LeftBehind(NebiusError):
    """A model was created, is not in the state, and could not be deleted."""


@dataclass(frozen=True)
class Note:
    """A model that is not in the state yet.

    Attributes:
        name: its generated name, as the answer to the POST has it.
        ai_project_id: its project; None for the key's own.
        at: when the answer came, in Unix seconds on this machine.
    """

    name: str
    ai_project_id: str | None
    at: float


class Notes:
    """The notes of one host. They are written nowhere; :class:`~.guardian.Guardian` sends them to its process."""

    def __init__(self, wall_clock: Clock = time.time) -> None:
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._numbers = count()

    @contextmanager
    def hold(self, name: str, ai_project_id: str | None) -> Iterator[None]:
        """Note a model from the answer to its POST until it is in the state or deleted.

        The note stays open after :class:`LeftBehind`, after a bug of ours, and when the process dies.
        """
        with self._lock:
            number = next(self._numbers)
            self._write(number, Note(name, ai_project_id, self._wall_clock()))
        try:
            yield
        except LeftBehind:
            raise
        except NebiusError:
            self._close(number)
            raise
        self._close(number)

    def _close(self, number: int) -> None:
        with self._lock:
            self._write(number, None)

    def _write(self, number: int, note: Note | None) -> None:
        """Write a note down, or None to close it."""
