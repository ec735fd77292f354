"""The header of a safetensors file: what is read of it, and how it is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from nebius_model_resource._archives.members import Member
from nebius_model_resource._archives.safetensors import Tensor, Unreadable, read_tensors

from .adapters import header

U8 = {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}
LENGTH = len(header({"a": U8}))
INVALID = "has an invalid header: {}: save the adapter again"
NO_FILE = "is no safetensors file: its header {}"


class Bytes(Member):
    """A file in memory; ``size`` may claim more than there is."""

    def __init__(self, content: bytes, size: int | None = None) -> None:
        self.name = "adapter_model.safetensors"
        self.size = len(content) if size is None else size
        self._content = content

    def chunks(self) -> Iterator[bytes]:
        """Five bytes at a time."""
        for start in range(0, len(self._content), 5):
            yield self._content[start : start + 5]


def refusal(content: bytes, size: int | None = None) -> str:
    """The reason for which a file is refused."""
    with pytest.raises(Unreadable) as refused:
        read_tensors(Bytes(content, size))
    return str(refused.value)


def test_tensors_come_in_the_order_of_their_bytes() -> None:
    """Name, type, shape and place are those of the header; metadata and empty tensors are allowed."""
    content = header(
        {
            "__metadata__": {"format": "pt"},
            "b": {"dtype": "F32", "shape": [1, 2], "data_offsets": [2, 10]},
            "a": U8,
            "none": {"dtype": "F16", "shape": [0, 7], "data_offsets": [2, 2]},
            "one": {"dtype": "U8", "shape": [], "data_offsets": [10, 11]},
        }
    )
    assert read_tensors(Bytes(content + bytes(11))) == [
        Tensor("a", "U8", (2,), 0, 2),
        Tensor("none", "F16", (0, 7), 2, 2),
        Tensor("b", "F32", (1, 2), 2, 10),
        Tensor("one", "U8", (), 10, 11),
    ]


def test_a_file_without_tensors_is_a_file() -> None:
    """A header of an empty object is valid, and its file ends there."""
    assert read_tensors(Bytes(header({}))) == []


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (1, "the tensor 'a' is not described"),
        ({**U8, "dtype": "X9"}, "the tensor 'a' has the unknown dtype 'X9'"),
        ({**U8, "dtype": ["U8"]}, "the tensor 'a' has the unknown dtype ['U8']"),
        ({"shape": [2], "data_offsets": [0, 2]}, "the tensor 'a' has the unknown dtype None"),
        ({**U8, "shape": [-2]}, "the tensor 'a' has no valid shape"),
        ({**U8, "shape": [2.0]}, "the tensor 'a' has no valid shape"),
        ({**U8, "shape": [2**63]}, "the tensor 'a' has no valid shape"),
        ({**U8, "shape": 2}, "the tensor 'a' has no valid shape"),
        (
            {**U8, "shape": [2**63 - 1]},
            f"the tensor 'a' has 2 bytes, which is not U8 of the shape [{2**63 - 1}]",
        ),
        ({**U8, "data_offsets": [2, 0]}, "the tensor 'a' has no valid data_offsets"),
        ({**U8, "data_offsets": [0, 1, 2]}, "the tensor 'a' has no valid data_offsets"),
        ({**U8, "data_offsets": ["0", "2"]}, "the tensor 'a' has no valid data_offsets"),
        ({**U8, "data_offsets": None}, "the tensor 'a' has no valid data_offsets"),
        ({**U8, "shape": [3]}, "the tensor 'a' has 2 bytes, which is not U8 of the shape [3]"),
        (
            {**U8, "shape": [2, 2], "data_offsets": [3, 5]},
            "the tensor 'a' has 2 bytes, which is not U8 of the shape [2, 2]",
        ),
        ({**U8, "data_offsets": [1, 3]}, "the tensor 'a' leaves a gap before it"),
    ],
)
def test_a_tensor_that_cannot_be_is_named(tensor: Any, reason: str) -> None:
    """The reason has the tensor's name and the value that is wrong."""
    assert refusal(header({"a": tensor}) + b"abc") == INVALID.format(reason)


def test_tensors_neither_overlap_nor_leave_gaps() -> None:
    """The message names the second of the two."""
    for start, what in ((1, "overlaps the one before it"), (3, "leaves a gap before it")):
        second = {**U8, "data_offsets": [start, start + 2]}
        content = header({"b": second, "a": U8}) + b"abcde"
        assert refusal(content) == INVALID.format(f"the tensor 'b' {what}")


def sized(text: bytes) -> bytes:
    """A header with any text."""
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty: save the adapter again"),
        (b"1234567", NO_FILE.format(f"cannot have {int.from_bytes(b'1234567', 'little') / 10**9:.0f} GB")),
        (bytes(7), NO_FILE.format("cannot have 0 bytes")),
        (bytes(8), NO_FILE.format("is not a JSON object")),
        ((10_000_001).to_bytes(8, "little"), NO_FILE.format("cannot have 10 MB")),
        (
            (10_000_000).to_bytes(8, "little"),
            "is cut off: 8 of at least 10000008 bytes: copy or download it again",
        ),
        (sized(b"[1,2]"), NO_FILE.format("is not a JSON object")),
        (sized(b"{1,2}"), INVALID.format("it is not JSON")),
        (sized(b'{"a":' * 100_000), INVALID.format("it is not JSON")),
        (sized(b'{"\xff":1}'), INVALID.format("it is not JSON")),
        (sized(b'{"a":1,"a":2}'), INVALID.format("it names a tensor twice")),
        (header({"__metadata__": {"a": 1}}), INVALID.format("its metadata are not texts")),
        (header({"__metadata__": ["a"]}), INVALID.format("its metadata are not texts")),
        (
            header({"a": U8}) + b"a",
            f"is cut off: {LENGTH + 1} of {LENGTH + 2} bytes: copy or download it again",
        ),
        (
            header({"a": U8}) + b"abcd",
            f"has {LENGTH + 4} bytes, 2 more than its header says: save it again",
        ),
    ],
    ids=lambda each: each[:40] if isinstance(each, str) else f"{len(each)} bytes",
)
def test_a_file_that_is_not_what_its_header_says_is_refused(content: bytes, reason: str) -> None:
    """The complete reason is pinned for each kind of file."""
    assert refusal(content) == reason


def test_a_header_may_be_long() -> None:
    """An adapter of many tensors has a header of several chunks."""
    tensors = {
        f"layer.{number}": {"dtype": "I8", "shape": [1], "data_offsets": [number, number + 1]}
        for number in range(500)
    }
    assert [each.name for each in read_tensors(Bytes(header(tensors) + bytes(500)))] == list(tensors)
    assert json.loads(header(tensors)[8:]) == tensors


@pytest.mark.parametrize(
    ("dtype", "bits"), [("F4", 4), ("F6_E2M3", 6), ("BOOL", 8), ("BF16", 16), ("I32", 32), ("C64", 64)]
)
def test_a_type_has_its_bits(dtype: str, bits: int) -> None:
    """Eight values have as many bytes as one has bits."""
    tensor = {"dtype": dtype, "shape": [2, 4], "data_offsets": [0, bits]}
    [found] = read_tensors(Bytes(header({"a": tensor}) + bytes(bits)))
    assert (found.dtype, found.end) == (dtype, bits)
