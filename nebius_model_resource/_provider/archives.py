"""What a provider decides about one ``ModelArchive``.

Every upload has a name of its own, with the hash of the content and a random part. So a file of that name belongs to
this upload alone: after a lost answer it can be found by its name. An upload never uses an existing file with the same
content: the resource that owns that file deletes it. The name also shows what a killed host leaves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nebius_model_resource import _adapter
from nebius_model_resource._contents import in_units
from nebius_model_resource._provider.calls import Call, Changes, Found, Operation
from nebius_model_resource._provider.create import Creation
from nebius_model_resource._provider.properties import ARCHIVE, UNKNOWN, State
from nebius_model_resource._provider.resource_type import ResourceType
from nebius_model_resource._service.types import FileInfo
from nebius_model_resource.errors import (
    DeadlineExceeded,
    EngineGone,
    Fault,
    FileMissing,
    NebiusError,
    UnusableArchive,
)

_CLEAN_UP_SECONDS = 30.0
_SHOW_SECONDS = 1.0
_NAME = re.compile(r"(.+)-([0-9a-f]{16})-[0-9a-f]{8}\.zip")


def is_archive(file: FileInfo) -> bool:
    """Whether a file has a name that an upload of this package gives."""
    return bool(_NAME.fullmatch(file.filename or ""))


def may_come_of(file: FileInfo, path: str, sha256: str) -> bool:
    """Whether an upload of this content may have created a file; an empty text is not known and fits every file."""
    name = _NAME.fullmatch(file.filename or "")
    if name is None:
        return False
    return name[2] == sha256[:16] if sha256 else path in ("", ".") or name[1] == _adapter.stem(path)


class ModelArchives(ResourceType):
    """The uploaded adapters of one provider process."""

    table = ARCHIVE
    noun = "file"
    waiting = frozenset({"check", "create", "delete"})  # a check reads every byte of the adapter
    default_seconds = 1800.0  # to upload: 500 MB at 2.2 Mbit/s

    def examine(
        self, call: Call, olds: Mapping[str, Any], inputs: dict[str, Any], faults: list[Fault]
    ) -> list[Fault]:
        """Read the adapter, and put the hash of its content into the inputs."""
        path, recorded = inputs.get("path"), olds.get("sha256")
        # With `ignore_changes` the engine puts the old hash into the inputs: the folder may be on another machine.
        if recorded and inputs.get("sha256") == recorded:
            return []
        if path == UNKNOWN:
            inputs["sha256"] = UNKNOWN
        if path == UNKNOWN or any(fault.property == "path" for fault in faults):
            return []
        try:
            adapter = _adapter.read(str(path), recorded)
        except UnusableArchive as error:
            return [Fault("path", error.reason)]
        inputs["sha256"] = adapter.sha256
        if adapter.sha256 != recorded:
            for warning in adapter.warnings:
                call.warn(warning)
        return []

    def examine_live(self, _call: Call, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> Changes:
        """Nothing: a file that exists is complete."""
        return Changes({})

    def create(self, call: Call, props: dict[str, Any]) -> Found:
        """Upload the adapter."""
        inputs = self.table.inputs_of(props)
        adapter = _adapter.read(inputs["path"], inputs["sha256"])
        if adapter.sha256 != inputs["sha256"]:
            raise UnusableArchive(adapter.path, "changed since it was checked: run `pulumi up` again")
        package = _adapter.Package(adapter)
        file = self._upload(package, inputs.get("ai_project_id"), self.operation(call))
        self.account().uploaded.add(file.id)
        return Found(file.id, {**inputs, "size": package.length, **_reported(file)})

    def _upload(self, package: _adapter.Package, project: str | None, operation: Operation) -> FileInfo:
        """Upload an adapter as exactly one file."""
        client, deadline = self.account().client, operation.deadline
        name = package.filename
        progress = _Progress(package.length, operation)
        sent = 0

        def send() -> FileInfo:
            nonlocal sent
            sent += 1
            return client.upload(package, project, deadline, progress)

        files = self.account().files(project)
        creation = Creation(
            noun="file",
            name=name,
            things=files,
            send=send,
            fits=lambda file: file.filename == name and file.size in (None, package.length),
            is_unique=True,
        )
        try:
            file = self.account().creator.exactly_one(creation, operation)
            files.changed()
            if sent > 1:  # an upload that looked lost may have been stored late, or in part
                self._delete_others(name, file.id, project, operation)
            deadline.sleep(0)  # an engine that is gone records nothing
        except EngineGone:
            self._delete_others(name, "", project, Operation(client.deadline(_CLEAN_UP_SECONDS)))
            raise
        return file

    def _delete_others(self, name: str, kept: str, project: str | None, operation: Operation) -> None:
        """Delete what uploads of that name have left; where that fails, `nebius-models unknown` shows it."""
        client = self.account().client
        try:
            for file in client.list_files(project, operation.deadline).entries:
                if file.filename == name and file.id != kept:
                    client.delete_file(file.id, operation.deadline)
        except EngineGone:
            raise
        except NebiusError as error:
            operation.warn(f"{name!r} may be there twice: {error}; run `nebius-models unknown`")

    def existing(self, id_: str, project: str | None, operation: Operation) -> State:
        """A file that no state knows, with what the service reports."""
        file = self._look_up(id_, project, operation)
        if file is None:
            raise FileMissing(id_)
        return State(file.id, {"ai_project_id": project} if project else {}, _reported(file))

    def live(self, state: State, operation: Operation) -> State | None:
        """The live state of a file; None if neither the list nor a read by its id shows it."""
        file = self._look_up(state.id, state.inputs.get("ai_project_id") or self.project, operation)
        return replace(state, outputs={**state.outputs, **_reported(file)}) if file else None

    def _look_up(self, id_: str, project: str | None, operation: Operation) -> FileInfo | None:
        client, deadline = self.account().client, operation.deadline
        return self.account().files(project).look_up(id_, lambda: client.get_file(id_, deadline), deadline)

    def update(self, _call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
        """Keep the file: nothing of it can change in place."""
        return replace(self.table.state_of(id_, olds), inputs=self.table.inputs_of(news)).bag()

    def remove(self, state: State, operation: Operation) -> None:
        """Delete a file; succeed if it does not exist any more."""
        client, files = self.account().client, self.account().files(state.inputs.get("ai_project_id"))
        files.delete(state.id, lambda: client.delete_file(state.id, operation.deadline), operation.deadline)

    def import_(self, call: Call, id_: str) -> Found | None:
        """Refuse: no folder is known to have the file's content."""
        call.fail(f"the file {id_!r} cannot be imported: upload it again, or read it with `ModelArchive.get`")


def _reported(file: FileInfo) -> dict[str, Any]:
    """What the service reports of a file."""
    reported = {
        "file_id": file.id,
        "filename": file.filename,
        "size": file.size,
        "created_at": file.created_at,
    }
    return {name: value for name, value in reported.items() if value is not None}


class _Progress:
    """Shows how much of an upload is sent; called after each chunk."""

    def __init__(self, length: int, operation: Operation) -> None:
        self._length = length
        self._operation = operation
        self._shown_at = float("-inf")

    def __call__(self, sent: int) -> None:
        deadline = self._operation.deadline
        if deadline.clock() - self._shown_at < _SHOW_SECONDS:
            return
        self._shown_at = deadline.clock()
        deadline.sleep(0)
        done = f"{in_units(sent)} of {in_units(self._length)}"
        if deadline.passed():
            raise DeadlineExceeded(
                f"{deadline.why_passed()} with {done} sent (more time: custom_timeouts.create)"
            )
        self._operation.progress(f"uploading {100 * sent // self._length} % of {in_units(self._length)}")
