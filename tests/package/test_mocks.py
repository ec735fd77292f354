"""Programs under `pulumi.runtime.set_mocks`, as users test their own code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

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
TAIL = "\nprint(json.dumps(given))\n"
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
