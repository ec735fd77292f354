"""Property bags of the wire to bags of the core, and back: names, unknown values and secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct
from pulumi.output import Unknown
from pulumi.runtime import rpc

from nebius_model_resource._edges.partial_state import struct_of

NAMES = (
    "name",
    "base_model",
    "source",
    "description",
    "ai_project_id",
    "wait_for_active",
    "generated_name",
    "status",
    "status_reason",
    "created_at",
    "path",
    "sha256",
    "file_id",
    "filename",
    "size",
)


def schema_name(name: str) -> str:
    """A property's name in the schema: ``baseModel`` for ``base_model``."""
    first, *others = name.split("_")
    return first + "".join(other.title() for other in others)


_SCHEMA_NAMES = {name: schema_name(name) for name in NAMES}
# States that dynamic resources left have the names of the core.
_CORE_NAMES = {name: name for name in NAMES} | {wire: name for name, wire in _SCHEMA_NAMES.items()}


class Bag:
    """A property bag as the engine sent it, with the names of the core.

    Attributes:
        values: the plain values; an unknown one is Pulumi's text for it.
        secrets: the names of those that are secret.
        foreign: whether it is the state of a dynamic resource.
    """

    def __init__(self, struct: Struct) -> None:
        self.values: dict[str, Any] = {}
        self.foreign = False
        secrets = set()
        for wire, value in rpc.deserialize_properties(struct, keep_unknowns=True).items():
            name = _CORE_NAMES.get(wire)
            if name is None:
                continue
            self.foreign |= wire != _SCHEMA_NAMES[name]
            if rpc.is_rpc_secret(value):
                secrets.add(name)
                value = rpc.unwrap_rpc_secret(value)  # noqa: PLW2901
            # The SDK gives None for an unknown value inside a secret.
            self.values[name] = rpc.UNKNOWN if value is None or isinstance(value, Unknown) else value
        self.secrets = frozenset(secrets)


def on_the_wire(values: Mapping[str, Any], secrets: Iterable[str] = ()) -> Struct:
    """A property bag for the engine, with the named values marked as secret."""
    marked = frozenset(secrets)
    return struct_of(
        {
            _SCHEMA_NAMES[name]: rpc.wrap_rpc_secret(value) if name in marked else value
            for name, value in values.items()
            if value is not None
        }
    )
