"""Single calls of the client against servers that refuse, hang or are not there."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.models import Inputs
from nebius_model_resource._api.settings import Settings
from nebius_model_resource.errors import NebiusError, NotSent
from tests.support.hostile import RawServer

KEY = "sk-Zq9/very+secret=0451"
AWAY = "https://models.example"
LISTED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]"


def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables about proxies and certificates from the environment of the tests."""
    for variable in list(os.environ):
        if variable.lower().endswith(("_proxy", "_ca_bundle")) or variable == "SSLKEYLOGFILE":
            monkeypatch.delenv(variable)


def post(base_url: str, seconds: float = 4) -> NebiusError:
    """The error of a create."""
    with NebiusClient(Settings(base_url, KEY), attempt_seconds=seconds / 2) as client:
        inputs = Inputs("bot", "acme/Base", "file-1")
        try:
            client.create_model(inputs, deadline=Deadline.after(seconds))
        except NebiusError as error:
            return error
        raise AssertionError("the create succeeded")


def not_sent(base_url: str, seconds: float = 4) -> NotSent:
    """The same for a create that sent nothing and reports that in one line."""
    error = post(base_url, seconds)
    assert type(error) is NotSent, repr(error)
    assert str(error).isprintable()
    return error


def answering(
    text: bytes, certificate: tuple[Path, Path] | None = None, until: bytes = b"\r\n\r\n"
) -> RawServer:
    """A server with one answer to everything."""
    return RawServer(lambda connection, _: connection.sendall(text), certificate, until)


def keep_quiet(connection: socket.socket, _head: bytes) -> None:
    """Give no answer until the other side hangs up."""
    connection.recv(1)


def unused_port() -> int:
    """A port on which no process listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port
