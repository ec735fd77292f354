"""Existing models, adopted by a stack on each engine there is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import FAILED, MakeStack, held, names, replace_program, wrote
from tests.support.stacks import environment, has_cli, run_pulumi

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"
SOURCE = "ftjob-0123:ftckpt_4567"
HEAD = "import pulumi\nfrom nebius_model_resource import CustomModel\n"


def by_hand(emulator: Emulator, **changes: Any) -> str:
    """A model that was created without Pulumi."""
    return emulator.add_model(**{"name": "bot", "base_model": BASE, "source": SOURCE, **changes})


def declaration(resource: str, import_: str | None = None, **arguments: Any) -> str:
    """One line of a program."""
    given = {"name": "bot", "base_model": BASE, "source": SOURCE, **arguments}
    texts = [repr(resource), *(f"{name}={value!r}" for name, value in given.items())]
    if import_:
        texts.append(f"opts=pulumi.ResourceOptions(import_={import_!r})")
    return f"CustomModel({', '.join(texts)})\n"


def run(emulator: Emulator, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run `python -m nebius_model_resource`."""
    return subprocess.run(
        [sys.executable, "-m", "nebius_model_resource", *arguments],
        env={"NEBIUS_API_KEY": emulator.api_key, "NEBIUS_BASE_URL": emulator.url},
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def export(stack: Any) -> str:
    """What `pulumi stack export` prints."""
    deployment = stack.export_stack()
    return json.dumps({"version": deployment.version, "deployment": deployment.deployment})


def test_models_created_by_hand_go_through_the_full_round(make_stack: MakeStack, emulator: Emulator) -> None:
    """Their printed program adopts them without a POST, then shows no change, and no model is unknown."""
    found = [
        by_hand(emulator, description='says "hi"\nand \\ more', ai_project_id=None),
        by_hand(emulator, source="huggingface.co/org/repo"),
        by_hand(emulator, name="class", source="file-0193", base_model="Qwen/Qwen3-4B-fast"),
    ]
    stack = make_stack(HEAD)
    stack.up()
    before = run(emulator, "unknown", "--names", given=export(stack))
    assert (before.returncode, sorted(before.stdout.split())) == (3, sorted(found)), before.stderr

    printed = run(emulator, "program", *before.stdout.split())
    assert (printed.returncode, printed.stderr) == (0, "")
    replace_program(stack, printed.stdout)
    adopted = stack.up()
    assert "adopted" in adopted.stdout
    assert wrote(emulator) == []
    assert held(stack) == sorted(found)
    assert set(stack.preview().change_summary) == {"same"}
    after = run(emulator, "unknown", given=export(stack))
    assert (after.returncode, after.stdout, after.stderr) == (0, "", "")

    stack.refresh()
    replace_program(stack, re.sub(r"import_=[^)]*", "", printed.stdout))  # it has no effect any more
    assert set(stack.preview().change_summary) == {"same"}
    stack.destroy()
    assert names(emulator) == []


def test_a_replacement_never_deletes_the_model_it_adopts(make_stack: MakeStack, emulator: Emulator) -> None:
    """A change with `import_` in the program is refused; without it a new model is created and the old one deleted."""
    emulator.settings.active_on_create = True
    name = by_hand(emulator)
    stack = make_stack(HEAD + declaration("bot", name))
    stack.up()
    replace_program(stack, HEAD + declaration("bot", name, description="new"))
    with pytest.raises(FAILED, match="remove `import_` to create a new one"):
        stack.up()
    assert names(emulator) == [name]
    replace_program(stack, HEAD + declaration("bot", description="new"))
    stack.up()
    [new] = names(emulator)
    assert new != name
    assert held(stack) == [new]


GET = """
bot = CustomModel.get("bot", {name!r})
pulumi.export("told", pulumi.Output.all(
    bot.generated_name, bot.name, bot.base_model, bot.source, bot.description, bot.status, bot.created_at))
"""


def assert_nothing_is_taken_away(preview: str) -> None:
    assert [line for line in preview.splitlines() if line.strip().startswith("- ")] == []


def test_get_reads_a_model_without_owning_it(make_stack: MakeStack, emulator: Emulator) -> None:
    """All outputs and inputs are there, a refresh keeps them, and a destroy does not delete the model.

    A name that does not exist fails the preview with what to do, and without a traceback of ours.
    """
    name = by_hand(emulator, description="by hand")
    [model] = emulator.models()
    stack = make_stack(HEAD + GET.format(name=name.rpartition(":")[2]))
    told = [name, "bot", BASE, SOURCE, "by hand", "active", model["created_at"]]
    assert stack.up().outputs["told"].value == told
    assert_nothing_is_taken_away(stack.preview(diff=True, refresh=True).stdout)
    stack.refresh()
    assert_nothing_is_taken_away(stack.preview(diff=True, refresh=True).stdout)
    assert stack.outputs()["told"].value == told
    assert run(emulator, "unknown", given=export(stack)).returncode == 3
    stack.destroy()
    assert names(emulator) == [name]
    replace_program(stack, HEAD + GET.format(name="bot-AbCd"))
    with pytest.raises(FAILED) as caught:
        stack.preview()
    assert "there is no model 'bot-AbCd' at the service: `nebius-models list`" in str(caught.value)
    assert "nebius_model_resource/" not in str(caught.value)


@pytest.mark.parametrize("first_by", ["get", "adoption"])
def test_reading_and_owning_change_places(make_stack: MakeStack, emulator: Emulator, first_by: str) -> None:
    """A resource goes from `get` to adoption, or back by the short name, and the model stays."""
    name = by_hand(emulator)
    read = HEAD + GET.format(name=name.rpartition(":")[2])
    adopted = HEAD + declaration("bot", name)
    first, second = (read, adopted) if first_by == "get" else (adopted, read)
    stack = make_stack(first)
    stack.up()
    replace_program(stack, second)
    stack.up()
    assert names(emulator) == [name]
    assert held(stack) == [name]
    assert wrote(emulator) == []


QUERIES = """
import pulumi
from nebius_model_resource import (CustomModel, get_custom_model, get_custom_model_output, list_custom_models,
                                   list_custom_models_output)

bot = CustomModel("bot", base_model={base!r}, source={source!r})
pulumi.export("here", [model.generated_name for model in list_custom_models()])
pulumi.export("elsewhere", list_custom_models_output("aiproject-e00two").apply(
    lambda models: [model.generated_name for model in models]))
pulumi.export("mine", get_custom_model_output(bot.generated_name).source)
pulumi.export("status", get_custom_model({name!r}).status)
"""


def test_programs_look_models_up_with_the_configuration_of_the_stack(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """The plain functions and those on outputs use the stack's secret key and project."""
    here = by_hand(emulator, ai_project_id="aiproject-e00one")
    elsewhere = by_hand(emulator, ai_project_id="aiproject-e00two")
    program = QUERIES.format(base=BASE, source=SOURCE, name=here.rpartition(":")[2])
    stack = make_stack(program, {"nebius-models:aiProjectId": "aiproject-e00one"})
    stack.preview()
    told = {name: output.value for name, output in stack.up().outputs.items()}
    assert told == {"here": [here], "elsewhere": [elsewhere], "mine": SOURCE, "status": "active"}


def test_a_look_up_that_fails_ends_the_program_with_one_line(make_stack: MakeStack) -> None:
    """A missing model is reported without a traceback."""
    call = "from nebius_model_resource import get_custom_model\nget_custom_model('bot-AbCd')\n"
    stack = make_stack(call)
    with pytest.raises(FAILED, match="there is no model 'bot-AbCd'") as caught:
        stack.preview()
    assert "functions.py" not in str(caught.value)


@pytest.mark.cli
@pytest.mark.skipif(not has_cli(), reason="no Pulumi CLI on PATH")
def test_pulumi_import_fails_before_it_reaches_the_provider(
    make_cli_stack: MakeStack, emulator: Emulator, tmp_path: Path
) -> None:
    """`pulumi import` fails in the host because `__provider` is missing: when that changes, the docs can change."""
    stack = make_cli_stack(HEAD)
    name = by_hand(emulator)
    kind = "pulumi-python:dynamic/nebius:CustomModel"
    order = ("import", kind, "bot", name, "--stack", "test", "--yes")
    done = run_pulumi(Path(stack.workspace.work_dir), environment(tmp_path), *order)
    assert done.returncode != 0
    assert "KeyError: '__provider'" in done.stdout
    assert emulator.requests() == []
