from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from nebius_model_resource.provider import DedicatedEndpointProvider
from nebius_model_resource.testing.emulator import Emulator
from tests.support.engine_calls import ENDPOINT_INPUTS, MODEL_INPUTS
from tests.support.host_here import HostHere
from tests.support.plugin import PluginHere


@dataclass(frozen=True)
class Kind:
    """A resource type that waits, as an edge and the service see it: for tests that hold for each of them.

    Attributes:
        path: where the service has them.
        first: the status of a new one.
        inputs: of one that is waited for.
    """

    noun: str
    path: str
    first: str
    inputs: dict[str, Any]

    def named(self, name: str) -> dict[str, Any]:
        """The inputs of one with another name."""
        key = {"routing_key": f"dedicated/{name}-0123abcd"} if self.noun == "endpoint" else {}
        return {**self.inputs, "name": name, **key}

    def ids(self, service: Emulator, name: str = "") -> list[str]:
        """What the service has, or what it has of that name."""
        if self.noun == "endpoint":
            return [each["id"] for each in service.endpoints() if name in ("", each["name"])]
        return [each["name"] for each in service.models() if f":{name}-" in each["name"] or not name]

    def add(self, service: Emulator, name: str) -> tuple[str, dict[str, Any]]:
        """Id and properties of one that was created by hand."""
        if self.noun == "model":
            id_ = service.add_model(name=name, base_model="acme/Base", source="file-1")
            return id_, {**self.named(name), "generated_name": id_, "status": "active"}
        id_ = service.service.endpoints.add(name=name, model_name="acme/Base").id
        return id_, {**self.named(name), "endpoint_id": id_, "status": "running"}

    def becomes_ready(self, service: Emulator, id_: str) -> None:
        """What starts is ready from now on."""
        if self.noun == "model":
            service.change_model(id_, status="active")
        else:
            service.service.endpoints.change(id_, status="running")


OWN = {"__provider": serialize_provider(DedicatedEndpointProvider())}
KINDS = {
    "model": Kind("model", "/v0/models", "validating", MODEL_INPUTS),
    "endpoint": Kind("endpoint", "/v0/dedicated_endpoints", "starting", {**ENDPOINT_INPUTS, **OWN}),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each resource type that waits."""
    return KINDS[request.param]


@pytest.fixture
def service() -> Iterator[Emulator]:
    """A service that is quick."""
    with Emulator(validation_seconds=0.1, endpoint_seconds=0.1) as running:
        yield running


@pytest.fixture
def host_here(service: Emulator, edge: str) -> Iterator[HostHere]:
    """One host for all calls of a test, as one host serves all operations of an `up`."""
    config = {"nebius-models:apiKey": service.api_key, "nebius-models:baseUrl": service.url}
    with (HostHere if edge == "dynamic" else PluginHere)(config) as running:
        yield running
