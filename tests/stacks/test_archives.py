"""Models from adapters on disk, on each engine there is."""

from __future__ import annotations

from pathlib import Path

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import MakeStack, replace_program
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
