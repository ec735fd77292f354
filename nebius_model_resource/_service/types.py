"""What the service reports, as frozen dataclasses.

Unknown fields of an answer are ignored, and None stands for what the service does not report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nebius_model_resource._service.answers import one_line
from nebius_model_resource._service.names import GeneratedName, canonical_source, is_number, whole_number

if TYPE_CHECKING:
    from typing_extensions import Self

VALIDATING, ACTIVE, ERROR, DELETED = "validating", "active", "error", "deleted"

READY, PARTIALLY_READY = "ready", "partially_ready"  # an endpoint's readiness to take traffic

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


class Entry:
    """What the service reports of a model or an endpoint."""

    _body: Mapping[str, Any]

    def _of(self, body: Mapping[str, Any]) -> Self:
        # No field of the dataclass: a program sees those alone.
        object.__setattr__(self, "_body", body)
        return self

    def reported(self, name: str) -> Any:
        """A field, also one for which there is no attribute; an attribute is in the form that it has here."""
        return vars(self).get(name, self._body.get(name))


@dataclass(frozen=True)
class CustomModelInfo(Entry):
    """One model at the service; a value that the service does not return is None.

    Attributes:
        generated_name: what ``/v1/chat/completions`` takes as ``model``, and what ``import_`` and
            ``CustomModel.get`` take.
        name: the declared name, without the four letters.
        base_model: as the generated name shows it. The service may leave a flavour such as ``-fast`` out of the name
            (documented so, seen otherwise).
        source: put together from the ids that the service returns.
        description: the text given at creation.
        status: ``validating``, ``active`` or ``error``.
        status_reason: the service's words about the status.
        created_at: Unix time in whole seconds.
    """

    generated_name: str
    name: str
    base_model: str | None
    source: str | None
    description: str | None
    status: str | None
    status_reason: str | None
    created_at: int | None

    @classmethod
    def parse(cls, body: Any) -> CustomModelInfo | None:
        """Read a model from an answer; None where it has no usable name."""
        full = _text(body.get("name")) if isinstance(body, dict) else None
        if full is None or not full.isprintable():
            return None
        name = GeneratedName.parse(full)
        return cls(
            generated_name=full,
            name=name.custom,
            base_model=name.base or _text(body.get("base_model")),
            source=_text(body.get("source")) or _source_of(body),
            description=_text(body.get("description")),
            status=_words(body.get("status")),
            status_reason=_words(body.get("status_reason")),
            created_at=whole_number(body.get("created_at")),
        )._of(body)


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
class DedicatedEndpointInfo(Entry):
    """One dedicated endpoint at the service; a value that the service does not return is None.

    Attributes:
        endpoint_id: the service's id.
        routing_key: what ``/v1/chat/completions`` takes as ``model``.
        inference_url: the base URL of the calls, with ``/v1``.
        name: the declared name.
        description: the text given at creation.
        enabled: whether it has GPUs, or is stopped.
        model_name: the template's name.
        flavor_name: the template's flavor.
        region: where the replicas run.
        gpu_type: the type of the GPUs.
        gpu_count: the GPUs of each replica.
        min_replicas: the fewest replicas.
        max_replicas: the most replicas.
        custom_weights_id: the fine-tuned weights that it serves.
        status: ``starting``, ``running``, ``updating``, ``stopping``, ``stopped`` or ``error``.
        readiness: ``ready``, ``partially_ready`` or ``not_ready``.
        ready_replicas: the replicas that take traffic now.
        created_at: Unix time in whole seconds.
    """

    endpoint_id: str
    routing_key: str | None
    inference_url: str | None
    name: str | None
    description: str | None
    enabled: bool | None
    model_name: str | None
    flavor_name: str | None
    region: str | None
    gpu_type: str | None
    gpu_count: int | None
    min_replicas: int | None
    max_replicas: int | None
    custom_weights_id: str | None
    status: str | None
    readiness: str | None
    ready_replicas: int | None
    created_at: int | None

    @classmethod
    def parse(cls, body: Any) -> DedicatedEndpointInfo | None:
        """Read an endpoint; None where it has no id. A create wraps it, and perhaps a change (published both ways)."""
        entry = _object(_object(body).get("endpoint", body))
        given = {**entry, **_object(entry.get("scaling")), **_object(entry.get("deployment"))}
        id_, enabled = _text(given.get("id")), given.get("enabled")
        values: dict[str, Any] = {
            each.name: (whole_number if str(each.type).startswith("int") else _text)(given.get(each.name))
            for each in fields(cls)
        }
        values |= {"endpoint_id": id_, "enabled": enabled if isinstance(enabled, bool) else None}
        values |= {"inference_url": None, "created_at": _seconds(given.get("created_at"))}
        return cls(**values)._of(given) if id_ else None


@dataclass(frozen=True)
class EndpointTemplate:
    """A model that dedicated endpoints can serve; a value that the service does not return is None.

    Attributes:
        name: what an endpoint takes as ``model_name``.
        type: what the model does, such as ``text2text``.
        vendor: who published the model.
        size_b: its billions of parameters.
        context_window_k: its context window in thousands of tokens.
        flavors: by the name that an endpoint takes as ``flavor_name``, its details. Their form is not documented.
    """

    name: str
    type: str | None
    vendor: str | None
    size_b: float | None
    context_window_k: int | None
    flavors: Mapping[str, Any] = field(hash=False)

    @classmethod
    def parse(cls, entry: Any) -> EndpointTemplate | None:
        """Read a template; None where it has no name."""
        given = _object(entry)
        about, name = _object(given.get("metadata")), _text(given.get("name"))
        if name is None:
            return None
        return cls(
            name=name,
            type=_text(given.get("type")),
            vendor=_text(about.get("vendor")),
            size_b=float(about["size_b"]) if is_number(about.get("size_b")) else None,
            context_window_k=whole_number(about.get("context_window_k")),
            flavors=_object(given.get("flavors")),
        )


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
        numbers = _object(entry.get("metrics")).items()
        return cls(
            source=f"{job.id}:{id_}",
            id=id_,
            job_id=job.id,
            base_model=job.model,
            step_number=whole_number(entry.get("step_number")),
            created_at=whole_number(entry.get("created_at")),
            metrics={name: float(value) for name, value in numbers if is_number(value)},
        )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if value and isinstance(value, str) else None


def _words(value: Any) -> str | None:
    """Words for people, safe for a terminal."""
    return one_line(_text(value) or "") or None


def _seconds(value: Any) -> int | None:
    """Whole Unix seconds of a number, or of a date and time in the form of ISO 8601."""
    if isinstance(value, str):
        try:  # Python 3.10 reads neither a Z nor every fraction
            moment = datetime.fromisoformat(re.sub(r"\.\d+", "", value).replace("Z", "+00:00"))
        except ValueError:
            return None
        value = (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    return whole_number(value)
