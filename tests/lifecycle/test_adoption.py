"""Whether an existing model is the declared one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nebius_model_resource._api.models import Inputs, ModelInfo
from nebius_model_resource._lifecycle.adoption import differences

INPUTS = Inputs("bot", "acme/Base", "file-1", description="answers")
LIVE = ModelInfo("acme/Base-LoRa:bot-AAAA", "active", description="answers", source="file-1")
REMEDY = "declare the live value to adopt the model, or remove `import_` to create a new one"
WAIT = "only an active model can be adopted, wait or name another"


def _differs(prop: str, given: str, live: str) -> tuple[str, str]:
    return prop, f"given {given} / live {live}: {REMEDY}"


@pytest.mark.parametrize(
    ("live", "faults"),
    [
        ({}, []),
        ({"source": None}, []),
        ({"description": " answers\n"}, []),
        ({"name": "acme/Base-fast-LoRa:bot-AAAA"}, []),
        ({"name": "bot-AAAA"}, []),
        ({"name": "bot-AAAA", "base_model": "acme/Base"}, []),
        ({"base_model": "acme/Bass"}, []),
        (
            {"name": "bot-AAAA", "base_model": "acme/Bass"},
            [_differs("base_model", "'acme/Base'", "'acme/Bass'")],
        ),
        ({"name": "acme/Bass-LoRa:bot-AAAA"}, [_differs("base_model", "'acme/Base'", "'acme/Bass'")]),
        ({"name": "acme/Base-LoRa:boat-AAAA"}, [_differs("name", "'bot'", "'boat'")]),
        ({"source": "file-2"}, [_differs("source", "'file-1'", "'file-2'")]),
        ({"description": None}, [_differs("description", "'answers'", "None")]),
        (
            {"status": "validating"},
            [("import_", f"'acme/Base-LoRa:bot-AAAA' is validating: {WAIT}")],
        ),
        ({"status": None}, [("import_", f"'acme/Base-LoRa:bot-AAAA' has no status yet: {WAIT}")]),
        (
            {"status": "error", "status_reason": "rank"},
            [("import_", f"'acme/Base-LoRa:bot-AAAA' is error (rank): {WAIT}")],
        ),
    ],
)
def test_each_difference_is_named(live: dict[str, Any], faults: list[tuple[str, str]]) -> None:
    """A value that the service does not return is no difference; all others are compared by meaning."""
    found = differences(INPUTS, replace(LIVE, **live))
    assert [(each.property, each.reason) for each in found] == faults
    assert not any(each.hidden for each in found)


def test_a_secret_input_is_not_shown() -> None:
    """Its difference is reported without its value, and marked so that no edge shows it."""
    inputs = replace(INPUTS, description="asks", secrets=frozenset({"description"}))
    [fault] = differences(inputs, LIVE)
    assert fault.reason == f"given a secret / live 'answers': {REMEDY}"
    assert fault.hidden
