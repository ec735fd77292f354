from __future__ import annotations

import io
import json
import os
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nebius_model_resource._archives.adapter import AdapterReader, read_adapter
from nebius_model_resource._archives.package import Package, stem
from nebius_model_resource.errors import UnusableArchive

from .adapters import CONFIG, NAMES, files, header, weights, write_folder, write_zip

CUT = weights()[:-1]
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
ONE = {"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}


def _config(**changes: Any) -> bytes:
    return json.dumps({**CONFIG, **changes}).encode()


CONFIGS = {
    b"": "'adapter_config.json' is empty",
    b"{": "'adapter_config.json' is not JSON",
    b"[" * 100_000: "is not JSON",
    b"[]": "is JSON, but not an object",
    b"{}": "has no peft_type",
    _config(peft_type="IA3"): "has the peft_type 'IA3': only 'LORA'",
    b" " * 1_000_001: "has more than 1 MB",
    b"<!DOCTYPE html>": "is a web page saved in place of the file",
    LFS: "'adapter_config.json' is a git-lfs pointer, not the file itself: run `git lfs pull`",
}
WEIGHTS = {
    b"": "'adapter_model.safetensors' is empty",
    b"abc": "is no safetensors file",
    b"PK\3\4" + b"x" * 500: "is no safetensors file",
    CUT: f"is cut off: {len(CUT)} of {len(CUT) + 1} bytes",
    weights()[:30]: "is cut off: 30 of at least",
    weights() + b"12": f"has {len(CUT) + 3} bytes, 2 more than its header says",
    (5).to_bytes(8, "little") + b"[1,2]": "its header is not a JSON object",
    (5).to_bytes(8, "little") + b"{1,2}": "it is not JSON",
    header({"a": 1}): "the tensor 'a' is not described",
    header({"__metadata__": {"a": 1}}): "its metadata are not texts",
    header({"a": {**ONE["a"], "dtype": "X9"}}) + b"ab": "the unknown dtype 'X9'",
    header({"a": {**ONE["a"], "shape": [-2]}}) + b"ab": "no valid shape",
    header({"a": {**ONE["a"], "data_offsets": [2, 0]}}) + b"ab": "no valid data_offsets",
    header({"a": {**ONE["a"], "shape": [3]}}) + b"ab": "has 2 bytes, which is not U8 of the shape [3]",
    header({**ONE, "b": {**ONE["a"], "data_offsets": [1, 3]}}) + b"abc": "'b' overlaps the one before it",
    header({**ONE, "b": {**ONE["a"], "data_offsets": [3, 5]}}) + b"abcde": "'b' leaves a gap before it",
    (b'{"a":1,"a":2}').join([(13).to_bytes(8, "little"), b""]): "it names a tensor twice",
    b"<html>": "is a web page saved in place of the file",
    LFS: "is a git-lfs pointer",
}


def _refusal(path: Path, **options: Any) -> str:
    with pytest.raises(UnusableArchive) as refused:
        read_adapter(str(path), **options)
    text = str(refused.value)
    assert text.startswith(f"{str(path)!r}: ")
    assert text.isprintable()
    assert len(text) < 250 + len(str(path))
    return text


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        *(("adapter_config.json", content, told) for content, told in CONFIGS.items()),
        *(("adapter_model.safetensors", content, told) for content, told in WEIGHTS.items()),
        ("tokenizer.json", LFS, "'tokenizer.json' is a git-lfs pointer"),
    ],
    ids=lambda each: each[:40] if isinstance(each, str) else f"{len(each)} bytes",
)
def test_a_file_that_cannot_work_is_refused(
    tmp_path: Path, name: str, content: bytes, told: str, *, packed: bool
) -> None:
    """Each bad config or weights file is one line with the path, the file and the fault, in a folder as in a zip."""
    contents = {**files(), name: content}
    place = write_zip(tmp_path / "a.zip", contents) if packed else write_folder(tmp_path / "a", contents)
    assert told in _refusal(place)


def test_an_adapter_is_summed_up(tmp_path: Path) -> None:
    """A good adapter gives its rank, base, modules, tensors, dtypes and size, and no warning."""
    adapter = read_adapter(str(write_folder(tmp_path / "a", files())))
    assert (adapter.rank, adapter.alpha, adapter.base_model) == (16, 32, CONFIG["base_model_name_or_path"])
    assert (adapter.target_modules, adapter.tensors, adapter.dtypes) == (("q_proj", "v_proj"), 2, ("BF16",))
    assert adapter.size == sum(map(len, files().values()))
    assert adapter.warnings == ()


def test_what_is_not_documented_is_a_warning(tmp_path: Path) -> None:
    """A rank out of range, other modules, complete layers, DoRA, biases and subfolders cause a warning."""
    config = _config(
        r=256, target_modules=["lm_head"], modules_to_save=["embed"], use_dora=True, bias="all",
        base_model_name_or_path=None,
    )  # fmt: skip
    contents = {
        "adapter_config.json": config,
        "adapter_model.safetensors": header(ONE) + b"ab",
        "runs/log": b"1",
    }
    warnings = " / ".join(read_adapter(str(write_folder(tmp_path / "a", contents))).warnings)
    for told in ("256", "'lm_head'", "'embed'", "DoRA", "bias is 'all'", "no base model", "lora_A", "'runs'"):
        assert told in warnings


def test_the_hash_is_that_of_the_content_alone(tmp_path: Path) -> None:
    """A folder and every zip of it have one hash, whatever the hidden files, order, compression, name and time are."""
    contents = files(**{"tokenizer.json": b"{}", "empty": b"", "sub/täxt": b"x"})
    folder = write_folder(
        tmp_path / "a", {**contents, ".git/HEAD": b"1", ".DS_Store": b"2", "__MACOSX/._a": b""}
    )
    (folder / "nothing").mkdir()
    expected = read_adapter(str(folder)).sha256
    os.utime(folder / "empty", (1, 1))
    (folder / "empty").chmod(0o600)
    assert read_adapter(str(folder.rename(tmp_path / "b"))).sha256 == expected
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        turned = dict(reversed(contents.items()))
        place = write_zip(tmp_path / "z.zip", {"sub/": b"", ".hidden": b"3", **turned}, compression)
        assert read_adapter(str(place)).sha256 == expected
    dotted = write_zip(tmp_path / "d.zip", {f"./{name}": content for name, content in contents.items()})
    assert read_adapter(str(dotted)).sha256 == expected


def test_changed_content_changes_the_hash(tmp_path: Path) -> None:
    """A changed byte or name or one file more gives another hash, and so do bytes that move to the next file."""
    changed = [files(), files(a=b"12", b=b""), files(a=b"1", b=b"2"), files(a1=b"2"), files(ab=b"12")]
    hashes = {
        read_adapter(str(write_folder(tmp_path / str(number), each))).sha256
        for number, each in enumerate(changed)
    }
    assert len(hashes) == len(changed)


def test_paths_that_are_no_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of wrong path or folder gives one line that says what is there and what to give instead."""
    assert "No such file or directory" in _refusal(tmp_path / "no")
    (tmp_path / "nothing").mkdir()
    assert "holds no files" in _refusal(tmp_path / "nothing")
    (tmp_path / "a.tar.gz").write_bytes(b"\x1f\x8b" * 500)
    assert "is not a zip" in _refusal(tmp_path / "a.tar.gz")
    (tmp_path / "lfs.zip").write_bytes(LFS)
    assert "git-lfs pointer" in _refusal(tmp_path / "lfs.zip")
    (tmp_path / "empty.zip").touch()
    assert "is an empty file" in _refusal(tmp_path / "empty.zip")
    os.mkfifo(tmp_path / "pipe")
    assert "is a pipe" in _refusal(tmp_path / "pipe")
    half = write_folder(tmp_path / "half", {"adapter_config.json": _config()})
    assert "adapter_model.safetensors is missing" in _refusal(half)
    bin_ = write_folder(tmp_path / "bin", {"adapter_config.json": _config(), "adapter_model.bin": b"1"})
    assert "safe_serialization=True" in _refusal(bin_)
    nested = write_folder(tmp_path / "nested", {f"top/{name}": each for name, each in files().items()})
    assert "in the folder 'top'" in _refusal(nested)
    assert "is one file of an adapter" in _refusal(nested / "top" / "adapter_model.safetensors")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnusableArchive, match=r"'no': cannot be read: No such file or directory in '/"):
        read_adapter("no")
    with pytest.raises(UnusableArchive, match="NUL"):
        read_adapter("a\0b")


def test_what_a_folder_may_not_hold(tmp_path: Path) -> None:
    """A pipe, a broken link, a link to a folder and an odd name are refused; a link to a file is that file."""
    folder = write_folder(tmp_path / "a", files())
    plain = read_adapter(str(folder)).sha256
    (folder / "adapter_model.safetensors").rename(tmp_path / "blob")
    (folder / "adapter_model.safetensors").symlink_to(tmp_path / "blob")
    assert read_adapter(str(folder)).sha256 == plain
    odd = folder / "odd"
    os.mkfifo(odd)
    assert "'odd' is a pipe" in _refusal(folder)
    odd.unlink()
    odd.symlink_to(tmp_path / "gone")
    assert "'odd' cannot be read: No such file" in _refusal(folder)
    odd.unlink()
    odd.symlink_to(folder)
    assert "'odd' is a link to a folder" in _refusal(folder)
    odd.unlink()
    for name in (b"a\\b", b"a\xff", b"a\nb"):
        place = os.fsencode(folder) + b"/" + name
        Path(os.fsdecode(place)).write_bytes(b"")
        assert "rename the file" in _refusal(folder)
        Path(os.fsdecode(place)).unlink()


def test_what_a_zip_may_not_hold(tmp_path: Path) -> None:
    """Paths that leave the zip, doubles, files that are folders, links, and a zip in a zip are refused."""
    for name in ("../evil", "/etc/x", "C:/x", "C:\\x", "a\\b", "a/../../b"):
        assert "at the root" in _refusal(write_zip(tmp_path / "a.zip", {**files(), name: b"1"}))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", b"2")
    assert "holds 'a' twice" in _refusal(tmp_path / "a.zip")
    assert "as a file and as a folder" in _refusal(write_zip(tmp_path / "a.zip", {"a": b"", "a/b": b""}))
    assert "in the folder 'top'" in _refusal(
        write_zip(tmp_path / "a.zip", {f"top/{name}": each for name, each in files().items()})
    )
    assert "holds 'in.zip' instead" in _refusal(write_zip(tmp_path / "a.zip", {"in.zip": b"PK"}))
    many = {str(number): b"" for number in range(1_001)}
    assert "more than 1000 files" in _refusal(write_zip(tmp_path / "a.zip", many))
    assert "more than 1000 files" in _refusal(
        write_zip(tmp_path / "a.zip", {f"{number}{'x' * 500}": b"" for number in range(4_000)})
    )
    assert "more than 1000 files" in _refusal(write_folder(tmp_path / "many", many))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("a")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "b")
    assert "'a' is a link" in _refusal(tmp_path / "a.zip")


def test_a_zip_that_lies_is_refused(tmp_path: Path) -> None:
    """A bad checksum, a cut-off zip, an encrypted entry, an unknown method and a wrong size are refused."""
    place = write_zip(tmp_path / "a.zip", files(), zipfile.ZIP_STORED)
    good = place.read_bytes()
    at = good.index(weights()) + len(weights()) - 1
    place.write_bytes(good[:at] + b"!" + good[at + 1 :])
    assert "'adapter_model.safetensors' is damaged (Bad CRC-32" in _refusal(place)
    place.write_bytes(good[:-30])
    assert "is not a zip, or a damaged one" in _refusal(place)
    central = good.index(b"PK\1\2")
    place.write_bytes(good[: central + 8] + b"\1" + good[central + 9 :])
    assert "is encrypted" in _refusal(place)
    place.write_bytes(good[: central + 10] + b"\x63" + good[central + 11 :])
    assert "is damaged" in _refusal(place)
    place.write_bytes(good[: central + 24] + (10**9).to_bytes(4, "little") + good[central + 28 :])
    assert "unpacks to 1.0 GB, and the service takes 500 MB at most" in _refusal(place)


def test_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    """A folder, a file and an unpacked zip may have 500 MB (10^6) and not a byte more; no content is read."""
    folder = write_folder(tmp_path / "a", files())
    size = Package(read_adapter(str(folder))).length
    assert Package(read_adapter(str(folder), size)).length == size
    assert "the largest file is 'adapter_model.safetensors'" in _refusal(folder, limit=size - 1)
    assert "unpacks to" in _refusal(write_zip(tmp_path / "a.zip", files(a=b"0" * 5000)), limit=4000)
    with (folder / "adapter_model.safetensors").open("r+b") as file:
        file.truncate(600_000_000)
    assert "bytes, and the service takes 500,000,000 at most" in _refusal(folder)
    with (tmp_path / "big.zip").open("wb") as file:
        file.truncate(500_000_001)
    assert "has 500,000,001 bytes, and the service takes 500,000,000 at most" in _refusal(
        tmp_path / "big.zip"
    )


NAME = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=8)


# A git-lfs pointer is refused whatever its file's name, and Hypothesis knows how one begins.
CONTENT = st.binary(max_size=300).filter(lambda content: not content.startswith(b"version https://git-lfs"))


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAME, CONTENT, max_size=5))
def test_the_zip_that_is_sent_holds_the_adapter(more: dict[str, bytes]) -> None:
    """For any files, the zip has the stated length, holds every file, is the same from a zip, and has the same hash."""
    contents = files(**more)
    with tempfile.TemporaryDirectory() as folder:
        adapter = read_adapter(str(write_folder(Path(folder) / "a", contents)))
        package = Package(adapter)
        sent = b"".join(package.chunks())
        assert len(sent) == package.length
        with zipfile.ZipFile(io.BytesIO(sent)) as archive:
            assert archive.testzip() is None
            assert {name: archive.read(name) for name in archive.namelist()} == contents
        again = Path(folder) / "b.zip"
        again.write_bytes(sent)
        read = read_adapter(str(again))
        assert read.sha256 == adapter.sha256
        assert b"".join(Package(read).chunks()) == sent


def test_an_adapter_that_changes_is_not_sent(tmp_path: Path) -> None:
    """If a file changes or is added after the hash, the zip ends before it is complete."""
    folder = write_folder(tmp_path / "a", files())
    package = Package(read_adapter(str(folder)))
    (folder / "adapter_model.safetensors").write_bytes(weights()[:-1] + b"!")
    with pytest.raises(UnusableArchive, match=r"'adapter_model.safetensors' changed after the preview"):
        list(package.chunks())
    (folder / "more").touch()
    with pytest.raises(UnusableArchive, match="the files changed after the preview"):
        list(package.chunks())


def test_a_content_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader hashes a folder again only after it was written to."""
    folder = write_folder(tmp_path / "a", files())
    reader = AdapterReader()
    first = reader.read(str(folder))
    assert reader.read(str(folder)) is first
    time.sleep(0.02)
    (folder / "adapter_model.safetensors").write_bytes(weights()[:-1] + b"!")
    assert reader.read(str(folder)).sha256 != first.sha256


@pytest.mark.parametrize(
    ("path", "told"),
    [("a/Mein Adapter/", "Mein-Adapter"), ("b/x.zip", "x"), ("b/ü", "adapter"), ("c/x.y", "x.y")],
)
def test_a_file_is_named_after_its_folder(path: str, told: str) -> None:
    """The upload has the folder's name, without characters that a file's name cannot hold."""
    assert stem(path) == told
    assert NAMES
