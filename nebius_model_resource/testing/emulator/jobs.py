"""The fine-tuning jobs of the emulator: created, run by the clock, cancelled, and ended by hand.

A job trains nothing. It runs for the setting `job_seconds`, its epochs take equal parts of that time, and each
leaves a checkpoint with files. As with the validation of a model, a job advances only when a client reads it.
"""

from __future__ import annotations

import math
import random
import threading
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import adapters
from .job import CANCELLED, ENDED, FAILED, SUCCEEDED, Checkpoint, Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .files import Files
    from .settings import Settings

BYTES_PER_TOKEN = 4
# Not documented; this is OpenAI's word for such files.
RESULT_PURPOSE = "fine-tune-results"


class JobMissingError(LookupError):
    """No job of this id."""


class JobEndedError(ValueError):
    """The job has ended, so it cannot be cancelled."""


class Jobs:
    """Keeps jobs by id; safe to use from several threads.

    Args:
        settings: read on every call, so changes take effect at once.
        clock: gives Unix time in seconds.
        files: where training files come from and results go.
        on_change: called with all jobs after each change.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float],
        files: Files,
        on_change: Callable[[Iterable[Job]], None] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._files = files
        self._on_change = on_change
        self._lock = threading.RLock()
        self._random = random.Random(settings.seed)
        self._jobs: dict[str, Job] = {}

    def load(self, jobs: Iterable[Job]) -> None:
        """Load the jobs of an earlier run."""
        with self._lock:
            self._jobs.update({job.id: job for job in jobs})

    def create(self, *, ai_project_id: str, seed: int | None, **request: Any) -> Job:
        """Start a job; its training file must be known."""
        content = self._files.content(request["training_file"]) or b""
        batch: int = request["hyperparameters"]["batch_size"]
        with self._lock:
            return self._save(
                Job(
                    id=self._unused_id(),
                    ai_project_id=ai_project_id,
                    made_at=self._clock(),
                    seed=self._random.getrandbits(31) if seed is None else seed,
                    tokens=max(1, len(content) // BYTES_PER_TOKEN),
                    steps=max(1, math.ceil(len(content.splitlines()) / batch)),
                    **request,
                )
            )

    def read(self, job_id: str) -> Job:
        """Return a job as it stands by the clock.

        Raises:
            JobMissingError: no such job.
        """
        with self._lock:
            return self._moved(self._find(job_id))

    def select(self, ai_project_id: str | None = None) -> list[Job]:
        """Return the jobs of a project, newest first; None is all."""
        with self._lock:
            mine = [job for job in self._jobs.values() if ai_project_id in {None, job.ai_project_id}]
            return [self._moved(job) for job in reversed(mine)]

    def cancel(self, job_id: str) -> Job:
        """Cancel a running job; it keeps the checkpoints of the epochs that are over.

        Raises:
            JobMissingError: no such job.
            JobEndedError: the job has ended.
        """
        with self._lock:
            job = self.read(job_id)
            if not job.is_running:
                raise JobEndedError(f"The job `{job_id}` has ended with status {job.status}.")
            return self._ended(job, CANCELLED, self._clock(), "Job is cancelled")

    def finish(self, job_id: str, status: str = SUCCEEDED, message: str | None = None) -> Job:
        """End a running job by hand.

        Raises:
            JobMissingError: no such job.
            ValueError: `status` is not a final status of a job, or the job has ended.
        """
        if status not in ENDED:
            raise ValueError(f"{status!r} is no end of a job; allowed are {', '.join(ENDED)}")
        with self._lock:
            job = self.read(job_id)
            if not job.is_running:
                raise JobEndedError(f"the job {job_id!r} has ended with status {job.status}")
            return self._ended(job, status, self._clock(), message)

    def has(self, job_id: str) -> bool:
        """Return whether there is such a job."""
        with self._lock:
            return job_id in self._jobs

    def has_checkpoint(self, job_id: str, checkpoint_id: str) -> bool:
        """Return whether a job has such a checkpoint by now."""
        with self._lock:
            return self.has(job_id) and any(
                each.id == checkpoint_id for each in self.read(job_id).checkpoints
            )

    def _find(self, job_id: str) -> Job:
        if job_id not in self._jobs:
            raise JobMissingError(job_id)
        return self._jobs[job_id]

    def _moved(self, job: Job) -> Job:
        if not job.is_running:
            return job
        seconds = self._settings.job_seconds
        passed = max(0.0, self._clock() - job.made_at)
        # The last checkpoint comes with success, never before it.
        before_last = job.epochs - 1
        over = before_last if passed >= seconds else min(before_last, int(job.epochs * passed / seconds))
        job = self._trained(job, over)
        if passed < seconds:
            return job
        failure = self._settings.failing_jobs.get(job.suffix)
        return self._ended(job, SUCCEEDED if failure is None else FAILED, job.made_at + seconds, failure)

    def _ended(self, job: Job, status: str, at: float, message: str | None) -> Job:
        if status == SUCCEEDED:
            job = self._trained(job, job.epochs)
        return self._save(replace(job, status=status, ended_at=at, message=message))

    def _trained(self, job: Job, epochs: int) -> Job:
        made = [self._checkpoint(job, epoch) for epoch in range(len(job.checkpoints) + 1, epochs + 1)]
        return self._save(replace(job, checkpoints=[*job.checkpoints, *made])) if made else job

    def _checkpoint(self, job: Job, epoch: int) -> Checkpoint:
        identifier = f"ftckpt_{self._uuid()}"
        contents = adapters.checkpoint_files(job.model, job.hyperparameters)
        files = [
            self._files.add(f"{identifier}/{name}", content, RESULT_PURPOSE)["id"]
            for name, content in contents.items()
        ]
        return Checkpoint(
            id=identifier,
            step=epoch * job.steps,
            made_at=min(self._clock(), job.made_at + self._settings.job_seconds * epoch / job.epochs),
            train_loss=round(1 / (epoch + 1), 4),
            valid_loss=round(1.1 / (epoch + 1), 4) if job.validation_file else None,
            files=files,
        )

    def _unused_id(self) -> str:
        while (identifier := f"ftjob-{self._random.getrandbits(128):032x}") in self._jobs:
            pass
        return identifier

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self._random.getrandbits(128), version=4)

    def _save(self, job: Job) -> Job:
        self._jobs[job.id] = job
        if self._on_change is not None:
            self._on_change(self._jobs.values())
        return job
