"""The dynamic provider: the class that every state file names.

It is pickled by reference: its import path is a contract, and an instance has no state before the host's
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


class CustomModelProvider(ResourceProvider):
    """Creates, reads and deletes custom models for the ``CustomModel`` resource."""

    serialize_as_secret_always = False  # it holds no secret, and a secret one shows as a diff
    _edge: DynamicEdge

    def configure(self, req: ConfigureRequest) -> None:
        """Take the stack's configuration; the host calls it once per process."""
        from nebius_model_resource._edges.custom_models import CustomModels
        from nebius_model_resource._edges.dynamic.edge import DynamicEdge

        self._edge = DynamicEdge(CustomModels(req.config.get))

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Report every fault of every property, and fill in the configured project."""
        return self._edge.check(olds, news)

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Name just the inputs that changed: each needs a new model, created before the old one is deleted."""
        return self._edge.diff(id_, olds, news)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Create or adopt the model, and wait until it is active."""
        return self._edge.create(props)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read what is live; a model that does not exist any more is removed from the state."""
        return self._edge.read(id_, props)

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Continue to wait for a model whose create did not finish, or change ``wait_for_active``."""
        return self._edge.update(id_, olds, news)

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Delete the model; succeed if it does not exist any more."""
        self._edge.delete(id_, props)
