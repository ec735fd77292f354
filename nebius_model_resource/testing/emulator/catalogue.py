"""The route that lists what may be called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from . import answers
from .routes import respond

if TYPE_CHECKING:
    from .service import Service

# Our choice; the service reports the time at which a base was added.
BASES_CREATED = 1_735_689_600


def catalogue_routes(service: Service) -> APIRouter:
    """Return the list of models; a read of one by id is not documented, so there is none."""
    router = APIRouter()

    @router.get("/v1/models")
    async def list_all(request: Request, verbose: bool = False, ai_project_id: str | None = None) -> Response:  # noqa: FBT001, FBT002 - a query parameter
        key_project = service.key_project(request.headers.get("authorization"))
        project = service.settings.project_of(ai_project_id, key_project)
        if not service.may_use(project, key_project):
            return respond(answers.error(403, answers.NO_ACCESS))
        shown = [(base, BASES_CREATED) for base in service.callable_bases()]
        # Only one client claims that active custom models are listed.
        if service.settings.custom_in_catalogue:
            shown += [(model.name, model.created_at) for model in service.store.active(project)]
        return respond(
            answers.as_json({"object": "list", "data": [_entry(*each, verbose=verbose) for each in shown]})
        )

    return router


def _entry(identifier: str, created: int, *, verbose: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": identifier, "object": "model", "created": created, "owned_by": "system"}
    if verbose:
        # The fields come from a sample in a client's notes; the values are ours.
        entry |= {
            "name": identifier.rpartition("/")[2],
            "description": "",
            "context_length": 131072,
            "architecture": {"modality": "text->text"},
            "quantization": "fp8",
            "pricing": {"prompt": "0.00000002", "completion": "0.00000006"},
            "per_request_limits": {
                "requests_per_minute": 60,
                "tokens_per_minute": 400_000,
                "burst_ratio": 1.0,
            },
        }
    return entry
