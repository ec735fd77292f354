"""Renames by an alias, moves between components, and `get` in place of what the stack holds.

These scenarios show which URN a call has: the old one, the new one, or one after the other.
"""

from __future__ import annotations

from typing import Any

from .lab import Scenario, Turn
from .parts import CHAIN, STACK, A, after, item, of, rack, rack_urn


def renamed(new: str = "b", /, old: str = "a", **props: Any) -> dict[str, Any]:
    """The item `old` under another name."""
    defaults = {"key": old, "label": f"label of {old}"}
    return item(new, **{**defaults, **props}, opts={"aliases": [{"name": old}]})


def inside(parent: str, name: str = "a", /, **props: Any) -> dict[str, Any]:
    """An item within a component."""
    return item(name, **props, opts={"parent": parent})


def moved_in(parent: str, **props: Any) -> dict[str, Any]:
    """The item `a`, which was at the top level, within a component."""
    return item("a", **props, opts={"parent": parent, "aliases": [{"parent": STACK}]})


def moved_out(parent: str, **props: Any) -> dict[str, Any]:
    """The item `a`, which was within a component, at the top level."""
    return item("a", **props, opts={"aliases": [{"parent": rack_urn(parent)}]})


OLD, REPLACED = item("a", kind="x"), renamed(kind="y")
REFRESH, PROGRAM = ("--refresh",), ("--run-program",)
BOTH = (*REFRESH, *PROGRAM)
FIRST = {"dbr": True}  # delete before replace

EVERY_TIME = {
    "rename and replace",
    "rename and replace, the old one first",
    "rename and replace, refreshed by the program",
    "component retyped, child replaced",
    "get in place, and back",
}

RENAMES = [
    Scenario(
        "rename and replace",
        [Turn("up", [OLD]), Turn("preview", [REPLACED]), Turn(), Turn(), Turn("destroy")],
    ),
    Scenario(
        "rename and replace, with dependents",
        [
            Turn("up", CHAIN),
            Turn(
                "up",
                [
                    renamed("n", kind="y"),
                    renamed("m", "b", link=of("n", "kind")),
                    renamed("o", "c", link=of("m", "link")),
                ],
            ),
        ],
    ),
    Scenario(
        "rename to a name that is held",
        [
            Turn("up", CHAIN),
            Turn(
                "up", [REPLACED, item("b2", key="b", link=of("b", "kind"), opts={"aliases": [{"name": "b"}]})]
            ),
        ],
    ),
    Scenario(
        "rename and update", [Turn("up", [A]), Turn("preview", [renamed(label="other")]), Turn(), Turn()]
    ),
    Scenario(
        "rename and replace, the old one first",
        [Turn("up", [OLD]), Turn("preview", [REPLACED], knobs=FIRST), Turn(), Turn()],
    ),
    Scenario(
        "rename and replace a chain, the old ones first",
        [
            Turn("up", CHAIN[:2]),
            Turn(
                "preview",
                [renamed("n", kind="y"), renamed("m", "b", label="label of b", link=of("n", "kind"))],
                knobs=FIRST,
            ),
            Turn(),
        ],
    ),
    Scenario(
        "rename and replace, the old one first, the new one fails",
        [
            Turn("up", [OLD]),
            Turn("up", [REPLACED], knobs={**FIRST, "create": "no room"}),
            Turn("preview", knobs=FIRST),
            Turn("up"),
        ],
    ),
    Scenario(
        "renamed back after a failed replacement",
        [
            Turn("up", [OLD]),
            Turn("up", [REPLACED], knobs={**FIRST, "create": "no room"}),
            Turn("refresh", knobs={}),
            Turn("up", [OLD]),
        ],
    ),
    Scenario(
        "rename and replace, the new one fails",
        [Turn("up", [OLD]), Turn("up", [REPLACED], knobs={"create": "no"}), Turn("up", knobs={})],
    ),
    Scenario(
        "rename, refreshed first",
        [
            Turn("up", [A]),
            Turn("preview", [renamed()], flags=REFRESH),
            Turn(flags=REFRESH),
            Turn(flags=REFRESH),
        ],
    ),
    Scenario(
        "rename and replace, refreshed first",
        [
            Turn("up", [OLD]),
            Turn("preview", [REPLACED], flags=REFRESH),
            Turn(flags=REFRESH),
            Turn(flags=REFRESH),
        ],
    ),
    Scenario(
        "rename and replace, refreshed by the program",
        [Turn("up", [OLD]), Turn("preview", [REPLACED], flags=BOTH), Turn(flags=BOTH), Turn(flags=BOTH)],
    ),
    Scenario(
        "rename and replace, the old one first, refreshed first",
        [Turn("up", [OLD]), Turn("up", [REPLACED], knobs=FIRST, flags=REFRESH), Turn(flags=REFRESH)],
    ),
    Scenario(
        "rename of partial state",
        [Turn("up", [A], knobs={"partial": "baking"}), Turn("preview", [renamed()], knobs={}), Turn()],
    ),
    Scenario(
        "rename of partial state, still unfinished",
        [
            Turn("up", [A], knobs={"partial": "baking"}),
            Turn("up", [renamed()], knobs={"partial-update": "still baking"}),
            Turn("up", [A], knobs={}),
        ],
    ),
    Scenario(
        "rename and replace of partial state",
        [Turn("up", [OLD], knobs={"partial": "baking"}), Turn("up", [REPLACED], knobs={}), Turn("destroy")],
    ),
    Scenario(
        "rename and replace, left in partial state",
        [
            Turn("up", [OLD]),
            Turn("up", [REPLACED], knobs={"partial": "baking"}),
            Turn("up", [OLD], knobs={}),
        ],
    ),
    Scenario("rename pending, refreshed", [Turn("up", [OLD]), Turn("refresh", [REPLACED]), Turn("up")]),
    Scenario(
        "rename pending, refreshed by the program",
        [
            Turn("up", [OLD]),
            Turn("refresh", [REPLACED], flags=PROGRAM, edit={"a-1": {"label": "by hand"}}),
            Turn("preview"),
            Turn("up"),
        ],
    ),
    Scenario("rename pending, destroyed", [Turn("up", [OLD]), Turn("destroy", [REPLACED])]),
    Scenario(
        "rename pending, destroyed by the program",
        [Turn("up", [OLD]), Turn("destroy", [REPLACED], flags=PROGRAM)],
    ),
    Scenario(
        "rename pending, destroyed after a refresh",
        [Turn("up", [OLD]), Turn("destroy", [REPLACED], flags=REFRESH)],
    ),
    Scenario(
        "rename pending, destroyed by the program after a refresh",
        [Turn("up", [OLD]), Turn("destroy", [REPLACED], flags=BOTH)],
    ),
    Scenario(
        "renamed with a delete pending",
        [
            Turn("up", [OLD]),
            Turn("up", [item("a", kind="y")], knobs={"delete": "in use"}),
            Turn("refresh"),
            Turn("up", [renamed(kind="y")], knobs={}),
        ],
    ),
    Scenario(
        "rename and replace, the delete fails",
        [
            Turn("up", [OLD]),
            Turn("up", [REPLACED], knobs={"delete": "in use"}),
            Turn("up", [renamed("c", "b", key="a", kind="y", label="label of a")], knobs={}, flags=REFRESH),
            Turn("destroy", [renamed("d", "c", key="a", kind="y", label="label of a")], flags=BOTH),
        ],
    ),
    Scenario(
        "component renamed, child replaced",
        [
            Turn("up", [rack("r"), inside("r", kind="x")]),
            Turn("preview", [rack("s", aliases=[{"name": "r"}]), inside("s", kind="y")]),
            Turn(),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "component retyped, child replaced",
        [
            Turn("up", [rack("r"), inside("r", kind="x")]),
            Turn(
                "preview",
                [rack("r", kind="Box", aliases=[{"type_": "lab:index:Rack"}]), inside("r", kind="y")],
            ),
            Turn(),
            Turn(flags=REFRESH),
        ],
    ),
    Scenario(
        "component retyped, child replaced, refreshed first",
        [
            Turn("up", [rack("r"), inside("r", kind="x")]),
            Turn(
                "up",
                [rack("r", kind="Box", aliases=[{"type_": "lab:index:Rack"}]), inside("r", kind="y")],
                flags=REFRESH,
            ),
            Turn("destroy", flags=PROGRAM),
        ],
    ),
    Scenario(
        "component retyped, child deleted first",
        [
            Turn("up", [rack("r"), inside("r", kind="x")]),
            Turn(
                "up",
                [rack("r", kind="Box", aliases=[{"type_": "lab:index:Rack"}]), inside("r", kind="y")],
                knobs=FIRST,
            ),
        ],
    ),
    Scenario(
        "component retyped pending, destroyed by the program",
        [
            Turn("up", [rack("r"), inside("r")]),
            Turn(
                "destroy",
                [rack("r", kind="Box", aliases=[{"type_": "lab:index:Rack"}]), inside("r")],
                flags=BOTH,
            ),
        ],
    ),
    Scenario(
        "moved in and replaced",
        [Turn("up", [OLD]), Turn("preview", [rack("r"), moved_in("r", kind="y")]), Turn(), Turn()],
    ),
    Scenario(
        "moved in and replaced, refreshed first",
        [
            Turn("up", [OLD]),
            Turn("preview", [rack("r"), moved_in("r", kind="y")], flags=REFRESH),
            Turn(flags=REFRESH),
        ],
    ),
    Scenario(
        "moved in, destroyed by the program",
        [
            Turn("up", [OLD]),
            Turn("destroy", [rack("r"), moved_in("r", kind="x")], flags=BOTH),
        ],
    ),
    Scenario(
        "moved out and replaced",
        [
            Turn("up", [rack("r"), inside("r", kind="x")]),
            Turn("preview", [moved_out("r", kind="y")]),
            Turn(),
            Turn(),
        ],
    ),
    Scenario(
        "moved out and updated, refreshed first",
        [
            Turn("up", [rack("r"), inside("r")]),
            Turn("up", [moved_out("r", label="other")], flags=REFRESH),
            Turn(flags=REFRESH),
        ],
    ),
    Scenario(
        "moved from one component to another",
        [
            Turn("up", [rack("r"), rack("s"), inside("r", kind="x")]),
            Turn(
                "up",
                [
                    rack("r"),
                    rack("s"),
                    item("a", kind="y", opts={"parent": "s", "aliases": [{"parent": rack_urn("r")}]}),
                ],
            ),
            Turn("refresh"),
        ],
        ordered=False,  # a component does not wait for another one, whatever it depends on
    ),
    Scenario(
        "two change their names",
        [
            Turn("up", [item("a", kind="x"), item("b", kind="x", opts=after("a"))]),
            Turn("up", [renamed("c", kind="y"), item("a", key="b", label="n", kind="x", opts=after("c"))]),
        ],
    ),
    Scenario(
        "get in place, and back",
        [
            Turn("up", [A]),
            Turn("preview", [item("a", opts={"id": "a-1"})]),
            Turn(),
            Turn("refresh"),
            Turn("preview", [A]),
            Turn(),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "get in place, refreshed first",
        [
            Turn("up", [A]),
            Turn("up", [item("a", opts={"id": "a-1"})], flags=REFRESH),
            Turn("up", [A], flags=REFRESH),
            Turn("up", [item("a", opts={"id": "a-2"})], flags=REFRESH),
            Turn("destroy", flags=BOTH),
        ],
    ),
    Scenario(
        "get in place, destroyed by the program",
        [Turn("up", [A]), Turn("destroy", [item("a", opts={"id": "a-1"})], flags=PROGRAM)],
    ),
    Scenario(
        "get under a new name of what is dropped",
        [
            Turn("up", [A]),
            Turn("up", [item("g", opts={"id": "a-1"})]),
            Turn("destroy", flags=PROGRAM),
        ],
    ),
    Scenario(
        "get in place of partial state",
        [
            Turn("up", [A], knobs={"partial": "baking"}),
            Turn("up", [item("a", opts={"id": "a-1"})], knobs={}),
            Turn("up", [A]),
        ],
    ),
    Scenario(
        "get of another one in place",
        [
            Turn("up", [item("a"), item("b", opts=after("a"))]),
            Turn("up", [item("a", opts={"id": "b-1"})]),
            Turn("up", [A], flags=REFRESH),
        ],
    ),
]
