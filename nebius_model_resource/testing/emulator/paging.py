"""Pages of a list, as the routes of jobs and files have them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

# `limit` and `after` are documented; the bounds are OpenAI's.
Limit = Annotated[int, Query(ge=1, le=100)]
PAGE = 20
FileLimit = Annotated[int, Query(ge=1, le=10_000)]


def page(items: list[dict[str, Any]], limit: int, after: str | None) -> dict[str, Any]:
    """Return the part of a list that follows the item `after`.

    Raises:
        LookupError: no item has that id.
    """
    start = 0
    if after is not None:
        places = [place for place, item in enumerate(items) if item["id"] == after]
        if not places:
            raise LookupError(after)
        start = places[0] + 1
    shown = items[start : start + limit]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": start + limit < len(items),
    }
