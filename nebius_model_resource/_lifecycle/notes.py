"""What a host notes of the models that it has made and that nobody holds yet, for whoever cleans up when it dies."""

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
    """A model that was made, that nobody holds, and that could not be deleted."""


@dataclass(frozen=True)
class Made:
    """A model that a create of this host has made.

    Attributes:
        name: its generated name, as the answer to the POST gave it.
        ai_project_id: the project whose list has it; None for the key's own.
        at: Unix seconds on this machine when the answer came.
    """

    name: str
    ai_project_id: str | None
    at: float


class Notes:
    """Notes of one host; they go nowhere, but a :class:`~.guardian.Guardian` writes each of them down."""

    def __init__(self, wall_clock: Clock = time.time) -> None:
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._numbers = count()

    @contextmanager
    def hold(self, name: str, ai_project_id: str | None) -> Iterator[None]:
        """From the answer to the POST until the model is in the state, or deleted.

        The note is dropped where the create ends well or as foreseen. After :class:`LeftBehind`, a fault of our own and
        the death of the process it stays: then nobody else deletes the model.
        """
        with self._lock:
            number = next(self._numbers)
            self._write(number, Made(name, ai_project_id, self._wall_clock()))
        try:
            yield
        except LeftBehind:
            raise
        except NebiusError:
            self._drop(number)
            raise
        self._drop(number)

    def _drop(self, number: int) -> None:
        with self._lock:
            self._write(number, None)

    def _write(self, number: int, made: Made | None) -> None:
        """Write a note down, or that it is dropped."""
