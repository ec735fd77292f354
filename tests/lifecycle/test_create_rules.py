"""Creates whose answers are lost, late or refused: what is sent, and which model is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from nebius_model_resource._api.deadline import Sleep
from nebius_model_resource._api.models import Inputs, ModelInfo
from nebius_model_resource._lifecycle.create import Creator
from nebius_model_resource._lifecycle.operation import Operation
from nebius_model_resource.errors import (
    AccessDenied,
    AmbiguousCreate,
    AnswerLost,
    BadRequest,
    DeadlineExceeded,
    EngineGone,
    NebiusError,
    NotSent,
)
from tests.support.virtual import (
    KEY,
    Outcome,
    Service,
    Shown,
    VirtualTime,
    done,
    garbled,
    lost,
    no_pause,
    not_sent,
    says,
    slow,
    status,
)

INPUTS = Inputs("bot", "acme/Base", "file-1", description="answers", ai_project_id="p")
OURS = {"source": "file-1", "description": "answers"}
MINE = "acme/Base-LoRa:bot-AAAA"


def create(
    service: Service, operation: Operation, inputs: Inputs = INPUTS, pause: Sleep = no_pause
) -> ModelInfo:
    creator = Creator(service.client(sleep=pause), wall_clock=service.time.wall, jitter=lambda: 1.0)
    return creator.create(inputs, operation)


@dataclass(frozen=True)
class Case:
    """What the service does to a create, and the result."""

    posts: tuple[Outcome, ...] = ()
    lists: tuple[Outcome, ...] = ()
    seconds: float = 600
    sent: int = 1  # POSTs
    looked: int = 0  # lists
    models: int = 1
    fails: type[NebiusError] | None = None
    says: str | None = None


HIDDEN = says([])

NEXT = (
    r"; before the next `pulumi up` run `pulumi stack export \| nebius-models unknown`, "
    r"which shows the model if it exists"
)

CASES = {
    "served": Case(),
    "refused": Case((status(400),), fails=BadRequest, models=0, says="HTTP 400"),
    "refused key": Case((status(401),), fails=AccessDenied, models=0),
    "not found": Case((status(404),), fails=NebiusError, models=0),
    "rate-limited": Case((status(429, Retry_After="5"),), sent=2),
    "away for a pause": Case((status(503, Retry_After="5"),), sent=2),
    "rate-limited for too long": Case(
        (status(429, Retry_After="700"),), models=0, fails=DeadlineExceeded, says="a pause of 700 s"
    ),
    "not sent twice": Case((not_sent(), not_sent()), sent=3),
    "cannot be sent": Case((not_sent(permanent=True),), models=0, fails=NotSent),
    "a pause as long as there is time": Case((not_sent(),) * 9, seconds=7.5, sent=4, models=0, fails=NotSent),
    "never sent": Case((not_sent(),) * 99, seconds=10, sent=5, models=0, fails=NotSent),
    "lost after the effect": Case((lost(effect=True, at_once=True),), looked=1),
    "lost before the effect": Case((lost(effect=False, at_once=True),), sent=2, looked=4),
    "lost twice before the effect": Case((lost(effect=False, at_once=True),) * 2, sent=3, looked=8),
    "lost before, then after the effect": Case(
        (lost(effect=False, at_once=True), lost(effect=True, at_once=True)), sent=2, looked=5
    ),
    **{
        f"no answer for half of {seconds} s": Case((lost(effect=True),), seconds=seconds, looked=1)
        for seconds in (4, 12, 13, 20, 60, 600)
    },
    "a fault of the server": Case((status(500, effect=True),), looked=1),
    "a gateway that fails": Case((status(502, effect=True),), looked=1),
    "a gateway's time-out": Case((status(504, effect=True),), looked=1),
    "the server's time-out": Case((status(408, effect=True),), looked=1),
    "away without a pause": Case((status(503, effect=True),), looked=1),
    "no JSON": Case((garbled(effect=True),), looked=1),
    "no name": Case((says({}, effect=True),), looked=1),
    "hidden from three lists": Case((lost(effect=True, at_once=True),), (HIDDEN,) * 3, looked=4),
    "a list that fails does not count": Case(
        (lost(effect=True, at_once=True),), (*(status(500),) * 9, *(HIDDEN,) * 3), looked=13
    ),
    "a list with no models in it does not count": Case(
        (lost(effect=True, at_once=True),), (*(says([{}]),) * 9, *(HIDDEN,) * 3), looked=13
    ),
    "the list is rate-limited": Case(
        (lost(effect=True, at_once=True),), (status(429, Retry_After="3"),), looked=2
    ),
    "the list is refused": Case(
        (lost(effect=True, at_once=True),),
        (status(403),),
        looked=1,
        fails=AnswerLost,
        says=r"^it is not known whether 'bot' was created: no answer in time; "
        rf"the list cannot be read: no \(HTTP 403\){NEXT}$",
    ),
    "the list fails until the deadline": Case(
        (lost(effect=True, at_once=True),),
        (status(500, "down"),) * 99,
        seconds=10,
        looked=20,
        fails=AnswerLost,
        says=rf"was created: no answer in time; the list cannot be read: down \(HTTP 500\){NEXT}$",
    ),
    "the list cannot be understood until the deadline": Case(
        (lost(effect=True, at_once=True),),
        (says([{}]),) * 99,
        seconds=10,
        looked=20,
        fails=AnswerLost,
        says=rf"the list cannot be read: the list has unreadable entries{NEXT}$",
    ),
    "hidden until the deadline": Case(
        (lost(effect=True, at_once=True),),
        (HIDDEN,) * 99,
        seconds=3,
        looked=3,
        fails=AnswerLost,
        says=rf"no answer in time; the list does not show it yet{NEXT}$",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_create_makes_one_model_or_says_why_not(service: Service, shown: Shown, case: Case) -> None:
    """For each result of a POST, the number of POSTs, lists and models is pinned."""
    service.next("POST", *case.posts)
    service.next("LIST", *case.lists)
    operation = shown.operation(case.seconds)
    if case.fails:
        with pytest.raises(case.fails, match=case.says):
            create(service, operation)
    else:
        assert create(service, operation).name == MINE
    assert len(service.sent("POST")) == case.sent
    assert len(service.sent("LIST")) == case.looked
    assert len(service.models) == case.models
    for call in service.calls:
        assert call.at < case.seconds
        assert call.seconds <= max(0.5, (case.seconds - call.at) / 2)
        assert call.query == {"ai_project_id": "p"}


def test_the_list_is_read_four_times_within_four_seconds_before_the_post_is_repeated(
    service: Service, shown: Shown
) -> None:
    """The list is read 0, 0.5, 1.5 and 3.5 s after the lost answer, and the POST follows the last read."""
    service.next("POST", lost(effect=False, at_once=True))
    create(service, shown.operation())
    assert service.sent("LIST") == [0, 0.5, 1.5, 3.5]
    assert service.sent("POST") == [0, 3.5]
    assert shown.progress == [(0, "the answer was lost: searching the list for the model")]


def test_a_post_that_is_not_sent_is_repeated_at_growing_distances(service: Service, shown: Shown) -> None:
    """The pauses double up to five seconds, and the row shows why the POST waits."""
    service.next("POST", *(not_sent(),) * 6)
    create(service, shown.operation())
    assert service.time.slept == [0.5, 1, 2, 4, 5, 5]
    assert shown.progress[0] == (0, "no connection; retrying")


# A model of another client, created seconds after our first POST: does it count as ours if our POST created none?
OTHERS = {
    "the same": (0.0, {}, MINE, True),
    "an age that the service does not return": (0.0, {"created_at": None}, MINE, True),
    "within the grain of the clock": (-2.0, {}, MINE, True),
    "older than that": (-4.0, {}, MINE, False),
    "an hour old": (-3600.0, {}, MINE, False),
    "another description": (0.0, {"description": "asks"}, MINE, False),
    "no description": (0.0, {"description": None}, MINE, False),
    "blanks around the description": (0.0, {"description": " answers\n"}, MINE, True),
    "another source": (0.0, {"source": "file-2"}, MINE, False),
    "a source that the service does not return": (0.0, {"source": None}, MINE, True),
    "another base": (0.0, {}, "acme/Bass-LoRa:bot-AAAA", False),
    "another flavour": (0.0, {}, "acme/Base-fast-LoRa:bot-AAAA", True),
    "another name": (0.0, {}, "acme/Base-LoRa:boat-AAAA", False),
    "a short name": (0.0, {}, "bot-AAAA", True),
    "a short name on another base": (0.0, {"base_model": "acme/Bass"}, "bot-AAAA", False),
}


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize(("age", "reported", "name", "taken"), OTHERS.values(), ids=OTHERS)
def test_only_what_may_come_of_the_post_is_taken(
    service: Service,
    shown: Shown,
    age: float,
    reported: dict[str, str | None],
    name: str,
    taken: bool,
    dated: bool,
) -> None:
    """A listed model is ours only if its age and every value that the service returns fit."""
    service.time.advance(10)
    service.dated = dated
    service.add(name, **{**OURS, "created_at": int(service.wall() + age), **reported})
    service.next("POST", lost(effect=False))
    created = create(service, shown.operation())
    assert (created.name == name) is taken
    assert len(service.sent("POST")) == (1 if taken else 2)


@pytest.mark.parametrize("ahead", [-3600.0, 3600.0])
def test_the_clock_of_the_service_decides_the_age_of_a_model(
    service: Service, shown: Shown, ahead: float
) -> None:
    """However wrong the service's clock is, the search finds the new model, and no older one."""
    service.ahead = ahead
    service.add("acme/Base-LoRa:bot-OLDD", **OURS)
    service.time.advance(60)
    service.next("POST", lost(effect=True))
    assert create(service, shown.operation()).name == "acme/Base-LoRa:bot-AAAB"
    assert len(service.models) == 2


def test_the_age_is_counted_from_the_first_attempt(service: Service, shown: Shown) -> None:
    """The model of the first of two lost POSTs is found after the second, although no list showed it before."""
    service.next("POST", lost(effect=True), lost(effect=False), status(400))
    service.next("LIST", *(HIDDEN,) * 4)
    assert create(service, shown.operation(60)).name == MINE
    assert len(service.sent("POST")) == 2


ADVICE = (
    r'adopt the right one \(`import_="NAME"`\) or delete the wrong ones '
    r"\(`nebius-models delete NAME`\), then run `pulumi up` again"
)


def test_two_models_for_one_lost_answer_are_ambiguous(service: Service, shown: Shown) -> None:
    """If two models could be the one, both are named in order, none is used and no POST is sent."""
    service.add("acme/Base-LoRa:bot-ZZZZ", **OURS)
    service.next("POST", lost(effect=True, at_once=True))
    both = "acme/Base-LoRa:bot-AAAB, acme/Base-LoRa:bot-ZZZZ"
    with pytest.raises(
        AmbiguousCreate, match=f"and 2 models could be the new one: {both}; {ADVICE}$"
    ) as caught:
        create(service, shown.operation())
    assert caught.value.candidates == ["acme/Base-LoRa:bot-AAAB", "acme/Base-LoRa:bot-ZZZZ"]
    assert len(service.sent("POST")) == 1


def test_a_model_named_in_an_answer_is_no_candidate(service: Service, shown: Shown) -> None:
    """An equal model of the previous create, from the same second, does not count as the model of a lost POST."""
    creator = Creator(service.client(), wall_clock=service.time.wall)
    service.next("POST", done, lost(effect=True, at_once=True))
    first = creator.create(INPUTS, shown.operation())
    second = creator.create(INPUTS, shown.operation())
    assert {first.name, second.name} == set(service.models)
    assert len(service.sent("POST")) == 2


@pytest.mark.parametrize("order", [("acme/Base", "acme/Base-fast"), ("acme/Base-fast", "acme/Base")])
def test_two_flavours_of_one_base_are_not_mixed_up(
    service: Service, shown: Shown, order: tuple[str, str]
) -> None:
    """Two creates that differ only in the flavour and lose their answers each get the model on their own base."""
    creator = Creator(service.client(), wall_clock=service.time.wall)
    names: dict[str, str] = {}

    def post(base: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        def look(service: Service, call: object) -> object:
            meanwhile()
            return done(service, call)  # type: ignore[arg-type]

        service.next("POST", lost(effect=True, at_once=True))
        service.next("LIST", look)  # type: ignore[arg-type]
        names[base] = creator.create(replace(INPUTS, base_model=base), shown.operation()).name

    post(order[0], meanwhile=lambda: post(order[1]))
    for base in order:
        assert names[base].startswith(f"{base}-LoRa:")
    assert len(service.models) == 2


@pytest.mark.parametrize(("effect", "models"), [(True, 1), (False, 0)])
def test_the_model_of_a_post_is_looked_for_after_the_engine_has_gone(
    service: Service, shown: Shown, time: VirtualTime, effect: bool, models: int
) -> None:
    """A found model is returned to be deleted; if there is none, the create ends without another POST."""
    service.next("POST", lost(effect=effect, at_once=True))
    service.next("LIST", HIDDEN, HIDDEN)
    operation = shown.operation(sleep=time.gone_at(0.3))
    if effect:
        assert create(service, operation, pause=time.sleep).name == MINE
    else:
        with pytest.raises(EngineGone):
            create(service, operation, pause=time.sleep)
    assert len(service.models) == models
    assert len(service.sent("POST")) == 1


def test_the_search_without_an_engine_ends_after_half_a_minute(
    service: Service, shown: Shown, time: VirtualTime
) -> None:
    """A list that cannot be read does not keep a host alive whose engine is gone."""
    service.next("POST", lost(effect=True, at_once=True))
    service.always("LIST", status(500))
    with pytest.raises(AnswerLost, match=r"was created: no answer in time; the list cannot be read: no "):
        create(service, shown.operation(sleep=time.gone_at(0.3)), pause=time.sleep)
    assert 29 <= time.now <= 31


def test_a_lost_post_gets_half_of_the_time_at_most(service: Service, shown: Shown) -> None:
    """A request may take half of the time left until the deadline, and 30 s at most."""
    for seconds in (0.4, 10, 600):
        create(service, shown.operation(seconds))
    assert [call.seconds for call in service.calls] == [0.5, 5, 30]


def test_a_slow_answer_is_taken(service: Service, shown: Shown) -> None:
    """A POST with a late answer is not repeated."""
    service.next("POST", slow(20))
    assert create(service, shown.operation(60)).name == MINE
    assert service.sent("POST") == [0]


def test_a_model_whose_declared_name_holds_the_key_is_found(service: Service, shown: Shown) -> None:
    """The list leaves out names with the key, but not the declared ones."""
    service.next("POST", lost(effect=True, at_once=True))
    created = create(service, shown.operation(), replace(INPUTS, name=f"bot-{KEY}"))
    assert created.name in service.models
    assert len(service.sent("POST")) == 1
