"""The JSON objects of fine-tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .job import CANCELLED, FAILED, SUCCEEDED, Checkpoint, Job

if TYPE_CHECKING:
    from collections.abc import Iterator


def job(of: Job) -> dict[str, Any]:
    """Return a job: the documented fields, and `fine_tuned_model`, which stayed null in every capture."""
    done = len(of.checkpoints)
    return {
        "id": of.id,
        "object": "fine_tuning.job",
        "created_at": int(of.made_at),
        "finished_at": None if of.ended_at is None else int(of.ended_at),
        "status": of.status,
        "model": of.model,
        "fine_tuned_model": None,
        "training_file": of.training_file,
        "validation_file": of.validation_file,
        "hyperparameters": of.hyperparameters,
        "error": _error(of),
        # The documentation does not say which files these are; we return those of the final checkpoint.
        "result_files": of.checkpoints[-1].files if of.status == SUCCEEDED else [],
        "seed": of.seed,
        "suffix": of.suffix,
        "trained_tokens": of.tokens * done,
        "trained_steps": of.steps * done,
        "total_steps": of.steps * of.epochs if done else None,
        "estimated_finish": None,
        "integrations": of.integrations,
        "method": of.method,
        "organization_id": "",
    }


def checkpoint(of: Job, one: Checkpoint, *, with_files: bool = True) -> dict[str, Any]:
    """Return a checkpoint; the documented page about a single one has no `result_files`."""
    document: dict[str, Any] = {
        "id": one.id,
        "object": "fine_tuning.job.checkpoint",
        "created_at": int(one.made_at),
        # As seen live: with exactly these placeholders, so that it cannot be called.
        "fine_tuned_model_checkpoint": (
            f"ft:{of.model}:org_placeholder:{of.suffix}:IDPlaceholder:ckpt-step-{one.step}"
        ),
        "fine_tuning_job_id": of.id,
        "metrics": {"step": one.step, "train_loss": one.train_loss, "valid_loss": one.valid_loss},
        "step_number": one.step,
        "result_files": one.files,
    }
    if not with_files:
        del document["result_files"]
    return document


def events(of: Job) -> list[dict[str, Any]]:
    """Return what happened, oldest first, in the words seen live; the id and `type` are OpenAI's forms."""
    return [
        {
            "id": f"ftevent-{of.id.removeprefix('ftjob-')}-{number}",
            "object": "fine_tuning.job.event",
            "created_at": int(at),
            "level": level,
            "message": message,
            "type": "message",
            "data": {},
        }
        for number, (at, level, message) in enumerate(_happened(of))
    ]


def _happened(of: Job) -> Iterator[tuple[float, str, str]]:
    yield of.made_at, "info", "Job is submitted"
    if of.checkpoints:
        # No event was seen between the preparation and the end of a job.
        if of.validation_file is not None:
            yield of.made_at, "info", "Dataset 'validation' processed successfully"
        yield of.made_at, "info", "Dataset 'training' processed successfully"
    if of.ended_at is None:
        return
    if of.status == SUCCEEDED:
        yield of.ended_at, "info", "Training completed successfully"
    else:
        level = "info" if of.status == CANCELLED else "error"
        yield of.ended_at, level, of.message or f"Job is {of.status}"


def _error(of: Job) -> dict[str, Any] | None:
    # The three fields are documented, their values are not.
    if of.status != FAILED:
        return None
    return {"code": "training_failed", "message": of.message or "Training failed", "param": None}
