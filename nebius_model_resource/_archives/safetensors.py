"""The header of a safetensors file, checked against the file's length; no tensor is read.

The format: 8 bytes with the length of the header, little-endian; the header, a JSON object of tensors with ``dtype``,
``shape`` and ``data_offsets``; then the tensors, without gaps (https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from nebius_model_resource._archives.members import Member, in_units

_LENGTH = 8  # bytes that hold the length of the header
# Bytes. The format allows 100 MB; an adapter with 10,000 tensors has about 1 MB, and parsing takes ten times as much.
_LONGEST_HEADER = 10_000_000
_BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}


class Unreadable(Exception):
    """The file is no safetensors file, or not all of one; the text says why."""


@dataclass(frozen=True)
class Tensor:
    """One tensor as the header describes it; ``start`` and ``end`` count from the end of the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read_tensors(weights: Member) -> list[Tensor]:
    """The tensors of a file, in the order of their bytes.

    Raises:
        Unreadable: the header is none, or the file is shorter or longer than it says.
    """
    if weights.size == 0:
        raise Unreadable("is empty: save the adapter again")
    length = int.from_bytes(weights.start(_LENGTH), "little")
    if weights.size < _LENGTH or length > _LONGEST_HEADER:
        raise Unreadable(f"is no safetensors file: its header cannot have {in_units(length)}")
    if weights.size < _LENGTH + length:
        raise _cut_off(weights.size, _LENGTH + length, at_least=True)
    tensors = _tensors(_parsed(weights.start(_LENGTH + length)[_LENGTH:]))
    tensors.sort(key=lambda tensor: (tensor.start, tensor.end))
    end = 0
    for tensor in tensors:
        if tensor.start != end:
            what = "overlaps the one before it" if tensor.start < end else "leaves a gap before it"
            raise _invalid(f"the tensor {tensor.name!r} {what}")
        end = tensor.end
    _check_length(weights.size, _LENGTH + length + end)
    return tensors


def _check_length(size: int, expected: int) -> None:
    if size < expected:
        raise _cut_off(size, expected)
    if size > expected:
        raise Unreadable(f"has {size} bytes, {size - expected} more than its header says: save it again")


def _parsed(header: bytes) -> dict[str, Any]:
    if not header.startswith(b"{"):
        raise Unreadable("is no safetensors file: its header is not a JSON object")
    try:
        parsed: dict[str, Any] = json.loads(header.decode("utf-8"), object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        raise _invalid("it is not JSON") from None
    return parsed


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _invalid("it names a tensor twice")
    return found


def _tensors(header: dict[str, Any]) -> list[Tensor]:
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise _invalid("its metadata are not texts")
    return [_tensor(name, entry) for name, entry in header.items()]


def _tensor(name: str, entry: Any) -> Tensor:
    if not isinstance(entry, dict):
        raise _invalid(f"the tensor {name!r} is not described")
    dtype = entry.get("dtype")
    shape: Any = entry.get("shape")
    offsets: Any = entry.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise _invalid(f"the tensor {name!r} has the unknown dtype {dtype!r}")
    if not _are_counts(shape):
        raise _invalid(f"the tensor {name!r} has no valid shape")
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _invalid(f"the tensor {name!r} has no valid data_offsets")
    start, end = offsets
    bits = math.prod(shape) * _BITS[dtype]
    if bits != 8 * (end - start):
        raise _invalid(
            f"the tensor {name!r} has {end - start} bytes, which is not {dtype} of the shape {shape}"
        )
    return Tensor(name, dtype, tuple(shape), start, end)


def _are_counts(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(type(each) is int and 0 <= each < 2**63 for each in numbers)


def _invalid(why: str) -> Unreadable:
    return Unreadable(f"has an invalid header: {why}: save the adapter again")


def _cut_off(size: int, expected: int, *, at_least: bool = False) -> Unreadable:
    return Unreadable(
        f"is cut off: {size} of {'at least ' if at_least else ''}{expected} bytes: copy or download it again"
    )
