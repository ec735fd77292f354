"""What the service reports as dataclasses, and the texts with a form: names, sources, base models."""

from __future__ import annotations

from typing import Any

import pytest

from nebius_model_resource._service.names import (
    GeneratedName,
    Source,
    canonical_source,
    unflavoured,
    whole_number,
)
from nebius_model_resource._service.types import Checkpoint, CustomModelInfo, FileInfo, Job, Listing

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
NO_JOBS: tuple[Any, ...] = ({"status": None}, {"status": ""}, {"status": 1}, {}, [], None)
JOB = Job("ftjob-1", "succeeded", "meta-llama/Llama-3.1-8B-Instruct")


@pytest.mark.parametrize("scheme", ["", "https://", "HTTPS://WWW."])
@pytest.mark.parametrize("end", ["", "/", ".git", ".git/"])
def test_the_spellings_of_a_hub_source_are_one(scheme: str, end: str) -> None:
    """With or without scheme, `.git` and closing slash it is the same repository; a host may be in any case."""
    spelling = f"{scheme}HuggingFace.co/org/repo{end}"
    assert Source.parse(spelling) == Source("hub", "huggingface.co/org/repo")
    assert canonical_source(spelling) == "huggingface.co/org/repo"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (" ftjob-1_a-:ftckpt_2-b\n", Source("checkpoint", "ftjob-1_a-:ftckpt_2-b")),
        ("file-1_a-", Source("file", "file-1_a-")),
        (" https://huggingface.co//o.r-g_1//r/ ", Source("hub", "huggingface.co/o.r-g_1/r")),
        *((text, None) for text in ("ftjob-1", "ftjob-1:ftckpt_2:3", "FTJOB-1:ftckpt_2", "", "a/b")),
        *((f"file-{end}", None) for end in ("", "1 2", "\u0661")),
        *((f"huggingface.co/{path}", None) for path in ("org", "org/a/b", "datasets/b", "./b")),
        ("ftp://huggingface.co/a/b", None),
    ],
)
def test_three_forms_of_a_source_are_read(text: str, source: Source | None) -> None:
    """White space around a source does not count; any other text is not a source and stays unchanged."""
    assert Source.parse(text) == source
    assert canonical_source(text) == (source.text if source else text)
    assert canonical_source(canonical_source(text)) == canonical_source(text)


@pytest.mark.parametrize(
    ("text", "base", "short", "custom"),
    [
        ("Qwen/Qwen3-4B-fast-LoRa:my-bot-AbCd", "Qwen/Qwen3-4B-fast", "my-bot-AbCd", "my-bot"),
        ("my-bot-AbCd", None, "my-bot-AbCd", "my-bot"),
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
    assert (name.base, name.short, name.custom) == (base, short, custom)


def test_a_flavour_is_the_end_of_a_base() -> None:
    """`-fast` counts at the end alone, and once."""
    assert unflavoured("a/b-fast") == "a/b"
    assert unflavoured("a/fast-b") == "a/fast-b"
    assert unflavoured("a/b-fast-fast") == "a/b-fast"


def test_a_read_is_understood_and_unknown_fields_are_ignored() -> None:
    """A captured answer gives the model, with its source built from the ids."""
    name = str(LIVE["name"])
    custom, base = GeneratedName.parse(name).custom, GeneratedName.parse(name).base
    expected = CustomModelInfo(name, custom, base, "ftjob-1:ftckpt_1", "text", "active", None, 1765431401)
    assert CustomModelInfo.parse(LIVE) == expected


@pytest.mark.parametrize(
    "value",
    [None, 7, -1.5, True, "", "\ud800", "a\nb", [None], {"a": 1}],
    ids=lambda value: type(value).__name__,
)
def test_reading_an_answer_never_raises(value: Any) -> None:
    """A wrong type in any field gives a model without that field, or none."""
    for key in LIVE:
        info = CustomModelInfo.parse({**LIVE, key: value})
        assert info is None or isinstance(info.name, str)


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"source": "anything", "file_id": "file-1"}, "anything"),
        ({"job_id": "ftjob-1", "checkpoint_id": "ftckpt_2", "file_id": "file-1"}, "ftjob-1:ftckpt_2"),
        ({"job_id": "ftjob-1", "file_id": "file-1", "url": "huggingface.co/a/b"}, "file-1"),
        ({"checkpoint_id": "ftckpt_2"}, None),
        ({"url": "https://huggingface.co/a/b"}, "huggingface.co/a/b"),
        ({"url": "s3://bucket/x"}, "s3://bucket/x"),
    ],
)
def test_a_source_is_built_from_what_a_read_has(fields: dict[str, Any], source: str | None) -> None:
    """It is the source itself, a checkpoint of its job, a file, or an address, in this order."""
    info = CustomModelInfo.parse({"name": "x", **fields})
    assert info
    assert info.source == source


@pytest.mark.parametrize(
    "body", [None, [], "x", {}, {"name": ""}, {"name": 7}, {"name": "a\nb"}, {"name": "\ud800"}]
)
def test_what_has_no_usable_name_is_no_model(body: Any) -> None:
    """A name that cannot be printed cannot be an id."""
    assert CustomModelInfo.parse(body) is None


def test_what_people_read_of_a_model_is_made_safe() -> None:
    """Status and reason become one line; description and base are data and stay unchanged."""
    words = {"status": "a\nb", "status_reason": "c\x1bd", "description": " d\n", "base_model": "a/b"}
    safe = CustomModelInfo("x", "x", "a/b", None, " d\n", "a b", "c d", None)
    assert CustomModelInfo.parse({"name": "x", **words}) == safe
    nothing = CustomModelInfo.parse({"name": "x", "status": " ", "status_reason": 7})
    assert nothing == CustomModelInfo("x", "x", *[None] * 6)


def test_a_number_is_read_as_an_integer() -> None:
    """A number that is too large to be a time, and a value that is not a number, is None."""
    assert [whole_number(value) for value in (7, 7.9, -7, 0, 62_135_596_800)] == [7, 7, -7, 0, 62_135_596_800]
    for wrong in (1e12, -1e12, float("nan"), float("inf"), True, "7", None):
        assert whole_number(wrong) is None


FILE = {"id": "file-1", "filename": "a.zip", "bytes": 7, "created_at": 1_790_000_000, "purpose": "fine-tune"}


@pytest.mark.parametrize(
    ("entry", "file"),
    [
        (
            {**FILE, "bytes": 7.0, "object": "file"},
            FileInfo("file-1", "a.zip", 7, 1_790_000_000, "fine-tune"),
        ),
        ({"id": "file-1"}, FileInfo("file-1")),
        (
            {"id": "file-1", "filename": 1, "bytes": "7", "created_at": "x", "purpose": [], "status": {}},
            FileInfo("file-1"),
        ),
        *((entry, None) for entry in ({**FILE, "id": ""}, {**FILE, "id": 1}, {"bytes": 7}, ["file-1"], None)),
    ],
)
def test_an_entry_is_a_file_if_it_has_an_id(entry: Any, file: FileInfo | None) -> None:
    """A value that the service leaves out, or returns in another type, is None."""
    assert FileInfo.parse(entry) == file


@pytest.mark.parametrize(
    ("body", "job"),
    [
        (
            {"status": "running", "model": "a/b", "trained_steps": 3.0, "total_steps": 9, "id": "ftjob-9"},
            Job("ftjob-1", "running", "a/b", None, 3, 9),
        ),
        (
            {"status": "failed\x1b[2J", "error": {"message": "bad\nfile", "code": 1}, "trained_steps": "3"},
            Job("ftjob-1", "failed [2J", None, "bad file"),
        ),
        ({"status": "failed", "error": "why", "model": 7}, Job("ftjob-1", "failed", None, "why")),
        *((none, None) for none in NO_JOBS),
    ],
)
def test_a_job_has_a_status(body: Any, job: Job | None) -> None:
    """Its id is the one that was asked for; status and error are safe to print."""
    assert Job.parse(body, "ftjob-1") == job


@pytest.mark.parametrize(
    ("metrics", "read"),
    [
        (None, {}),
        ([1], {}),
        ({"train_loss": 1, "valid_loss": None, "step": True, "note": "0.5"}, {"train_loss": 1.0}),
        ({"a": float("nan"), "b": float("inf"), "c": 10**400, "d": 0.5}, {"d": 0.5}),
    ],
)
def test_a_checkpoint_names_its_source(metrics: Any, read: dict[str, float]) -> None:
    """Steps and times become whole numbers, and the metrics are the finite numbers that are there."""
    entry = {"id": "ftckpt_2", "step_number": 7.0, "created_at": 9.5, "metrics": metrics}
    found = Checkpoint.parse(entry, JOB)
    assert found == Checkpoint("ftjob-1:ftckpt_2", "ftckpt_2", "ftjob-1", JOB.model, 7, 9, read)
    assert all(type(value) is float for value in found.metrics.values())
    assert isinstance(hash(found), int)
    bare = Checkpoint.parse({"id": "ftckpt_2"}, JOB)
    assert bare == Checkpoint("ftjob-1:ftckpt_2", "ftckpt_2", "ftjob-1", JOB.model, None, None, {})


@pytest.mark.parametrize(
    "entry", [None, [], {}, {"id": 2}, {"id": "file-1"}, {"id": "ftckpt_1 2"}, {"id": f"ftckpt_{'x' * 201}"}]
)
def test_an_entry_without_a_usable_id_is_no_checkpoint(entry: Any) -> None:
    """The id becomes a part of a source, so that it must have its form."""
    assert Checkpoint.parse(entry, JOB) is None


@pytest.mark.parametrize(
    ("entries", "listing"),
    [
        ([], Listing(())),
        ([FILE], Listing((FileInfo.parse(FILE),))),
        ([None, FILE, {}], Listing((FileInfo.parse(FILE),), complete=False)),
        ({"data": []}, None),
        (None, None),
    ],
)
def test_a_list_with_entries_that_cannot_be_read_is_not_complete(
    entries: Any, listing: Listing[Any] | None
) -> None:
    """What is not a list is None."""
    assert Listing.parse(entries, FileInfo.parse) == listing
