"""What operations return: the shapes of `pulumi.automation`, and its own classes where they can be reused."""

from __future__ import annotations

from pulumi.automation import (
    DestroyResult,
    OutputValue,
    PreviewResult,
    RefreshResult,
    UpdateSummary,
    UpResult,
)

from .values import Properties, Secret, plain

__all__ = [
    "DestroyResult",
    "OutputValue",
    "PreviewResult",
    "RefreshResult",
    "UpResult",
    "UpdateSummary",
    "output_map",
]


def output_map(outputs: Properties) -> dict[str, OutputValue]:
    """A stack's outputs with their values in the clear and secrets marked."""
    return {
        key: OutputValue(value=plain(value), secret=isinstance(value, Secret))
        for key, value in outputs.items()
    }
