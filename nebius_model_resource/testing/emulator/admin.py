"""The routes under `/_emulator/`, a prefix the real service does not have, to steer it from another process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict

from . import answers, documents, job_documents
from .faults import Fault
from .jobs import JobMissingError
from .routes import respond
from .store import ModelMissingError

if TYPE_CHECKING:
    from .answers import Answer
    from .service import Service


class ModelByHand(BaseModel):
    """The body that creates a model outside of the API."""

    model_config = ConfigDict(extra="forbid")

    name: str
    base_model: str
    source: str
    description: str | None = None
    status: str = "active"
    ai_project_id: str | None = None


class EndByHand(BaseModel):
    """The body that ends a job outside of the API."""

    model_config = ConfigDict(extra="forbid")

    status: str = "succeeded"
    message: str | None = None


def steering_routes(service: Service) -> APIRouter:
    """Return the routes for requests, faults, settings, models and jobs; none needs a key."""
    router = APIRouter(prefix="/_emulator")
    _add_request_routes(router, service)
    _add_fault_routes(router, service)
    _add_setting_routes(router, service)
    _add_model_routes(router, service)
    _add_job_routes(router, service)
    return router


def _add_request_routes(router: APIRouter, service: Service) -> None:
    @router.get("/requests")
    async def list_requests(method: str | None = None, path: str | None = None) -> Response:
        return respond(answers.as_json([each.to_dict() for each in service.requests.select(method, path)]))

    @router.delete("/requests")
    async def clear_requests() -> Response:
        service.requests.clear()
        return Response(status_code=204)


def _add_fault_routes(router: APIRouter, service: Service) -> None:
    @router.get("/faults")
    async def list_faults() -> Response:
        return respond(answers.as_json(service.faults.describe()))

    @router.post("/faults")
    async def add_fault(fault: Fault) -> Response:
        return respond(answers.as_json({"id": service.faults.add(fault)}, 201))

    @router.delete("/faults")
    async def clear_faults() -> Response:
        service.faults.clear()
        return Response(status_code=204)


def _add_setting_routes(router: APIRouter, service: Service) -> None:
    @router.get("/settings")
    async def read_settings() -> Response:
        return respond(answers.as_json(service.settings.model_dump()))

    @router.patch("/settings")
    async def change_settings(changes: Annotated[dict[str, Any], Body()]) -> Response:
        try:
            service.settings.update(**changes)
        except ValueError as error:
            return respond(answers.error(422, str(error)))
        return respond(answers.as_json(service.settings.model_dump()))


def _add_model_routes(router: APIRouter, service: Service) -> None:
    @router.get("/models")
    async def list_models() -> Response:
        return respond(answers.as_json([documents.whole(model) for model in service.store.live()]))

    @router.post("/models")
    async def add_model(model: ModelByHand) -> Response:
        return respond(_add(service, model))

    @router.patch("/models/{name:path}")
    async def change_model(name: str, fields: Annotated[dict[str, Any], Body()]) -> Response:
        return respond(_change(service, name, fields))

    @router.delete("/models/{name:path}")
    async def remove_model(name: str) -> Response:
        try:
            return respond(answers.as_json(documents.whole(service.store.delete(name))))
        except ModelMissingError as missing:
            return respond(answers.error(404, str(missing)))


def _add_job_routes(router: APIRouter, service: Service) -> None:
    @router.get("/jobs")
    async def list_jobs() -> Response:
        return respond(answers.as_json([job_documents.job(job) for job in service.jobs.select()]))

    @router.patch("/jobs/{job_id}")
    async def finish_job(job_id: str, end: EndByHand) -> Response:
        return respond(_finish(service, job_id, end))


def _finish(service: Service, job_id: str, end: EndByHand) -> Answer:
    try:
        return answers.as_json(job_documents.job(service.jobs.finish(job_id, end.status, end.message)))
    except JobMissingError as missing:
        return answers.error(404, f"no job {missing}")
    except ValueError as error:
        return answers.error(422, str(error))


def _add(service: Service, model: ModelByHand) -> Answer:
    try:
        return answers.as_json(documents.whole(service.store.add(**model.model_dump())), 201)
    except ValueError as error:
        return answers.error(422, str(error))


def _change(service: Service, name: str, fields: dict[str, Any]) -> Answer:
    try:
        return answers.as_json(documents.whole(service.store.change(name, **fields)))
    except ModelMissingError as missing:
        return answers.error(404, str(missing))
    except ValueError as error:
        return answers.error(422, str(error))
