"""Scenarios of renames by an alias, moves between components and providers, and `get` in place of what is held.

These show which URN a call has: the old one, the new one, or one after the other.
"""

from __future__ import annotations

from .lab import Scenario, Turn
from .parts import (
    AT_EU,
    AT_US,
    BOTH,
    BY_HAND,
    EU,
    OLD,
    PROGRAM,
    REFRESH,
    REPLACED,
    STACK,
    US,
    US_TOO,
    A,
    by,
    inside,
    item,
    of,
    provider,
    rack,
    renamed,
)

READ = item("a", opts={"id": "a-1"})
RETYPED = rack("r", kind="Box", aliases=[{"type_": "lab:index:Rack"}])
IN_BOX = {"parent": "r", "aliases": [{"parent": STACK}]}
MOVED = provider("eu", "moved")
EUROPE = provider("europe", "eu", opts={"aliases": [{"name": "eu"}]})

MOVES = [
    Scenario(
        "rename",
        [
            Turn("up", [A, item("x", link=of("a"))]),
            Turn("preview", [renamed(), item("x", link=of("b"))]),
            Turn(),
            Turn("up", [renamed(label="other"), item("x", link=of("b"))]),
            Turn("destroy"),
        ],
    ),
    Scenario("rename and replace", [Turn("up", [OLD]), Turn("preview", [REPLACED]), Turn(), Turn()]),
    Scenario(
        "rename and replace, refreshed by the program",
        [Turn("up", [OLD]), Turn("preview", [REPLACED], flags=BOTH), Turn(flags=BOTH), Turn(flags=BOTH)],
    ),
    Scenario(
        "component renamed, child replaced",
        [
            Turn("up", [rack("r"), inside("r", "r-a", kind="x")]),
            Turn("preview", [rack("s", aliases=[{"name": "r"}]), inside("s", "s-a", key="r-a", kind="y")]),
            Turn(),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "component retyped, child replaced",
        [
            Turn("up", [rack("r"), inside("r", kind="x")]),
            Turn("up", [RETYPED, inside("r", kind="y")], flags=REFRESH),
            Turn("destroy", flags=PROGRAM),
        ],
    ),
    Scenario(
        "explicit provider",
        [
            Turn("preview", [EU, AT_EU], {"a": of("a")}),
            Turn(),
            Turn("preview"),
            Turn("refresh", edit=BY_HAND),
            Turn(),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "provider input changes",
        [
            Turn("up", [EU, AT_EU]),
            Turn("preview", [MOVED, AT_EU]),
            Turn(),
            Turn("refresh", [provider("eu", token={"secret": "hush"}), AT_EU], flags=PROGRAM),
            Turn(flags=REFRESH),
            Turn("destroy", [MOVED, AT_EU], flags=PROGRAM),
        ],
    ),
    Scenario(
        "from one provider to another",
        [
            Turn("up", [EU, US_TOO, by("eu", "a", "us")]),
            Turn("preview", [EU, US_TOO, AT_US]),
            Turn(),
            Turn("up", [US, by("us", label="other")]),
            Turn("up", [A]),
        ],
    ),
    Scenario(
        "provider renamed",
        [Turn("up", [EU, AT_EU]), Turn("preview", [EUROPE, by("europe")]), Turn(), Turn("destroy")],
    ),
]
