"""The complete life of a model in a stack, on each engine there is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pulumi.automation import ConfigValue

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import FAILED, MakeStack, custom_models, replace_program
from tests.support.host import PROVIDER
from tests.support.stacks import has_cli, program_with


def posts(emulator: Emulator) -> list[Any]:
    return emulator.requests(method="POST", path="/v0/models")


def names(emulator: Emulator) -> list[str]:
    return [model["name"] for model in emulator.models()]


def values(result: Any) -> dict[str, Any]:
    return {name: output.value for name, output in result.outputs.items()}


def hurried(**inputs: str) -> str:
    """A program whose model has four seconds to become active: a busy machine needs two for the POST."""
    timeouts = "pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create='4s'))"
    return program_with(**inputs).replace(")\npulumi", f", opts={timeouts})\npulumi", 1)


def with_a_replacement_that_waits(make_stack: MakeStack, emulator: Emulator) -> Any:
    """A stack with one active model, and a program that replaces it with one that stays in validation."""
    emulator.settings.active_on_create = True
    stack = make_stack(hurried(description="first"))
    stack.up()
    emulator.settings.active_on_create = False
    emulator.settings.validation_seconds = 3600
    replace_program(stack, hurried(description="second"))
    return stack


def test_a_model_is_previewed_created_unchanged_and_deleted(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """Preview sends nothing, up posts once and exports the name, a second up changes nothing, destroy deletes all."""
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
    [held] = custom_models(stack)
    assert held["id"] == model["name"]
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
        assert [held["id"] for held in custom_models(stack)] == names(emulator)


def test_equal_spellings_are_no_change(make_stack: MakeStack) -> None:
    """The two spellings of a hub source, and no description and an empty one, are the same."""
    stack = make_stack(program_with(source="https://huggingface.co/org/repo", description=""))
    stack.up()
    replace_program(stack, program_with(source="huggingface.co/org/repo"))
    assert set(stack.preview().change_summary) == {"same"}
    assert stack.up().summary.resource_changes == {"same": 2}


def test_a_model_deleted_elsewhere_leaves_the_state_and_is_created_again(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """A refresh drops a model that is gone, and the next up creates it again."""
    stack = make_stack()
    stack.up()
    emulator.remove_model(names(emulator)[0])
    stack.refresh()
    assert custom_models(stack) == []
    stack.up()
    assert [held["id"] for held in custom_models(stack)] == names(emulator)


def test_a_description_changed_by_hand_shows_as_drift(make_stack: MakeStack, emulator: Emulator) -> None:
    """After a refresh the next preview shows the difference between what is live and what is declared."""
    stack = make_stack(program_with(description="declared"))
    stack.up()
    emulator.change_model(names(emulator)[0], description="by hand")
    stack.refresh()
    assert '~ description: "by hand" => "declared"' in stack.preview(diff=True).stdout


def test_destroy_works_when_the_model_is_gone_and_the_program_has_changed(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """A destroy needs neither the model nor the program that declared it."""
    stack = make_stack()
    stack.up()
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


def test_every_fault_is_shown_at_preview(make_stack: MakeStack, emulator: Emulator) -> None:
    """Bad inputs of two resources are refused in one preview, each property in a line of its own."""
    bad = program_with(name="my bot", base_model="llama", source="ftjob-1")
    stack = make_stack(bad)
    with pytest.raises(FAILED) as caught:
        stack.preview()
    told = str(caught.value)
    assert "'my bot', must be a name such as 'support-bot', without white space" in told
    assert "'llama', must be 'vendor/model'" in told
    assert "a fine-tuning job needs one of its checkpoints after it" in told
    assert emulator.requests() == []


def test_a_missing_key_is_reported_with_both_ways_to_set_it(make_stack: MakeStack) -> None:
    """Without a key the preview fails with one line that names the two ways to set it."""
    stack = make_stack()
    stack.remove_config("nebius-models:apiKey")
    with pytest.raises(FAILED) as caught:
        stack.preview()
    assert "`pulumi config set --secret nebius-models:apiKey <key>`" in str(caught.value)
    assert "NEBIUS_API_KEY" in str(caught.value)


def test_the_refusal_of_the_service_is_shown_in_its_own_words(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """If the service refuses a model, the up prints its text once with what to do next, and no traceback of ours."""
    emulator.settings.supported_bases = []
    stack = make_stack()
    with pytest.raises(FAILED) as caught:
        stack.up()
    told = str(caught.value)
    assert "does not support LoRa inference yet, list of supported models: []" in told
    assert "request id" in told
    assert "dedicated endpoints" in told
    assert "nebius_model_resource/" not in told


def test_the_provider_in_the_state_is_a_short_reference_and_holds_no_key(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """`__provider` is the same short text for every resource, not a secret, and the key is nowhere in the state."""
    stack = make_stack(program_with("one") + 'CustomModel("two", base_model="a/b", source="file-2")\n')
    stack.up()
    held = custom_models(stack)
    assert {each["inputs"]["__provider"] for each in held} == {PROVIDER}
    assert {each["outputs"]["__provider"] for each in held} == {PROVIDER}
    assert len(PROVIDER) <= 120
    assert emulator.api_key not in json.dumps(held)


def test_a_model_not_ready_at_its_deadline_is_kept_and_awaited_by_the_next_up(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """In a replacement the old model stays until the new one is active, which needs no second POST."""
    stack = with_a_replacement_that_waits(make_stack, emulator)
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
    assert [held["id"] for held in custom_models(stack)] == names(emulator)
    assert not any(each.get("initErrors") for each in custom_models(stack))


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
    [held] = custom_models(stack)
    assert (held["outputs"]["status"], held.get("initErrors")) == ("active", None)
    assert [held["id"]] == names(emulator)
    assert len(posts(emulator)) == 1


def test_an_unfinished_model_that_has_failed_since_is_replaced(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """A model left unfinished whose validation then ends in error is replaced by the next up."""
    stack = make_stack(hurried())
    emulator.settings.validation_seconds = 60
    with pytest.raises(FAILED):
        stack.up()
    [failed] = names(emulator)
    emulator.change_model(failed, status="error", status_reason="bad adapter")
    emulator.settings.active_on_create = True  # the short deadline was for the first model
    assert stack.up().summary.resource_changes["replace"] == 1
    assert failed not in names(emulator)
    assert len(names(emulator)) == 1


def test_destroy_between_deletes_both_models_of_an_unfinished_replacement(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """After a replacement that did not finish, destroy leaves nothing at the service."""
    stack = with_a_replacement_that_waits(make_stack, emulator)
    with pytest.raises(FAILED):
        stack.up()
    assert len(emulator.models()) == 2
    stack.destroy()
    assert emulator.models() == []


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
    assert [held["id"] for held in custom_models(stack)] == before


def test_configuration_of_the_stack_comes_before_the_environment(
    make_stack: MakeStack, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project of the stack's configuration is used, and changing it replaces the model."""
    stack = make_stack(config={"nebius-models:aiProjectId": "aiproject-e00one"})
    stack.up()
    assert [post.query for post in posts(emulator)] == [{"ai_project_id": "aiproject-e00one"}]
    stack.set_config("nebius-models:aiProjectId", ConfigValue("aiproject-e00two"))
    assert "ai_project_id" in stack.preview(diff=True).stdout


def test_progress_shows_in_the_row_and_leaves_no_trace(make_stack: MakeStack, emulator: Emulator) -> None:
    """While a model validates, its row says for how long, and the diagnostics of a successful run are empty."""
    emulator.settings.validation_seconds = 2.5
    stack = make_stack(config={"nebius-models:preflight": "false"})  # the emulator has no such job
    told = stack.up().stdout
    assert "validating" in told
    assert "Diagnostics" not in told
