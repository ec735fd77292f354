"""The switches of the emulator, one object, changeable while it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_TEMPLATES = Path(__file__).with_name("templates.json").read_text("utf-8")


class Settings(BaseModel):
    """How the emulator behaves; every default is the documented behaviour, or our choice where none is.

    Assignments are checked, so a wrong type raises `pydantic.ValidationError` (a `ValueError`) at the line
    of the assignment. Durations are seconds. The line about a field is also the help of its option on the command line.

    Attributes:
        api_key: the key that works; it acts for every project
        api_keys: more keys, each with the one project that it may act for
        default_project: the project meant when `ai_project_id` is left out, empty or the word null (not documented)
        validation_seconds: shortest time a model is validating; captures of 2025 show 5 to 15 s
        validating_reads: how often a model is seen validating at least, so that a client that never polls fails
        active_on_create: create answers active at once, and an endpoint is ready, updated or stopped at once
        failing_names: custom name -> `status_reason`: these models end in `error`
        failing_sources: source -> `status_reason`: models made from these end in `error`
        files_per_page: files on a page of their list if the call gives no `limit`
        refuse_deletion_of_used_files: deleting a file that is the source of a model answers 409 (not documented)
        job_seconds: time after which a running fine-tuning job has succeeded
        base_models: a base model that may be called, besides the supported ones; by default two of those in captures
        custom_in_catalogue: `GET /v1/models` lists custom models that are active, as one client claims (not documented)
        completion_text: what every chat call answers
        endpoint_templates: what an endpoint can be made of; the form of a flavor's details is not documented
        endpoint_seconds: time in which an endpoint starts, updates or stops; minutes at the service
        endpoint_lag: time after an update in which reads still show the status and replicas of before it
        endpoint_ends: name of an endpoint, or `*` for all -> how its starts end (starting: never)
        endpoint_by_id: an endpoint can be read by its id (sources conflict)
        wrap_updated_endpoint: an update answers `{"endpoint": ...}` and not the bare object (sources conflict)
        empty_endpoint_delete: deleting an endpoint answers 204 without a body (not documented)
        same_routing_keys: two endpoints may have one routing key; by default 409 (not documented)
        supported_bases: a base that create accepts; by default any `vendor/name`
        short_name_on_create: create and delete answer with the short name, as in a capture of Apr 2025
        infix_on_fast: whether a full name keeps the ending of a `-fast` base (captured in Jul 2025) or not (documented)
        first_read_without_status: the first read by name has no status, as a client saw in Dec 2025
        missing_reads: how many reads by name fail after a create
        missing_status: status code of those failing reads
        missing_lists: how many lists leave a new model out
        hidden_missing: unknown names answer 403, with the text captured elsewhere on the service
        after_delete: a deleted model answers 404, or stays there with status deleted (not documented)
        rate_limit_per_minute: calls a minute below `/v0`; by default there is no limit
        seed: makes suffixes, ids and chances repeatable; read once, at the start
    """

    model_config = ConfigDict(validate_assignment=True, extra="forbid")

    api_key: str = "emulator-key"
    api_keys: dict[str, str] = {}
    default_project: str = "aiproject-e00emulator"

    validation_seconds: float = Field(default=5.0, ge=0)
    validating_reads: int = Field(default=1, ge=0)
    active_on_create: bool = False
    failing_names: dict[str, str] = {}
    failing_sources: dict[str, str] = {}

    files_per_page: int = Field(default=10_000, ge=1)
    refuse_deletion_of_used_files: bool = False

    job_seconds: float = Field(default=5.0, ge=0)
    base_models: list[str] = ["meta-llama/Meta-Llama-3.1-8B-Instruct", "Qwen/Qwen3-4B-fast"]
    custom_in_catalogue: bool = True
    completion_text: str = "Hello from the emulator"

    endpoint_templates: list[dict[str, Any]] = json.loads(_TEMPLATES)
    endpoint_seconds: float = Field(default=2.0, ge=0)
    endpoint_lag: float = Field(default=0.0, ge=0)
    endpoint_ends: dict[str, Literal["running", "partially_ready", "starting", "error"]] = {}
    endpoint_by_id: bool = False
    wrap_updated_endpoint: bool = False
    empty_endpoint_delete: bool = False
    same_routing_keys: bool = False

    supported_bases: list[str] | None = None
    short_name_on_create: bool = False
    infix_on_fast: Literal["keep", "drop"] = "keep"

    first_read_without_status: bool = False
    missing_reads: int = Field(default=0, ge=0)
    missing_status: int = Field(default=404, ge=400, le=599)
    missing_lists: int = Field(default=0, ge=0)
    hidden_missing: bool = False
    after_delete: Literal["gone", "deleted"] = "gone"

    rate_limit_per_minute: int | None = Field(default=None, ge=1)
    seed: int | None = None

    def update(self, **changes: Any) -> None:
        """Set several fields, or none of them.

        Raises:
            ValueError: a field is unknown or its value is not allowed.
        """
        checked = type(self).model_validate({**self.model_dump(), **changes})
        for name in changes:
            setattr(self, name, getattr(checked, name))
