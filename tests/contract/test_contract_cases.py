"""Every documented shape holds on the emulator."""

from __future__ import annotations

import pytest

from tests.contract.caller import Caller
from tests.contract.cases import CASES
from tests.contract.emulated import emulated
from tests.contract.masks import Mask
from tests.contract.outcome import AGREES, Case
from tests.contract.runner import BASE_MODEL, judge
from tests.contract.visit import Plan, Visit


@pytest.mark.parametrize(
    "case", [pytest.param(each, id=f"section-{each.section}-{each.check.__name__}") for each in CASES]
)
def test_the_emulator_agrees(case: Case) -> None:
    """Each case holds by itself, on an emulator of its own, and leaves nothing behind."""
    with emulated(BASE_MODEL) as emulator, Caller(emulator.url, emulator.api_key) as caller:
        files = emulator.files()
        visit = Visit(caller, Plan(BASE_MODEL, "huggingface.co/org/lora", pause=0.05))
        outcome = judge(case, visit, Mask(emulator.api_key))
        visit.clean()
        assert (outcome.word, visit.leftovers()) == (AGREES, []), outcome.said()
        assert (emulator.models(), emulator.files()) == ([], files)


def test_every_section_with_shapes_has_a_case() -> None:
    """All sections of the notes that describe answers of the service have cases, each case once."""
    assert {case.section for case in CASES} == {"0", "2", "3", "4", "5", "6", "7", "8"}
    assert len({case.title for case in CASES}) == len(CASES)
