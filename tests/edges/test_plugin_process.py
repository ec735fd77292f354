"""Tests that need a process of the plugin: how it ends, and that the schema is up to date."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from nebius_model_resource.testing.emulator import Emulator
from tests.support.plugin import PluginProcess

ROOT = Path(__file__).resolve().parents[2]
BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"


def configuration(emulator: Emulator) -> dict[str, str]:
    """The stack's configuration, by full keys."""
    return {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}


def test_the_schema_is_that_of_the_package() -> None:
    """schema.json has the descriptions and types of the classes: `scripts/schema` would write the same."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "schema", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def ended(process: subprocess.Popen[str], seconds: float = 60) -> bool:
    """Whether a process ends by itself."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def test_the_process_ends_with_its_engine(emulator: Emulator) -> None:
    """A killed engine cannot stop its plugins: the idle plugin ends by itself."""
    with PluginProcess(configuration(emulator)) as running:
        running.engine.stop()
        assert ended(running.process)
        assert (running.process.returncode, running.output) == (0, "")


def test_a_model_in_flight_is_deleted_when_the_engine_is_gone(emulator: Emulator) -> None:
    """No engine can record the model: it is deleted, and then the process ends."""
    emulator.settings.update(validation_seconds=600)
    with PluginProcess(configuration(emulator)) as running:
        _call = running.create_later({"name": "bot", "base_model": BASE, "source": "file-1"}, timeout=500)
        while not emulator.models():
            time.sleep(0.01)
        running.channel.close()
        running.engine.stop()
        assert ended(running.process)
    assert emulator.models() == []


def test_the_process_waits_for_an_engine_without_its_address() -> None:
    """Started by hand, for a debugger, it prints its port and serves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nebius_model_resource._edges.plugin"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip().isdigit()
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
