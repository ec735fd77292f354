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
Status = Literal["starting", "running", "updating", "stopping", "stopped", "error"]
_PATH = "/v0/dedicated_endpoints"
_RESTARTING = ("gpu_type", "gpu_count", "custom_weights_id")
_MODEL = {"model_name": "meta-llama/Llama-3.3-70B-Instruct", "flavor_name": "base", "region": "eu-north1"}
_GPUS = {"gpu_type": "gpu-h100-sxm", "gpu_count": 1, "scaling": {"min_replicas": 1, "max_replicas": 1}}
_AS_STATUS_SAYS = {"readiness": None, "ready_replicas": None}


class Scaling(BaseModel, frozen=True):
    """How many replicas there are; whether the first may be above the second is not documented."""

    min_replicas: Replicas
    max_replicas: Replicas


class _Optional(BaseModel, frozen=True):
    description: Annotated[str, Field(max_length=500)] | None = None
    routing_key: Annotated[str, Field(min_length=11, max_length=128, pattern="^dedicated/")] | None = None
    custom_weights_id: str | None = None


class NewEndpoint(_Optional, frozen=True):
    """The documented body of a create; fields beyond these are ignored."""

    name: Name
    model_name: str
    flavor_name: str
    region: str
    gpu_type: str
    gpu_count: GpuCount
    scaling: Scaling


class Change(_Optional, frozen=True, extra="forbid"):
    """The documented body of an update; null leaves a field as it is, and other fields are refused (our choice)."""

    name: Name | None = None
    enabled: bool | None = None
    gpu_type: str | None = None
    gpu_count: GpuCount | None = None
    scaling: Scaling | None = None


class Endpoint(NewEndpoint, frozen=True):
    """An endpoint.

    `readiness` and `ready_replicas` are None where they follow from `status` and `scaling`. `plan` says how the
    deployment changes, and when (Unix seconds).
    """

    id: str
    ai_project_id: str
    made_at: float
    enabled: bool = True
    status: Status = "running"
    readiness: Literal["ready", "partially_ready", "not_ready"] | None = None
    ready_replicas: int | None = None
    plan: list[tuple[float, dict[str, Any]]] = []

    @property
    def is_routable(self) -> bool:
        """Whether the data plane answers for it."""
        return self.status == "running" and self.readiness != "not_ready"

    def shown(self) -> dict[str, Any]:
        """Return what the API shows."""
        readiness = self.readiness or ("ready" if self.status == "running" else "not_ready")
        ready = {"ready": self.scaling.min_replicas, "partially_ready": 1, "not_ready": 0}[readiness]
        replicas = ready if self.ready_replicas is None else self.ready_replicas
        made = datetime.fromtimestamp(self.made_at, timezone.utc).isoformat().replace("+00:00", "Z")
        return {
            **self.model_dump(include={"id", "enabled", *NewEndpoint.model_fields}),
            "deployment": {"ready_replicas": replicas, "status": self.status, "readiness": readiness},
            "created_at": made,
        }


class Endpoints(Store[Endpoint]):
    """The endpoints by id."""

    kind, family, model = "endpoint", "endpoints", Endpoint

    def add(self, **given: Any) -> Endpoint:
        """Add an endpoint by hand, from any field of `Endpoint`; only `name` has no default, and it is ready.

        Raises:
            ValueError: a field is missing, unknown or of a wrong type.
        """
        identifier = self.fresh_id("endpoint-")
        own = {"id": identifier, "routing_key": f"dedicated/{identifier}", "made_at": self.clock()}
        project = {"ai_project_id": self.settings.default_project}
        return self._set(**{**_MODEL, **_GPUS, **own, **project, **given})

    def change(self, endpoint_id: str, **changes: Any) -> Endpoint:
        """Set fields by hand, such as `gpu_count` or `status`; a status set by hand stays as it is.

        Raises:
            Missing: there is none.
            ValueError: a field is unknown or of a wrong type.
        """
        settled: dict[str, Any] = {**_AS_STATUS_SAYS, "plan": []} if "status" in changes else {}
        return self._set(**{**self.find(endpoint_id).model_dump(), **settled, **changes})

    def create(self, new: NewEndpoint, project: str) -> Endpoint:
        """Create an endpoint as the service would: it starts.

        Raises:
            Refused: 409, another endpoint has the routing key.
        """
        self._reserve(new.routing_key)
        made = self.add(**new.model_dump(exclude_none=True), ai_project_id=project, status="starting")
        return self._begin(made, "starting")

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
        new = self._set(**{**old.model_dump(), **changes})
        lag = self.settings.endpoint_lag
        if old.enabled != new.enabled:
            return self._begin(new, "starting" if new.enabled else "stopping", lag)
        if new.enabled and any(getattr(old, name) != getattr(new, name) for name in _RESTARTING):
            return self._begin(new, "updating", lag)
        return new

    def find(self, identifier: str) -> Endpoint:
        """Return an endpoint as it stands by the clock.

        Raises:
            Missing: there is none.
        """
        if identifier not in self.items:
            raise self.missing(identifier)
        endpoint = self.items[identifier]
        due = [change for at, change in endpoint.plan if at <= self.clock()]
        if not due:
            return endpoint
        return self.put(endpoint.model_copy(update={**due[-1], "plan": endpoint.plan[len(due) :]}))

    def all(self, project: str | None = None) -> list[Endpoint]:
        """Return the endpoints of a project, oldest first; None is all."""
        found = [self.find(each) for each in list(self.items)]
        return [each for each in found if project in {None, each.ai_project_id}]

    def _set(self, **fields: Any) -> Endpoint:
        if unknown := fields.keys() - Endpoint.model_fields.keys():
            raise ValueError(f"an endpoint has no {sorted(unknown)}")
        return self.put(Endpoint(**fields))

    def _reserve(self, key: str | None, own_id: str = "") -> None:
        taken = {each.routing_key for each in self.items.values() if each.id != own_id}
        if key in taken and not self.settings.same_routing_keys:
            raise Refused(409, f"The routing key `{key}` is taken.")

    def _begin(self, endpoint: Endpoint, phase: Status, lag: float = 0.0) -> Endpoint:
        """Plan what the replicas do, and what comes of it; the settings of this moment count."""
        ends = self.settings.endpoint_ends
        end = "stopped" if phase == "stopping" else ends.get(endpoint.name, ends.get("*", "running"))
        last = {"status": "running", "readiness": end} if end == "partially_ready" else {"status": end}
        begin = self.clock() + lag
        until = begin + (0 if self.settings.active_on_create else self.settings.endpoint_seconds)
        plan = [(begin, {**_AS_STATUS_SAYS, "status": phase}), (until, {**_AS_STATUS_SAYS, **last})]
        self.put(endpoint.model_copy(update={"plan": plan}))
        return self.find(endpoint.id)


def _as_list(items: list[dict[str, Any]]) -> Answer:
    return as_json({"object": "list", "data": items})


def _create(service: Service, request: Request) -> Answer:
    new, project = request.read(NewEndpoint), service.project(request)
    return as_json({"endpoint": service.endpoints.create(new, project).shown()}, 201)


def _list(service: Service, request: Request) -> Answer:
    return _as_list([each.shown() for each in service.endpoints.all(service.project(request))])


def _read(service: Service, _request: Request, endpoint_id: str) -> Answer:
    if not service.settings.endpoint_by_id:
        raise Refused(405, "Method Not Allowed")
    return as_json(service.endpoints.find(endpoint_id).shown())


def _update(service: Service, request: Request, endpoint_id: str) -> Answer:
    shown = service.endpoints.update(endpoint_id, request.read(Change)).shown()
    return as_json({"endpoint": shown} if service.settings.wrap_updated_endpoint else shown)


def _delete(service: Service, _request: Request, endpoint_id: str) -> Answer:
    service.endpoints.remove(endpoint_id)
    told = {"id": endpoint_id, "object": "dedicated_endpoint", "deleted": True}
    return Answer(204) if service.settings.empty_endpoint_delete else as_json(told)


ROUTES = (
    ("GET", f"{_PATH}/templates", lambda service, _: _as_list(service.settings.endpoint_templates)),
    ("POST", _PATH, _create),
    ("GET", _PATH, _list),
    ("GET", f"{_PATH}/([^/]+)", _read),
    ("PATCH", f"{_PATH}/([^/]+)", _update),
    ("DELETE", f"{_PATH}/([^/]+)", _delete),
)
