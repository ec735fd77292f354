"""Explicit providers: each has a host of its own, and the calls show its configuration."""

from __future__ import annotations

from typing import Any

from .flags import forced, urn
from .lab import Scenario, Turn
from .parts import A, after, item, of

REFRESH, PROGRAM = ("--refresh",), ("--run-program",)
BOTH = (*REFRESH, *PROGRAM)
BY_HAND = {"a-1": {"label": "by hand"}}
URN = "urn:pulumi:dev::lab::pulumi:providers:pulumi-python::"


def provider(name: str = "eu", /, account: Any = None, *, opts: Any = None, **config: Any) -> dict[str, Any]:
    """One provider of a program; by default its account has its name."""
    given = {"account": account or name, **config}
    return {
        "name": name,
        "provider": {f"lab:{key}": value for key, value in given.items()},
        "opts": opts or {},
    }


def by(name: str, /, item_name: str = "a", *needed: str, **props: Any) -> dict[str, Any]:
    """An item of a provider."""
    return item(item_name, **props, opts=after(*needed, provider=name))


EU, US = provider("eu"), provider("us")
US_TOO = provider("us", opts=after("eu"))  # in this order, which is random otherwise
BESIDE_EU = item("a", opts=after("eu"))
AT_EU, AT_US = by("eu"), by("us")

EVERY_TIME = {
    "explicit provider",
    "provider input changes",
    "from one provider to another",
    "provider with unknown inputs",
    "destroy by the program with a changed provider",
}

PROVIDERS = [
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
        "two providers and the default one",
        [
            Turn(
                "up",
                [
                    EU,
                    US_TOO,
                    by("eu", "a", "us"),
                    by("us", "b", "a"),
                    item("c", opts=after("b")),
                ],
            ),
            Turn("refresh"),
            Turn("preview", flags=REFRESH),
            Turn("destroy", flags=REFRESH),
        ],
    ),
    Scenario(
        "provider input changes",
        [
            Turn("up", [EU, AT_EU]),
            Turn("preview", [provider("eu", "moved", color="red"), AT_EU]),
            Turn(),
            Turn("up", [provider("eu", "again"), by("eu", label="other")]),
            Turn("refresh"),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "provider input changes, refreshed first",
        [
            Turn("up", [EU, AT_EU]),
            Turn("preview", [provider("eu", "moved"), AT_EU], flags=REFRESH, edit=BY_HAND),
            Turn(flags=REFRESH),
            Turn(flags=REFRESH),
        ],
    ),
    Scenario(
        "provider input changes, refreshed by the program",
        [
            Turn("up", [EU, AT_EU]),
            Turn("preview", [provider("eu", "moved"), AT_EU], flags=BOTH, edit=BY_HAND),
            Turn(flags=BOTH),
        ],
    ),
    Scenario(
        "provider input changes, refresh and destroy",
        [
            Turn("up", [EU, AT_EU]),
            Turn("refresh", [provider("eu", "moved"), AT_EU]),
            Turn("refresh", flags=PROGRAM),
            Turn("destroy", [provider("eu", "again"), AT_EU]),
        ],
    ),
    Scenario(
        "refresh by the program with a new provider",
        [
            Turn("up", [A]),
            Turn("refresh", [EU, AT_EU, by("eu", "b", "a")], flags=PROGRAM),
            Turn("up"),
        ],
    ),
    Scenario(
        "destroy by the program with a changed provider",
        [
            Turn("up", [EU, AT_EU]),
            Turn("destroy", [provider("eu", "moved"), AT_EU], flags=PROGRAM),
        ],
    ),
    Scenario(
        "destroy by the program with another provider",
        [
            Turn("up", [EU, AT_EU]),
            Turn("destroy", [US, AT_US], flags=BOTH),
        ],
        ordered=False,  # the order in which the two providers are deleted is random
    ),
    Scenario(
        "provider with secrets",
        [
            Turn("up", [provider("eu", token={"secret": "hush"}), AT_EU]),
            Turn("preview", [provider("eu", token={"secret": "louder"}), AT_EU]),
            Turn(),
            Turn("preview", [provider("eu", token="louder"), AT_EU]),
            Turn("refresh"),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "from the default provider to an explicit one",
        [Turn("up", [A]), Turn("preview", [EU, AT_EU]), Turn(), Turn("refresh"), Turn("destroy")],
    ),
    Scenario(
        "from an explicit provider to the default one",
        [
            Turn("up", [EU, AT_EU]),
            Turn("preview", [EU, BESIDE_EU]),
            Turn(),
            Turn("up", [A]),
            Turn("refresh"),
        ],
    ),
    Scenario(
        "from one provider to another",
        [
            Turn("up", [EU, US_TOO, by("eu", "a", "us")]),
            Turn("preview", [EU, US_TOO, AT_US]),
            Turn(),
            Turn("up", [US, by("us", label="other")]),
            Turn("up", [EU, by("eu", label="another")]),
        ],
    ),
    Scenario(
        "replaced and from one provider to another",
        [
            Turn("up", [EU, by("eu", kind="x")]),
            Turn("preview", [US, by("us", kind="y")]),
            Turn(),
            Turn("up", [US, provider("eu", opts=after("us")), by("eu", kind="z")], knobs={"dbr": True}),
            Turn("up", []),
        ],
    ),
    Scenario(
        "forced to another provider",
        [
            Turn("up", [EU, AT_EU]),
            Turn("up", [EU, BESIDE_EU], flags=forced(urn("a"))),
            Turn("up", [A]),
        ],
    ),
    Scenario(
        "to another provider, refreshed first",
        [Turn("up", [EU, AT_EU]), Turn("up", [US, AT_US], flags=REFRESH), Turn("up", [A], flags=BOTH)],
    ),
    Scenario(
        "provider with unknown inputs",
        [
            Turn("preview", [A, provider("eu", of("a")), by("eu", "b", "a")], {"b": of("b")}),
            Turn(),
            Turn("preview"),
            Turn("preview", [item("a", label="2"), provider("eu", of("a")), by("eu", "b", "a")]),
            Turn(),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "provider whose inputs become unknown",
        [
            Turn("up", [item("a", kind="x"), provider("eu", of("a", "kind")), by("eu", "b", label="1")]),
            Turn(
                "preview", [item("a", key="k", kind="y"), provider("eu", of("a")), by("eu", "b", label="1")]
            ),
            Turn(
                "preview", [item("a", key="k", kind="y"), provider("eu", of("a")), by("eu", "b", label="2")]
            ),
            Turn("preview", [item("n"), provider("eu", of("n")), by("eu", "b", label="2")]),
            Turn("up"),
        ],
    ),
    Scenario(
        "get with unknown inputs of the provider",
        [
            Turn("up", [A]),
            Turn(
                "preview",
                [A, item("n"), provider("eu", of("n")), item("g", opts={"provider": "eu", "id": "a-1"})],
            ),
            Turn("up"),
        ],
        ordered=False,
    ),
    Scenario(
        "provider dropped with its resource",
        [Turn("up", [EU, AT_EU]), Turn("preview", []), Turn()],
    ),
    Scenario(
        "provider dropped, the delete fails",
        [
            Turn("up", [EU, AT_EU]),
            Turn("up", [], knobs={"delete": "in use"}),
            Turn("refresh"),
            Turn("up", knobs={}),
        ],
    ),
    Scenario(
        "delete left over with its provider",
        [
            Turn("up", [EU, by("eu", kind="x")]),
            Turn("up", [EU, by("eu", kind="y")], knobs={"delete": "in use"}),
            Turn("up", [US, by("us", kind="y")], knobs={}),
        ],
    ),
    Scenario(
        "get by an explicit provider",
        [
            Turn("up", [A]),
            Turn(
                "up",
                [A, provider("eu", opts=after("a")), item("g", opts=after("a", provider="eu", id="a-1"))],
            ),
            Turn("refresh"),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "replace a provider",
        [
            Turn("up", [EU, AT_EU]),
            Turn("preview", flags=forced(f"{URN}eu")),
            Turn(flags=forced(f"{URN}eu")),
            Turn(),
        ],
    ),
    Scenario(
        "replace a provider, deleted first",
        [
            Turn("up", [provider("eu", opts={"delete_before_replace": True}), AT_EU]),
            Turn("preview", flags=forced(f"{URN}eu")),
            Turn(flags=forced(f"{URN}eu")),
        ],
    ),
    Scenario(
        "ignore_changes of a provider",
        [
            Turn("up", [EU, AT_EU]),
            Turn("up", [provider("eu", "moved", opts={"ignore_changes": ["lab:account"]}), AT_EU]),
            Turn(
                "up",
                [provider("eu", "moved", color="red", opts={"ignore_changes": ["lab:account"]}), AT_EU],
            ),
        ],
    ),
    Scenario(
        "protected provider",
        [
            Turn("up", [provider("eu", opts={"protect": True}), AT_EU]),
            Turn("destroy"),
            Turn("up", [EU, AT_EU]),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "partial state of an explicit provider",
        [
            Turn("up", [EU, AT_EU], knobs={"partial": "baking"}),
            Turn("up", [provider("eu", "moved"), AT_EU], knobs={}),
            Turn("refresh", knobs={"partial-read": ["cold"]}),
        ],
    ),
    Scenario(
        "create fails with an explicit provider",
        [Turn("up", [EU, AT_EU], knobs={"create": "no room"}), Turn("up", knobs={}), Turn("up", [A])],
    ),
    Scenario(
        "configuration changes beside an explicit provider",
        [
            Turn("up", [EU, AT_EU, item("b", opts=after("a"))]),
            Turn("preview", config={"lab:color": "blue"}),
            Turn("up"),
        ],
    ),
    Scenario(
        "provider without resources",
        [Turn("preview", [EU]), Turn("up"), Turn("refresh"), Turn("up", []), Turn("destroy")],
    ),
    Scenario(
        "provider with a name like the default one",
        [
            Turn("up", [provider("default-eu"), by("default-eu")]),
            Turn("up", [provider("default-eu", "moved"), by("default-eu")]),
        ],
    ),
    Scenario(
        "many of two providers",
        [
            Turn("up", [EU, US, *(by("eu" if i % 2 else "us", f"m{i}") for i in range(8))]),
            Turn("destroy"),
        ],
        ordered=False,
    ),
]
