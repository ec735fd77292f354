# ruff: noqa: N802, D102 - the methods and their meaning are the protocol's
"""The two gRPC services that a program and a host talk to: ResourceMonitor and Engine.

Here requests become goals and refusals; the deployment acts on them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2, resource_pb2_grpc

from . import urns
from .deployment import Deployment
from .errors import EngineError, Refused, Unavailable
from .host import CHANNEL_OPTIONS
from .resources import Goal, Resource
from .values import from_struct, to_struct

_FEATURES = {"secrets", "deletedWith", "aliasSpecs"}
# The engine claims support for these features in order to refuse them in its own words. Without the claim
# an SDK asks the user to update the Pulumi CLI.
_CLAIMED = {
    "transforms",
    "invokeTransforms",
    "resourceHooks",
    "errorHooks",
    "parameterization",
    "replaceWith",
}
_REFUSED = {
    "Call": "methods (calls)",
    "RegisterPackage": "parameterized packages",
    "RegisterStackTransform": "transforms",
    "RegisterStackInvokeTransform": "transforms of invokes",
    "RegisterResourceHook": "resource hooks",
    "RegisterErrorHook": "error hooks",
    "ExistsResource": "looking up resources in the state",
}
_GET_RESOURCE = "pulumi:pulumi:getResource"  # the function by which the SDK serves the `urn` option
_SEVERITIES = {0: "debug", 1: "info", 2: "warning", 3: "error"}
# Fields of a registration that ask for unsupported features, with the words that users know.
_UNSUPPORTED = {
    "importId": "the `import_` option",
    "version": "the `version` option",
    "pluginDownloadURL": "the `plugin_download_url` option",
    "pluginChecksums": "a checksum of a plugin",
    "remote": "a remote component",
    "transforms": "resource transforms",
    "state_migrations": "state migrations",
    "packageRef": "a parameterized package",
    "replace_with": "the `replace_with` option",
    "hideDiffs": "the `hide_diffs` option",
    "envVarMappings": "the `env_var_mappings` option",
}
_DURATION = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: str) -> float:
    """The seconds of `1h30m`, `90s`, `1.5m`; a whole number is an integer, as the CLI writes it.

    Raises:
        Refused: It is not such a duration.
    """
    parts = _DURATION.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise Refused(f"custom timeout {duration!r} is not a duration such as '90s' or '1h30m'")
    total = sum((float(number) * _SECONDS[unit] for number, unit in parts), 0.0)
    return int(total) if total.is_integer() else total


def refuse_unsupported(request: Any) -> None:
    """Refuse, in one line, what this engine does not support.

    Raises:
        Refused: The resource is of another provider, or uses an option left out here.
    """
    called = f"{request.type} {request.name!r}"
    dynamic = request.type == urns.PROVIDER_TYPE or request.type.startswith(urns.DYNAMIC_PREFIX)
    if request.custom and not dynamic:
        raise Refused(f"{called}: only dynamic resources (pulumi-python:…) are supported by this engine")
    _refuse_fields(request)
    fields = request.DESCRIPTOR.fields_by_name
    if "hooks" in fields and any(names for _, names in request.hooks.ListFields()):
        raise Refused(f"{called}: resource hooks are not supported by this engine")
    if "replacement_trigger" in fields and request.HasField("replacement_trigger"):
        raise Refused(f"{called}: the `replacement_trigger` option is not supported by this engine")


def _refuse_fields(request: Any) -> None:
    fields = request.DESCRIPTOR.fields_by_name
    for field, words in _UNSUPPORTED.items():
        if field in fields and getattr(request, field):
            raise Refused(f"{request.type} {request.name!r}: {words} is not supported by this engine")


def goal_of(request: Any) -> Goal:
    """What a RegisterResource request asks for."""
    refuse_unsupported(request)
    timeouts = {name: getattr(request.customTimeouts, name) for name in ("create", "update", "delete")}
    return Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        properties=from_struct(request.object),
        dependencies=list(request.dependencies),
        property_dependencies={key: list(value.urns) for key, value in request.propertyDependencies.items()},
        aliases=[_alias(alias) for alias in request.aliases]
        + [urns.Alias(urn=urn) for urn in request.aliasURNs],
        ignore_changes=list(request.ignoreChanges),
        replace_on_changes=list(request.replaceOnChanges),
        additional_secret_outputs=list(request.additionalSecretOutputs),
        custom_timeouts={name: seconds(text) for name, text in timeouts.items() if text},
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        protect=request.protect,
        retain_on_delete=request.retainOnDelete,
        deleted_with=request.deletedWith,
        provider=request.provider,
    )


def _alias(alias: Any) -> urns.Alias:
    if alias.WhichOneof("alias") == "urn":
        return urns.Alias(urn=alias.urn)
    spec = alias.spec
    return urns.Alias(
        name=spec.name,
        type=spec.type,
        stack=spec.stack,
        project=spec.project,
        parent=spec.parentUrn,
        no_parent=spec.noParent,
    )


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """What a program asks of the engine."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in _FEATURES | _CLAIMED)

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        identity = self._deployment.identity
        known = resource_pb2.ResourceMonitorFeature
        names = {name: re.sub("([A-Z])", r"_\1", name).upper() for name in _FEATURES | _CLAIMED}
        features = [known.Value(f"RESOURCE_MONITOR_FEATURE_{name}") for name in sorted(names.values())]
        return resource_pb2.DeploymentInfo(
            project=identity.project,
            stack=identity.stack,
            organization=identity.organization,
            dryRun=self._deployment.dry_run,
            supportedFeatures=features,
        )

    def RegisterResource(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            found = self._deployment.register(goal_of(request))
            response = resource_pb2.RegisterResourceResponse(urn=found.urn, id=found.id)
            if (
                found.urn in self._deployment.planner.skipped
                and "unknown" in response.DESCRIPTOR.fields_by_name
            ):
                response.unknown = True
            # A component's former outputs may refer to resources that do not exist yet.
            if found.custom:
                response.object.CopyFrom(to_struct(found.outputs, secrets=request.acceptSecrets))
            return response

    def ReadResource(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            if not request.type.startswith(urns.DYNAMIC_PREFIX):
                raise Refused(
                    f"{request.type} {request.name!r}: only dynamic resources can be read by this engine"
                )
            _refuse_fields(request)
            stack, project = self._deployment.identity.stack, self._deployment.identity.project
            urn = urns.make(stack, project, request.parent, request.type, request.name)
            found = self._deployment.read(
                Resource(
                    urn=urn,
                    type=request.type,
                    custom=True,
                    external=True,
                    id=request.id,
                    parent=request.parent,
                    provider=request.provider,
                    inputs=from_struct(request.properties),
                    dependencies=sorted(request.dependencies),
                    additional_secret_outputs=list(request.additionalSecretOutputs),
                )
            )
            properties = to_struct(found.outputs, secrets=request.acceptSecrets)
            return resource_pb2.ReadResourceResponse(urn=found.urn, properties=properties)

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            self._deployment.register_outputs(request.urn, from_struct(request.outputs))
            return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            if request.tok == _GET_RESOURCE:
                urn = request.args.fields["urn"].string_value
                raise Refused(f"{urn}: the `urn` option of a resource is not supported by this engine")
            raise Refused(f"{request.tok}: functions (invokes) are not supported by this engine")

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        # The program waits here for hooks to be called; without hooks it may continue.
        return empty_pb2.Empty()

    @contextmanager
    def _answering(self, context: Any) -> Iterator[None]:
        """Turn each failure into what the program's SDK understands: the monitor is gone."""
        try:
            yield
        except Unavailable:
            context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor shut down")
        except EngineError as fault:
            self._deployment.report(self._deployment.stack_urn, str(fault))
            self._deployment.give_up()
            context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor shut down")


def _refuse(words: str) -> Callable[[Monitor, Any, Any], Any]:
    def refuse(self: Monitor, request: Any, context: Any) -> Any:  # noqa: ARG001
        with self._answering(context):
            raise Refused(f"{words} are not supported by this engine")

    return refuse


for _method, _words in _REFUSED.items():
    setattr(Monitor, _method, _refuse(_words))


class Engine(engine_pb2_grpc.EngineServicer):
    """What a program and a provider send to the engine."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._root = ""

    def Log(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        severity = _SEVERITIES.get(request.severity, "info")
        if severity == "debug":
            return empty_pb2.Empty()
        # A program that is being ended complains about exactly that.
        if severity != "error" or request.urn or not self._deployment.given_up.is_set():
            events = self._deployment.events
            events.say(request.message, severity=severity, urn=request.urn, ephemeral=request.ephemeral)
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return engine_pb2.RequirePulumiVersionResponse()


@contextmanager
def serving(deployment: Deployment, threads: int) -> Iterator[str]:
    """Serve both on a free port of loopback; yields the address."""
    server = grpc.server(
        # Each registration holds a thread until its step is done.
        ThreadPoolExecutor(max_workers=threads, thread_name_prefix="monitor"),
        options=CHANNEL_OPTIONS,
    )
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(deployment), server)
    engine_pb2_grpc.add_EngineServicer_to_server(Engine(deployment), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()
