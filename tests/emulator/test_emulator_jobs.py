from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from nebius_model_resource.testing.emulator import Emulator

from .conftest import BASE, Api, Clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import requests

JOBS = "/v1/fine_tuning/jobs"
DOCUMENTED = {
    "id",
    "created_at",
    "finished_at",
    "status",
    "model",
    "training_file",
    "validation_file",
    "hyperparameters",
    "error",
    "result_files",
    "seed",
    "suffix",
    "trained_tokens",
    "trained_steps",
    "total_steps",
    "estimated_finish",
    "integrations",
    "object",
    "organization_id",
}
UUID = "[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"


def _upload(api: Api, purpose: str = "fine-tune") -> str:
    lines = b'{"messages": []}\n' * 100
    answer = api.call("POST", "/v1/files", files={"file": ("train.jsonl", lines)}, data={"purpose": purpose})
    return str(answer.json()["id"])


def _post(api: Api, **changes: Any) -> requests.Response:
    body = {"model": BASE, "training_file": _upload(api), "hyperparameters": {"n_epochs": 4}, **changes}
    return api.call("POST", JOBS, json=body)


def _started(api: Api, **changes: Any) -> str:
    return str(_post(api, **changes).json()["id"])


def _job(api: Api, job: str) -> Any:
    return api.call("GET", f"{JOBS}/{job}").json()


def _checkpoints(api: Api, job: str, **query: Any) -> Any:
    return api.call("GET", f"{JOBS}/{job}/checkpoints", params=query).json()


def test_a_job_runs_and_then_has_a_checkpoint_for_each_epoch(api: Api, clock: Clock) -> None:
    """A job has the documented fields, runs for its time, and leaves one checkpoint per epoch, the last one final."""
    job = _post(api, suffix="demo", seed=42).json()
    assert re.fullmatch(r"ftjob-[0-9a-f]{32}", job["id"])
    assert set(job) >= DOCUMENTED
    assert (job["status"], job["suffix"], job["seed"], job["finished_at"]) == ("running", "demo", 42, None)
    assert (job["object"], job["organization_id"], job["error"]) == ("fine_tuning.job", "", None)
    clock.advance(2.6)
    assert len(_checkpoints(api, job["id"])["data"]) == 2
    clock.advance(10)
    done = _job(api, job["id"])
    assert (done["status"], done["finished_at"]) == ("succeeded", 1765431406)
    assert done["fine_tuned_model"] is None
    assert done["trained_steps"] == done["total_steps"] == 4 * 13
    listed = _checkpoints(api, job["id"])
    assert [each["step_number"] for each in listed["data"]] == [13, 26, 39, 52]
    assert (listed["object"], listed["has_more"]) == ("list", False)
    assert (listed["first_id"], listed["last_id"]) == (listed["data"][0]["id"], listed["data"][-1]["id"])
    last = listed["data"][-1]
    assert re.fullmatch(f"ftckpt_{UUID}", last["id"])
    assert (last["object"], last["fine_tuning_job_id"]) == ("fine_tuning.job.checkpoint", job["id"])
    assert {"train_loss", "valid_loss", "step"} <= set(last["metrics"])
    assert last["fine_tuned_model_checkpoint"].endswith(":org_placeholder:demo:IDPlaceholder:ckpt-step-52")
    single = api.call("GET", f"{JOBS}/{job['id']}/checkpoints/{last['id']}").json()
    assert {**single, "result_files": last["result_files"]} == last
    assert "result_files" not in single


def test_result_files_are_those_of_an_adapter(api: Api, clock: Clock) -> None:
    """A checkpoint's files are read by their ids, each named below a folder, and are the files of an adapter."""
    job = _started(api)
    clock.advance(10)
    files = _checkpoints(api, job)["data"][-1]["result_files"]
    names = [api.call("GET", f"/v1/files/{each}").json()["filename"].split("/")[1] for each in files]
    assert {"adapter_config.json", "adapter_model.safetensors"} <= set(names)
    assert len(names) == 6
    config = api.call("GET", f"/v1/files/{files[names.index('adapter_config.json')]}/content").json()
    assert (config["base_model_name_or_path"], config["r"]) == (BASE, 8)


def test_a_checkpoint_is_a_source(emulator: Emulator, api: Api, clock: Clock) -> None:
    """With `check_sources` a model can come from a checkpoint that a job has, but from no other one of that job."""
    emulator.settings.check_sources = True
    job = _started(api)
    clock.advance(10)
    last = _checkpoints(api, job)["data"][-1]["id"]
    good, bad = api.created(source=f"{job}:{last}"), api.created(source=f"{job}:ftckpt_1")
    api.list()
    clock.advance(10)
    seen = [api.read(name).json() for name in (good, bad)]
    assert [each["status"] for each in seen] == ["active", "error"]
    assert (seen[0]["job_id"], seen[0]["checkpoint_id"]) == (job, last)
    assert seen[1]["status_reason"] == f"The checkpoint `{job}:ftckpt_1` does not exist."


def test_a_cancelled_job_has_no_final_checkpoint(api: Api, clock: Clock) -> None:
    """A cancelled job keeps the checkpoints so far, never gets another status, and can be cancelled only once."""
    job = _started(api)
    clock.advance(2.6)
    cancelled = api.call("POST", f"{JOBS}/{job}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    clock.advance(100)
    assert (_job(api, job)["status"], _job(api, job)["result_files"]) == ("cancelled", [])
    assert len(_checkpoints(api, job)["data"]) == 2
    assert api.call("POST", f"{JOBS}/{job}/cancel").status_code == 400


def test_a_job_may_fail(emulator: Emulator, api: Api, clock: Clock) -> None:
    """A job with a certain suffix fails, with the message as error and last event, and without a final checkpoint."""
    emulator.settings.failing_jobs = {"bad": "out of memory"}
    bad, good = _started(api, suffix="bad"), _started(api)
    clock.advance(10)
    document = _job(api, bad)
    assert (document["status"], _job(api, good)["status"]) == ("failed", "succeeded")
    assert document["error"] == {"code": "training_failed", "message": "out of memory", "param": None}
    event = api.call("GET", f"{JOBS}/{bad}/events").json()["data"][-1]
    assert (event["level"], event["message"]) == ("error", "out of memory")
    assert len(_checkpoints(api, bad)["data"]) == 3


def test_events_say_what_happened(api: Api, clock: Clock) -> None:
    """Events come oldest first, in the words seen live, page by page."""
    job = _started(api, validation_file=_upload(api))
    path = f"{JOBS}/{job}/events"
    assert [each["message"] for each in api.call("GET", path).json()["data"]] == ["Job is submitted"]
    clock.advance(10)
    events = api.call("GET", path).json()
    assert [(each["level"], each["message"]) for each in events["data"]] == [
        ("info", "Job is submitted"),
        ("info", "Dataset 'validation' processed successfully"),
        ("info", "Dataset 'training' processed successfully"),
        ("info", "Training completed successfully"),
    ]
    assert events["has_more"] is False
    first = api.call("GET", path, params={"limit": 3}).json()
    rest = api.call("GET", path, params={"after": first["data"][-1]["id"]}).json()
    assert (first["has_more"], first["data"] + rest["data"]) == (True, events["data"])


def test_jobs_and_checkpoints_come_in_pages(api: Api, clock: Clock) -> None:
    """Jobs are listed newest first; `limit`, `after` and `has_more` page through jobs and checkpoints."""
    jobs = [_started(api) for _ in range(3)]
    first = api.call("GET", JOBS, params={"limit": 2}).json()
    assert [each["id"] for each in first["data"]] == jobs[:0:-1]
    assert first["has_more"] is True
    second = api.call("GET", JOBS, params={"limit": 2, "after": first["data"][-1]["id"]}).json()
    assert ([each["id"] for each in second["data"]], second["has_more"]) == (jobs[:1], False)
    clock.advance(10)
    every = _checkpoints(api, jobs[0])["data"]
    page = _checkpoints(api, jobs[0], limit=1, after=every[1]["id"])
    assert (page["data"], page["has_more"]) == ([every[2]], True)
    assert api.call("GET", JOBS, params={"after": "ftjob-1"}).status_code == 404
    assert api.call("GET", JOBS, params={"limit": 0}).json()["detail"][0]["loc"] == ["query", "limit"]


@pytest.mark.parametrize(
    ("hyperparameters", "kind"),
    [
        ({"batch_size": 65}, "less_than_equal"),
        ({"batch_size": 0}, "greater_than_equal"),
        ({"n_epochs": 21}, "less_than_equal"),
        ({"n_epochs": "auto"}, "int_parsing"),
        ({"lora_r": 4}, "greater_than_equal"),
        ({"lora_alpha": 7}, "greater_than_equal"),
        ({"lora_dropout": 1.5}, "less_than_equal"),
        ({"context_length": 4096}, "literal_error"),
    ],
)
def test_hyperparameters_have_bounds(
    emulator: Emulator, api: Api, hyperparameters: dict[str, Any], kind: str
) -> None:
    """A hyperparameter outside its documented bounds is 422 with its name, and starts nothing."""
    answer = _post(api, hyperparameters=hyperparameters)
    assert answer.status_code == 422
    [item] = answer.json()["detail"]
    assert (item["type"], item["loc"]) == (kind, ["body", "hyperparameters", *hyperparameters])
    assert emulator.jobs() == []


def test_wrong_fields_of_a_job_are_refused(api: Api) -> None:
    """A long suffix is 422; a file that is missing or for another purpose, and a wrong model, are 400."""
    assert _post(api, suffix="a" * 65).status_code == 422
    assert _post(api, suffix="a" * 64).status_code == 200
    assert _post(api, training_file="file-1").json() == {"detail": "The file `file-1` does not exist."}
    for changes in ({"validation_file": "file-1"}, {"training_file": _upload(api, "batch")}, {"model": "x"}):
        assert _post(api, **changes).status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", "/cancel"),
        ("GET", "/events"),
        ("GET", "/checkpoints"),
        ("GET", "/checkpoints/x"),
    ],
)
def test_an_unknown_job_is_404(api: Api, method: str, path: str) -> None:
    """Every route about one job answers 404 with its id if there is no such job."""
    answer = api.call(method, f"{JOBS}/ftjob-1{path}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "The job `ftjob-1` does not exist."})


def test_jobs_belong_to_projects(emulator: Emulator, as_key: Callable[[str | None], Api]) -> None:
    """A list has the jobs of one project; a key of another project may neither list nor start jobs there."""
    emulator.settings.api_keys = {"key-1": "aiproject-1", "key-2": "aiproject-2"}
    job = _started(as_key("key-1"))
    assert [each["id"] for each in as_key("key-1").call("GET", JOBS).json()["data"]] == [job]
    assert as_key("key-2").call("GET", JOBS).json()["data"] == []
    query = {"ai_project_id": "aiproject-1"}
    assert as_key("key-2").call("GET", JOBS, params=query).status_code == 403
    body = {"model": BASE, "training_file": _upload(as_key("key-2"))}
    assert as_key("key-2").call("POST", JOBS, json=body, params=query).status_code == 403


def test_a_job_is_ended_by_hand(emulator: Emulator, api: Api) -> None:
    """A test or another process can end a job with any final status; a mistake is refused."""
    first, second = _started(api), _started(api)
    emulator.finish_job(first)
    assert len(_checkpoints(api, first)["data"]) == 4
    answer = api.call("PATCH", f"/_emulator/jobs/{second}", json={"status": "failed", "message": "why"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (200, "why")
    assert [each["status"] for each in api.call("GET", "/_emulator/jobs").json()] == ["failed", "succeeded"]
    assert api.call("PATCH", f"/_emulator/jobs/{second}", json={}).status_code == 422
    assert api.call("PATCH", "/_emulator/jobs/ftjob-1", json={}).status_code == 404
    with pytest.raises(ValueError, match="allowed are"):
        emulator.finish_job(first, "running")
    with pytest.raises(LookupError):
        emulator.finish_job("ftjob-1")


def test_jobs_and_files_outlive_a_restart(tmp_path: Path, clock: Clock) -> None:
    """With a state file the next run continues the jobs, and has files and contents; deleted ones are gone."""
    state = tmp_path / "below" / "state.json"
    with Emulator(clock=clock, seed=1, state_file=state) as emulator:
        api = Api(emulator)
        job, gone = _started(api), _upload(api)
        api.call("DELETE", f"/v1/files/{gone}")
        clock.advance(2.6)
        before = _checkpoints(api, job)["data"]
        api.session.close()
    with Emulator(clock=clock, seed=1, state_file=state) as emulator:
        api = Api(emulator)
        assert api.call("GET", f"/v1/files/{gone}").status_code == 404
        clock.advance(10)
        after = _checkpoints(api, job)["data"]
        assert (before, after[:2], len(after)) == (after[:2], before, 4)
        training = _job(api, job)["training_file"]
        assert len(api.call("GET", f"/v1/files/{training}/content").content) == 1700
        other = _started(api)
        assert len({job, other, *(each["id"] for each in emulator.files())}) == 2 + len(emulator.files())
        api.session.close()
    assert len(list((tmp_path / "below" / "state.json.files").iterdir())) == len(emulator.files())


def test_a_state_file_with_models_alone_is_loaded(tmp_path: Path) -> None:
    """A state file of an earlier version, without jobs and files, still loads."""
    state = tmp_path / "state.json"
    state.write_text('{"models": []}')
    emulator = Emulator(state_file=state)
    assert (emulator.models(), emulator.jobs(), emulator.files()) == ([], [], [])
