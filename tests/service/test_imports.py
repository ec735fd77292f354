"""Imports during a call, where modules of the user's lie beside the program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import nebius_model_resource

ROOT = Path(nebius_model_resource.__file__).parents[1]
# Modules of the standard library that requests, urllib3 and what they use import.
NAMES = ("secrets", "queue", "calendar", "email", "ssl", "http", "zipfile", "netrc")


def run(folder: Path, program: str) -> object:
    """What a program prints as JSON, run in a folder that comes first in its ``sys.path``, as in the dynamic host."""
    (folder / "program.py").write_text(textwrap.dedent(program))
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "program.py"]
    return json.loads(subprocess.check_output(command, cwd=folder, env=env, timeout=120))


def test_a_call_works_beside_files_with_names_of_the_standard_library(tmp_path: Path) -> None:
    """The first call loads requests, as the host of dynamic providers does it; it gets as far as the connection."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the file of the user')")
    told = run(
        tmp_path,
        """
        import json, sys
        here = sys.path.pop(0)
        from nebius_model_resource._service.client import Client
        from nebius_model_resource._service.settings import Settings
        from nebius_model_resource.errors import NotSent
        loaded = [name for name in ("requests", "urllib3", "queue") if name in sys.modules]
        sys.path.insert(0, here)

        client = Client(Settings("http://127.0.0.1:1", "test"))
        try:
            client.get_model("x", client.deadline(60).once())
        except NotSent as error:
            print(json.dumps([loaded, error.message]))
        """,
    )
    assert told == [[], "no connection to the service: Connection refused"]


def test_only_imports_of_the_thread_within_the_block_ignore_the_folder(tmp_path: Path) -> None:
    """Another thread, and the same one afterwards, find the user's files; libraries of the environment are found."""
    for name in ("wave", "colorsys", "plistlib"):
        (tmp_path / f"{name}.py").write_text("")
    told = run(
        tmp_path,
        """
        import importlib, json, pathlib, threading
        from nebius_model_resource._service.imports import own_libraries

        users = {}

        def look(name):
            file = pathlib.Path(importlib.import_module(name).__file__)
            users[name] = file.parent == pathlib.Path.cwd()

        with own_libraries():
            look("wave")
            look("requests.adapters")
            thread = threading.Thread(target=look, args=("colorsys",))
            thread.start()
            thread.join()
        look("plistlib")
        print(json.dumps(users))
        """,
    )
    assert told == {"wave": False, "requests.adapters": False, "colorsys": True, "plistlib": True}
