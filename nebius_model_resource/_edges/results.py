"""What a provider answers, before an edge puts it into the engine's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nebius_model_resource._api.models import Fault


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
        replaces: whether these changes need a new resource.
        of_inputs: whether the old values are those of the inputs, and not of the outputs.
        updates: whether the resource is to be updated though no property has changed.
    """

    kinds: Mapping[str, str]
    replaces: bool = False
    of_inputs: bool = True
    updates: bool = False


@dataclass(frozen=True)
class Found:
    """A resource that exists; it has no inputs where the stack only reads it."""

    id: str
    outputs: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)


def failure(fault: Fault) -> tuple[str, str]:
    """A fault as the engine shows it: no property is named for `import_`, which is an option."""
    if fault.property in ("import_", "import_id"):
        return "", f"`import_`: {fault.reason}"
    if fault.hidden:  # the engine (3.260) shows the value of a named property, even a secret one
        return "", f"`{fault.property}`: {fault.reason}"
    return fault.property, fault.reason
