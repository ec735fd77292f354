"""Uploaded adapters as the engine asks for them, in the code of the real host."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime.proto import provider_pb2
from pulumi.runtime.rpc import UNKNOWN

from nebius_model_resource._cli.main import main
from nebius_model_resource.provider import ModelArchiveProvider
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.adapters import files, write_folder, write_zip
from tests.support.host import URN, DynamicHost, HostError
from tests.support.host_here import HostHere

PROVIDER = {"__provider": serialize_provider(ModelArchiveProvider())}
DIFF_NONE, DIFF_SOME = 1, 2
WARNING = 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An adapter in a folder."""
    return write_folder(tmp_path / "adapter", files())


def checked(host: HostHere, path: object, **more: Any) -> dict[str, Any]:
    """The inputs after a check without faults."""
    inputs, faults = host.check({**PROVIDER, "path": str(path), **more})
    assert faults == []
    return {**PROVIDER, **inputs}


def uploaded(host: HostHere, path: object, **more: Any) -> tuple[str, dict[str, Any]]:
    """Id and outputs of an adapter that was uploaded."""
    id_, outputs = host.create(checked(host, path, **more))
    return id_, {**PROVIDER, **outputs}


def in_service(emulator: Emulator) -> list[str]:
    """The ids of the files that the service has."""
    return sorted(file["id"] for file in emulator.files())


def test_an_adapter_is_uploaded_read_and_deleted(host: HostHere, emulator: Emulator, folder: Path) -> None:
    """One POST creates the file; every output is what the service reports, and a second deletion succeeds."""
    id_, outputs = uploaded(host, folder)
    [file] = emulator.files()
    assert id_ == file["id"] == outputs["file_id"]
    assert (outputs["filename"], outputs["size"]) == (file["filename"], file["bytes"])
    assert outputs["created_at"] == file["created_at"]
    assert file["filename"].startswith(f"adapter-{outputs['sha256'][:16]}-")
    assert len(outputs["sha256"]) == 64
    read_id, read, inputs = host.read(id_, outputs)
    assert (read_id, {**PROVIDER, **read}) == (id_, outputs)
    assert inputs == {"path": str(folder), "sha256": outputs["sha256"]}
    assert len(emulator.requests("POST")) == 1
    for _ in range(2):
        host.delete(id_, outputs)
    assert in_service(emulator) == []


def test_the_same_content_is_no_change(host: HostHere, emulator: Emulator, tmp_path: Path) -> None:
    """Another path, a zip of the folder and new time stamps change nothing; one changed byte replaces the file."""
    folder = write_folder(tmp_path / "adapter", files())
    id_, outputs = uploaded(host, folder)
    for same in (
        write_folder(tmp_path / "moved", files()),
        write_zip(tmp_path / "packed.zip", dict(reversed(files().items()))),
    ):
        assert host.diff(id_, outputs, checked(host, same)).changes == DIFF_NONE
    (folder / "README.md").write_text("changed")
    diff = host.diff(id_, outputs, checked(host, folder))
    assert diff.changes == DIFF_SOME
    assert list(diff.replaces) == ["sha256"]
    assert list(diff.detailedDiff) == ["sha256"]


def test_another_project_replaces_the_file(host: HostHere, emulator: Emulator, folder: Path) -> None:
    """A file is uploaded to its project, and a file cannot move to another one."""
    id_, outputs = uploaded(host, folder, ai_project_id="project-a")
    assert [post.query.get("ai_project_id") for post in emulator.requests("POST")] == ["project-a"]
    diff = host.diff(id_, outputs, checked(host, folder, ai_project_id="project-b"))
    assert list(diff.replaces) == ["ai_project_id"]


def test_a_path_that_is_not_known_yet_may_change_everything(host: HostHere, folder: Path) -> None:
    """In a preview an unknown path passes the check, and the file may have to be replaced."""
    id_, outputs = uploaded(host, folder)
    news = checked(host, UNKNOWN)
    assert news["sha256"] == UNKNOWN
    assert list(host.diff(id_, outputs, news).replaces) == ["sha256"]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [(None, "p", "ADD"), ("p", "", "DELETE"), ("p", None, "DELETE"), ("p", "q", "UPDATE")],
)
def test_a_change_has_its_kind(host: HostHere, old: str | None, new: str | None, kind: str) -> None:
    """A project that is added, removed or changed is shown as such, and the content's hash as changed."""
    olds = {**PROVIDER, "path": "a", "sha256": "00", "ai_project_id": old}
    news = {**PROVIDER, "path": "a", "sha256": "01", "ai_project_id": new}
    kinds = {
        name: provider_pb2.PropertyDiff.Kind.Name(detail.kind)
        for name, detail in host.diff("file-1", olds, news).detailedDiff.items()
    }
    assert kinds == {"sha256": "UPDATE_REPLACE", "ai_project_id": f"{kind}_REPLACE"}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (None, "missing: give a folder with an adapter, or a .zip of it"),
        ("", "missing: give a folder with an adapter, or a .zip of it"),
        (3.0, "must be text: give a folder with an adapter, or a .zip of it"),
        ("nowhere", "was given 'nowhere', which cannot be read: No such file or directory"),
        ("empty", "was given 'empty', which "),
    ],
)
def test_an_adapter_that_cannot_be_uploaded_is_a_fault_of_its_path(
    host: HostHere,
    emulator: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: object,
    reason: str,
) -> None:
    """The line names the path and what to do, and nothing is sent."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    _, [(prop, told)] = host.check({**PROVIDER, "path": path})
    assert prop == "path"
    assert told.startswith(reason)
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("project", "more", "shown"),
    [
        ("a b", {}, [("ai_project_id", "was given 'a b'")]),
        ("a b", {"secret_inputs": ["ai_project_id"]}, [("", "`ai_project_id`: was given a secret")]),
        (UNKNOWN, {}, []),
        ("", {}, []),
        ("aiproject-a", {}, []),
    ],
)
def test_a_project_that_cannot_work_is_a_fault(
    host: HostHere, folder: Path, project: str, more: dict[str, Any], shown: list[tuple[str, str]]
) -> None:
    """It is reported beside the faults of the path, without its value if that is secret."""
    given = {**PROVIDER, "path": str(folder), "ai_project_id": project, **more}
    _, faults = host.check(given)
    assert [
        (name, reason[: len(text)]) for (name, reason), (_, text) in zip(faults, shown, strict=True)
    ] == shown
    _, faults = host.check({**given, "path": "nowhere"})
    assert [name for name, _ in faults] == [*[name for name, _ in shown], "path"]


def test_an_empty_project_is_the_configured_one(emulator: Emulator, folder: Path) -> None:
    """An empty text counts as absent."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    with HostHere({**config, "nebius-models:aiProjectId": "aiproject-a"}) as host:
        assert checked(host, folder, ai_project_id="")["ai_project_id"] == "aiproject-a"
    with HostHere(config) as host:
        assert "ai_project_id" not in checked(host, folder, ai_project_id="")


def test_what_the_service_may_not_take_is_warned_of(host: HostHere, folder: Path) -> None:
    """Each warning about the adapter is shown in the resource's row, and not again while the content stays."""
    (folder / "runs").mkdir()
    (folder / "runs" / "log").touch()
    inputs = checked(host, folder)
    host.check({**PROVIDER, "path": str(folder)}, inputs)
    [warning] = [log.message for log in host.engine.logs if log.severity == WARNING]
    assert warning.startswith("subfolders go along: 'runs' (0 bytes); the guide of the service names ")


def test_a_secret_path_is_not_shown(host: HostHere) -> None:
    """The message about a secret path does not contain the path, and names no property whose value would be shown."""
    _, [(prop, told)] = host.check({**PROVIDER, "path": "/s3cret", "secret_inputs": ["path"]})
    assert prop == ""
    assert told == "`path`: was given a secret path, which holds no adapter that can be uploaded"


def test_content_that_changed_after_the_check_is_not_uploaded(
    host: HostHere, emulator: Emulator, folder: Path
) -> None:
    """Only the content that the preview reviewed is uploaded, or nothing."""
    inputs = checked(host, folder)
    (folder / "adapter_config.json").write_bytes(files()["adapter_config.json"].replace(b"32", b"64"))
    with pytest.raises(HostError) as caught:
        host.create(inputs)
    changed = "changed since it was checked; nothing was created: run `pulumi up` again"
    assert caught.value.message == f"{str(folder)!r}: {changed}"
    assert emulator.requests() == []


@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_lost_answer_leaves_one_file(host: HostHere, emulator: Emulator, folder: Path, effect: Any) -> None:
    """Whether or not the service stored the file, there is exactly one at the end."""
    emulator.add_fault(Fault(method="POST", action="close", effect=effect))
    id_, _ = uploaded(host, folder)
    assert in_service(emulator) == [id_]


def test_a_refused_upload_says_so(host: HostHere, emulator: Emulator, folder: Path) -> None:
    """The message has the service's own words, what is left and what to do, and is about a file, not a model."""
    emulator.add_fault(Fault(method="POST", status=400, body={"detail": "bad archive"}))
    with pytest.raises(HostError) as caught:
        uploaded(host, folder)
    assert caught.value.message.startswith("Nebius refused the file: bad archive (HTTP 400")
    assert caught.value.message.endswith(
        "; nothing was created: change the input it names and run `pulumi up` again"
    )
    assert in_service(emulator) == []


def test_a_file_that_is_gone_leaves_the_state(host: HostHere, emulator: Emulator, folder: Path) -> None:
    """A refresh drops it, and warns if it found no file of the stack; a refused key drops nothing."""
    id_, outputs = uploaded(host, folder)
    emulator.add_fault(Fault(method="GET", status=401))
    with pytest.raises(HostError, match="Nebius refused the key"):
        host.read(id_, outputs)
    emulator.remove_file(id_)
    assert host.read(id_, outputs)[0] == ""
    assert f"{id_!r} is removed from the state" in host.engine.logs[-1].message


def test_a_refresh_that_finds_no_file_at_all_warns(host: HostHere, emulator: Emulator, folder: Path) -> None:
    """The warning says that the key may be another account's; once a file of the stack was found there is none."""
    id_, outputs = uploaded(host, folder)
    assert host.read("file-none", outputs)[0] == ""
    [warning] = [log.message for log in host.engine.logs if log.severity == WARNING]
    assert warning == (
        "'file-none' is removed from the state: this key sees none of the stack's files read so far; if it is "
        "another account's key, set the right one"
    )
    assert host.read(id_, outputs)[0] == id_
    assert host.read("file-other", outputs)[0] == ""
    assert [log.message for log in host.engine.logs if "file-other" in log.message] == []


def test_a_file_is_looked_for_in_its_project(emulator: Emulator) -> None:
    """The list of the resource's project is read, else that of the configured one."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    state = {**PROVIDER, "path": "a", "sha256": "00", "file_id": "file-none"}
    with HostHere({**config, "nebius-models:aiProjectId": "aiproject-a"}) as host:
        host.read("file-none", state)
        host.read("file-none", {**state, "ai_project_id": "aiproject-b"})
        host.delete("file-none", {**state, "ai_project_id": "aiproject-b"})
    asked = [request.query.get("ai_project_id") for request in emulator.requests("GET", "/v1/files")]
    assert asked == ["aiproject-a", "aiproject-b", "aiproject-b"]


def test_get_has_the_configured_project(host: HostHere, emulator: Emulator, folder: Path) -> None:
    """The result of `ModelArchive.get` has its project as an output if there is one."""
    id_, outputs = uploaded(host, folder)
    assert "ai_project_id" not in host.read(id_, PROVIDER, "reader")[1]
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    with HostHere({**config, "nebius-models:aiProjectId": "aiproject-a"}) as other:
        read = other.read(id_, PROVIDER, "reader")[1]
    live = {name: outputs[name] for name in ("file_id", "filename", "size", "created_at")}
    assert read == {**live, "ai_project_id": "aiproject-a"}


@pytest.mark.parametrize("reported", [None, 7])
def test_the_size_is_what_the_service_reports(
    host: HostHere, emulator: Emulator, folder: Path, reported: int | None
) -> None:
    """If the answer to an upload lacks the number of bytes, the size is the number sent."""
    body = {"id": "file-1", "filename": "a.zip", "bytes": reported}
    emulator.add_fault(Fault(method="POST", action="wrong_json", body=body, effect="after"))
    _, outputs = uploaded(host, folder)
    assert outputs["size"] == (reported or emulator.files()[0]["bytes"])


def test_get_reads_a_file_and_never_deletes_it(host: HostHere, emulator: Emulator, folder: Path) -> None:
    """`ModelArchive.get` shows what the service reports, and a resource that becomes a `get` keeps its file."""
    id_, outputs = uploaded(host, folder)
    read_id, read, inputs = host.read(id_, PROVIDER, "reader")
    assert (read_id, read["file_id"], inputs) == (id_, id_, {})
    assert "path" not in read
    host.delete(id_, outputs, name="reader")
    assert in_service(emulator) == [id_]
    assert [log.message for log in host.engine.logs if log.urn == URN + "reader"] == [
        f"not deleted: this resource now reads {id_!r} with `ModelArchive.get`"
    ]
    with pytest.raises(HostError, match=r"there is no file 'file-none' at the service"):
        host.read("file-none", PROVIDER)


def test_progress_is_shown_in_the_row(host: HostHere, folder: Path) -> None:
    """The row says how much is sent."""
    uploaded(host, folder)
    assert any(log.message.startswith("uploading ") and log.ephemeral for log in host.engine.logs)


def test_a_file_of_a_killed_host_is_listed(
    host_process: DynamicHost,
    emulator: Emulator,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file that a host was uploading when it was killed is listed by `nebius-models unknown`."""
    inputs, _ = host_process.check({**PROVIDER, "path": str(folder)})
    emulator.add_fault(Fault(method="POST", action="delay", effect="after", seconds=60))
    _running = host_process.create_later({**PROVIDER, **inputs})
    end = time.monotonic() + 60
    while not emulator.files():
        assert time.monotonic() < end
        time.sleep(0.02)
    host_process.process.kill()
    host_process.process.wait()
    emulator.clear_faults()
    [file] = emulator.files()
    monkeypatch.setenv("NEBIUS_API_KEY", emulator.api_key)
    monkeypatch.setenv("NEBIUS_BASE_URL", emulator.url)
    (tmp_path / "empty.json").write_text('{"version": 3, "deployment": {"resources": []}}')
    assert main(["unknown", "--names", str(tmp_path / "empty.json")]) == 3
    assert capsys.readouterr().out.split() == [file["id"]]
