"""The pickled provider classes: the import path of each is part of every stack's state and never changes.

An instance is pickled by reference: it has no state, and no credentials get into the stack. The engine finds the class
by its path in the process that it starts for the provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

if TYPE_CHECKING:
    from nebius_model_resource._dynamic.host import HostCall
    from nebius_model_resource._provider.resource_type import ResourceType


class _Provider(ResourceProvider):
    """Hands the engine's calls to the resource type; safe to share between threads."""

    serialize_as_secret_always = False  # there is nothing secret in it
    _resources: ResourceType

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Report every fault of every property, and fill in the configured project."""
        from nebius_model_resource._engine import with_placeholders

        with self._served("check") as call:
            checked = self._resources.check(call, with_placeholders(olds), with_placeholders(news))
            return CheckResult(checked.inputs, [CheckFailure(*failure) for failure in checked.failures])

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Name just the inputs that changed, each with its kind."""
        from nebius_model_resource._dynamic.host import DetailedDiff
        from nebius_model_resource._engine import with_placeholders

        with self._served("diff") as call:
            found = self._resources.diff(call, id_, with_placeholders(olds), with_placeholders(news))
            return DetailedDiff(found)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Create the resource, or adopt it."""
        with self._served("create") as call:
            found = self._resources.create(call, props)
            return CreateResult(found.id, found.outputs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read what is live; a resource that does not exist any more is removed from the state."""
        with self._served("read") as call:
            found = self._resources.read(call, id_, props)
            if found is None:
                return ReadResult(None, {})
            return ReadResult(found.id, found.outputs, found.inputs or None)

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Continue a create that did not finish, or change what can change in place."""
        with self._served("update") as call:
            return UpdateResult(self._resources.update(call, id_, olds, news))

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Delete the resource; succeed if it does not exist any more."""
        with self._served("delete") as call:
            self._resources.delete(call, id_, props)

    @contextmanager
    def _served(self, method: str) -> Iterator[HostCall]:
        from nebius_model_resource._dynamic.host import serve
        from nebius_model_resource._provider.resource_type import explained

        resources = self._resources
        waits = method in resources.waiting
        with (
            serve(waits=waits) as call,
            explained(call, method, resources.configuration, resources.noun),
        ):
            yield call


class CustomModelProvider(_Provider):
    """The provider of :class:`.resources.CustomModel`."""

    def configure(self, req: ConfigureRequest) -> None:
        """Take the stack's configuration; the host calls it once per process."""
        from nebius_model_resource._provider.models import CustomModels

        self._resources = CustomModels(req.config.get)


class ModelArchiveProvider(_Provider):
    """The provider of :class:`.resources.ModelArchive`."""

    def configure(self, req: ConfigureRequest) -> None:
        """Take the stack's configuration; the host calls it once per process."""
        from nebius_model_resource._provider.archives import ModelArchives

        self._resources = ModelArchives(req.config.get)
