"""The engine's calls to the plugin, answered by what decides.

The base is the protocol's own servicer, as Pulumi's guide for providers in Python has it
(https://www.pulumi.com/docs/iac/guides/building-extending/providers/implementers/implement-a-provider-in-python/).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.output import Unknown
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from nebius_model_resource import __version__
from nebius_model_resource._api.models import ACTIVE, Fault
from nebius_model_resource._api.settings import PLUGIN, PROVIDER
from nebius_model_resource._edges.account import Account
from nebius_model_resource._edges.archives import ModelArchives
from nebius_model_resource._edges.call import explained
from nebius_model_resource._edges.custom_models import CustomModels
from nebius_model_resource._edges.engine import Engine
from nebius_model_resource._edges.partial_state import struct_of
from nebius_model_resource._edges.plugin.bags import Bag, on_the_wire, schema_name
from nebius_model_resource._edges.plugin.call import PluginCall
from nebius_model_resource._edges.plugin.functions import FUNCTIONS
from nebius_model_resource._edges.results import Changes
from nebius_model_resource.errors import InvalidInputs

PACKAGE = "nebius-models"
_DEFAULT_PROVIDER = re.compile(r"default(_\d.*)?")  # the engine's own name, with the plugin's version
_COMPUTED = {
    "CustomModel": ("generated_name", "status", "status_reason", "created_at"),
    "ModelArchive": ("file_id", "filename", "size", "created_at"),
}


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
        self._decisions: dict[str, CustomModels | ModelArchives] = {}
        self._account = Account(lambda _key: None)
        self._calls: set[PluginCall] = set()
        self._lock = threading.Lock()

    def idle(self) -> bool:
        """Whether no call is running."""
        with self._lock:
            return not self._calls

    # The plugin itself. The names of methods are the protocol's.

    def Attach(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Show everything to the engine at that address."""
        self.engine = self._open(request.address)
        return Empty()

    def Handshake(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Agree on what both sides send."""
        self.engine = self._open(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

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
        """Accept the configuration: the check of each resource reports its faults, with the environment's."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Name the changed settings: another account's key never replaces a model."""
        old, new = dict(request.olds), dict(request.news)
        changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        return _diff_response(Changes({name: _kind(old.get(name), new.get(name)) for name in changed}))

    def Configure(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Take the configuration of the stack, or of an explicit provider."""
        given = _plain(request.args)
        given[PLUGIN.partition(":")[2]] = "true"
        if (name := request.name) and not _DEFAULT_PROVIDER.fullmatch(name):
            given[PROVIDER.partition(":")[2]] = name

        def lookup(key: str) -> str | None:
            return given.get(key.partition(":")[2])

        self._account = Account(lookup)
        self._decisions = {"CustomModel": CustomModels(lookup), "ModelArchive": ModelArchives(lookup)}
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    # Resources.

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Report every fault of every property."""
        olds, news = Bag(request.olds), Bag(request.news)
        with self._served("check", request, context) as (call, decisions):
            values = {**news.values, "secret_inputs": sorted(news.secrets)}
            if decisions.noun == "model":
                values.setdefault("name", _resource_name(request.urn))
            checked = decisions.check(call, olds.values, values)
        failures = [
            provider_pb2.CheckFailure(property=schema_name(name), reason=reason)
            for name, reason in checked.failures
        ]
        inputs = on_the_wire(checked.inputs, news.secrets)
        return provider_pb2.CheckResponse(inputs=inputs, failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Name just the inputs that changed, each with its kind."""
        olds, news = Bag(request.olds), Bag(request.news)
        with self._served("diff", request, context) as (call, decisions):
            changes = decisions.diff(call, request.id, olds.values, news.values)
        if olds.foreign and not changes.kinds:
            # The state of a dynamic resource: an update writes it anew, under the names of the schema.
            changes = Changes({_COMPUTED[_resource_type(request.urn)][0]: "ADD"}, of_inputs=False)
        return _diff_response(changes)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Create the resource; in a preview, say what it will have."""
        props = Bag(request.properties)
        if request.preview:
            # The engine takes `supportsPreview` for granted once `Handshake` is answered (3.260).
            unknown = dict.fromkeys(_COMPUTED[_resource_type(request.urn)], rpc.UNKNOWN)
            return provider_pb2.CreateResponse(properties=on_the_wire(props.values | unknown, props.secrets))
        with self._served("create", request, context) as (call, decisions):
            call.secrets = props.secrets
            found = decisions.create(call, props.values)
        return provider_pb2.CreateResponse(id=found.id, properties=on_the_wire(found.outputs, props.secrets))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Read what is live: for a refresh, for `get`, or for an import, which knows no more than an id."""
        props = Bag(request.properties)
        known = Bag(request.inputs) if request.HasField("inputs") else None
        recorded = None if known is None else frozenset(known.values)
        with self._served("read", request, context, recorded) as (call, decisions):
            call.secrets = secrets = props.secrets | (known.secrets if known else frozenset())
            if known is None and not props.values:
                found = decisions.import_(call, request.id)
            else:
                found = decisions.read(call, request.id, props.values)
        if found is None:
            return provider_pb2.ReadResponse()
        inputs = on_the_wire(found.inputs, secrets) if found.inputs else None
        return provider_pb2.ReadResponse(
            id=found.id, properties=on_the_wire(found.outputs, secrets), inputs=inputs
        )

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Continue a create that did not finish, or change what can change in place."""
        olds, news = Bag(request.olds), Bag(request.news)
        secrets = olds.secrets | news.secrets
        if request.preview:
            outputs = olds.values | news.values
            if outputs.get("status", ACTIVE) != ACTIVE:  # the update waits for it
                outputs |= {"status": rpc.UNKNOWN, "status_reason": None}
            return provider_pb2.UpdateResponse(properties=on_the_wire(outputs, secrets))
        with self._served("update", request, context) as (call, decisions):
            call.secrets = secrets
            outputs = decisions.update(call, request.id, olds.values, news.values)
        return provider_pb2.UpdateResponse(properties=on_the_wire(outputs, secrets))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Delete the resource; succeed if it does not exist any more."""
        props = Bag(request.properties)
        with self._served("delete", request, context) as (call, decisions):
            decisions.delete(call, request.id, props.values)
        return Empty()

    # Functions.

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Call a function."""
        known = FUNCTIONS.get(request.tok.removeprefix(f"{PACKAGE}:index:"))
        if known is None:
            _refuse(context, f"{PACKAGE} has no function {request.tok!r}")
        function, needed = known
        args = _plain(request.args)
        if needed and not (isinstance(args.get(needed), str) and args[needed]):
            return _wrong_arguments(Fault(needed, "missing: give a text"))
        with self._calling("invoke", PluginCall(request, context, self.engine), self._account):
            try:
                result = function(self._account, args)
            except InvalidInputs as error:
                return _wrong_arguments(*error.faults)
        return provider_pb2.InvokeResponse(**{"return": struct_of(result)})

    @contextmanager
    def _served(
        self, method: str, request: Any, context: Any, recorded: frozenset[str] | None = None
    ) -> Iterator[tuple[PluginCall, CustomModels | ModelArchives]]:
        decisions = self._decisions.get(_resource_type(request.urn))
        if decisions is None:
            _refuse(context, f"{PACKAGE} has no such resource: {request.urn}")
        call = PluginCall(request, context, self.engine, recorded)
        with self._calling(method, call, decisions):
            yield call, decisions

    @contextmanager
    def _calling(self, method: str, call: PluginCall, account: Account) -> Iterator[None]:
        with self._lock:
            self._calls.add(call)
        try:
            with explained(call, method, account.noun, account.places):
                yield
        finally:
            call.end()
            with self._lock:
                self._calls.discard(call)


def _refuse(context: Any, message: str) -> NoReturn:
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, message)
    raise AssertionError("abort returned")


def _wrong_arguments(*faults: Fault) -> Any:
    """The answer to a function that was called with such arguments."""
    failures = [
        provider_pb2.CheckFailure(property=schema_name(fault.property), reason=fault.reason)
        for fault in faults
    ]
    return provider_pb2.InvokeResponse(failures=failures)


def schema() -> str:
    """The schema of the package, as JSON."""
    return files(__package__).joinpath("schema.json").read_text(encoding="utf-8")


def _resource_type(urn: str) -> str:
    """``CustomModel`` of ``urn:pulumi:stack::project::parent$nebius-models:index:CustomModel::name``."""
    return urn.split("::")[2].rpartition(":")[2]


def _resource_name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _plain(bag: Struct) -> dict[str, Any]:
    """A bag without marks; unknown values are missing."""
    values, _ = rpc.deserialize_properties_unwrap_secrets(bag, keep_unknowns=True)
    return {name: value for name, value in values.items() if not isinstance(value, Unknown)}


def _kind(old: Any, new: Any) -> str:
    if old is None:
        return "ADD"
    return "DELETE" if new is None else "UPDATE"


def _diff_response(changes: Changes) -> Any:
    response = provider_pb2.DiffResponse
    kinds = provider_pb2.PropertyDiff.Kind
    end = "_REPLACE" if changes.replaces else ""
    names = {schema_name(name): kind for name, kind in changes.kinds.items()}
    return response(
        changes=response.DIFF_SOME if names or changes.updates else response.DIFF_NONE,
        replaces=list(names) if changes.replaces else [],
        detailedDiff={
            name: provider_pb2.PropertyDiff(kind=kinds.Value(kind + end), inputDiff=changes.of_inputs)
            for name, kind in names.items()
        },
        hasDetailedDiff=bool(names),
    )
