"""Storing models, jobs and files from one run to the next."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, TypeVar

Thing = TypeVar("Thing")
PARTS = ("models", "jobs", "files")


class StateFile:
    """A JSON file, always replaced completely so that a killed emulator leaves no half file.

    It has a list for each of `PARTS`. Safe to use from several threads.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._parts: dict[str, list[dict[str, Any]]] = {part: [] for part in PARTS}

    def load(self, part: str, make: Callable[[dict[str, Any]], Thing]) -> list[Thing]:
        """Return the items of one part, each created from its dict; none if there is no file yet.

        Raises:
            ValueError: the file is not one of ours.
        """
        if not self.path.exists():
            return []
        try:
            content = json.loads(self.path.read_text("utf-8"))
            # A file of an earlier version has models only.
            stored = content["models"] if part == "models" else content.get(part, [])
            made = [make(each) for each in stored]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{self.path} is not a state file of the emulator: {error}") from error
        self._parts[part] = stored
        return made

    def save(self, part: str, things: Iterable[dict[str, Any]]) -> None:
        """Replace the items of one part."""
        with self._lock:
            self._parts[part] = list(things)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft = self.path.with_name(self.path.name + ".new")
            draft.write_text(json.dumps(self._parts, indent=1), "utf-8")
            draft.replace(self.path)

    def contents(self) -> Folder:
        """Return the store of the contents of files: a folder next to the state file."""
        return Folder(self.path.with_name(self.path.name + ".files"))


class Folder(MutableMapping[str, bytes]):
    """Contents by name, each in a file; the folder is created with the first."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __getitem__(self, name: str) -> bytes:
        if name not in set(self):
            raise KeyError(name)
        return (self._path / name).read_bytes()

    def __setitem__(self, name: str, content: bytes) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        (self._path / name).write_bytes(content)

    def __delitem__(self, name: str) -> None:
        if name not in set(self):
            raise KeyError(name)
        (self._path / name).unlink()

    def __iter__(self) -> Iterator[str]:
        return (each.name for each in self._path.iterdir()) if self._path.exists() else iter(())

    def __len__(self) -> int:
        return sum(1 for _ in self)
