"""What a text that is no source was most likely meant to be, and what to give instead."""

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
_CHECKPOINTS = "`GET /v1/fine_tuning/jobs/<job>/checkpoints` lists them"
_SHOWN = 120


def source_hint(text: str, base_model: object = None) -> str:
    """What to give instead of a text that is no source; empty where it is like nothing known.

    Args:
        text: what was given.
        base_model: the base model of the same resource, as it was given.
    """
    text = text.strip()
    if Source.parse(text):  # but for the blanks around it
        return ""
    for hint in (_unquoted, _finished_model, _training_ids, _file, _artifact, _repository, _archive):
        if found := hint(text):
            return found
    return _short_name(text, base_model)


def repository_within(text: str) -> str | None:
    """The repository in a hub address that has a user, a token or a query as well; None where there is none."""
    found = re.split(r"[?#;&]", text.rpartition("@")[2])[0]
    match = _HUB.fullmatch(found)
    source = _named(match["site"] or match["path"] or "") if match else None
    return None if source is None or may_hold_a_credential(source) else source


def _unquoted(text: str) -> str:
    bare = text.strip(QUOTES).strip()
    if bare == text:
        return ""
    source = Source.parse(bare)
    return f"it has quotes around it{f', give {str(source)!r} without them' if source else ''}"


def _finished_model(text: str) -> str:
    if INFIX.lower() in text.lower():
        return (
            "this is the name of a model that exists already: give what it was made from, and "
            "opts=ResourceOptions(import_=…) to adopt it"
        )
    if re.match(r"ft:|.*\bckpt[-_]step", text, re.IGNORECASE):
        return (
            "a `fine_tuned_model_checkpoint` is no source: give the ids of the job and of its checkpoint, "
            f"'ftjob-…:ftckpt_…', {_CHECKPOINTS}"
        )
    return ""


def _training_ids(text: str) -> str:
    found = [(kind.lower(), id_.strip("-_")) for kind, id_ in _IDS.findall(text)]
    kinds = [kind for kind, _ in found]
    if "…" in text or "..." in text:
        return "put the ids in place of the dots" if kinds else ""
    ids = {kind: id_ or "…" for kind, id_ in found}
    whole = _cut(f"ftjob-{ids.get('ftjob', '…')}:ftckpt_{ids.get('ftckpt', '…')}")
    if kinds == ["ftjob", "ftckpt"]:
        return f"give {whole}"
    if kinds == ["ftckpt", "ftjob"]:
        return f"the job stands in front of its checkpoint, give {whole}"
    if kinds == ["ftckpt"]:
        return f"a checkpoint needs its job in front, {whole}"
    if kinds == ["ftjob"]:
        return f"a fine-tuning job needs one of its checkpoints behind it, {whole}: {_CHECKPOINTS}"
    return "give one job and one of its checkpoints, 'ftjob-…:ftckpt_…'" if kinds else ""


def _file(text: str) -> str:
    if not re.match(r"file(?=$|[-_:\s](?!/))", text, re.IGNORECASE):
        return ""
    match = re.fullmatch(r"file[-_:\s]+([\w-]+)", text, re.IGNORECASE | re.ASCII)
    given = f", give {_cut('file-' + match[1])}" if match else ""
    return f"a file's id is 'file-' and what the Files API gave{given}"


def _artifact(text: str) -> str:
    if re.match(r"model[-_]?artifacts?[-_:/]", text, re.IGNORECASE):
        return "a model artifact belongs to dedicated endpoints and cannot be the source of a custom model"
    return ""


def _repository(text: str) -> str:
    match = _HUB.fullmatch(text)
    if not match:
        return ""
    path = (match["site"] or match["path"] or "").strip("/")
    if path.lower().startswith(("datasets/", "spaces/")):
        return "a dataset or a space is no model: give a model's repository, 'huggingface.co/<org>/<repo>'"
    if repository := _named(path):
        return f"a Hugging Face source is the repository alone, give {repository!r}"
    if path.count("/") == 0:
        return "a Hugging Face source is an owner and a repository, 'huggingface.co/<org>/<repo>'"
    return (
        "Hugging Face has no repository of such a name: its names are letters, digits, '-', '_' and '.', "
        "without '--', '..' and without '-' or '.' at an end"
    )


def _archive(text: str) -> str:
    if _ELSEWHERE.fullmatch(text):
        return "the service reads no path and no other address: upload the adapter's archive and give its id, 'file-…'"
    return ""


def _short_name(text: str, base_model: object) -> str:
    if text == base_model:
        return "this is the base model itself: the source is the adapter that was trained on it"
    owner, slash, name = text.removesuffix("/").partition("/")
    if slash and (repository := _named(f"{owner}/{name}")) and "/" not in name:
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
