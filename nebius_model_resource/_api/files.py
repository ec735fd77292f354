"""The service's files, one method for each endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nebius_model_resource._api import redact
from nebius_model_resource._api.connection import READ_ATTEMPTS, Connection
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.models import Fault, whole_number
from nebius_model_resource.errors import InvalidInputs, UnusableAnswer

if TYPE_CHECKING:
    from nebius_model_resource._api.transport import Stream

ANSWER_SECONDS = (
    300.0  # for the answer after the last byte: the service may check hundreds of MB before it answers
)
_UPLOAD = "/v0/models/upload"
_FILES = "/v1/files"
_MOST_PAGES = 1_000


@dataclass(frozen=True)
class FileInfo:
    """One file as the service reports it.

    Attributes:
        id: ``file-…``, what a model takes as its source.
        filename, purpose, status: None where the service does not say.
        size: bytes.
        created_at: whole Unix seconds.
    """

    id: str
    filename: str | None = None
    size: int | None = None
    created_at: int | None = None
    purpose: str | None = None
    status: str | None = None

    @classmethod
    def parse(cls, entry: Any) -> FileInfo | None:
        """Read an entry; None where it is no file."""
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not entry["id"]:
            return None
        texts = {name: _text(entry.get(name)) for name in ("filename", "purpose", "status")}
        created_at = whole_number(entry.get("created_at"))
        return cls(entry["id"], size=whole_number(entry.get("bytes")), created_at=created_at, **texts)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


@dataclass(frozen=True)
class FileListing:
    """All files of one project; ``complete`` is False where entries were left out that are no files."""

    files: tuple[FileInfo, ...]
    complete: bool


class Files:
    """One account's files over HTTP; safe to share between threads.

    Attributes:
        uploaded: the ids of the files uploaded here, which a list read earlier lacks.
    """

    def __init__(self, connection: Connection) -> None:
        """Sends nothing."""
        self.connection = connection
        self.uploaded: set[str] = set()
        self._key = connection.settings.api_key

    def upload(
        self,
        filename: str,
        length: int,
        chunks: Callable[[], Iterable[bytes]],
        ai_project_id: str | None,
        deadline: Deadline,
        sent: Callable[[int], None] = lambda _bytes: None,
    ) -> FileInfo:
        """``POST /v0/models/upload``: one multipart part, ``file``; sent again only where nothing was done.

        Args:
            filename: the name of the file.
            length: its bytes.
            chunks: gives its bytes, from the beginning at each call.
            ai_project_id: the project; None for the key's own.
            deadline: how long the upload may take; it also ends when 30 s pass without progress.
            sent: called with the bytes sent so far, after each chunk; what it raises ends the upload.

        Raises:
            BadRequest, AccessDenied, NotFound, Redirected, NotSent: refused, nothing was created.
            AnswerLost, UnusableAnswer, ServerFault: a file may have been created.
            DeadlineExceeded: rate-limited until the deadline, nothing was created.
        """

        def upload(deadline: Deadline) -> FileInfo:
            parsed, _ = self.connection.send(
                "POST",
                _UPLOAD,
                deadline,
                params=_project(ai_project_id),
                body=_multipart(filename, length, chunks, sent),
                seconds=ANSWER_SECONDS,
            )
            return self._file(
                parsed, "the service answered the upload with success and without the file's id"
            )

        return self.connection.repeat(upload, deadline, attempts=1)

    def get(
        self, file_id: str, deadline: Deadline | None = None, *, attempts: int = READ_ATTEMPTS
    ) -> FileInfo:
        """``GET /v1/files/{id}``.

        Raises:
            NotFound: there is no such file.
            ApiError, TransportError: it could not be read.
        """

        def read(deadline: Deadline) -> FileInfo:
            parsed, _ = self.connection.send("GET", _path(file_id), deadline)
            return self._file(parsed, f"the service answered {file_id!r} with something else than a file")

        return self.connection.repeat(read, deadline, attempts)

    def list_all(
        self,
        ai_project_id: str | None = None,
        deadline: Deadline | None = None,
        *,
        attempts: int = READ_ATTEMPTS,
    ) -> FileListing:
        """``GET /v1/files``, all pages.

        Paging is not documented here; where an answer says ``has_more``, the next page is asked for as on the service's
        other lists (``after``), until a page has nothing new.

        Raises:
            ApiError, TransportError: the list could not be read.
        """
        found: dict[str, FileInfo] = {}
        complete = True
        after: str | None = None
        for _ in range(_MOST_PAGES):
            entries, has_more = self._page(ai_project_id, after, deadline, attempts)
            page = {file.id: file for entry in entries if (file := self._parsed(entry))}
            complete = complete and len(page) == len(entries)
            is_new = bool(page.keys() - found.keys())
            found.update(page)
            if not has_more or not is_new:
                return FileListing(tuple(found.values()), complete and not has_more)
            after = next(reversed(page))
        return FileListing(tuple(found.values()), complete=False)

    def _page(
        self, ai_project_id: str | None, after: str | None, deadline: Deadline | None, attempts: int
    ) -> tuple[list[Any], bool]:
        from nebius_model_resource._api.transport import MAX_LIST

        params = _project(ai_project_id) | ({"after": after} if after else {})

        def read(deadline: Deadline) -> tuple[list[Any], bool]:
            parsed, _ = self.connection.send("GET", _FILES, deadline, params=params, longest=MAX_LIST)
            entries = parsed.get("data") if isinstance(parsed, dict) else None
            if not isinstance(entries, list):
                raise UnusableAnswer("the service answered the list of files with something else than a list")
            return entries, parsed.get("has_more") is True

        return self.connection.repeat(read, deadline, attempts)

    def delete(self, file_id: str, deadline: Deadline | None = None) -> None:
        """``DELETE /v1/files/{id}``, retried until the deadline.

        Raises:
            NotFound: there is no such file (any more).
            ApiError, TransportError: it may still exist.
        """

        def delete(deadline: Deadline) -> None:
            parsed, _ = self.connection.send("DELETE", _path(file_id), deadline)
            if not isinstance(parsed, dict) or parsed.get("deleted") is False:
                raise UnusableAnswer(f"the service answered the deletion of {file_id!r} with something else")

        self.connection.repeat(delete, deadline, attempts=None)

    def _file(self, parsed: Any, otherwise: str) -> FileInfo:
        if file := self._parsed(parsed):
            return file
        raise UnusableAnswer(otherwise)

    def _parsed(self, entry: Any) -> FileInfo | None:
        """A file whose id does not give the key away."""
        file = FileInfo.parse(entry)
        return None if file is None or redact.holds(file.id, self._key) else file


def _multipart(
    filename: str, length: int, chunks: Callable[[], Iterable[bytes]], sent: Callable[[int], None]
) -> Stream:
    """The body of an upload: urllib3 writes all but the content, which is never in memory as one."""
    from collections.abc import Iterator

    from urllib3 import encode_multipart_formdata

    from nebius_model_resource._api.transport import Stream

    empty, content_type = encode_multipart_formdata({"file": (filename, b"", "application/zip")})
    boundary = content_type.rpartition("boundary=")[2].encode()
    end = b"\r\n--" + boundary + b"--\r\n"
    start = empty.removesuffix(end)

    class Body(Stream):
        def __init__(self) -> None:
            self.content_type = content_type

        def __len__(self) -> int:
            return len(start) + length + len(end)

        def __iter__(self) -> Iterator[bytes]:
            done = 0
            sent(done)
            yield start
            for chunk in chunks():
                yield chunk
                done += len(chunk)
                sent(done)
            yield end

    return Body()


def _project(ai_project_id: str | None) -> dict[str, str]:
    return {"ai_project_id": ai_project_id} if ai_project_id else {}


def _path(file_id: str) -> str:
    if file_id in ("", ".", ".."):  # would be another path, whatever the encoding
        raise InvalidInputs([Fault("file_id", f"{file_id!r} cannot be the id of a file")])
    return f"{_FILES}/{quote(file_id, safe='')}"
