"""Programs under `pulumi.runtime.set_mocks`, as users test their own code."""

from __future__ import annotations

import json
import os
import subprocess
import sys

# Mocks are for the whole process, which other tests share.
PROGRAM = """
import json
import pulumi
from nebius_model_resource import CustomModel

given = []

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        given.append(args.inputs)
        return args.name, {**args.inputs, "generated_name": args.name}

    def call(self, args):
        return {}

pulumi.runtime.set_all_config({"nebius:apiKey": "k"})

def declare(**inputs):
    pulumi.runtime.set_mocks(Mocks(), preview=False)

    @pulumi.runtime.test
    def test():
        CustomModel("bot", **{"base_model": "a/b", "source": "file-1", **inputs})

    test()

declare()
declare()
declare(description=pulumi.Output.from_input("plain"))
declare(description=pulumi.Output.secret("hidden"))
for inputs in given:
    inputs.pop("__provider")
print(json.dumps(given))
"""


def test_many_tests_in_one_process_get_no_warning_and_just_their_inputs() -> None:
    """A key set for a test is no secret and is not warned of; only a secret input adds the mark that it is one."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NEBIUS_", "PULUMI_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=clean, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    plain = {"name": "bot", "base_model": "a/b", "source": "file-1", "wait_for_active": True}
    marked = {**plain, "description": "hidden", "secret_inputs": ["description"]}
    given = json.loads(done.stdout)
    assert given[:3] == [plain, plain, {**plain, "description": "plain"}]
    assert {**given[3], "description": "hidden"} == marked
