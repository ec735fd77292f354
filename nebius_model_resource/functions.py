"""Functions that look up models and checkpoints, for Pulumi programs and for scripts.

In a program the account is that of ``opts.provider``, or the stack's: its configuration (``nebius-models:apiKey``,
``baseUrl``, ``aiProjectId``), then the environment. In a script it is that of the environment. As with Pulumi's own
functions, a plain function blocks the program until it has its result; its ``_output`` twin takes inputs that may be
outputs, and returns an output.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pulumi
from pulumi.runtime import get_config, get_root_resource

from nebius_model_resource._provider import lookups, messages
from nebius_model_resource._provider.account import account_of
from nebius_model_resource._provider.lookups import CustomModelInfo
from nebius_model_resource._service.client import Client
from nebius_model_resource._service.settings import Configuration, Lookup
from nebius_model_resource._service.types import Checkpoint
from nebius_model_resource.errors import CheckpointMissing, ModelMissing, NebiusError
from nebius_model_resource.resources import PACKAGE, Provider

_T = TypeVar("_T")


class QueryFailed(NebiusError, pulumi.RunError):
    """A function failed; ``__cause__`` is the error of :mod:`nebius_model_resource.errors` that says why.

    A program that does not catch it ends with its message, one line without a traceback.
    """


class ModelNotFound(QueryFailed):
    """There is no model with that name."""


class CheckpointNotFound(QueryFailed):
    """A fine-tuning job does not exist, has not succeeded, or has no checkpoint."""


_KINDS: dict[type, type[QueryFailed]] = {ModelMissing: ModelNotFound, CheckpointMissing: CheckpointNotFound}


def list_custom_models(
    ai_project_id: str | None = None, opts: pulumi.InvokeOptions | None = None
) -> list[CustomModelInfo]:
    """All models of a project, newest first.

    Args:
        ai_project_id: the project; by default the account's, then ``NEBIUS_AI_PROJECT_ID``, then the key's own.
        opts: ``provider`` is the account, by default that of the stack's configuration.

    Raises:
        QueryFailed: there is no key, or the service did not return the list.
    """
    return _call(lookups.list_models, ai_project_id, _plain_lookup(opts, "list_custom_models"))


def list_custom_models_output(
    ai_project_id: pulumi.Input[str | None] = None, opts: pulumi.InvokeOptions | None = None
) -> pulumi.Output[list[CustomModelInfo]]:
    """As :func:`list_custom_models`; the project and the account may be outputs."""
    return _output(lookups.list_models, ai_project_id, opts)


def get_custom_model(name: str, opts: pulumi.InvokeOptions | None = None) -> CustomModelInfo:
    """One model.

    Args:
        name: its generated name, full or short.
        opts: as for :func:`list_custom_models`.

    Raises:
        ModelNotFound: there is no such model, or the key may not see it.
        QueryFailed: there is no key, or the service did not return the model.
    """
    return _call(lookups.get_model, name, _plain_lookup(opts, "get_custom_model"))


def get_custom_model_output(
    name: pulumi.Input[str], opts: pulumi.InvokeOptions | None = None
) -> pulumi.Output[CustomModelInfo]:
    """As :func:`get_custom_model`; the name and the account may be outputs."""
    return _output(lookups.get_model, name, opts)


def get_fine_tuning_checkpoints(job_id: str, opts: pulumi.InvokeOptions | None = None) -> list[Checkpoint]:
    """All checkpoints of a fine-tuning job that succeeded, in the order of the training.

    Args:
        job_id: the job's id, ``ftjob-…``.
        opts: as for :func:`list_custom_models`.

    Returns:
        At least one checkpoint: by ``step_number``, then by ``created_at``. The last one is the final one.

    Raises:
        CheckpointNotFound: the job does not exist, has not succeeded, or has no checkpoint.
        QueryFailed: the text is not the id of a job, there is no key, or the service did not return the checkpoints.
    """
    return _call(lookups.checkpoints_of, job_id, _plain_lookup(opts, "get_fine_tuning_checkpoints"))


def get_fine_tuning_checkpoints_output(
    job_id: pulumi.Input[str], opts: pulumi.InvokeOptions | None = None
) -> pulumi.Output[list[Checkpoint]]:
    """As :func:`get_fine_tuning_checkpoints`; the job and the account may be outputs."""
    return _output(lookups.checkpoints_of, job_id, opts)


def get_latest_checkpoint(job_id: str, opts: pulumi.InvokeOptions | None = None) -> Checkpoint:
    """The final checkpoint of a fine-tuning job: the last one of :func:`get_fine_tuning_checkpoints`.

    Arguments and errors are the same.

    Example::

        tuned = CustomModel("tuned", base_model="…", source=get_latest_checkpoint("ftjob-…").source)
    """
    return _call(lookups.latest_checkpoint, job_id, _plain_lookup(opts, "get_latest_checkpoint"))


def get_latest_checkpoint_output(
    job_id: pulumi.Input[str], opts: pulumi.InvokeOptions | None = None
) -> pulumi.Output[Checkpoint]:
    """As :func:`get_latest_checkpoint`; the job and the account may be outputs."""
    return _output(lookups.latest_checkpoint, job_id, opts)


def _call(look_up: Callable[[Client, Any], _T], argument: Any, lookup: Lookup) -> _T:
    """Call for an account; every error of this package ends a program with one line."""
    # A script has no stack to configure.
    configuration = Configuration(lookup, "script" if get_root_resource() is None else "stack")
    try:
        client = account_of(configuration.settings()).client
        if argument is None and look_up is lookups.list_models:
            argument = configuration.project()
        return look_up(client, argument)
    except NebiusError as error:
        kind = _KINDS.get(type(error), QueryFailed)
        raise kind(messages.explain(error, "query", configuration)) from error


def _output(
    look_up: Callable[[Client, Any], _T], argument: pulumi.Input[Any], opts: pulumi.InvokeOptions | None
) -> pulumi.Output[_T]:
    """Call in a thread, so that the program continues meanwhile."""
    account = _account(opts)
    # A secret key does not make the result a secret.
    given = account.settings if account else {}
    plain = {key: pulumi.Output.unsecret(pulumi.Output.from_input(value)) for key, value in given.items()}

    def call(values: dict[str, Any]) -> Awaitable[_T]:
        lookup = values["given"].get if account else get_config
        return asyncio.to_thread(_call, look_up, values["argument"], lookup)

    return pulumi.Output.all(argument=argument, given=plain).apply(call)


def _account(opts: pulumi.InvokeOptions | None) -> Provider | None:
    """The explicit account of a call or of its parent; None for the stack's configuration."""
    if opts is None:
        return None
    provider = opts.provider
    if provider is None and opts.parent is not None:
        provider = opts.parent.get_provider(f"{PACKAGE}:dynamic:Resource")
    if provider is None:
        return None
    if isinstance(provider, Provider):
        if provider.has_env_var_mappings:
            raise QueryFailed(
                "a function cannot use a Provider with env_var_mappings, which exist in the provider's process alone: "
                "give the Provider api_key_variable"
            )
        return provider
    raise QueryFailed("opts.provider is not a nebius_model_resource.Provider: give one")


def _plain_lookup(opts: pulumi.InvokeOptions | None, function: str) -> Lookup:
    """The settings of a call's account.

    Raises:
        QueryFailed: one of them is an output, and a plain function cannot wait for an output.
    """
    account = _account(opts)
    if account is None:
        return get_config
    if not all(isinstance(value, (str, bool)) for value in account.settings.values()):
        raise QueryFailed(
            f"the provider of {function} has an output among its arguments: use {function}_output"
        )
    return account.settings.get
