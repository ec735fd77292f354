"""This engine does what the real one was observed to do.

Compared turn by turn: whether it succeeded, the provider's calls in their order, the step events with their keys and
diffs, the last line of every error, warnings and other messages, the counts, the state in its order with secrets
decrypted (pending operations too) and what is left in the world. The calls hold the time-outs that the engine hands
over.
Not compared: times, source positions, the default provider's random id, and what is random on the real engine: the
place of the default provider's own steps and record among the others, and the place of a component's outputs, which
the program sends while it declares its next resource.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from .engines import OwnStack, RealStack, real_version
from .lab import Scenario, play
from .record import load
from .scenarios import SCENARIOS

OBSERVED = load()
NAMES = [
    pytest.param(
        scenario, id=scenario.name.replace(" ", "-"), marks=[pytest.mark.slow] if scenario.slow else []
    )
    for scenario in SCENARIOS
]


def comparable(turn: dict[str, Any]) -> dict[str, Any]:
    """A turn, with the steps whose place is random in lists of their own."""
    # The SDK decides how it wraps a provider's exception, and changed that in 3.260.
    errors = sorted(
        {re.sub(r"(Exception calling application|RuntimeError): ", "", line) for line in turn["errors"]}
    )
    turn = {**turn, "errors": errors, "state": _state(turn["state"], ordered=isinstance(turn["steps"], list))}
    steps = json.loads(json.dumps(turn["steps"]))
    if isinstance(steps, dict):
        # Which one came first is also random.
        world = {id_: {**item, "serial": 0} for id_, item in turn["world"].items()}
        configured = sorted(
            ({**call, "urn": "(first)"} for call in turn["calls"].get("None", [])),
            key=lambda call: json.dumps(call, sort_keys=True),
        )
        return {**turn, "steps": steps, "world": world, "calls": {**turn["calls"], "None": configured}}
    providers = [step for step in steps if _DEFAULT in step["urn"]]
    components = [step for step in steps if _is_component_output(step)]
    others = [step for step in steps if step not in providers + components]
    return {**turn, "steps": others, "provider_steps": providers, "component_outputs": components}


def _is_component_output(step: dict[str, Any]) -> bool:
    known = step["event"] == "res_outputs_event" and step["op"] in ("same", "create", "update")
    return known and re.search(r"[:$]lab:index:\w+::[^:]*$", step["urn"]) is not None


_DEFAULT = "::pulumi:providers:pulumi-python::default"


def _state(state: dict[str, Any], *, ordered: bool) -> dict[str, Any]:
    """The state with the default provider's record in a list of its own; only ordered scenarios keep their order."""
    providers = [each for each in state["resources"] if _DEFAULT in each["urn"]]
    others = [each for each in state["resources"] if each not in providers]
    return {
        **state,
        "providers": providers,
        "resources": others if ordered else sorted(others, key=json.dumps),
    }


def _text(aspect: Any) -> str:
    # As text, because in Python 1, 1.0 and True are equal.
    return json.dumps(aspect, sort_keys=True, indent=1, ensure_ascii=False)


def assert_same(expected: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    """Fail at the first turn and the first aspect that differ, and name them."""
    pairs = zip(map(comparable, expected), map(comparable, json.loads(json.dumps(found))), strict=True)
    for number, (wanted, got) in enumerate(pairs):
        for aspect in wanted:
            assert _text(got[aspect]) == _text(wanted[aspect]), f"turn {number} ({wanted['op']}): {aspect}"


@pytest.mark.parametrize("scenario", NAMES)
def test_as_observed(scenario: Scenario, tmp_path: Path) -> None:
    """A scenario has the same result on this engine as in the record of the real one."""
    assert_same(OBSERVED["scenarios"][scenario.name], play(scenario, tmp_path / "lab", OwnStack))


def is_recorded(version: str) -> bool:
    """Whether the record is of that version of the CLI; some builds print their version without the leading `v`."""
    recorded: str = OBSERVED["about"]["cli"]
    return version.removeprefix("v") == recorded.removeprefix("v")


def test_a_version_is_known_with_and_without_its_v() -> None:
    """The recorded version is recognized however the CLI prints it, and no other version is."""
    recorded = OBSERVED["about"]["cli"].removeprefix("v")
    assert [is_recorded(text) for text in (recorded, f"v{recorded}", "3.0.0", "")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.cli
@pytest.mark.slow
@pytest.mark.skipif(real_version() is None, reason="no pulumi on PATH")
@pytest.mark.parametrize("scenario", NAMES)
def test_the_record_holds(scenario: Scenario, tmp_path: Path) -> None:
    """The CLI on PATH does what is recorded, if it has the recorded version."""
    if not (is_recorded(real_version() or "") or os.environ.get("COMPARE_ANY_CLI")):
        pytest.skip(f"recorded with {OBSERVED['about']['cli']}, not {real_version()}")
    assert_same(OBSERVED["scenarios"][scenario.name], play(scenario, tmp_path / "lab", RealStack))


def test_every_scenario_is_recorded() -> None:
    """Every scenario has an observation, and every observation has a scenario."""
    assert set(OBSERVED["scenarios"]) == {scenario.name for scenario in SCENARIOS}
    assert OBSERVED["about"].keys() >= {"cli", "sdk", "date"}
