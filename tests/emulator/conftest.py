from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
import requests

from nebius_model_resource.testing.emulator import Answer, Emulator, Request

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


class Reply:
    """An answer of the core, read as one of `requests`."""

    def __init__(self, answer: Answer) -> None:
        self.status_code = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self.content = answer.body
        self.fault = answer.fault

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return json.loads(self.content)


class Api:
    """Calls of the core with a key, without a socket; time passes on the clock of the test."""

    def __init__(self, emulator: Emulator, clock: Clock, key: str | None = None) -> None:
        self.emulator = emulator
        self.clock = clock
        self.key = f"Bearer {key or emulator.api_key}"

    def call(self, method: str, path: str, **options: Any) -> Reply:
        headers = {"Authorization": self.key, **options.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        sent = requests.Request(method, "http://service.test" + path, headers=headers, **options).prepare()
        given = {name.lower(): str(value) for name, value in sent.headers.items()}
        body = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
        request = Request(method, sent.path_url, given, body)
        return Reply(self.emulator.service.answer(request, self.clock.advance))

    def create(self, **changes: Any) -> Reply:
        project = changes.pop("ai_project_id", None)
        body = {"name": "my-model", "base_model": BASE, "source": SOURCE, **changes}
        return self.call("POST", "/v0/models", json=body, params={"ai_project_id": project})

    def created(self, **changes: Any) -> str:
        name = self.create(**changes).json()["name"]
        assert isinstance(name, str)
        return name

    def read(self, name: str) -> Reply:
        return self.call("GET", "/v0/models/" + quote(name, safe=""))

    def list(self, ai_project_id: str | None = None) -> Any:
        return self.call("GET", "/v0/models", params={"ai_project_id": ai_project_id}).json()

    def delete(self, name: str) -> Reply:
        return self.call("DELETE", "/v0/models/" + quote(name, safe=""))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Emulator:
    """An emulator that is not started: tests call its core."""
    return Emulator(clock=clock, seed=1)


@pytest.fixture
def running() -> Iterator[Emulator]:
    """An emulator on a socket."""
    with Emulator(seed=1) as emulator:
        yield emulator


@pytest.fixture
def as_key(emulator: Emulator, clock: Clock) -> Callable[[str | None], Api]:
    return lambda key: Api(emulator, clock, key)


@pytest.fixture
def api(as_key: Callable[[str | None], Api]) -> Api:
    return as_key(None)
