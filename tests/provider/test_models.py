"""What a provider does with one model: what it returns, what it records, and what stays at the service."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nebius_model_resource import errors
from nebius_model_resource._provider.properties import UNKNOWN
from tests.support.engine_calls import CONFIG, Bench, EngineCall, Failed, Models, raising
from tests.support.outcomes import slow, status
from tests.support.virtual import EPOCH, Outcome, Service, done

NAME, SHORT = "acme/Base-LoRa:bot-AAAA", "bot-AAAA"
GOOD = {"name": "bot", "base_model": "acme/Base", "source": "file-1"}
INPUTS = {**GOOD, "wait_for_active": True}
NOT_AWAITED = {**GOOD, "wait_for_active": False}
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
    """The answer to the POST is enough; an undocumented status causes a warning."""
    service, call, models = bench
    service.new_status = word
    props = INPUTS if word == "active" else NOT_AWAITED
    assert models.create(call, props).outputs["status"] == word
    assert [request.kind for request in service.requests] == ["LIST", "POST"]
    assert ["unknown status 'ready'" in text for text in call.warnings] == [True] * (word == "ready")


@pytest.mark.parametrize(("away", "left"), [(0, False), (25, False), (40, True)])
@pytest.mark.parametrize("seconds", [5, 600])
@pytest.mark.parametrize("props", [INPUTS, NOT_AWAITED])
def test_a_failed_validation_leaves_nothing_or_says_so(
    bench: Bench, props: dict[str, Any], seconds: float, away: float, left: bool
) -> None:
    """For half a minute of its own the create tries to delete its failed model; what stays is recorded."""
    service, call, models = bench
    service.new_status = "error"
    if away:
        service.always("DELETE", status(500))
        service.time.at(away, service.recover)
    why = "the model stays in the state" if left else "fix the adapter, then run `pulumi up` again"
    with pytest.raises(Failed, match=rf"validation failed: the service gave no reason; .*{why}"):
        models.create(replace(call, timeout=seconds), props)
    assert list(service.models) == [NAME] * left
    assert [id_ for _, id_, _, _ in call.kept] == [NAME] * left
    assert service.time.now <= 32


@pytest.mark.parametrize(("seconds", "interrupted"), [(30, 600), (600, 30)])
def test_an_unfinished_model_is_recorded(bench: Bench, seconds: float, interrupted: float) -> None:
    """At the deadline, or when the run is stopped, the state gets the model with its inputs and its status."""
    service, call, models = bench
    call = replace(call, timeout=seconds, interrupted_at=interrupted)
    with pytest.raises(Failed, match="the model stays in the state") as caught:
        models.create(call, INPUTS)
    [(message, id_, properties, inputs)] = call.kept
    outputs = {"generated_name": NAME, "status": "validating", "created_at": int(EPOCH)}
    assert (message, id_, inputs) == (str(caught.value), NAME, INPUTS)
    assert properties == {**INPUTS, **outputs}
    assert list(service.models) == [NAME]
    assert service.time.now == 30


@pytest.mark.parametrize(
    ("deletes", "why"),
    [(done, "; the model was deleted: run `pulumi up`"), (status(401), f"run `nebius-models delete {NAME}`")],
)
def test_a_state_that_cannot_record_a_model_gets_none(bench: Bench, deletes: Outcome, why: str) -> None:
    """The unfinished model is deleted, or the message has the command that does it."""
    service, call, models = bench
    service.always("DELETE", deletes)
    with pytest.raises(Failed, match=why):
        models.create(replace(call, able=False, timeout=30), INPUTS)
    assert bool(service.models) is (deletes is not done)


def test_a_bug_of_ours_deletes_no_model(bench: Bench) -> None:
    """If recording fails unexpectedly, the message has the model and how to adopt or delete it."""
    broken = replace(bench.call, timeout=30, kept=())  # type: ignore[arg-type]
    with pytest.raises(Failed, match=f"^the model '{NAME}' exists and is not in the state: adopt it"):
        bench.models.create(broken, INPUTS)
    assert list(bench.service.models) == [NAME]


# The status of a new model, whether the create waits, when the engine goes, and the time until the deadline.
GONE = {
    "during the wait": ("validating", True, 10, 600),
    "at the deadline": ("validating", True, 30, 30),
    "by the time it has failed": ("error", True, 1.5, 600),
    "during the POST": ("active", True, 0.5, 600),
    "during the POST, not awaited": ("validating", False, 0.5, 600),
}


@pytest.mark.parametrize(("word", "waits", "gone", "seconds"), GONE.values(), ids=GONE)
def test_nothing_stays_where_the_engine_is_gone(
    bench: Bench, word: str, waits: bool, gone: float, seconds: float
) -> None:
    """Neither success nor failure is reported to an engine that is gone, and the model is deleted."""
    service, call, models = bench
    service.new_status = word
    service.next("LIST", done)
    service.always("LIST", slow(1))  # the engine goes while the last list is read
    service.next("POST", slow(0.6))
    with pytest.raises(errors.EngineGone):
        models.create(replace(call, gone_at=gone, timeout=seconds), INPUTS if waits else NOT_AWAITED)
    assert service.models == {}


def test_an_update_whose_engine_is_gone_keeps_its_model(bench: Bench) -> None:
    """The wait for a model that the state holds ends, and nothing is deleted."""
    bench.service.add(NAME, status="validating")
    with pytest.raises(errors.EngineGone):
        bench.models.update(replace(bench.call, gone_at=10), NAME, STATE, INPUTS)
    assert list(bench.service.models) == [NAME]


# What the service has, whether the update waits, what happens, the result, and the seconds that it takes.
RESUMES: dict[str, tuple[Any, ...]] = {
    "active meanwhile": ("active", True, "", "active", (0, 0)),
    "validates on": ("validating", True, "becomes active", "active", (20, 23)),
    "not awaited": ("validating", False, "", "validating", (0, 0)),
    "failed meanwhile": ("error", True, "", Failed, (0, 0)),
    "failed, not awaited": ("error", False, "", Failed, (0, 0)),
    "gone meanwhile": (None, True, "", errors.ModelVanished, (0, 0)),
    "gone during the wait": ("validating", True, "goes", errors.ModelVanished, (20, 24)),
    "not readable at first": ("validating", True, "comes back", "active", (20, 33)),
    "not readable, not awaited": ("validating", False, "comes back", errors.ServerFault, (0, 19)),
    "its deadline": ("validating", True, "", Failed, (100, 100)),
}


@pytest.mark.parametrize("case", RESUMES.values(), ids=RESUMES)
def test_an_update_waits_for_a_model_of_the_state(bench: Bench, case: tuple[Any, ...]) -> None:
    """It reads first, and waits only for a model that still validates; the model is never deleted."""
    there, waits, event, result, ends = case
    service, call, models = bench
    inputs = INPUTS if waits else NOT_AWAITED
    if there:
        service.add(NAME, status=there)
    if event == "goes":
        service.time.at(20, service.models.clear)
    elif event:
        becomes(service, "active", 20)
    if event == "comes back":
        service.always("LIST", status(500))
        service.always("GET", status(500))
        service.time.at(20, service.recover)
    with raising(None if isinstance(result, str) else result):
        outputs = models.update(
            replace(call, timeout=100), NAME, {**STATE, "description": "of others"}, inputs
        )
        assert outputs == {**inputs, **OLD, "status": result, "created_at": outputs["created_at"]}
    assert [kept[3] for kept in call.kept] == [inputs] * (result is Failed)
    assert ends[0] <= service.time.now <= ends[1]
    assert {request.kind for request in service.requests} <= {"LIST", "GET"}


FAILED, GONE_NOW = "is in status 'error': rank", "no longer exists: a new one replaces it"
# The status in the state, the live one, whether the program waits: whether it updates or replaces, and the warning.
NEEDS: list[tuple[str, str, bool, str, str]] = [
    ("active", "error", True, "", ""),
    ("validating", "validating", True, "updates", ""),
    ("validating", "active", True, "updates", ""),
    ("validating", "active", False, "", ""),
    ("validating", "error", True, "replaces", FAILED),
    ("validating", "error", False, "updates", FAILED),
    ("error", "active", True, "replaces", FAILED),  # it is final
    ("ready", "ready", True, "updates", "has the unknown status 'ready' (rank)"),
    ("validating", "gone", True, "replaces", GONE_NOW),
    ("validating", "gone", False, "replaces", GONE_NOW),
    ("validating", "unreadable", True, "updates", ""),
]


@pytest.mark.parametrize(("recorded", "live", "waits", "need", "warning"), NEEDS)
def test_a_model_that_is_not_active_asks_for_what_it_needs(
    bench: Bench, recorded: str, live: str, waits: bool, need: str, warning: str
) -> None:
    """An update waits for it; one in `error` is replaced, or fails its update where nothing waits for it."""
    service, call, models = bench
    if live == "unreadable":
        service.always("LIST", status(500))
        service.always("GET", status(500))
    elif live != "gone":
        service.add(NAME, status=live, status_reason="rank")
    news = {**GOOD, "wait_for_active": waits}
    found = models.diff(call, NAME, {**STATE, **news, "status": recorded, "status_reason": "rank"}, news)
    replaces = need == "replaces"
    assert (found.updates, list(found.replaces)) == (need == "updates", ["status"] * replaces)
    assert (found.kinds, found.of_inputs) == (({"status": "UPDATE"}, False) if replaces else ({}, True))
    assert [warning in text for text in call.warnings] == [True] * bool(warning)


def test_a_read_takes_over_what_is_live(models: Models, service: Service, call: EngineCall) -> None:
    """Live values become inputs; a default that the program does not give is none, or it would show as drift."""
    service.add(NAME, source="file-1", description="by hand", status_reason="fine", created_at=8)
    found = models.read(replace(call, recorded=frozenset(GOOD)), NAME, ACTIVE)
    assert found
    assert found.inputs == {**GOOD, "description": "by hand"}
    outputs = {"status": "active", "status_reason": "fine", "created_at": 8}
    assert found.outputs == {**ACTIVE, "description": "by hand", **outputs}


@pytest.mark.parametrize(("age", "word"), [(29, "validating"), (30, "validating"), (1, "active")])
def test_a_model_that_was_just_created_may_be_missing(bench: Bench, age: float, word: str) -> None:
    """For half a minute neither a read nor a deletion believes that a model is gone which no wait has seen."""
    service, call, models = bench
    props = {**NOT_AWAITED, **OLD, "status": word, "created_at": EPOCH - age}
    is_new = age < 30 and word == "validating"
    assert (models.read(call, NAME, props) is not None) is is_new
    service.add(NAME)
    service.always("DELETE", status(403 if is_new else 404))
    service.time.at(0.5, service.recover)
    with raising(None if is_new else errors.NotFound):
        models.delete(call, NAME, props)
    assert bool(service.models) is not is_new


def test_a_model_that_is_gone_is_removed_with_a_warning_if_none_was_found(bench: Bench) -> None:
    """A key of another account sees none of the stack's models: the first removals say how to get them back."""
    service, call, models = bench
    gone = [NAME, "acme/Base-LoRa:bot-CCCC"]
    assert [models.read(call, name, ACTIVE) for name in gone] == [None, None]
    for name, warning in zip(gone, call.warnings, strict=True):
        assert warning.startswith(
            f"'{name}' is removed from the state: this key sees none of the stack's models"
        )
    service.add("acme/Base-LoRa:bot-BBBB")
    service.time.advance(60)
    assert models.read(call, "acme/Base-LoRa:bot-BBBB", ACTIVE)
    assert models.read(call, NAME, ACTIVE) is None
    assert len(call.warnings) == 2


@pytest.mark.parametrize("name", [NAME, SHORT])
def test_get_reads_all_that_the_service_reports(bench: Bench, name: str) -> None:
    """A model that the stack only reads has no inputs, is not deleted with its resource, and must exist."""
    service, call, models = bench
    with pytest.raises(errors.ModelMissing):
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
