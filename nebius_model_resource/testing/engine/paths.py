"""Property paths of `ignore_changes` and `replace_on_changes`: `name`, `name.part`, `list[0].part`, `["a.b"]`, `*`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .values import Properties

_PART = re.compile(r'\[(\d+)\]|\["([^"]*)"\]|\[(\*)\]|\.?([^.\[\]]+)')


def parse(path: str) -> list[str | int]:
    """The parts of a path: names, and numbers of list elements."""
    parts: list[str | int] = []
    for index, quoted, star, name in _PART.findall(path):
        parts.append(int(index) if index else quoted or star or name)
    return parts


def value(properties: Mapping[str, Any], path: str) -> Any:
    """What stands at a path; None where nothing does."""
    found: Any = properties
    for part in parse(path):
        if not _has(found, part):
            return None
        found = found[part]
    return found


def contains(pattern: str, path: str) -> bool:
    """Whether `path` is what `pattern` names, or lies within it."""
    wanted, given = parse(pattern), parse(path)
    return len(wanted) <= len(given) and all(
        want in ("*", part) for want, part in zip(wanted, given, strict=False)
    )


def restored(news: Properties, olds: Properties, ignored: list[str]) -> Properties:
    """New properties with the ignored ones set back to what they were."""
    result: Any = news
    for path in ignored:
        parts = parse(path)
        if parts:
            result = _restore(result, olds, parts)
    return dict(result)


def _restore(new: Any, old: Any, parts: list[str | int]) -> Any:
    head, rest = parts[0], parts[1:]
    if head == "*":
        return _restore_each(new, old, rest)
    if rest:
        # What lies in something added or removed cannot be ignored.
        if not (_has(new, head) and _has(old, head)):
            return new
        return _put(new, head, _restore(new[head], old[head], rest))
    if _has(old, head):
        return _put(new, head, old[head])
    if isinstance(new, dict):
        return {key: value for key, value in new.items() if key != head}
    return new


def _restore_each(new: Any, old: Any, rest: list[str | int]) -> Any:
    if not rest:
        return old
    keys: list[Any] = (
        list(new) if isinstance(new, dict) else list(range(len(new))) if isinstance(new, list) else []
    )
    for key in keys:
        new = _restore(new, old, [key, *rest])
    return new


def _has(value: Any, key: str | int) -> bool:
    if isinstance(value, dict):
        return key in value
    return isinstance(value, list) and isinstance(key, int) and key < len(value)


def _put(value: Any, key: str | int, part: Any) -> Any:
    if isinstance(value, dict):
        return {**value, key: part}
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return [*value[:key], part, *value[key + 1 :]]
    return value
