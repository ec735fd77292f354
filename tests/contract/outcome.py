"""What one case found, and the cases themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.contract.visit import Visit

AGREES = "agrees"
DIFFERS = "differs"
NOT_REACHED = "not reached"

Check = Callable[["Visit"], "str | None"]


class DiffersError(Exception):
    """The service does not answer as documented; the text says how, in shapes and without private data."""


class NotReachedError(Exception):
    """The case could not be tried; the text says why."""


class RefusedError(NotReachedError):
    """The call did nothing: it was not sent, or the service turned it away."""


@dataclass(frozen=True)
class Case:
    """One documented shape.

    Attributes:
        section: where the notes on the service describe it.
        title: one line.
        check: returns what was seen if several variants agree; otherwise it raises one of the two errors.
    """

    section: str
    title: str
    check: Check


@dataclass(frozen=True)
class Outcome:
    """What a case found: one of the three words, and a text that may be empty."""

    case: Case
    word: str
    text: str = ""

    def said(self) -> str:
        """Return word and text, such as ``differs: no field 'name'``."""
        return f"{self.word}: {self.text}" if self.text else self.word


def section(number: str, cases: list[Case]) -> Callable[[Check], Check]:
    """Put the decorated function into a list of cases, under a section; its docstring is the title."""

    def add(check: Check) -> Check:
        cases.append(Case(number, (check.__doc__ or check.__name__).strip(), check))
        return check

    return add
