"""A state file as the package wrote it on 24 November 2026: its stack works with every later version of the code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import Deployment

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import MakeStack, custom_models, replace_program
from tests.support.stacks import program_with

STATE = Path(__file__).parent / "data" / "state.json"
PICKLE = "gASVPQAAAAAAAACMHm5lYml1c19tb2RlbF9yZXNvdXJjZS5wcm92aWRlcpSME0N1c3RvbU1vZGVsUHJvdmlkZXKUk5QpgZQu"


@pytest.fixture
def stack(make_stack: MakeStack, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stack with that state, whose model is at the service; the key comes from the environment, as it did then."""
    emulator.settings.active_on_create = True
    name = emulator.add_model(
        name="bot",
        base_model="meta-llama/Meta-Llama-3.1-8B-Instruct",
        source="ftjob-0123:ftckpt_4567",
        description="first",
    )
    made = make_stack(program_with(description="first"))
    state = json.loads(STATE.read_text().replace("GENERATED_NAME", name))
    variables = {"NEBIUS_API_KEY": emulator.api_key, "NEBIUS_BASE_URL": emulator.url}
    if hasattr(made, "workspace"):
        made.workspace.env_vars.update(variables)
        made.import_stack(Deployment(**state))
    else:
        made.setting.env_vars.update(variables)
        made.file.path.parent.mkdir(parents=True, exist_ok=True)
        made.file.path.write_text(json.dumps(state))
    return made


def names(emulator: Emulator) -> list[str]:
    return [model["name"] for model in emulator.models()]


def test_a_recorded_state_still_works(stack: Any, emulator: Emulator) -> None:
    """A refresh changes nothing, a preview shows nothing, a change replaces the model, and destroy deletes it."""
    [old] = names(emulator)
    [held] = custom_models(stack)
    assert (held["id"], held["inputs"]["__provider"]) == (old, PICKLE)
    assert stack.refresh().summary.resource_changes == {"same": 2}
    assert set(stack.preview().change_summary) == {"same"}
    replace_program(stack, program_with(description="second"))
    assert stack.up().summary.resource_changes["replace"] == 1
    [new] = names(emulator)
    assert new != old
    assert [each["id"] for each in custom_models(stack)] == [new]
    stack.destroy()
    assert names(emulator) == []


def test_a_recorded_state_is_destroyed(stack: Any, emulator: Emulator) -> None:
    """A destroy of the unchanged state, without an `up` before, deletes the model."""
    stack.destroy()
    assert (names(emulator), custom_models(stack)) == ([], [])
