"""The checkpoints of a fine-tuning job that a model can be created from."""

from __future__ import annotations

import re
from typing import Any

from nebius_model_resource._api.connection import Connection
from nebius_model_resource._api.fine_tuning import Checkpoint, Job, get_job, list_checkpoints
from nebius_model_resource._api.models import Fault
from nebius_model_resource._api.redact import masked
from nebius_model_resource.errors import AccessDenied, InvalidInputs, NebiusError, NotFound

_SECONDS = 60.0  # for all calls together
_JOB_ID = re.compile(r"ftjob-[\w-]{1,200}", re.ASCII)
SUCCEEDED, _FAILED = "succeeded", "failed"
_WAITING = ("validating_files", "queued", "running")


class CheckpointMissing(NebiusError):
    """A job has no checkpoint to use: it does not exist, has not succeeded, or has none.

    Attributes:
        job_id: the job.
    """

    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(reason)
        self.job_id = job_id


def checkpoints_of(connection: Connection, job_id: str) -> list[Checkpoint]:
    """All checkpoints of a job that succeeded, at least one, in the order of the training: the last one is final.

    Raises:
        InvalidInputs: the text is not the id of a job; nothing was sent.
        CheckpointMissing: the job does not exist, has not succeeded, or has no checkpoint.
        ApiError, TransportError: the service did not return them.
    """
    _check(job_id, connection.settings.api_key)
    deadline = connection.deadline(_SECONDS)
    try:
        job = get_job(connection, job_id, deadline)
        if job.status != SUCCEEDED:
            raise CheckpointMissing(job_id, f"fine-tuning job {job_id!r} {why_not(job)}")
        checkpoints = list_checkpoints(connection, job, deadline)
    except NotFound as error:
        raise _unknown(job_id, "") from error
    except AccessDenied as error:
        if error.status != 403:
            raise
        # The service's words for what it does not show hide whether it exists (seen live).
        raise _unknown(job_id, ", or this key may not see it") from error
    if not checkpoints:
        raise CheckpointMissing(
            job_id, f"fine-tuning job {job_id!r} succeeded without a checkpoint: use another job"
        )
    return sorted(checkpoints, key=_order)


def latest_checkpoint(connection: Connection, job_id: str) -> Checkpoint:
    """The final checkpoint of a job; errors are those of :func:`checkpoints_of`."""
    return checkpoints_of(connection, job_id)[-1]


def _order(checkpoint: Checkpoint) -> tuple[float, float]:
    """By step, then by age; equal ones stay in the service's order, in which the final one is last (seen live)."""
    step = (
        checkpoint.step_number if checkpoint.step_number is not None else checkpoint.metrics.get("step", -1)
    )
    return step, checkpoint.created_at or 0


def _check(job_id: Any, key: str) -> None:
    """Refuse what is not the id of a job, with the fix."""
    if not isinstance(job_id, str):
        raise _invalid(
            f"must be a text such as 'ftjob-…', not {type(job_id).__name__}: "
            "for an Output use the function whose name ends with _output"
        )
    if _JOB_ID.fullmatch(job_id):
        return
    shown = repr(masked(job_id, key)[:100])
    if not job_id.strip():
        raise _invalid("is empty: give the id of a fine-tuning job (ftjob-…)")
    if inner := _JOB_ID.search(job_id):  # in a checkpoint's source, in a link, between blanks or quotes
        raise _invalid(f"{shown} is not the id of a fine-tuning job: give {inner[0]!r}")
    for prefix, kind in (("ftckpt", "a checkpoint"), ("file-", "a file")):
        if job_id.strip().startswith(prefix):
            raise _invalid(f"{shown} is the id of {kind}: give the id of its fine-tuning job (ftjob-…)")
    raise _invalid(f"{shown} is not the id of a fine-tuning job: the id of a job begins with 'ftjob-'")


def _invalid(reason: str) -> InvalidInputs:
    return InvalidInputs([Fault("job_id", reason)])


def _unknown(job_id: str, hint: str) -> CheckpointMissing:
    reason = f"there is no fine-tuning job {job_id!r} at the service{hint}"
    return CheckpointMissing(job_id, f"{reason}: check the id, and that the key belongs to the job's project")


def why_not(job: Job) -> str:
    """Why a job that has not succeeded cannot be used, and what to do; its id goes in front."""
    if job.status == _FAILED:
        return f"failed: {job.error or 'the service gives no reason'}; use a job that succeeded"
    if job.status in _WAITING:
        steps = f", {job.trained_steps or 0} of {job.total_steps} steps" if job.total_steps else ""
        return f"is not finished (status {job.status!r}{steps}): try again when it has succeeded"
    return f"has not succeeded (status {job.status!r}): use a job that succeeded"
