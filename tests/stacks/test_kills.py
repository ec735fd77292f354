"""Engine, host or both are killed at many points of a create, a replace and a delete on the real engine."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.processes import SECONDS, begin, bury, family_of, has_ended, wait_until
from tests.support.stacks import cli_stack, environment, has_cli, program_with, write_program

pytestmark = [
    pytest.mark.cli,
    pytest.mark.slow,
    pytest.mark.xdist_group("kills"),
    pytest.mark.skipif(not has_cli(), reason="no pulumi on PATH"),
]


class Lab:
    """One stack on the real engine whose state and service can be reset to a known point."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.emulator = Emulator(validation_seconds=0.1)
        self.emulator.start()
        self.stack = cli_stack(folder, self.emulator, program_with(name="bot"))
        self._state = folder / "state" / ".pulumi" / "stacks" / "models" / "test.json"
        self.empty = self._state.read_bytes()
        self.stack.up()
        self.full = self._state.read_bytes()
        [self.model] = self.emulator.store.live()

    def begin(self, operation: str) -> None:
        """The state before an operation: nothing for a create, one model for the others."""
        for lock in (self.folder / "state" / ".pulumi" / "locks").rglob("*.json"):
            lock.unlink()  # a killed engine leaves this, and `pulumi cancel` removes it
        self.emulator.clear_faults()
        self.emulator.store.items.clear()
        # As a file: an engine that is killed while it writes its state leaves one that it cannot import over.
        self._state.write_bytes(self.empty if operation == "create" else self.full)
        if operation != "create":
            self.emulator.store.restore([self.model])
        write_program(
            self.folder, program_with(name="bot", description="new" if operation == "replace" else None)
        )
        self.emulator.clear_requests()
        self.emulator.settings.validation_seconds = 60

    def run(self, operation: str) -> psutil.Popen:
        """The CLI at work."""
        return begin("destroy" if operation == "delete" else "up", self.folder, environment(self.folder))

    def asked(self, method: str) -> bool:
        """Whether such a request about a model has come; of the reads, only one after the POST is part of a wait."""
        methods = [request.method for request in self.emulator.requests(path="/v0/models*")]
        return method in methods and (method != "GET" or (methods[-1] == "GET" and "POST" in methods))

    def recover(self) -> None:
        """Do what Pulumi's users do with the empty files that an engine leaves if it is killed while it writes."""
        attributes = self._state.with_name("test.json.attrs")
        if not attributes.stat().st_size:
            attributes.unlink()
        if not self._state.stat().st_size:
            self._state.write_bytes(self._state.with_name("test.json.bak").read_bytes())

    def held(self) -> set[str]:
        """The ids in the state."""
        resources = (self.stack.export_stack().deployment or {}).get("resources", [])
        return {each["id"] for each in resources if "CustomModel" in each["type"]}

    def unknown(self, held: set[str]) -> set[str]:
        """The models that the state does not hold."""
        return {model["name"] for model in self.emulator.models()} - held


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    built = Lab(tmp_path_factory.mktemp("kills"))
    yield built
    built.emulator.stop()


POINTS: dict[str, tuple[str, Fault | None]] = {
    "post on its way": ("POST", Fault(method="POST", action="delay", seconds=0.4, effect="before")),
    "post answered late": ("POST", Fault(method="POST", action="delay", seconds=1.5, effect="after")),
    "validating": ("GET", None),
    "delete on its way": ("DELETE", Fault(method="DELETE", action="delay", seconds=1.0, effect="before")),
    "delete answered late": ("DELETE", Fault(method="DELETE", action="delay", seconds=1.5, effect="after")),
}
MOMENTS = {
    "create": ("post on its way", "post answered late", "validating"),
    "replace": ("post answered late", "validating"),
    "delete": ("delete on its way", "delete answered late"),
}
CASES = [
    (operation, moment, who)
    for operation, moments in MOMENTS.items()
    for moment in moments
    for who in ("engine", "host", "both", "SIGINT", "SIGTERM")
    if who in ("engine", "host", "both") or moment in ("validating", "delete answered late")
]


def hosts_of(family: list[psutil.Process]) -> list[psutil.Process]:
    """The dynamic-provider host among the engine's processes."""
    return [process for process in family if any("pulumi.dynamic" in text for text in process.cmdline())]


def strike(cli: psutil.Popen, who: str, family: list[psutil.Process]) -> list[psutil.Process]:
    """Kill the chosen processes; returns the hosts, which must end by themselves."""
    hosts = hosts_of(family)
    if who in ("SIGINT", "SIGTERM"):
        for process in [cli, *family]:
            process.send_signal(getattr(signal, who))
    if who in ("host", "both"):
        for process in hosts:
            process.kill()
    if who in ("engine", "both"):
        cli.kill()
    return hosts


def _outlasting(fault: Fault) -> Fault:
    """A host that must die during its POST gets no answer before, however busy the machine is."""
    if fault.method != "POST":
        return fault
    return fault.model_copy(update={"seconds": 8.0 if fault.effect == "before" else 300.0})


@pytest.mark.parametrize(("operation", "moment", "who"), CASES)
def test_killed(lab: Lab, operation: str, moment: str, who: str) -> None:
    """Whichever process dies, and when: a model is unknown only if the host that created it died."""
    method, fault = POINTS[moment]
    lab.begin(operation)
    if fault:
        lab.emulator.add_fault(_outlasting(fault) if who in ("host", "both") else fault)
    cli = lab.run(operation)
    wait_until(lambda: lab.asked(method), f"the {method}")
    family = family_of(cli)
    hosts = strike(cli, who, family)
    lab.emulator.settings.validation_seconds = 1.0
    cli.wait(SECONDS)
    wait_until(lambda: all(map(has_ended, hosts)), "the host ends")
    bury(family)
    lab.recover()
    held = lab.held()
    if operation != "delete" and who in ("host", "both"):
        # The service still creates a model whose POST is on its way. No process deletes it.
        wait_until(lambda: len(lab.unknown(held)) == 1, "the model in flight is created")
        assert lab.emulator.requests("DELETE") == []
    elif who in ("engine", "host", "both"):
        wait_until(lambda: not lab.unknown(held), f"unknown: {lab.unknown(held)}")
    else:
        wait_until(lambda: len(lab.unknown(held)) <= 1, f"unknown: {lab.unknown(held)}")
    if operation == "replace":
        assert lab.model.name in held


def test_up_after_a_kill(lab: Lab) -> None:
    """After both died in a create, the next `up` creates the model again; the one that was left is in no state."""
    lab.begin("create")
    cli = lab.run("create")
    wait_until(lambda: lab.asked("GET"), "a wait")
    family = family_of(cli)
    strike(cli, "both", family)
    cli.wait(SECONDS)
    bury(family)
    lab.recover()
    lab.emulator.settings.validation_seconds = 0.1
    for lock in (lab.folder / "state" / ".pulumi" / "locks").rglob("*.json"):
        lock.unlink()
    lab.stack.up()
    held = lab.held()
    assert len(held) == 1
    assert len(lab.unknown(held)) == 1
    lab.stack.destroy()
    assert {model["name"] for model in lab.emulator.models()} == lab.unknown(held)
