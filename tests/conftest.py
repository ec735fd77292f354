from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from nebius_model_resource.testing.emulator import Emulator
from tests.support.host import DynamicHost
from tests.support.host_here import HostHere
from tests.support.plugin import PluginHere, PluginProcess

if TYPE_CHECKING:
    from pathlib import Path

# A run uses the same examples each time; `scripts/test --hypothesis-profile=search` tries others.
settings.register_profile("repeat", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=3000)
settings.load_profile("repeat")

pytest_plugins = ["pytester"]  # for the tests of the pytest plugin; allowed only at this level

LONGEST_ID = 60
INPUTS = {
    "name": "bot",
    "base_model": "meta-llama/Meta-Llama-3.1-8B-Instruct",
    "source": "ftjob-0123:ftckpt_4567",
    "description": "first",
    "wait_for_active": True,
}


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a test by the beginning of a long parameter: some have megabytes."""
    if isinstance(val, str | bytes) and len(val) > LONGEST_ID:
        return ascii(val[:LONGEST_ID])[1:-1]
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the tests that compute most, so that no worker runs them alone at the end."""
    items.sort(key=lambda item: item.path.parent.name not in {"engine", "stacks"})


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """The service, with models that validate for a short time."""
    with Emulator(validation_seconds=0.3) as running:
        yield running


@pytest.fixture(scope="module", params=["dynamic", "plugin"])
def edge(request: pytest.FixtureRequest) -> str:
    """The edge that a test goes through; `dynamic_only` leaves the plugin out."""
    return str(request.param)


@pytest.fixture
def host(emulator: Emulator, edge: str) -> Iterator[HostHere]:
    """The code of an edge in this process, configured for the emulator."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    with (HostHere if edge == "dynamic" else PluginHere)(config) as running:
        yield running


@pytest.fixture
def host_process(emulator: Emulator, edge: str) -> Iterator[DynamicHost]:
    """The process of an edge, configured for the emulator."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    with (DynamicHost if edge == "dynamic" else PluginProcess)(config) as running:
        yield running


@pytest.fixture
def inputs() -> dict[str, object]:
    """The inputs of one model."""
    return dict(INPUTS)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A machine's own bundle of certificates takes 25 ms to read, for each client.
    bundles = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    for variable in ("NEBIUS_API_KEY", "NEBIUS_BASE_URL", "NEBIUS_AI_PROJECT_ID", *bundles):
        monkeypatch.delenv(variable, raising=False)
