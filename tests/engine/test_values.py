from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nebius_model_resource.testing.engine import paths, urns
from nebius_model_resource.testing.engine.errors import PathError, Refused
from nebius_model_resource.testing.engine.values import (
    SIGNATURE,
    UNKNOWN,
    Secret,
    Unknown,
    from_struct,
    hide_outputs,
    holds,
    keep_secrets,
    plain,
    to_struct,
)
from nebius_model_resource.testing.engine.wording import given_text, json_text

names = st.text(min_size=1, max_size=8).filter(lambda name: name != SIGNATURE)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False).map(lambda number: number + 0.0)  # -0.0 arrives as 0, as in the Python SDK
    | st.text(max_size=8)
)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(names, trees.filter(lambda value: value is not None), max_size=4))
def test_properties_survive_the_wire(properties: dict[str, Any]) -> None:
    """What is sent arrives equal, nested as it may be; only a top-level null is lost."""
    sent = to_struct(properties)
    assert to_struct(from_struct(sent)) == sent


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (3.0, "3"),
        (1e15, "1000000000000000"),
        (-1e16, "-10000000000000000"),
        (123456789012345678.0, "123456789012345680"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5, "1.5"),
        (1e-7, "1e-7"),
        (0.00001, "0.00001"),
    ],
)
def test_numbers_are_written_as_the_cli_writes_them(number: float, expected: str) -> None:
    """Whole numbers below 1e21 are integers with the digits that Go writes; other numbers have Go's form."""
    [arrived] = from_struct(to_struct({"n": number})).values()
    assert json_text(arrived) == expected
    assert float(arrived) == number


def test_a_secret_travels_marked_or_in_the_clear() -> None:
    """The program gets secrets with their marks, the host gets their values."""
    properties = {"a": Secret({"b": [1, UNKNOWN]}), "c": UNKNOWN}
    there = from_struct(to_struct(properties, secrets=True))
    assert isinstance(there["a"], Secret)
    assert isinstance(there["c"], Unknown)
    assert from_struct(to_struct(properties))["a"]["b"][0] == 1


def test_an_asset_is_refused() -> None:
    """A marked value of an unsupported kind is not treated as a dictionary."""
    asset = {"x": {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "t"}}
    with pytest.raises(Refused, match="assets"):
        from_struct(to_struct(asset))


def test_secrets_come_back_from_a_host_that_knows_none() -> None:
    """A value that was secret in the request is secret in the answer, under its name, however deep."""
    given_ = {"pw": Secret("x"), "deep": {"in": Secret(1), "out": 2}, "list": [Secret(1)]}
    back = keep_secrets({"pw": "x", "deep": {"in": 1, "out": 2}, "list": [1], "new": 3}, given_)
    assert back == {"pw": Secret("x"), "deep": {"in": Secret(1), "out": 2}, "list": Secret([1]), "new": 3}
    assert holds(back, Secret)
    assert not holds(plain(back), Secret)


def test_outputs_are_hidden_by_name_and_by_input() -> None:
    """An output is secret if the program says so, or if the input of that name is."""
    assert hide_outputs({"a": 1, "b": 2, "c": 3}, {"a": Secret(1)}, ["b"]) == {
        "a": Secret(1),
        "b": Secret(2),
        "c": 3,
    }


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        (["a"], {"a": 1, "b": {"x": 9, "y": [7, 8]}, "new": 5}),
        (["b.x"], {"a": 2, "b": {"x": 3, "y": [7, 8]}, "new": 5}),
        (["b.y[0]"], {"a": 2, "b": {"x": 9, "y": [4, 8]}, "new": 5}),
        (['["b"].y[*]'], {"a": 2, "b": {"x": 9, "y": [4, 5]}, "new": 5}),
        (["new"], {"a": 2, "b": {"x": 9, "y": [7, 8]}}),
        (["gone.deep"], {"a": 2, "b": {"x": 9, "y": [7, 8]}, "new": 5}),
        (["b.*"], {"a": 2, "b": {"x": 3, "y": [4, 5]}, "new": 5}),
    ],
)
def test_ignored_changes_are_set_back(ignored: list[str], expected: dict[str, Any]) -> None:
    """An ignored path keeps its old value; a value inside something new cannot be ignored."""
    old = {"a": 1, "b": {"x": 3, "y": [4, 5]}, "gone": 0}
    new = {"a": 2, "b": {"x": 9, "y": [7, 8]}, "new": 5}
    assert paths.restored(new, old, ignored)[0] == expected
    assert new["a"] == 2, "the given properties are left as they were"


@pytest.mark.parametrize(
    ("pattern", "path", "within"),
    [
        ("a", "a.b", True),
        ("a.b", "a", False),
        ("*", "x", True),
        ("a[*].b", "a[3].b.c", True),
        ("a", "ab", False),
    ],
)
def test_a_pattern_holds_what_lies_within(pattern: str, path: str, *, within: bool) -> None:
    """`replace_on_changes` of a property covers everything in it."""
    assert paths.contains(paths.parse(pattern), path) is within


@pytest.mark.parametrize(
    "path",
    ["a", "a.b[0].c", '["a.b"]', 'a["x\\"y"][1]', "a[*]", "a..b", "a-b", "a.[0]", 'a["*"]', "#initerror"],
)
def test_a_path_is_read_as_it_is_written(path: str) -> None:
    """A path survives being read and written, in the CLI's form."""
    parts = paths.parse(path)
    assert paths.parse(paths.text(parts)) == parts


@pytest.mark.parametrize("path", [".a", "a.", "a[", "a[]", "a[x]", 'a["b', 'a["b"', "a[1"])
def test_what_is_no_path_is_refused(path: str) -> None:
    """A text that the CLI does not read as a path is not a path here."""
    with pytest.raises(PathError, match="not a property path"):
        paths.parse(path)
    assert not paths.contains(("*",), path)
    assert paths.restored({"a": 1}, {"a": 2}, [path]) == ({"a": 1}, [])


def test_ignored_secrets_stay_secret() -> None:
    """A value from inside a secret is marked secret, unless its new place is already inside one."""
    old = {"p": Secret({"x": 1})}
    assert paths.restored({"p": {"x": 2}}, old, ["p.x"]) == ({"p": {"x": Secret(1)}}, [])
    assert paths.restored({"p": Secret({"x": 2})}, old, ["p.x"]) == ({"p": Secret({"x": 1})}, [])


def test_properties_are_restored_in_place_where_that_is_asked() -> None:
    """Without a deep copy a property changes inside and is not replaced; an object restored from itself is equal."""
    news = {"p": {"x": 2}, "q": 2}
    assert paths.restored(news, {"p": {"x": 1}, "q": 1}, ["p.x", "q"], deep=False)[0] == {
        "p": {"x": 1},
        "q": 1,
    }
    assert news == {"p": {"x": 1}, "q": 2}
    assert paths.restored(news, news, ["p.*", "*"], deep=False) == ({"p": {"x": 1}, "q": 2}, [])


def test_what_was_added_or_removed_cannot_be_ignored() -> None:
    """A path through an added or removed element is reported, and nothing is changed for it."""
    assert paths.restored({"l": [1, 2]}, {"l": [1]}, ["l[1]", "l[0]"]) == ({"l": [1, 2]}, ["l[1]"])
    assert paths.restored({"l": [1]}, {"l": [9, 8]}, ["l[*]"]) == ({"l": [9]}, ["l[*]"])


def test_changes_are_found_by_path() -> None:
    """Each changed part has a path and a kind; a null counts as missing, and 1 is not True."""
    old = {"a": {"x": 1, "gone": 2, "same": [1]}, "l": [1, 2], "n": None, "flag": 1}
    new = {"a": {"x": 3, "new": 4, "same": [1]}, "l": [1, 5, 6], "n": 1, "flag": True, "none": None}
    assert {paths.text(path): kind for path, kind in paths.changes(old, new).items()} == {
        "a.x": "update",
        "a.gone": "delete",
        "a.new": "add",
        "l[1]": "update",
        "l[2]": "add",
        "n": "add",
        "flag": "update",
    }


STACK = "urn:pulumi:dev::lab::pulumi:pulumi:Stack::lab-dev"
RACK = "urn:pulumi:dev::lab::lab:index:Rack::r"


def test_the_stack_does_not_show_in_a_urn() -> None:
    """A child of the stack has only its own type; a child of a component has both types."""
    assert urns.make("dev", "lab", STACK, "t:m:T", "n") == "urn:pulumi:dev::lab::t:m:T::n"
    under = urns.make("dev", "lab", RACK, "t:m:T", "n::with::colons")
    assert under == "urn:pulumi:dev::lab::lab:index:Rack$t:m:T::n::with::colons"
    assert (urns.type_of(under), urns.name_of(under)) == ("t:m:T", "n::with::colons")


def test_aliases_multiply_with_the_parents() -> None:
    """A child is looked for under its own aliases, its parent's, and both together."""
    parent = "urn:pulumi:dev::lab::lab:index:Rack::new"
    identity = urns.Identity("dev", "lab", parent, "t:m:T", "new-a")
    former = identity.former([urns.Alias(name="b"), urns.Alias(no_parent=True)], {parent: RACK})
    chain = "urn:pulumi:dev::lab::lab:index:Rack$t:m:T::"
    assert former == [chain + "b", "urn:pulumi:dev::lab::t:m:T::new-a", chain + "r-a"]


def test_a_refused_secret_is_not_shown() -> None:
    """A message about a refused input holds its value, unless that is a secret."""
    assert [given_text(value) for value in ("x", None, Secret("hush"))] == ["{x}", "{<nil>}", "[secret]"]
