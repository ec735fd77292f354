"""Random sequences of programs, operations, faults and deaths: state and service agree at the end."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.soak.runner import soak
from tests.soak.sequences import Sequence, Step, draw, run
from tests.soak.world import World

pytestmark = pytest.mark.xdist_group("soak")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as running:
        yield running


@settings(
    max_examples=60,
    derandomize=True,  # `scripts/soak` is the search
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rng=st.randoms(use_true_random=False))
def test_state_and_service_agree(world: World, rng: random.Random) -> None:
    """After any sequence one `up` makes state and service agree: none lost, none twice, none unknown."""
    run(world, draw(rng))


def step(operation: str, program: dict[str, dict[str, object]], **more: object) -> Step:
    return Step(operation, program, **more)  # type: ignore[arg-type]


def model(source: str = "file-1", *, waits: bool = True, name: str = "bot") -> dict[str, object]:
    return {
        "name": name,
        "base_model": "acme/Base",
        "source": source,
        "description": None,
        "wait_for_active": waits,
    }


BOX, CRATE = {"box": {"kind": "soak:index:Box"}}, {"box": {"kind": "soak:index:Crate"}}
RETYPED = {"box": {**CRATE["box"], "was": [["box", "soak:index:Box"]]}}


def formerly(name: str, box: str = "", kind: str = "", *, source: str = "file-1") -> dict[str, object]:
    """The model that was called `name` before, in that box, with another source if one is given."""
    return {**model(source), "was": [[name, box, kind]]}


def handed_over(of: str) -> dict[str, object]:
    """The model that `of` held, adopted."""
    return {**model(), "import": {"number": 1, "of": of}}


def only_read(of: str) -> dict[str, object]:
    """The model that `of` held, only read."""
    return {**model(), "get": {"number": 2, "of": of}}


MADE = step("up", {"a": model()})
LOST = {"method": "POST", "action": "reset", "effect": "after"}
REGRESSIONS = {
    "the host dies while it waits: the model was unknown": Sequence(
        {}, [step("up", {"a": model()}, kill=("host", 5))]
    ),
    "engine and host die: the model was unknown": Sequence(
        {}, [step("up", {"a": model()}, kill=("both", 4)), step("destroy", {})]
    ),
    "the host dies with its POST on the way": Sequence({}, [step("up", {"a": model()}, kill=("host", 1))]),
    "an answer is lost and the list is refused: the model was unknown": Sequence(
        {}, [step("up", {"a": model()}, faults=[LOST, {"method": "GET", "status": 401, "times": None}])]
    ),
    "an answer is lost and the list is away until the deadline": Sequence(
        {},
        [
            step(
                "up",
                {"a": model()},
                timeout=2,
                faults=[LOST, {"method": "GET", "action": "reset", "times": None}],
            )
        ],
    ),
    "404 for everything: a refresh dropped models that exist": Sequence(
        {},
        [
            step("up", {"a": model()}),
            step("refresh", {"a": model()}, faults=[{"method": "GET", "status": 404, "times": None}]),
        ],
    ),
    "not awaited, and missing from the first reads: a refresh dropped it": Sequence(
        {"missing_lists": 2, "missing_reads": 2},
        [step("up", {"a": model(waits=False)}), step("refresh", {"a": model(waits=False)})],
    ),
    "two alike at once, one gives up without knowing: the other stopped as ambiguous": Sequence(
        {},
        [
            step(
                "up",
                {"a": model(), "b": model(), "c": model("file-2")},
                threads=3,
                timeout=2,
                faults=[
                    {"method": "POST", "status": 500, "effect": "after", "times": 2},
                    {"method": "POST", "status": 409, "times": 5},
                    {"method": "DELETE", "action": "close", "times": None},
                ],
            )
        ],
    ),
    "left unfinished, then deleted by others: every `up` failed": Sequence(
        {}, [step("up", {"a": model()}, timeout=1), step("up", {"a": model()}, others_delete=True, timeout=1)]
    ),
    "the engine is gone when the key is refused: the model stayed in no state": Sequence(
        {},
        [
            step(
                "up",
                {"a": model()},
                faults=[{"method": "GET", "status": 401, "times": 2}],
                kill=("engine", 5),
            )
        ],
    ),
    "403 on the deletion of a new model that is not listed yet: it counted as gone": Sequence(
        {"missing_reads": 2, "missing_status": 403, "missing_lists": 2},
        [step("up", {"a": model()}, kill=("engine", 6), faults=[{"method": "DELETE", "status": 403}])],
    ),
    "404 on the deletion of a new model that is not listed yet: it counted as gone": Sequence(
        {"missing_reads": 1, "missing_lists": 1},
        [
            step("up", {"a": model(waits=False)}),
            step(
                "up",
                {"a": model("file-2", waits=False)},
                faults=[{"method": "DELETE", "effect": "before", "times": 2, "status": 404}],
            ),
        ],
    ),
    "two flavours of a base lose their answers: both stopped as ambiguous": Sequence(
        {},
        [
            step(
                "up",
                {"a": model(), "b": {**model(), "base_model": "acme/Base-fast"}},
                threads=3,
                faults=[{**LOST, "times": 2}],
            )
        ],
    ),
    "404 for everything while waiting: the model counted as vanished": Sequence(
        {}, [step("up", {"a": model()}, faults=[{"method": "GET", "status": 404, "times": None}])]
    ),
    "renamed and replaced: the old model was left alone for the new name's sake": Sequence(
        {}, [MADE, step("up", {"b": formerly("a", source="file-2")})]
    ),
    "renamed and replaced, refreshed first: blocked, as held twice": Sequence(
        {}, [MADE, step("up", {"b": formerly("a", source="file-2")}, refresh=True)]
    ),
    "renamed and replaced, refreshed by the program": Sequence(
        {}, [MADE, step("up", {"b": formerly("a", source="file-2")}, refresh=True, by_program=True)]
    ),
    "a rename pending, destroyed by the program after a refresh: the model stayed": Sequence(
        {}, [MADE, step("destroy", {"b": formerly("a")}, refresh=True, by_program=True), step("refresh", {})]
    ),
    "renamed while its model fails": Sequence(
        {},
        [
            step("up", {"a": model(waits=False)}, failing=True),
            step("up", {"b": formerly("a", source="file-2")}, refresh=True),
        ],
    ),
    "moved into a box and replaced, refreshed first": Sequence(
        {},
        [MADE, step("up", {"a": {**formerly("a", source="file-2"), "box": "box"}}, boxes=BOX, refresh=True)],
    ),
    "moved out of a box and replaced": Sequence(
        {},
        [
            step("up", {"a": {**model(), "box": "box"}}, boxes=BOX),
            step("up", {"a": formerly("a", "box", "soak:index:Box", source="file-2")}),
        ],
    ),
    "its box retyped while it changes": Sequence(
        {},
        [
            step("up", {"a": {**model(), "box": "box"}}, boxes=BOX),
            step("up", {"a": {**model("file-2"), "box": "box"}}, boxes=RETYPED),
        ],
    ),
    "handed over, refreshed first": Sequence({}, [MADE, step("up", {"b": handed_over("a")}, refresh=True)]),
    "a hand-over ends half way: the next `up` deletes the model with the resource that held it": Sequence(
        {},
        [
            MADE,
            step("up", {"b": handed_over("a"), "c": model("file-2")}, timeout=1),
        ],
    ),
    "only read in place, and held again": Sequence(
        {}, [MADE, step("up", {"a": only_read("a")}), step("up", {"a": model()}, refresh=True)]
    ),
    "only read in place by its short name": Sequence(
        {}, [MADE, step("up", {"a": {**model(), "get": {"number": 2, "of": "a", "short": True}}})]
    ),
    "only read in place, then destroyed by the program": Sequence(
        {}, [MADE, step("destroy", {"a": only_read("a")}, by_program=True)]
    ),
    "the engine dies during the search after a lost answer": Sequence(
        {"missing_lists": 3}, [step("up", {"a": model()}, faults=[LOST], kill=("engine", 4))]
    ),
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regression(world: World, name: str) -> None:
    """A sequence that once failed does not fail again."""
    run(world, REGRESSIONS[name])


def test_the_report_counts_what_was_run(capsys: pytest.CaptureFixture[str]) -> None:
    """`scripts/soak N` runs N sequences, each from its own seed."""
    from tests.soak.runner import report

    figures, broken = soak(7, 3)
    assert (figures.sequences, broken) == (3, [])
    assert "3 sequences (seeds 7 to 9)" in report(figures, broken, 7, 1.0)
    assert capsys.readouterr().out == ""
