from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebius_model_resource._api.models import (
    GeneratedName,
    Inputs,
    ModelInfo,
    Source,
    canonical_source,
    changed_inputs,
    same_base,
)

# A word is a repository's name as well, which the hub holds to rules of its own.
WORD = st.lists(st.sampled_from(["a", "Z", "09", "a-b", "a.b", "a_b"]), min_size=1, max_size=4).map("".join)
SOURCES = st.one_of(
    st.builds("ftjob-{}:ftckpt_{}".format, st.uuids(), st.uuids()),
    st.builds("file-{}".format, st.uuids()),
    st.builds("huggingface.co/{}/{}".format, WORD, WORD),
)
INPUTS = st.builds(
    Inputs,
    name=WORD,
    base_model=st.builds("{}/{}".format, WORD, WORD),
    source=SOURCES,
    description=st.none() | st.text(min_size=1),
    ai_project_id=st.none() | WORD,
    wait_for_active=st.booleans(),
)
LIVE = {
    "type": "text2text",
    "name": "meta-llama/Meta-Llama-3.1-8B-Instruct-LoRa:bot-AbCd",
    "status": "active",
    "status_reason": None,
    "checkpoint_id": "ftckpt_1",
    "job_id": "ftjob-1",
    "file_id": None,
    "url": None,
    "created_at": 1765431401,
    "description": "text",
    "vendor": "meta",
    "something_new": {"deep": [1]},
}


@given(SOURCES)
def test_a_source_survives_being_read_and_written(text: str) -> None:
    """The documented spelling of a source is its own."""
    assert canonical_source(text) == text


@pytest.mark.parametrize(
    "spelling",
    [
        "huggingface.co/org/repo",
        "https://huggingface.co/org/repo",
        "https://huggingface.co/org/repo/",
        "HuggingFace.co/org/repo",
        "HTTPS://WWW.HUGGINGFACE.CO/org/repo",
        "huggingface.co/org/repo.git",
        "https://huggingface.co/org/repo.git/",
    ],
)
def test_the_spellings_of_a_hub_source_are_one(spelling: str) -> None:
    """With or without scheme, `.git` and closing slash it is the same repository, and a host has no case."""
    assert Source.parse(spelling) == Source("hub", "huggingface.co/org/repo")
    assert canonical_source(spelling) == "huggingface.co/org/repo"
    plain = Inputs("bot", "a/b", "huggingface.co/org/repo")
    assert changed_inputs(plain, Inputs("bot", "a/b", spelling)) == []


def test_a_generated_name_is_taken_apart() -> None:
    """Base, short name and the name that was asked for stand in the generated one."""
    name = GeneratedName.parse("Qwen/Qwen3-4B-fast-LoRa:my-bot-AbCd")
    assert (name.base, name.short, name.custom) == ("Qwen/Qwen3-4B-fast", "my-bot-AbCd", "my-bot")
    short = GeneratedName.parse("my-bot-AbCd")
    assert (short.base, short.custom, short.is_full) == (None, "my-bot", False)
    assert short.names(name.text)
    assert name.names(short.text)
    assert not name.names("Qwen/Other-LoRa:my-bot-AbCd")


def test_a_base_is_the_same_with_and_without_its_flavour() -> None:
    """The documented example drops `-fast` in the generated name, live captures keep it."""
    assert same_base("Qwen/Qwen3-4B-fast", "Qwen/Qwen3-4B")
    assert not same_base("Qwen/Qwen3-4B", "Qwen/Qwen3-8B")


def test_a_read_is_understood_and_unknown_fields_are_ignored() -> None:
    """A captured answer gives the model, with its source put together from the ids."""
    info = ModelInfo.parse(LIVE)
    assert info == ModelInfo(
        name=str(LIVE["name"]),
        status="active",
        created_at=1765431401,
        description="text",
        source="ftjob-1:ftckpt_1",
    )


@given(
    st.dictionaries(
        st.sampled_from(sorted(LIVE)), st.none() | st.integers() | st.text() | st.lists(st.none())
    )
)
def test_reading_an_answer_never_raises(changes: dict[str, Any]) -> None:
    """Wrong types in any field give a model without that field, or none."""
    info = ModelInfo.parse({**LIVE, **changes})
    assert info is None or isinstance(info.name, str)


@given(INPUTS)
def test_no_change_is_no_diff(inputs: Inputs) -> None:
    """Inputs never differ from themselves."""
    assert changed_inputs(inputs, inputs) == []


@given(INPUTS, INPUTS)
def test_the_diff_names_exactly_what_differs_in_meaning(old: Inputs, new: Inputs) -> None:
    """Every compared property is named where it differs, and no other; white space around a description is nothing."""
    compared = ("name", "base_model", "source", "description", "ai_project_id")

    def meaning(inputs: Inputs, prop: str) -> str | None:
        value: str | None = getattr(inputs, prop)
        return (value or "").strip() if prop == "description" else value

    assert changed_inputs(old, new) == [prop for prop in compared if meaning(old, prop) != meaning(new, prop)]
