"""Adapters on the disk: what is refused, what is warned of, the identity of the content, and the zip that is sent."""

from __future__ import annotations

import io
import json
import math
import os
import re
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nebius_model_resource import _adapter
from nebius_model_resource._adapter import Package, read, stem
from nebius_model_resource._contents import in_units
from nebius_model_resource.errors import UnusableArchive
from tests.support.adapters import CONFIG, NAMES, files, header, weights, write_folder, write_zip

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes and other links")
CONFIG_NAME, WEIGHTS_NAME = "adapter_config.json", "adapter_model.safetensors"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"


def config(**changes: Any) -> bytes:
    """The usual config with other values."""
    return json.dumps({**CONFIG, **changes}).encode()


def make(tmp_path: Path, contents: dict[str, bytes], *, packed: bool = False) -> Path:
    """A folder or zip of its own with these files."""
    place = Path(tempfile.mkdtemp(dir=tmp_path)) / ("adapter.zip" if packed else "adapter")
    return write_zip(place, contents) if packed else write_folder(place, contents)


def refusal(path: object) -> str:
    """Why a path is refused: one line, without the path."""
    with pytest.raises(UnusableArchive) as refused:
        read(str(path))
    assert refused.value.path == str(path)
    assert refused.value.reason.isprintable()
    return refused.value.reason


def pipe(place: Path) -> None:
    os.mkfifo(place)


SETS = {"target_modules": ["v", "q"], "exclude_modules": ["b", "a"], "modules_to_save": ["y", "x"]}


@pytest.mark.parametrize(
    "saved_again",
    [
        config(**{name: sorted(value) for name, value in SETS.items()}),
        json.dumps(dict(reversed({**CONFIG, **SETS}.items()))).encode(),
        json.dumps({**CONFIG, **SETS}, indent=2, sort_keys=True).encode() + b"\n",
        json.dumps({**CONFIG, **SETS}, separators=(",", ":")).encode(),
        config(**SETS, r=16.0),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_an_adapter_saved_again_is_the_same_one(tmp_path: Path, saved_again: bytes, *, packed: bool) -> None:
    """The order of keys and of PEFT's sets, white space and the form of a number do not change the identity."""
    before = read(make(tmp_path, {**files(), CONFIG_NAME: config(**SETS)}))
    after = read(make(tmp_path, {**files(), CONFIG_NAME: saved_again}, packed=packed))
    assert after.sha256 == before.sha256


def test_changed_content_is_another_adapter(tmp_path: Path) -> None:
    """A changed value, byte or name, one file more, or a byte that moves to the next file changes the identity."""
    changes = [
        {},
        {CONFIG_NAME: config(lora_alpha=16)},
        {CONFIG_NAME: config(target_modules=["q_proj"])},
        {CONFIG_NAME: config(layers_to_transform=[1, 2])},
        {CONFIG_NAME: config(layers_to_transform=[2, 1])},
        {WEIGHTS_NAME: weights()[:-1] + b"!"},
        {"tokenizer.json": b'{"a":1}'},
        {"tokenizer.json": b'{"a": 1}'},
        {"a": b"12", "b": b""},
        {"a": b"1", "b": b"2"},
        {"a": b"", "b": b"12"},
        {"a1": b"2"},
        {"a": b"12"},
    ]
    hashes = {read(make(tmp_path, {**files(), **change})).sha256 for change in changes}
    assert len(hashes) == len(changes)


def test_a_folder_and_every_zip_of_it_are_one_adapter(tmp_path: Path) -> None:
    """Hidden files, empty folders, order, compression, dates, modes, a dot before names and `\\` do not count."""
    contents = files(**{"tokenizer.json": b"{}", "empty": b"", "sub/täxt": b"x"})
    hidden = dict.fromkeys((".git/HEAD", ".DS_Store", "__MACOSX/._a", "sub/Thumbs.db", "desktop.ini"), b"1")
    folder = make(tmp_path, {**contents, **hidden})
    (folder / "nothing").mkdir()
    adapter = read(folder)
    assert [name for name, _ in adapter.listing.files] == sorted(contents)
    os.utime(folder / "empty", (1, 1))
    (folder / "empty").chmod(0o600)
    assert read(folder.rename(tmp_path / "renamed")).sha256 == adapter.sha256
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        turned = {"sub/": b"", **hidden, **dict(reversed(contents.items()))}
        assert read(write_zip(tmp_path / "a.zip", turned, compression)).sha256 == adapter.sha256
    dotted = {f"./{name}": content for name, content in contents.items()}
    on_windows = {name.replace("/", "\\"): content for name, content in {"sub/": b"", **contents}.items()}
    for others in (dotted, on_windows):
        assert read(make(tmp_path, others, packed=True)).sha256 == adapter.sha256


# As version 0.1.0 hashed it, written out here so that nothing but the hash decides.
OLD_CONFIG = (
    b'{\n  "r": 16,\n  "peft_type": "LORA",\n  "target_modules": [\n    "v_proj",\n    "q_proj"\n  ]\n}\n'
)
OLD_TENSORS = {
    "q.lora_A.weight": {"dtype": "BF16", "shape": [16, 2], "data_offsets": [0, 64]},
    "q.lora_B.weight": {"dtype": "BF16", "shape": [2, 16], "data_offsets": [64, 128]},
}
OLD_WEIGHTS = header(OLD_TENSORS) + bytes(range(128))
OLD = {CONFIG_NAME: OLD_CONFIG, WEIGHTS_NAME: OLD_WEIGHTS, "ü.txt": b"one", "b/c": b"two"}
OLD_SHA256 = "3e02154561bfabeb42369f89154479bcdcf2fda916d54f19f96ebd1594c09d61"
NEW_SHA256 = "37080ba703df74f8026efd31744b3bfde905e4b3c32075463cd0833f3e2b407a"


@pytest.mark.parametrize("packed", [False, True])
def test_the_hash_of_an_older_state_stays(tmp_path: Path, *, packed: bool) -> None:
    """States of version 0.1.0 hold a hash of the config's bytes: the same content is no change for them."""
    place = make(tmp_path, OLD, packed=packed)
    assert read(place).sha256 == NEW_SHA256
    adapter = read(place, OLD_SHA256)
    assert adapter.sha256 == OLD_SHA256
    assert Package(adapter).filename.split("-")[1] == OLD_SHA256[:16]


def test_a_hash_of_other_content_does_not_stay(tmp_path: Path) -> None:
    """What the state holds counts only if it is the hash of this content, in the older form or in this one."""
    place = make(tmp_path, {**OLD, "b/c": b"three"})
    for known in (OLD_SHA256, NEW_SHA256, "", None):
        assert read(place, known).sha256 not in (OLD_SHA256, NEW_SHA256, "", None)
    saved_again = make(tmp_path, {**OLD, CONFIG_NAME: OLD_CONFIG.replace(b"\n", b"")})
    assert read(saved_again, NEW_SHA256).sha256 == NEW_SHA256


def test_unchanged_content_is_hashed_once(tmp_path: Path) -> None:
    """A second read gives the same object until something is written to a file."""
    for place in (make(tmp_path, files()), make(tmp_path, files(), packed=True)):
        first = read(place)
        assert read(place) is first
        target = place if place.is_file() else place / CONFIG_NAME
        os.utime(target, ns=(1, 1))
        second = read(place)
        assert second is not first
        assert second.sha256 == first.sha256


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("~/adapter", "write os.path.expanduser"),
        ("file-0198c2f4-1111-7222-8333-444455556666", "belongs to the model, as `source`"),
        ("ftjob-1:ftckpt_1", "belongs to the model, as `source`"),
        ("https://huggingface.co/org/repo", "to the model, as `source`: huggingface.co/<org>/<repo>"),
        ("huggingface.co/org/repo", "to the model, as `source`: huggingface.co/<org>/<repo>"),
        ("s3://bucket/a", "download it"),
        ("org/repo-1.5", "or give a Hugging Face repository to the model"),
        ("adapter", "give the path of a folder or .zip"),
        ("a\0b", "give the path of a folder or .zip"),
        ("a\nb", "give the path of a folder or .zip"),
    ],
)
def test_what_is_not_a_path_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, told: str
) -> None:
    """The reason names the folder in which the path was looked for, and what to write instead."""
    monkeypatch.chdir(tmp_path)
    reason = refusal(path)
    assert f" in {str(tmp_path)!r}: " in reason
    assert told in reason


def test_a_path_object_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `pathlib.Path` is taken as its text; a relative path starts at the working directory."""
    folder = make(tmp_path, files())
    monkeypatch.chdir(folder.parent)
    adapter = read(Path("adapter"))
    assert (adapter.path, adapter.sha256) == ("adapter", read(folder).sha256)


@pytest.mark.parametrize(
    ("create", "told"),
    [
        pytest.param(pipe, "is a pipe, socket or device: give a folder or a .zip", marks=posix),
        (
            Path.touch,
            "cannot be read (File is not a zip file): give the folder of an adapter, or a good .zip",
        ),
        pytest.param(lambda place: place.symlink_to(place.name), "symbolic links", marks=posix),
        (Path.mkdir, f"lacks {CONFIG_NAME} and {WEIGHTS_NAME}: give the folder to which PEFT saved"),
    ],
)
def test_a_path_without_an_adapter_is_explained(
    tmp_path: Path, create: Callable[[Path], Any], told: str
) -> None:
    """A pipe is not opened; an empty file, a link to itself and an empty folder are told apart."""
    create(tmp_path / "a")
    assert told in refusal(tmp_path / "a")


COMPLETE = {"config.json": b"{}", "model-00001-of-00002.safetensors": b"1", "tokenizer.json": b"{}"}
MLX = {CONFIG_NAME: b'{"fine_tune_type": "lora", "lora_parameters": {"rank": 8}}'}


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ({**MLX, "adapters.safetensors": b"1"}, "an adapter of mlx: convert it to PEFT's form (a new name"),
        ({**MLX, "0000100_adapters.safetensors": b"1"}, "an adapter of mlx"),
        ({**COMPLETE, CONFIG_NAME: config()}, "a complete model: save the adapter alone"),
        ({"pytorch_model.bin": b"1"}, "a complete model"),
        ({"hf_model_0001_0.pt": b"1"}, "a complete model"),
        ({CONFIG_NAME: config(), "adapter_model.bin": b"1"}, "save it with safe_serialization=True"),
        ({CONFIG_NAME: config(), "adapter_0.pt": b"1"}, "save it with safe_serialization=True"),
        ({CONFIG_NAME: config(), "adapter_model-00001-of-00002.safetensors": b"1"}, "an adapter in shards"),
        ({"adapter_model.safetensors.index.json": b"{}"}, "an adapter in shards: save it with PEFT as one"),
        ({"global_step9/mp_rank_00_model_states.pt": b"1"}, "a checkpoint of DeepSpeed: gather the weights"),
        ({"zero_to_fp32.py": b"1", "latest": b"1"}, "a checkpoint of DeepSpeed"),
        ({"adapter.zip": b"PK"}, "'adapter.zip', a zip: give its path"),
        ({CONFIG_NAME: config()}, f"lacks {WEIGHTS_NAME}: give the folder"),
        ({WEIGHTS_NAME: weights()}, f"lacks {CONFIG_NAME}: give the folder"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_not_an_adapter_of_peft_is_named(
    tmp_path: Path, held: dict[str, bytes], told: str, *, packed: bool
) -> None:
    """The reason says what the folder or zip holds instead of an adapter, and what to do."""
    assert told in refusal(make(tmp_path, held, packed=packed))


def test_an_adapter_one_folder_below_is_shown(tmp_path: Path) -> None:
    """Of a folder the path of the inner one is given; the files of a zip have to be packed at its root."""
    inside = {f"top/{name}": content for name, content in files().items()}
    folder = make(tmp_path, inside)
    assert refusal(folder).endswith(f"give the path of one ({str(folder / 'top')!r})")
    assert refusal(make(tmp_path, inside, packed=True)).endswith(
        "has an adapter in its folder 'top': pack the files of that folder at the root of the zip"
    )
    run = {f"checkpoint-{step}/{name}": each for step in (5, 10) for name, each in files().items()}
    reason = refusal(make(tmp_path, run))
    assert "holds 2: give the path of one (" in reason
    assert "checkpoint-5'" in reason
    assert "checkpoint-10'" in reason


SERVICE = {"chat_template.jinja": b"{{ a }}", "checkpoint.meta": b"\0", "tokenizer.json": b"{}"}
TRAINER = {"README.md": b"---", "training_args.bin": b"PK", "trainer_state.json": b"{}", "optimizer.pt": b"1"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {**SERVICE, "tokenizer_config.json": b"{}"},
        {**TRAINER, "scheduler.pt": b"1", "rng_state.pth": b"1"},
        {"all_results.json": b"{}", "trainer_log.jsonl": b"{}", "training_loss.png": b"\x89PNG"},
        {CONFIG_NAME: config(base_model_name_or_path="unsloth/llama-bnb-4bit", target_modules="all-linear")},
        {CONFIG_NAME: config(use_dora=True, bias="all", modules_to_save=["lm_head"], auto_mapping=None)},
        {CONFIG_NAME: config(target_modules=["gate", "up.*_proj"], rank_pattern={"up": 32})},
        {"model.safetensors": b"1", "adapter_model.bin": b"1", "page.html": b"<html>"},
    ],
)
def test_an_adapter_of_peft_is_taken_with_whatever_lies_beside_it(
    tmp_path: Path, more: dict[str, bytes]
) -> None:
    """The service's own checkpoint, TRL's, LLaMA-Factory's, Axolotl's and Unsloth's folders pass without a warning."""
    for packed in (False, True):
        adapter = read(make(tmp_path, {**files(), **more}, packed=packed))
        assert adapter.warnings == ()
        assert adapter.config["peft_type"] == "LORA"
        assert list(adapter.tensors) == list(NAMES)
        assert adapter.tensors[NAMES[0]] == ("BF16", (16, 2))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is not JSON in UTF-8 without a byte order mark: save the adapter again"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"\xef\xbb\xbf" + config(), "without a byte order mark"),
        (config().decode().encode("utf-16"), "is not JSON in UTF-8"),
        (b" " * 1_000_000 + config(), "is not JSON"),
        (b"[]", "has the peft_type None: only 'LORA' adapters"),
        (config(peft_type="IA3"), "has the peft_type 'IA3'"),
        (config(peft_type="x" * 99), f"has the peft_type '{'x' * 59}: only"),
        (POINTER, "is a git-lfs pointer, not the file itself: run `git lfs pull`"),
    ],
    ids=lambda each: each[:30] if isinstance(each, str) else f"{len(each)} bytes",
)
def test_a_config_that_cannot_work_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    """Only a LoRA of PEFT is taken, in the encoding that PEFT and vLLM read."""
    reason = refusal(make(tmp_path, {**files(), CONFIG_NAME: content}))
    assert reason.startswith(f"{CONFIG_NAME!r} ")
    assert told in reason


CUT = weights()[:-1]


def tensors(**shapes: list[int]) -> bytes:
    """Weights with one-byte tensors, ``A`` and ``B`` standing for the usual names."""
    found, end = {}, 0
    for name, shape in shapes.items():
        full = {"A": NAMES[0], "B": NAMES[1]}.get(name, name)
        found[full] = {"dtype": "U8", "shape": shape, "data_offsets": [end, end + math.prod(shape)]}
        end += math.prod(shape)
    return header(found) + bytes(end)


def one(**changes: Any) -> bytes:
    """Weights with one tensor that may have something wrong."""
    return header({NAMES[0]: {"dtype": "U8", "shape": [2], "data_offsets": [0, 2], **changes}}) + b"ab"


NO_FILE = "is not a safetensors file: download it or save the adapter again"
INVALID = "has an invalid header: download or save it again"
ONE_SIDE = "has only one of lora_A and lora_B for 'base_model.q_proj.lora_.weight': save the adapter again"
EMPTY = f"has tensors without values ({NAMES[0]!r}), as DeepSpeed ZeRO-3 leaves them: save with "


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", NO_FILE),
        (b"abc", NO_FILE),
        (b"<html>" * 9, NO_FILE),
        ((5).to_bytes(8, "little") + b"[1,2]", NO_FILE),
        (POINTER, "is a git-lfs pointer"),
        (CUT, f"has {len(CUT)} bytes and not {len(CUT) + 1}, as its header says: copy, download or save it"),
        (weights() + b"12", f"has {len(CUT) + 3} bytes and not {len(CUT) + 1}"),
        ((5).to_bytes(8, "little") + b"{1,2}", INVALID),
        ((500_000).to_bytes(8, "little") + b'{"a":' * 100_000, INVALID),
        ((7).to_bytes(8, "little") + b'{"\xff":1}', INVALID),
        (header({"a": 1}), INVALID),
        (one(data_offsets=[0]), INVALID),
        (one(data_offsets=None), INVALID),
        (one(data_offsets=[0, float("inf")]), INVALID),
        (one(shape=None), INVALID),
        (one(shape=["x"]), INVALID),
        (one(data_offsets=[0, 3]), "as its header says"),
        (header({}), "has no tensors named lora_A and lora_B: save the adapter with PEFT"),
        (tensors(lora_a=[2, 4], lora_b=[4, 2]), "has no tensors named lora_A"),
        (tensors(**{"model.layers.0.q_proj.weight": [4, 4]}), "has no tensors named lora_A"),
        (tensors(A=[16, 2]), ONE_SIDE),
        (tensors(A=[0], B=[0]), EMPTY),
        (tensors(A=[16, 0], B=[2, 16]), EMPTY),
    ],
    ids=lambda each: each[:30] if isinstance(each, str) else f"{len(each)} bytes",
)
@pytest.mark.parametrize("packed", [False, True])
def test_weights_that_cannot_work_are_refused(
    tmp_path: Path, content: bytes, told: str, *, packed: bool
) -> None:
    """The header has to parse and fit the file, and has to list both halves of a LoRA, with values."""
    reason = refusal(make(tmp_path, {**files(), WEIGHTS_NAME: content}, packed=packed))
    assert reason.startswith(f"{WEIGHTS_NAME!r} ")
    assert told in reason


def test_weights_with_much_else_in_them_are_taken(tmp_path: Path) -> None:
    """Metadata, embeddings, DoRA's vectors, complete layers and a header of many chunks pass."""
    names = {f"m.{number}.lora_{side}.default.weight": [8, 1] for number in range(2_000) for side in "AB"}
    embedding = {"e.lora_embedding_A": [8, 1], "e.lora_embedding_B": [1, 8]}
    more = {"m.0.lora_magnitude_vector.weight": [3], "lm_head.weight": [2, 2]}
    content = tensors(**names, **embedding, **more)
    assert len(content) > 300_000
    adapter = read(make(tmp_path, {**files(), WEIGHTS_NAME: content, CONFIG_NAME: config(r=8)}))
    assert (len(adapter.tensors), adapter.warnings) == (4_004, ())
    content = header({"__metadata__": {"format": "pt"}, **OLD_TENSORS}) + bytes(128)
    assert len(read(make(tmp_path, {**files(), WEIGHTS_NAME: content})).tensors) == 2


def test_a_pointer_beside_the_weights_is_refused(tmp_path: Path) -> None:
    """A clone without git-lfs leaves pointers for other large files too."""
    for packed in (False, True):
        place = make(tmp_path, files(**{"tokenizer.json": POINTER}), packed=packed)
        assert refusal(place).startswith("'tokenizer.json' is a git-lfs pointer")


MISFIT = "the config says rank ", ", and a tensor has 8: see that both belong together"
GUIDE = "the guide of the service names ranks from 8 to 128"


@pytest.mark.parametrize(
    ("changes", "rank", "warnings"),
    [
        ({"r": 8}, 8, []),
        ({"r": 128}, 128, []),
        ({"r": 7}, 7, [f"the rank (r) is 7: {GUIDE}"]),
        ({"r": 129}, 129, [f"the rank (r) is 129: {GUIDE}"]),
        ({"rank_pattern": {"q_proj": 256}}, 16, [f"the rank (r) is 256: {GUIDE}"]),
        ({"rank_pattern": {"q_proj": 32}}, 32, []),
        ({"r": 32}, 8, [f"{MISFIT[0]}32{MISFIT[1]}"]),
        ({"r": [8], "rank_pattern": 3}, 8, [f"the rank (r) is [8]: {GUIDE}", f"{MISFIT[0]}[8]{MISFIT[1]}"]),
    ],
)
def test_a_rank_that_does_not_fit_is_a_warning(
    tmp_path: Path, changes: dict[str, Any], rank: int, warnings: list[str]
) -> None:
    """Every rank of the config has to be one that the guide names, and one of them has to be a tensor's."""
    contents = {**files(), CONFIG_NAME: config(**changes), WEIGHTS_NAME: tensors(A=[rank, 2], B=[2, rank])}
    assert list(read(make(tmp_path, contents)).warnings) == warnings


def test_subfolders_are_a_warning(tmp_path: Path) -> None:
    """Checkpoints and logs in an output folder count against the limit, so one line says how much they are."""
    contents = files(**{"runs/a": b"1" * 1500, "runs/b/c": b"2" * 500, "logs/x": b"", "top": b"9"})
    [warning] = read(make(tmp_path, contents)).warnings
    assert warning.startswith("subfolders go along: 'logs', 'runs' (2.0 kB); the guide of the service names ")


@posix
def test_a_folder_may_hold_files_and_links_to_them(tmp_path: Path) -> None:
    """A link counts as its file, as in Hugging Face's cache; a dangling one, and what is not a file, are refused."""
    folder = make(tmp_path, files())
    expected = read(folder).sha256
    (folder / WEIGHTS_NAME).rename(tmp_path / "blob")
    (folder / WEIGHTS_NAME).symlink_to(tmp_path / "blob")
    assert read(folder).sha256 == expected
    odd = folder / "odd"
    odd.symlink_to(tmp_path / "gone")
    assert refusal(folder) == (
        "'odd' is a link to a file that cannot be read (No such file or directory): copy the file itself there"
    )
    odd.unlink()
    odd.symlink_to(folder)
    not_a_file = "'odd' is a link to a folder, a pipe or a device: use files alone"
    assert refusal(folder) == not_a_file
    odd.unlink()
    os.mkfifo(odd)
    assert refusal(folder) == not_a_file
    odd.unlink()
    for name in (b"a\xff", b"a\nb"):
        place = Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
        place.touch()
        assert refusal(folder).endswith(" cannot be shown or is not UTF-8: rename the file")
        place.unlink()
    assert read(folder).sha256 == expected


def test_what_a_zip_may_not_hold_is_named(tmp_path: Path) -> None:
    """A file that is there twice, and a link, would not be unpacked as they are listed."""
    place = make(tmp_path, files(), packed=True)
    with zipfile.ZipFile(place, "a") as archive:
        archive.writestr(f"./{CONFIG_NAME}", b"{}")
    assert refusal(place) == f"holds {CONFIG_NAME!r} twice: pack it again"
    place = make(tmp_path, files(), packed=True)
    with zipfile.ZipFile(place, "a") as archive:
        link = zipfile.ZipInfo("tokenizer.json")
        link.external_attr = stat.S_IFLNK << 16
        archive.writestr(link, "../blobs/1")
    assert refusal(place) == "'tokenizer.json' is a link: pack the file itself"


@pytest.mark.parametrize(
    ("offset", "value", "told"),
    [
        (8, b"\1", "encrypted"),
        (10, b"\x63", "That compression method is not supported"),
        (16, b"\0\0\0\0", "Bad CRC-32"),
        (24, b"\xff\xff\0\0", " bytes too early"),
    ],
)
def test_a_zip_that_lies_is_refused(tmp_path: Path, offset: int, value: bytes, told: str) -> None:
    """The list of entries says something else than the entry; the reason has zipfile's own words."""
    place = write_zip(tmp_path / "a.zip", files(), zipfile.ZIP_STORED)
    good = place.read_bytes()
    at = good.index(b"PK\1\2") + offset
    place.write_bytes(good[:at] + value + good[at + len(value) :])
    assert told in refusal(place)


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    """A zip that was cut off, or whose entries are damaged, is found before anything is sent."""
    place = write_zip(tmp_path / "a.zip", files())
    place.write_bytes(place.read_bytes()[:-30])
    assert "File is not a zip file" in refusal(place)
    for compression in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        content = write_zip(place, files(), compression).read_bytes()
        place.write_bytes(content[:60] + bytes(40) + content[100:])
        assert refusal(place).startswith("cannot be read (")


def test_more_than_500_mb_is_refused_unread(tmp_path: Path) -> None:
    """A sparse file of 600 MB costs no time; the reason has both sizes and the largest file."""
    folder = make(tmp_path, files())
    os.truncate(folder / WEIGHTS_NAME, 600_000_000)
    reason = refusal(folder)
    assert re.match(r"has 600,000,\d{3} bytes, and the service takes 500,000,000 at most: give the", reason)
    assert reason.endswith(f"the largest file is {WEIGHTS_NAME!r} with 600 MB")


def test_the_limit_counts_the_zip_and_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly the limit is allowed for the zip of a folder, a given zip, and what a zip unpacks to."""
    folder = make(tmp_path, files())
    stored = write_zip(tmp_path / "stored.zip", files(), zipfile.ZIP_STORED)
    small = make(tmp_path, files(zeros=bytes(100_000)), packed=True)
    for place, size in (
        (folder, Package(read(folder)).length),
        (stored, stored.stat().st_size),
        (small, 100_000 + sum(map(len, files().values()))),
    ):
        os.utime(place if place.is_file() else place / CONFIG_NAME, ns=(1, 1))
        monkeypatch.setattr(_adapter, "LIMIT", size - 1)
        assert f"has {size:,} bytes, and the service takes {size - 1:,} at most" in refusal(place)
        monkeypatch.setattr(_adapter, "LIMIT", size)
        assert read(place).sha256


def sent(package: Package) -> bytes:
    """The whole zip."""
    return b"".join(package.chunks())


NAME = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=8)
# A git-lfs pointer is refused, and Hypothesis knows how one begins.
CONTENT = st.binary(max_size=300).filter(lambda content: not content.startswith(b"version https://git-lfs"))


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(NAME, CONTENT, max_size=5))
def test_the_zip_of_a_folder_holds_its_files(more: dict[str, bytes]) -> None:
    """For any files the zip has the stated length, holds every file, is the same each time, and is the same adapter."""
    contents = files(**{f"sub/{name}": content for name, content in more.items()})
    with tempfile.TemporaryDirectory() as folder:
        adapter = read(write_folder(Path(folder) / "a", contents))
        package = Package(adapter)
        content = sent(package)
        assert sent(package) == content
        assert len(content) == package.length
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            assert {name: archive.read(name) for name in archive.namelist()} == contents
            assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        (Path(folder) / "b.zip").write_bytes(content)
        again = read(Path(folder) / "b.zip")
        assert again.sha256 == adapter.sha256
        assert sent(Package(again)) == content


def test_a_given_zip_is_sent_as_it_is(tmp_path: Path) -> None:
    """Compression, hidden files and comments stay, byte for byte."""
    place = make(tmp_path, files(**{".hidden": b"1", "a": bytes(9_000)}), packed=True)
    with zipfile.ZipFile(place, "a") as archive:
        archive.comment = b"mine"
    package = Package(read(place))
    assert (sent(package), package.length) == (place.read_bytes(), place.stat().st_size)


@pytest.mark.parametrize("packed", [False, True])
def test_a_large_file_is_sent_in_chunks(tmp_path: Path, *, packed: bool) -> None:
    """At most 256 kB are in memory."""
    contents = {**files(), WEIGHTS_NAME: weights(3_200_000)}
    adapter = read(make(tmp_path, contents))
    place = tmp_path / "a.zip"
    place.write_bytes(sent(Package(adapter)))
    chunks = list(Package(read(place) if packed else adapter).chunks())
    assert max(map(len, chunks)) == 256 * 1024
    assert sum(map(len, chunks)) == Package(adapter).length


def _overwrite(file: Path) -> None:
    """Other bytes of the same length; the time is set, since the clock of a file system is coarse."""
    file.write_bytes(bytes(file.stat().st_size))
    os.utime(file, ns=(1, 1))


CHANGES: dict[str, Callable[[Path], Any]] = {
    "more": lambda folder: (folder / "more").touch(),
    "renamed": lambda folder: (folder / "README.md").rename(folder / "README.txt"),
    "longer": lambda folder: (folder / WEIGHTS_NAME).write_bytes(weights(3_200_000) + b"12"),
    "shorter": lambda folder: os.truncate(folder / WEIGHTS_NAME, 1_000_000),
    "overwritten": lambda folder: _overwrite(folder / WEIGHTS_NAME),
    "a given zip": lambda place: os.utime(place, ns=(1, 1)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("chunks_before", [0, 4])
def test_what_changes_is_not_sent(tmp_path: Path, change: str, chunks_before: int) -> None:
    """A change before the first byte, or after a few chunks, ends the zip of a folder before it is complete."""
    contents = {**files(**{"README.md": b"1"}), WEIGHTS_NAME: weights(3_200_000)}
    place = make(tmp_path, contents)
    if change == "a given zip":
        place = write_zip(tmp_path / "a.zip", contents, zipfile.ZIP_STORED)
    package = Package(read(place))
    chunks = package.chunks()
    begun = [next(chunks) for _ in range(chunks_before)]
    CHANGES[change](place)
    with pytest.raises(UnusableArchive, match=r"changed while it was read: run again|bytes too early"):
        begun.extend(chunks)
    # A given zip is compared again after its last byte: then the end of the upload is never sent.
    assert len(b"".join(begun)) < package.length or change == "a given zip"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/Mein Adapter/", "Mein-Adapter"),
        ("b/x.zip", "x"),
        ("b/x.ZIP", "x"),
        ("b/ü", "adapter"),
        ("c/.aX_9.b-_", "aX_9.b"),
        ("c/a  b??c", "a-b-c"),
        ("c/" + "x" * 70, "x" * 60),
        ("/", "adapter"),
    ],
)
def test_a_file_is_named_after_its_folder(path: str, name: str) -> None:
    """The upload has the folder's name, without characters that a file's name cannot hold, at most 60 of them."""
    assert stem(path) == name


def test_a_file_of_the_user_does_not_stand_in_for_the_standard_library(tmp_path: Path) -> None:
    """A `secrets.py` beside the program is not imported when an adapter is read, packed and uploaded."""
    write_folder(tmp_path / "adapter", files())
    (tmp_path / "secrets.py").write_text("raise SystemExit('imported')")
    (tmp_path / "program.py").write_text(
        "from nebius_model_resource import _adapter\n"
        "from nebius_model_resource._provider import archives\n"
        "package = _adapter.Package(_adapter.read('adapter'))\n"
        "print(sum(map(len, package.chunks())) == package.length)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "program.py"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_bytes_are_shown_in_units() -> None:
    """One digit after the point below ten, none above; MB is 10^6 bytes."""
    shown = {0: "0 bytes", 999: "999 bytes", 1_000: "1.0 kB", 999_000: "999 kB", 5 * 10**8: "500 MB"}
    assert {size: in_units(size) for size in shown} == shown
    assert in_units(1_500_000_000) == "1.5 GB"
