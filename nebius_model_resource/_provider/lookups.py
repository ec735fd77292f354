"""Existing models and checkpoints, as programs, scripts and the command see them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from nebius_model_resource._service.client import Client
from nebius_model_resource._service.names import GeneratedName
from nebius_model_resource._service.retry import Deadline
from nebius_model_resource._service.types import DELETED, Checkpoint, Job, ModelInfo
from nebius_model_resource.errors import (
    AccessDenied,
    CheckpointMissing,
    InvalidInputs,
    ModelMissing,
    NotFound,
    UnusableAnswer,
)

_SECONDS = 60.0  # for all calls that one look-up needs
_JOB_ID = re.compile(r"ftjob-[\w-]{1,200}", re.ASCII)
SUCCEEDED, _FAILED = "succeeded", "failed"
_WAITING = ("validating_files", "queued", "running")


@dataclass(frozen=True)
class CustomModelInfo:
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
    def of(cls, model: ModelInfo) -> CustomModelInfo:
        """The public view of an answer."""
        name = GeneratedName.parse(model.name)
        return cls(
            generated_name=model.name,
            name=name.custom,
            base_model=name.base or model.base_model,
            source=model.source,
            description=model.description,
            status=model.status,
            status_reason=model.status_reason,
            created_at=model.created_at,
        )


def list_models(client: Client, project: str | None = None) -> list[CustomModelInfo]:
    """All models of a project that are not deleted, newest first.

    Raises:
        ApiError, TransportError: the list could not be read.
    """
    models = client.list_models(project).entries
    live = [CustomModelInfo.of(model) for model in models if model.status != DELETED]
    return sorted(live, key=lambda model: model.created_at or 0, reverse=True)


def get_model(client: Client, name: str) -> CustomModelInfo:
    """One model by its generated name, full or short.

    Raises:
        ModelMissing: the model does not exist, or is deleted.
        ApiError, TransportError: it is not known whether the model exists.
    """
    try:
        model = client.get_model(name)
    except NotFound as error:
        raise ModelMissing(name) from error
    except AccessDenied as error:
        if error.status != 403:
            raise
        # The service's 403 hides whether the model exists (so in published captures of other endpoints).
        raise ModelMissing(name, hint="or this key may not see it") from error
    if model.status == DELETED:
        raise ModelMissing(name, hint="it was deleted")
    return CustomModelInfo.of(model)


def checkpoints_of(client: Client, job_id: str) -> list[Checkpoint]:
    """All checkpoints of a job that succeeded, at least one, in the order of the training: the last one is final.

    Raises:
        InvalidInputs: the text is not the id of a job; nothing was sent.
        CheckpointMissing: the job does not exist, has not succeeded, or has no checkpoint.
        ApiError, TransportError: the service did not return them.
    """
    _check_job_id(job_id)
    deadline = client.deadline(_SECONDS)
    try:
        job = client.get_job(job_id, deadline)
        if job.status != SUCCEEDED:
            raise CheckpointMissing(job_id, f"fine-tuning job {job_id!r} {why_not(job)}")
        checkpoints = complete_checkpoints(client, job, deadline)
    except (NotFound, AccessDenied) as error:
        if error.status == 401:
            raise
        hidden = ", or this key may not see it" if isinstance(error, AccessDenied) else ""
        raise CheckpointMissing(
            job_id,
            f"there is no fine-tuning job {job_id!r} at the service{hidden}",
            "check the id, and that the key belongs to the job's project",
        ) from error
    if not checkpoints:
        raise CheckpointMissing(
            job_id, f"fine-tuning job {job_id!r} succeeded without a checkpoint", "use another job"
        )
    return sorted(checkpoints, key=_order)


def complete_checkpoints(client: Client, job: Job, deadline: Deadline) -> tuple[Checkpoint, ...]:
    """The checkpoints of a job in the service's order.

    Raises:
        UnusableAnswer: the list is not complete: without one entry another would pass for the latest.
    """
    listing = client.list_checkpoints(job, deadline)
    if not listing.complete:
        raise UnusableAnswer(f"the service's list of the checkpoints of {job.id!r} is not complete")
    return listing.entries


def latest_checkpoint(client: Client, job_id: str) -> Checkpoint:
    """The final checkpoint of a job; errors as for :func:`checkpoints_of`."""
    return checkpoints_of(client, job_id)[-1]


def _order(checkpoint: Checkpoint) -> tuple[float, int]:
    step = checkpoint.step_number
    return (
        checkpoint.metrics.get("step", -1) if step is None else step,
        checkpoint.created_at or 0,
    )


def _check_job_id(job_id: Any) -> None:
    """Refuse what is not the id of a job, with the fix."""
    if not isinstance(job_id, str):
        raise InvalidInputs.of(
            "job_id",
            f"must be a text such as 'ftjob-…', not {type(job_id).__name__}: "
            "for an Output use the function whose name ends with _output",
        )
    if not _JOB_ID.fullmatch(job_id):
        inner = _JOB_ID.search(job_id)  # in a checkpoint's source, in a link, between blanks or quotes
        give = repr(inner[0]) if inner else "the id of a fine-tuning job, which begins with 'ftjob-'"
        raise InvalidInputs.of("job_id", f"{job_id[:100]!r} is not the id of a fine-tuning job: give {give}")


def why_not(job: Job) -> str:
    """Why a job that has not succeeded cannot be used, and what to do; its id goes in front."""
    if job.status == _FAILED:
        return f"failed: {job.error or 'the service gives no reason'}; use a job that succeeded"
    if job.status in _WAITING:
        steps = f", {job.trained_steps or 0} of {job.total_steps} steps" if job.total_steps else ""
        return f"is not finished (status {job.status!r}{steps}): try again when it has succeeded"
    return f"has not succeeded (status {job.status!r}): use a job that succeeded"
