"""Exactly one of a POST whose answer may be lost, as a resource sees it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from nebius_model_resource import errors
from nebius_model_resource._provider.calls import Found
from nebius_model_resource._service.http import Answer
from tests.support.engine_calls import CONFIG, Bench, EngineCall, Failed, Kind, Models, raising
from tests.support.outcomes import garbled, lost, not_sent, says, status
from tests.support.virtual import Outcome, Request, Service, VirtualTime, answer, done, no_pause

OURS = {"source": "file-1", "description": "answers"}
PROPS = {**OURS, "name": "bot", "base_model": "acme/Base", "ai_project_id": "p", "wait_for_active": False}
MINE = "acme/Base-LoRa:bot-AAAA"


def shows(*entries: Any) -> Outcome:
    """A list with these entries alone."""
    return lambda _, request: answer([*entries] if request.kind == "LIST" else {"data": [*entries]})


HIDDEN, BROKEN = shows(), shows({})


@pytest.fixture
def models(service: Service) -> Models:
    """The models of one process, which uses no pause of the client's own."""
    return Models(service, sleep=no_pause)


def create_one(kind: Kind, call: EngineCall, *, waits: bool = False, **changes: Any) -> Found:
    """Create one of a type, in a project."""
    return kind.resources.create(call, {**kind.declared(waits), "ai_project_id": "p", **changes})


def create(models: Models, call: EngineCall, seconds: float = 600, **changes: Any) -> Found:
    """Create the model."""
    return models.create(replace(call, timeout=seconds), {**PROPS, **changes})


LOSSES: dict[str, Callable[..., Outcome]] = {
    "a reset": lost,
    "no answer in time": partial(lost, at_once=False),
    **{f"HTTP {code}": partial(status, code) for code in (408, 500, 502, 503, 504)},
    "no JSON": garbled,
    "no name": partial(says, {}),
}


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize("losses", [1, 2])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_lost_answer_leaves_exactly_one(
    kind: Kind, call: EngineCall, loss: Callable[..., Outcome], losses: int, effect: bool
) -> None:
    """Whatever is lost: a POST that had its effect is not sent again, and one that had none is."""
    without_effect = [loss(effect=False)] * (losses - effect)
    kind.service.next(kind.post, *without_effect, *([loss(effect=True)] if effect else []))
    assert [create_one(kind, call).id] == list(kind.things)
    assert len(kind.service.sent(kind.post)) == (losses if effect else losses + 1)


@pytest.mark.parametrize(
    ("answers", "sent", "fails", "why"),
    [
        ([done], 1, None, ""),
        ([status(400)], 1, errors.BadRequest, "HTTP 400"),
        ([status(401)], 1, errors.AccessDenied, "HTTP 401"),
        ([status(429, Retry_After="5")], 2, None, ""),
        ([status(503, Retry_After="5")], 2, None, ""),
        ([status(429, Retry_After="700")], 1, errors.DeadlineExceeded, "a pause of 700 s"),
        ([not_sent()] * 9, 10, None, ""),
        ([not_sent(permanent=True)], 1, errors.NotSent, "no connection"),
        ([not_sent()] * 999, None, errors.NotSent, "^no connection: check the network"),
    ],
)
def test_an_answer_that_says_what_happened_needs_no_search(
    kind: Kind,
    call: EngineCall,
    answers: list[Outcome],
    sent: int | None,
    fails: type[Exception] | None,
    why: str,
) -> None:
    """A refusal is final, and what the service did not do is sent again; a model's list is read before the POST."""
    service = kind.service
    service.next(kind.post, *answers)
    with raising(fails, why or None):
        create_one(kind, replace(call, timeout=600))
    assert len(kind.things) == (0 if fails else 1)
    assert sent is None or len(service.sent(kind.post)) == sent
    assert len(service.sent(kind.list)) == 1 or kind.noun == "endpoint"
    assert service.time.now <= 600


UNREAD = "the list cannot be read:"
# The lists, whether the POST had its effect, the deadline, the POSTs, and why the outcome is not known.
SEARCHES: dict[str, tuple[Any, ...]] = {
    "late": ([HIDDEN] * 3, True, 600, 1, ""),
    "never, since nothing was created": ([HIDDEN] * 4, False, 600, 2, ""),
    "late, after lists that fail": ([status(500)] * 9 + [HIDDEN] * 3, True, 600, 1, ""),
    "late, after lists with unreadable entries": ([BROKEN] * 9 + [HIDDEN] * 3, True, 600, 1, ""),
    "after a rate limit": ([status(429, Retry_After="3")], True, 600, 1, ""),
    "not until the deadline": ([HIDDEN] * 99, True, 1.5, 1, "the list does not show it yet"),
    "unreadable entries": ([BROKEN] * 99, True, 9, 1, f"{UNREAD} the list has unreadable entries"),
    "no list": ([status(500, "down")] * 99, True, 9, 1, f"{UNREAD} down (HTTP 500)"),
    "a refused list": ([status(403)], True, 600, 1, f"{UNREAD} no (HTTP 403)"),
}
NEXT = "run `pulumi stack export | nebius-models unknown`, which shows the {} if it exists"


@pytest.mark.parametrize("case", SEARCHES.values(), ids=SEARCHES)
def test_the_list_decides_or_the_outcome_is_unknown(
    kind: Kind, call: EngineCall, case: tuple[Any, ...]
) -> None:
    """Only complete lists prove that nothing was created; where none comes in time the message says what to do."""
    lists, effect, seconds, posts, unknown = case
    service = kind.service
    service.next(kind.post, lost(effect=effect))
    service.next(kind.list, *[done] * (kind.noun == "model"), *lists)
    with raising(errors.OutcomeUnknown if unknown else None) as caught:
        assert create_one(kind, replace(call, timeout=seconds)).id == kind.id
    if unknown:
        name = kind.inputs.get("routing_key", "bot")
        text = f"it is not known whether {name!r} was created: no answer in time; {unknown}: before the next"
        assert str(caught.value) == f"{text} `pulumi up` {NEXT.format(kind.noun)}"
    assert service.time.now <= seconds
    assert len(service.sent(kind.post)) == posts
    assert list(kind.things) == [kind.id]
    assert (0, f"the answer was lost: searching the list for the {kind.noun}") in call.shown
    assert {request.query["ai_project_id"] for request in service.requests} == {"p"}


def test_four_lists_over_some_seconds_come_before_the_next_post(bench: Bench) -> None:
    """A model that appears within that time is found, since the pauses between the lists grow."""
    service, call, models = bench
    service.next("POST", lost(effect=False))
    create(models, call)
    _, *looks = service.sent("LIST")
    for (earlier, later), longest in zip(pairwise(looks), (0.5, 1, 2), strict=True):
        assert longest / 2 <= later - earlier <= longest


@pytest.mark.parametrize("refusal", [status(403), status(404), status(500), garbled()])
def test_a_list_that_is_refused_lets_the_post_go_on(bench: Bench, refusal: Outcome) -> None:
    """The model is created; if that answer is lost too, the outcome is unknown at once."""
    service, call, models = bench
    service.always("LIST", refusal)
    assert create(models, call).id == MINE
    service.next("POST", lost(effect=True))
    with pytest.raises(errors.OutcomeUnknown, match="; the list could not be read before: before the next"):
        create(models, call)
    assert len(service.sent("POST")) == 2


@pytest.mark.parametrize("failure", [not_sent(), lost(effect=False)])
def test_a_wall_in_front_of_the_service_is_met_before_anything_is_sent(
    bench: Bench, failure: Outcome
) -> None:
    """The read of the list is repeated until the deadline, and no POST is sent before it has an answer."""
    service, call, models = bench
    service.next("LIST", *(failure,) * 9)
    assert create(models, call).id == MINE
    assert len(service.sent("LIST")) == 10
    assert {text.rpartition("; ")[2] for _, text in call.shown} == {"retrying"}
    service.time.advance(60)
    service.always("LIST", failure)
    with pytest.raises((errors.NotSent, errors.AnswerLost)) as caught:
        create(models, call, 20)
    assert not isinstance(caught.value, errors.OutcomeUnknown)
    assert len(service.sent("POST")) == 1


@pytest.mark.parametrize("name", [MINE, "bot-AAAA"])
def test_what_existed_before_is_never_taken(bench: Bench, name: str) -> None:
    """An equal model, listed by its full or short name, is somebody else's, however new it is."""
    service, call, models = bench
    service.add(name, **OURS)
    service.next("POST", lost(effect=True), lost(effect=False))
    assert create(models, call).id == "acme/Base-LoRa:bot-AAAB"
    assert create(models, call).id == "acme/Base-LoRa:bot-AAAC"
    assert len(service.models) == 3


def test_what_this_run_has_read_is_never_taken(service: Service, call: EngineCall, models: Models) -> None:
    """A model of the state is not the lost one, though the list before the POST does not show it."""
    service.add(MINE, **OURS)
    service.next("LIST", HIDDEN)
    service.next("POST", lost(effect=False))
    assert models.read(call, MINE, {**PROPS, "generated_name": MINE})
    assert create(models, call).id != MINE


# A model that appears while our POST is lost without an effect: does it count as ours?
OTHERS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "the same": ({}, MINE, True),
    "blanks around the description": ({"description": " answers\n"}, MINE, True),
    "a source that is not reported": ({"source": None}, MINE, True),
    "another flavour": ({}, "acme/Base-fast-LoRa:bot-AAAA", True),
    "another description": ({"description": "asks"}, MINE, False),
    "another source": ({"source": "file-2"}, MINE, False),
    "another base": ({}, "acme/Bass-LoRa:bot-AAAA", False),
    "a short name on another base": ({"base_model": "acme/Bass"}, "bot-AAAA", False),
}


@pytest.mark.parametrize(("reported", "name", "taken"), OTHERS.values(), ids=OTHERS)
def test_only_what_the_post_can_have_created_is_taken(
    bench: Bench, reported: dict[str, Any], name: str, taken: bool
) -> None:
    """Every value that the service reports of it must fit the inputs."""
    service, call, models = bench

    def appears(service: Service, request: Request) -> Answer:
        service.add(name, **{**OURS, **reported})
        return lost(effect=False)(service, request)

    service.next("POST", appears)
    create(models, call)
    assert len(service.sent("POST")) == (1 if taken else 2)


@pytest.mark.parametrize("config", [{}, {"nebius-models:plugin": "true"}], ids=["dynamic", "plugin"])
def test_several_candidates_are_all_named(service: Service, call: EngineCall, config: dict[str, str]) -> None:
    """None is taken, no POST is sent again, and the message says how to adopt or delete them."""
    models = Models(service, {**CONFIG, **config})

    def twice(service: Service, request: Request) -> Answer:
        done(service, request)
        return lost(effect=True)(service, request)

    service.next("POST", twice)
    with pytest.raises(errors.AmbiguousCreate) as caught:
        create(models, call)
    both = [MINE, "acme/Base-LoRa:bot-AAAB"]
    adopt = "`pulumi import nebius-models:index:CustomModel <name> NAME`" if config else 'import_="NAME"'
    assert str(caught.value) == (
        f"the answer to the creation of 'bot' was lost, and 2 models could be the new one: {', '.join(both)}: "
        f"adopt the right one ({adopt}) or delete the wrong ones (`nebius-models delete NAME`), then run `pulumi up` "
        "again"
    )
    assert ", ".join(both) in str(caught.value)
    assert len(service.sent("POST")) == 1


def short(service: Service, request: Request) -> Answer:
    """The answer to a POST with the short name alone, as published in April 2025."""
    created = service.create(request.body)
    return answer({**created, "name": created["name"].rpartition(":")[2]})


@pytest.mark.parametrize("first", [done, lost(effect=True), short])
@pytest.mark.parametrize("base", ["acme/Base", "acme/Base-fast"])
def test_another_creates_model_is_never_taken(bench: Bench, first: Outcome, base: str) -> None:
    """However an equal create got its model, the next one with a lost answer gets its own."""
    service, call, models = bench
    service.next("POST", first, lost(effect=True), lost(effect=False))
    created = [create(models, call).id, create(models, call, base_model=base).id, create(models, call).id]
    assert sorted(created) == sorted(service.models)
    assert created[1].startswith(f"{base}-LoRa:")


def test_an_adopted_model_is_taken_by_no_create(models: Models, service: Service, call: EngineCall) -> None:
    """A model that this process adopts, after the list before the POST was read, is nobody's lost one."""

    def adopted_meanwhile(service: Service, request: Request) -> Answer:
        service.add(MINE, **OURS)
        models.create(replace(call, urn="urn:2"), {**PROPS, "import_id": MINE})
        return lost(effect=False)(service, request)

    service.next("POST", adopted_meanwhile)
    assert create(models, call).id == "acme/Base-LoRa:bot-AAAB"


@pytest.mark.parametrize(
    ("changes", "waits"), [({}, True), ({"name": "x"}, False), ({"ai_project_id": "q"}, False)]
)
def test_equal_names_take_turns(bench: Bench, changes: dict[str, Any], waits: bool) -> None:
    """During a POST no other create of the same project and name sends one; other creates do not wait."""
    service, call, models = bench

    def meanwhile(service: Service, request: Request) -> Answer:
        impatient = replace(call, interrupted_at=0.0 if waits else 600.0)
        with raising(errors.DeadlineExceeded if waits else None, "while another call was under way"):
            create(models, impatient, **changes)
        return done(service, request)

    service.next("POST", meanwhile)
    create(models, call)
    assert len(service.sent("POST")) == (1 if waits else 2)


def test_ten_equal_creates_of_which_three_are_lost_make_ten_models(bench: Bench, time: VirtualTime) -> None:
    """Threads that create the same at the same time each get a model of their own."""
    service, _, models = bench
    service.next("POST", lost(effect=True), done, lost(effect=False), done, lost(effect=True))
    with ThreadPoolExecutor(10) as threads:
        found = threads.map(lambda _: create(models, EngineCall(time)).id, range(10))
    assert sorted(found) == sorted(service.models)
    assert len(service.models) == 10


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize("waits", [True, False])
def test_a_search_goes_on_after_the_engine_has_gone(
    kind: Kind, call: EngineCall, effect: bool, waits: bool
) -> None:
    """What the POST created is found and deleted, since nobody records it; no other POST is sent."""
    service = kind.service
    service.next(kind.post, lost(effect=effect))
    service.next(kind.list, *[done] * (kind.noun == "model"), HIDDEN, HIDDEN)
    call.gone_at = 0.2
    with pytest.raises(errors.EngineGone):
        create_one(kind, call, waits=waits)
    assert kind.things == {}
    assert len(service.sent(kind.post)) == 1


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("failure", ["the clean-up fails", "it is on its way", "the answer is lost"])
def test_a_second_create_for_the_same_urn_and_inputs_goes_on(
    kind: Kind, call: EngineCall, failure: str, same: bool
) -> None:
    """It goes on with what was kept, or with the search; with other inputs it creates another one."""
    service = kind.service
    if failure == "the answer is lost":
        service.next(kind.post, lost(effect=True))
        service.next(kind.list, *[done] * (kind.noun == "model"))
        service.always(kind.list, status(500))
    elif failure == "the clean-up fails":
        kind.starts("error")
        service.always(kind.delete, status(500))
    with pytest.raises((Failed, errors.OutcomeUnknown)):
        create_one(kind, replace(call, timeout=20), waits=True)
    [first] = list(kind.things)
    service.recover()
    kind.starts("ready")
    if failure != "the clean-up fails":
        kind.becomes("ready")
    changes = {} if same else {"name": "other", "routing_key": "dedicated/other-1"}
    fails = Failed if same and failure == "the clean-up fails" else None
    with raising(fails, f"failed: .*the {kind.noun} stays in the state"):
        assert (create_one(kind, call, waits=True, **changes).id == first) is same
    assert len(service.sent(kind.post)) == (1 if same else 2)


def test_other_urns_and_deleted_models_leave_nothing_to_go_on_with(bench: Bench) -> None:
    """A create of another resource, and one after a model that the state could not record, send a POST."""
    service, call, models = bench
    for able, urn in ((False, "urn:1"), (True, "urn:1"), (True, "urn:2")):
        with pytest.raises(Failed, match="the model stays in" if able else "the model was deleted"):
            create(models, replace(call, able=able, urn=urn), 20, wait_for_active=True)
    assert len(service.sent("POST")) == 3
    assert len(service.models) == 2
