"""Files and archives of adapters: uploaded, listed, read and deleted."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from pydantic import BaseModel

from .answers import Answer, Missing, Refused, Request, as_json, page
from .store import Store

if TYPE_CHECKING:
    from .core import Service

_PARAMETER = re.compile(rb'[; ](filename|name|boundary)="?([^";\r\n]*)')


class File(BaseModel, frozen=True):
    """The documented object."""

    id: str
    bytes: int
    created_at: int
    filename: str
    object: str = "file"
    purpose: str
    status: str | None = None
    status_details: str | None = None


class Files(Store[File]):
    """The objects by id, and their bytes, which a state file does not hold."""

    kind, family, model = "file", "files", File

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._contents: dict[str, bytes] = {}

    def add(self, filename: str, content: bytes, purpose: str) -> File:
        """Store an upload and return its object; ids are `file-<uuid>`, as in captures."""
        identifier = f"file-{uuid.UUID(int=self.random.getrandbits(128), version=4)}"
        self._contents[identifier] = content
        now = int(self.clock())
        return self.put(
            File(id=identifier, bytes=len(content), created_at=now, filename=filename, purpose=purpose)
        )

    def content(self, file_id: str) -> bytes:
        """Return the bytes of an upload.

        Raises:
            Missing: there was none to this process.
        """
        if file_id not in self._contents:
            raise Missing(self.kind, file_id)
        return self._contents[file_id]

    def remove(self, identifier: str) -> File:
        """Remove a file and its bytes.

        Raises:
            Missing: there is none.
        """
        self._contents.pop(identifier, None)
        return super().remove(identifier)


def _parts(request: Request) -> dict[str, tuple[str, bytes]]:
    """Return name -> filename and content of each part of a multipart body."""
    boundary = _parameters(request.headers.get("content-type", "").encode()).get("boundary")
    if not boundary:
        return {}
    found = {}
    for part in (b"\r\n" + request.body).split(b"\r\n--" + boundary.encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        given = _parameters(head)
        found[given.get("name", "")] = (given.get("filename", ""), content)
    return found


def _parameters(head: bytes) -> dict[str, str]:
    return {name.decode(): value.decode("utf-8", "replace") for name, value in _PARAMETER.findall(head)}


def _upload(service: Service, request: Request) -> Answer:
    parts = _parts(request)
    if "file" not in parts:
        missing = {"type": "missing", "loc": ["body", "file"], "msg": "Field required", "input": None}
        raise Refused(422, [missing])
    filename, content = parts["file"]
    _, purpose = parts.get("purpose", ("", b"model_archive"))  # that of an archive is not documented
    return as_json(service.files.add(filename, content, purpose.decode("utf-8", "replace")).model_dump())


def _list(service: Service, request: Request) -> Answer:
    # Paging is not documented here; OpenAI's client asks for pages for ever if `after` does nothing.
    return page(service.files.dump(), request.query, service.settings.files_per_page, 10_000)


def _read(service: Service, _request: Request, file_id: str) -> Answer:
    return as_json(service.files.find(file_id).model_dump())


def _content(service: Service, _request: Request, file_id: str) -> Answer:
    return Answer(200, service.files.content(file_id), {"content-type": "application/octet-stream"})


def _delete(service: Service, _request: Request, file_id: str) -> Answer:
    is_used = any(model.source == file_id for model in service.models.live())
    if is_used and service.settings.refuse_deletion_of_used_files:
        raise Refused(409, f"The file `{file_id}` is used by a model.")
    service.files.remove(file_id)
    return as_json({"id": file_id, "object": "file", "deleted": True})


ROUTES = (
    ("POST", "/v0/models/upload", _upload),
    ("POST", "/v1/files", _upload),
    ("GET", "/v1/files", _list),
    ("GET", "/v1/files/([^/]+)", _read),
    ("GET", "/v1/files/([^/]+)/content", _content),
    ("DELETE", "/v1/files/([^/]+)", _delete),
)
