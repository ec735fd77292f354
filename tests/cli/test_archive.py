from __future__ import annotations

import json
from pathlib import Path

import pytest

from nebius_model_resource._cli.archive import run
from nebius_model_resource._cli.main import main
from tests.support.adapters import CONFIG, files, write_folder


def test_an_adapter_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A good folder exits with 0 and shows rank, base, tensors, size and hash; warnings go to standard error."""
    config = json.dumps({**CONFIG, "r": 4, "base_model_name_or_path": "a\x1b[2J/b"}).encode()
    folder = write_folder(tmp_path / "a", {**files(), "adapter_config.json": config})
    assert run(str(folder)) == 0
    shown = capsys.readouterr()
    told = dict(line.split(":", 1) for line in shown.out.splitlines())
    assert told["rank"].strip() == "4 (alpha 32)"
    assert told["base model"].strip() == "a [2J/b"
    assert told["tensors"].strip() == "2 (BF16)"
    assert len(told["sha256"].strip()) == 64
    assert "warning: the rank (r) is 4" in shown.err


def test_what_cannot_be_uploaded_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a folder that is not an adapter the command exits with 1 and one line on standard error, and nothing else."""
    assert run(str(tmp_path)) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert "lacks adapter_config.json" in shown.err


def test_the_command_needs_no_key_and_shows_no_option_of_the_service(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`nebius-models archive` runs without a key and with a base URL that cannot work; its help names neither."""
    monkeypatch.delenv("NEBIUS_API_KEY", raising=False)
    monkeypatch.setenv("NEBIUS_BASE_URL", "ftp://nowhere")
    assert main(["archive", str(write_folder(tmp_path / "a", files()))]) == 0
    assert main(["archive", str(tmp_path / "none")]) == 1
    shown = capsys.readouterr()
    assert "rank:" in shown.out
    assert shown.err.splitlines()[-1].startswith("nebius-models: ")
    with pytest.raises(SystemExit) as ended:
        main(["archive", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "nebius-models archive ./adapter" in text
    assert "--base-url" not in text
    assert "--ai-project-id" not in text
