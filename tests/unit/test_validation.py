from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebius_model_resource.models import Source
from nebius_model_resource.validation import find_faults

GOOD = {"name": "bot", "base_model": "meta-llama/Llama", "source": "file-1"}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


def faults(**changes: Any) -> dict[str, str]:
    return {fault.property: fault.reason for fault in find_faults({**GOOD, **changes}, unknown="??")}


def test_good_inputs_have_no_fault() -> None:
    """What the documentation shows is accepted."""
    assert faults() == {}
    assert (
        faults(source="ftjob-1234567890:ftckpt_1234567890", description="", ai_project_id="aiproject-e00x")
        == {}
    )
    assert faults(source="huggingface.co/sofrony/Llama-3.1-8B-Instruct-sofrony") == {}


@pytest.mark.parametrize(
    ("prop", "value", "told"),
    [
        ("name", None, "missing: give a name such as 'support-bot'"),
        ("name", "", "was given '', must not be empty"),
        ("name", "  ", "must not be empty"),
        ("name", 5.0, "was given 5, must be text"),
        ("name", "my bot", "was given 'my bot', which has a blank"),
        ("name", "a/b:c", "which has '/', ':'"),
        ("name", "a\x07b", "must hold printable characters only"),
        ("base_model", "llama", "was given 'llama', must be 'vendor/model'"),
        ("base_model", "a/b/c", "must be 'vendor/model'"),
        ("base_model", ["x"], "must be text"),
        ("source", "ftckpt_1", "a checkpoint needs its job in front, 'ftjob-…:ftckpt_1'"),
        ("source", "ftjob-1", "a fine-tuning job needs one of its checkpoints behind it"),
        ("source", "file_1", "a file's id is 'file-' and what the Files API gave"),
        ("source", "https://huggingface.co/org/repo/tree/main", "the repository alone"),
        ("source", "org/repo", "give 'huggingface.co/org/repo'"),
        ("source", " file-1", "has blanks around it"),
        ("source", "s3://bucket", "must be 'ftjob-…:ftckpt_…', 'file-…' or 'huggingface.co/<org>/<repo>'"),
        ("description", 3, "was given 3, must be text, or left out"),
        ("ai_project_id", "a b", "must not hold blanks"),
        ("wait_for_active", "yes", "must be True or False"),
    ],
)
def test_a_fault_names_what_was_given_and_what_is_allowed(prop: str, value: Any, told: str) -> None:
    """Each kind of bad value is refused for that property alone, in one line."""
    found = faults(**{prop: value})
    assert list(found) == [prop]
    assert told in found[prop]
    assert "\n" not in found[prop]


def test_every_fault_is_told_at_once() -> None:
    """Each property with a fault has one, in the order of declaration."""
    assert list(faults(name="", base_model="x", source="y", description=1, wait_for_active=2)) == [
        "name",
        "base_model",
        "source",
        "description",
        "wait_for_active",
    ]


def test_what_is_not_known_yet_is_left_alone() -> None:
    """A placeholder is neither right nor wrong."""
    assert faults(name="??", base_model="??", source="??", wait_for_active="??") == {}


@given(st.dictionaries(st.sampled_from([*GOOD, "description", "ai_project_id", "wait_for_active"]), ANYTHING))
def test_validation_never_raises(inputs: dict[str, Any]) -> None:
    """Whatever a program passes, the answer is a list of one-line faults."""
    for fault in find_faults(inputs):
        assert fault.reason.isprintable()


@given(st.text())
def test_a_source_is_accepted_exactly_where_it_can_be_read(text: str) -> None:
    """Validation and parsing agree on every text."""
    accepted = "source" not in faults(source=text)
    assert accepted == ((Source.parse(text) is not None and text == text.strip()) or text == "??")
