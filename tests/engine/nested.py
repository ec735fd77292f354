"""Changes inside dictionaries and lists, with a provider that does not say what changes."""

from __future__ import annotations

from typing import Any

from .lab import Scenario, Turn
from .parts import after, item, of

OPAQUE = {"opaque": True}
DEEP = {
    "tags": {"x": 1, "y": {"z": [1, 2, {"k": "v"}]}, "gone": 1, "null": None},
    "list": [1, 2, 3],
    "odd": {"a.b": 1, 'a"b': 1, "a b": 1, "a-b": 1, "$a": 1, "a_b": 1, "ü": 1},
}
MOVED = {
    "tags": {"x": 2, "y": {"z": [1, 3, {"k": "w", "n": 1}, 4]}, "new": 1, "null": 7},
    "list": [1, 9],
    "odd": {"a.b": 2, 'a"b': 2, "a b": 2, "a-b": 2, "$a": 2, "a_b": 2, "ü": 2},
}

EVERY_TIME = {
    "nested changes",
    "replace_on_changes of a part",
    "replace_on_changes of each element",
    "replace_on_changes of an added element",
    "ignore_changes of each part",
    "replace_on_changes within ignore_changes",
    "nested changes of live values",
}


def changed(
    name: str, old: dict[str, Any], *news: dict[str, Any], knobs: Any = OPAQUE, **opts: list[str]
) -> Scenario:
    """One item that changes, previewed first."""
    turns = [Turn("up", [item("a", opts=opts, **old)], knobs=knobs)]
    for new in news:
        turns += [Turn("preview", [item("a", opts=opts, **new)]), Turn()]
    return Scenario(name, turns)


def forcing(name: str, pattern: str, old: Any, *news: Any) -> Scenario:
    """`replace_on_changes` of one path of the property `p`."""
    return changed(
        f"replace_on_changes {name}", {"p": old}, *({"p": new} for new in news), replace_on_changes=[pattern]
    )


def ignoring(name: str, patterns: list[str], old: Any, *news: Any) -> Scenario:
    """`ignore_changes` of paths of the property `p`."""
    return changed(
        f"ignore_changes {name}", {"p": old}, *({"p": new} for new in news), ignore_changes=patterns
    )


NESTED = [
    changed("nested changes", DEEP, MOVED, {}),
    changed(
        "nested changes of type",
        {"n": 1, "b": True, "list": [None, 1], "map": {"a": 1}, "text": "1", "empty": {}, "none": []},
        {"n": True, "b": 1, "list": [1, None], "map": [1], "text": 1, "empty": [], "none": {"a": None}},
        {"n": 1.5, "list": [1], "map": {"a": {"b": 1}}, "none": None},
    ),
    changed(
        "nested changes of secrets",
        {"p": {"pw": {"secret": "hush"}, "list": [1, {"secret": [2]}]}},
        {"p": {"pw": {"secret": "louder"}, "list": [1, {"secret": [2, 3]}]}},
        {"p": {"pw": "louder", "list": [1, [2, 3]]}},
    ),
    forcing("of a part", "p.x", {"x": 1, "y": 1}, {"x": 1, "y": 2}, {"x": 2, "y": 2}),
    forcing("of a part that comes and goes", "p.x", {"y": 1}, {"x": 1}, {}),
    forcing("of what lies deeper", "p.x", {"x": {"y": [1]}}, {"x": {"y": [1, 2]}}),
    forcing("of what lies above", "p.x.y", {"x": {"y": 1}}, {}, {"x": 1}),
    forcing("of each element", "p[*]", [1, 2], [1, 3], [1, 3, 4], [1]),
    forcing("of each part", "p.*", {"x": 1}, {"x": 2}, {"x": 2, "y": 1}),
    forcing("of an added element", "p[3]", [1, 2, 3], [1, 2, 4], [1, 2, 4, 5]),
    forcing("of an element", "p[0].k", [{"k": 1, "n": 1}], [{"k": 1, "n": 2}], [{"k": 2, "n": 2}]),
    forcing("of a part of each element", "p[*].k", [{"k": 1}, {"k": 1}], [{"k": 1}, {"k": 2}]),
    forcing("of everything", "*", [1], [1, 2]),
    forcing("of a quoted name", 'p["a.b"]', {"a.b": 1, "a": {"b": 1}}, {"a.b": 1, "a": {"b": 2}}, {"a.b": 2}),
    forcing("of a name in quotes", 'p["x"]', {"x": 1}, {"x": 2}),
    forcing("of an index that is a name", 'p["0"]', [1], [2]),
    forcing("of a quoted star", 'p["*"]', {"x": 1}, {"x": 2}),
    forcing("of the property itself", "p", {"x": 1}, {"x": 2}),
    changed(
        "replace_on_changes of a part, the provider says what changes",
        {"p": {"x": 1}},
        {"p": {"x": 2}},
        knobs={},
        replace_on_changes=["p.x"],
    ),
    Scenario(
        "replace_on_changes of a part of a dependent",
        [
            Turn(
                "up",
                [
                    item("a", kind="x"),
                    item("b", p={"x": of("a", "kind"), "y": 1}, opts={"replace_on_changes": ["p.x"]}),
                    item("c", p={"x": of("a", "kind")}, opts=after("b")),
                ],
                knobs={"dbr": True, "opaque:b": True, "opaque:c": True},
            ),
            Turn(
                "up",
                [
                    item("a", kind="y"),
                    item("b", p={"x": of("a", "kind"), "y": 1}, opts={"replace_on_changes": ["p.x"]}),
                    item("c", p={"x": of("a", "kind")}, opts=after("b")),
                ],
            ),
        ],
    ),
    Scenario(
        "replace_on_changes of partial state",
        [
            Turn(
                "up",
                [item("a", opts={"replace_on_changes": ["#initerror"]})],
                knobs={"partial": "baking", "opaque": True},
            ),
            Turn("up", [item("a", p=[1], opts={"replace_on_changes": ["*"]})]),
            Turn("up", knobs=OPAQUE),
        ],
    ),
    ignoring("of a part, opaque", ["p.x"], {"x": 1, "y": 1}, {"x": 2, "y": 1}, {"x": 2, "y": 2}),
    ignoring("of a part that comes and goes", ["p.x"], {"y": 1}, {"x": 1, "y": 1}, {"y": 2}),
    ignoring("of a part of what comes and goes", ["p.x.y"], {}, {"x": {"y": 1}}, {"x": {"z": 1}}, {}),
    ignoring("of each part", ["p.*"], {"x": 1, "y": [1]}, {"x": 2, "y": [2], "z": 1}, {"y": 1}),
    ignoring("of each element", ["p[*]"], [1, 2], [3, 4], [3, 4, 5], [9]),
    ignoring(
        "of a part of each element",
        ["p[*].k"],
        [{"k": 1}, {"k": 2}],
        [{"k": 8}, {"k": 9, "n": 1}],
        [{"k": 7}],
    ),
    ignoring("of an element out of range", ["p[2]"], [1, 2], [1, 2, 3], [1]),
    ignoring(
        "of a quoted name",
        ['p["a.b"]', 'p["a b"].k'],
        {"a.b": 1, "a b": {"k": 1}},
        {"a.b": 2, "a b": {"k": 2}},
    ),
    ignoring("of what is no path", ["p[", "p."], [1], [2]),
    ignoring("of what has another type", ["p.x", "p[0]"], {"x": 1}, [2], {"x": 3}),
    ignoring("of everything", ["*"], {"x": 1}, {"x": 2}),
    changed(
        "ignore_changes of a secret part",
        {"p": {"secret": {"x": 1, "y": 1}}, "q": {"x": {"secret": 1}}},
        {"p": {"x": 2, "y": 1}, "q": {"x": 2}},
        {"p": {"secret": {"x": 2, "y": 2}}, "q": {"x": {"secret": 2}, "y": 1}},
        ignore_changes=["p.x", "q.x"],
    ),
    changed(
        "replace_on_changes within ignore_changes",
        {"p": {"x": 1, "y": [1]}},
        {"p": {"x": 2, "y": [1]}},
        {"p": {"x": 2, "y": [2]}},
        replace_on_changes=["p.*"],
        ignore_changes=["p.x"],
    ),
    changed(
        "ignore_changes within replace_on_changes",
        {"p": [{"k": 1, "n": 1}]},
        {"p": [{"k": 2, "n": 1}]},
        {"p": [{"k": 2, "n": 2}]},
        {"p": [{"k": 2, "n": 2}, {"k": 1}]},
        replace_on_changes=["p[*].n"],
        ignore_changes=["p[*].k"],
    ),
    Scenario(
        "nested changes of live values",
        [
            Turn("up", [item("a", p={"x": 1, "y": [1, 2]}, opts={"ignore_changes": ["p.x"]})], knobs=OPAQUE),
            Turn("refresh", edit={"a-1": {"p": {"x": 2, "y": [1, 2, 3]}}}),
            Turn("preview"),
            Turn("up", flags=("--refresh",)),
        ],
    ),
]
