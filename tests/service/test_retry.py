"""The deadline, the pause that the service asks for, and the loop that tries again, on a virtual clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise

import pytest

from nebius_model_resource._service.retry import Gate, may_repeat, repeat, was_not_sent
from nebius_model_resource.errors import (
    BadRequest,
    DeadlineExceeded,
    EngineGone,
    NebiusError,
    NotSent,
    ServerFault,
)
from tests.service.conftest import interrupted_at
from tests.support.virtual import VirtualTime

FAULT = ServerFault("no", status=500, detail="no")
REFUSED = BadRequest("no", status=400, detail="no")


# The deadline.


def test_a_deadline_counts_down_to_zero(time: VirtualTime) -> None:
    """The time left is never negative, and an interruption is a deadline that comes at once; the message says which."""
    deadline = time.deadline(5)
    assert (deadline.remaining(), deadline.passed()) == (5, False)
    for seconds in (5, 1):
        time.advance(seconds)
        assert (deadline.remaining(), deadline.passed()) == (0, True)
    assert deadline.why_passed() == "the deadline passed"
    deadline = interrupted_at(time, 9)
    assert deadline.remaining() == 600
    time.advance(3)
    assert (deadline.remaining(), deadline.passed()) == (0, True)
    assert deadline.why_passed() == "the run was interrupted"


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_lock_is_waited_for_until_the_deadline(time: VirtualTime, interrupted: bool) -> None:
    """The error says why the wait ended; afterwards the lock is free for the next call."""
    lock = threading.Lock()
    deadline = interrupted_at(time, 0) if interrupted else time.deadline(0)
    why = "the run was interrupted" if interrupted else "the deadline passed"
    said = f"^{why} while another call was under way"
    with lock, pytest.raises(DeadlineExceeded, match=said), deadline.holding(lock):
        raise AssertionError("two calls hold one lock")
    with deadline.holding(lock):
        assert lock.locked()
    assert not lock.locked()


# The gate.


def refused(time: VirtualTime, gate: Gate, pause: float | None = 1, *, together: int = 1) -> None:
    """A number of calls that were under way together are refused."""
    sent_at = time.now
    for _ in range(together):
        time.now += 0.001
        gate.refused(sent_at, pause)


@pytest.mark.parametrize(
    ("pauses", "opens"), [((3,), 3), ((10, 1), 10), ((1, 10), 10), ((None,), 1), ((0,), 0.05)]
)
def test_a_refusal_holds_every_call_back_for_the_pause(
    time: VirtualTime, pauses: tuple[float | None, ...], opens: float
) -> None:
    """The later end of two pauses counts, a pause without a time is a second, and then calls pass one by one."""
    gate = Gate(time.clock)
    for pause in pauses:
        gate.refused(time.now, pause)
    passed = []
    for _ in range(4):
        gate.wait(time.deadline(60))
        passed.append(time.now)
    assert passed[0] == pytest.approx(opens)
    assert all(later - earlier >= 0.05 - 1e-9 for earlier, later in pairwise(passed))


@pytest.mark.parametrize(
    ("refusals", "together", "served", "spacing"),
    [
        (0, 1, 0, 0.0),
        (1, 1, 0, 0.05),
        (1, 64, 0, 0.05),
        (2, 1, 0, 0.1),
        (3, 64, 0, 0.2),
        (20, 1, 0, 2.0),
        (20, 1, 1, 1.4),
        (1, 1, 1, 0.035),
        (1, 1, 3, 0.01715),
        (1, 1, 4, 0.0),
    ],
)
def test_calls_pass_one_by_one_after_a_pause(
    time: VirtualTime, refusals: int, together: int, served: int, spacing: float
) -> None:
    """The time between them doubles with each refusal up to two seconds, and shrinks by a third with each success."""
    gate = Gate(time.clock)
    for _ in range(refusals):
        time.now += 5
        refused(time, gate, together=together)
    for _ in range(served):
        gate.passed()
    time.now += 5
    passed = []
    for _ in range(3):
        gate.wait(time.deadline(600))
        passed.append(time.now)
    assert [later - earlier for earlier, later in pairwise(passed)] == pytest.approx([spacing] * 2, abs=1e-6)


def test_a_pause_longer_than_the_time_left_fails_at_once(time: VirtualTime) -> None:
    """One that is exactly as long as the time left is waited for."""
    gate = Gate(time.clock)
    gate.refused(time.now, 3600)
    with pytest.raises(DeadlineExceeded) as caught:
        gate.wait(time.deadline(3599))
    assert str(caught.value) == (
        "the service's rate limit asks for a pause of 3600 s, which is more than is left until the deadline"
    )
    assert time.slept == []
    gate.wait(time.deadline(3600))
    assert time.slept == [3600]


def test_an_interruption_ends_the_wait_for_a_pause(time: VirtualTime) -> None:
    """The caller then finds that its deadline has passed."""
    gate = Gate(time.clock)
    gate.refused(time.now, 100)
    gate.wait(interrupted_at(time, 3))
    assert time.now == 3


def test_a_call_in_the_queue_fails_at_its_deadline(time: VirtualTime) -> None:
    """A call behind one that waits for the pause fails at its own deadline, and the other one passes."""
    gate = Gate(time.clock)
    gate.refused(time.now, 5)
    errors = []

    def sleep(seconds: float) -> None:
        with pytest.raises(DeadlineExceeded, match=r"^the deadline passed while another call") as caught:
            gate.wait(time.deadline(0))
        errors.append(caught.value)
        time.sleep(seconds)

    gate.wait(time.deadline(60, sleep))
    gate.wait(time.deadline(60))
    assert len(errors) == 1
    assert time.slept == pytest.approx([5, 0.05])


# The loop.


class Failing:
    """Raises the errors in turn, and the last one for ever."""

    def __init__(self, time: VirtualTime, *errors: NebiusError) -> None:
        self.errors = list(errors)
        self.at: list[float] = []
        self._time = time

    def __call__(self) -> str:
        """Record the moment of the attempt."""
        self.at.append(self._time.now)
        raise self.errors.pop(0) if len(self.errors) > 1 else self.errors[0]


@pytest.mark.parametrize("repeats", [may_repeat, was_not_sent])
def test_the_loop_ends_at_what_may_not_be_repeated(
    time: VirtualTime, repeats: Callable[[NebiusError], bool]
) -> None:
    """Before that it tries again; the last error is raised, and the others are reported."""
    reported: list[NebiusError] = []
    call = Failing(time, NotSent("1"), NotSent("2"), REFUSED)
    with pytest.raises(BadRequest):
        repeat(call, time.deadline(60), repeats=repeats, report=reported.append)
    assert [str(error.message) for error in reported] == ["1", "2"]
    assert len(call.at) == 3


def test_pauses_double_up_to_five_seconds_and_are_random(time: VirtualTime) -> None:
    """Two hosts that failed at the same time do not try again together; no pause goes beyond the deadline."""
    call = Failing(time, FAULT)
    with pytest.raises(ServerFault):
        repeat(call, time.deadline(120))
    for pause, longest in zip(time.slept, (0.5, 1, 2, 4, *[5] * 100), strict=False):
        assert longest / 2 <= pause <= longest
    assert len(set(time.slept)) == len(time.slept)
    assert 115 <= call.at[-1] < 120


def test_the_end_of_the_engine_or_an_interruption_ends_the_loop(time: VirtualTime) -> None:
    """An operation's own sleep raises when the engine is gone; otherwise the error of the last attempt is raised."""

    def leave(_seconds: float) -> None:
        raise EngineGone("the engine is gone")

    with pytest.raises(EngineGone):
        repeat(Failing(time, FAULT), time.deadline(60, leave))
    call = Failing(time, FAULT)
    with pytest.raises(ServerFault):
        repeat(call, interrupted_at(time, 20))
    assert call.at[-1] <= 20
    assert time.now <= 20
