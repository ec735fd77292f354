"""Several accounts in one stack, and how the state holds their keys, on each engine there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import ConfigValue

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import FAILED, MakeStack, custom_models, held, names, replace_program, set_variable

EU_KEY = "key-of-the-eu-account-0123456789"
VARIABLE = "NEBIUS_API_KEY_EU"
HEAD = """
import pulumi
from pulumi import ComponentResource, InvokeOptions, ResourceOptions
from nebius_model_resource import (
    CustomModel, Provider, get_custom_model, get_custom_model_output, list_custom_models, list_custom_models_output)

B = dict(base_model="meta-llama/Meta-Llama-3.1-8B-Instruct", source="huggingface.co/a/b")
settings = pulumi.Config("eu")
"""
BY_KEY = 'eu = Provider("eu", api_key=settings.require("key"), base_url=settings.require("url"))\n'
BY_VARIABLE = f'eu = Provider("eu", api_key_variable="{VARIABLE}", base_url=settings.require("url"))\n'
HOME, ABROAD = 'CustomModel("home", **B)\n', 'CustomModel("abroad", **B, opts=ResourceOptions(provider=eu))\n'


@pytest.fixture
def eu() -> Iterator[Emulator]:
    """The service of a second account, with a key of its own."""
    with Emulator(api_key=EU_KEY, active_on_create=True) as running:
        yield running


@pytest.fixture
def make(
    make_stack: MakeStack, emulator: Emulator, eu: Emulator, monkeypatch: pytest.MonkeyPatch
) -> MakeStack:
    """Creates stacks that know the URL of the second account; its key is in the environment as well."""
    emulator.settings.active_on_create = True
    monkeypatch.setenv("KEY_OF_EU", eu.api_key)

    def make(program: str) -> Any:
        stack = make_stack(HEAD + program, {"eu:url": eu.url})
        stack.set_config("eu:key", ConfigValue(eu.api_key, secret=True))
        return stack

    return make


def state(stack: Any) -> str:
    """The state as in its file: secrets are encrypted."""
    if hasattr(stack, "workspace"):
        place = stack.workspace.env_vars["PULUMI_BACKEND_URL"].removeprefix("file://")
        return Path(place, ".pulumi", "stacks", "models", "test.json").read_text()
    return str(stack.file.path.read_text())


def resources(stack: Any) -> list[dict[str, Any]]:
    """The records of the state's file."""
    document = json.loads(state(stack))
    found: list[dict[str, Any]] = (document.get("checkpoint", {}).get("latest") or document["deployment"])[
        "resources"
    ]
    return found


def test_each_model_lives_in_its_own_account(make: MakeStack, emulator: Emulator, eu: Emulator) -> None:
    """Create, preview, refresh and destroy use the key and the service of the model's provider.

    A key, a variable and a base URL change in place, the key is shown as a secret, and the models stay.
    """
    stack = make(BY_KEY + HOME + ABROAD)
    stack.preview()
    assert names(emulator, eu) == []
    stack.up()
    assert [len(names(emulator)), len(names(eu))] == [1, 1]
    assert held(stack) == names(emulator, eu)
    assert set(stack.preview(refresh=True).change_summary) == {"same"}
    before = names(emulator, eu)
    assert EU_KEY not in state(stack)
    for changed in (
        BY_KEY.replace('settings.require("key")', f'"{EU_KEY} "'),
        BY_VARIABLE.replace(VARIABLE, "KEY_OF_EU"),
        BY_VARIABLE.replace(VARIABLE, "KEY_OF_EU").replace('"url")', '"url") + "/v1"'),
    ):
        replace_program(stack, HEAD + changed + HOME + ABROAD)
        preview = stack.preview(diff=True)
        assert preview.change_summary == {"same": 3, "update": 1}
        assert EU_KEY not in preview.stdout
        stack.up()
        assert held(stack) == names(emulator, eu) == before
    eu.change_model(names(eu)[0], description="by hand")
    stack.refresh()
    assert '- description: "by hand"' in stack.preview(diff=True).stdout
    stack.destroy()
    assert names(emulator, eu) == []


ELSEWHERE = """
class Team(ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("acme:index:Team", name, None, opts)
        self.bot = CustomModel("bot", **B, opts=ResourceOptions(parent=self))
        self.seen = list_custom_models_output(opts=InvokeOptions(parent=self)).apply(len)

at_eu = InvokeOptions(provider=eu)
team = Team("team", ResourceOptions(providers=[eu]))
CustomModel("adopted", name="bot", **B, opts=ResourceOptions(provider=eu, import_={bot!r}))
seen = CustomModel.get("seen", {other!r}, ResourceOptions(provider=eu))
pulumi.export("team", team.bot.status)
pulumi.export("told", pulumi.Output.all(seen.status, get_custom_model_output({other!r}, at_eu).name))
pulumi.export("plain", get_custom_model({other!r}, at_eu).status)
pulumi.export("listed", len(list_custom_models(opts=at_eu)) > 1)
"""


def test_all_that_has_a_provider_uses_its_account(make: MakeStack, emulator: Emulator, eu: Emulator) -> None:
    """So do a component's models and look-ups, adoption, `get` and the functions."""
    bot, other = (
        eu.add_model(
            name=name, base_model="meta-llama/Meta-Llama-3.1-8B-Instruct", source="huggingface.co/a/b"
        )
        for name in ("bot", "other")
    )
    stack = make(BY_VARIABLE.replace(VARIABLE, "KEY_OF_EU") + ELSEWHERE.format(bot=bot, other=other))
    outputs = {name: output.value for name, output in stack.up().outputs.items()}
    assert outputs == {"team": "active", "told": ["active", "other"], "plain": "active", "listed": True}
    assert len(names(eu)) == 3
    stack.destroy()
    assert names(eu) == [other]
    assert emulator.requests() == []


def test_an_output_as_key_is_for_the_functions_on_outputs(make: MakeStack, eu: Emulator) -> None:
    """A plain function cannot wait for a secret and names the function that can, whose result is not secret."""
    name = eu.add_model(name="bot", base_model="a/b", source="file-1")
    secret = BY_KEY.replace("require(", "require_secret(", 1)
    call = "get_custom_model{}({!r}, InvokeOptions(provider=eu))"
    stack = make(secret + f"pulumi.export('status', {call.format('_output', name)}.status)\n")
    status = stack.up().outputs["status"]
    assert (status.value, status.secret) == ("active", False)
    replace_program(stack, HEAD + secret + call.format("", name) + "\n")
    with pytest.raises(
        FAILED, match="has an output among its arguments: use get_custom_model_output"
    ) as caught:
        stack.preview()
    assert "functions.py" not in str(caught.value)


def test_a_key_in_a_variable_is_never_in_the_state(make: MakeStack, emulator: Emulator, eu: Emulator) -> None:
    """After a rotation, refresh and destroy use the new key at once; a preview names a missing variable."""
    stack = make(BY_VARIABLE + HOME + ABROAD)
    with pytest.raises(
        FAILED, match="set the environment variable that api_key_variable of Provider 'eu' names"
    ):
        stack.preview()
    set_variable(stack, VARIABLE, eu.api_key)
    stack.up()
    assert held(stack) == names(emulator, eu)
    assert EU_KEY not in state(stack)
    rotated = "another-key-of-the-eu-account-9876"
    eu.settings.api_key = rotated
    set_variable(stack, VARIABLE, rotated)
    assert stack.refresh().summary.resource_changes == {"same": 4}
    stack.destroy()
    assert names(emulator, eu) == []


def test_the_key_of_the_configuration_or_its_variable(make: MakeStack, emulator: Emulator) -> None:
    """The state has the key encrypted, with the default provider, and none if `apiKeyVariable` names a variable.

    Both at once are refused, and so is a variable that is not set.
    """
    stack = make(HOME)
    stack.up()
    assert emulator.api_key not in state(stack)
    [default] = [each for each in resources(stack) if each["type"] == "pulumi:providers:pulumi-python"]
    assert "ciphertext" in default["inputs"]["nebius-models:apiKey"]
    stack.set_config("nebius-models:apiKeyVariable", ConfigValue("KEY_OF_HOME"))
    with pytest.raises(FAILED, match="nebius-models:apiKey and nebius-models:apiKeyVariable are both set"):
        stack.preview()
    stack.remove_config("nebius-models:apiKey")
    missing = "set the environment variable that nebius-models:apiKeyVariable names"
    with pytest.raises(FAILED, match=missing):
        stack.preview()
    set_variable(stack, "KEY_OF_HOME", emulator.api_key)
    stack.up()
    [default] = [each for each in resources(stack) if each["type"] == "pulumi:providers:pulumi-python"]
    assert "nebius-models:apiKey" not in default["inputs"]
    assert emulator.api_key not in state(stack)
    stack.destroy()
    assert names(emulator) == []


def test_a_provider_with_two_keys_is_refused(make: MakeStack) -> None:
    """The line names both arguments and the provider."""
    stack = make('eu = Provider("eu", api_key="k", api_key_variable="KEY_OF_EU")\n' + ABROAD)
    with pytest.raises(
        FAILED,
        match="api_key of Provider 'eu' and api_key_variable of Provider 'eu' are both set: remove one",
    ) as caught:
        stack.preview()
    assert "resources.py" not in str(caught.value)


def test_a_model_that_changes_its_account(make: MakeStack, emulator: Emulator, eu: Emulator) -> None:
    """The engine does not replace it; with `--replace` it is created in the new account and deleted in the old one."""
    stack = make(BY_KEY + ABROAD)
    stack.up()
    [held_model] = custom_models(stack)
    replace_program(stack, HEAD + BY_KEY + ABROAD.replace(", opts=ResourceOptions(provider=eu)", ""))
    assert "replace" not in stack.preview().change_summary
    stack.up(replace=[held_model["urn"]])
    assert (names(eu), held(stack)) == ([], names(emulator))
