"""What a pickled provider does inside Pulumi's host: it hands the engine's calls to what decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

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

from nebius_model_resource._api.settings import Places
from nebius_model_resource._edges.call import Call, explained
from nebius_model_resource._edges.dynamic.call import DetailedDiff, HostCall, serve
from nebius_model_resource._edges.results import Changes, Checked, Found


class Decisions(Protocol):
    """What decides about the resources of one type.

    Attributes:
        noun: what a resource is called in messages.
        places: where the settings are set.
        waiting: the methods that may take long.
    """

    noun: str
    places: Places
    waiting: frozenset[str]

    def check(self, call: Call, olds: dict[str, Any], news: dict[str, Any], /) -> Checked: ...
    def diff(self, call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any], /) -> Changes: ...
    def create(self, call: Call, props: dict[str, Any], /) -> Found: ...
    def read(self, call: Call, id_: str, props: dict[str, Any], /) -> Found | None: ...
    def update(
        self, call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any], /
    ) -> dict[str, Any]: ...
    def delete(self, call: Call, id_: str, props: dict[str, Any], /) -> None: ...


class DynamicEdge:
    """The dynamic host's calls for one resource type; safe to share between threads."""

    def __init__(self, decisions: Decisions) -> None:
        """Nothing is sent.

        Args:
            decisions: what decides about that type.
        """
        self._decisions = decisions

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Report every fault of every property, and fill in the configured project."""
        with self._served("check") as call:
            checked = self._decisions.check(call, _with_placeholders(olds), _with_placeholders(news))
            return CheckResult(checked.inputs, [CheckFailure(*failure) for failure in checked.failures])

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Name just the inputs that changed, each with its kind."""
        with self._served("diff") as call:
            changes = self._decisions.diff(call, id_, _with_placeholders(olds), _with_placeholders(news))
            return DetailedDiff(changes)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Create the resource, or adopt it."""
        with self._served("create") as call:
            found = self._decisions.create(call, props)
            return CreateResult(found.id, found.outputs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read what is live; a resource that does not exist any more is removed from the state."""
        with self._served("read") as call:
            found = self._decisions.read(call, id_, props)
            return (
                ReadResult(found.id, found.outputs, found.inputs or None) if found else ReadResult(None, {})
            )

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Continue a create that did not finish."""
        with self._served("update") as call:
            return UpdateResult(self._decisions.update(call, id_, olds, news))

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Delete the resource; succeed if it does not exist any more."""
        with self._served("delete") as call:
            self._decisions.delete(call, id_, props)

    @contextmanager
    def _served(self, method: str) -> Iterator[HostCall]:
        decisions = self._decisions
        waits = method in decisions.waiting
        with serve(waits=waits) as call, explained(call, method, decisions.noun, decisions.places):
            yield call


def _with_placeholders(bag: dict[str, Any]) -> dict[str, Any]:
    """A property bag that marks unknown values as the engine does: with a text."""
    return {name: UNKNOWN if isinstance(value, Unknown) else value for name, value in bag.items()}
