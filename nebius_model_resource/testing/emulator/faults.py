"""Rules that spoil answers: which requests they hit, how often, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http.client import responses
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .answers import JSON, Answer, Request, as_json, error

# What the client gets in place of a complete answer; the server does it, except for the delay.
OnTheWire = Literal["reset", "close", "half_body", "hang", "slow", "delay", "endless", "huge"]
MadeUp = Literal["status", "html", "not_json", "invalid_utf8", "deep_json", "wrong_json", "redirect"]
Further = Literal["header_flood", "echo_key"]
HTML = "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1><hr>nginx</body></html>"
FLOOD = {f"x-flood-{number}": "a" * 100 for number in range(500)}


class Fault(BaseModel):
    """One rule.

    The rule hits calls whose method, path and custom name match, after letting `skip` of them pass, `times`
    times (None: for ever). With `effect="before"` the client gets the spoilt answer
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
        endless: a body that never ends. huge: a body of a gigabyte.
        redirect: `status` (307) to `location`, by default to the same URL.
        header_flood: 500 headers. invalid_utf8, deep_json: bodies that parsers choke on, `status` (200).
        echo_key: `status` (401) with the Authorization header repeated in `detail`.

    Attributes:
        method: None or `*` is any.
        path: a glob over the decoded path; `*` also matches slashes.
        name: a glob over the custom name in the body; None is any call.
        seconds: longer than any client waits, unless set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: OnTheWire | MadeUp | Further = "status"
    method: str | None = None
    path: str = "*"
    name: str | None = None
    times: int | None = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)
    effect: Literal["before", "after"] = "before"
    status: int | None = Field(default=None, ge=200, le=599)
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    seconds: float = Field(default=3600.0, ge=0)
    location: str | None = None

    def matches(self, request: Request) -> bool:
        """Return whether the rule is about such a request."""
        if self.method is not None and self.method.upper() not in {"*", request.method}:
            return False
        given = request.document.get("name") if isinstance(request.document, dict) else None
        if self.name is not None and not fnmatchcase(str(given), self.name):
            return False
        return request.path == self.path or fnmatchcase(request.path, self.path)

    def spoil(
        self, request: Request, perform: Callable[[Request], Answer], pause: Callable[[float], None]
    ) -> Answer:
        """Return what the client gets: a made-up answer, the true one, or one whose `fault` the server carries out.

        Args:
            request: the request that the rule hits.
            perform: lets the call take place and returns the true answer.
            pause: lets seconds pass.
        """
        if self.action == "delay" and self.effect == "before":
            pause(self.seconds)
        takes_place = self.effect == "after" or self.action in {"delay", "slow"}
        truth = perform(request) if takes_place else error(self.status or 200, "half of this is lost")
        if self.action == "delay":
            if self.effect == "after":
                pause(self.seconds)
            return truth
        if self.action in _MADE_UP:
            status, make = _MADE_UP[self.action]
            answer = make(self.status or status, self, request)
            answer.headers.update({name.lower(): value for name, value in self.headers.items()})
            return answer
        truth.fault = self
        return truth


@dataclass
class _Rule:
    fault: Fault
    skip: int
    left: int | None
    hits: int = 0


class FaultTable:
    """The rules in force, in the order in which they were added."""

    def __init__(self) -> None:
        self._rules: dict[str, _Rule] = {}
        self._added = 0

    def add(self, fault: Fault) -> str:
        """Add a rule at the end and return its id."""
        self._added += 1
        rule_id = f"fault-{self._added}"
        self._rules[rule_id] = _Rule(fault, fault.skip, fault.times)
        return rule_id

    def clear(self) -> None:
        """Drop all rules."""
        self._rules.clear()

    def take(self, request: Request) -> Fault | None:
        """Return the fault of the first rule that hits this request, and count the hit."""
        for rule in self._rules.values():
            if rule.left == 0 or not rule.fault.matches(request):
                continue
            if not rule.skip:
                rule.hits += 1
                rule.left = None if rule.left is None else rule.left - 1
                return rule.fault
            rule.skip -= 1
        return None

    def describe(self) -> list[dict[str, Any]]:
        """Return each rule with its id, its hits so far and those left (None: for ever)."""
        return [
            {"id": rule_id, "hits": rule.hits, "left": rule.left, **rule.fault.model_dump()}
            for rule_id, rule in self._rules.items()
        ]


_Make = Callable[[int, Fault, Request], Answer]


def _told(status: int, fault: Fault, _request: Request) -> Answer:
    if isinstance(fault.body, str):
        return Answer(status, fault.body.encode(), {"content-type": "text/plain; charset=utf-8"})
    return (
        error(status, responses.get(status, "Unknown")) if fault.body is None else as_json(fault.body, status)
    )


def _html(status: int, *_: object) -> Answer:
    page = HTML.format(title=f"{status} {responses.get(status)}")
    return Answer(status, page.encode(), {"content-type": "text/html"})


def _bytes(body: bytes) -> _Make:
    return lambda status, *_: Answer(status, body, {"content-type": JSON})


# Action -> the status code if the rule has none, and what makes the answer.
_MADE_UP: dict[str, tuple[int, _Make]] = {
    "status": (503, _told),
    "html": (502, _html),
    "not_json": (200, _bytes(b"{this is not json")),
    "invalid_utf8": (200, _bytes(b'{"name": "\xff\xfe\xfa"}')),
    "deep_json": (200, _bytes(b"[" * 100_000 + b"]" * 100_000)),
    "wrong_json": (200, lambda code, fault, _: as_json(fault.body, code)),
    "redirect": (
        307,
        lambda code, rule, got: Answer(code, headers={"location": rule.location or got.target}),
    ),
    "header_flood": (200, lambda code, *_: as_json({}, code, FLOOD)),
    "echo_key": (401, lambda code, _, got: error(code, f"not accepted: {got.headers.get('authorization')}")),
}
