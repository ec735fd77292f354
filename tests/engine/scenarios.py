"""The scenarios that are played on both engines: one resource or a few, and what is changed from turn to turn."""

from __future__ import annotations

from typing import Any

from .lab import Scenario, Turn
from .moves import MOVES
from .parts import (
    BOTH,
    BY_HAND,
    CHAIN,
    MOVED_CHAIN,
    PROGRAM,
    REFRESH,
    A,
    B,
    after,
    forced,
    inside,
    item,
    of,
    rack,
)

PRINTS = {"out": "said on the output", "err": "said on the error"}


def one(**props: Any) -> list[dict[str, Any]]:
    """A program of one item."""
    return [item("a", **props)]


CHANGES = [
    Scenario(
        "create, change nothing, destroy",
        [Turn("preview", [A, B], {"a": of("a")}), Turn(), Turn(), Turn("preview"), Turn("destroy"), Turn()],
    ),
    Scenario(
        "update in place",
        [Turn("up", one(label="1", size=3)), Turn("preview", one(label="2", note="n")), Turn(), Turn()],
    ),
    Scenario(
        "replace",
        [Turn("up", one(kind="x")), Turn("preview", one(kind="y")), Turn(), Turn(flags=forced("a")), Turn()],
    ),
    Scenario(
        "replacement runs through dependents",
        [Turn("up", CHAIN), Turn("preview", MOVED_CHAIN), Turn(), Turn("destroy")],
    ),
    Scenario("a resource is dropped", [Turn("up", [A, B]), Turn("preview", [A]), Turn("up"), Turn("up", [])]),
    Scenario(
        "unknowns of a new dependency",
        [
            Turn("up", [A]),
            Turn("preview", [item("n"), item("a", link=of("n"))], {"a": of("a")}),
            Turn("up"),
            Turn("preview"),
        ],
    ),
    Scenario(
        "retain_on_delete",
        [
            Turn("up", one(kind="x", opts={"retain_on_delete": True})),
            Turn("up", one(kind="y", opts={"retain_on_delete": True})),
            Turn("destroy"),
        ],
    ),
]

FAILURES = [
    Scenario(
        "check refuses",
        [Turn("preview", [A, B], knobs={"check:b": "too long"}), Turn("up"), Turn("up", knobs={})],
    ),
    Scenario(
        "create fails",
        [
            Turn("up", [A, B, item("c", opts=after("b"))], {"a": of("a")}, knobs={"create:b": "no room"}),
            Turn("up", knobs={}),
        ],
    ),
    Scenario(
        "delete fails",
        [Turn("up", [A, B]), Turn("destroy", knobs={"delete:a": "in use"}), Turn("destroy", knobs={})],
    ),
    Scenario(
        "the delete of a replaced one fails",
        [
            Turn("up", one(kind="x")),
            Turn("up", one(kind="y"), knobs={"delete": "in use"}),
            Turn("refresh"),
            Turn("preview"),
            Turn("up", knobs={}),
        ],
    ),
    Scenario(
        "partial state, gone on with",
        [
            Turn("up", [A, B], {"a": of("a")}, knobs={"partial:a": "still baking"}),
            Turn("preview", knobs={}),
            Turn("up"),
            Turn("up"),
        ],
    ),
    Scenario(
        "partial state, refreshed",
        [
            Turn("up", [A], knobs={"partial": "baking"}),
            Turn("up", knobs={"partial-update": "still baking"}),
            Turn("refresh", knobs={}),
            Turn("up"),
            Turn("refresh", knobs={"partial-read": ["baking", "cold"]}, edit=BY_HAND),
            Turn("up", knobs={}),
        ],
    ),
    Scenario(
        "killed during a create",
        [
            Turn("up", [A, B], knobs={"create:b": {"until": "never"}}, killed_at="b"),
            Turn("preview", knobs={}),
            Turn("refresh"),
            Turn("up"),
            Turn("destroy"),
        ],
    ),
]

REFRESHES = [
    Scenario(
        "gone, seen by refresh",
        [
            Turn("up", [A, B]),
            Turn("refresh", remove=("a-1",)),
            Turn("refresh", knobs={"read:b": "no"}),
            Turn(knobs={}),
        ],
    ),
    Scenario(
        "drift, refreshed first",
        [
            Turn("up", [A, B]),
            Turn("preview", flags=REFRESH, edit=BY_HAND),
            Turn(flags=REFRESH),
            Turn("destroy", flags=REFRESH, remove=("a-1",)),
        ],
    ),
    Scenario(
        "destroy by the program",
        [
            Turn("up", [rack("r", outputs={"n": 1}), inside("r"), B], {"a": of("a")}),
            Turn("destroy", knobs={"delete:a": "in use"}, flags=PROGRAM),
            Turn(
                "destroy",
                [rack("r"), inside("r"), item("n", opts=after("a"))],
                knobs={},
                flags=PROGRAM,
            ),
        ],
    ),
    Scenario(
        "refresh by the program",
        [
            Turn("up", [A, B, item("dropped", opts=after("b"))], {"a": of("a")}),
            Turn("refresh", edit=BY_HAND, flags=PROGRAM),
            Turn("refresh", [item("a", label="2"), B, item("c", opts=after("b"))], flags=PROGRAM),
            Turn(),
            Turn("refresh", remove=("a-1",), flags=PROGRAM),
            Turn(),
        ],
    ),
    Scenario(
        "up with a refresh by the program",
        [
            Turn("up", [A, B]),
            Turn("preview", flags=BOTH, edit=BY_HAND),
            Turn(flags=BOTH),
            Turn(flags=BOTH, remove=("a-1",)),
            Turn("up", [item("a", label="2")], flags=BOTH),
        ],
    ),
]

PROGRAMS = [
    Scenario(
        "components",
        [
            Turn("preview", [rack("r", outputs={"size": 1}), inside("r")]),
            Turn(),
            Turn("up", [rack("r", outputs={"size": 2}), inside("r")]),
            Turn("refresh"),
            Turn("up", [rack("r")]),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "get by id",
        [
            Turn("up", [A]),
            Turn("preview", [A, item("g", key="a", opts=after("a", id="a-1"))], {"g": of("g", "label")}),
            Turn(),
            Turn("refresh"),
            Turn("up", [A, item("g", opts=after("a"))]),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "custom_timeouts",
        [
            Turn("up", one(opts={"custom_timeouts": {"create": "90s", "update": "3m", "delete": "1h30m"}})),
            Turn("up", one(label="2", opts={"custom_timeouts": {"update": "250ms"}})),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "secrets",
        [
            Turn(
                "up",
                one(pw={"secret": "hush"}, deep={"in": [1, {"secret": "x"}]}),
                {"a": {"all_of": "a"}, "list": [{"secret": 1}], "s": of("a")},
            ),
            Turn("preview"),
            Turn("up", one(pw={"secret": "louder"})),
            Turn("refresh"),
        ],
    ),
    Scenario(
        "configuration changes",
        [
            Turn("up", [A]),
            Turn("preview", config={"lab:color": "blue"}),
            Turn("up"),
            Turn("refresh", config={"lab:color": "green"}, flags=PROGRAM),
            Turn("destroy", config={"lab:color": "red"}, flags=PROGRAM),
        ],
    ),
    Scenario(
        "the program crashes",
        [
            Turn("up", [A], {"a": of("a")}),
            Turn("preview", crash="boom"),
            Turn("up", [A, B], crash="boom"),
            Turn(),
        ],
    ),
    Scenario(
        "the program and the provider print",
        [Turn("up", [A], prints=PRINTS, logs=[["warn", "mind"], ["info", "that"]], knobs={"say:a": PRINTS})],
    ),
]

SCENARIOS = [*CHANGES, *FAILURES, *REFRESHES, *PROGRAMS, *MOVES]
