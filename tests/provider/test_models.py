"""What a provider does with one model: what it returns, what it records, and what stays at the service."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nebius_model_resource import errors
from nebius_model_resource._provider.properties import UNKNOWN
from tests.support.engine_calls import CONFIG, Bench, EngineCall, Failed, Models, raising
from tests.support.outcomes import status
from tests.support.virtual import EPOCH, Service

NAME, SHORT = "acme/Base-LoRa:bot-AAAA", "bot-AAAA"
GOOD = {"name": "bot", "base_model": "acme/Base", "source": "file-1"}
INPUTS = {**GOOD, "wait_for_active": True}
WITHOUT_WAITING = {**GOOD, "wait_for_active": False}
OLD = {"generated_name": NAME, "status": "validating", "created_at": 7.0}
STATE = {**INPUTS, **OLD}
ACTIVE = {**STATE, "status": "active"}


def becomes(service: Service, word: str, at: float, reason: str | None = None) -> None:
    service.time.at(at, lambda: service.models[NAME].update(status=word, status_reason=reason))


def test_a_model_is_returned_once_it_is_active(models: Models, service: Service, call: EngineCall) -> None:
    """A create ends when its model is active, and returns everything known about it."""
    becomes(service, "active", 20, "ready")
    found = models.create(call, INPUTS)
    outputs = {"generated_name": NAME, "status": "active", "status_reason": "ready", "created_at": int(EPOCH)}
    assert (found.id, found.outputs) == (NAME, {**INPUTS, **outputs})
    assert 20 <= service.time.now <= 23


@pytest.mark.parametrize("word", ["validating", "ready", "active"])
def test_a_model_that_needs_no_wait_is_returned_at_once(bench: Bench, word: str) -> None:
    """The answer to the POST is enough, whatever its status."""
    service, call, models = bench
    service.new_status = word
    props = INPUTS if word == "active" else WITHOUT_WAITING
    assert models.create(call, props).outputs["status"] == word
    assert [request.kind for request in service.requests] == ["LIST", "POST"]


def test_a_read_takes_over_what_is_live(models: Models, service: Service, call: EngineCall) -> None:
    """Live values become inputs; a default that the program does not give is none, or it would show as drift."""
    service.add(NAME, source="file-1", description="by hand", status_reason="fine", created_at=8)
    found = models.read(replace(call, recorded=frozenset(GOOD)), NAME, ACTIVE)
    assert found
    assert found.inputs == {**GOOD, "description": "by hand"}
    outputs = {"status": "active", "status_reason": "fine", "created_at": 8}
    assert found.outputs == {**ACTIVE, "description": "by hand", **outputs}


@pytest.mark.parametrize("name", [NAME, SHORT])
def test_get_reads_all_that_the_service_reports(bench: Bench, name: str) -> None:
    """A model that the stack only reads has no inputs, is not deleted with its resource, and must exist."""
    service, call, models = bench
    with pytest.raises(errors.Missing):
        models.read(call, name, {})
    service.time.advance(60)
    service.add(NAME, status="error", source="file-1", description="answers", created_at=7)
    found = models.read(call, name, {})
    assert found
    assert (found.id, found.inputs) == (NAME, {})
    assert call.warnings == [f"the model '{NAME}' is in status 'error': the service gives no reason"]
    again = models.read(replace(call, recorded=frozenset()), NAME, found.outputs)
    assert again == found
    models.delete(call, NAME, found.outputs)
    assert call.notes == [f"not deleted: this resource now reads '{NAME}' with `get`"]
    assert list(service.models) == [NAME]
    models.delete(replace(call, urn="urn:other"), NAME, found.outputs)
    assert service.models == {}


ADOPT = "declare the live value to adopt the model, or remove `import_` to create a new one"
MISSING = f"there is no model {SHORT!r} at the service: `nebius-models list` shows what there is"
WAIT = "only an active model can be adopted, wait or name another"
ADOPTIONS: list[tuple[dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = [
    ({}, {}, []),
    ({}, {"name": "acme/Base-fast-LoRa:bot-AAAA"}, []),
    ({"description": UNKNOWN}, {}, []),
    ({"base_model": "acme/Bass"}, {}, [("base_model", f"the live model has 'acme/Base': {ADOPT}")]),
    ({"source": "file-2"}, {}, [("source", f"the live model has 'file-1': {ADOPT}")]),
    ({}, {"description": None}, [("description", f"the live model has None: {ADOPT}")]),
    ({}, {"status": "validating"}, [("import_", f"'{NAME}' is validating: {WAIT}")]),
    ({}, {"status": "error", "status_reason": "rank"}, [("import_", f"'{NAME}' is error (rank): {WAIT}")]),
    ({}, {"status": None}, [("import_", f"'{NAME}' has no status yet: {WAIT}")]),
    ({}, {"status": "deleted"}, [("import_", MISSING)]),
]


@pytest.mark.parametrize(("declared", "reported", "faults"), ADOPTIONS)
def test_each_difference_from_an_adopted_model_is_named(
    bench: Bench, declared: dict[str, Any], reported: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    """A check reports every difference, a create adopts what has none, and nothing is ever posted."""
    service, call, models = bench
    name = reported.get("name", NAME)
    service.add(NAME)
    service.models[NAME] |= {"source": "file-1", "description": "answers", "created_at": 7, **reported}
    props = {**INPUTS, "description": "answers", **declared, "import_id": SHORT}
    shown = [("", f"`{name}`: {why}") if name == "import_" else (name, why) for name, why in faults]
    assert models.check(call, {}, props).failures == shown
    with raising(errors.AdoptionRefused if faults else None) as caught:
        found = models.create(call, props)
        assert (found.id, found.outputs["status"], found.outputs["created_at"]) == (name, "active", 7)
        texts = [f"adopts {name}: nothing will be created", f"adopted {name}: nothing was created"]
        assert [text for _, text in call.shown] == texts
        models.delete(call, name, found.outputs)  # the same run replaces the resource
        assert call.notes == [f"not deleted: '{name}' was adopted in this run"]
    if faults:
        assert [(fault.property, fault.reason) for fault in caught.value.faults] == faults
    assert {request.kind for request in service.requests} <= {"LIST", "GET"}


def test_a_secret_input_that_differs_is_not_shown(bench: Bench) -> None:
    """The failure names no property, since the engine would show its value."""
    bench.service.add(NAME, source="file-1", description="live")
    secret = replace(bench.call, secrets=frozenset({"description"}))
    checked = bench.models.check(secret, {}, {**INPUTS, "description": "s3cret", "import_id": NAME})
    assert checked.failures == [("", f"`description`: the live model has 'live': {ADOPT}")]


def test_an_import_declares_what_is_live(service: Service, call: EngineCall) -> None:
    """The inputs are those that a program needs, in the configured project; what cannot be declared is refused."""
    models = Models(service, {**CONFIG, "nebius-models:aiProjectId": "p"})
    service.next("GET", status(403), status(401))
    assert models.import_(call, SHORT) is None  # the list was read and lacks it
    with pytest.raises(errors.AccessDenied):
        models.import_(call, SHORT)
    service.add(NAME, source="file-1", description="answers", created_at=7)
    service.time.advance(60)
    found = models.import_(call, SHORT)
    assert found
    assert (found.id, found.inputs) == (NAME, {**GOOD, "description": "answers", "ai_project_id": "p"})
    assert found.outputs == {**found.inputs, **ACTIVE}
    fast = {**found.inputs, "base_model": "acme/Base-fast"}  # the name may lack the flavour
    assert models.diff(call, NAME, found.outputs, fast).kinds == {}
    assert Models(service).diff(call, NAME, found.outputs, fast).replaces == ["base_model"]
    service.time.advance(60)
    service.models[NAME]["source"] = None
    with pytest.raises(Failed, match=f"does not report what '{NAME}' was created from: read it with `get`"):
        models.import_(call, NAME)
    lists = [request for request in service.requests if request.kind == "LIST"]
    assert {request.query.get("ai_project_id") for request in lists} == {"p"}


def test_a_check_fills_in_the_project_and_asks_about_a_new_model(service: Service, call: EngineCall) -> None:
    """The preflight warns of new models alone, and can be switched off."""
    service.bases = ["acme/Base"]
    props = {**GOOD, "base_model": "acme/Bass", "description": ""}
    models = Models(service, {**CONFIG, "nebius-models:aiProjectId": "p"})
    assert models.check(call, {}, props).inputs == {**GOOD, "base_model": "acme/Bass", "ai_project_id": "p"}
    assert len(call.warnings) == 2  # the base, and the file of the source
    asked = len(service.requests)
    assert models.check(call, STATE, {**props, "ai_project_id": "q"}).inputs["ai_project_id"] == "q"
    Models(service, {**CONFIG, "nebius-models:preflight": "false"}).check(call, {}, props)
    assert len(service.requests) == asked
