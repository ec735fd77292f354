"""What a provider decides about one ``CustomModel``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nebius_model_resource._provider import messages
from nebius_model_resource._provider.calls import Operation
from nebius_model_resource._provider.create import Creation
from nebius_model_resource._provider.listing import MODELS
from nebius_model_resource._provider.properties import MODEL, State
from nebius_model_resource._provider.provisioned import ProvisionedType
from nebius_model_resource._service.names import GeneratedName
from nebius_model_resource._service.types import ACTIVE, ERROR, VALIDATING, CustomModelInfo


class CustomModels(ProvisionedType):
    """The models of one provider process."""

    table = MODEL
    collection = MODELS
    default_seconds = 600.0  # for a model to become active: as long as published clients wait
    waits, goal, first_status = "wait_for_active", "active", VALIDATING

    def creation(self, inputs: Mapping[str, Any], operation: Operation) -> Creation[CustomModelInfo]:
        """The POST of a model; another model can have the same name, and the list shows what is new."""
        client, project, body = self.account().client, inputs.get("ai_project_id"), self.table.body(inputs)
        return Creation(
            name=inputs["name"],
            things=self.things(project),
            send=lambda: client.create_model(body, project, operation.deadline),
            fits=lambda model: not self.table.changed(inputs, self.table.live(inputs, model)),
            adopt=messages.adopting(self.configuration),
        )

    def seen(self, state: State, info: CustomModelInfo) -> State:
        """A state with what the service reports; the short name of an answer never replaces the full one."""
        name = info.generated_name
        full = name if GeneratedName.parse(name).base else state.id
        outputs = {
            "generated_name": full,
            "status": info.status or state.status,
            "status_reason": info.status_reason,
            "created_at": info.created_at or state.outputs.get("created_at"),
        }
        return replace(state, id=full, outputs=outputs)

    def is_ready(self, state: State) -> bool:
        """Whether a model has its full name and is active, or is not waited for."""
        waits = state.inputs.get("wait_for_active") or state.status == ERROR
        return GeneratedName.parse(state.id).base is not None and (state.status == ACTIVE or not waits)

    def is_settled(self, state: State) -> bool:
        """Whether a model is active: any other one gets there, or is replaced."""
        return state.status == ACTIVE

    def why_not_adopted(self, state: State) -> str:
        """Why a model cannot be adopted: it is not active."""
        if state.status == ACTIVE:
            return ""
        status = f"is {state.status}" if state.status else "has no status yet"
        reason = f" ({state.reason})" if state.reason else ""
        return f"{status}{reason}: only an active model can be adopted, wait or name another"
