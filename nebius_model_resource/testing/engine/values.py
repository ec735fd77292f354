"""Property values: plain Python inside the engine, protobuf structs on the wire.

A secret is a `Secret` around its value, a value not known in a preview is `UNKNOWN`; the rest are None, bool, numbers,
strings, lists and dictionaries. The marks on the wire are Pulumi's (`pulumi.runtime.rpc`: `_special_sig_key`,
`_special_secret_sig`, `UNKNOWN`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from google.protobuf import struct_pb2

from .errors import Refused

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

Properties = dict[str, Any]


class Unknown:
    """The value of a property that a preview cannot know; see `UNKNOWN`."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that is encrypted in every state file and shown as `[secret]`."""

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
        return _number(value.number_value)
    return value.bool_value if kind == "bool_value" else None


def _number(number: float) -> float:
    # A state file holds `3`, and `100000000000000000000`, where Pulumi's does; from 1e21 on both write an exponent.
    if number.is_integer() and abs(number) < 1e21:
        return int(Decimal(repr(number)))
    return number


def _from_object(fields: Properties) -> Any:
    signature = fields.get(SIGNATURE)
    if signature is None:
        return fields
    if signature != SECRET:
        raise Refused(
            "assets, archives and resource references as property values are not supported by this engine"
        )
    inner = fields.get("value")
    return inner if isinstance(inner, Secret) else Secret(inner)


def to_struct(properties: Mapping[str, Any], *, secrets: bool = False) -> struct_pb2.Struct:
    """The protobuf struct of `properties`; without `secrets` their values go in the clear, as the host wants them."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        # A null at the top level does not arrive on the other side, as in the real engine.
        if value is not None:
            struct.fields[key].CopyFrom(_to_value(value, secrets=secrets))
    return struct


def _to_value(value: Any, *, secrets: bool) -> struct_pb2.Value:
    if isinstance(value, Secret):
        return _secret_value(value, secrets=secrets)
    if isinstance(value, Mapping):
        fields = {key: _to_value(part, secrets=secrets) for key, part in value.items()}
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
    if isinstance(value, list):
        values = [_to_value(part, secrets=secrets) for part in value]
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=values))
    return _scalar(value)


def _scalar(value: Any) -> struct_pb2.Value:
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, (int, float)):
        return struct_pb2.Value(number_value=float(value))
    return struct_pb2.Value(string_value=UNKNOWN_TEXT if value is UNKNOWN else str(value))


def _secret_value(secret: Secret, *, secrets: bool) -> struct_pb2.Value:
    inner = _to_value(secret.value, secrets=secrets)
    if not secrets:
        return inner
    mark = {SIGNATURE: struct_pb2.Value(string_value=SECRET), "value": inner}
    return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=mark))


def plain(value: Any) -> Any:
    """The value without its secret marks."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


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
    for key, before in given.items():
        after = marked.get(key)
        if key not in marked:
            continue
        if isinstance(after, dict) and isinstance(before, dict):
            marked[key] = keep_secrets(after, before)
        elif not isinstance(after, Secret) and holds(before, Secret):
            marked[key] = Secret(after)
    return marked


def hide_outputs(outputs: Properties, inputs: Properties, named: list[str]) -> Properties:
    """The outputs; those in `named` and those with a secret input of the same name become secrets."""
    secret = {key for key, value in inputs.items() if isinstance(value, Secret)} | set(named)
    return {
        key: Secret(value) if key in secret and not isinstance(value, Secret) else value
        for key, value in outputs.items()
    }
