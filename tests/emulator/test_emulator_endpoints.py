"""Dedicated endpoints: how they live and what is refused; the contract suite holds what each call answers."""

from __future__ import annotations

from typing import Any

import pytest

from nebius_model_resource.testing.emulator import Emulator

from .conftest import Api, Clock, Reply

PATH = "/v0/dedicated_endpoints"
MODEL = {"name": "bot", "model_name": "Qwen/Qwen3-32B", "flavor_name": "base", "region": "eu-north1"}
BODY = {**MODEL, "gpu_type": "h100", "gpu_count": 1, "scaling": {"min_replicas": 2, "max_replicas": 3}}
READY, PARTLY = ("running", "ready", 2, 200), ("running", "partially_ready", 1, 200)
STARTING, UPDATING, STOPPING, STOPPED, ERROR = (
    (each, "not_ready", 0, 404) for each in ("starting", "updating", "stopping", "stopped", "error")
)


def _create(api: Api, **changes: Any) -> Reply:
    return api.call("POST", PATH, json={**BODY, **changes})


def _first(api: Api) -> Any:
    return api.call("GET", PATH).json()["data"][0]


def _update(api: Api, **changes: Any) -> Reply:
    return api.call("PATCH", f"{PATH}/{_first(api)['id']}", json=changes)


def _seen(api: Api) -> tuple[str, str, int, int]:
    """The deployment of the first endpoint, and what a chat call of it answers."""
    endpoint = _first(api)
    found = endpoint["deployment"]
    body = {"model": endpoint["routing_key"], "messages": [{"role": "user", "content": "hi"}]}
    status = api.call("POST", "/v1/chat/completions", json=body).status_code
    return found["status"], found["readiness"], found["ready_replicas"], status


def test_a_wrong_body_is_refused(api: Api) -> None:
    """A field that is missing, out of bounds or no whole number is 422, and so is what an update cannot change."""
    wrong: list[dict[str, Any]] = [{"name": ""}, {"name": "x" * 101}, {"gpu_count": -1}, {"gpu_count": 1.0}]
    wrong += [{"scaling": {"min_replicas": least, "max_replicas": 1}} for least in (0, 1.0)]
    wrong += [{"routing_key": key} for key in ("private/0123", "dedicated/", "dedicated/" + "x" * 119)]
    lacking = {item["loc"][1] for item in api.call("POST", PATH, json={}).json()["detail"]}
    made = _create(api, gpu_count=0, routing_key="dedicated/" + "x" * 118)
    assert (lacking, made.status_code) == (set(BODY), 201)
    for body in (*wrong, {"description": "x" * 501}):
        assert {call(api, **body).status_code for call in (_create, _update)} == {422}
    assert {_update(api, **{key: "x"}).status_code for key in ("region", "model_name", "flavor_name")} == {
        422
    }


def test_an_endpoint_lives_by_the_clock(emulator: Emulator, api: Api, clock: Clock) -> None:
    """It starts, updates when what it runs on changes, stops and starts; a read after an update may be late."""
    _create(api)
    seen = [_seen(api)]
    emulator.settings.endpoint_lag = 1
    steps: tuple[dict[str, Any], ...] = {}, {"custom_weights_id": "model-artifact_1"}, {"enabled": False}
    for changes in (*steps, {"gpu_count": 4}, {"enabled": True}):
        _update(api, **changes)
        for seconds in (0.5, 0.5, 2):
            clock.advance(seconds)
            seen.append(_seen(api))
    assert seen[:4] == [STARTING, STARTING, STARTING, READY]
    assert seen[4:] == [READY, UPDATING, READY, READY, STOPPING, *[STOPPED] * 5, STARTING, READY]


@pytest.mark.parametrize("name", ["bot", "*"])
@pytest.mark.parametrize(
    ("end", "seen"), [("starting", STARTING), ("error", ERROR), ("partially_ready", PARTLY)]
)
def test_a_start_may_end_otherwise(emulator: Emulator, api: Api, name: str, end: Any, seen: Any) -> None:
    """Without capacity an endpoint, or each one, starts for ever or ends in error; it may also be partly ready."""
    emulator.settings.update(endpoint_ends={name: end}, active_on_create=True)
    _create(api)
    assert _seen(api) == seen
    emulator.settings.endpoint_ends = {}
    _update(api, gpu_count=2)
    assert _seen(api) == READY


def test_an_update_keeps_what_it_does_not_name(emulator: Emulator, api: Api) -> None:
    """Null leaves a field, "UNSET" clears the weights, names and scaling restart nothing, a taken key is 409."""
    emulator.settings.active_on_create = True
    before = _create(api, custom_weights_id="model-artifact_1").json()["endpoint"]
    emulator.settings.active_on_create = False
    changes = {
        "name": "new",
        "scaling": {"min_replicas": 1, "max_replicas": 1},
        "routing_key": "dedicated/one",
    }
    after = {**before, **changes, "deployment": {**before["deployment"], "ready_replicas": 1}}
    assert _update(api, **changes, gpu_type=None).json() == after == _first(api)
    assert _update(api, custom_weights_id="UNSET").json()["custom_weights_id"] is None
    assert [call(api, routing_key="dedicated/one").status_code for call in (_create, _update)] == [409, 200]
    emulator.settings.same_routing_keys = True
    assert _create(api, routing_key="dedicated/one").status_code == 201


def test_endpoints_change_by_hand(emulator: Emulator, api: Api, clock: Clock) -> None:
    """An endpoint made by hand is ready; any field can be set, a status stays; a project has its own."""
    endpoints = emulator.service.endpoints
    endpoints.add(name="other", ai_project_id="aiproject-e00other")
    made = endpoints.add(name="bot", scaling=BODY["scaling"])
    assert (_first(api)["created_at"], _seen(api)) == ("2025-12-11T05:36:41.500000Z", READY)
    endpoints.change(made.id, readiness="not_ready", ready_replicas=5)
    assert (_seen(api), _update(api, gpu_count=4).status_code) == (("running", "not_ready", 5, 404), 200)
    assert _seen(api) == UPDATING
    endpoints.change(made.id, status="error", gpu_count=2)
    clock.advance(100)
    assert (_seen(api), _first(api)["gpu_count"]) == (ERROR, 2)
    for wrong in ({"colour": "red"}, {"status": "ready"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            endpoints.change(made.id, **wrong)
    endpoints.remove(made.id)
    assert [each["name"] for each in emulator.endpoints()] == ["other"]
