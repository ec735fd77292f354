"""One adapter: read, checked and hashed."""

from __future__ import annotations

import hashlib
import stat
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nebius_model_resource._archives import config, safetensors
from nebius_model_resource._archives.folder import read_folder
from nebius_model_resource._archives.members import LIMIT, Content, Member, in_units, packed_size
from nebius_model_resource._archives.names import CONFIG, WEIGHTS
from nebius_model_resource._archives.packed import read_zip
from nebius_model_resource._archives.wrong_files import explain_missing, what_it_is
from nebius_model_resource.errors import UnusableArchive


@dataclass(frozen=True)
class File:
    """One file of an adapter: its path in the archive, its bytes, and their CRC-32, which a zip holds."""

    name: str
    size: int
    crc32: int


@dataclass(frozen=True)
class Adapter:
    """What an adapter's folder or zip holds.

    Attributes:
        path: the folder or zip, as it was given.
        rank, alpha, base_model: what the config says; None where it says nothing.
        target_modules: what the config says, sorted.
        tensors: how many there are.
        dtypes: theirs, sorted.
        size: bytes of all files.
        sha256: the hash of names and bytes, see :func:`content_hash`.
        files: every file, sorted by name.
        warnings: what the service may not take; nothing of it is documented.
    """

    path: str
    rank: int | None
    alpha: float | None
    base_model: str | None
    target_modules: tuple[str, ...]
    tensors: int
    dtypes: tuple[str, ...]
    size: int
    sha256: str
    files: tuple[File, ...]
    warnings: tuple[str, ...]


class AdapterReader:
    """Reads adapters, each content once as long as nothing writes to it; safe to share between threads."""

    def __init__(self, limit: int = LIMIT) -> None:
        """Nothing is read. ``limit`` is the most bytes that an adapter may have."""
        self._limit = limit
        self._lock = threading.Lock()
        self._known: dict[str, tuple[tuple[object, ...], Adapter]] = {}

    def read(self, path: str) -> Adapter:
        """Read, check and hash the adapter at a path, relative to the working directory.

        Raises:
            UnusableArchive: there is none, or one that the service could not take.
        """
        content = open_content(path, self._limit)
        with self._lock:
            stamp, known = self._known.get(path, (None, None))
        if known and stamp == content.stamp:
            return known
        adapter = _examine(content)
        with self._lock:
            self._known[path] = (content.stamp, adapter)
        return adapter


def read_adapter(path: str, limit: int = LIMIT) -> Adapter:
    """Read, check and hash one adapter, see :meth:`AdapterReader.read`."""
    return AdapterReader(limit).read(path)


def open_content(path: str, limit: int = LIMIT) -> Content:
    """The files of a folder or zip, listed and not read.

    What counts against the limit is the zip that is sent, a little more than the files themselves.

    Raises:
        UnusableArchive: the path is neither, or holds what cannot be packed.
    """
    try:
        status = Path(path).stat()
    except ValueError:
        raise UnusableArchive(path, "is no path: it has a NUL character") from None
    except OSError as error:
        relative = isinstance(error, FileNotFoundError) and not Path(path).is_absolute()
        hint = f" in {str(Path.cwd())!r}" if relative else ""
        raise UnusableArchive(
            path, f"cannot be read: {error.strerror}{hint}: give the path of a folder or .zip"
        ) from error
    if stat.S_ISDIR(status.st_mode):
        content = read_folder(path)
    elif stat.S_ISREG(status.st_mode):
        content = _read_file(path, status.st_size, limit)
    else:
        raise UnusableArchive(path, "is a pipe, socket or device: give a folder or a .zip")
    if (packed := packed_size(content.members)) > limit:
        biggest = max(content.members, key=lambda member: member.size)
        raise UnusableArchive(
            path,
            f"makes a zip of {packed:,} bytes, and the service takes {limit:,} at most; "
            f"the largest file is {biggest.name!r} with {in_units(biggest.size)}",
        )
    return content


def _read_file(path: str, size: int, limit: int) -> Content:
    if size == 0:
        raise UnusableArchive(path, "is an empty file: give a folder or a .zip")
    if size > limit:
        raise UnusableArchive(path, f"has {size:,} bytes, and the service takes {limit:,} at most")
    try:
        with Path(path).open("rb") as file:
            start = file.read(1024)
    except OSError as error:
        raise UnusableArchive(path, f"cannot be read: {error.strerror}") from error
    if what := what_it_is(start, page=True):
        raise UnusableArchive(path, f"is {what}")
    if Path(path).name in (CONFIG, WEIGHTS):
        raise UnusableArchive(path, "is one file of an adapter: give the folder that holds it")
    return read_zip(path, limit)


def _examine(content: Content) -> Adapter:
    found = _needed(content, CONFIG), _needed(content, WEIGHTS)
    for member in content.members:
        if what := what_it_is(member.start(1024), page=member.name.endswith((".json", ".safetensors"))):
            raise UnusableArchive(content.path, f"{member.name!r} is {what}")
    try:
        settings = config.read_config(found[0].start(config.longest()))
    except config.NoLora as error:
        raise UnusableArchive(content.path, f"{CONFIG!r} {error}") from error
    try:
        tensors = safetensors.read_tensors(found[1])
    except safetensors.Unreadable as error:
        raise UnusableArchive(content.path, f"{WEIGHTS!r} {error}") from error
    sha256, files = content_hash(content.members)
    return Adapter(
        content.path,
        settings.rank,
        settings.alpha,
        settings.base_model,
        settings.target_modules,
        len(tensors),
        tuple(sorted({tensor.dtype for tensor in tensors})),
        content.size,
        sha256,
        files,
        (*settings.warnings, *_warnings(content, tensors)),
    )


def _needed(content: Content, name: str) -> Member:
    if member := content.find(name):
        return member
    raise UnusableArchive(content.path, explain_missing(content, name))


def _warnings(content: Content, tensors: Sequence[safetensors.Tensor]) -> list[str]:
    found = []
    if not any(".lora_A." in tensor.name or ".lora_B." in tensor.name for tensor in tensors):
        found.append(f"{WEIGHTS} has no tensors named lora_A and lora_B")
    for folder in sorted({member.name.split("/")[0] for member in content.members if "/" in member.name}):
        size = sum(member.size for member in content.members if member.name.startswith(f"{folder}/"))
        found.append(
            f"the subfolder {folder!r} ({in_units(size)}) goes along: move it away if it is not needed"
        )
    return found


def content_hash(members: Sequence[Member]) -> tuple[str, tuple[File, ...]]:
    """SHA-256 of an adapter's content, and its files; each byte is read once.

    What is hashed, for every file in the order of its name's UTF-8 bytes: the length of the name, the name, the
    length of the content, the content; a length is 8 bytes, little-endian. So no two contents have the same text to
    hash, and neither time stamps nor owners, modes, the folder's name or the way of packing play a part.

    Raises:
        UnusableArchive: a file cannot be read, or changed meanwhile.
    """
    digest = hashlib.sha256()
    files = []
    for member in members:
        name = member.name.encode()
        digest.update(len(name).to_bytes(8, "little") + name + member.size.to_bytes(8, "little"))
        crc32 = 0
        for chunk in member.chunks():
            digest.update(chunk)
            crc32 = zlib.crc32(chunk, crc32)
        files.append(File(member.name, member.size, crc32))
    return digest.hexdigest(), tuple(files)
