"""The benchmark of uploads with one megabyte; only its machinery is tested here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(shutil.which("curl") is None, reason="compares with curl")
def test_an_upload_is_measured_beside_curl(tmp_path: Path) -> None:
    """One size and one turn give a row with every figure, and a picture."""
    command = [sys.executable, str(ROOT / "benchmarks" / "upload.py")]
    options = ["--megabytes", "1", "--turns", "1", "--out", str(tmp_path)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=120)
    assert "| 1  |" in done.stdout, done.stderr
    [row] = json.loads((tmp_path / "upload.json").read_text())["uploads"]
    assert row["size"] == 1_000_000
    assert all(row[name] > 0 for name in ("curl", "ours", "hashing", "memory"))
    assert (tmp_path / "upload.png").stat().st_size > 5_000
