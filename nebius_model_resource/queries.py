"""Looking models up from a Pulumi program, or from a script outside of one.

Inside a program the configuration is the provider's: ``nebius:apiKey``, ``nebius:baseUrl``, ``nebius:aiProjectId``
of the stack, then the environment; outside there is only the environment. As with Pulumi's own functions, the plain
ones answer at once and hold the program up meanwhile, and the ``_output`` ones take and give outputs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

import pulumi
from pulumi.runtime import get_root_resource

from nebius_model_resource import config, existing
from nebius_model_resource.client import NebiusClient
from nebius_model_resource.config import Settings
from nebius_model_resource.errors import ModelMissing, NebiusError
from nebius_model_resource.existing import CustomModelInfo

_A = TypeVar("_A")
_T = TypeVar("_T")


class QueryFailed(NebiusError, pulumi.RunError):
    """A look-up failed; ``__cause__`` is the error of :mod:`nebius_model_resource.errors` that tells why.

    Uncaught, it ends a program with its one line and no traceback.
    """


class ModelNotFound(QueryFailed):
    """There is no model of the name that was asked for."""


def list_custom_models(ai_project_id: str | None = None) -> list[CustomModelInfo]:
    """All models of a project, newest first.

    Args:
        ai_project_id: the project; otherwise ``nebius:aiProjectId``, then ``NEBIUS_AI_PROJECT_ID``, then the
            key's own.

    Raises:
        QueryFailed: no key, or the list could not be had.
    """
    with _clear():
        project = ai_project_id or config.ai_project_id(_lookup, reader=_reader())
        return existing.list_models(_client(), project)


def list_custom_models_output(
    ai_project_id: pulumi.Input[str | None] = None,
) -> pulumi.Output[list[CustomModelInfo]]:
    """As :func:`list_custom_models`, for a project that may be an output."""
    return _output(ai_project_id, list_custom_models)


def get_custom_model(name: str) -> CustomModelInfo:
    """One model.

    Args:
        name: its generated name, full or short.

    Raises:
        ModelNotFound: there is none.
        QueryFailed: no key, or the service could not tell.
    """
    with _clear():
        return existing.get_model(_client(), name)


def get_custom_model_output(name: pulumi.Input[str]) -> pulumi.Output[CustomModelInfo]:
    """As :func:`get_custom_model`, for a name that may be an output."""
    return _output(name, get_custom_model)


def _output(argument: pulumi.Input[_A], function: Callable[[_A], _T]) -> pulumi.Output[_T]:
    """Call in a thread, so that the program's other resources go on meanwhile."""

    def later(value: _A) -> Awaitable[_T]:
        return asyncio.to_thread(function, value)

    return pulumi.Output.from_input(argument).apply(later)


def _lookup(key: str) -> str | None:
    namespace, _, name = key.partition(":")
    return pulumi.Config(namespace).get(name)


def _reader() -> config.Reader:
    """Whoever reads a message: outside a program there is no stack to configure."""
    return config.SCRIPT if get_root_resource() is None else config.STACK


def _client() -> NebiusClient:
    return _client_for(config.load_settings(_lookup, reader=_reader()))


@lru_cache(maxsize=8)
def _client_for(settings: Settings) -> NebiusClient:
    """One client for all calls of a program: its connections stay open, and its pauses are shared."""
    return NebiusClient(settings)


@contextmanager
def _clear() -> Iterator[None]:
    """Let every error of ours end an unprepared program with one line."""
    try:
        yield
    except ModelMissing as error:
        raise ModelNotFound(str(error)) from error
    except NebiusError as error:
        raise QueryFailed(str(error)) from error
