from __future__ import annotations

from collections.abc import Iterator

import pytest

from nebius_model_resource.testing.emulator import Emulator
from tests.support.host_here import HostHere
from tests.support.plugin import PluginHere


@pytest.fixture(scope="module")
def shared_emulator(edge: str) -> Iterator[Emulator]:
    """One service for all tests of a module on one `edge`: :func:`service` empties it for each test."""
    with Emulator(validation_seconds=0.1) as running:
        yield running


@pytest.fixture(scope="module")
def shared_host(shared_emulator: Emulator, edge: str) -> Iterator[HostHere]:
    """One host for all tests of a module, as one host serves all operations of an `up`."""
    config = {"nebius-models:apiKey": shared_emulator.api_key, "nebius-models:baseUrl": shared_emulator.url}
    with (HostHere if edge == "dynamic" else PluginHere)(config) as running:
        yield running


@pytest.fixture
def service(shared_emulator: Emulator) -> Iterator[Emulator]:
    """The module's service, without models, faults or requests; its settings are restored at the end."""
    before = shared_emulator.settings.model_dump()
    empty(shared_emulator)
    yield shared_emulator
    shared_emulator.settings.update(**before)
    empty(shared_emulator)


def empty(emulator: Emulator) -> None:
    """Remove every model, fault and request."""
    emulator.clear_faults()
    for model in emulator.models():
        emulator.remove_model(model["name"])
    emulator.clear_requests()
