"""What holds for each resource that is ready some time after its POST: what is recorded, and what stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nebius_model_resource import errors
from tests.support.engine_calls import EngineCall, Failed, Kind, raising
from tests.support.outcomes import slow, status
from tests.support.virtual import EPOCH, Outcome, done


@pytest.mark.parametrize(("away", "left"), [(0, False), (25, False), (40, True)])
@pytest.mark.parametrize("seconds", [5, 600])
@pytest.mark.parametrize("waits", [True, False])
def test_what_fails_leaves_nothing_or_says_so(
    kind: Kind, call: EngineCall, waits: bool, seconds: float, away: float, left: bool
) -> None:
    """For half a minute of its own the create tries to delete what has failed; what stays is recorded."""
    kind.starts("error")
    if away:
        kind.service.always(kind.delete, status(500))
        kind.service.time.at(away, kind.service.recover)
    fix = "fix the adapter" if kind.noun == "model" else "change what the reason names"
    why = f"the {kind.noun} stays in the state" if left else f"{fix}, then run `pulumi up` again"
    with pytest.raises(Failed, match=rf"failed: the service gave no reason; .*{why}"):
        kind.resources.create(replace(call, timeout=seconds), kind.declared(waits))
    assert list(kind.things) == [kind.id] * left
    assert [id_ for _, id_, _, _ in call.kept] == [kind.id] * left
    assert kind.service.time.now <= 32


@pytest.mark.parametrize(("seconds", "interrupted"), [(30, 600), (600, 30)])
def test_what_is_unfinished_is_recorded(
    kind: Kind, call: EngineCall, seconds: float, interrupted: float
) -> None:
    """At the deadline, or when the run is stopped, the state gets the resource with its inputs and its status."""
    call = replace(call, timeout=seconds, interrupted_at=interrupted)
    with pytest.raises(Failed, match=f"the {kind.noun} stays in the state") as caught:
        kind.resources.create(call, kind.inputs)
    [(message, id_, properties, inputs)] = call.kept
    assert (message, id_, inputs) == (str(caught.value), kind.id, kind.inputs)
    assert properties == {**kind.inputs, **kind.outputs(kind.first)}
    assert list(kind.things) == [kind.id]
    assert kind.service.time.now == 30


@pytest.mark.parametrize("deletes", [done, status(401)])
def test_a_state_that_cannot_record_it_gets_none(kind: Kind, call: EngineCall, deletes: Outcome) -> None:
    """What is unfinished is deleted, or the message has the command that does it."""
    kind.service.always(kind.delete, deletes)
    name = kind.inputs.get("routing_key", kind.id)
    why = f"; the {kind.noun} was deleted: run `pulumi up`"
    with pytest.raises(Failed, match=why if deletes is done else f"run `nebius-models delete {name}`"):
        kind.resources.create(replace(call, able=False, timeout=30), kind.inputs)
    assert bool(kind.things) is (deletes is not done)


# The first status, whether the create waits, when the engine goes, and the time until the deadline.
GONE = {
    "during the wait": ("first", True, 10, 600),
    "at the deadline": ("first", True, 30, 30),
    "by the time it has failed": ("error", True, 1.5, 600),
    "during the POST": ("ready", True, 0.5, 600),
    "during the POST, without waiting": ("first", False, 0.5, 600),
}


@pytest.mark.parametrize(("word", "waits", "gone", "seconds"), GONE.values(), ids=GONE)
def test_nothing_stays_where_the_engine_is_gone(
    kind: Kind, call: EngineCall, word: str, waits: bool, gone: float, seconds: float
) -> None:
    """Neither success nor failure is reported to an engine that is gone, and what was created is deleted."""
    kind.starts(word)
    kind.service.next(kind.list, *[done] * (kind.noun == "model"))  # the one before the POST
    kind.service.always(kind.list, slow(1))  # the engine goes while the last list is read
    kind.service.next(kind.post, slow(0.6))
    with pytest.raises(errors.EngineGone):
        kind.resources.create(replace(call, gone_at=gone, timeout=seconds), kind.declared(waits))
    assert kind.things == {}


def test_an_update_whose_engine_is_gone_keeps_its_resource(kind: Kind, call: EngineCall) -> None:
    """The wait for what the state holds ends, and nothing is deleted."""
    kind.add("first")
    with pytest.raises(errors.EngineGone):
        kind.resources.update(replace(call, gone_at=10), kind.id, kind.state("first"), kind.inputs)
    assert list(kind.things) == [kind.id]


# What the service has, whether the update waits, what happens, the result, and the seconds that it takes.
RESUMES: dict[str, tuple[Any, ...]] = {
    "ready meanwhile": ("ready", True, "", "ready", (0, 0)),
    "on its way": ("first", True, "becomes ready", "ready", (20, 23)),
    "without waiting": ("first", False, "", "first", (0, 0)),
    "failed meanwhile": ("error", True, "", Failed, (0, 0)),
    "failed, without waiting": ("error", False, "", Failed, (0, 0)),
    "gone meanwhile": (None, True, "", errors.Vanished, (0, 0)),
    "gone during the wait": ("first", True, "goes", errors.Vanished, (20, 24)),
    "not readable at first": ("first", True, "comes back", "ready", (20, 33)),
    "not readable, without waiting": ("first", False, "comes back", errors.ServerFault, (0, 19)),
    "its deadline": ("first", True, "", Failed, (100, 100)),
}


@pytest.mark.parametrize("case", RESUMES.values(), ids=RESUMES)
def test_an_update_waits_for_what_the_state_holds(
    kind: Kind, call: EngineCall, case: tuple[Any, ...]
) -> None:
    """It reads first, and waits only for what is not ready; the inputs are the declared ones, nothing is deleted."""
    there, waits, event, result, ends = case
    service, inputs = kind.service, kind.declared(waits)
    if there:
        kind.add(there, description="of others")
    if event == "goes":
        service.time.at(20, kind.things.clear)
    elif event:
        service.time.at(20, lambda: kind.becomes("ready"))
    if event == "comes back":
        service.always(kind.list, status(500))
        service.always("GET", status(500))
        service.time.at(20, service.recover)
    with raising(None if isinstance(result, str) else result):
        outputs = kind.resources.update(replace(call, timeout=100), kind.id, kind.state("first"), inputs)
        assert outputs == {**inputs, **kind.outputs(result), "created_at": outputs["created_at"]}
    assert [kept[3] for kept in call.kept] == [inputs] * (result is Failed)
    assert ends[0] <= service.time.now <= ends[1]
    assert {request.kind for request in service.requests} <= {kind.list, "GET"}


FAILED, GONE_NOW = "is in status 'error': ", "no longer exists: a new one replaces it"
# The status in the state, the live one, whether the program waits: whether it updates or replaces, and the warning.
NEEDS: list[tuple[str, str, bool, str, str]] = [
    ("ready", "error", True, "", ""),
    ("first", "first", True, "updates", ""),
    ("first", "ready", True, "updates", ""),
    ("first", "ready", False, "", ""),
    ("first", "error", True, "replaces", FAILED),
    ("first", "error", False, "updates", FAILED),
    ("error", "ready", True, "replaces", FAILED),  # it is final
    ("first", "gone", True, "replaces", GONE_NOW),
    ("first", "gone", False, "replaces", GONE_NOW),
    ("first", "unreadable", True, "updates", ""),
]


@pytest.mark.parametrize(("recorded", "live", "waits", "need", "warning"), NEEDS)
def test_what_is_not_ready_asks_for_what_it_needs(
    kind: Kind, call: EngineCall, recorded: str, live: str, waits: bool, need: str, warning: str
) -> None:
    """An update waits for it; what is in `error` is replaced, or fails its update where nothing waits for it."""
    if live == "unreadable":
        kind.service.always(kind.list, status(500))
        kind.service.always("GET", status(500))
    elif live != "gone":
        kind.add(live)
    news = kind.declared(waits)
    found = kind.resources.diff(call, kind.id, {**kind.state(recorded), **news}, news)
    replaces = need == "replaces"
    assert (found.updates, list(found.replaces)) == (need == "updates", ["status"] * replaces)
    assert (found.kinds, found.of_inputs) == (({"status": "UPDATE"}, False) if replaces else ({}, True))
    assert [warning in text for text in call.warnings] == [True] * bool(warning)


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("word", ["error", "first"])
def test_a_refresh_keeps_what_is_not_ready_and_says_why(
    kind: Kind, call: EngineCall, word: str, waits: bool
) -> None:
    """The engine warns, and records the outputs and inputs that were read."""
    kind.add(word)
    is_ready = word == "first" and not waits
    why = f"'{kind.id}' is still {kind.first}.*: `pulumi up` waits until it is {kind.goal}"
    with raising(None if is_ready else Failed, FAILED if word == "error" else why):
        kind.resources.read(call, kind.id, {**kind.state("ready"), **kind.declared(waits)})
    kept = [(id_, properties["status"], inputs) for _, id_, properties, inputs in call.kept]
    assert kept == [(kind.id, kind.word(word), kind.declared(waits))] * (not is_ready)


def test_what_is_gone_is_removed_with_a_warning_if_none_was_found(kind: Kind, call: EngineCall) -> None:
    """A key of another account sees none of the stack's things: the first removals say how to get them back."""
    read, state = kind.resources.read, kind.state("ready")
    assert [read(call, name, state) for name in ("a:b-CCCC", "a:b-DDDD")] == [None, None]
    for name, warning in zip(("a:b-CCCC", "a:b-DDDD"), call.warnings, strict=True):
        assert warning.startswith(
            f"{name!r} is removed from the state: this key sees none of the stack's {kind.noun}s"
        )
        assert f'adopt the {kind.noun} again (import_="{name}")' in warning
    kind.add("ready")
    kind.service.time.advance(60)
    assert read(call, kind.id, state)
    assert read(call, "a:b-CCCC", state) is None
    assert len(call.warnings) == 2


@pytest.mark.parametrize(("age", "word"), [(29, "first"), (30, "first"), (1, "ready")])
def test_what_was_just_created_may_be_missing(kind: Kind, call: EngineCall, age: float, word: str) -> None:
    """For half a minute neither a read nor a deletion believes that a thing is gone which no wait has seen."""
    props = {**kind.state(word), **kind.declared(waits=False), "created_at": EPOCH - age}
    is_new = age < 30 and word == "first"
    assert (kind.resources.read(call, kind.id, props) is not None) is is_new
    kind.add("ready")
    kind.service.always(kind.delete, status(403 if is_new else 404))
    kind.service.time.at(0.5, kind.service.recover)
    with raising(None if is_new else errors.NotFound):
        kind.resources.delete(call, kind.id, props)
    assert bool(kind.things) is not is_new
