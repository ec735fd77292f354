"""Create and update of one model: what is returned, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from nebius_model_resource._api.models import Inputs, State
from nebius_model_resource._lifecycle.lifecycle import Lifecycle
from nebius_model_resource._lifecycle.notes import LeftBehind, Note, Notes
from nebius_model_resource.errors import (
    EngineGone,
    ModelVanished,
    NebiusError,
    ServerFault,
    Unfinished,
    ValidationFailed,
)
from tests.support.virtual import EPOCH, Outcome, Service, Shown, done, lost, no_pause, says, slow, status

NAME, SHORT = "acme/Base-LoRa:bot-AAAA", "bot-AAAA"
INPUTS = Inputs("bot", "acme/Base", "file-1")
UNAWAITED = replace(INPUTS, wait_for_active=False)


class Recorded(Notes):
    """Notes that a test can read."""

    def __init__(self) -> None:
        super().__init__(wall_clock=lambda: 0.0)
        self.open: dict[int, Note | None] = {}
        self.projects: list[str | None] = []

    def _write(self, number: int, created: Note | None) -> None:
        self.open[number] = created
        self.projects += [created.ai_project_id] if created else []

    @property
    def names(self) -> list[str]:
        """The models that are noted and not dropped."""
        return [created.name for created in self.open.values() if created]


@pytest.fixture
def notes() -> Recorded:
    """Empty notes that a test can read."""
    return Recorded()


@pytest.fixture
def lifecycle(service: Service, notes: Recorded) -> Lifecycle:
    """The operations on the service's models."""
    return Lifecycle(service.client(), wall_clock=service.time.wall, notes=notes)


def becomes(service: Service, word: str, at: float, reason: str | None = None) -> None:
    service.time.at(at, lambda: service.models[NAME].update(status=word, status_reason=reason))


def comes_back(service: Service) -> None:
    """The service is available again after twenty seconds, and the model is active a second later."""
    service.time.at(20, lambda: service.always("GET", done))
    becomes(service, "active", 21)


# --- create ---


def test_a_model_is_returned_once_it_is_active(
    lifecycle: Lifecycle, service: Service, shown: Shown, notes: Recorded
) -> None:
    """A create ends when its model is active, returns everything known about it, and leaves no note."""
    becomes(service, "active", 20, "ready")
    state = lifecycle.create(INPUTS, shown.operation())
    assert state == State(INPUTS, NAME, "active", "ready", int(EPOCH))
    assert 20 <= service.time.now <= 23
    assert notes.names == []
    assert list(notes.open) == [0]


@pytest.mark.parametrize("word", ["validating", "active", "ready"])
def test_a_model_that_is_not_awaited_is_returned_at_once(
    lifecycle: Lifecycle, service: Service, shown: Shown, word: str
) -> None:
    """With `wait_for_active` off no list is read and no time passes; an unknown status causes a warning."""
    service.new_status = word
    assert lifecycle.create(UNAWAITED, shown.operation()).status == word
    assert [call.kind for call in service.calls] == ["POST"]
    assert service.time.now == 0
    assert [f"unknown status '{word}'" in text for text in shown.warnings] == [True] * (word == "ready")


def test_the_reason_of_the_first_answer_is_kept(lifecycle: Lifecycle, service: Service, shown: Shown) -> None:
    """If the create does not wait, the service's words about the status come from the answer to the POST."""
    service.next("POST", says({"name": NAME, "status": "validating", "status_reason": "queued"}))
    assert lifecycle.create(UNAWAITED, shown.operation()).status_reason == "queued"


def test_a_model_that_is_active_at_once_is_not_waited_for(
    lifecycle: Lifecycle, service: Service, shown: Shown
) -> None:
    """The answer to the POST is enough if it has the full name and says active."""
    service.new_status = "active"
    assert lifecycle.create(INPUTS, shown.operation()).status == "active"
    assert [call.kind for call in service.calls] == ["POST"]


def test_a_short_name_is_completed_out_of_the_list(
    lifecycle: Lifecycle, service: Service, shown: Shown
) -> None:
    """This holds even if the create does not wait for the model to be active."""

    def short(service: Service, call: object) -> object:
        model = service.make({"name": "bot", "base_model": "acme/Base", "source": "file-1"})
        return service.answer({**model, "name": SHORT})

    service.next("POST", short, short)  # type: ignore[arg-type]
    assert lifecycle.create(UNAWAITED, shown.operation()).generated_name == NAME
    assert service.time.now < 2
    service.models.clear()
    service.new_status = "error"
    with pytest.raises(ValidationFailed):
        lifecycle.create(UNAWAITED, shown.operation())
    assert [call.name for call in service.calls if call.kind == "DELETE"] == [NAME]


def test_without_a_date_the_wall_clock_decides_the_age(
    lifecycle: Lifecycle, service: Service, shown: Shown
) -> None:
    """The clock of the operations separates the model of a lost POST from older ones."""
    service.dated = False
    service.add("acme/Base-LoRa:bot-OLDD", created_at=int(service.wall()) - 3600, source="file-1")
    service.new_status = "active"
    service.next("POST", lost(effect=True))
    assert lifecycle.create(INPUTS, shown.operation()).generated_name == "acme/Base-LoRa:bot-AAAB"
    assert len(service.sent("POST")) == 1


@pytest.mark.parametrize("inputs", [INPUTS, UNAWAITED])
def test_a_failed_validation_leaves_nothing(
    lifecycle: Lifecycle, service: Service, shown: Shown, notes: Recorded, inputs: Inputs
) -> None:
    """A model in `error` is deleted, and the service's reason is in the message."""
    service.new_status = "error"
    service.next("POST", done)
    with pytest.raises(
        ValidationFailed,
        match=r"^validation failed: the service gave no reason; "
        r"the failed model '.*AAAA' was deleted$",
    ) as caught:
        lifecycle.create(inputs, shown.operation())
    assert caught.value.state is None
    assert service.models == {}
    assert notes.names == []
    assert service.time.now < 0.1


@pytest.mark.parametrize(
    ("seconds", "away", "left"), [(5, 25, False), (600, 25, False), (5, 40, True), (600, 40, True)]
)
def test_what_failed_is_cleaned_up_in_time_of_its_own(
    lifecycle: Lifecycle, service: Service, shown: Shown, seconds: float, away: float, left: bool
) -> None:
    """However much time the operation has left, it tries for thirty seconds to delete its failed model."""
    service.new_status = "error"
    service.always("DELETE", status(500))
    service.time.at(away, lambda: service.always("DELETE", done))
    with pytest.raises(ValidationFailed) as caught:
        lifecycle.create(INPUTS, shown.operation(seconds))
    assert (caught.value.state is not None) is left
    assert ("could not be deleted" in str(caught.value)) is left
    assert bool(service.models) is left
    assert service.time.now <= 31


@pytest.mark.parametrize("code", [403, 404])
def test_a_new_model_may_be_missing_for_half_a_minute(
    lifecycle: Lifecycle, service: Service, shown: Shown, code: int
) -> None:
    """Right after the POST, its absence from the list or a refusal of its name means nothing."""
    service.always("LIST", says([]))
    service.always("GET", status(code))
    service.time.at(29, service.recover)
    becomes(service, "active", 25)
    assert lifecycle.create(INPUTS, shown.operation()).status == "active"


def test_a_clean_up_makes_its_own_pauses(lifecycle: Lifecycle, service: Service, shown: Shown) -> None:
    """A refused delete of a failed model is tried again after a pause that does not depend on the engine."""
    service.new_status = "error"
    service.next("DELETE", status(429, Retry_After="3"))
    with pytest.raises(ValidationFailed, match="was deleted"):
        lifecycle.create(INPUTS, shown.operation())
    assert service.models == {}


def test_an_unfinished_model_is_in_the_error_and_stays(
    lifecycle: Lifecycle, service: Service, shown: Shown, notes: Recorded
) -> None:
    """At the deadline the error has the model in its present status."""
    with pytest.raises(Unfinished) as caught:
        lifecycle.create(INPUTS, shown.operation(30))
    assert caught.value.state == State(INPUTS, NAME, "validating", None, int(EPOCH))
    assert list(service.models) == [NAME]
    assert notes.names == []


# When the engine goes, and what the service does: no outcome is reported, and no model stays.
GONE = {
    "while the model validates": ("validating", 10.3, 600),
    "by the time it is active": ("active", 0, 600),
    "by the time it has failed": ("error", 0.5, 600),
    "by the time it is unfinished": ("validating", 30, 30),
}


@pytest.mark.parametrize("inputs", [INPUTS, UNAWAITED])
@pytest.mark.parametrize(("word", "gone", "seconds"), GONE.values(), ids=GONE)
def test_nothing_stays_where_the_engine_is_gone(
    lifecycle: Lifecycle,
    service: Service,
    shown: Shown,
    notes: Recorded,
    inputs: Inputs,
    word: str,
    gone: float,
    seconds: float,
) -> None:
    """If the engine is gone, neither success nor failure is reported, and the model is deleted."""
    service.new_status = word
    service.always("LIST", slow(1))  # the engine goes while the last list is read
    if word != "error" and not inputs.wait_for_active:
        gone = 0
    operation = shown.operation(seconds, sleep=service.time.gone_at(gone))
    with pytest.raises((EngineGone, ValidationFailed)) as caught:
        lifecycle.create(inputs, operation)
    assert isinstance(caught.value, EngineGone)
    assert service.models == {}
    assert notes.names == []


def test_what_cannot_be_deleted_after_the_engine_stays_noted(
    lifecycle: Lifecycle, service: Service, shown: Shown, notes: Recorded
) -> None:
    """The guardian can then delete it."""
    service.new_status = "active"
    service.always("DELETE", status(500))
    with pytest.raises(LeftBehind, match=r"^the engine is gone, and '.*AAAA' could not be deleted$"):
        lifecycle.create(INPUTS, shown.operation(sleep=service.time.gone_at(0)))
    assert notes.names == [NAME]
    assert service.time.now <= 31


def test_a_create_invalidates_the_list(lifecycle: Lifecycle, service: Service, shown: Shown) -> None:
    """A refresh right after a create reads a new list, which has the model."""
    service.new_status = "active"
    operation = shown.operation()
    assert lifecycle.find(NAME, "p", operation) is None
    service.time.advance(1)
    state = lifecycle.create(replace(INPUTS, ai_project_id="p"), operation)
    service.always("GET", status(404))
    assert lifecycle.read(state, operation) == state


# --- resume ---


@dataclass(frozen=True)
class Resume:
    """What the service has of a model, and how a resumed wait ends."""

    ends: tuple[float, float]
    there: str | None = "validating"
    inputs: Inputs = INPUTS
    reason: str | None = None
    plan: Callable[[Service], None] = lambda service: None
    lists: Outcome = done
    gets: Outcome = done
    fails: type[NebiusError] | None = None
    says: str | None = None


RESUMES = {
    "active meanwhile": Resume((0, 0), "active"),
    "failed meanwhile": Resume(
        (0, 0), "error", fails=ValidationFailed, says="^validation failed: the service"
    ),
    "failed for a reason": Resume(
        (0, 0), "error", reason="rank", fails=ValidationFailed, says=r"^validation failed: rank$"
    ),
    "failed, not awaited": Resume((0, 0), "error", UNAWAITED, fails=ValidationFailed),
    "gone meanwhile": Resume(
        (0, 0),
        None,
        fails=ModelVanished,
        says="'.*AAAA' was deleted outside of this run; run `pulumi up` again",
    ),
    "validates on": Resume((20, 23), plan=lambda service: becomes(service, "active", 20)),
    "not awaited": Resume((0, 0), inputs=UNAWAITED),
    "cannot be read at first": Resume(
        (20, 30),
        plan=comes_back,
        lists=status(500),
        gets=status(500),
    ),
    "cannot be read, not awaited": Resume(
        (0, 10), inputs=UNAWAITED, lists=status(500), gets=status(500), fails=ServerFault
    ),
    "its deadline": Resume((100, 100), fails=Unfinished, says="the deadline passed"),
}


@pytest.mark.parametrize("case", RESUMES.values(), ids=RESUMES)
def test_a_resumed_wait_begins_with_what_is_live(
    lifecycle: Lifecycle, service: Service, shown: Shown, case: Resume
) -> None:
    """An update reads first, and waits only for a model that still validates; the model is never deleted."""
    if case.there:
        service.add(NAME, status=case.there, status_reason=case.reason, description="of others")
    service.always("LIST", case.lists)
    service.always("GET", case.gets)
    case.plan(service)
    state = State(case.inputs, NAME, "validating", None, 7)
    if case.fails:
        with pytest.raises(case.fails, match=case.says) as caught:
            lifecycle.resume(state, shown.operation(100))
        if isinstance(caught.value, ValidationFailed):
            assert caught.value.state
            assert caught.value.state.status == "error"
    else:
        resumed = lifecycle.resume(state, shown.operation(100))
        assert resumed.status == ("active" if case.inputs.wait_for_active else "validating")
        assert resumed.inputs == case.inputs
    assert case.ends[0] <= service.time.now <= case.ends[1]
    assert service.sent("DELETE") == []
    assert service.sent("POST") == []


def test_a_model_missing_while_it_is_awaited_again_is_given_up_soon(
    lifecycle: Lifecycle, service: Service, shown: Shown
) -> None:
    """A resumed model is old enough to be in the list: three seconds of absence are enough."""
    service.add(NAME, status="validating")
    service.time.at(5, service.models.clear)
    with pytest.raises(ModelVanished):
        lifecycle.resume(State(INPUTS, NAME, "validating", None, 7), shown.operation(100))
    assert 5 <= service.time.now <= 8


def test_a_model_is_noted_with_its_project(
    lifecycle: Lifecycle, service: Service, shown: Shown, notes: Recorded
) -> None:
    """The guardian looks for it in the list of its project."""
    service.new_status = "active"
    lifecycle.create(replace(INPUTS, ai_project_id="p"), shown.operation())
    assert notes.projects == ["p"]


@pytest.mark.parametrize("kind", ["POST", "LIST", "GET", "DELETE"])
def test_every_pause_is_the_operations_own(service: Service, shown: Shown, kind: str) -> None:
    """In every call a pause notices the end of the engine, and ends at the operation's deadline at the latest."""
    lifecycle = Lifecycle(service.client(sleep=no_pause), wall_clock=service.time.wall)
    service.new_status = "active"
    state = lifecycle.create(INPUTS, shown.operation(20))
    calls: list[Callable[[], object]] = [
        lambda: lifecycle.create(INPUTS, shown.operation(20)),
        lambda: lifecycle.read(state, shown.operation(20)),
        lambda: lifecycle.find(NAME, None, shown.operation(20)),
        lambda: lifecycle.resume(replace(state, status="validating"), shown.operation(20)),
        lambda: lifecycle.delete(state, shown.operation(20)),
    ]
    for call in calls:
        service.time.advance(100)
        service.always("LIST", says([]))
        service.next(kind, status(429, Retry_After="3"))
        call()
    assert 3 in [round(seconds, 6) for seconds in service.time.slept]
    assert all(call.seconds <= 10 for call in service.calls)
