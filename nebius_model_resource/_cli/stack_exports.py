"""The models, uploaded files and endpoints that stacks own, read from the output of ``pulumi stack export``.

Every export of version 3 has the fields that are read here: ``deployment.resources`` and
``deployment.pending_operations``, each resource with ``type``, ``urn``, ``id``, ``inputs`` and ``external`` (true for
what a ``get`` reads without owning it). A resource with ``delete`` (replaced, and not deleted yet) still owns what it
created.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from nebius_model_resource._provider import archives
from nebius_model_resource._provider.properties import ARCHIVE, ENDPOINT, MODEL, Table, camel
from nebius_model_resource._service.names import canonical_source, short_name, unflavoured
from nebius_model_resource._service.types import CustomModelInfo, DedicatedEndpointInfo, FileInfo
from nebius_model_resource.errors import UnreadableDeployment

Thing: TypeAlias = CustomModelInfo | FileInfo | DedicatedEndpointInfo
# A short generated name may start with `file-` as well, but ends with a hyphen and four letters.
_FILE_ID = re.compile(r"file-(?!(?:.*-)?[A-Za-z]{4}$)[^/:]+")
_TABLES = {"CustomModel": MODEL, "ModelArchive": ARCHIVE, "DedicatedEndpoint": ENDPOINT}
_KINDS = {
    CustomModelInfo: "CustomModel",
    FileInfo: "ModelArchive",
    DedicatedEndpointInfo: "DedicatedEndpoint",
}


@dataclass
class Stacks:
    """What any number of stacks, of any projects, own and read: models by their short names, the rest by their ids."""

    _owned: set[str] = field(default_factory=set)
    _readers: dict[str, str] = field(default_factory=dict)  # URNs
    # Creates that the engine started and did not record: what they created may exist, under an id that is not known.
    _creates: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def add(self, resource: dict[str, Any]) -> None:
        """Add one resource of a deployment: a subclass may have a type of its own, so each id counts."""
        id_, type_, urn = resource.get("id"), str(resource.get("type")), str(resource.get("urn"))
        kind = type_.rpartition(":")[2]
        if id_ and resource.get("external"):
            self._readers[short_name(id_)] = urn
        elif id_:
            self._owned.add(short_name(id_))
        elif kind in _TABLES:
            self._creates.append((kind, urn, _inputs(resource, _TABLES[kind])))

    def own(self, thing: Thing) -> bool:
        """Whether one of the stacks owns something."""
        return short_name(id_of(thing)) in self._owned

    def note(self, thing: Thing) -> str:
        """What the stacks say about something that none of them owns; empty if they say nothing."""
        for kind, urn, inputs in self._creates:
            if kind == _KINDS[type(thing)] and _may_have_created(inputs, thing):
                return f"may come from the interrupted create of {urn}"
        reader = self._readers.get(short_name(id_of(thing)))
        return f"read by {reader}" if reader else ""


def id_of(thing: Thing) -> str:
    """The id that a state has of it."""
    if isinstance(thing, CustomModelInfo):
        return thing.generated_name
    return thing.id if isinstance(thing, FileInfo) else thing.endpoint_id


def _may_have_created(given: dict[str, str], thing: Thing) -> bool:
    """Whether something could come from a create with these inputs."""
    if isinstance(thing, FileInfo):
        return archives.may_come_of(thing, given.get("path", ""), given.get("sha256", ""))
    if isinstance(thing, DedicatedEndpointInfo):
        return given.get("routing_key") == thing.routing_key
    return all(_may_be(given.get(name), getattr(thing, name)) for name in ("name", "base_model", "source"))


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
                raise UnreadableDeployment(
                    f"{place} holds no deployment, its resources have another form"
                ) from error
    return stacks


def _deployments(place: str, text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    rest = text.removeprefix("\ufeff").strip()
    if not rest:
        # The command before the pipe failed. An empty stack in its place would make every model unknown.
        raise UnreadableDeployment(f"{place} holds no deployment, it is empty")
    while rest:
        try:
            document, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError) as error:
            raise UnreadableDeployment(f"{place} holds no deployment, it is not JSON") from error
        deployment = document.get("deployment") if isinstance(document, dict) else None
        if not isinstance(deployment, dict):
            raise UnreadableDeployment(f"{place} holds no deployment, it is JSON without a `deployment`")
        yield deployment
        rest = rest[end:].lstrip()


def _resources(deployment: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The resources, and those of operations that did not end; an empty stack has neither."""
    yield from deployment.get("resources") or ()
    for operation in deployment.get("pending_operations") or ():
        yield operation["resource"]


def _inputs(resource: dict[str, Any], table: Table) -> dict[str, str]:
    """The inputs that are texts, under the names of Python; an encrypted secret is none."""
    names = {camel(name): name for name in table.inputs}
    given = (resource.get("inputs") or {}).items()
    return {names.get(name, name): value for name, value in given if isinstance(value, str)}


def is_file_id(name: str) -> bool:
    """Whether a name is the id of a file, and not a generated name."""
    return bool(_FILE_ID.fullmatch(name))
