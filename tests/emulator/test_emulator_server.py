"""What only a socket shows: connections, and the faults that break them."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.processes import wait_until

from .conftest import BASE, SOURCE

GET_MODELS = b"GET /v0/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer emulator-key\r\n\r\n"
KEY = {"Authorization": "Bearer emulator-key"}
MODEL = {"name": "x", "base_model": BASE, "source": SOURCE}


@pytest.fixture
def wire(running: Emulator) -> Iterator[socket.socket]:
    """A bare connection to the emulator."""
    with _connected(running) as connection:
        yield connection


def _connected(emulator: Emulator) -> socket.socket:
    address = urlsplit(emulator.url)
    return socket.create_connection((address.hostname, address.port or 0), timeout=60)


def _call(emulator: Emulator, method: str, path: str, **options: Any) -> requests.Response:
    return requests.request(method, emulator.url + path, headers=KEY, **{"timeout": 60, **options})


def _read_all(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as stream:
        return stream.read()


def _connections() -> int:
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


def test_a_connection_serves_many_calls(running: Emulator) -> None:
    """Calls on one connection are answered in order, with bodies of their true length, and as JSON."""
    with requests.Session() as session:
        session.headers.update(KEY)
        name = session.post(f"{running.url}/v0/models", json=MODEL, timeout=60).json()["name"]
        assert session.get(f"{running.url}/v0/models/{name}", timeout=60).json()["name"] == name
        running.add_fault(Fault(status=204))
        assert session.get(f"{running.url}/v0/models", timeout=60).text == ""
        assert session.get(f"{running.url}/v0/models", timeout=60).json()[0]["name"] == name
        assert _connections() == 1


def test_what_is_not_a_request_is_refused(wire: socket.socket) -> None:
    """What is not HTTP is 400, and then the connection is closed."""
    wire.sendall(b"nonsense\r\n\r\n")
    assert b"400" in _read_all(wire)


def test_reset(running: Emulator, wire: socket.socket) -> None:
    """A reset is a real one: the socket reports a reset and not an end."""
    running.add_fault(Fault(action="reset"))
    wire.sendall(GET_MODELS)
    with pytest.raises(ConnectionResetError):
        wire.recv(1)
    assert running.requests()[-1].status is None


@pytest.mark.parametrize("fields", [{"action": "close"}, {"action": "hang", "seconds": 0.2}])
def test_no_answer(running: Emulator, wire: socket.socket, fields: dict[str, Any]) -> None:
    """A closed call, and a hanging one after its seconds, ends normally without any byte of an answer."""
    running.add_fault(Fault(**fields))
    wire.sendall(GET_MODELS)
    assert _read_all(wire) == b""


@pytest.mark.parametrize("effect", ["before", "after"])
def test_half_body(running: Emulator, wire: socket.socket, effect: Any) -> None:
    """Half a body comes with the length of the complete one, whether that is true or invented."""
    running.add_model(**MODEL)
    running.add_fault(Fault(action="half_body", effect=effect))
    wire.sendall(GET_MODELS)
    head, _, body = _read_all(wire).partition(b"\r\n\r\n")
    length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
    assert len(body) == length // 2
    assert body.startswith(b'[{"type"' if effect == "after" else b'{"detail"')


def test_slow(running: Emulator, wire: socket.socket) -> None:
    """A slow answer is the true one, a byte at a time."""
    running.add_fault(Fault(action="slow", seconds=0.05))
    wire.sendall(GET_MODELS)
    assert wire.recv(65536).endswith(b"\r\n\r\n")
    assert [wire.recv(65536) for _ in range(3)] == [b"[", b"]", b""]


@pytest.mark.parametrize("action", ["endless", "huge"])
def test_endless_and_huge(running: Emulator, wire: socket.socket, action: Any) -> None:
    """A body without an end continues as long as it is read, while others are served."""
    running.add_fault(Fault(action=action))
    wire.sendall(GET_MODELS)
    got = 0
    while got < 20_000_000:
        got += len(wire.recv(1 << 20))
    assert _call(running, "GET", "/v0/models").json() == []


def test_a_refused_upload_gets_the_reason(running: Emulator) -> None:
    """An upload gets the answer of the rate limit after its body, so that it is not lost."""
    running.settings.rate_limit_per_minute = 1
    files = {"file": ("a.zip", bytes(5_000_000))}
    codes = [_call(running, "POST", "/v0/models/upload", files=files).status_code for _ in range(2)]
    assert codes == [200, 429]


@pytest.mark.parametrize("action", ["slow", "hang", "delay", "endless", "huge"])
def test_a_client_that_leaves_leaves_nothing_behind(
    running: Emulator, wire: socket.socket, action: Any
) -> None:
    """When the client leaves in the middle of a spoilt answer, the call ends soon after."""
    running.add_fault(Fault(action=action, seconds=0.2 if action == "delay" else 60))
    wire.sendall(GET_MODELS)
    wait_until(running.requests, "the call is there")
    assert _connections() == 1
    wire.close()
    wait_until(lambda: not _connections(), "the call has ended")


def test_hanging_calls_do_not_hold_up_the_end() -> None:
    """An emulator with calls that hang or are delayed, and connections that idle, leaves no thread."""
    emulator, before = Emulator(), threading.active_count()
    emulator.start()
    emulator.add_fault(Fault(action="hang", times=5))
    emulator.add_fault(Fault(action="delay", times=None))
    connections = [_connected(emulator) for _ in range(20)]
    for connection in connections[:10]:
        connection.sendall(GET_MODELS)
    wait_until(lambda: len(emulator.requests()) == 10, "the calls are there")
    emulator.stop()
    emulator.stop()
    assert threading.active_count() == before
    for connection in connections:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


@pytest.mark.parametrize("host", ["::1", "[::1]", "localhost", "127.0.0.1"])
def test_an_emulator_listens_on_any_loopback(host: str) -> None:
    """IPv6 addresses and names work as hosts, and the URL has brackets if it needs them."""
    with Emulator(host=host) as emulator:
        assert ("[::1]" in emulator.url) == (":" in host)
        assert _call(emulator, "GET", "/v0/models").json() == []
