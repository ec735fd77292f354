"""Functions that look up models and checkpoints, for Pulumi programs and for scripts.

In a program the account is that of ``opts.provider``, or the stack's: its configuration (``nebius-models:apiKey``,
``baseUrl``, ``aiProjectId``), then the environment. In a script it is that of the environment. As with Pulumi's own
functions, a plain function blocks the program until it has its result; its ``_output`` twin takes inputs that may be
outputs, and returns an output.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import pulumi
from pulumi.runtime import get_root_resource

from nebius_model_resource._api import settings
from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.fine_tuning import Checkpoint
from nebius_model_resource._api.settings import Lookup, Settings
from nebius_model_resource._lifecycle import checkpoints, lookups
from nebius_model_resource._lifecycle.checkpoints import CheckpointMissing
from nebius_model_resource._lifecycle.lookups import CustomModelInfo
from nebius_model_resource.account import PACKAGE, Provider
from nebius_model_resource.errors import ModelMissing, NebiusError

_A = TypeVar("_A")
_T = TypeVar("_T")


class QueryFailed(NebiusError, pulumi.RunError):
    """A function failed; ``__cause__`` is the error of :mod:`nebius_model_resource.errors` that says why.

    A program that does not catch it ends with its message, one line without a traceback.
    """


class ModelNotFound(QueryFailed):
    """There is no model with that name."""


class CheckpointNotFound(QueryFailed):
    """A fine-tuning job does not exist, has not succeeded, or has no checkpoint."""


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
    return _list(ai_project_id, _plain_lookup(opts, "list_custom_models"))


def list_custom_models_output(
    ai_project_id: pulumi.Input[str | None] = None, opts: pulumi.InvokeOptions | None = None
) -> pulumi.Output[list[CustomModelInfo]]:
    """As :func:`list_custom_models`; the project and the account may be outputs."""
    return _output(_list, ai_project_id, opts)


def get_custom_model(name: str, opts: pulumi.InvokeOptions | None = None) -> CustomModelInfo:
    """One model.

    Args:
        name: its generated name, full or short.
        opts: as for :func:`list_custom_models`.

    Raises:
        ModelNotFound: there is no such model, or the key may not see it.
        QueryFailed: there is no key, or the service did not return the model.
    """
    return _get(name, _plain_lookup(opts, "get_custom_model"))


def get_custom_model_output(
    name: pulumi.Input[str], opts: pulumi.InvokeOptions | None = None
) -> pulumi.Output[CustomModelInfo]:
    """As :func:`get_custom_model`; the name and the account may be outputs."""
    return _output(_get, name, opts)


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
    return _checkpoints(job_id, _plain_lookup(opts, "get_fine_tuning_checkpoints"))


def get_fine_tuning_checkpoints_output(
    job_id: pulumi.Input[str], opts: pulumi.InvokeOptions | None = None
) -> pulumi.Output[list[Checkpoint]]:
    """As :func:`get_fine_tuning_checkpoints`; the job and the account may be outputs."""
    return _output(_checkpoints, job_id, opts)


def get_latest_checkpoint(job_id: str, opts: pulumi.InvokeOptions | None = None) -> Checkpoint:
    """The final checkpoint of a fine-tuning job: the last one of :func:`get_fine_tuning_checkpoints`.

    Arguments and errors are the same.

    Example::

        tuned = CustomModel("tuned", base_model="…", source=get_latest_checkpoint("ftjob-…").source)
    """
    return _latest(job_id, _plain_lookup(opts, "get_latest_checkpoint"))


def get_latest_checkpoint_output(
    job_id: pulumi.Input[str], opts: pulumi.InvokeOptions | None = None
) -> pulumi.Output[Checkpoint]:
    """As :func:`get_latest_checkpoint`; the job and the account may be outputs."""
    return _output(_latest, job_id, opts)


def _list(ai_project_id: str | None, lookup: Lookup) -> list[CustomModelInfo]:
    with _one_line_errors():
        project = ai_project_id or settings.ai_project_id(lookup, places=_places(lookup))
        return lookups.list_models(_client(lookup), project)


def _get(name: str, lookup: Lookup) -> CustomModelInfo:
    with _one_line_errors():
        return lookups.get_model(_client(lookup), name)


def _checkpoints(job_id: str, lookup: Lookup) -> list[Checkpoint]:
    with _one_line_errors():
        return checkpoints.checkpoints_of(_client(lookup).connection, job_id)


def _latest(job_id: str, lookup: Lookup) -> Checkpoint:
    with _one_line_errors():
        return checkpoints.latest_checkpoint(_client(lookup).connection, job_id)


def _output(
    function: Callable[[_A, Lookup], _T], argument: pulumi.Input[_A], opts: pulumi.InvokeOptions | None
) -> pulumi.Output[_T]:
    """Call in a thread, so that the program continues meanwhile."""
    account = _account(opts)
    # A secret key does not make the result a secret.
    given = account.settings if account else {}
    plain = {key: pulumi.Output.unsecret(pulumi.Output.from_input(value)) for key, value in given.items()}

    def call(values: dict[str, Any]) -> Awaitable[_T]:
        lookup = values["given"].get if account else _lookup
        return asyncio.to_thread(function, values["argument"], lookup)

    return pulumi.Output.all(argument=argument, given=plain).apply(call)


def _account(opts: pulumi.InvokeOptions | None) -> Provider | None:
    """The explicit account of a call or of its parent; None for the stack's configuration."""
    if opts is None:
        return None
    provider = opts.provider
    if provider is None and opts.parent is not None:
        provider = opts.parent.get_provider(f"{PACKAGE}:dynamic:Resource")
    if provider is None or isinstance(provider, Provider):
        return provider
    raise QueryFailed("opts.provider is not a nebius_model_resource.Provider: give one")


def _plain_lookup(opts: pulumi.InvokeOptions | None, function: str) -> Lookup:
    """The settings of a call's account.

    Raises:
        QueryFailed: one of them is an output, and a plain function cannot wait for an output.
    """
    account = _account(opts)
    if account is None:
        return _lookup
    plain = {key: value for key, value in account.settings.items() if isinstance(value, str)}
    if plain != account.settings:
        raise QueryFailed(
            f"the provider of {function} has an output among its arguments: use {function}_output"
        )
    return plain.get


def _lookup(key: str) -> str | None:
    namespace, _, name = key.partition(":")
    return pulumi.Config(namespace).get(name)


def _places(lookup: Lookup) -> settings.Places:
    """Whose settings the messages name: a script has no stack to configure."""
    return settings.SCRIPT if get_root_resource() is None else settings.places_of(lookup)


def _client(lookup: Lookup) -> NebiusClient:
    return _client_for(settings.load_settings(lookup, places=_places(lookup)))


@lru_cache(maxsize=8)
def _client_for(account: Settings) -> NebiusClient:
    """One client for all calls of a program, to share open connections and pauses."""
    return NebiusClient(account)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turn every error of this package into one that ends a program with one line."""
    try:
        yield
    except ModelMissing as error:
        raise ModelNotFound(str(error)) from error
    except CheckpointMissing as error:
        raise CheckpointNotFound(str(error)) from error
    except NebiusError as error:
        raise QueryFailed(str(error)) from error
