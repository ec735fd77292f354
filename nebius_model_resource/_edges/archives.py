"""What a provider decides about one ``ModelArchive``, whichever edge the engine calls."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pulumi.runtime.rpc import UNKNOWN

from nebius_model_resource import _adapter
from nebius_model_resource._api import settings
from nebius_model_resource._api.models import Fault, whole_number
from nebius_model_resource._edges import messages
from nebius_model_resource._edges.account import Account
from nebius_model_resource._edges.bags import change_kind
from nebius_model_resource._edges.call import Call
from nebius_model_resource._edges.results import Changes, Checked, Found, failure
from nebius_model_resource._lifecycle.validation import find_faults
from nebius_model_resource.errors import UnusableArchive

if TYPE_CHECKING:
    from nebius_model_resource._api.files import FileInfo
    from nebius_model_resource._lifecycle.archives import Archives

_INPUTS = ("path", "sha256", "ai_project_id")
_COMPARED = ("sha256", "ai_project_id")  # the same content at another path is no change


class ModelArchives(Account):
    """Decides about the uploaded adapters of one provider process; safe to share between threads."""

    noun = "file"
    waiting = frozenset({"check", "create", "delete"})  # a check reads every byte of the adapter
    default_seconds = 1800.0  # to upload: 500 MB at 2.2 Mbit/s

    def __init__(self, lookup: settings.Lookup) -> None:
        super().__init__(lookup)
        self._found_any = False
        self._read: dict[str, str] = {}  # by URN: the file that `ModelArchive.get` reads in this run

    def check(self, call: Call, olds: dict[str, Any], news: dict[str, Any]) -> Checked:
        """Report every fault of the adapter, and put the hash of its content into the inputs."""
        inputs = {name: news[name] for name in ("path", "ai_project_id") if news.get(name) not in (None, "")}
        secrets = frozenset(news.get("secret_inputs") or ())
        faults = [fault for fault in find_faults(news, UNKNOWN, secrets) if fault.property == "ai_project_id"]
        faults += self.project_faults(call, inputs, secrets) + self.configuration_faults
        path = news.get("path")
        if path == UNKNOWN:
            inputs["sha256"] = UNKNOWN
        elif fault := _path_fault(path):
            faults.append(fault)
        else:
            try:
                adapter = _adapter.read(str(path), olds.get("sha256"))
            except UnusableArchive as error:
                faults.append(_unusable(error, hidden="path" in secrets))
            else:
                inputs["sha256"] = adapter.sha256
                # An adapter that the state holds already was warned of when it was new.
                for warning in adapter.warnings if adapter.sha256 != olds.get("sha256") else ():
                    call.warn(warning)
        return Checked(inputs, [failure(fault) for fault in faults])

    def diff(self, _call: Call, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> Changes:
        """A changed content or project needs a new file, uploaded before the old one is deleted."""
        changed = [name for name in _COMPARED if (olds.get(name) or None) != (news.get(name) or None)]
        kinds = {name: change_kind(olds.get(name), news.get(name)) for name in changed}
        return Changes(kinds, replaces=bool(kinds))

    def create(self, call: Call, props: dict[str, Any]) -> Found:
        """Upload the adapter."""
        adapter = _adapter.read(props["path"], props["sha256"])
        if adapter.sha256 != props["sha256"]:
            raise UnusableArchive(adapter.path, "changed since it was checked")
        file = self._archives.upload(adapter, props.get("ai_project_id"), self.operation(call))
        self.files().uploaded.add(file.id)
        return Found(
            file.id, {**_inputs(props), **_outputs(file), "size": file.size or adapter.listing.packed_size}
        )

    def read(self, call: Call, id_: str, props: dict[str, Any]) -> Found | None:
        """Read what is live; None if the file does not exist any more."""
        project = props.get("ai_project_id") or self.project
        file = self._archives.read(id_, project, self.operation(call))
        if "file_id" not in props:
            return self._get(call, id_, project, file)
        if file is None:
            if not self._found_any:
                call.warn(messages.nothing_found(id_, "files"))
            return None
        self._found_any = True
        return Found(file.id, {**_known(props), **_outputs(file)}, _inputs(props))

    def update(self, _call: Call, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
        """Keep the file: nothing of it can change in place."""
        return {**_known(olds), **_inputs(news)}

    def delete(self, call: Call, id_: str, props: dict[str, Any]) -> None:
        """Delete the file; succeed if it does not exist any more. One that `get` reads in its place stays."""
        if call.urn and self._read.get(call.urn) == id_:
            call.note(f"not deleted: this resource now reads {id_!r} with `ModelArchive.get`")
            return
        self._archives.delete(id_, props.get("ai_project_id"), self.operation(call))

    def _get(self, call: Call, id_: str, project: str | None, file: FileInfo | None) -> Found:
        if file is None:
            call.fail(f"there is no file {id_!r} at the service")
        self._read[call.urn] = file.id
        inputs = {"ai_project_id": project} if project else {}
        return Found(file.id, {**inputs, **_outputs(file)})

    @staticmethod
    def import_(call: Call, id_: str) -> Found | None:
        """Refuse: no folder is known to have the file's content."""
        call.fail(f"the file {id_!r} cannot be imported: upload it again, or read it with `ModelArchive.get`")

    @cached_property
    def _archives(self) -> Archives:
        from nebius_model_resource._lifecycle.archives import Archives

        return Archives(self.files())


def _path_fault(path: Any) -> Fault | None:
    if path in (None, ""):
        return Fault("path", "missing: give a folder with an adapter, or a .zip of it")
    if not isinstance(path, str):
        return Fault("path", "must be text: give a folder with an adapter, or a .zip of it")
    return None


def _unusable(error: UnusableArchive, *, hidden: bool) -> Fault:
    """What is wrong with an adapter; a reason may repeat the path."""
    if hidden:
        return Fault(
            "path", "was given a secret path, which holds no adapter that can be uploaded", hidden=True
        )
    return Fault("path", f"was given {error.path!r}, which {error.reason}")


def _inputs(props: Mapping[str, Any]) -> dict[str, Any]:
    return {name: props[name] for name in _INPUTS if props.get(name) not in (None, "")}


def _outputs(file: FileInfo) -> dict[str, Any]:
    """What the service reports of a file."""
    reported = {
        "file_id": file.id,
        "filename": file.filename,
        "size": file.size,
        "created_at": file.created_at,
    }
    return {name: value for name, value in reported.items() if value is not None}


def _known(props: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs and outputs of the state; every number arrives as a float."""
    names = (*_INPUTS, "file_id", "filename", "size", "created_at")
    known = {name: props[name] for name in names if props.get(name) is not None}
    return {name: whole_number(value) if isinstance(value, float) else value for name, value in known.items()}
