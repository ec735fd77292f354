"""A call of the engine in memory, and the resource types on the virtual service."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import pytest

from nebius_model_resource._provider.account import Account
from nebius_model_resource._provider.archives import ModelArchives
from nebius_model_resource._provider.calls import Operation
from nebius_model_resource._provider.models import CustomModels
from nebius_model_resource._provider.resource_type import ResourceType
from nebius_model_resource._service.retry import Deadline
from tests.support.virtual import KEY, Service, VirtualTime

URN = "urn:pulumi:prod::bots::pulumi-python:dynamic/nebius:CustomModel::bot"
CONFIG = {"nebius-models:apiKey": KEY}


class Failed(Exception):
    """The one message with which a call ends."""


@dataclass
class EngineCall:
    """One call of the engine.

    Attributes:
        time: its pauses are on this clock.
        gone_at: the moment at which the engine goes away.
        interrupted_at: the moment at which the run is stopped.
        able: whether the state can record an unfinished resource.
        shown: the progress, with its time.
        kept: what :meth:`keep` was given.
    """

    time: VirtualTime
    urn: str = URN
    timeout: float = 0.0
    recorded: frozenset[str] | None = None
    secrets: frozenset[str] = frozenset()
    failed: bool = False
    gone_at: float = math.inf
    interrupted_at: float = math.inf
    able: bool = True
    shown: list[tuple[float, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    kept: list[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Pause."""
        self.time.pause(seconds, self.interrupted_at, self.gone_at)

    def interrupted(self) -> bool:
        """Whether the run was stopped."""
        return self.time.now >= self.interrupted_at

    def progress(self, text: str) -> None:
        """Record a text of the row."""
        self.shown.append((self.time.now, text))

    def note(self, text: str) -> None:
        """Record a note."""
        self.notes.append(text)

    def warn(self, text: str) -> None:
        """Record a warning."""
        self.warnings.append(text)

    def keep(self, message: str, id_: str, properties: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
        """Record what the state is to keep."""
        if self.able:
            self.kept.append((message, id_, properties, inputs))
        return self.able

    def fail(self, message: str) -> NoReturn:
        """End the call."""
        self.failed = True
        raise Failed(message)

    def operation(self, seconds: float = 600) -> Operation:
        """The operation that this call stands for, for code below the resource types."""
        deadline = Deadline.after(seconds, self.time.clock, self.sleep, self.interrupted)
        return Operation(deadline, self.progress, self.warn)


class _Virtual(ResourceType):
    """A resource type of one process at the virtual service."""

    def __init__(self, service: Service, config: Mapping[str, str] = CONFIG, **options: Any) -> None:
        """``options`` are those of the client."""
        super().__init__(config.get)
        self._account = Account(service.client(**options))

    def account(self) -> Account:
        """The account of the service."""
        return self._account


class Models(_Virtual, CustomModels):
    """The models."""


class Archives(_Virtual, ModelArchives):
    """The uploaded adapters."""


def raising(error: type[Exception] | None, match: str | None = None) -> AbstractContextManager[Any]:
    """What a case expects: an error with a text, or none."""
    return pytest.raises(error, match=match) if error else nullcontext()


class Bench(NamedTuple):
    """The service, one call of the engine, and the models of one process."""

    service: Service
    call: EngineCall
    models: Models
