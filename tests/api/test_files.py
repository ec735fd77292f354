from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nebius_model_resource._api.connection import Connection
from nebius_model_resource._api.files import FileInfo, Files
from nebius_model_resource._api.settings import Settings
from nebius_model_resource.errors import AnswerLost, InvalidInputs, NotFound, UnusableAnswer
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.hostile import RawServer

KEY = "a-key-of-more-than-16-characters"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(api_key=KEY) as emulator:
        yield emulator


@pytest.fixture
def files(emulator: Emulator) -> Iterator[Files]:
    connection = Connection(Settings(emulator.url, KEY), first_pause=0.01)
    yield Files(connection)
    connection.close()


def _upload(files: Files, *chunks: bytes) -> FileInfo:
    length = sum(map(len, chunks))
    return files.upload('ä".zip', length, lambda: chunks, "aiproject-1", files.connection.deadline(30))


def test_an_upload_is_one_part_named_file(emulator: Emulator, files: Files) -> None:
    """An upload is one multipart body of known length, with the project in the query and no purpose."""
    file = _upload(files, b"ab", b"", b"cd")
    (call,) = emulator.requests("POST")
    assert call.query == {"ai_project_id": "aiproject-1"}
    assert "transfer-encoding" not in call.headers
    assert emulator.service.files.content(file.id) == b"abcd"
    assert files.get(file.id) == file
    assert file.size == 4


@pytest.mark.parametrize("body", [[], {}, {"id": 1}, {"id": f"file-{KEY}"}, {"id": ""}])
def test_an_answer_without_a_file_cannot_be_used(emulator: Emulator, files: Files, body: Any) -> None:
    """An answer without an id, or with the key in it, does not count as a file."""
    emulator.add_fault(Fault(method="POST", action="wrong_json", body=body))
    with pytest.raises(UnusableAnswer):
        _upload(files, b"a")


def test_all_pages_are_read(emulator: Emulator, files: Files) -> None:
    """A list that has more is read on from its last entry, even if a page has an entry that is not a file."""
    pages = [
        {"data": [{"id": "file-1", "bytes": 3, "filename": 5}, {"id": "file-2"}], "has_more": True},
        {"data": [{"id": "file-3"}, None], "has_more": True},
        {"data": [], "has_more": False},
    ]
    for page in pages:
        emulator.add_fault(Fault(action="wrong_json", body=page))
    listing = files.list_all("aiproject-1")
    assert [file.id for file in listing.files] == ["file-1", "file-2", "file-3"]
    assert not listing.complete
    assert [call.query.get("after") for call in emulator.requests("GET")] == [None, "file-2", "file-3"]


def test_pages_that_repeat_end(emulator: Emulator, files: Files) -> None:
    """A service that ignores `after` is not asked for ever, and its list does not count as complete."""
    page = {"data": [{"id": "file-1"}], "has_more": True}
    emulator.add_fault(Fault(action="wrong_json", body=page, times=None))
    listing = files.list_all()
    assert ([file.id for file in listing.files], listing.complete) == (["file-1"], False)
    assert len(emulator.requests("GET")) == 2


def test_a_list_that_is_none_is_an_error(emulator: Emulator, files: Files) -> None:
    """A list that cannot be used is read again, four times in all."""
    emulator.add_fault(Fault(action="wrong_json", body=[], times=None))
    with pytest.raises(UnusableAnswer, match="list of files"):
        files.list_all()
    assert len(emulator.requests("GET")) == 4


def test_a_deletion_that_did_not_happen_is_repeated(emulator: Emulator, files: Files) -> None:
    """An answer that says `deleted: false` is not a success."""
    file = _upload(files, b"a")
    emulator.add_fault(Fault(method="DELETE", action="wrong_json", body={"deleted": False}))
    files.delete(file.id)
    assert emulator.files() == []
    assert len(emulator.requests("DELETE")) == 2


def test_an_id_is_one_segment_of_the_path(emulator: Emulator, files: Files) -> None:
    """An id that would be another path is refused, and a slash in it is encoded."""
    for wrong in ("", ".", ".."):
        with pytest.raises(InvalidInputs):
            files.get(wrong)
    with pytest.raises(NotFound):
        files.get("file-1/x")
    assert [call.raw_path for call in emulator.requests()] == ["/v1/files/file-1%2Fx"]


def test_an_upload_that_stalls_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that stops taking the body loses the upload after the time for a stall, not at the deadline."""
    monkeypatch.setattr("nebius_model_resource._api.transport._STALL_SECONDS", 0.5)
    sent: list[int] = []

    def take_no_more(_connection: Any, _head: bytes) -> None:
        server.ended.wait()

    with RawServer(take_no_more) as server:
        connection = Connection(Settings(server.url, KEY))
        deadline = connection.deadline(3600)  # the test itself may take 300 s
        body = [bytes(1_000_000)] * 40
        with pytest.raises(AnswerLost, match=r"no answer in time|connection broke"):
            Files(connection).upload("x.zip", 40_000_000, lambda: body, None, deadline, sent.append)
        connection.close()
    assert sent[-1] < 40_000_000
