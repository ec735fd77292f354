"""URNs: `urn:pulumi:<stack>::<project>::<types joined by $>::<name>`, and the names a resource may have had before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE = "pulumi:providers:pulumi-python"
DYNAMIC_PREFIX = "pulumi-python:"


@dataclass(frozen=True)
class Alias:
    """One alias of a program: a complete `urn`, or the parts that were different."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


def qualified_type(urn: str) -> str:
    """The types from the outermost parent down, joined by `$`."""
    return urn.split("::", 3)[2]


def type_of(urn: str) -> str:
    """The resource's own type."""
    return qualified_type(urn).rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    """The resource's name, which may itself hold `::`."""
    return urn.split("::", 3)[3]


def is_default_provider(urn: str) -> bool:
    """Whether this is the URN of a default provider; the real engine also decides by its name."""
    return type_of(urn) == PROVIDER_TYPE and name_of(urn).startswith("default")


def make(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """The URN of a resource; it does not contain the stack as a parent."""
    chain = "" if not parent or qualified_type(parent) == STACK_TYPE else qualified_type(parent) + "$"
    return f"urn:pulumi:{stack}::{project}::{chain}{type_}::{name}"


def under(parent: str, urn: str) -> str:
    """The URN of a resource after its parent has got the URN of `parent`."""
    stack, project = urn.removeprefix("urn:pulumi:").split("::", 2)[:2]
    return make(stack, project, parent, type_of(urn), name_of(urn))


@dataclass(frozen=True)
class Identity:
    """The present name of a resource, from which its former URNs follow."""

    stack: str
    project: str
    parent: str
    type: str
    name: str

    def former(self, aliases: Iterable[Alias], renamed: dict[str, str]) -> list[str]:
        """Every URN this resource may have had, in the order in which to look for them.

        `renamed` maps the URN of each resource found under an alias in this operation to that alias: its children
        were then known under that parent too.
        """
        urns = [self._collapse(alias, renamed) for alias in aliases]
        old_parent = renamed.get(self.parent)
        if old_parent is not None:
            pairs = [(self.type, self.name), *((type_of(urn), name_of(urn)) for urn in urns)]
            urns += [self._inherited(type_, name, old_parent) for type_, name in pairs]
        return list(dict.fromkeys(urns))

    def _collapse(self, alias: Alias, renamed: dict[str, str]) -> str:
        if alias.urn:
            return alias.urn
        parent = alias.parent or renamed.get(self.parent, self.parent)
        if alias.parent:
            parent = renamed.get(alias.parent, alias.parent)
        return make(
            alias.stack or self.stack,
            alias.project or self.project,
            "" if alias.no_parent else parent,
            alias.type or self.type,
            alias.name or self.name,
        )

    def _inherited(self, type_: str, name: str, old_parent: str) -> str:
        # A child named after its parent (`app-function` of `app`) was named after the parent's old name.
        parent_name = name_of(self.parent)
        if name.startswith(parent_name):
            name = name_of(old_parent) + name.removeprefix(parent_name)
        return make(self.stack, self.project, old_parent, type_, name)
