"""What a program asks for, beside what the state holds of it, and what it is run for."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .resources import Goal, Resource


class Purpose(enum.Enum):
    """What the program is run for."""

    UPDATE = enum.auto()
    REFRESH = enum.auto()
    DESTROY = enum.auto()


@dataclass
class Registration:
    """What the program asks for beside what the state holds of it: `old`, found under the present URN or an alias."""

    goal: Goal
    old: Resource | None
    new: Resource

    @property
    def owned(self) -> bool:
        """Whether this is something that the program's provider makes: no component, and no provider."""
        return self.goal.custom and not self.new.is_provider
