"""Broken or malicious servers: a clear error within the deadline, bounded memory, nothing lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.models import Inputs
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._lifecycle.lifecycle import Lifecycle
from nebius_model_resource._lifecycle.operation import Operation
from nebius_model_resource.errors import AnswerLost, NebiusError
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.host import DynamicHost, HostError, warm_host
from tests.support.hostile import Meddler, RawServer, drip, self_signed

# A call that outlives its deadline meets this bound: no test compares seconds, because a busy machine is slow.
pytestmark = [pytest.mark.xdist_group("hostile"), pytest.mark.timeout(120)]

MEBI = 1024 * 1024
BAD_ANSWERS: dict[str, dict[str, Any]] = {
    "gigabyte": {"action": "huge"},
    "endless": {"action": "endless"},
    "slow-body": {"action": "slow", "seconds": 1},
    "deep-json": {"action": "deep_json"},
    "header-flood": {"action": "header_flood"},
    "invalid-utf8": {"action": "invalid_utf8"},
    "hang": {"action": "hang"},
    "list": {"action": "wrong_json", "body": [[]]},
    "number": {"action": "wrong_json", "body": 7},
}


def inputs_of(name: str) -> dict[str, Any]:
    return {"name": name, "base_model": "acme/Base", "source": "file-1"}


def named(emulator: Emulator, name: str) -> list[str]:
    return [model["name"] for model in emulator.models() if f":{name}-" in model["name"]]


@contextmanager
def watched_memory(pid: int) -> Iterator[Callable[[], float]]:
    """How far the resident size of a process rose inside the block, in MiB."""
    process = psutil.Process(pid)
    before = process.memory_info().rss
    sizes = [before]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            sizes.append(process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: (max(sizes) - before) / MEBI
    finally:
        done.set()
        watcher.join()


def result_of(call: Callable[[], Any]) -> Any:
    """What a call returned or raised."""
    try:
        return call()
    except (HostError, NebiusError) as error:
        return error


def held(result: Any) -> list[str]:
    """The id that the state holds after a create."""
    if isinstance(result, HostError):
        return [result.kept.id] if result.kept else []
    return [result[0]]


@pytest.fixture(scope="module")
def shared_host(shared_emulator: Emulator) -> Iterator[DynamicHost]:
    """A process of its own: its memory is watched."""
    config = {"nebius-models:apiKey": shared_emulator.api_key, "nebius-models:baseUrl": shared_emulator.url}
    with DynamicHost(config) as running:
        yield running


@pytest.fixture(scope="module")
def bad_posts(shared_host: DynamicHost, shared_emulator: Emulator) -> dict[str, Any]:
    """A create for each bad answer to a POST that created its model, all at once."""
    for name, fault in BAD_ANSWERS.items():
        shared_emulator.add_fault(Fault(method="POST", path="/v0/models", name=name, effect="after", **fault))

    def create(name: str) -> Any:
        return result_of(lambda: shared_host.create(inputs_of(name), timeout=20, name=name))

    with watched_memory(shared_host.process.pid) as grown, ThreadPoolExecutor(len(BAD_ANSWERS)) as pool:
        results = dict(zip(BAD_ANSWERS, pool.map(create, BAD_ANSWERS), strict=True))
        memory = grown()
    made = {name: named(shared_emulator, name) for name in BAD_ANSWERS}
    return {"results": results, "memory": memory, "made": made}


@pytest.mark.parametrize("fault", BAD_ANSWERS)
def test_bad_answer_to_a_post(bad_posts: dict[str, Any], fault: str) -> None:
    """The created model is found and is in the state once, within the deadline."""
    result = bad_posts["results"][fault]
    assert held(result) == bad_posts["made"][fault]
    assert not isinstance(result, HostError)


def test_memory_under_bad_posts(bad_posts: dict[str, Any]) -> None:
    """Nine bad answers at once, with one of 1 GB and one without an end among them, cost less than 120 MiB."""
    assert bad_posts["memory"] < 120


@pytest.fixture(scope="module")
def bad_reads(shared_host: DynamicHost, shared_emulator: Emulator) -> dict[str, Any]:
    """A create for each bad answer to every read by name, while the list is permanently broken."""
    shared_emulator.clear_faults()
    shared_emulator.add_fault(Fault(method="GET", path="/v0/models", action="deep_json", times=None))
    for name, fault in BAD_ANSWERS.items():
        shared_emulator.add_fault(Fault(method="GET", path=f"*:{name}2-*", times=None, **fault))

    def create(name: str) -> Any:
        return result_of(lambda: shared_host.create(inputs_of(f"{name}2"), timeout=5, name=name))

    with watched_memory(shared_host.process.pid) as grown, ThreadPoolExecutor(len(BAD_ANSWERS)) as pool:
        results = dict(zip(BAD_ANSWERS, pool.map(create, BAD_ANSWERS), strict=True))
        memory = grown()
    shared_emulator.clear_faults()
    made = {name: named(shared_emulator, f"{name}2") for name in BAD_ANSWERS}
    return {"results": results, "memory": memory, "made": made}


@pytest.mark.parametrize("fault", BAD_ANSWERS)
def test_bad_answers_to_reads(bad_reads: dict[str, Any], fault: str) -> None:
    """Reads that never return anything useful end at the deadline in one line, and the model stays in the state."""
    result = bad_reads["results"][fault]
    assert isinstance(result, HostError)
    assert held(result) == bad_reads["made"][fault]
    assert len(held(result)) == 1
    assert "\n" not in result.message
    assert len(result.message) < 1500
    assert "the deadline passed" in result.message


def test_memory_under_bad_reads(bad_reads: dict[str, Any]) -> None:
    """Endless bad reads cost no more memory than one of each."""
    assert bad_reads["memory"] < 120


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
RAW_ANSWERS = {
    # Each takes longer than the bound of a test.
    "slow status line": (HEAD, 2),
    "slow continues": (b"HTTP/1.1 100 Continue\r\n\r\n" * 200, 0.05),
    "no http": (b"220 mail.example ESMTP\r\n" * 5000, 0),
    "long status line": (b"HTTP/1.1 200 " + b"a" * 1_000_000, 0),
    "long header": (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 1_000_000, 0),
    "negative length": (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", 0),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}", 0),
    "wrong chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", 0),
    "unknown status": (b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", 0),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", 0),
    "odd header bytes": (b"HTTP/1.1 500 x\r\nx-request-id: \xff\x1b[31m\r\nContent-Length: 0\r\n\r\n", 0),
}


@pytest.fixture(scope="module")
def raw_results() -> dict[str, Any]:
    """A create against each server that answers everything with the same bytes; in this process, for speed."""

    def create(key: str) -> Any:
        text, pause = RAW_ANSWERS[key]

        def pour(connection: Any, _head: bytes) -> None:
            connection.sendall(text)

        handler = drip(text, pause, lambda: server) if pause else pour
        with RawServer(handler) as server:
            client = NebiusClient(Settings(server.url, "secret-key"))
            operation = Operation(Deadline.after(2))
            return result_of(
                lambda: Lifecycle(client).create(Inputs("raw", "acme/Base", "file-1"), operation)
            )

    with ThreadPoolExecutor(len(RAW_ANSWERS)) as pool:
        return dict(zip(RAW_ANSWERS, pool.map(create, RAW_ANSWERS), strict=True))


@pytest.mark.parametrize("key", RAW_ANSWERS)
def test_answers_that_are_no_http(raw_results: dict[str, Any], key: str) -> None:
    """Whatever bytes come, the create ends within its deadline with one safe line that says what is not known."""
    result = raw_results[key]
    assert isinstance(result, AnswerLost)
    assert "it is not known whether 'raw' was created" in str(result)
    assert str(result).isprintable()


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_redirect_to_another_host(shared_host: DynamicHost, service: Emulator, method: str) -> None:
    """A redirect to another host is reported, and nothing is sent there: no key, not even a connection is opened."""
    with RawServer(lambda *_: None) as elsewhere:
        location = f"{elsewhere.url}/v0/models"
        service.add_fault(Fault(method=method, action="redirect", location=location, times=None))
        if method == "POST":
            result = result_of(lambda: shared_host.create(inputs_of("sent")))
        else:
            id_ = service.add_model(**inputs_of("sent"))
            props = {**inputs_of("sent"), "generated_name": id_, "status": "active"}
            call = shared_host.read if method == "GET" else shared_host.delete
            result = result_of(lambda: call(id_, props))
        assert isinstance(result, HostError)
        assert "redirect" in result.message
        assert elsewhere.url in result.message
        assert elsewhere.connections == 0
    assert named(service, "sent") == ([] if method == "POST" else [id_])


def test_redirect_loop(shared_host: DynamicHost, service: Emulator) -> None:
    """A redirect to itself is not followed: one POST is sent, and the error comes at once."""
    service.add_fault(Fault(method="POST", action="redirect", times=None))
    result = result_of(lambda: shared_host.create(inputs_of("loop")))
    assert isinstance(result, HostError)
    assert len(service.requests("POST")) == 1


def test_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    """A certificate that is not valid ends the create at once, before the key is sent."""
    with (
        RawServer(lambda *_: None, self_signed(tmp_path)) as server,
        warm_host({"nebius-models:apiKey": "secret-key", "nebius-models:baseUrl": server.url}) as host,
    ):
        result = result_of(lambda: host.create(inputs_of("tls")))
        assert isinstance(result, HostError)
        assert "certificate cannot be trusted" in result.message
        assert result.message.count("\n") == 0
        assert server.received == []


def test_plain_server_behind_https() -> None:
    """Without an encrypted connection nothing is sent: the create says so at its deadline."""
    with RawServer(lambda connection, _: connection.sendall(HEAD), until=b"") as server:
        url = server.url.replace("http:", "https:")
        with warm_host({"nebius-models:apiKey": "secret-key", "nebius-models:baseUrl": url}) as host:
            result = result_of(lambda: host.create(inputs_of("tls"), timeout=3))
    assert isinstance(result, HostError)
    assert "no connection to the service" in result.message


WRONG: dict[str, Any] = {
    "null": None,
    "number": 5,
    "huge": 10**300,
    "true": True,
    "list": [1],
    "object": {"a": 1},
    "empty": "",
    "surrogate": "a\ud800b",
    "escape": "\x1b[31mred\x07",
    "long": "x" * 100_000,
    "time": "2026-01-01T00:00:00Z",
}
POST_FIELDS = ("name", "base_model", "source", "created_at", "status", "description", "status_reason")
READ_FIELDS = (*POST_FIELDS, "job_id", "file_id", "url", "type", "checkpoint_id", "vendor", "tags", "quality")
UNUSED = ("base_model", "source", "type", "checkpoint_id", "vendor", "tags", "quality")
# Another text in place of a name is not a wrong type: a wrong name cannot be distinguished from a true one.
TEXTS = ("long", "time")


def cases(fields: tuple[str, ...]) -> list[tuple[str, str]]:
    """Each field with each wrong value; fields without effect with only two."""
    return [
        (field, key)
        for field in fields
        for key in (("object", "surrogate") if field in UNUSED else WRONG)
        if field != "name" or key not in TEXTS
    ]


def changed(body: Any, field: str, key: str) -> Any:
    return {**body, field: WRONG[key]} if isinstance(body, dict) and "name" in body else body


def marked(text: str) -> tuple[str, str] | None:
    """Field and kind of wrong value, from a model's own name, ``w-<field>-<key>``."""
    for part in text.replace("%3A", ":").split(":")[-1:]:
        pieces = part.split("-")
        if pieces[0] == "w" and len(pieces) >= 3:
            return pieces[1], pieces[2]
    return None


@pytest.mark.parametrize("endpoint", ["POST", "LIST", "READ", "DELETE"])
def test_wrong_types_in_every_field(endpoint: str) -> None:
    """Every field of every documented answer, each with values of every wrong kind: nothing is lost or broken.

    Each case is a model of its own, all created at once: it ends active or recorded, and one `delete` removes it.
    """

    def meddle(method: str, path: str, _status: int, body: Any) -> Any:
        if method == "GET" and path == "/v0/models":
            broken = [changed(each, *marked(each["name"])) for each in body if marked(each["name"])]  # type: ignore[misc]
            return broken if endpoint == "LIST" else [] if endpoint == "READ" else body
        kind = "READ" if method == "GET" else method
        if kind != endpoint or not isinstance(body, dict) or "name" not in body:
            return body
        mark = marked(body["name"])
        return changed(body, *mark) if mark else body

    # With reads that never return the status, a create takes all the time it has.
    patience = 30 if endpoint in ("POST", "DELETE") else 8
    todo = cases(READ_FIELDS if endpoint in ("LIST", "READ") else POST_FIELDS)
    with Emulator(validation_seconds=0) as emulator, Meddler(emulator.url, meddle) as meddler:
        config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": meddler.url}
        with warm_host(config) as host, ThreadPoolExecutor(32) as pool:

            def live(case: tuple[str, str]) -> tuple[Any, list[str], Any]:
                name = f"w-{case[0]}-{case[1]}"
                created = result_of(lambda: host.create(inputs_of(name), timeout=patience, name=name))
                made = named(emulator, name)
                if isinstance(created, HostError):
                    kept = created.kept
                    target = (kept.id, kept.properties) if kept else None
                else:
                    target = created
                deleted = target and result_of(lambda: host.delete(*target, timeout=20))
                return created, made, deleted

            results = dict(zip(todo, pool.map(live, todo), strict=True))
            left = emulator.models()
    for case, (created, made, deleted) in results.items():
        assert held(created) == made, (case, created)
        assert len(made) == 1, (case, created)
        assert not isinstance(deleted, HostError), (case, deleted)
    assert left == []
