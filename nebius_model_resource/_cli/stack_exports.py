"""The models that stacks own, read from the output of ``pulumi stack export``.

Every export of version 3 has the fields that are read here: ``deployment.resources`` and
``deployment.pending_operations``, each resource with ``type``, ``urn``, ``id``, ``inputs`` and ``external`` (true for
``CustomModel.get``, which reads a model without owning it). A resource with ``delete`` (replaced, and not deleted yet)
still owns its model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nebius_model_resource._api.models import INFIX, GeneratedName
from nebius_model_resource._lifecycle.lookups import CustomModelInfo
from nebius_model_resource._lifecycle.matching import may_come_of
from nebius_model_resource.errors import UnreadableDeployment


@dataclass(frozen=True)
class _InterruptedCreate:
    """A create that the engine started and did not record: its model may exist, under a name that is not known."""

    urn: str
    name: str
    base_model: str
    source: str

    def may_have_created(self, model: CustomModelInfo) -> bool:
        return may_come_of(
            self.name, self.base_model, self.source, model.name, model.base_model, model.source
        )


@dataclass
class Stacks:
    """What any number of stacks, of any projects, own and read."""

    _owned: dict[str, list[GeneratedName]] = field(default_factory=dict)  # by short name
    _readers: dict[str, str] = field(default_factory=dict)  # URN by short name
    _interrupted: list[_InterruptedCreate] = field(default_factory=list)

    def add(self, resource: dict[str, Any]) -> None:
        """Add one resource of a deployment; one that is not a model changes nothing."""
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
            self._interrupted.append(_interrupted_create(resource))

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


def _interrupted_create(resource: dict[str, Any]) -> _InterruptedCreate:
    inputs = resource.get("inputs")
    bag = inputs if isinstance(inputs, dict) else {}

    def text(name: str) -> str:
        value = bag.get(name)
        return value if isinstance(value, str) else ""  # an encrypted secret is a dictionary

    return _InterruptedCreate(str(resource.get("urn")), text("name"), text("base_model"), text("source"))
