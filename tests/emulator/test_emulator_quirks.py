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
    """A base outside `supported_bases` is refused with the text seen live, and an empty list refuses all."""
    emulator.settings.supported_bases = []
    answer = api.create()
    assert answer.status_code == 400
    assert answer.json() == {
        "detail": f"Base model {BASE} does not support LoRa inference yet, list of supported models: []"
    }
    emulator.settings.supported_bases = [FAST]
    assert api.create().json()["detail"].endswith(f"list of supported models: ['{FAST}']")
    assert api.create(base_model=FAST).status_code == 200


@pytest.mark.parametrize("base_model", ["", "name", "/name", "vendor/", "a/b/c", "a/b c"])
def test_a_base_needs_vendor_and_name(api: Api, base_model: str) -> None:
    """If any base is supported, it still has to look like `vendor/name`."""
    assert api.create(base_model=base_model).status_code == 400
    assert api.emulator.models() == []


def test_short_name_on_create(emulator: Emulator, api: Api) -> None:
    """With `short_name_on_create`, create and delete return the short name, and the list has the full one."""
    emulator.settings.short_name_on_create = True
    short = api.created()
    assert short.startswith("my-model-")
    assert api.list()[0]["name"] == f"{BASE}-LoRa:{short}"
    assert api.delete(short).json()["name"] == short


@pytest.mark.parametrize(("infix", "start"), [("keep", f"{FAST}-LoRa:"), ("drop", "Qwen/Qwen3-4B-LoRa:")])
def test_infix_on_fast(emulator: Emulator, api: Api, infix: str, start: str) -> None:
    """A `-fast` base keeps its ending in the full name, as seen live, or drops it, as documented."""
    emulator.settings.update(infix_on_fast=infix)
    document = api.create(base_model=FAST).json()
    assert document["name"].startswith(start)
    assert document["base_model"] == FAST


def test_active_on_create(emulator: Emulator, api: Api) -> None:
    """With `active_on_create` the answer to the create says active."""
    emulator.settings.active_on_create = True
    assert api.create().json()["status"] == "active"


def test_first_read_without_status(emulator: Emulator, api: Api) -> None:
    """With `first_read_without_status` only the first read by name lacks the status."""
    emulator.settings.first_read_without_status = True
    name = api.created()
    assert "status" in api.list()[0]
    assert "status" not in api.read(name).json()
    assert "status" in api.read(name).json()


@pytest.mark.parametrize("status", [403, 404, 500])
def test_missing_reads(emulator: Emulator, api: Api, status: int) -> None:
    """The first reads by name fail with the configured code, and do not count as seen validating."""
    emulator.settings.update(missing_reads=2, missing_status=status, validation_seconds=0)
    name = api.created()
    answers = [api.read(name) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [status, status, 200, 200]
    assert [answer.json()["status"] for answer in answers[2:]] == ["validating", "active"]


def test_missing_lists(emulator: Emulator, api: Api) -> None:
    """The first lists leave a new model out."""
    emulator.settings.missing_lists = 2
    name = api.created()
    assert [[each["name"] for each in api.list()] for _ in range(3)] == [[], [], [name]]


def test_after_delete_deleted(emulator: Emulator, api: Api) -> None:
    """With `after_delete` a deleted model stays readable and listed as deleted, and can be deleted only once."""
    emulator.settings.after_delete = "deleted"
    name = api.created()
    api.delete(name)
    assert api.read(name).json()["status"] == "deleted"
    assert [each["status"] for each in api.list()] == ["deleted"]
    assert api.delete(name).status_code == 404


@pytest.mark.parametrize(
    "setting", [{"failing_names": {"bad": "why"}}, {"failing_sources": {"file-1": "why"}}]
)
def test_failing_validation(
    emulator: Emulator, api: Api, clock: Clock, setting: dict[str, dict[str, str]]
) -> None:
    """A model with a failing name or source ends in error with the reason, and other models do not."""
    emulator.settings.update(**setting)
    bad, good = api.created(name="bad", source="file-1"), api.created()
    api.list()
    clock.advance(10)
    seen = [api.read(name).json() for name in (bad, good)]
    assert [(each["status"], each["status_reason"]) for each in seen] == [("error", "why"), ("active", None)]


def test_validating_reads(emulator: Emulator, api: Api, clock: Clock) -> None:
    """With `validating_reads` at least that many reads show a model as validating; with 0 none does."""
    emulator.settings.validating_reads = 3
    name = api.created()
    clock.advance(100)
    assert [api.read(name).json()["status"] for _ in range(4)] == ["validating"] * 3 + ["active"]
    emulator.settings.update(validating_reads=0, validation_seconds=0)
    assert api.read(api.created()).json()["status"] == "active"


def test_settings_are_checked() -> None:
    """A setting that is unknown or has a wrong value is refused, and an update is all or nothing."""
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Emulator(validation_second=1)
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.validation_seconds = -1
    with pytest.raises(ValidationError):
        settings.update(hidden_missing=True, after_delete="vanished")
    assert settings == Settings()
