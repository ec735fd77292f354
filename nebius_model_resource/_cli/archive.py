"""``nebius-models archive``: check a folder or zip as a preview does, and print what is in it."""

from __future__ import annotations

import sys

from nebius_model_resource._api.redact import harmless
from nebius_model_resource._archives.adapter import Adapter, read_adapter
from nebius_model_resource._archives.members import in_units
from nebius_model_resource.errors import UnusableArchive


def run(path: str) -> int:
    """Print a summary, and warnings on standard error.

    Returns:
        0 where the adapter can be uploaded; 1 where it cannot, after one line that says why.
    """
    try:
        adapter = read_adapter(path)
    except UnusableArchive as error:
        print(f"nebius-models: {error}", file=sys.stderr)
        return 1
    print(_summary(adapter))
    for warning in adapter.warnings:
        print(f"nebius-models: warning: {harmless(warning)}", file=sys.stderr)
    return 0


def _summary(adapter: Adapter) -> str:
    alpha = "" if adapter.alpha is None else f" (alpha {adapter.alpha:g})"
    lines = {
        "path": adapter.path,
        "rank": "-" if adapter.rank is None else f"{adapter.rank}{alpha}",
        "base model": adapter.base_model or "-",
        "target modules": ", ".join(adapter.target_modules) or "-",
        "tensors": f"{adapter.tensors} ({', '.join(adapter.dtypes) or '-'})",
        "files": ", ".join(file.name for file in adapter.files),
        "size": f"{in_units(adapter.size)} ({adapter.size} bytes)",
        "sha256": adapter.sha256,
    }
    return "\n".join(f"{name + ':':16}{harmless(text)}" for name, text in lines.items())
