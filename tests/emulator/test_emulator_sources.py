from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import Api, Clock

if TYPE_CHECKING:
    from nebius_model_resource.testing.emulator import Emulator

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
UNKNOWN = "file-00000000-0000-4000-8000-000000000000"


def _zip(*names: str, content: bytes = b"{}") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return packed.getvalue()


def _upload(api: Api, content: bytes, path: str = "/v0/models/upload", **options: Any) -> str:
    answer = api.call("POST", path, files={"file": ("adapter.zip", content)}, **options)
    identifier = answer.json()["id"]
    assert isinstance(identifier, str)
    return identifier


def _end(api: Api, clock: Clock, source: str) -> tuple[str, str | None]:
    """Create a model and return status and reason at the end of its validation."""
    name = api.created(source=source)
    assert api.read(name).json()["status"] == "validating"
    clock.advance(10)
    document = api.read(name).json()
    return document["status"], document["status_reason"]


@pytest.fixture(autouse=True)
def checking(emulator: Emulator) -> None:
    emulator.settings.check_sources = True


@pytest.mark.parametrize(
    "names",
    [
        (CONFIG, WEIGHTS),
        ("adapter/", f"adapter/{CONFIG}", f"adapter/{WEIGHTS}"),
        (f"./{CONFIG}", f"./{WEIGHTS}"),
        ("README.md", "__MACOSX/._" + CONFIG, CONFIG, WEIGHTS),
        (f"a/{CONFIG}", f"b/{CONFIG}", f"b/{WEIGHTS}"),
    ],
)
def test_an_adapter_becomes_active(api: Api, clock: Clock, names: tuple[str, ...]) -> None:
    """An archive with both files, at its root or in one folder, gives an active model, whatever else it has."""
    assert _end(api, clock, _upload(api, _zip(*names))) == ("active", None)


@pytest.mark.parametrize(
    ("names", "lacking"),
    [
        ((), f"{CONFIG} and {WEIGHTS}"),
        ((CONFIG,), WEIGHTS),
        ((WEIGHTS,), CONFIG),
        ((f"adapter/{WEIGHTS}", "README.md"), CONFIG),
        ((CONFIG, f"b/{WEIGHTS}"), CONFIG),
        ((f"a/{CONFIG}", f"b/{WEIGHTS}"), CONFIG),
        ((f"a/b/{CONFIG}", f"a/b/{WEIGHTS}"), f"{CONFIG} and {WEIGHTS}"),
        ((f"{CONFIG}/", WEIGHTS), CONFIG),
    ],
)
def test_an_archive_without_the_files_fails(
    api: Api, clock: Clock, names: tuple[str, ...], lacking: str
) -> None:
    """A model from an archive without both files in one place ends in error with what is missing."""
    source = _upload(api, _zip(*names))
    assert _end(api, clock, source) == ("error", f"The archive lacks {lacking}.")


@pytest.mark.parametrize(
    "content",
    [b"", b"no zip", _zip(CONFIG, WEIGHTS)[:-5], b"\x1f\x8b\x08", b"PK\x05\x06" + b"\xff" * 18],
    # An archive contains the time of day: in the name of a test it would differ between the workers of one run.
    ids=["empty", "text", "cut off", "gzip", "end alone"],
)
def test_what_is_no_zip_fails(api: Api, clock: Clock, content: bytes) -> None:
    """A model from empty, cut or other content ends in error, because that is not a zip file."""
    assert _end(api, clock, _upload(api, content)) == ("error", "The archive is not a zip file.")


def test_every_damage_has_an_answer(emulator: Emulator, api: Api, clock: Clock) -> None:
    """Whichever byte of an archive is damaged, the model becomes active or ends in error, and no call fails."""
    emulator.settings.update(validating_reads=0, validation_seconds=0)
    whole = _zip(CONFIG, WEIGHTS)
    for place in range(len(whole)):
        damaged = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        name = api.created(source=_upload(api, damaged))
        assert api.read(name).json()["status"] in {"active", "error"}, place


def test_an_entry_without_name_does_no_harm(api: Api, clock: Clock) -> None:
    """An entry with an empty name, which damage can cause, is an entry like any other."""
    source = _upload(api, _zip("x", CONFIG, WEIGHTS).replace(b"x", b"\0"))
    assert _end(api, clock, source) == ("active", None)


def test_content_over_the_limit_fails(emulator: Emulator, api: Api, clock: Clock) -> None:
    """A model from an archive that unpacks to more than the limit ends in error, although the archive is smaller."""
    emulator.settings.archive_limit_bytes = 5000
    fits = _upload(api, _zip(CONFIG, WEIGHTS, content=b"0" * 2500))
    source = _upload(api, _zip(CONFIG, WEIGHTS, content=b"0" * 2501))
    assert _end(api, clock, fits) == ("active", None)
    assert _end(api, clock, source) == ("error", "The archive has 5002 bytes unpacked; the limit is 5000.")


def test_a_file_over_the_limit_fails(emulator: Emulator, api: Api, clock: Clock) -> None:
    """A model from a file over the limit, uploaded on a route without a documented limit, ends in error."""
    emulator.settings.archive_limit_bytes = 5
    source = _upload(api, b"123456", "/v1/files", data={"purpose": "fine-tune"})
    assert _end(api, clock, source) == ("error", "The archive has 6 bytes; the limit is 5.")


def test_a_file_never_uploaded_fails(api: Api, clock: Clock) -> None:
    """A model from a file that was never uploaded, or was deleted during the validation, ends in error with its id."""
    assert _end(api, clock, UNKNOWN) == ("error", f"The file `{UNKNOWN}` does not exist.")
    source = _upload(api, _zip(CONFIG, WEIGHTS))
    name = api.created(source=source)
    api.list()
    api.call("DELETE", f"/v1/files/{source}")
    clock.advance(10)
    assert api.list()[-1]["status_reason"] == f"The file `{source}` does not exist."
    assert api.read(name).json()["status"] == "error"


def test_a_file_deleted_later_does_no_harm(api: Api, clock: Clock) -> None:
    """An active model stays active when its file is deleted."""
    source = _upload(api, _zip(CONFIG, WEIGHTS))
    assert _end(api, clock, source) == ("active", None)
    api.call("DELETE", f"/v1/files/{source}")
    assert api.list()[0]["status"] == "active"


@pytest.mark.parametrize(
    ("known", "source", "status"),
    [
        (None, "ftjob-1:ftckpt_2", "active"),
        (["ftjob-1:ftckpt_2"], "ftjob-1:ftckpt_2", "active"),
        (["ftjob-1:ftckpt_2"], "ftjob-1:ftckpt_3", "error"),
        (["ftjob-1:ftckpt_2"], "ftjob-2:ftckpt_2", "error"),
        ([], "ftjob-1", "error"),
        ([], "huggingface.co/org/adapter", "active"),
    ],
)
def test_checkpoints_are_known_or_not(
    emulator: Emulator, api: Api, clock: Clock, known: list[str] | None, source: str, status: str
) -> None:
    """A model from a checkpoint outside `known_checkpoints` ends in error with its id; others are not checked."""
    emulator.settings.known_checkpoints = known
    reason = f"The checkpoint `{source}` does not exist." if status == "error" else None
    assert _end(api, clock, source) == (status, reason)


def test_a_failure_asked_for_comes_first(emulator: Emulator, api: Api, clock: Clock) -> None:
    """A reason that is set for a source by hand wins over the result of the check."""
    emulator.settings.failing_sources = {UNKNOWN: "why"}
    assert _end(api, clock, UNKNOWN) == ("error", "why")


def test_nothing_is_checked_unasked(emulator: Emulator, api: Api, clock: Clock) -> None:
    """Without `check_sources` any source gives an active model."""
    emulator.settings.update(check_sources=False, known_checkpoints=[])
    sources = (UNKNOWN, "ftjob-1:ftckpt_2", _upload(api, b"no zip"))
    assert [_end(api, clock, source) for source in sources] == [("active", None)] * 3
