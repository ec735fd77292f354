"""The service as a function from request to answer, on a clock that moves only in a sleep."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import unquote, urlsplit

from nebius_model_resource._service.client import Client
from nebius_model_resource._service.http import Answer
from nebius_model_resource._service.retry import Deadline, Sleep
from nebius_model_resource._service.settings import Settings
from nebius_model_resource.errors import EngineGone

KEY = "sk-0123456789abcdef0123"
MANY = 5_000  # on a virtual clock an endless loop takes no time, but all of the memory
EPOCH = 1_800_000_000.0  # Unix seconds at which a virtual clock begins


class VirtualTime:
    """A clock that moves only in a sleep.

    Attributes:
        now: monotonic seconds, 0 at first.
        slept: every pause in seconds, in order.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._planned: list[tuple[float, Callable[[], object]]] = []

    def clock(self) -> float:
        """Monotonic seconds."""
        return self.now

    def time(self) -> float:
        """Unix seconds."""
        return EPOCH + self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass, and run what was planned for it."""
        self.slept.append(seconds)
        assert len(self.slept) < MANY, "the pauses do not end"
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass without a pause."""
        until = self.now + seconds
        while due := [plan for plan in self._planned if plan[0] <= until]:
            plan = min(due, key=lambda each: each[0])
            self._planned.remove(plan)
            self.now = max(self.now, plan[0])
            plan[1]()
        self.now = max(self.now, until)

    def at(self, moment: float, action: Callable[[], object]) -> None:
        """Plan an action for a moment."""
        self._planned.append((moment, action))

    def deadline(self, seconds: float, sleep: Sleep | None = None) -> Deadline:
        """A deadline on this clock."""
        return Deadline.after(seconds, self.clock, sleep or self.sleep)

    def pause(self, seconds: float, interrupted_at: float, gone_at: float) -> None:
        """The pause of an operation that is interrupted, or whose engine goes away, at a moment."""
        self.sleep(min(seconds, max(0.0, min(interrupted_at, gone_at) - self.now)))
        if self.now >= gone_at:
            raise EngineGone("the engine is gone")


@dataclass(frozen=True)
class Request:
    """One request: what it was, when it was sent, and how long it may take."""

    kind: str  # of ROUTES
    name: str
    query: Mapping[str, str]
    body: Any
    at: float
    seconds: float


Outcome = Callable[["Service", Request], Answer]


@dataclass
class Service:
    """The service, with scripted answers if a test says so.

    Attributes:
        time: its clock.
        models: what it holds, by full name.
        files: its files, by id.
        jobs: its fine-tuning jobs, by id; each with its ``checkpoints``.
        endpoints: its dedicated endpoints, by id.
        templates: what it lists as templates of endpoints.
        bases: the ids of the base models that it lists.
        requests: every request, in order.
        hidden: models, files and endpoints that the lists lack.
        new_status: the status of a new model.
        new_endpoint: the status of a new endpoint.
        chunk_seconds: how long each part of an upload takes.
    """

    time: VirtualTime
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    templates: list[dict[str, Any]] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    new_status: str = "validating"
    new_endpoint: str = "starting"
    chunk_seconds: float = 0.0
    _next: dict[str, deque[Outcome]] = field(default_factory=dict)
    _always: dict[str, Outcome] = field(default_factory=dict)

    def client(self, **options: Any) -> Client:
        """A client of this service, on its clock."""
        settings = Settings("https://service.test", KEY)
        return Client(
            settings, **{"clock": self.time.clock, "sleep": self.time.sleep, **options}, exchange=self
        )

    def next(self, kind: str, *outcomes: Outcome) -> None:
        """Script the next requests of a kind; those after them are served."""
        self._next.setdefault(kind, deque()).extend(outcomes)

    def always(self, kind: str, outcome: Outcome) -> None:
        """Script every request of a kind that is not scripted otherwise."""
        self._always[kind] = outcome

    def recover(self) -> None:
        """Serve every request from now on."""
        self._next.clear()
        self._always.clear()

    def __call__(self, _session: Any, method: str, url: str, **given: Any) -> Answer:
        """Answer one request, in place of :func:`.http.exchange`."""
        path = f"{method} {unquote(urlsplit(url).path)}"
        routes = ((kind, re.fullmatch(form, path)) for kind, (form, _) in ROUTES.items())
        kind, match = next((kind, match) for kind, match in routes if match)
        name = match[1] if match.groups() else ""
        body = b"".join(self._received(given["body"])) if kind == "UPLOAD" else given["body"]
        request = Request(kind, name, given["params"], body, self.time.now, given["seconds"])
        self.requests.append(request)
        assert len(self.requests) < MANY, "the requests do not end"
        script = self._next.get(kind)
        outcome = script.popleft() if script else self._always.get(kind, done)
        return outcome(self, request)

    def _received(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self.time.advance(self.chunk_seconds)

    def sent(self, kind: str) -> list[float]:
        """The moments at which the requests of a kind were sent."""
        return [request.at for request in self.requests if request.kind == kind]

    def add(self, name: str, **reported: Any) -> str:
        """Add a model by its full name, created now."""
        self.models[name] = {
            "name": name,
            "status": "active",
            "created_at": int(self.time.time()),
            **reported,
        }
        return name

    def add_file(self, filename: str, size: int | None = 1, **reported: Any) -> str:
        """Add a file, created now."""
        id_ = f"file-{len(self.files)}"
        created_at = int(self.time.time())
        self.files[id_] = {
            "id": id_,
            "filename": filename,
            "bytes": size,
            "created_at": created_at,
            **reported,
        }
        return id_

    def add_endpoint(self, status: str = "running", readiness: str = "", **reported: Any) -> str:
        """Add an endpoint, created now; without a given readiness one that runs is ready."""
        id_ = f"endpoint-{len(self.endpoints)}"
        moment = datetime.fromtimestamp(self.time.time(), timezone.utc).isoformat()
        self.endpoints[id_] = {"id": id_, "enabled": True, "created_at": moment, **reported}
        self.becomes(id_, status, readiness)
        return id_

    def make(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The endpoint that a POST makes."""
        return {"endpoint": self.endpoints[self.add_endpoint(self.new_endpoint, **asked)]}

    def becomes(self, id_: str, status: str, readiness: str = "") -> None:
        """Give an endpoint another status."""
        ready = readiness or ("ready" if status == "running" else "not_ready")
        deployment = {"status": status, "readiness": ready, "ready_replicas": int(ready != "not_ready")}
        self.endpoints[id_]["deployment"] = deployment

    def change(self, id_: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """The endpoint that a PATCH changes: its values at once, and its status when a test says so."""
        if endpoint := self.endpoints.get(id_):
            endpoint.update({name: None if value == "UNSET" else value for name, value in body.items()})
        return endpoint

    def create(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The model that a POST creates; it reports what it was created with."""
        code = "".join("ABCDEFGHIJ"[int(digit)] for digit in f"{len(self.models):04}")
        reported = {name: value for name, value in asked.items() if name not in ("name", "base_model")}
        name = f"{asked['base_model']}-LoRa:{asked['name']}-{code}"
        return self.models[self.add(name, status=self.new_status, **reported)]

    def store(self, body: bytes) -> dict[str, Any]:
        """The file that an upload creates."""
        match = re.search(rb'filename="([^"]+)".*?\r\n\r\n(.*)\r\n--', body, re.DOTALL)
        assert match is not None
        return self.files[self.add_file(match[1].decode(), len(match[2]))]

    def listed(self, things: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """What a list of models, files or endpoints shows."""
        return [thing for id_, thing in things.items() if id_ not in self.hidden]

    def delete(self, name: str) -> dict[str, Any] | None:
        """Delete a model by its full or short name."""
        model = self.find(name)
        return model and self.models.pop(model["name"])

    def find(self, name: str) -> dict[str, Any] | None:
        """A model by its full or short name."""
        found = (model for full, model in self.models.items() if name in (full, full.rpartition(":")[2]))
        return next(found, None)


def answer(body: Any, code: int = 200, **headers: str) -> Answer:
    """An answer as the service sends it."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(code, named, json.dumps(body).encode())


# How the service answers each kind of request: method and path, and the body; None is a 404.
ROUTES: dict[str, tuple[str, Callable[[Service, Request], Any]]] = {
    "UPLOAD": ("POST /v0/models/upload", lambda service, request: service.store(request.body)),
    "POST": ("POST /v0/models", lambda service, request: service.create(request.body)),
    "LIST": ("GET /v0/models", lambda service, _: service.listed(service.models)),
    "GET": ("GET /v0/models/(.+)", lambda service, request: service.find(request.name)),
    "DELETE": ("DELETE /v0/models/(.+)", lambda service, request: service.delete(request.name)),
    "MAKE": ("POST /v0/dedicated_endpoints", lambda service, request: service.make(request.body)),
    "TEMPLATES": ("GET /v0/dedicated_endpoints/templates", lambda service, _: {"data": service.templates}),
    "ENDPOINTS": (
        "GET /v0/dedicated_endpoints",
        lambda service, _: {"data": service.listed(service.endpoints)},
    ),
    "PATCH": (
        "PATCH /v0/dedicated_endpoints/(.+)",
        lambda service, request: service.change(request.name, request.body),
    ),
    "REMOVE": (
        "DELETE /v0/dedicated_endpoints/(.+)",
        lambda service, request: service.endpoints.pop(request.name, None),
    ),
    "FILES": ("GET /v1/files", lambda service, _: {"data": service.listed(service.files)}),
    "FILE": ("GET /v1/files/(.+)", lambda service, request: service.files.get(request.name)),
    "DROP": ("DELETE /v1/files/(.+)", lambda service, request: service.files.pop(request.name, None)),
    "BASES": ("GET /v1/models", lambda service, _: {"data": [{"id": id_} for id_ in service.bases]}),
    "CHECKPOINTS": (
        "GET /v1/fine_tuning/jobs/(.+)/checkpoints",
        lambda service, request: {"data": service.jobs[request.name]["checkpoints"]},
    ),
    "JOB": ("GET /v1/fine_tuning/jobs/(.+)", lambda service, request: service.jobs.get(request.name)),
}


def done(service: Service, request: Request) -> Answer:
    """The service carries out the request."""
    body = ROUTES[request.kind][1](service, request)
    return answer({"detail": "not found"}, 404) if body is None else answer(body)


def no_pause(seconds: float) -> None:
    """A client's own pause that fails the test, because the operation's pause must be used."""
    raise AssertionError(f"{seconds} s of sleep that would not hear the end of the engine")
