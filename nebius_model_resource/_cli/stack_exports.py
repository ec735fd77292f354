"""The models and uploaded files that stacks own, read from the output of ``pulumi stack export``.

Every export of version 3 has the fields that are read here: ``deployment.resources`` and
``deployment.pending_operations``, each resource with ``type``, ``urn``, ``id``, ``inputs`` and ``external`` (true for
``CustomModel.get`` and ``ModelArchive.get``, which read without owning). A resource with ``delete`` (replaced, and not
deleted yet) still owns its model or file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nebius_model_resource._api.files import FileInfo
from nebius_model_resource._api.models import INFIX, GeneratedName
from nebius_model_resource._lifecycle import archives
from nebius_model_resource._lifecycle.lookups import CustomModelInfo
from nebius_model_resource._lifecycle.matching import could_be
from nebius_model_resource.errors import UnreadableDeployment

_NAMES = {"baseModel": "base_model"}  # what the dynamic provider calls an input of the plugin


@dataclass(frozen=True)
class _InterruptedCreate:
    """A create that the engine started and did not record: its model may exist, under a name that is not known."""

    urn: str
    name: str
    base_model: str
    source: str

    def may_have_created(self, model: CustomModelInfo) -> bool:
        return could_be(model, self.name, self.base_model, self.source)


@dataclass(frozen=True)
class _InterruptedUpload:
    """An upload that the engine started and did not record: its file may exist, under an id that is not known."""

    urn: str
    path: str
    sha256: str

    def may_have_created(self, file: FileInfo) -> bool:
        return archives.may_come_of(file, self.path, self.sha256)


@dataclass
class Stacks:
    """What any number of stacks, of any projects, own and read."""

    _owned: dict[str, list[GeneratedName]] = field(default_factory=dict)  # by short name
    _readers: dict[str, str] = field(default_factory=dict)  # URN by short name
    _interrupted: list[_InterruptedCreate] = field(default_factory=list)
    _files: set[str] = field(default_factory=set)  # by id
    _file_readers: dict[str, str] = field(default_factory=dict)  # URN by id
    _uploads: list[_InterruptedUpload] = field(default_factory=list)

    def add(self, resource: dict[str, Any]) -> None:
        """Add one resource of a deployment; one that is neither a model nor a file changes nothing."""
        self._add_model(resource)
        self._add_file(resource)

    def _add_model(self, resource: dict[str, Any]) -> None:
        id_, type_ = resource.get("id"), resource.get("type")
        is_model = isinstance(type_, str) and type_.endswith(":CustomModel")
        # A subclass may have a type of its own; its id still has the form of a generated name.
        if isinstance(id_, str) and id_ and (is_model or INFIX in id_):
            name = GeneratedName.parse(id_)
            if resource.get("external"):
                self._readers[name.short] = str(resource.get("urn"))
            else:
                self._owned.setdefault(name.short, []).append(name)
        elif is_model and not id_:
            asked = _inputs(resource, "name", "base_model", "source")
            self._interrupted.append(_InterruptedCreate(str(resource.get("urn")), *asked))

    def _add_file(self, resource: dict[str, Any]) -> None:
        id_, type_ = resource.get("id"), resource.get("type")
        is_archive = isinstance(type_, str) and type_.endswith(":ModelArchive")
        # As with models, a subclass may have a type of its own.
        if isinstance(id_, str) and id_ and (is_archive or id_.startswith("file-")):
            if resource.get("external"):
                self._file_readers[id_] = str(resource.get("urn"))
            else:
                self._files.add(id_)
        elif is_archive and not id_:
            given = _inputs(resource, "path", "sha256")
            self._uploads.append(_InterruptedUpload(str(resource.get("urn")), *given))

    def own(self, model: CustomModelInfo) -> bool:
        """Whether one of the stacks owns a model."""
        short = GeneratedName.parse(model.generated_name).short
        return any(name.names(model.generated_name) for name in self._owned.get(short, ()))

    def note(self, model: CustomModelInfo) -> str:
        """What the stacks say about a model that none of them owns; empty if they say nothing."""
        for create in self._interrupted:
            if create.may_have_created(model):
                return f"may come from the interrupted create of {create.urn}"
        reader = self._readers.get(GeneratedName.parse(model.generated_name).short)
        return f"read by {reader}" if reader else ""

    def own_file(self, file: FileInfo) -> bool:
        """Whether one of the stacks owns an uploaded file."""
        return file.id in self._files

    def file_note(self, file: FileInfo) -> str:
        """What the stacks say about a file that none of them owns; empty if they say nothing."""
        for upload in self._uploads:
            if upload.may_have_created(file):
                return f"may come from the interrupted create of {upload.urn}"
        reader = self._file_readers.get(file.id)
        return f"read by {reader}" if reader else ""


def read_exports(named_texts: Iterable[tuple[str, str]]) -> Stacks:
    """Read exports.

    Args:
        named_texts: pairs of a file's name and its text. One text may hold several exports, one after the other, so
            that several stacks fit into one pipe.

    Raises:
        UnreadableDeployment: a text holds no export, or something else.
    """
    stacks = Stacks()
    for place, text in named_texts:
        for deployment in _deployments(place, text):
            for resource in _resources(place, deployment):
                stacks.add(resource)
    return stacks


def _deployments(place: str, text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    rest = text.removeprefix("\ufeff").strip()
    if not rest:
        # The command before the pipe failed. An empty stack in its place would make every model unknown.
        raise UnreadableDeployment(place, "it is empty")
    while rest:
        try:
            document, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError) as error:
            raise UnreadableDeployment(place, "it is not JSON") from error
        deployment = document.get("deployment") if isinstance(document, dict) else None
        if not isinstance(deployment, dict):
            raise UnreadableDeployment(place, "it is JSON without a `deployment`")
        yield deployment
        rest = rest[end:].lstrip()


def _resources(place: str, deployment: dict[str, Any]) -> Iterator[dict[str, Any]]:
    operations = _entries(place, deployment, "pending_operations")
    pending = [operation.get("resource") for operation in operations if isinstance(operation, dict)]
    for resource in [*_entries(place, deployment, "resources"), *pending]:
        if isinstance(resource, dict):
            yield resource


def _entries(place: str, deployment: dict[str, Any], name: str) -> list[Any]:
    entries = deployment.get(name)
    if entries is None:  # an empty stack has neither
        return []
    if not isinstance(entries, list):
        raise UnreadableDeployment(place, f"its `{name}` are not a list")
    return entries


def _inputs(resource: dict[str, Any], *names: str) -> Iterator[str]:
    """The texts of some inputs; empty where an input is no text, as an encrypted secret."""
    inputs = resource.get("inputs")
    bag = {_NAMES.get(key, key): value for key, value in inputs.items()} if isinstance(inputs, dict) else {}
    for name in names:
        value = bag.get(name)
        yield value if isinstance(value, str) else ""
