"""The schema as Pulumi's CLI sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nebius_model_resource._plugin.servicer import schema
from tests.support.native import Native
from tests.support.stacks import has_cli, run_pulumi

pytestmark = [
    pytest.mark.cli,
    pytest.mark.slow,
    pytest.mark.xdist_group("plugin"),
    pytest.mark.skipif(not has_cli(), reason="no Pulumi CLI on PATH"),
]


def test_the_cli_takes_the_schema(plugin: Native, tmp_path: Path) -> None:
    """It reads from the plugin what is committed, and its check accepts that."""
    environ = plugin.environment(tmp_path)
    executable = str(plugin.folder / "pulumi-resource-nebius-models")
    got = run_pulumi(tmp_path, environ, "package", "get-schema", executable)
    assert got.returncode == 0, got.stdout + got.stderr
    assert json.loads(got.stdout) == json.loads(schema())
    file = tmp_path / "schema.json"
    file.write_text(got.stdout)
    checked = run_pulumi(tmp_path, environ, "schema", "check", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr
