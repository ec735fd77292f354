"""Functions that look up models, checkpoints and dedicated endpoints, for Pulumi programs and for scripts.

In a program the account is that of ``opts.provider``, or the stack's: its configuration (``nebius-models:apiKey``,
``baseUrl``, ``aiProjectId``), then the environment. In a script it is that of the environment. As with Pulumi's own
functions, a plain function blocks the program until it has its result; its ``_output`` twin takes inputs that may be
outputs, and returns an output.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from pulumi import Input, InvokeOptions, Output, RunError
from pulumi.runtime import get_config, get_root_resource

from nebius_model_resource._provider import lookups, messages
from nebius_model_resource._provider.account import account_of
from nebius_model_resource._provider.lookups import Function
from nebius_model_resource._service.settings import Configuration, Lookup
from nebius_model_resource._service.types import (
    Checkpoint,
    CustomModelInfo,
    DedicatedEndpointInfo,
    EndpointTemplate,
)
from nebius_model_resource.errors import CheckpointMissing, Missing, NebiusError
from nebius_model_resource.resources import PACKAGE, Provider

__all__ = [
    "Checkpoint",
    "CheckpointNotFound",
    "CustomModelInfo",
    "DedicatedEndpointInfo",
    "EndpointNotFound",
    "EndpointTemplate",
    "ModelNotFound",
    "NebiusError",
    "QueryFailed",
    "get_custom_model",
    "get_custom_model_output",
    "get_dedicated_endpoint",
    "get_dedicated_endpoint_output",
    "get_fine_tuning_checkpoints",
    "get_fine_tuning_checkpoints_output",
    "get_latest_checkpoint",
    "get_latest_checkpoint_output",
    "list_custom_models",
    "list_custom_models_output",
    "list_dedicated_endpoints",
    "list_dedicated_endpoints_output",
    "list_endpoint_templates",
    "list_endpoint_templates_output",
]
_T = TypeVar("_T")


class QueryFailed(NebiusError, RunError):
    """A function failed; ``__cause__`` is the error of :mod:`nebius_model_resource.errors` that says why.

    A program that does not catch it ends with its message, one line without a traceback.
    """


class ModelNotFound(QueryFailed):
    """There is no model with that name."""


class EndpointNotFound(QueryFailed):
    """There is no dedicated endpoint with that id or routing key."""


class CheckpointNotFound(QueryFailed):
    """A fine-tuning job does not exist, has not succeeded, or has no checkpoint."""


def list_custom_models(
    ai_project_id: str | None = None, opts: InvokeOptions | None = None
) -> list[CustomModelInfo]:
    """All models of a project, newest first.

    Args:
        ai_project_id: the project; by default the account's, then ``NEBIUS_AI_PROJECT_ID``, then the key's own.
        opts: ``provider`` is the account, by default that of the stack's configuration.

    Raises:
        QueryFailed: there is no key, or the service did not return the list.
    """
    return _call(lookups.LIST_CUSTOM_MODELS, ai_project_id, opts)


def list_custom_models_output(
    ai_project_id: Input[str | None] = None, opts: InvokeOptions | None = None
) -> Output[list[CustomModelInfo]]:
    """As :func:`list_custom_models`; the project and the account may be outputs."""
    return _output(lookups.LIST_CUSTOM_MODELS, ai_project_id, opts)


def get_custom_model(name: str, opts: InvokeOptions | None = None) -> CustomModelInfo:
    """One model.

    Args:
        name: its generated name, full or short.
        opts: as for :func:`list_custom_models`.

    Raises:
        ModelNotFound: there is no such model, or the key may not see it.
        QueryFailed: there is no key, or the service did not return the model.
    """
    return _call(lookups.GET_CUSTOM_MODEL, name, opts)


def get_custom_model_output(name: Input[str], opts: InvokeOptions | None = None) -> Output[CustomModelInfo]:
    """As :func:`get_custom_model`; the name and the account may be outputs."""
    return _output(lookups.GET_CUSTOM_MODEL, name, opts)


def get_fine_tuning_checkpoints(job_id: str, opts: InvokeOptions | None = None) -> list[Checkpoint]:
    """All checkpoints of a fine-tuning job that succeeded, in the order of the training.

    Args:
        job_id: the job's id, ``ftjob-…``.
        opts: as for :func:`list_custom_models`.

    Returns:
        At least one checkpoint: by ``step_number``, then by ``created_at``. The last one is the final one.

    Raises:
        CheckpointNotFound: the job does not exist, has not succeeded, or has no checkpoint.
        QueryFailed: there is no key, or the service did not return the checkpoints.
    """
    return _call(lookups.GET_CHECKPOINTS, job_id, opts)


def get_fine_tuning_checkpoints_output(
    job_id: Input[str], opts: InvokeOptions | None = None
) -> Output[list[Checkpoint]]:
    """As :func:`get_fine_tuning_checkpoints`; the job and the account may be outputs."""
    return _output(lookups.GET_CHECKPOINTS, job_id, opts)


def get_latest_checkpoint(job_id: str, opts: InvokeOptions | None = None) -> Checkpoint:
    """The final checkpoint of a fine-tuning job: the last one of :func:`get_fine_tuning_checkpoints`.

    Arguments and errors are the same.

    Example::

        tuned = CustomModel("tuned", base_model="…", source=get_latest_checkpoint("ftjob-…").source)
    """
    return _call(lookups.GET_LATEST_CHECKPOINT, job_id, opts)


def get_latest_checkpoint_output(job_id: Input[str], opts: InvokeOptions | None = None) -> Output[Checkpoint]:
    """As :func:`get_latest_checkpoint`; the job and the account may be outputs."""
    return _output(lookups.GET_LATEST_CHECKPOINT, job_id, opts)


def list_dedicated_endpoints(
    ai_project_id: str | None = None, opts: InvokeOptions | None = None
) -> list[DedicatedEndpointInfo]:
    """All dedicated endpoints of a project, newest first.

    Args:
        ai_project_id: the project; by default the account's, then ``NEBIUS_AI_PROJECT_ID``, then the key's own.
        opts: as for :func:`list_custom_models`.

    Raises:
        QueryFailed: there is no key, or the service did not return the list.
    """
    return _call(lookups.LIST_ENDPOINTS, ai_project_id, opts)


def list_dedicated_endpoints_output(
    ai_project_id: Input[str | None] = None, opts: InvokeOptions | None = None
) -> Output[list[DedicatedEndpointInfo]]:
    """As :func:`list_dedicated_endpoints`; the project and the account may be outputs."""
    return _output(lookups.LIST_ENDPOINTS, ai_project_id, opts)


def get_dedicated_endpoint(id: str, opts: InvokeOptions | None = None) -> DedicatedEndpointInfo:
    """One dedicated endpoint of the account's project.

    Args:
        id: its id, or its routing key.
        opts: as for :func:`list_custom_models`.

    Raises:
        EndpointNotFound: the list of endpoints does not have it.
        QueryFailed: there is no key, or the service did not return the list.
    """
    return _call(lookups.GET_ENDPOINT, id, opts)


def get_dedicated_endpoint_output(
    id: Input[str], opts: InvokeOptions | None = None
) -> Output[DedicatedEndpointInfo]:
    """As :func:`get_dedicated_endpoint`; the id and the account may be outputs."""
    return _output(lookups.GET_ENDPOINT, id, opts)


def list_endpoint_templates(
    ai_project_id: str | None = None, opts: InvokeOptions | None = None
) -> list[EndpointTemplate]:
    """The models that dedicated endpoints can serve, with their flavors.

    Args:
        ai_project_id: the project; by default the account's, then ``NEBIUS_AI_PROJECT_ID``, then the key's own.
        opts: as for :func:`list_custom_models`.

    Raises:
        QueryFailed: there is no key, or the service did not return the templates.
    """
    return _call(lookups.LIST_TEMPLATES, ai_project_id, opts)


def list_endpoint_templates_output(
    ai_project_id: Input[str | None] = None, opts: InvokeOptions | None = None
) -> Output[list[EndpointTemplate]]:
    """As :func:`list_endpoint_templates`; the project and the account may be outputs."""
    return _output(lookups.LIST_TEMPLATES, ai_project_id, opts)


def _call(function: Function[_T], argument: Any, opts: InvokeOptions | None) -> _T:
    """Call a plain function.

    Raises:
        QueryFailed: it failed, or an argument of the account is an output, for which it cannot wait.
    """
    account, name = _account(opts), function.name
    settings = account.settings if account else {}
    if not all(isinstance(value, (str, bool)) for value in settings.values()):
        raise QueryFailed(f"the provider of {name} has an output among its arguments: use {name}_output")
    if isinstance(argument, Output):
        raise QueryFailed(f"{function.argument} of {name} is an output: use {name}_output")
    return _ask(function, argument, settings.get if account else get_config)


def _ask(function: Function[_T], argument: Any, lookup: Lookup) -> _T:
    """Call for an account; every error of this package ends a program with one line."""
    # A script has no stack to configure.
    asker = "script" if get_root_resource() is None else "stack"
    configuration = Configuration(lookup, asker, function.collection.base_url)
    try:
        client = account_of(configuration.settings()).client
        return function.call(client, configuration, argument)
    except NebiusError as error:
        kind = QueryFailed
        if isinstance(error, CheckpointMissing):
            kind = CheckpointNotFound
        elif isinstance(error, Missing):
            kind = ModelNotFound if error.noun == "model" else EndpointNotFound
        raise kind(messages.explain(error, "query", configuration)) from error


def _output(function: Function[_T], argument: Input[Any], opts: InvokeOptions | None) -> Output[_T]:
    """Call in a thread, so that the program continues meanwhile."""
    account = _account(opts)
    # A secret key does not make the result a secret.
    given = account.settings if account else {}
    plain = {key: Output.unsecret(Output.from_input(value)) for key, value in given.items()}

    def call(values: dict[str, Any]) -> Awaitable[_T]:
        lookup = values["given"].get if account else get_config
        return asyncio.to_thread(_ask, function, values["argument"], lookup)

    return Output.all(argument=argument, given=plain).apply(call)


def _account(opts: InvokeOptions | None) -> Provider | None:
    """The explicit account of a call or of its parent; None for the stack's configuration."""
    if opts is None:
        return None
    provider = opts.provider
    if provider is None and opts.parent is not None:
        provider = opts.parent.get_provider(f"{PACKAGE}:dynamic:Resource")
    if provider is not None and not isinstance(provider, Provider):
        raise QueryFailed("opts.provider is not a nebius_model_resource.Provider: give one")
    if provider is not None and provider.has_env_var_mappings:
        raise QueryFailed(
            "a function cannot use a Provider with env_var_mappings, which exist in the provider's process alone: "
            "give the Provider api_key_variable"
        )
    return provider
