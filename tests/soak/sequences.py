"""Random sequences of programs, operations, faults and deaths, and what must hold after each."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from nebius_model_resource._provider.properties import MODEL
from nebius_model_resource._provider.wait import GRACE
from nebius_model_resource._service.types import CustomModelInfo
from nebius_model_resource.testing.emulator import Fault
from nebius_model_resource.testing.engine.planner import Order
from nebius_model_resource.testing.engine.resources import Resource
from tests.soak.programs import WAITS, Program, Truth, changed, model_of
from tests.soak.stack import Declaration, Stack
from tests.soak.world import Kill, World

STATUSES = (400, 401, 403, 404, 408, 409, 418, 422, 429, 500, 502, 503, 504)
REFUSALS = {status for status in STATUSES if 400 <= status < 500} - {408}
ACTIONS = {"status": 12, "reset": 3, "close": 3, "half_body": 3, "html": 2, "not_json": 2} | dict.fromkeys(
    ("invalid_utf8", "redirect", "hang", "slow"), 1
)
SETTINGS: tuple[dict[str, Any], ...] = (
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
    refresh: bool = False
    by_program: bool = False
    faults: list[dict[str, Any]] = field(default_factory=list)
    kill: tuple[str, int] | None = None
    timeout: float = 0
    threads: int = 1
    failing: bool = False
    others_delete: bool = False

    @property
    def order(self) -> Order:
        """What the engine is asked to do."""
        kind = "update" if self.operation in ("up", "preview") else self.operation
        return Order(kind, self.operation == "preview", self.refresh, self.by_program)


@dataclass
class Sequence:
    """What to run; its ``repr`` is enough to run it again."""

    settings: dict[str, Any]
    steps: list[Step]


class Violation(AssertionError):
    """The promise was broken."""


def draw(rng: random.Random) -> Sequence:
    """A random sequence."""
    program = Program()
    steps = []
    for _ in range(rng.randint(2, 6)):
        program = changed(rng, program)
        steps.append(_step(rng, program))
    return Sequence(dict(rng.choice(SETTINGS)), steps)


def _step(rng: random.Random, program: Program) -> Step:
    operation = rng.choices(("up", "preview", "refresh", "destroy"), (7, 1, 2, 1))[0]
    step = Step(operation, program.models)
    step.refresh = operation != "refresh" and rng.random() < 0.25
    # Without a refresh, an `up` runs its program anyway.
    step.by_program = (operation in ("refresh", "destroy") or step.refresh) and rng.random() < 0.4
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
    action = rng.choices(list(ACTIONS), list(ACTIONS.values()))[0]
    fault: dict[str, Any] = {
        "method": rng.choice(("POST", "POST", "GET", "DELETE", "*")),
        "action": action,
        "effect": rng.choice(("before", "after")),
        "times": rng.choice((1, 1, 1, 2, 5, None)),
        "skip": rng.choice((0, 0, 1, 2)),
    }
    if action == "status":
        fault["status"] = rng.choice(STATUSES)
        if fault["status"] in (429, 503) and rng.random() < 0.7:
            fault["headers"] = {"Retry-After": str(rng.choice((1, 2, 700)))}
    # The promise requires that a service does nothing of what it refuses, redirects, or asks a pause for.
    if action == "redirect" or "headers" in fault or fault.get("status", 500) in REFUSALS:
        fault["effect"] = "before"
    if action in ("hang", "slow"):
        fault.update(seconds=0.02 if action == "slow" else 5, times=1)
    return fault


@dataclass
class Figures:
    """What a run consisted of."""

    sequences: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    models: int = 0


def run(world: World, sequence: Sequence, figures: Figures | None = None) -> None:
    """Run a sequence, and then one `up` without faults.

    Raises:
        Violation: state and service do not agree.
    """
    figures = figures or Figures()
    world.reset()
    defaults = {**type(world.emulator.settings)().model_dump(), "validation_seconds": 3.0, "seed": 1}
    world.emulator.settings.update(**{**defaults, **sequence.settings})
    stack, truth = Stack(world), Truth(world)
    drifted = False
    for step in sequence.steps:
        drifted |= _run_step(stack, truth, step, figures)
    last = sequence.steps[-1]
    _calm(world)
    # As with every Pulumi resource, only a refresh finds a model that is gone. Reads and adoptions may also miss a
    # model that was just created.
    refers = any({"get", "import"} & model.keys() for model in last.program.values())
    world.jump(GRACE if drifted or refers else 0)
    world.end_gaps()
    if drifted and not _find_out(stack, truth, sequence):
        raise Violation(f"what went away was not found out without faults: {stack.failures}")
    program, succeeded = _up(stack, truth, last)
    if not succeeded:
        raise Violation(f"an up without faults failed: {stack.failures}")
    figures.requests += len(world.emulator.requests())
    figures.models += len(world.emulator.store.items)
    figures.done.update(stack.done + truth.counted)
    check(stack, truth, program)
    figures.sequences += 1


def _up(stack: Stack, truth: Truth, step: Step) -> tuple[list[Declaration], bool]:
    """Run the program of a step with its present references; returns that program, and whether the run succeeded."""
    held = stack.models()
    program = truth.program(step.program, held)
    succeeded = stack.run(Order("update"), program)
    if not succeeded and (failed := _failed_for_nobody(stack, program)):
        succeeded = stack.run(Order("update", replace=failed), program)
    truth.learn(stack, held)
    return program, succeeded


def _failed_for_nobody(stack: Stack, program: list[Declaration]) -> tuple[str, ...]:
    """The URNs of failed models for which no `up` waits: an `up` that names them replaces them, as the message says."""
    failed = {each["name"] for each in stack.world.emulator.models() if each["status"] == "error"}
    held = {each.urn: model_of(each) for each in stack.models() if not each.external}
    names = [
        urn
        for declared in program
        if declared.inputs.get(WAITS) is False and not declared.get
        for urn in (declared.urn, *declared.was)
        if held.get(urn) in failed
    ]
    return tuple(dict.fromkeys(names))


def _find_out(stack: Stack, truth: Truth, sequence: Sequence) -> bool:
    """Remove from the state what is gone."""
    if truth.held_twice(stack):
        # After half a hand-over, the next `up` deletes the resource that the program dropped, and its model.
        _up(stack, truth, sequence.steps[-1])
    held = stack.models()
    try:
        if sequence.settings.get("hidden_missing"):
            # A refused key drops nothing, and a 403 for a missing model looks like one; a destroy reads the list.
            return stack.run(Order("destroy"), [])
        tries = 1 + sequence.settings.get("missing_reads", 0)
        return any(stack.run(Order("refresh"), []) for _ in range(tries))
    finally:
        truth.learn(stack, held)


def _run_step(stack: Stack, truth: Truth, step: Step, figures: Figures) -> bool:
    """Run one step; True if a model in the state may be gone: deleted by others, or by a call without an answer."""
    world, emulator = stack.world, stack.world.emulator
    _calm(world)
    # If a 403 hides what is gone, a refresh cannot drop it: a refused key drops nothing.
    deleted = step.others_delete and bool(emulator.models()) and not emulator.settings.hidden_missing
    if deleted:
        gone = emulator.models()[0]["name"]
        emulator.remove_model(gone)
        truth.others.discard(gone)
    emulator.settings.failing_sources = {"file-2": "no adapter"} if step.failing else {}
    held = stack.models()
    program = truth.program(step.program, held)
    for fault in step.faults:
        emulator.add_fault(Fault(**fault))
    world.kill = Kill(*step.kill) if step.kill else None
    succeeded = stack.run(step.order, program, timeout=step.timeout, threads=step.threads)
    flags = " --refresh" * step.refresh + " --run-program" * step.by_program
    figures.operations[step.operation + flags] += 1
    figures.failed += not succeeded
    for rule in emulator.service.faults.describe():
        figures.faults[rule["action"]] += rule["hits"]
    if world.kill and world.kill.done:
        figures.kills[world.kill.who] += 1
    truth.learn(stack, held)
    if step.refresh and step.by_program:
        # Pulumi's engine takes what it refreshes by the program for its own, also what the stack only read.
        owned = {urn for each in program if not each.get for urn in (each.urn, *each.was)}
        taken = {model_of(each) for each in held if each.external and each.urn in owned}
        truth.others -= taken - {model["name"] for model in emulator.models()}
    return truth.held_twice(stack) or deleted or stack.failed_deletes > 0


def _calm(world: World) -> None:
    """No more faults, kills or failed validations: a failed model that nothing waits for would fail each `up`."""
    world.kill = None
    world.emulator.clear_faults()
    world.emulator.settings.failing_sources = {}
    for model in world.emulator.models():
        if model["status"] == "error":
            world.emulator.change_model(model["name"], status="active")
    world.end_gaps()


def check(stack: Stack, truth: Truth, program: list[Declaration]) -> None:
    """The promise.

    Raises:
        Violation: a model is lost, held twice, unknown or not as declared.
    """
    models = {each.urn: each for each in stack.models()}
    declared = {each.urn: each for each in program}
    held = [model_of(each) for each in stack.models() if not each.external]
    live = {model["name"] for model in stack.world.emulator.models()}
    if len(set(held)) != len(held):
        raise Violation(f"held twice: {held}")
    if lost := (set(held) | truth.others) - live:
        raise Violation(f"lost: {lost}; of others: {truth.others}")
    if unknown := _unknown(stack.world, live - set(held) - truth.others):
        raise Violation(f"unknown: {unknown}; held: {held}; of others: {truth.others}")
    if len(models) != len(stack.models()) or models.keys() != declared.keys():
        raise Violation(f"declared {sorted(declared)}, held {stack.models()}")
    for urn, model in models.items():
        _check_one(model, declared[urn])


def _unknown(world: World, names: set[str]) -> set[str]:
    """The unknown models, except one for each create that may have left one."""
    in_doubt = list(world.in_doubt)
    unknown = set()
    for model in (each for each in world.emulator.models() if each["name"] in names):
        info = CustomModelInfo.parse(model)
        left = next((each for each in in_doubt if not MODEL.changed(each, MODEL.live(each, info))), None)
        if left is None:
            unknown.add(model["name"])
        else:
            in_doubt.remove(left)
    return unknown


def _check_one(model: Resource, declared: Declaration) -> None:
    if model.external or declared.get:
        if not (model.external and declared.get):
            raise Violation(f"read {declared.get!r}, held {model}")
        return
    # What the state must hold: not how to work, nor which model was adopted.
    given = {key: value for key, value in declared.inputs.items() if key not in (WAITS, "import_id")}
    wrong = [key for key, value in given.items() if model.outputs.get(key) != value]
    if wrong or model.init_errors or model.delete:
        raise Violation(f"not as declared ({wrong}): {model}")
    if declared.inputs[WAITS] and model.outputs["status"] != "active":
        raise Violation(f"not active: {model}")
