"""The shared reader of the list: which caller gets which list, and when it reads."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._lifecycle.shared_list import Snapshot, StatusReader, StatusReaders
from nebius_model_resource.errors import ServerFault
from tests.support.virtual import Outcome, Service, VirtualTime, done, garbled, no_pause, says, slow, status

FULL, SHORT = "acme/Base-LoRa:bot-AAAA", "bot-AAAA"


class Bench:
    """A reader, and how often it has read."""

    def __init__(self, service: Service, jitter: float = 0.5) -> None:
        self.service = service
        self.time = service.time
        self.client = service.client(sleep=no_pause)
        self.reader = StatusReader(self.client, None, lambda: jitter, work=lambda: 0.0)

    def deadline(self, seconds: float = 6000) -> Deadline:
        return self.time.deadline(seconds)

    def recent(self) -> Snapshot:
        return self.reader.recent(self.deadline())

    def fresh(self) -> Snapshot:
        return self.reader.fresh(self.deadline())

    def latest(self) -> Snapshot | None:
        return self.reader.latest(self.deadline())

    @property
    def reads(self) -> int:
        return len(self.service.sent("LIST"))


@pytest.fixture
def bench(service: Service) -> Bench:
    """A bench of its own."""
    return Bench(service)


@pytest.mark.parametrize(("age", "reads"), [(0, 1), (29, 1), (30, 1), (30.1, 2), (300, 2), (3000, 2)])
def test_one_list_serves_half_a_minute(bench: Bench, age: float, reads: int) -> None:
    """A refresh uses a list that is at most thirty seconds old, and otherwise reads a new one."""
    bench.recent()
    bench.time.advance(age)
    bench.recent()
    assert bench.reads == reads


@pytest.mark.parametrize("outcome", [status(500), status(401), status(404), garbled()])
def test_a_list_that_failed_is_never_served_again(bench: Bench, outcome: Outcome) -> None:
    """The next caller after a failure reads again, and gets the list."""
    bench.service.next("LIST", *(outcome,) * 3)
    assert bench.recent().failure
    bench.service.recover()
    bench.time.advance(0.1)
    assert bench.recent().failure is None
    assert bench.recent().is_complete


def test_a_list_asked_for_now_is_read_now(bench: Bench) -> None:
    """However new the last list is, a caller that must prove that a model is gone gets a new one."""
    for number in range(1, 4):
        bench.fresh()
        assert bench.reads == number


def test_a_change_of_our_own_invalidates_the_list(bench: Bench) -> None:
    """After the change, an older list is not returned, and a newer one is."""
    bench.recent()
    bench.time.advance(1)
    bench.reader.invalidate()
    bench.time.advance(1)
    bench.recent()
    bench.recent()
    assert bench.reads == 2


class Heard(VirtualTime):
    """A clock that counts how often each thread has read it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[int] = Counter()

    def clock(self) -> float:
        now = super().clock()
        # Counted afterwards: the test advances the clock as soon as it sees the read.
        self.asked[threading.get_ident()] += 1
        return now

    def wait_for(self, threads: int) -> None:
        """Wait until that many threads have created a deadline and then asked for the list."""
        while sum(times >= 2 for times in list(self.asked.values())) < threads:
            threading.Event().wait(0.005)


@pytest.mark.parametrize(
    ("ask", "outcome", "reads"),
    [
        ("recent", done, 1),
        ("recent", status(400), 2),
        ("fresh", done, 2),
        ("fresh", status(400), 2),
    ],
)
def test_waiting_callers_share_the_next_read(ask: str, outcome: Outcome, reads: int) -> None:
    """Callers that ask during a read share the next one, even if it fails; for a refresh the first is new enough."""
    time = Heard()
    bench = Bench(Service(time))
    reading, go_on = threading.Event(), threading.Event()

    def held(service: Service, call: object) -> object:
        reading.set()
        assert go_on.wait(60)
        return outcome(service, call)  # type: ignore[arg-type]

    bench.service.next("LIST", held, slow(1, outcome))  # type: ignore[arg-type]
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(getattr(bench, ask))]
        assert reading.wait(60)
        asked += [threads.submit(getattr(bench, ask)) for _ in range(3)]
        time.wait_for(4)
        time.advance(1)
        go_on.set()
        first, *others = [each.result(60) for each in asked]
    assert all(other is others[0] for other in others)
    assert (others[0] is first) is (reads == 1)
    assert bench.reads == reads


def test_a_read_that_outlasts_the_deadline_of_another_is_not_waited_for(bench: Bench) -> None:
    """If the deadline of a wait passes while another thread reads, the wait continues without a list."""
    reading, go_on = threading.Event(), threading.Event()

    def held(service: Service, call: object) -> object:
        reading.set()
        assert go_on.wait(60)
        return done(service, call)  # type: ignore[arg-type]

    bench.service.next("LIST", held)  # type: ignore[arg-type]
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(bench.latest)
        assert reading.wait(60)
        assert bench.reader.latest(bench.deadline(0.05)) is None
        go_on.set()
        assert first.result(60)


def _gaps(bench: Bench, seconds: float) -> list[float]:
    """Seconds between the reads of one wait."""
    bench.reader.join()
    end = bench.time.now + seconds
    while bench.time.now < end:
        bench.time.advance(max(bench.reader.until_due(), 1e-6))
        bench.latest()
    return [later - earlier for earlier, later in pairwise(bench.service.sent("LIST"))]


def test_the_gaps_between_two_reads_grow_up_to_five_seconds(bench: Bench) -> None:
    """The first read comes at once, the next half a second later; the gaps grow by a tenth up to 5 s."""
    gaps = _gaps(bench, 200)
    assert bench.service.sent("LIST")[0] == pytest.approx(0, abs=0.01)
    assert gaps[:4] == pytest.approx([0.5, 0.55, 0.605, 0.6655], abs=0.001)
    assert gaps[-1] == pytest.approx(5, abs=0.001)
    assert max(gaps) <= 5.001


@pytest.mark.parametrize(("jitter", "factor"), [(0, 0.9), (0.5, 1), (1, 1.1)])
def test_a_tenth_of_each_gap_is_left_to_chance(service: Service, jitter: float, factor: float) -> None:
    """Hosts that began at the same time do not read at the same time."""
    gaps = _gaps(Bench(service, jitter), 200)
    assert gaps[-1] == pytest.approx(5 * factor, abs=0.001)


@pytest.mark.parametrize(("taken", "gap"), [(0.2, 0.7), (2, 4), (10, 20), (40, 55)])
def test_a_slow_service_is_asked_half_of_the_time_at_most(bench: Bench, taken: float, gap: float) -> None:
    """After a read of two seconds, two seconds pass without one; a gap is at most a quarter of a minute."""
    bench.service.always("LIST", slow(taken))
    assert _gaps(bench, 3 * gap)[0] == pytest.approx(gap, abs=0.01)


def test_an_idle_reader_begins_anew(bench: Bench) -> None:
    """After a time without waits, the gaps begin with half a second again."""
    _gaps(bench, 200)
    bench.time.advance(60)
    before = bench.reads
    assert _gaps(bench, 3)[before:][:2] == pytest.approx([0.5, 0.55], abs=0.01)


def test_a_new_wait_is_served_within_a_second(bench: Bench) -> None:
    """While others wait with gaps of five seconds, a new wait moves the next read to half a second from now."""
    _gaps(bench, 200)
    bench.latest()
    bench.time.advance(1)
    bench.reader.join()
    bench.time.advance(0.2)
    bench.reader.join()
    assert bench.reader.until_due() == pytest.approx(0.3, abs=0.01)


def test_only_a_wait_that_begins_with_a_read_is_served_by_it(bench: Bench) -> None:
    """A wait that begins at the moment of a read causes no further read; a wait a second later does."""
    _gaps(bench, 200)
    assert bench.service.sent("LIST")[-1] == bench.time.now
    bench.reader.join()
    assert bench.reader.until_due() == pytest.approx(5, abs=0.01)
    bench.time.advance(1)
    bench.reader.join()
    assert bench.reader.until_due() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("ask", ["recent", "fresh", "latest"])
def test_a_read_has_the_deadline_and_the_pauses_of_its_caller(bench: Bench, ask: str) -> None:
    """Every pause is the caller's, and a request takes at most half of the caller's time."""
    bench.service.next("LIST", status(429, Retry_After="3"))
    getattr(bench.reader, ask)(bench.deadline(10))
    assert bench.time.slept == [3]
    assert [call.seconds for call in bench.service.calls] == [5, 3.5]


@pytest.mark.parametrize(("ask", "reads"), [("recent", 3), ("fresh", 3), ("latest", 1)])
def test_a_read_that_fails_is_repeated_for_a_refresh_alone(bench: Bench, ask: str, reads: int) -> None:
    """A wait reads again anyway."""
    bench.service.always("LIST", status(500))
    assert getattr(bench, ask)().failure
    assert bench.reads == reads


def test_while_the_service_asks_for_pauses_it_is_read_each_quarter_of_a_minute(bench: Bench) -> None:
    """Creates have priority until the ramp after a refusal is over."""
    for _ in range(12):
        bench.client.connection.gate.refused(bench.time.now, 0)
        bench.time.advance(1)
    assert min(_gaps(bench, 60)) >= 14


@pytest.mark.parametrize(
    ("entries", "name", "found", "holds"),
    [
        ([FULL], FULL, FULL, True),
        ([FULL], SHORT, FULL, True),
        ([SHORT], FULL, SHORT, True),
        ([SHORT], SHORT, SHORT, True),
        ([FULL, SHORT], FULL, FULL, True),
        ([FULL, SHORT], SHORT, SHORT, True),
        ([FULL, "acme/Bass-LoRa:bot-AAAA"], SHORT, None, True),
        ([FULL, "acme/Bass-LoRa:bot-AAAA"], FULL, FULL, True),
        (["acme/Bass-LoRa:bot-AAAA"], FULL, None, False),
        (["acme/Base-LoRa:bot-BBBB"], FULL, None, False),
        ([], FULL, None, False),
    ],
)
def test_a_model_is_found_by_its_full_or_short_name(
    bench: Bench, entries: list[str], name: str, found: str | None, holds: bool
) -> None:
    """A name that fits two models finds neither, although both exist."""
    bench.service.always("LIST", says([{"name": each} for each in entries]))
    snapshot = bench.recent()
    model = snapshot.find(name)
    assert (model.name if model else None) == found
    assert snapshot.holds(name) is holds


def test_a_list_says_what_it_is(bench: Bench) -> None:
    """A list with an unreadable entry is not complete, and neither is one that could not be read."""
    bench.service.next("LIST", says([{}, {"name": FULL}]), *(status(502),) * 3)
    partial = bench.fresh()
    assert (partial.is_complete, partial.failure, partial.holds(FULL)) == (False, None, True)
    failed = bench.fresh()
    assert (failed.is_complete, failed.find(FULL)) == (False, None)
    assert isinstance(failed.failure, ServerFault)


def test_each_project_has_its_reader(service: Service, time: VirtualTime) -> None:
    """One reader requests the list of one project with its id, for all callers."""
    readers = StatusReaders(service.client())
    assert readers.of("p") is readers.of("p")
    assert readers.of("p") is not readers.of(None)
    for project in ("p", None):
        readers.of(project).recent(time.deadline(9))
    assert [call.query for call in service.calls] == [{"ai_project_id": "p"}, {}]
