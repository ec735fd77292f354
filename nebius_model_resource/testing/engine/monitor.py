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
from pulumi.runtime.proto import engine_pb2_grpc, resource_pb2, resource_pb2_grpc

from . import urns
from .deployment import Deployment
from .errors import EngineError, Unavailable, unsupported
from .host import CHANNEL_OPTIONS
from .resources import Goal, Resource
from .values import from_struct, to_struct

# Not claimed: an SDK then computes aliases itself, sends ids for resources, and plain values for outputs. Everything
# else is claimed, and refused where it is used: without the claim an SDK asks the user to update the Pulumi CLI.
_NOT_CLAIMED = {"aliasSpecs", "resourceReferences", "outputValues"}
_SEVERITIES = {0: "debug", 1: "info", 2: "warning", 3: "error"}
# The fields of a registration or a read that are used, or have no effect here; any other one is refused.
_KNOWN = {"type", "name", "parent", "custom", "object", "provider", "providers", "dependencies"}
_KNOWN |= {"propertyDependencies", "customTimeouts", "aliasURNs", "retainOnDelete", "id", "properties"}
_KNOWN |= {"acceptSecrets", "acceptResources", "supportsPartialValues", "supportsResultReporting"}
_KNOWN |= {"hooks", "sourcePosition", "stackTrace"}
_DURATION = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: str) -> float:
    """The seconds of `1h30m`, `90s`, `1.5m`; a whole number is an integer, as the CLI writes it.

    Raises:
        EngineError: It is not such a duration.
    """
    parts = _DURATION.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise EngineError(f"custom timeout {duration!r} is not a duration such as '90s' or '1h30m'")
    total = sum((float(number) * _SECONDS[unit] for number, unit in parts), 0.0)
    return int(total) if total.is_integer() else total


def refuse_unsupported(request: Any) -> None:
    """Refuse, in one line, what this engine does not support.

    Raises:
        Refused: The resource is of another provider, or uses an option left out here.
    """
    called = f"{request.type} {request.name!r}"
    dynamic = request.type == urns.PROVIDER_TYPE or request.type.startswith(urns.DYNAMIC_PREFIX)
    if getattr(request, "custom", True) and not dynamic:
        raise unsupported(f"{called}: a resource other than dynamic ones (pulumi-python:…) is")
    for field, _ in request.ListFields():
        if field.name not in _KNOWN:
            raise unsupported(f"{called}: the option `{field.name}` is")


def goal_of(request: Any) -> Goal:
    """What a RegisterResource request asks for."""
    refuse_unsupported(request)
    timeouts = {name: getattr(request.customTimeouts, name) for name in ("create", "update", "delete")}
    listed = {key: list(value.urns) for key, value in request.propertyDependencies.items()}
    return Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        properties=from_struct(request.object),
        dependencies=list(request.dependencies),
        property_dependencies={key: needed for key, needed in listed.items() if needed},
        # The SDK's URN of a former child of the stack has the stack's type.
        aliases=[urn.replace(f"::{urns.STACK_TYPE}$", "::") for urn in request.aliasURNs],
        custom_timeouts={name: seconds(text) for name, text in timeouts.items() if text},
        retain_on_delete=request.retainOnDelete,
        provider=request.provider,
    )


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """What a program asks of the engine."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id not in _NOT_CLAIMED)

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "the SDK asks for each feature instead")

    def RegisterResource(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            found = self._deployment.register(goal_of(request))
            skipped = found.urn in self._deployment.planner.skipped
            response = resource_pb2.RegisterResourceResponse(urn=found.urn, id=found.id)
            if skipped and "unknown" in response.DESCRIPTOR.fields_by_name:
                response.unknown = True
            # A component's former outputs may refer to resources that do not exist yet.
            if found.custom:
                response.object.CopyFrom(to_struct(found.outputs, secrets=request.acceptSecrets))
            return response

    def ReadResource(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            refuse_unsupported(request)
            stack, project = self._deployment.identity.stack, self._deployment.identity.project
            urn = urns.make(stack, project, request.parent, request.type, request.name)
            asked = Resource(urn, request.type, custom=True, external=True, id=request.id)
            asked.parent, asked.provider = request.parent, request.provider
            asked.inputs, asked.dependencies = from_struct(request.properties), sorted(request.dependencies)
            found = self._deployment.read(asked)
            properties = to_struct(found.outputs, secrets=request.acceptSecrets)
            return resource_pb2.ReadResourceResponse(urn=found.urn, properties=properties)

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:
        with self._answering(context):
            self._deployment.register_outputs(request.urn, from_struct(request.outputs))
            return empty_pb2.Empty()

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


def _refuse(method: str) -> Callable[[Monitor, Any, Any], Any]:
    def refuse(self: Monitor, request: Any, context: Any) -> Any:
        with self._answering(context):
            token = getattr(request, "tok", "")
            raise unsupported(f"{token} ({method}) is" if token else f"{method} is")

    return refuse


for _method in vars(resource_pb2_grpc.ResourceMonitorServicer):
    if not _method.startswith("_") and _method not in vars(Monitor):
        setattr(Monitor, _method, _refuse(_method))


class Engine(engine_pb2_grpc.EngineServicer):
    """What a program and a provider send to the engine."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def Log(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        severity = _SEVERITIES.get(request.severity, "info")
        # A program that is being ended complains about exactly that.
        ended = severity == "error" and not request.urn and self._deployment.given_up.is_set()
        if severity != "debug" and not ended:
            events = self._deployment.events
            events.say(request.message, severity=severity, urn=request.urn, ephemeral=request.ephemeral)
        return empty_pb2.Empty()


@contextmanager
def serving(deployment: Deployment, threads: int) -> Iterator[None]:
    """Serve both on a free port of loopback, which the deployment then knows."""
    server = grpc.server(
        # Each registration holds a thread until its step is done.
        ThreadPoolExecutor(max_workers=threads, thread_name_prefix="monitor"),
        options=CHANNEL_OPTIONS,
    )
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(deployment), server)
    engine_pb2_grpc.add_EngineServicer_to_server(Engine(deployment), server)
    deployment.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield
    finally:
        server.stop(grace=None).wait()
