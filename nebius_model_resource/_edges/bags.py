"""Property bags of the engine to dataclasses of the core, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nebius_model_resource._api.models import Inputs, State, whole_number

INPUTS = ("name", "base_model", "source", "description", "ai_project_id", "wait_for_active", "import_id")


def inputs_of(props: Mapping[str, Any]) -> Inputs:
    """The declared inputs of a bag."""
    waits = props.get("wait_for_active")
    return Inputs(
        name=props.get("name") or "",
        base_model=props.get("base_model") or "",
        source=props.get("source") or "",
        description=props.get("description") or None,
        ai_project_id=props.get("ai_project_id") or None,
        wait_for_active=waits if isinstance(waits, bool) else True,
        import_id=props.get("import_id") or None,
    )


def state_of(id_: str, props: Mapping[str, Any]) -> State:
    """A model from the outputs in the state; every number arrives as a float."""
    reason = props.get("status_reason")
    return State(
        inputs_of(props), id_, props.get("status") or "", reason, whole_number(props.get("created_at"))
    )


def input_bag(inputs: Inputs) -> dict[str, Any]:
    """The inputs that have a value: the engine drops a property of None."""
    bag = {name: getattr(inputs, name) for name in INPUTS}
    return {name: value for name, value in bag.items() if value not in (None, "")}


def output_bag(state: State) -> dict[str, Any]:
    """The inputs and the outputs."""
    computed = {
        "generated_name": state.generated_name,
        "status": state.status,
        "status_reason": state.status_reason,
        "created_at": state.created_at,
    }
    return {
        **input_bag(state.inputs),
        **{name: value for name, value in computed.items() if value is not None},
    }


def change_kind(old: Any, new: Any) -> str:
    """The engine's name for a change of one property."""
    if old in (None, ""):
        return "ADD"
    return "DELETE" if new in (None, "") else "UPDATE"
