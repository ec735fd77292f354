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
    is_repository,
    same_base,
    trimmed,
    unflavoured,
    whole_number,
)

# A word is also the name of a repository, for which the hub has rules of its own.
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
    """A source in its documented spelling does not change."""
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
    """With or without scheme, `.git` and closing slash it is the same repository; a host may be in any case."""
    assert Source.parse(spelling) == Source("hub", "huggingface.co/org/repo")
    assert canonical_source(spelling) == "huggingface.co/org/repo"
    plain = Inputs("bot", "a/b", "huggingface.co/org/repo")
    assert changed_inputs(plain, Inputs("bot", "a/b", spelling)) == []


def test_a_generated_name_has_three_parts() -> None:
    """The generated name holds the base, the short name and the requested name."""
    name = GeneratedName.parse("Qwen/Qwen3-4B-fast-LoRa:my-bot-AbCd")
    assert (name.base, name.short, name.custom) == ("Qwen/Qwen3-4B-fast", "my-bot-AbCd", "my-bot")
    short = GeneratedName.parse("my-bot-AbCd")
    assert (short.base, short.custom, short.is_full) == (None, "my-bot", False)
    assert short.names(name.text)
    assert name.names(short.text)
    assert not name.names("Qwen/Other-LoRa:my-bot-AbCd")


def test_a_base_is_the_same_with_and_without_its_flavour() -> None:
    """The documented example drops `-fast` in the generated name, and live captures keep it."""
    assert same_base("Qwen/Qwen3-4B-fast", "Qwen/Qwen3-4B")
    assert not same_base("Qwen/Qwen3-4B", "Qwen/Qwen3-8B")


def test_a_read_is_understood_and_unknown_fields_are_ignored() -> None:
    """A captured answer gives the model, with its source built from the ids."""
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
    """Every compared property is named if it differs, and no other; space around a description is no difference."""
    compared = ("name", "base_model", "source", "description", "ai_project_id")

    def meaning(inputs: Inputs, prop: str) -> str | None:
        value: str | None = getattr(inputs, prop)
        return (value or "").strip() if prop == "description" else value

    assert changed_inputs(old, new) == [prop for prop in compared if meaning(old, prop) != meaning(new, prop)]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (" ftjob-1_a-:ftckpt_2-b\n", Source("checkpoint", "ftjob-1_a-:ftckpt_2-b")),
        ("file-1_a-", Source("file", "file-1_a-")),
        (" https://huggingface.co//o.r-g_1//r/ ", Source("hub", "huggingface.co/o.r-g_1/r")),
        ("ftjob-1", None),
        ("ftjob-1:ftckpt_2:3", None),
        ("FTJOB-1:ftckpt_2", None),
        ("file-", None),
        ("file-1 2", None),
        ("file-\u0661", None),
        ("huggingface.co/org", None),
        ("huggingface.co/org/a/b", None),
        ("huggingface.co/datasets/b", None),
        ("ftp://huggingface.co/a/b", None),
        ("a/b", None),
        ("", None),
    ],
)
def test_three_forms_of_a_source_are_read(text: str, source: Source | None) -> None:
    """White space around a source does not count; any other text is not a source and stays unchanged."""
    assert Source.parse(text) == source
    assert canonical_source(text) == (source.text if source else text)


@pytest.mark.parametrize(
    ("owner", "name", "holds"),
    [
        ("org", "repo", True),
        ("o", "r", True),
        ("Org-1", "re.po_2", True),
        ("a" * 96, "b" * 96, True),
        ("a" * 97, "b", False),
        ("a", "b" * 97, False),
        ("a--b", "c", False),
        ("a", "b..c", False),
        ("-a", "b", False),
        ("a", "b.", False),
        ("a", "b.git", False),
        ("a.git", "b", True),
        ("Datasets", "b", False),
        ("spaces", "b", False),
        ("a", "spaces", True),
        ("\u0451", "b", False),
    ],
)
def test_the_hub_has_rules_for_names(owner: str, name: str, holds: bool) -> None:
    """They are those of huggingface_hub, and no page of the site counts as an owner."""
    assert is_repository(owner, name) is holds


@pytest.mark.parametrize(
    ("text", "base", "short", "custom"),
    [
        ("a/B-LoRa:x-LoRa:bot-AbCd", "a/B-LoRa:x", "bot-AbCd", "bot"),
        ("a/B-LoRa:bot", "a/B", "bot", "bot"),
        ("a/B-lora:bot-AbCd", None, "a/B-lora:bot-AbCd", "a/B-lora:bot"),
        ("bot-AbC1", None, "bot-AbC1", "bot-AbC1"),
        ("-LoRa:bot-ABCD", "", "bot-ABCD", "bot"),
    ],
)
def test_where_a_generated_name_is_divided(text: str, base: str | None, short: str, custom: str) -> None:
    """The last `-LoRa:` divides it, and the last four letters come from the service."""
    name = GeneratedName.parse(text)
    assert (name.text, name.base, name.short, name.custom) == (text, base, short, custom)
    assert name.is_full is (base is not None)


def test_two_names_of_one_model() -> None:
    """A text names itself, and a short name names its full one; two full names or two short ones are two models."""
    full, short = "a/B-LoRa:bot-AbCd", "bot-AbCd"
    for one, other in ((full, full), (short, short), (full, short), (short, full)):
        assert GeneratedName.parse(one).names(other)
    for one, other in ((full, "a/C-LoRa:bot-AbCd"), (short, "bot-AbCe"), (full, "bot-AbCe"), (short, "a/B")):
        assert not GeneratedName.parse(one).names(other)


def test_a_flavour_is_the_end_of_a_base() -> None:
    """`-fast` counts at the end alone, and once."""
    assert unflavoured("a/b-fast") == "a/b"
    assert unflavoured("a/fast-b") == "a/fast-b"
    assert unflavoured("a/b-fast-fast") == "a/b-fast"


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        ({}, []),
        ({"wait_for_active": False, "import_id": "x", "secrets": frozenset({"name"})}, []),
        ({"description": " text\n"}, []),
        ({"source": "https://huggingface.co/a/b.git"}, []),
        ({"name": "c", "description": "other"}, ["name", "description"]),
        ({"description": None, "ai_project_id": None}, ["description", "ai_project_id"]),
        ({"ai_project_id": "", "source": ""}, ["source", "ai_project_id"]),
        ({"base_model": "a/b-fast", "source": "file-1"}, ["base_model", "source"]),
        ({"ai_project_id": " p "}, ["ai_project_id"]),
    ],
)
def test_each_change_of_meaning_is_named(changes: dict[str, Any], changed: list[str]) -> None:
    """The changes come in the order of declaration; an option of the wait or another spelling is no change."""
    old = Inputs("b", "a/b", "huggingface.co/a/b", "text", "p")
    new = Inputs(**{**vars(old), **changes})
    assert changed_inputs(old, new) == changed_inputs(new, old) == changed


def test_an_empty_text_is_an_absent_one() -> None:
    """An empty project or description equals an absent one."""
    absent = Inputs("b", "a/b", "file-1", None, None)
    assert changed_inputs(absent, Inputs("b", "a/b", "file-1", " ", "")) == []
    # A name that looks like a source is not a source.
    spelled, plain = (Inputs(f"huggingface.co/a/b{end}", "a/b", "file-1") for end in (".git", ""))
    assert changed_inputs(spelled, plain) == ["name"]
    assert trimmed(None) is trimmed(" \n") is None
    assert trimmed(" a ") == "a"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        (7.9, 7),
        (-7, -7),
        (0, 0),
        (1e15 - 1, 10**15 - 1),
        (1e15, None),
        (-1e15, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        ("7", None),
        (None, None),
    ],
)
def test_a_number_is_read_as_an_integer(value: Any, number: int | None) -> None:
    """A number that is too large to be a time, and a value that is not a number, is None."""
    assert whole_number(value) == number


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"source": "anything", "file_id": "file-1"}, "anything"),
        ({"job_id": "ftjob-1", "checkpoint_id": "ftckpt_2", "file_id": "file-1"}, "ftjob-1:ftckpt_2"),
        ({"job_id": "ftjob-1", "file_id": "file-1", "url": "huggingface.co/a/b"}, "file-1"),
        ({"checkpoint_id": "ftckpt_2"}, None),
        ({"url": "https://huggingface.co/a/b"}, "huggingface.co/a/b"),
        ({"url": "s3://bucket/x"}, "s3://bucket/x"),
        ({"url": ""}, None),
        ({"url": "\ud800"}, None),
        ({}, None),
    ],
)
def test_a_source_is_built_from_what_a_read_has(fields: dict[str, Any], source: str | None) -> None:
    """It is the source itself, a checkpoint of its job, a file, or an address, in this order."""
    info = ModelInfo.parse({"name": "x", **fields})
    assert info
    assert info.source == source


@pytest.mark.parametrize(
    "body", [None, [], "x", {}, {"name": ""}, {"name": 7}, {"name": "a\nb"}, {"name": "\ud800"}]
)
def test_what_has_no_usable_name_is_no_model(body: Any) -> None:
    """A name that cannot be printed cannot be an id."""
    assert ModelInfo.parse(body) is None


def test_what_people_read_of_a_model_is_made_safe() -> None:
    """Status and reason become one line without the key; description and base are data and stay unchanged."""
    key = "sk-0123456789abcdef"
    info = ModelInfo.parse(
        {
            "name": "x",
            "status": f"a\n{key}",
            "status_reason": f"b\x1b{key}",
            "description": f" d\n{key}",
            "base_model": f"a/{key}",
            "created_at": 7.0,
        },
        key,
    )
    assert info == ModelInfo("x", "a [api key]", "b [api key]", 7, f" d\n{key}", f"a/{key}", None)
    assert ModelInfo.parse({"name": "x", "status": " ", "status_reason": 7}) == ModelInfo("x")
