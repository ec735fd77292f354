"""The real host's code inside the test process: no process, no port, and each call takes a millisecond.

It is what the SDK's own servicer does with a request, with our provider behind it. Tests of what only a
process has (its end, its threads, its output) use :class:`tests.support.host.DynamicHost`.
"""

from __future__ import annotations

import importlib.util
import os
import types
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from nebius_model_resource._dynamic import host as dynamic_host
from nebius_model_resource._engine import Engine
from nebius_model_resource._provider.account import account_of
from tests.support.host import HostCalls, HostError

Metadata = tuple[tuple[str, bytes], ...]


def host_code() -> types.ModuleType:
    """The host's own module, without its last line, which would start the server."""
    spec = importlib.util.find_spec("pulumi.dynamic.__main__")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text()
    assert source.endswith("\nmain()\n"), "the host's module would begin to serve"
    source = source.removesuffix("main()\n")
    module = types.ModuleType("dynamic_host_without_main")
    exec(compile(source, spec.origin, "exec"), module.__dict__)
    return module


class CallFailed(grpc.RpcError):  # type: ignore[misc]  # grpc has no types
    """The host answered with an error, as gRPC's client reports it."""

    def __init__(self, code: Any, message: str, metadata: Metadata = ()) -> None:
        super().__init__(message)
        self._code = code
        self._metadata = metadata

    def code(self) -> Any:
        """The status code."""
        return self._code

    def details(self) -> str:
        """The message."""
        return str(self)

    def trailing_metadata(self) -> Metadata:
        """The trailing metadata, which has the partial state."""
        return self._metadata


@dataclass
class Context:
    """Stands in for gRPC's context in the host's servicer."""

    on_end: list[Callable[[], None]] = field(default_factory=list)
    metadata: Metadata = ()

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Record what to call when the engine goes away."""
        self.on_end.append(callback)
        return True

    def set_trailing_metadata(self, pairs: Metadata) -> None:
        """Record the partial state."""
        self.metadata = pairs

    def abort(self, code: Any, message: str) -> NoReturn:
        """End the call."""
        assert code in grpc.StatusCode
        raise CallFailed(code, message, self.metadata)


class ListeningEngine(Engine):
    """An engine that records what it was asked to show.

    Attributes:
        logs: each text as the host sent it.
    """

    def __init__(self) -> None:
        super().__init__("")
        self.logs: list[Any] = []

    def send(self, severity: str, text: str, urn: str, *, ephemeral: bool) -> None:
        """Record it."""
        from pulumi.runtime.proto import engine_pb2

        level: Any = engine_pb2.LogSeverity.Value(severity)
        self.logs.append(engine_pb2.LogRequest(severity=level, message=text, urn=urn, ephemeral=ephemeral))

    def is_gone(self) -> bool:
        """Always False."""
        return False


class HostHere(HostCalls):
    """One host in this process; a context manager, one at a time.

    Attributes:
        engine: records what was shown.
    """

    def __init__(self, config: Mapping[str, str], environ: Mapping[str, str] | None = None) -> None:
        self._config = config
        self.engine = ListeningEngine()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NEBIUS_")}
        self._environ = {**clean, "PULUMI_PROJECT": "test", **(environ or {})}
        self._patches = ExitStack()
        self._contexts: list[Context] = []

    def __enter__(self) -> HostHere:  # noqa: PYI034 - Self is typing's from 3.11 on
        for patch in (
            mock.patch.object(dynamic_host, "current_engine", return_value=self.engine),
            mock.patch.dict(os.environ, self._environ, clear=True),
        ):
            self._patches.enter_context(patch)
        self.servicer_here = self.servicer()
        return self

    def servicer(self) -> Any:
        """The configured servicer that takes the calls."""
        bag = struct_pb2.Struct()
        bag.update(dict(self._config))
        account_of.cache_clear()  # a new host's process remembers nothing
        servicer = host_code().DynamicResourceProviderServicer()
        servicer.Configure(provider_pb2.ConfigureRequest(args=bag), Context())
        return servicer

    def __exit__(self, *_: object) -> None:
        self._patches.close()

    def create_later(self, inputs: Mapping[str, Any], *, timeout: float = 0, name: str = "m") -> Future[Any]:
        """A create in a thread of its own; its error is one of gRPC."""
        request = self.create_request(inputs, timeout, name)
        pool = ThreadPoolExecutor(1)
        future = pool.submit(self.servicer_here.Create, request, self._context())
        pool.shutdown(wait=False)
        return future

    def lose_engine(self) -> None:
        """End every call as gRPC does when the engine is gone; calls that are over take no notice."""
        for context in self._contexts:
            for callback in context.on_end:
                callback()

    def _context(self) -> Context:
        context = Context()
        self._contexts.append(context)
        return context

    def _call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self.servicer_here, method)(request, self._context())
        except CallFailed as error:
            raise HostError(error, self.decode) from None
