"""The benchmark's machinery on two models; its figures do not matter here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import share

ROOT = Path(__file__).resolve().parents[2]


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py")]
    options = ["--models", "2", "--validation", "0", "--turns", "1"]
    return subprocess.run([*command, *options, *words], capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine",
    [
        "own",
        pytest.param(
            "cli",
            marks=[
                pytest.mark.cli,
                pytest.mark.skipif(shutil.which("pulumi") is None, reason="no Pulumi CLI on PATH"),
            ],
        ),
    ],
)
def test_a_run_writes_a_row_for_each_operation_and_provider(tmp_path: Path, engine: str) -> None:
    """Table, JSON and picture hold every operation of every contender, on both engines."""
    pytest.importorskip("matplotlib")
    done = _run("--engine", engine, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert {(row["operation"], row["contender"]) for row in rows} == {
        (operation, contender)
        for operation in ("up", "preview", "refresh", "destroy")
        for contender in ("ours", "naive", "bare", "floor")
    }
    calls = {(row["operation"], row["contender"]): row["calls"] for row in rows}
    assert calls["up", "naive"] == calls["up", "bare"] == calls["up", "floor"] == {"POST": 2}
    assert calls["up", "ours"] == {"POST": 2, "LIST": 1}  # the list is read once before the first POST
    assert calls["refresh", "ours"] == {"LIST": 1}
    assert calls["refresh", "bare"] == {"GET": 2}
    assert calls["destroy", "ours"] == calls["destroy", "bare"] == {"DELETE": 2}
    table = (tmp_path / "results.md").read_text()
    assert all(f"| {row['operation']:<9} | {row['contender']:<8} |" in table for row in rows)
    assert (tmp_path / "results.png").stat().st_size > 10_000


@pytest.mark.slow
def test_the_share_is_measured_for_each_kind_of_work() -> None:
    """There is a figure for host and program with each provider, and a difference with its sign and error."""
    found = share.measure(rounds=2)
    assert [each.work for each in found] == [
        "host, up",
        "host, preview",
        "host, refresh",
        "host, destroy",
        "program, up or preview",
        "program, memory",
    ]
    memory = found[-1]
    assert "bytes a model" in memory.text()
    assert max(memory.ours) < 1.02 * min(memory.bare)  # the SDK stores the resources, not this package
    for each in found:
        assert len(each.ours) == len(each.bare) == 2
        assert min(*each.ours, *each.bare) > 0
        assert re.search(r"difference +[+-]\d+ \+- \d+ (microseconds|bytes) a model", each.text())


@pytest.mark.slow
def test_a_run_replaces_what_it_measures_alone(tmp_path: Path) -> None:
    """`--add` keeps the rows of other runs, and only the marked part of a README is replaced."""
    readme = tmp_path / "README.md"
    readme.write_text("above\n<!-- result -->\nold\n<!-- end of result -->\nbelow\n")
    for models in ("2", "3", "2"):
        done = _run("--only", "floor", "--engine", "own", "--out", str(tmp_path), "--add", "--models", models)
        assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert [row["models"] for row in rows] == [2] * 4 + [3] * 4
    text = readme.read_text()
    assert text.startswith("above\n<!-- result -->\n- date: ")
    assert text.endswith("<!-- end of result -->\nbelow\n")
    assert "old\n" not in text


def test_an_unknown_contender_is_refused_before_anything_runs() -> None:
    """A typing error does not cost an hour of measuring."""
    done = _run("--only", "ours,nobody")
    assert done.returncode == 2
    assert "nobody" in done.stderr
