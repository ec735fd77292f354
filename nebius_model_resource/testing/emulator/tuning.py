"""The routes of fine-tuning jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from . import answers, job_documents, names
from .jobs import JobEndedError, JobMissingError
from .paging import PAGE, Limit, page
from .routes import respond

if TYPE_CHECKING:
    from collections.abc import Callable

    from .answers import Answer
    from .job import Job
    from .service import Service

JOBS = "/v1/fine_tuning/jobs"
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Hyperparameters(BaseModel):
    """The documented bounds.

    The defaults are those documented or seen live in an answer. No default is known for `n_epochs`, `batch_size`
    and the two switches: those are ours.
    """

    n_epochs: int = Field(default=3, ge=1, le=20)
    batch_size: int = Field(default=8, ge=1, le=64)
    learning_rate: Finite = 1e-05
    learning_rate_multiplier: Finite | None = None
    warmup_ratio: Finite = 0.0
    weight_decay: Finite = 0.0
    lora: bool = False
    lora_r: int = Field(default=8, ge=8, le=128)
    lora_alpha: int = Field(default=8, ge=8)
    lora_dropout: float = Field(default=0.0, ge=0, le=1)
    packing: bool = True
    max_grad_norm: Finite = 1.0
    context_length: Literal[8192, 16384, 32768, 65536, 131072] = 8192


class Origin(BaseModel):
    """Where the training starts from; the token is accepted and not stored."""

    type: Literal["hf"]
    repo: str
    revision: str | None = None
    token: str | None = None


class NewJob(BaseModel):
    """The documented body of a create; fields beyond these are ignored."""

    model: str
    training_file: str
    validation_file: str | None = None
    hyperparameters: Hyperparameters = Field(default_factory=Hyperparameters)
    suffix: str | None = Field(default=None, max_length=64)
    seed: int | None = None
    integrations: list[Any] | None = None
    method: dict[str, Any] | None = None
    from_checkpoint: Origin | None = None
    tags: Any = None


def job_routes(service: Service) -> APIRouter:
    """Return create, list, read and cancel, and the events and checkpoints of a job."""
    router = APIRouter(prefix=JOBS)
    _add_jobs(router, service)
    _add_details(router, service)
    return router


def _add_jobs(router: APIRouter, service: Service) -> None:
    @router.post("")
    async def create(request: Request, new: NewJob, ai_project_id: str | None = None) -> Response:
        key_project = service.key_project(request.headers.get("authorization"))
        return respond(_create(service, new, ai_project_id, key_project))

    @router.get("")
    async def list_all(
        request: Request, limit: Limit = PAGE, after: str | None = None, ai_project_id: str | None = None
    ) -> Response:
        key_project = service.key_project(request.headers.get("authorization"))
        project = service.settings.project_of(ai_project_id, key_project)
        if not service.may_use(project, key_project):
            return respond(answers.error(403, answers.NO_ACCESS))
        # The newest first is OpenAI's order; the service's is not documented.
        jobs = [job_documents.job(job) for job in service.jobs.select(project)]
        return respond(_page(jobs, limit, after))

    @router.get("/{job_id}")
    async def read(job_id: str) -> Response:
        return respond(_about(service, job_id, lambda job: answers.as_json(job_documents.job(job))))

    @router.post("/{job_id}/cancel")
    async def cancel(job_id: str) -> Response:
        return respond(_cancel(service, job_id))


def _add_details(router: APIRouter, service: Service) -> None:
    @router.get("/{job_id}/events")
    async def list_events(job_id: str, limit: Limit = PAGE, after: str | None = None) -> Response:
        return respond(
            _about(service, job_id, lambda job: _page(job_documents.events(job), limit, after)),
        )

    @router.get("/{job_id}/checkpoints")
    async def list_checkpoints(job_id: str, limit: Limit = PAGE, after: str | None = None) -> Response:
        return respond(_about(service, job_id, lambda job: _page(_checkpoints(job), limit, after)))

    @router.get("/{job_id}/checkpoints/{checkpoint_id}")
    async def read_checkpoint(job_id: str, checkpoint_id: str) -> Response:
        return respond(_about(service, job_id, lambda job: _checkpoint(job, checkpoint_id)))


def _create(service: Service, new: NewJob, ai_project_id: str | None, key_project: str | None) -> Answer:
    project = service.settings.project_of(ai_project_id, key_project)
    if not service.may_use(project, key_project):
        return answers.error(403, answers.NO_ACCESS)
    # The answer to a bad model or file is not documented; 400 is the service's answer to a bad dataset.
    if not names.is_base_name(new.model):
        return answers.error(400, f"The model `{new.model}` does not support fine-tuning.")
    for file_id in (new.training_file, new.validation_file):
        if file_id is not None and (flaw := _flaw(service, file_id)):
            return answers.error(400, flaw)
    request = new.model_dump(exclude={"from_checkpoint", "tags"})
    job = service.jobs.create(**{**request, "suffix": new.suffix or ""}, ai_project_id=project)
    return answers.as_json(job_documents.job(job))


def _flaw(service: Service, file_id: str) -> str | None:
    document = service.files.get(file_id)
    if document is None:
        return answers.UNKNOWN_FILE.format(file_id)
    if document["purpose"] != "fine-tune":
        return f"The file `{file_id}` has purpose {document['purpose']}, not fine-tune."
    return None


def _cancel(service: Service, job_id: str) -> Answer:
    try:
        return answers.as_json(job_documents.job(service.jobs.cancel(job_id)))
    except JobMissingError:
        return _unknown("job", job_id)
    except JobEndedError as ended:
        return answers.error(400, str(ended))


def _about(service: Service, job_id: str, answer: Callable[[Job], Answer]) -> Answer:
    try:
        return answer(service.jobs.read(job_id))
    except JobMissingError:
        return _unknown("job", job_id)


def _checkpoints(job: Job) -> list[dict[str, Any]]:
    return [job_documents.checkpoint(job, one) for one in job.checkpoints]


def _checkpoint(job: Job, checkpoint_id: str) -> Answer:
    for one in job.checkpoints:
        if one.id == checkpoint_id:
            return answers.as_json(job_documents.checkpoint(job, one, with_files=False))
    return _unknown("checkpoint", checkpoint_id)


def _page(items: list[dict[str, Any]], limit: int, after: str | None) -> Answer:
    try:
        return answers.as_json(page(items, limit, after))
    except LookupError:
        return _unknown("item", after or "")


def _unknown(kind: str, identifier: str) -> Answer:
    # Neither code nor text is documented for jobs; both follow what was seen live on chat calls.
    return answers.error(404, f"The {kind} `{identifier}` does not exist.")
