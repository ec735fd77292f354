"""The dynamic providers: the classes that every state file names.

They are pickled by reference: their import paths are a contract, and an instance has no state before the host's
``configure``. A program that declares models loads this module, and not :mod:`._edges.dynamic.edge`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulumi.dynamic import (
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

if TYPE_CHECKING:
    from nebius_model_resource._edges.dynamic.edge import DynamicEdge


class _Provider(ResourceProvider):
    """Hands each call to the edge that ``configure`` opens."""

    serialize_as_secret_always = False  # it holds no secret, and a secret one shows as a diff
    _edge: DynamicEdge

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Report every fault of every property, and fill in the configured project."""
        return self._edge.check(olds, news)

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Name just the inputs that changed: each needs a new resource, created before the old one is deleted."""
        return self._edge.diff(id_, olds, news)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Create the resource, or adopt it."""
        return self._edge.create(props)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read what is live; a resource that does not exist any more is removed from the state."""
        return self._edge.read(id_, props)

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Continue a create that did not finish, or change what can change in place."""
        return self._edge.update(id_, olds, news)

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Delete the resource; succeed if it does not exist any more."""
        self._edge.delete(id_, props)


class CustomModelProvider(_Provider):
    """The provider of :class:`.resource.CustomModel`."""

    def configure(self, req: ConfigureRequest) -> None:
        """Take the stack's configuration; the host calls it once per process."""
        from nebius_model_resource._edges.custom_models import CustomModels
        from nebius_model_resource._edges.dynamic.edge import DynamicEdge

        self._edge = DynamicEdge(CustomModels(req.config.get))


class ModelArchiveProvider(_Provider):
    """The provider of :class:`.archive.ModelArchive`."""

    def configure(self, req: ConfigureRequest) -> None:
        """Take the stack's configuration; the host calls it once per process."""
        from nebius_model_resource._edges.archives import ModelArchives
        from nebius_model_resource._edges.dynamic.edge import DynamicEdge

        self._edge = DynamicEdge(ModelArchives(req.config.get))
