"""One operation of an engine: how long it may take, and where it shows its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nebius_model_resource._api.deadline import Deadline


def _ignore(_text: str) -> None:
    return None


@dataclass(frozen=True)
class Report:
    """Where to show progress: texts that replace each other, and warnings that stay; nowhere by default."""

    progress: Callable[[str], None] = _ignore
    warn: Callable[[str], None] = _ignore


@dataclass(frozen=True)
class Operation:
    """The deadline of an operation, with its pauses, and its report."""

    deadline: Deadline
    report: Report = field(default_factory=Report)
