"""How a provider reports a resource that exists and is not ready: the engine records it, with the reason."""

from __future__ import annotations

from typing import Any

from google.protobuf.struct_pb2 import Struct

TRAILER = "grpc-status-details-bin"  # gRPC's place for the details of an error
_UNKNOWN_CODE = 2  # google.rpc.Code.UNKNOWN


def struct_of(values: dict[str, Any]) -> Struct:
    """A property bag on the wire."""
    bag = Struct()
    bag.update(values)
    return bag


def not_ready_details(
    not_ready: Any, rpc_status: Any, message: str, id_: str, properties: Struct, inputs: Struct | None
) -> bytes:
    """What goes into the trailer.

    Args:
        not_ready: the engine's ``ErrorResourceInitFailed``.
        rpc_status: ``google.rpc.Status``.
        message: what is wrong with the resource.
        id_: its id.
        properties: its outputs.
        inputs: its inputs as a read found them; None if they do not change.
    """
    from google.protobuf.any_pb2 import Any as Packed

    details = Packed()
    details.Pack(not_ready(id=id_, properties=properties, reasons=[message], inputs=inputs))
    status: bytes = rpc_status(code=_UNKNOWN_CODE, message=message, details=[details]).SerializeToString()
    return status
