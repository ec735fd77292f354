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
from nebius_model_resource._provider.endpoints import DedicatedEndpoints
from nebius_model_resource._provider.models import CustomModels
from nebius_model_resource._provider.resource_type import ResourceType
from nebius_model_resource._service.retry import Deadline
from tests.support.virtual import EPOCH, KEY, Service, VirtualTime

URN = "urn:pulumi:prod::bots::pulumi-python:dynamic/nebius:CustomModel::bot"
CONFIG = {"nebius-models:apiKey": KEY}

MODEL_INPUTS = {"name": "bot", "base_model": "acme/Base", "source": "file-1", "wait_for_active": True}
ENDPOINT_INPUTS = {
    "name": "bot",
    "model_name": "acme/Base",
    "flavor_name": "base",
    "region": "eu-north1",
    "gpu_type": "gpu-h100-sxm",
    "gpu_count": 1,
    "min_replicas": 1,
    "max_replicas": 2,
    "routing_key": "dedicated/bot-0123abcd",
    "inference_url": "https://api.tokenfactory.nebius.com/v1",
    "enabled": True,
    "wait_for_ready": True,
}
NOT_READY = {"readiness": "not_ready", "ready_replicas": 0}


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
    seed: bytes = b""
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


class Endpoints(_Virtual, DedicatedEndpoints):
    """The dedicated endpoints."""


class Kind:
    """A resource type that waits, in one process at the virtual service: for tests that hold for each of them.

    Attributes:
        resources: the type.
        things: what the service has, by id.
        id: that of the first one.
        inputs: of one that is waited for.
        first: the status of a new one.
        post, list, delete: the kinds of the requests.
    """

    def __init__(self, service: Service, noun: str) -> None:
        self.service, self.noun = service, noun
        if noun == "model":
            self.resources: Models | Endpoints = Models(service)
            self.things, self.id, self.inputs = service.models, "acme/Base-LoRa:bot-AAAA", MODEL_INPUTS
            self.post, self.list, self.delete = "POST", "LIST", "DELETE"
            self.first, self._ready, self.goal = "validating", "active", "active"
        else:
            self.resources = Endpoints(service)
            self.things, self.id, self.inputs = service.endpoints, "endpoint-0", ENDPOINT_INPUTS
            self.post, self.list, self.delete = "MAKE", "ENDPOINTS", "REMOVE"
            self.first, self._ready, self.goal = "starting", "running", "ready"

    def word(self, word: str) -> str:
        """The status that stands for ``first`` and ``ready``."""
        return {"first": self.first, "ready": self._ready}.get(word, word)

    def starts(self, word: str) -> None:
        """What is created from now on has that status."""
        self.service.new_status = self.service.new_endpoint = self.word(word)

    def add(self, word: str, **reported: Any) -> None:
        """Add one."""
        if self.noun == "model":
            self.service.add(self.id, status=self.word(word), **reported)
        else:
            key = self.inputs["routing_key"]
            self.service.add_endpoint(self.word(word), **{"routing_key": key, **reported})

    def becomes(self, word: str) -> None:
        """Give the first one another status."""
        if self.noun == "model":
            self.service.models[self.id]["status"] = self.word(word)
        else:
            self.service.becomes(self.id, self.word(word))

    def declared(self, waits: bool) -> dict[str, Any]:
        """The inputs, waited for or not."""
        return {**self.inputs, self.resources.waits: waits}

    def outputs(self, word: str) -> dict[str, Any]:
        """What the state has besides the inputs, of one that was created when the clock began."""
        found = {"status": self.word(word), "created_at": int(EPOCH)}
        if self.noun == "model":
            return {**found, "generated_name": self.id}
        ready = {"readiness": "ready", "ready_replicas": 1} if word == "ready" else NOT_READY
        return {**found, **ready, "endpoint_id": self.id}

    def state(self, word: str) -> dict[str, Any]:
        """The properties in the state, of one that is too old to be missing from the list."""
        return {**self.inputs, **self.outputs(word), "created_at": 7.0}


def raising(error: type[Exception] | None, match: str | None = None) -> AbstractContextManager[Any]:
    """What a case expects: an error with a text, or none."""
    return pytest.raises(error, match=match) if error else nullcontext()


class Bench(NamedTuple):
    """The service, one call of the engine, and the models of one process."""

    service: Service
    call: EngineCall
    models: Models
