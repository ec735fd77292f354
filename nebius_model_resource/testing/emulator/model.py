"""One custom model as the emulator stores it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from .states import DELETED, check_state


@dataclass(frozen=True)
class Model:
    """A model; frozen, so that a reader in another thread never sees half a change.

    `made_at` is in Unix seconds with fractions, for the time of validation; the API shows whole seconds.
    """

    name: str
    short_name: str
    custom_name: str
    base_model: str
    source: str
    description: str | None
    ai_project_id: str
    made_at: float
    status: str
    status_reason: str | None = None
    seen_validating: int = 0
    reads: int = 0
    lists: int = 0
    settled: bool = False
    """Made by hand: no read-after-create gap and no validation."""

    @property
    def created_at(self) -> int:
        """Unix time in whole seconds, as the API shows it."""
        return int(self.made_at)

    @property
    def is_live(self) -> bool:
        """Whether the model has not been deleted."""
        return self.status != DELETED

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Model:
        """Create a model from `dataclasses.asdict` of one; keys of other versions are ignored."""
        known = {field.name for field in fields(cls)}
        model = cls(**{key: value for key, value in stored.items() if key in known})
        check_state(model.status)
        return model
