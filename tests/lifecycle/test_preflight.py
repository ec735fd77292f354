"""What the service does not know about a model that is about to be created."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from nebius_model_resource._api.connection import Connection
from nebius_model_resource._api.files import Files
from nebius_model_resource._api.models import Inputs
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._api.transport import Answer
from nebius_model_resource._lifecycle.preflight import SECONDS, Preflight
from nebius_model_resource.errors import AnswerLost, NotSent
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.jobs import train
from tests.support.virtual import VirtualTime

UNKNOWN = "<not known yet>"
BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"
HUB = "huggingface.co/org/repo"
END = "; creating the model 'bot' will probably fail"
GONE = "(deleted, or of another project?)"
BOT = Inputs("bot", BASE, HUB)


@pytest.fixture
def files(emulator: Emulator) -> Iterator[Files]:
    """The files of the emulator."""
    connection = Connection(Settings(emulator.url, emulator.api_key), first_pause=0.01)
    yield Files(connection)
    connection.close()


@pytest.fixture
def preflight(files: Files) -> Preflight:
    """The questions of one process."""
    return Preflight(files)


def paths(emulator: Emulator) -> list[str]:
    """The paths of the requests."""
    return [request.path for request in emulator.requests("GET")]


def with_file(file_id: str, **more: Any) -> Inputs:
    return replace(BOT, source=file_id, **more)


def test_what_the_service_knows_is_not_mentioned(emulator: Emulator, preflight: Preflight) -> None:
    """A listed base, an uploaded file and a checkpoint of a job that succeeded give no warning."""
    emulator.settings.job_seconds = 0
    job = train(emulator)
    checkpoint = emulator.service.jobs.find(job).checkpoints[0]["id"]
    for source in (emulator.files()[0]["id"], f"{job}:{checkpoint}", HUB):
        assert preflight.warnings(replace(BOT, source=source), UNKNOWN) == []
    assert f"/v1/fine_tuning/jobs/{job}/checkpoints" in paths(emulator)


@pytest.mark.parametrize(
    ("listed", "declared"), [("Qwen/Qwen3-4B-fast", "Qwen/Qwen3-4B"), ("Qwen/Qwen3-4B", "Qwen/Qwen3-4B-fast")]
)
def test_a_flavour_makes_no_other_base(
    emulator: Emulator, preflight: Preflight, listed: str, declared: str
) -> None:
    """A base model counts as listed with and without `-fast`."""
    emulator.settings.base_models = [listed]
    assert preflight.warnings(replace(BOT, base_model=declared), UNKNOWN) == []


def test_a_base_that_the_service_does_not_list_is_warned_of(preflight: Preflight) -> None:
    """The warning names the base, and one of nearly the same name."""
    near = replace(BOT, base_model="meta-llama/Llama-3.1-8B-Instruct")
    assert preflight.warnings(near, UNKNOWN) == [
        (
            "the service does not list the base model 'meta-llama/Llama-3.1-8B-Instruct' "
            f"(did you mean '{BASE}'?){END}"
        )
    ]
    [other] = preflight.warnings(replace(BOT, base_model="x/y"), UNKNOWN)
    assert other == f"the service does not list the base model 'x/y'{END}"


@pytest.mark.parametrize(
    "body",
    [
        {"object": "list", "data": []},
        {"object": "list", "data": [{"id": "x/y"}], "has_more": True},
        {"object": "list", "data": [{"id": "x/y"}, {"id": None}]},
        {"object": "list", "data": [7]},
        {"object": "list", "data": {"x/y": 1}},
        {"models": ["x/y"]},
        [],
    ],
)
def test_an_empty_or_unreadable_list_of_models_says_nothing(
    emulator: Emulator, preflight: Preflight, body: Any
) -> None:
    """Only a list that can be complete shows that a base is missing."""
    emulator.add_fault(Fault(action="wrong_json", path="/v1/models", body=body))
    assert preflight.warnings(BOT, UNKNOWN) == []


def test_a_file_that_the_service_does_not_know_is_warned_of(emulator: Emulator, preflight: Preflight) -> None:
    """The list of files and the file itself are read."""
    [warning] = preflight.warnings(with_file("file-none"), UNKNOWN)
    assert warning == f"the service does not know the file 'file-none' {GONE}{END}"
    assert paths(emulator) == ["/v1/models", "/v1/files", "/v1/files/file-none"]


def test_a_list_that_lacks_a_file_which_exists_is_not_believed(
    emulator: Emulator, preflight: Preflight
) -> None:
    """It is not documented that the list has every file, so the first file that it lacks is read by its id."""
    train(emulator)
    emulator.add_fault(Fault(action="wrong_json", path="/v1/files", body={"object": "list", "data": []}))
    there = emulator.files()[0]["id"]
    assert preflight.warnings(with_file(there), UNKNOWN) == []
    assert preflight.warnings(with_file("file-none"), UNKNOWN) == []


def test_a_file_that_this_process_uploaded_is_known(
    emulator: Emulator, preflight: Preflight, files: Files
) -> None:
    """A list from before the upload, which lacks the file, proves nothing."""
    assert preflight.warnings(with_file("file-none"), UNKNOWN) != []
    train(emulator)
    files.uploaded.add(emulator.files()[0]["id"])
    assert preflight.warnings(with_file(emulator.files()[0]["id"]), UNKNOWN) == []


def test_a_job_without_that_checkpoint_is_warned_of(emulator: Emulator, preflight: Preflight) -> None:
    """A missing job, a job that has not succeeded, and a missing checkpoint each have a message of their own."""
    [unknown] = preflight.warnings(replace(BOT, source="ftjob-none:ftckpt_1"), UNKNOWN)
    assert unknown == f"the service does not know the fine-tuning job 'ftjob-none' {GONE}{END}"
    emulator.settings.job_seconds = 1000
    running = train(emulator)
    [early] = preflight.warnings(replace(BOT, source=f"{running}:ftckpt_1"), UNKNOWN)
    assert early.startswith(f"fine-tuning job '{running}' is not finished (status 'running'")
    assert early.endswith(f"try again when it has succeeded{END}")
    failing = train(emulator)
    emulator.finish_job(failing, "failed", "the dataset is empty")
    [failed] = preflight.warnings(replace(BOT, source=f"{failing}:ftckpt_1"), UNKNOWN)
    assert failed == (
        f"fine-tuning job '{failing}' failed: the dataset is empty; use a job that succeeded{END}"
    )
    done = train(emulator)
    emulator.finish_job(done)
    [missing] = preflight.warnings(replace(BOT, source=f"{done}:ftckpt_none"), UNKNOWN)
    assert missing == f"fine-tuning job '{done}' has no checkpoint 'ftckpt_none'{END}"


def test_both_faults_of_one_model_are_warned_of(preflight: Preflight) -> None:
    """The base comes first, then the source."""
    both = preflight.warnings(with_file("file-none", base_model="x/y"), UNKNOWN)
    assert ["base model" in both[0], "file" in both[1], len(both)] == [True, True, 2]


@pytest.mark.parametrize(
    ("inputs", "asked"),
    [
        (replace(BOT, base_model=UNKNOWN, source=UNKNOWN), []),
        (replace(BOT, base_model="x/y", source="file-1", ai_project_id=UNKNOWN), []),
        (replace(BOT, base_model="x/y", source="file-1", secrets=frozenset({"base_model", "source"})), []),
        (replace(BOT, base_model=UNKNOWN), []),
        (BOT, ["/v1/models"]),
    ],
    ids=["unknown inputs", "unknown project", "secret inputs", "hub alone", "hub"],
)
def test_unknown_and_secret_inputs_are_left_alone(
    emulator: Emulator, preflight: Preflight, inputs: Inputs, asked: list[str]
) -> None:
    """Nothing is sent or shown for them; a repository of the hub is never looked up."""
    assert preflight.warnings(inputs, UNKNOWN) == []
    assert paths(emulator) == asked


def test_a_secret_name_is_not_shown(preflight: Preflight) -> None:
    """The warning has the file and not the model's name."""
    [warning] = preflight.warnings(with_file("file-none", secrets=frozenset({"name"})), UNKNOWN)
    assert warning.endswith("; creating the model will probably fail")


def test_the_lists_are_those_of_the_models_project(emulator: Emulator, preflight: Preflight) -> None:
    """The lists of each project are read once."""
    for project in ("aiproject-a", "aiproject-b", "aiproject-a", None):
        preflight.warnings(with_file("file-none", ai_project_id=project), UNKNOWN)
    for path in ("/v1/models", "/v1/files"):
        asked = [request.query.get("ai_project_id") for request in emulator.requests("GET", path)]
        assert asked == ["aiproject-a", "aiproject-b", None]
    assert len(emulator.requests("GET", "/v1/files/file-none")) == 3


def test_fifty_models_cost_as_many_requests_as_one(emulator: Emulator, preflight: Preflight) -> None:
    """Bases and files are looked up in their lists, and a job is read once, whatever the number of threads."""
    emulator.settings.job_seconds = 0
    job = train(emulator)
    emulator.clear_requests()
    models = [with_file(f"file-{number}", base_model=f"x/{number}") for number in range(50)]
    models += [replace(BOT, source=f"{job}:ftckpt_{number}") for number in range(50)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda each: preflight.warnings(each, UNKNOWN), models))
    assert [len(each) for each in found] == [2] * 50 + [1] * 50
    asked = [path for path in paths(emulator) if not path.startswith("/v1/files/")]
    assert sorted(asked) == [
        "/v1/files",
        f"/v1/fine_tuning/jobs/{job}",
        f"/v1/fine_tuning/jobs/{job}/checkpoints",
        "/v1/models",
    ]
    assert len(paths(emulator)) == 5


@pytest.mark.parametrize(
    "fault",
    [
        Fault(action="status", status=401, times=None),
        Fault(action="status", status=403, times=None),
        Fault(action="status", status=500, times=None),
        Fault(action="status", status=404, path="/v1/models", times=None),
        Fault(action="wrong_json", body={"detail": "maintenance"}, times=None),
        *[
            Fault(action=action, times=None)
            for action in (
                "not_json",
                "html",
                "half_body",
                "deep_json",
                "reset",
                "close",
                "redirect",
                "echo_key",
            )
        ],
    ],
    ids=lambda fault: f"{fault.action} {fault.status}",
)
def test_a_service_that_does_not_answer_as_expected_is_asked_once(
    emulator: Emulator, preflight: Preflight, fault: Fault
) -> None:
    """After one failure nothing is shown and nothing more is sent, without a second attempt."""
    emulator.add_fault(fault)
    for number in range(5):
        assert preflight.warnings(with_file(f"file-{number}", base_model="x/y"), UNKNOWN) == []
        assert preflight.warnings(replace(BOT, source=f"ftjob-{number}:ftckpt_1"), UNKNOWN) == []
    assert paths(emulator) == ["/v1/models"]


def virtual(time: VirtualTime, exchange: Callable[..., Answer]) -> Preflight:
    """Questions on a virtual clock."""
    settings = Settings("https://nebius.example", "key")
    return Preflight(Files(Connection(settings, clock=time.clock, sleep=time.sleep, exchange=exchange)))


@pytest.mark.parametrize("error", [NotSent, AnswerLost])
def test_a_service_out_of_reach_costs_a_few_seconds(time: VirtualTime, error: type[Exception]) -> None:
    """One attempt gets half of the time that a process has, and nothing more is tried."""
    begun = time.clock()

    def exchange(*_: Any, seconds: float, **__: Any) -> Answer:
        time.sleep(seconds)
        raise error("the service did not answer")

    preflight = virtual(time, exchange)
    for number in range(20):
        assert preflight.warnings(with_file(f"file-{number}"), UNKNOWN) == []
    assert time.clock() - begun == pytest.approx(SECONDS / 2)


def test_a_key_in_a_name_is_not_shown(time: VirtualTime) -> None:
    """A warning masks it."""
    key = "sk-0123456789abcdef0123"
    settings = Settings("https://nebius.example", key)
    listed = Answer(200, {}, b'{"data": [{"id": "a/b"}]}')
    connection = Connection(settings, clock=time.clock, exchange=lambda *_, **__: listed)
    [warning] = Preflight(Files(connection)).warnings(replace(BOT, base_model=f"x/{key}"), UNKNOWN)
    assert warning == f"the service does not list the base model 'x/[api key]'{END}"


def test_a_slow_service_is_asked_no_longer_than_the_time_of_a_process(time: VirtualTime) -> None:
    """If every answer takes a second, nothing more is asked after ten of them, and the answers so far still count."""
    asked: list[str] = []

    def exchange(_session: Any, _method: str, url: str, **_: Any) -> Answer:
        asked.append(url)
        time.sleep(1)
        if url.endswith("/v1/models"):
            return Answer(200, {}, json.dumps({"data": [{"id": BASE}]}).encode())
        return Answer(404, {}, b'{"detail": "no such job"}')

    preflight = virtual(time, exchange)
    found = [preflight.warnings(replace(BOT, source=f"ftjob-{n}:ftckpt_1"), UNKNOWN) for n in range(30)]
    assert 2 <= sum(map(len, found)) < SECONDS
    assert len(asked) == SECONDS
    assert preflight.warnings(replace(BOT, source="ftjob-0:ftckpt_1"), UNKNOWN) == found[0]


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("file-1", ["models", "files"]),
        ("file-1", ["models", "files", "file-1"]),
        ("ftjob-1:ftckpt_1", ["models", "ftjob-1"]),
        ("ftjob-1:ftckpt_1", ["models", "ftjob-1", "checkpoints"]),
    ],
)
def test_every_question_is_asked_once_within_the_time_that_is_left(
    time: VirtualTime, source: str, asked: list[str]
) -> None:
    """If the last answer is a fault, nothing is shown; each request had half of the time that was left."""
    sent: list[tuple[str, float]] = []

    def exchange(_session: Any, _method: str, url: str, *, seconds: float, **_: Any) -> Answer:
        sent.append((url.rpartition("/")[2], seconds))
        time.sleep(2)
        if len(sent) >= len(asked):
            return Answer(500, {}, b"{}")
        return Answer(200, {}, b'{"data": [], "status": "succeeded"}')

    assert virtual(time, exchange).warnings(replace(BOT, source=source), UNKNOWN) == []
    assert sent == [(path, SECONDS / 2 - number) for number, path in enumerate(asked)]


def test_a_pause_that_the_service_asks_for_is_not_waited_for_long(time: VirtualTime) -> None:
    """If the pause is longer than the time left, the questions end at once and show nothing."""
    begun = time.clock()
    preflight = virtual(time, lambda *_, **__: Answer(429, {"Retry-After": "60"}, b"{}"))
    assert preflight.warnings(with_file("file-1"), UNKNOWN) == []
    assert time.clock() == begun
