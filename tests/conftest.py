from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from nebius_model_resource.testing.emulator import Emulator
from tests.support.host import DynamicHost
from tests.support.host_here import HostHere

if TYPE_CHECKING:
    from pathlib import Path

# A run finds what its change broke, and nothing else; `scripts/test --hypothesis-profile=search` looks for more.
settings.register_profile("repeat", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=3000)
settings.load_profile("repeat")

pytest_plugins = ["pytester"]  # for the tests of the pytest plugin; allowed at this level alone

INPUTS = {
    "name": "bot",
    "base_model": "meta-llama/Meta-Llama-3.1-8B-Instruct",
    "source": "ftjob-0123:ftckpt_4567",
    "description": "first",
    "wait_for_active": True,
}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """The service, with models that validate for a moment."""
    with Emulator(validation_seconds=0.3) as running:
        yield running


@pytest.fixture
def host(emulator: Emulator) -> Iterator[HostHere]:
    """The code of the real dynamic-provider host in this process, configured for the emulator."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    with HostHere(config) as running:
        yield running


@pytest.fixture
def host_process(emulator: Emulator) -> Iterator[DynamicHost]:
    """The real dynamic-provider host, configured for the emulator."""
    with DynamicHost(
        {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    ) as running:
        yield running


@pytest.fixture
def inputs() -> dict[str, object]:
    """The inputs of one model."""
    return dict(INPUTS)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("NEBIUS_API_KEY", "NEBIUS_BASE_URL", "NEBIUS_AI_PROJECT_ID"):
        monkeypatch.delenv(variable, raising=False)
