"""Property paths of `ignore_changes`, `replace_on_changes` and detailed diffs.

A path is a property name, then names and list indexes: `name`, `name.part`, `list[0].part`, `["a.b"]`. `*` stands for
any name or index. The rules are those that CLI 3.260 was seen to follow (`tests/engine/nested.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .errors import PathError
from .values import Properties, Secret

Part = str | int
Path = tuple[Part, ...]

# A quoted name, an index or `*` in brackets, or a name up to the next dot or bracket.
_PART = re.compile(
    r'\["(?P<quoted>(?:\\"|\\(?!")|[^"\\])*)"\]|\[(?P<index>[+-]?\d+)\]|\[(?P<star>\*)\]|(?P<name>[^.\[]+)'
)
_BARE = re.compile(r"[A-Za-z0-9_]+")


def parse(path: str) -> Path:
    """The parts of a path: names, and numbers of list elements.

    Raises:
        PathError: It is not a path.
    """
    parts: list[Part] = []
    position = 0
    while position < len(path):
        start = position
        while position and path.startswith(".", position):
            position += 1
        found = _PART.match(path, position)
        if found is None:
            raise PathError(f"{path!r} is not a property path: {path[start:]!r} is no name and no index")
        position = found.end()
        parts.append(_part(found))
    return tuple(parts)


def _part(found: re.Match[str]) -> Part:
    if found["index"] is not None:
        return int(found["index"])
    if found["quoted"] is not None:
        return found["quoted"].replace('\\"', '"')
    return found["star"] or found["name"]


def text(parts: Path) -> str:
    """The path of `parts`, written as the CLI writes it."""
    written = ""
    for part in parts:
        if isinstance(part, int):
            written += f"[{part}]"
        elif _BARE.fullmatch(part):
            written += f".{part}" if written else part
        else:
            quoted = part.replace('"', '\\"')
            written += f'["{quoted}"]'
    return written


def value(properties: Mapping[str, Any], path: str) -> Any:
    """The value at a path; None if there is nothing, or if it is not a path."""
    found: Any = properties
    try:
        parts = parse(path)
    except PathError:
        return None
    for part in parts:
        if not _has(found, part):
            return None
        found = found[part]
    return found


def top(path: str) -> str:
    """The property that a path leads into; the text itself if it is not a path."""
    try:
        return text(parse(path)[:1])
    except PathError:
        return path


def _has(value: Any, key: Any) -> bool:
    if isinstance(value, dict):
        return key in value
    return isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value)


def contains(pattern: Path, path: str) -> bool:
    """Whether `path` is what `pattern` names, or is within it; False if it is not a path."""
    try:
        given = parse(path)
    except PathError:
        return False
    return len(pattern) <= len(given) and all(
        want in ("*", part) for want, part in zip(pattern, given, strict=False)
    )


def changes(old: Any, new: Any, within: Path = ()) -> dict[Path, str]:
    """What differs between two plain values, by path: `add`, `delete` or `update`. A null counts as missing."""
    found: dict[Path, str] = {}
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            before, after = old.get(key), new.get(key)
            if before is None or after is None:
                found.update(_leaf(before, after, (*within, key)))
            else:
                found.update(changes(before, after, (*within, key)))
        return found
    if isinstance(old, list) and isinstance(new, list):
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            found.update(changes(before, after, (*within, index)))
        kind = "add" if len(new) > len(old) else "delete"
        extra = range(min(len(old), len(new)), max(len(old), len(new)))
        return found | {(*within, index): kind for index in extra}
    return _leaf(old, new, within)


def _leaf(old: Any, new: Any, path: Path) -> dict[Path, str]:
    # In Python 1 equals True, in Pulumi it does not.
    if old == new and isinstance(old, bool) == isinstance(new, bool):
        return {}
    return {path: "add" if old is None else "delete" if new is None else "update"}


def restored(
    news: Properties, olds: Properties, ignored: list[str], *, deep: bool = True
) -> tuple[Properties, list[str]]:
    """New properties with the ignored ones set back to what they were, and the paths that cannot be ignored.

    A path cannot be ignored if it leads through something added or removed. A text that is not a path is skipped.
    `news` itself is not changed; without `deep`, the ignored values inside its properties are.
    """
    result: Properties = _copied(news) if deep else dict(news)
    failed = []
    for path in ignored:
        try:
            parts = parse(path)
        except PathError:
            continue
        if not (parts and _reset(parts, olds, result)):
            failed.append(path)
    return result, failed


def _copied(value: Any) -> Any:
    if isinstance(value, Secret):
        return Secret(_copied(value.value))
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value


def _reset(parts: Path, old: Any, new: Any, *, expose: bool = True, hide: bool = False) -> bool:
    """Set what is at `parts` of `new` to what it is in `old`; returns whether that was possible.

    `hide`: `old` is inside a secret. `expose`: `new` is not, so the value taken over is marked.
    """
    while isinstance(old, Secret):
        old, hide = old.value, True
    while isinstance(new, Secret):
        new, expose = new.value, False

    def put(key: Any) -> None:
        taken = _copied(old[key])
        new[key] = Secret(taken) if hide and expose and not isinstance(taken, Secret) else taken

    head, *rest = parts
    if rest:
        pairs = _pairs(head, old, new)
        return all(pair and _reset(tuple(rest), *pair, expose=expose, hide=hide) for pair in pairs)
    if head == "*":
        return _reset_all(old, new, put)
    return _reset_element(head, old, new, put) if isinstance(head, int) else _reset_name(head, old, new, put)


def _pairs(head: Part, old: Any, new: Any) -> Iterator[tuple[Any, Any] | None]:
    """The values at `head` of both, each pair at which to continue; None if the two do not fit together."""
    kind = list if isinstance(head, int) or (head == "*" and isinstance(new, list)) else dict
    fitting = [isinstance(each, kind) for each in (old, new)]
    if not all(fitting):
        if head == "*" or any(fitting):
            yield None
    elif kind is list:
        for index in range(max(len(old), len(new))) if head == "*" else [head]:
            yield (old[index], new[index]) if _has(old, index) and _has(new, index) else None
    else:
        for key in sorted(old) if head == "*" else {head} & (old.keys() | new.keys()):
            yield (old.get(key), new[key]) if key in new else None


def _reset_all(old: Any, new: Any, put: Callable[[Any], None]) -> bool:
    """Set back each part of a dictionary or a list; a list keeps its length."""
    if isinstance(new, dict):
        if isinstance(old, dict):
            for key in new.keys() - old.keys():
                del new[key]
            for key in old:
                put(key)
        return True
    if isinstance(new, list) and isinstance(old, list):
        for index in range(min(len(old), len(new))):
            put(index)
        return len(old) == len(new)
    return isinstance(new, list)


def _reset_element(index: int, old: Any, new: Any, put: Callable[[Any], None]) -> bool:
    if _has(old, index) and _has(new, index):
        put(index)
        return True
    if isinstance(old, list) and isinstance(new, list):
        return index >= max(len(old), len(new))
    return not (isinstance(old, list) or isinstance(new, list))


def _reset_name(name: str, old: Any, new: Any, put: Callable[[Any], None]) -> bool:
    if isinstance(old, dict) and name in old:
        if isinstance(new, dict):
            put(name)
        return isinstance(new, dict)
    if isinstance(new, dict):
        new.pop(name, None)
    return True
