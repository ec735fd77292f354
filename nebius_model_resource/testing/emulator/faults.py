"""Rules that spoil answers: which calls they hit, how often, and what goes wrong."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Action = Literal[
    "status",
    "reset",
    "close",
    "half_body",
    "html",
    "not_json",
    "wrong_json",
    "hang",
    "slow",
    "delay",
    "endless",
    "huge",
    "redirect",
    "header_flood",
    "invalid_utf8",
    "deep_json",
    "echo_key",
]

# What HTTP allows; anything else would fail only when the fault hits.
HeaderName = Annotated[str, Field(pattern=r"^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")]
HeaderValue = Annotated[str, Field(pattern=r"^([!-~]([ \t!-~]*[!-~])?)?$")]


class Fault(BaseModel):
    """One rule.

    The rule hits calls whose method, path and custom name match, after letting `skip` of them pass, `times`
    times (None: for ever), each time with `probability`. With `effect="before"` the client gets the spoilt answer
    and nothing else happens; with `"after"` the call takes place first and only its answer is lost. `delay` and
    `slow` always let the call take place; for `delay` the effect says whether the wait is before or after it.

    Actions and the fields they use:
        status: `status` (503), `headers`, `body` (text, or anything JSON; default a `detail`).
        reset: the connection is reset. close: it is closed without an answer.
        half_body: the headers, half of the body, then closed.
        html: a page, `status` (502). not_json: text that says it is JSON, `status` (200).
        wrong_json: `body` as JSON, `status` (200).
        hang: nothing for `seconds`, then closed. delay: the true answer after `seconds`.
        slow: the true answer, `seconds` before each byte of the body.
        endless: a body that never ends. huge: a body of `bytes` bytes.
        redirect: `status` (307) to `location`, by default to the same URL.
        header_flood: 500 headers. invalid_utf8, deep_json: bodies that parsers choke on, `status` (200).
        echo_key: `status` (401) with the Authorization header repeated in `detail`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action = "status"
    method: str | None = None
    """None or `*` is any."""
    path: str = "*"
    """A glob over the decoded path; `*` also matches slashes."""
    name: str | None = None
    """A glob over the custom name in the body; None is any call."""
    times: int | None = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)
    effect: Literal["before", "after"] = "before"
    probability: float = Field(default=1.0, ge=0, le=1)
    status: int | None = Field(default=None, ge=200, le=599)
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    body: Any = None
    seconds: float = Field(default=3600.0, ge=0)
    """Longer than any client waits, unless set."""
    bytes: int = Field(default=1_000_000_000, ge=1)
    received: int | None = Field(default=None, ge=0)
    """With `effect="before"`: how much of an upload is taken before the fault strikes; None is all of it."""
    location: HeaderValue | None = None

    def matches(self, method: str, path: str, name: str | None) -> bool:
        """Return whether the rule is about such a call."""
        if self.method is not None and self.method.upper() not in {"*", method}:
            return False
        if self.name is not None and (name is None or not fnmatchcase(name, self.name)):
            return False
        return path == self.path or fnmatchcase(path, self.path)


@dataclass
class _Rule:
    fault: Fault
    skip: int
    left: int | None
    hits: int = 0


class FaultTable:
    """The rules in force; safe to use from several threads."""

    def __init__(self, seed: int | None = None) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._rules: dict[str, _Rule] = {}
        self._added = 0

    def add(self, fault: Fault) -> str:
        """Add a rule at the end and return its id."""
        with self._lock:
            self._added += 1
            rule_id = f"fault-{self._added}"
            self._rules[rule_id] = _Rule(fault, fault.skip, fault.times)
            return rule_id

    def clear(self) -> None:
        """Drop all rules."""
        with self._lock:
            self._rules.clear()

    def take(self, method: str, path: str, name: str | None) -> tuple[str, Fault] | None:
        """Return the first rule that hits this call and its id, and count the hit; None if none does."""
        if not self._rules:
            return None
        with self._lock:
            for rule_id, rule in self._rules.items():
                if rule.left != 0 and rule.fault.matches(method, path, name) and self._hits(rule):
                    return rule_id, rule.fault
        return None

    def describe(self) -> list[dict[str, Any]]:
        """Return each rule with its id, its hits so far and those left (None: for ever)."""
        with self._lock:
            return [
                {"id": rule_id, "hits": rule.hits, "left": rule.left, **rule.fault.model_dump()}
                for rule_id, rule in self._rules.items()
            ]

    def _hits(self, rule: _Rule) -> bool:
        if rule.skip:
            rule.skip -= 1
            return False
        if rule.fault.probability < 1 and self._random.random() >= rule.fault.probability:
            return False
        rule.hits += 1
        if rule.left is not None:
            rule.left -= 1
        return True
