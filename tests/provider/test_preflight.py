"""What the service does not know about a model that is about to be created."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nebius_model_resource._provider.preflight import SECONDS, Preflight
from nebius_model_resource._provider.properties import UNKNOWN
from tests.support.outcomes import garbled, lost, not_sent, says, slow, status
from tests.support.virtual import Outcome, Service, done

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"
NEAR = "meta-llama/Llama-3.1-8B-Instruct"  # as training names it
HUB = "huggingface.co/org/repo"
END = "; creating the model 'bot' will probably fail"
GONE = f"(deleted, or of another project?){END}"
NONE: frozenset[str] = frozenset()
JOB = {"status": "succeeded", "checkpoints": [{"id": "ftckpt_1"}]}


@pytest.fixture
def preflight(service: Service) -> Preflight:
    """The questions of one process."""
    service.bases = [BASE]
    return Preflight(service.client(), set())


def bot(source: str = HUB, base_model: str = BASE, **more: Any) -> dict[str, Any]:
    """The inputs of a model."""
    return {"name": "bot", "base_model": base_model, "source": source, **more}


def kinds(service: Service) -> list[str]:
    """The kinds of the requests."""
    return [request.kind for request in service.requests]


def test_what_the_service_knows_is_not_mentioned(service: Service, preflight: Preflight) -> None:
    """A listed base, with and without `-fast`, a file, and a checkpoint of a job that succeeded are known."""
    service.jobs["ftjob-1"] = JOB
    for source in (service.add_file("a.zip"), "ftjob-1:ftckpt_1", HUB):
        assert preflight.warnings("model", bot(source), NONE) == []
        assert preflight.warnings("model", bot(source, f"{BASE}-fast"), NONE) == []
    assert kinds(service) == ["BASES", "FILES", "JOB", "CHECKPOINTS"]


NO_BASE = f"the service does not list the base model 'x/y'{END}"
NO_FILE = f"the service does not know the file 'file-9' {GONE}"
UNKNOWN_THINGS: list[tuple[dict[str, Any], list[str]]] = [
    (bot(base_model="x/y"), [NO_BASE]),
    (bot(base_model=NEAR), [f"{NO_BASE.replace('x/y', NEAR)[: -len(END)]} (did you mean '{BASE}'?){END}"]),
    (bot("file-9"), [NO_FILE]),
    (bot("file-9", "x/y"), [NO_BASE, NO_FILE]),
    (bot("ftjob-9:ftckpt_1"), [f"the service does not know the fine-tuning job 'ftjob-9' {GONE}"]),
    (bot("ftjob-1:ftckpt_9"), [f"fine-tuning job 'ftjob-1' has no checkpoint 'ftckpt_9'{END}"]),
    (bot("ftjob-2:ftckpt_1"), [f"fine-tuning job 'ftjob-2' failed: empty; use a job that succeeded{END}"]),
]


@pytest.mark.parametrize(("inputs", "warnings"), UNKNOWN_THINGS)
def test_what_the_service_does_not_know_is_warned_of(
    service: Service, preflight: Preflight, inputs: dict[str, Any], warnings: list[str]
) -> None:
    """One line for the base and one for the source, each asked for once."""
    service.jobs = {"ftjob-1": JOB, "ftjob-2": {"status": "failed", "error": "empty"}}
    for _ in range(2):
        assert preflight.warnings("model", inputs, NONE) == warnings
    assert len(set(kinds(service))) == len(service.requests)
    nameless = [text.replace("the model 'bot'", "the model") for text in warnings]
    assert preflight.warnings("model", inputs, frozenset({"name"})) == nameless


@pytest.mark.parametrize("entries", [[], [{"id": "x/y"}, {"id": None}], {"x/y": 1}])
def test_an_empty_or_unreadable_list_of_bases_says_nothing(
    service: Service, preflight: Preflight, entries: Any
) -> None:
    """Only a list that can be complete shows that a base is missing."""
    service.always("BASES", says({"data": entries}))
    assert preflight.warnings("model", bot(), NONE) == []


@pytest.mark.parametrize(("entries", "asked"), [([{}], ["FILES"]), ([], ["FILES", "FILE"])])
def test_a_file_that_the_list_lacks_may_exist(service: Service, entries: list[Any], asked: list[str]) -> None:
    """A list with gaps proves nothing, nor one without a file that its id finds, nor one from before an upload."""
    there = service.add_file("a.zip")
    service.always("FILES", says({"data": entries}))
    assert Preflight(service.client(), set()).warnings("model", bot(there, UNKNOWN), NONE) == []
    assert kinds(service) == asked
    assert Preflight(service.client(), {"file-8"}).warnings("model", bot("file-8", UNKNOWN), NONE) == []


def test_fifty_models_cost_as_many_requests_as_one(service: Service, preflight: Preflight) -> None:
    """Lists are read once for each project, and a job once, whatever the number of threads."""
    service.jobs["ftjob-1"] = JOB
    models = [bot(f"file-{n}", f"x/{n}", ai_project_id="pq"[n % 2]) for n in range(50)]
    models += [bot(f"ftjob-1:ftckpt_{n}", ai_project_id="p") for n in range(2, 52)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda each: preflight.warnings("model", each, NONE), models))
    assert [len(each) for each in found] == [2] * 50 + [1] * 50
    assert sorted(kinds(service)) == sorted(["BASES", "FILES", "FILE"] * 2 + ["JOB", "CHECKPOINTS"])


@pytest.mark.parametrize("outcome", [status(403), status(404), status(500), garbled(), says({"detail": "x"})])
def test_a_list_that_is_refused_silences_its_own_question_alone(
    service: Service, preflight: Preflight, outcome: Outcome
) -> None:
    """Nothing is asked twice, and the other questions go on."""
    service.always("BASES", outcome)
    for _ in range(3):
        assert len(preflight.warnings("model", bot("file-9", "x/y"), NONE)) == 1
    assert kinds(service) == ["BASES", "FILES", "FILE"]


@pytest.mark.parametrize(
    ("outcome", "seconds"),
    [
        (status(401), 0),
        (not_sent(), 0),
        (lost(effect=False, at_once=False), SECONDS / 2),
        (status(429, Retry_After="60"), 0),
    ],
)
def test_a_service_that_cannot_be_asked_is_asked_once(
    service: Service, preflight: Preflight, outcome: Outcome, seconds: float
) -> None:
    """One attempt gets half of the time that a process has, and nothing more is tried or shown."""
    service.always("BASES", outcome)
    for number in range(5):
        assert preflight.warnings("model", bot(f"file-{number}", "x/y"), NONE) == []
        assert preflight.warnings("model", bot(f"ftjob-{number}:ftckpt_1"), NONE) == []
    assert kinds(service) == ["BASES"]
    assert service.time.now == seconds


def test_a_slow_service_is_asked_for_ten_seconds_in_all(service: Service, preflight: Preflight) -> None:
    """After that nothing more is asked; the answers so far still count."""
    service.always("BASES", slow(1, done))
    service.always("JOB", slow(1, done))
    models = [bot(f"ftjob-{number}:ftckpt_1") for number in range(30)]
    found = [preflight.warnings("model", each, NONE) for each in models]
    assert len(service.requests) == service.time.now == SECONDS == 10
    assert [len(each) for each in found] == [1] * 9 + [0] * 21
    assert preflight.warnings("model", models[0], NONE) == found[0]
