from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests

from nebius_model_resource._cli.main import main as nebius_models
from nebius_model_resource.testing.emulator import Emulator
from nebius_model_resource.testing.emulator.__main__ import main, parser

from .conftest import BASE, SOURCE, Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "nebius_model_resource.testing.emulator"]
KEY = {"Authorization": "Bearer emulator-key"}
MODEL = {"name": "x", "base_model": BASE, "source": SOURCE}


@contextmanager
def _running(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


def _url(line: str) -> str:
    found = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", line)
    assert found is not None, line
    return found[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_line_then_calls_then_a_clean_end(number: signal.Signals) -> None:
    """The program prints one line, serves, logs nothing, and exits with 0 on a signal."""
    with _running() as (process, line):
        assert requests.get(f"{_url(line)}/v0/models", headers=KEY, timeout=60).json() == []
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


def test_options_reach_the_settings() -> None:
    """Each option of the command line sets its setting."""
    options = (
        "--api-key k --validation-seconds 0.5 --validating-reads 2 --supported-base a/b --supported-base c/d "
        "--short-name-on-create --first-read-without-status --missing-reads 3 --hidden-missing --rate-limit 9 "
        "--check-sources --job-seconds 7"
    )
    with _running(*options.split()) as (_, line):
        settings = requests.get(f"{_url(line)}/_emulator/settings", timeout=60).json()
    expected = {
        "api_key": "k",
        "validation_seconds": 0.5,
        "validating_reads": 2,
        "supported_bases": ["a/b", "c/d"],
        "short_name_on_create": True,
        "first_read_without_status": True,
        "missing_reads": 3,
        "hidden_missing": True,
        "rate_limit_per_minute": 9,
        "check_sources": True,
        "job_seconds": 7.0,
    }
    assert {name: settings[name] for name in expected} == expected


def test_every_base_can_be_refused_and_calls_logged() -> None:
    """With --refuse-every-base a create is 400, and --log prints each call on one line without the key."""
    with _running("--refuse-every-base", "--log") as (process, line):
        answer = requests.post(f"{_url(line)}/v0/models", headers=KEY, json=MODEL, timeout=60)
        assert answer.status_code == 400
        process.terminate()
        assert process.communicate(timeout=60) == ("", "POST /v0/models 400\n")


def test_models_outlive_a_restart(tmp_path: Path) -> None:
    """With a state file the next run knows the models of the last run, even if that was killed."""
    file = tmp_path / "below" / "state.json"
    with _running("--state-file", str(file)) as (process, line):
        name = requests.post(f"{_url(line)}/v0/models", headers=KEY, json=MODEL, timeout=60).json()["name"]
        process.kill()
    with _running("--state-file", str(file)) as (_, line):
        url = f"{_url(line)}/v0/models/{name}"
        assert requests.get(url, headers=KEY, timeout=60).json()["name"] == name
        assert requests.delete(url, headers=KEY, timeout=60).status_code == 200
    with _running("--state-file", str(file)) as (_, line):
        assert requests.get(f"{_url(line)}/v0/models", headers=KEY, timeout=60).json() == []


def test_a_seed_makes_no_name_twice_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    """Names of an earlier run are not used again, even with the same seed."""
    names: list[str] = []
    for _ in range(2):
        emulator = Emulator(clock=clock, seed=1, state_file=tmp_path / "state.json")
        names += [emulator.add_model(name="x", base_model=BASE, source=SOURCE) for _ in range(3)]
    assert len(set(names)) == 6
    assert [model["name"] for model in emulator.models()] == names


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"models": [{}]}', '{"models": [1]}'])
def test_a_file_of_another_kind_is_refused(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A state file of another kind stops the program with a line that names it."""
    file = tmp_path / "state.json"
    file.write_text(content)
    with _handlers_kept():
        assert main(["--state-file", str(file)]) == 1
    assert f"{file} is not a state file" in capsys.readouterr().err
    assert file.read_text() == content


def test_a_port_in_use_stops_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    """If the port is taken, the program exits with 1 and a line that says so."""
    with socket.create_server(("127.0.0.1", 0)) as taken, _handlers_kept():
        assert main(["--port", str(taken.getsockname()[1])]) == 1
    assert "in use" in capsys.readouterr().err


def test_the_program_ends_with_its_parent() -> None:
    """With --exit-with-parent the program ends soon after the process that started it."""
    starter = (
        "import subprocess, sys; "
        f"p = subprocess.Popen({[*COMMAND, '--exit-with-parent']!r}, stdout=subprocess.PIPE, text=True); "
        "print(p.pid, p.stdout.readline(), flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", starter], capture_output=True, text=True, timeout=60, check=True
    )
    identifier, _, line = done.stdout.partition(" ")
    assert line.startswith("listening on ")
    deadline = time.monotonic() + 60
    while _is_alive(int(identifier)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_alive(int(identifier))


def test_an_emulator_not_started_has_no_address() -> None:
    """Reading the address of an emulator that was never started is an error."""
    with pytest.raises(RuntimeError, match="never started"):
        _ = Emulator().url


def test_a_state_file_is_plain_json(tmp_path: Path) -> None:
    """The state file is readable JSON, and no temporary file is left behind."""
    file = tmp_path / "state.json"
    name = Emulator(state_file=file).add_model(name="x", base_model=BASE, source=SOURCE)
    assert [model["name"] for model in json.loads(file.read_text())["models"]] == [name]
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("host", ["::1", "[::1]", "localhost", "127.0.0.1"])
def test_an_emulator_listens_on_any_loopback(host: str) -> None:
    """IPv6 addresses and names work as hosts, and the URL has brackets if it needs them."""
    with Emulator(host=host) as emulator:
        assert ("[::1]" in emulator.url) == (":" in host)
        assert requests.get(f"{emulator.url}/v0/models", headers=KEY, timeout=60).json() == []


def test_the_command_reaches_an_emulator_on_ipv6(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The package's own client accepts the URL of an emulator that listens on IPv6."""
    with Emulator(host="::1") as emulator:
        emulator.add_model(name="bot", base_model=BASE, source=SOURCE)
        monkeypatch.setenv("NEBIUS_API_KEY", emulator.api_key)
        monkeypatch.setenv("NEBIUS_BASE_URL", emulator.url)
        assert nebius_models(["list"]) == 0
    assert "-LoRa:bot-" in capsys.readouterr().out


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1", "a" * 80, ""])
def test_a_host_that_cannot_be_bound_stops_the_program(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With a host that is unknown or of another machine, the program exits with 1 and one line that names it."""
    with _handlers_kept():
        assert main(["--host", host]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"the emulator cannot start: cannot listen on host {host!r}, port 0: ")


def test_a_port_out_of_range_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The command line refuses a port that cannot exist."""
    with pytest.raises(SystemExit):
        main(["--port", "65536"])
    assert "65536 is no port; ports are 0 to 65535" in capsys.readouterr().err


def test_every_option_has_a_text() -> None:
    """--help says what each option is for."""
    assert [action.dest for action in parser()._actions if not action.help] == []


def _is_alive(identifier: int) -> bool:
    try:
        os.kill(identifier, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def _handlers_kept() -> Iterator[None]:
    assert threading.current_thread() is threading.main_thread()
    kept: dict[signal.Signals, Any] = {
        each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)
    }
    yield
    for each, handler in kept.items():
        signal.signal(each, handler)
