"""The wheel's contents and its entry points."""

from __future__ import annotations

import subprocess
import sys
from configparser import ConfigParser
from importlib.metadata import EntryPoint
from pathlib import Path
from zipfile import ZipFile

import pytest

import nebius_model_resource
from nebius_model_resource._cli.main import main
from nebius_model_resource.testing import pytest_plugin

ROOT = Path(__file__).resolve().parents[2]
INFO = f"nebius_model_resource-{nebius_model_resource.__version__}.dist-info"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """The wheel, built from the working tree without a network."""
    folder = tmp_path_factory.mktemp("dist")
    code = f"import hatchling.build; print(hatchling.build.build_wheel({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return ZipFile(folder / done.stdout.split()[-1])


def entry_points(wheel: ZipFile) -> dict[str, dict[str, str]]:
    parser = ConfigParser()
    parser.read_string(wheel.read(f"{INFO}/entry_points.txt").decode())
    return {section: dict(parser[section]) for section in parser.sections()}


def test_the_wheel_holds_the_package_and_nothing_else(wheel: ZipFile) -> None:
    """It has every module, py.typed, schema, templates and the license, and no test, script, doc or example."""
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "nebius_model_resource").glob("**/*.py")}
    info = {
        f"{INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    }
    names = ("py.typed", "_plugin/schema.json", "testing/emulator/templates.json")
    data = {f"nebius_model_resource/{name}" for name in names}
    assert set(wheel.namelist()) == modules | data | info


def test_the_entry_points_lead_somewhere(wheel: ZipFile) -> None:
    """The command `nebius-models` and the pytest plugin are there and can be loaded."""
    points = entry_points(wheel)
    assert {section: set(names) for section, names in points.items()} == {
        "console_scripts": {"nebius-models"},
        "pytest11": {"nebius_model_resource"},
    }
    loaded = [EntryPoint(name, points[each][name], each).load() for each in points for name in points[each]]
    assert loaded == [main, pytest_plugin]


def test_the_metadata_says_what_is_needed(wheel: ZipFile) -> None:
    """Python 3.10 and the extra `testing` are named, and README is the description."""
    metadata = wheel.read(f"{INFO}/METADATA").decode()
    assert "Requires-Python: >=3.10\n" in metadata
    assert "Provides-Extra: testing\n" in metadata
    assert (ROOT / "README.md").read_text().strip() in metadata
