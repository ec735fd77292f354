from __future__ import annotations

import pytest

from nebius_model_resource.testing.emulator import Emulator

from .conftest import Api, Clock

NO_TOKEN = "Couldn't authenticate. Reason: token is not present"
BAD_TOKEN = "Couldn't authenticate. Reason: Unable authenticate"


@pytest.mark.parametrize("key", [None, "Bearer wrong", "Bearer ", "emulator-key", "Basic emulator-key"])
def test_a_call_needs_the_key(api: Api, key: str | None) -> None:
    """Without the right key every call is 401, with the body seen live for a missing or a wrong key."""
    for call in ("GET /v0/models", "POST /v0/models", "DELETE /v0/models/x", "GET /v1/x"):
        answer = api.call(*call.split(), headers={"Authorization": key})
        detail = NO_TOKEN if key is None else BAD_TOKEN
        assert (answer.status_code, answer.json()) == (401, {"detail": detail})


def test_every_bad_field_is_reported_at_once(api: Api) -> None:
    """One 422 lists all fields that are missing or of a wrong type, in the framework's shape."""
    body = {"name": 1, "source": None, "description": ["x"]}
    answer = api.call("POST", "/v0/models", json=body)
    assert answer.status_code == 422
    items = answer.json()["detail"]
    assert [(item["type"], item["loc"]) for item in items] == [
        ("string_type", ["body", "name"]),
        ("missing", ["body", "base_model"]),
        ("string_type", ["body", "source"]),
        ("string_type", ["body", "description"]),
    ]
    assert (items[0]["msg"], items[0]["input"]) == ("Input should be a valid string", 1)
    assert api.emulator.models() == []


def test_what_is_not_a_call_of_the_api_is_refused(emulator: Emulator, api: Api) -> None:
    """An unknown route is 404, an update of a model 405, and any body that is not a model 422 with a list."""
    assert api.call("GET", "/v0/operations").status_code == 404
    assert api.call("PUT", "/v0/models/x").status_code == 405
    for body in ("", "{", "[]", '"text"', '{"name": "\\ud800"}', '{"name": NaN}', "\x00", "[" * 100_000):
        answer = api.call("POST", "/v0/models", data=body)
        assert answer.status_code == 422
        assert all({"type", "loc", "msg"} <= set(item) for item in answer.json()["detail"])
    assert [each.status for each in emulator.requests()] == [404, 405] + [422] * 8


def test_the_rate_limit_answers_429(emulator: Emulator, api: Api, clock: Clock) -> None:
    """Past the limit a call is 429 and does nothing until the time in Retry-After has passed."""
    emulator.settings.rate_limit_per_minute = 60
    assert {api.call("GET", "/v0/models").status_code for _ in range(60)} == {200}
    answer = api.create()
    assert answer.status_code == 429
    assert isinstance(answer.json()["detail"], str)
    assert answer.headers["retry-after"] == "1"
    assert api.call("GET", "/v1/files").status_code == 200
    assert emulator.models() == []
    clock.advance(1)
    assert api.create().status_code == 200
    assert api.create().status_code == 429
