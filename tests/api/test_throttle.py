from __future__ import annotations

from itertools import pairwise

import pytest

from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.throttle import Gate, parse_retry_after
from nebius_model_resource.errors import DeadlineExceeded


class FakeTime:
    """A clock that moves only when somebody sleeps."""

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
        ("soon", None),
        ("-3", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(text: str | None, seconds: float | None) -> None:
    """Seconds, a date, and a number with a unit are understood; anything else is not."""
    noon = 1795348800.0
    assert parse_retry_after(text, now=lambda: noon) == seconds


def test_an_open_gate_costs_nothing() -> None:
    """Without a refusal nobody waits."""
    time = FakeTime()
    gate = Gate(time.clock)
    for _ in range(100):
        gate.wait(Deadline.after(1, time.clock), time.sleep)
    assert time.slept == []


def test_one_refusal_holds_every_call_back_for_the_pause() -> None:
    """After 429 no call passes before the pause is over, and then one after another."""
    time = FakeTime()
    gate = Gate(time.clock)
    gate.refused(time.now, 3)
    passed = []
    for _ in range(4):
        gate.wait(Deadline.after(60, time.clock), time.sleep)
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


def test_a_pause_longer_than_there_is_time_is_told_at_once() -> None:
    """A call whose deadline lies within the pause does not sit it out."""
    time = FakeTime()
    gate = Gate(time.clock)
    gate.refused(time.now, 3600)
    with pytest.raises(DeadlineExceeded, match="3600 s"):
        gate.wait(Deadline.after(10, time.clock), time.sleep)
    assert time.slept == []
