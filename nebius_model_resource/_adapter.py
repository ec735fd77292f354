"""A LoRA adapter on the disk: whether it can work, the hash of its content, and the zip that is sent.

Knows neither HTTP nor Pulumi. What each trainer writes is told apart only where that changes what to do about it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from nebius_model_resource._contents import Listing, contents, in_units, list_files, start_of, zip_chunks
from nebius_model_resource.errors import UnusableArchive

# Bytes. Two public guides say 500 MB; read as 10^6, the smaller of its two meanings, so that what passes here passes
# there with either.
LIMIT = 500_000_000
CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
_RANKS = range(8, 129)  # what the fine-tuning guide of the service names
_LONGEST_CONFIG = 1_000_000  # bytes; a usual one has about 1 kB
_LONGEST_NAME = 60  # characters of the folder's name in the name of an uploaded file
_SETS = ("target_modules", "exclude_modules", "modules_to_save")  # PEFT writes these in any order
# What a folder without the weights may hold instead, and what to do.
_KINDS = {
    r"(\d+_)?adapters\.(safetensors|npz)": "an adapter of mlx: convert it to PEFT's form (a new name is not enough)",
    r"adapter_model(-\d+-of-.*|.*\.index\.json)": "an adapter in shards: save it with PEFT as one file",
    r"adapter_(model|\d+)\.(bin|pt|pth)": "which is not safetensors: save it with safe_serialization=True",
    r"(mp_rank|.*zero_pp_rank|zero_to_fp32).*": "a checkpoint of DeepSpeed: gather the weights and save with PEFT",
    r"(pytorch_|hf_)?(model|consolidated)[-_.].*(safetensors|bin|pth?)": "a complete model: save the adapter alone",
    r".*\.zip": "a zip: give its path",
}


class Tensor(NamedTuple):
    """The type and the shape of a tensor."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Adapter:
    """An adapter that can be uploaded.

    Attributes:
        path: the folder or zip, as it was given.
        sha256: the identity of the content, in hexadecimal digits, see :func:`read`.
        warnings: what the documentation of the service does not provide for, one line each.
        config: the parsed ``adapter_config.json``; only its ``peft_type`` is checked.
        tensors: those of the weights, by name.
        listing: the files.
    """

    path: str
    sha256: str
    warnings: tuple[str, ...]
    config: dict[str, Any]
    tensors: dict[str, Tensor]
    listing: Listing


def read(path: str | os.PathLike[str], known: str | None = None) -> Adapter:
    """Read, check and hash an adapter; an unchanged one is hashed only once in a process.

    The identity is a SHA-256 over the files in the order of their names: for each the length of the name, the name,
    the length of the content and the content; a length has 8 bytes, little-endian. Hidden files do not count. The
    config counts by its meaning and not by its bytes, so that an adapter that is saved again is the same one.

    Args:
        path: a folder or ``.zip``; a relative one starts at the working directory.
        known: the ``sha256`` in the state, if there is one. Older states have a hash that takes the config by its
            bytes; where ``known`` is that hash of this content, it stays the identity.

    Raises:
        UnusableArchive: there is no adapter at the path, or one that cannot work.
    """
    listing = list_files(os.fspath(path))
    adapter = _examine(listing)
    if known and known != adapter.sha256 and known == _hash(listing, None):
        return replace(adapter, sha256=known)
    return adapter


class Package:
    """The zip that is sent.

    Attributes:
        filename: a name that no other upload has: folder, 16 digits of the hash, 8 random digits.
        length: bytes of the zip.
    """

    def __init__(self, adapter: Adapter) -> None:
        """Name and measure the zip; :meth:`chunks` reads the files."""
        self._listing = adapter.listing
        # Not from `secrets`: Python would import a file of that name beside the user's program in its place.
        self.filename = f"{stem(adapter.path)}-{adapter.sha256[:16]}-{os.urandom(4).hex()}.zip"
        self.length = adapter.listing.packed_size

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the zip, from the beginning at each call; at most 256 kB at a time.

        Raises:
            UnusableArchive: a file changed since the adapter was read. The zip is not complete then.
        """
        return zip_chunks(self._listing)


def stem(path: str) -> str:
    """The name of a folder or zip, with characters alone that every system takes in the name of a file."""
    place = Path(path).resolve()
    name = place.stem if place.suffix.lower() == ".zip" else place.name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:_LONGEST_NAME] or "adapter"


# One adapter for each state of the files: check, create and the next preview read the disk once.
@lru_cache(maxsize=1_000)
def _examine(listing: Listing) -> Adapter:
    if not {CONFIG, WEIGHTS} <= dict(listing.files).keys():
        raise UnusableArchive(listing.path, _explain_missing(listing))
    _check_size(listing)
    text = start_of(listing, CONFIG, _LONGEST_CONFIG)
    config = _config(listing.path, text)
    tensors = _tensors(listing)
    if fault := _lora_fault(tensors):
        raise _wrong(listing.path, WEIGHTS, fault)
    warnings = tuple(_warnings(listing, config, tensors))
    return Adapter(listing.path, _hash(listing, _meaning(text)), warnings, config, tensors, listing)


def _check_size(listing: Listing) -> None:
    size = max(listing.packed_size, listing.size)
    if size > LIMIT:
        why = f"has {size:,} bytes, and the service takes {LIMIT:,} at most: give the adapter alone"
        name, largest = max(listing.files, key=lambda file: file[1])
        raise UnusableArchive(listing.path, f"{why}; the largest file is {name!r} with {in_units(largest)}")


@lru_cache(maxsize=1_000)
def _hash(listing: Listing, config: bytes | None) -> str:
    """The hash of all files, with other bytes for the config unless these are None."""
    digest = hashlib.sha256()
    sizes = dict(listing.files)
    for name, chunks in contents(listing):
        replaced = config if name == CONFIG else None
        encoded, length = name.encode(), sizes[name] if replaced is None else len(replaced)
        digest.update(len(encoded).to_bytes(8, "little") + encoded + length.to_bytes(8, "little"))
        for chunk in chunks if replaced is None else [replaced]:
            digest.update(chunk)
    return digest.hexdigest()


def _meaning(text: bytes) -> bytes:
    """The same bytes for every way to write a config: order of keys and sets, white space, ``1`` and ``1.0``."""
    config = json.loads(text, parse_int=float)
    for name in _SETS:
        if isinstance(config.get(name), list):
            config[name].sort(key=str)
    return json.dumps(config, sort_keys=True).encode()


def _explain_missing(listing: Listing) -> str:
    """Why the config or the weights are not at the root, and what to do."""
    names = [name for name, _ in listing.files]
    folders = [name.removesuffix(f"/{CONFIG}") for name in names if name.endswith(f"/{CONFIG}")]
    if folders and listing.zip_size is not None:
        return f"has an adapter in its folder {folders[0]!r}: pack the files of that folder at the root of the zip"
    if folders:
        places = ", ".join(repr(str(Path(listing.path, each))) for each in folders[:5])
        return f"is not the folder of an adapter but holds {len(folders)}: give the path of one ({places})"
    for form, what in _KINDS.items():
        if held := next((name for name in names if re.fullmatch(form, name.rpartition("/")[2])), None):
            return f"holds {held!r}, {what}"
    missing = " and ".join(name for name in (CONFIG, WEIGHTS) if name not in names)
    return f"lacks {missing}: give the folder to which PEFT saved the adapter"


def _config(path: str, text: bytes) -> dict[str, Any]:
    try:
        # Not json.loads(bytes), which takes UTF-16 and a byte order mark: PEFT and vLLM do not.
        config: dict[str, Any] = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        why = "is not JSON in UTF-8 without a byte order mark: save the adapter again"
        raise _wrong(path, CONFIG, why) from error
    given = config.get("peft_type") if isinstance(config, dict) else None
    if given != "LORA":
        why = f"has the peft_type {given!r:.60}: only 'LORA' adapters of PEFT can be uploaded"
        raise _wrong(path, CONFIG, why)
    return config


def _tensors(listing: Listing) -> dict[str, Tensor]:
    """The tensors in the header of the weights (https://github.com/huggingface/safetensors#format), by name."""
    size = dict(listing.files)[WEIGHTS]
    start = start_of(listing, WEIGHTS, 1024)
    end = 8 + int.from_bytes(start[:8], "little")
    if start[8:9] != b"{":
        why = "is not a safetensors file: download it or save the adapter again"
        raise _wrong(listing.path, WEIGHTS, why)
    try:
        header = json.loads(start_of(listing, WEIGHTS, end)[8:]) if end <= size else {}
        header.pop("__metadata__", None)
        end += max((int(each["data_offsets"][1]) for each in header.values()), default=0)
        found = {
            name: Tensor(str(each["dtype"]), tuple(map(int, each["shape"]))) for name, each in header.items()
        }
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise _wrong(listing.path, WEIGHTS, "has an invalid header: download or save it again") from error
    if end != size:
        why = f"has {size:,} bytes and not {end:,}, as its header says: copy, download or save it again"
        raise _wrong(listing.path, WEIGHTS, why)
    return found


def _lora_fault(tensors: dict[str, Tensor]) -> str | None:
    """Why the tensors cannot be those of a LoRA."""
    modules, others = _modules(tensors, "A"), _modules(tensors, "B")
    if not modules | others:
        return "has no tensors named lora_A and lora_B: save the adapter with PEFT"
    if alone := sorted(modules ^ others):
        return f"has only one of lora_A and lora_B for {alone[0]!r}: save the adapter again"
    if empty := [name for name, tensor in tensors.items() if 0 in tensor.shape]:
        what = f"has tensors without values ({empty[0]!r}), as DeepSpeed ZeRO-3 leaves them"
        return f"{what}: save with stage3_gather_16bit_weights_on_model_save, or convert with zero_to_fp32.py"
    return None


def _modules(tensors: Iterable[str], side: str) -> set[str]:
    """The modules that have a tensor of a side, ``A`` or ``B``."""
    form = re.compile(rf"\blora_(embedding_)?{side}\b")
    return {form.sub(r"lora_\1", name) for name in tensors if form.search(name)}


def _warnings(listing: Listing, config: dict[str, Any], tensors: dict[str, Tensor]) -> Iterator[str]:
    pattern = config.get("rank_pattern")
    ranks = [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else ())]
    for rank in [rank for rank in ranks if rank not in _RANKS][:1]:
        yield f"the rank (r) is {rank!r:.60}: the guide of the service names ranks from 8 to 128"
    found = [tensor.shape[0] for name, tensor in tensors.items() if tensor.shape and ".lora_A." in name]
    if found and not any(rank in found for rank in ranks):
        yield f"the config says rank {ranks[0]!r:.60}, and a tensor has {min(found)}: see that both belong together"
    inside = {name: size for name, size in listing.files if "/" in name}
    if inside:
        folders = ", ".join(sorted({repr(name.split("/")[0]) for name in inside}))
        size = in_units(sum(inside.values()))
        yield f"subfolders go along: {folders} ({size}); the guide of the service names {CONFIG} and {WEIGHTS} alone"


def _wrong(path: str, name: str, why: str) -> UnusableArchive:
    return UnusableArchive(path, f"{name!r} {why}")
