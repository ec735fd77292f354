"""Waiting until one model is active: what ends the wait, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.models import Inputs, State
from nebius_model_resource._lifecycle.shared_list import Snapshot, StatusReader
from nebius_model_resource._lifecycle.wait import Wait
from nebius_model_resource.errors import (
    EngineGone,
    ModelVanished,
    NebiusError,
    Unfinished,
    UnknownStatus,
    ValidationFailed,
)
from tests.support.virtual import Outcome, Service, Shown, VirtualTime, done, lost, no_pause, says, status

NAME, SHORT = "acme/Base-LoRa:bot-AAAA", "bot-AAAA"
INPUTS = Inputs("bot", "acme/Base", "file-1")


def wait(service: Service, shown: Shown, state: State | None = None, seconds: float = 100) -> State:
    client = service.client(sleep=no_pause)
    reader = StatusReader(client, None, lambda: 0.5, work=lambda: 0.0)
    state = state or State(INPUTS, NAME, "validating")
    return Wait(state, client, reader, shown.operation(seconds)).until_active()


def becomes(word: str, at: float = 20, reason: str | None = None) -> Callable[[Service], None]:
    """The model gets another status."""

    def plan(service: Service) -> None:
        service.time.at(at, lambda: service.models[NAME].update(status=word, status_reason=reason))

    return plan


def goes(at: float = 20) -> Callable[[Service], None]:
    """The model is deleted outside of this run."""
    return lambda service: service.time.at(at, service.models.clear)


def stays(_service: Service) -> None:
    """Nothing happens to the model."""


def listed(**reported: object) -> Outcome:
    """The list, with these fields of the model."""
    return says([{"name": NAME, **reported}])


@dataclass(frozen=True)
class Case:
    """What happens during the wait, how it ends, and after how many seconds."""

    ends: tuple[float, float]
    fails: type[NebiusError] | None = None
    says: str | None = None
    plan: Callable[[Service], None] = stays
    lists: Outcome = done
    gets: Outcome = done
    read: int = 0  # reads by name, at most


MANY = 10_000
CASES = {
    "active": Case((20, 23), plan=becomes("active")),
    "active late": Case((80, 86), plan=becomes("active", 80)),
    "error": Case(
        (20, 23), ValidationFailed, "^validation failed: bad rank$", plan=becomes("error", reason="bad rank")
    ),
    "error without a reason": Case(
        (20, 23), ValidationFailed, "the service gave no reason", plan=becomes("error")
    ),
    "deleted": Case(
        (20, 23),
        ModelVanished,
        "^the model '.*AAAA' was deleted outside of this run",
        plan=becomes("deleted"),
    ),
    "unknown status": Case(
        (20, 23),
        UnknownStatus,
        "^the model '.*AAAA' has the unknown status 'ready' .soon.; known are validating, active, error, deleted$",
        plan=becomes("ready", reason="soon"),
    ),
    "unknown status without a reason": Case(
        (20, 23), UnknownStatus, "has the unknown status 'ready'; known are validating", plan=becomes("ready")
    ),
    "its deadline": Case(
        (100, 100), Unfinished, "^the model '.*AAAA' is still validating after 100 s: the deadline passed$"
    ),
    "gone early": Case(
        (30, 33), ModelVanished, r"was deleted outside of this run: model not found", goes(1), read=50
    ),
    "gone": Case(
        (32, 36), ModelVanished, r"^the model '.*AAAA' was deleted outside of this run", goes(32), read=1
    ),
    "hidden for a while": Case((20, 23), plan=becomes("active"), lists=says([]), read=MANY),
    "no status in the list": Case((20, 23), plan=becomes("active"), lists=listed(), read=MANY),
    "the list is away": Case((20, 23), plan=becomes("active"), lists=status(500), read=MANY),
    "the list is refused": Case((20, 23), plan=becomes("active"), lists=status(403), read=MANY),
    "404 for the list and the model": Case(
        (100, 100), Unfinished, "last answer: no", lists=status(404, "no"), gets=status(404, "no"), read=MANY
    ),
    "404 for the model while the list fails": Case(
        (100, 100), Unfinished, "last answer: gone", lists=status(500), gets=status(404, "gone"), read=MANY
    ),
    "410 for the model while the list fails": Case(
        (100, 100), Unfinished, "last answer: gone", lists=status(500), gets=status(410, "gone"), read=MANY
    ),
    "404 for the model alone": Case((30, 33), ModelVanished, lists=says([]), gets=status(404), read=MANY),
    "410 for the model alone": Case((30, 33), ModelVanished, lists=says([]), gets=status(410), read=MANY),
    "403 for the model": Case(
        (30, 33),
        Unfinished,
        "the key was refused; last answer: no",
        lists=says([]),
        gets=status(403),
        read=MANY,
    ),
    "403 for all": Case(
        (30, 33), Unfinished, "the key was refused", lists=status(403), gets=status(403), read=MANY
    ),
    "401 for all": Case(
        (0, 1),
        Unfinished,
        r"after 0 s: the key was refused; last",
        lists=status(401),
        gets=status(401),
        read=1,
    ),
    "nothing works": Case(
        (100, 100), Unfinished, "last answer: down", lists=status(500), gets=status(500, "down"), read=MANY
    ),
    "no answers": Case((100, 131), Unfinished, lists=lost(effect=False), gets=lost(effect=False), read=MANY),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_wait_ends_as_what_happens_says(service: Service, shown: Shown, case: Case) -> None:
    """For each event of a model, the wait ends with the right result soon after it."""
    service.add(NAME, status="validating")
    service.always("LIST", case.lists)
    service.always("GET", case.gets)
    case.plan(service)
    if case.fails:
        with pytest.raises(case.fails, match=case.says) as caught:
            wait(service, shown)
        if isinstance(caught.value, (Unfinished, ValidationFailed)):
            assert caught.value.state is not None
            assert caught.value.state.generated_name == NAME
    else:
        assert wait(service, shown).status == "active"
        assert shown.progress[-1] == (service.time.now, "active")
    assert case.ends[0] <= service.time.now <= case.ends[1]
    assert len(service.sent("GET")) <= case.read


def test_new_values_are_in_the_outcome(service: Service, shown: Shown) -> None:
    """The outcome has the full name, the time and the reason from the list; what the list lacks does not change."""
    service.add(NAME, status="active", status_reason="fine", created_at=7)
    reported = wait(service, shown, State(INPUTS, SHORT, "validating"))
    assert reported == State(INPUTS, NAME, "active", "fine", 7)
    service.always("LIST", says([{"name": SHORT, "status": "active"}]))
    reported = wait(service, shown, State(INPUTS, NAME, "validating", "old", 7))
    assert reported == State(INPUTS, NAME, "active", None, 7)


@pytest.mark.parametrize("word", ["validating", "active"])
def test_a_wait_for_the_name_alone_ends_with_any_status(service: Service, shown: Shown, word: str) -> None:
    """With `wait_for_active` off the first list is enough."""
    service.add(NAME, status=word)
    state = State(Inputs("bot", "acme/Base", "file-1", wait_for_active=False), SHORT, "validating")
    assert wait(service, shown, state).generated_name == NAME
    assert service.time.now < 1


def test_a_list_from_before_the_wait_is_not_believed(service: Service, shown: Shown) -> None:
    """A list from before the wait says nothing new about the model, however late the next list comes."""
    service.add(NAME, status="error", status_reason="of before")
    client = service.client()
    client.connection.gate.refused(
        service.time.now, 0
    )  # so that the next list comes a quarter of a minute later
    reader = StatusReader(client, None, lambda: 0.5, work=lambda: 0.0)
    operation = shown.operation(100)
    reader.recent(operation.deadline)
    service.time.advance(1)
    service.models[NAME].update(status="active", status_reason=None)
    state = State(INPUTS, NAME, "validating")
    assert Wait(state, client, reader, operation).until_active().status == "active"
    first, second = service.sent("LIST")
    assert second - first > 14


@pytest.mark.parametrize("grace", [0.0, 0.02, 3.0, 30.0])
def test_the_grace_of_a_wait_is_its_callers(service: Service, shown: Shown, grace: float) -> None:
    """A wait gives up a model that is missing from the start after the grace period of its caller."""
    client = service.client()
    reader = StatusReader(client, None, lambda: 0.5, work=lambda: 0.0)
    operation = shown.operation(100)
    with pytest.raises(ModelVanished):
        Wait(State(INPUTS, NAME, "validating"), client, reader, operation, grace=grace).until_active()
    assert grace <= service.time.now <= grace + (3 if grace > 1 else 0.02)


def test_an_engine_that_goes_away_ends_the_wait(service: Service, shown: Shown, time: VirtualTime) -> None:
    """At most a second passes between two checks, so that the wait notices the end at once."""
    service.add(NAME, status="validating")
    client = service.client()
    operation = shown.operation(sleep=time.gone_at(41))
    with pytest.raises(EngineGone):
        Wait(State(INPUTS, NAME, "validating"), client, StatusReader(client, None), operation).until_active()
    assert time.now == 41
    assert max(time.slept) <= 1


def test_a_model_is_read_by_name_once_for_each_list(service: Service, shown: Shown) -> None:
    """A failed read by name is not repeated before the next list, and every pause is the operation's own."""
    service.next("LIST", status(429, Retry_After="3"))
    service.next("GET", status(429, Retry_After="3"))
    service.always("LIST", says([]))
    service.always("GET", status(500))
    with pytest.raises(Unfinished):
        wait(service, shown)
    assert len(service.sent("GET")) == len(service.sent("LIST"))


def test_a_list_from_the_very_moment_of_the_wait_is_believed(service: Service, shown: Shown) -> None:
    """A list that is requested when the wait begins has the model, which was created before."""
    service.add(NAME)
    client = service.client()
    client.connection.gate.refused(
        service.time.now, 0
    )  # so that the next list comes a quarter of a minute later
    reader = StatusReader(client, None, lambda: 0.5, work=lambda: 0.0)
    operation = shown.operation(100)
    waiting = Wait(State(INPUTS, NAME, "validating"), client, reader, operation)
    reader.recent(operation.deadline)
    assert waiting.until_active().status == "active"
    assert service.time.now < 2


def test_the_message_of_the_deadline_has_the_reason(service: Service, shown: Shown) -> None:
    """The service's words about the status are in the message of the deadline."""
    service.add(NAME, status="validating", status_reason="queued")
    with pytest.raises(Unfinished, match=r"is still validating \(queued\) after 9 s: the deadline passed$"):
        wait(service, shown, seconds=9)


class Silent(StatusReader):
    """A reader without news: each call of it takes exactly a second."""

    def until_due(self) -> float:
        return 1.0

    def latest(self, deadline: Deadline) -> Snapshot | None:
        return None


def test_progress_is_shown_at_ten_and_thirty_seconds_and_at_each_minute(
    service: Service, shown: Shown
) -> None:
    """Each mark is shown at exactly its second, from the first minute on with the reason and the time left."""
    client = service.client()
    state = State(INPUTS, NAME, "validating", "queued")
    with pytest.raises(Unfinished):
        Wait(state, client, Silent(client, None), shown.operation(190)).until_active()
    assert shown.progress == [
        (1, "validating"),
        (10, "validating (10 s)"),
        (30, "validating (30 s)"),
        (60, "validating (60 s): queued; 130 s left until the deadline"),
        (120, "validating (120 s): queued; 70 s left until the deadline"),
        (180, "validating (180 s): queued; 10 s left until the deadline"),
    ]


@pytest.mark.parametrize(
    ("get", "why"), [(done, "the service gives no reason"), (status(500, "down"), "down (HTTP 500)")]
)
def test_a_long_wait_shows_what_is_known_of_its_reason(
    service: Service, shown: Shown, get: Outcome, why: str
) -> None:
    """If the service gives no reason, the row shows the last error, or that there is none."""
    service.add(NAME, status="validating")
    service.always("LIST", says([]))
    service.always("GET", get)
    with pytest.raises(Unfinished):
        wait(service, shown, seconds=70)
    assert f": {why}; " in shown.progress[-1][1]


def test_a_change_of_the_status_is_shown_at_once(service: Service, shown: Shown) -> None:
    """A new status replaces the row's text, without waiting for the next mark."""
    state = State(INPUTS, NAME, "", None)
    service.add(NAME, status="validating")
    with pytest.raises(Unfinished):
        wait(service, shown, state, seconds=5)
    assert [text for _, text in shown.progress] == ["", "validating"]
