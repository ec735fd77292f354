"""The routes of custom models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from . import answers, documents, names
from .store import ModelMissingError

if TYPE_CHECKING:
    from .answers import Answer
    from .service import Service


class NewModel(BaseModel):
    """The documented body of a create; fields beyond these are ignored."""

    name: str
    base_model: str
    source: str
    description: str | None = None


def respond(answer: Answer) -> Response:
    """Return an answer as the framework wants it."""
    return Response(answer.body, answer.status, answer.headers)


def model_routes(service: Service) -> APIRouter:
    """Return create, list, read and delete, and the undocumented `/v1` delete seen live in Apr 2025."""
    router = APIRouter()

    @router.post("/v0/models")
    async def create(request: Request, new: NewModel, ai_project_id: str | None = None) -> Response:
        key_project = service.key_project(request.headers.get("authorization"))
        return respond(_create(service, new, ai_project_id, key_project))

    @router.get("/v0/models")
    async def list_all(request: Request, ai_project_id: str | None = None) -> Response:
        key_project = service.key_project(request.headers.get("authorization"))
        return respond(_list(service, ai_project_id, key_project))

    # The server has decoded the path, so `name` may be short, full, or a full name sent percent-encoded.
    @router.get("/v0/models/{name:path}")
    async def read(name: str) -> Response:
        return respond(_read(service, name))

    @router.delete("/v0/models/{name:path}")
    @router.delete("/v1/models/{name:path}")
    async def delete(name: str) -> Response:
        return respond(_delete(service, name))

    return router


def _create(service: Service, new: NewModel, ai_project_id: str | None, key_project: str | None) -> Answer:
    settings = service.settings
    project = settings.project_of(ai_project_id, key_project)
    if not service.may_use(project, key_project):
        return answers.error(403, answers.NO_ACCESS)
    if not _is_supported(new.base_model, settings.supported_bases):
        return answers.unsupported_base(new.base_model, settings.supported_bases or [])
    model = service.store.create(**new.model_dump(), ai_project_id=project)
    return answers.as_json(documents.created(model, short=settings.short_name_on_create))


def _list(service: Service, ai_project_id: str | None, key_project: str | None) -> Answer:
    project = service.settings.project_of(ai_project_id, key_project)
    if not service.may_use(project, key_project):
        return answers.error(403, answers.NO_ACCESS)
    return answers.as_json([documents.entry(model) for model in service.store.select(project)])


def _read(service: Service, name: str) -> Answer:
    try:
        model = service.store.read(name)
    except ModelMissingError as missing:
        return _missing(service, missing)
    first = model.is_live and model.reads == service.settings.missing_reads + 1
    with_status = not (first and service.settings.first_read_without_status)
    return answers.as_json(documents.entry(model, with_status=with_status))


def _delete(service: Service, name: str) -> Answer:
    try:
        model = service.store.delete(name)
    except ModelMissingError as missing:
        return _missing(service, missing)
    return answers.as_json(documents.created(model, short=service.settings.short_name_on_create))


def _missing(service: Service, missing: ModelMissingError) -> Answer:
    if missing.status in {None, 404}:
        return answers.unknown_model(missing.name, hidden=service.settings.hidden_missing)
    return answers.error(missing.status or 404, answers.NO_ACCESS)


def _is_supported(base_model: str, supported: list[str] | None) -> bool:
    return names.is_base_name(base_model) if supported is None else base_model in supported
