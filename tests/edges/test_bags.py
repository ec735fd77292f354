"""Property bags to dataclasses and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nebius_model_resource._api.models import Inputs, State
from nebius_model_resource._edges.bags import change_kind, input_bag, inputs_of, output_bag, state_of

NAME = "acme/Base-LoRa:bot-AbCd"
BAG: dict[str, Any] = {
    "name": "bot",
    "base_model": "acme/Base",
    "source": "file-1",
    "description": "answers",
    "ai_project_id": "p",
    "wait_for_active": False,
    "import_id": NAME,
}
INPUTS = Inputs("bot", "acme/Base", "file-1", "answers", "p", wait_for_active=False, import_id=NAME)
OUTPUTS = {"generated_name": NAME, "status": "error", "status_reason": "rank", "created_at": 1_790_000_000}
STATE = State(INPUTS, NAME, "error", "rank", 1_790_000_000)


def test_a_complete_bag_has_every_property() -> None:
    """Nothing is lost on the way in or out; the engine's numbers are floats."""
    assert inputs_of(BAG) == INPUTS
    assert input_bag(INPUTS) == BAG
    assert state_of(NAME, {**BAG, **OUTPUTS, "created_at": 1_790_000_000.0}) == STATE
    assert output_bag(STATE) == {**BAG, **OUTPUTS}


@pytest.mark.parametrize("absent", [None, ""])
def test_an_absent_text_is_none_or_empty(absent: Any) -> None:
    """A required text that is missing is empty, an optional one is None, and neither is in the bag."""
    bag = dict.fromkeys(BAG, absent)
    assert inputs_of(bag) == inputs_of({}) == Inputs("", "", "")
    assert input_bag(inputs_of(bag)) == {"wait_for_active": True}


@pytest.mark.parametrize("given", [None, "no", 0, 1.0])
def test_only_a_flag_switches_the_wait_off(given: Any) -> None:
    """A value that is neither True nor False counts as the default."""
    assert inputs_of({**BAG, "wait_for_active": given}).wait_for_active is True
    assert inputs_of({**BAG, "wait_for_active": False}).wait_for_active is False


def test_outputs_that_the_service_does_not_report_are_absent() -> None:
    """A model without a reason and a time has neither in its bag."""
    bare = State(replace(INPUTS, import_id=None), NAME, "active")
    bag = output_bag(bare)
    assert "status_reason" not in bag
    assert "created_at" not in bag
    assert "import_id" not in bag
    assert state_of(NAME, bag) == bare
    assert state_of(NAME, {}).status == ""


@pytest.mark.parametrize("absent", [None, ""])
def test_a_change_is_an_addition_a_deletion_or_an_update(absent: Any) -> None:
    """None and an empty text are both absent."""
    assert change_kind(absent, "new") == "ADD"
    assert change_kind("old", absent) == "DELETE"
    assert change_kind("old", "new") == "UPDATE"
    assert change_kind(absent, absent) == "ADD"
