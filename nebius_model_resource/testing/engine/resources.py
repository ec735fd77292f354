"""What is known about one resource: the record in a state file, and what a program asks for (its goal)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from . import urns
from .secrets import Crypter, seal, unseal_properties
from .values import Properties


def now() -> str:
    """The present as a state file writes it."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


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
    protect: bool = False
    external: bool = False
    retain_on_delete: bool = False
    deleted_with: str = ""
    delete: bool = False
    pending_replacement: bool = False
    init_errors: list[str] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    created: str = ""
    modified: str = ""
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
    def is_default_provider(self) -> bool:
        """Whether this is the default provider's own record, which is not displayed."""
        return urns.is_default_provider(self.urn)

    @property
    def reference(self) -> str:
        """The reference by which the resources of a provider name it."""
        return f"{self.urn}::{self.id}"

    @property
    def provider_urn(self) -> str:
        """The provider's URN, without its id."""
        return self.provider.rpartition("::")[0]

    def needs(self) -> Iterator[str]:
        """URNs of everything that must outlive this resource."""
        if self.provider:
            yield self.provider_urn
        if self.parent:
            yield self.parent
        yield from self.dependencies
        for listed in self.property_dependencies.values():
            yield from listed
        if self.deleted_with:
            yield self.deleted_with

    def renamed(self, names: dict[str, str]) -> Resource:
        """The resource with its own URN and all that it refers to under their new names."""
        if self.urn not in names and names.keys().isdisjoint(self.needs()):
            return self
        new = copy.copy(self)
        new.urn = names.get(self.urn, self.urn)
        new.parent = names.get(self.parent, self.parent)
        new.deleted_with = names.get(self.deleted_with, self.deleted_with)
        new.dependencies = [names.get(urn, urn) for urn in self.dependencies]
        new.property_dependencies = {
            key: [names.get(urn, urn) for urn in listed] for key, listed in self.property_dependencies.items()
        }
        if self.provider_urn in names:
            new.provider = names[self.provider_urn] + "::" + self.provider.rpartition("::")[2]
        return new

    def keep_references(self, known: set[str]) -> None:
        """Drop references to resources other than those known."""
        if self.parent not in known:
            self.parent = ""
        self.dependencies = [urn for urn in self.dependencies if urn in known]
        left = {
            key: [urn for urn in listed if urn in known] for key, listed in self.property_dependencies.items()
        }
        # A refresh by the real engine leaves no entry of a property that depends on nothing.
        self.property_dependencies = {key: listed for key, listed in left.items() if listed}
        if self.deleted_with not in known:
            self.deleted_with = ""


def refreshed(resources: list[Resource], *, tidied: bool) -> list[Resource]:
    """What a refresh leaves, in order, without references to what is gone; a child of what is gone has no parent then.

    `tidied`: the dependencies of the resources that lost none are also rewritten.
    """
    found: list[Resource] = []
    known: set[str] = set()
    for resource in resources:
        left = resource
        if tidied or not known.issuperset(resource.needs()):
            left = copy.copy(resource)
            left.keep_references(known)
        known.add(resource.urn)
        found.append(left)
    return found


def renamed(resources: list[Resource]) -> list[Resource]:
    """The resources, with everything found under an alias now under its new URN, also in references.

    A resource that the program has not declared yet gets its URN from its parent's new one.
    """
    names: dict[str, str] = {}
    for resource in resources:
        if resource.alias:
            names[resource.alias] = resource.urn
        parent = names.get(resource.parent)
        if parent and urns.qualified_type(parent) != urns.STACK_TYPE:
            names[resource.urn] = urns.under(parent, resource.urn)
    return [resource.renamed(names) for resource in resources]


# The state file's names for the fields above; `urn`, `type` and `custom` are always there, the rest if not empty.
_NAMES = {
    "id": "id",
    "delete": "delete",
    "inputs": "inputs",
    "outputs": "outputs",
    "parent": "parent",
    "protect": "protect",
    "external": "external",
    "dependencies": "dependencies",
    "init_errors": "initErrors",
    "provider": "provider",
    "property_dependencies": "propertyDependencies",
    "pending_replacement": "pendingReplacement",
    "additional_secret_outputs": "additionalSecretOutputs",
    "custom_timeouts": "customTimeouts",
    "retain_on_delete": "retainOnDelete",
    "deleted_with": "deletedWith",
    "created": "created",
    "modified": "modified",
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
}


def to_json(resource: Resource, crypter: Crypter | None) -> dict[str, Any]:
    """The resource as a version 3 deployment holds it, secrets encrypted, or in the clear without a crypter."""
    record: dict[str, Any] = {"urn": resource.urn, "custom": resource.custom}
    for field_name, json_name in _NAMES.items():
        value = getattr(resource, field_name)
        if value:
            record[json_name] = seal(value, crypter) if field_name in ("inputs", "outputs") else value
        if json_name == "id":
            record["type"] = resource.type
    return record


def from_json(record: dict[str, Any], crypter: Crypter) -> Resource:
    """The resource that a version 3 deployment holds; fields this engine does not know are left out."""
    known = {name: record[json_name] for name, json_name in _NAMES.items() if json_name in record}
    for bag in ("inputs", "outputs"):
        known[bag] = unseal_properties(known.get(bag) or {}, crypter)
    return Resource(urn=record["urn"], type=record["type"], custom=bool(record.get("custom")), **known)


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
    aliases: list[urns.Alias] = field(default_factory=list)
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    delete_before_replace: bool | None = None
    protect: bool = False
    retain_on_delete: bool = False
    deleted_with: str = ""
    provider: str = ""  # the reference to an explicit one

    def new_resource(self, urn: str, old: Resource | None) -> Resource:
        """The record, which the steps fill in as they run."""
        return Resource(
            urn=urn,
            type=self.type,
            custom=self.custom,
            inputs=dict(self.properties),
            parent=self.parent,
            dependencies=sorted(self.dependencies),
            property_dependencies={key: sorted(value) for key, value in self.property_dependencies.items()},
            protect=self.protect,
            retain_on_delete=self.retain_on_delete,
            deleted_with=self.deleted_with,
            additional_secret_outputs=list(self.additional_secret_outputs),
            ignore_changes=list(self.ignore_changes),
            replace_on_changes=list(self.replace_on_changes),
            custom_timeouts=dict(self.custom_timeouts),
            created=old.created if old else "",
            modified=old.modified if old else "",
        )
