"""The files of the emulator: what was uploaded, and what jobs created."""

from __future__ import annotations

import random
import threading
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping


class Files:
    """Keeps the documented file objects and their contents by id; safe to use from several threads.

    Args:
        clock: gives Unix time in seconds.
        seed: makes ids repeatable.
        on_change: called with all objects after each change.
        contents: stores the bytes by id; None keeps them in memory.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        seed: int | None = None,
        on_change: Callable[[Iterable[dict[str, Any]]], None] | None = None,
        contents: MutableMapping[str, bytes] | None = None,
    ) -> None:
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._files: dict[str, dict[str, Any]] = {}
        self._contents: MutableMapping[str, bytes] = {} if contents is None else contents

    def load(self, documents: Iterable[dict[str, Any]]) -> None:
        """Load the objects of an earlier run; their contents are there already."""
        with self._lock:
            self._files.update({document["id"]: document for document in documents})

    def add(self, filename: str, content: bytes, purpose: str) -> dict[str, Any]:
        """Keep an upload and return its object; ids are `file-<uuid>`, as seen live."""
        with self._lock:
            document: dict[str, Any] = {
                "id": self._unused_id(),
                "bytes": len(content),
                "created_at": int(self._clock()),
                "filename": filename,
                "object": "file",
                "purpose": purpose,
                "status": None,
                "status_details": None,
            }
            # The bytes first: an emulator killed here leaves no object without content.
            self._contents[document["id"]] = content
            self._files[document["id"]] = document
            self._changed()
            return document

    def get(self, file_id: str) -> dict[str, Any] | None:
        """Return the object of an id, or None."""
        with self._lock:
            return self._files.get(file_id)

    def content(self, file_id: str) -> bytes | None:
        """Return the uploaded bytes of an id, or None."""
        with self._lock:
            return self._contents.get(file_id)

    def select(self) -> list[dict[str, Any]]:
        """Return all objects, newest last."""
        with self._lock:
            return list(self._files.values())

    def delete(self, file_id: str) -> bool:
        """Remove a file and return whether there was one."""
        with self._lock:
            if self._files.pop(file_id, None) is None:
                return False
            self._changed()
            self._contents.pop(file_id, None)
            return True

    def _unused_id(self) -> str:
        while (identifier := self._draw_id()) in self._files:
            pass
        return identifier

    def _draw_id(self) -> str:
        return f"file-{uuid.UUID(int=self._random.getrandbits(128), version=4)}"

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change(self._files.values())
