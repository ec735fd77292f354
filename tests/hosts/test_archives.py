"""Uploaded adapters as the engine asks for them, in the code of the real host."""

from __future__ import annotations

from concurrent.futures import wait
from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc

from nebius_model_resource.provider import ModelArchiveProvider
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.adapters import files, write_folder
from tests.support.host import HostError
from tests.support.host_here import HostHere
from tests.support.plugin import PluginHere
from tests.support.processes import wait_until

PROVIDER = {"__provider": serialize_provider(ModelArchiveProvider())}
DIFF_NONE, DIFF_SOME = 1, 2


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


@pytest.mark.parametrize("path", [None, "", 3.0, "nowhere", "empty", rpc.wrap_rpc_secret("/s3cret")])
def test_an_adapter_that_cannot_be_uploaded_is_a_fault_of_its_path(
    host: HostHere, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edge: str, path: Any
) -> None:
    """One line of its own, beside a fault of the project; nothing is sent. A marked path is not shown."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    _, faults = host.check({**PROVIDER, "path": path, "ai_project_id": "a b"})
    secret = isinstance(path, dict) and edge == "plugin"
    assert {prop for prop, _ in faults} == {"" if secret else "path", "ai_project_id"}
    assert all(reason.isprintable() for _, reason in faults)
    assert not (secret and "s3cret" in repr(faults))
    assert emulator.requests() == []


def test_a_file_is_looked_for_in_its_project(emulator: Emulator, edge: str) -> None:
    """The list of the resource's project is read, else that of the configured one, which `get` has as an output."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    state = {**PROVIDER, "path": "a", "sha256": "00", "file_id": "file-none"}
    emulator.add_fault(Fault(method="GET", path="/v1/files/file-1", status=200, body={"id": "file-1"}))
    with (HostHere if edge == "dynamic" else PluginHere)(
        {**config, "nebius-models:aiProjectId": "a"}
    ) as host:
        host.read("file-none", state)
        host.read("file-none", {**state, "ai_project_id": "b"})
        host.delete("file-none", {**state, "ai_project_id": "c"})
        assert host.read("file-1", PROVIDER)[1] == {"file_id": "file-1", "ai_project_id": "a"}
    asked = [request.query.get("ai_project_id") for request in emulator.requests("GET", "/v1/files")]
    assert asked == ["a", "b", "c"]


@pytest.mark.parametrize("more", [-30, 1])
@pytest.mark.parametrize(("kind", "seconds"), [("model", 600), ("upload", 1800)])
def test_without_custom_timeouts_the_documented_times_hold(
    host: HostHere,
    emulator: Emulator,
    inputs: dict[str, Any],
    folder: Path,
    kind: str,
    seconds: int,
    more: int,
) -> None:
    """Ten minutes for a model, thirty for an upload: a pause that is a bit shorter is waited for, a longer one not."""
    emulator.add_fault(Fault(method="POST", status=429, headers={"Retry-After": str(seconds + more)}))
    later = host.create_later(inputs if kind == "model" else checked(host, folder))
    if more < 0:
        wait_until(lambda: emulator.requests("POST"), "the service has asked for the pause")
    else:
        wait([later], timeout=60)
    host.lose_engine()
    said = "the engine is gone" if more < 0 else "which is more than is left until the deadline"
    assert said in str(later.exception(timeout=60))


def test_a_pause_holds_for_models_and_files(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any], folder: Path
) -> None:
    """An account has one pause: after a refused upload nothing is sent for a model either."""
    emulator.add_fault(Fault(path="/v0/models/upload", status=429, headers={"Retry-After": "300"}))
    for props in (checked(host, folder), inputs):
        with pytest.raises(HostError, match="the service's rate limit asks for a pause of"):
            host.create(props, timeout=5)
    assert [request.path for request in emulator.requests()] == ["/v0/models/upload"]


def test_an_update_keeps_the_file(host: HostHere, emulator: Emulator) -> None:
    """Outputs stay, and the path is the new one; a dynamic state becomes the plugin's without a request."""
    olds = {**PROVIDER, "path": "a", "sha256": "00", "file_id": "file-1", "filename": "a.zip", "size": 512}
    updated = host.update("file-1", olds, {**PROVIDER, "path": "b", "sha256": "00"})
    assert {**PROVIDER, **updated} == {**olds, "path": "b"}
    assert host.diff("file-1", olds, {**PROVIDER, "path": "b", "sha256": "00"}).changes == DIFF_NONE
    assert emulator.requests() == []
