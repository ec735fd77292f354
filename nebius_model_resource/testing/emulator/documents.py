"""The JSON objects that the API answers with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .model import Model

# Seen live in Dec 2025 for an adapter of this base; inherited from the base, so other bases differ.
_KNOWN_TRAITS: dict[str, dict[str, Any]] = {
    "meta-llama/Meta-Llama-3.1-8B-Instruct": {
        "tags": ["128K context", "small", "JSON mode", "lora"],
        "use_cases": ["lora"],
        "quality": 73,
        "context_window_k": 128,
        "size_b": 8.03,
    }
}
_OTHER_TRAITS: dict[str, Any] = {
    "tags": ["lora"],
    "use_cases": ["lora"],
    "quality": None,
    "context_window_k": None,
    "size_b": None,
}
# Seen live: the vendor is not the first part of the name. Only this pair was seen.
_VENDORS = {"meta-llama": "meta"}


def created(model: Model, *, short: bool = False) -> dict[str, Any]:
    """Return what create and delete answer: exactly the documented fields, and no id."""
    return {
        "name": model.short_name if short else model.name,
        "base_model": model.base_model,
        "source": model.source,
        "created_at": model.created_at,
        "status": model.status,
        "description": model.description,
    }


def entry(model: Model, *, with_status: bool = True) -> dict[str, Any]:
    """Return what reads and lists answer: the fields seen live in 2025, never `base_model` or `source`."""
    document = {
        "type": "text2text",
        "name": model.name,
        "status": model.status,
        "status_reason": model.status_reason,
        **_origin(model.source),
        "created_at": model.created_at,
        "description": model.description,
        "vendor": _vendor(model.base_model),
        **_KNOWN_TRAITS.get(model.base_model, _OTHER_TRAITS),
    }
    if not with_status:
        del document["status"]
    return document


def whole(model: Model) -> dict[str, Any]:
    """Return everything known about a model, for tests and the steering routes."""
    return {
        **created(model),
        "short_name": model.short_name,
        "custom_name": model.custom_name,
        "status_reason": model.status_reason,
        "ai_project_id": model.ai_project_id,
    }


def _origin(source: str) -> dict[str, str | None]:
    job, colon, checkpoint = source.partition(":")
    is_job = bool(colon) and source.startswith("ftjob-")
    is_file = source.startswith("file-")
    is_address = not is_job and not is_file and "huggingface.co/" in source
    return {
        "checkpoint_id": checkpoint if is_job else None,
        "job_id": job if is_job else None,
        "file_id": source if is_file else None,
        "url": source if is_address else None,
    }


def _vendor(base_model: str) -> str:
    vendor = base_model.partition("/")[0]
    return _VENDORS.get(vendor, vendor)
