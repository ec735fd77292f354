"""What a person sees of a stack whose configuration or inputs are not as they should be, on either engine."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pulumi.automation import ConfigValue

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import FAILED, MakeStack, custom_models, preview, replace_program, set_variable
from tests.support.stacks import program_with

PLAIN_KEY = "nebius-models:apiKey is not a secret: the stack's configuration and state hold it as plain text"
HEAD = "import pulumi\nfrom nebius_model_resource import CustomModel\n"
SECRETS = (
    HEAD
    + """
later = pulumi.Output.secret("TOPSECRET").apply(lambda text: text + " bad")
CustomModel(
    "bot",
    name=pulumi.Output.secret("TOPSECRET bad"),
    base_model=pulumi.Output.format("{}/x", later),
    source=later,
    ai_project_id=pulumi.Output.from_input(["x", pulumi.Output.secret("TOPSECRET")]),
    description=pulumi.Output.from_input(5),
    wait_for_active=pulumi.Output.secret("TOPSECRET"),
)
"""
)


def failed_preview(stack: Any) -> str:
    with pytest.raises(FAILED) as caught:
        stack.preview()
    return str(caught.value)


def test_a_key_that_is_no_secret_is_warned_of_once(make_stack: MakeStack, emulator: Emulator) -> None:
    """A program of several models gets one warning, with the command; a secret or a key of the environment causes none.

    Without any key a look-up in a program names the same fix.
    """
    program = program_with() + 'CustomModel("other", base_model="a/b", source="file-1")\n'
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:preflight": "false"}
    stack = make_stack(program, config)
    assert preview(stack)[1] == [f"{PLAIN_KEY}: run `pulumi config set --secret nebius-models:apiKey <key>`"]
    stack.set_config("nebius-models:apiKey", ConfigValue(emulator.api_key, secret=True))
    assert preview(stack)[1] == []
    stack.remove_config("nebius-models:apiKey")
    set_variable(stack, "NEBIUS_API_KEY", emulator.api_key)
    assert preview(stack)[1] == []
    set_variable(stack, "NEBIUS_API_KEY", "")
    replace_program(stack, "import nebius_model_resource\nnebius_model_resource.list_custom_models()\n")
    assert "no Nebius API key: run `pulumi config set --secret nebius-models:apiKey <key>`" in failed_preview(
        stack
    )


def test_a_secret_that_cannot_be_used_is_named_and_a_token_is_not_shown(make_stack: MakeStack) -> None:
    """Our words never have the value of an input; the engine's have it, but for a URL with a token in it."""
    stack = make_stack(SECRETS)
    told = failed_preview(stack)
    for prop in ("name", "base_model", "source", "ai_project_id", "wait_for_active"):
        [reason] = set(re.findall(rf"property {prop} value .* has a problem: (.*)", told))
        assert reason.startswith("must be ")
        assert "TOPSECRET" not in reason
    assert "property description value {5} has a problem: must be text" in told
    replace_program(stack, program_with(source="https://user:s3cret@huggingface.co/org/repo"))
    told = failed_preview(stack)
    assert "s3cret" not in told
    assert "`source`: must be" in told


def test_a_base_url_and_a_source_as_people_paste_them_work(make_stack: MakeStack, emulator: Emulator) -> None:
    """Another spelling of URL, source or description is no change; a bad project is refused."""
    source = "https://HuggingFace.co/org/repo.git"
    program = program_with(source=source, description="answers tickets\n")
    stack = make_stack(program, {"nebius-models:baseUrl": f"{emulator.url}/v1/"})
    stack.up()
    [model] = emulator.models()
    assert model["source"] == "huggingface.co/org/repo"
    assert [each["inputs"]["source"] for each in custom_models(stack)] == [source]
    stack.refresh()
    replace_program(stack, program_with(source="huggingface.co/org/repo", description="answers tickets"))
    assert set(stack.preview().change_summary) == {"same"}
    stack.set_config("nebius-models:baseUrl", ConfigValue(emulator.url))
    stack.set_config("nebius-models:aiProjectId", ConfigValue("aiproject 1"))
    assert "the project in nebius-models:aiProjectId has spaces or line breaks in it" in failed_preview(stack)
