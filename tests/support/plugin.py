"""The native plugin, called as the engine calls it, behind the same plain bags as the dynamic host."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from google.protobuf import struct_pb2
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from nebius_model_resource._engine import with_placeholders
from nebius_model_resource._plugin.servicer import PluginServicer
from nebius_model_resource._provider.properties import camel
from nebius_model_resource.provider import DedicatedEndpointProvider, ModelArchiveProvider
from tests.support.host import URN, DynamicHost, HostCalls
from tests.support.host_here import Context, HostHere, ListeningEngine

PLUGIN = Path(__file__).resolve().parents[2] / "plugin" / "__main__.py"
_KINDS = {
    serialize_provider(ModelArchiveProvider()): "ModelArchive",
    serialize_provider(DedicatedEndpointProvider()): "DedicatedEndpoint",
}
_OWN = ("__provider", "import_id")  # what only a dynamic resource has


def snake(name: str) -> str:
    """A name of the schema as Python has it."""
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)


def native_urn(name: str, kind: str = "CustomModel") -> str:
    """The URN of a resource of the plugin."""
    return f"urn:pulumi:test::test::nebius-models:index:{kind}::{name}"


class PluginCalls(HostCalls):
    """Turns the names and values of dynamic resources into those of the plugin, and back."""

    @staticmethod
    def urn(name: str, props: Mapping[str, Any]) -> str:
        """The URN in the plugin's types; the provider among the properties shows which one."""
        return native_urn(name, _KINDS.get(props.get("__provider", ""), "CustomModel"))

    @staticmethod
    def encode(props: Mapping[str, Any]) -> struct_pb2.Struct:
        """A bag with the schema's names."""
        bag = struct_pb2.Struct()
        given = {name: value for name, value in props.items() if value is not None and name not in _OWN}
        bag.update({camel(name): value for name, value in given.items()})
        return bag

    @staticmethod
    def decode(bag: struct_pb2.Struct) -> dict[str, Any]:
        """A bag without marks."""
        values, _ = rpc.deserialize_properties_unwrap_secrets(bag, keep_unknowns=True)
        return {snake(name): with_placeholders(value) for name, value in values.items()}

    @staticmethod
    def property_name(wire: str) -> str:
        """The name of the dynamic resource."""
        return snake(wire)

    def read_request(self, id_: str, props: Mapping[str, Any], name: str) -> Any:
        """A request with inputs; the request of an import has none."""
        request = super().read_request(id_, props, name)
        request.inputs.CopyFrom(self.encode(props if "status" in props or "file_id" in props else {}))
        return request

    def import_(self, id_: str, name: str = "m", kind: str = "CustomModel") -> Any:
        """The answer to `pulumi import`."""
        return self._call("Read", provider_pb2.ReadRequest(id=id_, urn=native_urn(name, kind)))

    def diff(self, id_: str, olds: Mapping[str, Any], news: Mapping[str, Any], name: str = "m") -> Any:
        """The answer, with the names of the dynamic resource."""
        answer = super().diff(id_, olds, news, name)
        details = {self.property_name(wire): value for wire, value in answer.detailedDiff.items()}
        replaces = [self.property_name(wire) for wire in answer.replaces]
        return provider_pb2.DiffResponse(
            changes=answer.changes,
            replaces=replaces,
            detailedDiff=details,
            hasDetailedDiff=answer.hasDetailedDiff,
        )


def account(config: Mapping[str, str]) -> Any:
    """What the engine sends to configure the plugin."""
    bag = struct_pb2.Struct()
    given = {key.removeprefix("nebius-models:"): value for key, value in config.items()}
    name = given.pop("provider", "default_0_1_0")
    bag.update(given)
    return provider_pb2.ConfigureRequest(args=bag, name=name)


class _ListeningEngine(ListeningEngine):
    """Shows each text under the dynamic resource's URN."""

    def send(self, severity: str, text: str, urn: str, *, ephemeral: bool) -> None:
        super().send(severity, text, URN + urn.rpartition("::")[2], ephemeral=ephemeral)


class PluginHere(PluginCalls, HostHere):
    """The plugin in this process; a context manager."""

    def __init__(self, config: Mapping[str, str], environ: Mapping[str, str] | None = None) -> None:
        super().__init__(config, environ)
        self.engine = _ListeningEngine()

    def servicer(self) -> PluginServicer:
        """The configured servicer."""
        servicer = PluginServicer(lambda _address: self.engine)
        servicer.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:9"), Context())
        servicer.Configure(account(self._config), Context())
        return servicer


class PluginProcess(PluginCalls, DynamicHost):
    """The plugin's process; a context manager."""

    command: ClassVar[Sequence[str]] = (str(PLUGIN),)

    def configure(self) -> None:
        """Shake hands, and hand over the configuration."""
        self.stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address=self.engine.address))
        self.stub.Configure(account(self.config))
