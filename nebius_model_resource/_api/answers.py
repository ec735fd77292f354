"""What an HTTP answer means: the body of a success, or the error of its status."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from nebius_model_resource._api import redact
from nebius_model_resource._api.throttle import parse_retry_after
from nebius_model_resource.errors import (
    AccessDenied,
    ApiError,
    BadRequest,
    NotFound,
    Redirected,
    ServerFault,
    Throttled,
    UnusableAnswer,
)

if TYPE_CHECKING:
    from nebius_model_resource._api.transport import Answer

_CLASSES: dict[int, type[ApiError]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    408: ServerFault,
    410: NotFound,
}


def body_of(answer: Answer, key: str) -> Any:
    """The parsed body of a success.

    Raises:
        ApiError: the status is no success; in the service's own words, without the key.
        UnusableAnswer: the body is not JSON.
    """
    succeeded = 200 <= answer.status < 300
    try:
        parsed = json.loads(answer.body)
    except (ValueError, RecursionError):
        parsed = None
        if succeeded:
            shown = redact.excerpt(answer.body, key)[:200]
            message = f"the service answered {answer.status} with something else than JSON: {shown!r}"
            raise UnusableAnswer(message) from None
    if succeeded:
        return parsed
    raise _api_error(answer, redact.detail_of(parsed, answer.body, key), key)


def _api_error(answer: Answer, detail: str, key: str) -> ApiError:
    status = answer.status
    request_id = redact.harmless(answer.headers.get("x-request-id") or "", key) or None
    if 300 <= status < 400:
        place = redact.harmless(answer.headers.get("Location") or "nowhere", key)
        detail = f"a redirect to {place!r}, which is not followed so that the key goes nowhere else"
    suffix = f", request id {request_id}" if request_id else ""
    return _error_class(answer)(
        f"{detail} (HTTP {status}{suffix})",
        status=status,
        detail=detail,
        request_id=request_id,
        retry_after=parse_retry_after(answer.headers.get("Retry-After")) if is_throttled(answer) else None,
    )


def is_throttled(answer: Answer) -> bool:
    """Whether the service did nothing and asks to call again later."""
    return answer.status == 429 or (answer.status == 503 and "Retry-After" in answer.headers)


def _error_class(answer: Answer) -> type[ApiError]:
    status = answer.status
    if is_throttled(answer):
        return Throttled
    if 300 <= status < 400:
        return Redirected
    return _CLASSES.get(status, ServerFault if status >= 500 else BadRequest)


def sent_at(answer: Answer) -> float | None:
    """The service's own clock (Unix seconds) from ``Date``; None where the answer has none."""
    try:
        return parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError):
        return None
