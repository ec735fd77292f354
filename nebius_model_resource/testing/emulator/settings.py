"""The switches of the emulator, one object, changeable while it runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SEEN_BASES = (
    "meta-llama/Meta-Llama-3.1-8B-Instruct",
    "meta-llama/Llama-3.3-70B-Instruct",
    "meta-llama/Llama-3.2-3B-Instruct",
    "Qwen/Qwen3-4B-fast",
)


class Settings(BaseModel):
    """How the emulator behaves; every default is the documented behaviour, or our choice where none is.

    Assignments are checked, so a wrong type raises `pydantic.ValidationError` (a `ValueError`) at the line
    of the assignment. Durations are seconds.
    """

    model_config = ConfigDict(validate_assignment=True, extra="forbid")

    api_key: str = "emulator-key"
    """The key that acts for `default_project`."""
    api_keys: dict[str, str] = Field(default_factory=dict)
    """More keys, each with its project. Such a key may act for that project only, `api_key` for all."""
    default_project: str = "aiproject-e00emulator"
    """Project meant when `ai_project_id` is left out, empty or the word null (not documented; our choice)."""

    validation_seconds: float = Field(default=5.0, ge=0)
    """Shortest time in `validating`. Seen live in 2025: between 5 and 15 seconds."""
    validating_reads: int = Field(default=1, ge=0)
    """How often a model must have been seen `validating` first, or a client that never polls would pass."""
    active_on_create: bool = False
    """The create call itself answers `active`."""
    failing_names: dict[str, str] = Field(default_factory=dict)
    """Custom name -> `status_reason`: these models end in `error`."""
    failing_sources: dict[str, str] = Field(default_factory=dict)
    """Source -> `status_reason`: models made from these end in `error`."""

    check_sources: bool = False
    """A model whose source is an upload that is unknown or no adapter ends in `error` (when is inferred)."""
    known_checkpoints: list[str] | None = None
    """With `check_sources`, the sources `ftjob-…:ftckpt_…` of jobs elsewhere that exist; None is all."""
    archive_limit_bytes: int = Field(default=500_000_000, ge=0)
    """Largest archive: 500 MB, as two guides cite from a page that is gone; we take the MB as decimal."""
    files_per_page: int = Field(default=10_000, ge=1)
    """Files on a page of their list where the call gives no `limit`; the default is OpenAI's."""
    refuse_deletion_of_used_files: bool = False
    """Deleting a file that is the source of a model answers 409; what the service does is not documented."""
    content_redirects: bool = False
    """The content of a file answers a redirect to its link, as a client's notes say of the service."""

    job_seconds: float = Field(default=5.0, ge=0)
    """How long a fine-tuning job runs. Seen live in 2025: 5 and 14 minutes."""
    failing_jobs: dict[str, str] = Field(default_factory=dict)
    """Suffix of a job, or "" for those without -> error message: these jobs end in `failed`."""
    base_models: list[str] = Field(default_factory=lambda: list(SEEN_BASES))
    """Base models that chat calls may name besides `supported_bases`; by default those seen in use."""
    custom_in_catalogue: bool = True
    """`GET /v1/models` lists custom models that are active, as one client claims (not documented)."""
    completion_text: str = "Hello from the emulator"
    """What every chat call answers."""

    supported_bases: list[str] | None = None
    """Bases accepted on create; None takes any `vendor/name`, [] refuses all, as seen live in Jul 2026."""
    short_name_on_create: bool = False
    """Create and delete answer with the short name, as seen live in Apr 2025."""
    infix_on_fast: Literal["keep", "drop"] = "keep"
    """Whether a full name keeps the ending of a `-fast` base (seen live in Jul 2025) or not (documented)."""

    first_read_without_status: bool = False
    """The first read by name has no `status`, as a client saw in Dec 2025."""
    missing_reads: int = Field(default=0, ge=0)
    """How many reads by name fail after a create, as on a service that is consistent only in the end."""
    missing_status: int = Field(default=404, ge=400, le=599)
    """Status code of those failing reads."""
    missing_lists: int = Field(default=0, ge=0)
    """How many lists leave a new model out."""
    hidden_missing: bool = False
    """An unknown name answers 403 with the text seen live elsewhere on the service, rather than 404."""
    after_delete: Literal["gone", "deleted"] = "gone"
    """A deleted model answers 404, or stays there with status `deleted` (neither is documented)."""

    rate_limit_per_minute: int | None = Field(default=None, ge=1)
    """Calls a minute below `/v0`; None is no limit."""
    retry_after_format: Literal["seconds", "date", "unit"] = "seconds"
    """Form of `Retry-After`: `1` (documented), an HTTP date, or `1s` (as sibling headers were seen live)."""
    latency_seconds: float = Field(default=0.0, ge=0)
    """Wait before each answer."""
    seed: int | None = None
    """Makes suffixes, ids and chances repeatable; read once, when the emulator starts."""

    def update(self, **changes: Any) -> None:
        """Set several fields, or none of them.

        Raises:
            ValueError: a field is unknown or its value is not allowed.
        """
        checked = type(self).model_validate({**self.model_dump(), **changes})
        for field in changes:
            setattr(self, field, getattr(checked, field))

    def failure_of(self, name: str, source: str) -> str | None:
        """Return the reason a model of this custom name and source fails its validation, or None."""
        return self.failing_names.get(name, self.failing_sources.get(source))

    def project_of(self, ai_project_id: str | None, key_project: str | None = None) -> str:
        """Return the project a call means, given its query parameter and the project of its key."""
        if ai_project_id and ai_project_id != "null":
            return ai_project_id
        return key_project or self.default_project
