"""What a person sees about a model that is not as it should be, on each engine there is."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.automation import ConfigValue

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import FAILED, MakeStack, held, hurried, names, replace_program

REASON = "adapter rank 512 is larger than 128"
LAZY: dict[str, Any] = {"wait_for_active": False}


def test_a_model_kept_as_validating_that_fails_is_replaced_with_its_reason(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """A refresh of it names it and keeps it; after it failed, preview and up say why, and the diff shows its status.

    An active model that fails later is named by the next refresh and preview.
    """
    emulator.settings.validation_seconds = 600
    stack = make_stack(hurried())
    with pytest.raises(FAILED, match="still validating after"):
        stack.up()
    [kept] = emulator.models()
    for _ in range(2):
        refreshed = stack.refresh()
        assert f"'{kept['name']}' is still validating: `pulumi up` waits until it is active" in told(
            refreshed
        )
    assert held(stack) == [kept["name"]]

    emulator.change_model(kept["name"], status="error", status_reason=REASON)
    emulator.settings.active_on_create = True
    preview = stack.preview(diff=True)
    assert 'status: "validating"' in preview.stdout
    assert REASON in told(preview)
    made = stack.up()
    assert f"warning: the model '{kept['name']}' is in status 'error': {REASON}" in made.stdout
    [new] = emulator.models()
    assert new["name"] != kept["name"]
    assert stack.refresh().summary.resource_changes == {"same": 2}
    assert set(stack.preview().change_summary) == {"same"}

    emulator.change_model(new["name"], status="error", status_reason=REASON)
    assert REASON in told(stack.refresh())
    preview = stack.preview(diff=True)
    assert REASON in told(preview)
    assert 'status: "error"' in preview.stdout


def told(result: Any) -> str:
    """Everything that an operation printed."""
    return str(result.stdout) + str(result.stderr)


def test_a_failed_model_without_a_wait_fails_each_up(make_stack: MakeStack, emulator: Emulator) -> None:
    """It is not replaced again and again: every `up` fails with the reason, until its inputs change."""
    emulator.settings.validation_seconds = 600
    stack = make_stack(hurried(**LAZY))
    stack.up()
    [failed] = emulator.models()
    emulator.change_model(failed["name"], status="error", status_reason=REASON)
    for _ in range(2):
        with pytest.raises(
            FAILED, match=f"validation failed: {REASON}; the model stays in the state: change `source`"
        ):
            stack.up()
    assert names(emulator) == [failed["name"]]
    replace_program(stack, hurried(**LAZY, description="other"))
    stack.up()
    [new] = emulator.models()
    assert new["name"] != failed["name"]


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
