"""What is measured: one row for one operation of one contender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from statistics import fmean, stdev
from typing import Any

OPERATIONS = ("up", "preview", "refresh", "destroy")
CONTENDERS = ("ours", "naive", "bare", "floor")
CALLS = ("POST", "LIST", "GET", "DELETE")


def difference(ours: Sequence[float], other: Sequence[float]) -> tuple[float, float] | None:
    """How much more ours took, turn by turn: the mean and its standard error; None with fewer than two turns."""
    pairs = [mine - theirs for mine, theirs in zip(ours, other, strict=False)]
    return (fmean(pairs), stdev(pairs) / len(pairs) ** 0.5) if len(pairs) > 1 else None


@dataclass
class Row:
    """One operation.

    Attributes:
        models: how many models the stack has.
        validation: seconds until a model is active; 0 means that the answer to the POST says so.
        operation: one of `OPERATIONS`.
        contender: one of `CONTENDERS`.
        seconds: wall time of the complete command; the median if it was repeated.
        cpu: processor seconds by process; on a busy machine nearly the same, unlike the wall time.
        memory: peak resident memory in bytes by process: `cli`, `language`, `program`, `host`; also the median.
        threads: most threads that the host had at once.
        threads_after: threads of the host when it was last seen.
        calls: requests that reached the service, by kind.
        state_bytes: bytes of one model in the state exported after an `up`, None elsewhere.
        samples: the wall time of each repetition, in the order in which the contenders took turns.
    """

    models: int
    validation: float
    operation: str
    contender: str
    seconds: float
    cpu: dict[str, float] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    threads: int = 0
    threads_after: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    state_bytes: int | None = None
    samples: list[float] = field(default_factory=list)

    @property
    def fastest(self) -> float:
        """Wall time of the fastest repetition: other work of the machine can only add to it."""
        return min(self.samples, default=self.seconds)

    @property
    def key(self) -> tuple[float, int, int, int]:
        """The row's place in a table."""
        return (
            self.validation,
            self.models,
            OPERATIONS.index(self.operation),
            CONTENDERS.index(self.contender),
        )

    @classmethod
    def parse(cls, document: dict[str, Any]) -> Row:
        """Read a row from its JSON."""
        return cls(**{each.name: document[each.name] for each in fields(cls)})


class Rows(list[Row]):
    """All rows of a run."""

    def one(self, models: int, validation: float, operation: str, contender: str) -> Row | None:
        """The row of one operation, None if it was not measured."""
        wanted = (models, validation, operation, contender)
        return next(
            (row for row in self if (row.models, row.validation, row.operation, row.contender) == wanted),
            None,
        )

    def joined(self, newer: Rows) -> Rows:
        """These rows, with newer ones in place of those with the same key, in a table's order."""
        merged = {row.key: row for row in [*self, *newer]}
        return Rows(merged[key] for key in sorted(merged))
