"""What a provider does with one dedicated endpoint: what it sends and returns, and what stays at the service."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from nebius_model_resource import errors
from nebius_model_resource._provider.properties import UNKNOWN
from tests.support.engine_calls import CONFIG, Endpoints, EngineCall, Failed, raising
from tests.support.engine_calls import ENDPOINT_INPUTS as INPUTS
from tests.support.outcomes import lost, says, slow, status
from tests.support.virtual import EPOCH, Outcome, Service, done

Bag = dict[str, Any]
HOST = "https://api.tokenfactory.nebius.com"
ID, KEY = "endpoint-0", "dedicated/bot-0123abcd"
WEIGHTS = "model-artifact_1"
GIVEN = dict(list(INPUTS.items())[:8])  # without what the provider mints, and without the defaults
LIVE: Bag = {  # the body of its POST, and what the service reports of it
    **{name: value for name, value in GIVEN.items() if not name.endswith("_replicas")},
    "scaling": {"min_replicas": 1, "max_replicas": 2},
    "routing_key": KEY,
}
OUTPUTS = {
    "endpoint_id": ID,
    "status": "running",
    "readiness": "ready",
    "ready_replicas": 1,
    "created_at": int(EPOCH),
}
STATE: Bag = {**INPUTS, **OUTPUTS}
Bench = tuple[Service, EngineCall, Endpoints]


@pytest.fixture
def bench(service: Service, call: EngineCall) -> Bench:
    """The service, one call of the engine, and the endpoints of one process."""
    return service, call, Endpoints(service)


def bodies(service: Service, kind: str) -> list[Any]:
    """What the requests of a kind sent."""
    return [request.body for request in service.requests if request.kind == kind]


def then(service: Service, *events: tuple[float, str, str]) -> None:
    """The endpoint has these statuses from these moments on."""
    for at, word, readiness in events:
        service.time.at(at, partial(service.becomes, ID, word, readiness))


# Check

NAMED, TEXT = "a text of 1 to 100 characters", "must be a text of at most 500 characters, or left out"
COUNT, REPLICAS = "must be a whole number >= 0", "must be a whole number >= 1"
WEIGHTS_ID = "must be an id such as 'model-artifact_…', or left out"
# The input, its value, and the fault of that input; None where there is none.
CHECKS: list[tuple[str, Any, str | None]] = [
    ("name", "", f"must not be empty: give {NAMED}"),
    ("name", "Ä b/c:d" + "x" * 93, None),
    ("name", "x" * 101, f"must be {NAMED}: it has 101"),
    ("description", "x" * 500, None),
    ("description", "x" * 501, f"{TEXT}: it has 501"),
    ("model_name", None, "missing: give the name of a template"),
    ("flavor_name", " ", "must not be empty: give a flavor of the template"),
    ("region", "mars-1", None),
    ("gpu_count", 0.0, None),
    ("gpu_count", UNKNOWN, None),
    ("gpu_count", -1.0, COUNT),
    ("gpu_count", 1.5, COUNT),
    ("gpu_count", True, COUNT),
    ("min_replicas", 3.0, "must not exceed the maximum, which is 2"),
    ("min_replicas", 0.0, REPLICAS),
    ("max_replicas", UNKNOWN, None),
    ("max_replicas", 0.0, REPLICAS),
    ("custom_weights_id", WEIGHTS, None),
    ("custom_weights_id", "a b", f"{WEIGHTS_ID}: it has spaces or line breaks in it, remove them"),
    ("enabled", "no", "must be True or False"),
    ("wait_for_ready", 1.0, "must be True or False"),
]


@pytest.mark.parametrize(("name", "value", "reason"), CHECKS)
def test_each_input_has_its_bounds(bench: Bench, name: str, value: Any, reason: str | None) -> None:
    """What is outside of the documented bounds is a fault of its own input; a list of regions is not closed."""
    _, call, endpoints = bench
    checked = endpoints.check(call, {}, {**GIVEN, name: value})
    assert checked.failures == ([(name, reason)] if reason else [])
    assert ("routing_key" in checked.inputs) is (reason is None)


WORDS = {"x": "x", "Grüße, Welt / 2": "gr-e-welt-2", "X" * 100: "x" * 100, "///": "endpoint", "-": "endpoint"}


@pytest.mark.parametrize(("name", "word"), WORDS.items())
def test_a_routing_key_is_minted_once(bench: Bench, name: str, word: str) -> None:
    """It has the documented form for each name, stays in later checks and refreshes, and is new in a replacement."""
    _, call, endpoints = bench
    props = {**GIVEN, "name": name}
    first = endpoints.check(call, {}, props).inputs
    assert re.fullmatch(f"dedicated/{word}-[0-9a-f]{{8}}", first["routing_key"])
    hidden = endpoints.check(replace(call, secrets=frozenset({"name"})), {}, props).inputs["routing_key"]
    assert hidden.startswith("dedicated/endpoint-")
    renamed = endpoints.check(call, first, {**props, "name": "other"}).inputs
    assert renamed == {**first, "name": "other"}
    assert endpoints.check(call, {}, props).inputs["routing_key"] != first["routing_key"]
    mine = {"routing_key": "dedicated/mine-123", "inference_url": "https://mine"}
    assert endpoints.check(call, first, {**props, **mine}).inputs == first


US = "https://api.tokenfactory.us-central1.nebius.com/v1"
URLS = [
    ("eu-north1", HOST, f"{HOST}/v1"),
    ("us-central1", HOST, US),
    ("us-central1", f"{HOST}/v1/", US),
    ("us-central1", "https://proxy.example/nebius", "https://proxy.example/nebius/v1"),
    (UNKNOWN, HOST, UNKNOWN),
]


@pytest.mark.parametrize(("region", "base_url", "url"), URLS)
def test_an_endpoint_is_called_at_its_region(bench: Bench, region: str, base_url: str, url: str) -> None:
    """The URL follows from the region at the service's own host, and is any other base URL as it is."""
    config = {**CONFIG, "nebius-models:baseUrl": base_url}
    props = {**GIVEN, "name": UNKNOWN, "region": region}
    inputs = Endpoints(bench[0], config).check(bench[1], {}, props).inputs
    assert (inputs["inference_url"], inputs["routing_key"]) == (url, UNKNOWN)


TEMPLATE = {
    "name": "acme/Base",
    "flavors": {
        "base": {"gpu_types": ["gpu-h100-sxm"], "gpu_counts": [1, 2], "regions": ["eu-north1"]},
        "fast": {"gpu_type": "text", "regions": {"eu-north1": 3}, "gpu_counts": []},
        "one": {"gpu_type": ["gpu-h100-sxm"]},
        "bare": "unreadable",
    },
}
OF_BASE = "the flavor 'base' of 'acme/Base' has no"
# The changed inputs, the templates, and the warning.
WARNINGS: list[tuple[Bag, list[Any], str]] = [
    ({}, [TEMPLATE], ""),
    ({"model_name": "x"}, [TEMPLATE], "no template has the model_name 'x' (there are 'acme/Base')"),
    ({"model_name": "x"}, [{"name": n} for n in "abcdef"], "(there are 'a', 'b', 'c', 'd', 'e')"),
    ({"flavor_name": "slow"}, [TEMPLATE], "has no flavor 'slow' (there are 'base', 'fast', 'one', 'bare')"),
    ({"gpu_type": "gpu-x"}, [TEMPLATE], f"{OF_BASE} gpu_type 'gpu-x' (there are 'gpu-h100-sxm')"),
    ({"gpu_count": 3.0}, [TEMPLATE], f"{OF_BASE} gpu_count 3 (there are 1, 2)"),
    ({"region": "mars-1"}, [TEMPLATE], f"{OF_BASE} region 'mars-1' (there are 'eu-north1')"),
    ({"gpu_type": "gpu-x", "flavor_name": "fast"}, [TEMPLATE], ""),
    ({"gpu_type": "gpu-x", "flavor_name": "bare"}, [TEMPLATE], ""),
    ({"gpu_type": "x", "flavor_name": "one"}, [TEMPLATE], "has no gpu_type 'x' (there are 'gpu-h100-sxm')"),
    ({"flavor_name": "slow"}, [{"name": "acme/Base"}], ""),
    ({"model_name": "x"}, [], ""),
    ({"model_name": "x"}, [TEMPLATE, {}], ""),
    ({"model_name": UNKNOWN, "flavor_name": "slow"}, [TEMPLATE], ""),
    ({"model_name": "x", "ai_project_id": UNKNOWN}, [TEMPLATE], ""),
]


@pytest.mark.parametrize(("changes", "templates", "warning"), WARNINGS)
def test_a_preview_warns_of_what_no_template_has(
    bench: Bench, changes: Bag, templates: list[Any], warning: str
) -> None:
    """Only a complete list counts, and only details that are lists; nothing is refused, and one request is enough."""
    service, call, endpoints = bench
    service.templates = templates
    switched_off = Endpoints(service, {**CONFIG, "nebius-models:preflight": "false"})
    for olds, asked in (({}, endpoints), ({}, endpoints), (STATE, endpoints), ({}, switched_off)):
        assert asked.check(call, olds, {**GIVEN, **changes}).failures == []
    end = f"{warning}; creating the endpoint 'bot' will probably fail"
    assert [text.endswith(end) for text in call.warnings] == [True, True] * bool(warning)
    assert len(service.requests) <= 1


# Create

TEXTS = {"description": " answers\n", "custom_weights_id": WEIGHTS, "ai_project_id": "p"}


@pytest.mark.parametrize("more", [{}, TEXTS])
def test_an_endpoint_is_returned_once_it_takes_traffic(bench: Bench, more: Bag) -> None:
    """The POST has whole numbers and no `enabled`; the wait goes on while an endpoint runs and is not ready."""
    service, call, endpoints = bench
    then(service, (10, "running", "not_ready"), (20, "running", "ready"))
    floats = {"gpu_count": 1.0, "min_replicas": 1.0, "max_replicas": 2.0}
    found = endpoints.create(call, {**INPUTS, **more, **floats})
    assert (found.id, found.outputs) == (ID, {**STATE, **more})
    [body] = bodies(service, "MAKE")
    assert body == {**LIVE, **({"description": "answers", "custom_weights_id": WEIGHTS} if more else {})}
    assert [type(number) for number in (body["gpu_count"], *body["scaling"].values())] == [int] * 3
    assert {request.query.get("ai_project_id") for request in service.requests} == {more.get("ai_project_id")}
    shown = [text for _, text in call.shown]
    assert (shown[0], shown[-1]) == ("starting, 0 of 1 replicas ready", "running, 1 of 1 replicas ready")
    assert 20 <= service.time.now <= 23
    assert endpoints.default_seconds == 3600


PARTLY = f"the endpoint '{ID}' is partially ready: running, 1 of 1 replicas ready"
OFF, AT_ONCE = {"enabled": False}, {"wait_for_ready": False}
FIX = "change what the reason names, then run `pulumi up` again"
STAYS = (
    "stays in the state: run `pulumi up` to replace it by a new one, change an input to try again in place, or "
    "`pulumi destroy` to delete it"
)


def test_an_endpoint_that_takes_some_traffic_is_ready_with_a_warning(bench: Bench) -> None:
    """The create ends, and says how many replicas are ready."""
    service, call, endpoints = bench
    then(service, (9, "running", "partially_ready"))
    assert endpoints.create(call, INPUTS).outputs["readiness"] == "partially_ready"
    assert call.warnings == [PARTLY]


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("deletes", [done, status(401)], ids=["deleted", "left"])
@pytest.mark.parametrize("patch", [done, status(400)], ids=["stopped", "refused"])
def test_an_endpoint_that_is_declared_as_stopped_is_stopped_at_once(
    bench: Bench, patch: Outcome, deletes: Outcome, waits: bool
) -> None:
    """A PATCH follows the POST; if it is refused, the endpoint, which costs money, is deleted, which is told."""
    service, call, endpoints = bench
    service.always("PATCH", patch)
    service.always("REMOVE", deletes)
    then(service, (2, "stopping", ""), (9, "stopped", ""))
    with raising(None if patch is done else Failed) as caught:
        found = endpoints.create(call, {**INPUTS, **OFF, "wait_for_ready": waits})
        assert found.outputs["status"] == ("stopped" if waits else "starting")
    assert [request.kind for request in service.requests][:2] == ["MAKE", "PATCH"]
    assert bodies(service, "PATCH") == [OFF]
    left = f"it could not be stopped: no (HTTP 400); the failed endpoint '{ID}'"
    if caught and deletes is done:
        assert str(caught.value) == f"'bot' was not created: {left} was deleted; {FIX}"
    elif caught:
        assert str(caught.value) == f"{left} could not be deleted; the endpoint {STAYS}"
    assert bool(service.endpoints) is (patch is done or deletes is not done)
    assert bool(call.kept) is bool(caught and deletes is not done)


EMPTY = says({"data": []})
# The answers to the second POST and to a DELETE, and the warning.
TWICE = f"{KEY!r} may be there twice: no (HTTP 400); run `pulumi stack export | nebius-models unknown`"
SECONDS: dict[str, tuple[Outcome, Outcome, list[str]]] = {
    "a refused duplicate": (status(409, "taken"), done, []),
    "two with one key": (done, done, []),
    "two with one key, which stay": (done, status(400), [TWICE]),
}


@pytest.mark.parametrize(("second", "deletes", "warnings"), SECONDS.values(), ids=SECONDS)
def test_a_routing_key_finds_an_endpoint_that_shows_late(
    bench: Bench, second: Outcome, deletes: Outcome, warnings: list[str]
) -> None:
    """After a second POST one endpoint has the key: what else has it is deleted, or told."""
    service, call, endpoints = bench
    service.new_endpoint = "running"
    service.add_endpoint(**{**LIVE, "routing_key": "dedicated/bot-of-others"})
    service.next("MAKE", lost(effect=True), second)
    service.next("ENDPOINTS", *[EMPTY] * 4)
    service.always("REMOVE", deletes)
    id_ = endpoints.create(call, INPUTS).id
    assert [each for each in service.endpoints if each != ID][-1:] == [id_]
    assert (len(service.endpoints), call.warnings) == (2 + len(warnings), warnings)
    assert bodies(service, "MAKE") == [LIVE, LIVE]


def test_an_endpoint_that_is_being_stopped_without_an_engine_is_deleted(bench: Bench) -> None:
    """The engine goes while the service does not answer the PATCH."""
    service, call, endpoints = bench
    service.always("PATCH", slow(1, status(500)))
    with pytest.raises(errors.EngineGone):
        endpoints.create(replace(call, gone_at=5), {**INPUTS, "enabled": False})
    assert service.endpoints == {}


# Diff and update

# The status, the declared inputs, the changed ones with None for what is taken away, which of them replace, and the
# body of the PATCH; None where none is sent.
SCALING = {"scaling": {"min_replicas": 1, "max_replicas": 3}}
CHANGES: list[tuple[str, Bag, Bag, list[str], Bag | None]] = [
    ("running", {"ai_project_id": "p"}, {"name": "other"}, [], {"name": "other"}),
    ("running", {}, {"description": " new "}, [], {"description": "new"}),
    ("running", {"description": "old"}, {"description": None}, [], {"description": ""}),
    ("running", {"description": "old"}, {"description": ""}, [], {"description": ""}),
    ("running", {}, {"gpu_type": "gpu-x", "gpu_count": 2.0}, [], {"gpu_type": "gpu-x", "gpu_count": 2}),
    ("running", {}, {"max_replicas": 3.0}, [], SCALING),
    ("running", {}, {"min_replicas": 2.0}, [], {"scaling": {"min_replicas": 2, "max_replicas": 2}}),
    ("running", {}, {"custom_weights_id": WEIGHTS}, [], {"custom_weights_id": WEIGHTS}),
    (
        "running",
        {"custom_weights_id": WEIGHTS},
        {"custom_weights_id": None},
        [],
        {"custom_weights_id": "UNSET"},
    ),
    ("running", {}, {"enabled": False}, [], {"enabled": False}),
    ("running", {}, {"wait_for_ready": False}, [], None),
    ("running", {}, {"wait_for_ready": False, "name": "other"}, [], {"name": "other"}),
    ("running", {}, {"model_name": "acme/Bass"}, ["model_name"], None),
    ("running", {}, {"flavor_name": "fast", "description": "new"}, ["flavor_name"], None),
    ("running", {}, {"region": UNKNOWN, "gpu_count": 2.0}, ["region"], None),
    ("running", {"ai_project_id": "p"}, {"ai_project_id": "q"}, ["ai_project_id"], None),
    ("updating", {}, {}, [], None),  # as autoscaling does it
    ("stopped", {}, {}, [], None),
    ("stopping", {}, {}, [], None),
    ("error", {}, {"gpu_count": 2}, [], None),
    ("error", {}, {"enabled": False}, [], None),
    ("error", {}, {"region": "us", "name": "x"}, ["region"], None),
]


@pytest.mark.parametrize(("word", "declared", "changes", "replaces", "patch"), CHANGES)
def test_a_change_is_sent_as_it_is_or_replaces(
    bench: Bench, word: str, declared: Bag, changes: Bag, replaces: list[str], patch: Bag | None
) -> None:
    """The diff names just what changed, also in `error`; one PATCH has just that, with both numbers of replicas."""
    service, call, endpoints = bench
    service.add_endpoint(word, **{**LIVE, **declared})
    olds, news = {**STATE, "status": word, **declared}, {**INPUTS, **declared, **changes}
    found = endpoints.diff(call, ID, olds, news)
    assert (set(found.kinds), list(found.replaces), call.warnings) == (set(changes), replaces, [])
    assert found.updates is (word == "stopping")
    if word == "running" and not replaces:
        assert service.requests == []
        if "enabled" in changes:
            then(service, (1, "stopped", ""))
        outputs = endpoints.update(call, ID, olds, news)
        assert bodies(service, "PATCH") == ([patch] if patch else [])
        assert all(type(value) is not float for body in bodies(service, "PATCH") for value in body.values())
        kept = {name: value for name, value in news.items() if value not in (None, "")}
        stopped = {"status": "stopped", "readiness": "not_ready", "ready_replicas": 0}
        assert outputs == {**kept, **OUTPUTS, **({} if news["enabled"] else stopped)}
        assert endpoints.diff(call, ID, outputs, news).kinds == {}
        assert {each.query.get("ai_project_id") for each in service.requests} == {
            declared.get("ai_project_id")
        }


# What changes, the status before, what the list shows after, the seconds at which the update ends, and why it fails.
UP, GPUS, UPDATING = (20, "running", ""), {"gpu_count": 2}, [(1, "updating", "")]
BROKEN = f"^the endpoint '[^']+' failed: the service gave no reason; the endpoint {STAYS}$"
KEPT = "the endpoint stays in the state: run `pulumi up` again"
WAITS: dict[str, tuple[Bag, str, list[Any], float, str]] = {
    "a text": ({"description": "new"}, "running", [], 0.5, ""),
    "GPUs that have restarted in no time": (GPUS, "running", [], 5, ""),
    "GPUs": (GPUS, "running", [(2, "updating", ""), UP], 20, ""),
    "weights": ({"custom_weights_id": WEIGHTS}, "running", [(4, "updating", ""), UP], 20, ""),
    "a type": ({"gpu_type": "gpu-x"}, "running", [(1, "running", "not_ready"), UP], 20, ""),
    "replicas, which restart nothing": ({"max_replicas": 3}, "running", [], 0.5, ""),
    "a start": ({"enabled": True}, "stopped", [(2, "starting", ""), UP], 20, ""),
    "a stop": ({"enabled": False}, "running", [(2, "stopping", ""), (20, "stopped", "")], 20, ""),
    "a failed one": (GPUS, "error", [(2, "starting", ""), UP], 20, ""),
    "a failed one that is stopped": (OFF, "error", [(2, "stopping", ""), (20, "stopped", "")], 20, ""),
    "a failed one that stays so": (GPUS, "error", [], 5, BROKEN),
    "one that fails": (GPUS, "running", [(2, "error", "")], 2, BROKEN),
    "the deadline": (GPUS, "running", UPDATING, 100, f"after 100 s: the deadline passed; {KEPT}"),
    "Ctrl-C": (GPUS, "running", UPDATING, 60, f"after 60 s: the run was interrupted; {KEPT}"),
}


@pytest.mark.parametrize("hidden", [0, 30], ids=["at once", "stale"])
@pytest.mark.parametrize(("changes", "word", "events", "ends", "why"), WAITS.values(), ids=WAITS)
def test_an_update_waits_for_what_it_has_sent(
    bench: Bench, hidden: float, changes: Bag, word: str, events: list[Any], ends: float, why: str
) -> None:
    """A stale list does not end the wait; an endpoint that is not ready stays with the new inputs, sent once."""
    service, call, endpoints = bench
    service.add_endpoint(word, **{**LIVE, "enabled": word != "stopped"})
    before = says({"data": [dict(service.endpoints[ID])]})
    if hidden and word != "error":
        service.always("ENDPOINTS", before)
        service.time.at(hidden, service.recover)
        ends = max(ends, hidden)
    then(service, *events)
    olds, news = {**STATE, "status": word, "enabled": word != "stopped"}, {**INPUTS, **changes}
    limited = replace(call, timeout=100, interrupted_at=60 if "interrupted" in why else math.inf)
    with raising(Failed if why else None, why or None):
        outputs = endpoints.update(limited, ID, olds, news)
        assert {name: outputs[name] for name in changes} == changes
    assert ends <= service.time.now <= ends * 1.12 + 0.6
    if why:
        [(_, _, properties, inputs)] = call.kept
        assert (inputs, properties["gpu_count"]) == (news, 2)
        service.becomes(ID, "running")
        service.time.advance(60)
        assert endpoints.update(call, ID, dict(properties), news)["status"] == "running"
    assert bodies(service, "PATCH") == [changes if "max_replicas" not in changes else SCALING]


def test_an_update_that_does_not_wait_has_what_is_there_now(bench: Bench) -> None:
    """It takes no time, and a list from before its PATCH does not count."""
    service, call, endpoints = bench
    service.add_endpoint(**LIVE)
    assert endpoints.read(call, ID, STATE)
    service.time.advance(1)
    service.becomes(ID, "stopping")
    outputs = endpoints.update(call, ID, STATE, {**INPUTS, **OFF, **AT_ONCE})
    assert (outputs["status"], service.time.now) == ("stopping", 1)


def test_a_refused_patch_leaves_the_state_as_it_was(bench: Bench) -> None:
    """Nothing is recorded, so that the next update sends it again."""
    service, call, endpoints = bench
    service.always("PATCH", status(422))
    with pytest.raises(errors.BadRequest):
        endpoints.update(call, ID, STATE, {**INPUTS, "gpu_count": 3})
    assert call.kept == []


# Read, delete, adopt

DRIFTS: list[Bag] = [
    {"scaling": {"min_replicas": 2, "max_replicas": 5}},
    {"gpu_type": "gpu-x", "gpu_count": 8},
    {"description": "by hand", "name": "other"},
    {"enabled": False},
    {"custom_weights_id": WEIGHTS},
]


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("deployment", [("updating", ""), ("running", "partially_ready"), ("stopped", "")])
def test_a_refresh_shows_what_was_changed_by_hand(
    bench: Bench, drift: Bag, deployment: tuple[str, str]
) -> None:
    """A declared input that was changed by hand is a difference; what autoscaling changes is none, and no warning."""
    service, call, endpoints = bench
    recorded = replace(call, recorded=frozenset([*GIVEN, "routing_key", "inference_url"]))
    service.add_endpoint(*deployment, **LIVE)
    flat = {**drift, **drift.get("scaling", {})}
    flat.pop("scaling", None)
    for changed in ({}, flat):
        found = endpoints.read(recorded, ID, STATE)
        assert found
        declared = {name: value for name, value in changed.items() if name != "enabled"}  # it has a default
        assert found.inputs == {**GIVEN, "routing_key": KEY, "inference_url": f"{HOST}/v1", **declared}
        assert {name: found.outputs[name] for name in changed} == changed
        assert set(endpoints.diff(call, ID, found.outputs, INPUTS).kinds) == set(changed)
        assert (found.outputs["status"], call.warnings) == (deployment[0], [])
        service.endpoints[ID] |= drift
        service.time.advance(60)


# The lists after a DELETE, whether it fails, and how many lists are read; those after a 404 are in test_listing.
STILL = says({"data": [{"id": ID}]})
DELETIONS: dict[str, tuple[list[Outcome], type[Exception] | None, int | None]] = {
    "gone at once": ([done], None, 1),
    "goes on for a while": ([STILL] * 3, None, 4),
    "a list that breaks": ([status(500)] * 3, None, 4),
    "no list": ([status(403)], errors.AccessDenied, 1),
    "never": ([STILL] * 99, errors.UnusableAnswer, None),
}


@pytest.mark.parametrize(("lists", "fails", "reads"), DELETIONS.values(), ids=DELETIONS)
def test_a_deletion_ends_when_the_list_lacks_the_endpoint(
    bench: Bench, lists: list[Outcome], fails: type[Exception] | None, reads: int | None
) -> None:
    """A success alone proves nothing: until the list lacks the endpoint it costs money."""
    service, call, endpoints = bench
    service.add_endpoint(**LIVE)
    service.next("ENDPOINTS", *lists)
    with raising(fails):
        endpoints.delete(replace(call, timeout=60), ID, {**STATE, "ai_project_id": "p"})
    assert reads in (None, len(service.sent("ENDPOINTS")))
    assert {request.query["ai_project_id"] for request in service.requests} == {"p"}


MISSING = f"there is no endpoint '{ID}' at the service: `nebius-models endpoints` shows what there is"
ADOPT = "declare the live value to adopt the endpoint, or remove `import_` to create a new one"
# What is declared and what is live, and the faults of the check.
ADOPTIONS: list[tuple[Bag, Bag | None, list[tuple[str, str]]]] = [
    ({}, {}, []),
    ({"description": UNKNOWN, "wait_for_ready": False}, {"description": "x"}, []),
    ({"gpu_count": 2.0}, {}, [("gpu_count", f"the live endpoint has 1: {ADOPT}")]),
    ({"region": "us"}, {}, [("region", f"the live endpoint has 'eu-north1': {ADOPT}")]),
    ({"max_replicas": 3.0}, {}, [("max_replicas", f"the live endpoint has 2: {ADOPT}")]),
    ({}, {"enabled": False}, [("enabled", f"the live endpoint has False: {ADOPT}")]),
    ({}, {"status": "error"}, [("", f"`import_`: '{ID}' is in status 'error': name another")]),
    ({}, None, [("", f"`import_`: {MISSING}")]),
]


@pytest.mark.parametrize(("declared", "live", "faults"), ADOPTIONS)
def test_an_adopted_endpoint_is_compared_and_not_changed(
    bench: Bench, declared: Bag, live: Bag | None, faults: list[tuple[str, str]]
) -> None:
    """Each difference is named in the preview; its routing key is the live one, and nothing is sent but reads."""
    service, call, endpoints = bench
    if live is not None:
        service.add_endpoint(**{"status": "running", **LIVE, **live, "routing_key": "dedicated/by-hand-1"})
    props = {**GIVEN, "enabled": True, "wait_for_ready": True, **declared, "import_id": ID}
    checked = endpoints.check(call, {}, props)
    assert checked.failures == faults
    if not faults:
        assert checked.inputs["routing_key"] == "dedicated/by-hand-1"
        found = endpoints.create(call, checked.inputs)
        assert (found.id, found.outputs["routing_key"]) == (ID, "dedicated/by-hand-1")
        assert endpoints.diff(call, ID, found.outputs, checked.inputs).updates is False
        endpoints.delete(call, ID, found.outputs)
        assert call.notes == [f"not deleted: '{ID}' was adopted in this run"]
    assert {request.kind for request in service.requests} == {"ENDPOINTS"}


def test_what_exists_is_imported_and_read(bench: Bench) -> None:
    """An import has the inputs that declare the endpoint; `get` has all as outputs, with the URL of its region."""
    service, call, _ = bench
    endpoints = Endpoints(service, {**CONFIG, "nebius-models:aiProjectId": "p"})
    assert endpoints.import_(call, ID) is None
    with pytest.raises(errors.Missing, match=re.escape(MISSING)):
        endpoints.read(call, ID, {})
    service.time.advance(60)
    service.add_endpoint(**{**LIVE, "region": "us-central1", "created_at": "2026-09-01T10:00:00.5Z"})
    where = {"region": "us-central1", "inference_url": US, "ai_project_id": "p"}
    outputs = {**STATE, **where, "created_at": 1_788_256_800}
    found = endpoints.import_(call, ID)
    assert found
    assert (found.inputs, found.outputs) == ({**GIVEN, **where, "routing_key": KEY}, outputs)
    read = endpoints.read(call, ID, {})
    assert read
    assert (read.inputs, read.outputs) == ({}, outputs)
    assert {request.query["ai_project_id"] for request in service.requests} == {"p"}


FIELDS = [*LIVE, "id", "enabled", "description", "custom_weights_id", "created_at", "deployment", "endpoint"]


@pytest.mark.parametrize("kind", ["MAKE", "ENDPOINTS", "PATCH"])
@pytest.mark.parametrize("value", [None, 5, 10**300, [1], {"a": 1, "status": 5}, ""], ids=ascii)
@pytest.mark.parametrize("field", FIELDS)
def test_a_wrong_value_in_an_answer_loses_no_endpoint(
    bench: Bench, field: str, value: Any, kind: str
) -> None:
    """Whatever the service reports for a field, the endpoint is returned, recorded or deleted, and made once."""
    service, call, endpoints = bench
    service.new_endpoint = "stopped"
    wrong = {**LIVE, "id": ID, "deployment": {"status": "stopped"}, field: value}
    body = {"data": [wrong]} if kind == "ENDPOINTS" else wrong
    service.always(kind, says(body, effect=True))
    service.time.at(40, service.recover)
    found: list[str] = []
    with suppress(Failed, errors.NebiusError):
        found.append(endpoints.create(replace(call, timeout=100), {**INPUTS, "enabled": False}).id)
    recorded = found + [id_ for _, id_, _, _ in call.kept]
    assert recorded == list(service.endpoints)
    assert len(service.sent("MAKE")) <= 2
