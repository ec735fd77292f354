"""The functions of the plugin: what exists at the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from nebius_model_resource._edges.account import Account
from nebius_model_resource._edges.plugin.bags import schema_name
from nebius_model_resource._lifecycle import checkpoints, lookups

Function = Callable[[Account, Mapping[str, Any]], "dict[str, Any]"]


def _get_custom_model(account: Account, args: Mapping[str, Any]) -> dict[str, Any]:
    return _result(lookups.get_model(account.client(), args["name"]))


def _list_custom_models(account: Account, args: Mapping[str, Any]) -> dict[str, Any]:
    project = args.get("aiProjectId") or account.project
    return {"models": [_result(model) for model in lookups.list_models(account.client(), project)]}


def _get_fine_tuning_checkpoints(account: Account, args: Mapping[str, Any]) -> dict[str, Any]:
    found = checkpoints.checkpoints_of(account.client().connection, args["jobId"])
    return {"checkpoints": [_result(checkpoint) for checkpoint in found]}


def _get_latest_checkpoint(account: Account, args: Mapping[str, Any]) -> dict[str, Any]:
    return _result(checkpoints.latest_checkpoint(account.client().connection, args["jobId"]))


# By the name in the schema: what it does, and the argument that it needs.
FUNCTIONS: dict[str, tuple[Function, str | None]] = {
    "getCustomModel": (_get_custom_model, "name"),
    "listCustomModels": (_list_custom_models, None),
    "getFineTuningCheckpoints": (_get_fine_tuning_checkpoints, "jobId"),
    "getLatestCheckpoint": (_get_latest_checkpoint, "jobId"),
}


def _result(value: Any) -> dict[str, Any]:
    """A dataclass with the names of the schema, without what the service does not report."""
    return {schema_name(name): given for name, given in asdict(value).items() if given is not None}
