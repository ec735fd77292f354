"""Dedicated endpoints: templates, create, list, update and delete, and the time that replicas take.

The paths, the fields and their bounds come from published readings of the service's OpenAPI (2026). Ids, the text of
errors, what a delete answers and how a flavor describes itself are ours: nothing is documented.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field

from .answers import Answer, Refused, Request, as_json
from .store import Store

if TYPE_CHECKING:
    from .core import Service

# Strict: 1.0, which is what a client of a wire without whole numbers may send, is refused.
Replicas = Annotated[int, Field(strict=True, ge=1)]
GpuCount = Annotated[int, Field(strict=True, ge=0)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Phase = Literal["starting", "updating", "stopping"]
_PATH = "/v0/dedicated_endpoints"
_RESTARTING = ("gpu_type", "gpu_count", "custom_weights_id")
_DEPLOYMENT = ("ready_replicas", "status", "readiness")
_STOPPED = {"status": "stopped", "readiness": "not_ready", "ready_replicas": 0}
_BY_HAND = {
    "model_name": "meta-llama/Llama-3.3-70B-Instruct",
    "flavor_name": "base",
    "gpu_type": "gpu-h100-sxm",
    "gpu_count": 1,
    "region": "eu-north1",
    "scaling": {"min_replicas": 1, "max_replicas": 1},
    "status": "running",
    "readiness": "ready",
    "ready_replicas": 1,
}


class Scaling(BaseModel, frozen=True):
    """How many replicas there are; whether the first may be above the second is not documented."""

    min_replicas: Replicas
    max_replicas: Replicas


class _Optional(BaseModel):
    description: Annotated[str, Field(max_length=500)] | None = None
    routing_key: Annotated[str, Field(min_length=11, max_length=128, pattern="^dedicated/")] | None = None
    custom_weights_id: str | None = None


class NewEndpoint(_Optional):
    """The documented body of a create; fields beyond these are ignored."""

    name: Name
    model_name: str
    flavor_name: str
    region: str
    gpu_type: str
    gpu_count: GpuCount
    scaling: Scaling


class Change(_Optional, extra="forbid"):
    """The documented body of an update; null leaves a field as it is, and other fields are refused (our choice)."""

    name: Name | None = None
    enabled: bool | None = None
    gpu_type: str | None = None
    gpu_count: GpuCount | None = None
    scaling: Scaling | None = None


class Endpoint(NewEndpoint, frozen=True):
    """An endpoint.

    `phase` is what goes on from `since` on (Unix seconds); before that time the deployment is still as it was.
    """

    id: str
    ai_project_id: str
    made_at: float
    enabled: bool = True
    status: Literal["starting", "running", "updating", "stopping", "stopped", "error"] = "starting"
    readiness: Literal["ready", "partially_ready", "not_ready"] = "not_ready"
    ready_replicas: int = 0
    phase: Phase | None = None
    since: float = 0.0

    @property
    def is_routable(self) -> bool:
        """Whether the data plane answers for it."""
        return self.status == "running" and self.readiness != "not_ready"

    def shown(self) -> dict[str, Any]:
        """Return what the API shows."""
        made = datetime.fromtimestamp(self.made_at, timezone.utc).isoformat()
        fields = self.model_dump(include={"id", "enabled", *NewEndpoint.model_fields})
        deployment = self.model_dump(include=set(_DEPLOYMENT))
        return {**fields, "deployment": deployment, "created_at": made.replace("+00:00", "Z")}


class Endpoints(Store[Endpoint]):
    """The endpoints by id."""

    kind, model = "endpoint", Endpoint

    def add(self, **given: Any) -> Endpoint:
        """Add an endpoint by hand, from any field of `Endpoint`; only `name` has no default, and it is ready.

        Raises:
            ValueError: a field is missing, unknown or of a wrong type.
        """
        return self._make(self.settings.default_project, **{**_BY_HAND, **given})

    def change(self, endpoint_id: str, **changes: Any) -> Endpoint:
        """Set fields by hand, such as `status` or `gpu_count`; a deployment set by hand stays as it is.

        Raises:
            Missing: there is none.
            ValueError: a field is unknown or of a wrong type.
        """
        settled = {"phase": None} if changes.keys() & set(_DEPLOYMENT) else {}
        return self.put(_checked({**self.find(endpoint_id).model_dump(), **settled, **changes}))

    def remove(self, endpoint_id: str) -> Endpoint:
        """Delete an endpoint and return what it was.

        Raises:
            Missing: there is none.
        """
        endpoint = self.find(endpoint_id)
        del self.items[endpoint_id]
        self.service.save()
        return endpoint

    def create(self, new: NewEndpoint, project: str) -> Endpoint:
        """Create an endpoint as the service would: it starts.

        Raises:
            Refused: 409, another endpoint has the routing key.
        """
        self._reserve(new.routing_key)
        return self._make(project, **new.model_dump(), phase="starting", since=self.clock())

    def update(self, endpoint_id: str, change: Change) -> Endpoint:
        """Change an endpoint as the service would: what restarts its replicas takes time.

        Raises:
            Missing: there is none.
            Refused: 409, another endpoint has the routing key.
        """
        old, changes = self.find(endpoint_id), change.model_dump(exclude_none=True)
        self._reserve(changes.get("routing_key"), endpoint_id)
        if changes.get("custom_weights_id") == "UNSET":
            changes["custom_weights_id"] = None
        new = _checked({**old.model_dump(), **changes})
        if new.status == "running" and new.scaling != old.scaling:
            new = new.model_copy(update={"ready_replicas": new.scaling.min_replicas})
        if phase := _phase(old, new):
            since = self.clock() + self.settings.endpoint_lag_seconds
            new = new.model_copy(update={"phase": phase, "since": since})
        self.put(new)
        return self.find(endpoint_id)

    def find(self, identifier: str) -> Endpoint:
        """Return an endpoint as it stands by the clock.

        Raises:
            Missing: there is none.
        """
        if identifier not in self.items:
            raise self.missing(identifier)
        endpoint = self.items[identifier]
        passed = self.clock() - endpoint.since
        if endpoint.phase is None or passed < 0:
            return endpoint
        end = self._end(endpoint)
        is_over = passed >= self.settings.endpoint_seconds or self.settings.active_on_create
        if end is not None and is_over:
            return self.put(endpoint.model_copy(update={**end, "phase": None}))
        return endpoint.model_copy(update={**_STOPPED, "status": endpoint.phase})

    def all(self, project: str | None = None) -> list[Endpoint]:
        """Return the endpoints of a project, oldest first; None is all."""
        found = [self.find(each) for each in list(self.items)]
        return [each for each in found if project in {None, each.ai_project_id}]

    def _make(self, project: str, **given: Any) -> Endpoint:
        own = {"id": self.fresh_id("endpoint-"), "ai_project_id": project, "made_at": self.clock()}
        endpoint = _checked({**own, **given})
        key = endpoint.routing_key or f"dedicated/{endpoint.id}"
        self.put(endpoint.model_copy(update={"routing_key": key}))
        return self.find(endpoint.id)

    def _reserve(self, key: str | None, own_id: str = "") -> None:
        taken = {each.routing_key for each in self.items.values() if each.id != own_id}
        if key in taken and not self.settings.same_routing_keys:
            raise Refused(409, f"The routing key `{key}` is taken.")

    def _end(self, endpoint: Endpoint) -> dict[str, Any] | None:
        """Return the deployment at the end of its phase; None if the phase does not end."""
        if endpoint.phase == "stopping":
            return _STOPPED
        wanted, ends = endpoint.scaling.min_replicas, self.settings.endpoint_ends
        end = ends.get(endpoint.name, ends.get("*", "ready"))
        if end == "never":
            return None
        if end == "error":
            return {**_STOPPED, "status": "error"}
        ready = wanted if end == "ready" else max(1, wanted - 1)
        return {"status": "running", "readiness": end, "ready_replicas": ready}


def _checked(fields: dict[str, Any]) -> Endpoint:
    if unknown := fields.keys() - Endpoint.model_fields.keys():
        raise ValueError(f"an endpoint has no {sorted(unknown)}")
    return Endpoint(**fields)


def _phase(old: Endpoint, new: Endpoint) -> Phase | None:
    """Return what a change makes the replicas do, if anything."""
    if old.enabled != new.enabled:
        return "starting" if new.enabled else "stopping"
    is_restarted = any(getattr(old, name) != getattr(new, name) for name in _RESTARTING)
    return "updating" if new.enabled and is_restarted else None


def _create(service: Service, request: Request) -> Answer:
    new, project = request.read(NewEndpoint), service.project(request)
    return as_json({"endpoint": service.endpoints.create(new, project).shown()}, 201)


def _list(service: Service, request: Request) -> Answer:
    found = service.endpoints.all(service.project(request))
    return as_json({"object": "list", "data": [each.shown() for each in found]})


def _read(service: Service, _request: Request, endpoint_id: str) -> Answer:
    if not service.settings.endpoint_by_id:
        raise Refused(405, "Method Not Allowed")
    return as_json(service.endpoints.find(endpoint_id).shown())


def _update(service: Service, request: Request, endpoint_id: str) -> Answer:
    shown = service.endpoints.update(endpoint_id, request.read(Change)).shown()
    return as_json({"endpoint": shown} if service.settings.wrap_updated_endpoint else shown)


def _delete(service: Service, _request: Request, endpoint_id: str) -> Answer:
    service.endpoints.remove(endpoint_id)
    if service.settings.empty_endpoint_delete:
        return Answer(204)
    return as_json({"id": endpoint_id, "object": "dedicated_endpoint", "deleted": True})


def _templates(service: Service, _request: Request) -> Answer:
    return as_json({"object": "list", "data": service.settings.endpoint_templates})


ROUTES = (
    ("GET", f"{_PATH}/templates", _templates),
    ("POST", _PATH, _create),
    ("GET", _PATH, _list),
    ("GET", f"{_PATH}/([^/]+)", _read),
    ("PATCH", f"{_PATH}/([^/]+)", _update),
    ("DELETE", f"{_PATH}/([^/]+)", _delete),
)
