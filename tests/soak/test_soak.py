"""Random sequences of programs, operations, faults and deaths: state and service agree at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.soak.runner import report, soak
from tests.soak.sequences import Sequence, Step, run
from tests.soak.world import World

pytestmark = pytest.mark.xdist_group("soak")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as running:
        yield running


def model(source: str = "file-1", *, waits: bool = True) -> dict[str, Any]:
    return {
        "name": "bot",
        "base_model": "acme/Base",
        "source": source,
        "description": None,
        "wait_for_active": waits,
    }


def formerly(name: str) -> dict[str, Any]:
    """The model that was called `name` before, with another source."""
    return {**model("file-2"), "was": [name]}


MADE = Step("up", {"a": model()})
LOST = {"method": "POST", "action": "reset", "effect": "after"}
AWAY = {"method": "GET", "action": "reset", "times": None}
HIDDEN = {"missing_reads": 2, "missing_status": 403, "missing_lists": 2}
GARBLED = {"method": "*", "action": "html", "effect": "after", "times": 5, "skip": 1}
REGRESSIONS = {
    "an answer is lost and the list is away until the deadline": Sequence(
        {}, [Step("up", {"a": model()}, timeout=2, faults=[LOST, {**AWAY, "skip": 1}])]
    ),
    "two alike at once, one gives up without knowing: the other stopped as ambiguous": Sequence(
        {},
        [
            Step(
                "up",
                {"a": model(), "b": model()},
                threads=3,
                timeout=2,
                faults=[{**LOST, "times": 2}, {"method": "DELETE", "action": "close", "times": None}],
            )
        ],
    ),
    "left unfinished, then deleted by others: every `up` failed": Sequence(
        {}, [Step("up", {"a": model()}, timeout=1), Step("up", {"a": model()}, others_delete=True, timeout=1)]
    ),
    "403 on the deletion of a new model that is not listed yet: it counted as gone": Sequence(
        HIDDEN,
        [Step("up", {"a": model()}, kill=("engine", 8), faults=[{"method": "DELETE", "status": 403}])],
    ),
    "left unfinished without a record of that: no `up` waited for it": Sequence(
        HIDDEN, [Step("up", {"a": model()}, timeout=2, faults=[GARBLED]), Step("refresh", {"a": model()})]
    ),
    "renamed while its model fails": Sequence(
        {},
        [
            Step("up", {"a": model(waits=False)}, failing=True),
            Step("up", {"b": formerly("a")}, refresh=True),
        ],
    ),
    "a hand-over ends half way: the next `up` deletes the model with the resource that held it": Sequence(
        {},
        [
            MADE,
            Step(
                "up", {"b": {**model(), "import": {"number": 1, "of": "a"}}, "c": model("file-2")}, timeout=1
            ),
        ],
    ),
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regression(world: World, name: str) -> None:
    """A sequence that once failed does not fail again."""
    run(world, REGRESSIONS[name])


def test_state_and_service_agree(capsys: pytest.CaptureFixture[str]) -> None:
    """After any sequence one `up` makes state and service agree: none lost, none twice, none unknown."""
    figures, broken = soak(7, 60)  # each from a seed of its own; `scripts/soak` is the search
    assert (figures.sequences, broken) == (60, [])
    assert "60 sequences (seeds 7 to 66)" in report(figures, broken, 7, 1.0)
    assert capsys.readouterr().out == ""
