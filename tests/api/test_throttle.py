from __future__ import annotations

import time
from itertools import pairwise

import pytest

from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.throttle import Gate, parse_retry_after
from nebius_model_resource.errors import DeadlineExceeded


class FakeTime:
    """A clock that moves only in a sleep."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1", 1),
        ("2.5", 2.5),
        ("1s", 1),
        ("827s", 827),
        ("500ms", 0.5),
        ("2m", 120),
        ("Sun, 22 Nov 2026 12:00:10 GMT", 10),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("Sun, 22 Nov 2026 13:00:10 +0100", 10),
        ("Sun, 22 Nov 2026 12:00:10 -0000", 10),
        ("soon", None),
        ("-3", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(
    monkeypatch: pytest.MonkeyPatch, text: str | None, seconds: float | None
) -> None:
    """Seconds, a date, and a number with a unit are understood in any time zone; anything else is not."""
    noon = 1795348800.0
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert parse_retry_after(text, now=lambda: noon) == seconds
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_open_gate_costs_nothing() -> None:
    """Without a refusal no call waits."""
    time = FakeTime()
    gate = Gate(time.clock)
    for _ in range(100):
        gate.wait(Deadline.after(1, time.clock, time.sleep))
    assert time.slept == []


def test_one_refusal_holds_every_call_back_for_the_pause() -> None:
    """After 429 no call passes before the pause is over, and then one after another."""
    time = FakeTime()
    gate = Gate(time.clock)
    gate.refused(time.now, 3)
    passed = []
    for _ in range(4):
        gate.wait(Deadline.after(60, time.clock, time.sleep))
        passed.append(time.now)
    assert passed[0] == 103
    assert all(later - earlier >= 0.05 - 1e-9 for earlier, later in pairwise(passed))


def test_successes_open_the_gate_again() -> None:
    """After a few served calls the ramp is over."""
    time = FakeTime()
    gate = Gate(time.clock)
    gate.refused(time.now, 1)
    assert gate.throttled
    for _ in range(10):
        gate.passed()
    assert not gate.throttled


def test_calls_refused_together_slow_the_ramp_once() -> None:
    """Sixty-four refusals of calls that were under way together count as one."""
    time = FakeTime()
    one, many = Gate(time.clock), Gate(time.clock)
    sent_at = time.now
    time.now += 0.1
    one.refused(sent_at, 1)
    for _ in range(64):
        many.refused(sent_at, 1)
    for gate in (one, many):
        for _ in range(4):
            gate.passed()
    assert one.throttled == many.throttled is False


def test_a_pause_longer_than_the_time_left_fails_at_once() -> None:
    """A call whose deadline ends within the pause fails at once."""
    time = FakeTime()
    gate = Gate(time.clock)
    gate.refused(time.now, 3600)
    with pytest.raises(DeadlineExceeded, match="3600 s"):
        gate.wait(Deadline.after(10, time.clock, time.sleep))
    assert time.slept == []


def test_a_shorter_pause_does_not_shorten_a_longer_one() -> None:
    """The later end of two refusals counts, whatever their order."""
    for pauses in ((10, 1), (1, 10)):
        time = FakeTime()
        gate = Gate(time.clock)
        for pause in pauses:
            gate.refused(time.now, pause)
        gate.wait(Deadline.after(60, time.clock, time.sleep))
        assert time.now == 110


def test_a_refusal_without_a_time_is_a_pause_of_a_second() -> None:
    """If the service does not say how long, the pause is one second."""
    time = FakeTime()
    gate = Gate(time.clock)
    gate.refused(time.now, None)
    gate.wait(Deadline.after(60, time.clock, time.sleep))
    assert time.now == 101


def _spacing(time: FakeTime, gate: Gate) -> float:
    """Seconds between two calls after the pause."""
    passed = []
    for _ in range(3):
        gate.wait(Deadline.after(600, time.clock, time.sleep))
        passed.append(time.now)
    assert passed[1] - passed[0] == pytest.approx(passed[2] - passed[1])
    return passed[2] - passed[1]


@pytest.mark.parametrize(
    ("refusals", "together", "served", "spacing"),
    [
        (1, 1, 0, 0.05),
        (1, 64, 0, 0.05),
        (2, 1, 0, 0.1),
        (3, 1, 0, 0.2),
        (3, 64, 0, 0.2),
        (20, 1, 0, 2.0),
        (20, 1, 1, 1.4),
        (1, 1, 1, 0.035),
        (1, 1, 3, 0.01715),
        (1, 1, 4, 0.0),
    ],
)
def test_calls_pass_one_by_one_after_a_pause(
    refusals: int, together: int, served: int, spacing: float
) -> None:
    """The time between them doubles with each refusal up to two seconds, and shrinks by a third with each success."""
    time = FakeTime()
    gate = Gate(time.clock)
    for _ in range(refusals):
        time.now += 5
        sent_at = time.now
        for _ in range(together):
            time.now += 0.001
            gate.refused(sent_at, 1)
    for _ in range(served):
        gate.passed()
    time.now += 5
    assert gate.throttled is (spacing > 0)
    assert _spacing(time, gate) == pytest.approx(spacing, abs=1e-6)


def test_a_pause_that_ends_with_the_deadline_is_waited_for() -> None:
    """A pause that is exactly as long as the time left is not too long."""
    time = FakeTime()
    gate = Gate(time.clock)
    gate.refused(time.now, 10)
    gate.wait(Deadline.after(10, time.clock, time.sleep))
    assert time.slept == [10]


def test_a_call_in_the_queue_fails_at_its_deadline() -> None:
    """A call behind one that waits for the pause fails at its own deadline, and the other one passes."""
    time = FakeTime()
    gate = Gate(time.clock)
    gate.refused(time.now, 5)

    def sleep(seconds: float) -> None:
        with pytest.raises(
            DeadlineExceeded, match=r"^the service's rate limit left no time for the call before its deadline"
        ):
            gate.wait(Deadline.after(0.05, time.clock, time.sleep))
        time.sleep(seconds)

    gate.wait(Deadline.after(60, time.clock, sleep))
    gate.wait(Deadline.after(60, time.clock, time.sleep))
    assert time.slept == pytest.approx([5, 0.05])


def test_a_call_sent_at_the_moment_of_a_refusal_is_a_sign_of_its_own() -> None:
    """Only calls that were under way before count as one refusal with it."""
    time = FakeTime()
    gate = Gate(time.clock)
    for _ in range(2):
        gate.refused(time.now, 1)
    assert _spacing(time, gate) == pytest.approx(0.1)
