"""`scripts/contract`: what it prints and writes, what it refuses, and that it cleans up when it is ended."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nebius_model_resource.testing.emulator import Fault
from tests.contract.cases import CASES
from tests.contract.emulated import emulated
from tests.contract.runner import BASE_MODEL, main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nebius_model_resource.testing.emulator import Emulator

ROOT = Path(__file__).resolve().parents[2]
KEY = "v1.a-key-that-nobody-may-see"
SOURCE = "ftjob-0123456789:ftckpt_0123456789"
PROJECT = "aiproject-e00private"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Emulator]:
    """A service to run live against, with the environment that a user has."""
    monkeypatch.chdir(tmp_path)
    with emulated(BASE_MODEL, api_key=KEY) as emulator:
        monkeypatch.setenv("NEBIUS_API_KEY", KEY)
        monkeypatch.setenv("NEBIUS_BASE_URL", emulator.url + "/v1/")
        monkeypatch.setenv("NEBIUS_AI_PROJECT_ID", PROJECT)
        yield emulator


@pytest.mark.slow
def test_it_runs_on_the_emulator_and_agrees() -> None:
    """Without --live every shape agrees, the exit code is 0, and no report is written."""
    before = set(ROOT.glob("contract-report-*"))
    done = subprocess.run(
        [sys.executable, "scripts/contract"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(" agrees") == len(CASES) + 1
    assert f"{len(CASES)} agrees, 0 differs, 0 not reached" in done.stdout
    assert set(ROOT.glob("contract-report-*")) == before


def test_a_live_run_writes_a_report_without_anything_private(
    service: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A live run creates and deletes one model in the project, and its report has the name and nothing private."""
    service.add_fault(Fault(action="echo_key", path="/v1/models", times=1))
    service.add_fault(Fault(body={"detail": f"{SOURCE} is bad"}, status=404, path="/v1/chat/*", times=1))
    assert main(["--live", "--source", SOURCE, "--wait", "20"]) == 1
    [path] = tmp_path.iterdir()
    assert re.fullmatch(r"contract-report-\d{4}-\d\d-\d\d\.md", path.name)
    out, report = capsys.readouterr().out, path.read_text()
    creates = service.requests("POST", "/v0/models")
    assert {each.query.get("ai_project_id") for each in creates} == {PROJECT}
    assert [each.status for each in creates].count(200) == 1
    assert service.models() == []
    for text in (out, report):
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
    """If the service refuses the key, no case differs; the run says so, leaves nothing, and exits with 1."""
    monkeypatch.setenv("NEBIUS_API_KEY", "v1.another-key-altogether")
    assert main(["--live", "--source", SOURCE]) == 1
    out = capsys.readouterr().out
    assert "the key is refused: 401" in out
    assert "2 agrees, 0 differs" in out
    assert "not deleted" not in out
    assert service.models() == []


def test_a_service_that_is_not_there_is_an_error(
    service: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """If nothing answers, no case agrees, and the exit code is 1."""
    service.stop()
    assert main(["--live", "--source", SOURCE]) == 1
    assert f"0 agrees, 0 differs, {len(CASES)} not reached" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("NEBIUS_API_KEY", "", "--live needs a key"),
        ("NEBIUS_API_KEY", "two words", "--live needs a key"),
        ("NEBIUS_BASE_URL", "http://example.com", "must begin with https://"),
        ("NEBIUS_BASE_URL", "https://bob:s3cret@example.com", "must be an address such as"),
        ("NEBIUS_BASE_URL", "https://[oops", "must be an address such as"),
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
    """Without a usable key or address the run sends no call, writes no report and shows no secret."""
    monkeypatch.setenv(variable, value)
    assert main(["--live"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert told in line
    assert "s3cret" not in line
    assert (service.requests(), list(Path.cwd().iterdir())) == ([], [])


def test_a_report_that_cannot_be_written_is_refused_first(
    service: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """A report that cannot be written is an error before the first call."""
    assert main(["--live", "--report", "nowhere/report.md"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line == "contract: cannot write the report 'nowhere/report.md': No such file or directory"
    assert service.requests() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_deletes_what_it_created(
    service: Emulator, tmp_path: Path, number: signal.Signals
) -> None:
    """If the run is ended while its model validates, it deletes the model, reports what it saw, and exits with 130."""
    service.settings.validation_seconds = 600
    command = "import sys; from tests.contract.runner import main; sys.exit(main())"
    arguments = ["--live", "--source", SOURCE, "--report", str(tmp_path / "report.md")]
    with subprocess.Popen(
        [sys.executable, "-c", command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not service.requests("GET", "/v0/models/*contract-*") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(service.models()) == 1
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; deleting what was made" in out
    assert service.models() == []
    report = (tmp_path / "report.md").read_text()
    assert "; interrupted" in report
    assert "not reached: interrupted" in report
