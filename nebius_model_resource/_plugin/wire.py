"""Property bags of the wire to bags with the names of Python, and back: names, unknown values and secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from nebius_model_resource._engine import detailed_diff, struct_of, with_placeholders
from nebius_model_resource._provider.calls import Changes
from nebius_model_resource._provider.properties import Table, camel


class Bag:
    """A property bag as the engine sent it, with the names of a table.

    Attributes:
        values: the plain values; an unknown one is Pulumi's text for it.
        secrets: the names of those that are secret.
        is_dynamic: whether it is the state of a dynamic resource, whose names are Python's.
    """

    def __init__(self, struct: Struct, table: Table) -> None:
        self.values: dict[str, Any] = {}
        self.is_dynamic = False
        secrets = set()
        names = {camel(name): name for name in table.properties}
        for wire, value in rpc.deserialize_properties(struct, keep_unknowns=True).items():
            name = names.get(wire, wire)
            if name not in table.properties:
                continue
            self.is_dynamic |= wire not in names
            if rpc.is_rpc_secret(value):
                secrets.add(name)
                value = rpc.unwrap_rpc_secret(value)  # noqa: PLW2901
            # The SDK gives None for an unknown value inside a secret.
            self.values[name] = rpc.UNKNOWN if value is None else with_placeholders(value)
        self.secrets = frozenset(secrets)


def on_the_wire(values: Mapping[str, Any], table: Table, secrets: Iterable[str] = ()) -> Struct:
    """A property bag for the engine, with the named values marked as secret."""
    marked = frozenset(secrets)
    return struct_of(
        {
            camel(name): rpc.wrap_rpc_secret(value) if name in marked else value
            for name, value in values.items()
            if value is not None and name in table.properties
        }
    )


def plain(bag: Struct) -> dict[str, Any]:
    """A bag without marks and without the values that are not known, which the SDK drops."""
    values: dict[str, Any]
    values, _ = rpc.deserialize_properties_unwrap_secrets(bag)
    return values


def diff_response(changes: Changes) -> Any:
    """A diff in the engine's words."""
    response, details = provider_pb2.DiffResponse, detailed_diff(changes, camel)
    return response(
        changes=response.DIFF_SOME if details or changes.updates else response.DIFF_NONE,
        replaces=[camel(name) for name in changes.replaces],
        detailedDiff=details,
        hasDetailedDiff=bool(details),
    )
