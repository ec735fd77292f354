"""The service's words made fit for a terminal: harmless, of bounded length, and without the key."""

from __future__ import annotations

from typing import Any

MASK = "[api key]"
LONGEST = 600  # characters; the longest captured refusal has about 200


def harmless(text: str, secret: str = "") -> str:
    """One line without control characters, terminal escapes or the key; cut with its length told."""
    if secret:
        text = text.replace(secret, MASK)
    if text.isprintable() and len(text) <= LONGEST and "  " not in text:
        return text.strip()
    text = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def without_secret(body: Any, secret: str) -> Any:
    """A JSON body with the key masked in each of its texts.

    Raises:
        RecursionError: the body is nested too deep.
    """
    if isinstance(body, str):
        return body.replace(secret, MASK)
    if isinstance(body, list):
        return [without_secret(each, secret) for each in body]
    if isinstance(body, dict):
        return {name.replace(secret, MASK): without_secret(each, secret) for name, each in body.items()}
    return body


def detail_of(body: Any, raw: bytes, secret: str) -> str:
    """The reason in an error's body: ``detail`` as text or as a list of faults, otherwise the body itself."""
    detail = body.get("detail", body.get("message")) if isinstance(body, dict) else None
    if isinstance(detail, list):
        return harmless("; ".join(_item(item) for item in detail), secret)
    if isinstance(detail, str) and detail.strip():
        return harmless(detail, secret)
    return harmless(raw[: LONGEST * 8].decode("utf-8", "replace"), secret) or "no reason given"


def _item(item: Any) -> str:
    """One entry of the 422 body: ``{"loc": ["body", "name"], "msg": …}`` as ``name: …``."""
    if not isinstance(item, dict):
        return str(item)
    loc = item.get("loc")
    place = ".".join(str(part) for part in loc if part != "body") if isinstance(loc, list) else ""
    text = str(item.get("msg", item))
    return f"{place}: {text}" if place else text
