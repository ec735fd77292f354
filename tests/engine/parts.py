"""The parts of scenarios: items, racks, providers, and the programs and flags that several scenarios use."""

from __future__ import annotations

from typing import Any

STACK = "urn:pulumi:dev::lab::pulumi:pulumi:Stack::lab-dev"
REFRESH, PROGRAM = ("--refresh",), ("--run-program",)
BOTH = (*REFRESH, *PROGRAM)
BY_HAND = {"a-1": {"label": "by hand"}}


def item(name: str, /, *, opts: dict[str, Any] | None = None, **props: Any) -> dict[str, Any]:
    """One item of a program; `opts` are resource options with names where resources go."""
    return {"name": name, "props": {"label": f"label of {name}", **props}, "opts": opts or {}}


def rack(
    name: str, /, *, kind: str = "Rack", outputs: dict[str, Any] | None = None, **opts: Any
) -> dict[str, Any]:
    """One component of a program; `kind` is the last part of its type."""
    return {"name": name, "rack": kind, "opts": opts, "outputs": outputs or {}}


def provider(name: str = "eu", /, account: Any = None, *, opts: Any = None, **config: Any) -> dict[str, Any]:
    """One provider of a program; by default its account has its name."""
    given = {f"lab:{key}": value for key, value in {"account": account or name, **config}.items()}
    return {"name": name, "provider": given, "opts": opts or {}}


def of(name: str, output: str = "stamp") -> dict[str, str]:
    """An output of another item."""
    return {"of": name, "output": output}


def after(*names: str, **opts: Any) -> dict[str, Any]:
    """Options with `depends_on`."""
    return {"depends_on": list(names), **opts}


def by(name: str, /, item_name: str = "a", *needed: str, **props: Any) -> dict[str, Any]:
    """An item of a provider."""
    return item(item_name, **props, opts=after(*needed, provider=name))


def renamed(new: str = "b", /, old: str = "a", **props: Any) -> dict[str, Any]:
    """The item `old` under another name."""
    defaults = {"key": old, "label": f"label of {old}"}
    return item(new, **{**defaults, **props}, opts={"aliases": [{"name": old}]})


def inside(parent: str, name: str = "a", /, **props: Any) -> dict[str, Any]:
    """An item within a component."""
    return item(name, **props, opts={"parent": parent})


def forced(*names: str) -> tuple[str, ...]:
    """The flags that replace items."""
    return tuple(f"--replace={STACK.replace('pulumi:pulumi:Stack::lab-dev', KIND)}::{name}" for name in names)


KIND = "pulumi-python:dynamic:Item"
A, B = item("a"), item("b", opts=after("a"))
OLD, REPLACED = item("a", kind="x"), renamed(kind="y")
LINKED = [item("a"), item("b", link=of("a"))]
CHAIN = [item("a", kind="x"), item("b", link=of("a", "kind")), item("c", link=of("b", "link"))]
MOVED_CHAIN = [item("a", kind="y"), *CHAIN[1:]]
EU, US = provider("eu"), provider("us")
US_TOO = provider("us", opts=after("eu"))  # in this order, which is random otherwise
AT_EU, AT_US = by("eu"), by("us")
