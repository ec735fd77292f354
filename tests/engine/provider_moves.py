"""Explicit providers under other names, and those that come and go with components."""

from __future__ import annotations

from .lab import Scenario, Turn
from .parts import STACK, after, item, rack
from .providers import AT_EU, EU, PROGRAM, REFRESH, US, US_TOO, by, provider

RENAMED = provider("europe", "eu", opts={"aliases": [{"name": "eu"}]})

EVERY_TIME = {"provider renamed", "component passes its providers"}

PROVIDER_MOVES = [
    Scenario(
        "provider renamed",
        [
            Turn("up", [EU, AT_EU]),
            Turn("preview", [RENAMED, by("europe")]),
            Turn(),
            Turn("up", [RENAMED, by("europe")]),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "provider renamed, with another input",
        [
            Turn("up", [EU, AT_EU, by("eu", "gone", "a")]),
            Turn(
                "up",
                [
                    provider("europe", "moved", opts={"aliases": [{"name": "eu"}]}),
                    by("europe", label="other"),
                ],
            ),
        ],
    ),
    Scenario(
        "provider renamed, refreshed first",
        [Turn("up", [EU, AT_EU]), Turn("up", [RENAMED, by("europe")], flags=REFRESH)],
    ),
    Scenario(
        "provider renamed without alias",
        [Turn("up", [EU, AT_EU]), Turn("up", [provider("europe", "eu"), by("europe")])],
    ),
    Scenario(
        "provider moved into a component",
        [
            Turn("up", [EU, AT_EU]),
            Turn(
                "up", [rack("r"), provider("eu", opts={"parent": "r", "aliases": [{"parent": STACK}]}), AT_EU]
            ),
        ],
    ),
    Scenario(
        "component passes its providers",
        [
            Turn(
                "preview",
                [EU, rack("r", providers=["eu"], depends_on=["eu"]), item("a", opts={"parent": "r"})],
            ),
            Turn(),
            Turn("up", [US, rack("r", provider="us", depends_on=["us"]), item("a", opts={"parent": "r"})]),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "components within components pass on providers",
        [
            Turn(
                "up",
                [
                    EU,
                    US_TOO,
                    rack("r", providers=["eu"], depends_on=["us"]),
                    rack("s", parent="r"),
                    item("a", opts={"parent": "s"}),
                    item("b", opts=after("a", parent="a")),
                    item("c", opts=after("b", parent="s", provider="us")),
                ],
            ),
            Turn("destroy", flags=PROGRAM),
        ],
    ),
    Scenario(
        "component renamed, with a provider in it",
        [
            Turn(
                "up",
                [
                    rack("r"),
                    provider("eu", opts={"parent": "r"}),
                    item("a", opts={"parent": "r", "provider": "eu"}),
                ],
            ),
            Turn(
                "up",
                [
                    rack("r", kind="Box", aliases=[{"type_": "lab:index:Rack"}]),
                    provider("eu", opts={"parent": "r"}),
                    item("a", opts={"parent": "r", "provider": "eu"}),
                ],
            ),
            Turn("destroy"),
        ],
    ),
]
