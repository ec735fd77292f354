"""What each endpoint sends, what is repeated and until when, with the service as a function on a virtual clock."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from nebius_model_resource._service.client import Client
from nebius_model_resource._service.http import Answer
from nebius_model_resource._service.retry import Deadline
from nebius_model_resource._service.types import Checkpoint, FileInfo, Job, Listing
from nebius_model_resource.errors import (
    AnswerLost,
    DeadlineExceeded,
    InvalidInputs,
    NebiusError,
    NotSent,
    ServerFault,
    UnusableAnswer,
)
from tests.service.conftest import Serve, Zip, interrupted_at
from tests.support.virtual import KEY, VirtualTime

NAME = "acme/Base-LoRa:bot-AAAA"
MODEL = "/v0/models/acme/Base-LoRa%3Abot-AAAA"
JOB = Job("ftjob-1", "succeeded", "acme/Base")
JOBS = "/v1/fine_tuning/jobs/ftjob-1"
P = {"ai_project_id": "p"}
Endpoint = tuple[tuple[Any, ...], tuple[str, str, dict[str, str]], Any]

# The arguments of each call, what it sends, and an answer that is documented.
POSTS: dict[str, Endpoint] = {
    "create_model": (({"name": "bot"}, "p"), ("POST", "/v0/models", P), {"name": NAME}),
    "upload": ((Zip(b"ab"), "p"), ("POST", "/v0/models/upload", P), {"id": "file-1"}),
}
READS: dict[str, Endpoint] = {
    "list_models": (("p",), ("GET", "/v0/models", P), [{"name": NAME}]),
    "get_model": ((NAME,), ("GET", MODEL, {}), {"name": NAME}),
    "list_base_models": (("p",), ("GET", "/v1/models", P), {"data": [{"id": "a/b"}], "has_more": False}),
    "get_file": (("file-1",), ("GET", "/v1/files/file-1", {}), {"id": "file-1"}),
    "list_files": (("p",), ("GET", "/v1/files", P), {"data": []}),
    "get_job": (("ftjob-1",), ("GET", JOBS, {}), {"status": "running"}),
    "list_checkpoints": ((JOB,), ("GET", f"{JOBS}/checkpoints", {"limit": "20"}), {"data": []}),
}
DELETES: dict[str, Endpoint] = {
    "delete_model": ((NAME,), ("DELETE", MODEL, {}), {"name": NAME}),
    "delete_file": (("file-1",), ("DELETE", "/v1/files/file-1", {}), {}),
}
ENDPOINTS = {**POSTS, **READS, **DELETES}
PASSING: dict[str, Any] = {
    "not sent": NotSent("no connection"),
    "lost": AnswerLost("no answer in time"),
    "broken off": UnusableAnswer("broke off"),
    **{str(code): code for code in (408, 500, 502, 503, 504)},
    "no JSON": Answer(200, {}, b"<html>"),
}
FINAL: dict[str, Any] = {
    **{str(code): code for code in (301, 400, 401, 403, 404, 409, 410, 422)},
    "never to be sent": NotSent("no certificate", permanent=True),
}
calls = pytest.mark.parametrize("call", ENDPOINTS)


def ask(client: Client, call: str, deadline: Deadline | None) -> Any:
    """Call an endpoint."""
    return getattr(client, call)(*ENDPOINTS[call][0], deadline)


def throttled(pause: str, code: int = 429) -> Answer:
    """An answer that asks for a pause."""
    return Answer(code, {"Retry-After": pause}, b"{}")


@calls
def test_each_endpoint_sends_what_is_documented(serve: Serve, time: VirtualTime, call: str) -> None:
    """One request with the key, to the documented path; only a read hears the interruption before its answer."""
    _, sent, answer = ENDPOINTS[call]
    client, script = serve(answer)
    ask(client, call, interrupted_at(time, 10))
    assert script.calls == [sent]
    [given] = script.given
    time.advance(20)
    assert given["api_key"] == KEY
    assert given["interrupted"]() is (call in READS)
    if call == "create_model":
        assert given["body"] == {"name": "bot"}
    elif call == "upload":
        assert b"\r\n\r\nab\r\n" in b"".join(given["body"])
    else:
        assert given["body"] is None


@pytest.mark.parametrize("outcome", [*PASSING, *FINAL])
@calls
def test_a_call_is_repeated_where_that_is_safe(
    serve: Serve, time: VirtualTime, call: str, outcome: str
) -> None:
    """A read is sent four times, a deletion until its deadline, a POST and a call that is refused once."""
    client, script = serve({**PASSING, **FINAL}[outcome])
    with pytest.raises(NebiusError):
        ask(client, call, time.deadline(120))
    if outcome in FINAL or call in POSTS:
        assert len(script.at) == 1
    elif call in READS:
        assert len(script.at) == 4
    else:
        gaps = [later - earlier for earlier, later in pairwise(script.at)]
        assert all(2.5 <= gap <= 5 for gap in gaps[5:])
        assert 115 <= script.at[-1] < 120


@pytest.mark.parametrize("call", READS)
def test_a_read_has_as_many_attempts_as_its_caller_says(serve: Serve, time: VirtualTime, call: str) -> None:
    """One is enough where another read follows anyway; an answer that comes within the attempts is the call's."""
    client, script = serve(500)
    with pytest.raises(ServerFault):
        ask(client, call, time.deadline(60).once())
    assert len(script.calls) == 1
    client, script = serve(500, NotSent("no"), READS[call][2])
    ask(client, call, time.deadline(60))
    assert len(script.calls) == 3


@calls
def test_nothing_is_sent_after_the_deadline(serve: Serve, time: VirtualTime, call: str) -> None:
    """The message says whether the time is over or the run was interrupted."""
    client, script = serve(ENDPOINTS[call][2])
    for deadline in (time.deadline(0), interrupted_at(time, 0)):
        with pytest.raises(DeadlineExceeded, match=rf"^{deadline.why_passed()} before the request was sent$"):
            ask(client, call, deadline)
    assert script.calls == []


@pytest.mark.parametrize(
    ("left", "seconds"), [(0.1, 0.5), (8, 4), (59, 29.5), (60, 30), (599, 299.5), (6000, 300)]
)
@calls
def test_one_request_takes_half_of_the_time_that_is_left(
    serve: Serve, time: VirtualTime, call: str, left: float, seconds: float
) -> None:
    """At least half a second, and at most thirty seconds; an upload's answer may take five minutes."""
    client, script = serve(ENDPOINTS[call][2])
    ask(client, call, time.deadline(left))
    assert script.given[0]["seconds"] == pytest.approx(seconds if call == "upload" else min(seconds, 30))


@pytest.mark.parametrize("call", ENDPOINTS)
def test_a_call_without_a_deadline_has_a_minute(serve: Serve, time: VirtualTime, call: str) -> None:
    """A pause that ends within it is waited for, and a longer one is not."""
    client, _ = serve(throttled("59.5"), ENDPOINTS[call][2])
    ask(client, call, None)
    client, script = serve(throttled("60.5"))
    with pytest.raises(DeadlineExceeded):
        ask(client, call, None)
    assert len(script.calls) == 1


@pytest.mark.parametrize(
    ("code", "header", "seconds"), [(429, "7", 7), (429, "1.5", 1.5), (503, "7", 7), (429, "soon", 1)]
)
@calls
def test_the_pause_that_the_service_asks_for_is_respected(
    serve: Serve, time: VirtualTime, call: str, code: int, header: str, seconds: float
) -> None:
    """Even a POST is sent again, any number of times, and the call pauses with the sleep of its deadline."""
    client, script = serve(*[throttled(header, code)] * 6, ENDPOINTS[call][2])
    slept: list[float] = []

    def sleep(pause: float) -> None:
        slept.append(pause)
        time.advance(pause)

    ask(client, call, time.deadline(600, sleep))
    gaps = [later - earlier for earlier, later in pairwise(script.at)]
    assert len(gaps) == 6
    assert gaps[0] == pytest.approx(seconds)
    assert all(seconds - 1e-6 <= gap <= max(seconds, 2) + 1e-6 for gap in gaps)
    assert sum(slept) == pytest.approx(time.now)
    assert time.slept == []


def test_one_refusal_holds_back_every_call_of_the_client(serve: Serve, time: VirtualTime) -> None:
    """A call of another kind waits for the pause as well, and then calls come one by one until some succeed."""
    client, script = serve(throttled("9"), {"name": NAME})
    with pytest.raises(DeadlineExceeded, match="asks for a pause of 9 s, which is more than is left"):
        client.list_models(None, time.deadline(5))
    for _ in range(6):
        client.get_model(NAME, time.deadline(60))
    gaps = [later - earlier for earlier, later in pairwise(script.at)]
    assert gaps[0] == 9
    assert gaps[1] > 0
    assert gaps[-1] == 0


def test_a_read_that_an_interruption_ends_says_so(serve: Serve, time: VirtualTime) -> None:
    """The lost answer of a read is of no interest then; that of a POST is."""
    interrupted = interrupted_at(time, 1)

    def late(_params: Any) -> Exception:
        time.advance(2)
        return AnswerLost("no answer in time")

    client, script = serve(late)
    with pytest.raises(DeadlineExceeded, match=r"^the run was interrupted before the answer came$"):
        client.get_model(NAME, interrupted)
    time.now = 0
    with pytest.raises(AnswerLost, match=r"^no answer in time"):
        client.create_model({}, None, interrupted)
    assert len(script.calls) == 2


def test_all_calls_share_a_session(serve: Serve) -> None:
    """The second call takes the connection that the first one has opened."""
    client, script = serve({"name": NAME})
    client.get_model(NAME)
    client.get_model(NAME)
    first, second = script.sessions
    assert first is second


def test_a_name_is_sent_segment_by_segment(serve: Serve) -> None:
    """What could start another path or a query is encoded, and a name that is another path is refused unsent."""
    client, script = serve({"name": NAME, "id": "file-1"})
    client.get_model("X a/b?c:%/ü/X")
    client.get_file("a/b c?#")
    paths = [path for _, path, _ in script.calls]
    assert paths == ["/v0/models/X%20a/b%3Fc%3A%25/%C3%BC/X", "/v1/files/a/b%20c%3F%23"]
    for wrong in ("a/../b", "", "a//b", ".", "/a"):
        for call in (client.get_model, client.delete_model, client.get_file):
            with pytest.raises(InvalidInputs, match=r"^name: '.*' cannot be the name or id of anything"):
                call(wrong)
    assert len(script.calls) == 2


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("create_model", {"status": "active"}),
        ("upload", {"id": ""}),
        ("list_models", {}),
        ("list_base_models", []),
        ("get_job", {"status": ""}),
        ("list_files", {"data": {}}),
    ],
)
def test_a_success_that_is_not_what_is_documented_is_named(serve: Serve, call: str, answer: Any) -> None:
    """The message has the call."""
    method, path, _ = ENDPOINTS[call][1]
    client, _ = serve(answer)
    with pytest.raises(UnusableAnswer) as caught:
        ask(client, call, client.deadline(5))
    said = f"the service answered {method} {path} with something else than is documented"
    assert caught.value.message == said


def page(*numbers: int | None, **more: Any) -> dict[str, Any]:
    """A page of checkpoints; None is an entry that cannot be read."""
    return {"data": [number and {"id": f"ftckpt_{number}"} for number in numbers], **more}


@pytest.mark.parametrize(
    ("pages", "ids", "complete", "after"),
    [
        ([page(1, 2)], "12", True, [None]),
        ([page(1, 2, has_more=True), page(3)], "123", True, [None, "2"]),
        ([page(1, has_more="true")], "1", True, [None]),
        ([page(1, 1)], "1", True, [None]),
        ([page(1, None)], "1", False, [None]),
        ([page(None, 1, has_more=True), page(2)], "12", False, [None, "1"]),
        ([page(None, has_more=True), page(2)], "", False, [None]),
        ([page(has_more=True), page(2)], "", False, [None]),
        ([page(1, has_more=True), page(1, has_more=True)], "1", False, [None, "1"]),
        ([page(1, 2, has_more=True), page(2, 1)], "12", True, [None, "2"]),
    ],
)
def test_pages_are_read_until_one_has_nothing_new(
    serve: Serve, pages: list[Any], ids: str, after: list[str | None], *, complete: bool
) -> None:
    """Each begins after the last entry of the one before; a gap, or pages that do not end, leave a list incomplete."""
    names = [f"ftckpt_{number}" for number in ids]
    for call, query, entries in (
        ("list_base_models", P, names),
        ("list_files", P, [FileInfo(name) for name in names]),
        ("list_checkpoints", {"limit": "20"}, [Checkpoint.parse({"id": name}, JOB) for name in names]),
    ):
        client, script = serve(*pages)
        assert ask(client, call, client.deadline(60)) == Listing(tuple(entries), complete)
        expected = [{**query, "after": f"ftckpt_{last}"} if last else query for last in after]
        assert [sent for *_, sent in script.calls] == expected


def test_pages_without_an_end_are_given_up(serve: Serve) -> None:
    """After a thousand pages the list counts as incomplete."""

    def more(params: Any) -> Any:
        last = int(params.get("after", "file-0").removeprefix("file-"))
        return {"data": [{"id": f"file-{last + 1}"}], "has_more": True}

    listing = serve(more)[0].list_files()
    assert (len(listing.entries), listing.complete) == (1000, False)
