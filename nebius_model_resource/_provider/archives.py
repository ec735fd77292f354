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
from nebius_model_resource._provider.calls import Call, Found, Operation
from nebius_model_resource._provider.create import Creation
from nebius_model_resource._provider.listing import FILES
from nebius_model_resource._provider.properties import ARCHIVE, UNKNOWN, State
from nebius_model_resource._provider.resource_type import ResourceType
from nebius_model_resource._service.types import FileInfo
from nebius_model_resource.errors import DeadlineExceeded, Fault, UnusableArchive

_SHOW_SECONDS = 1.0
_NAME = re.compile(r"(.+)-([0-9a-f]{16})-[0-9a-f]{8}\.zip")


def may_come_of(file: FileInfo, path: str = "", sha256: str = "") -> bool:
    """Whether an upload of this package, and of this content, may have created a file; an empty text fits every one."""
    name = _NAME.fullmatch(file.filename or "")
    if name is None:
        return False
    return name[2] == sha256[:16] if sha256 else path in ("", ".") or name[1] == _adapter.stem(path)


class ModelArchives(ResourceType):
    """The uploaded adapters of one provider process."""

    table = ARCHIVE
    collection = FILES
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

    def create(self, call: Call, props: dict[str, Any]) -> Found:
        """Upload the adapter."""
        inputs = self.table.inputs_of(props)
        adapter = _adapter.read(inputs["path"], inputs["sha256"])
        if adapter.sha256 != inputs["sha256"]:
            raise UnusableArchive(adapter.path, "changed since it was checked: run `pulumi up` again")
        package = _adapter.Package(adapter)
        file = self._upload(package, inputs.get("ai_project_id"), self.operation(call, self.default_seconds))
        self.account().uploaded.add(file.id)
        return Found(file.id, self.seen(State(file.id, inputs, {"size": package.length}), file).bag())

    def _upload(self, package: _adapter.Package, project: str | None, operation: Operation) -> FileInfo:
        """Upload an adapter as exactly one file."""
        client, deadline, name = self.account().client, operation.deadline, package.filename
        progress = _Progress(package.length, operation)
        creation = Creation[FileInfo](
            name=name,
            things=self.things(project),
            send=lambda: client.upload(package, project, deadline, progress),
            # An upload that broke off may be stored in part.
            fits=lambda file: file.filename == name and file.size in (None, package.length),
            is_own=lambda file: file.filename == name,
        )
        return self.account().creator.exactly_one(creation, operation)

    def seen(self, state: State, info: FileInfo) -> State:
        """A state with what the service reports."""
        outputs = {
            "file_id": info.id,
            "filename": info.filename or state.outputs.get("filename"),
            "size": info.size or state.outputs.get("size"),
            "created_at": info.created_at or state.outputs.get("created_at"),
        }
        return replace(state, outputs=outputs)

    def update(self, _call: Call, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
        """Keep the file: nothing of it can change in place."""
        return replace(self.table.state_of(id_, olds), inputs=self.table.inputs_of(news)).bag()

    def import_(self, call: Call, id_: str) -> Found | None:
        """Refuse: no folder is known to have the file's content."""
        call.fail(f"the file {id_!r} cannot be imported: upload it again, or read it with `ModelArchive.get`")


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
