"""The scenarios that are played on both engines."""

from __future__ import annotations

from dataclasses import replace

from .endings import ENDINGS
from .endings import EVERY_TIME as ENDINGS_EVERY_TIME
from .flags import EVERY_TIME as FLAGS_EVERY_TIME
from .flags import FLAGS
from .lab import Scenario, Turn
from .nested import EVERY_TIME as NESTED_EVERY_TIME
from .nested import NESTED
from .parts import CHAIN, LINKED, MOVED_CHAIN, STACK, A, B, after, item, of, rack
from .provider_moves import EVERY_TIME as MOVES_EVERY_TIME
from .provider_moves import PROVIDER_MOVES
from .providers import EVERY_TIME as PROVIDERS_EVERY_TIME
from .providers import PROVIDERS
from .refreshes import EVERY_TIME as REFRESHES_EVERY_TIME
from .refreshes import REFRESHES
from .renames import EVERY_TIME as RENAMES_EVERY_TIME
from .renames import RENAMES

_EVERY_TIME = {
    "a diff that does not say",
    "a resource is dropped",
    "alias",
    "check refuses",
    "components",
    "configuration changes",
    "create fails",
    "create, change nothing, destroy",
    "custom_timeouts",
    "delete before replace by the provider",
    "delete before replace, new one fails, then succeeds",
    "delete fails",
    "deleted_with",
    "diff raises",
    "drift",
    "get by id",
    "gone, seen by refresh",
    "ignore_changes",
    "many at once",
    "partial state, gone on with",
    "protect",
    "rename without alias",
    "replace_on_changes",
    "replacement runs through dependents",
    "retain_on_delete",
    "secrets",
    "the program crashes",
    "unknowns of a new dependency",
    "update fails",
    "update in place",
}

_ALL = [
    Scenario(
        "create, change nothing, destroy",
        [Turn("preview", [A, B], {"a": of("a")}), Turn(), Turn(), Turn("preview"), Turn("destroy")],
    ),
    Scenario(
        "update in place",
        [Turn("up", [item("a", label="one")]), Turn("preview", [item("a", label="two")]), Turn(), Turn()],
    ),
    Scenario(
        "add and take away a property",
        [Turn("up", [item("a", size=3)]), Turn("up", [item("a", note="n")]), Turn("destroy")],
    ),
    Scenario(
        "replace by kind",
        [Turn("up", [item("a", kind="x")]), Turn("preview", [item("a", kind="y")]), Turn(), Turn()],
    ),
    Scenario(
        "replace by key", [Turn("up", [item("a", key="k1")]), Turn("preview", [item("a", key="k2")]), Turn()]
    ),
    Scenario(
        "replace and update at once",
        [Turn("up", [item("a", kind="x", label="1")]), Turn("up", [item("a", kind="y", label="2")])],
    ),
    Scenario(
        "replacement runs through dependents",
        [Turn("up", CHAIN), Turn("preview", MOVED_CHAIN), Turn(), Turn("destroy")],
    ),
    Scenario(
        "delete before replace by the provider",
        [Turn("up", CHAIN), Turn("preview", MOVED_CHAIN, knobs={"dbr": True}), Turn(), Turn()],
    ),
    Scenario(
        "delete before replace by option",
        [
            Turn("up", [item("a", kind="x", opts={"delete_before_replace": True}), B]),
            Turn("up", [item("a", kind="y", opts={"delete_before_replace": True}), B]),
        ],
    ),
    Scenario(
        "delete before replace, new one fails, then succeeds",
        [
            Turn("up", [item("a", kind="x")]),
            Turn("up", [item("a", kind="y")], knobs={"dbr": True, "create": "no room"}),
            Turn("preview", knobs={"dbr": True}),
            Turn("up"),
        ],
    ),
    Scenario(
        "delete before replace, new one fails, then is dropped",
        [
            Turn("up", [item("a", kind="x")]),
            Turn("up", [item("a", kind="y")], knobs={"dbr": True, "create": "no room"}),
            Turn("up", [], knobs={}),
        ],
    ),
    Scenario(
        "a dependent deleted first and then gone from the program",
        [Turn("up", CHAIN[:2]), Turn("up", [MOVED_CHAIN[0]], knobs={"dbr": True})],
    ),
    Scenario(
        "check refuses",
        [Turn("preview", [A, B], knobs={"check:b": "too long"}), Turn("up"), Turn("up", knobs={})],
    ),
    Scenario(
        "check refuses in a replacement",
        [Turn("up", [item("a", kind="x")]), Turn("up", [item("a", kind="y")], knobs={"check": "not that"})],
    ),
    Scenario(
        "check raises", [Turn("up", [A, B], knobs={"check:b": "raise out of order"}), Turn("up", knobs={})]
    ),
    Scenario(
        "diff raises",
        [
            Turn("up", [A, B]),
            Turn("preview", knobs={"diff:b": "cannot tell"}),
            Turn("up"),
            Turn("up", knobs={}),
        ],
    ),
    Scenario(
        "create fails",
        [
            Turn("up", [A, B, item("c", opts=after("b"))], {"a": of("a")}, knobs={"create:b": "no room"}),
            Turn("up", knobs={}),
        ],
    ),
    Scenario(
        "create fails in a replacement",
        [
            Turn("up", [item("a", kind="x")]),
            Turn("up", [item("a", kind="y")], knobs={"create": "no"}),
            Turn("up", knobs={}),
        ],
    ),
    Scenario(
        "update fails",
        [
            Turn("up", [A, B]),
            Turn(
                "up",
                [item("a", label="2"), item("b", label="2", opts=after("a"))],
                knobs={"update:a": "stuck"},
            ),
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
            Turn("up", [item("a", kind="x")]),
            Turn("up", [item("a", kind="y")], knobs={"delete": "in use"}),
            Turn("preview"),
            Turn("up", knobs={}),
        ],
    ),
    Scenario("a resource is dropped", [Turn("up", [A, B]), Turn("preview", [A]), Turn("up"), Turn("up", [])]),
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
        "partial state twice, then destroyed",
        [
            Turn("up", [A], knobs={"partial": "baking"}),
            Turn("up", knobs={"partial-update": "still baking"}),
            Turn("up", [item("a", label="n")]),
            Turn("destroy", knobs={}),
        ],
    ),
    Scenario(
        "partial state in a replacement",
        [
            Turn("up", [item("a", kind="x")]),
            Turn("up", [item("a", kind="y")], knobs={"partial": "baking"}),
            Turn("up", knobs={}),
        ],
    ),
    Scenario(
        "partial state, replaced instead",
        [
            Turn("up", [item("a", kind="x")], knobs={"partial": "baking"}),
            Turn("up", [item("a", kind="y")], knobs={}),
        ],
    ),
    Scenario(
        "partial state, refreshed",
        [Turn("up", [A], knobs={"partial": "baking"}), Turn("refresh", knobs={}), Turn("up")],
    ),
    Scenario(
        "gone, seen by refresh",
        [Turn("up", [A, B]), Turn("refresh", remove=("a-1",)), Turn("preview"), Turn("up")],
    ),
    Scenario(
        "gone, not seen without refresh", [Turn("up", [A]), Turn("up", remove=("a-1",)), Turn("destroy")]
    ),
    Scenario(
        "drift",
        [
            Turn("up", [item("a", label="one")]),
            Turn("refresh", edit={"a-1": {"label": "changed by hand"}}),
            Turn("preview"),
            Turn("up"),
        ],
    ),
    Scenario(
        "refresh finds nothing new", [Turn("up", LINKED, {"b": of("b")}), Turn("refresh"), Turn("preview")]
    ),
    Scenario(
        "read fails in one of two",
        [
            Turn("up", [A, item("b")]),
            Turn("refresh", knobs={"read:a": "no answer"}, edit={"b-1": {"label": "by hand"}}),
            Turn("up", knobs={}),
        ],
        ordered=False,
    ),
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
        "unknowns of an update",
        [
            Turn("up", [item("a", label="1"), item("b", note=of("a"))]),
            Turn("preview", [item("a", label="2"), item("b", note=of("a"))]),
            Turn(),
        ],
    ),
    Scenario(
        "depends_on without data",
        [
            Turn("up", [item("a", kind="x"), B]),
            Turn("preview", [item("a", kind="y"), B]),
            Turn(),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "two that change places",
        [
            Turn("up", [item("a"), item("b", link=of("a"))]),
            Turn("preview", [item("b"), item("a", link=of("b"))]),
            Turn(),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "ignore_changes",
        [
            Turn("up", [item("a", size=1, opts={"ignore_changes": ["size"]})]),
            Turn("up", [item("a", size=2, opts={"ignore_changes": ["size"]})]),
            Turn("up", [item("a", size=2)]),
        ],
    ),
    Scenario(
        "ignore_changes inside",
        [
            Turn(
                "up",
                [item("a", tags={"x": 1, "y": [1, 2]}, opts={"ignore_changes": ["tags.x", "tags.y[0]"]})],
            ),
            Turn(
                "up",
                [item("a", tags={"x": 2, "y": [9, 3]}, opts={"ignore_changes": ["tags.x", "tags.y[0]"]})],
            ),
        ],
    ),
    Scenario(
        "replace_on_changes",
        [
            Turn(
                "up", [item("a", label="1", opts={"replace_on_changes": ["label"]})], knobs={"opaque": True}
            ),
            Turn("preview", [item("a", label="2", opts={"replace_on_changes": ["label"]})]),
            Turn(),
        ],
    ),
    Scenario(
        "a diff that does not say",
        [
            Turn("up", [item("a", size=1)], knobs={"opaque": True}),
            Turn("preview", [item("a", size=2, note="n")]),
            Turn(),
            Turn("refresh"),
            Turn(),
        ],
    ),
    Scenario(
        "protect",
        [
            Turn("up", [item("a", kind="x", opts={"protect": True}), B]),
            Turn("destroy"),
            Turn("preview", [item("a", kind="y", opts={"protect": True}), B]),
            Turn("up"),
            Turn("up", [item("a", kind="y"), B]),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "protect one of several",
        [
            Turn(
                "up",
                [
                    rack("r"),
                    item("x", opts={"parent": "r"}),
                    item("y", opts=after("x")),
                    item("p", opts=after("y", protect=True)),
                    item("m"),
                    item("n", opts=after("m")),
                ],
            ),
            Turn("destroy"),
            Turn("up"),
        ],
        ordered=False,
    ),
    Scenario(
        "protect keeps a dropped one",
        [
            Turn("up", [item("a", opts={"protect": True})]),
            Turn("preview", []),
            Turn("up"),
            Turn("up", [item("a")]),
            Turn("up", []),
        ],
    ),
    Scenario(
        "alias",
        [
            Turn("up", [A, item("x", link=of("a"))]),
            Turn(
                "preview",
                [
                    item("b", key="a", label="label of a", opts={"aliases": [{"name": "a"}]}),
                    item("x", link=of("b")),
                ],
            ),
            Turn(),
            Turn(),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "rename without alias",
        [Turn("up", [A]), Turn("preview", [item("b", key="a")]), Turn(), Turn("destroy")],
    ),
    Scenario(
        "alias of a component's children",
        [
            Turn("up", [rack("r"), item("r-a", opts={"parent": "r"})]),
            Turn(
                "up",
                [
                    rack("s", aliases=[{"name": "r"}]),
                    item("s-a", key="r-a", label="label of r-a", opts={"parent": "s"}),
                ],
            ),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "alias that two claim",
        [
            Turn("up", [A]),
            Turn(
                "up",
                [
                    item("b", key="a", opts={"aliases": [{"name": "a"}]}),
                    item("c", opts=after("b", aliases=[{"name": "a"}])),
                ],
            ),
        ],
    ),
    Scenario(
        "moved under a component",
        [
            Turn("up", [A]),
            Turn(
                "up",
                [
                    rack("r"),
                    item(
                        "a",
                        opts={
                            "parent": "r",
                            "aliases": [{"parent": STACK}],
                        },
                    ),
                ],
            ),
        ],
    ),
    Scenario("a name twice", [Turn("up", [A, item("a", opts=after("a"))])]),
    Scenario(
        "retain_on_delete",
        [
            Turn("up", [item("a", kind="x", opts={"retain_on_delete": True})]),
            Turn("up", [item("a", kind="y", opts={"retain_on_delete": True})]),
            Turn("destroy"),
        ],
    ),
    Scenario("deleted_with", [Turn("up", [A, item("b", opts={"deleted_with": "a"})]), Turn("destroy")]),
    Scenario(
        "deleted_with, replaced",
        [
            Turn("up", [item("a", kind="x"), item("b", opts={"deleted_with": "a"})]),
            Turn("preview", [item("a", kind="y"), item("b", opts={"deleted_with": "a"})]),
            Turn(),
        ],
    ),
    Scenario(
        "components",
        [
            Turn("preview", [rack("r", outputs={"size": 1}), item("a", opts={"parent": "r"})]),
            Turn(),
            Turn("up", [rack("r", outputs={"size": 2}), item("a", opts={"parent": "r"})]),
            Turn("refresh"),
            Turn("up", [rack("r")]),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "component inside a component",
        [Turn("up", [rack("r"), rack("s", parent="r"), item("a", opts={"parent": "s"})]), Turn("destroy")],
    ),
    Scenario(
        "a child of an item",
        [Turn("up", [A, item("b", opts={"parent": "a"})]), Turn("up", [A]), Turn("destroy")],
    ),
    Scenario(
        "get by id",
        [
            Turn("up", [A]),
            Turn("preview", [A, item("g", key="a", opts=after("a", id="a-1"))], {"g": of("g", "label")}),
            Turn(),
            Turn(),
            Turn("refresh"),
            Turn("destroy"),
        ],
    ),
    Scenario("get by id of nothing", [Turn("up", [item("g", opts={"id": "none-1"})])]),
    Scenario(
        "get, then own",
        [
            Turn("up", [A]),
            Turn("up", [A, item("g", key="a", opts=after("a", id="a-1"))]),
            Turn("up", [A, item("g", opts=after("a"))]),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "own, then get",
        [Turn("up", [A, B]), Turn("up", [A, item("b", key="a", opts=after("a", id="a-1"))]), Turn("destroy")],
    ),
    Scenario(
        "custom_timeouts",
        [
            Turn("up", [item("a", opts={"custom_timeouts": {"create": "90s", "delete": "1h30m"}})]),
            Turn("up", [item("a", opts={"custom_timeouts": {"create": "2m"}})]),
        ],
    ),
    Scenario(
        "secrets",
        [
            Turn(
                "up",
                [item("a", pw={"secret": "hush"}, deep={"in": [1, "x"]})],
                {"pw": of("a", "label"), "s": {"secret": "x"}},
            ),
            Turn("up", [item("a", pw={"secret": "louder"})]),
            Turn("refresh"),
            Turn("preview"),
        ],
    ),
    Scenario(
        "additional_secret_outputs",
        [
            Turn("up", [item("a", opts={"additional_secret_outputs": ["stamp"]})], {"a": of("a")}),
            Turn("refresh"),
            Turn(),
        ],
    ),
    Scenario(
        "configuration changes",
        [Turn("up", [A]), Turn("preview", config={"lab:color": "blue"}), Turn("up"), Turn("refresh")],
    ),
    Scenario(
        "the program crashes",
        [
            Turn("up", [A], {"a": of("a")}),
            Turn("preview", crash="boom"),
            Turn("up", [A, B], {"b": of("b")}, crash="boom"),
            Turn("up"),
        ],
    ),
    Scenario(
        "the program logs",
        [
            Turn("up", [A], logs=[["info", "one"], ["warn", "two"], ["error", "three"]]),
            Turn("preview", logs=[["error", "four"]]),
        ],
    ),
    Scenario(
        "outputs come and go",
        [
            Turn("up", [A], {"x": 1, "y": [1, {"z": None}], "a": of("a")}),
            Turn("preview", exports={"x": 2}),
            Turn("up"),
            Turn("up", [A], {"q": "r"}, knobs={"check": "no"}),
        ],
    ),
    Scenario(
        "numbers, lists and nothing",
        [
            Turn(
                "up",
                [
                    item(
                        "a", f=1.5, i=3, big=1795343036, none=None, flag=True, many=[1, "two", None, {"k": 2}]
                    )
                ],
            ),
            Turn("preview"),
            Turn("up", [item("a", f=1.25, i=3, big=1795343036, flag=False, many=[1])]),
        ],
    ),
    Scenario(
        "many at once",
        [
            Turn("up", [item(f"m{i}") for i in range(12)]),
            Turn("up", [item(f"m{i}", kind="z") for i in range(6)]),
            Turn("destroy"),
        ],
        ordered=False,
    ),
    Scenario("an empty program", [Turn("preview", []), Turn("up"), Turn("refresh"), Turn("destroy")]),
    Scenario("up again after destroy", [Turn("up", [A]), Turn("destroy"), Turn("up"), Turn("refresh")]),
]

_FAST = (
    _EVERY_TIME
    | RENAMES_EVERY_TIME
    | REFRESHES_EVERY_TIME
    | FLAGS_EVERY_TIME
    | PROVIDERS_EVERY_TIME
    | MOVES_EVERY_TIME
    | NESTED_EVERY_TIME
    | ENDINGS_EVERY_TIME
)
SCENARIOS = [
    replace(scenario, slow=scenario.name not in _FAST)
    for scenario in [
        *_ALL,
        *RENAMES,
        *REFRESHES,
        *FLAGS,
        *PROVIDERS,
        *PROVIDER_MOVES,
        *NESTED,
        *ENDINGS,
    ]
]
