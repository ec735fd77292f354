from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nebius_model_resource._adapter import Adapter, read
from nebius_model_resource._api.connection import Connection
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.files import Files
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._lifecycle.archives import Archives, is_archive
from nebius_model_resource._lifecycle.operation import Operation, Report
from nebius_model_resource.errors import (
    AccessDenied,
    AnswerLost,
    ApiError,
    BadRequest,
    DeadlineExceeded,
    EngineGone,
    NotFound,
    UnusableArchive,
)
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.adapters import files, weights, write_folder

UPLOAD = "/v0/models/upload"


@dataclass
class Lab:
    """One account's archives on an emulator, without real pauses."""

    emulator: Emulator
    folder: Path
    progress: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    gone_after: int | None = None
    pauses: int = 0

    def __post_init__(self) -> None:
        settings = Settings(self.emulator.url, self.emulator.api_key)
        self.connection = Connection(settings, sleep=lambda _seconds: None)
        self.archives = Archives(Files(self.connection))

    def sleep(self, _seconds: float) -> None:
        self.pauses += 1
        if self.gone_after is not None and self.pauses > self.gone_after:
            raise EngineGone("the engine is gone")

    def operation(self, seconds: float = 60) -> Operation:
        report = Report(self.progress.append, self.warnings.append)
        return Operation(Deadline.after(seconds, sleep=self.sleep), report)

    def adapter(self, size: int = 3_000_000) -> Adapter:
        contents = {**files(), "adapter_model.safetensors": weights(size)}
        return read(str(write_folder(self.folder / "bot", contents)))

    def upload(self, **options: Any) -> Any:
        return self.archives.upload(self.adapter(), None, self.operation(**options))

    def posts(self) -> int:
        return len(self.emulator.requests("POST", UPLOAD))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Emulator() as emulator:
        lab = Lab(emulator, tmp_path)
        yield lab
        lab.connection.close()


def test_an_upload_is_one_file_with_the_adapter(lab: Lab) -> None:
    """An upload is one file whose name has the folder and the hash, and whose zip has the files."""
    file = lab.upload()
    (held,) = lab.emulator.files()
    assert (held["id"], held["bytes"], held["created_at"]) == (file.id, file.size, file.created_at)
    assert re.fullmatch(rf"bot-{lab.adapter().sha256[:16]}-[0-9a-f]{{8}}\.zip", held["filename"])
    assert is_archive(file)
    with zipfile.ZipFile(io.BytesIO(lab.emulator.service.files.content(file.id) or b"")) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["adapter_config.json", "adapter_model.safetensors"]
    assert lab.progress == ["uploading 0 % of 6.0 MB"]


@pytest.mark.parametrize(
    ("faults", "posts"),
    [
        ([Fault(path=UPLOAD, action="reset", effect="after")], 1),
        ([Fault(path=UPLOAD, action="half_body", effect="after")], 1),
        ([Fault(path=UPLOAD, action="html", effect="after", status=200)], 1),
        ([Fault(path=UPLOAD, status=500, effect="after")], 1),
        ([Fault(path=UPLOAD, action="reset", received=2_000_000)], 2),
        ([Fault(path=UPLOAD, action="close", received=0)], 2),
        ([Fault(path=UPLOAD, status=502)], 2),
        ([Fault(path=UPLOAD, status=429, headers={"Retry-After": "0"})], 2),
        ([Fault(path=UPLOAD, status=503, headers={"Retry-After": "0"}, times=2)], 3),
        ([Fault(path=UPLOAD, status=500, effect="after"), Fault(path="/v1/files", status=500)], 1),
    ],
)
def test_a_fault_leaves_exactly_one_file(lab: Lab, faults: list[Fault], posts: int) -> None:
    """After a lost answer, a reset in the middle or a pause there is one file, sent again only if it is missing."""
    for fault in faults:
        lab.emulator.add_fault(fault)
    file = lab.upload()
    assert [held["id"] for held in lab.emulator.files()] == [file.id]
    assert lab.posts() == posts
    assert lab.warnings == []


def test_a_file_that_was_stored_late_is_deleted(lab: Lab) -> None:
    """A file that appears in the list only after the second upload is deleted, so that one is left."""
    lab.emulator.add_fault(Fault(path=UPLOAD, status=500, effect="after"))
    empty = {"object": "list", "data": [], "has_more": False}
    lab.emulator.add_fault(Fault(path="/v1/files", action="wrong_json", body=empty, times=4))
    file = lab.upload()
    assert lab.posts() == 2
    assert [held["id"] for held in lab.emulator.files()] == [file.id]


def test_an_equal_file_that_was_there_is_left_alone(lab: Lab) -> None:
    """Two uploads of the same content are two files, so that deleting one leaves the other."""
    first, second = lab.upload(), lab.upload()
    assert first.id != second.id
    lab.archives.delete(first.id, None, lab.operation())
    assert [held["id"] for held in lab.emulator.files()] == [second.id]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(path=UPLOAD, status=400, body={"detail": "no adapter"}), BadRequest),
        (Fault(path=UPLOAD, status=401), AccessDenied),
        (Fault(path=UPLOAD, status=413), BadRequest),
    ],
)
def test_a_refusal_ends_the_upload(lab: Lab, fault: Fault, kind: type[ApiError]) -> None:
    """A refusal is raised at once in the service's words, and nothing is sent again."""
    lab.emulator.add_fault(fault)
    with pytest.raises(kind):
        lab.upload()
    assert lab.posts() == 1
    assert lab.emulator.files() == []


def test_an_archive_over_the_services_limit_is_refused(lab: Lab) -> None:
    """The error is the service's 413, although the body was not sent completely."""
    lab.emulator.settings.archive_limit_bytes = 1_000_000
    with pytest.raises(BadRequest, match="larger than 1000000 bytes"):
        lab.upload()


def test_an_unknown_outcome_says_so(lab: Lab) -> None:
    """If the list cannot be read until the deadline, the error names the file and the command that finds it."""
    lab.emulator.add_fault(Fault(path=UPLOAD, status=500, effect="after"))
    lab.emulator.add_fault(Fault(path="/v1/files", status=403, times=None))
    with pytest.raises(AnswerLost, match=r"whether the file 'bot-.*nebius-models unknown"):
        lab.upload()


def test_a_deadline_ends_the_upload(lab: Lab) -> None:
    """An upload whose deadline has passed sends nothing, and leaves nothing."""
    with pytest.raises(DeadlineExceeded):
        lab.upload(seconds=0)
    assert lab.emulator.files() == []


@pytest.mark.parametrize("pauses", [0, 1])
def test_an_upload_whose_engine_is_gone_leaves_nothing(lab: Lab, pauses: int) -> None:
    """When the engine goes away while the file is sent, or before it is recorded, no file is left."""
    lab.gone_after = pauses
    with pytest.raises(EngineGone):
        lab.upload()
    assert lab.emulator.files() == []
    assert lab.emulator.requests("GET", "/v1/files")


def test_a_changed_adapter_is_not_uploaded(lab: Lab) -> None:
    """An adapter that changes after it was read ends the upload, and the service has no file."""
    adapter = lab.adapter()
    (lab.folder / "bot" / "adapter_config.json").write_bytes(b"{}")
    with pytest.raises(UnusableArchive, match="changed while it was read"):
        lab.archives.upload(adapter, None, lab.operation())
    assert lab.emulator.files() == []


def test_a_file_is_read_until_it_is_gone(lab: Lab) -> None:
    """A read returns the file, or None if both the id and the list say that it is gone; an error never means gone."""
    file = lab.upload()
    assert lab.archives.read(file.id, None, lab.operation()) == file
    lab.emulator.add_fault(Fault(path=f"/v1/files/{file.id}", status=404))
    assert lab.archives.read(file.id, None, lab.operation()) == file
    lab.emulator.add_fault(Fault(path=f"/v1/files/{file.id}", status=403))
    with pytest.raises(AccessDenied):
        lab.archives.read(file.id, None, lab.operation())
    lab.archives.delete(file.id, None, lab.operation())
    assert lab.archives.read(file.id, None, lab.operation()) is None
    lab.emulator.add_fault(Fault(path="*", status=404, times=2))
    with pytest.raises(NotFound):
        lab.archives.read(file.id, None, lab.operation())


def test_deleting_succeeds_where_the_file_is_gone(lab: Lab) -> None:
    """A deletion survives a lost answer, and succeeds for a file that is gone; a wrong 404 or 403 is an error."""
    file = lab.upload()
    for status in (404, 403, 401):
        lab.emulator.add_fault(Fault(method="DELETE", status=status))
        with pytest.raises(ApiError):
            lab.archives.delete(file.id, None, lab.operation())
    lab.emulator.add_fault(Fault(method="DELETE", action="reset", effect="after"))
    lab.archives.delete(file.id, None, lab.operation())
    lab.archives.delete(file.id, None, lab.operation())
    assert lab.emulator.files() == []
