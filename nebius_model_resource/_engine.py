"""The engine's side of a call: the rows on the screen, and the answer for a resource that is not ready."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from google.protobuf.struct_pb2 import Struct
from pulumi.output import Unknown
from pulumi.runtime.rpc import UNKNOWN

from nebius_model_resource.errors import EngineGone

if TYPE_CHECKING:
    from nebius_model_resource._provider.calls import Changes

TRAILER = "grpc-status-details-bin"  # gRPC's place for the details of an error
_WATCH_SECONDS = 1.0  # between two looks at an engine
_UNKNOWN_CODE = 2  # google.rpc.Code.UNKNOWN
# gRPC takes a lower-case `http_proxy` even for the engine's loopback address.
CHANNEL_OPTIONS = (("grpc.enable_http_proxy", 0),)


class Engine:
    """The engine at an address, which shows texts in its rows."""

    def __init__(self, address: str) -> None:
        """Nothing is sent.

        Args:
            address: ``host:port``; empty if it is not known, so that nothing is shown.
        """
        self.address = address
        self._stub: Any = None
        self._said: set[str] = set()

    def log(self, severity: str, text: str, urn: str, *, ephemeral: bool = False) -> None:
        """Show a text in a resource's row; an engine that is gone shows nothing.

        Args:
            severity: ``"INFO"`` or ``"WARNING"``.
            text: the text.
            urn: the resource's URN; nothing is shown without one.
            ephemeral: whether the next text replaces it and the diagnostics lack it. Any other text is shown once
                in a run: an engine that refreshes and then updates asks twice.
        """
        if not urn or (text in self._said and not ephemeral):
            return
        if not ephemeral:
            self._said.add(text)
        self.send(severity, text, urn, ephemeral=ephemeral)

    def silence(self, text: str) -> None:
        """Do not show a text that the engine itself is about to show."""
        self._said.add(text)

    def send(self, severity: str, text: str, urn: str, *, ephemeral: bool) -> None:
        """Send a text, whether or not it was shown before."""
        if not self.address:
            return
        import grpc
        from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

        if self._stub is None:
            channel = grpc.insecure_channel(self.address, options=CHANNEL_OPTIONS)
            self._stub = engine_pb2_grpc.EngineStub(channel)
        level: Any = engine_pb2.LogSeverity.Value(severity)
        request = engine_pb2.LogRequest(severity=level, message=text, urn=urn, ephemeral=ephemeral)
        with suppress(grpc.RpcError):
            self._stub.Log(request, timeout=2)

    def is_gone(self) -> bool:
        """Whether nothing listens at the address; silence for five seconds does not prove that."""
        host, _, port = self.address.rpartition(":")
        if not port.isdigit():
            return False
        try:
            # Windows tries a refused connection for about two seconds (Microsoft's article KB175523).
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                # A killed engine takes connections until the system has closed all its files; gRPC speaks first.
                return not connection.recv(1)
        except OSError as error:
            return not isinstance(error, TimeoutError)


def end_with(engine: Callable[[], Engine], idle: Callable[[], bool]) -> None:
    """End this process once no call is running and the engine is gone: nothing else would end it.

    Args:
        engine: the engine that is served now.
        idle: whether no call is running.
    """

    def watch() -> None:
        # A call may begin until the engine is gone. While one runs, no look at the engine is needed.
        while not (idle() and engine().is_gone() and idle()):
            time.sleep(_WATCH_SECONDS)
        os._exit(0)

    with suppress(RuntimeError):  # no further thread can start
        threading.Thread(target=watch, daemon=True).start()


class EngineCall:
    """One call of the engine: its row on the screen, its pauses and its end.

    Attributes:
        engine: where texts are shown.
        urn: the resource's URN, empty where it is not known; nothing is shown without one.
        timeout, seed, recorded, failed: see :class:`nebius_model_resource._provider.calls.Call`.
        gone: whether the engine went away before the operation was over.
    """

    def __init__(self, engine: Engine, urn: str = "") -> None:
        """Nothing is sent."""
        self.engine = engine
        self.urn = urn
        self.timeout = 0.0
        self.seed = b""
        self.recorded: frozenset[str] | None = None
        self.failed = False
        self.gone = False
        self._wake = threading.Event()
        self._interrupted = False
        self._ended = False

    def watch(self, context: Any) -> None:
        """Notice the end of gRPC's call: before that of the operation it means that the engine is gone."""
        if not context.add_callback(self._on_end):
            self._on_end()

    def _on_end(self) -> None:
        if not self._ended:
            self.gone = True
            self._wake.set()

    def close(self) -> None:
        """The operation is over: the end of the call means nothing any more."""
        self._ended = True

    def interrupt(self) -> None:
        """Let the operation end soon, with a result that the engine records."""
        self._interrupted = True
        self._wake.set()

    def interrupted(self) -> bool:
        """Whether the person who started the run has stopped it."""
        return self._interrupted

    def sleep(self, seconds: float) -> None:
        """Pause, or until the run is interrupted.

        Raises:
            EngineGone: the engine has gone away.
        """
        self._wake.wait(seconds)
        if self.gone:
            raise EngineGone("the engine is gone")

    def progress(self, text: str) -> None:
        """Show a text in the resource's row until the next one; the diagnostics lack it."""
        self.engine.log("INFO", text, self.urn, ephemeral=True)

    def note(self, text: str) -> None:
        """Show a text in the resource's row and in the diagnostics, once in a run."""
        self.engine.log("INFO", text, self.urn)

    def warn(self, text: str) -> None:
        """Show a warning in the resource's row and in the diagnostics, once in a run."""
        self.engine.log("WARNING", text, self.urn)


def with_placeholders(value: Any) -> Any:
    """A value in which those that are not known yet are the engine's text for it, in its parts too."""
    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(value, dict):
        return {name: with_placeholders(part) for name, part in value.items()}
    return [with_placeholders(part) for part in value] if isinstance(value, list) else value


def struct_of(values: Mapping[str, Any]) -> Struct:
    """A property bag on the wire."""
    bag = Struct()
    bag.update(values)
    return bag


def not_ready_details(message: str, id_: str, properties: Struct, inputs: Struct) -> bytes:
    """What goes into the trailer of a call whose resource exists and is not ready: the engine records it.

    Args:
        message: what is wrong with the resource.
        id_: its id.
        properties: its outputs.
        inputs: its inputs.
    """
    from google.protobuf.any_pb2 import Any as Packed
    from google.rpc.status_pb2 import Status  # the SDK has one more; a process can load only one of them
    from pulumi.runtime.proto.provider_pb2 import ErrorResourceInitFailed

    details = Packed()
    details.Pack(ErrorResourceInitFailed(id=id_, properties=properties, reasons=[message], inputs=inputs))
    status = Status(code=_UNKNOWN_CODE, message=message, details=[details])
    serialized: bytes = status.SerializeToString()
    return serialized


def detailed_diff(changes: Changes, named: Callable[[str], str] = str) -> dict[str, Any]:
    """Each changed property with its kind, as the engine shows it."""
    from pulumi.runtime.proto.provider_pb2 import PropertyDiff

    kinds = {
        name: PropertyDiff.Kind.Value(f"{kind}_REPLACE" if name in changes.replaces else kind)
        for name, kind in changes.kinds.items()
    }
    return {named(name): PropertyDiff(kind=kind, inputDiff=changes.of_inputs) for name, kind in kinds.items()}
