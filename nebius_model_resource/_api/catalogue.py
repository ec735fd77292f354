"""The models that the service lists for calls, its base models among them."""

from __future__ import annotations

from typing import Any

from nebius_model_resource._api.connection import READ_ATTEMPTS, Connection
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource.errors import UnusableAnswer

_CATALOGUE = "/v1/models"


def listed_models(
    connection: Connection,
    ai_project_id: str | None,
    deadline: Deadline,
    *,
    attempts: int = READ_ATTEMPTS,
) -> frozenset[str]:
    """``GET /v1/models``: the ids of the listed models. The list has no pages, as far as is known.

    Raises:
        UnusableAnswer: the answer is no complete list of models.
        ApiError, TransportError: the list could not be read.
    """
    from nebius_model_resource._api.transport import MAX_LIST

    params = {"ai_project_id": ai_project_id} if ai_project_id else {}

    def read(deadline: Deadline) -> frozenset[str]:
        body, _ = connection.send("GET", _CATALOGUE, deadline, params=params, longest=MAX_LIST)
        is_complete = isinstance(body, dict) and body.get("has_more") is not True
        entries = body.get("data") if is_complete else None
        if not isinstance(entries, list) or not all(map(_is_model, entries)):
            raise UnusableAnswer("the service answered the list of models with something else")
        return frozenset(entry["id"] for entry in entries)

    return connection.repeat(read, deadline, attempts)


def _is_model(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("id"), str)
