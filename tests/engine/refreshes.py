"""Refreshes within another operation, and operations that run the program although they need not."""

from __future__ import annotations

from .lab import Scenario, Turn
from .parts import CHAIN, A, B, after, item, of, rack

REFRESH, PROGRAM = ("--refresh",), ("--run-program",)
BOTH = (*REFRESH, *PROGRAM)
BY_HAND = {"a-1": {"label": "by hand"}}

EVERY_TIME = {
    "destroy after a refresh",
    "destroy by the program",
    "refresh by the program",
}

REFRESHES = [
    Scenario(
        "drift, refreshed first",
        [
            Turn("up", [A, B]),
            Turn("preview", flags=REFRESH, edit=BY_HAND),
            Turn(flags=REFRESH),
            Turn(flags=REFRESH),
        ],
    ),
    Scenario(
        "gone, refreshed first",
        [
            Turn("up", [A, B], {"a": of("a")}),
            Turn("preview", flags=REFRESH, remove=("a-1",)),
            Turn(flags=REFRESH),
        ],
    ),
    Scenario(
        "a parent is gone, refreshed first",
        [
            Turn("up", [A, item("b", opts={"parent": "a"})]),
            Turn("refresh", remove=("a-1",)),
            Turn(flags=REFRESH),
        ],
    ),
    Scenario(
        "partial state, refreshed first",
        [
            Turn("up", [A], knobs={"partial": "baking"}),
            Turn("preview", knobs={}, flags=REFRESH),
            Turn(flags=REFRESH),
        ],
    ),
    Scenario(
        "the read of a refresh first fails",
        [
            Turn("up", [A, B]),
            Turn("up", [A], knobs={"read:a": "no answer"}, flags=REFRESH),
            Turn(flags=REFRESH),
        ],
    ),
    Scenario(
        "replace after a refresh",
        [Turn("up", CHAIN), Turn("up", [item("a", kind="y"), *CHAIN[1:]], flags=REFRESH)],
    ),
    Scenario(
        "a get, refreshed first",
        [
            Turn("up", [A, item("g", opts=after("a", id="a-1"))]),
            Turn(flags=REFRESH, edit=BY_HAND),
            Turn("up", [A], flags=REFRESH),
        ],
    ),
    Scenario(
        "a delete left over, refreshed first",
        [
            Turn("up", [item("a", kind="x")]),
            Turn("up", [item("a", kind="y")], knobs={"delete": "in use"}),
            Turn(knobs={}, flags=REFRESH),
        ],
    ),
    Scenario(
        "configuration changes, refreshed first",
        [Turn("up", [A]), Turn(config={"lab:color": "blue"}, flags=REFRESH)],
    ),
    Scenario(
        "destroy after a refresh", [Turn("up", [A, B]), Turn("destroy", remove=("a-1",), flags=REFRESH)]
    ),
    Scenario(
        "destroy after a refresh that fails",
        [Turn("up", [A, B]), Turn("destroy", knobs={"read:b": "no answer"}, flags=REFRESH)],
    ),
    Scenario(
        "destroy by the program",
        [
            Turn("up", [rack("r", outputs={"n": 1}), item("a", opts={"parent": "r"}), B], {"a": of("a")}),
            Turn("destroy", flags=PROGRAM),
            Turn("destroy", flags=PROGRAM),
        ],
    ),
    Scenario(
        "destroy by the program, another one",
        [
            Turn("up", [A, B, item("dropped", opts=after("b"))]),
            Turn(
                "destroy",
                [
                    item("a", label="2", kind="z"),
                    item("n", opts=after("a")),
                    item("b", link=of("n")),
                    item("c", opts=after("b")),
                ],
                {"n": of("n")},
                flags=PROGRAM,
            ),
        ],
    ),
    Scenario(
        "destroy by the program, with a get",
        [
            Turn("up", [A]),
            Turn("destroy", [A, item("g", opts=after("a", id="a-1"))], flags=PROGRAM),
        ],
    ),
    Scenario(
        "destroy by the program, a delete fails",
        [
            Turn("up", [A, B]),
            Turn("destroy", knobs={"delete:a": "in use"}, flags=PROGRAM),
            Turn("destroy", knobs={}, flags=PROGRAM),
        ],
    ),
    Scenario(
        "destroy by the program, with another configuration",
        [Turn("up", [A]), Turn("destroy", config={"lab:color": "blue"}, flags=PROGRAM)],
    ),
    Scenario(
        "destroy by the program, which crashes",
        [Turn("up", [A, B]), Turn("destroy", crash="boom", flags=PROGRAM), Turn("destroy")],
    ),
    Scenario(
        "destroy by the program, protected",
        [
            Turn("up", [item("a", opts={"protect": True}), B]),
            Turn("destroy", flags=PROGRAM),
            Turn("destroy", [A, B], flags=PROGRAM),
        ],
    ),
    Scenario(
        "destroy by the program, partial state",
        [Turn("up", [A, B], knobs={"partial:b": "baking"}), Turn("destroy", knobs={}, flags=PROGRAM)],
    ),
    Scenario(
        "refresh by the program",
        [
            Turn("up", [A, B, item("dropped", opts=after("b"))], {"a": of("a")}),
            Turn("refresh", edit=BY_HAND, flags=PROGRAM),
            Turn(
                "refresh",
                [item("a", label="2"), B, item("n", opts=after("b")), item("c", link=of("n"))],
                flags=PROGRAM,
            ),
            Turn(),
        ],
    ),
    Scenario(
        "refresh by the program, gone",
        [Turn("up", [A, B]), Turn("refresh", remove=("a-1",), flags=PROGRAM), Turn()],
    ),
    Scenario(
        "refresh by the program, within components",
        [
            Turn("up", [rack("r", outputs={"n": 1}), item("a", opts={"parent": "r"})]),
            Turn("refresh", [rack("r", outputs={"n": 2}), item("a", opts={"parent": "r"})], flags=PROGRAM),
            Turn(
                "refresh",
                [rack("r"), item("a", opts={"parent": "r"}), rack("s", depends_on=["a"])],
                flags=PROGRAM,
            ),
        ],
    ),
    Scenario(
        "refresh by the program, with another configuration",
        [Turn("up", [A]), Turn("refresh", config={"lab:color": "blue"}, flags=PROGRAM), Turn()],
    ),
    Scenario(
        "refresh by the program, a read fails",
        [
            Turn("up", [A, B]),
            Turn("refresh", knobs={"read:a": "no answer"}, flags=PROGRAM),
            Turn("refresh", knobs={}),
        ],
    ),
    Scenario(
        "up with a refresh by the program",
        [
            Turn("up", [A, B]),
            Turn("preview", flags=BOTH, edit=BY_HAND),
            Turn(flags=BOTH),
            Turn("up", [item("a", label="2")], flags=BOTH),
        ],
    ),
    Scenario(
        "up with a refresh by the program, gone",
        [Turn("up", [A, B]), Turn("preview", flags=BOTH, remove=("a-1",)), Turn(flags=BOTH)],
    ),
    Scenario(
        "up with a refresh by the program, partial state",
        [Turn("up", [A], knobs={"partial": "baking"}), Turn(knobs={}, flags=BOTH)],
    ),
]
