"""One operation of an engine: how long it may take, and where it shows its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nebius_model_resource._api.deadline import Deadline


def _ignore(_text: str) -> None:
    return None


@dataclass(frozen=True)
class Report:
    """Where progress is shown: texts that replace each other, and warnings that stay; nowhere by default."""

    progress: Callable[[str], None] = _ignore
    warn: Callable[[str], None] = _ignore


@dataclass(frozen=True)
class Operation:
    """One operation of an engine.

    Attributes:
        deadline: how long it may take, and how it pauses.
        report: where it shows its progress.
    """

    deadline: Deadline
    report: Report = field(default_factory=Report)
