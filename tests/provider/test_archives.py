"""What a provider does with one adapter: exactly one file, and what is left where that fails."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nebius_model_resource import errors
from nebius_model_resource._provider.archives import may_come_of
from nebius_model_resource._provider.calls import Changes, Found
from nebius_model_resource._provider.properties import UNKNOWN
from nebius_model_resource._service.http import Answer
from nebius_model_resource._service.types import FileInfo
from tests.support.adapters import files, weights, write_folder
from tests.support.engine_calls import Archives, EngineCall, Failed
from tests.support.outcomes import garbled, lost, not_sent, says, status
from tests.support.virtual import Outcome, Request, Service, done, no_pause

NONE = says({"data": []})
DOWN = status(500, "down")


class Uploads(NamedTuple):
    """A bench for archives, with the checked inputs of one."""

    service: Service
    call: EngineCall
    archives: Archives
    props: dict[str, Any]


@pytest.fixture
def bench(service: Service, call: EngineCall, tmp_path: Path) -> Uploads:
    """An adapter of 1.2 MB that was checked."""
    folder = write_folder(tmp_path / "bot", {**files(), "adapter_model.safetensors": weights(600_000)})
    archives = Archives(service)
    props = archives.check(call, {}, {"path": str(folder), "ai_project_id": "p"}).inputs
    return Uploads(service, call, archives, props)


def create(archives: Archives, call: EngineCall, props: dict[str, Any], seconds: float = 600) -> Found:
    """Upload the adapter."""
    return archives.create(replace(call, timeout=seconds), props)


def test_a_check_adds_the_hash_of_the_content(bench: Uploads) -> None:
    """The state's own hash stays where `ignore_changes` puts it, so that the folder may be on another machine."""
    _, call, archives, props = bench
    assert re.fullmatch("[0-9a-f]{64}", props["sha256"])
    again = archives.check(call, {"sha256": "old"}, {"path": props["path"]})
    assert again.inputs["sha256"] == props["sha256"]
    for path in (props["path"], "/nowhere"):
        kept = {"path": path, "sha256": "old"}
        assert archives.check(call, {"sha256": "old"}, kept).inputs == kept
    assert archives.check(call, {}, {"path": UNKNOWN}).inputs["sha256"] == UNKNOWN
    [(name, reason)] = archives.check(call, {}, {"path": "/nowhere"}).failures
    assert (name, "/nowhere" in reason) == ("path", False)
    assert archives.diff(call, "file-0", props, {**props, "path": "other"}) == Changes({})
    for name, value in (("sha256", "new"), ("sha256", UNKNOWN), ("ai_project_id", "q")):
        assert archives.diff(call, "file-0", props, {**props, name: value}).replaces == [name]


def test_a_preview_warns_of_an_adapter_that_is_new_to_the_state(bench: Uploads, tmp_path: Path) -> None:
    """A warning is not repeated for content that is uploaded already, nor made where the path is wrong."""
    _, call, archives, _ = bench
    folder = str(write_folder(tmp_path / "deep", {**files(), "logs/1": b"x"}))
    props = archives.check(call, {}, {"path": folder}).inputs
    [warning] = call.warnings
    assert warning.startswith("subfolders go along: 'logs'")
    archives.check(call, props, {"path": folder})
    [(name, _)] = archives.check(call, props, {"path": ""}).failures
    assert (name, call.warnings) == ("path", [warning])


def test_what_the_service_does_not_report_of_a_file_stays_as_it_was(bench: Uploads) -> None:
    """The size is that of the zip, where the service reports none; a refresh forgets nothing."""
    service, call, archives, props = bench
    service.next("UPLOAD", says({"id": "file-9"}))
    found = create(archives, call, props)
    assert 1_200_000 < found.outputs["size"] < 1_210_000
    service.files["file-9"] = {"id": "file-9"}
    known = {"filename": "bot.zip", "created_at": 7, "file_id": "file-9"}
    read = archives.read(call, "file-9", {**found.outputs, **known})
    assert read
    assert read.outputs == {**found.outputs, **known}
    assert archives.update(call, "file-9", read.outputs, {**props, "path": "other"})["path"] == "other"


def test_an_upload_is_one_file_with_the_adapter(bench: Uploads) -> None:
    """Its name has the folder and the hash, its zip the files; it goes to the project, and no list is needed."""
    service, call, archives, props = bench
    found = create(archives, call, props)
    [request] = service.requests
    assert (request.kind, request.query) == ("UPLOAD", {"ai_project_id": "p"})
    file = FileInfo.parse(service.files[found.id])
    assert file
    assert re.fullmatch(rf"bot-{props['sha256'][:16]}-[0-9a-f]{{8}}\.zip", file.filename or "")
    reported = {
        "file_id": found.id,
        "filename": file.filename,
        "size": file.size,
        "created_at": file.created_at,
    }
    assert found.outputs == {**props, **reported}
    content = request.body.partition(b"\r\n\r\n")[2]
    with zipfile.ZipFile(io.BytesIO(content[: file.size])) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["adapter_config.json", "adapter_model.safetensors"]
    # What `nebius-models unknown` goes by; a part of the upload that is not known fits every file.
    assert may_come_of(file)
    assert not may_come_of(replace(file, filename="bot.zip"))
    found_by = [("a/bot", ""), (".", ""), ("a/bat", props["sha256"])]
    assert all(may_come_of(file, *each) for each in found_by)
    assert not any(may_come_of(file, *each) for each in [("a/bat", ""), ("a/bot", "0" * 64)])


@pytest.mark.parametrize(
    ("uploads", "lists", "sent"),
    [
        ((lost(effect=True),), (), 1),
        ((lost(effect=False),), (), 2),
        ((status(502, effect=True),), (), 1),
        ((garbled(effect=True),), (), 1),
        ((status(502),), (), 2),
        ((status(429, Retry_After="1"),), (), 2),
        ((not_sent(),) * 3, (), 4),
        ((lost(effect=True),), (NONE, status(500), NONE), 1),
        ((lost(effect=True),), (NONE,) * 4, 2),  # stored late: one of both is deleted
    ],
)
def test_whatever_happens_to_an_upload_there_is_one_file(
    bench: Uploads, uploads: tuple[Outcome, ...], lists: tuple[Outcome, ...], sent: int
) -> None:
    """The list of the project decides after a lost answer, and every pause is the operation's own."""
    service, call, _, props = bench
    service.next("UPLOAD", *uploads)
    service.next("FILES", *lists)
    found = create(Archives(service, sleep=no_pause), call, props)
    assert list(service.files) == [found.id]
    assert len(service.sent("UPLOAD")) == sent
    assert call.warnings == []
    projects = {request.query.get("ai_project_id") for request in service.requests if request.kind != "DROP"}
    assert projects == {"p"}


def test_an_equal_file_of_another_upload_is_left_alone(bench: Uploads) -> None:
    """Two uploads of one content are two files, and only a complete file of the same name is this upload's own."""
    service, call, archives, props = bench
    first = create(archives, call, props)

    def part(service: Service, request: Request) -> Answer:
        done(service, request)
        service.files["file-1"]["bytes"] -= 1
        return lost(effect=False)(service, request)

    service.next("UPLOAD", part)
    assert create(archives, call, props).id == "file-2"
    assert list(service.files) == [first.id, "file-2"]
    archives.delete(call, first.id, first.outputs)
    assert list(service.files) == ["file-2"]


def test_a_second_file_that_cannot_be_deleted_is_a_warning(bench: Uploads) -> None:
    """The upload itself has succeeded; the warning has the command that shows what is left."""
    service, call, archives, props = bench
    service.next("UPLOAD", lost(effect=True))
    service.next("FILES", *(NONE,) * 4)
    service.always("DROP", status(401))
    found = create(archives, call, props)
    [warning] = call.warnings
    assert warning.startswith(f"{found.outputs['filename']!r} may be there twice: no (HTTP 401)")
    assert warning.endswith("; run `pulumi stack export | nebius-models unknown`")


REFUSED = {status(400): "HTTP 400", status(401): "HTTP 401", not_sent(permanent=True): "no connection"}


@pytest.mark.parametrize(("upload", "why"), REFUSED.items(), ids=REFUSED.values())
def test_a_refusal_of_an_upload_is_final(bench: Uploads, upload: Outcome, why: str) -> None:
    """It is raised at once, and nothing is sent again."""
    service, call, archives, props = bench
    service.next("UPLOAD", upload)
    with pytest.raises(errors.NebiusError, match=why):
        create(archives, call, props)
    assert [request.kind for request in service.requests] == ["UPLOAD"]


HIDDEN = {
    NONE: "does not show it yet",
    DOWN: "cannot be read: down .HTTP 500.",
    status(403): "cannot be read: no",
}


@pytest.mark.parametrize(("listed", "why"), HIDDEN.items(), ids=HIDDEN.values())
def test_without_a_list_that_says_so_it_is_not_known_whether_there_is_a_file(
    bench: Uploads, listed: Outcome, why: str
) -> None:
    """The message has the reason, and the command that shows the file."""
    service, call, archives, props = bench
    service.next("UPLOAD", lost(effect=True))
    service.always("FILES", listed)
    with pytest.raises(errors.OutcomeUnknown, match=f"the list {why}.*which shows the file if it exists$"):
        create(archives, call, props, 1.2)
    assert len(service.sent("UPLOAD")) == 1


def test_an_upload_shows_its_progress_and_ends_at_its_deadline(bench: Uploads) -> None:
    """A text comes at once and then at most once a second; a part of an upload is no file, so there is no search."""
    service, call, archives, props = bench
    service.chunk_seconds = 0.75
    create(archives, call, props)
    assert call.shown[0] == (0, "uploading 0 % of 1.2 MB")
    moments = [at for at, _ in call.shown]
    assert moments == [1.5 * number for number in range(len(moments))]
    service.chunk_seconds = 3
    why = r"^the deadline passed with .* of 1\.2 MB sent \(more time: custom_timeouts\.create\)$"
    with pytest.raises(errors.DeadlineExceeded, match=why):
        create(archives, call, props, 5)
    assert service.sent("FILES") == []
    assert len(service.files) == 1


@pytest.mark.parametrize("moment", [2, 6, 100])
def test_an_upload_whose_engine_is_gone_leaves_nothing(bench: Uploads, moment: float) -> None:
    """Whether it goes during the upload, during the search or before the file is recorded; no file is left."""
    service, call, archives, props = bench
    service.chunk_seconds = 1
    service.next("UPLOAD", lost(effect=True))
    service.next("FILES", says({}), says({}))
    service.time.at(7.1, lambda: service.time.advance(100))
    with pytest.raises(errors.EngineGone):
        create(archives, replace(call, gone_at=moment), props)
    assert service.files == {}


def test_an_adapter_that_changes_is_not_uploaded(bench: Uploads) -> None:
    """What was checked in the preview is what is uploaded, or nothing."""
    service, call, archives, props = bench
    write_folder(Path(props["path"]), {"adapter_model.safetensors": weights(600_016)})
    with pytest.raises(errors.UnusableArchive, match="changed since it was checked: run `pulumi up` again"):
        create(archives, call, props)
    assert service.requests == []


def test_a_file_is_read_until_it_is_gone(bench: Uploads) -> None:
    """What the service reports no more is kept; a file that is gone is removed from the state."""
    service, call, archives, props = bench
    found = create(archives, call, props)
    service.files[found.id]["bytes"] = None
    assert archives.read(call, found.id, found.outputs) == replace(found, inputs=props)
    assert archives.update(call, found.id, found.outputs, props) == found.outputs
    archives.delete(call, found.id, found.outputs)
    assert archives.read(call, found.id, found.outputs) is None
    assert call.warnings == []
    assert Archives(service).read(call, found.id, found.outputs) is None
    [warning] = call.warnings
    assert warning == (
        f"'{found.id}' is removed from the state: this key sees none of the stack's files read so far; if it is "
        "another account's key, set the right one"
    )


def test_get_reads_a_file_that_the_stack_does_not_own(bench: Uploads) -> None:
    """It has no inputs, is not deleted with its resource, and must exist; it cannot be imported."""
    service, call, archives, _ = bench
    id_ = service.add_file("train.jsonl", 5)
    found = archives.read(call, id_, {})
    assert found
    assert (found.inputs, found.outputs["filename"], found.outputs["size"]) == ({}, "train.jsonl", 5)
    archives.delete(call, id_, found.outputs)
    assert call.notes == [f"not deleted: this resource now reads '{id_}' with `get`"]
    assert list(service.files) == [id_]
    with pytest.raises(errors.Missing, match=r"there is no file .file-9. at the service: check the id and"):
        archives.read(call, "file-9", {})
    with pytest.raises(Failed, match="cannot be imported: upload it again, or read it with"):
        archives.import_(call, id_)
