"""This engine does what Pulumi's own does: each scenario is played on both, in the same run.

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
import re
from pathlib import Path
from typing import Any

import pytest

from .engines import OwnStack, RealStack, has_cli
from .lab import Scenario, play
from .scenarios import SCENARIOS

_CLOSING = re.compile(r"Resource monitor has terminated|^: (update|preview) failed$")
_DEFAULT = "::pulumi:providers:pulumi-python::default"


def comparable(turn: dict[str, Any]) -> dict[str, Any]:
    """A turn, with the steps whose place is random in lists of their own."""
    # The small engine ends a program before it can complain that the engine does not listen any more.
    errors = [line for line in turn["errors"] if not _CLOSING.search(line)]
    steps = turn["steps"]
    providers = [step for step in steps if _DEFAULT in step["urn"]]
    components = [step for step in steps if _is_component_output(step)]
    others = [step for step in steps if step not in providers + components]
    parts = {"steps": others, "provider_steps": providers, "component_outputs": components}
    return {**turn, **parts, "errors": errors, "state": _state(turn["state"])}


def _is_component_output(step: dict[str, Any]) -> bool:
    known = step["event"] == "res_outputs_event" and step["op"] in ("same", "create", "update")
    return known and re.search(r"[:$]lab:index:\w+::[^:]*$", step["urn"]) is not None


def _state(state: dict[str, Any]) -> dict[str, Any]:
    """The state with the default provider's record in a list of its own."""
    providers = [each for each in state["resources"] if _DEFAULT in each["urn"]]
    others = [each for each in state["resources"] if each not in providers]
    return {**state, "providers": providers, "resources": others}


def text(aspect: Any) -> str:
    """An aspect as text: in Python 1, 1.0 and True are equal."""
    return json.dumps(aspect, sort_keys=True, indent=1, ensure_ascii=False)


@pytest.mark.cli
@pytest.mark.slow
@pytest.mark.skipif(not has_cli(), reason="no pulumi on PATH: scripts/engine builds it")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "-"))
def test_both_engines_do_the_same(scenario: Scenario, tmp_path: Path) -> None:
    """A scenario has the same result on this engine as on Pulumi's own."""
    for folder in ("real", "own"):
        (tmp_path / folder).mkdir()
    real = play(scenario, tmp_path / "real" / "lab", RealStack)
    own = play(scenario, tmp_path / "own" / "lab", OwnStack)
    for number, (wanted, got) in enumerate(zip(map(comparable, real), map(comparable, own), strict=True)):
        for aspect in wanted:
            assert text(got[aspect]) == text(wanted[aspect]), f"turn {number} ({wanted['op']}): {aspect}"
