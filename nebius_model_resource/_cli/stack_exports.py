"""What stacks hold, read from the documents that ``pulumi stack export`` prints.

Read are the fields that every export of version 3 has: ``deployment.resources`` and
``deployment.pending_operations``, each resource with ``type``, ``urn``, ``id``, ``inputs``, ``external`` (read by
``CustomModel.get``, not held) and ``delete`` (replaced and to be deleted, still held).
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

_TYPE_END = ":CustomModel"


@dataclass(frozen=True)
class InterruptedCreate:
    """A create that an engine began and never recorded: its model may be at the service, and its name unknown."""

    urn: str
    name: str
    base_model: str
    source: str

    def may_have_made(self, model: CustomModelInfo) -> bool:
        """Whether a model is such a one: what the service does not tell does not speak against it."""
        return may_come_of(
            self.name, self.base_model, self.source, model.name, model.base_model, model.source
        )


@dataclass
class Holdings:
    """The models of any number of stacks, of any projects."""

    interrupted: list[InterruptedCreate] = field(default_factory=list)
    _held: dict[str, list[GeneratedName]] = field(default_factory=dict)  # by short name
    _readers: dict[str, str] = field(default_factory=dict)  # URN by short name

    def add(self, resource: dict[str, Any]) -> None:
        """Take one resource of a deployment into account, whatever it is."""
        id_, type_ = resource.get("id"), resource.get("type")
        if isinstance(id_, str) and id_ and (INFIX in id_ or _is_model(type_)):
            name = GeneratedName.parse(id_)
            if resource.get("external"):
                self._readers[name.short] = str(resource.get("urn"))
            else:
                self._held.setdefault(name.short, []).append(name)
        elif not id_ and _is_model(type_):
            self.interrupted.append(_interrupted(resource))

    def holds(self, model: CustomModelInfo) -> bool:
        """Whether a stack owns a model."""
        name = GeneratedName.parse(model.generated_name)
        return any(held.names(model.generated_name) for held in self._held.get(name.short, ()))

    def note(self, model: CustomModelInfo) -> str:
        """What the stacks tell of a model that none of them owns; empty where that is nothing."""
        for create in self.interrupted:
            if create.may_have_made(model):
                return f"perhaps of the interrupted create of {create.urn}"
        reader = self._readers.get(GeneratedName.parse(model.generated_name).short)
        return f"read by {reader}" if reader else ""


def read_holdings(named_texts: Iterable[tuple[str, str]]) -> Holdings:
    """Read exports.

    Args:
        named_texts: pairs of where a text is from and the text: any number of exports one after the other, so that
            those of several stacks can come through one pipe.

    Raises:
        UnreadableDeployment: a text holds no export, or something else.
    """
    holdings = Holdings()
    for place, text in named_texts:
        for deployment in _deployments(place, text):
            for resource in _resources(place, deployment):
                holdings.add(resource)
    return holdings


def _deployments(place: str, text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    position, found = 0, False
    text = text.lstrip("\ufeff")
    while (position := _skip_blanks(text, position)) < len(text):
        try:
            document, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise UnreadableDeployment(place, "it is not JSON") from error
        deployment = document.get("deployment") if isinstance(document, dict) else None
        if not isinstance(deployment, dict):
            raise UnreadableDeployment(place, "it is JSON without a `deployment`")
        found = True
        yield deployment
    if not found:
        # An empty text is a pipe whose other end failed: taken for a stack, it would make every model unknown.
        raise UnreadableDeployment(place, "it is empty")


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _resources(place: str, deployment: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in _entries(place, deployment, "resources"):
        if isinstance(resource, dict):
            yield resource
    for operation in _entries(place, deployment, "pending_operations"):
        resource = operation.get("resource") if isinstance(operation, dict) else None
        if isinstance(resource, dict):
            yield resource


def _entries(place: str, deployment: dict[str, Any], name: str) -> list[Any]:
    entries = deployment.get(name)
    if entries is None:  # an empty stack has neither
        return []
    if not isinstance(entries, list):
        raise UnreadableDeployment(place, f"its `{name}` are no list")
    return entries


def _is_model(type_: Any) -> bool:
    return isinstance(type_, str) and type_.endswith(_TYPE_END)


def _interrupted(resource: dict[str, Any]) -> InterruptedCreate:
    inputs = resource.get("inputs")
    bag = inputs if isinstance(inputs, dict) else {}

    def text(name: str) -> str:
        value = bag.get(name)
        return value if isinstance(value, str) else ""  # a secret is a dictionary with its cipher text

    return InterruptedCreate(str(resource.get("urn")), text("name"), text("base_model"), text("source"))
