"""What each call about files sends and how it reads the answer, with the service as a function."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from nebius_model_resource._api.connection import Connection
from nebius_model_resource._api.files import FileInfo, FileListing, Files
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._api.transport import MAX_ANSWER, MAX_LIST, Answer
from nebius_model_resource.errors import InvalidInputs, ServerFault, UnusableAnswer
from tests.support.virtual import VirtualTime

BASE = "https://service.test"
PROJECT = "aiproject-1"


class Service:
    """Gives the answers in turn, repeats the last one, and records the requests."""

    def __init__(self, time: VirtualTime, *answers: Any) -> None:
        self.time = time
        self.answers = list(answers)
        self.calls: list[tuple[str, str, dict[str, str]]] = []
        self.given: list[dict[str, Any]] = []

    def __call__(self, _session: Any, method: str, url: str, **given: Any) -> Answer:
        """Answer one request, in place of :func:`.transport.exchange`."""
        assert len(self.calls) < 2_000, "the calls do not end"
        self.calls.append((method, url.removeprefix(BASE), dict(given["params"])))
        self.given.append(given)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, int):
            return Answer(answer, {}, b"{}")
        return Answer(200, {}, json.dumps(answer).encode())


@pytest.fixture
def time() -> VirtualTime:
    """A clock that moves only in a sleep."""
    return VirtualTime()


@pytest.fixture
def serve(time: VirtualTime) -> Callable[..., tuple[Files, Service]]:
    """The files of a service that gives those answers."""

    def serve(*answers: Any) -> tuple[Files, Service]:
        service = Service(time, *answers)
        settings = Settings(BASE, "key")
        connection = Connection(settings, clock=time.clock, sleep=time.sleep, exchange=service)
        return Files(connection), service

    return serve


Serve = Callable[..., tuple[Files, Service]]
COMPLETE = {
    "id": "file-1",
    "filename": "a.zip",
    "bytes": 7,
    "created_at": 1_790_000_000,
    "purpose": "fine-tune",
    "status": "processed",
}
FILE = FileInfo("file-1", "a.zip", 7, 1_790_000_000, "fine-tune", "processed")


@pytest.mark.parametrize(
    ("entry", "file"),
    [
        (COMPLETE, FILE),
        ({**COMPLETE, "bytes": 7.0, "object": "file"}, FILE),
        ({"id": "file-1"}, FileInfo("file-1")),
        (
            {"id": "file-1", "filename": 1, "bytes": "7", "created_at": "x", "purpose": [], "status": {}},
            FileInfo("file-1"),
        ),
        ({"id": ""}, None),
        ({"id": 1}, None),
        ({"filename": "a.zip"}, None),
        (["file-1"], None),
        (None, None),
    ],
)
def test_an_entry_is_a_file_if_it_has_an_id(entry: Any, file: FileInfo | None) -> None:
    """A value that the service leaves out, or returns in another type, is None."""
    assert FileInfo.parse(entry) == file


def upload(files: Files, time: VirtualTime, seconds: float = 1000, **options: Any) -> FileInfo:
    """Upload four bytes."""
    return files.upload("a.zip", 4, lambda: [b"ab", b"cd"], PROJECT, time.deadline(seconds), **options)


def test_an_upload_is_one_request(serve: Serve, time: VirtualTime) -> None:
    """The body is a form with one file, its progress is reported, and the answer may take five minutes."""
    files, service = serve(COMPLETE)
    sent: list[int] = []
    assert upload(files, time, sent=sent.append) == FILE
    assert service.calls == [("POST", "/v0/models/upload", {"ai_project_id": PROJECT})]
    [given] = service.given
    body = given["body"]
    assert (given["seconds"], given["longest"]) == (300, MAX_ANSWER)
    assert sent == []
    content = b"".join(body)
    assert sent == [0, 2, 4]
    assert b"".join(body) == content  # each attempt begins again
    kind, _, boundary = body.content_type.partition("; boundary=")
    assert kind == "multipart/form-data"
    assert len(body) == len(content)
    assert content.decode().split("\r\n") == [
        f"--{boundary}",
        'Content-Disposition: form-data; name="file"; filename="a.zip"',
        "Content-Type: application/zip",
        "",
        "abcd",
        f"--{boundary}--",
        "",
    ]


def test_an_upload_is_not_repeated(serve: Serve, time: VirtualTime) -> None:
    """After a fault a file may exist, so the caller looks first. An upload may take half of the time left."""
    files, service = serve(500)
    with pytest.raises(ServerFault):
        upload(files, time, 100)
    assert len(service.calls) == 1
    assert service.given[0]["seconds"] == 50


@pytest.mark.parametrize("answer", [[], {"id": ""}])
def test_an_upload_without_an_id_says_so(serve: Serve, time: VirtualTime, answer: Any) -> None:
    """The line says that it succeeded, and what is missing."""
    files, _ = serve(answer)
    with pytest.raises(UnusableAnswer) as unusable:
        upload(files, time)
    assert str(unusable.value) == "the service answered the upload with success and without the file's id"


@pytest.mark.parametrize(("options", "attempts"), [({}, 4), ({"attempts": 1}, 1)])
def test_a_file_is_read_with_as_many_attempts_as_given(
    serve: Serve, time: VirtualTime, options: dict[str, int], attempts: int
) -> None:
    """There are four by default, all within the deadline."""
    files, service = serve(500)
    with pytest.raises(ServerFault):
        files.get("file-1", time.deadline(20), **options)
    assert service.calls == [("GET", "/v1/files/file-1", {})] * attempts
    assert service.given[0]["seconds"] == pytest.approx(10)
    files, service = serve([])
    with pytest.raises(UnusableAnswer) as unusable:
        files.get("file-1", time.deadline(20), **options)
    assert str(unusable.value) == "the service answered 'file-1' with something else than a file"


@pytest.mark.parametrize(("options", "attempts"), [({}, 4), ({"attempts": 1}, 1)])
def test_a_list_is_read_with_as_many_attempts_as_given(
    serve: Serve, time: VirtualTime, options: dict[str, int], attempts: int
) -> None:
    """There are four by default for each page, within the deadline, and a page may have up to 16 MiB."""
    answers: list[Any] = [500, {"data": {}}, []]
    for answer in answers:
        files, service = serve(answer)
        with pytest.raises((ServerFault, UnusableAnswer)) as caught:
            files.list_all(PROJECT, time.deadline(20), **options)
        assert service.calls == [("GET", "/v1/files", {"ai_project_id": PROJECT})] * attempts
        assert (service.given[0]["seconds"], service.given[0]["longest"]) == (pytest.approx(10), MAX_LIST)
    assert str(caught.value) == "the service answered the list of files with something else than a list"


def page(*numbers: int, **more: Any) -> dict[str, Any]:
    """A page of files."""
    return {"data": [{"id": f"file-{number}"} for number in numbers], **more}


@pytest.mark.parametrize(
    ("pages", "ids", "complete", "after"),
    [
        ([page(1, 2)], "12", True, [None]),
        ([page()], "", True, [None]),
        ([page(1, 2, has_more=True), page(3)], "123", True, [None, "file-2"]),
        ([page(1, has_more="true")], "1", True, [None]),
        ([page(1, 1)], "1", False, [None]),
        ([{"data": [{"id": "file-1"}, {}]}], "1", False, [None]),
        ([{"data": [None], "has_more": True}], "", False, [None]),
        ([{"data": [None, {"id": "file-1"}], "has_more": True}, page(2)], "12", False, [None, "file-1"]),
        ([page(1, has_more=True), page(1, has_more=True)], "1", False, [None, "file-1"]),
        ([page(1, 2, has_more=True), page(2, 1)], "12", True, [None, "file-2"]),
    ],
)
def test_pages_are_read_until_there_are_no_more(
    serve: Serve, time: VirtualTime, pages: list[Any], ids: str, after: list[str | None], *, complete: bool
) -> None:
    """Each page begins after the last file of the one before; an entry that is not a file, or an old page, is a gap."""
    files, service = serve(*pages)
    found = FileListing(tuple(FileInfo(f"file-{number}") for number in ids), complete)
    assert files.list_all(None, time.deadline(60)) == found
    expected = [("GET", "/v1/files", {"after": last} if last else {}) for last in after]
    assert service.calls == expected


def test_pages_without_an_end_are_given_up(time: VirtualTime) -> None:
    """After a thousand pages the list counts as incomplete."""

    def exchange(_session: Any, _method: str, _url: str, **given: Any) -> Answer:
        last = given["params"].get("after", "file-0")
        body = page(int(last.removeprefix("file-")) + 1, has_more=True)
        return Answer(200, {}, json.dumps(body).encode())

    connection = Connection(Settings(BASE, "key"), clock=time.clock, sleep=time.sleep, exchange=exchange)
    listing = Files(connection).list_all()
    assert (len(listing.files), listing.complete) == (1000, False)


@pytest.mark.parametrize("answer", [500, [], {"deleted": False}])
def test_a_deletion_is_repeated_until_its_deadline(serve: Serve, time: VirtualTime, answer: Any) -> None:
    """However often it fails, it is tried again while there is time; any other JSON object is a success."""
    files, service = serve(*[answer] * 8, {})
    files.delete("file-1", time.deadline(100))
    assert service.calls == [("DELETE", "/v1/files/file-1", {})] * 9
    files, service = serve(answer)
    with pytest.raises((ServerFault, UnusableAnswer)) as caught:
        files.delete("file-1", time.deadline(20))
    assert service.given[0]["seconds"] == pytest.approx(10)
    if answer != 500:
        assert str(caught.value) == "the service answered the deletion of 'file-1' with something else"


def test_an_id_that_is_another_path_is_refused(serve: Serve) -> None:
    """Nothing is sent, and the line names the id; any other id is one encoded segment."""
    files, service = serve({"id": "file-1"})
    for wrong in ("", ".", ".."):
        with pytest.raises(InvalidInputs) as refused:
            files.get(wrong)
        assert str(refused.value) == f"file_id: {wrong!r} cannot be the id of a file"
    assert service.calls == []
    files.get("a/b c?")
    assert service.calls == [("GET", "/v1/files/a%2Fb%20c%3F", {})]
