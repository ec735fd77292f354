"""The service's words made safe for a terminal: harmless, of bounded length, and without the key.

For texts that people read, or that are logged. Names, ids, descriptions and sources are data: they do not change.
"""

from __future__ import annotations

import json
from typing import Any

MASK = "[api key]"
LONGEST = 600  # characters; the longest captured refusal has about 200
_SHORTEST_KEY = 16  # characters; a shorter one, such as "test", is found in any text


def holds(text: str, secret: str) -> bool:
    """Whether a text holds the key; a key of fewer than 16 characters is not searched for."""
    return len(secret) >= _SHORTEST_KEY and secret in text


def masked(text: str, secret: str) -> str:
    """A text without the key."""
    return text.replace(secret, MASK) if holds(text, secret) else text


def harmless(text: str, secret: str = "") -> str:
    """One line without control characters, terminal escapes or the key; a cut text ends with its length."""
    text = masked(text, secret)
    if text.isprintable() and len(text) <= LONGEST and "  " not in text:
        return text.strip()
    text = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def excerpt(raw: bytes, secret: str) -> str:
    """The beginning of a body, made harmless."""
    text = masked(raw.decode("utf-8", "replace"), secret)  # before the cut, which could leave half a key
    return harmless(text[: LONGEST * 8])


def detail_of(body: Any, raw: bytes, secret: str) -> str:
    """The reason in an error's body: ``detail`` as text or as a list of faults, otherwise the body itself."""
    detail = body.get("detail", body.get("message")) if isinstance(body, dict) else None
    if isinstance(detail, list):
        return harmless("; ".join(_item(item) for item in detail), secret)
    if isinstance(detail, str) and detail.strip():
        return harmless(detail, secret)
    if b"\\" in raw and body is not None:  # JSON can spell the key in other ways
        raw = _respelled(body, secret)
    return excerpt(raw, secret) or "no reason given"


def _respelled(body: Any, secret: str) -> bytes:
    """A body in JSON's plainest spelling, without the key."""
    try:
        text = json.dumps(body, ensure_ascii=False)
    except RecursionError:
        return b""
    return masked(text, json.dumps(secret, ensure_ascii=False)[1:-1]).encode("utf-8", "replace")


def _item(item: Any) -> str:
    """One entry of the 422 body: ``{"loc": ["body", "name"], "msg": …}`` as ``name: …``."""
    if not isinstance(item, dict):
        return str(item)
    loc = item.get("loc")
    place = ".".join(str(part) for part in loc if part != "body") if isinstance(loc, list) else ""
    text = str(item.get("msg", item))
    return f"{place}: {text}" if place else text
