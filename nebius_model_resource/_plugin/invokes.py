"""The functions of the plugin: what exists at the service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

from nebius_model_resource._provider import lookups
from nebius_model_resource._provider.properties import camel


class Function(NamedTuple):
    """One function.

    Attributes:
        look_up: what it calls with the client and its argument.
        argument: the argument's name in the schema.
        results: the name of the list that it returns; empty if it returns one thing.
    """

    look_up: Callable[..., Any]
    argument: str
    results: str = ""

    def answer(self, found: Any) -> dict[str, Any]:
        """A result with the names of the schema, without what the service does not report."""
        if self.results:
            return {self.results: [_fields(each) for each in found]}
        return _fields(found)


def _fields(value: Any) -> dict[str, Any]:
    return {camel(name): given for name, given in asdict(value).items() if given is not None}


PROJECT_ARGUMENT = "aiProjectId"  # the only one that a call need not give
FUNCTIONS = {
    "getCustomModel": Function(lookups.get_model, "name"),
    "listCustomModels": Function(lookups.list_models, PROJECT_ARGUMENT, "models"),
    "getFineTuningCheckpoints": Function(lookups.checkpoints_of, "jobId", "checkpoints"),
    "getLatestCheckpoint": Function(lookups.latest_checkpoint, "jobId"),
}
