"""The shared reader of the list, on a clock that moves only in a sleep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nebius_model_resource._api.client import Listing, NebiusClient
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.models import Inputs, State
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._lifecycle.operation import Operation, Report
from nebius_model_resource._lifecycle.shared_list import StatusReader
from nebius_model_resource._lifecycle.wait import Wait
from nebius_model_resource.errors import ModelVanished, Unfinished, UnknownStatus, ValidationFailed
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.api.test_throttle import FakeTime

INPUTS = Inputs("bot", "vendor/Base", "file-1")


class Bench:
    """A client and a reader on a clock of their own, which the emulator uses too."""

    def __init__(self, emulator: Emulator, time: FakeTime) -> None:
        self.emulator = emulator
        self.time = time
        self.client = NebiusClient(
            Settings(emulator.url, emulator.api_key), clock=time.clock, sleep=time.sleep, first_pause=0
        )
        self.reader = StatusReader(self.client, None, jitter=lambda: 0.5)
        self.reported: list[str] = []
        self.warned: list[str] = []

    def model(self, status: str = "validating") -> State:
        name = self.emulator.add_model(name="bot", base_model="vendor/Base", source="file-1", status=status)
        return State(INPUTS, name, "validating")

    def wait(self, state: State, seconds: float = 600) -> State:
        deadline = Deadline.after(seconds, self.time.clock, self.time.sleep)
        operation = Operation(deadline, Report(self.reported.append, self.warned.append))
        return Wait(state, self.client, self.reader, operation).until_active()

    def reads(self) -> list[str]:
        return [call.path for call in self.emulator.requests(method="GET")]


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A bench of its own."""
    time = FakeTime()
    with Emulator(clock=time.clock, validation_seconds=10) as emulator:
        created = Bench(emulator, time)
        with created.client:
            yield created


def test_a_wait_reads_the_list_and_backs_off(bench: Bench) -> None:
    """Ten minutes cost about a hundred and thirty lists, first half a second apart, at the end five."""
    with pytest.raises(Unfinished):
        bench.wait(bench.model())
    assert set(bench.reads()) == {"/v0/models"}
    assert 100 < len(bench.reads()) < 160


def test_a_model_that_validates_for_ten_seconds_is_seen_active_a_second_later_at_most(bench: Bench) -> None:
    """The gap between two reads stays near a tenth of the time waited."""
    inputs = INPUTS
    created = bench.client.create_model(inputs)
    began = bench.time.now
    state = bench.wait(State(inputs, created.name, "validating"))
    assert state.status == "active"
    assert 10 <= bench.time.now - began <= 12
    assert len(bench.reads()) <= 14


def test_a_service_far_away_is_read_as_often_as_a_near_one(bench: Bench) -> None:
    """A long way to the service does not make the gap to the next read much longer."""

    class Distant(NebiusClient):
        def list_models(self, *args: Any, **options: Any) -> Listing:
            bench.time.now += 0.3
            return super().list_models(*args, **options)

    bench.client.connection.close()
    bench.client = Distant(bench.client.connection.settings, clock=bench.time.clock, sleep=bench.time.sleep)
    bench.reader = StatusReader(bench.client, None, jitter=lambda: 0.5)
    bench.emulator.settings.validation_seconds = 11
    created = bench.client.create_model(INPUTS)
    began = bench.time.now
    assert bench.wait(State(INPUTS, created.name, "validating")).status == "active"
    assert 11 <= bench.time.now - began <= 13


def _reads_while_others_join(bench: Bench, seconds: int) -> tuple[int, float]:
    """With ten new waits a second: how often the list is read, and how long after its start the last wait gets news."""
    deadline = Deadline.after(600, bench.time.clock, bench.time.sleep)
    longest = 0.0
    waiting: list[float] = []
    for _ in range(10 * seconds):
        waiting.append(bench.reader.join())
        snapshot = bench.reader.latest(deadline)
        assert snapshot is not None
        longest = max(longest, *(snapshot.taken_at - joined for joined in waiting), 0.0)
        waiting = [joined for joined in waiting if joined > snapshot.taken_at]
        bench.time.now += 0.1
    return len(bench.reads()), longest


def test_however_many_models_are_made_the_list_is_read_once_a_second(bench: Bench) -> None:
    """A minute with ten new waits a second takes one read a second, which serves each of them in time."""
    reads, longest = _reads_while_others_join(bench, 60)
    assert 50 <= reads <= 62
    assert longest <= 1.2


def test_while_the_service_asks_for_pauses_new_waits_bring_no_read_of_their_own(bench: Bench) -> None:
    """Creates have priority: the list is read each quarter of a minute, however many waits begin in that time."""
    for _ in range(8):  # after that many refusals the ramp is longer than the minute
        bench.client.connection.gate.refused(bench.time.now, 0)
        bench.time.now += 1
    reads, _ = _reads_while_others_join(bench, 60)
    assert reads <= 6


def test_a_long_list_leaves_the_processor_to_others(bench: Bench) -> None:
    """A list that takes a fifth of a second to read is first read every two seconds, not every half."""
    worked = iter(range(1000))
    bench.reader = StatusReader(bench.client, None, lambda: 0.5, work=lambda: 0.2 * next(worked))
    with pytest.raises(Unfinished):
        bench.wait(bench.model(), seconds=10)
    assert 4 <= len(bench.reads()) <= 6


def test_the_deadline_is_obeyed_and_the_model_is_in_the_error(bench: Bench) -> None:
    """A wait ends at its deadline, and the error names the model with its last status."""
    state = bench.model()
    began = bench.time.now
    with pytest.raises(Unfinished, match="is still validating after 90 s: the deadline passed") as caught:
        bench.wait(state, seconds=90)
    assert bench.time.now - began == pytest.approx(90, abs=0.1)
    assert caught.value.state.generated_name == state.generated_name


def test_progress_is_shown_at_growing_distances(bench: Bench) -> None:
    """The row shows the status once, then after 10 s, 30 s and each minute, and from the first minute on the reason."""
    state = bench.model()
    bench.emulator.change_model(state.generated_name, status_reason="queued behind others")
    with pytest.raises(Unfinished):
        bench.wait(state, seconds=200)
    assert [text.partition(":")[0] for text in bench.reported] == [
        "validating",
        "validating (10 s)",
        "validating (30 s)",
        "validating (60 s)",
        "validating (120 s)",
        "validating (180 s)",
    ]
    assert bench.reported[3].startswith("validating (60 s): queued behind others; 1")
    assert bench.reported[3].endswith(" s left until the deadline")
    assert bench.warned == []


def test_the_row_shows_that_the_model_became_active(bench: Bench) -> None:
    """A change of the status is shown at once."""
    created = bench.client.create_model(INPUTS)
    bench.wait(State(INPUTS, created.name, "validating"))
    assert bench.reported[0] == "validating"
    assert bench.reported[-1] == "active"


@pytest.mark.parametrize("word", ["failed", "deprecated", "pending"])
def test_an_unknown_status_ends_the_wait_and_keeps_the_model(bench: Bench, word: str) -> None:
    """An undocumented status is reported as unknown, with the service's reason, before the deadline."""
    state = bench.model()
    entry = {"name": state.generated_name, "status": word, "status_reason": "since today"}
    bench.emulator.add_fault(Fault(method="GET", path="/v0/models", status=200, body=[entry], times=None))
    began = bench.time.now
    with pytest.raises(
        UnknownStatus, match=f"has the unknown status '{word}' .since today.; known are"
    ) as caught:
        bench.wait(state)
    assert caught.value.state.status == word
    assert bench.time.now - began < 5


def test_an_error_ends_the_wait_with_the_reason_of_the_service(bench: Bench) -> None:
    """A failed validation is reported in the service's words, and the error has the model."""
    state = bench.model()
    bench.emulator.change_model(state.generated_name, status="error", status_reason="bad rank")
    with pytest.raises(ValidationFailed, match="bad rank") as caught:
        bench.wait(state)
    assert caught.value.state is not None
    assert caught.value.state.status == "error"


def test_a_model_missing_right_after_its_creation_is_tolerated(bench: Bench) -> None:
    """For thirty seconds a 404 and an absence from the list mean nothing; after that the model is gone."""
    state = State(INPUTS, "vendor/Base-LoRa:bot-GONE", "validating")
    began = bench.time.now
    with pytest.raises(ModelVanished, match="was deleted outside of this run"):
        bench.wait(state)
    assert 30 <= bench.time.now - began <= 36


def test_a_refused_key_ends_the_wait_and_keeps_the_model(bench: Bench) -> None:
    """A 401 during a wait does not lose the model."""
    state = bench.model()
    bench.emulator.settings.api_key = "another"
    with pytest.raises(Unfinished, match="the key was refused"):
        bench.wait(state)


def test_reads_by_name_replace_a_broken_list(bench: Bench) -> None:
    """If the list does not work, each model is read by itself."""
    created = bench.client.create_model(INPUTS)
    bench.emulator.add_fault(Fault(method="GET", path="/v0/models", status=500, times=None))
    assert bench.wait(State(INPUTS, created.name, "validating")).status == "active"


def test_a_throttled_service_is_read_less_often(bench: Bench) -> None:
    """While the service asks for pauses, the list is read every quarter of a minute."""
    bench.client.connection.gate.refused(bench.time.now, 1)
    bench.emulator.add_fault(Fault(method="GET", status=429, headers={"Retry-After": "1"}, times=None))
    with pytest.raises(Unfinished):
        bench.wait(bench.model(), seconds=60)
    assert len(bench.reads()) < 60


def test_one_list_serves_the_refresh_of_a_complete_stack(bench: Bench) -> None:
    """A hundred reads within half a minute cost one list; a read after a change of our own costs another."""
    deadline = Deadline.after(60, bench.time.clock, bench.time.sleep)
    for _ in range(100):
        bench.reader.recent(deadline)
    assert bench.reads() == ["/v0/models"]
    bench.time.now += 1
    bench.reader.invalidate()
    bench.reader.recent(deadline)
    assert len(bench.reads()) == 2
