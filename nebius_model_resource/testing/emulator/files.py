"""Files and archives of adapters: uploaded, listed, read and deleted."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from .answers import Answer, Refused, Request, as_json, page
from .store import Store

if TYPE_CHECKING:
    from .core import Service

# The object of an archive is not documented.
ARCHIVE_PURPOSE = b"model_archive"
_MOST = 10_000  # files on a page, as OpenAI has it
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
    """The objects by id, and their contents: in memory, or in a folder next to the state file."""

    kind, model = "file", File

    def __init__(self, service: Service, folder: Path | None = None) -> None:
        super().__init__(service)
        self._folder = folder
        self._contents: dict[str, bytes] = {}

    def add(self, filename: str, content: bytes, purpose: str) -> File:
        """Store an upload and return its object; ids are `file-<uuid>`, as in captures."""
        identifier = f"file-{uuid.UUID(int=self.random.getrandbits(128), version=4)}"
        if identifier in self.items:  # with a seed, a second run draws the ids of the first
            return self.add(filename, content, purpose)
        # The bytes first: an emulator killed here leaves no object without content.
        if self._folder is None:
            self._contents[identifier] = content
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / identifier).write_bytes(content)
        now = int(self.clock())
        return self.put(
            File(id=identifier, bytes=len(content), created_at=now, filename=filename, purpose=purpose)
        )

    def content(self, file_id: str) -> bytes | None:
        """Return the uploaded bytes of an id, or None."""
        if file_id not in self.items:
            return None
        return self._contents[file_id] if self._folder is None else (self._folder / file_id).read_bytes()

    def delete(self, file_id: str) -> None:
        """Remove a file.

        Raises:
            Missing: there is none.
        """
        self.find(file_id)
        del self.items[file_id]
        self.service.save()
        if self._folder is None:
            del self._contents[file_id]
        else:
            (self._folder / file_id).unlink(missing_ok=True)


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
    _, purpose = parts.get("purpose", ("", ARCHIVE_PURPOSE))
    limit = service.settings.archive_limit_bytes
    if len(content) > limit:
        # The limit comes from two guides; code and text are not documented.
        raise Refused(413, f"The archive is larger than {limit} bytes.")
    return as_json(service.files.add(filename, content, purpose.decode("utf-8", "replace")).model_dump())


def _list(service: Service, request: Request) -> Answer:
    # Paging is not documented here; OpenAI's client asks for pages for ever if `after` does nothing.
    return page(service.files.dump(), request.query, service.settings.files_per_page, _MOST)


def _read(service: Service, _request: Request, file_id: str) -> Answer:
    return as_json(service.files.find(file_id).model_dump())


def _content(service: Service, _request: Request, file_id: str) -> Answer:
    service.files.find(file_id)
    content = service.files.content(file_id) or b""
    return Answer(200, content, {"content-type": "application/octet-stream"})


def _delete(service: Service, _request: Request, file_id: str) -> Answer:
    is_used = any(model.source == file_id for model in service.models.live())
    if is_used and service.settings.refuse_deletion_of_used_files:
        raise Refused(409, f"The file `{file_id}` is used by a model.")
    service.files.delete(file_id)
    return as_json({"id": file_id, "object": "file", "deleted": True})


ROUTES = (
    ("POST", "/v0/models/upload", _upload),
    ("POST", "/v1/files", _upload),
    ("GET", "/v1/files", _list),
    ("GET", "/v1/files/([^/]+)", _read),
    ("GET", "/v1/files/([^/]+)/content", _content),
    ("DELETE", "/v1/files/([^/]+)", _delete),
)
