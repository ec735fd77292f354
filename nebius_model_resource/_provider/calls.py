"""One call of the engine: what a resource type is given, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from nebius_model_resource._service.retry import Deadline
from nebius_model_resource.errors import NebiusError


class Call(Protocol):
    """One call of the engine.

    Attributes:
        urn: the resource's URN, empty where it is not known.
        timeout: ``custom_timeouts`` for this operation in seconds, 0 where there is none.
        seed: random bytes of a check; those of a plan are those of the `up` that carries it out.
        recorded: the names of the inputs in the state, where a read is given them; otherwise None.
        secrets: the names of the inputs that the engine marks as secret; the dynamic host is not told of any.
        failed: whether :meth:`fail` was called.
    """

    urn: str
    timeout: float
    seed: bytes
    recorded: frozenset[str] | None
    secrets: frozenset[str]
    failed: bool

    def sleep(self, seconds: float) -> None:
        """Pause, or until the run is interrupted.

        Raises:
            EngineGone: the engine has gone away.
        """

    def interrupted(self) -> bool:
        """Whether the person who started the run has stopped it."""

    def progress(self, text: str) -> None:
        """Show a text in the resource's row until the next one."""

    def note(self, text: str) -> None:
        """Show a text in the resource's row and in the diagnostics, once in a run."""

    def warn(self, text: str) -> None:
        """Show a warning in the resource's row and in the diagnostics, once in a run."""

    def keep(self, message: str, id_: str, properties: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
        """Let the coming :meth:`fail` record the resource as existing and not ready; False where it cannot."""

    def fail(self, message: str) -> NoReturn:
        """End the call with one message.

        Raises:
            Exception: always.
        """


@dataclass(frozen=True)
class Operation:
    """An operation on one resource: its deadline with its pauses, and where it shows its progress.

    Attributes:
        deadline: how long it may take.
        progress: shows a text until the next one.
        warn: shows a warning that stays.
    """

    deadline: Deadline
    progress: Callable[[str], None] = lambda _text: None
    warn: Callable[[str], None] = lambda _text: None

    def retrying(self, error: NebiusError) -> None:
        """Show an error after which there is another attempt."""
        self.progress(f"{error.message}; retrying")


@dataclass(frozen=True)
class Checked:
    """The inputs of a checked resource, and each fault as property and reason."""

    inputs: dict[str, Any]
    failures: list[tuple[str, str]]


@dataclass(frozen=True)
class Changes:
    """What a diff found.

    Attributes:
        kinds: for each changed property ``"ADD"``, ``"DELETE"`` or ``"UPDATE"``.
        replaces: those of them that need a new resource.
        of_inputs: whether the old values are those of the inputs, and not of the outputs.
        updates: whether the resource is to be updated though no property has changed.
    """

    kinds: Mapping[str, str]
    replaces: Collection[str] = ()
    of_inputs: bool = True
    updates: bool = False


@dataclass(frozen=True)
class Found:
    """A resource that exists; it has no inputs where the stack only reads it."""

    id: str
    outputs: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)


def change_kind(old: Any, new: Any) -> str:
    """The engine's name for a change of one property."""
    if old in (None, ""):
        return "ADD"
    return "DELETE" if new in (None, "") else "UPDATE"
