"""One fine-tuning job as the emulator stores it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final

RUNNING: Final = "running"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
ENDED: Final = (SUCCEEDED, FAILED, CANCELLED)


@dataclass(frozen=True)
class Checkpoint:
    """What one epoch left: its step, its losses and the ids of its files; `made_at` is in Unix seconds."""

    id: str
    step: int
    made_at: float
    train_loss: float
    valid_loss: float | None
    files: list[str]


@dataclass(frozen=True)
class Job:
    """A job; frozen, so that a reader in another thread never sees half a change.

    `made_at` and `ended_at` are in Unix seconds with fractions; the API shows whole seconds. `tokens` and
    `steps` are those of one epoch.
    """

    id: str
    ai_project_id: str
    made_at: float
    model: str
    training_file: str
    validation_file: str | None
    hyperparameters: dict[str, Any]
    suffix: str
    seed: int
    integrations: list[Any] | None
    method: dict[str, Any] | None
    tokens: int
    steps: int
    status: str = RUNNING
    ended_at: float | None = None
    message: str | None = None
    checkpoints: list[Checkpoint] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """How many epochs the job has."""
        return int(self.hyperparameters["n_epochs"])

    @property
    def is_running(self) -> bool:
        """Whether the job has not ended."""
        return self.status not in ENDED

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Job:
        """Create a job from `dataclasses.asdict` of one; keys of other versions are ignored."""
        known = {each.name for each in fields(cls)}
        values = {key: value for key, value in stored.items() if key in known}
        checkpoints = [Checkpoint(**each) for each in values.pop("checkpoints")]
        return cls(**values, checkpoints=checkpoints)
