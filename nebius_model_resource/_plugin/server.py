"""The plugin's process: it serves one engine and ends with it, or as many as attach to it."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from nebius_model_resource._engine import Engine, end_with
from nebius_model_resource._plugin.servicer import PluginServicer

_CALLS = 1024  # at the same time; a call that waits has a thread of its own
_LARGEST = 400 * 1024 * 1024  # bytes of a message, as in Pulumi's own servers


def main() -> None:
    """Serve until the engine is gone. The engine reads the port from the first line."""
    address = sys.argv[-1] if len(sys.argv) > 1 else ""
    options = [("grpc.max_send_message_length", _LARGEST), ("grpc.max_receive_message_length", _LARGEST)]
    server = grpc.server(ThreadPoolExecutor(max_workers=_CALLS), options=options)
    servicer = PluginServicer(Engine, address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    if address:  # without one, several engines attach one after another (PULUMI_DEBUG_PROVIDERS)
        end_with(lambda: servicer.engine, servicer.idle)
    print(port, flush=True)  # noqa: T201 - the protocol
    server.wait_for_termination()
