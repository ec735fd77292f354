"""The native plugin, called as the engine calls it, behind the same plain bags as the dynamic host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from google.protobuf import struct_pb2
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from nebius_model_resource._edges.plugin.bags import NAMES, schema_name
from nebius_model_resource._edges.plugin.servicer import PluginServicer
from nebius_model_resource.provider import ModelArchiveProvider
from tests.support.host import URN, DynamicHost, HostCalls
from tests.support.host_here import Context, HostHere, ListeningEngine

PLUGIN = Path(__file__).resolve().parents[2] / "plugin" / "__main__.py"
_ARCHIVE = serialize_provider(ModelArchiveProvider())
_NAMES = {schema_name(name): name for name in NAMES}


def native_urn(name: str, kind: str = "CustomModel") -> str:
    """The URN of a resource of the plugin."""
    return f"urn:pulumi:test::test::nebius-models:index:{kind}::{name}"


class PluginCalls(HostCalls):
    """Turns the names and values of dynamic resources into those of the plugin, and back."""

    @staticmethod
    def urn(name: str, props: Mapping[str, Any]) -> str:
        """The URN in the plugin's types; the provider among the properties shows which one."""
        return native_urn(name, "ModelArchive" if props.get("__provider") == _ARCHIVE else "CustomModel")

    @staticmethod
    def encode(props: Mapping[str, Any]) -> struct_pb2.Struct:
        """A bag with the schema's names; a secret carries its mark."""
        secrets = props.get("secret_inputs") or ()
        bag = struct_pb2.Struct()
        bag.update(
            {
                schema_name(name): rpc.wrap_rpc_secret(value) if name in secrets else value
                for name, value in props.items()
                if value is not None and name in NAMES
            }
        )
        return bag

    @staticmethod
    def decode(bag: struct_pb2.Struct) -> dict[str, Any]:
        """A bag without marks."""
        values, _ = rpc.deserialize_properties_unwrap_secrets(bag, keep_unknowns=True)
        return {
            _NAMES[name]: rpc.UNKNOWN if type(value).__name__ == "Unknown" else value
            for name, value in values.items()
        }

    @staticmethod
    def property_name(wire: str) -> str:
        """The name of the dynamic resource."""
        return _NAMES.get(wire, wire)

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
