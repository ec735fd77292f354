"""``nebius-models archive``: check a folder or zip as a preview does, and print what is in it."""

from __future__ import annotations

import sys

from nebius_model_resource._adapter import Adapter, read
from nebius_model_resource._cli.table import details
from nebius_model_resource._contents import in_units
from nebius_model_resource._service.answers import one_line


def run(path: str) -> None:
    """Print a summary, and warnings on standard error.

    Raises:
        UnusableArchive: the adapter cannot be uploaded.
    """
    adapter = read(path)
    print(_summary(adapter))
    for warning in adapter.warnings:
        print(f"nebius-models: warning: {one_line(warning)}", file=sys.stderr)


def _summary(adapter: Adapter) -> str:
    config, files = adapter.config, adapter.listing.files
    alpha = f" (alpha {config['lora_alpha']})" if "lora_alpha" in config else ""
    modules = config.get("target_modules")
    dtypes = ", ".join(sorted({tensor.dtype for tensor in adapter.tensors.values()}))
    fields = {
        "path": adapter.path,
        "rank": f"{config.get('r', '-')}{alpha}",
        "base model": config.get("base_model_name_or_path"),
        "target modules": ", ".join(sorted(map(str, modules))) if isinstance(modules, list) else modules,
        "tensors": f"{len(adapter.tensors)} ({dtypes})",
        "files": ", ".join(name for name, _ in files),
        "size": f"{in_units(adapter.listing.size)} ({adapter.listing.size} bytes)",
        "sha256": adapter.sha256,
    }
    return details(fields)
