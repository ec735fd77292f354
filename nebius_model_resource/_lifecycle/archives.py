"""One uploaded file from its POST to its deletion.

Every upload has a name of its own, with the hash of the content and a random token. So a file of that name belongs to
this upload alone: after a lost answer it can be found by its name, and a file that was created twice can be deleted. An
upload never uses an existing file with the same content: the resource that owns that file deletes it, whether it is in
another stack or is the one that ``pulumi up --replace`` creates again. The name also shows what a killed host leaves
(:func:`is_archive`).
"""

from __future__ import annotations

import re

from nebius_model_resource._adapter import Adapter, Package, stem
from nebius_model_resource._api.backoff import backoff
from nebius_model_resource._api.files import FileInfo, FileListing, Files
from nebius_model_resource._contents import in_units
from nebius_model_resource._lifecycle.operation import Operation
from nebius_model_resource.errors import (
    AccessDenied,
    AnswerLost,
    DeadlineExceeded,
    EngineGone,
    NebiusError,
    NotFound,
    NotSent,
    may_have_happened,
)

_LOOKS = 4  # complete lists without the file before it is sent again
_CLEAN_UP_SECONDS = 30.0
_SHOW_SECONDS = 1.0
_NAME = re.compile(r"(.+)-([0-9a-f]{16})-[0-9a-f]{8}\.zip")


def new_name(adapter: Adapter) -> str:
    """A name that no other upload has: ``<folder>-<16 hex digits of the hash>-<8 random ones>.zip``."""
    return Package(adapter).filename


def is_archive(file: FileInfo) -> bool:
    """Whether a file has a name that an upload of this package gives."""
    return bool(_NAME.fullmatch(file.filename or ""))


def may_come_of(file: FileInfo, path: str, sha256: str) -> bool:
    """Whether an upload of this content may have created a file; an empty text is not known and fits every file."""
    name = _NAME.fullmatch(file.filename or "")
    if name is None:
        return False
    return name[2] == sha256[:16] if sha256 else path in ("", ".") or name[1] == stem(path)


class Archives:
    """The operations on one account's uploaded adapters; one object serves every thread of a process."""

    def __init__(self, files: Files) -> None:
        """Sends nothing."""
        self._files = files

    def upload(
        self, adapter: Adapter, ai_project_id: str | None, operation: Operation, name: str | None = None
    ) -> FileInfo:
        """Upload an adapter as exactly one file.

        Args:
            adapter: what to upload, as it was read.
            ai_project_id: the project; None for the key's own.
            operation: its deadline and progress.
            name: the file's name where the caller noted it beforehand, see :func:`new_name`.

        Raises:
            UnusableArchive: the content is no longer what was read; nothing was created.
            ApiError, NotSent, DeadlineExceeded: nothing was created.
            AnswerLost: the deadline came before it was known whether a file was created.
            EngineGone: nothing is left, unless the service could not be reached to delete it.
        """
        upload = _Upload(self._files, adapter, ai_project_id, operation, name or new_name(adapter))
        try:
            file = upload.run()
            operation.deadline.sleep(0)  # an engine that is gone records nothing
        except EngineGone:
            self._clean_up(upload)
            raise
        return file

    def _clean_up(self, upload: _Upload) -> None:
        operation = Operation(self._files.connection.deadline(_CLEAN_UP_SECONDS))
        try:
            for file in upload.created(operation):
                self.delete(file.id, upload.ai_project_id, operation)
        except NebiusError:
            return  # `nebius-models unknown` shows the file

    def read(self, file_id: str, ai_project_id: str | None, operation: Operation) -> FileInfo | None:
        """What the service reports of a file; None where it is gone, by its id and in the list.

        Raises:
            ApiError, TransportError: it is not known whether the file exists; 401 and 403 are among these.
        """
        try:
            return self._files.get(file_id, operation.deadline)
        except NotFound:
            listing = self._files.list_all(
                ai_project_id, operation.deadline
            )  # behind a wrong base URL everything is 404
            return _find(listing, file_id)

    def delete(self, file_id: str, ai_project_id: str | None, operation: Operation) -> None:
        """Delete a file; one that is gone already is a success.

        Raises:
            ApiError, TransportError, DeadlineExceeded: the file may still exist.
        """
        try:
            self._files.delete(file_id, operation.deadline)
        except (NotFound, AccessDenied) as error:
            if error.status == 401:
                raise
            # As for models: the list decides, since a wrong base URL and a 403 hide whether the file exists.
            listing = self._files.list_all(ai_project_id, operation.deadline)
            hidden = isinstance(error, AccessDenied) and not listing.complete
            if hidden or _find(listing, file_id):
                raise


def _find(listing: FileListing, file_id: str) -> FileInfo | None:
    return next((file for file in listing.files if file.id == file_id), None)


class _Upload:
    """One upload under one name."""

    def __init__(
        self, files: Files, adapter: Adapter, ai_project_id: str | None, operation: Operation, name: str
    ) -> None:
        self._files = files
        self._package = Package(adapter)
        self.ai_project_id = ai_project_id
        self._operation = operation
        self._name = name
        self._clock = operation.deadline.clock
        self._shown_at = float("-inf")

    def run(self) -> FileInfo:
        failures = 0
        lost = False
        while True:
            try:
                file = self._send()
                return self._only(file) if lost else file
            except NebiusError as error:
                failures += 1
                trouble = error
            if may_have_happened(trouble):
                lost = True
                if found := self._look(trouble):
                    return self._only(found)
            elif not isinstance(trouble, NotSent) or trouble.permanent:
                raise trouble
            self._pause(trouble, failures)

    def created(self, operation: Operation) -> list[FileInfo]:
        """The files that this upload created, complete ones first."""
        listing = self._files.list_all(self.ai_project_id, operation.deadline, attempts=1)
        mine = [file for file in listing.files if file.filename == self._name]
        return sorted(mine, key=lambda file: not self._is_complete(file))

    def _is_complete(self, file: FileInfo) -> bool:
        return file.size in (None, self._package.length)

    def _send(self) -> FileInfo:
        return self._files.upload(
            self._name,
            self._package.length,
            self._package.chunks,
            self.ai_project_id,
            self._operation.deadline,
            self._progress,
        )

    def _progress(self, sent: int) -> None:
        if self._clock() - self._shown_at < _SHOW_SECONDS:
            return
        self._shown_at = self._clock()
        self._operation.deadline.sleep(0)
        if self._operation.deadline.passed():
            raise DeadlineExceeded(
                f"{self._operation.deadline.why_passed()} with {in_units(sent)} of "
                f"{in_units(self._package.length)} sent"
            )
        part = 100 * sent // self._package.length
        self._operation.report.progress(f"uploading {part} % of {in_units(self._package.length)}")

    def _pause(self, trouble: NebiusError, failures: int) -> None:
        delay = backoff(failures)
        if delay >= self._operation.deadline.remaining():
            raise trouble
        self._operation.report.progress(f"{trouble}; retrying")
        self._operation.deadline.sleep(delay)

    def _look(self, lost: NebiusError) -> FileInfo | None:
        """The file whose answer was lost; None where a few lists lack it."""
        self._operation.report.progress("the answer was lost: searching the list for the file")
        looks = 0
        trouble = lost
        while True:
            try:
                listed = self.created(self._operation)
            except AccessDenied as error:
                raise self._undecided(lost, error) from error
            except NebiusError as error:
                trouble = error
            else:
                if listed and self._is_complete(listed[0]):
                    return listed[0]
                looks += 1
                if looks == _LOOKS:
                    return None
            delay = backoff(max(looks, 1), jitter=lambda: 1.0)
            if delay >= self._operation.deadline.remaining():
                raise self._undecided(lost, trouble) from trouble
            self._operation.deadline.sleep(delay)

    def _only(self, file: FileInfo) -> FileInfo:
        """Delete what else this upload created: an upload that looked lost may have been stored late."""
        try:
            for other in self.created(self._operation):
                if other.id != file.id:
                    self._files.delete(other.id, self._operation.deadline)
        except EngineGone:
            raise
        except NebiusError as error:
            self._operation.report.warn(
                f"{self._name!r} may have been created twice: {error}; run `nebius-models unknown`"
            )
        return file

    def _undecided(self, lost: NebiusError, trouble: NebiusError) -> AnswerLost:
        listed = "the list does not show it yet" if trouble is lost else f"the list cannot be read: {trouble}"
        return AnswerLost(
            f"it is not known whether the file {self._name!r} was created: {lost}; {listed}; before the next "
            "`pulumi up` run `pulumi stack export | nebius-models unknown`, which shows the file if it exists"
        )
