"""How threads share the models of lost answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from nebius_model_resource._api.models import Inputs, ModelInfo
from nebius_model_resource._lifecycle.lost_answers import LostAnswers
from nebius_model_resource._lifecycle.matching import Kind
from nebius_model_resource.errors import AmbiguousCreate, AnswerLost

KIND = Kind.of(Inputs("bot", "acme/Base", "file-1"))
MODELS = [ModelInfo(f"acme/Base-LoRa:bot-{code}") for code in ("AAAA", "BBBB")]
SECONDS = 0.3  # how long one thread waits for another that must not come


class HandedOver:
    """A lock that goes to the next waiting thread before its last holder makes another step."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._waiting = 0
        self._served: threading.Event | None = (
            None  # created outside of the patch: an event has a lock as well
        )

    def __enter__(self) -> None:
        self._waiting += 1
        self._lock.acquire()
        self._waiting -= 1

    def __exit__(self, *_: object) -> None:
        if self._served:
            self._served.set()
        waiting = self._waiting
        self._served = served = threading.Event()
        self._lock.release()
        if waiting:
            served.wait(SECONDS)


class Met(list[Any]):
    """A list that ends when two threads have read it, or one has waited and the other did not come."""

    def __init__(self, entries: list[Any]) -> None:
        super().__init__(entries)
        self._both = threading.Barrier(2)

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()
        with suppress(threading.BrokenBarrierError):
            self._both.wait(SECONDS)


def _lose(creates: LostAnswers, kind: Kind = KIND) -> None:
    with pytest.raises(AnswerLost), creates.during_post(kind):
        raise AnswerLost("reset")


def _mark(creates: LostAnswers) -> int:
    mark = creates.posts_so_far(KIND)
    assert mark is not None
    return mark


@pytest.mark.parametrize("models", [Met(MODELS), MODELS], ids=["while it looks", "after it has looked"])
def test_no_model_is_given_to_two_threads(monkeypatch: pytest.MonkeyPatch, models: list[ModelInfo]) -> None:
    """The search for a candidate and its claim are one step, which no other thread can interrupt."""
    with monkeypatch.context() as patched:
        patched.setattr(threading, "Lock", HandedOver)
        creates = LostAnswers()
    for _ in range(2):
        _lose(creates)
    mark = _mark(creates)
    with ThreadPoolExecutor(2) as threads:
        taken = list(threads.map(lambda _: creates.assign(KIND, mark, models, 0), range(2)))
    assert sorted(each.name for each in taken if each) == [model.name for model in MODELS]


def test_nothing_is_shared_while_a_post_is_under_way() -> None:
    """During a POST of the kind there is no mark, and an earlier mark is invalid during it and afterwards."""
    creates = LostAnswers()
    _lose(creates)
    mark = _mark(creates)
    with creates.during_post(KIND):
        assert creates.posts_so_far(KIND) is None
        assert creates.assign(KIND, mark, MODELS[:1], 0) is None
    assert creates.assign(KIND, mark, MODELS[:1], 0) is None
    assert creates.assign(KIND, _mark(creates), MODELS[:1], 0) == MODELS[0]


def test_a_post_of_another_kind_delays_no_create() -> None:
    """Creates with different names do not wait for each other; those on two flavours of one base do."""
    creates = LostAnswers()
    _lose(creates)
    with creates.during_post(Kind.of(Inputs("boat", "acme/Base", "file-1"))):
        assert creates.posts_so_far(KIND) is not None
    with creates.during_post(Kind.of(Inputs("bot", "acme/Base-fast", "file-1"))):
        assert creates.posts_so_far(KIND) is None


@pytest.mark.parametrize("reported", ["acme/Base-LoRa:bot-AAAA", "bot-AAAA"])
def test_a_claimed_model_is_no_candidate(reported: str) -> None:
    """A model that an answer named, by its full or short name, belongs to that create."""
    creates = LostAnswers()
    creates.claim(reported)
    _lose(creates)
    assert creates.assign(KIND, _mark(creates), MODELS, 0) == MODELS[1]


def test_a_taken_model_is_no_candidate_again() -> None:
    """A later create whose answer is lost does not get the model of an earlier one."""
    creates = LostAnswers()
    _lose(creates)
    assert creates.assign(KIND, _mark(creates), MODELS[:1], 0) == MODELS[0]
    _lose(creates)
    assert creates.assign(KIND, _mark(creates), MODELS[:1], 0) is None


@pytest.mark.parametrize(("lost", "fits"), [(3, True), (2, False)])
def test_a_create_that_created_nothing_leaves_one_place_less(lost: int, fits: bool) -> None:
    """A create that knows that it has no model reduces the number of expected candidates by one."""
    creates = LostAnswers()
    for _ in range(lost):
        _lose(creates)
    creates.not_created(KIND)
    if fits:
        assert creates.assign(KIND, _mark(creates), MODELS, 0) == MODELS[0]
    else:
        with pytest.raises(AmbiguousCreate):
            creates.assign(KIND, _mark(creates), MODELS, 0)


@pytest.mark.parametrize(
    ("created", "candidate"), [(97, False), (98, True), (100, True), (200, True), (None, True)]
)
def test_a_candidate_was_created_since_the_first_attempt(created: int | None, candidate: bool) -> None:
    """A tolerance of two seconds is allowed for the clock's resolution, and no more."""
    creates = LostAnswers()
    _lose(creates)
    model = ModelInfo(MODELS[0].name, created_at=created)
    assert creates.assign(KIND, _mark(creates), [model], 100) == (model if candidate else None)


FAST = Kind.of(Inputs("bot", "acme/Base-fast", "file-1"))
ON_FAST = ModelInfo("acme/Base-fast-LoRa:bot-CCCC")
SHORT = ModelInfo("bot-DDDD")


@pytest.mark.parametrize(
    ("kind", "others", "models", "taken"),
    [
        (KIND, [], [ON_FAST, MODELS[0]], MODELS[0]),
        (FAST, [], [MODELS[0], ON_FAST], ON_FAST),
        (FAST, [], [MODELS[0]], MODELS[0]),
        (FAST, [KIND], [MODELS[0]], None),
        (KIND, [FAST], [ON_FAST], None),
        (KIND, [FAST], [SHORT], SHORT),
        (KIND, [Kind.of(Inputs("boat", "acme/Base-fast", "file-1"))], [ON_FAST], ON_FAST),
    ],
)
def test_the_flavour_decides_where_more_than_one_is_looked_for(
    kind: Kind, others: list[Kind], models: list[ModelInfo], taken: ModelInfo | None
) -> None:
    """The exact base comes first; another flavour is taken only if no create of its own searches for it."""
    creates = LostAnswers()
    for other in [*others, kind]:
        _lose(creates, other)
    mark = creates.posts_so_far(kind)
    assert mark is not None
    assert creates.assign(kind, mark, models, 0) == taken
