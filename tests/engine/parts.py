"""The parts of scenarios: items, racks, and the programs that several scenarios use."""

from __future__ import annotations

from typing import Any

STACK = "urn:pulumi:dev::lab::pulumi:pulumi:Stack::lab-dev"


def item(name: str, /, *, opts: dict[str, Any] | None = None, **props: Any) -> dict[str, Any]:
    """One item of a program; `opts` are resource options with names where resources go."""
    return {"name": name, "props": {"label": f"label of {name}", **props}, "opts": opts or {}}


def rack(
    name: str, /, *, kind: str = "Rack", outputs: dict[str, Any] | None = None, **opts: Any
) -> dict[str, Any]:
    """One component of a program; `kind` is the last part of its type."""
    return {"name": name, "rack": kind, "opts": opts, "outputs": outputs or {}}


def of(name: str, output: str = "stamp") -> dict[str, str]:
    """An output of another item."""
    return {"of": name, "output": output}


def after(*names: str, **opts: Any) -> dict[str, Any]:
    """Options with `depends_on`."""
    return {"depends_on": list(names), **opts}


A, B = item("a"), item("b", opts=after("a"))
LINKED = [item("a"), item("b", link=of("a"))]
CHAIN = [item("a", kind="x"), item("b", link=of("a", "kind")), item("c", link=of("b", "link"))]
MOVED_CHAIN = [item("a", kind="y"), *CHAIN[1:]]


def rack_urn(name: str, kind: str = "Rack") -> str:
    """The URN of a component, as an alias uses it for a former parent."""
    return f"urn:pulumi:dev::lab::lab:index:{kind}::{name}"
