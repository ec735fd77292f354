"""Waiting until one model is active: how often the service is asked, what ends the wait, and when."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from nebius_model_resource import errors
from nebius_model_resource._provider.properties import State
from nebius_model_resource._provider.wait import GRACE, Wait
from tests.support.engine_calls import EngineCall, Models, raising
from tests.support.outcomes import lost, says, slow, status
from tests.support.virtual import Outcome, Service, done, no_pause

NAME, SHORT = "acme/Base-LoRa:bot-AAAA", "bot-AAAA"
INPUTS = {"name": "bot", "base_model": "acme/Base", "source": "file-1", "wait_for_active": True}
STATE = State(NAME, INPUTS, {"status": "validating"})


class Waits:
    """The waits of one process."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.models = Models(service, sleep=no_pause)
        self.things = self.models.things(None)

    def wait(
        self, call: EngineCall, state: State = STATE, seconds: float = 100, grace: float = GRACE
    ) -> State:
        """Wait for the model."""
        return Wait(self.models, state, call.operation(seconds), grace).until_ready()


@pytest.fixture
def waits(service: Service) -> Waits:
    """The waits of one process."""
    return Waits(service)


@pytest.mark.parametrize(
    ("taken", "reads"), [(0.0, (55, 70)), (0.01, (55, 70)), (0.3, (35, 45)), (2.0, (15, 25))]
)
def test_the_next_read_comes_after_a_tenth_of_the_wait_or_ten_times_the_last(
    waits: Waits, call: EngineCall, taken: float, reads: tuple[int, int]
) -> None:
    """Half a second is the shortest pause; so ten minutes cost about sixty lists, and fewer long ones."""
    service = waits.service
    service.add(NAME, status="validating")
    service.always("LIST", slow(taken))
    with pytest.raises(errors.Unfinished):
        waits.wait(call, seconds=600)
    sent = service.sent("LIST")
    assert sent[0] == 0.5
    for earlier, later in pairwise(sent):
        # A read's own time belongs to the pause before the next one.
        expected = max(0.5, earlier / 10, 10 * taken) + taken
        assert later - earlier == pytest.approx(expected, abs=0.03)
    assert reads[0] <= len(sent) <= reads[1]
    assert service.sent("GET") == []


def test_a_list_of_another_call_serves_the_wait(waits: Waits, call: EngineCall) -> None:
    """A list that was requested since the wait began is used if it is not older than the pause allows."""
    service = waits.service
    service.add(NAME)
    service.time.at(0.3, lambda: waits.things.fresh(service.time.deadline(9)))
    assert waits.wait(call).status == "active"
    assert service.sent("LIST") == [0.3]
    assert service.time.now == 0.5


def test_a_list_from_before_the_wait_is_not_believed(waits: Waits, call: EngineCall) -> None:
    """It says nothing about a model that was created, or changed, after it."""
    service = waits.service
    service.add(NAME, status="error", status_reason="of before")
    waits.things.fresh(service.time.deadline(9))
    service.time.advance(0.1)
    service.models[NAME].update(status="active", status_reason=None)
    assert waits.wait(call).status == "active"
    assert len(service.sent("LIST")) == 2


EMPTY, UNNAMED = says([]), says([{"name": NAME}])
AWAY, NOT_THERE, FORBIDDEN, DENIED = status(500, "down"), status(404), status(403), status(401)
SILENT = lost(effect=False, at_once=False)
SOON, LATE, END = (20, 22.3), (30, 33.1), (100, 100)
OPEN, VANISHED = errors.Unfinished, errors.Vanished
OVER = "is still validating (soon) after 100 s: the deadline passed"
REFUSED = "the key was refused; last answer: no"
ODD = "is still ready (soon) after 100 s: the deadline passed"
# The status from the 20th second on, the answers to lists and reads, when the wait ends, and how.
CASES: dict[str, tuple[Any, ...]] = {
    "active": ("active", done, done, SOON, None, ""),
    "error": ("error", done, done, SOON, errors.ProvisioningFailed, "validation failed: soon"),
    "deleted": ("deleted", done, done, SOON, VANISHED, "was deleted outside of this run"),
    "a status that is not documented": ("ready", done, done, END, OPEN, ODD),
    "the deadline": ("validating", done, done, END, OPEN, OVER),
    "gone": ("gone", done, done, LATE, VANISHED, "deleted outside of this run"),
    "no such name": ("validating", EMPTY, NOT_THERE, LATE, VANISHED, "deleted outside of this run"),
    "hidden from the list": ("active", EMPTY, done, SOON, None, ""),
    "no status in the list": ("active", UNNAMED, done, SOON, None, ""),
    "the list is away": ("active", AWAY, done, SOON, None, ""),
    "404 for all": ("active", NOT_THERE, NOT_THERE, END, OPEN, "last answer: no (HTTP 404)"),
    "403 for the name": ("active", EMPTY, FORBIDDEN, LATE, OPEN, REFUSED),
    "403 for all": ("active", FORBIDDEN, FORBIDDEN, LATE, OPEN, REFUSED),
    "401 for all": ("active", DENIED, DENIED, (0.5, 0.5), OPEN, REFUSED),
    "nothing works": ("active", AWAY, AWAY, END, OPEN, "last answer: down"),
    "no answers": ("active", SILENT, SILENT, (100, 131), OPEN, "last answer: no answer in time"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_wait_ends_as_the_service_says(waits: Waits, call: EngineCall, case: tuple[Any, ...]) -> None:
    """For each event of a model, the wait ends with the right result soon after it, and the model is in the error."""
    word, lists, gets, ends, fails, why = case
    service = waits.service
    service.add(NAME, status="validating", status_reason="soon")
    service.always("LIST", lists)
    service.always("GET", gets)
    event = service.models.clear if word == "gone" else lambda: service.models[NAME].update(status=word)
    service.time.at(20, event)
    with raising(fails, re.escape(why)) as caught:
        assert waits.wait(call).status == "active"
        assert call.shown[-1] == (service.time.now, "active")
    assert caught is None or type(caught.value) is fails
    if caught and isinstance(caught.value, (errors.Unfinished, errors.ProvisioningFailed)):
        assert caught.value.state
        assert caught.value.state.id == NAME
    assert ends[0] <= service.time.now <= ends[1]
    assert GRACE == 30  # as documented
    assert len(service.sent("GET")) <= len(service.sent("LIST"))
    assert service.sent("DELETE") == []


@pytest.mark.parametrize("listed", [True, False])
def test_an_interruption_ends_a_wait_at_once(waits: Waits, call: EngineCall, listed: bool) -> None:
    """The error has the model; a read that was cut off is not presented as the service's last answer."""
    service = waits.service
    service.add(NAME, status="validating")
    call.interrupted_at = 20
    if not listed:
        service.hidden.add(NAME)
        service.always("LIST", slow(20))
    why = r"still validating after \d+ s: the run was interrupted$"
    with pytest.raises(errors.Interrupted, match=why) as caught:
        waits.wait(call)
    assert caught.value.state
    assert caught.value.state == replace(STATE, outputs=caught.value.state.outputs)
    assert service.sent("GET") == []
    assert service.time.now == (20 if listed else 20.5)


def test_the_result_has_what_the_list_reports(waits: Waits, call: EngineCall) -> None:
    """The full name, the time and the reason are new; a short name in the list replaces no full one."""
    service = waits.service
    service.add(NAME, status_reason="fine", created_at=7)
    found = waits.wait(call, replace(STATE, id=SHORT))
    outputs = {"generated_name": NAME, "status": "active", "status_reason": "fine", "created_at": 7}
    assert found == State(NAME, INPUTS, outputs)
    service.always("LIST", says([{"name": SHORT, "status": "active"}]))
    service.time.advance(1)
    assert waits.wait(call, found) == State(NAME, INPUTS, {**outputs, "status_reason": None})


@pytest.mark.parametrize(
    ("reason", "gets", "why"),
    [
        ("queued", done, "queued"),
        (None, done, "the service gives no reason"),
        (None, AWAY, "down (HTTP 500)"),
    ],
)
def test_progress_is_shown_at_ten_and_thirty_seconds_and_at_each_minute(
    waits: Waits, call: EngineCall, reason: str | None, gets: Outcome, why: str
) -> None:
    """From the first minute on the row has the service's reason, or the last error, and the time left."""
    service = waits.service
    service.add(NAME, status="validating", status_reason=reason)
    service.always("LIST", says([]))
    service.always("GET", gets)
    with pytest.raises(errors.Unfinished) as caught:
        waits.wait(call, seconds=190)
    assert (f"({reason})" in str(caught.value)) is (reason is not None)
    marks = (0, 10, 30, 60, 120, 180)
    for (at, text), mark in zip(call.shown, marks, strict=True):
        left = f": {why}; {190 - at:.0f} s left until the deadline" if mark >= 60 else ""
        assert text == (f"validating ({mark} s){left}" if mark else "validating")
        assert mark <= at <= mark + 1
