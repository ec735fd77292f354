"""The dynamic provider: the class that every state file names.

It is pickled by reference: its import path is a contract, and an instance has no state before the host's
``configure``. A program that declares models loads this module and nothing of what it does (``dynamic_edge.py``).
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
    """Makes, reads and deletes custom models for the ``CustomModel`` resource."""

    serialize_as_secret_always = False  # nothing secret is in it, and a secret one shows as a diff
    _edge: DynamicEdge

    def configure(self, req: ConfigureRequest) -> None:
        """Take the stack's configuration; called by the host alone, once per process."""
        from nebius_model_resource._edges.custom_models import CustomModels
        from nebius_model_resource._edges.dynamic.edge import DynamicEdge

        self._edge = DynamicEdge(CustomModels(req.config.get))

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Every fault of every property; the project filled in from the configuration."""
        return self._edge.check(olds, news)

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Just the inputs that changed: each needs a new model, made before the old one goes."""
        return self._edge.diff(id_, olds, news)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make the model, or adopt one, and wait until it is active."""
        return self._edge.create(props)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """What is live; a model that is gone leaves the state."""
        return self._edge.read(id_, props)

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Go on waiting for a model whose create did not finish: nothing else can be updated in place."""
        return self._edge.update(id_, olds, news)

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Delete the model; one that is gone already is a success."""
        self._edge.delete(id_, props)
