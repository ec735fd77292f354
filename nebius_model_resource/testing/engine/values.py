"""Property values: plain Python inside the engine, protobuf structs on the wire.

A secret is a `Secret` around its value, a value not known in a preview is `UNKNOWN`; the rest are None, bool, numbers,
strings, lists and dictionaries. The marks on the wire are Pulumi's (`pulumi.runtime.rpc`: `_special_sig_key`,
`_special_secret_sig`, `UNKNOWN`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2

from .errors import unsupported

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

Properties = dict[str, Any]


class Unknown:
    """The value of a property that a preview cannot know; see `UNKNOWN`."""


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that is encrypted in every state file and shown as `[secret]`; no part of it is marked again."""

    value: Any

    def __repr__(self) -> str:
        return "[secret]"


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """The properties that a protobuf struct carries."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _from_object(from_struct(value.struct_value))
    if kind == "list_value":
        return [_from_value(part) for part in value.list_value.values]
    if kind == "string_value":
        return UNKNOWN if value.string_value == UNKNOWN_TEXT else value.string_value
    if kind == "number_value":
        number = value.number_value
        # Pulumi's state files hold `3` and not `3.0`; from 1e21 on they have an exponent.
        return int(number) if number.is_integer() and abs(number) < 1e21 else number
    return value.bool_value if kind == "bool_value" else None


def _from_object(fields: Properties) -> Any:
    signature = fields.get(SIGNATURE)
    if signature is None:
        return fields
    if signature != SECRET:
        raise unsupported("assets, archives and resource references as property values are")
    return Secret(plain(fields.get("value")))


def to_struct(properties: Mapping[str, Any], *, secrets: bool = False) -> struct_pb2.Struct:
    """The protobuf struct of `properties`; without `secrets` their values go in the clear, as the host wants them."""

    def sent(each: Any) -> Any:
        if isinstance(each, Secret):
            inner = changed(each.value, sent)
            return {SIGNATURE: SECRET, "value": inner} if secrets else inner
        return UNKNOWN_TEXT if each is UNKNOWN else each

    struct = struct_pb2.Struct()
    # A null at the top level does not arrive on the other side, as in the real engine.
    struct.update({key: changed(value, sent) for key, value in properties.items() if value is not None})
    return struct


def changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with `change` applied to it and, where that leaves it as it is, to each of its parts."""
    new = change(value)
    if new is not value:
        return new
    if isinstance(value, Mapping):
        return {key: changed(part, change) for key, part in sorted(value.items())}
    return [changed(part, change) for part in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """The value without its secret marks."""
    return changed(value, lambda each: plain(each.value) if isinstance(each, Secret) else each)


def shown(value: Any) -> Any:
    """The value as events and the display may carry it: no secret in the clear."""
    words = {Secret: "[secret]", Unknown: UNKNOWN_TEXT}
    return changed(value, lambda each: words.get(type(each), each))


def holds(value: Any, wanted: type) -> bool:
    """Whether the value is, or holds somewhere, a `Secret` or an `Unknown`."""
    if isinstance(value, wanted):
        return True
    if isinstance(value, Secret):
        return holds(value.value, wanted)
    if isinstance(value, Mapping):
        return any(holds(part, wanted) for part in value.values())
    return isinstance(value, list) and any(holds(part, wanted) for part in value)


def keep_secrets(results: Properties, given: Properties) -> Properties:
    """Mark secret what was secret under the same name when it was given to the host, which knows no secrets."""
    marked = dict(results)
    for key in given.keys() & results.keys():
        before, after = given[key], results[key]
        if isinstance(after, dict) and isinstance(before, dict):
            marked[key] = keep_secrets(after, before)
        elif not isinstance(after, Secret) and holds(before, Secret):
            marked[key] = Secret(after)
    return marked


def hide_outputs(outputs: Properties, inputs: Properties) -> Properties:
    """The outputs; those with a secret input of the same name become secrets."""
    return {
        key: Secret(plain(value)) if isinstance(inputs.get(key), Secret) else value
        for key, value in outputs.items()
    }
