"""A stack on the package's small engine, with the world's host, a state file in memory, and a program that is data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc

from nebius_model_resource.testing.engine import urns
from nebius_model_resource.testing.engine.deployment import Deployment, Identity
from nebius_model_resource.testing.engine.errors import Refused, Unavailable
from nebius_model_resource.testing.engine.events import Events
from nebius_model_resource.testing.engine.host import Calls
from nebius_model_resource.testing.engine.operation import carry_out
from nebius_model_resource.testing.engine.planner import Order
from nebius_model_resource.testing.engine.resources import Goal, Resource
from nebius_model_resource.testing.engine.secrets import Crypter
from nebius_model_resource.testing.engine.state import Journal, Snapshot, StateFile
from nebius_model_resource.testing.engine.values import Properties
from tests.soak.world import PROVIDER, HostKilled, World
from tests.support.host_here import CallFailed

IDENTITY = Identity("soak", "soak")
MODEL = "pulumi-python:dynamic/nebius:CustomModel"


class EngineKilled(Exception):
    """The engine's process ends here."""


@dataclass(frozen=True)
class Declaration:
    """One resource of a program; `was` are the URNs that it had before, `get` the id of a model that is only read."""

    urn: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    was: tuple[str, ...] = ()
    get: str = ""

    @property
    def goal(self) -> Goal:
        """What the program registers with the engine."""
        given = {key: value for key, value in self.inputs.items() if value is not None}
        return Goal(
            MODEL,
            urns.name_of(self.urn),
            custom=True,
            parent=ROOT,
            properties={"__provider": PROVIDER, **given},
            aliases=list(self.was),
        )


def urn_of(name: str) -> str:
    """The URN of a model of this stack."""
    return urns.make(IDENTITY.stack, IDENTITY.project, "", MODEL, name)


ROOT = urns.make(IDENTITY.stack, IDENTITY.project, "", urns.STACK_TYPE, "soak-soak")


class Memory(StateFile):
    """A state file in the memory of this process, which a dead engine can no longer write."""

    def __init__(self, world: World) -> None:
        super().__init__(Path("in memory"), Crypter(None))
        self._world = world
        self._content: Any = None

    def read(self) -> Snapshot:
        """What was written last."""
        return self.snapshot(self._content) if self._content else Snapshot()

    def write(self, snapshot: Snapshot) -> None:
        """Store it as a file would."""
        if not self._world.engine_is_dead:
            self._content = self.document(snapshot)


class Wire(Calls):
    """The world's host, without a wire between; it fails like a dead host, and does not answer a dead engine."""

    def __init__(self, world: World) -> None:
        super().__init__(self)
        self._world = world
        self._dead = False
        self.failed_deletes = 0

    def start(self, config: Properties) -> None:
        """The world's host begins with its first call, with a configuration of its own."""

    def stop(self) -> None:
        """The world ends its host."""

    def __getattr__(self, method: str) -> Callable[[Any], Any]:
        return partial(self._call, method)

    def _call(self, method: str, request: Any) -> Any:
        self.failed_deletes += method == "Delete"
        answer = self._answer(method, request)
        self.failed_deletes -= method == "Delete"
        return answer

    def _answer(self, method: str, request: Any) -> Any:
        if self._world.engine_is_dead:
            raise EngineKilled
        try:
            if not self._dead:
                return self._world.call(method, request)
        except HostKilled:
            self._dead = True
        finally:
            if self._world.engine_is_dead:
                raise EngineKilled
        raise CallFailed(grpc.StatusCode.UNAVAILABLE, "the host is dead")


class Stack:
    """Operations on one stack; each runs in a host of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.file = Memory(world)
        self.failures: list[str] = []
        self.failed_deletes = 0
        self.renamed: dict[str, str] = {}
        self.read: list[Resource] = []
        self.done: Counter[str] = Counter()

    def run(self, order: Order, program: list[Declaration], *, timeout: float = 0, threads: int = 1) -> bool:
        """Run one operation; True if it succeeded."""
        self.failures, self.read = [], []
        events = Events([self._listen], planning=order.dry_run)
        base = self.file.read()
        journal = Journal(self.file, base, dry_run=order.dry_run)
        wire = Wire(self.world)
        deployment = Deployment(
            IDENTITY,
            base,
            journal,
            events,
            lambda: wire,
            {},
            order,
            parallel=threads,
        )
        try:
            carry_out(order, deployment, lambda: self._declare(deployment, program, timeout, threads))
            journal.save()
        except EngineKilled:
            return False
        except Refused as refusal:  # the CLI ends with a panic here
            self.failures.append(str(refusal))
            return False
        finally:
            deployment.close()
            self.world.end_host()
            self.world.jump(5)
            self.failed_deletes = wire.failed_deletes
            self.done.update(events.changes)
            self.renamed = dict(deployment.planner.renamed)
            self.done["renamed"] += len(self.renamed)
        return not deployment.failed

    def models(self) -> list[Resource]:
        """The models in the state, including those that are only read and those that await their deletion."""
        return [each for each in self.file.read().resources if each.type == MODEL]

    def _listen(self, event: Any) -> None:
        reported = event.diagnostic_event
        if reported is not None and reported.severity == "error":
            self.failures.append(reported.message)

    def _declare(
        self, deployment: Deployment, program: list[Declaration], timeout: float, threads: int
    ) -> bool:
        try:
            deployment.register(Goal(urns.STACK_TYPE, urns.name_of(ROOT), custom=False))
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda each: self._declare_model(deployment, each, timeout), program))
        except Unavailable:
            return False
        return True

    def _declare_model(self, deployment: Deployment, model: Declaration, timeout: float) -> None:
        goal = model.goal
        if model.get:
            inputs = {"__provider": PROVIDER}
            asked = Resource(
                model.urn, MODEL, custom=True, id=model.get, inputs=inputs, parent=ROOT, external=True
            )
            found = deployment.read(asked)
            if not deployment.dry_run:
                self.read.append(found)
            return
        if timeout:
            goal.custom_timeouts = {"create": timeout, "update": timeout}
        deployment.register(goal)
