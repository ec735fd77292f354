"""The switches of the emulator, one object, changeable while it runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def _template(
    name: str, size_b: float, license_name: str, gpu_counts: dict[str, list[int]]
) -> dict[str, Any]:
    """Return a template with a flavor for each entry of `gpu_counts`; the values are ours."""
    url = f"https://huggingface.co/{name}"
    metadata = {"vendor": name.partition("/")[0], "context_window_k": 128, "size_b": size_b}
    more = {"huggingface_url": url, "license": {"url": f"{url}/blob/main/LICENSE", "name": license_name}}
    where = {"gpu_types": ["gpu-h100-sxm", "gpu-h200-sxm"], "regions": ["eu-north1", "us-central1"]}
    flavors = {flavor: {**where, "gpu_counts": counts} for flavor, counts in gpu_counts.items()}
    return {"name": name, "type": "text2text", "metadata": {**metadata, **more}, "flavors": flavors}


TEMPLATES = [
    _template("meta-llama/Llama-3.3-70B-Instruct", 70.6, "Llama 3.3", {"base": [1, 2, 4], "fast": [4, 8]}),
    _template("Qwen/Qwen3-32B", 32.8, "Apache 2.0", {"base": [1, 2], "fast": [2, 4]}),
    _template("openai/gpt-oss-120b", 117.0, "Apache 2.0", {"base": [1, 2, 4, 8]}),
]


class Settings(BaseModel):
    """How the emulator behaves; every default is the documented behaviour, or our choice where none is.

    Assignments are checked, so a wrong type raises `pydantic.ValidationError` (a `ValueError`) at the line
    of the assignment. Durations are seconds. The first line about a field is also the help of its option on the
    command line.
    """

    model_config = ConfigDict(validate_assignment=True, extra="forbid", use_attribute_docstrings=True)

    api_key: str = "emulator-key"
    """the key that works; it acts for every project"""
    api_keys: dict[str, str] = {}
    """more keys, each with the one project that it may act for"""
    default_project: str = "aiproject-e00emulator"
    """the project meant when `ai_project_id` is left out, empty or the word null (not documented)"""

    validation_seconds: float = Field(default=5.0, ge=0)
    """shortest time a model is validating; captures of 2025 show 5 to 15 s"""
    validating_reads: int = Field(default=1, ge=0)
    """how often a model is seen validating at least, so that a client that never polls fails"""
    active_on_create: bool = False
    """create answers active at once, and an endpoint is ready, updated or stopped at once"""
    failing_names: dict[str, str] = {}
    """custom name -> `status_reason`: these models end in `error`"""
    failing_sources: dict[str, str] = {}
    """source -> `status_reason`: models made from these end in `error`"""

    files_per_page: int = Field(default=10_000, ge=1)
    """files on a page of their list if the call gives no `limit`"""
    refuse_deletion_of_used_files: bool = False
    """deleting a file that is the source of a model answers 409 (not documented)"""

    job_seconds: float = Field(default=5.0, ge=0)
    """time after which a running fine-tuning job has succeeded"""
    base_models: list[str] = ["meta-llama/Meta-Llama-3.1-8B-Instruct", "Qwen/Qwen3-4B-fast"]
    """a base model that may be called, besides the supported ones; by default two of those in captures"""
    custom_in_catalogue: bool = True
    """`GET /v1/models` lists custom models that are active, as one client claims (not documented)"""
    completion_text: str = "Hello from the emulator"
    """what every chat call answers"""

    endpoint_templates: list[dict[str, Any]] = TEMPLATES
    """what an endpoint can be made of; the form of a flavor's details is not documented"""
    endpoint_seconds: float = Field(default=2.0, ge=0)
    """time in which an endpoint starts, updates or stops; minutes at the service"""
    endpoint_lag_seconds: float = Field(default=0.0, ge=0)
    """time after an update in which reads still show the status, readiness and replicas of before"""
    endpoint_ends: dict[str, Literal["ready", "partially_ready", "error", "never"]] = {}
    """name of an endpoint, or `*` for all -> how its starts and updates end; never: it stays starting"""
    endpoint_by_id: bool = False
    """an endpoint can be read by its id (sources conflict)"""
    wrap_updated_endpoint: bool = False
    """an update answers `{"endpoint": ...}` and not the bare object (sources conflict)"""
    empty_endpoint_delete: bool = False
    """deleting an endpoint answers 204 without a body (not documented)"""
    same_routing_keys: bool = False
    """two endpoints may have one routing key; by default 409 (not documented)"""

    supported_bases: list[str] | None = None
    """a base that create accepts; by default any `vendor/name`"""
    short_name_on_create: bool = False
    """create and delete answer with the short name, as in a capture of Apr 2025"""
    infix_on_fast: Literal["keep", "drop"] = "keep"
    """whether a full name keeps the ending of a `-fast` base (captured in Jul 2025) or not (documented)"""

    first_read_without_status: bool = False
    """the first read by name has no status, as a client saw in Dec 2025"""
    missing_reads: int = Field(default=0, ge=0)
    """how many reads by name fail after a create"""
    missing_status: int = Field(default=404, ge=400, le=599)
    """status code of those failing reads"""
    missing_lists: int = Field(default=0, ge=0)
    """how many lists leave a new model out"""
    hidden_missing: bool = False
    """unknown names answer 403, with the text captured elsewhere on the service"""
    after_delete: Literal["gone", "deleted"] = "gone"
    """a deleted model answers 404, or stays there with status deleted (not documented)"""

    rate_limit_per_minute: int | None = Field(default=None, ge=1)
    """calls a minute below `/v0`; by default there is no limit"""
    seed: int | None = None
    """makes suffixes, ids and chances repeatable; read once, at the start"""

    def update(self, **changes: Any) -> None:
        """Set several fields, or none of them.

        Raises:
            ValueError: a field is unknown or its value is not allowed.
        """
        checked = type(self).model_validate({**self.model_dump(), **changes})
        for name in changes:
            setattr(self, name, getattr(checked, name))
