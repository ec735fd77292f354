"""A stand-in for whatever uses the model in your stack, such as a gateway's route or a function's environment.

It calls nothing: a dynamic resource whose output depends on the model's name.
"""

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider, UpdateResult


class RouteProvider(ResourceProvider):
    """Keeps a route in the state only."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Record the route."""
        return CreateResult(props["path"], self._with_target(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Record the changed route."""
        return UpdateResult(self._with_target(news))

    @staticmethod
    def _with_target(props: dict[str, Any]) -> dict[str, Any]:
        return {**props, "target": f"{props['path']} -> {props['model']}"}


class Route(Resource):
    """Sends requests for a path to a model."""

    target: pulumi.Output[str]

    def __init__(self, name: str, path: str, model: pulumi.Input[str]) -> None:
        super().__init__(RouteProvider(), name, {"path": path, "model": model, "target": None})
