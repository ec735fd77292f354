"""The rules of an upload, on a clock that moves only in a sleep."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from nebius_model_resource._adapter import Adapter, Package, read
from nebius_model_resource._api.backoff import backoff
from nebius_model_resource._api.connection import Connection
from nebius_model_resource._api.files import FileInfo, Files
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._api.transport import Answer
from nebius_model_resource._lifecycle.archives import Archives, is_archive, may_come_of, new_name
from nebius_model_resource._lifecycle.operation import Operation
from nebius_model_resource.errors import (
    AccessDenied,
    AnswerLost,
    DeadlineExceeded,
    EngineGone,
    NebiusError,
    NotSent,
)
from tests.support.adapters import files, weights, write_folder
from tests.support.virtual import Shown, VirtualTime, no_pause

NAME = "bot-0123456789abcdef-01234567.zip"
PROJECT = "aiproject-a"
LENGTH = 6_000_671  # bytes of the zip

Outcome = Callable[["Service", "Call"], Answer]


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    at: float
    seconds: float


@dataclass
class Service:
    """Files, with scripted next answers to each method; a POST takes ``seconds`` for each quarter of its body."""

    time: VirtualTime
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    seconds: float = 0.0
    _next: dict[str, deque[Outcome]] = field(default_factory=dict)

    def next(self, method: str, *outcomes: Outcome) -> None:
        """Script the next calls of a method; those after them are served."""
        self._next.setdefault(method, deque()).extend(outcomes)

    def __call__(self, _session: Any, method: str, url: str, **given: Any) -> Answer:
        """Answer one request, in place of :func:`.transport.exchange`."""
        call = Call(method, urlsplit(url).path, dict(given["params"]), self.time.now, given["seconds"])
        self.calls.append(call)
        assert len(self.calls) < 100, "the calls do not end"
        if method == "POST":
            self._take(given["body"])
        script = self._next.get(method)
        return script.popleft()(self, call) if script else served(self, call)

    def _take(self, body: Any) -> None:
        content = b""
        quarter = LENGTH // 4
        for chunk in body:
            if len(content) // quarter < (len(content) + len(chunk)) // quarter:
                self.time.advance(self.seconds)
            content += chunk
        name = re.search(rb'filename="([^"]+)"', content)
        assert name is not None
        self.coming = {"filename": name[1].decode(), "bytes": LENGTH}

    def add(self, **changes: Any) -> str:
        """Store a file as the last upload sent it."""
        id_ = f"file-{len(self.held)}"
        self.held[id_] = {"id": id_, **self.coming, **changes}
        return id_

    def sent(self, method: str) -> list[float]:
        """The moments at which the calls of a method were sent."""
        return [call.at for call in self.calls if call.method == method]


def answer(body: Any, status: int = 200) -> Answer:
    """An answer as the service sends it."""
    return Answer(status, {}, json.dumps(body).encode())


def served(service: Service, call: Call) -> Answer:
    """The service carries out the request."""
    if call.method == "POST":
        return answer(service.held[service.add()])
    if call.path == "/v1/files":
        return answer({"data": list(service.held.values())})
    id_ = call.path.rpartition("/")[2]
    if id_ not in service.held:
        return answer({"detail": "no such file"}, 404)
    return answer({"deleted": bool(service.held.pop(id_))} if call.method == "DELETE" else service.held[id_])


def fails(error: NebiusError, *, stored: bool = False, **changes: Any) -> Outcome:
    """No answer; the file may be stored or not."""

    def outcome(service: Service, _call: Call) -> Answer:
        if stored:
            service.add(**changes)
        raise error

    return outcome


def status(code: int, detail: str = "no") -> Outcome:
    """A refusal or a fault."""
    return lambda _service, _call: answer({"detail": detail}, code)


def empty(_service: Service, _call: Call) -> Answer:
    """A list that shows nothing yet."""
    return answer({"data": []})


LOST = AnswerLost("no answer in time")


@pytest.fixture
def service(time: VirtualTime) -> Service:
    return Service(time)


@pytest.fixture
def archives(service: Service, time: VirtualTime) -> Archives:
    settings = Settings("https://service.test", "key")
    connection = Connection(settings, clock=time.clock, sleep=no_pause, exchange=service)
    return Archives(Files(connection))


@pytest.fixture
def adapter(tmp_path: Path) -> Adapter:
    contents = {**files(), "adapter_model.safetensors": weights(3_000_000)}
    return read(str(write_folder(tmp_path / "bot", contents)))


@pytest.fixture
def shown(time: VirtualTime) -> Shown:
    return Shown(time)


@pytest.fixture
def upload(archives: Archives, adapter: Adapter, shown: Shown) -> Callable[..., FileInfo]:
    """Upload the adapter, into a project and under the noted name."""

    def upload(seconds: float = 600, **options: Any) -> FileInfo:
        return archives.upload(adapter, PROJECT, shown.operation(seconds, **options), NAME)

    return upload


def test_a_name_shows_what_an_upload_may_have_created(adapter: Adapter) -> None:
    """The name has the folder and the hash; an unknown part of the upload fits every file."""
    name = new_name(adapter)
    assert re.fullmatch(rf"bot-{adapter.sha256[:16]}-[0-9a-f]{{8}}\.zip", name)
    assert new_name(adapter) != name
    file, other = FileInfo("file-1", filename=name), "0" * 64
    assert is_archive(file)
    for path, sha256, fits in (
        ("", "", True),
        (".", "", True),
        ("a/bot", "", True),
        ("a/bat", "", False),
        ("a/bat", adapter.sha256, True),
        ("a/bot", other, False),
    ):
        assert may_come_of(file, path, sha256) is fits
    for foreign in (None, "", "bot.zip", name + "x", name.upper(), name[3:]):
        file = FileInfo("file-1", filename=foreign)
        assert not is_archive(file)
        assert not may_come_of(file, "", "")


def test_an_upload_goes_to_its_project_under_the_noted_name(
    upload: Callable[..., FileInfo], service: Service, adapter: Adapter
) -> None:
    """One POST with the project in the query, and no list; the length is that of the zip."""
    assert upload().filename == NAME
    assert Package(adapter).length == LENGTH
    [post] = service.calls
    assert (post.method, post.path, post.query) == ("POST", "/v0/models/upload", {"ai_project_id": PROJECT})
    assert post.seconds == 300  # for the answer: half of what is left


def test_progress_is_shown_once_a_second(
    upload: Callable[..., FileInfo], service: Service, shown: Shown
) -> None:
    """The first text comes at once, each further one after a second; each has the sent part and the size."""
    service.seconds = 1.0
    upload()
    assert shown.progress == [
        (0.0, "uploading 0 % of 6.0 MB"),
        (1.0, "uploading 26 % of 6.0 MB"),
        (2.0, "uploading 52 % of 6.0 MB"),
        (3.0, "uploading 78 % of 6.0 MB"),
        (4.0, "uploading 99 % of 6.0 MB"),
    ]
    shown.progress.clear()
    service.seconds = 0.75
    upload()
    assert [at for at, _ in shown.progress] == [4.0, 5.5, 7.0]


def test_an_upload_ends_at_its_deadline(
    upload: Callable[..., FileInfo], service: Service, shown: Shown
) -> None:
    """The error says how much was sent; there is no search, because a part is not a file."""
    service.seconds = 10.0
    with pytest.raises(DeadlineExceeded, match=r"^the deadline passed with 3\.1 MB of 6\.0 MB sent$"):
        upload(seconds=20)
    assert service.sent("GET") == []


def test_a_lost_answer_is_looked_for(upload: Callable[..., FileInfo], service: Service, shown: Shown) -> None:
    """The file that the list shows later is used; every look reads the project's list, with growing pauses."""
    service.next("POST", fails(LOST, stored=True))
    service.next("GET", empty, status(500), empty)
    assert upload().id == "file-0"
    pauses = [backoff(looks, jitter=lambda: 1.0) for looks in (1, 1, 2)]
    assert service.sent("GET")[:4] == [sum(pauses[:number]) for number in range(4)]
    assert {tuple(call.query.items()) for call in service.calls} == {(("ai_project_id", PROJECT),)}
    assert shown.progress[-1][1] == "the answer was lost: searching the list for the file"
    assert shown.warnings == []
    assert service.sent("DELETE") == []


def test_an_incomplete_file_is_no_upload(
    upload: Callable[..., FileInfo], service: Service, shown: Shown
) -> None:
    """A file that has only some of the bytes is not used, and is deleted once the upload has succeeded."""
    service.next("POST", fails(LOST, stored=True, bytes=LENGTH - 1))
    assert upload(seconds=20).id == "file-1"
    assert [call.seconds < 10 for call in service.calls if call.method == "DELETE"] == [True]
    assert max(call.seconds for call in service.calls if call.method == "GET") == 10
    assert list(service.held) == ["file-1"]
    assert len(service.sent("POST")) == 2
    assert len(service.sent("GET")) == 5  # four looks, and one for other created files
    assert [text for _, text in shown.progress if "retrying" in text] == ["no answer in time; retrying"]


def test_a_size_that_is_not_reported_counts_as_complete(
    upload: Callable[..., FileInfo], service: Service
) -> None:
    """A complete file is preferred to a part, whatever the order of the list, and the part is deleted."""

    def part(service: Service, call: Call) -> Answer:
        service.add(bytes=1)
        return fails(LOST, stored=True, bytes=None)(service, call)

    service.next("POST", part)
    assert upload().id == "file-1"
    assert list(service.held) == ["file-1"]


def test_a_file_of_another_name_is_left_alone(upload: Callable[..., FileInfo], service: Service) -> None:
    """Only the name of this upload counts, not the content."""
    upload()
    service.held["file-0"]["filename"] = NAME.replace("01234567.zip", "76543210.zip")
    service.next("POST", fails(LOST))
    assert upload().id == "file-1"
    assert list(service.held) == ["file-0", "file-1"]


@pytest.mark.parametrize("failures", [1, 3])
def test_what_was_not_sent_is_sent_again(
    upload: Callable[..., FileInfo], service: Service, shown: Shown, time: VirtualTime, failures: int
) -> None:
    """Without a connection nothing was created: the upload is tried again after growing pauses without a list."""
    service.next("POST", *[fails(NotSent("no connection"))] * failures)
    upload()
    assert len(service.sent("POST")) == failures + 1
    assert service.sent("GET") == []
    assert [text for _, text in shown.progress if "retrying" in text] == [
        "no connection; retrying"
    ] * failures
    pauses = [pause for pause in time.slept if pause]
    assert len(pauses) == failures
    for number, pause in enumerate(pauses, 1):
        assert backoff(number, jitter=lambda: 0.0) <= pause <= backoff(number, jitter=lambda: 1.0)


def test_a_connection_that_cannot_work_is_tried_once(
    upload: Callable[..., FileInfo], service: Service
) -> None:
    """A wrong proxy or CA file stays wrong."""
    service.next("POST", fails(NotSent("no proxy", permanent=True)))
    with pytest.raises(NotSent, match="no proxy"):
        upload()
    assert len(service.sent("POST")) == 1


def test_no_pause_is_longer_than_the_time_left(upload: Callable[..., FileInfo], service: Service) -> None:
    """If the deadline would pass during the pause, the last error is raised at once."""
    service.next("POST", fails(NotSent("no connection")))
    with pytest.raises(NotSent, match="no connection"):
        upload(seconds=0.2)
    assert len(service.sent("POST")) == 1


UNKNOWN = (
    f"it is not known whether the file '{NAME}' was created: no answer in time; {{}}; before the next `pulumi up` run "
    "`pulumi stack export | nebius-models unknown`, which shows the file if it exists"
)


@pytest.mark.parametrize(
    ("looks", "seconds", "listed"),
    [
        ([empty, empty], 1, "the list does not show it yet"),
        ([status(403, "hidden")], 600, "the list cannot be read: hidden (HTTP 403)"),
        ([status(500, "down")] * 2, 1, "the list cannot be read: down (HTTP 500)"),
    ],
)
def test_what_cannot_be_known_says_so(
    upload: Callable[..., FileInfo], service: Service, looks: list[Outcome], seconds: float, listed: str
) -> None:
    """The error has the file's name, both reasons and the command that shows the file."""
    service.next("POST", fails(LOST))
    service.next("GET", *looks)
    with pytest.raises(AnswerLost) as lost:
        upload(seconds=seconds)
    assert str(lost.value) == UNKNOWN.format(listed)
    assert isinstance(lost.value.__cause__, AnswerLost if "yet" in listed else NebiusError)
    assert len(service.sent("GET")) == len(looks)


def test_a_second_file_that_cannot_be_deleted_is_a_warning(
    upload: Callable[..., FileInfo], service: Service, shown: Shown
) -> None:
    """The upload itself has succeeded; the warning has the command that shows what is left."""
    service.next("POST", fails(LOST, stored=True))
    service.next("GET", *[empty] * 4)
    service.next("DELETE", status(401, "no rights"))
    assert upload().id == "file-1"
    assert list(service.held) == ["file-0", "file-1"]
    assert shown.warnings == [
        f"'{NAME}' may have been created twice: no rights (HTTP 401); run `nebius-models unknown`"
    ]


def test_an_engine_that_goes_away_while_the_list_is_read_leaves_nothing(
    upload: Callable[..., FileInfo], service: Service, time: VirtualTime
) -> None:
    """Every file of that name in the project's list is deleted, within half a minute."""

    def later(service: Service, _call: Call) -> Answer:
        service.add(bytes=1)
        time.advance(5)
        raise LOST

    service.next("POST", later)
    with pytest.raises(EngineGone):
        upload(sleep=time.gone_at(5))
    assert service.held == {}
    [*_, listed] = [call for call in service.calls if call.method == "GET"]
    assert (listed.query, listed.seconds) == ({"ai_project_id": PROJECT}, 15)
    assert [call.path for call in service.calls if call.method == "DELETE"] == ["/v1/files/file-0"]


def test_a_file_that_is_gone_before_the_clean_up_is_looked_for_in_its_project(
    upload: Callable[..., FileInfo], service: Service, time: VirtualTime
) -> None:
    """The list of the upload's project decides after a 404 to a deletion."""
    service.next("DELETE", status(404))
    with pytest.raises(EngineGone):
        upload(sleep=lambda seconds: time.gone_at(0)(seconds) if service.held else None)
    assert [call.query for call in service.calls if call.method == "GET"] == [{"ai_project_id": PROJECT}] * 2


def test_a_clean_up_that_fails_is_not_the_error(
    upload: Callable[..., FileInfo], service: Service, time: VirtualTime
) -> None:
    """The error is that the engine is gone, whatever the service answers then."""
    service.next("GET", status(500))
    service.seconds = 1.0
    with pytest.raises(EngineGone):
        upload(sleep=time.gone_at(4))
    assert len(service.sent("GET")) == 1


@pytest.mark.parametrize(
    ("answers", "left"),
    [
        ([status(404)], False),
        ([status(403)], False),
        ([status(401)], True),
        ([status(400)], True),
    ],
)
def test_a_deletion_is_settled_by_the_list(
    archives: Archives, service: Service, shown: Shown, answers: list[Outcome], *, left: bool
) -> None:
    """A file that its project's list lacks is gone after a 404 or a 403; any other refusal is an error."""
    service.next("DELETE", *answers)
    if left:
        with pytest.raises(NebiusError):
            archives.delete("file-0", PROJECT, shown.operation(20))
        assert service.sent("GET") == []
    else:
        archives.delete("file-0", PROJECT, shown.operation(20))
        assert [call.query for call in service.calls if call.method == "GET"] == [{"ai_project_id": PROJECT}]
    assert {call.seconds for call in service.calls} == {10}


@pytest.mark.parametrize("refusal", [404, 403])
def test_a_list_with_gaps_does_not_settle_a_refused_deletion(
    archives: Archives, service: Service, shown: Shown, refusal: int
) -> None:
    """If the list has entries that are not files, a 403 may hide the file; a 404 does not."""
    service.next("DELETE", status(refusal))
    service.next("GET", lambda *_: answer({"data": [None]}))
    if refusal == 404:
        archives.delete("file-0", PROJECT, shown.operation())
    else:
        with pytest.raises(AccessDenied):
            archives.delete("file-0", PROJECT, shown.operation())


def test_a_read_looks_into_the_project(archives: Archives, service: Service) -> None:
    """If a file is not found by its id, the list of its project is read, within the deadline."""
    operation = Operation(service.time.deadline(20))
    assert archives.read("file-0", PROJECT, operation) is None
    assert [(call.path, call.query, call.seconds) for call in service.calls] == [
        ("/v1/files/file-0", {}, 10),
        ("/v1/files", {"ai_project_id": PROJECT}, 10),
    ]
