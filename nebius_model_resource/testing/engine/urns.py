"""URNs: `urn:pulumi:<stack>::<project>::<types joined by $>::<name>`."""

from __future__ import annotations

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE = "pulumi:providers:pulumi-python"
DYNAMIC_PREFIX = "pulumi-python:"


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


def inherited(urn: str, parent: str, old_parent: str) -> str:
    """The former URN of a resource whose parent had the URN `old_parent`.

    A child named after its parent (`app-function` of `app`) was named after the parent's old name.
    """
    stack, project = urn.removeprefix("urn:pulumi:").split("::", 2)[:2]
    name = name_of(urn)
    if name.startswith(name_of(parent)):
        name = name_of(old_parent) + name.removeprefix(name_of(parent))
    return make(stack, project, old_parent, type_of(urn), name)
