"""What the pickled provider does inside Pulumi's host: it hands the engine's calls to :mod:`.custom_models`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    UpdateResult,
)
from pulumi.output import Unknown
from pulumi.runtime.rpc import UNKNOWN

from nebius_model_resource._edges.call import explained
from nebius_model_resource._edges.custom_models import CustomModels
from nebius_model_resource._edges.dynamic.call import DetailedDiff, HostCall, serve

_WAITING = ("create", "update", "delete")  # the others are quick, or share one read of the list


class DynamicEdge:
    """The dynamic host's calls for one resource type; safe to share between threads."""

    def __init__(self, models: CustomModels) -> None:
        """Nothing is sent.

        Args:
            models: what decides.
        """
        self._models = models

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Report every fault of every property, and fill in the configured project."""
        with self._served("check") as call:
            checked = self._models.check(call, _with_placeholders(olds), _with_placeholders(news))
            return CheckResult(checked.inputs, [CheckFailure(*failure) for failure in checked.failures])

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Name just the inputs that changed, each with its kind."""
        with self._served("diff") as call:
            changes = self._models.diff(call, id_, _with_placeholders(olds), _with_placeholders(news))
            return DetailedDiff(changes)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Create or adopt the model, and wait until it is active."""
        with self._served("create") as call:
            found = self._models.create(call, props)
            return CreateResult(found.id, found.outputs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read what is live; a model that does not exist any more is removed from the state."""
        with self._served("read") as call:
            found = self._models.read(call, id_, props)
            return (
                ReadResult(found.id, found.outputs, found.inputs or None)
                if found
                else ReadResult(None, {}, {})
            )

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Continue to wait for a model whose create did not finish."""
        with self._served("update") as call:
            return UpdateResult(self._models.update(call, id_, olds, news))

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Delete the model; succeed if it does not exist any more."""
        with self._served("delete") as call:
            self._models.delete(call, id_, props)

    @contextmanager
    def _served(self, method: str) -> Iterator[HostCall]:
        with serve(waits=method in _WAITING) as call, explained(call, method, self._models.places):
            yield call


def _with_placeholders(bag: dict[str, Any]) -> dict[str, Any]:
    """A property bag that marks unknown values as the engine does: with a text."""
    return {name: UNKNOWN if isinstance(value, Unknown) else value for name, value in bag.items()}
