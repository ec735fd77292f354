"""The states of a model and the ways between them.

The four words are documented, and so are the start, `validating`, and the end, `deleted`. Here an active model
never fails later. That is our choice: nothing says that it may.
"""

from __future__ import annotations

from typing import Final

VALIDATING: Final = "validating"
ACTIVE: Final = "active"
ERROR: Final = "error"
DELETED: Final = "deleted"

TRANSITIONS: Final[dict[str, frozenset[str]]] = {
    VALIDATING: frozenset({ACTIVE, ERROR, DELETED}),
    ACTIVE: frozenset({DELETED}),
    ERROR: frozenset({DELETED}),
    DELETED: frozenset(),
}


def check_transition(old: str, new: str) -> str:
    """Return `new` if a model may go there from `old`.

    Raises:
        ValueError: the step is not in `TRANSITIONS`.
    """
    if new not in TRANSITIONS.get(old, frozenset()):
        raise ValueError(f"a model cannot go from {old!r} to {new!r}")
    return new


def check_state(state: str) -> str:
    """Return `state` if it is one of the four.

    Raises:
        ValueError: it is not.
    """
    if state not in TRANSITIONS:
        raise ValueError(f"{state!r} is not a state; allowed are {', '.join(TRANSITIONS)}")
    return state
