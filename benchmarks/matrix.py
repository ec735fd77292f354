"""Run all operations of all contenders in turns, so that a slow moment of the machine affects each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median, median_low
from tempfile import TemporaryDirectory

from benchmarks.engines import Stack
from benchmarks.floor import Floor
from benchmarks.processes import Usage
from benchmarks.rows import OPERATIONS, Row, Rows
from benchmarks.service import Service

Say = Callable[[str], None]
_CHANGE_NOTHING = ("preview", "refresh")  # short, and easy to repeat: one run of them says little


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    Attributes:
        models: sizes of the stack.
        validations: seconds a model validates.
        contenders: who takes part.
        parallel: steps at a time.
        repeat: how often; the median counts.
        turns: how often a round measures the operations that change nothing.
        real: whether Pulumi's CLI runs it.
        cold: do without the unmeasured first run.
    """

    models: Sequence[int]
    validations: Sequence[float]
    contenders: Sequence[str]
    parallel: int = 64
    repeat: int = 1
    turns: int = 1
    real: bool = True
    cold: bool = False


class Contender:
    """One provider with its own stack and its own service."""

    def __init__(self, name: str, folder: Path, service: Service, plan: Plan) -> None:
        self.name = name
        self.service = service
        self._floor = Floor(service.url, plan.parallel) if name == "floor" else None
        self._stack = None
        if self._floor is None:
            self._stack = Stack(folder, name, service.url, parallel=plan.parallel, real=plan.real)

    def measure(self, operation: str, models: int, validation: float) -> Row:
        """Do one operation.

        Raises:
            CommandFailed: it failed.
            AssertionError: it left another number of models than it should have.
        """
        self.service.validate_for(validation)
        self.service.forget_requests()
        usage = self._run(operation, models)
        expected = 0 if operation == "destroy" else models
        if (found := self.service.count()) != expected:
            raise AssertionError(f"{operation} of {self.name} left {found} models where {expected} belong")
        return Row(
            models,
            validation,
            operation,
            self.name,
            usage.seconds,
            usage.cpu(),
            usage.memory,
            usage.threads,
            usage.threads_after,
            self.service.calls(),
            self._stack.state_bytes() if self._stack and operation == "up" else None,
        )

    def _run(self, operation: str, models: int) -> Usage:
        if self._floor is not None:
            return Usage(seconds=self._floor.run(operation, models))
        assert self._stack is not None
        return self._stack.run(operation, models)


def measure(plan: Plan, say: Say) -> Iterator[Rows]:
    """Run the plan; yields the rows of one size and validation at a time, so that a later failure loses none."""
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="benchmark-")))
        contenders = [
            Contender(name, folder / name, held.enter_context(Service()), plan) for name in plan.contenders
        ]
        if not plan.cold:
            say("warming up: byte code, the file cache and the engine's own first run")
            _round(contenders, 1, 0, 1, lambda _row: None)
        for validation in plan.validations:
            for models in plan.models:
                yield _cell(contenders, models, validation, plan, say)


def _cell(contenders: list[Contender], models: int, validation: float, plan: Plan, say: Say) -> Rows:
    found: dict[tuple[float, int, int, int], list[Row]] = {}

    def keep(row: Row) -> None:
        found.setdefault(row.key, []).append(row)
        say(f"{models:>5} models, {validation:g} s: {row.operation:<8}{row.contender:<6}{row.seconds:8.2f} s")

    for number in range(plan.repeat):
        _round(_begun_by(number, contenders), models, validation, plan.turns, keep)
    return Rows(joined(found[key]) for key in sorted(found))


def _round(
    contenders: list[Contender], models: int, validation: float, turns: int, keep: Callable[[Row], None]
) -> None:
    """Each operation by all contenders before the next one."""
    for operation in OPERATIONS:
        for number in range(turns if operation in _CHANGE_NOTHING else 1):
            for contender in _begun_by(number, contenders):
                keep(contender.measure(operation, models, validation))


def _begun_by(number: int, contenders: list[Contender]) -> list[Contender]:
    first = number % len(contenders)
    return [*contenders[first:], *contenders[:first]]


def joined(repeated: list[Row]) -> Row:
    """The median repetition, with the times of all of them and each process's median work and memory."""
    samples = [row.seconds for row in repeated]
    row = min(repeated, key=lambda each: abs(each.seconds - median(samples)))
    row.seconds, row.samples = median(samples), samples
    row.cpu = {role: median(each.cpu.get(role, 0.0) for each in repeated) for role in row.cpu}
    row.memory = {role: median_low(each.memory.get(role, 0) for each in repeated) for role in row.memory}
    return row
