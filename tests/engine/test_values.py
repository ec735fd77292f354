from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nebius_model_resource.testing.engine import urns
from nebius_model_resource.testing.engine.errors import Refused
from nebius_model_resource.testing.engine.values import (
    SIGNATURE,
    UNKNOWN,
    Secret,
    Unknown,
    from_struct,
    holds,
    keep_secrets,
    plain,
    to_struct,
)

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


RACK = "urn:pulumi:dev::lab::lab:index:Rack::r"


def test_a_child_had_its_parents_former_name() -> None:
    """A child of a renamed component is looked for under its old parent, with the old name if it has its parent's."""
    parent = "urn:pulumi:dev::lab::lab:index:Box::new"
    chain = "urn:pulumi:dev::lab::lab:index:Rack$t:m:T::"
    for name, former in (("new-a", "r-a"), ("b", "b")):
        assert urns.inherited(urns.make("dev", "lab", parent, "t:m:T", name), parent, RACK) == chain + former
