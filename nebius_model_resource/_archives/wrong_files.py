"""What people give instead of an adapter, and what to do about it."""

from __future__ import annotations

from nebius_model_resource._archives.members import Content
from nebius_model_resource._archives.names import CONFIG, WEIGHTS

_POINTER = b"version https://git-lfs.github.com/spec/"
_PAGES = (b"<!doctype html", b"<html", b"<?xml")
_OTHER_WEIGHTS = {
    "adapter_model.bin": "holds 'adapter_model.bin': save the adapter with safe_serialization=True",
    "model.safetensors": "holds a complete model, not an adapter: save the adapter alone",
    "model.safetensors.index.json": "holds a complete model, not an adapter: save the adapter alone",
}


def what_it_is(start: bytes, *, page: bool) -> str | None:
    """What a file is instead of what its name says; None if its beginning does not show it.

    Args:
        start: its first bytes.
        page: whether it cannot be a web page.
    """
    if start.startswith(_POINTER):
        return "a git-lfs pointer, not the file itself: run `git lfs pull`"
    if page and start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGES):
        return "a web page saved in place of the file: download it again, with a token where one is needed"
    return None


def explain_missing(content: Content, name: str) -> str:
    """Why a needed file is not there."""
    names = [member.name for member in content.members]
    if not names:
        return f"holds no files: {CONFIG} and {WEIGHTS} are needed"
    folders = sorted(each.rpartition("/")[0] for each in names if each.endswith(f"/{name}"))
    if len(folders) == 1:
        return f"has {name} in the folder {folders[0]!r}: give that folder, or put the files at the root"
    if folders:
        return f"has {name} in {len(folders)} folders ({folders[0]!r}, …): give one of them"
    if zips := [each for each in names if each.lower().endswith(".zip")]:
        return f"holds {zips[0]!r} instead of {name}: give that zip alone"
    for other, why in _OTHER_WEIGHTS.items():
        if name == WEIGHTS and other in names:
            return f"{why} ({WEIGHTS} is missing)"
    both = f"{CONFIG} and {WEIGHTS} are" if not {CONFIG, WEIGHTS} & set(names) else f"{name} is"
    return f"lacks what an adapter needs: {both} missing"
