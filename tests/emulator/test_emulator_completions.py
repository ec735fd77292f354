from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from nebius_model_resource.testing.emulator import Fault

from .conftest import BASE, Api, Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from nebius_model_resource.testing.emulator import Emulator

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello there"}]
FIELDS = {
    "id",
    "object",
    "created",
    "model",
    "choices",
    "usage",
    "service_tier",
    "system_fingerprint",
    "prompt_logprobs",
}


def _call(api: Api, model: str, **fields: Any) -> requests.Response:
    return api.call("POST", CHAT, json={"model": model, "messages": HELLO, **fields})


def _unknown(name: str) -> dict[str, str]:
    return {"detail": f"The model `{name}` does not exist."}


def test_an_active_model_answers_by_its_full_name(emulator: Emulator, api: Api) -> None:
    """A call echoes the full name and has the fields that were captured from the service."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1")
    answer = _call(api, name)
    document = answer.json()
    assert answer.status_code == 200
    assert set(document) == FIELDS
    assert (document["model"], document["object"], document["created"]) == (
        name,
        "chat.completion",
        1765431401,
    )
    [choice] = document["choices"]
    assert (choice["index"], choice["finish_reason"], choice["message"]["role"]) == (0, "stop", "assistant")
    assert choice["message"]["content"] == emulator.settings.completion_text
    assert document["usage"]["prompt_tokens"] == 2
    assert document["usage"]["total_tokens"] == 2 + document["usage"]["completion_tokens"]
    assert answer.headers["x-inference-id"]


def test_content_may_have_parts_and_choices_be_several(emulator: Emulator, api: Api) -> None:
    """The cookbook sends a list of parts as content; `n` is the number of choices."""
    parts = [{"type": "text", "text": "one two three"}]
    answer = _call(api, BASE, messages=[{"role": "user", "content": parts}], n=2).json()
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    assert answer["usage"]["prompt_tokens"] == 3


def test_a_model_is_called_once_it_is_active(api: Api, clock: Clock) -> None:
    """A call of a validating model is 404, and later calls answer, even if the client does nothing but call it."""
    name = api.created()
    assert _call(api, name).json() == _unknown(name)
    clock.advance(10)
    assert _call(api, name).json()["model"] == name


@pytest.mark.parametrize("status", ["validating", "error", "deleted"])
def test_a_model_that_is_not_active_is_404(emulator: Emulator, api: Api, status: str) -> None:
    """Only an active model answers; a call of any other gets the answer for one that does not exist."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1", status=status)
    answer = _call(api, name)
    assert (answer.status_code, answer.json()) == (404, _unknown(name))


def test_an_unknown_name_is_404_with_the_text_seen_live(emulator: Emulator, api: Api) -> None:
    """An unused name, and the short name of an existing model, get the captured text as answer."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1")
    for unknown in ("nobody/knows", name.partition("-LoRa:")[2], "ft:x:org_placeholder:y"):
        answer = _call(api, unknown)
        assert (answer.status_code, answer.json()) == (404, _unknown(unknown))


def test_bases_still_answer_when_no_adapter_is_accepted(emulator: Emulator, api: Api) -> None:
    """Bases are called and listed although create refuses all of them, as in 2026; existing models still work."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1")
    emulator.settings.supported_bases = []
    assert api.create().status_code == 400
    assert [_call(api, each).status_code for each in (BASE, name)] == [200, 200]
    assert {BASE, name} <= {each["id"] for each in api.call("GET", "/v1/models").json()["data"]}
    emulator.settings.supported_bases = ["acme/base"]
    assert _call(api, "acme/base").status_code == 200


def test_a_key_calls_the_models_of_its_own_project(
    emulator: Emulator, as_key: Callable[[str | None], Api]
) -> None:
    """For a key that is bound to its own project, a model of another project does not exist."""
    emulator.settings.api_keys = {"key-1": "aiproject-1", "key-2": "aiproject-2"}
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1", ai_project_id="aiproject-1")
    answers = [_call(as_key(key), name).status_code for key in ("key-1", "key-2", None)]
    assert answers == [200, 404, 200]
    listed = [
        {each["id"] for each in as_key(key).call("GET", "/v1/models").json()["data"]}
        for key in ("key-1", "key-2")
    ]
    assert [name in each for each in listed] == [True, False]
    assert (
        as_key("key-2").call("GET", "/v1/models", params={"ai_project_id": "aiproject-1"}).status_code == 403
    )


@pytest.mark.parametrize(
    ("changes", "loc", "kind"),
    [
        ({"messages": None}, ["body", "messages"], "list_type"),
        ({"messages": []}, ["body", "messages"], "too_short"),
        ({"messages": [{"role": "robot", "content": ""}]}, ["body", "messages", 0, "role"], "literal_error"),
        ({"model": 1}, ["body", "model"], "string_type"),
        ({"n": 0}, ["body", "n"], "greater_than_equal"),
    ],
)
def test_a_wrong_body_is_422(api: Api, changes: dict[str, Any], loc: list[Any], kind: str) -> None:
    """A wrong body gets the documented list as answer, which names the field."""
    answer = api.call("POST", CHAT, json={"model": BASE, "messages": HELLO, **changes})
    assert answer.status_code == 422
    [item] = answer.json()["detail"]
    assert (item["loc"], item["type"]) == (loc, kind)


def test_a_stream_comes_as_events(emulator: Emulator, api: Api) -> None:
    """With `stream` the text comes in chunks, then the end, the usage if requested, and the closing event."""
    answer = _call(api, BASE, stream=True, stream_options={"include_usage": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, last = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    chunks = [json.loads(each) for each in events]
    assert last == "[DONE]"
    assert {each["object"] for each in chunks} == {"chat.completion.chunk"}
    text = "".join(each["choices"][0]["delta"].get("content", "") for each in chunks if each["choices"])
    assert text == emulator.settings.completion_text
    assert (chunks[-2]["choices"][0]["finish_reason"], chunks[-1]["usage"]["prompt_tokens"]) == ("stop", 2)


def test_the_catalogue_has_bases_and_active_models(emulator: Emulator, api: Api, clock: Clock) -> None:
    """The list of callable models has the documented shape and, once they are active, custom models."""
    name = api.created()
    document = api.call("GET", "/v1/models").json()
    assert document["object"] == "list"
    assert all(set(each) == {"id", "object", "created", "owned_by"} for each in document["data"])
    assert [each["id"] for each in document["data"]] == emulator.settings.base_models
    clock.advance(10)
    assert api.call("GET", "/v1/models").json()["data"][-1] == {
        "id": name,
        "object": "model",
        "created": 1765431401,
        "owned_by": "system",
    }
    emulator.settings.custom_in_catalogue = False
    assert name not in api.call("GET", "/v1/models").text


def test_the_catalogue_has_more_fields_when_asked(api: Api) -> None:
    """With `verbose` each entry has the further fields of the sample that is known."""
    [entry, *_] = api.call("GET", "/v1/models?verbose=true").json()["data"]
    assert {"name", "description", "context_length", "architecture", "quantization", "pricing"} <= set(entry)
    limits = {"requests_per_minute", "tokens_per_minute", "burst_ratio"}
    assert set(entry["per_request_limits"]) == limits


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", CHAT), ("GET", "/v1/models"), ("GET", "/v1/fine_tuning/jobs"), ("GET", "/v1/files")],
)
def test_faults_and_the_key_reach_the_routes_below_v1(
    emulator: Emulator, api: Api, method: str, path: str
) -> None:
    """A fault spoils these routes like any other, and without a key they answer 401 with the text seen live."""
    emulator.add_fault(Fault(method=method, path=path, status=502))
    body = {"model": BASE, "messages": HELLO} if method == "POST" else None
    assert [api.call(method, path, json=body).status_code for _ in range(2)] == [502, 200]
    answer = api.call(method, path, json=body, headers={"Authorization": None})
    assert (answer.status_code, answer.json()) == (
        401,
        {"detail": "Couldn't authenticate. Reason: token is not present"},
    )
