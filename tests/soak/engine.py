"""The least that an engine does: it keeps a state, and brings it and a program together through the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime.proto import provider_pb2

from tests.soak.world import URN, CallFailed, HostKilled, World, bag, plain

Program = Mapping[str, Mapping[str, Any]]


class Stopped(Exception):
    """An operation ended early: something failed, or the engine was killed."""


@dataclass
class Record:
    """One resource of the state, as the real engine keeps it."""

    urn_name: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    init_errors: list[str] = field(default_factory=list)
    delete: bool = False


class Engine:
    """Operations on one stack; each runs in a host of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.state: list[Record] = []
        self.failures: list[str] = []
        self.failed_deletes = 0

    def run(self, operation: str, program: Program, timeout: float = 0, threads: int = 1) -> bool:
        """One operation; True where it succeeded."""
        self.failures = []
        self.failed_deletes = 0
        steps: dict[str, Callable[[], None]] = {
            "preview": lambda: self._preview(program),
            "up": lambda: self._up(program, timeout, threads),
            "refresh": self._refresh,
            "destroy": lambda: self._delete(list(self.state)),
        }
        try:
            steps[operation]()
        except Stopped:
            return False
        finally:
            self.world.end_host()
            self.world.jump(5)
        return True

    def live(self, name: str) -> Record | None:
        """The resource of that name that is not on its way out."""
        return next((each for each in self.state if each.urn_name == name and not each.delete), None)

    def _call(self, method: str, request: Any) -> Any:
        """Call the host; its death and the engine's own end the operation."""
        try:
            answer = self.world.call(method, request)
        except HostKilled:
            self.failures.append("the host is dead")
            raise Stopped from None
        except CallFailed as error:
            self.failures.append(str(error))
            if self._is_dead():
                raise Stopped from None
            raise
        if self._is_dead():
            raise Stopped
        return answer

    def _is_dead(self) -> bool:
        kill = self.world.kill
        return bool(kill and kill.done and kill.who != "host")

    def _check(self, name: str, olds: Mapping[str, Any] | None, news: Mapping[str, Any]) -> dict[str, Any]:
        request = provider_pb2.CheckRequest(
            urn=URN + name, name=name, news=bag(news), olds=bag(olds) if olds else None
        )
        try:
            answer = self._call("Check", request)
        except CallFailed:
            raise Stopped from None
        if answer.failures:
            self.failures += [fault.reason for fault in answer.failures]
            raise Stopped
        return plain(answer.inputs)

    def _plan(self, name: str, declared: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """What to do about one declared resource, and with which inputs."""
        held = self.live(name)
        inputs = self._check(name, held.inputs if held else None, declared)
        if held is None:
            return "create", inputs
        request = provider_pb2.DiffRequest(
            id=held.id, urn=URN + name, olds=bag(held.outputs), news=bag(inputs)
        )
        try:
            answer = self._call("Diff", request)
        except CallFailed:
            raise Stopped from None
        if answer.replaces:
            return "replace", self._check(name, None, declared)
        if answer.changes == provider_pb2.DiffResponse.DIFF_SOME or held.init_errors:
            return "update", inputs
        return "same", inputs

    def _preview(self, program: Program) -> None:
        for name, declared in program.items():
            self._plan(name, declared)

    def _up(self, program: Program, timeout: float, threads: int) -> None:
        def bring(name: str) -> bool:
            try:
                self._bring(name, program[name], timeout)
            except Stopped:
                return False
            return True

        if threads == 1:
            for name in program:
                self._bring(name, program[name], timeout)
        else:
            with ThreadPoolExecutor(threads) as pool:
                if not all(list(pool.map(bring, program))):
                    raise Stopped
        self._delete([each for each in self.state if each.delete or each.urn_name not in program])

    def _bring(self, name: str, declared: Mapping[str, Any], timeout: float) -> None:
        what, inputs = self._plan(name, declared)
        if what in ("create", "replace"):
            self._create(name, inputs, timeout)
        elif what == "update":
            self._update(name, inputs, timeout)
        elif held := self.live(name):
            held.inputs = inputs

    def _create(self, name: str, inputs: dict[str, Any], timeout: float) -> None:
        request = provider_pb2.CreateRequest(
            urn=URN + name, name=name, properties=bag(inputs), timeout=timeout
        )
        errors: list[str] = []
        try:
            answer = self._call("Create", request)
            made = Record(name, answer.id, inputs, plain(answer.properties))
        except CallFailed as error:
            if error.kept is None:
                raise Stopped from None
            errors = [str(error)]
            made = Record(name, error.kept[0], inputs, error.kept[1], errors)
        if old := self.live(name):
            old.delete = True
        self.state.append(made)
        if errors:
            raise Stopped

    def _update(self, name: str, inputs: dict[str, Any], timeout: float) -> None:
        held = self.live(name)
        assert held is not None
        request = provider_pb2.UpdateRequest(
            id=held.id, urn=URN + name, olds=bag(held.outputs), news=bag(inputs), timeout=timeout
        )
        try:
            held.outputs = plain(self._call("Update", request).properties)
        except CallFailed as error:
            if error.kept:
                held.inputs, held.outputs, held.init_errors = inputs, error.kept[1], [str(error)]
            raise Stopped from None
        held.inputs, held.init_errors = inputs, []

    def _refresh(self) -> None:
        failed = False
        for held in list(self.state):
            request = provider_pb2.ReadRequest(
                id=held.id, urn=URN + held.urn_name, properties=bag(held.outputs), inputs=bag(held.inputs)
            )
            try:
                answer = self._call("Read", request)
            except CallFailed:
                failed = True
                continue
            if not answer.id:
                self.state.remove(held)
                continue
            held.id, held.init_errors = answer.id, []
            held.outputs, held.inputs = plain(answer.properties), plain(answer.inputs)
        if failed:
            raise Stopped

    def _delete(self, doomed: list[Record]) -> None:
        failed = False
        for held in doomed:
            request = provider_pb2.DeleteRequest(
                id=held.id, urn=URN + held.urn_name, properties=bag(held.outputs)
            )
            self.failed_deletes += 1
            try:
                self._call("Delete", request)
            except CallFailed:
                failed = True
                continue
            self.failed_deletes -= 1
            self.state.remove(held)
        if failed:
            raise Stopped
