"""What an HTTP answer means: the body of a success, or the error of its status; the key is taken out here."""

from __future__ import annotations

import json
import re
import time
from email.utils import mktime_tz, parsedate_tz
from functools import partial
from typing import TYPE_CHECKING, Any

from nebius_model_resource import errors
from nebius_model_resource._service.retry import Clock

if TYPE_CHECKING:
    from nebius_model_resource._service.http import Answer

MASK = "[api key]"
LONGEST = 600  # characters; the longest captured refusal has about 200
_SHORTEST_KEY = 16  # characters; a shorter one, such as "test", is found in any text
# For people; all other texts are data.
_WORDS = ("status", "status_reason", "detail", "message", "msg", "error")
_CLASSES: dict[int, type[errors.ApiError]] = {
    **dict.fromkeys((401, 403), errors.AccessDenied),
    **dict.fromkeys((404, 410), errors.NotFound),
    408: errors.ServerFault,
}
_DELAY = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


def body_of(answer: Answer, key: str) -> Any:
    """The parsed body of a success.

    Raises:
        ApiError: the status is no success; in the service's own words, without the key.
        UnusableAnswer: the body is not JSON.
    """
    if answer.status == 204 and not answer.body:
        return None
    succeeded = 200 <= answer.status < 300
    try:
        parsed = json.loads(answer.body, object_hook=partial(_cleaned, key=key))
        if succeeded:
            return parsed
        text = json.dumps(parsed, ensure_ascii=False)  # without escapes, behind which the key is not found
    except (ValueError, RecursionError):
        parsed, text = None, answer.body.decode("utf-8", "replace")
    if succeeded:
        shown = _excerpt(text, key)[:200]
        said = f"the service answered {answer.status} with something else than JSON: {shown!r}"
        raise errors.UnusableAnswer(said)
    detail = without_key(_detail(parsed), key) or _excerpt(text, key) or "no reason given"
    raise _api_error(answer, detail, key)


def without_key(text: str, key: str) -> str:
    """Words without the key."""
    return text.replace(key, MASK) if len(key) >= _SHORTEST_KEY else text


def _cleaned(body: dict[str, Any], key: str) -> dict[str, Any]:
    """An object without the key in its words; names, descriptions and sources are data and stay as they are."""
    body.update((name, without_key(body[name], key)) for name in _WORDS if isinstance(body.get(name), str))
    return body


def one_line(text: str) -> str:
    """One line without control characters or terminal escapes; a cut text ends with its length."""
    text = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _api_error(answer: Answer, detail: str, key: str) -> errors.ApiError:
    status = answer.status
    request_id = one_line(without_key(answer.headers.get("x-request-id") or "", key)) or None
    if 300 <= status < 400:
        place = one_line(without_key(answer.headers.get("Location") or "nowhere", key))
        detail = f"a redirect to {place!r}, which is not followed so that the key goes nowhere else"
    suffix = f", request id {request_id}" if request_id else ""
    message = f"{detail} (HTTP {status}{suffix})"
    pause = parse_retry_after(answer.headers.get("Retry-After")) if is_throttled(answer) else None
    kind = _error_class(answer)
    return kind(message, status=status, detail=detail, request_id=request_id, retry_after=pause)


def is_throttled(answer: Answer) -> bool:
    """Whether the service did nothing and asks to call again later."""
    return answer.status == 429 or (answer.status == 503 and "Retry-After" in answer.headers)


def _error_class(answer: Answer) -> type[errors.ApiError]:
    if is_throttled(answer):
        return errors.Throttled
    if 300 <= answer.status < 400:
        return errors.Redirected
    return _CLASSES.get(answer.status, errors.ServerFault if answer.status >= 500 else errors.BadRequest)


def _detail(body: Any) -> str:
    """The reason in an error's body: ``detail`` as text or as a list of faults; empty if it has none."""
    detail = body.get("detail", body.get("message")) if isinstance(body, dict) else None
    if isinstance(detail, list):
        return one_line("; ".join(_item(item) for item in detail))
    return one_line(detail) if isinstance(detail, str) else ""


def _item(item: Any) -> str:
    """One entry of the 422 body: ``{"loc": ["body", "name"], "msg": …}`` as ``name: …``."""
    if not isinstance(item, dict):
        return str(item)
    loc = item.get("loc")
    place = ".".join(str(part) for part in loc if part != "body") if isinstance(loc, list) else ""
    text = str(item.get("msg", item))
    return f"{place}: {text}" if place else text


def _excerpt(text: str, key: str) -> str:
    """The beginning of a body that has no reason in it: a proxy's page of HTML as the text that a person reads."""
    # What looks for the ends of tags in many megabytes would not come back.
    text = without_key(text, key)[: LONGEST * 80]
    if re.search(r"<(!doctype|html|head|body)\b", text[:1000], re.IGNORECASE):
        text = re.sub(r"(?s)<(script|style)\b.*?</\1>|<[^>]*>", " ", text)
    return one_line(text[: LONGEST * 8])


def parse_retry_after(value: str | None, now: Clock = time.time) -> float | None:
    """Seconds to wait from a ``Retry-After`` header; None without one that can be read.

    It has seconds (``1``) or an HTTP date.
    """
    if value and _DELAY.fullmatch(value.strip()):
        return float(value)
    moment = parsedate_tz(value) if value else None
    return max(0.0, mktime_tz(moment) - now()) if moment else None
