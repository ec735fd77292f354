"""The unmodified hosts of dynamic providers, `python -u -m pulumi.dynamic <engine address>`, and the calls to them.

A host is a gRPC server that prints its port on the first line of its stdout and never ends by itself; whatever it or
a provider prints afterwards belongs to the stack's row. Each provider resource has a host of its own.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from google.rpc import status_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from .errors import EngineError, StepFailed, unsupported
from .processes import Process, start
from .resources import Resource
from .values import Properties, Unknown, from_struct, holds, keep_secrets, plain, to_struct

_PATIENCE = 60.0  # seconds for a host to take its configuration
# A message holds all properties; gRPC's own limit is 4 MB, that of Pulumi's SDKs 400 MB.
_MESSAGE_LIMIT = 400 * 1024 * 1024
CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
    ("grpc.max_send_message_length", _MESSAGE_LIMIT),
]


@dataclass(frozen=True)
class Change:
    """How one property changes: `kind` is `add`, `update-replace` and the like.

    `of_inputs`: the new inputs differ from the old ones, and not from the old outputs.
    """

    kind: str
    of_inputs: bool = False


@dataclass
class Diff:
    """What a provider says about old and new, or what the engine says in its place."""

    changes: bool | None
    replaces: list[str] = field(default_factory=list)
    diffs: list[str] = field(default_factory=list)
    detailed: dict[str, Change] | None = None

    @classmethod
    def of(cls, response: Any) -> Diff:
        """The diff in a provider's answer.

        Raises:
            Refused: It deletes the old resource before it creates the new one.
        """
        if response.deleteBeforeReplace:
            raise unsupported("a provider's `delete_before_replace` is")
        kinds = provider_pb2.PropertyDiff.Kind
        detailed = {
            path: Change(kinds.Name(diff.kind).lower().replace("_", "-"), diff.inputDiff)
            for path, diff in response.detailedDiff.items()
        }
        said = {provider_pb2.DiffResponse.DIFF_SOME: True, provider_pb2.DiffResponse.DIFF_NONE: False}
        return cls(
            said.get(response.changes),
            list(response.replaces),
            list(response.diffs),
            detailed if response.hasDetailedDiff else None,
        )


class Calls(ABC):
    """What the engine asks of a host of dynamic providers, whatever process serves it.

    The methods take and return properties with their secrets marked. The host gets them in the clear. What was secret
    in a request is marked again under the same name in the answer.
    """

    def __init__(self, stub: Any = None) -> None:
        """Nothing is called yet.

        Args:
            stub: the host's `ResourceProvider`, as gRPC's client has it.
        """
        self._stub = stub

    @abstractmethod
    def start(self, config: Properties) -> None:
        """Start it, with its provider's configuration."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it."""

    def check(self, urn: str, olds: Properties, news: Properties) -> tuple[Properties, list[tuple[str, str]]]:
        """The inputs as the provider wants them, and its faults as (property, reason)."""
        response = self._ask(
            "Check", urn, olds=to_struct(olds), news=to_struct(news), randomSeed=os.urandom(32)
        )
        inputs = keep_secrets(from_struct(response.inputs), news)
        return inputs, [(failure.property, failure.reason) for failure in response.failures]

    def diff(self, urn: str, old: Resource, news: Properties) -> Diff:
        """What changes between a recorded resource and new inputs; `urn` is the present URN of the resource."""
        states = {"olds": to_struct(old.outputs), "news": to_struct(news)}
        diff = Diff.of(self._ask("Diff", urn, **_held(old), **states))
        if diff.changes is None:  # the provider does not say
            diff.changes = plain(old.inputs) != plain(news)
        return diff

    def create(self, new: Resource) -> tuple[str, Properties]:
        """The id and outputs of the new resource."""
        timeout, inputs = new.custom_timeouts.get("create", 0), to_struct(new.inputs)
        response = self._ask("Create", new.urn, given=new.inputs, properties=inputs, timeout=timeout)
        return response.id, keep_secrets(from_struct(response.properties), new.inputs)

    def update(self, old: Resource, new: Resource) -> Properties:
        """The outputs after a change in place."""
        states = {"olds": to_struct(old.outputs), "news": to_struct(new.inputs), **_held(old)}
        timeout = new.custom_timeouts.get("update", 0)
        response = self._ask("Update", new.urn, given=new.inputs, **states, timeout=timeout)
        return keep_secrets(from_struct(response.properties), new.inputs)

    def read(
        self, urn: str, resource: Resource, state: Properties
    ) -> tuple[str, Properties, Properties | None]:
        """The id (empty: gone), outputs and inputs that are live now; no inputs if the provider returns none."""
        inputs = resource.inputs
        bags = {"properties": to_struct(state), "inputs": to_struct(inputs)}
        response = self._ask("Read", urn, given=state, given_inputs=inputs, id=resource.id, **bags)
        live = keep_secrets(from_struct(response.inputs), inputs) if response.HasField("inputs") else None
        return response.id, keep_secrets(from_struct(response.properties), state), live

    def delete(self, old: Resource) -> None:
        """Delete the resource."""
        timeout, outputs = old.custom_timeouts.get("delete", 0), to_struct(old.outputs)
        self._ask("Delete", old.urn, **_held(old), properties=outputs, timeout=timeout)

    def _ask(
        self,
        method: str,
        urn: str,
        *,
        given: Properties | None = None,
        given_inputs: Properties | None = None,
        **fields: Any,
    ) -> Any:
        request = getattr(provider_pb2, f"{method}Request")(urn=urn, **fields)
        try:
            return getattr(self._stub, method)(request)
        except grpc.RpcError as fault:
            raise _failure(fault, urn, given or {}, given_inputs or {}) from None


class Host(Calls):
    """One host process and the calls to it; `stop` it: it does not end by itself."""

    def __init__(
        self,
        python: str,
        engine_address: str,
        project: str,
        cwd: Path,
        env: Mapping[str, str],
        say: Callable[..., Any],
    ) -> None:
        """Nothing is started yet.

        `say` is called with each line that the process prints, and with the severity of those on its standard error.
        """
        super().__init__()
        command = [python, "-u", "-m", "pulumi.dynamic", engine_address]
        self._start = partial(start, command, cwd, {**env, "PULUMI_PROJECT": project}, say)
        self._process: Process | None = None
        self._channel: Any = None

    def start(self, config: Properties) -> None:
        """Start the process, wait for its port, and give it its provider's configuration.

        Raises:
            EngineError: It ended, or printed nothing that is a port.
        """
        self._process = self._start()
        line = self._process.first_line()
        self._process.listen()
        if not line.isdigit():
            raise EngineError(
                f"the dynamic provider host did not start: it said {line!r} where its port was expected"
            )
        self._channel = grpc.insecure_channel(f"127.0.0.1:{line}", options=CHANNEL_OPTIONS)
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        request = provider_pb2.ConfigureRequest(
            args=to_struct(config, secrets=True), acceptSecrets=True, acceptResources=True
        )
        self._stub.Configure(request, timeout=_PATIENCE, wait_for_ready=True)

    def stop(self) -> None:
        """End the process and the reading of its output; safe to call twice."""
        if self._channel is not None:
            self._channel.close()
        process, self._process, self._channel = self._process, None, None
        if process is not None:
            process.end(patience=5)

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process else None


def _held(old: Resource) -> dict[str, Any]:
    return {"id": old.id, "old_inputs": to_struct(old.inputs)}


def _failure(fault: Any, urn: str, given: Properties, inputs: Properties) -> StepFailed:
    for key, value in fault.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                unfinished = provider_pb2.ErrorResourceInitFailed()
                if detail.Unpack(unfinished):
                    return _partial(unfinished, urn, given, inputs)
    return StepFailed(str(fault.details() or fault.code()), urn)


def _partial(unfinished: Any, urn: str, given: Properties, inputs: Properties) -> StepFailed:
    failed = StepFailed(_listed(list(unfinished.reasons)), urn)
    failed.id, failed.reasons = unfinished.id, list(unfinished.reasons)
    failed.outputs = keep_secrets(from_struct(unfinished.properties), given)
    if unfinished.HasField("inputs"):
        failed.inputs = keep_secrets(from_struct(unfinished.inputs), inputs)
    return failed


def _listed(reasons: list[str]) -> str:
    """Reasons as the real engine lists them."""
    count = "1 error" if len(reasons) == 1 else f"{len(reasons)} errors"
    return "\n".join([f"{count} occurred:", *(f"\t* {reason}" for reason in reasons)])


class Hosts:
    """Finds the host of a resource by the id of the provider that it refers to. Any thread may call its methods."""

    def __init__(self, make: Callable[[], Calls], recorded: Iterable[Resource]) -> None:
        """Nothing is started yet: a host starts with its first use.

        Args:
            make: creates a host, which is started then.
            recorded: the resources of the state: they serve what no program has declared.
        """
        self._make = make
        self._lock = threading.Lock()
        self._known = {each.id: (each.urn, each.inputs) for each in recorded if each.is_provider}
        self._running: dict[str, Calls] = {}

    def declare(self, provider: Resource) -> None:
        """Use a provider with its present inputs from now on.

        It gets another host if its inputs or its name have changed, as with the real engine.
        """
        with self._lock:
            known = provider.urn, provider.inputs
            if self._known.get(provider.id) != known:
                self._known[provider.id] = known
                if provider.id in self._running:
                    self._running.pop(provider.id).stop()

    def of(self, resource: Resource) -> Calls:
        """The host of the provider that a resource refers to.

        Raises:
            EngineError: There is no such provider, or its host did not start.
            Refused: The provider has inputs that are not known.
        """
        id_ = resource.provider.rpartition("::")[2]
        with self._lock:
            if id_ not in self._known:
                raise EngineError(f"unknown provider '{resource.provider}' for resource {resource.urn}")
            if id_ not in self._running:
                urn, config = self._known[id_]
                if holds(config, Unknown):
                    raise unsupported(f"{urn}: a provider whose inputs a preview does not know is")
                self._running[id_] = self._make()
                self._running[id_].start(config)
            return self._running[id_]

    def close(self) -> None:
        """End every host."""
        for host in self._running.values():
            host.stop()
