from __future__ import annotations

import json
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from nebius_model_resource.testing.emulator import Emulator, Fault
from nebius_model_resource.testing.emulator.faults import FaultTable

from .conftest import Api

if TYPE_CHECKING:
    from collections.abc import Iterator

GET_MODELS = b"GET /v0/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer emulator-key\r\n\r\n"


@pytest.fixture
def wire(emulator: Emulator) -> Iterator[socket.socket]:
    """A bare connection on which a list was requested."""
    address = urlsplit(emulator.url)
    with socket.create_connection((address.hostname, address.port or 0), timeout=60) as connection:
        yield connection


def _read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_a_status_fault_answers_instead(emulator: Emulator, api: Api) -> None:
    """A status fault answers with its code, headers and body once, and the call has no effect."""
    emulator.add_fault(
        Fault(method="POST", status=429, headers={"Retry-After": "7"}, body={"detail": "slow down"})
    )
    answer = api.create()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json() == {"detail": "slow down"}
    assert emulator.models() == []
    assert api.create().status_code == 200


@pytest.mark.parametrize(
    ("fields", "status", "body"),
    [
        ({}, 503, '{"detail":"Service Unavailable"}'),
        ({"status": 599}, 599, '{"detail":"Unknown"}'),
        ({"status": 500, "body": "text"}, 500, "text"),
        ({"status": 500, "body": [1]}, 500, "[1]"),
        ({"status": 204}, 204, ""),
        ({"action": "not_json"}, 200, "{this is not json"),
        ({"action": "wrong_json", "body": {"name": 5}}, 200, '{"name":5}'),
        ({"action": "wrong_json"}, 200, "null"),
        ({"action": "echo_key"}, 401, '{"detail":"not accepted: Bearer emulator-key"}'),
        ({"action": "echo_key", "status": 500}, 500, '{"detail":"not accepted: Bearer emulator-key"}'),
    ],
)
def test_made_up_answers(
    emulator: Emulator, api: Api, fields: dict[str, Any], status: int, body: str
) -> None:
    """Each fault that invents an answer gives the stated code and body."""
    emulator.add_fault(Fault(**fields))
    answer = api.call("GET", "/v0/models")
    assert (answer.status_code, answer.text) == (status, body)
    assert emulator.requests()[-1].status == status


@pytest.mark.parametrize(("fields", "status"), [({}, 502), ({"status": 200}, 200)])
def test_html(emulator: Emulator, api: Api, fields: dict[str, Any], status: int) -> None:
    """The html fault answers with a page whose type is HTML."""
    emulator.add_fault(Fault(action="html", **fields))
    answer = api.call("GET", "/v0/models")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html")
    assert answer.text.startswith("<!DOCTYPE html>")


def test_bodies_that_parsers_choke_on(emulator: Emulator, api: Api) -> None:
    """The bodies that are meant to break a parser do so: one is not UTF-8, and one is too deep."""
    emulator.add_fault(Fault(action="invalid_utf8"))
    emulator.add_fault(Fault(action="deep_json"))
    with pytest.raises(UnicodeDecodeError):
        api.call("GET", "/v0/models").content.decode()
    with pytest.raises(RecursionError):
        json.loads(api.call("GET", "/v0/models").content)


def test_header_flood(emulator: Emulator, api: Api) -> None:
    """A flood of headers is more than Python's own client accepts."""
    emulator.add_fault(Fault(action="header_flood"))
    with pytest.raises(requests.ConnectionError, match="got more than 100 headers"):
        api.list()


def test_redirect_elsewhere(emulator: Emulator, api: Api) -> None:
    """A redirect has its code and place."""
    emulator.add_fault(Fault(action="redirect", status=302, location="http://other.test/"))
    answer = api.call("GET", "/v0/models", allow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "http://other.test/")


def test_redirect_in_a_loop(emulator: Emulator, api: Api) -> None:
    """A redirect without a place leads to itself, for ever if the rule says so."""
    emulator.add_fault(Fault(action="redirect", times=None))
    with pytest.raises(requests.TooManyRedirects):
        api.call("GET", "/v0/models?ai_project_id=null")
    assert {request.raw_path for request in emulator.requests()} == {"/v0/models"}
    assert {request.query["ai_project_id"] for request in emulator.requests()} == {"null"}


def test_reset(emulator: Emulator, wire: socket.socket) -> None:
    """A reset is a real one: the socket reports a reset and not an end."""
    emulator.add_fault(Fault(action="reset"))
    wire.sendall(GET_MODELS)
    with pytest.raises(ConnectionResetError):
        wire.recv(1)
    assert emulator.requests()[-1].status is None


def test_close(emulator: Emulator, wire: socket.socket) -> None:
    """A close is a normal end without any byte of an answer."""
    emulator.add_fault(Fault(action="close"))
    wire.sendall(GET_MODELS)
    assert _read_all(wire) == b""


def test_hang(emulator: Emulator, wire: socket.socket) -> None:
    """A hanging call gets no answer for its seconds, and then the connection is closed."""
    emulator.add_fault(Fault(action="hang", seconds=0.2))
    begun = time.monotonic()
    wire.sendall(GET_MODELS)
    assert _read_all(wire) == b""
    assert time.monotonic() - begun > 0.15


@pytest.mark.parametrize("effect", ["before", "after"])
def test_half_body(emulator: Emulator, wire: socket.socket, effect: Any) -> None:
    """Half a body comes with the length of the complete one, whether that is true or invented."""
    emulator.add_model(name="x", base_model="a/b", source="file-1")
    emulator.add_fault(Fault(action="half_body", effect=effect))
    wire.sendall(GET_MODELS)
    head, _, body = _read_all(wire).partition(b"\r\n\r\n")
    length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
    assert len(body) == length // 2
    assert body.startswith(b'[{"type"' if effect == "after" else b'{"detail"')


def test_slow(emulator: Emulator, wire: socket.socket) -> None:
    """A slow answer is the true one, a byte at a time."""
    emulator.add_fault(Fault(action="slow", seconds=0.05))
    begun = time.monotonic()
    wire.sendall(GET_MODELS.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert _read_all(wire).endswith(b"\r\n\r\n[]")
    assert time.monotonic() - begun > 0.09


@pytest.mark.parametrize("effect", ["before", "after"])
def test_delay(emulator: Emulator, api: Api, effect: Any) -> None:
    """A delayed call takes place and gets the true answer after its seconds."""
    emulator.add_fault(Fault(action="delay", seconds=0.1, effect=effect))
    answer = api.create()
    assert answer.json()["status"] == "validating"
    assert answer.elapsed.total_seconds() >= 0.09


def test_a_delay_after_the_effect_shows_early(emulator: Emulator, api: Api) -> None:
    """If a client gives up a call that is delayed after its effect, the model stays."""
    emulator.add_fault(Fault(action="delay", method="POST", effect="after"))
    with pytest.raises(requests.ReadTimeout):
        api.call("POST", "/v0/models", json={"name": "x", "base_model": "a/b", "source": "s"}, timeout=1)
    while not emulator.models():
        time.sleep(0.01)
    assert len(emulator.models()) == 1


def test_endless(emulator: Emulator, wire: socket.socket, api: Api) -> None:
    """An endless body continues as long as it is read, while others are served, and ends with the client."""
    emulator.add_fault(Fault(action="endless"))
    wire.sendall(GET_MODELS)
    got = 0
    while got < 20_000_000:
        got += len(wire.recv(1 << 20))
    assert api.list() == []
    wire.close()
    assert api.list() == []


def test_huge(emulator: Emulator, api: Api) -> None:
    """A huge body has exactly the requested and announced number of bytes."""
    emulator.add_fault(Fault(action="huge", bytes=20_000_001))
    answer = api.call("GET", "/v0/models", stream=True)
    assert answer.headers["content-length"] == "20000001"
    assert sum(len(part) for part in answer.iter_content(1 << 20)) == 20_000_001


@pytest.mark.parametrize(
    "action", ["status", "reset", "close", "half_body", "html", "not_json", "redirect", "huge"]
)
@pytest.mark.parametrize(("effect", "made"), [("before", 0), ("after", 1)])
def test_the_effect_says_whether_the_call_takes_place(
    emulator: Emulator, api: Api, action: Any, effect: Any, made: int
) -> None:
    """A fault before the effect prevents the call, and one after it spoils only the answer."""
    emulator.add_fault(Fault(action=action, effect=effect, method="POST", path="/v0/models", bytes=10))
    try:
        answer = api.call(
            "POST",
            "/v0/models",
            json={"name": "x", "base_model": "a/b", "source": "s"},
            allow_redirects=False,
        )
        assert "LoRa" not in answer.text
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        pass
    assert len(emulator.models()) == made


def test_a_rule_hits_what_it_matches(emulator: Emulator, api: Api) -> None:
    """Method, path and custom name all have to match; the star of a glob also matches slashes."""
    emulator.add_fault(Fault(method="POST", path="/v0/models", name="bad*", times=None))
    emulator.add_fault(Fault(method="DELETE", path="/v0/models/*-LoRa:*", status=500, times=None))
    name = api.created()
    assert api.create(name="bad-one").status_code == 503
    assert api.call("POST", "/v0/models", data=b"no json").status_code == 422
    assert api.delete(name).status_code == 500
    assert api.read(name).status_code == 200


def test_skip_and_times(emulator: Emulator, api: Api) -> None:
    """A rule lets the first calls pass, hits the given number of times and ends; its hits can be read."""
    emulator.add_fault(Fault(skip=2, times=3))
    statuses = [api.call("GET", "/v0/models").status_code for _ in range(7)]
    assert statuses == [200, 200, 503, 503, 503, 200, 200]
    rule = emulator.service.faults.describe()[0]
    assert (rule["hits"], rule["left"]) == (3, 0)
    assert [request.fault for request in emulator.requests()].count(rule["id"]) == 3


def test_rules_are_tried_in_order(emulator: Emulator, api: Api) -> None:
    """The first rule that matches wins, the next one follows when that has ended, and clearing drops all."""
    for status in (500, 501, 502):
        emulator.add_fault(Fault(status=status))
    assert [api.call("GET", "/v0/models").status_code for _ in range(2)] == [500, 501]
    emulator.clear_faults()
    assert api.call("GET", "/v0/models").status_code == 200


def test_chance_is_repeatable() -> None:
    """A probability hits about that share of calls, and the same ones for the same seed."""

    def hits(seed: int) -> list[bool]:
        table = FaultTable(seed)
        table.add(Fault(probability=0.3, times=None))
        return [table.take("GET", "/", None) is not None for _ in range(1000)]

    assert hits(1) == hits(1)
    assert hits(1) != hits(2)
    assert 240 < sum(hits(1)) < 360


def test_many_calls_at_once_use_a_rule_exactly_its_times(emulator: Emulator) -> None:
    """With 64 connections at once, a rule hits as often as it says, and every other create creates one model."""
    emulator.add_fault(Fault(method="POST", times=100))
    statuses: list[int] = []

    def create() -> None:
        api = Api(emulator)
        statuses.extend(api.create().status_code for _ in range(5))
        api.session.close()

    threads = [threading.Thread(target=create) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses.count(503), statuses.count(200)) == (100, 220)
    assert len({model["name"] for model in emulator.models()}) == 220


def test_an_upload_can_be_reset(emulator: Emulator, api: Api) -> None:
    """A fault also hits an upload, before its body is read."""
    emulator.add_fault(Fault(action="reset", path="/v0/models/upload"))
    with pytest.raises(requests.ConnectionError):
        api.call("POST", "/v0/models/upload", files={"file": ("a.zip", b"x" * 1000)})


def test_hanging_calls_do_not_hold_up_the_end() -> None:
    """An emulator with calls that hang, and connections that idle, ends at once and leaves no thread."""
    emulator = Emulator()
    emulator.start()
    emulator.add_fault(Fault(action="hang", times=None, method="GET"))
    address = urlsplit(emulator.url)
    connections = [socket.create_connection((address.hostname, address.port or 0)) for _ in range(20)]
    for connection in connections[:10]:
        connection.sendall(GET_MODELS)
    while len(emulator.requests()) < 10:
        time.sleep(0.01)
    emulator.stop()
    emulator.stop()
    assert "emulator" not in {thread.name for thread in threading.enumerate()}
    for connection in connections:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "explode"},
        {"times": 0},
        {"status": 100},
        {"probability": 1.1},
        {"headers": {"a b": "c"}},
        {"headers": {"a": "b\r\nc: d"}},
        {"action": "redirect", "location": "/\n"},
        {"colour": "red"},
    ],
)
def test_a_rule_that_cannot_work_is_refused(fields: dict[str, Any]) -> None:
    """A rule that could only fail when it hits is refused when it is added."""
    with pytest.raises(ValueError, match=next(iter(set(fields) - {"action"}), "action")):
        Fault(**fields)


@pytest.mark.parametrize("action", ["slow", "hang", "delay", "endless", "huge"])
def test_a_client_that_leaves_leaves_nothing_behind(
    emulator: Emulator, wire: socket.socket, action: Any
) -> None:
    """When the client leaves in the middle of a spoilt answer, the call ends soon after."""
    ended = threading.Event()
    emulator.service.requests.on_end = lambda _: ended.set()
    emulator.add_fault(Fault(action=action, seconds=0.2 if action == "delay" else 60))
    wire.sendall(GET_MODELS)
    while not emulator.requests():
        time.sleep(0.01)
    assert not ended.wait(0.05)
    wire.close()
    assert ended.wait(60)


def test_latency_comes_before_every_answer(emulator: Emulator, api: Api) -> None:
    """The configured latency comes before each answer, errors included."""
    emulator.settings.latency_seconds = 0.1
    assert api.call("GET", "/nowhere").elapsed.total_seconds() >= 0.1


@pytest.mark.parametrize(("received", "breaks"), [(1_000_000, True), (0, True), (None, False)])
def test_a_fault_takes_as_much_of_an_upload_as_it_says(
    emulator: Emulator, api: Api, received: int | None, breaks: bool
) -> None:
    """A reset hits in the middle of an upload, other faults answer after its body, and no file is stored."""
    if breaks:
        emulator.add_fault(Fault(path="/v0/models/upload", action="reset", received=received))
    else:
        emulator.add_fault(Fault(path="/v0/models/upload", status=429))
    files = {"file": ("a.zip", bytes(50_000_000))}
    if breaks:
        with pytest.raises(requests.ConnectionError):
            api.call("POST", "/v0/models/upload", files=files)
    else:
        assert api.call("POST", "/v0/models/upload", files=files).status_code == 429
    assert emulator.files() == []


def test_a_refused_upload_gets_the_reason(emulator: Emulator, api: Api) -> None:
    """An upload gets the answer to a refused key, or of the rate limit, after its body, so that it is not lost."""
    files = {"file": ("a.zip", bytes(5_000_000))}
    headers = {"Authorization": "Bearer wrong"}
    assert api.call("POST", "/v0/models/upload", files=files, headers=headers).status_code == 401
    emulator.settings.rate_limit_per_minute = 1
    codes = [api.call("POST", "/v0/models/upload", files=files).status_code for _ in range(2)]
    assert codes == [200, 429]
