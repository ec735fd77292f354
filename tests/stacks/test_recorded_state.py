"""A state file as the package wrote it on 24 November 2026: its stack works with every later version of the code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pulumi.automation import Deployment

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import MakeStack, custom_models, held, names, replace_program, set_variable
from tests.support.stacks import program_with

STATE = Path(__file__).parent / "data" / "state.json"
PICKLE = "gASVPQAAAAAAAACMHm5lYml1c19tb2RlbF9yZXNvdXJjZS5wcm92aWRlcpSME0N1c3RvbU1vZGVsUHJvdmlkZXKUk5QpgZQu"


def with_that_state(make_stack: MakeStack, emulator: Emulator) -> Any:
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
    set_variable(made, "NEBIUS_API_KEY", emulator.api_key)
    set_variable(made, "NEBIUS_BASE_URL", emulator.url)
    if hasattr(made, "workspace"):
        made.import_stack(Deployment(**state))
    else:
        made.file.path.parent.mkdir(parents=True, exist_ok=True)
        made.file.path.write_text(json.dumps(state))
    return made


def test_a_recorded_state_still_works(make_stack: MakeStack, emulator: Emulator) -> None:
    """A refresh changes nothing, a preview shows nothing, a change replaces the model, and destroy deletes it."""
    stack = with_that_state(make_stack, emulator)
    [old] = names(emulator)
    [record] = custom_models(stack)
    assert (record["id"], record["inputs"]["__provider"]) == (old, PICKLE)
    assert stack.refresh().summary.resource_changes == {"same": 2}
    assert set(stack.preview().change_summary) == {"same"}
    replace_program(stack, program_with(description="second"))
    assert stack.up().summary.resource_changes["replace"] == 1
    [new] = names(emulator)
    assert new != old
    assert held(stack) == [new]
    stack.destroy()
    assert names(emulator) == []
