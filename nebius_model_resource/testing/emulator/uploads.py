"""The routes of files and of adapter archives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter, Form, Request, Response, UploadFile

from . import answers
from .answers import Answer
from .paging import FileLimit, page
from .routes import respond

if TYPE_CHECKING:
    from .service import Service

# The object of an archive is not documented.
ARCHIVE_PURPOSE = "model_archive"
# It is not documented where the service stores contents. As with a signed link, a client needs no key here.
STORAGE = "/storage/"


def file_routes(service: Service) -> APIRouter:
    """Return the uploads, what is done with files, and the contents."""
    router = APIRouter()
    _add_uploads(router, service)
    _add_objects(router, service)
    _add_contents(router, service)
    return router


def _add_uploads(router: APIRouter, service: Service) -> None:
    @router.post("/v0/models/upload")
    async def upload_archive(file: UploadFile) -> Response:
        if (file.size or 0) > service.settings.archive_limit_bytes:
            return respond(_too_large(service.settings.archive_limit_bytes))
        return respond(await _keep(service, file, ARCHIVE_PURPOSE))

    @router.post("/v1/files")
    async def upload_file(file: UploadFile, purpose: Literal["batch", "fine-tune"] = Form()) -> Response:
        return respond(await _keep(service, file, purpose))


def _add_objects(router: APIRouter, service: Service) -> None:
    @router.get("/v1/files")
    async def list_files(limit: FileLimit | None = None, after: str | None = None) -> Response:
        # Paging is not documented here; OpenAI's client asks for pages for ever if `after` does nothing.
        try:
            return respond(
                answers.as_json(page(service.files.select(), limit or service.settings.files_per_page, after))
            )
        except LookupError:
            return respond(_unknown(after or ""))

    @router.get("/v1/files/{file_id}")
    async def read_file(file_id: str) -> Response:
        return respond(_read(service, file_id))

    @router.delete("/v1/files/{file_id}")
    async def delete_file(file_id: str) -> Response:
        if service.settings.refuse_deletion_of_used_files and _is_used(service, file_id):
            return respond(answers.error(409, f"The file `{file_id}` is used by a model."))
        if not service.files.delete(file_id):
            return respond(_unknown(file_id))
        return respond(answers.as_json({"id": file_id, "object": "file", "deleted": True}))


def _add_contents(router: APIRouter, service: Service) -> None:
    @router.get("/v1/files/{file_id}/link")
    async def read_link(request: Request, file_id: str) -> Response:
        if service.files.get(file_id) is None:
            return respond(_unknown(file_id))
        return respond(answers.as_json({"url": _link(request, file_id)}))

    @router.get("/v1/files/{file_id}/content")
    async def read_content(request: Request, file_id: str) -> Response:
        if service.settings.content_redirects and service.files.get(file_id) is not None:
            # A client's notes say that it redirects; the code is the framework's usual one.
            return respond(Answer(307, b"", {"location": _link(request, file_id)}))
        return respond(_content(service, file_id))

    @router.get(STORAGE + "{file_id}")
    async def read_stored(file_id: str) -> Response:
        return respond(_content(service, file_id))


async def _keep(service: Service, file: UploadFile, purpose: str) -> Answer:
    return answers.as_json(service.files.add(file.filename or "", await file.read(), purpose))


def _is_used(service: Service, file_id: str) -> bool:
    return any(model.source == file_id for model in service.store.live())


def _read(service: Service, file_id: str) -> Answer:
    document = service.files.get(file_id)
    return _unknown(file_id) if document is None else answers.as_json(document)


def _content(service: Service, file_id: str) -> Answer:
    content = service.files.content(file_id)
    if content is None:
        return _unknown(file_id)
    return Answer(200, content, {"content-type": "application/octet-stream"})


def _link(request: Request, file_id: str) -> str:
    return f"{str(request.base_url).rstrip('/')}{STORAGE}{file_id}"


def _too_large(limit: int) -> Answer:
    # The limit comes from two guides; code and text are not documented; our choice.
    return answers.error(413, f"The archive is larger than {limit} bytes.")


def _unknown(file_id: str) -> Answer:
    # Not documented; the form is that seen live for models.
    return answers.error(404, answers.UNKNOWN_FILE.format(file_id))
