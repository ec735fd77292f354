"""The complete life of a model in a stack, on each engine there is."""

from __future__ import annotations

from typing import Any

import pytest

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import FAILED, MakeStack, custom_models, held, hurried, names, replace_program
from tests.support.host import PROVIDER
from tests.support.stacks import has_cli, program_with


def posts(emulator: Emulator) -> list[Any]:
    return emulator.requests(method="POST", path="/v0/models")


def values(result: Any) -> dict[str, Any]:
    return {name: output.value for name, output in result.outputs.items()}


def test_a_model_is_previewed_created_unchanged_and_deleted(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """Preview sends nothing, up posts once and exports the name, a second up changes nothing, destroy deletes all.

    The provider in the state is a short text.
    """
    stack = make_stack(program_with(description="first"))
    stack.preview()
    assert posts(emulator) == []

    outputs = values(stack.up())
    [post] = posts(emulator)
    assert post.body == {
        "name": "bot",
        "base_model": "meta-llama/Meta-Llama-3.1-8B-Instruct",
        "source": "ftjob-0123:ftckpt_4567",
        "description": "first",
    }
    [model] = emulator.models()
    assert outputs["generated_name"] == model["name"]
    assert outputs["status"] == "active"
    [record] = custom_models(stack)
    assert record["id"] == model["name"]
    assert record["inputs"]["__provider"] == record["outputs"]["__provider"] == PROVIDER
    assert len(PROVIDER) <= 120
    assert outputs["created_at"] == model["created_at"]

    assert "create" not in stack.preview().change_summary
    assert stack.up().summary.resource_changes == {"same": 2}
    assert stack.refresh().summary.resource_changes == {"same": 2}
    stack.destroy()
    assert emulator.models() == []
    assert len(posts(emulator)) == 1


CHANGES = [
    ("name", "bot", "two"),
    ("base_model", "meta-llama/Meta-Llama-3.1-8B-Instruct", "Qwen/Qwen3-8B"),
    ("source", "ftjob-0123:ftckpt_4567", "huggingface.co/org/repo"),
    ("description", None, "first"),
    ("description", "first", "second"),
    ("description", "second", None),
    ("ai_project_id", None, "aiproject-e00one"),
    ("ai_project_id", "aiproject-e00one", "aiproject-e00two"),
]


def changed_lines(preview: str) -> list[str]:
    """What a detailed preview shows of the model's properties."""
    lines = [line.strip() for line in preview.partition("utputs:")[0].splitlines()]
    return [
        line for line in lines if line[:2] in {"~ ", "+ ", "- "} and ":" in line and "dynamic/" not in line
    ]


def test_a_changed_input_replaces_the_model_and_names_just_that_input(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """Each preview names one property, the new model is created before the old one is deleted, and one is left."""
    emulator.settings.active_on_create = True
    declared: dict[str, Any] = {}
    stack = make_stack(program_with(**declared))
    stack.up()
    for prop, before, after in CHANGES:
        declared[prop] = after
        replace_program(stack, program_with(**declared))
        preview = stack.preview(diff=True).stdout
        sign = "+" if before is None else "-" if after is None else "~"
        [changed] = changed_lines(preview)
        assert changed.startswith(f"{sign} {prop}"), preview
        if sign == "~":
            assert f'"{before}" => "{after}"' in changed

        emulator.clear_requests()
        assert stack.up().summary.resource_changes["replace"] == 1
        methods = [call.method for call in emulator.requests() if call.method in {"POST", "DELETE"}]
        assert methods == ["POST", "DELETE"]
        assert held(stack) == names(emulator)


def test_what_others_do_to_a_model_is_found_by_a_refresh(make_stack: MakeStack, emulator: Emulator) -> None:
    """A change by hand is drift, a deleted model is created again, and destroy needs neither model nor program."""
    stack = make_stack(program_with(description="declared"))
    stack.up()
    emulator.change_model(names(emulator)[0], description="by hand")
    stack.refresh()
    assert '~ description: "by hand" => "declared"' in stack.preview(diff=True).stdout

    emulator.remove_model(names(emulator)[0])
    stack.refresh()
    assert custom_models(stack) == []
    stack.up()
    assert held(stack) == names(emulator)

    emulator.remove_model(names(emulator)[0])
    replace_program(stack, "raise SystemExit('this program is broken')\n")
    stack.destroy()
    assert custom_models(stack) == []


def test_inputs_unknown_in_a_preview_are_validated_once_known(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """A preview accepts a model whose name is another one's output; the up then refuses or creates the model."""
    program = (
        program_with("first")
        + """
second = CustomModel("second", base_model=bot.base_model, source="file-2",
                     name=bot.generated_name.apply(lambda text: text.split(":")[1] + {tail!r}),
                     description=bot.status)
"""
    )
    stack = make_stack(program.format(tail="-x"))
    assert stack.preview().change_summary["create"] == 3
    stack.up()
    assert {model["description"] for model in emulator.models()} == {None, "active"}
    replace_program(stack, program.format(tail=" with blanks"))
    with pytest.raises(FAILED, match="blank"):
        stack.up()
    assert len(emulator.models()) == 2


def test_a_model_not_ready_at_its_deadline_is_kept_and_the_next_up_waits(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """In a replacement the old model stays until the new one is active, which needs no second POST.

    A destroy deletes both models of a replacement that did not finish.
    """
    emulator.settings.active_on_create = True
    stack = make_stack(hurried(description="first"))
    stack.up()
    emulator.settings.active_on_create = False
    emulator.settings.validation_seconds = 3600
    replace_program(stack, hurried(description="second"))
    [old] = names(emulator)
    with pytest.raises(FAILED, match="still validating after"):
        stack.up()
    assert len(emulator.models()) == 2
    assert old in names(emulator)
    assert any(each.get("initErrors") for each in custom_models(stack))

    [new] = [name for name in names(emulator) if name != old]
    emulator.change_model(new, status="active")
    emulator.clear_requests()
    stack.up()
    assert posts(emulator) == []
    assert old not in names(emulator)
    assert held(stack) == names(emulator)
    assert not any(each.get("initErrors") for each in custom_models(stack))

    replace_program(stack, hurried(description="third"))
    with pytest.raises(FAILED, match="still validating after"):
        stack.up()
    assert len(emulator.models()) == 2
    stack.destroy()
    assert emulator.models() == []


RETRIED = """
import pulumi
from nebius_model_resource import CustomModel

again = pulumi.ErrorHook("again", lambda _: True)
opts = pulumi.ResourceOptions(
    custom_timeouts=pulumi.CustomTimeouts(create="4s"), hooks=pulumi.ResourceHookBinding(on_error=[again])
)
CustomModel("bot", base_model="meta-llama/Meta-Llama-3.1-8B-Instruct", source="file-1", opts=opts)
"""


@pytest.mark.cli
@pytest.mark.skipif(not has_cli(), reason="no Pulumi CLI on PATH")
def test_a_retry_of_an_error_hook_waits_for_the_model_that_exists(
    make_cli_stack: MakeStack, emulator: Emulator
) -> None:
    """After a deadline CLI 3.276 updates the model; 3.260 creates a second one and forgets the first."""
    emulator.settings.validation_seconds = 8
    stack = make_cli_stack(RETRIED)
    stack.up()
    [record] = custom_models(stack)
    assert (record["outputs"]["status"], record.get("initErrors")) == ("active", None)
    assert [record["id"]] == names(emulator)
    assert len(posts(emulator)) == 1


def test_a_failed_validation_leaves_the_old_model_untouched(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """If a replacement fails its validation, the reason is shown, and state and service keep the old model."""
    stack = make_stack(program_with(description="first"))
    stack.up()
    before = names(emulator)
    emulator.settings.failing_names = {"bot": "adapter_config.json is missing"}
    replace_program(stack, program_with(description="second"))
    with pytest.raises(FAILED, match=r"adapter_config\.json is missing"):
        stack.up()
    assert names(emulator) == before
    assert held(stack) == before


def test_progress_shows_in_the_row_and_leaves_no_trace(make_stack: MakeStack, emulator: Emulator) -> None:
    """While a model validates, its row says for how long, and the diagnostics of a successful run are empty."""
    emulator.settings.validation_seconds = 2.5
    stack = make_stack(config={"nebius-models:preflight": "false"})  # the emulator has no such job
    told = stack.up().stdout
    assert "validating" in told
    assert "Diagnostics" not in told
