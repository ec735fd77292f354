"""Read, delete and adoption of one model: what is live, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from nebius_model_resource._api.models import Inputs, ModelInfo, State
from nebius_model_resource._api.transport import Answer
from nebius_model_resource._lifecycle.lifecycle import Lifecycle, live_state
from nebius_model_resource.errors import (
    AccessDenied,
    AdoptionRefused,
    NebiusError,
    NotFound,
    ServerFault,
)
from tests.support.virtual import EPOCH, KEY, Call, Outcome, Service, Shown, done, no_pause, says, status

NAME, SHORT = "acme/Base-LoRa:bot-AAAA", "bot-AAAA"
INPUTS = Inputs("bot", "acme/Base", "file-1")
UNAWAITED = replace(INPUTS, wait_for_active=False)


@pytest.fixture
def lifecycle(service: Service) -> Lifecycle:
    """The operations on the service's models."""
    return Lifecycle(service.client(), wall_clock=service.time.wall)


def becomes(service: Service, word: str, at: float) -> None:
    service.time.at(at, lambda: service.models[NAME].update(status=word))


# --- read ---


@dataclass(frozen=True)
class Read:
    """What the service answers, and the result of the read."""

    lists: Outcome = done
    gets: Outcome = done
    there: str | None = "active"
    status: str | None = "active"
    fails: type[NebiusError] | None = None
    age: float = 3600
    was: str = "active"


READS = {
    "listed": Read(gets=status(500)),
    "listed as validating": Read(gets=status(500), there="validating", status="validating"),
    "listed in error": Read(gets=status(500), there="error", status="error"),
    "listed as deleted": Read(gets=status(500), there="deleted", status=None),
    "listed without a status": Read(says([{"name": NAME}])),
    "read as deleted": Read(says([]), there="deleted", status=None),
    "not listed, read by name": Read(says([])),
    "not listed, 404": Read(there=None, status=None),
    "not listed, 410": Read(there=None, status=None, gets=status(410)),
    "not listed, 403": Read(there=None, gets=status(403), fails=AccessDenied),
    "not listed, 500": Read(there=None, gets=status(500), fails=ServerFault),
    "the list fails, read by name": Read(status(500)),
    "the list fails, 404": Read(status(500), status(404), fails=ServerFault),
    "the list fails, 410": Read(status(500), status(410), fails=ServerFault),
    "the list is 404, 404": Read(status(404), status(404), fails=NotFound),
    "the list is refused": Read(status(401), status(401), fails=AccessDenied),
    "new and not yet seen": Read(there=None, age=29, was="validating", status="validating"),
    "no longer new": Read(there=None, age=30, was="validating", status=None),
    "new, active before": Read(there=None, age=1, was="active", status=None),
}


@pytest.mark.parametrize("case", READS.values(), ids=READS)
def test_a_read_says_what_is_live_or_that_it_is_not_known(
    lifecycle: Lifecycle, service: Service, shown: Shown, case: Read
) -> None:
    """A model is gone only if the list lacks it and its name is not found; a failed read is not an answer."""
    created = int(EPOCH - case.age)
    if case.there:
        service.add(NAME, status=case.there, created_at=created)
    service.always("LIST", case.lists)
    service.always("GET", case.gets)
    state = State(INPUTS, NAME, case.was, None, created)
    if case.fails:
        with pytest.raises(case.fails):
            lifecycle.read(state, shown.operation())
    else:
        live = lifecycle.read(state, shown.operation())
        assert (live.status if live else None) == case.status


def test_the_live_values_are_taken_over() -> None:
    """Description, source, name and times change if the service returns other values; the rest does not change."""
    hub = replace(INPUTS, source="https://huggingface.co/acme/lora", description="old")
    state = State(hub, NAME, "validating", "old", 7)
    reported = ModelInfo(SHORT, source="huggingface.co/acme/lora", description="new")
    assert live_state(state, reported) == State(replace(hub, description="new"), NAME, "validating", None, 7)
    reported = ModelInfo("acme/Base-fast-LoRa:bot-AAAA", "active", "fine", 8, source="file-2")
    assert live_state(state, reported) == State(
        replace(hub, source="file-2", description=None), reported.name, "active", "fine", 8
    )


# --- delete ---


@pytest.mark.parametrize(
    ("code", "age", "was", "fails"),
    [
        (404, 0, "validating", False),
        (403, 0, "validating", True),
        (403, 29, "validating", True),
        (403, 30, "validating", False),
        (403, 0, "active", False),
        (401, 3600, "active", True),
    ],
)
def test_a_refused_delete_of_a_new_model_is_not_believed(
    lifecycle: Lifecycle, service: Service, shown: Shown, code: int, age: float, was: str, fails: bool
) -> None:
    """If the model may not be in the list yet, a 403 stays an error."""
    service.always("DELETE", status(code))
    state = State(INPUTS, NAME, was, None, int(EPOCH - age))
    if fails:
        with pytest.raises(AccessDenied):
            lifecycle.delete(state, shown.operation())
    else:
        lifecycle.delete(state, shown.operation())


def test_a_refused_delete_of_an_old_model_fails_at_once(
    lifecycle: Lifecycle, service: Service, shown: Shown
) -> None:
    """A 404 for a model that the list has is an error, and the delete is not tried again."""
    service.add(NAME)
    service.always("DELETE", status(404))
    with pytest.raises(NotFound):
        lifecycle.delete(State(INPUTS, NAME, "active", None, 7), shown.operation())
    assert service.time.now == 0


def test_a_delete_invalidates_the_list(lifecycle: Lifecycle, service: Service, shown: Shown) -> None:
    """A refresh right after a delete reads a new list, which lacks the model."""
    service.add(NAME)
    operation = shown.operation()
    state = State(INPUTS, NAME, "active", None, 7)
    assert lifecycle.read(state, operation)
    service.time.advance(1)
    lifecycle.delete(state, operation)
    assert lifecycle.read(state, operation) is None


# --- existing models ---


@pytest.mark.parametrize(
    ("lists", "gets", "fails"),
    [
        (says([]), status(404), None),
        (says([]), status(403), None),
        (says([]), status(401), AccessDenied),
        (status(500), status(403), AccessDenied),
        (status(500), status(404), ServerFault),
    ],
)
def test_an_existing_model_is_missing_where_the_list_lacks_it(
    lifecycle: Lifecycle,
    service: Service,
    shown: Shown,
    lists: Outcome,
    gets: Outcome,
    fails: type[NebiusError] | None,
) -> None:
    """A 403 for its name counts as 404 if the list was read, and as an error if it was not."""
    service.always("LIST", lists)
    service.always("GET", gets)
    if fails:
        with pytest.raises(fails):
            lifecycle.find(NAME, None, shown.operation())
    else:
        assert lifecycle.find(NAME, None, shown.operation()) is None


def test_the_declared_model_is_adopted_and_nothing_is_posted(
    lifecycle: Lifecycle, service: Service, shown: Shown
) -> None:
    """An active model that is as declared is returned like a created one."""
    service.add(NAME, source="file-1", created_at=7, status_reason="fine")
    state = lifecycle.create(replace(INPUTS, import_id=SHORT), shown.operation())
    assert state == State(INPUTS, NAME, "active", "fine", 7)
    assert shown.progress == [(0, f"adopted {NAME}: nothing was created")]
    assert service.sent("POST") == []


@pytest.mark.parametrize(
    ("reported", "reason"),
    [
        (None, "import_: there is no model 'bot-AAAA' at the service"),
        ({"status": "validating"}, "import_: '.*' is validating: only an active model can be adopted"),
        ({"description": "asks"}, "description: given None / live 'asks': declare the live value"),
        ({"source": "file-2"}, "source: given 'file-1' / live 'file-2'"),
    ],
)
def test_what_is_not_as_declared_is_not_adopted(
    lifecycle: Lifecycle, service: Service, shown: Shown, reported: dict[str, str] | None, reason: str
) -> None:
    """Each difference is named, and nothing is created or deleted."""
    if reported is not None:
        service.add(NAME, **reported)
    with pytest.raises(AdoptionRefused, match=reason):
        lifecycle.create(replace(INPUTS, import_id=SHORT), shown.operation())
    assert {call.kind for call in service.calls} <= {"LIST", "GET"}


def test_a_project_is_read_by_its_own_list(lifecycle: Lifecycle, service: Service, shown: Shown) -> None:
    """All lists for a model in a project are requested with the project's id."""
    inputs = replace(INPUTS, ai_project_id="p")
    becomes(service, "active", 3)
    state = lifecycle.create(inputs, shown.operation())
    service.time.advance(60)
    lifecycle.read(state, shown.operation())
    service.always("DELETE", status(404))
    with pytest.raises(NotFound):
        lifecycle.delete(state, shown.operation())
    assert {call.query.get("ai_project_id") for call in service.calls if call.kind in ("POST", "LIST")} == {
        "p"
    }


def test_what_is_not_known_yet_speaks_against_no_adoption(lifecycle: Lifecycle) -> None:
    """In a preview the placeholder of an unknown input is not compared, and no reason shows the key."""
    live = ModelInfo(NAME, "active", description=f"made with {KEY}")
    reasons = [each.reason for each in lifecycle.adoption_faults(INPUTS, live, "file-1")]
    assert len(reasons) == 1
    assert "live 'made with [api key]'" in reasons[0]
    assert lifecycle.adoption_faults(replace(INPUTS, description="?"), live, "?") == []
    assert [each.property for each in lifecycle.adoption_faults(replace(INPUTS, description="?"), live)] == [
        "description"
    ]


def test_an_existing_model_is_looked_for_in_its_project(service: Service, shown: Shown) -> None:
    """The list of the project is requested, within the operation's deadline and with its pauses."""
    lifecycle = Lifecycle(service.client(sleep=no_pause), wall_clock=service.time.wall)
    service.always("GET", status(403))
    assert lifecycle.find(NAME, "p", shown.operation(20)) is None

    def later(service: Service, call: Call) -> Answer:
        service.time.advance(60)  # the list is half a minute old when the name is refused
        service.next("LIST", status(429, Retry_After="3"))
        return status(403)(service, call)

    service.next("GET", later)
    assert lifecycle.find(NAME, "p", shown.operation(80)) is None
    assert service.calls[-1].seconds == pytest.approx(8.5)
    with pytest.raises(AdoptionRefused):
        lifecycle.create(replace(INPUTS, import_id=NAME, ai_project_id="p"), shown.operation(20))
    assert {call.query.get("ai_project_id") for call in service.calls if call.kind == "LIST"} == {"p"}
