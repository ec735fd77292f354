"""Fine-tuning jobs and checkpoints as the API client reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from nebius_model_resource._api.connection import Connection
from nebius_model_resource._api.fine_tuning import Checkpoint, Job, get_job, list_checkpoints
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._api.transport import Answer, exchange
from nebius_model_resource.errors import NotFound, ServerFault, UnusableAnswer
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.jobs import BASE, train
from tests.support.virtual import VirtualTime

KEY = "sk-0123456789abcdef0123"
JOB = Job("ftjob-1", "succeeded", BASE)
Pages = Callable[[Mapping[str, str]], Any]


def scripted(time: VirtualTime, pages: Pages, sent: list[Mapping[str, str]] | None = None) -> Connection:
    """A connection to a service whose body is a function of the query."""

    def answer(_session: Any, method: str, _url: str, *, params: Mapping[str, str], **__: Any) -> Answer:
        assert method == "GET"
        if sent is not None:
            sent.append(dict(params))
        return Answer(200, {}, json.dumps(pages(params)).encode())

    settings = Settings("https://service.test", KEY)
    return Connection(settings, clock=time.clock, sleep=time.sleep, exchange=answer)


def paged(*entries: Any, size: int = 2) -> Pages:
    """A list in pages, as the service documents them."""

    def page(params: Mapping[str, str]) -> Any:
        ids = [entry["id"] for entry in entries]
        start = ids.index(params["after"]) + 1 if "after" in params else 0
        return {"data": entries[start : start + size], "has_more": start + size < len(entries)}

    return page


def read(connection: Connection, job: Job = JOB) -> list[Checkpoint]:
    return list_checkpoints(connection, job, connection.deadline(60))


def entry(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"ftckpt_{number}", "created_at": 1765431400 + number, "step_number": number, **fields}


def test_a_job_and_its_checkpoints_are_read_from_all_pages(emulator: Emulator) -> None:
    """Pages of two from the emulator are read to the end, each once, and every field is typed."""

    def in_twos(*given: Any, params: Mapping[str, str], **options: Any) -> Answer:
        return exchange(*given, params={**params, **({"limit": "2"} if params else {})}, **options)

    emulator.settings.job_seconds = 0
    job_id = train(emulator, epochs=5, validate=True)
    connection = Connection(Settings(emulator.url, emulator.api_key), exchange=in_twos)
    job = get_job(connection, job_id, connection.deadline(60))
    assert (job.id, job.status, job.model, job.error) == (job_id, "succeeded", BASE, None)
    assert job.trained_steps == job.total_steps == 65
    emulator.clear_requests()
    found = read(connection, job)
    connection.close()
    assert len(emulator.requests()) == 3
    assert [each.step_number for each in found] == [13, 26, 39, 52, 65]
    last = found[-1]
    assert last.source == f"{job_id}:{last.id}"
    assert (last.job_id, last.base_model) == (job_id, BASE)
    assert last.metrics == {"step": 65.0, "train_loss": 0.1667, "valid_loss": 0.1833}
    assert {type(value) for value in last.metrics.values()} == {float}
    assert isinstance(last.created_at, int)
    assert hash(last) == hash(found[-1])


def test_pages_follow_the_last_checkpoint(time: VirtualTime) -> None:
    """Each page asks for what comes after the one before it, and a page without `has_more` is the last."""
    sent: list[Mapping[str, str]] = []
    assert len(read(scripted(time, paged(*map(entry, range(5))), sent))) == 5
    assert [params.get("after") for params in sent] == [None, "ftckpt_1", "ftckpt_3"]
    assert {params["limit"] for params in sent} == {"20"}
    assert read(scripted(time, lambda _: {"data": []})) == []


@pytest.mark.parametrize(
    ("page", "calls"),
    [(lambda _: [entry(1), entry(2)], 2), (lambda _: [], 1), (lambda call: [entry(call)], 100)],
    ids=["the same page again", "empty pages", "new checkpoints without an end"],
)
def test_pages_that_do_not_end_are_an_error(
    time: VirtualTime, page: Callable[[int], list[Any]], calls: int
) -> None:
    """If the service always has more, the reading ends after a hundred calls at most."""
    sent: list[Mapping[str, str]] = []
    endless = scripted(time, lambda _: {"data": page(len(sent)), "has_more": True}, sent)
    with pytest.raises(UnusableAnswer, match="pages of the checkpoints of 'ftjob-1' do not end"):
        read(endless)
    assert len(sent) == calls


@pytest.mark.parametrize(
    ("fields", "metrics"),
    [
        ({}, {}),
        ({"metrics": None}, {}),
        ({"metrics": [1]}, {}),
        (
            {"metrics": {"train_loss": 1, "valid_loss": None, "step": True, "note": "0.5"}},
            {"train_loss": 1.0},
        ),
        ({"metrics": {"a": float("nan"), "b": float("inf"), "c": 10**400, "d": 0.5}}, {"d": 0.5}),
    ],
)
def test_metrics_are_the_numbers_that_are_there(
    time: VirtualTime, fields: dict[str, Any], metrics: dict[str, float]
) -> None:
    """A missing metric, and one that is not a finite number, is left out."""
    [found] = read(scripted(time, paged(entry(1, **fields))))
    assert found.metrics == metrics


def test_what_the_service_leaves_out_is_none(time: VirtualTime) -> None:
    """A checkpoint needs only its id, and times and steps become whole numbers."""
    bare, floats = read(scripted(time, paged({"id": "ftckpt_1"}, entry(2, step_number=7.0, created_at=9.5))))
    assert (bare.step_number, bare.created_at, bare.base_model) == (None, None, BASE)
    assert (floats.step_number, floats.created_at) == (7, 9)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"data": None},
        {"data": [None]},
        {"data": [{}]},
        {"data": [{"id": "file-1"}]},
        {"data": [{"id": "ftckpt_1 2"}]},
        {"data": [{"id": f"ftckpt_{KEY}"}]},
        {"data": [entry(1), {"id": 2}]},
    ],
)
def test_a_list_that_is_not_documented_is_an_error(time: VirtualTime, body: Any) -> None:
    """No checkpoint is dropped, because then another one would count as the latest; the key is never shown."""
    with pytest.raises(UnusableAnswer, match=r"'ftjob-1'") as caught:
        read(scripted(time, lambda _: body))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("body", [None, [], {}, {"status": None}, {"status": ""}, {"status": 1}])
def test_a_job_without_a_status_is_an_error(time: VirtualTime, body: Any) -> None:
    """An answer that is not a job does not count as one."""
    connection = scripted(time, lambda _: body)
    with pytest.raises(UnusableAnswer, match="'ftjob-1' with something else than a fine-tuning job"):
        get_job(connection, "ftjob-1", connection.deadline(60))


def test_texts_of_a_job_have_no_key_and_no_escapes(time: VirtualTime) -> None:
    """Status, model and error are safe to print."""
    body = {"status": "failed\x1b[2J", "model": KEY, "error": {"message": f"bad\nkey {KEY}", "code": 1}}
    connection = scripted(time, lambda _: body)
    job = get_job(connection, "ftjob-1", connection.deadline(60))
    assert (job.status, job.model, job.error) == ("failed [2J", "[api key]", "bad key [api key]")


def test_faults_of_one_page_are_retried(emulator: Emulator) -> None:
    """A rate limit, a server error, a reset and a cut body in front of each call do not lose a checkpoint."""
    emulator.settings.job_seconds = 0
    job_id = train(emulator)
    connection = Connection(Settings(emulator.url, emulator.api_key), first_pause=0.01)
    for fault in (
        Fault(action="status", status=429, headers={"Retry-After": "0"}),
        Fault(action="reset"),
        Fault(action="half_body"),
    ):
        emulator.add_fault(fault)
        job = get_job(connection, job_id, connection.deadline(60))
        emulator.add_fault(fault)
        assert len(read(connection, job)) == 3
    emulator.add_fault(Fault(action="status", status=500, times=None, path="*/checkpoints"))
    with pytest.raises(ServerFault):
        read(connection, job)
    emulator.clear_faults()
    with pytest.raises(NotFound):
        get_job(connection, "ftjob-none", connection.deadline(60))
    connection.close()
