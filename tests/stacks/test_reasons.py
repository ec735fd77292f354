"""What a person sees about a model that is not as it should be, on each engine there is."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.automation import ConfigValue

from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.stacks.conftest import FAILED, MakeStack, custom_models, replace_program
from tests.support.stacks import program_with

REASON = "adapter rank 512 is larger than 128"
LAZY: dict[str, Any] = {"wait_for_active": False}


def program(**arguments: Any) -> str:
    """A program whose model has four seconds to become active: a busy machine needs two for the POST."""
    timeouts = "pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create='4s', update='4s'))"
    return program_with(**arguments).replace(")\npulumi", f", opts={timeouts})\npulumi", 1)


def test_a_model_kept_as_validating_that_fails_is_replaced_with_its_reason(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """A refresh of it shows no change; after it failed, preview and up say why, and the diff shows its status."""
    emulator.settings.validation_seconds = 600
    stack = make_stack(program())
    with pytest.raises(FAILED, match="still validating after"):
        stack.up()
    [kept] = emulator.models()
    for _ in range(2):
        refreshed = stack.refresh(expect_no_changes=True)
        assert f"'{kept['name']}' is still validating: `pulumi up` waits until it is active" in told(
            refreshed
        )
    assert [each["id"] for each in custom_models(stack)] == [kept["name"]]

    emulator.change_model(kept["name"], status="error", status_reason=REASON)
    emulator.settings.active_on_create = True
    preview = stack.preview(diff=True)
    assert '~ status: "validating" => "error"' in preview.stdout
    assert REASON in told(preview)
    made = stack.up()
    assert f"warning: the model '{kept['name']}' is in status 'error': {REASON}" in made.stdout
    [new] = emulator.models()
    assert new["name"] != kept["name"]
    assert stack.refresh(expect_no_changes=True).summary.resource_changes == {"same": 2}
    assert set(stack.preview().change_summary) == {"same"}


def told(result: Any) -> str:
    """Everything that an operation printed."""
    return str(result.stdout) + str(result.stderr)


def test_a_failed_model_that_is_not_awaited_fails_each_up(make_stack: MakeStack, emulator: Emulator) -> None:
    """It is not replaced again and again: every `up` fails with the reason, until its inputs change."""
    emulator.settings.validation_seconds = 600
    stack = make_stack(program(**LAZY))
    stack.up()
    [failed] = emulator.models()
    emulator.change_model(failed["name"], status="error", status_reason=REASON)
    for _ in range(2):
        with pytest.raises(
            FAILED, match=f"validation failed: {REASON}; the model stays in the state: change `source`"
        ):
            stack.up()
    assert [model["name"] for model in emulator.models()] == [failed["name"]]
    replace_program(stack, program(**LAZY, description="other"))
    stack.up()
    [new] = emulator.models()
    assert new["name"] != failed["name"]


def test_an_active_model_that_fails_later_is_named(make_stack: MakeStack, emulator: Emulator) -> None:
    """A refresh shows the change of the status with the service's reason, and so does the next preview."""
    emulator.settings.active_on_create = True
    stack = make_stack()
    stack.up()
    emulator.change_model(emulator.models()[0]["name"], status="error", status_reason=REASON)
    assert REASON in told(stack.refresh())
    preview = stack.preview(diff=True)
    assert REASON in told(preview)
    assert '~ status: "error" => "active"' in preview.stdout


def test_wait_for_active_is_changed_in_place(make_stack: MakeStack, emulator: Emulator) -> None:
    """The output says what is declared, no model is created, and an up with the option on waits for the model."""
    emulator.settings.validation_seconds = 3
    export = "pulumi.export('waits', bot.wait_for_active)\n"
    stack = make_stack(program_with(**LAZY) + export)
    assert stack.up().outputs["status"].value == "validating"
    replace_program(stack, program_with() + export)
    outputs = stack.up().outputs
    assert (outputs["waits"].value, outputs["status"].value) == (True, "active")
    replace_program(stack, program_with(**LAZY) + export)
    assert stack.up().outputs["waits"].value is False
    assert set(stack.preview().change_summary) == {"same"}
    assert len(emulator.requests(method="POST", path="/v0/models")) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_a_withdrawn_service_leaves_a_way_out(make_stack: MakeStack, emulator: Emulator, status: int) -> None:
    """If every route is gone, refresh and destroy name the command that drops the model from the state."""
    emulator.settings.active_on_create = True
    stack = make_stack()
    stack.up()
    [held] = custom_models(stack)
    emulator.add_fault(Fault(status=status, body={"detail": "Not Found"}, times=None))
    for operation in (stack.refresh, stack.destroy):
        with pytest.raises(FAILED) as caught:
            operation()
        assert "the service may no longer offer custom models at this base URL" in str(caught.value)
        assert f"`pulumi state delete '{held['urn']}'`" in str(caught.value)
    assert [each["id"] for each in custom_models(stack)] == [held["id"]]


def test_the_key_of_another_account_is_named_in_each_row(make_stack: MakeStack, emulator: Emulator) -> None:
    """A refresh that sees none of the stack's models says so for each before it drops them."""
    emulator.settings.active_on_create = True
    stack = make_stack(program_with("one") + 'CustomModel("two", base_model="a/b", source="file-2")\n')
    stack.up()
    emulator.add_fault(Fault(method="GET", path="/v0/models", status=200, body=[], times=None))
    missing = {"detail": "The model does not exist."}
    emulator.add_fault(Fault(method="GET", path="/v0/models/*", status=404, body=missing, times=None))
    refreshed = told(stack.refresh())
    assert refreshed.count("this key sees none of the stack's models read so far") >= 2


def test_a_description_that_the_service_trims_is_no_change(make_stack: MakeStack, emulator: Emulator) -> None:
    """White space at the end of a description does not replace the model, before or after a refresh."""
    emulator.settings.active_on_create = True
    stack = make_stack(program_with(description="answers tickets\n"))
    stack.up()
    emulator.change_model(emulator.models()[0]["name"], description="answers tickets")
    assert set(stack.preview(refresh=True).change_summary) == {"same"}
    stack.refresh()
    assert set(stack.preview().change_summary) == {"same"}


SUBCLASS = """
import pulumi
from nebius_model_resource import CustomModel

class Bot(CustomModel):
    pass

bot = {}("bot", base_model="meta-llama/Meta-Llama-3.1-8B-Instruct", source="ftjob-0123:ftckpt_4567")
"""


def test_a_subclass_is_the_same_resource(make_stack: MakeStack, emulator: Emulator) -> None:
    """A program that changes to a subclass of `CustomModel` does not change its model."""
    emulator.settings.active_on_create = True
    stack = make_stack(SUBCLASS.format("CustomModel"))
    stack.up()
    replace_program(stack, SUBCLASS.format("Bot"))
    assert set(stack.preview().change_summary) == {"same"}
    stack.up()
    assert len(custom_models(stack)) == 1


@pytest.mark.parametrize("word", ["failed", "pending"])
def test_an_unknown_status_is_named(make_stack: MakeStack, emulator: Emulator, word: str) -> None:
    """Preview, refresh and up name a status that is not documented, and none of them advises to wait longer."""
    emulator.settings.validation_seconds = 600
    stack = make_stack(program())
    with pytest.raises(FAILED):
        stack.up()
    [kept] = emulator.models()
    entry = {**kept, "status": word, "status_reason": "since today"}
    emulator.add_fault(Fault(method="GET", path="/v0/models", status=200, body=[entry], times=None))
    text = f"has the unknown status '{word}' (since today)"
    assert text in told(stack.preview())
    assert text in told(stack.refresh())
    with pytest.raises(FAILED) as caught:
        stack.up()
    assert text in str(caught.value)
    assert "continue waiting" not in str(caught.value)
    assert [each["id"] for each in custom_models(stack)] == [kept["name"]]


def test_a_key_that_is_refused_in_a_wait_keeps_the_model(make_stack: MakeStack, emulator: Emulator) -> None:
    """The suggested fix is the key and not a longer deadline, and the next `up` continues without another POST."""
    emulator.settings.validation_seconds = 1
    emulator.add_fault(Fault(method="GET", status=401, times=None))
    stack = make_stack()
    with pytest.raises(FAILED, match="the key was refused") as caught:
        stack.up()
    assert "check the key (`pulumi config set --secret nebius-models:apiKey <key>`" in str(caught.value)
    assert "custom_timeouts" not in str(caught.value)
    emulator.clear_faults()
    stack.up()
    assert [each["id"] for each in custom_models(stack)] == [model["name"] for model in emulator.models()]
    assert len(emulator.requests(method="POST", path="/v0/models")) == 1


def test_a_rotated_key_is_explained(make_stack: MakeStack, emulator: Emulator) -> None:
    """Refresh and destroy use the recorded key and say so, and they work with `--run-program`."""
    emulator.settings.active_on_create = True
    stack = make_stack()
    stack.up()
    emulator.settings.api_key = "another-key-0123456789"
    for operation in (stack.refresh, stack.destroy):
        with pytest.raises(FAILED, match="the key that the last `pulumi up` recorded in the state") as caught:
            operation()
        assert "`pulumi destroy --run-program`" in str(caught.value)
    stack.set_config("nebius-models:apiKey", ConfigValue("another-key-0123456789", secret=True))
    assert stack.refresh(run_program=True).summary.resource_changes == {"same": 2}
    stack.destroy(run_program=True)
    assert emulator.models() == []


def test_a_refusal_says_what_it_is_about(make_stack: MakeStack, emulator: Emulator) -> None:
    """The messages distinguish billing, quota, the base URL and a proxy, in the service's words."""
    stack = make_stack()
    for status, words, opening in (
        (402, "top up", "Nebius refused for the account's billing: top up"),
        (403, "model quota exceeded", "Nebius refused for the account's quota: model quota exceeded"),
        (405, "Method Not Allowed", "Nebius does not accept this call: Method Not Allowed"),
        (407, "log in", "a proxy requires its own user and password: log in"),
    ):
        emulator.clear_faults()
        emulator.add_fault(Fault(method="POST", status=status, body={"detail": words}, times=None))
        with pytest.raises(FAILED) as caught:
            stack.up()
        assert opening in str(caught.value)
        assert "change the input it names" not in str(caught.value)
    assert emulator.models() == []
