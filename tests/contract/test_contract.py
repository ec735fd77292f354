"""`scripts/contract`: every shape holds on the emulator; what the run notices, prints and writes; what it leaves."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nebius_model_resource.testing.emulator import Emulator, Fault
from nebius_model_resource.testing.emulator.core import ROUTES
from tests.contract import runner
from tests.contract.caller import MAX_CALLS, Caller, NotReachedError
from tests.contract.cases import CASES, Cases
from tests.support.hostile import Meddler
from tests.support.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]
KEY = "v1.a-key-that-nobody-may-see"
SOURCE = "ftjob-0123456789:ftckpt_0123456789"
HUB = "huggingface.co/somebody/private-lora"
PROJECT = "aiproject-e00private"
BASE_MODEL, FAST = runner.BASE_MODEL, "Qwen/Qwen3-4B-fast"
SPEND = json.loads(runner.ENDPOINT)
SWITCHES = ("short_name_on_create", "hidden_missing", "first_read_without_status", "endpoint_by_id")
SWITCHED = dict.fromkeys((*SWITCHES, "wrap_updated_endpoint", "empty_endpoint_delete"), True)


def _run(url: str, key: str, source: str | None = HUB, base_model: str = BASE_MODEL) -> runner.Run:
    visit = Cases(Caller(url, key), base_model, source, wait=20.0, pause=0.05, spend=SPEND)
    return runner.check(visit, "a test", runner.Mask(key, source=source))


def _said(run: runner.Run) -> dict[str, str]:
    return {each.case: each.said() for each in run.outcomes}


@pytest.mark.parametrize(
    ("base", "settings", "seen"),
    [
        (BASE_MODEL, {}, {"3_name_form": "full", "9_endpoint_by_id": "answered 405"}),
        (FAST, {"missing_reads": 1}, {"3_name_form": "full", "4_first_read": "not yet: answered 404"}),
        (FAST, {"infix_on_fast": "drop"}, {"3_name_form": "full, without -fast as documented"}),
        (FAST, {}, {"9_update_endpoint": "bare", "9_delete_endpoint": "answered 200, then 404"}),
        (
            BASE_MODEL,
            {"missing_lists": 1, "after_delete": "deleted", "custom_in_catalogue": False, **SWITCHED},
            {
                "3_name_form": "short",
                "4_first_read": "without a status",
                "4_read_after_delete": "still there, as deleted",
                "4_list_after_delete": "as deleted",
                "8_catalogue": "it has not",
                "9_endpoint_by_id": "answered 200",
                "9_update_endpoint": "wrapped",
                "9_delete_endpoint": "answered 204, then 403",
            },
        ),
    ],
)
def test_every_shape_holds_on_the_emulator(base: str, settings: dict[str, Any], seen: dict[str, str]) -> None:
    """All cases agree with each variant of the documents, say which one they saw, and leave nothing behind."""
    with runner.emulated(base, **settings) as emulator:
        run = _run(emulator.url, emulator.api_key, base_model=base)
        assert [each.said() for each in run.outcomes if each.word != runner.AGREES] == []
        said = _said(run)
        for case, text in seen.items():
            assert said[f"section_{case}"] == f"agrees: {text}"
        assert not any((emulator.models(), emulator.files(), emulator.endpoints(), run.leftovers()))


def test_every_route_of_the_emulator_has_a_case() -> None:
    """A run calls every route that the emulator has for the service, with success."""
    with runner.emulated(endpoint_by_id=True) as emulator:
        _run(emulator.url, emulator.api_key)
        called = {(each.method, each.path) for each in emulator.requests() if each.status in {200, 201}}
    patterns = [(method, path) for method, path, _ in ROUTES if not path.pattern.startswith("/_emulator")]
    # As in the emulator, a call belongs to the first route that matches.
    reached = {
        next(route for route in patterns if route[0] == method and route[1].fullmatch(path))
        for method, path in called
    }
    assert set(patterns) - reached == set()


@pytest.mark.parametrize(
    ("settings", "source", "offered", "reason"),
    [
        ({"supported_bases": []}, HUB, "agrees: refuses: Base model", "and create answered 400"),
        ({}, None, "not reached: needs a model", "and no --source was given"),
    ],
)
def test_without_a_model_all_that_needs_none_is_checked(
    settings: dict[str, Any], source: str | None, offered: str, reason: str
) -> None:
    """If every base is refused, as in 2026, or without a source, nothing differs and nothing is made."""
    with runner.emulated(**settings) as emulator:
        run = _run(emulator.url, emulator.api_key, source)
        assert emulator.models() == []
    said = _said(run)
    assert said["section_0_offered"].startswith(offered)
    texts = [each.text for each in run.outcomes if each.word == runner.NOT_REACHED]
    assert all(f"needs a model, {reason}" in text for text in texts)
    assert (run.counts()[runner.DIFFERS], run.visit.models()) == (0, [])
    assert said["section_8_chat_unknown"] == said["section_7_list_jobs"] == "agrees"


def test_changed_shapes_differ_and_nothing_private_is_shown() -> None:
    """Each changed shape makes its case differ in words that name the change, but not what others have."""
    changes: dict[tuple[str, str], dict[str, Any]] = {
        ("GET", "/v0/models"): {"tags": None},
        ("POST", "/v0/models"): {"id": "model-1", "created_at": "now", "source": "other"},
        ("POST", "/v1/chat/completions"): {"model": "base", "choices": [{"index": 0, "finish_reason": ""}]},
        ("POST", "/v0/models/upload"): {"bytes": "many"},
    }

    def meddle(method: str, path: str, status: int, body: Any) -> Any:
        if status == 401:
            return {"detail": "who are you"}
        change = changes.get((method, path.partition("?")[0]), {})
        return [{**each, **change} for each in body] if isinstance(body, list) else {**body, **change}

    with runner.emulated() as emulator, Meddler(emulator.url, meddle) as server:
        emulator.add_model(name="secret-project", base_model="acme/base", source="file-9")
        run = _run(server.url, emulator.api_key)
        assert (len(emulator.models()), emulator.files()) == (1, [])
    changed = {text.partition(", not ")[0] for text in _said(run).values() if text.startswith(runner.DIFFERS)}
    assert changed >= {
        "differs: 'tags' is null",
        "differs: 'source' is not the one that was sent, 'created_at' is a string, the answer has a field 'id'",
        "differs: an item of 'choices' has no field 'message', 'model' is 'base'",
        "differs: 'bytes' is a string",
        "differs: 'detail' is 'who are you'",
    }
    assert not [word for word in ("secret-project", "acme", "file-9", HUB) if word in runner.markdown(run)]


def test_a_lost_answer_leaves_nothing_behind() -> None:
    """A model and files whose answers are lost are found by their unique names, and deleted."""
    with runner.emulated() as emulator:
        lost: dict[str, Any] = {"action": "reset", "effect": "after", "method": "POST"}
        emulator.add_fault(Fault(path="/v0/models", name="contract-*", skip=1, **lost))
        emulator.add_fault(Fault(path="/v1/files", **lost))
        emulator.add_fault(Fault(path="/v0/models/upload", **lost))
        emulator.add_fault(Fault(path="/v0/dedicated_endpoints", **lost))
        run = _run(emulator.url, emulator.api_key)
        assert _said(run)["section_0_offered"] == "not reached: no answer to POST (ConnectionError)"
        assert not any((emulator.models(), emulator.files(), emulator.endpoints(), run.leftovers()))
        assert len(run.visit.models()) == 1


def test_what_cannot_be_deleted_is_named() -> None:
    """A deletion that fails is tried again; what no try could delete is named at the end."""
    with runner.emulated() as emulator:
        emulator.add_fault(Fault(method="GET", path="/v0/models/*", status=500, times=None))
        emulator.add_fault(Fault(method="DELETE", path="/v0/models/*", status=503, times=2))
        run = _run(emulator.url, emulator.api_key)
        assert (emulator.models(), run.leftovers(), len(run.visit.models())) == ([], [], 1)
        emulator.clear_faults()
        emulator.add_fault(Fault(method="DELETE", path="/v0/models/*", status=500, times=None))
        run = _run(emulator.url, emulator.api_key)
        assert run.leftovers() == [f"the model {emulator.models()[0]['name']}"]
        emulator.clear_faults()
        lost = Fault(action="reset", effect="after", method="POST", path="/v0/models", times=None)
        emulator.add_fault(lost)
        emulator.add_fault(Fault(method="GET", path="/v0/models", status=500, times=None))
        [told] = _run(emulator.url, emulator.api_key).leftovers()
        assert f"called {emulator.models()[-1]['custom_name']}" in told


def test_calls_are_bounded() -> None:
    """A run stops its calls after a certain number, except those that delete."""
    with runner.emulated() as emulator:
        caller = Caller(emulator.url, emulator.api_key)
        caller.calls = MAX_CALLS
        with pytest.raises(NotReachedError, match="the run stops after"):
            caller.call("GET", "/v0/models")
        assert caller.call("GET", "/v0/models", cleaning=True).status == 200
        assert len(emulator.requests()) == 1


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Emulator]:
    """A service to run live against, with the environment that a user has."""
    monkeypatch.chdir(tmp_path)
    with runner.emulated(api_key=KEY) as emulator:
        monkeypatch.setenv("NEBIUS_API_KEY", KEY)
        monkeypatch.setenv("NEBIUS_BASE_URL", emulator.url + "/v1/")
        monkeypatch.setenv("NEBIUS_AI_PROJECT_ID", PROJECT)
        yield emulator


def test_a_live_run_writes_a_report_without_anything_private(
    service: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A live run creates and deletes one model in the project, and its report has the name and nothing private."""
    service.add_fault(Fault(action="echo_key", path="/v1/models", times=1))
    service.add_fault(Fault(body={"detail": f"{SOURCE} is bad"}, status=404, path="/v1/chat/*", times=1))
    assert runner.main(["--live", "--source", SOURCE, "--wait", "20"]) == 1
    [path] = tmp_path.iterdir()
    assert re.fullmatch(r"contract-report-\d{4}-\d\d-\d\d\.md", path.name)
    creates = service.requests("POST", "/v0/models")
    assert {each.query.get("ai_project_id") for each in creates} == {PROJECT}
    assert [each.status for each in creates].count(200) == 1
    assert (service.models(), service.requests("POST", "/v0/dedicated_endpoints")) == ([], [])
    report = path.read_text()
    for text in (capsys.readouterr().out, report):
        assert "[api key]" in text
        assert "[source]" in text
        private = (KEY, PROJECT, SOURCE, "ftjob-0123456789", "ftckpt_0123456789")
        assert not [word for word in private if word in text]
    assert re.search(rf"Models made: `{BASE_MODEL}-LoRa:contract-[0-9a-f]{{8}}-[A-Za-z]{{4}}`", report)
    assert report.count("\n| ") == len(CASES) + 1
    assert service.url.removeprefix("http://") in report


def test_a_key_that_is_refused_reaches_nothing(
    service: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the service refuses the key, or nothing answers, no case differs and the exit code is 1."""
    monkeypatch.setenv("NEBIUS_API_KEY", "v1.another-key-altogether")
    assert runner.main(["--live", "--source", SOURCE]) == 1
    out = capsys.readouterr().out
    assert "the service refuses the key or is busy: 401" in out
    assert "2 agrees, 0 differs" in out
    assert "not deleted" not in out
    service.stop()
    assert runner.main(["--live", "--source", SOURCE]) == 1
    assert f"0 agrees, 0 differs, {len(CASES)} not reached" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("NEBIUS_API_KEY", "", "no Nebius API key"),
        ("NEBIUS_API_KEY", "two words", "has spaces"),
        ("NEBIUS_BASE_URL", "http://example.com", "would send the key unencrypted"),
        ("NEBIUS_BASE_URL", "https://bob:s3cret@example.com", "has a user or password in it"),
        ("REPORT", "nowhere/report.md", "No such file or directory: 'nowhere/report.md'"),
    ],
)
def test_a_run_that_cannot_begin_is_refused_in_one_line(
    service: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    told: str,
) -> None:
    """Without a usable key, address or report the run sends no call, writes no report and shows no secret."""
    monkeypatch.setenv(variable, value)
    assert runner.main(["--live", "--report", value] if variable == "REPORT" else ["--live"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert told in line
    assert "s3cret" not in line
    assert (service.requests(), list(Path.cwd().iterdir())) == ([], [])


@pytest.mark.slow
def test_the_script_runs_on_the_emulator_and_agrees() -> None:
    """Without --live every shape agrees, the exit code is 0, and no report is written."""
    before = set(ROOT.glob("contract-report-*"))
    command = [sys.executable, "scripts/contract"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(CASES)} agrees, 0 differs, 0 not reached" in done.stdout
    assert set(ROOT.glob("contract-report-*")) == before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_deletes_what_it_created(
    service: Emulator, tmp_path: Path, number: signal.Signals
) -> None:
    """If the run is ended while its model validates, it deletes the model, reports what it saw, and exits with 130."""
    service.settings.validation_seconds = 600
    # While it reads: up to Python 3.12 an interrupt in the clean-up of an answer is lost without a word.
    service.add_fault(Fault(method="GET", path="/v0/models/*contract-*", action="delay", seconds=5))
    report = tmp_path / "report.md"
    command = [sys.executable, "scripts/contract", "--live", "--source", SOURCE, "--report", str(report)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        wait_until(lambda: service.requests("GET", "/v0/models/*contract-*"), "it waits for its model")
        assert len(service.models()) == 1
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; deleting what was made" in out
    assert service.models() == []
    assert "not reached: interrupted" in report.read_text()
