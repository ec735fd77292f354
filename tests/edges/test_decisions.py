"""The decisions for an edge that reports inputs, or that cannot record a resource: no host has both."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest

from nebius_model_resource._api.models import Fault as InputFault
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._edges.archives import ModelArchives
from nebius_model_resource._edges.custom_models import CustomModels
from nebius_model_resource._edges.results import Found, failure
from nebius_model_resource._lifecycle import guardian
from nebius_model_resource._lifecycle.notes import Note, Notes
from nebius_model_resource.errors import AdoptionRefused, EngineGone
from nebius_model_resource.testing.emulator import Emulator, Fault

INPUTS = {"name": "bot", "base_model": "acme/Base", "source": "file-1", "wait_for_active": True}
PROJECT = "aiproject-a"


class Failed(Exception):
    """The error that the engine shows."""


@dataclass
class Call:
    """A call of an edge that records nothing, unless it is ``able`` to."""

    timeout: float = 0.0
    recorded: frozenset[str] | None = None
    able: bool = False
    urn: str = "urn:x"
    gone: threading.Event = field(default_factory=threading.Event)
    failed: bool = False
    warnings: list[str] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Pause until the engine is gone."""
        if self.gone.wait(seconds):
            raise EngineGone("the engine is gone")

    @staticmethod
    def interrupted() -> bool:
        """Never."""
        return False

    def progress(self, text: str) -> None:
        """Not of interest."""

    def note(self, text: str) -> None:
        """Not of interest."""

    def warn(self, text: str) -> None:
        """Remember it."""
        self.warnings.append(text)

    def keep(self, message: str, id_: str, properties: Any, inputs: Any = None) -> bool:
        """Store what is to be recorded."""
        self.kept.append((message, id_, properties, inputs))
        return self.able

    def fail(self, message: str) -> NoReturn:
        """Fail with only that message."""
        self.failed = True
        raise Failed(message)


def settings_of(emulator: Emulator, **more: str) -> Any:
    """A configuration, by its full keys."""
    config = {"apiKey": emulator.api_key, "baseUrl": emulator.url, "preflight": "false", **more}
    return {f"nebius-models:{name}": value for name, value in config.items()}.get


@pytest.fixture
def models(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> CustomModels:
    """What decides about models, without a process that outlives this one."""
    monkeypatch.setattr(guardian, "Guardian", lambda _settings: Notes())
    return CustomModels(settings_of(emulator, aiProjectId=PROJECT))


def asked_projects(emulator: Emulator, path: str) -> list[str | None]:
    """The project of each request."""
    return [request.query.get("ai_project_id") for request in emulator.requests("GET", path)]


def test_a_model_that_cannot_be_recorded_is_deleted(models: CustomModels, emulator: Emulator) -> None:
    """If the state cannot hold an unfinished model, none is left, and the line says so."""
    emulator.settings.validation_seconds = 600
    with pytest.raises(Failed) as failed:
        models.create(Call(timeout=1), INPUTS)
    text = str(failed.value)
    assert text.startswith("'bot' was not created: ")
    assert "is still validating" in text
    assert text.endswith("; the model was deleted: run `pulumi up` to try again")
    assert emulator.models() == []


def test_a_model_that_can_be_neither_recorded_nor_deleted_is_named(
    models: CustomModels, emulator: Emulator
) -> None:
    """The line has both reasons and the command that deletes the model."""
    emulator.settings.validation_seconds = 600
    emulator.add_fault(Fault(method="DELETE", status=401, body={"detail": "no rights"}))
    with pytest.raises(Failed) as failed:
        models.create(Call(timeout=1), INPUTS)
    [model] = emulator.models()
    text = str(failed.value)
    assert "is still validating" in text
    assert "; the state cannot record it and deleting it failed (no rights (HTTP 401" in text
    assert text.endswith(f": run `nebius-models delete {model['name']}` before the next `pulumi up`")


def test_a_model_that_failed_and_is_deleted_is_named(models: CustomModels, emulator: Emulator) -> None:
    """The line has the resource's name, the service's reason and the next command."""
    emulator.settings.failing_names = {"bot": "rank 512"}
    with pytest.raises(Failed) as failed:
        models.create(Call(), INPUTS)
    assert str(failed.value).startswith("'bot' was not created: validation failed: rank 512")
    assert emulator.models() == []


class BrokenCall(Call):
    """A call whose state cannot be written for a fault of ours."""

    def keep(self, message: str, id_: str, properties: Any, inputs: Any = None) -> bool:
        """Fail."""
        raise ZeroDivisionError


def test_a_fault_of_ours_deletes_no_model(models: CustomModels, emulator: Emulator) -> None:
    """The line names the model that is not in the state, and asks for a report with the traceback."""
    emulator.settings.validation_seconds = 600
    with pytest.raises(Failed) as failed:
        models.create(BrokenCall(timeout=0.5), INPUTS)
    [model] = emulator.models()
    assert str(failed.value).startswith(f"the model {model['name']!r} exists and is not in the state: ")
    assert "this is a bug in nebius_model_resource, please report it:\nTraceback" in str(failed.value)
    assert str(failed.value).endswith("ZeroDivisionError\n")


def test_a_refused_key_is_explained_by_where_it_is_set(emulator: Emulator) -> None:
    """With an explicit provider that is its argument, even if the refusal ends a wait."""
    emulator.add_fault(Fault(method="GET", status=401, times=None))
    decides = CustomModels(settings_of(emulator, provider="eu"))
    with pytest.raises(Failed, match=r"check the key \(api_key of Provider 'eu'\)"):
        decides.update(Call(timeout=1), "acme/Base-LoRa:bot-abcd", {**INPUTS, "status": "validating"}, INPUTS)


def test_a_create_needs_no_check_of_the_same_process(models: CustomModels, emulator: Emulator) -> None:
    """An adoption that differs says so, with the values, if no check said which inputs are secret."""
    name = emulator.add_model(name="bot", base_model="acme/Base", source="file-1")
    with pytest.raises(AdoptionRefused, match="description: given 'mine' / live None"):
        models.create(Call(), {**INPUTS, "import_id": name, "description": "mine"})


def test_an_engine_that_is_gone_ends_a_create(models: CustomModels, emulator: Emulator) -> None:
    """The wait ends at once, and no model is left."""
    emulator.settings.validation_seconds = 600
    call = Call()
    call.gone.set()
    with pytest.raises(EngineGone, match=r"^the engine is gone$"):
        models.create(call, INPUTS)
    assert emulator.models() == []


def test_a_model_is_noted_until_it_is_in_the_state(
    monkeypatch: pytest.MonkeyPatch, emulator: Emulator
) -> None:
    """The account's guardian has the name from the answer to the POST until the create has succeeded."""
    noted: list[Any] = []

    class Remembered(Notes):
        def __init__(self, settings: Settings) -> None:
            super().__init__()
            noted.append(settings)

        def _write(self, _number: int, note: Note | None) -> None:
            noted.append(note and note.name)

    monkeypatch.setattr(guardian, "Guardian", Remembered)
    found = CustomModels(settings_of(emulator)).create(Call(), INPUTS)
    assert noted == [Settings(emulator.url, emulator.api_key), found.id, None]


def test_an_update_that_cannot_be_recorded_deletes_nothing(models: CustomModels, emulator: Emulator) -> None:
    """The state holds the model already."""
    emulator.settings.validation_seconds = 600
    name = emulator.add_model(name="bot", base_model="acme/Base", source="file-1", status="validating")
    call = Call(timeout=0.5)
    with pytest.raises(Failed, match="the model stays in the state"):
        models.update(call, name, {**INPUTS, "status": "validating"}, INPUTS)
    assert [id_ for _, id_, _, _ in call.kept] == [name]
    assert [model["name"] for model in emulator.models()] == [name]


@pytest.mark.parametrize(("status", "kept"), [({}, "validating"), ({"status": "paused"}, "paused")])
def test_an_update_that_reads_nothing_keeps_what_is_known(
    models: CustomModels, emulator: Emulator, status: dict[str, str], kept: str
) -> None:
    """If the service cannot be read until the deadline, status and time stay those of the state."""
    name = emulator.add_model(name="bot", base_model="acme/Base", source="file-1")
    emulator.add_fault(Fault(method="GET", action="reset", times=None))
    call = Call(timeout=0.5, able=True)
    with pytest.raises(Failed, match="the model stays in the state"):
        models.update(call, name, {**INPUTS, **status, "created_at": 1_790_000_000.0}, INPUTS)
    [(_, _, outputs, _)] = call.kept
    assert (outputs["status"], outputs["created_at"]) == (kept, 1_790_000_000)


@pytest.mark.parametrize("recorded", [None, frozenset({"name", "base_model"}), frozenset[str]()])
def test_a_refresh_of_what_get_reads_has_no_inputs(
    models: CustomModels, emulator: Emulator, recorded: frozenset[str] | None
) -> None:
    """A resource whose recorded inputs have no base model is not owned: only its outputs are read, and a warning."""
    name = emulator.add_model(name="bot", base_model="acme/Base", source="file-1", status="error")
    emulator.change_model(name, status_reason="rank")
    props = {**INPUTS, "generated_name": name, "status": "active"}
    call = Call(recorded=recorded, able=True)
    if recorded == frozenset():
        found = models.read(call, name, props)
        assert found is not None
        assert (found.id, found.inputs, found.outputs["status"]) == (name, {}, "error")
        assert call.warnings == [f"the model {name!r} is in status 'error': rank"]
        assert call.kept == []
    else:
        with pytest.raises(Failed, match="rank"):
            models.read(call, name, props)
        [(_, id_, outputs, inputs)] = call.kept
        assert (id_, outputs["status"], inputs) == (name, "error", INPUTS)


@pytest.mark.parametrize(
    ("given", "project"), [({}, PROJECT), ({"ai_project_id": "aiproject-b"}, "aiproject-b")]
)
def test_get_looks_in_the_project(
    models: CustomModels, emulator: Emulator, given: dict[str, str], project: str
) -> None:
    """The project of the arguments, else the configured one, is searched and is an output."""
    name = emulator.add_model(name="bot", base_model="acme/Base", source="file-1")
    found = models.read(Call(), name, given)
    assert found is not None
    assert found.outputs["ai_project_id"] == project
    assert found.outputs["source"] == "file-1"
    assert set(asked_projects(emulator, "/v0/models")) == {project}


def test_a_model_to_adopt_is_looked_for_in_its_project(models: CustomModels, emulator: Emulator) -> None:
    """The check reads the list of the project that the resource names."""
    name = emulator.add_model(name="bot", base_model="acme/Base", source="file-1")
    given = {**INPUTS, "import_id": name, "ai_project_id": "aiproject-b"}
    assert models.check(Call(), {}, given).failures == []
    assert set(asked_projects(emulator, "/v0/models")) == {"aiproject-b"}


def test_get_shows_no_more_than_the_service_reports(models: CustomModels, emulator: Emulator) -> None:
    """A model that the service knows by its short name alone has neither base model nor source nor status."""
    emulator.add_fault(Fault(method="GET", path="/v0/models/*", status=200, body={"name": "bot-AbCd"}))
    assert models.read(Call(), "bot-AbCd", {}) == Found(
        "bot-AbCd",
        {
            "name": "bot",
            "ai_project_id": PROJECT,
            "wait_for_active": True,
            "generated_name": "bot-AbCd",
            "status": "",
        },
    )


@pytest.mark.parametrize(
    ("project", "secrets", "faulty"),
    [("project-e00x", ["ai_project_id"], []), (7, [], ["ai_project_id"])],
)
def test_only_an_odd_project_that_may_be_shown_is_warned_of(
    models: CustomModels, project: Any, secrets: list[str], faulty: list[str]
) -> None:
    """A project that is secret, or no text, is not in a warning."""
    call = Call()
    checked = models.check(call, {}, {**INPUTS, "ai_project_id": project, "secret_inputs": secrets})
    assert call.warnings == []
    assert [name for name, _ in checked.failures] == faulty


def test_a_configured_project_that_cannot_work_is_a_fault(emulator: Emulator) -> None:
    """It names no property, because no property is wrong."""
    decides = CustomModels(settings_of(emulator, aiProjectId="a b"))
    [(name, reason)] = decides.check(Call(), {}, INPUTS).failures
    assert name == ""
    assert reason.startswith("the project in nebius-models:aiProjectId has spaces or line breaks in it")


def test_a_fault_of_an_option_names_no_property() -> None:
    """The engine shows `import_` as an option and not as a property, under either of its names."""
    for name in ("import_", "import_id"):
        assert failure(InputFault(name, "is wrong")) == ("", "`import_`: is wrong")


def test_an_archive_without_a_project_has_none(emulator: Emulator) -> None:
    """The result of `ModelArchive.get` has no project as an output if none is given."""
    emulator.add_fault(Fault(method="GET", path="/v1/files/*", status=200, body={"id": "file-1"}))
    found = ModelArchives(settings_of(emulator)).read(Call(), "file-1", {})
    assert found == Found("file-1", {"file_id": "file-1"})


STATE = {"path": "a", "sha256": "00", "ai_project_id": "p", "file_id": "file-1", "filename": "a.zip"}


def test_an_update_of_an_archive_keeps_what_is_known(emulator: Emulator) -> None:
    """Outputs stay, the path is the new one, absent values stay absent, and whole numbers become integers again."""
    archives = ModelArchives(settings_of(emulator))
    olds = {**STATE, "size": 512.0, "created_at": 1_790_000_000.0, "other": 1}
    updated = archives.update(Call(), "file-1", olds, {"path": "b", "sha256": "00", "ai_project_id": ""})
    assert updated == {**STATE, "path": "b", "size": 512, "created_at": 1_790_000_000}
    assert {type(updated[name]) for name in ("size", "created_at")} == {int}
    assert archives.update(Call(), "file-1", {"file_id": "file-1"}, {}) == {"file_id": "file-1"}
    assert emulator.requests() == []
