"""The zip that is sent: a deterministic one, written from the disk as it is read.

Stored, not deflated: trained weights do not get smaller. Names are sorted, dates and modes fixed, and lengths and
checksums stand before the bytes, so that every reader can read it as a stream and its length is known in advance.
``zipfile`` can write this only where it can seek back, that is, into a file of its own.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from nebius_model_resource._archives.adapter import Adapter, File, open_content
from nebius_model_resource._archives.members import Member, packed_size
from nebius_model_resource.errors import UnusableArchive

# Little-endian records of the format (APPNOTE.TXT, 4.3.7, 4.3.12, 4.3.16).
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION, _UNIX, _STORED = 20, 3, 0
_UTF8 = 0x800
_TIME, _DATE = 0, (1 << 5) | 1  # 1980-01-01 00:00
_MODE = 0o100644 << 16
_LONGEST_NAME = 60


class Package:
    """The zip of an adapter.

    Attributes:
        length: its bytes.
    """

    def __init__(self, adapter: Adapter) -> None:
        """Nothing is read."""
        self._adapter = adapter
        self.length = packed_size(adapter.files)

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, read from the disk as they are needed; each call begins anew.

        Raises:
            UnusableArchive: the content is no longer what was hashed; no complete zip was given then.
        """
        adapter = self._adapter
        members = open_content(adapter.path).members
        if [(each.name, each.size) for each in members] != [(each.name, each.size) for each in adapter.files]:
            raise self._changed("the files")
        directory = []
        offset = 0
        for member, file in zip(members, adapter.files, strict=True):
            directory.append(_central(file, offset))
            header = _local(file)
            yield header
            yield from self._bytes(member, file)
            offset += len(header) + file.size
        size = sum(map(len, directory))
        yield b"".join(directory) + _END.pack(
            b"PK\5\6", 0, 0, len(directory), len(directory), size, offset, 0
        )

    def _bytes(self, member: Member, file: File) -> Iterator[bytes]:
        """A file's bytes, the last of them only where all are as they were."""
        crc32, waiting = 0, b""
        for chunk in member.chunks():
            crc32 = zlib.crc32(chunk, crc32)
            if waiting:
                yield waiting
            waiting = chunk
        if crc32 != file.crc32:
            raise self._changed(repr(file.name))
        if waiting:
            yield waiting

    def _changed(self, what: str) -> UnusableArchive:
        return UnusableArchive(
            self._adapter.path, f"{what} changed after the preview: run again once nothing writes to it"
        )


def stem(path: str) -> str:
    """The name of a folder or zip, fit for the name of a file anywhere."""
    place = Path(path).resolve()
    name = place.stem if place.suffix.lower() == ".zip" else place.name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:_LONGEST_NAME] or "adapter"


def _flags(name: str) -> int:
    return 0 if name.isascii() else _UTF8


def _local(file: File) -> bytes:
    name = file.name.encode()
    lengths = file.crc32, file.size, file.size, len(name), 0
    return _LOCAL.pack(b"PK\3\4", _VERSION, _flags(file.name), _STORED, _TIME, _DATE, *lengths) + name


def _central(file: File, offset: int) -> bytes:
    name = file.name.encode()
    by = _UNIX << 8 | _VERSION
    lengths = file.crc32, file.size, file.size, len(name), 0, 0
    return (
        _CENTRAL.pack(
            b"PK\1\2",
            *(by, _VERSION, _flags(file.name), _STORED, _TIME, _DATE),
            *lengths,
            *(0, 0, _MODE, offset),
        )
        + name
    )
