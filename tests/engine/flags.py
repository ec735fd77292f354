"""Reads that find a resource unhealthy, and operations with `--replace` and `--expect-no-changes`."""

from __future__ import annotations

from .lab import Scenario, Turn
from .parts import CHAIN, A, B, after, item, of, rack, rack_urn

UNHEALTHY = {"partial-read": ["baking", "cold"]}
QUIET = ("--expect-no-changes",)


def urn(name: str) -> str:
    """The URN of an item."""
    return f"urn:pulumi:dev::lab::pulumi-python:dynamic:Item::{name}"


def forced(*urns: str) -> tuple[str, ...]:
    """The flags that replace resources."""
    return tuple(f"--replace={each}" for each in urns)


EVERY_TIME = {
    "partial read with drift",
    "replace one of a chain",
}

FLAGS = [
    Scenario(
        "partial read",
        [
            Turn("up", [A, B]),
            Turn("refresh", knobs=UNHEALTHY),
            Turn("preview", knobs={}),
            Turn("up"),
            Turn("up"),
        ],
    ),
    Scenario(
        "partial read with drift",
        [
            Turn("up", [A, B]),
            Turn("refresh", knobs={"partial-read:a": ["baking"]}, edit={"a-1": {"label": "by hand"}}),
            Turn("refresh", flags=QUIET),
            Turn("up", knobs={}),
            Turn("refresh", flags=QUIET),
        ],
    ),
    Scenario(
        "partial read, refreshed first",
        [Turn("up", [A]), Turn("preview", knobs=UNHEALTHY, flags=("--refresh",)), Turn(flags=("--refresh",))],
    ),
    Scenario(
        "partial read, refreshed by the program",
        [Turn("up", [A]), Turn(knobs=UNHEALTHY, flags=("--refresh", "--run-program"))],
    ),
    Scenario(
        "partial read of a secret",
        [
            Turn("up", [item("a", pw={"secret": "hush"})]),
            Turn("refresh", knobs=UNHEALTHY),
            Turn("up", knobs={}),
        ],
    ),
    Scenario(
        "partial read of a get",
        [
            Turn("up", [A]),
            Turn("up", [A, item("g", opts=after("a", id="a-1"))], knobs=UNHEALTHY),
            Turn("refresh"),
            Turn("up", knobs={}),
        ],
    ),
    Scenario(
        "replace one of a chain",
        [
            Turn("up", CHAIN),
            Turn("preview", flags=forced(urn("b"))),
            Turn(flags=forced(urn("b"))),
            Turn(flags=forced(urn("a"), urn("c")), knobs={"dbr": True}),
        ],
    ),
    Scenario(
        "replace with changes",
        [
            Turn("up", [item("a", size=1), item("b", label="1", link=of("a"))]),
            Turn("up", [item("a", size=2), item("b", label="2", link=of("a"))], flags=forced(urn("a"))),
        ],
    ),
    Scenario(
        "replace by a pattern",
        [
            Turn("up", [A, B, item("other", opts=after("b"))]),
            Turn(flags=forced("urn:pulumi:*::lab::pulumi-python:*:Item::b", "**::oth*")),
        ],
    ),
    Scenario("replace what is not there", [Turn("up", [A]), Turn(flags=forced(urn("nothing")))]),
    Scenario("replace what is new", [Turn("up", [A]), Turn("up", [A, B], flags=forced(urn("b")))]),
    Scenario(
        "replace what is protected",
        [
            Turn("up", [item("a", opts={"protect": True})]),
            Turn("preview", flags=forced(urn("a"))),
            Turn(flags=forced(urn("a"))),
        ],
    ),
    Scenario(
        "replace a component",
        [
            Turn("up", [rack("r"), item("a", opts={"parent": "r"})]),
            Turn(flags=forced(rack_urn("r"))),
        ],
    ),
    Scenario(
        "replace asked for, refreshed first",
        [Turn("up", [A]), Turn(flags=(*forced(urn("a")), "--refresh"), edit={"a-1": {"label": "by hand"}})],
    ),
    Scenario(
        "replace of partial state",
        [Turn("up", [A], knobs={"partial": "baking"}), Turn(flags=forced(urn("a")), knobs={})],
    ),
    Scenario(
        "expect no changes",
        [
            Turn("preview", [A], flags=QUIET),
            Turn("up", flags=QUIET),
            Turn("up", flags=QUIET),
            Turn("refresh", flags=QUIET),
            Turn("refresh", flags=QUIET, edit={"a-1": {"label": "by hand"}}),
            Turn("up", [A, item("g", opts=after("a", id="a-1"))], flags=QUIET),
            Turn("up", [A], flags=QUIET),
        ],
    ),
]
