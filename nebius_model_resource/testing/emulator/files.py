"""The files of the emulator: what was uploaded.

Contents are kept in memory, all of them until they are deleted, and not in the state file.
"""

from __future__ import annotations

import random
import threading
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Files:
    """Keeps the documented file objects and their contents by id; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float], seed: int | None = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._files: dict[str, dict[str, Any]] = {}
        self._contents: dict[str, bytes] = {}

    def add(self, filename: str, content: bytes, purpose: str) -> dict[str, Any]:
        """Keep an upload and return its object; ids are `file-<uuid>`, as seen live."""
        with self._lock:
            identifier = uuid.UUID(int=self._random.getrandbits(128), version=4)
            document: dict[str, Any] = {
                "id": f"file-{identifier}",
                "bytes": len(content),
                "created_at": int(self._clock()),
                "filename": filename,
                "object": "file",
                "purpose": purpose,
                "status": None,
                "status_details": None,
            }
            self._files[document["id"]] = document
            self._contents[document["id"]] = content
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
        """Forget a file and tell whether there was one."""
        with self._lock:
            self._contents.pop(file_id, None)
            return self._files.pop(file_id, None) is not None
