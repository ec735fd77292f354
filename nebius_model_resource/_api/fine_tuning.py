"""Fine-tuning jobs and their checkpoints, read from the service.

Fields and paging are those of the service's pages "Get fine-tuning job info" and "List fine-tuning checkpoints".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nebius_model_resource._api import redact
from nebius_model_resource._api.connection import READ_ATTEMPTS, Connection
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.models import whole_number
from nebius_model_resource.errors import UnusableAnswer

_JOBS = "/v1/fine_tuning/jobs"
_PAGE = 20  # a job has one checkpoint per epoch, and at most 20 epochs
_MOST_PAGES = 100
_CHECKPOINT_ID = re.compile(r"ftckpt_[\w-]{1,200}", re.ASCII)


@dataclass(frozen=True)
class Job:
    """A fine-tuning job; None stands for what the service does not report.

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


def get_job(connection: Connection, job_id: str, deadline: Deadline, *, attempts: int = READ_ATTEMPTS) -> Job:
    """``GET /v1/fine_tuning/jobs/{id}``.

    Raises:
        NotFound: there is no such job.
        ApiError, TransportError: it could not be read.
    """
    key = connection.settings.api_key

    def read(deadline: Deadline) -> Job:
        body, _ = connection.send("GET", f"{_JOBS}/{job_id}", deadline)
        status = _text(body.get("status"), key) if isinstance(body, dict) else None
        if status is None:
            raise UnusableAnswer(
                f"the service answered {job_id!r} with something else than a fine-tuning job"
            )
        error = body.get("error")
        return Job(
            id=job_id,
            status=status,
            model=_text(body.get("model"), key),
            error=_text(error.get("message"), key) if isinstance(error, dict) else None,
            trained_steps=whole_number(body.get("trained_steps")),
            total_steps=whole_number(body.get("total_steps")),
        )

    return connection.repeat(read, deadline, attempts)


def list_checkpoints(
    connection: Connection, job: Job, deadline: Deadline, *, attempts: int = READ_ATTEMPTS
) -> list[Checkpoint]:
    """``GET /v1/fine_tuning/jobs/{id}/checkpoints``, all pages, in the service's order.

    Raises:
        NotFound: there is no such job.
        UnusableAnswer: a page is not what is documented, or the pages do not end.
        ApiError, TransportError: a page could not be read.
    """
    found: dict[str, Checkpoint] = {}
    params = {"limit": str(_PAGE)}

    def read(deadline: Deadline) -> tuple[list[Checkpoint], bool]:
        body, _ = connection.send("GET", f"{_JOBS}/{job.id}/checkpoints", deadline, params=params)
        if not isinstance(body, dict) or not isinstance(body.get("data"), list):
            raise UnusableAnswer(f"the service answered the checkpoints of {job.id!r} with something else")
        page = [_checkpoint(entry, job, connection.settings.api_key) for entry in body["data"]]
        return page, body.get("has_more") is True

    for _ in range(_MOST_PAGES):
        page, has_more = connection.repeat(read, deadline, attempts)
        new = {checkpoint.id: checkpoint for checkpoint in page if checkpoint.id not in found}
        found.update(new)
        if not has_more:
            return list(found.values())
        if not new:
            break
        params["after"] = page[-1].id
    raise UnusableAnswer(f"the service's pages of the checkpoints of {job.id!r} do not end")


def _checkpoint(entry: Any, job: Job, key: str) -> Checkpoint:
    id_ = entry.get("id") if isinstance(entry, dict) else None
    # Without one entry another would pass for the latest: the list is not usable.
    if not isinstance(id_, str) or not _CHECKPOINT_ID.fullmatch(id_) or redact.holds(id_, key):
        raise UnusableAnswer(f"the service listed a checkpoint of {job.id!r} without a usable id")
    metrics = entry.get("metrics")
    return Checkpoint(
        source=f"{job.id}:{id_}",
        id=id_,
        job_id=job.id,
        base_model=job.model,
        step_number=whole_number(entry.get("step_number")),
        created_at=whole_number(entry.get("created_at")),
        metrics=_metrics(metrics if isinstance(metrics, dict) else {}),
    )


def _metrics(reported: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in reported.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and _is_finite(value)
    }


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer with hundreds of digits
        return False


def _text(value: Any, key: str) -> str | None:
    return redact.harmless(value, key) or None if isinstance(value, str) else None
