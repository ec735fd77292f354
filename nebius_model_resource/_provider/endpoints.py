"""What a provider decides about one ``DedicatedEndpoint``.

Every endpoint has a routing key of its own with a random part: after a lost answer it is found by it. An endpoint
costs money by the hour, so a create that fails deletes what it made. A change never deletes anything.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from nebius_model_resource import errors
from nebius_model_resource._provider.calls import Call, Changes, Operation
from nebius_model_resource._provider.create import Creation
from nebius_model_resource._provider.listing import ENDPOINTS
from nebius_model_resource._provider.properties import ENDPOINT, UNKNOWN, State
from nebius_model_resource._provider.provisioned import ProvisionedType
from nebius_model_resource._service.names import inference_url
from nebius_model_resource._service.retry import repeat
from nebius_model_resource._service.types import ERROR, PARTIALLY_READY, READY, DedicatedEndpointInfo
from nebius_model_resource.errors import Fault

STARTING, RUNNING, STOPPING, STOPPED = "starting", "running", "stopping", "stopped"


class DedicatedEndpoints(ProvisionedType):
    """The dedicated endpoints of one provider process."""

    table = ENDPOINT
    collection = ENDPOINTS
    default_seconds = 3600.0  # GPUs may have to become free, and weights to be loaded
    waits, goal, first_status = "wait_for_ready", "ready", STARTING
    restarting = frozenset({"gpu_type", "gpu_count", "custom_weights_id", "enabled"})

    # Check and diff.

    def examine(
        self, call: Call, olds: Mapping[str, Any], inputs: dict[str, Any], faults: list[Fault]
    ) -> list[Fault]:
        """Compare the numbers of replicas, and give the routing key and the URL of the calls."""
        if faults:
            return []
        least, most = inputs["min_replicas"], inputs["max_replicas"]
        if UNKNOWN not in (least, most) and least > most:
            return [Fault("min_replicas", f"must not exceed the maximum, which is {most:.0f}")]
        if found := super().examine(call, olds, inputs, faults):
            return found
        inputs["routing_key"] = olds.get("routing_key") or self._routing_key(call, inputs)
        self.complete(inputs)
        return []

    def _routing_key(self, call: Call, inputs: Mapping[str, Any]) -> str:
        """That of the endpoint to adopt, or a new one of the documented form; unknown if its parts are."""
        name, id_, project = (inputs.get(each) for each in ("name", "import_id", "ai_project_id"))
        if UNKNOWN in (name, id_, project):
            return UNKNOWN
        if id_:
            return str(self.find(id_, project, self.operation(call)).routing_key)
        shown = "" if "name" in call.secrets else str(name).lower()
        word = re.sub(r"[^a-z0-9]+", "-", shown).strip("-") or "endpoint"
        return f"dedicated/{word}-{(call.seed or uuid.uuid4().bytes).hex()[:8]}"

    def complete(self, inputs: dict[str, Any]) -> None:
        """Add the URL of the calls, which depends on the region."""
        region = inputs.get("region")
        url = inference_url(self.configuration.base_url(), region)
        inputs["inference_url"] = UNKNOWN if region == UNKNOWN else url

    def examine_live(self, call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> Changes:
        """What an endpoint needs that was not ready: one that failed is changed in place, if that is asked for."""
        changed = self.table.changed(self.table.inputs_of(olds), self.table.inputs_of(news))
        if olds.get("status") == ERROR and self._sent(changed):
            return Changes({})
        return super().examine_live(call, id_, olds, news)

    # Create and update.

    def creation(self, inputs: Mapping[str, Any], operation: Operation) -> Creation[DedicatedEndpointInfo]:
        """The POST of an endpoint, which has no ``enabled``."""
        client, project, body = self.account().client, inputs.get("ai_project_id"), self.table.body(inputs)
        del body["enabled"]
        key: str = inputs["routing_key"]

        def has_key(endpoint: DedicatedEndpointInfo) -> bool:
            return endpoint.routing_key == key

        return Creation(
            name=key,
            things=self.things(project),
            send=lambda: client.create_endpoint(body, project, operation.deadline),
            fits=has_key,
            is_own=has_key,
        )

    def after_create(self, state: State, operation: Operation) -> State:
        """Stop an endpoint that is declared as stopped: a POST always starts it."""
        if state.inputs["enabled"]:
            return state
        try:
            return self._patch(state, ["enabled"], operation)
        except errors.EngineGone:
            raise
        except errors.NebiusError as error:
            raise errors.ProvisioningFailed(
                f"it could not be stopped: {error.message}", state=state
            ) from error

    def change(self, state: State, changed: Collection[str], operation: Operation) -> frozenset[str]:
        """Send a PATCH of the inputs that have changed."""
        sent = self._sent(changed)
        if sent:
            self._patch(state, sent, operation)
        return sent if state.inputs[self.waits] else frozenset()

    def _sent(self, changed: Collection[str]) -> frozenset[str]:
        return frozenset(name for name in changed if self.table.inputs[name].sent)

    def _patch(self, state: State, changed: Collection[str], operation: Operation) -> State:
        project = state.inputs.get("ai_project_id")
        body = self.table.body(state.inputs, changed)
        info = self.account().client.change_endpoint(state.id, body, project, operation.deadline)
        self.things(project).changed()
        return self.seen(state, info)

    # What the service reports.

    def seen(self, state: State, info: DedicatedEndpointInfo) -> State:
        """A state with what the service reports."""
        outputs = {
            "endpoint_id": info.endpoint_id,
            "status": info.status or state.status,
            "readiness": info.readiness,
            "ready_replicas": info.ready_replicas,
            "created_at": info.created_at or state.outputs.get("created_at"),
        }
        return replace(state, outputs=outputs)

    def shown(self, state: State) -> str:
        """The status, with the replicas that are ready and those that are wanted."""
        ready = state.outputs.get("ready_replicas")
        if ready is None or not state.inputs.get("enabled"):
            return state.status
        return f"{state.status}, {ready} of {state.inputs.get('min_replicas', '?')} replicas ready"

    def is_ready(self, state: State) -> bool:
        """Whether an endpoint takes traffic, or is stopped as declared, or is not waited for."""
        if not state.inputs.get(self.waits):
            return state.status != ERROR
        if not state.inputs.get("enabled"):
            return state.status == STOPPED
        return state.status == RUNNING and state.outputs.get("readiness") in (READY, PARTIALLY_READY)

    def is_settled(self, state: State) -> bool:
        """Whether an endpoint neither starts nor stops, nor has failed: what else it does follows from autoscaling."""
        return state.status not in (STARTING, STOPPING, ERROR)

    def why_not_adopted(self, state: State) -> str:
        """Why an endpoint cannot be adopted: it has failed."""
        return "is in status 'error': name another" if state.status == ERROR else ""

    def status_warning(self, state: State) -> str | None:
        """What is wrong with an existing endpoint; None if nothing is."""
        if state.outputs.get("readiness") == PARTIALLY_READY:
            return f"the endpoint {state.id!r} is partially ready: {self.shown(state)}"
        return super().status_warning(state)

    def remove(self, state: State, operation: Operation) -> None:
        """Delete an endpoint, and wait until the list no longer has it."""
        super().remove(state, operation)
        things = self.things(state.inputs.get("ai_project_id"))

        def look() -> None:
            snapshot = things.fresh(operation.deadline)
            if snapshot.failure or snapshot.find(state.id):
                raise snapshot.failure or errors.UnusableAnswer("the list still has the endpoint")

        repeat(look, operation.deadline, report=operation.retrying)
