from __future__ import annotations

import pytest
from pydantic import ValidationError

from nebius_model_resource.testing.emulator import Emulator, Settings

from .conftest import BASE, Api, Clock

FAST = "Qwen/Qwen3-4B-fast"
NO_ACCESS = {"detail": "You don't have access to the resource or it does not exist"}


def test_an_unknown_name_is_404_or_403(emulator: Emulator, api: Api) -> None:
    """An unknown name answers 404 with its name, or with `hidden_missing` a text that hides whether it exists."""
    answer = api.read("nobody-AbCd")
    assert (answer.status_code, answer.json()) == (404, {"detail": "The model `nobody-AbCd` does not exist."})
    emulator.settings.hidden_missing = True
    for answer in (api.read("nobody-AbCd"), api.delete("nobody-AbCd")):
        assert (answer.status_code, answer.json()) == (403, NO_ACCESS)


def test_bases_may_be_limited(emulator: Emulator, api: Api) -> None:
    """A base that is not `vendor/name`, or is outside `supported_bases`, is refused with the captured text."""
    for base in ("", "name", "/name", "vendor/", "a/b/c", "a/b c"):
        assert api.create(base_model=base).status_code == 400
    emulator.settings.supported_bases = []
    text = f"Base model {BASE} does not support LoRa inference yet, list of supported models: []"
    assert (api.create().status_code, api.create().json()) == (400, {"detail": text})
    emulator.settings.supported_bases = [FAST]
    assert api.create().json()["detail"].endswith(f"list of supported models: ['{FAST}']")
    assert api.create(base_model=FAST).status_code == 200


def test_quirks_after_a_create(emulator: Emulator, api: Api) -> None:
    """A model may be active at once, be missing in the first lists, and lack its status in the first read by name."""
    emulator.settings.update(active_on_create=True, missing_lists=2, first_read_without_status=True)
    answer = api.create().json()
    assert answer["status"] == "active"
    assert [len(api.list()) for _ in range(3)] == [0, 0, 1]
    assert ["status" in api.read(answer["name"]).json() for _ in range(2)] == [False, True]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_missing_reads(emulator: Emulator, api: Api, status: int) -> None:
    """The first reads by name fail with the configured code, and do not count as seen validating."""
    emulator.settings.update(missing_reads=2, missing_status=status, validation_seconds=0)
    name = api.created()
    answers = [api.read(name) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [status, status, 200, 200]
    assert [answer.json()["status"] for answer in answers[2:]] == ["validating", "active"]


@pytest.mark.parametrize(("setting", "key"), [("failing_names", "bad"), ("failing_sources", "file-1")])
def test_failing_validation(emulator: Emulator, api: Api, clock: Clock, setting: str, key: str) -> None:
    """A model with a failing name or source ends in error with the reason, and other models do not."""
    emulator.settings.update(**{setting: {key: "why"}})
    bad, good = api.created(name="bad", source="file-1"), api.created()
    api.list()
    clock.advance(10)
    seen = [api.read(name).json() for name in (bad, good)]
    assert [(each["status"], each["status_reason"]) for each in seen] == [("error", "why"), ("active", None)]


def test_settings_are_checked() -> None:
    """A setting that is unknown or has a wrong value is refused, and an update is all or nothing."""
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Emulator(validation_second=1)
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.update(hidden_missing=True, after_delete="vanished")
    assert settings == Settings()
