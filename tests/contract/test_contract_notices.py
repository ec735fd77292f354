"""The suite reports which variant it saw, and notices every shape that differs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from nebius_model_resource.testing.emulator import Fault
from tests.contract.caller import MAX_CALLS, Caller
from tests.contract.cases import CASES
from tests.contract.emulated import emulated
from tests.contract.masks import Mask
from tests.contract.outcome import AGREES, DIFFERS, NOT_REACHED, NotReachedError
from tests.contract.report import Run, markdown
from tests.contract.runner import BASE_MODEL, check
from tests.contract.visit import Plan, Visit
from tests.support.hostile import Meddler

SOURCE = "huggingface.co/somebody/private-lora"
Change = Callable[[Any], Any]


def _run(
    url: str, key: str, source: str | None = SOURCE, base_model: str = BASE_MODEL, wait: float = 60.0
) -> Run:
    with Caller(url, key) as caller:
        visit = Visit(caller, Plan(base_model, source, None, wait=wait, pause=0.05))
        return check(visit, CASES, "a test", Mask(key, source=source), lambda _line: None)


def _said(run: Run) -> dict[str, tuple[str, str]]:
    return {each.case.check.__name__: (each.word, each.text) for each in run.outcomes}


@pytest.mark.parametrize(
    ("settings", "case", "text"),
    [
        ({}, "name_form", "full"),
        ({"short_name_on_create": True}, "name_form", "short"),
        ({"hidden_missing": True}, "unknown_model", "answered 403"),
        ({"after_delete": "deleted"}, "read_after_delete", "still there, as deleted"),
        ({"after_delete": "deleted"}, "list_after_delete", "as deleted"),
        ({"first_read_without_status": True}, "first_read", "without a status"),
        ({"missing_reads": 1}, "first_read", "not yet: answered 404"),
        ({"missing_lists": 1}, "listed", ""),
        ({"custom_in_catalogue": False}, "catalogue_has_custom_models", "it has not"),
    ],
)
def test_a_variant_agrees_and_is_named(settings: dict[str, Any], case: str, text: str) -> None:
    """If the documents conflict or say nothing, every variant agrees, and the run reports which one it saw."""
    with emulated(BASE_MODEL, **settings) as emulator:
        run = _run(emulator.url, emulator.api_key)
        assert {each.said() for each in run.outcomes if each.word != AGREES} == set()
        assert _said(run)[case][1].startswith(text)
        assert emulator.models() == []


def test_a_fast_base_keeps_its_ending_or_not() -> None:
    """Both forms of a full name on a `-fast` base agree, and the documented one is named."""
    base, seen = "Qwen/Qwen3-4B-fast", []
    for infix in ("keep", "drop"):
        with emulated(base, infix_on_fast=infix) as emulator:
            seen.append(_said(_run(emulator.url, emulator.api_key, base_model=base))["name_form"])
    assert seen == [(AGREES, "full"), (AGREES, "full, without -fast as documented")]


def test_the_refusal_of_2026_is_recorded() -> None:
    """If every base is refused, the run says so in the service's words, and continues with all other cases."""
    with emulated(BASE_MODEL, supported_bases=[]) as emulator:
        run = _run(emulator.url, emulator.api_key)
    said = _said(run)
    assert said["offered"] == (
        AGREES,
        f"refuses: Base model {BASE_MODEL} does not support LoRa inference yet, list of supported models: []",
    )
    assert said["read_fields"][0] == NOT_REACHED
    assert said["read_fields"][1].startswith("needs a model, and create answered 400 'Base model")
    assert (run.counts()[DIFFERS], run.made) == (0, [])
    assert said["chat_unknown"][0] == said["list_jobs"][0] == AGREES


def test_without_a_source_no_model_is_created() -> None:
    """Without a source, the run checks everything that needs no model, and creates and leaves nothing."""
    with emulated(BASE_MODEL) as emulator:
        run = _run(emulator.url, emulator.api_key, source=None)
        assert (run.counts()[DIFFERS], run.made) == (0, [])
        reasons = {each.text for each in run.outcomes if each.word == NOT_REACHED}
        assert reasons == {"needs a model, and no --source was given"}
        assert {"bare_list", "unsupported_base", "upload", "list_jobs", "chat_unknown"} <= {
            name for name, (word, _) in _said(run).items() if word == AGREES
        }
        assert [each.status for each in emulator.requests("POST", "/v0/models")] == [422, 400]


def _without(name: str) -> Change:
    return lambda body: {key: value for key, value in body.items() if key != name}


def _with(**fields: Any) -> Change:
    return lambda body: {**body, **fields}


def _renamed(old: str, new: str) -> Change:
    return lambda body: {(new if key == old else key): value for key, value in body.items()}


@pytest.mark.parametrize(
    ("method", "path", "change", "case", "text"),
    [
        (
            "GET",
            "/v0/models",
            lambda body: {"data": body},
            "bare_list",
            "the list is an object, not an array",
        ),
        (
            "GET",
            "/v0/models",
            lambda body: [_without("tags")(each) for each in body],
            "listed",
            "no field 'tags'",
        ),
        ("POST", "/v0/models", _without("name"), "created_fields", "no field 'name'"),
        ("POST", "/v0/models", _with(created_at="2026-11-25"), "created_fields", "'created_at' is a string"),
        ("POST", "/v0/models", _with(id="model-1"), "created_fields", "the answer has 'id'"),
        (
            "POST",
            "/v0/models",
            _with(status="queued"),
            "created_values",
            "status is 'queued', not 'validating'",
        ),
        (
            "POST",
            "/v0/models",
            _with(source="other"),
            "created_values",
            "'source' is not the one that was sent",
        ),
        (
            "POST",
            "/v0/models",
            _with(name=BASE_MODEL + "-LoRa:x-12"),
            "name_form",
            "the short name is 'x-12'",
        ),
        ("GET", "/v0/models/", _with(base_model="a/b"), "read_lacks", "the answer has 'base_model'"),
        ("GET", "/v0/models/", _with(size_b="8"), "read_fields", "'size_b' is a string"),
        ("GET", "/v0/models/", _renamed("status", "state"), "becomes_active", "a read has no status for 2 s"),
        ("GET", "/v0/models/", _with(status="ready"), "becomes_active", "the status is 'ready'"),
        ("GET", "/v0/models/", _with(name="short-AbCd"), "by_short_name", "name is 'short-AbCd'"),
        ("GET", "/v0/models/", lambda body: [body], "first_read", "the answer is an array, not an object"),
        (
            "DELETE",
            "/v0/models/",
            _with(status="deleting"),
            "deletion",
            "status is 'deleting', not 'deleted'",
        ),
        ("POST", "/v1/chat/completions", _with(model="base"), "chat", "model is 'base', not '"),
        ("POST", "/v1/chat/completions", _with(choices=[]), "chat", "there is no choice"),
        ("GET", "/v1/models", _with(object="page"), "catalogue", "object is 'page', not 'list'"),
        ("POST", "/v1/files", _without("bytes"), "upload", "no field 'bytes'"),
        ("POST", "/v1/files", _without("id"), "upload", "no field 'id'"),
        ("GET", "/v1/files/", _with(purpose=None), "read_file", "'purpose' is null"),
        ("GET", "/v1/fine_tuning/jobs", _without("has_more"), "list_jobs", "no field 'has_more'"),
        (
            "GET",
            "/v0/models",
            lambda _body: b"<html>",
            "bare_list",
            "answered 200 with a body that is not JSON",
        ),
    ],
)
def test_a_changed_shape_differs(method: str, path: str, change: Change, case: str, text: str) -> None:
    """One changed shape makes its case differ, in words that name the change, and everything is still deleted."""

    def meddle(sent: str, target: str, status: int, body: Any) -> Any:
        called = target.partition("?")[0]
        hit = sent == method and (called.startswith(path) if path.endswith("/") else called == path)
        return change(copy.deepcopy(body)) if hit and status < 300 else body

    with emulated(BASE_MODEL) as emulator, Meddler(emulator.url, meddle) as server:
        files = emulator.files()
        run = _run(server.url, emulator.api_key, wait=2.0)
        word, seen = _said(run)[case]
        assert word == DIFFERS, seen
        assert text in seen
        # With a wrong name in every answer, or no list, a model of unknown name cannot be found.
        assert emulator.models() == [] or run.leftovers != []
        assert emulator.files() == files


@pytest.mark.parametrize(
    ("body", "case", "text"),
    [
        ({"error": {"message": "no"}}, "no_key", "no field 'detail'"),
        ({"detail": "who are you"}, "bad_key", "the text is 'who are you'"),
        ({"detail": "wrong"}, "wrong_body", "'detail' is a string"),
        ({"detail": "not this base"}, "unsupported_base", "the text is 'not this base'"),
        ({"detail": ["x"]}, "chat_unknown", "'detail' is an array"),
    ],
)
def test_a_changed_error_differs(body: Any, case: str, text: str) -> None:
    """An error with another envelope or text makes its case differ."""

    def meddle(_method: str, _path: str, status: int, answered: Any) -> Any:
        return body if status >= 400 else answered

    with emulated(BASE_MODEL) as emulator, Meddler(emulator.url, meddle) as server:
        word, seen = _said(_run(server.url, emulator.api_key))[case]
    assert word == DIFFERS
    assert text in seen


def test_other_models_of_the_account_are_not_shown() -> None:
    """Output and report contain nothing about other models and jobs, even if the difference is in them."""

    def meddle(method: str, path: str, _status: int, body: Any) -> Any:
        return [_with(name=1)(each) for each in body] if method == "GET" and path == "/v0/models" else body

    with emulated(BASE_MODEL) as emulator, Meddler(emulator.url, meddle) as server:
        emulator.add_model(
            name="secret-project", base_model="acme/hidden", source="file-9", description="plan B"
        )
        for url in (emulator.url, server.url):
            run = _run(url, emulator.api_key)
            text = markdown(run) + "".join(each.said() for each in run.outcomes)
            assert not [
                word for word in ("secret-project", "acme", "file-9", "plan B", SOURCE) if word in text
            ]
        assert len(emulator.models()) == 1 + len(run.leftovers)


def test_a_lost_answer_leaves_nothing_behind() -> None:
    """A model and a file whose answer is lost are found by their unique names, and deleted."""
    with emulated(BASE_MODEL) as emulator:
        files = emulator.files()
        emulator.add_fault(
            Fault(action="reset", effect="after", method="POST", path="/v0/models", name="contract-*", skip=1)
        )
        emulator.add_fault(Fault(action="reset", effect="after", method="POST", path="/v1/files"))
        run = _run(emulator.url, emulator.api_key)
        assert _said(run)["offered"] == (NOT_REACHED, "no answer to POST (ConnectionError)")
        assert (emulator.models(), emulator.files(), run.leftovers) == ([], files, [])
        assert len(run.made) == 1


def test_a_service_that_breaks_midway_is_cleaned_up() -> None:
    """If every read fails after the create, the model is still deleted, and a deletion that fails is tried again."""
    with emulated(BASE_MODEL) as emulator:
        emulator.add_fault(Fault(method="GET", path="/v0/models/*", status=500, times=None))
        emulator.add_fault(Fault(method="DELETE", path="/v0/models/*", status=503, times=2))
        run = _run(emulator.url, emulator.api_key)
        assert _said(run)["read_fields"][0] == NOT_REACHED
        assert (emulator.models(), run.leftovers, len(run.made)) == ([], [], 1)


def test_what_cannot_be_deleted_is_named() -> None:
    """A model that no try could delete is reported by name, even if only the run's own name for it is known."""
    with emulated(BASE_MODEL) as emulator:
        emulator.add_fault(Fault(method="DELETE", path="/v0/models/*", status=500, times=None))
        run = _run(emulator.url, emulator.api_key)
        [model] = emulator.models()
        assert run.leftovers == [f"the model {model['name']}"]
        emulator.clear_faults()
        emulator.add_fault(
            Fault(action="reset", effect="after", method="POST", path="/v0/models", times=None)
        )
        emulator.add_fault(Fault(method="GET", path="/v0/models", status=500, times=None))
        run = _run(emulator.url, emulator.api_key)
        [told] = run.leftovers
        assert f"called {emulator.models()[-1]['custom_name']}" in told


def test_calls_are_bounded() -> None:
    """A run stops its calls after a certain number, except those that delete."""
    with emulated(BASE_MODEL) as emulator, Caller(emulator.url, emulator.api_key) as caller:
        caller.calls = MAX_CALLS
        with pytest.raises(NotReachedError, match="the run stops after"):
            caller.call("GET", "/v0/models")
        assert caller.call("GET", "/v0/models", cleaning=True).status == 200
        assert len(emulator.requests()) == 1
