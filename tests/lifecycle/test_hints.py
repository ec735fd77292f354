"""The hints about a text that is not a source."""

from __future__ import annotations

import pytest

from nebius_model_resource._lifecycle.hints import repository_within, source_hint

ALONE = "a Hugging Face source is only the repository, give 'huggingface.co/acme/lora'"
OWNER = "a Hugging Face source is an owner and a repository, 'huggingface.co/<org>/<repo>'"
ELSEWHERE = (
    "the service reads no paths or other addresses: upload the adapter's archive and give its id, 'file-…'"
)
MAYBE = "if it is a Hugging Face repository, give 'huggingface.co/acme/lora'"
ARTIFACT = "a model artifact belongs to dedicated endpoints and cannot be the source of a custom model"
FILE = "a file's id is 'file-…', as the Files API returns it"
LISTED = "`GET /v1/fine_tuning/jobs/<job>/checkpoints` lists them"
TUNED = (
    "a `fine_tuned_model_checkpoint` is not a source: give the ids of the job and of its checkpoint, "
    f"'ftjob-…:ftckpt_…', {LISTED}"
)
HINTS = {
    "hf://acme/lora": ALONE,
    "hf:///acme/lora/": ALONE,
    "https://huggingface.co/acme/lora/tree/main": ALONE,
    "https://huggingface.co/api/models/acme/lora": ALONE,
    "https://huggingface.co/acme/lora.git@main": ALONE,
    "https://huggingface.co/acme": OWNER,
    "https://huggingface.co": OWNER,
    "https://huggingface.co/acme/": OWNER,
    "https://huggingface.co/Xdatasets/a/b": (
        "a Hugging Face source is only the repository, give 'huggingface.co/Xdatasets/a'"
    ),
    "hf:": OWNER,
    "https://huggingface.co/datasets/acme/x": (
        "a dataset or a space is not a model: give a model's repository, 'huggingface.co/<org>/<repo>'"
    ),
    "https://huggingface.co/acme/--x": (
        "Hugging Face allows no such repository name: only letters, digits, '-', '_' and '.', "
        "without '--' or '..', and without '-' or '.' at either end"
    ),
    "s3://bucket/x": ELSEWHERE,
    "/acme/lora": ELSEWHERE,
    "acme/Base": "this is the base model itself: the source is the adapter that was trained on it",
    "acme/lora": MAYBE,
    "acme/lora/": MAYBE,
    "acme/lora/x": "",
    "datasets/x": "",
    "word": "",
    " file-1 ": "",
    "modelartifact-1": ARTIFACT,
    "Model-Artifacts/1": ARTIFACT,
    "FILE_12": f"{FILE}, give 'file-12'",
    "file": FILE,
    "file: x!": FILE,
    f"file {'y' * 115}": f"{FILE}, give 'file-{'y' * 115}'",
    f"file {'y' * 116}": f"{FILE}, give 'file-{'y' * 115}…'",
    "ftjob-1_:ftckpt-_2": "give 'ftjob-1:ftckpt_2'",
    "ftckpt_7:ftjob-1": "the job comes before its checkpoint, give 'ftjob-1:ftckpt_7'",
    "ftckpt_XaX:ftjob-b": "the job comes before its checkpoint, give 'ftjob-b:ftckpt_XaX'",
    "ftckpt_": "a checkpoint needs its job before it, 'ftjob-…:ftckpt_…'",
    "ftckpt_7": "a checkpoint needs its job before it, 'ftjob-…:ftckpt_7'",
    "ftjob-_1-": (f"a fine-tuning job needs one of its checkpoints after it, 'ftjob-1:ftckpt_…': {LISTED}"),
    "ftjob-1:ftjob-2:ftckpt_1": "give one job and one of its checkpoints, 'ftjob-…:ftckpt_…'",
    "ftjob-…": "replace the dots with the ids",
    "ftjob-...:ftckpt_...": "replace the dots with the ids",
    "…": "",
    "'file-1'": "it has quotes around it, give 'file-1' without them",
    '"what"': "it has quotes around it",
    "ft:acme": TUNED,
    "FT:ACME": TUNED,
    "m-ckpt-step-7": TUNED,
    "acme/Base-lora:bot-AAAA": (
        "this is the name of an existing model: give the source that it was created from, or adopt it "
        "with the resource option `import` (in Python `import_`)"
    ),
}


@pytest.mark.parametrize(("text", "hint"), HINTS.items())
def test_a_text_that_is_no_source_has_its_hint(text: str, hint: str) -> None:
    """The complete hint is pinned for each kind of text."""
    assert source_hint(text, "acme/Base") == hint


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://user:pass@huggingface.co/acme/lora?x=1", "huggingface.co/acme/lora"),
        ("https://u@huggingface.co/acme/lora#x", "huggingface.co/acme/lora"),
        ("hf://acme/lora?token=1", "huggingface.co/acme/lora"),
        ("hf:", None),
        ("https://huggingface.co", None),
        ("http://elsewhere/acme/lora", None),
    ],
)
def test_the_repository_is_found_within_an_address(text: str, found: str | None) -> None:
    """The text around it, such as a token, is left out."""
    assert repository_within(text) == found
