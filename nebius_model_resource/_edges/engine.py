"""The engine's own service: what it shows of an operation while it runs."""

from __future__ import annotations

import socket
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Any


class Engine:
    """The engine at an address; one that is gone shows nothing."""

    def __init__(self, address: str) -> None:
        """Nothing is sent.

        Args:
            address: ``host:port``.
        """
        self._address = address
        self._said: set[str] = set()

    @cached_property
    def _stub(self) -> Any:
        import grpc
        from pulumi.runtime.proto import engine_pb2_grpc

        return engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address))

    def log(self, severity: str, text: str, urn: str, *, ephemeral: bool = False) -> None:
        """Show a text in a resource's row.

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
        self._send(severity, text, urn, ephemeral=ephemeral)

    def silence(self, text: str) -> None:
        """Do not show a text that the engine itself is about to show."""
        self._said.add(text)

    def _send(self, severity: str, text: str, urn: str, *, ephemeral: bool) -> None:
        import grpc
        from pulumi.runtime.proto import engine_pb2

        level: Any = engine_pb2.LogSeverity.Value(severity)
        request = engine_pb2.LogRequest(severity=level, message=text, urn=urn, ephemeral=ephemeral)
        with suppress(grpc.RpcError, ImportError, AttributeError):  # an SDK without the service shows nothing
            self._stub.Log(request, timeout=2)

    def is_there(self) -> bool:
        """Whether anything listens at the address."""
        host, _, port = self._address.rpartition(":")
        with suppress(OSError, ValueError):
            socket.create_connection((host, int(port)), timeout=1).close()
            return True
        return False


class NoEngine(Engine):
    """The engine of a host whose address is not known: it shows nothing."""

    def __init__(self) -> None:
        """Nothing is sent."""
        self._said = set()

    def _send(self, severity: str, text: str, urn: str, *, ephemeral: bool) -> None:
        pass

    def is_there(self) -> bool:
        """Always False."""
        return False


@lru_cache(maxsize=4)
def engine_at(address: str) -> Engine:
    """The engine at an address, one object for all calls of a process."""
    return Engine(address)
