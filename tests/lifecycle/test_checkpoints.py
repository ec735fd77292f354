"""The checkpoints of a job from which a model can be created."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nebius_model_resource._api.connection import Connection
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._api.transport import Answer
from nebius_model_resource._lifecycle.checkpoints import CheckpointMissing, checkpoints_of, latest_checkpoint
from nebius_model_resource.errors import AccessDenied, DeadlineExceeded, InvalidInputs
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.jobs import train
from tests.support.virtual import VirtualTime


@pytest.fixture
def connection(emulator: Emulator) -> Iterator[Connection]:
    """A connection to the emulator."""
    made = Connection(Settings(emulator.url, emulator.api_key), first_pause=0.01)
    yield made
    made.close()


def serve(emulator: Emulator, path: str, **body: Any) -> None:
    emulator.add_fault(Fault(action="wrong_json", path=f"/v1/fine_tuning/jobs/{path}", body=body))


def entry(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"ftckpt_{number}", **fields}


def test_the_latest_is_the_last_of_all(emulator: Emulator, connection: Connection) -> None:
    """A job that succeeded has one checkpoint per epoch, in the order of the training; the last is the latest."""
    emulator.settings.job_seconds = 0
    job = train(emulator, epochs=4)
    found = checkpoints_of(connection, job)
    assert [each.step_number for each in found] == [13, 26, 39, 52]
    assert latest_checkpoint(connection, job) == found[-1]


@pytest.mark.parametrize(
    ("entries", "order"),
    [
        ([entry(3, step_number=30), entry(1, step_number=9), entry(2, step_number=10)], "123"),
        ([entry(2, step_number=5, created_at=20), entry(1, step_number=5, created_at=10)], "12"),
        ([entry(2, step_number=9, created_at=1), entry(1, step_number=8, created_at=2)], "12"),
        ([entry(2, created_at=20), entry(1, created_at=10)], "12"),
        ([entry(2, metrics={"step": 20}), entry(1, step_number=10)], "12"),
        ([entry(1), entry(2)], "12"),
        ([entry(2, step_number=0), entry(1)], "12"),
    ],
    ids=[
        "step",
        "age",
        "step before age",
        "age alone",
        "step of the metrics",
        "the service's order",
        "no step",
    ],
)
def test_the_order_is_by_step_then_by_age(
    emulator: Emulator, connection: Connection, entries: list[dict[str, Any]], order: str
) -> None:
    """Whatever order the service uses, the final checkpoint is last."""
    serve(emulator, "ftjob-1", status="succeeded", model="a/b")
    serve(emulator, "ftjob-1/checkpoints", data=entries, has_more=False)
    assert "".join(each.id[-1] for each in checkpoints_of(connection, "ftjob-1")) == order


@pytest.mark.parametrize(
    ("job", "why"),
    [
        (
            {"status": "failed", "error": {"code": "x", "message": "the dataset is empty", "param": None}},
            "failed: the dataset is empty; use a job that succeeded",
        ),
        (
            {"status": "failed", "error": None},
            "failed: the service gives no reason; use a job that succeeded",
        ),
        ({"status": "cancelled"}, "has not succeeded (status 'cancelled'): use a job that succeeded"),
        ({"status": "paused"}, "has not succeeded (status 'paused'): use a job that succeeded"),
        (
            {"status": "running", "trained_steps": 13, "total_steps": 52},
            "is not finished (status 'running', 13 of 52 steps): try again when it has succeeded",
        ),
        (
            {"status": "running", "trained_steps": None, "total_steps": 52},
            "is not finished (status 'running', 0 of 52 steps): try again when it has succeeded",
        ),
        ({"status": "queued"}, "is not finished (status 'queued'): try again when it has succeeded"),
        (
            {"status": "validating_files", "total_steps": None},
            "is not finished (status 'validating_files'): try again when it has succeeded",
        ),
    ],
)
def test_a_job_that_has_not_succeeded_is_one_line(
    emulator: Emulator, connection: Connection, job: dict[str, Any], why: str
) -> None:
    """The message has its status, error or progress, and its checkpoints are not read."""
    serve(emulator, "ftjob-1", **job)
    with pytest.raises(CheckpointMissing) as caught:
        latest_checkpoint(connection, "ftjob-1")
    assert str(caught.value) == f"fine-tuning job 'ftjob-1' {why}"
    assert caught.value.job_id == "ftjob-1"
    assert len(emulator.requests()) == 1


def test_real_jobs_that_have_not_succeeded(emulator: Emulator, connection: Connection) -> None:
    """A running job is refused until it has succeeded, although it has checkpoints; so is one that ended early."""
    emulator.settings.job_seconds = 600
    running = train(emulator)
    with pytest.raises(CheckpointMissing, match=r"is not finished \(status 'running'\)"):
        checkpoints_of(connection, running)
    emulator.finish_job(running, "failed", "out of memory")
    with pytest.raises(CheckpointMissing, match="failed: out of memory;"):
        checkpoints_of(connection, running)
    cancelled = train(emulator)
    emulator.finish_job(cancelled, "cancelled")
    with pytest.raises(CheckpointMissing, match="status 'cancelled'"):
        checkpoints_of(connection, cancelled)


def test_a_job_without_checkpoints_is_one_line(emulator: Emulator, connection: Connection) -> None:
    """Without checkpoints there is no latest one."""
    serve(emulator, "ftjob-1", status="succeeded")
    serve(emulator, "ftjob-1/checkpoints", data=[])
    with pytest.raises(
        CheckpointMissing, match="'ftjob-1' succeeded without a checkpoint: use another job"
    ) as none:
        checkpoints_of(connection, "ftjob-1")
    assert none.value.job_id == "ftjob-1"


def test_an_unknown_job_is_one_line(emulator: Emulator, connection: Connection) -> None:
    """This holds also for a 403 and for a job that goes between the two calls; a refused key is another error."""
    with pytest.raises(CheckpointMissing) as caught:
        checkpoints_of(connection, "ftjob-none")
    fix = "check the id, and that the key belongs to the job's project"
    assert str(caught.value) == f"there is no fine-tuning job 'ftjob-none' at the service: {fix}"
    assert caught.value.job_id == "ftjob-none"
    emulator.add_fault(Fault(action="status", status=403))
    with pytest.raises(
        CheckpointMissing, match="'ftjob-none' at the service, or this key may not see it: check"
    ):
        checkpoints_of(connection, "ftjob-none")
    serve(emulator, "ftjob-gone", status="succeeded")
    with pytest.raises(CheckpointMissing, match="there is no fine-tuning job 'ftjob-gone'"):
        checkpoints_of(connection, "ftjob-gone")
    emulator.settings.api_key = "another"
    with pytest.raises(AccessDenied):
        checkpoints_of(connection, "ftjob-none")


TWIN = "for an Output use the function whose name ends with _output"


class Output:
    """Stands in for Pulumi's class of that name, which this layer does not know."""


@pytest.mark.parametrize(
    ("job_id", "why"),
    [
        ("", "is empty: give the id of a fine-tuning job (ftjob-…)"),
        (" \n", "is empty: give the id of a fine-tuning job (ftjob-…)"),
        ("ftckpt_1", "'ftckpt_1' is the id of a checkpoint: give the id of its fine-tuning job (ftjob-…)"),
        ("file-1", "'file-1' is the id of a file: give the id of its fine-tuning job (ftjob-…)"),
        ("ftjob-1:ftckpt_2", "'ftjob-1:ftckpt_2' is not the id of a fine-tuning job: give 'ftjob-1'"),
        (" ftjob-1\n", "' ftjob-1\\n' is not the id of a fine-tuning job: give 'ftjob-1'"),
        ("ftjob-1/../x", "'ftjob-1/../x' is not the id of a fine-tuning job: give 'ftjob-1'"),
        ("a/b", "'a/b' is not the id of a fine-tuning job: the id of a job begins with 'ftjob-'"),
        (
            "x" * 101,
            f"{'x' * 100!r} is not the id of a fine-tuning job: the id of a job begins with 'ftjob-'",
        ),
        ("ftjob-", "'ftjob-' is not the id of a fine-tuning job: the id of a job begins with 'ftjob-'"),
        (
            None,
            f"must be a text such as 'ftjob-…', not NoneType: {TWIN}",
        ),
        (
            Output(),
            f"must be a text such as 'ftjob-…', not Output: {TWIN}",
        ),
    ],
)
def test_another_kind_of_id_is_refused_before_anything_is_sent(
    emulator: Emulator, connection: Connection, job_id: Any, why: str
) -> None:
    """The message names what was given, and the fix."""
    with pytest.raises(InvalidInputs) as caught:
        checkpoints_of(connection, job_id)
    assert str(caught.value) == f"job_id: {why}"
    assert emulator.requests() == []


def test_all_calls_share_one_minute() -> None:
    """A job that is read after 50 s of rate limits leaves 10 s for its checkpoints, then the call gives up."""
    time = VirtualTime()
    sent: list[tuple[float, str]] = []

    def limited(_session: Any, method: str, url: str, **_: Any) -> Answer:
        assert method == "GET"
        sent.append((time.now, url.rpartition("/")[2]))
        if len(sent) == 3:
            return Answer(200, {}, b'{"status": "succeeded"}')
        return Answer(429, {"Retry-After": "25"}, b"{}")

    settings = Settings("https://service.test", "key")
    limits = Connection(settings, clock=time.clock, sleep=time.sleep, exchange=limited)
    with pytest.raises(DeadlineExceeded):
        checkpoints_of(limits, "ftjob-1")
    assert [path for _, path in sent] == ["ftjob-1", "ftjob-1", "ftjob-1", "checkpoints"]
    assert 50 <= sent[-1][0] < time.now + 1 <= 61


def test_a_key_given_in_place_of_an_id_is_not_shown() -> None:
    """The message masks it."""
    key = "sk-0123456789abcdef0123"
    with pytest.raises(InvalidInputs, match="job_id: '\\[api key\\]' is not") as caught:
        checkpoints_of(Connection(Settings("https://service.test", key)), key)
    assert key not in str(caught.value)
