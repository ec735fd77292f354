"""The zip that is sent: its bytes, its length, and its name."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

import pytest

from nebius_model_resource._archives.adapter import read_adapter
from nebius_model_resource._archives.members import CHUNK
from nebius_model_resource._archives.package import Package, stem
from nebius_model_resource.errors import UnusableArchive

from .adapters import files, weights, write_folder


def sent(folder: Path) -> bytes:
    """The zip of a folder."""
    return b"".join(Package(read_adapter(str(folder))).chunks())


def test_the_zip_is_a_plain_one(tmp_path: Path) -> None:
    """Files are stored in the order of their names, with fixed times, modes and system, and no comment."""
    contents = files(**{"sub/ü.txt": b"x", "empty": b""})
    folder = write_folder(tmp_path / "a", contents)
    content = sent(folder)
    assert Package(read_adapter(str(folder))).length == len(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.comment == b""
        entries = archive.infolist()
        assert {entry.filename: archive.read(entry) for entry in entries} == contents
    assert [entry.filename for entry in entries] == sorted(contents, key=str.encode)
    for entry in entries:
        assert zlib.crc32(contents[entry.filename]) == entry.CRC
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert (entry.create_system, entry.create_version, entry.extract_version) == (3, 20, 20)
        assert entry.external_attr == 0o100644 << 16
        assert (entry.compress_type, entry.internal_attr, entry.volume, entry.extra) == (0, 0, 0, b"")
        assert entry.flag_bits == (0 if entry.filename.isascii() else 0x800)


def test_each_file_is_readable_from_the_records_before_it(tmp_path: Path) -> None:
    """A reader that cannot seek finds name, length, checksum and bytes one after the other."""
    contents = files(ü=b"xyz")
    stream = io.BytesIO(sent(write_folder(tmp_path / "a", contents)))
    for name in sorted(contents, key=str.encode):
        record = stream.read(30)
        flags = (0 if name.isascii() else 0x800).to_bytes(2, "little")
        size = len(contents[name]).to_bytes(4, "little")
        assert record[:14] == b"PK\3\4" + bytes([20, 0]) + flags + bytes([0, 0]) + bytes([0, 0, 0x21, 0])
        assert record[14:18] == zlib.crc32(contents[name]).to_bytes(4, "little")
        assert record[18:26] == size * 2
        assert record[26:30] == len(name.encode()).to_bytes(2, "little") + bytes(2)
        assert stream.read(len(name.encode())).decode() == name
        assert stream.read(len(contents[name])) == contents[name]
    assert stream.read(4) == b"PK\1\2"


def test_the_end_of_the_zip_counts_its_files(tmp_path: Path) -> None:
    """The last record has the number of files on one disk, and the position of their list."""
    content = sent(write_folder(tmp_path / "a", files()))
    start = content.index(b"PK\1\2")
    size = len(content) - 22 - start
    lengths = size.to_bytes(4, "little") + start.to_bytes(4, "little")
    assert content[-22:] == b"PK\5\6" + bytes(4) + bytes([2, 0, 2, 0]) + lengths + bytes(2)


def test_the_hash_of_a_content_never_changes(tmp_path: Path) -> None:
    """States hold the hash: if its calculation changed, every file would be replaced."""
    contents = files(**{"ü.txt": b"one", "b/c": b"two"})
    assert read_adapter(str(write_folder(tmp_path / "a", contents))).sha256 == (
        "77ac2f148c97c4ac6c13f66f562c18a27fa72f485916648cdf817886d61d970a"
    )


def test_a_large_file_is_sent_in_chunks(tmp_path: Path) -> None:
    """A file of many chunks is sent complete, and no chunk is larger than 256 kB."""
    contents = {**files(), "adapter_model.safetensors": weights(1_000_000)}
    package = Package(read_adapter(str(write_folder(tmp_path / "a", contents))))
    chunks = list(package.chunks())
    assert max(map(len, chunks)) == 256 * 1024
    assert len(b"".join(chunks)) == package.length


def refused(package: Package) -> tuple[bytes, str]:
    """The bytes sent before the error, and the error."""
    sent = []
    try:
        for chunk in package.chunks():
            sent.append(chunk)  # noqa: PERF402 - what came before the error counts
    except UnusableArchive as error:
        return b"".join(sent), str(error)
    raise AssertionError


@pytest.mark.parametrize("size", [64, 1_000_000])
def test_a_file_that_changed_is_not_completed(tmp_path: Path, size: int) -> None:
    """A file of the same length with other bytes ends the zip before the last of its chunks."""
    content = weights(size)
    folder = write_folder(tmp_path / "a", {**files(), "adapter_model.safetensors": content})
    package = Package(read_adapter(str(folder)))
    (folder / "adapter_model.safetensors").write_bytes(content[:-1] + b"!")
    sent, reason = refused(package)
    changed = "'adapter_model.safetensors' changed after the preview: run again once nothing writes to it"
    assert reason == f"{str(folder)!r}: {changed}"
    assert sent.endswith(content[: (len(content) - 1) // CHUNK * CHUNK])
    assert content[-64:-1] not in sent


@pytest.mark.parametrize("change", ["more", "less", "longer", "renamed"])
def test_other_files_than_before_are_not_sent(tmp_path: Path, change: str) -> None:
    """One file more, fewer, longer or renamed ends the upload before the zip's first byte."""
    folder = write_folder(tmp_path / "a", files(**{"README.md": b"1"}))
    package = Package(read_adapter(str(folder)))
    readme = folder / "README.md"
    if change == "more":
        (folder / "more").touch()
    elif change == "less":
        readme.unlink()
    elif change == "longer":
        readme.write_bytes(b"12")
    else:
        readme.rename(folder / "README.txt")
    reason = f"{str(folder)!r}: the files changed after the preview: run again once nothing writes to it"
    assert refused(package) == (b"", reason)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/Mein Adapter/", "Mein-Adapter"),
        ("b/x.zip", "x"),
        ("b/x.ZIP", "x"),
        ("b/ü", "adapter"),
        ("c/x.y", "x.y"),
        ("c/.x-_", "x"),
        ("c/Xa-X", "Xa-X"),
        ("c/aX_9.b", "aX_9.b"),
        ("c/a  b??c", "a-b-c"),
        ("c/" + "x" * 70, "x" * 60),
        ("/", "adapter"),
    ],
)
def test_a_file_is_named_after_its_folder(path: str, name: str) -> None:
    """The upload has the folder's name, without characters that a file's name cannot hold, at most 60 of them."""
    assert stem(path) == name
