"""The files of a folder or zip: listed, read, and written as the zip that is sent.

Everything that is read belongs to one listing: if a new listing differs after the last byte, somebody wrote meanwhile.
"""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from lzma import LZMAError
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile, ZipInfo

from nebius_model_resource.errors import UnusableArchive

_CHUNK = 256 * 1024  # bytes that are read, hashed or sent at a time
_LEFT_OUT = ("__MACOSX", "Thumbs.db", "desktop.ini")
_POINTER = b"version https://git-lfs.github.com/spec/"
# What the system and zipfile raise for what they cannot read; NotImplementedError is a RuntimeError.
_DAMAGED = (OSError, EOFError, ValueError, RuntimeError, struct.error, zlib.error, LZMAError, BadZipFile)
# What people write in place of a path, and what to do.
_REPOSITORY = "give a Hugging Face repository to the model, as `source`: huggingface.co/<org>/<repo>"
_NO_PATHS = {
    r"~.*": "`~` is not expanded: in Python write os.path.expanduser(…)",
    r"(file|ftjob)-.*": "an id of the service belongs to the model, as `source`",
    r"(https?://)?(www\.)?(huggingface|hf)\.co/.*": _REPOSITORY,
    r"\w+://.*": "download it, and give the path of the folder or .zip",
    r"[\w-][\w.-]*/[\w.-]+": f"give the path of a folder or .zip, or {_REPOSITORY}",
    r"(?s).*": "give the path of a folder or .zip",
}


@dataclass(frozen=True)
class Listing:
    """The files of a folder or zip at one moment; equal to a later listing if nothing was written in between.

    Attributes:
        path: as it was given.
        files: the names, with slashes, and bytes of the files that count, sorted by name.
        stamps: device, number, size and times of each file on the disk.
        zip_size: bytes of a zip; None for a folder.
    """

    path: str
    files: tuple[tuple[str, int], ...]
    stamps: tuple[tuple[int, ...], ...]
    zip_size: int | None = None

    @property
    def size(self) -> int:
        """Bytes of the files that count."""
        return sum(size for _, size in self.files)

    @property
    def packed_size(self) -> int:
        """Bytes of the zip that is sent."""
        if self.zip_size is not None:
            return self.zip_size
        return self.size + sum(map(len, _zipped((name, ()) for name, _ in self.files)))


def list_files(path: str) -> Listing:
    """List a folder or zip; hidden files do not count.

    Raises:
        UnusableArchive: the path is neither, or holds something that cannot be sent.
    """
    try:
        status = Path(path).stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL character
        hint = next(text for form, text in _NO_PATHS.items() if re.fullmatch(form, path))
        where = "" if Path(path).is_absolute() else f" in {str(Path.cwd())!r}"
        why = getattr(error, "strerror", None) or error
        raise UnusableArchive(path, f"cannot be read: {why}{where}: {hint}") from error
    if stat.S_ISDIR(status.st_mode):
        found = sorted(_walk(path, Path(path)))
        sizes = tuple((name, stamp[2]) for name, stamp in found)
        return Listing(path, sizes, tuple(stamp for _, stamp in found))
    if not stat.S_ISREG(status.st_mode):
        raise UnusableArchive(path, "is a pipe, socket or device: give a folder or a .zip")
    with _readable(path), ZipFile(path) as archive:
        sizes = tuple(sorted((name, entry.file_size) for name, entry in _entries(path, archive).items()))
    return Listing(path, sizes, (_stamp(status),), status.st_size)


def contents(listing: Listing) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The name and the bytes of each file.

    Raises:
        UnusableArchive: a file cannot be read, or, after the last one, anything was written meanwhile.
    """
    for name, size in listing.files:
        yield name, _chunks(listing, name, size)
    check_unchanged(listing)


def start_of(listing: Listing, name: str, length: int) -> bytes:
    """The first bytes of a file, at most ``length``.

    Raises:
        UnusableArchive: it cannot be read.
    """
    return b"".join(_chunks(listing, name, min(length, dict(listing.files)[name])))


def zip_chunks(listing: Listing) -> Iterator[bytes]:
    """The zip that is sent: a given one as it is, that of a folder written while the folder is read.

    Raises:
        UnusableArchive: a file is not what it was when it was listed. The zip is not complete then.
    """
    check_unchanged(listing)
    if listing.zip_size is not None:
        yield from _chunks(replace(listing, zip_size=None), "", listing.zip_size)  # as a file like any other
        check_unchanged(listing)
    else:
        yield from _zipped(contents(listing))


def check_unchanged(listing: Listing) -> None:
    """Raise UnusableArchive if anything was written since the listing."""
    if list_files(listing.path) != listing:
        raise UnusableArchive(listing.path, "changed while it was read: run again once nothing writes to it")


def in_units(size: int) -> str:
    """A number of bytes for people: ``300 MB``; MB is 10^6 bytes."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= length:
            return f"{size / length:.{1 if size < 10 * length else 0}f} {unit}"
    return f"{size} bytes"


def _walk(path: str, folder: Path, prefix: str = "") -> Iterator[tuple[str, tuple[int, ...]]]:
    """The name and stamp of each file below a folder."""
    with _readable(path):
        places = [each for each in folder.iterdir() if not _is_left_out(each.name)]
        folders = {each for each in places if each.is_dir() and not each.is_symlink()}
    for place in places:
        name = prefix + place.name
        if not name.isprintable():
            raise UnusableArchive(path, f"the name {name!r} cannot be shown or is not UTF-8: rename the file")
        if place in folders:
            yield from _walk(path, place, f"{name}/")
        else:
            yield name, _file_stamp(path, name, place)


def _file_stamp(path: str, name: str, place: Path) -> tuple[int, ...]:
    try:
        status = place.stat()
    except OSError as error:
        why = f"is a link to a file that cannot be read ({error.strerror}): copy the file itself there"
        raise UnusableArchive(path, f"{name!r} {why}") from error
    if not stat.S_ISREG(status.st_mode):
        raise UnusableArchive(path, f"{name!r} is a link to a folder, a pipe or a device: use files alone")
    return _stamp(status)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _is_left_out(name: str) -> bool:
    """Whether a file is no part of an adapter: hidden, in a hidden folder, or put there by a desktop."""
    return any(part.startswith(".") or part in _LEFT_OUT for part in name.split("/"))


def _entries(path: str, archive: ZipFile) -> dict[str, ZipInfo]:
    """The files of a zip that count, by name."""
    found: dict[str, ZipInfo] = {}
    for entry in archive.infolist():
        # .NET before 4.6.1, and PowerShell with it, writes `\\`. On Windows zipfile reads that as `/`.
        place = entry.filename.replace("\\", "/")
        name = "/".join(part for part in place.split("/") if part not in ("", "."))
        if place.endswith("/") or _is_left_out(name):
            continue
        if name in found:
            raise UnusableArchive(path, f"holds {name!r} twice: pack it again")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise UnusableArchive(path, f"{name!r} is a link: pack the file itself")
        found[name] = entry
    return found


@contextmanager
def _readable(path: str) -> Iterator[None]:
    """Turn what the system or zipfile says of a file into the error of this package."""
    try:
        yield
    except _DAMAGED as error:
        why = f"cannot be read ({error!s:.150}): give the folder of an adapter, or a good .zip of it"
        raise UnusableArchive(path, why) from error


@contextmanager
def _opened(listing: Listing, name: str) -> Iterator[IO[bytes]]:
    """A file, in a folder as in a zip."""
    path = listing.path
    if listing.zip_size is None:
        with _readable(path), Path(path, name).open("rb") as file:
            yield file
    else:
        with _readable(path), ZipFile(path) as archive, archive.open(_entries(path, archive)[name]) as file:
            yield file


def _chunks(listing: Listing, name: str, size: int) -> Iterator[bytes]:
    """Exactly that many bytes of a file: it may grow meanwhile, and a zip may not hold what it lists."""
    with _opened(listing, name) as file:
        while size and (chunk := file.read(min(_CHUNK, size))):
            size -= len(chunk)
            if chunk.startswith(_POINTER):
                why = "is a git-lfs pointer, not the file itself: run `git lfs pull`"
                raise UnusableArchive(listing.path, f"{name!r} {why}")
            yield chunk
    if size:
        raise UnusableArchive(listing.path, f"{name!r} ends {size} bytes too early: save or pack it again")


class _Sink(io.RawIOBase):
    """A file without positions, which keeps what is written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, content: Any) -> int:
        self.written.append(content)
        return len(content)


def _zipped(files: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """A zip, written as its files are read; stored, since weights do not get smaller, with one date for all files."""
    sink = _Sink()
    with ZipFile(sink, "w") as archive:
        for name, chunks in files:
            entry = ZipInfo(name)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            with archive.open(entry, "w") as file:
                for chunk in chunks:
                    file.write(chunk)
                    yield from sink.written
                    sink.written.clear()
    yield from sink.written
