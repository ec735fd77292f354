"""The engine's calls to the plugin, handed to the resource types.

The base is the protocol's own servicer, as Pulumi's guide for providers in Python has it
(https://www.pulumi.com/docs/iac/guides/building-extending/providers/implementers/implement-a-provider-in-python/).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from nebius_model_resource import __version__
from nebius_model_resource._engine import Engine
from nebius_model_resource._plugin.call import PluginCall
from nebius_model_resource._plugin.wire import Bag, diff_response, on_the_wire, plain
from nebius_model_resource._provider import lookups, messages
from nebius_model_resource._provider.account import account_of
from nebius_model_resource._provider.archives import ModelArchives
from nebius_model_resource._provider.calls import Changes, change_kind
from nebius_model_resource._provider.endpoints import DedicatedEndpoints
from nebius_model_resource._provider.models import CustomModels
from nebius_model_resource._provider.properties import camel
from nebius_model_resource._provider.resource_type import ResourceType, explained
from nebius_model_resource._service.settings import API_KEY, PLUGIN, PROVIDER, unknown_setting
from nebius_model_resource.errors import InvalidInputs

PACKAGE = "nebius-models"
_ALL: tuple[type[ResourceType], ...] = (CustomModels, ModelArchives, DedicatedEndpoints)
TYPES = {messages.TYPES[each.collection.noun]: each for each in _ALL}
FUNCTIONS = {
    camel(function.name): function
    for function in vars(lookups).values()
    if isinstance(function, lookups.Function)
}
_DEFAULT_PROVIDER = re.compile(r"default(_\d.*)?")  # the engine's own name, with the plugin's version
# What the engine adds to the settings of a provider.
_ENGINES_OWN = {"version", "pluginDownloadURL", "pluginChecksums"}
_KEY = API_KEY.partition(":")[2]


class PluginServicer(provider_pb2_grpc.ResourceProviderServicer):
    """The plugin; all threads of the server share it."""

    def __init__(self, engine: Callable[[str], Engine], address: str = "") -> None:
        """Nothing is sent.

        Args:
            engine: gives the engine at an address.
            address: the engine's; empty if it attaches later.
        """
        self._open = engine
        self.engine = engine(address)
        self._resources = _resources(lambda _key: None)
        self._calls: set[PluginCall] = set()
        self._lock = threading.Lock()

    def idle(self) -> bool:
        """Whether no call is running."""
        with self._lock:
            return not self._calls

    # The plugin itself. The names of methods are the protocol's.

    def Attach(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Show everything to the engine at that address."""
        self._serve(request.address)
        return Empty()

    def Handshake(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Agree on what both sides send."""
        self._serve(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def _serve(self, address: str) -> None:
        self.engine = self._open(address)
        account_of.cache_clear()  # a plugin that is attached forgets what it read for an earlier engine

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """The plugin's version."""
        from pulumi.runtime.proto import plugin_pb2

        return plugin_pb2.PluginInfo(version=__version__)

    def GetSchema(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """What programs can declare."""
        return provider_pb2.GetSchemaResponse(schema=schema())

    def Cancel(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Let every running call end soon. The engine sends it at each normal end too: then none is running."""
        with self._lock:
            calls = set(self._calls)
        for call in calls:
            call.interrupt()
        return Empty()

    # The account.

    def CheckConfig(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Refuse settings that do not exist, and mark the key as a secret, so that the state holds it encrypted.

        The engine does not say whether the stack's configuration has it as one (3.276). The check of each resource
        reports the faults of the values, with the environment's.
        """
        given = dict(request.news)
        names = sorted(name for name in given.keys() - _ENGINES_OWN if not name.startswith("__"))
        # The engine shows the value of a property that is named, and the value of a misspelt `apiKey` is a key.
        failures = _failures([("", reason) for name in names if (reason := unknown_setting(name))])
        inputs = request.news
        key = given.get(_KEY)
        if isinstance(key, str) and key != rpc.UNKNOWN:
            inputs[_KEY] = rpc.wrap_rpc_secret(key)
        return provider_pb2.CheckResponse(inputs=inputs, failures=failures)

    def DiffConfig(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Name the changed settings: another account's key never replaces a model."""
        old, new = dict(request.olds), dict(request.news)
        changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        return diff_response(Changes({name: change_kind(old.get(name), new.get(name)) for name in changed}))

    def Configure(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Take the configuration of the stack, or of an explicit provider."""
        given = plain(request.args)
        given[PLUGIN.partition(":")[2]] = "true"
        if (name := request.name) and not _DEFAULT_PROVIDER.fullmatch(name):
            given[PROVIDER.partition(":")[2]] = name
        self._resources = _resources(lambda key: given.get(key.partition(":")[2]))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    # Resources.

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Report every fault of every property."""
        with self._served("check", request, context, request.olds, request.news) as served:
            olds, news = served.bags
            if "name" in served.resources.table.inputs:
                news.values.setdefault("name", request.urn.split("::", 3)[3])
            checked = served.resources.check(served.call, olds.values, news.values)
        inputs, failures = served.wire(checked.inputs), _failures(checked.failures)
        return provider_pb2.CheckResponse(inputs=inputs, failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Name just the inputs that changed, each with its kind."""
        with self._served("diff", request, context, request.olds, request.news) as served:
            olds, news = served.bags
            changes = served.resources.diff(served.call, request.id, olds.values, news.values)
        if olds.is_dynamic and not changes.kinds:
            # An update writes the state again, under the names of the schema.
            changes = Changes({next(iter(served.resources.table.outputs)): "ADD"}, of_inputs=False)
        return diff_response(changes)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Create the resource; in a preview, say what it will have."""
        with self._served("create", request, context, request.properties) as served:
            [props] = served.bags
            if request.preview:
                # The engine takes `supportsPreview` for granted once `Handshake` is answered (3.260).
                outputs = {**props.values, **dict.fromkeys(served.resources.table.outputs, rpc.UNKNOWN)}
                return provider_pb2.CreateResponse(properties=served.wire(outputs))
            found = served.resources.create(served.call, props.values)
        return provider_pb2.CreateResponse(id=found.id, properties=served.wire(found.outputs))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Read what is live: for a refresh, for `get`, or for an import, which knows no more than an id."""
        with self._served("read", request, context, request.inputs, request.properties) as served:
            known, props = served.bags
            if request.HasField("inputs"):
                served.call.recorded = frozenset(known.values)
            if served.call.recorded is None and not props.values:
                found = served.resources.import_(served.call, request.id)
            else:
                found = served.resources.read(served.call, request.id, props.values)
        if found is None:
            return provider_pb2.ReadResponse()
        inputs = served.wire(found.inputs) if found.inputs else None
        return provider_pb2.ReadResponse(id=found.id, properties=served.wire(found.outputs), inputs=inputs)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Continue a create that did not finish, or change what can change in place."""
        with self._served("update", request, context, request.olds, request.news) as served:
            olds, news = served.bags
            if request.preview:
                outputs = olds.values | news.values
                if not served.resources.is_settled(served.resources.table.state_of(request.id, outputs)):
                    outputs |= {"status": rpc.UNKNOWN, "status_reason": None}  # the update waits for it
            else:
                outputs = served.resources.update(served.call, request.id, olds.values, news.values)
        return provider_pb2.UpdateResponse(properties=served.wire(outputs))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Delete the resource; succeed if it does not exist any more."""
        with self._served("delete", request, context, request.properties) as served:
            served.resources.delete(served.call, request.id, served.bags[0].values)
        return Empty()

    # Functions.

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Call a function."""
        function = FUNCTIONS.get(request.tok.removeprefix(f"{PACKAGE}:index:"))
        if function is None:
            _refuse(context, f"{PACKAGE} has no function {request.tok!r}")
        argument = plain(request.args).get(camel(function.argument))
        resources = self._resources[messages.TYPES[function.collection.noun]]
        with self._calling("query", PluginCall(request, context, self.engine, resources.table), resources):
            try:
                found = function.call(resources.account().client, resources.configuration, argument)
            except InvalidInputs as error:
                faults = [(fault.property, fault.reason) for fault in error.faults]
                return provider_pb2.InvokeResponse(failures=_failures(faults))
        answer = {function.results: [*map(_fields, found)]} if function.results else _fields(found)
        response: Mapping[str, Any] = {"return": answer}
        return provider_pb2.InvokeResponse(**response)

    @contextmanager
    def _served(self, method: str, request: Any, context: Any, *structs: Any) -> Iterator[_Served]:
        """Serve a call about a resource; what is secret in the last bag is secret in the answer."""
        # `CustomModel` of `urn:pulumi:stack::project::parent$nebius-models:index:CustomModel::name`
        resources = self._resources.get(request.urn.split("::")[2].rpartition(":")[2])
        if resources is None:
            _refuse(context, f"{PACKAGE} has no such resource: {request.urn}")
        bags = [Bag(struct, resources.table) for struct in structs]
        call = PluginCall(request, context, self.engine, resources.table, bags[-1].secrets)
        with self._calling(method, call, resources):
            yield _Served(resources, call, bags)

    @contextmanager
    def _calling(self, method: str, call: PluginCall, resources: ResourceType) -> Iterator[None]:
        with self._lock:
            self._calls.add(call)
        try:
            with explained(call, method, resources.configuration, resources.noun):
                yield
        finally:
            call.close()
            with self._lock:
                self._calls.discard(call)


@dataclass(frozen=True)
class _Served:
    """A call about a resource: its type, the call, and the bags of the request."""

    resources: ResourceType
    call: PluginCall
    bags: list[Bag]

    def wire(self, values: Mapping[str, Any]) -> Any:
        """A bag for the answer."""
        return on_the_wire(values, self.resources.table, self.call.secrets)


def _resources(lookup: Callable[[str], Any]) -> dict[str, ResourceType]:
    return {name: type_(lookup) for name, type_ in TYPES.items()}


def _fields(found: Any) -> dict[str, Any]:
    """A dataclass with the names of the schema, without what the service does not report."""
    return {camel(name): value for name, value in asdict(found).items() if value is not None}


def _refuse(context: Any, message: str) -> NoReturn:
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, message)
    raise AssertionError("abort returned")


def _failures(faults: Iterable[tuple[str, str]]) -> list[Any]:
    return [provider_pb2.CheckFailure(property=camel(name), reason=reason) for name, reason in faults]


def schema() -> str:
    """The schema of the package, as JSON."""
    return files(__package__).joinpath("schema.json").read_text(encoding="utf-8")
