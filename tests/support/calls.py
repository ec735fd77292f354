"""Single calls over real sockets, to servers that refuse, hang or are not there."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from nebius_model_resource._service.http import Answer, exchange, open_session
from tests.support.hostile import Handler, RawServer

KEY = "sk-Zq9/very+secret=0451"
AWAY = "https://models.example"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
LISTED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]"


def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables about proxies and certificates from the environment of the tests."""
    for variable in list(os.environ):
        if variable.lower().endswith(("_proxy", "_ca_bundle")) or variable == "SSLKEYLOGFILE":
            monkeypatch.delenv(variable)


def send(url: str, method: str = "POST", *, seconds: float = 30, **options: Any) -> Answer:
    """Send one request; a POST has a JSON body."""
    given = {"api_key": KEY, "params": {}, "body": {"a": 1} if method == "POST" else None, **options}
    with open_session(url) as session:
        return exchange(session, method, url, seconds=seconds, **given)


def answering(
    text: bytes, certificate: tuple[Path, Path] | None = None, until: bytes | None = b"\r\n\r\n"
) -> RawServer:
    """A server with one answer to everything."""
    return RawServer(lambda connection, _: connection.sendall(text), certificate, until)


def say(text: bytes) -> Handler:
    """Answer with that."""
    return lambda connection, _head: connection.sendall(text)


def close(_connection: socket.socket, _head: bytes) -> None:
    """Hang up."""


def reset(connection: socket.socket, _head: bytes) -> None:
    """Hang up with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def leave_tls(connection: socket.socket, _head: bytes) -> None:
    """Go on without TLS, as a broken middlebox does."""
    os.write(connection.fileno(), b"no TLS any more\r\n\r\n")


def keep_quiet(connection: socket.socket, _head: bytes) -> None:
    """Give no answer until the other side hangs up."""
    while connection.recv(65536):
        pass


def half_a_head(connection: socket.socket, head: bytes) -> None:
    """Begin an answer, and no more."""
    connection.sendall(HEAD[:20])
    keep_quiet(connection, head)


def unused_port() -> int:
    """A port on which no process listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


def full_port(held: list[socket.socket]) -> int:
    """A port whose queue of connections is full."""
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    held += [full, *(socket.socket() for _ in range(3))]
    for each in held[1:]:
        each.setblocking(False)
        each.connect_ex(full.getsockname())
    return int(full.getsockname()[1])
