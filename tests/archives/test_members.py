"""Names, sizes and beginnings of an adapter's files, and the message about a missing file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nebius_model_resource._archives import names
from nebius_model_resource._archives.members import Content, Member, in_units, packed_size
from nebius_model_resource._archives.names import CONFIG, WEIGHTS
from nebius_model_resource._archives.wrong_files import explain_missing, what_it_is

from .adapters import LFS, POINTER, WEB_PAGE


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9949, "9.9 kB"),
        (10_000, "10 kB"),
        (999_000, "999 kB"),
        (1_000_000, "1.0 MB"),
        (500_000_000, "500 MB"),
        (1_500_000_000, "1.5 GB"),
        (20_000_000_000, "20 GB"),
    ],
)
def test_bytes_are_shown_in_units(size: int, text: str) -> None:
    """One digit after the point below ten, none above; MB is 10^6 bytes."""
    assert in_units(size) == text


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("a/b.json", None),
        ("a..b/c", None),
        ("CC:/x", None),
        ("a\nb", "has characters that cannot be printed, or that are not UTF-8"),
        ("a\\b", "has a backslash"),
        ("/a", "is an absolute path"),
        ("C:/a", "is an absolute path"),
        ("c:a", "is an absolute path"),
        ("../a", "leaves the archive"),
        ("a/../b", "leaves the archive"),
    ],
)
def test_a_name_must_be_safe_on_every_system(name: str, fault: str | None) -> None:
    """The reason says that a name is absolute, leaves the archive or cannot be printed."""
    assert names.fault(name) == fault


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("a/b", False),
        ("a.b", False),
        (".git/HEAD", True),
        ("a/.DS_Store", True),
        ("__MACOSX/a", True),
        ("Thumbs.db", True),
        ("a/desktop.ini", True),
        ("a/Thumbs.db.txt", False),
    ],
)
def test_hidden_files_are_left_out(name: str, *, left_out: bool) -> None:
    """A file that is hidden, in a hidden folder or written by a desktop is not part of an adapter."""
    assert names.is_left_out(name) is left_out


def test_empty_parts_of_a_name_mean_nothing() -> None:
    """Some programs write a dot or two slashes."""
    assert names.plain("./a//b/./c") == "a/b/c"


@pytest.mark.parametrize(
    ("start", "page", "text"),
    [
        (LFS, False, POINTER),
        (b" " + LFS, True, None),
        (b"<!DOCTYPE html>", True, WEB_PAGE),
        (b"\xef\xbb\xbf \n<HTML>", True, WEB_PAGE),
        (b"<?xml version='1.0'?>", True, WEB_PAGE),
        (b"<html>", False, None),
        (b"{}", True, None),
    ],
)
def test_a_file_is_recognized_by_its_beginning(start: bytes, text: str | None, *, page: bool) -> None:
    """A git-lfs pointer is recognized in every file; an HTML page only in files that are never HTML."""
    assert what_it_is(start, page=page) == text


class Named(Member):
    """A file with only a name and a size."""

    def __init__(self, name: str, size: int = 0) -> None:
        self.name, self.size = name, size

    def chunks(self) -> Iterator[bytes]:
        """Four chunks of three bytes."""
        yield from (b"abc", b"def", b"ghi", b"jkl")


WHOLE_MODEL = f"holds a complete model, not an adapter: save the adapter alone ({WEIGHTS} is missing)"


@pytest.mark.parametrize(
    ("held", "name", "reason"),
    [
        ([], CONFIG, f"holds no files: {CONFIG} and {WEIGHTS} are needed"),
        (
            [f"a/b/{CONFIG}"],
            CONFIG,
            f"has {CONFIG} in the folder 'a/b': give that folder, or put the files at the root",
        ),
        ([f"b/{CONFIG}", f"a/{CONFIG}"], CONFIG, f"has {CONFIG} in 2 folders ('a', …): give one of them"),
        (["x", "a.ZIP"], CONFIG, f"holds 'a.ZIP' instead of {CONFIG}: give that zip alone"),
        (
            [CONFIG, "adapter_model.bin"],
            WEIGHTS,
            f"holds 'adapter_model.bin': save the adapter with safe_serialization=True ({WEIGHTS} is missing)",
        ),
        ([CONFIG, "model.safetensors"], WEIGHTS, WHOLE_MODEL),
        ([CONFIG, "model.safetensors.index.json"], WEIGHTS, WHOLE_MODEL),
        (["model.safetensors"], CONFIG, f"lacks what an adapter needs: {CONFIG} and {WEIGHTS} are missing"),
        ([CONFIG], WEIGHTS, f"lacks what an adapter needs: {WEIGHTS} is missing"),
        ([WEIGHTS], CONFIG, f"lacks what an adapter needs: {CONFIG} is missing"),
        ([f"not{CONFIG}"], CONFIG, f"lacks what an adapter needs: {CONFIG} and {WEIGHTS} are missing"),
    ],
)
def test_a_needed_file_that_is_missing_is_explained(held: list[str], name: str, reason: str) -> None:
    """The reason says where the file is, what is there instead, or what is missing."""
    content = Content("a", tuple(Named(each) for each in held), ())
    assert explain_missing(content, name) == reason


def test_a_beginning_has_no_more_than_was_asked_for() -> None:
    """The first bytes of a file come from as many chunks as needed; a short file is returned completely."""
    assert [Named("a").start(length) for length in (0, 2, 3, 4, 12, 20)] == [
        b"",
        b"ab",
        b"abc",
        b"abcd",
        b"abcdefghijkl",
        b"abcdefghijkl",
    ]


def test_a_content_is_searched_by_name() -> None:
    """The search returns the file of that name or None; the content also has the size of all files."""
    members = Named("a", 2), Named("b", 3)
    content = Content("x", members, ())
    assert (content.find("b"), content.find("c"), content.size) == (members[1], None, 5)


def test_the_zip_of_nothing_has_an_end() -> None:
    """A zip has 22 bytes, and for each file 76 bytes, its name twice and its content."""
    assert packed_size([]) == 22
    assert packed_size([Named("ü", 7), Named("a", 0)]) == 22 + 76 + 4 + 7 + 76 + 2
