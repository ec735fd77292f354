"""What is known about one resource: the record in a state file, and what a program asks for (its goal)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, fields
from typing import Any

from . import urns
from .errors import unsupported
from .secrets import Crypter, seal, unseal
from .values import Properties


@dataclass(eq=False)
class Resource:
    """One resource of a stack. Compared by identity: an old and a new one of the same URN are two."""

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    provider: str = ""
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    external: bool = False
    retain_on_delete: bool = False
    delete: bool = False
    init_errors: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    alias: str = ""  # the URN under which it was found in this operation; not in the file

    @property
    def name(self) -> str:
        """The name that the program gave it."""
        return urns.name_of(self.urn)

    @property
    def is_provider(self) -> bool:
        """Whether this is a provider's own record."""
        return self.type == urns.PROVIDER_TYPE

    @property
    def reference(self) -> str:
        """The reference by which the resources of a provider name it."""
        return f"{self.urn}::{self.id}"

    def needs(self) -> set[str]:
        """URNs of everything that must outlive this resource."""
        listed = {urn for urns_ in self.property_dependencies.values() for urn in urns_}
        return (listed | {self.provider.rpartition("::")[0], self.parent, *self.dependencies}) - {""}


def tidied(resources: list[Resource]) -> list[Resource]:
    """The resources as a state holds them.

    What was found under an alias has its new URN, also in references, and nothing refers to a resource that is gone.
    """
    names = {resource.alias: resource.urn for resource in resources if resource.alias}
    known = {names.get(resource.urn, resource.urn) for resource in resources}

    def present(urns_: list[str]) -> list[str]:
        return [name for urn in urns_ if (name := names.get(urn, urn)) in known]

    found = []
    for resource in resources:
        new = copy.copy(resource)
        new.urn = names.get(resource.urn, resource.urn)
        new.parent = "".join(present([resource.parent]))
        new.dependencies = present(resource.dependencies)
        listed = {key: present(needed) for key, needed in resource.property_dependencies.items()}
        new.property_dependencies = {key: needed for key, needed in listed.items() if needed}
        urn, _, id_ = resource.provider.rpartition("::")
        if urn in names:
            new.provider = f"{names[urn]}::{id_}"
        found.append(new)
    return found


def _json_name(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


# The state file's names for the fields above. The first three are always there, the others if they are not empty.
_NAMES = {each.name: _json_name(each.name) for each in fields(Resource) if each.name != "alias"}
_REFUSED = ("protect", "deletedWith", "replaceOnChanges", "pendingReplacement")


def to_json(resource: Resource, crypter: Crypter | None) -> dict[str, Any]:
    """The resource as a version 3 deployment holds it, secrets encrypted, or in the clear without a crypter."""
    record = {name: getattr(resource, field_name) for field_name, name in _NAMES.items()}
    record["inputs"], record["outputs"] = seal(resource.inputs, crypter), seal(resource.outputs, crypter)
    return {name: value for name, value in record.items() if value or name == "custom"}


def from_json(record: dict[str, Any], crypter: Crypter) -> Resource:
    """The resource that a version 3 deployment holds; fields that have no effect are left out.

    Raises:
        Refused: It has an option that this engine does not support.
    """
    for name in _REFUSED:
        if record.get(name):
            raise unsupported(f"{record['urn']}: `{name}` in the state is")
    known = {name: record[json_name] for name, json_name in _NAMES.items() if json_name in record}
    bags = {bag: unseal(known.get(bag) or {}, crypter) for bag in ("inputs", "outputs")}
    return Resource(**{"custom": False, **known, **bags})


@dataclass
class Goal:
    """What a program asks for when it registers a resource."""

    type: str
    name: str
    custom: bool
    parent: str = ""
    properties: Properties = field(default_factory=dict)
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)  # former URNs
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    retain_on_delete: bool = False
    provider: str = ""  # the reference to an explicit one

    def new_resource(self, urn: str) -> Resource:
        """The record, which the steps fill in as they run."""
        new = Resource(urn, self.type, self.custom, inputs=dict(self.properties), parent=self.parent)
        new.dependencies = sorted(self.dependencies)
        new.property_dependencies = {key: sorted(value) for key, value in self.property_dependencies.items()}
        new.retain_on_delete, new.custom_timeouts = self.retain_on_delete, self.custom_timeouts
        return new
