"""Models from adapters on disk, on each engine there is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nebius_model_resource._cli.main import main
from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import FAILED, MakeStack, replace_program
from tests.support.adapters import files, write_folder, write_zip

PROGRAM = """
import pulumi
from nebius_model_resource import CustomModel, ModelArchive

adapter = ModelArchive("adapter", path={path})
bot = CustomModel("bot", base_model="meta-llama/Meta-Llama-3.1-8B-Instruct", source=adapter.file_id)
pulumi.export("file", adapter.file_id)
pulumi.export("sha256", adapter.sha256)
pulumi.export("model", bot.generated_name)
"""


def writes(emulator: Emulator) -> list[tuple[str, str]]:
    """The changes at the service, in order: uploads, models and deletions."""
    kinds = {"/v0/models/upload": "file", "/v0/models": "model"}
    return [
        (call.method, kinds.get(call.path) or ("file" if call.path.startswith("/v1/files/") else "model"))
        for call in emulator.requests()
        if call.method != "GET"
    ]


def test_a_folder_becomes_a_model_and_its_change_a_new_one(
    make_stack: MakeStack, emulator: Emulator, tmp_path: Path
) -> None:
    """The same content at another path is no diff; changed content creates a new file and model before the old go."""
    stack = make_stack(PROGRAM.format(path="'adapter'"))
    folder = write_folder(tmp_path / "project" / "adapter", files())
    stack.preview()
    assert emulator.files() == []
    first = {name: output.value for name, output in stack.up().outputs.items()}
    assert [model["source"] for model in emulator.models()] == [first["file"]]
    assert [file["id"] for file in emulator.files()] == [first["file"]]

    write_zip(tmp_path / "project" / "packed.zip", files())
    replace_program(stack, PROGRAM.format(path="pulumi.FileArchive('packed.zip')"))
    assert set(stack.preview().change_summary) == {"same"}
    stack.up()
    stack.refresh()
    replace_program(stack, PROGRAM.format(path="'adapter'"))
    assert set(stack.preview().change_summary) == {"same"}

    emulator.clear_requests()
    (folder / "tokenizer.json").write_text("{}")
    second = stack.up()
    assert second.summary.resource_changes["replace"] == 2
    outputs = {name: output.value for name, output in second.outputs.items()}
    assert outputs["file"] != first["file"]
    assert outputs["sha256"] != first["sha256"]
    assert writes(emulator) == [("POST", "file"), ("POST", "model"), ("DELETE", "model"), ("DELETE", "file")]
    assert [model["source"] for model in emulator.models()] == [outputs["file"]]
    stack.destroy()
    assert emulator.files() == []
    assert emulator.models() == []


def test_a_folder_that_is_no_adapter_is_refused_at_preview(
    make_stack: MakeStack, emulator: Emulator, tmp_path: Path
) -> None:
    """One line names the path and the fault, without a traceback, and nothing is sent."""
    contents = files()
    del contents["adapter_model.safetensors"]
    stack = make_stack(PROGRAM.format(path="'adapter'"))
    write_folder(tmp_path / "project" / "adapter", contents)
    with pytest.raises(FAILED) as caught:
        stack.preview()
    text = str(caught.value)
    assert "was given 'adapter', which" in text
    assert "adapter_model.safetensors" in text
    assert (
        "nebius_model_resource/" not in text
    )  # the traceback of an interrupted program is the language host's
    assert emulator.requests() == []


def test_a_retained_file_stays_and_a_deleted_one_is_uploaded_again(
    make_stack: MakeStack, emulator: Emulator, tmp_path: Path
) -> None:
    """A refresh finds that another client deleted a file; `retain_on_delete` keeps the file at the end."""
    program = PROGRAM.format(path="'adapter', opts=pulumi.ResourceOptions(retain_on_delete=True)")
    stack = make_stack(program)
    write_folder(tmp_path / "project" / "adapter", files())
    first = stack.up().outputs["file"].value
    emulator.remove_file(first)
    stack.refresh()
    second = stack.up().outputs["file"].value
    assert second != first
    assert [model["source"] for model in emulator.models()] == [second]
    stack.destroy()
    assert [file["id"] for file in emulator.files()] == [second]


def test_unknown_lists_the_files_that_no_stack_owns(
    make_stack: MakeStack,
    emulator: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The export of a stack owns the file of its archive; without that export the file and the model are listed."""
    stack = make_stack(PROGRAM.format(path="'adapter'"))
    write_folder(tmp_path / "project" / "adapter", files())
    outputs = stack.up().outputs
    monkeypatch.setenv("NEBIUS_API_KEY", emulator.api_key)
    monkeypatch.setenv("NEBIUS_BASE_URL", emulator.url)
    exported = stack.export_stack()
    export = tmp_path / "export.json"
    export.write_text(json.dumps({"version": exported.version, "deployment": exported.deployment}))
    assert main(["unknown", str(export)]) == 0
    export.write_text(
        json.dumps({"version": exported.version, "deployment": {**exported.deployment, "resources": []}})
    )
    capsys.readouterr()
    assert main(["unknown", "--names", str(export)]) == 3
    assert capsys.readouterr().out.splitlines() == [outputs["model"].value, outputs["file"].value]
