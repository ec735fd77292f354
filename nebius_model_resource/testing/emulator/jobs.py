"""Fine-tuning jobs, as a source of models: added by hand with their checkpoints, and read by the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from .answers import Answer, Request, as_json, page
from .store import Store

if TYPE_CHECKING:
    from .core import Service

ENDED = ("succeeded", "failed", "cancelled")
_JOBS = "/v1/fine_tuning/jobs"


class JobByHand(BaseModel, extra="forbid"):
    """What adds a job; its checkpoints are step -> metrics."""

    model: str
    checkpoints: dict[int, dict[str, float | None]] = {}
    ai_project_id: str | None = None


class Job(BaseModel, frozen=True):
    """The documented object, with the checkpoints as they are listed, and the project."""

    id: str
    object: str = "fine_tuning.job"
    created_at: int
    finished_at: int | None = None
    status: str = "running"
    model: str
    fine_tuned_model: None = None  # null in every capture
    training_file: str = "file-training"
    hyperparameters: dict[str, Any]
    error: dict[str, Any] | None = None
    result_files: list[str] = []
    trained_steps: int = 0
    total_steps: int | None = None
    organization_id: str = ""
    checkpoints: list[dict[str, Any]]
    ai_project_id: str

    def shown(self) -> dict[str, Any]:
        """Return what the API shows."""
        return self.model_dump(exclude={"checkpoints", "ai_project_id"})


class Jobs(Store[Job]):
    """The jobs by id."""

    kind, family, model = "job", "training", Job

    def add(self, **given: Any) -> Job:
        """Add a job, from the fields of `JobByHand`: it runs for the setting `job_seconds`, then it has succeeded.

        Raises:
            ValueError: a field is missing, unknown or of a wrong type.
        """
        new, now = JobByHand(**given), int(self.clock())
        identifier = self.fresh_id("ftjob-")
        checkpoints = [
            {
                "id": f"ftckpt_{self.random.getrandbits(128):032x}",
                "object": "fine_tuning.job.checkpoint",
                "created_at": now,
                "fine_tuning_job_id": identifier,
                "metrics": {"step": step, **metrics},
                "step_number": step,
            }
            for step, metrics in new.checkpoints.items()
        ]
        return self.put(
            Job(
                id=identifier,
                created_at=now,
                model=new.model,
                hyperparameters={"n_epochs": len(checkpoints), "lora": True},
                checkpoints=checkpoints,
                ai_project_id=new.ai_project_id or self.settings.default_project,
            )
        )

    def find(self, identifier: str) -> Job:
        """Return a job as it stands by the clock.

        Raises:
            Missing: there is none.
        """
        job = super().find(identifier)
        end = job.created_at + self.settings.job_seconds
        return self._end(job, "succeeded", end) if job.status == "running" and self.clock() >= end else job

    def finish(self, job_id: str, status: str = "succeeded", message: str | None = None) -> Job:
        """End a running job.

        Raises:
            Missing: there is none.
            ValueError: `status` is not a final status of a job, or the job has ended.
        """
        job = self.find(job_id)
        if status not in ENDED or job.status != "running":
            raise ValueError(
                f"cannot end with {status!r}: the job is {job.status}; ends are {', '.join(ENDED)}"
            )
        return self._end(job, status, self.clock(), message)

    def shown(self, project: str | None = None) -> list[dict[str, Any]]:
        """Return the jobs of a project as the API shows them, newest first; None is all."""
        jobs = [self.find(job_id) for job_id in reversed(list(self.items))]
        return [job.shown() for job in jobs if project in {None, job.ai_project_id}]

    def _end(self, job: Job, status: str, at: float, message: str | None = None) -> Job:
        changes: dict[str, Any] = {"status": status, "finished_at": int(at)}
        if status == "succeeded":
            steps = max((each["step_number"] for each in job.checkpoints), default=0)
            changes |= {"trained_steps": steps, "total_steps": steps}
        if status == "failed":
            # The three fields are documented, their values are not.
            changes["error"] = {"code": "training_failed", "message": message, "param": None}
        return self.put(job.model_copy(update=changes))


def _list(service: Service, request: Request) -> Answer:
    # The newest first is OpenAI's order; the service's is not documented.
    return page(service.jobs.shown(service.project(request)), request.query)


def _checkpoints(service: Service, request: Request, job_id: str) -> Answer:
    return page(service.jobs.find(job_id).checkpoints, request.query)


ROUTES = (
    ("GET", _JOBS, _list),
    ("GET", f"{_JOBS}/([^/]+)", lambda service, _, job_id: as_json(service.jobs.find(job_id).shown())),
    ("GET", f"{_JOBS}/([^/]+)/checkpoints", _checkpoints),
)
