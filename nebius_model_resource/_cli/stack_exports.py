"""The models and uploaded files that stacks own, read from the output of ``pulumi stack export``.

Every export of version 3 has the fields that are read here: ``deployment.resources`` and
``deployment.pending_operations``, each resource with ``type``, ``urn``, ``id``, ``inputs`` and ``external`` (true for
``CustomModel.get`` and ``ModelArchive.get``, which read without owning). A resource with ``delete`` (replaced, and not
deleted yet) still owns its model or file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nebius_model_resource._provider import archives
from nebius_model_resource._provider.account import short_name
from nebius_model_resource._provider.lookups import CustomModelInfo
from nebius_model_resource._provider.properties import ARCHIVE, MODEL, Table
from nebius_model_resource._service.client import Client
from nebius_model_resource._service.names import INFIX, canonical_source, unflavoured
from nebius_model_resource._service.types import FileInfo
from nebius_model_resource.errors import (
    AccessDenied,
    BadRequest,
    NotFound,
    UnreadableDeployment,
    UnusableAnswer,
)

# A short generated name may start with `file-` as well, but ends with a hyphen and four letters.
_FILE_ID = re.compile(r"file-(?!(?:.*-)?[A-Za-z]{4}$)[^/:]+")


@dataclass
class Stacks:
    """What any number of stacks, of any projects, own and read; models by their short names, files by their ids."""

    _owned: set[str] = field(default_factory=set)
    _readers: dict[str, str] = field(default_factory=dict)  # URNs
    # Creates that the engine started and did not record: what they created may exist, under an id that is not known.
    _creates: list[dict[str, str]] = field(default_factory=list)
    _uploads: list[dict[str, str]] = field(default_factory=list)

    def add(self, resource: dict[str, Any]) -> None:
        """Add one resource of a deployment; one that is neither a model nor a file changes nothing."""
        id_, type_, urn = resource.get("id"), str(resource.get("type")), str(resource.get("urn"))
        kind = type_.rpartition(":")[2]
        # A subclass may have a type of its own; its id still has the form of a generated name, or of a file's id.
        is_ours = kind in ("CustomModel", "ModelArchive")
        if id_ and (is_ours or INFIX in id_ or id_.startswith("file-")):
            if resource.get("external"):
                self._readers[short_name(id_)] = urn
            else:
                self._owned.add(short_name(id_))
        elif kind == "CustomModel" and not id_:
            self._creates.append({"urn": urn, **_inputs(resource, MODEL)})
        elif kind == "ModelArchive" and not id_:
            self._uploads.append({"urn": urn, **_inputs(resource, ARCHIVE)})

    def own(self, model: CustomModelInfo) -> bool:
        """Whether one of the stacks owns a model."""
        return short_name(model.generated_name) in self._owned

    def note(self, model: CustomModelInfo) -> str:
        """What the stacks say about a model that none of them owns; empty if they say nothing."""
        may_come = (each["urn"] for each in self._creates if _may_have_created(each, model))
        return self._note(next(may_come, None), short_name(model.generated_name))

    def own_file(self, file: FileInfo) -> bool:
        """Whether one of the stacks owns an uploaded file."""
        return file.id in self._owned

    def file_note(self, file: FileInfo) -> str:
        """What the stacks say about a file that none of them owns; empty if they say nothing."""
        may_come = (
            each["urn"]
            for each in self._uploads
            if archives.may_come_of(file, each.get("path", ""), each.get("sha256", ""))
        )
        return self._note(next(may_come, None), file.id)

    def _note(self, create: str | None, name: str) -> str:
        if create:
            return f"may come from the interrupted create of {create}"
        return f"read by {self._readers[name]}" if name in self._readers else ""


def _may_have_created(given: dict[str, str], model: CustomModelInfo) -> bool:
    """Whether a model could come from a create."""
    return all(_may_be(given.get(name), getattr(model, name)) for name in ("name", "base_model", "source"))


def _may_be(asked: str | None, live: str | None) -> bool:
    """Whether two values can be the same one; a value that is not known rules nothing out."""
    return not (asked and live) or unflavoured(canonical_source(asked)) == unflavoured(canonical_source(live))


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
            try:
                for resource in _resources(deployment):
                    stacks.add(resource)
            except (AttributeError, TypeError, LookupError) as error:
                raise UnreadableDeployment(place, "its resources have another form") from error
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


def _resources(deployment: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The resources, and those of operations that did not end; an empty stack has neither."""
    yield from deployment.get("resources") or ()
    for operation in deployment.get("pending_operations") or ():
        yield operation["resource"]


def _inputs(resource: dict[str, Any], table: Table) -> dict[str, str]:
    """The inputs that are texts, under the names of Python; an encrypted secret is none."""
    names = {each.schema_name: name for name, each in table.inputs.items()}
    given = (resource.get("inputs") or {}).items()
    return {names.get(name, name): value for name, value in given if isinstance(value, str)}


def is_file_id(name: str) -> bool:
    """Whether a name is the id of a file, and not a generated name."""
    return bool(_FILE_ID.fullmatch(name))


def unknown_files(client: Client, project: str | None, stacks: Stacks) -> tuple[list[FileInfo], str]:
    """The files of this package's uploads that no stack owns, newest first, and a warning or an empty text.

    The list of files is not documented: a service without it causes a warning, and the models still count.

    Raises:
        NebiusError: the list could not be read now, and may be readable later.
    """
    try:
        listing = client.list_files(project)
    except (AccessDenied, BadRequest, NotFound, UnusableAnswer) as error:
        return [], f"uploaded files are not checked, the list of files cannot be read: {error.message}"
    found = [file for file in listing.entries if archives.is_archive(file) and not stacks.own_file(file)]
    warning = "" if listing.complete else "the list of files is not complete: more files may be unknown"
    return sorted(found, key=lambda file: file.created_at or 0, reverse=True), warning
