from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests

from nebius_model_resource.testing.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"
SOURCE = "ftjob-1:ftckpt_2"


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_765_431_401.5

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Api:
    """Calls of the API with the right key, over one connection."""

    def __init__(self, emulator: Emulator, key: str | None = None) -> None:
        self.emulator = emulator
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {key or emulator.api_key}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.emulator.url + path, **{"timeout": 60, **options})

    def create(self, **changes: Any) -> requests.Response:
        project = changes.pop("ai_project_id", None)
        body = {"name": "my-model", "base_model": BASE, "source": SOURCE, **changes}
        return self.call("POST", "/v0/models", json=body, params={"ai_project_id": project})

    def created(self, **changes: Any) -> str:
        name = self.create(**changes).json()["name"]
        assert isinstance(name, str)
        return name

    def read(self, name: str) -> requests.Response:
        return self.call("GET", "/v0/models/" + quote(name, safe=""))

    def list(self, ai_project_id: str | None = None) -> Any:
        return self.call("GET", "/v0/models", params={"ai_project_id": ai_project_id}).json()

    def delete(self, name: str) -> requests.Response:
        return self.call("DELETE", "/v0/models/" + quote(name, safe=""))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Iterator[Emulator]:
    with Emulator(clock=clock, seed=1) as emulator:
        yield emulator


@pytest.fixture
def as_key(emulator: Emulator) -> Iterator[Callable[[str | None], Api]]:
    opened: list[Api] = []

    def make(key: str | None) -> Api:
        opened.append(Api(emulator, key))
        return opened[-1]

    yield make
    for api in opened:
        api.session.close()


@pytest.fixture
def api(as_key: Callable[[str | None], Api]) -> Api:
    return as_key(None)
