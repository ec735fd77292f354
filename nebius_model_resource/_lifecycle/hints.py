"""What a text that is not a source was probably meant to be, and what to give instead."""

from __future__ import annotations

import re

from nebius_model_resource._api.models import INFIX, Source, is_repository
from nebius_model_resource._api.pasted import QUOTES, may_hold_a_credential

_IDS = re.compile(r"(ftjob|ftckpt)[-_]?([\w-]*?)(?=[^\w-]|[-_]*(?:ftjob|ftckpt)|$)", re.IGNORECASE | re.ASCII)
_HUB = re.compile(
    r"(?:(?:https?|ssh|git)://)?(?:www\.)?(?:huggingface\.co|hf\.co)(?::\d+)?(?:[/:](?P<site>.*))?|hf:/*(?P<path>.*)",
    re.IGNORECASE | re.DOTALL,
)
_ELSEWHERE = re.compile(
    r"[a-z][a-z0-9+.-]*://.*|[.~]{1,2}(/.*)?|[/\\].*|[a-z]:[/\\].*|[^/]+/|.*\\.*"
    r"|.*\.(?:zip|tar|gz|tgz|bz2|xz|7z|safetensors|bin|pt|pth|gguf|json)",
    re.IGNORECASE | re.DOTALL,
)
_LISTED = "`GET /v1/fine_tuning/jobs/<job>/checkpoints` lists them"
_SHOWN = 120

# What a text that begins so is.
_OTHER_THINGS = {
    rf".*{INFIX}": "this is the name of an existing model: give the source that it was created from, or adopt it "
    "with the resource option `import` (in Python `import_`)",
    r"ft:|.*\bckpt[-_]step": "a `fine_tuned_model_checkpoint` is not a source: give the ids of the job and of its "
    f"checkpoint, 'ftjob-…:ftckpt_…', {_LISTED}",
    r"model[-_]?artifacts?[-_:/]": "a model artifact belongs to dedicated endpoints and cannot be the source of a "
    "custom model",
}
# What to say of the ids of a training, by their kinds in order.
_TRAININGS = {
    ("ftjob", "ftckpt"): "give {}",
    ("ftckpt", "ftjob"): "the job comes before its checkpoint, give {}",
    ("ftckpt",): "a checkpoint needs its job before it, {}",
    ("ftjob",): f"a fine-tuning job needs one of its checkpoints after it, {{}}: {_LISTED}",
}


def source_hint(text: str, base_model: object = None) -> str:
    """What to give instead of a text that is not a source; empty if it looks like nothing known."""
    text = text.strip()
    if Source.parse(text):  # only white space around it is wrong
        return ""
    bare = text.strip(QUOTES).strip()
    if bare != text:
        source = Source.parse(bare)
        return f"it has quotes around it{f', give {str(source)!r} without them' if source else ''}"
    for pattern, hint in _OTHER_THINGS.items():
        if re.match(pattern, text, re.IGNORECASE | re.DOTALL):
            return hint
    return _training(text) or _file(text) or _repository(text) or _elsewhere(text, base_model)


def repository_within(text: str) -> str | None:
    """The repository in a hub address that also has a user, a token or a query; None if there is none."""
    found = re.split(r"[?#;&]", text.rpartition("@")[2])[0]
    match = _HUB.fullmatch(found)
    source = _named(match["site"] or match["path"] or "") if match else None
    return None if source is None or may_hold_a_credential(source) else source


def _training(text: str) -> str:
    found = [(kind.lower(), id_.strip("-_") or "…") for kind, id_ in _IDS.findall(text)]
    if not found:
        return ""
    if "…" in text or "..." in text:
        return "replace the dots with the ids"
    ids = dict(found)
    source = _cut(f"ftjob-{ids.get('ftjob', '…')}:ftckpt_{ids.get('ftckpt', '…')}")
    hint = _TRAININGS.get(tuple(ids) if len(ids) == len(found) else ())
    return hint.format(source) if hint else "give one job and one of its checkpoints, 'ftjob-…:ftckpt_…'"


def _file(text: str) -> str:
    if not re.match(r"file(?=$|[-_:\s](?!/))", text, re.IGNORECASE):
        return ""
    match = re.fullmatch(r"file[-_:\s]+([\w-]+)", text, re.IGNORECASE | re.ASCII)
    given = f", give {_cut('file-' + match[1])}" if match else ""
    return f"a file's id is 'file-…', as the Files API returns it{given}"


def _repository(text: str) -> str:
    match = _HUB.fullmatch(text)
    if not match:
        return ""
    path = (match["site"] or match["path"] or "").strip("/")
    if path.lower().startswith(("datasets/", "spaces/")):
        return "a dataset or a space is not a model: give a model's repository, 'huggingface.co/<org>/<repo>'"
    if repository := _named(path):
        return f"a Hugging Face source is only the repository, give {repository!r}"
    if "/" not in path:
        return "a Hugging Face source is an owner and a repository, 'huggingface.co/<org>/<repo>'"
    return (
        "Hugging Face allows no such repository name: only letters, digits, '-', '_' and '.', without '--' or '..', "
        "and without '-' or '.' at either end"
    )


def _elsewhere(text: str, base_model: object) -> str:
    if _ELSEWHERE.fullmatch(text):
        return "the service reads no paths or other addresses: upload the adapter's archive and give its id, 'file-…'"
    if text == base_model:
        return "this is the base model itself: the source is the adapter that was trained on it"
    if text.removesuffix("/").count("/") == 1 and (repository := _named(text)):
        return f"if it is a Hugging Face repository, give {repository!r}"
    return ""


def _named(path: str) -> str | None:
    """The source that the path of a hub address names, whatever follows the repository."""
    parts = [part for part in path.split("/") if part]
    while parts and parts[0].lower() in ("api", "models"):
        parts.pop(0)
    if len(parts) < 2:
        return None
    owner, name = parts[0], re.split("[@:]", parts[1])[0].removesuffix(".git")
    return f"huggingface.co/{owner}/{name}" if is_repository(owner, name) else None


def _cut(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
