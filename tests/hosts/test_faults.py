"""The faulty service over real HTTP: what each edge makes of lost answers, refusals and bytes that are no answer.

The rules are tested on a virtual clock in tests/provider; here is one case for each way in which sockets fail.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import psutil
import pytest

from nebius_model_resource._provider.account import account_of
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.hosts.conftest import KINDS, Kind
from tests.support.calls import without_proxies
from tests.support.host import DynamicHost, HostError, warm_host
from tests.support.host_here import HostHere
from tests.support.hostile import Meddler, RawServer
from tests.support.plugin import PluginProcess

# A call that outlives its deadline meets this bound: no test compares seconds, because a busy machine is slow.
pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(120)]

MEBI = 1024 * 1024


def inputs_of(name: str) -> dict[str, Any]:
    """The inputs of a model."""
    return {"name": name, "base_model": "acme/Base", "source": "file-1"}


def names(service: Emulator, name: str = "") -> list[str]:
    """The models at the service, or those with that name."""
    return KINDS["model"].ids(service, name)


# Lost answers

LOST: dict[str, dict[str, Any]] = {
    "reset": {"action": "reset"},
    "html": {"action": "html", "status": 504},
    "not-json": {"action": "not_json"},
}


def test_a_lost_answer_leaves_exactly_one(host_here: HostHere, service: Emulator, kind: Kind) -> None:
    """What was created is found in the list; what the list still lacks after a few looks is posted once more."""
    effects: tuple[Literal["after", "before"], ...] = ("after", "before")
    cases = {f"{key}-{effect}": (fault, effect) for key, fault in LOST.items() for effect in effects}
    for name, (fault, effect) in cases.items():
        service.add_fault(Fault(method="POST", path=kind.path, name=name, effect=effect, **fault))

    def create(name: str) -> str:
        return host_here.create(kind.named(name), timeout=60, name=name)[0]

    with ThreadPoolExecutor(len(cases)) as pool:
        created = dict(zip(cases, pool.map(create, cases), strict=True))
    posts = [call.body["name"] for call in service.requests("POST", kind.path)]
    for name, (_, effect) in cases.items():
        assert kind.ids(service, name) == [created[name]]
        assert posts.count(name) == (1 if effect == "after" else 2)


# Refusals


@pytest.mark.parametrize("status", [400, 401, 404])
def test_refusals_fail_at_once(host_here: HostHere, service: Emulator, kind: Kind, status: int) -> None:
    """A refused POST is sent once and creates nothing, and one line has the service's words and the request id."""
    service.add_fault(Fault(method="POST", status=status, body={"detail": "the words of the service"}))
    with pytest.raises(HostError, match="the words of the service") as caught:
        host_here.create(kind.named("no"))
    [call] = service.requests("POST")
    assert f"request id {call.request_id}" in caught.value.message
    assert caught.value.message.isprintable()
    assert (caught.value.kept, kind.ids(service)) == (None, [])


# Refused keys


@pytest.mark.parametrize("fault", [{"status": 401}, {"status": 403}, {"action": "html", "status": 404}])
def test_refusals_of_everything_drop_nothing(
    host_here: HostHere, service: Emulator, kind: Kind, fault: dict[str, Any]
) -> None:
    """With a refused key, or behind a wrong base URL, neither a refresh nor a deletion takes a thing as gone."""
    thing = kind.add(service, "held")
    account_of.cache_clear()  # nothing is read yet
    service.add_fault(Fault(method="*", times=None, **fault))
    for call, left in ((host_here.read, "the state is unchanged"), (host_here.delete, "stays in the state")):
        with pytest.raises(HostError, match=f"{fault['status']}.*{left}") as caught:
            call(*thing)
        assert caught.value.message.isprintable()
    assert kind.ids(service) == [thing[0]]


# Answers that are none


BAD_ANSWERS: dict[str, dict[str, Any]] = {
    "gigabyte": {"action": "huge"},
    "endless": {"action": "endless"},
    "slow": {"action": "slow", "seconds": 1},
    "deep": {"action": "deep_json"},
    "headers": {"action": "header_flood"},
    "utf8": {"action": "invalid_utf8"},
    "hang": {"action": "hang"},
    "list": {"action": "wrong_json", "body": [[]]},
}


def test_bad_answers_to_posts_are_bounded(host_process: DynamicHost, emulator: Emulator) -> None:
    """After eight at once each model is in the state once, and the process has grown by less than 120 MiB."""
    for name, fault in BAD_ANSWERS.items():
        emulator.add_fault(Fault(method="POST", path="/v0/models", name=name, effect="after", **fault))
    process = psutil.Process(host_process.process.pid)
    before = process.memory_info().rss
    with ThreadPoolExecutor(len(BAD_ANSWERS)) as pool:
        ids = pool.map(
            lambda name: host_process.create(inputs_of(name), timeout=10, name=name)[0], BAD_ANSWERS
        )
        assert sorted(ids) == sorted(names(emulator))
    assert len(names(emulator)) == len(BAD_ANSWERS)
    assert process.memory_info().rss - before < 120 * MEBI


WRONG: dict[str, Any] = {
    "null": None,
    "number": 5,
    "huge": 10**300,
    "list": [1],
    "object": {"a": 1},
    "empty": "",
    "surrogate": "a\ud800b",
    "escape": "\x1b[31mred\x07",
}
FIELDS = ("name", "source", "created_at", "status", "description", "status_reason", "job_id", "url")


def marked(name: str) -> tuple[str, str] | None:
    """Field and kind of wrong value, from a model's own name, ``w-<field>-<key>``."""
    pieces = name.rpartition(":")[2].split("-")
    return (pieces[1], pieces[2]) if pieces[0] == "w" else None


@pytest.mark.parametrize("endpoint", ["POST", "LIST", "READ", "DELETE"])
def test_wrong_types_in_every_field_lose_nothing(endpoint: str) -> None:
    """Each case is a model of its own, all created at once: it ends active or recorded, and one `delete` removes it."""

    def spoil(entry: Any) -> Any:
        mark = marked(entry["name"])
        return {**entry, mark[0]: WRONG[mark[1]]} if mark else entry

    def meddle(method: str, path: str, status: int, body: Any) -> Any:
        if method == "GET" and path == "/v0/models":
            return (
                [spoil(each) for each in body] if endpoint == "LIST" else [] if endpoint == "READ" else body
            )
        kind = "READ" if method == "GET" else method
        return spoil(body) if (kind, status) == (endpoint, 200) else body

    # With reads that never return the status, a create takes all the time it has.
    patience = 30 if endpoint in ("POST", "DELETE") else 6
    todo = [f"w-{field}-{key}" for field in FIELDS for key in WRONG]
    with Emulator(validation_seconds=0) as emulator, Meddler(emulator.url, meddle) as meddler:
        config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": meddler.url}

        def live(name: str) -> bool:
            try:
                id_, outputs = host.create(inputs_of(name), timeout=patience, name=name)
            except HostError as error:
                if error.kept is None:
                    return False
                id_, outputs = error.kept.id, error.kept.properties
            made = names(emulator, name)
            host.delete(id_, outputs, timeout=20)
            return made == [id_]

        with warm_host(config) as host, ThreadPoolExecutor(32) as pool:
            made = dict(zip(todo, pool.map(live, todo), strict=True))
        assert [name for name in todo if not made[name]] == []
        assert names(emulator) == []


# Proxies


def test_loopback_never_goes_through_a_proxy(edge: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every proxy variable set, in both spellings, a model is made and deleted; the engine hears its progress."""
    without_proxies(monkeypatch)
    with (
        Emulator(validation_seconds=0.1) as emulator,
        RawServer(lambda connection, _: connection.sendall(b"")) as proxy,
    ):
        variables = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        environ = {spelled: proxy.url for name in variables for spelled in (name, name.lower())}
        config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
        with (DynamicHost if edge == "dynamic" else PluginProcess)(config, environ=environ) as host:
            id_, outputs = host.create(inputs_of("bot"))
            assert names(emulator) == [id_]
            host.delete(id_, outputs)
            assert "active" in [log.message for log in host.engine.logs]
        assert (names(emulator), proxy.connections) == ([], 0)
