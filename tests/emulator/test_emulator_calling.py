"""Chat calls, the catalogue, and fine-tuning jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nebius_model_resource.testing.emulator import Emulator

from .conftest import BASE, Api, Clock, Reply

CHAT = "/v1/chat/completions"
JOBS = "/v1/fine_tuning/jobs"


def _chat(api: Api, model: Any, **fields: Any) -> Reply:
    messages = [{"role": "user", "content": "hello there"}]
    return api.call("POST", CHAT, json={"model": model, "messages": messages, **fields})


def test_an_active_model_answers_by_its_full_name(emulator: Emulator, api: Api) -> None:
    """A chat call echoes the full name, says the configured text, and counts words as tokens."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1")
    document = _chat(api, name).json()
    assert (document["model"], document["object"]) == (name, "chat.completion")
    assert document["created"] == 1765431401
    [choice] = document["choices"]
    assert choice["message"] == {"role": "assistant", "content": emulator.settings.completion_text}
    assert document["usage"] == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}


@pytest.mark.parametrize("status", ["validating", "error", "deleted"])
def test_a_model_that_is_not_active_is_404(emulator: Emulator, api: Api, status: str) -> None:
    """Only an active model answers, and only by its full name; bases do, although none may be created on."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1", status=status)
    active = emulator.add_model(name="bot", base_model=BASE, source="file-1")
    for unknown in (name, active.partition("-LoRa:")[2], "nobody/knows"):
        answer = _chat(api, unknown)
        assert answer.status_code == 404
        assert answer.json() == {"detail": f"The model `{unknown}` does not exist."}
    emulator.settings.supported_bases = []
    assert [_chat(api, each).status_code for each in (BASE, active)] == [200, 200]


def test_a_key_calls_the_models_of_its_own_project(
    emulator: Emulator, as_key: Callable[[str | None], Api]
) -> None:
    """For a key that is bound to its own project, a model of another project does not exist."""
    emulator.settings.api_keys = {"key-1": "aiproject-1", "key-2": "aiproject-2"}
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1", ai_project_id="aiproject-1")
    assert [_chat(as_key(key), name).status_code for key in ("key-1", "key-2", None)] == [200, 404, 200]
    lists = [as_key(key).call("GET", "/v1/models").text for key in ("key-1", "key-2")]
    assert [name in each for each in lists] == [True, False]
    other = as_key("key-2").call("GET", "/v1/models", params={"ai_project_id": "aiproject-1"})
    assert other.status_code == 403


def test_the_catalogue_has_bases_and_active_models(emulator: Emulator, api: Api, clock: Clock) -> None:
    """The list of callable models has the documented shape and, once they are active, custom models."""
    name = api.created()
    bases = [each["id"] for each in api.call("GET", "/v1/models").json()["data"]]
    clock.advance(10)
    model = api.call("GET", "/v1/models").json()["data"][-1]
    assert bases == emulator.settings.base_models
    assert model == {"id": name, "object": "model", "created": 1765431401, "owned_by": "system"}
    [entry, *_] = api.call("GET", "/v1/models?verbose=true").json()["data"]
    assert entry["per_request_limits"]["requests_per_minute"] == 60
    emulator.settings.custom_in_catalogue = False
    assert name not in api.call("GET", "/v1/models").text


def test_a_job_succeeds_after_its_time(emulator: Emulator, api: Api, clock: Clock) -> None:
    """A job runs for the configured seconds, and then has its last step; its checkpoints come in pages."""
    job = emulator.add_job(model=BASE, checkpoints={10: {"train_loss": 0.5}, 20: {}})
    running = api.call("GET", f"{JOBS}/{job}").json()
    assert (running["status"], running["finished_at"], running["total_steps"]) == ("running", None, None)
    clock.advance(5)
    done = api.call("GET", f"{JOBS}/{job}").json()
    assert (done["status"], done["finished_at"], done["trained_steps"]) == ("succeeded", 1765431406, 20)
    assert emulator.jobs() == api.call("GET", JOBS).json()["data"] == [done]
    first = api.call("GET", f"{JOBS}/{job}/checkpoints?limit=1").json()
    [checkpoint] = first["data"]
    assert (checkpoint["step_number"], checkpoint["metrics"]) == (10, {"step": 10, "train_loss": 0.5})
    assert checkpoint["fine_tuning_job_id"] == job
    rest = api.call("GET", f"{JOBS}/{job}/checkpoints?after={checkpoint['id']}").json()
    assert [each["step_number"] for each in rest["data"]] == [20]
    assert (first["has_more"], rest["has_more"]) == (True, False)


def test_a_job_is_ended_by_hand(emulator: Emulator, api: Api) -> None:
    """A job that is ended has the given status and reason, and is not ended again; an unknown one is 404."""
    job = emulator.add_job(model=BASE)
    emulator.finish_job(job, "failed", "out of memory")
    document = api.call("GET", f"{JOBS}/{job}").json()
    assert (document["status"], document["error"]["message"]) == ("failed", "out of memory")
    assert api.call("GET", f"{JOBS}/ftjob-1/checkpoints").status_code == 404
    for other, status in ((job, "succeeded"), (emulator.add_job(model=BASE), "running")):
        with pytest.raises(ValueError, match=f"cannot end with '{status}'"):
            emulator.finish_job(other, status)
