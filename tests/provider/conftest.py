from __future__ import annotations

import random

import pytest

from nebius_model_resource._provider import provisioned
from tests.support.engine_calls import Bench, EngineCall, Kind, Models
from tests.support.virtual import Service, VirtualTime


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """A clock that moves only in a sleep; the age of a model is counted on it too."""
    random.seed(0)
    virtual = VirtualTime()
    monkeypatch.setattr(provisioned, "time", virtual)
    return virtual


@pytest.fixture
def service(time: VirtualTime) -> Service:
    """The service on that clock."""
    return Service(time)


@pytest.fixture
def call(time: VirtualTime) -> EngineCall:
    """One call of the engine on that clock."""
    return EngineCall(time)


@pytest.fixture
def models(service: Service) -> Models:
    """The models of one process."""
    return Models(service)


@pytest.fixture
def bench(service: Service, call: EngineCall, models: Models) -> Bench:
    """All of these."""
    return Bench(service, call, models)


@pytest.fixture(params=["model", "endpoint"])
def kind(service: Service, request: pytest.FixtureRequest) -> Kind:
    """Each resource type that waits, in one process."""
    return Kind(service, request.param)
