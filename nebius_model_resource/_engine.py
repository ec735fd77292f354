"""The engine's side of a call: the rows on the screen, and the answer for a resource that is not ready."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from google.protobuf.struct_pb2 import Struct

TRAILER = "grpc-status-details-bin"  # gRPC's place for the details of an error
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
            socket.create_connection((host, int(port)), timeout=5).close()
        except OSError as error:
            return not isinstance(error, TimeoutError)
        return False


class Row:
    """A resource's row on the screen.

    Attributes:
        urn: the resource's URN, empty where it is not known; nothing is shown without one.
    """

    def __init__(self, engine: Engine, urn: str = "") -> None:
        """Nothing is sent."""
        self.engine = engine
        self.urn = urn

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
    from pulumi.output import Unknown
    from pulumi.runtime.rpc import UNKNOWN

    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(value, Mapping):
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
