from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import requests

from nebius_model_resource.testing.emulator import Settings
from nebius_model_resource.testing.emulator.__main__ import main, parser

from .conftest import BASE, SOURCE

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
        "--api-key k --validation-seconds 0.5 --supported-base a/b --supported-base c/d --short-name-on-create "
        "--rate-limit 9 --no-custom-in-catalogue"
    )
    given = vars(parser().parse_args(options.split()))
    assert {name: value for name, value in given.items() if name in Settings.model_fields} == {
        "api_key": "k",
        "validation_seconds": 0.5,
        "supported_bases": ["a/b", "c/d"],
        "short_name_on_create": True,
        "rate_limit_per_minute": 9,
        "custom_in_catalogue": False,
    }
    assert parser().parse_args(["--refuse-every-base"]).supported_bases == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"models": [{}]}', '{"models": [1]}'])
def test_a_file_of_another_kind_is_refused(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A state file of another kind stops the program with a line that names it."""
    file = tmp_path / "state.json"
    file.write_text(content)
    assert main(["--state-file", str(file)]) == 1
    assert f"{file} is not a state file" in capsys.readouterr().err
    assert file.read_text() == content


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
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(identifier)).wait(60)


@pytest.mark.parametrize(
    ("host", "port"),
    [("nowhere.invalid", 0), ("192.0.2.1", 0), ("a" * 80, 0), ("127.0.0.1", None)],
)
def test_an_address_that_cannot_be_bound_stops_the_program(
    host: str, port: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a host of another machine, or a port that is taken, the program exits with 1 and one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] if port is None else port
        assert main(["--host", host, "--port", str(port)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"the emulator cannot start: cannot listen on host {host!r}, port {port}: ")
