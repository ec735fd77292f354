from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebius_model_resource.testing.emulator import Settings
from nebius_model_resource.testing.emulator.states import TRANSITIONS, check_state, check_transition
from nebius_model_resource.testing.emulator.store import ModelMissingError, Store

STATES = ("validating", "active", "error", "deleted")
STEPS = {
    ("validating", "active"),
    ("validating", "error"),
    ("validating", "deleted"),
    ("active", "deleted"),
    ("error", "deleted"),
}


def test_the_states_are_the_documented_ones() -> None:
    """The table has the four documented words and no other."""
    assert tuple(TRANSITIONS) == STATES


@pytest.mark.parametrize("old", STATES)
@pytest.mark.parametrize("new", STATES)
def test_only_declared_steps_pass(old: str, new: str) -> None:
    """A declared step passes, and any other step is refused with its name."""
    if (old, new) in STEPS:
        assert check_transition(old, new) == new
    else:
        with pytest.raises(ValueError, match=f"from '{old}' to '{new}'"):
            check_transition(old, new)


def test_an_unknown_state_is_refused() -> None:
    """A word that is not a state is refused with the list of states."""
    with pytest.raises(
        ValueError, match="'ready' is not a state; allowed are validating, active, error, deleted"
    ):
        check_state("ready")


@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(
        st.tuples(st.sampled_from(["read", "list", "delete", "wait"]), st.floats(0, 5)), max_size=12
    ),
    settings=st.builds(
        Settings,
        validation_seconds=st.floats(0, 8),
        validating_reads=st.integers(0, 3),
        missing_reads=st.integers(0, 2),
        missing_lists=st.integers(0, 2),
        after_delete=st.sampled_from(["gone", "deleted"]),
        failing_names=st.sampled_from([{}, {"x": "no such checkpoint"}]),
    ),
)
def test_a_model_walks_along_declared_steps_only(
    seed: int, steps: list[tuple[str, float]], settings: Settings
) -> None:
    """Whatever is read, listed, deleted or waited for, only declared steps are seen."""
    now = [float(random.Random(seed).randrange(10**9))]
    store = Store(settings, lambda: now[0])
    model = store.create(name="x", base_model="a/b", source="file-1")
    seen = ["validating"]
    for action, seconds in steps:
        now[0] += seconds
        seen += _statuses(store, model.name, action)
    changes = [(old, new) for old, new in itertools.pairwise(seen) if old != new]
    assert set(changes) <= STEPS


def _statuses(store: Store, name: str, action: str) -> list[str]:
    try:
        if action == "read":
            return [store.read(name).status]
        if action == "delete":
            return [store.delete(name).status]
    except ModelMissingError:
        return []
    return [model.status for model in store.select()] if action == "list" else []
