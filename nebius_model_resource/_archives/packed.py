"""The files of a zip, read where they are: nothing is unpacked to the disk.

A zip's own words are not trusted: never are more bytes read than it declares, what it declares is bounded before
anything is read, and the checksum of every file is compared.
"""

from __future__ import annotations

import io
import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from nebius_model_resource._archives import names
from nebius_model_resource._archives.members import (
    CHUNK,
    LIMIT,
    MOST_FILES,
    Content,
    Member,
    by_name,
    in_units,
    too_many,
)
from nebius_model_resource.errors import UnusableArchive

_LONGEST_DIRECTORY = 1024 * 1024  # bytes; zipfile reads the list of all entries at once
_ENCRYPTED, _UTF8 = 0x1, 0x800  # bits of an entry's flags
# What zipfile raises for a damaged zip, besides its own error.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,  # NotImplementedError among them
)


class _DirectoryTooLong(Exception):
    pass


class _BoundedFile(io.FileIO):
    """A file that gives no more at a time than a list of entries may have."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > _LONGEST_DIRECTORY:
            raise _DirectoryTooLong
        return super().read(size) or b""


class ZipMember(Member):
    """A file in a zip."""

    def __init__(self, path: str, name: str, entry: zipfile.ZipInfo) -> None:
        self.name = name
        self.size = entry.file_size
        self._path = path
        self._entry = entry

    def chunks(self) -> Iterator[bytes]:
        left = self.size
        with _open(self._path) as archive:
            try:
                with archive.open(self._entry) as file:
                    while chunk := file.read(CHUNK):
                        left -= len(chunk)
                        yield chunk
            except _DAMAGED as error:
                raise self._damaged(str(error)) from error
        if left:
            raise self._damaged(f"{self.size - left} of {self.size} bytes are there")

    def _damaged(self, why: str) -> UnusableArchive:
        return UnusableArchive(self._path, f"{self.name!r} is damaged ({_short(why)}): pack it again")


def read_zip(path: str, limit: int = LIMIT) -> Content:
    """The files of a zip.

    Raises:
        UnusableArchive: it is damaged, encrypted or a bomb, or a file would be unpacked somewhere else.
    """
    with _open(path) as archive:
        entries = archive.infolist()
        status = os.fstat(archive.fp.fileno()) if archive.fp else None
    if len(entries) > MOST_FILES:
        raise too_many(path)
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limit:
        raise UnusableArchive(
            path, f"unpacks to {in_units(unpacked)}, and the service takes {in_units(limit)} at most"
        )
    members: dict[str, Member] = {}
    for entry in entries:
        name = _checked_name(path, entry)
        if entry.filename.endswith("/") or names.is_left_out(name):
            continue
        if name in members:
            raise UnusableArchive(path, f"holds {name!r} twice: pack it again")
        _check_entry(path, name, entry)
        members[name] = ZipMember(path, name, entry)
    for name in members:
        if parent := next((str(each) for each in PurePosixPath(name).parents if str(each) in members), None):
            raise UnusableArchive(path, f"holds {parent!r} as a file and as a folder: pack it again")
    stamp = (
        (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if status
        else ()
    )
    return Content(path, tuple(sorted(members.values(), key=by_name)), stamp)


@contextmanager
def _open(path: str) -> Iterator[zipfile.ZipFile]:
    try:
        file = _BoundedFile(path)
    except OSError as error:
        raise UnusableArchive(path, f"cannot be read: {error.strerror or error}") from error
    with file:
        try:
            archive = zipfile.ZipFile(file)
        except _DirectoryTooLong:
            raise too_many(path) from None
        except _DAMAGED as error:
            why = _short(str(error))
            raise UnusableArchive(
                path, f"is not a zip, or a damaged one ({why}): give a folder or a .zip"
            ) from error
        with archive:
            yield archive


def _checked_name(path: str, entry: zipfile.ZipInfo) -> str:
    name = entry.orig_filename
    if not entry.flag_bits & _UTF8 and not name.isascii():
        # Some programs, macOS's among them, write UTF-8 and do not say so; zipfile takes it for code page 437.
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            raise UnusableArchive(
                path, f"the name {entry.filename!r} is not UTF-8: rename the file and pack it again"
            ) from None
    if why := names.fault(name):
        raise UnusableArchive(path, f"the name {name!r} {why}: pack the files at the root of the zip")
    return names.plain(name)


def _check_entry(path: str, name: str, entry: zipfile.ZipInfo) -> None:
    if not name:
        raise UnusableArchive(path, "holds a file without a name: pack it again")
    if entry.flag_bits & _ENCRYPTED:
        raise UnusableArchive(path, f"{name!r} is encrypted: pack it without a password")
    if entry.create_system == 3 and stat.S_ISLNK(entry.external_attr >> 16):
        raise UnusableArchive(path, f"{name!r} is a link: pack the file itself")


def _short(why: str) -> str:
    return why[:80].rstrip(".") or "no reason given"
