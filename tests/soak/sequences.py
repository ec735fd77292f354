"""Random sequences of programs, operations, faults and deaths, and what must hold after each."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from nebius_model_resource._lifecycle.wait import GRACE
from nebius_model_resource.testing.emulator import Fault
from tests.soak.engine import Engine
from tests.soak.world import Kill, World

NAMES = ("alpha", "beta", "gamma")
CUSTOM_NAMES = ("bot", "bot", "tool")  # two resources may well ask for models of the same name
WAITS = "wait_for_active"  # how to work, not what to make: a change of it is no diff
STATUSES = (400, 401, 403, 404, 408, 409, 418, 422, 429, 500, 502, 503, 504)
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"missing_lists": 1},
    {"missing_reads": 1, "missing_lists": 1},
    {"missing_reads": 2, "missing_status": 403, "missing_lists": 2},
    {"first_read_without_status": True, "missing_lists": 1},
    {"short_name_on_create": True},
    {"hidden_missing": True},
    {"after_delete": "deleted"},
    {"validating_reads": 4},
    {"active_on_create": True},
)


@dataclass
class Step:
    """One operation, with what is changed before it and what goes wrong during it."""

    operation: str
    program: dict[str, dict[str, Any]]
    faults: list[dict[str, Any]] = field(default_factory=list)
    kill: tuple[str, int] | None = None
    timeout: float = 0
    threads: int = 1
    failing: bool = False
    others_delete: bool = False


@dataclass
class Sequence:
    """What to run; ``repr`` of it is all that is needed to run it again."""

    settings: dict[str, Any]
    steps: list[Step]


class Violation(AssertionError):
    """The promise was broken."""


def draw(rng: random.Random) -> Sequence:
    """A random sequence."""
    program: dict[str, dict[str, Any]] = {}
    steps = []
    for _ in range(rng.randint(2, 5)):
        program = _changed(rng, program)
        steps.append(_step(rng, program))
    return Sequence(dict(rng.choice(SETTINGS)), steps)


def _changed(rng: random.Random, program: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Another program: models added, changed or removed."""
    program = {name: dict(inputs) for name, inputs in program.items()}
    for _ in range(rng.choice((0, 1, 1, 2))):
        name = rng.choice(NAMES)
        if name in program and rng.random() < 0.35:
            del program[name]
        elif name in program:
            program[name]["source"] = f"file-{rng.randint(1, 2)}"
        else:
            program[name] = {
                "name": rng.choice(CUSTOM_NAMES),
                "base_model": rng.choice(("acme/Base", "acme/Base-fast")),
                "source": f"file-{rng.randint(1, 2)}",
                "description": rng.choice((None, "told")),
                "wait_for_active": rng.random() > 0.15,
            }
    return program


def _step(rng: random.Random, program: dict[str, dict[str, Any]]) -> Step:
    step = Step(rng.choices(("up", "preview", "refresh", "destroy"), (7, 1, 2, 1))[0], program)
    if rng.random() < 0.65:
        step.faults = [_fault(rng) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.25:
        step.kill = (rng.choice(("engine", "host", "both")), rng.randint(0, 25))
    elif rng.random() < 0.3:
        step.threads = 3
    step.timeout = rng.choice((0, 0, 0, 2, 10))
    step.failing = rng.random() < 0.12
    step.others_delete = rng.random() < 0.1
    return step


def _fault(rng: random.Random) -> dict[str, Any]:
    fault: dict[str, Any] = {
        "method": rng.choice(("POST", "POST", "GET", "DELETE", "*")),
        "effect": rng.choice(("before", "after")),
        "times": rng.choice((1, 1, 1, 2, 5, None)),
        "skip": rng.choice((0, 0, 1, 2)),
    }
    action = rng.choices(
        (
            "status",
            "reset",
            "close",
            "half_body",
            "html",
            "not_json",
            "invalid_utf8",
            "redirect",
            "hang",
            "slow",
        ),
        (12, 3, 3, 3, 2, 2, 1, 1, 1, 1),
    )[0]
    fault["action"] = action
    if action == "status":
        fault["status"] = rng.choice(STATUSES)
        if fault["status"] in (429, 503) and rng.random() < 0.7:
            fault["headers"] = {"Retry-After": str(rng.choice((1, 2, 700)))}
            fault["effect"] = "before"  # the promise rests on a pause meaning that nothing was done
        # Nor does a service do what it refuses.
        if 400 <= fault["status"] < 500 and fault["status"] != 408:
            fault["effect"] = "before"
    if action == "redirect":
        fault["effect"] = "before"
    if action in ("hang", "slow"):
        fault.update(seconds=0.02 if action == "slow" else 5, times=1)
    return fault


@dataclass
class Figures:
    """What a run was made of."""

    sequences: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    models: int = 0


def run(world: World, sequence: Sequence, figures: Figures | None = None) -> None:
    """Run a sequence, and then one `up` without faults.

    Raises:
        Violation: state and service do not agree.
    """
    figures = figures or Figures()
    world.reset()
    defaults = {"validation_seconds": 3.0, "seed": 1}
    world.emulator.settings.update(**{**type(world.emulator.settings)().model_dump(), **defaults})
    world.emulator.settings.update(**sequence.settings)
    engine = Engine(world)
    drifted = False
    for step in sequence.steps:
        drifted |= _run_step(world, engine, step, figures)
    _calm(world)
    program = sequence.steps[-1].program
    # As with every Pulumi resource, only a refresh finds what went away behind the state's back.
    world.jump(GRACE if drifted else 0)
    world.end_gaps()
    if drifted and not _find_out(engine, sequence, program):
        raise Violation(f"what went away was not found out without faults: {engine.failures}")
    if not engine.run("up", program):
        raise Violation(f"an up without faults failed: {engine.failures}")
    figures.sequences += 1
    figures.requests += len(world.emulator.requests())
    figures.models += len(world.emulator.store._models)
    check(world, engine, program)


def _find_out(engine: Engine, sequence: Sequence, program: dict[str, dict[str, Any]]) -> bool:
    """Let the state know what is gone."""
    if sequence.settings.get("hidden_missing"):
        # A refused key drops nothing, and a 403 that hides what is gone is one; a destroy asks the list.
        return engine.run("destroy", program)
    tries = 1 + sequence.settings.get("missing_reads", 0)
    return any(engine.run("refresh", program) for _ in range(tries))


def _run_step(world: World, engine: Engine, step: Step, figures: Figures) -> bool:
    """Run one step; True where a model may be gone that the state holds: deleted by others, or unanswered."""
    emulator = world.emulator
    _calm(world)
    # Where a 403 hides what is gone, a refresh cannot drop it: a refused key drops nothing.
    deleted = step.others_delete and bool(emulator.models()) and not emulator.settings.hidden_missing
    if deleted:
        emulator.remove_model(emulator.models()[0]["name"])
    emulator.settings.failing_sources = {"file-2": "no adapter"} if step.failing else {}
    for fault in step.faults:
        emulator.add_fault(Fault(**fault))
    world.kill = Kill(*step.kill) if step.kill else None
    succeeded = engine.run(step.operation, step.program, step.timeout, step.threads)
    figures.operations[step.operation] += 1
    figures.failed += not succeeded
    for rule in emulator.service.faults.describe():
        figures.faults[rule["action"]] += rule["hits"]
    if world.kill and world.kill.done:
        figures.kills[world.kill.who] += 1
    return deleted or engine.failed_deletes > 0


def _calm(world: World) -> None:
    """No more faults, nobody dies, no validation fails; guardians do their work."""
    world.kill = None
    world.emulator.clear_faults()
    world.emulator.settings.failing_sources = {}
    world.guard()
    world.end_gaps()


def check(world: World, engine: Engine, program: dict[str, dict[str, Any]]) -> None:
    """The promise.

    Raises:
        Violation: a model is lost, held twice, unknown or not as declared.
    """
    # An id stays the short name where the POST told no other; the output has the full one.
    held = [record.outputs["generated_name"] for record in engine.state]
    live = [model["name"] for model in world.emulator.models()]
    if len(set(held)) != len(held):
        raise Violation(f"held twice: {held}")
    if lost := set(held) - set(live):
        raise Violation(f"lost: {lost}")
    if unknown := set(live) - set(held):
        raise Violation(f"unknown: {unknown}; held: {held}")
    if sorted(record.urn_name for record in engine.state) != sorted(program):
        raise Violation(f"declared {sorted(program)}, held {engine.state}")
    for record in engine.state:
        declared = program[record.urn_name].items()
        wrong = [key for key, value in declared if key != WAITS and record.outputs.get(key) != value]
        if wrong or record.init_errors or record.delete:
            raise Violation(f"not as declared ({wrong}): {record}")
        if program[record.urn_name]["wait_for_active"] and record.outputs["status"] != "active":
            raise Violation(f"not active: {record}")


def as_text(sequence: Sequence) -> str:
    """The sequence as data, for a regression test."""
    return repr(asdict(sequence))


def from_data(data: dict[str, Any]) -> Sequence:
    """A sequence out of what :func:`as_text` wrote."""
    return Sequence(data["settings"], [Step(**step) for step in data["steps"]])
