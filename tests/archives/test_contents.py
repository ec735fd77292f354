"""What a folder or a zip holds, and the complete message for each that cannot be uploaded."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nebius_model_resource._archives.adapter import open_content, read_adapter
from nebius_model_resource._archives.members import in_units, packed_size
from nebius_model_resource._archives.names import CONFIG, WEIGHTS
from nebius_model_resource.errors import UnusableArchive

from .adapters import LFS, POINTER, WEB_PAGE, files, header, write_folder, write_zip


def refusal(path: Path, **options: Any) -> str:
    """The reason for which a path is refused, without the path itself."""
    with pytest.raises(UnusableArchive) as refused:
        read_adapter(str(path), **options)
    assert refused.value.path == str(path)
    return refused.value.reason


def _fifo(place: Path) -> None:
    os.mkfifo(place)


def _page(place: Path) -> None:
    place.write_bytes(b"<html>")


PATHS: list[tuple[str, Callable[[Path], Any], str]] = [
    (
        "no",
        lambda _: None,
        "cannot be read: No such file or directory: give the path of a folder or .zip",
    ),
    ("pipe", _fifo, "is a pipe, socket or device: give a folder or a .zip"),
    ("empty.zip", Path.touch, "is an empty file: give a folder or a .zip"),
    ("page.zip", _page, f"is {WEB_PAGE}"),
    ("lfs.zip", lambda place: place.write_bytes(LFS), f"is {POINTER}"),
    (
        WEIGHTS,
        lambda place: place.write_bytes(b"1"),
        "is one file of an adapter: give the folder that holds it",
    ),
    (
        CONFIG,
        lambda place: place.write_bytes(b"1"),
        "is one file of an adapter: give the folder that holds it",
    ),
    (
        "a.tar",
        lambda place: place.write_bytes(b"x" * 500),
        "is not a zip, or a damaged one (File is not a zip file): give a folder or a .zip",
    ),
    ("folder", lambda place: place.mkdir(), f"holds no files: {CONFIG} and {WEIGHTS} are needed"),
]


@pytest.mark.parametrize(("name", "make", "reason"), PATHS, ids=[name for name, _, _ in PATHS])
def test_a_path_that_is_no_adapter_is_explained(
    tmp_path: Path, name: str, make: Callable[[Path], Any], reason: str
) -> None:
    """The complete reason is pinned for each kind of path."""
    make(tmp_path / name)
    assert refusal(tmp_path / name) == reason


def test_a_relative_path_is_explained_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a relative path is missing, the message names the working directory; a text with a NUL is not a path."""
    monkeypatch.chdir(tmp_path)
    assert refusal(Path("no")) == (
        f"cannot be read: No such file or directory in {str(tmp_path)!r}: give the path of a folder or .zip"
    )
    with pytest.raises(UnusableArchive) as refused:
        read_adapter("a\0b")
    assert (refused.value.path, refused.value.reason) == ("a\0b", "is no path: it has a NUL character")
    (tmp_path / "loop").symlink_to("loop")
    assert refusal(Path("loop")).endswith("symbolic links: give the path of a folder or .zip")


def test_the_limit_counts_the_zip_that_is_sent(tmp_path: Path) -> None:
    """The line has both sizes and the largest file; exactly the limit is allowed, for a zip as for a folder."""
    folder = write_folder(tmp_path / "a", files())
    size = packed_size(open_content(str(folder)).members)
    largest = f"the largest file is {WEIGHTS!r} with {in_units(len(files()[WEIGHTS]))}"
    assert read_adapter(str(folder), size).size < size
    assert refusal(folder, limit=size - 1) == (
        f"makes a zip of {size:,} bytes, and the service takes {size - 1:,} at most; {largest}"
    )
    place = write_zip(tmp_path / "a.zip", files(), zipfile.ZIP_STORED)
    packed = place.stat().st_size
    assert read_adapter(str(place), packed)
    assert refusal(place, limit=packed - 1) == (
        f"has {packed:,} bytes, and the service takes {packed - 1:,} at most"
    )
    place = write_zip(tmp_path / "b.zip", {**files(), "zeros": bytes(100_000)})
    unpacked = 100_000 + sum(map(len, files().values()))
    assert refusal(place, limit=unpacked - 1) == (
        f"unpacks to {in_units(unpacked)}, and the service takes {in_units(unpacked - 1)} at most"
    )
    assert "makes a zip of" in refusal(place, limit=unpacked)


def test_a_thousand_files_are_allowed(tmp_path: Path) -> None:
    """A folder or a zip with one file more is refused."""
    many = {str(number): b"" for number in range(1_000)}
    reason = "holds more than 1000 files: give the folder of one adapter alone"
    missing = f"lacks what an adapter needs: {CONFIG} and {WEIGHTS} are missing"
    folder = write_folder(tmp_path / "a", many)
    assert refusal(folder) == missing
    assert refusal(write_zip(tmp_path / "a.zip", many)) == missing
    (folder / "more").touch()
    assert refusal(folder) == reason
    assert refusal(write_zip(tmp_path / "b.zip", {**many, "more": b""})) == reason


def test_a_list_of_entries_is_read_only_if_it_is_short(tmp_path: Path) -> None:
    """A zip of few files whose names fill more than a megabyte is refused; one of half a megabyte is not."""
    for length, reason in (
        (1200, "holds more than 1000 files: give the folder of one adapter alone"),
        (500, f"lacks what an adapter needs: {CONFIG} and {WEIGHTS} are missing"),
    ):
        entries = {f"{number}{'x' * length}": b"" for number in range(900)}
        assert refusal(write_zip(tmp_path / "a.zip", entries)) == reason


def test_a_file_in_a_zip_is_read_in_chunks(tmp_path: Path) -> None:
    """However large a file is, at most 256 kB of it are in memory."""
    member = open_content(str(write_zip(tmp_path / "a.zip", {"a": bytes(1_000_000)}))).find("a")
    assert member is not None
    sizes = [len(chunk) for chunk in member.chunks()]
    assert (max(sizes), sum(sizes)) == (256 * 1024, 1_000_000)


def test_the_reason_of_damage_is_cut(tmp_path: Path) -> None:
    """The message has 80 characters of the library's text, without a full stop at the end."""
    name = f"{'X' * 58}.{'y' * 20}"
    place = write_zip(tmp_path / "a.zip", {**files(), name: b"content"}, zipfile.ZIP_STORED)
    place.write_bytes(place.read_bytes().replace(b"content", b"changed"))
    assert refusal(place) == f"{name!r} is damaged (Bad CRC-32 for file '{'X' * 58}): pack it again"


def test_what_a_folder_may_not_hold_is_explained(tmp_path: Path) -> None:
    """The complete reason is pinned for a pipe, a broken link, a link to a folder and an odd name."""
    folder = write_folder(tmp_path / "a", files())
    odd = folder / "odd"
    os.mkfifo(odd)
    assert refusal(folder) == "'odd' is a pipe, socket or device, not a file: take it away"
    odd.unlink()
    odd.symlink_to(tmp_path / "gone")
    assert refusal(folder) == "'odd' cannot be read: No such file or directory"
    odd.unlink()
    odd.symlink_to(tmp_path)
    assert refusal(folder) == "'odd' is a link to a folder: put the folder itself there"
    odd.unlink()
    (folder / "a\\b").touch()
    assert refusal(folder) == r"the name 'a\\b' has a backslash: rename the file"


def test_a_subfolder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A path that is too long for the system cannot be listed by any user, not even root."""
    folder = write_folder(tmp_path / "a", files())
    name = f"{'d' * 199}X"
    inside = os.open(folder, os.O_RDONLY)
    for _ in range(25):
        os.mkdir(name, dir_fd=inside)
        below = os.open(name, os.O_RDONLY, dir_fd=inside)
        os.close(inside)
        inside = below
    os.close(inside)
    shown, reason = refusal(folder).rsplit(" cannot be read: ", 1)
    assert reason == "File name too long"
    assert shown.startswith(f"'{name}/{name}/")
    assert shown.endswith(f"/{name}'")


def test_files_are_sorted_by_the_bytes_of_their_names(tmp_path: Path) -> None:
    """A folder and a zip list the same names in the same order, subfolders and all, without hidden ones."""
    contents = {"ü": b"1", "z": b"22", "a/b/c": b"333", "a-b": b"", "a/.hidden/x": b"", "Z": b"4"}
    expected = [("Z", 1), ("a-b", 0), ("a/b/c", 3), ("z", 2), ("ü", 1)]
    folder = open_content(str(write_folder(tmp_path / "a", contents)))
    packed = open_content(str(write_zip(tmp_path / "a.zip", contents)))
    assert [(each.name, each.size) for each in folder.members] == expected
    assert [(each.name, each.size) for each in packed.members] == expected
    assert [b"".join(each.chunks()) for each in folder.members] == [b"4", b"", b"333", b"22", b"1"]


def test_a_stamp_changes_with_every_write(tmp_path: Path) -> None:
    """A folder's stamp has each name and each file's own stamp; a zip has the stamp of its file."""
    folder = write_folder(tmp_path / "a", files())
    place = write_zip(tmp_path / "a.zip", files())
    before = [open_content(str(path)).stamp for path in (folder, place)]
    assert [open_content(str(path)).stamp for path in (folder, place)] == before
    os.utime(folder / CONFIG, ns=(1, 1))
    os.utime(place, ns=(1, 1))
    after = [open_content(str(path)).stamp for path in (folder, place)]
    assert all(old != new for old, new in zip(before, after, strict=True))
    (folder / CONFIG).rename(folder / "other")
    assert open_content(str(folder)).stamp != after[0]


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """Its stamp is compared before the first byte and after the last."""
    folder = write_folder(tmp_path / "a", files(more=b"123"))
    member = open_content(str(folder)).find("more")
    assert member is not None
    reason = f"{str(folder)!r}: 'more' changed while it was read: run again once nothing writes to it"
    chunks = member.chunks()
    assert next(chunks) == b"123"
    with (folder / "more").open("ab") as file:
        file.write(b"456")  # bytes after its length are not read
    for reading in (chunks, member.chunks()):
        with pytest.raises(UnusableArchive) as refused:
            next(reading)
        assert str(refused.value) == reason
    (folder / "more").unlink()
    with pytest.raises(UnusableArchive) as refused:
        next(member.chunks())
    assert str(refused.value) == f"{str(folder)!r}: 'more' cannot be read: No such file or directory"


def entry(name: str, **attributes: Any) -> zipfile.ZipInfo:
    """An entry of a zip with something unusual."""
    info = zipfile.ZipInfo(name)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info


LINK = stat.S_IFLNK << 16


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([entry("../a")], "the name '../a' leaves the archive: pack the files at the root of the zip"),
        ([entry("/a")], "the name '/a' is an absolute path: pack the files at the root of the zip"),
        ([entry("a"), entry("./a")], "holds 'a' twice: pack it again"),
        ([entry("a"), entry("a/b/c")], "holds 'a' as a file and as a folder: pack it again"),
        ([entry(".//.")], "holds a file without a name: pack it again"),
        ([entry("a", create_system=3, external_attr=LINK)], "'a' is a link: pack the file itself"),
        ([entry("a", create_system=0, external_attr=LINK)], None),
        ([entry(".a", create_system=3, external_attr=LINK)], None),
    ],
)
def test_what_a_zip_may_not_hold_is_explained(
    tmp_path: Path, entries: list[zipfile.ZipInfo], reason: str | None
) -> None:
    """The complete reason is pinned for each entry that would not unpack as listed; hidden entries do not count."""
    place = write_zip(tmp_path / "a.zip", files())
    with zipfile.ZipFile(place, "a") as archive:
        for each in entries:
            archive.writestr(each, b"1")
    if reason is None:
        assert read_adapter(str(place)).tensors == 2
    else:
        assert refusal(place) == reason


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (8, b"\1", f"{CONFIG!r} is encrypted: pack it without a password"),
        (10, b"\x63", f"{CONFIG!r} is damaged (That compression method is not supported): pack it again"),
        (
            24,
            b"\xff\xff\0\0",
            f"{CONFIG!r} is damaged ({len(files()[CONFIG])} of 65535 bytes are there): pack it again",
        ),
    ],
)
def test_a_zip_that_lies_is_explained(tmp_path: Path, offset: int, value: bytes, reason: str) -> None:
    """The list of entries says something that is not true for the entry."""
    place = write_zip(tmp_path / "a.zip", files(), zipfile.ZIP_STORED)
    good = place.read_bytes()
    at = good.index(b"PK\1\2") + offset
    place.write_bytes(good[:at] + value + good[at + len(value) :])
    assert refusal(place) == reason


def test_a_name_in_utf8_without_its_flag_is_understood(tmp_path: Path) -> None:
    """macOS writes UTF-8 without the flag; a name that is not UTF-8 is refused and shown."""
    place = tmp_path / "a.zip"
    write_zip(place, {**files(), "täxt": b"1"})
    content = place.read_bytes()
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = content.rindex(signature) + offset
        assert content[at + 1] & 0x8
        content = content[: at + 1] + bytes([content[at + 1] & ~0x8]) + content[at + 2 :]
    place.write_bytes(content)
    assert open_content(str(place)).find("täxt") is not None
    latin = b"t\xe4\xe4xt"
    place.write_bytes(content.replace("täxt".encode(), latin))
    assert refusal(place) == (
        f"the name {latin.decode('cp437')!r} is not UTF-8: rename the file and pack it again"
    )


@pytest.mark.parametrize(
    ("name", "warnings"),
    [
        ("base_model.q_proj.lora_A.weight", ()),
        ("base_model.q_proj.lora_B.weight", ()),
        ("base_model.q_proj.weight", (f"{WEIGHTS} has no tensors named lora_A and lora_B",)),
    ],
)
def test_weights_without_the_tensors_of_a_lora_are_a_warning(
    tmp_path: Path, name: str, warnings: tuple[str, ...]
) -> None:
    """One tensor with either name is enough."""
    tensor = {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}
    folder = write_folder(tmp_path / "a", {**files(), WEIGHTS: header({name: tensor}) + b"ab"})
    assert read_adapter(str(folder)).warnings == warnings


def test_each_subfolder_is_a_warning(tmp_path: Path) -> None:
    """The warning has the size of all its files."""
    contents = files(**{"runs/a": b"1" * 1500, "runs/b/c": b"2" * 500, "logs/x": b"", "top": b"9"})
    folder = write_folder(tmp_path / "a", contents)
    assert read_adapter(str(folder)).warnings == (
        "the subfolder 'logs' (0 bytes) goes along: move it away if it is not needed",
        "the subfolder 'runs' (2.0 kB) goes along: move it away if it is not needed",
    )
