"""The list that all calls share: who gets which list, what it finds, and what it settles."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import get_ident
from typing import Any

import pytest

from nebius_model_resource import errors
from nebius_model_resource._provider.account import Account
from nebius_model_resource._provider.listing import ENDPOINTS, FILES, MODELS, Collection, SharedList, Snapshot
from nebius_model_resource._service.http import Answer
from nebius_model_resource._service.types import CustomModelInfo
from tests.support.engine_calls import raising
from tests.support.outcomes import garbled, lost, says, status
from tests.support.virtual import Outcome, Request, Service, done, no_pause

FULL, SHORT, OTHER = "acme/Base-LoRa:bot-AAAA", "bot-AAAA", "acme/Bass-LoRa:bot-AAAA"


class Bench:
    """The list of models of one account, and how often it was read."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.time = service.time
        self.account = Account(service.client(sleep=no_pause))
        self.models: SharedList[CustomModelInfo] = self.account.things(MODELS, None)

    def ask(self, method: str, seconds: float = 6000) -> Snapshot[CustomModelInfo]:
        """Ask for a ``recent`` or a ``fresh`` list."""
        found: Snapshot[CustomModelInfo] = getattr(self.models, method)(self.time.deadline(seconds))
        return found

    @property
    def reads(self) -> int:
        return len(self.service.sent("LIST"))


@pytest.fixture
def bench(service: Service) -> Bench:
    """A bench of its own."""
    return Bench(service)


@pytest.mark.parametrize(("age", "reads"), [(0, 1), (29.9, 1), (30.1, 2), (3000, 2)])
def test_one_list_serves_a_refresh_for_half_a_minute(bench: Bench, age: float, reads: int) -> None:
    """A hundred reads of a stack cost one list, which is at most thirty seconds old."""
    bench.ask("recent")
    bench.time.advance(age)
    for _ in range(100):
        bench.ask("recent")
    assert bench.reads == reads


@pytest.mark.parametrize("outcome", [status(400), status(401)])
def test_a_failure_is_believed_for_a_second_alone(bench: Bench, outcome: Outcome) -> None:
    """Many calls at once do not repeat a list that cannot be read; the first one after a second gets a new one."""
    bench.service.always("LIST", outcome)
    failed = bench.ask("recent")
    assert failed.failure
    assert failed is bench.ask("recent")
    bench.service.recover()
    bench.time.advance(1.1)
    assert bench.ask("recent").failure is None


@pytest.mark.parametrize(("ask", "most"), [("recent", 1), ("fresh", 8)])
def test_one_request_at_a_time_serves_all_that_wait_for_it(bench: Bench, ask: str, most: int) -> None:
    """Threads that come during a read take its result if it is new enough for them; one thread reads all lists."""
    under_way: list[int] = []
    readers = set()

    def alone(service: Service, request: Request) -> Answer:
        readers.add(get_ident())
        under_way.append(1)
        assert len(under_way) == 1
        service.time.advance(0.1)
        found = done(service, request)
        under_way.pop()
        return found

    bench.service.always("LIST", alone)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: bench.ask(ask), range(8)))
    assert all(each.complete for each in found)
    assert 1 <= bench.reads <= most
    bench.ask("fresh")  # for another thread
    assert len(readers) == 1


def test_a_process_that_is_ending_reads_the_list(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """After Ctrl-C no pool of threads takes work, and what a lost answer created is still found: the caller reads."""
    monkeypatch.setattr("concurrent.futures.thread._shutdown", True)
    assert bench.ask("recent").complete


@pytest.mark.parametrize(
    ("entries", "name", "found"),
    [
        ([FULL], FULL, FULL),
        ([FULL], SHORT, FULL),
        ([SHORT], FULL, SHORT),
        ([FULL, SHORT], FULL, FULL),
        ([FULL, OTHER], SHORT, None),
        ([FULL, OTHER], FULL, FULL),
        (["acme/Base-LoRa:bot-BBBB"], FULL, None),
    ],
)
def test_a_model_is_found_by_its_full_or_short_name(
    bench: Bench, entries: list[str], name: str, found: str | None
) -> None:
    """A short name that fits two models finds neither; a full name never means another full one."""
    bench.service.always("LIST", says([{"name": each} for each in entries]))
    model = bench.ask("recent").find(name)
    assert (model.generated_name if model else None) == found


KINDS: dict[str, tuple[str, str, str, Collection[Any]]] = {
    "model": ("GET", "LIST", "DELETE", MODELS),
    "file": ("FILE", "FILES", "DROP", FILES),
    "endpoint": ("", "ENDPOINTS", "REMOVE", ENDPOINTS),  # which has no read by id
}
NONE, LACKS, GAPS = "none exists", "the list lacks it", "the list has gaps"


class Thing:
    """A model, a file or an endpoint of a bench: its list, and how it is read and deleted."""

    def __init__(self, bench: Bench, kind: str) -> None:
        self.service = bench.service
        self.deadline = bench.time.deadline(100)
        self.kind = kind
        self.get, self.listed, self.delete, collection = KINDS[kind]
        self.shared: SharedList[Any] = bench.account.things(collection, None)

    def add(self, listed: Outcome | str) -> None:
        """Add it, unless none is to exist, and script the list."""
        self.id = "file-9"
        if listed is not NONE:
            add: dict[str, Callable[[str], str]] = {"model": self.service.add, "file": self.service.add_file}
            self.id = add.get(self.kind, self.service.add_endpoint)(FULL)
        entries: list[Any] = [{}] if listed is GAPS else []
        scripted = done if listed is NONE else says(entries if self.kind == "model" else {"data": entries})
        self.service.always(self.listed, scripted if isinstance(listed, str) else listed)


@pytest.fixture(params=KINDS)
def thing(bench: Bench, request: pytest.FixtureRequest) -> Thing:
    """A model, a file or an endpoint."""
    return Thing(bench, request.param)


@pytest.mark.parametrize(
    ("listed", "get", "found"),
    [
        (done, status(500), True),
        (LACKS, done, True),
        (status(500), done, True),
        (NONE, done, False),
        (LACKS, status(410), False),
        (GAPS, status(404), False),
        (LACKS, status(403), errors.AccessDenied),
        (LACKS, status(500), errors.ServerFault),
        (LACKS, lost(effect=False), errors.TransportError),
        (status(500), status(404), errors.ServerFault),
        (status(404), status(404), errors.NotFound),
        (status(401), status(404), errors.AccessDenied),
    ],
)
def test_a_look_up_finds_it_or_proves_that_it_is_gone(
    thing: Thing, listed: Outcome | str, get: Outcome, found: bool | type[errors.NebiusError]
) -> None:
    """A thing is gone if the list lacks it and its id is not found; a failed read is no answer."""
    if not thing.get:  # then the list alone decides
        found = found if listed is done else False if isinstance(listed, str) else errors.NebiusError
    thing.add(listed)
    thing.service.always(thing.get, get)
    with raising(None if isinstance(found, bool) else found):
        assert (thing.shared.look_up(thing.id, thing.deadline) is not None) is found


@pytest.mark.parametrize(
    ("listed", "deleted", "fails", "lists"),
    [
        (done, [done], None, 0),
        (NONE, [done], None, 1),
        (LACKS, [status(410)], None, 1),
        (GAPS, [status(404)], None, 1),
        (LACKS, [status(403)], None, 1),
        (done, [lost(effect=True)], None, 1),
        (done, [status(500)] * 9, None, 0),
        (done, [status(404)], errors.NotFound, 1),
        (done, [status(403)], errors.AccessDenied, 1),
        (GAPS, [status(403)], errors.AccessDenied, 1),
        (LACKS, [status(401)], errors.AccessDenied, 0),
        (LACKS, [status(400)], errors.BadRequest, 0),
        (status(500), [status(404)], errors.ServerFault, 4),
        (garbled(), [status(403)], errors.TransportError, 4),
        (status(404), [status(404)], errors.NotFound, 1),
        (done, [status(429, Retry_After="300")], errors.DeadlineExceeded, 0),
    ],
)
def test_a_deletion_succeeds_where_the_thing_is_gone(
    thing: Thing,
    listed: Outcome | str,
    deleted: list[Outcome],
    fails: type[errors.NebiusError] | None,
    lists: int,
) -> None:
    """After 404 and 403 a list that is requested since decides; every other refusal is an error."""
    service, shared = thing.service, thing.shared
    shared.recent(thing.deadline)  # it lacks the thing, and is too old to prove anything
    service.time.advance(1)
    thing.add(listed)
    service.next(thing.delete, *deleted)
    with raising(fails):
        shared.delete(thing.id, thing.deadline)
    assert len(service.sent(thing.listed)) == 1 + lists
    if fails is None:
        service.recover()
        shared.recent(thing.deadline)  # the list from before the deletion is not used again
        assert len(service.sent(thing.listed)) == 2 + lists
