"""One call of the engine to the plugin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import grpc

from nebius_model_resource._engine import TRAILER, Engine, EngineCall, not_ready_details
from nebius_model_resource._plugin.wire import on_the_wire
from nebius_model_resource._provider.properties import Table


class PluginCall(EngineCall):
    """One call of the engine; see :class:`nebius_model_resource._provider.calls.Call`."""

    def __init__(
        self, request: Any, context: Any, engine: Engine, table: Table, secrets: frozenset[str] = frozenset()
    ) -> None:
        """Watch for the call's end.

        Args:
            request: gRPC's request.
            context: gRPC's context of the call.
            engine: where texts are shown.
            table: the properties of the resource.
            secrets: the names of the inputs that the engine marks as secret.
        """
        super().__init__(engine, getattr(request, "urn", ""))  # a function has none
        self.timeout = float(getattr(request, "timeout", 0))
        self.seed = getattr(request, "randomSeed", b"")
        self.secrets = secrets
        self._table = table
        self._context = context
        self.watch(context)

    def keep(self, message: str, id_: str, properties: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
        """Let the coming :meth:`fail` record the resource in the state as existing and not ready; always True."""
        bags = (on_the_wire(bag, self._table, self.secrets) for bag in (properties, inputs))
        self._context.set_trailing_metadata(((TRAILER, not_ready_details(message, id_, *bags)),))
        self.engine.silence(message)
        return True

    def fail(self, message: str) -> NoReturn:
        """End the call with one message.

        Raises:
            Exception: always; it must reach gRPC.
        """
        self.failed = True
        self._context.abort(grpc.StatusCode.UNKNOWN, message)
        raise AssertionError("abort returned")
