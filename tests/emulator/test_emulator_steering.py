from __future__ import annotations

from typing import Any

import pytest

from nebius_model_resource.testing.emulator import Emulator

from .conftest import BASE, SOURCE, Api, Clock, Reply


def _steer(api: Api, method: str, path: str, body: Any = None) -> Reply:
    return api.call(method, f"/_emulator/{path}", json=body, headers={"Authorization": None})


def test_calls_are_recorded(emulator: Emulator, api: Api) -> None:
    """A record has the method, path, query, headers, body, status, key and time of a call."""
    name = api.created(ai_project_id="aiproject-e00other")
    api.read(name)
    created, read = emulator.requests()
    assert (created.method, created.path, created.status) == ("POST", "/v0/models", 200)
    assert created.query == {"ai_project_id": "aiproject-e00other"}
    assert created.body == {"name": "my-model", "base_model": BASE, "source": SOURCE}
    assert created.headers["authorization"] == "Bearer emulator-key"
    assert created.time == 1_765_431_401.5
    assert read.path == f"/v0/models/{name}"
    assert read.body is None
    assert emulator.requests("GET", "/v0/models/*") == [read]
    assert emulator.requests(path="/v0/models") == [created]


def test_models_created_outside_of_the_api(emulator: Emulator, api: Api) -> None:
    """A model created by hand appears in the API with its status, which reads do not change."""
    name = emulator.add_model(
        name="x", base_model=BASE, source="file-1", description="d", status="validating", ai_project_id="p"
    )
    assert [api.read(name).json()["status"] for _ in range(3)] == ["validating"] * 3
    assert [each["name"] for each in api.list("p")] == [name]
    [model] = emulator.models()
    assert (model["name"], model["short_name"]) == (name, name.partition("-LoRa:")[2])
    assert (model["custom_name"], model["source"], model["description"]) == ("x", "file-1", "d")
    assert (model["ai_project_id"], model["created_at"], model["status_reason"]) == ("p", 1765431401, None)


def test_models_changed_outside_of_the_api(emulator: Emulator, api: Api, clock: Clock) -> None:
    """Fields changed by hand appear in the API, and a status set by hand stays."""
    name = api.created()
    emulator.change_model(name, status="error", status_reason="why", description="new")
    clock.advance(100)
    seen = [api.read(name).json() for _ in range(2)][1]
    assert (seen["status"], seen["status_reason"], seen["description"]) == ("error", "why", "new")
    with pytest.raises(ValueError, match="colour"):
        emulator.change_model(name, colour="red")
    with pytest.raises(ValueError, match="ready"):
        emulator.change_model(name, status="ready")
    emulator.remove_model(name)
    assert api.read(name).status_code == 404
    with pytest.raises(LookupError, match="my-model"):
        emulator.remove_model(name)


def test_requests_over_http(emulator: Emulator, api: Api) -> None:
    """Another process reads and clears the records; its own calls need no key and leave none."""
    api.list()
    api.create()
    assert [each["path"] for each in _steer(api, "GET", "requests").json()] == ["/v0/models"] * 2
    assert len(_steer(api, "GET", "requests?method=POST&path=/v0/*").json()) == 1
    assert _steer(api, "DELETE", "requests").status_code == 204
    assert emulator.requests() == []


def test_faults_over_http(emulator: Emulator, api: Api) -> None:
    """Another process adds, lists and clears fault rules; a wrong rule is refused."""
    added = _steer(api, "POST", "faults", {"method": "GET", "status": 500, "times": None})
    assert added.status_code == 201
    assert api.call("GET", "/v0/models").status_code == 500
    (rule,) = _steer(api, "GET", "faults").json()
    assert (rule["id"], rule["hits"], rule["left"], rule["status"]) == (added.json()["id"], 1, None, 500)
    assert _steer(api, "POST", "faults", {"action": "explode"}).status_code == 422
    assert _steer(api, "DELETE", "faults").status_code == 204
    assert api.call("GET", "/v0/models").status_code == 200


def test_settings_over_http(emulator: Emulator, api: Api) -> None:
    """Another process reads and changes settings; a wrong one is refused and nothing changes."""
    changed = _steer(api, "PATCH", "settings", {"hidden_missing": True})
    assert changed.json() == _steer(api, "GET", "settings").json()
    assert emulator.settings.hidden_missing
    wrong = _steer(api, "PATCH", "settings", {"hidden_missing": False, "validation_seconds": "long"})
    assert wrong.status_code == 422
    assert emulator.settings.hidden_missing


def test_models_over_http(emulator: Emulator, api: Api) -> None:
    """Another process creates, lists, changes and removes models; its mistakes are refused."""
    body = {"name": "x", "base_model": BASE, "source": SOURCE}
    made = _steer(api, "POST", "models", body)
    assert (made.status_code, made.json()) == (201, emulator.models()[0])
    name = made.json()["name"]
    assert _steer(api, "PATCH", f"models/{name}", {"description": "new"}).json()["description"] == "new"
    assert _steer(api, "GET", "models").json() == emulator.models()
    assert _steer(api, "PATCH", f"models/{name}", {"colour": "red"}).status_code == 422
    assert _steer(api, "POST", "models", {**body, "status": "ready"}).status_code == 422
    assert _steer(api, "DELETE", f"models/{name}").json()["status"] == "deleted"
    assert _steer(api, "DELETE", f"models/{name}").status_code == 404
    assert _steer(api, "PATCH", f"models/{name}", {"description": "new"}).status_code == 404


def test_jobs_over_http(emulator: Emulator, api: Api) -> None:
    """Another process adds jobs; its mistakes are refused."""
    job = _steer(api, "POST", "jobs", {"model": BASE, "checkpoints": {"13": {"train_loss": 0.5}}}).json()[
        "id"
    ]
    assert [each["id"] for each in emulator.jobs()] == [job]
    assert _steer(api, "POST", "jobs", {"colour": 1}).status_code == 422
