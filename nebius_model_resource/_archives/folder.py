"""The files of a folder.

* Subfolders go along; empty ones are nothing.
* Hidden files and folders, and what desktops leave, stay away (``names.py``).
* A link to a file counts as that file, wherever it is: Hugging Face's cache is made of such links. A link to a folder
  is refused, since it may lead round in a circle.
* Pipes, sockets and devices are refused without being opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from nebius_model_resource._archives import names
from nebius_model_resource._archives.members import (
    CHUNK,
    MOST_FILES,
    Content,
    Member,
    by_name,
    too_many,
    unreadable,
)
from nebius_model_resource.errors import UnusableArchive


class FolderMember(Member):
    """A file in a folder."""

    def __init__(self, path: str, name: str, place: Path, status: os.stat_result) -> None:
        self.name = name
        self.size = status.st_size
        self.stamp = _stamp(status)
        self._path = path
        self._place = place

    def chunks(self) -> Iterator[bytes]:
        try:
            with self._place.open("rb", buffering=0) as file:
                self._check(file.fileno())
                left = self.size
                while chunk := file.read(min(CHUNK, left)):
                    left -= len(chunk)
                    yield chunk
                self._check(file.fileno())
        except OSError as error:
            raise unreadable(self._path, self.name, error) from error

    def _check(self, descriptor: int) -> None:
        if _stamp(os.fstat(descriptor)) != self.stamp:
            raise UnusableArchive(
                self._path, f"{self.name!r} changed while it was read: run again once nothing writes to it"
            )


def read_folder(path: str) -> Content:
    """The files of a folder.

    Raises:
        UnusableArchive: a file cannot be read or packed.
    """
    members = []
    for name, place in _walk(path):
        if why := names.fault(name):
            raise UnusableArchive(path, f"the name {name!r} {why}: rename the file")
        members.append(_member(path, name, place))
        if len(members) > MOST_FILES:
            raise too_many(path)
    members.sort(key=by_name)
    return Content(path, tuple(members), tuple((member.name, member.stamp) for member in members))


def _walk(path: str) -> Iterator[tuple[str, Path]]:
    """Each file with its name, hidden ones left out."""
    todo = [("", Path(path))]
    while todo:
        prefix, folder = todo.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    name = prefix + entry.name
                    if names.is_left_out(entry.name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        todo.append((name + "/", Path(entry.path)))
                    else:
                        yield name, Path(entry.path)
        except OSError as error:
            raise unreadable(path, prefix.rstrip("/") or ".", error) from error


def _member(path: str, name: str, place: Path) -> FolderMember:
    try:
        status = place.stat()
    except OSError as error:
        raise unreadable(path, name, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise UnusableArchive(path, f"{name!r} is a link to a folder: put the folder itself there")
    if not stat.S_ISREG(status.st_mode):
        raise UnusableArchive(path, f"{name!r} is a pipe, socket or device, not a file: take it away")
    return FolderMember(path, name, place, status)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
