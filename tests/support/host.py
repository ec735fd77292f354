"""The real dynamic-provider host, driven over gRPC as the engine does it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import grpc
import pytest
from google.protobuf import struct_pb2
from google.rpc import status_pb2
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from nebius_model_resource.provider import CustomModelProvider
from tests.support.warm import warm_python

URN = "urn:pulumi:test::test::pulumi-python:dynamic/nebius:CustomModel::"
PROVIDER = serialize_provider(CustomModelProvider())
# For tests of what only the dynamic provider has: `import_`. The engine itself imports for a plugin.
dynamic_only = pytest.mark.parametrize("edge", ["dynamic"], indirect=True)
# For tests that mostly wait: one worker runs them while the others compute. Otherwise all workers wait at once.
mostly_waits = pytest.mark.xdist_group("mostly waits")


class HostError(Exception):
    """The host answered with an error.

    Attributes:
        message: the text that the engine would show.
        kept: the partial state (id, properties, reasons), None if there is none.
    """

    def __init__(
        self, error: grpc.RpcError, decode: Callable[[struct_pb2.Struct], dict[str, Any]] | None = None
    ) -> None:
        self.message = error.details()
        self.code = error.code()
        self.kept = _partial(error, decode or HostCalls.decode)
        super().__init__(self.message)


@dataclass
class Kept:
    """A resource that a failed operation leaves in the state."""

    id: str
    properties: dict[str, Any]
    reasons: list[str]
    inputs: dict[str, Any]


def _partial(error: grpc.RpcError, decode: Callable[[struct_pb2.Struct], dict[str, Any]]) -> Kept | None:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            details = provider_pb2.ErrorResourceInitFailed()
            assert status.details[0].Unpack(details)
            inputs = decode(details.inputs)
            return Kept(details.id, decode(details.properties), list(details.reasons), inputs)
    return None


class FakeEngine(engine_pb2_grpc.EngineServicer):
    """The engine's end of the host's connection: it records what was logged."""

    def __init__(self) -> None:
        self.logs: list[Any] = []
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        from google.protobuf import empty_pb2

        self.logs.append(request)
        return empty_pb2.Empty()

    def stop(self) -> None:
        """Go away, as a killed engine does."""
        self._server.stop(None).wait()


def without_marks(value: Any) -> Any:
    """A value as it is without the marks of secrets, in its parts too."""
    value = rpc.unwrap_rpc_secret(value)
    if isinstance(value, dict):
        return {name: without_marks(part) for name, part in value.items()}
    return value


class HostCalls(ABC):
    """The engine's calls, with plain bags for requests and answers.

    The names in the bags are those of the dynamic resource, whatever the names on the wire.
    """

    @staticmethod
    def urn(name: str, _props: Mapping[str, Any]) -> str:
        """The URN of the resource with that name and these properties."""
        return URN + name

    @staticmethod
    def encode(props: Mapping[str, Any]) -> struct_pb2.Struct:
        """A bag on the wire; the engine takes the marks of secrets off for this host."""
        bag = struct_pb2.Struct()
        given = {name: without_marks(value) for name, value in props.items() if value is not None}
        bag.update({"__provider": PROVIDER, **given})
        return bag

    @staticmethod
    def decode(bag: struct_pb2.Struct) -> dict[str, Any]:
        """A bag from the wire."""
        return {name: value for name, value in dict(bag).items() if name != "__provider"}

    @staticmethod
    def property_name(wire: str) -> str:
        """The name of a property from the wire."""
        return wire

    def check(
        self,
        news: Mapping[str, Any],
        olds: Mapping[str, Any] | None = None,
        name: str = "m",
        seed: bytes = b"",
    ) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """The checked inputs, and each failure as property and reason."""
        answer = self._call(
            "Check",
            provider_pb2.CheckRequest(
                urn=self.urn(name, news),
                olds=self.encode(olds) if olds else None,
                news=self.encode(news),
                name=name,
                randomSeed=seed,
            ),
        )
        return self.decode(answer.inputs), [
            (self.property_name(fault.property), fault.reason) for fault in answer.failures
        ]

    def diff(self, id_: str, olds: Mapping[str, Any], news: Mapping[str, Any], name: str = "m") -> Any:
        """The complete answer."""
        request = provider_pb2.DiffRequest(
            id=id_, urn=self.urn(name, news), olds=self.encode(olds), news=self.encode(news)
        )
        return self._call("Diff", request)

    def create_request(self, inputs: Mapping[str, Any], timeout: float, name: str) -> Any:
        """What the engine sends for a create."""
        return provider_pb2.CreateRequest(
            urn=self.urn(name, inputs), properties=self.encode(inputs), timeout=timeout, name=name
        )

    def create(
        self, inputs: Mapping[str, Any], *, timeout: float = 0, name: str = "m"
    ) -> tuple[str, dict[str, Any]]:
        """Id and outputs."""
        answer = self._call("Create", self.create_request(inputs, timeout, name))
        return answer.id, self.decode(answer.properties)

    def read_request(self, id_: str, props: Mapping[str, Any], name: str) -> Any:
        """What the engine sends for a refresh or a `get`."""
        return provider_pb2.ReadRequest(id=id_, urn=self.urn(name, props), properties=self.encode(props))

    def read(
        self, id_: str, props: Mapping[str, Any], name: str = "m"
    ) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """Id, outputs and inputs; an empty id if the model is gone."""
        answer = self._call("Read", self.read_request(id_, props, name))
        return answer.id, self.decode(answer.properties), self.decode(answer.inputs)

    def update(
        self,
        id_: str,
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        *,
        timeout: float = 0,
        name: str = "m",
    ) -> dict[str, Any]:
        """The outputs."""
        request = provider_pb2.UpdateRequest(
            id=id_, urn=self.urn(name, news), olds=self.encode(olds), news=self.encode(news), timeout=timeout
        )
        return self.decode(self._call("Update", request).properties)

    def delete(self, id_: str, props: Mapping[str, Any], *, timeout: float = 0, name: str = "m") -> None:
        """Delete."""
        self._call(
            "Delete",
            provider_pb2.DeleteRequest(
                id=id_, urn=self.urn(name, props), properties=self.encode(props), timeout=timeout
            ),
        )

    @abstractmethod
    def _call(self, method: str, request: Any) -> Any:
        """Make one call."""


@dataclass
class DynamicHost(HostCalls):
    """One host process; a context manager.

    Attributes:
        config: the stack's configuration, by full keys (``nebius-models:apiKey``).
        environ: variables to add; the service's own variables of this process are removed.
        prelude: a script to run in place of ``-m pulumi.dynamic``, which it must end with.
    """

    config: Mapping[str, str]
    environ: Mapping[str, str] = field(default_factory=dict)
    prelude: Path | None = None
    python: str = sys.executable
    cwd: Path | None = None

    command: ClassVar[Sequence[str]] = ("-m", "pulumi.dynamic")

    def __enter__(self) -> DynamicHost:  # noqa: PYI034 - Self is typing's from 3.11 on
        self.engine = FakeEngine()
        what = [str(self.prelude)] if self.prelude else self.command
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NEBIUS_")}
        self.process = subprocess.Popen(
            [self.python, "-u", *what, self.engine.address],
            env={**clean, "PULUMI_PROJECT": "test", **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.cwd,
            text=True,
        )
        assert self.process.stdout
        port = self.process.stdout.readline().strip()
        assert port.isdigit(), port + self.process.stdout.read()
        self.printed: list[str] = []
        self._reader = threading.Thread(target=self.printed.extend, args=(self.process.stdout,))
        self._reader.start()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)
        self.configure()
        return self

    def configure(self) -> None:
        """Hand over the configuration."""
        bag = struct_pb2.Struct()
        bag.update(dict(self.config))
        self.stub.Configure(provider_pb2.ConfigureRequest(args=bag))

    def __exit__(self, *_: object) -> None:
        self.channel.close()
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout
        self.process.stdout.close()
        self.engine.stop()

    @property
    def output(self) -> str:
        """The host's output so far."""
        return "".join(self.printed)

    def create_later(self, inputs: Mapping[str, Any], *, timeout: float = 0, name: str = "m") -> Any:
        """The gRPC future of a create, to be cancelled or awaited."""
        return self.stub.Create.future(self.create_request(inputs, timeout, name))

    def _call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self.stub, method)(request)
        except grpc.RpcError as error:
            raise HostError(error, self.decode) from None


def warm_host(config: Mapping[str, str], **options: Any) -> DynamicHost:
    """A host process that starts at once: for tests that do not look at the process itself."""
    return DynamicHost(config, python=warm_python(), **options)
