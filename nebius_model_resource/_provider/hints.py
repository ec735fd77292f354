"""What is wrong with a text that is not a source, and what to give instead."""

from __future__ import annotations

import re

from nebius_model_resource._service.names import INFIX, Source

_HUB = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?:models/)?|hf:/*", re.IGNORECASE)
_LISTED = "`nebius-models checkpoints <job>` lists them"
# What a text is, by its beginning or its form, and what to do.
_OTHERS = {
    rf".*{INFIX}": "this is the name of an existing model: give the source that it was created from, or adopt it "
    "with the resource option `import` (in Python `import_`)",
    r".*ftjob-.*ftckpt_|.*ftckpt_.*ftjob-": "the job comes first, then its checkpoint, 'ftjob-…:ftckpt_…'",
    r".*ftjob-": f"a fine-tuning job needs one of its checkpoints after it: {_LISTED}",
    r".*ftckpt_": "a checkpoint needs its job before it",
    r"ft:|.*\bckpt[-_]step": f"a `fine_tuned_model_checkpoint` is not a source: {_LISTED}",
    r"model[-_]?artifact": "a model artifact belongs to dedicated endpoints and cannot be the source of a custom model",
    r"[./~\\]|[a-z]:[/\\]|.*\.(?:zip|tar|gz|tgz|safetensors|bin|gguf|json)$": "the service reads no paths: upload the "
    "folder with ModelArchive and give its file_id",
}


def source_problem(text: str) -> str | None:
    """What follows "must be one of the three forms" for a text that is none of them; None for a source."""
    bare = text.strip(" \t\r\n\"'`")
    if bare != text:
        return ": remove the white space and quotes around it"
    if Source.parse(text):
        return None
    others = (hint for form, hint in _OTHERS.items() if re.match(form, text, re.IGNORECASE | re.DOTALL))
    hub = _repository(text)
    hint = hub if _HUB.match(text) else next(others, hub)
    return f": {hint}" if hint else ""


def _repository(text: str) -> str:
    """What to give in place of a hub's address that is more than a repository, or less."""
    is_hub = _HUB.match(text)
    parts = re.split(r"[/?#@:]+", _HUB.sub("", text, count=1))
    repository = Source.parse(f"huggingface.co/{'/'.join(parts[:2])}") if len(parts) > 1 else None
    if repository and (is_hub or len(parts) == 2):
        return f"give only the repository, {str(repository)!r}"
    return "give 'huggingface.co/<org>/<repo>'" if is_hub else ""
