from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nebius_model_resource.testing.emulator import Emulator

from .conftest import Api, Clock


def test_files_come_in_pages(emulator: Emulator, api: Api) -> None:
    """`limit`, `after` and `has_more` page through the files as OpenAI's client does, and the end is marked."""
    emulator.settings.files_per_page = 2
    files = [_uploaded(api, b"1") for _ in range(3)]
    first = api.call("GET", "/v1/files").json()
    rest = api.call("GET", "/v1/files", params={"after": files[1]}).json()
    assert [each["id"] for each in first["data"] + rest["data"]] == files
    assert (first["object"], first["has_more"], rest["has_more"]) == ("list", True, False)
    assert len(api.call("GET", "/v1/files", params={"limit": 3}).json()["data"]) == 3
    assert api.call("GET", "/v1/files", params={"limit": "all"}).status_code == 422
    assert api.call("GET", "/v1/files", params={"after": "file-1"}).status_code == 404


def test_an_upload_may_be_refused(emulator: Emulator, api: Api) -> None:
    """An upload without its part, of another type or without a key is refused and not stored."""
    refused: list[tuple[str, dict[str, Any]]] = [("other", {}), ("file", {"Content-Type": "text/plain"})]
    for part, headers in (*refused, ("file", {"Authorization": None})):
        answer = api.call("POST", "/v0/models/upload", files={part: ("a.zip", b"1")}, headers=headers)
        assert answer.status_code == (401 if "Authorization" in headers else 422)
    assert emulator.files() == []


def test_the_deletion_of_a_used_file_may_be_refused(emulator: Emulator, api: Api) -> None:
    """By default a file that a live model uses is deleted; with the switch it is 409 until the model is gone."""
    allowed, file = _uploaded(api, b"1"), _uploaded(api, b"2")
    for source in (allowed, file):
        emulator.add_model(name="bot", base_model="meta-llama/Meta-Llama-3.1-8B-Instruct", source=source)
    assert api.call("DELETE", f"/v1/files/{allowed}").status_code == 200
    emulator.settings.refuse_deletion_of_used_files = True
    assert api.call("DELETE", f"/v1/files/{file}").status_code == 409
    emulator.remove_model(emulator.models()[-1]["name"])
    assert api.call("DELETE", f"/v1/files/{file}").status_code == 200


def _uploaded(api: Api, content: bytes) -> str:
    answer = api.call("POST", "/v0/models/upload", files={"file": ("adapter.zip", content)})
    identifier = answer.json()["id"]
    assert isinstance(identifier, str)
    return identifier


@pytest.mark.parametrize("content", [b"", b"\x00\xff\r\n--\r\n" * 100_000])
def test_content_is_what_was_uploaded(api: Api, content: bytes) -> None:
    """The content has exactly the uploaded bytes, and that of a missing file is 404 with its id."""
    answer = api.call("GET", f"/v1/files/{_uploaded(api, content)}/content")
    assert (answer.status_code, answer.content) == (200, content)
    answer = api.call("GET", "/v1/files/file-1/content")
    assert (answer.status_code, answer.json()) == (404, {"detail": "The file `file-1` does not exist."})


def test_files_outlive_a_restart(tmp_path: Path, clock: Clock) -> None:
    """With a state file the next run knows the files, but not their bytes."""
    state = tmp_path / "state.json"
    files = Emulator(clock=clock, seed=1, state_file=state).service.files
    kept, gone = (files.add("a.zip", content, "batch").id for content in (b"1", b"2"))
    files.remove(gone)
    again = Emulator(clock=clock, state_file=state)
    assert [file["id"] for file in again.files()] == [kept]
    with pytest.raises(LookupError, match=kept):
        again.service.files.content(kept)
