"""Names of files in an archive: which ones are needed, left out, or refused."""

from __future__ import annotations

import re

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
_LEFT_OUT = ("__MACOSX", "Thumbs.db", "desktop.ini")
_DRIVE = re.compile(r"[A-Za-z]:")


def fault(name: str) -> str | None:
    """Why a name cannot be unpacked safely on every system; None where it can."""
    if not name.isprintable():
        return "has characters that cannot be printed, or that are not UTF-8"
    if "\\" in name:
        return "has a backslash"
    if name.startswith("/") or _DRIVE.match(name):
        return "is an absolute path"
    if ".." in name.split("/"):
        return "leaves the archive"
    return None


def plain(name: str) -> str:
    """A name without empty parts and ``.``, which some programs write: ``./a//b`` is ``a/b``."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def is_left_out(name: str) -> bool:
    """Whether a file is no part of an adapter: hidden, in a hidden folder, or put there by a desktop."""
    return any(part.startswith(".") or part in _LEFT_OUT for part in name.split("/"))
