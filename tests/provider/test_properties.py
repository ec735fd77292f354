"""What follows from the table of properties: validation, the body, the diff, the live values, and a new input."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebius_model_resource._provider.properties import ARCHIVE, ENDPOINT, MODEL, UNKNOWN
from nebius_model_resource._service.names import Source, canonical_source
from nebius_model_resource._service.types import CustomModelInfo
from tests.support.engine_calls import Bench

GOOD = {"name": "bot", "base_model": "acme/Base", "source": "file-1"}
LIVE = {"name": "acme/Base-LoRa:bot-AAAA", "description": "answers", "file_id": "file-1"}
NAME = "a name such as 'support-bot', without white space, '/' or ':'"
BASE = "'vendor/model', such as 'meta-llama/Meta-Llama-3.1-8B-Instruct'"
FORMS = "'ftjob-…:ftckpt_…', 'file-…' or 'huggingface.co/<org>/<repo>'"
PROJECT = "must be an id without white space or quotes, or left out"


def faults(**changes: Any) -> dict[str, str]:
    """The faults of a good model with some changes."""
    return {fault.property: fault.reason for fault in MODEL.faults({**GOOD, **changes})}


def test_good_inputs_have_no_fault() -> None:
    """The values of the documentation are accepted, and what a preview does not know yet is left alone."""
    for source in ("ftjob-12:ftckpt_12", "huggingface.co/org/L-3.1", "https://huggingface.co/org/lora.git"):
        assert (
            faults(source=source, description="", ai_project_id="aiproject-e00x", wait_for_active=False) == {}
        )
    assert faults(**dict.fromkeys(("name", "base_model", "source", "wait_for_active"), UNKNOWN)) == {}


REPOSITORY = "of a Hugging Face repository give only 'huggingface.co/<org>/<repo>'"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("name", None, f"missing: give {NAME}"),
        ("name", "  ", f"must not be empty: give {NAME}"),
        ("name", 5.0, f"must be {NAME}"),
        ("name", "my bot", f"must be {NAME}"),
        ("name", "a/b:c", f"must be {NAME}"),
        ("name", "a\x07b", f"must be {NAME}, of printable characters"),
        ("base_model", None, f"missing: give {BASE}"),
        ("base_model", "llama", f"must be {BASE}"),
        ("source", "", f"must not be empty: give {FORMS}"),
        ("source", {"a": 1}, f"must be {FORMS}"),
        ("source", "word", f"must be {FORMS}"),
        ("description", 3, "must be text, or left out"),
        ("ai_project_id", "a b", f"{PROJECT}: it has spaces or line breaks in it, remove them"),
        ("ai_project_id", "'aiproject-1'", f"{PROJECT}: it has quotes around it, remove them"),
        ("wait_for_active", "yes", "must be True or False"),
    ],
)
def test_a_fault_says_what_is_allowed(name: str, value: Any, reason: str) -> None:
    """Each kind of bad value is refused for its own input alone; the value itself is shown by Pulumi."""
    assert faults(**{name: value}) == {name: reason}


PATH = "the service reads no paths: upload the folder with ModelArchive and give its file_id"


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        (" file-1\n", "remove the white space and quotes around it"),
        ('"file-1"', "remove the white space and quotes around it"),
        ("hf://org/repo", REPOSITORY),
        ("https://huggingface.co/org/repo/tree/main", REPOSITORY),
        ("org/repo", REPOSITORY),
        ("huggingface.co/org", REPOSITORY),
        ("https://huggingface.co/datasets/org/repo", REPOSITORY),
        ("ftjob-1", "a fine-tuning job needs one of its checkpoints after it: `nebius-models checkpoints"),
        ("ftckpt_2", "a checkpoint needs its job before it"),
        ("ft:meta-llama/Llama:org::ckpt-step-9", "a `fine_tuned_model_checkpoint` is not a source"),
        ("acme/Base-LoRa:bot-AbCd", "this is the name of an existing model"),
        ("model-artifact_0193", "a model artifact is no adapter: give it to a DedicatedEndpoint"),
        ("./adapter", PATH),
        ("C:\\adapters\\mine", PATH),
    ],
)
def test_a_text_that_is_pasted_in_place_of_a_source_has_its_hint(source: str, hint: str) -> None:
    """After the three forms the reason says what the text is, or what to give."""
    [reason] = faults(source=source).values()
    assert reason.startswith(f"must be {FORMS}: {hint}")


CREDENTIALS = [
    "https://user:hf_s3cret@huggingface.co/org/repo",
    "https://s3cret@hf.co/org/repo",
    "user:s3cret@huggingface.co/org/repo",
    "https://huggingface.co/org/repo?token=s3cret",
    "https://bucket.example/a.zip#X-Amz-Signature=s3cret",
    "https://huggingface.co/org/hf_s3cret0123456789/x",
    "password: s3cret",
]


@pytest.mark.parametrize("value", CREDENTIALS)
@pytest.mark.parametrize("name", ["source", "base_model"])
def test_what_may_be_a_credential_is_not_shown(bench: Bench, name: str, value: str) -> None:
    """Neither the reason nor the engine shows it: the failure names no property, so that the engine adds no value."""
    [(shown, reason)] = bench.models.check(bench.call, {}, {**GOOD, name: value}).failures
    assert (shown, "s3cret" in reason) == ("", False)
    assert reason.startswith(f"`{name}`: must be ")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*MODEL.inputs, *ENDPOINT.inputs]), ANYTHING))
def test_validation_never_raises_and_repeats_no_value(inputs: dict[str, Any]) -> None:
    """Whatever a program passes, the answer is a list of one-line faults, which say the same of every wrong value."""
    for fault in (*MODEL.faults(inputs), *ENDPOINT.faults(inputs)):
        assert fault.reason.isprintable()
        assert fault.reason.startswith("m")  # must, or missing
        value = str(inputs.get(fault.property))
        assert len(value) < 20 or value not in fault.reason


@given(st.text() | st.builds("huggingface.co/{}/{}".format, st.text("ab.-_G"), st.text("ab.-_G")))
def test_validation_and_parsing_agree_on_every_source(text: str) -> None:
    """A source is accepted exactly where it can be read; its documented spelling is its own."""
    assert ("source" not in faults(source=text)) == (Source.parse(text) is not None and text == text.strip())
    assert canonical_source(canonical_source(text)) == canonical_source(text)


def test_the_body_has_the_documented_spelling_of_what_is_sent() -> None:
    """The project goes into the query and the wait stays here; descriptions are sent without white space around."""
    hub = "https://huggingface.co/acme/lora/"
    inputs = MODEL.inputs_of({**GOOD, "source": hub, "description": " answers\n", "ai_project_id": "p"})
    assert MODEL.body(inputs) == {**GOOD, "source": "huggingface.co/acme/lora", "description": "answers"}


def test_bags_have_defaults_and_whole_numbers() -> None:
    """Empty values are left out, a default stands for a missing one, and the engine's floats become integers."""
    bag = {**GOOD, "description": "", "status": "active", "created_at": 7.0, "other": 1}
    state = MODEL.state_of("acme/Base-LoRa:bot-AAAA", bag)
    assert state.inputs == {**GOOD, "wait_for_active": True}
    assert state.bag() == {**GOOD, "wait_for_active": True, "status": "active", "created_at": 7}
    assert isinstance(state.bag()["created_at"], int)
    assert ARCHIVE.state_of("file-1", {"path": "a", "size": 5.0}).bag() == {"path": "a", "size": 5}


@pytest.mark.parametrize(
    ("name", "old", "new", "changed"),
    [
        ("source", "huggingface.co/acme/lora", "https://www.huggingface.co/acme/lora.git", False),
        ("source", "huggingface.co/acme/lora", "huggingface.co/Acme/lora", True),
        ("source", "file-1", UNKNOWN, True),
        ("description", "answers", " answers\n", False),
        ("description", None, "  ", False),
        ("description", "answers", None, True),
        ("base_model", "acme/Base", "acme/Base-fast", True),
        ("wait_for_active", True, False, True),
    ],
)
def test_two_spellings_of_one_value_are_no_change(name: str, old: Any, new: Any, changed: bool) -> None:
    """Inputs are compared by what they mean at the service."""
    assert MODEL.changed({**GOOD, name: old}, {**GOOD, name: new}) == ([name] if changed else [])
    assert MODEL.changed({**GOOD, name: new}, {**GOOD, name: old}) == ([name] if changed else [])


HUB = "huggingface.co/a/b"
LIVE_VALUES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({}, {}, {}),
    ({"description": " answers\n"}, {}, {"description": " answers\n"}),
    ({"description": "asks"}, {"description": None}, {"description": None}),
    ({"source": HUB}, {"file_id": None, "url": f"https://{HUB}"}, {"source": HUB}),
    ({}, {"file_id": None}, {}),
    ({}, {"file_id": None, "job_id": "ftjob-1", "checkpoint_id": "ftckpt_2"}, {"source": "ftjob-1:ftckpt_2"}),
    ({"base_model": "acme/Base-fast"}, {}, {"base_model": "acme/Base-fast"}),
    ({}, {"name": "acme/Base-fast-LoRa:bot-AAAA"}, {}),
    ({}, {"name": "acme/Bass-LoRa:boat-AAAA"}, {"base_model": "acme/Bass", "name": "boat"}),
    ({}, {"name": "bot-AAAA", "base_model": "acme/Bass"}, {"base_model": "acme/Bass"}),
    ({"ai_project_id": "p"}, {"ai_project_id": "q"}, {"ai_project_id": "p"}),
]


@pytest.mark.parametrize(("declared", "reported", "live"), LIVE_VALUES)
def test_an_input_changes_only_where_the_service_reports_another_meaning(
    declared: dict[str, Any], reported: dict[str, Any], live: dict[str, Any]
) -> None:
    """What it does not report stays as declared, and a `-fast` flavour that a name may lack is no difference."""
    info = CustomModelInfo.parse({**LIVE, **reported})
    found = {"description": None, **MODEL.live({**GOOD, **declared}, info)}
    assert found == {**GOOD, "description": "answers", **live}
