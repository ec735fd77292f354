"""The engine's own service: what it shows of an operation while it runs."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any


class Engine:
    """The engine at an address."""

    def __init__(self, address: str, stub: Any) -> None:
        """Nothing is sent.

        Args:
            address: ``host:port``, empty if it is not known.
            stub: the engine's service as gRPC's client has it; None if it cannot be reached, so that nothing is shown.
        """
        self._address = address
        self._stub = stub
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
        if self._stub is None:
            return
        import grpc
        from pulumi.runtime.proto import engine_pb2

        level: Any = engine_pb2.LogSeverity.Value(severity)
        request = engine_pb2.LogRequest(severity=level, message=text, urn=urn, ephemeral=ephemeral)
        with suppress(grpc.RpcError):
            self._stub.Log(request, timeout=2)

    def is_known(self) -> bool:
        """Whether there is an address."""
        return bool(self._address)

    def is_there(self) -> bool:
        """Whether anything listens at the address; silence for a second does not prove that nothing does."""
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except TimeoutError:
            return True
        except (OSError, ValueError):
            return False
        return True


class Row:
    """A resource's row on the screen.

    Attributes:
        urn: the resource's URN; nothing is shown without one.
    """

    def __init__(self, engine: Engine, urn: str) -> None:
        """Nothing is sent.

        Args:
            engine: where texts are shown.
            urn: the resource's URN, empty where it is not known.
        """
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
