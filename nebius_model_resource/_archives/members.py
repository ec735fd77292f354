"""The files of an adapter, alike for a folder and a zip."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nebius_model_resource.errors import UnusableArchive

CHUNK = 256 * 1024  # bytes that are read, hashed or sent at a time
# Bytes. Two public guides say 500 MB; read as 10^6, the smaller of its two meanings, so that what passes here passes
# there with either.
LIMIT = 500_000_000
_RECORDS, _END = 30 + 46, 22  # bytes of a zip for each file, without its name, and at its end
MOST_FILES = 1_000  # a checkpoint of the service has six; more is a home folder by mistake, or a bomb


class Member(ABC):
    """One file.

    Attributes:
        name: its path in the archive, with slashes.
        size: bytes.
    """

    name: str
    size: int

    @abstractmethod
    def chunks(self) -> Iterator[bytes]:
        """Its bytes, never more than a chunk in memory.

        Raises:
            UnusableArchive: it cannot be read, or does not have the bytes that it had.
        """

    def start(self, length: int) -> bytes:
        """At most its first ``length`` bytes."""
        found = b""
        for chunk in self.chunks():
            found += chunk
            if len(found) >= length:
                break
        return found[:length]


@dataclass(frozen=True)
class Content:
    """What a path holds.

    Attributes:
        path: as it was given.
        members: the files that belong to the adapter, sorted by name.
        stamp: changes whenever a file is written to, so that nothing has to be hashed twice.
    """

    path: str
    members: tuple[Member, ...]
    stamp: tuple[object, ...]

    def find(self, name: str) -> Member | None:
        """The file of that name."""
        return next((member for member in self.members if member.name == name), None)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(member.size for member in self.members)


def by_name(member: Member) -> bytes:
    """What files are sorted by: the same on every system."""
    return member.name.encode()


class Sized(Protocol):
    """Whatever has a name and a size."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...


def packed_size(files: Iterable[Sized]) -> int:
    """Bytes of the zip that ``package.py`` writes: the files, and the records of the format."""
    return sum(file.size + _RECORDS + 2 * len(file.name.encode()) for file in files) + _END


def in_units(size: int) -> str:
    """A number of bytes for people: ``300 MB``; MB is 10^6 bytes."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= length:
            value = size / length
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{size} bytes"


def unreadable(path: str | Path, name: str, error: OSError) -> UnusableArchive:
    """A file that the system does not let us read."""
    return UnusableArchive(path, f"{name!r} cannot be read: {error.strerror or error}")


def too_many(path: str | Path) -> UnusableArchive:
    """More files than any adapter has."""
    return UnusableArchive(path, f"holds more than {MOST_FILES} files: give the folder of one adapter alone")
