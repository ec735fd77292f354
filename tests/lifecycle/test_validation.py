from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebius_model_resource._api.models import Source, canonical_source
from nebius_model_resource._lifecycle.validation import find_faults

GOOD = {"name": "bot", "base_model": "meta-llama/Llama", "source": "file-1"}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


def faults(**changes: Any) -> dict[str, str]:
    return {fault.property: fault.reason for fault in find_faults({**GOOD, **changes}, unknown="??")}


def test_good_inputs_have_no_fault() -> None:
    """The values of the documentation are accepted."""
    assert faults() == {}
    assert (
        faults(source="ftjob-1234567890:ftckpt_1234567890", description="", ai_project_id="aiproject-e00x")
        == {}
    )
    assert faults(source="huggingface.co/sofrony/Llama-3.1-8B-Instruct-sofrony") == {}


@pytest.mark.parametrize(
    ("prop", "value", "reported"),
    [
        ("name", None, "missing: give a name such as 'support-bot'"),
        ("name", "", "was given '', must not be empty"),
        ("name", "  ", "must not be empty"),
        ("name", 5.0, "was given 5, must be text"),
        ("name", "my bot", "was given 'my bot', must be a name such as 'support-bot'"),
        ("name", "a/b:c", "must be a name such as 'support-bot', without white space, '/' or ':'"),
        ("name", "a\x07b", "must contain only printable characters"),
        ("base_model", "llama", "was given 'llama', must be 'vendor/model'"),
        ("base_model", "a/b/c", "must be 'vendor/model'"),
        ("base_model", ["x"], "must be text"),
        ("source", "ftckpt_1", "a checkpoint needs its job before it, 'ftjob-…:ftckpt_1'"),
        ("source", "ftjob-1", "a fine-tuning job needs one of its checkpoints after it"),
        ("source", "file_1", "a file's id is 'file-…', as the Files API returns it"),
        ("source", "https://huggingface.co/org/repo/tree/main", "only the repository"),
        ("source", "org/repo", "give 'huggingface.co/org/repo'"),
        ("source", " file-1", "has white space around it"),
        ("source", "s3://bucket", "must be 'ftjob-…:ftckpt_…', 'file-…' or 'huggingface.co/<org>/<repo>'"),
        ("description", 3, "was given 3, must be text, or left out"),
        ("ai_project_id", "a b", "must be an id without white space or quotes"),
        ("ai_project_id", "'aiproject-1'", "has quotes around it"),
        ("wait_for_active", "yes", "must be True or False"),
        ("import_id", "bot AAAA", "must be the generated name of a model"),
        ("import_id", 5, "must be the generated name of a model"),
    ],
)
def test_a_fault_names_what_was_given_and_what_is_allowed(prop: str, value: Any, reported: str) -> None:
    """Each kind of bad value is refused for its own property only, in one line."""
    found = faults(**{prop: value})
    assert list(found) == [prop]
    assert reported in found[prop]
    assert "\n" not in found[prop]


@pytest.mark.parametrize("value", [True, False, None])
def test_whether_to_wait_is_a_bool_or_left_out(value: bool | None) -> None:
    """Both values of `wait_for_active` are accepted, and it may be left out."""
    assert faults(wait_for_active=value) == {}


def test_every_fault_is_reported_at_once() -> None:
    """Each property with a fault has one, in the order of declaration."""
    assert list(faults(name="", base_model="x", source="y", description=1, wait_for_active=2)) == [
        "name",
        "base_model",
        "source",
        "description",
        "wait_for_active",
    ]


def test_what_is_not_known_yet_is_left_alone() -> None:
    """A placeholder is not checked."""
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


CHECKPOINT = "give 'ftjob-1:ftckpt_2'"
REPOSITORY = "give 'huggingface.co/org/repo'"
ARCHIVE = "upload the adapter's archive and give its id, 'file-…'"
NO_NAME = "Hugging Face allows no such repository name"


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("hf://org/repo", REPOSITORY),
        ("HF://models/org/repo/", REPOSITORY),
        ("hf.co/org/repo", REPOSITORY),
        ("https://hf.co/org/repo.git", REPOSITORY),
        ("https://huggingface.co/org/repo/tree/main", REPOSITORY),
        ("https://huggingface.co/org/repo/blob/main/adapter_config.json", REPOSITORY),
        ("huggingface.co/org/repo/resolve/main/adapter_model.safetensors", REPOSITORY),
        ("huggingface.co/org/repo:main", REPOSITORY),
        ("org/repo@main", REPOSITORY),
        ("huggingface.co/datasets/org/repo", "a dataset or a space is not a model"),
        ("https://huggingface.co/spaces/org/repo", "a dataset or a space is not a model"),
        ("huggingface.co/org", "an owner and a repository"),
        ("huggingface.co/../..", NO_NAME),
        ("huggingface.co/./x", NO_NAME),
        ("huggingface.co/org/-repo", NO_NAME),
        ("huggingface.co/org/re--po", NO_NAME),
        ("huggingface.co/org/.git", NO_NAME),
        ("huggingface.co/org/" + "x" * 97, NO_NAME),
        ("ft:meta-llama/Llama-3.1-8B:org::id:ckpt-step-9", "a `fine_tuned_model_checkpoint` is not a source"),
        ("model-artifact_0193", "belongs to dedicated endpoints"),
        ("s3://bucket/adapter.zip", ARCHIVE),
        ("./adapter", ARCHIVE),
        ("../adapter", ARCHIVE),
        ("~/adapter", ARCHIVE),
        ("/home/x/adapter", ARCHIVE),
        ("C:\\adapters\\mine", ARCHIVE),
        ("adapter/", ARCHIVE),
        ("adapter.zip", ARCHIVE),
        ("out/adapter.tar.gz", ARCHIVE),
        ("file:///home/x/adapter", ARCHIVE),
        ("https://example.com/adapter", ARCHIVE),
        ("ftckpt_2:ftjob-1", f"the job comes before its checkpoint, {CHECKPOINT}"),
        ("ftjob-1:ftckpt-2", CHECKPOINT),
        ("ftjob_1:ftckpt_2", CHECKPOINT),
        ("ftjob-1/ftckpt_2", CHECKPOINT),
        ("ftjob-1 : ftckpt_2", CHECKPOINT),
        ("ftjob-1:", "needs one of its checkpoints after it, 'ftjob-1:ftckpt_…'"),
        ("ftjob-…:ftckpt_…", "replace the dots with the ids"),
        ("ftjob-1:ftjob-2", "give one job and one of its checkpoints"),
        ("file_123", "give 'file-123'"),
        ("File:123", "give 'file-123'"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct-LoRa:bot-AbCd", "the name of an existing model"),
        ("meta-llama/Llama", "this is the base model itself"),
        ('"file-1"', "it has quotes around it, give 'file-1' without them"),
        ("\u201chuggingface.co/a/b\u201d", "it has quotes around it, give 'huggingface.co/a/b' without them"),
    ],
)
def test_a_wrong_source_has_its_hint(source: str, hint: str) -> None:
    """A text that people paste instead of a source gets a hint of its own, after what is allowed."""
    [reason] = faults(source=source).values()
    assert reason.startswith(f"was given {source!r}, must be 'ftjob-…:ftckpt_…'") or len(source) > 80
    assert hint in reason


def test_white_space_around_a_source_is_the_only_thing_reported() -> None:
    """If nothing else is wrong, there is no further hint."""
    assert faults(source="file-1\n") == {
        "source": r"was given 'file-1\n', has white space around it: remove it"
    }


@pytest.mark.parametrize(
    ("source", "reported"),
    [
        ("https://user:hf_s3cret@huggingface.co/org/repo", REPOSITORY[5:]),
        ("https://oauth2:s3cret@huggingface.co/org/repo.git", REPOSITORY[5:]),
        ("https://s3cret@hf.co/org/repo", REPOSITORY[5:]),
        ("user:s3cret@huggingface.co/org/repo", REPOSITORY[5:]),
        ("https://huggingface.co/org/repo?token=s3cret", REPOSITORY[5:]),
        ("https://huggingface.co/org/repo#access_token=s3cret", REPOSITORY[5:]),
        ("https://bucket.s3x.example/a.zip?X-Amz-Signature=s3cret", "must be 'ftjob-…:ftckpt_…'"),
        ("hf_s3cret0123456789", "must be 'ftjob-…:ftckpt_…'"),
        ("https://huggingface.co/org/hf_s3cret0123456789/x", "must be 'ftjob-…:ftckpt_…'"),
    ],
)
def test_a_text_with_a_token_in_it_is_not_shown(source: str, reported: str) -> None:
    """Neither our message nor the engine shows it; the message names the repository in it."""
    for prop in ("source", "base_model"):
        [fault] = find_faults({**GOOD, prop: source})
        assert fault.hidden
        assert "s3cret" not in fault.reason
        assert prop != "source" or reported in fault.reason


BAD_TEXT = st.text(min_size=8).filter(lambda text: any(mark.isspace() for mark in text[1:-1]))


@given(BAD_TEXT, st.sampled_from(["name", "base_model", "source", "ai_project_id"]))
def test_a_secret_is_never_in_a_reason(secret: str, prop: str) -> None:
    """A secret input that is refused is not repeated, and no engine may show it."""
    for fault in find_faults({**GOOD, prop: secret}, secrets=[prop]):
        assert fault.hidden
        assert secret not in fault.reason
        assert "was given a secret that cannot be used, must be" in fault.reason


def test_a_list_is_not_shown_since_a_part_of_it_may_be_secret() -> None:
    """A value that is not a text is named by its kind."""
    [fault] = find_faults({**GOOD, "source": ["file-1", "s3cret"]})
    assert fault.hidden
    assert fault.reason.startswith("was given a list, must be text")


@given(st.text() | st.builds("huggingface.co/{}/{}".format, st.text("ab.-_G"), st.text("ab.-_G")))
def test_a_canonical_source_is_its_own(text: str) -> None:
    """Writing a source in its documented spelling once more changes nothing, and what is read stays readable."""
    assert canonical_source(canonical_source(text)) == canonical_source(text)
    assert (Source.parse(text) is None) == (Source.parse(canonical_source(text)) is None)
