"""The unmodified host of dynamic providers, `python -u -m pulumi.dynamic <engine address>`, and its client.

The host is a gRPC server that prints its port on the first line of its stdout and never ends by itself; whatever it or
a provider prints afterwards belongs to the stack's row.
"""

from __future__ import annotations

import os
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import grpc
from google.rpc import status_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from .errors import EngineError, StepFailed
from .resources import Resource
from .urns import name_of, type_of
from .values import Properties, from_struct, keep_secrets, to_struct

_PATIENCE = 60.0  # seconds for a host to import pulumi and print its port
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

    def to_replace(self) -> Change:
        """The same change, which asks for a replacement."""
        return replace(self, kind=self.kind.removesuffix("-replace") + "-replace")


class Diff:
    """What a provider says about old and new."""

    def __init__(self, response: Any) -> None:
        self.changes: bool | None = None
        if response.changes != provider_pb2.DiffResponse.DIFF_UNKNOWN:
            self.changes = response.changes == provider_pb2.DiffResponse.DIFF_SOME
        self.replaces = list(response.replaces)
        self.diffs = list(response.diffs)
        self.delete_before_replace = bool(response.deleteBeforeReplace)
        self.detailed: dict[str, Change] | None = None
        if response.hasDetailedDiff:
            kinds = provider_pb2.PropertyDiff.Kind
            self.detailed = {
                path: Change(kinds.Name(diff.kind).lower().replace("_", "-"), diff.inputDiff)
                for path, diff in response.detailedDiff.items()
            }

    @property
    def asks_replacement(self) -> bool:
        """Whether a property is among the changes that asks for a replacement."""
        detailed = (self.detailed or {}).values()
        return bool(self.replaces) or any(change.kind.endswith("replace") for change in detailed)

    @classmethod
    def made_up(cls, *, changes: bool = True, replaces: list[str] | None = None) -> Diff:
        """A diff that comes from the engine and not from a provider."""
        kind = provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE
        return cls(provider_pb2.DiffResponse(changes=kind, replaces=replaces or []))


class Calls(ABC):
    """What the engine asks of a host of dynamic providers, whatever process serves it."""

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

    # The methods below take and return properties with their secrets marked. The host gets them in the clear. What was
    # secret in a request is marked again under the same name in the answer.

    def check(self, urn: str, olds: Properties, news: Properties) -> tuple[Properties, list[tuple[str, str]]]:
        """The inputs as the provider wants them, and its faults as (property, reason)."""
        request = provider_pb2.CheckRequest(
            urn=urn, olds=to_struct(olds), news=to_struct(news), randomSeed=os.urandom(32), **_called(urn)
        )
        response = self._ask(self._stub.Check, request)
        inputs = keep_secrets(from_struct(response.inputs), news)
        return inputs, [(failure.property, failure.reason) for failure in response.failures]

    def diff(self, urn: str, old: Resource, news: Properties, ignored: list[str]) -> Diff:
        """What changes between a recorded resource and new inputs; `urn` is the present URN of the resource."""
        request = provider_pb2.DiffRequest(
            id=old.id,
            urn=urn,
            olds=to_struct(old.outputs),
            news=to_struct(news),
            old_inputs=to_struct(old.inputs),
            ignoreChanges=ignored,
            **_called(urn),
        )
        return Diff(self._ask(self._stub.Diff, request))

    def create(self, new: Resource) -> tuple[str, Properties]:
        """The id and outputs of the new resource."""
        request = provider_pb2.CreateRequest(
            urn=new.urn,
            properties=to_struct(new.inputs),
            timeout=new.custom_timeouts.get("create", 0),
            **_called(new.urn),
        )
        response = self._ask(self._stub.Create, request, given=new.inputs)
        if not response.id:
            raise StepFailed(f"plugin returned empty resource.ID from create '{new.urn}'")
        return response.id, keep_secrets(from_struct(response.properties), new.inputs)

    def preview(self, new: Resource) -> Properties:
        """The outputs that a preview expects; this kind of host cannot report them."""
        return dict(new.inputs)

    def update(self, old: Resource, new: Resource) -> Properties:
        """The outputs after a change in place."""
        request = provider_pb2.UpdateRequest(
            id=old.id,
            urn=new.urn,
            olds=to_struct(old.outputs),
            news=to_struct(new.inputs),
            old_inputs=to_struct(old.inputs),
            timeout=new.custom_timeouts.get("update", 0),
            ignoreChanges=new.ignore_changes,
            **_called(new.urn),
        )
        response = self._ask(self._stub.Update, request, given=new.inputs)
        return keep_secrets(from_struct(response.properties), new.inputs)

    def read(
        self, urn: str, resource: Resource, state: Properties
    ) -> tuple[str, Properties, Properties | None]:
        """The id (empty: gone), outputs and inputs that are live now; no inputs if the provider returns none."""
        request = provider_pb2.ReadRequest(
            id=resource.id,
            urn=urn,
            properties=to_struct(state),
            inputs=to_struct(resource.inputs),
            **_called(urn),
        )
        response = self._ask(self._stub.Read, request, given=state, inputs=resource.inputs)
        inputs = None
        if response.HasField("inputs"):
            inputs = keep_secrets(from_struct(response.inputs), resource.inputs)
        return response.id, keep_secrets(from_struct(response.properties), state), inputs

    def delete(self, old: Resource) -> None:
        """Delete the resource."""
        request = provider_pb2.DeleteRequest(
            id=old.id,
            urn=old.urn,
            properties=to_struct(old.outputs),
            old_inputs=to_struct(old.inputs),
            timeout=old.custom_timeouts.get("delete", 0),
            **_called(old.urn),
        )
        self._ask(self._stub.Delete, request)

    @staticmethod
    def _ask(
        method: Any, request: Any, given: Properties | None = None, inputs: Properties | None = None
    ) -> Any:
        try:
            return method(request)
        except grpc.RpcError as fault:
            failure = _failure(fault, given or {}, inputs or {})
            failure.urn = request.urn
            raise failure from None


class Host(Calls):
    """One host process and the calls to it. Use it as a context manager, or `stop` it: it does not end by itself."""

    def __init__(
        self,
        python: str,
        engine_address: str,
        project: str,
        cwd: Path,
        env: Mapping[str, str],
        say: Callable[[str], None],
        complain: Callable[[str], None] | None = None,
    ) -> None:
        """Nothing is started yet.

        `say` is called with each line that the process prints, `complain` with those on its standard error.
        """
        super().__init__()
        self._command = [python, "-u", "-m", "pulumi.dynamic", engine_address]
        self._cwd = cwd
        self._env = {**env, "PULUMI_PROJECT": project}
        self._say = say
        self._complain = complain or say
        self._process: subprocess.Popen[str] | None = None
        self._channel: Any = None
        self._readers: list[threading.Thread] = []

    def start(self, config: Properties) -> None:
        """Start the process, wait for its port, and give it its provider's configuration.

        Raises:
            EngineError: It ended, or printed nothing that is a port.
        """
        # A process group of its own keeps a terminal's Ctrl-C away, so that the calls in flight can finish.
        self._process = subprocess.Popen(
            self._command,
            cwd=self._cwd,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._listen(self._process.stderr, self._complain)
        port = self._read_port(self._process.stdout)
        self._listen(self._process.stdout, self._say)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS)
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self._stub.Configure(
            provider_pb2.ConfigureRequest(
                args=to_struct(config, secrets=True), acceptSecrets=True, acceptResources=True
            ),
            timeout=_PATIENCE,
            wait_for_ready=True,
        )

    def _read_port(self, stdout: IO[str]) -> int:
        assert self._process is not None
        giving_up = threading.Timer(_PATIENCE, self._process.kill)
        giving_up.start()
        try:
            line = stdout.readline().strip()
        finally:
            giving_up.cancel()
        if not line.isdigit():
            raise EngineError(
                f"the dynamic provider host did not start: it said {line!r} where its port was expected"
            )
        return int(line)

    def _listen(self, stream: IO[str], say: Callable[[str], None]) -> None:
        def read() -> None:
            for line in stream:
                say(line.rstrip("\n"))

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        self._readers.append(thread)

    def stop(self) -> None:
        """End the process and the reading of its output; safe to call twice."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for thread in self._readers:
            thread.join(timeout=5)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process else None


def _called(urn: str) -> Any:
    # `name` and `type` came with SDK 3.231 or so; older generated classes refuse them.
    known = provider_pb2.CheckRequest.DESCRIPTOR.fields_by_name
    return {key: value for key, value in {"name": name_of(urn), "type": type_of(urn)}.items() if key in known}


def _failure(fault: Any, given: Properties, inputs: Properties) -> StepFailed:
    for key, value in fault.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                unfinished = provider_pb2.ErrorResourceInitFailed()
                if detail.Unpack(unfinished):
                    return _partial(unfinished, given, inputs)
    return StepFailed(str(fault.details() or fault.code()))


def _listed(reasons: list[str]) -> str:
    """Reasons as the real engine lists them."""
    if not reasons:
        return "resource init failed"
    count = "1 error" if len(reasons) == 1 else f"{len(reasons)} errors"
    return "\n".join([f"{count} occurred:", *(f"\t* {reason}" for reason in reasons)])


def _partial(unfinished: Any, given: Properties, inputs: Properties) -> StepFailed:
    reasons = list(unfinished.reasons)
    return StepFailed(
        _listed(reasons),
        id_=unfinished.id,
        outputs=keep_secrets(from_struct(unfinished.properties), given),
        inputs=keep_secrets(from_struct(unfinished.inputs), inputs)
        if unfinished.HasField("inputs")
        else None,
        reasons=reasons,
    )
