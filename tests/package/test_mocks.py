"""Programs under `pulumi.runtime.set_mocks`, as users test their own code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import Any

import pytest

HEAD = """
import json
import pulumi
from nebius_model_resource import CustomModel

given = []

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        inputs = {name: value for name, value in args.inputs.items() if name != "__provider"}
        given.append([args.typ, inputs])
        return args.name, {**inputs, "generated_name": args.name}

    def call(self, args):
        return {}

def declare(kind=CustomModel, **arguments):
    pulumi.runtime.set_mocks(Mocks(), preview=False)

    @pulumi.runtime.test
    def test():
        kind("bot", **{"base_model": "a/b", "source": "file-1", **arguments})

    test()
"""
# Pulumi leaves its event loop open, and the interpreter may print an error as it collects it at its end.
TAIL = "\nimport os\nprint(json.dumps(given), flush=True)\nos._exit(0)\n"
TYPE = "pulumi-python:dynamic/nebius:CustomModel"
PLAIN = {"name": "bot", "base_model": "a/b", "source": "file-1", "wait_for_active": True}


def run(program: str) -> list[list[Any]]:
    """The type and inputs of each resource; in a process of its own, because mocks apply to a complete process."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NEBIUS_", "PULUMI_"))}
    done = subprocess.run(
        [sys.executable, "-c", HEAD + program + TAIL], env=clean, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    given: list[list[Any]] = json.loads(done.stdout)
    return given


def test_many_tests_in_one_process_get_no_warning_and_just_their_inputs() -> None:
    """A plain key in a test causes no warning, and every input is what the test gave."""
    given = run("""
pulumi.runtime.set_all_config({"nebius-models:apiKey": "k"})
declare()
declare()
declare(description=pulumi.Output.from_input("plain"))
declare(description=pulumi.Output.secret("hidden"))
""")
    assert given[:3] == [[TYPE, PLAIN], [TYPE, PLAIN], [TYPE, {**PLAIN, "description": "plain"}]]
    [_, inputs] = given[3]
    assert {**inputs, "description": "hidden"} == {**PLAIN, "description": "hidden"}


def test_a_subclass_keeps_the_type_of_its_parent() -> None:
    """This holds for a subclass of a subclass too; a subclass that names a type has that type."""
    given = run("""
class Bot(CustomModel):
    pass

class TicketBot(Bot):
    pass

class Other(CustomModel, module="acme", name="Model"):
    pass

for kind in (Bot, TicketBot, Other):
    declare(kind)
""")
    assert [type_ for type_, _ in given] == [TYPE, TYPE, "pulumi-python:dynamic/acme:Model"]


def test_a_subclass_has_whole_numbers_where_its_parent_has_them() -> None:
    """The wire has floats alone, and Pulumi reads the types of a class without those of its bases."""
    given = run("""
class Bot(CustomModel):
    mood: pulumi.Output[str]

class Dated(Mocks):
    def new_resource(self, args):
        return args.name, {**args.inputs, "created_at": 7.0}

pulumi.runtime.set_mocks(Dated(), preview=False)

@pulumi.runtime.test
def test():
    bot = Bot("bot", base_model="a/b", source="file-1")
    return bot.created_at.apply(lambda moment: given.append([type(moment).__name__, moment]))

test()
""")
    assert given == [["int", 7]]


def test_a_path_of_pathlib_is_a_text() -> None:
    """`ModelArchive` takes what Python's functions take as a path."""
    program = """
from pathlib import Path
from nebius_model_resource import ModelArchive

declare(lambda name, **_: ModelArchive(name, path=Path("adapter")))
"""
    [[_, inputs]] = run(program)
    assert inputs["path"] == "adapter"


REFUSALS = {
    "os.environ['PULUMI_CONFIG'] = json.dumps({'nebius-models:baseURL': 'https://eu.example'})\ndeclare()": (
        "nebius-models:baseURL: there is no setting 'baseURL': give 'baseUrl'"
    ),
    """
from nebius_model_resource import Provider, list_custom_models

def look_up(name, **_):
    opts = pulumi.ResourceOptions(env_var_mappings={"EU_KEY": "NEBIUS_API_KEY"})
    list_custom_models(opts=pulumi.InvokeOptions(provider=Provider(name, opts=opts)))

declare(look_up)
""": "a function cannot use a Provider with env_var_mappings",
}


@pytest.mark.parametrize("program", REFUSALS)
def test_what_would_send_the_key_elsewhere_is_refused(program: str) -> None:
    """A misspelt setting leaves the default host, and a function sees another environment than a provider."""
    caught = f"import os\ntry:\n{textwrap.indent(program, '    ')}\nexcept Exception as error:\n    given = str(error)"
    assert REFUSALS[program] in str(run(caught))
