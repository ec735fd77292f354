"""What a program registers, what the state holds for it, and what the program is run for."""

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
    """What the program registers and what the state holds for it: `old`, found under the present URN or an alias."""

    goal: Goal
    old: Resource | None
    new: Resource

    @property
    def owned(self) -> bool:
        """Whether this is something that a provider creates: no component, and no provider."""
        return self.goal.custom and not self.new.is_provider
