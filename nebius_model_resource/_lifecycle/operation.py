"""What one operation of an engine brings along: passed as one thing wherever time passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nebius_model_resource._api.deadline import Deadline, Sleep


def _ignore(_text: str) -> None:
    return None


@dataclass(frozen=True)
class Report:
    """Where progress is shown: texts that replace each other, and warnings that stay; nowhere by default."""

    progress: Callable[[str], None] = _ignore
    warn: Callable[[str], None] = _ignore


@dataclass(frozen=True)
class Operation:
    """What one operation of an engine brings along.

    Attributes:
        deadline: until when it may go on.
        sleep: pauses for so many seconds; raises EngineGone when nobody is left to tell the outcome to.
        report: where its progress is shown.
    """

    deadline: Deadline
    sleep: Sleep
    report: Report = field(default_factory=Report)
