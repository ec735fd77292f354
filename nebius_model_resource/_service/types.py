"""What the service reports, as frozen dataclasses.

Unknown fields of an answer are ignored, and None stands for what the service does not report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from nebius_model_resource._service.answers import one_line
from nebius_model_resource._service.names import canonical_source, is_number, whole_number

VALIDATING, ACTIVE, ERROR, DELETED = "validating", "active", "error", "deleted"
KNOWN_STATUSES = (VALIDATING, ACTIVE, ERROR, DELETED)  # all that are documented

_CHECKPOINT_ID = re.compile(r"ftckpt_[\w-]{1,200}", re.ASCII)
_T = TypeVar("_T")


@dataclass(frozen=True)
class Listing(Generic[_T]):
    """The things of one project; ``complete`` is False where entries were left out that could not be read."""

    entries: tuple[_T, ...]
    complete: bool = True

    @classmethod
    def parse(cls, entries: Any, parse: Callable[[Any], _T | None]) -> Listing[_T] | None:
        """Read a list; None where it is none."""
        if not isinstance(entries, list):
            return None
        parsed = tuple(each for entry in entries if (each := parse(entry)) is not None)
        return cls(parsed, complete=len(parsed) == len(entries))

    @classmethod
    def page(cls, body: Any, parse: Callable[[Any], _T | None]) -> tuple[Listing[_T], bool] | None:
        """Read one page of a list and whether more follow; None where it is none."""
        listing = cls.parse(body.get("data"), parse) if isinstance(body, dict) else None
        return (listing, body.get("has_more") is True) if listing else None


@dataclass(frozen=True)
class ModelInfo:
    """A model as the service reports it.

    Attributes:
        name: the generated name, full or short.
        created_at: whole Unix seconds.
        reported: the complete entry, for inputs that have no attribute here.
    """

    name: str
    status: str | None = None
    status_reason: str | None = None
    created_at: int | None = None
    description: str | None = None
    base_model: str | None = None
    source: str | None = None
    reported: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def parse(cls, body: Any) -> ModelInfo | None:
        """Read a model from an answer; None where it has no usable name."""
        name = _text(body.get("name")) if isinstance(body, dict) else None
        if name is None or not name.isprintable():
            return None
        return cls(
            name=name,
            status=_words(body.get("status")),
            status_reason=_words(body.get("status_reason")),
            created_at=whole_number(body.get("created_at")),
            description=_text(body.get("description")),
            base_model=_text(body.get("base_model")),
            source=_text(body.get("source")) or _source_of(body),
            reported=body,
        )


def _source_of(body: dict[str, Any]) -> str | None:
    """The source built from the ids that the service reports: a read never has ``source`` itself."""
    job, checkpoint = _text(body.get("job_id")), _text(body.get("checkpoint_id"))
    if job and checkpoint:
        return f"{job}:{checkpoint}"
    url = _text(body.get("url"))
    return _text(body.get("file_id")) or (canonical_source(url) if url else None)


@dataclass(frozen=True)
class FileInfo:
    """One file as the service reports it.

    Attributes:
        id: ``file-…``, what a model takes as its source.
        size: bytes.
        created_at: whole Unix seconds.
    """

    id: str
    filename: str | None = None
    size: int | None = None
    created_at: int | None = None
    purpose: str | None = None
    status: str | None = None

    @classmethod
    def parse(cls, entry: Any) -> FileInfo | None:
        """Read an entry; None where it is no file."""
        id_ = _text(entry.get("id")) if isinstance(entry, dict) else None
        if id_ is None:
            return None
        texts = {name: _text(entry.get(name)) for name in ("filename", "purpose", "status")}
        created_at = whole_number(entry.get("created_at"))
        return cls(id_, size=whole_number(entry.get("bytes")), created_at=created_at, **texts)


@dataclass(frozen=True)
class Job:
    """A fine-tuning job, as the service's page "Get fine-tuning job info" documents it.

    Attributes:
        model: the base model's id, as training uses it.
        status: ``validating_files``, ``queued``, ``running``, ``succeeded``, ``failed`` or ``cancelled``.
        error: why the job failed.
        trained_steps, total_steps: how far the training is.
    """

    id: str
    status: str
    model: str | None = None
    error: str | None = None
    trained_steps: int | None = None
    total_steps: int | None = None

    @classmethod
    def parse(cls, body: Any, job_id: str) -> Job | None:
        """Read a job; None where it is none."""
        if not isinstance(body, dict) or not (status := _words(body.get("status"))):
            return None
        error = body.get("error")
        return cls(
            id=job_id,
            status=status,
            model=_text(body.get("model")),
            error=_words(error.get("message") if isinstance(error, dict) else error),
            trained_steps=whole_number(body.get("trained_steps")),
            total_steps=whole_number(body.get("total_steps")),
        )


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint of a fine-tuning job.

    Attributes:
        source: what ``CustomModel`` takes as ``source``: ``ftjob-…:ftckpt_…``.
        id: the checkpoint's id, ``ftckpt_…``.
        job_id: the job's id, ``ftjob-…``.
        base_model: the base model's id as training uses it, None if the service does not report it. Deployment may use
            another id: ``meta-llama/Llama-3.1-8B-Instruct`` is deployed as ``meta-llama/Meta-Llama-3.1-8B-Instruct``.
        step_number: the training step of the checkpoint, None if the service does not report it.
        created_at: whole Unix seconds, None if the service does not report it.
        metrics: the numbers that the service reports, such as ``train_loss``, ``valid_loss`` and ``step``. A metric
            that it does not report is missing.
    """

    source: str
    id: str
    job_id: str
    base_model: str | None
    step_number: int | None
    created_at: int | None
    metrics: Mapping[str, float] = field(hash=False)

    @classmethod
    def parse(cls, entry: Any, job: Job) -> Checkpoint | None:
        """Read a checkpoint of a job; None where it has no usable id."""
        id_ = _text(entry.get("id")) if isinstance(entry, dict) else None
        if id_ is None or not _CHECKPOINT_ID.fullmatch(id_):
            return None
        metrics = entry.get("metrics")
        numbers = metrics.items() if isinstance(metrics, dict) else ()
        return cls(
            source=f"{job.id}:{id_}",
            id=id_,
            job_id=job.id,
            base_model=job.model,
            step_number=whole_number(entry.get("step_number")),
            created_at=whole_number(entry.get("created_at")),
            metrics={name: float(value) for name, value in numbers if is_number(value)},
        )


def _text(value: Any) -> str | None:
    return value if value and isinstance(value, str) else None


def _words(value: Any) -> str | None:
    """Words for people, safe for a terminal."""
    return one_line(_text(value) or "") or None
