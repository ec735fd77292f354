"""The service as a function from request to answer, on a clock that moves only in a sleep."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote, urlsplit

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.deadline import Deadline, Sleep
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._api.transport import Answer
from nebius_model_resource._lifecycle.operation import Operation, Report
from nebius_model_resource.errors import AnswerLost, EngineGone, NotSent

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

    def wall(self) -> float:
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

    def deadline(self, seconds: float, sleep: Sleep | None = None) -> Deadline:
        """A deadline on this clock."""
        return Deadline.after(seconds, self.clock, sleep or self.sleep)

    def interrupted_at(self, moment: float, seconds: float = 600) -> Deadline:
        """A deadline of an operation that is interrupted at a moment."""

        def sleep(pause: float) -> None:
            self.sleep(min(pause, max(0.0, moment - self.now)))

        return Deadline.after(seconds, self.clock, sleep, lambda: self.now >= moment)

    def at(self, moment: float, action: Callable[[], object]) -> None:
        """Plan an action for a moment."""
        self._planned.append((moment, action))

    def gone_at(self, moment: float) -> Sleep:
        """The pauses of an operation whose engine goes away at a moment."""

        def sleep(seconds: float) -> None:
            self.sleep(min(seconds, max(0.0, moment - self.now)))
            if self.now >= moment:
                raise EngineGone("the engine is gone")

        return sleep


@dataclass(frozen=True)
class Call:
    """One request: what it was, when it was sent, and how long it may take."""

    kind: str  # POST, LIST, GET or DELETE
    name: str
    query: Mapping[str, str]
    body: Any
    at: float
    seconds: float


Outcome = Callable[["Service", Call], Answer]


@dataclass
class Service:
    """The service, with scripted answers if a test says so.

    Attributes:
        time: its clock.
        models: what it holds, by full name.
        calls: every request, in order.
        ahead: seconds by which its clock is ahead of ours.
        dated: whether its answers have a ``Date``.
        hidden: models that the list lacks.
        new_status: the status of a new model.
    """

    time: VirtualTime
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    ahead: float = 0.0
    dated: bool = True
    hidden: set[str] = field(default_factory=set)
    new_status: str = "validating"
    _next: dict[str, deque[Outcome]] = field(default_factory=dict)
    _always: dict[str, Outcome] = field(default_factory=dict)

    def client(self, **options: Any) -> NebiusClient:
        """A client of this service, on its clock."""
        settings = Settings("https://service.test", KEY)
        return NebiusClient(
            settings, **{"clock": self.time.clock, "sleep": self.time.sleep, **options}, exchange=self
        )

    def next(self, kind: str, *outcomes: Outcome) -> None:
        """Script the next calls of a kind; those after them are served."""
        self._next.setdefault(kind, deque()).extend(outcomes)

    def always(self, kind: str, outcome: Outcome) -> None:
        """Script every call of a kind that is not scripted otherwise."""
        self._always[kind] = outcome

    def recover(self) -> None:
        """Serve every request from now on."""
        self._next.clear()
        self._always.clear()

    def __call__(self, _session: Any, method: str, url: str, **given: Any) -> Answer:
        """Answer one request, in place of :func:`.transport.exchange`."""
        name = unquote(urlsplit(url).path.removeprefix("/v0/models").removeprefix("/"))
        kind = "LIST" if method == "GET" and not name else method
        call = Call(kind, name, given["params"], given["body"], self.time.now, given["seconds"])
        self.calls.append(call)
        assert len(self.calls) < MANY, "the calls do not end"
        script = self._next.get(kind)
        outcome = script.popleft() if script else self._always.get(kind, done)
        return outcome(self, call)

    def sent(self, kind: str) -> list[float]:
        """The moments at which the calls of a kind were sent."""
        return [call.at for call in self.calls if call.kind == kind]

    def wall(self) -> float:
        """Unix seconds on the service's clock."""
        return self.time.wall() + self.ahead

    def add(self, name: str, **told: Any) -> str:
        """Add a model by its full name, created now."""
        self.models[name] = {"name": name, "status": "active", "created_at": int(self.wall()), **told}
        return name

    def answer(self, body: Any, status: int = 200, **headers: str) -> Answer:
        """An answer as the service sends it."""
        dates = {"Date": formatdate(self.wall(), usegmt=True)} if self.dated else {}
        return Answer(status, {**dates, **headers}, json.dumps(body).encode())

    def make(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The model that a POST creates."""
        code = "".join("ABCDEFGHIJ"[int(digit)] for digit in f"{len(self.models):04}")
        told = {key: asked[key] for key in ("description", "source") if key in asked}
        name = f"{asked['base_model']}-LoRa:{asked['name']}-{code}"
        return self.models[self.add(name, status=self.new_status, **told)]

    def find(self, name: str) -> dict[str, Any] | None:
        """A model by its full or short name."""
        found = (model for full, model in self.models.items() if name in (full, full.rpartition(":")[2]))
        return next(found, None)


def done(service: Service, call: Call) -> Answer:
    """The service carries out the request."""
    if call.kind == "POST":
        return service.answer(service.make(call.body))
    if call.kind == "LIST":
        return service.answer([model for name, model in service.models.items() if name not in service.hidden])
    model = service.find(call.name)
    if model is None:
        return service.answer({"detail": "model not found"}, 404)
    if call.kind == "DELETE":
        del service.models[model["name"]]
        return service.answer({**model, "status": "deleted"})
    return service.answer(model)


def status(code: int, detail: str = "no", *, effect: bool = False, **headers: str) -> Outcome:
    """An error; with an effect, the service carries out the request before."""

    def answer(service: Service, call: Call) -> Answer:
        if effect:
            done(service, call)
        return service.answer(
            {"detail": detail}, code, **{name.replace("_", "-"): text for name, text in headers.items()}
        )

    return answer


def says(body: Any, *, effect: bool = False) -> Outcome:
    """A success with that body."""

    def answer(service: Service, call: Call) -> Answer:
        if effect:
            done(service, call)
        return service.answer(body)

    return answer


def garbled(*, effect: bool = False) -> Outcome:
    """A success that is not JSON."""

    def answer(service: Service, call: Call) -> Answer:
        if effect:
            done(service, call)
        return Answer(200, {}, b"<html>")

    return answer


def lost(*, effect: bool, at_once: bool = False) -> Outcome:
    """No answer until the client's time is up, or a connection that breaks at once."""

    def answer(service: Service, call: Call) -> Answer:
        if effect:
            done(service, call)
        service.time.advance(0 if at_once else call.seconds)
        raise AnswerLost("no answer in time")

    return answer


def not_sent(*, permanent: bool = False) -> Outcome:
    """No connection."""

    def answer(_service: Service, _call: Call) -> Answer:
        raise NotSent("no connection", permanent=permanent)

    return answer


def slow(seconds: float, outcome: Outcome = done) -> Outcome:
    """Another outcome, after some seconds."""

    def answer(service: Service, call: Call) -> Answer:
        service.time.advance(seconds)
        return outcome(service, call)

    return answer


def no_pause(seconds: float) -> None:
    """A client's own pause that fails the test, because the operation's pause must be used."""
    raise AssertionError(f"{seconds} s of sleep that would not hear the end of the engine")


@dataclass
class Shown:
    """What an operation has shown: progress with its time, and warnings."""

    time: VirtualTime
    progress: list[tuple[float, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def operation(self, seconds: float = 600, sleep: Sleep | None = None) -> Operation:
        """An operation that shows its progress here."""
        report = Report(lambda text: self.progress.append((self.time.now, text)), self.warnings.append)
        return Operation(self.time.deadline(seconds, sleep), report)
