"""A request and its answer, and what several routes answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from .faults import Fault

Body = TypeVar("Body", bound=BaseModel)
JSON = "application/json"
NO_ACCESS = "You don't have access to the resource or it does not exist"


@dataclass(frozen=True)
class Request:
    """One request: `target` is path and query as they were sent, `headers` have lower-case names."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """The decoded path, so that a name may be sent raw or percent-encoded."""
        return unquote(self.target.partition("?")[0])

    @cached_property
    def query(self) -> dict[str, str]:
        """The decoded query; of a key that is repeated, the last value."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @cached_property
    def document(self) -> Any:
        """The body as JSON; None if it is an upload or not JSON."""
        if self.headers.get("content-type", "").startswith("multipart/"):
            return None
        try:
            return json.loads(self.body or b"null")
        except (ValueError, RecursionError):
            return None

    def read(self, kind: type[Body]) -> Body:
        """Return the body as a model of pydantic.

        Raises:
            Refused: 422, with every field that is wrong, as FastAPI reports them.
        """
        try:
            return kind.model_validate(self.document)
        except ValidationError as error:
            items = error.errors(include_url=False)
            for item in items:
                item["loc"] = ("body", *item["loc"])
            raise Refused(422, items) from error


@dataclass
class Answer:
    """Status code, body and headers (names in lower case).

    `fault` says that the answer does not arrive as it is: what happens instead needs a connection, so the server does
    it. A caller in the same process that sees one treats the answer as lost.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    fault: Fault | None = None


class Refused(Exception):
    """A request that gets an error as its answer."""

    def __init__(self, status: int, detail: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.answer = error(status, detail, headers)


class Missing(Refused, LookupError):
    """No such thing.

    The 404 is that of captured chat calls; for other kinds of things nothing is documented.
    """

    def __init__(self, kind: str, identifier: str) -> None:
        super().__init__(404, f"The {kind} `{identifier}` does not exist.")


def as_json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with a JSON body."""
    # Plain ASCII, so that even half a surrogate pair from a request can be repeated.
    body = json.dumps(content, separators=(",", ":")).encode()
    return Answer(status, body, {"content-type": JSON, **(headers or {})})


def error(status: int, detail: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an error in FastAPI's style, which captures of the service show: one top-level `detail`."""
    return as_json({"detail": detail}, status, headers)


def page(items: list[dict[str, Any]], query: Mapping[str, str], default: int = 20, most: int = 100) -> Answer:
    """Return the part of a list that the query's `limit` and `after` ask for.

    The documentation names the two, the bounds are OpenAI's.

    Raises:
        Missing: no item has the id `after`.
        ValueError: `limit` is not a number.
    """
    limit, after = min(int(query.get("limit", default)), most), query.get("after")
    ids = [item["id"] for item in items]
    if after is not None and after not in ids:
        raise Missing("item", after)
    start = 0 if after is None else ids.index(after) + 1
    rest = items[start:]
    return as_json({"object": "list", "data": rest[:limit], "has_more": len(rest) > limit})
