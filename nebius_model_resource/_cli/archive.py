"""``nebius-models archive``: check a folder or zip as a preview does, and print what is in it."""

from __future__ import annotations

import sys

from nebius_model_resource._adapter import Adapter, read
from nebius_model_resource._api.redact import harmless
from nebius_model_resource._contents import in_units
from nebius_model_resource.errors import UnusableArchive


def run(path: str) -> int:
    """Print a summary, and warnings on standard error.

    Returns:
        0 where the adapter can be uploaded; 1 where it cannot, after one line that says why.
    """
    try:
        adapter = read(path)
    except UnusableArchive as error:
        print(f"nebius-models: {error}", file=sys.stderr)
        return 1
    print(_summary(adapter))
    for warning in adapter.warnings:
        print(f"nebius-models: warning: {harmless(warning)}", file=sys.stderr)
    return 0


def _summary(adapter: Adapter) -> str:
    config, files = adapter.config, adapter.listing.files
    alpha = f" (alpha {config['lora_alpha']})" if "lora_alpha" in config else ""
    modules = config.get("target_modules") or "-"
    dtypes = ", ".join(sorted({tensor.dtype for tensor in adapter.tensors.values()}))
    lines = {
        "path": adapter.path,
        "rank": f"{config.get('r', '-')}{alpha}",
        "base model": str(config.get("base_model_name_or_path") or "-"),
        "target modules": ", ".join(sorted(map(str, modules))) if isinstance(modules, list) else str(modules),
        "tensors": f"{len(adapter.tensors)} ({dtypes})",
        "files": ", ".join(name for name, _ in files),
        "size": f"{in_units(adapter.listing.size)} ({adapter.listing.size} bytes)",
        "sha256": adapter.sha256,
    }
    return "\n".join(f"{name + ':':16}{harmless(text)}" for name, text in lines.items())
