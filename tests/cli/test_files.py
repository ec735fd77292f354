"""Uploaded files in the command `nebius-models`, against the emulator over real HTTP."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest
import requests

from nebius_model_resource._cli.files import is_id
from nebius_model_resource._cli.main import main
from nebius_model_resource.testing.emulator import Emulator, Fault

KIND = "pulumi-python:dynamic/nebius:ModelArchive"
URN = f"urn:pulumi:dev::shop::{KIND}::adapter"
SHA = "0123456789abcdef" + "0" * 48
BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"


@pytest.fixture(autouse=True)
def _environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEBIUS_API_KEY", emulator.api_key)
    monkeypatch.setenv("NEBIUS_BASE_URL", emulator.url)
    monkeypatch.setattr("sys.stdin", io.StringIO())


def upload(emulator: Emulator, name: str = "adapter", token: str = "00000000", sha256: str = SHA) -> str:
    return upload_as(emulator, f"{name}-{sha256[:16]}-{token}.zip")


def upload_as(emulator: Emulator, filename: str) -> str:
    answer = requests.post(
        f"{emulator.url}/v0/models/upload",
        files={"file": (filename, b"12345")},
        headers={"Authorization": f"Bearer {emulator.api_key}"},
        timeout=60,
    )
    return str(answer.json()["id"])


def file_ids(emulator: Emulator) -> list[str]:
    return [each["id"] for each in emulator.files()]


def exported(*resources: dict[str, Any], pending: tuple[dict[str, Any], ...] = ()) -> str:
    owned = [{"urn": URN, "type": KIND, **each} for each in resources]
    operations = [{"type": "creating", "resource": {"urn": URN, "type": KIND, **each}} for each in pending]
    return json.dumps({"version": 3, "deployment": {"resources": owned, "pending_operations": operations}})


def unknown(text: str, *options: str) -> int:
    sys.stdin = io.StringIO(text)
    return main(["unknown", *options, "-"])


def test_unknown_lists_the_uploads_that_no_stack_owns(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only names that this package gives count; a file that is pending deletion, or of a subclass, is owned."""
    one, replaced, of_subclass, lost = (upload(emulator, token=f"{n:08x}") for n in range(4))
    upload_as(emulator, "training.jsonl")
    own = ({"id": one}, {"id": replaced, "delete": True}, {"id": of_subclass, "type": "x:Adapter"})
    assert unknown(exported(*own)) == 3
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["FILE", "SIZE", "AGE", "FILE", "NAME"]
    assert row.split()[:3] == [lost, "5", "bytes"]
    assert row.endswith("adapter-0123456789abcdef-00000003.zip")
    assert unknown(exported(*own, {"id": lost})) == 0
    assert capsys.readouterr() == ("", "")


def test_models_and_files_come_together(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """The tables follow one another; `--names` and `--json` have the models first, then the files."""
    file = upload(emulator)
    model = emulator.add_model(name="bot", base_model=BASE, source=file)
    assert unknown(exported()) == 3
    models, files = capsys.readouterr().out.split("\n\n")
    assert model in models
    assert file in files
    assert unknown(exported(), "--names") == 3
    assert capsys.readouterr().out.split() == [model, file]
    assert unknown(exported(), "--json") == 3
    first, second = json.loads(capsys.readouterr().out)
    assert first["generated_name"] == model
    assert (second["id"], second["size"]) == (file, 5)
    assert set(second) == {"id", "filename", "size", "created_at", "purpose", "status"}


@pytest.mark.parametrize(
    ("inputs", "fits"),
    [
        ({"path": "./other", "sha256": SHA}, True),
        ({"path": "./adapter", "sha256": "f" * 64}, False),
        ({"path": "./adapter"}, True),
        ({"path": "./other"}, False),
        ({"path": {"secret": "…"}}, True),
        ({"path": "."}, True),
    ],
)
def test_an_interrupted_upload_is_noted_at_what_it_may_have_created(
    emulator: Emulator, capsys: pytest.CaptureFixture[str], inputs: dict[str, Any], fits: bool
) -> None:
    """The hash decides first, then the name of the folder; an encrypted path fits every file."""
    upload(emulator)
    assert unknown(exported(pending=({"inputs": inputs},))) == 3
    assert (f"may come from the interrupted create of {URN}" in capsys.readouterr().out) is fits


def test_a_file_that_is_only_read_is_unknown_and_noted(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """`ModelArchive.get` owns nothing."""
    file = upload(emulator)
    assert unknown(exported({"id": file, "external": True})) == 3
    assert f"read by {URN}" in capsys.readouterr().out


def test_unknown_reads_every_page_of_the_list(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """Five files on pages of two are all listed, by three calls."""
    emulator.settings.files_per_page = 2
    files = {upload(emulator, token=f"{n:08x}") for n in range(5)}
    assert unknown(exported(), "--names") == 3
    assert set(capsys.readouterr().out.split()) == files
    assert len(emulator.requests("GET", "/v1/files")) == 3


def test_a_refused_deletion_is_one_line_with_the_reason(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """A service that refuses to delete a used file is quoted, and the file stays."""
    emulator.settings.refuse_deletion_of_used_files = True
    file = upload(emulator)
    emulator.add_model(name="bot", base_model=BASE, source=file)
    assert main(["delete", "--yes", file]) == 1
    assert f"The file `{file}` is used by a model" in capsys.readouterr().err
    assert file_ids(emulator) == [file]


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_service_without_a_list_of_files_is_a_warning(
    emulator: Emulator, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    """The models are still listed, and the exit code is theirs."""
    emulator.add_fault(Fault(path="/v1/files", status=status, times=None))
    assert unknown(exported()) == 0
    assert capsys.readouterr().err.startswith(
        "nebius-models: warning: uploaded files are not checked, the list"
    )
    model = emulator.add_model(name="bot", base_model=BASE, source="file-1")
    assert unknown(exported(), "--names") == 3
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == (f"{model}\n", 1)


def test_program_leaves_out_files(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """`program $(… unknown --names)` works with files among the names, and refuses files alone."""
    file = upload(emulator)
    model = emulator.add_model(name="bot", base_model=BASE, source=file)
    assert main(["program", model, file]) == 0
    out, err = capsys.readouterr()
    assert out.count("CustomModel(") == 1
    assert "ids of files are left out" in err
    assert main(["program", file]) == 1
    assert capsys.readouterr().out == ""


def test_delete_deletes_one_file(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """`--yes` asks no question; a file that does not exist, and a missing answer, are errors."""
    file, other = upload(emulator), upload(emulator, token="11111111")
    assert main(["delete", file]) == 2
    assert main(["delete", "--yes", file]) == 0
    assert main(["delete", "--yes", file]) == 1
    out, err = capsys.readouterr()
    assert out == f"deleted {file}\n"
    assert err.splitlines()[-1] == f"nebius-models: there is no file '{file}' at the service"
    assert file_ids(emulator) == [other]


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"\n", 1)])
def test_delete_describes_the_effects_before_it_asks(emulator: Emulator, answer: bytes, code: int) -> None:
    """The question follows the file and the models that use it; only yes deletes."""
    file = upload(emulator)
    model = emulator.add_model(name="bot", base_model=BASE, source=file)
    keyboard, terminal = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "nebius_model_resource", "delete", file],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as running:
            os.write(keyboard, answer)
            _, asked = running.communicate(timeout=60)
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert running.returncode == code
    before, question, _ = asked.decode().partition("delete this file? this cannot be undone [y/N]")
    assert question
    assert f"source of:      {model}" in before
    assert "delete the models first" in before
    assert file_ids(emulator) == ([] if code == 0 else [file])


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("file-01234567-89ab-cdef-0123-456789abcdef", True),
        ("file-1", True),
        ("file-AbCd", False),
        ("file-bot-AbCd", False),
        (f"{BASE}-LoRa:file-1", False),
        ("bot-AbCd", False),
    ],
)
def test_a_generated_name_is_not_the_id_of_a_file(name: str, file: bool) -> None:
    """A model with a name that starts with `file` is still deleted as a model."""
    assert is_id(name) is file
