"""The reasons for inputs that cannot work, word for word."""

from __future__ import annotations

from typing import Any

import pytest

from nebius_model_resource._lifecycle.validation import find_faults

GOOD = {"name": "bot", "base_model": "acme/Base", "source": "file-1"}
FORMS = "'ftjob-…:ftckpt_…', 'file-…' or 'huggingface.co/<org>/<repo>'"
VENDOR = "'vendor/model', such as 'meta-llama/Meta-Llama-3.1-8B-Instruct'"
HIDDEN = "was given a text that is not shown because it may contain a password or token"
UNUSABLE = f"was given a secret that cannot be used, must be {FORMS}"


@pytest.mark.parametrize(
    ("prop", "value", "reason"),
    [
        ("base_model", None, f"missing: give {VENDOR}"),
        ("base_model", 5.0, f"was given 5, must be text: give {VENDOR}"),
        ("base_model", " ", f"was given ' ', must not be empty: give {VENDOR}"),
        ("base_model", "acme/Ba\x07se", "was given 'acme/Ba\\x07se', must contain only printable characters"),
        ("source", None, f"missing: give {FORMS}"),
        ("source", "", f"was given '', must not be empty: give {FORMS}"),
        ("source", "x" * 78, f"was given '{'x' * 78}', must be {FORMS}"),
        ("source", "x" * 79, f"was given '{'x' * 79}… (81 characters), must be {FORMS}"),
        ("source", ["a"], f"was given a list, must be text: must be {FORMS}"),
        ("source", {"a": 1}, f"was given a dictionary, must be text: must be {FORMS}"),
        ("source", "https://user:pass@x/y", f"{HIDDEN}: must be {FORMS}"),
        (
            "source",
            "https://user:pass@huggingface.co/acme/lora",
            f"{HIDDEN}: give only the repository, 'huggingface.co/acme/lora'",
        ),
        (
            "ai_project_id",
            "a b",
            (
                "was given 'a b', which has spaces or line breaks in it, remove them: "
                "must be an id without white space or quotes, or left out"
            ),
        ),
        ("wait_for_active", "yes", "was given 'yes', must be True or False"),
        ("description", 5, "was given 5, must be text, or left out"),
    ],
)
def test_a_fault_says_what_was_given_and_what_is_allowed(prop: str, value: Any, reason: str) -> None:
    """The complete reason is pinned for each kind of fault."""
    [fault] = find_faults({**GOOD, prop: value})
    assert (fault.property, fault.reason) == (prop, reason)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("word", UNUSABLE),
        (5, UNUSABLE),
        ({"a": 1}, UNUSABLE),
        ("", f"was given '', must not be empty: give {FORMS}"),
    ],
)
def test_a_secret_is_hidden_unless_it_is_empty(value: Any, reason: str) -> None:
    """The reason for an unusable secret has only the rule."""
    [fault] = find_faults({**GOOD, "source": value}, secrets={"source"})
    assert fault.reason == reason
    assert fault.hidden is (value != "")


def test_the_properties_after_a_hidden_fault_are_looked_at() -> None:
    """A fault whose value is not shown does not end the search for others."""
    faults = find_faults({**GOOD, "source": ["a"], "description": 5})
    assert [(fault.property, fault.hidden) for fault in faults] == [("source", True), ("description", False)]


def test_the_properties_after_an_unknown_one_are_looked_at() -> None:
    """A value that is not known yet is not checked, and every other fault is reported."""
    faults = find_faults({"name": "?", "base_model": "", "source": "?", "description": 5}, "?")
    assert [fault.property for fault in faults] == ["base_model", "description"]
