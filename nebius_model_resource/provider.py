"""The pickled provider classes: the import path of each is part of every stack's state and never changes.

An instance is pickled by reference: it has no state, and no credentials get into the stack. The engine finds the class
by its path in the process that it starts for the provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from pulumi import dynamic

from nebius_model_resource._engine import with_placeholders

if TYPE_CHECKING:
    from nebius_model_resource._dynamic.host import HostCall
    from nebius_model_resource._provider.resource_type import ResourceType


class _Provider(dynamic.ResourceProvider):
    """Hands the engine's calls to the resource type; safe to share between threads."""

    serialize_as_secret_always = False  # there is nothing secret in it
    _served: ClassVar[str]  # the resource type in `_provider`, which a program does not load
    _resources: ResourceType

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Take the stack's configuration; the host calls it once per process."""
        module, _, name = self._served.partition(".")
        types = import_module(f"nebius_model_resource._provider.{module}")
        self._resources = getattr(types, name)(req.config.get)

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Report every fault of every property, and fill in the configured project."""
        with self._serving("check") as call:
            checked = self._resources.check(call, with_placeholders(olds), with_placeholders(news))
            return dynamic.CheckResult(
                checked.inputs, [dynamic.CheckFailure(*failure) for failure in checked.failures]
            )

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Name just the inputs that changed, each with its kind."""
        from nebius_model_resource._dynamic.host import DetailedDiff

        with self._serving("diff") as call:
            found = self._resources.diff(call, id_, with_placeholders(olds), with_placeholders(news))
            return DetailedDiff(found)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Create the resource, or adopt it."""
        with self._serving("create") as call:
            found = self._resources.create(call, props)
            return dynamic.CreateResult(found.id, found.outputs)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Read what is live; a resource that does not exist any more is removed from the state."""
        with self._serving("read") as call:
            found = self._resources.read(call, id_, props)
            if found is None:
                return dynamic.ReadResult(None, {})
            return dynamic.ReadResult(found.id, found.outputs, found.inputs or None)

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Continue a create that did not finish, or change what can change in place."""
        with self._serving("update") as call:
            return dynamic.UpdateResult(self._resources.update(call, id_, olds, news))

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Delete the resource; succeed if it does not exist any more."""
        with self._serving("delete") as call:
            self._resources.delete(call, id_, props)

    @contextmanager
    def _serving(self, method: str) -> Iterator[HostCall]:
        from nebius_model_resource._dynamic.host import serve
        from nebius_model_resource._provider.resource_type import explained

        resources = self._resources
        waits = method in resources.waiting
        with serve(waits=waits) as call, explained(call, method, resources.configuration, resources.noun):
            yield call


class CustomModelProvider(_Provider):
    """The provider of :class:`.resources.CustomModel`."""

    _served = "models.CustomModels"


class ModelArchiveProvider(_Provider):
    """The provider of :class:`.resources.ModelArchive`."""

    _served = "archives.ModelArchives"


class DedicatedEndpointProvider(_Provider):
    """The provider of :class:`.resources.DedicatedEndpoint`."""

    _served = "endpoints.DedicatedEndpoints"
