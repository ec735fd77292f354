"""Fine-tuning jobs, as a source of models: added by hand with their checkpoints, and read by the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from .answers import Answer, Request, as_json, page
from .store import Store

if TYPE_CHECKING:
    from .core import Service

ENDED = ("succeeded", "failed", "cancelled")
_JOBS = "/v1/fine_tuning/jobs"
_PAGE, _MOST = 20, 100  # the documentation names `limit` and `after`; the bounds are OpenAI's


class JobByHand(BaseModel, extra="forbid"):
    """What adds a job; its checkpoints are step -> metrics."""

    model: str
    checkpoints: dict[int, dict[str, float | None]] = Field(default_factory=dict)
    ai_project_id: str | None = None


class Jobs(Store[dict[str, Any]]):
    """The documented objects by id, each with its `checkpoints` and `ai_project_id`."""

    kind = "job"

    def add(self, **given: Any) -> dict[str, Any]:
        """Add a job, from the fields of `JobByHand`: it runs for the setting `job_seconds`, then it has succeeded.

        Raises:
            ValueError: a field is missing, unknown or of a wrong type.
        """
        new = JobByHand(**given)
        identifier = f"ftjob-{self.random.getrandbits(128):032x}"
        now = int(self.clock())
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
        document = {
            "id": identifier,
            "object": "fine_tuning.job",
            "created_at": now,
            "finished_at": None,
            "status": "running",
            "model": new.model,
            "fine_tuned_model": None,  # null in every capture
            "training_file": "file-training",
            "hyperparameters": {"n_epochs": len(checkpoints), "lora": True},
            "error": None,
            "result_files": [],
            "trained_steps": 0,
            "total_steps": None,
            "organization_id": "",
            "checkpoints": checkpoints,
            "ai_project_id": self.settings.project_of(new.ai_project_id),
        }
        return self.put(identifier, document)

    def find(self, identifier: str) -> dict[str, Any]:
        """Return a job as it stands by the clock.

        Raises:
            Missing: there is none.
        """
        job = super().find(identifier)
        end = job["created_at"] + self.settings.job_seconds
        return self._end(job, "succeeded", end) if job["status"] == "running" and self.clock() >= end else job

    def finish(self, job_id: str, status: str = "succeeded", message: str | None = None) -> dict[str, Any]:
        """End a running job.

        Raises:
            Missing: there is none.
            ValueError: `status` is not a final status of a job, or the job has ended.
        """
        job = self.find(job_id)
        if status not in ENDED:
            raise ValueError(f"{status!r} is no end of a job; allowed are {', '.join(ENDED)}")
        if job["status"] != "running":
            raise ValueError(f"the job {job_id!r} has ended with status {job['status']}")
        return self._end(job, status, self.clock(), message)

    def shown(self, project: str | None = None) -> list[dict[str, Any]]:
        """Return the jobs of a project as the API shows them, newest first; None is all."""
        jobs = [self.find(job_id) for job_id in reversed(list(self.items))]
        return [_shown(job) for job in jobs if project in {None, job["ai_project_id"]}]

    def _end(self, job: dict[str, Any], status: str, at: float, message: str | None = None) -> dict[str, Any]:
        ended = {**job, "status": status, "finished_at": int(at)}
        if status == "succeeded":
            steps = max((each["step_number"] for each in job["checkpoints"]), default=0)
            ended |= {"trained_steps": steps, "total_steps": steps}
        if status == "failed":
            # The three fields are documented, their values are not.
            ended["error"] = {"code": "training_failed", "message": message, "param": None}
        return self.put(job["id"], ended)


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in job.items() if key not in {"checkpoints", "ai_project_id"}}


def _list(service: Service, request: Request) -> Answer:
    # The newest first is OpenAI's order; the service's is not documented.
    return page(service.jobs.shown(service.project(request)), request.query, _PAGE, _MOST)


def _read(service: Service, _request: Request, job_id: str) -> Answer:
    return as_json(_shown(service.jobs.find(job_id)))


def _checkpoints(service: Service, request: Request, job_id: str) -> Answer:
    return page(service.jobs.find(job_id)["checkpoints"], request.query, _PAGE, _MOST)


ROUTES = (
    ("GET", _JOBS, _list),
    ("GET", f"{_JOBS}/([^/]+)", _read),
    ("GET", f"{_JOBS}/([^/]+)/checkpoints", _checkpoints),
)
