"""Dedicated endpoints on Pulumi's engine, as dynamic resources and in the plugin."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pulumi.automation import CommandError

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import replace_program, wrote
from tests.support.native import Native, native, needs_host, records
from tests.support.processes import SECONDS, begin, bury, family_of, has_ended, wait_until
from tests.support.stacks import has_cli, run_pulumi

pytestmark = [
    pytest.mark.cli,
    pytest.mark.slow,
    pytest.mark.xdist_group("endpoints"),
    pytest.mark.timeout(600),  # a test runs the CLI up to twenty times, for 2 to 10 s each
    pytest.mark.skipif(not has_cli(), reason="no Pulumi CLI on PATH"),
]

HEAD = """
import pulumi
from pulumi import CustomTimeouts, Output, ResourceOptions
from nebius_model_resource import DedicatedEndpoint, Provider
HURRIED = ResourceOptions(custom_timeouts=CustomTimeouts(create="4s", update="4s"))
def endpoint(name="bot", opts=None, **given):
    inputs = dict(model_name="meta-llama/Llama-3.3-70B-Instruct", flavor_name="base", region="eu-north1",
                  gpu_type="gpu-h100-sxm", gpu_count=4, min_replicas=1, max_replicas=2)
    return DedicatedEndpoint(name, **{**inputs, **given}, opts=opts)
"""
CALLER = """
endpoint("caller", description=Output.concat(bot.routing_key, " at ", bot.inference_url))
"""
SCALING = {"min_replicas": 1, "max_replicas": 2}


class Lab:
    """One stack that is declared in one of the two ways."""

    def __init__(self, way: str, plugin: Native, folder: Path, emulator: Emulator) -> None:
        """An empty stack, and endpoints that change fast."""
        self.way, self.plugin, self.folder, self.emulator = way, plugin, folder, emulator
        self.hand, self.processes = emulator.service.endpoints, list[psutil.Process]()
        emulator.settings.endpoint_seconds = 0.2
        self.stack = plugin.stack(folder, emulator, "import pulumi\n")

    def declare(self, program: str) -> None:
        """Change the program, and forget the requests so far."""
        replace_program(self.stack, native(HEAD + program) if self.way == "plugin" else HEAD + program)
        self.emulator.clear_requests()

    def up(self, program: str) -> Any:
        """Change the program and run it."""
        self.declare(program)
        return self.stack.up()

    def unchanged(self) -> bool:
        """Whether a preview would change nothing."""
        return set(self.stack.preview().change_summary) <= {"same", "read"}

    def ids(self) -> dict[str, str]:
        """The ids in the state, by the resource's name."""
        return {each["urn"].rpartition("::")[2]: each["id"] for each in records(self.stack)}

    def live(self, name: str = "bot") -> dict[str, Any]:
        """The one endpoint of that name at the service."""
        [found] = [each for each in self.emulator.endpoints() if each["name"] == name]
        return found

    def sent(self) -> list[Any]:
        """The bodies of the requests that change something; the method where there is none."""
        return [each.body or each.method for each in self.emulator.requests() if each.method != "GET"]


@pytest.fixture(params=["dynamic", "plugin"])
def lab(request: pytest.FixtureRequest, plugin: Native, tmp_path: Path, emulator: Emulator) -> Iterator[Lab]:
    built = Lab(request.param, plugin, tmp_path, emulator)
    yield built
    bury(built.processes)


def test_the_life_of_an_endpoint(lab: Lab) -> None:
    """It is created once, changed in place without a word about who calls it, replaced for its region, and deleted."""
    lab.declare("bot = endpoint(gpu_count=3)" + CALLER)
    assert "has no gpu_count 3 (there are 1, 2, 4)" in lab.stack.preview().stdout
    assert wrote(lab.emulator) == []
    lab.up("bot = endpoint()" + CALLER)
    post = lab.sent()[0]
    assert (post["gpu_count"], post["scaling"]) == (4, SCALING)
    assert lab.live("caller")["description"] == f"{post['routing_key']} at {lab.emulator.url}/v1"
    assert lab.unchanged()
    changed = 'bot = endpoint(description="new", gpu_count=2, max_replicas=3)' + CALLER
    lab.declare(changed)
    assert lab.stack.preview().change_summary == {"update": 1, "same": 2}  # who calls it is the same
    lab.up(changed)
    assert lab.sent() == [{"description": "new", "gpu_count": 2, "scaling": {**SCALING, "max_replicas": 3}}]
    moved = 'bot = endpoint(region="us-central1")' + CALLER
    lab.declare(moved)
    assert lab.stack.preview().change_summary == {"replace": 1, "update": 1, "same": 1}
    lab.up(moved)
    post, patch, delete = lab.sent()
    assert patch == {"description": f"{post['routing_key']} at {lab.emulator.url}/v1"}
    assert (lab.ids()["bot"], delete) == (lab.live()["id"], "DELETE")
    lab.up('bot = endpoint(region="us-central1", enabled=False)' + CALLER)
    assert (lab.sent(), lab.live()["deployment"]["status"]) == ([{"enabled": False}], "stopped")
    lab.stack.refresh(expect_no_changes=True)
    assert lab.unchanged()
    lab.stack.destroy()
    assert lab.emulator.endpoints() == []


def test_what_others_do_to_an_endpoint(lab: Lab) -> None:
    """Autoscaling is no drift; what was declared is restored; what is gone or has failed is made again."""
    lab.up("bot = endpoint()")
    made = lab.live()["id"]
    lab.hand.change(made, status="updating", ready_replicas=2)
    lab.stack.refresh(expect_no_changes=True)
    lab.hand.change(made, status="running", gpu_count=8, description="by hand")
    lab.stack.refresh()
    assert lab.stack.preview().change_summary == {"update": 1, "same": 1}
    lab.up("bot = endpoint()")
    assert lab.sent() == [{"description": "", "gpu_count": 4}]
    lab.hand.remove(made)
    with pytest.raises(CommandError, match="run `pulumi up` again, with `--refresh`"):
        lab.up("bot = endpoint(gpu_count=2)")
    lab.stack.up(refresh=True)
    lab.hand.change(lab.live()["id"], status="error")
    assert "is in status 'error'" in lab.stack.refresh().stdout
    lab.stack.up()
    assert (lab.ids()["bot"], lab.live()["deployment"]["status"]) == (lab.live()["id"], "running")


def test_what_fails_or_is_not_ready_in_time(lab: Lab) -> None:
    """A failed create is deleted, a failed change is changed back; after a deadline the next up sends nothing."""
    lab.emulator.settings.endpoint_ends = {"bot": "error"}
    with pytest.raises(CommandError, match=r"the failed endpoint '.*' was deleted"):
        lab.up("endpoint()")
    assert (lab.emulator.endpoints(), lab.ids()) == ([], {})
    lab.emulator.settings.endpoint_ends = {}
    lab.up("endpoint()")
    kept = lab.ids()
    lab.emulator.settings.endpoint_ends = {"bot": "error"}
    with pytest.raises(CommandError, match="the endpoint stays in the state"):
        lab.up("endpoint(gpu_count=2)")
    assert (lab.sent(), lab.ids()) == ([{"gpu_count": 2}], kept)
    assert lab.stack.preview().change_summary == {"replace": 1, "same": 1}
    lab.emulator.settings.endpoint_ends = {}
    lab.up("endpoint()")
    assert (lab.sent(), lab.ids(), lab.unchanged()) == ([{"gpu_count": 4}], kept, True)
    lab.emulator.settings.endpoint_seconds = 3600
    program = 'endpoint(gpu_count=2, opts=HURRIED)\nendpoint("late", opts=HURRIED)\n'
    with pytest.raises(CommandError, match="the deadline passed"):
        lab.up(program)
    both = lab.ids()
    assert sorted(wrote(lab.emulator)) == ["PATCH", "POST"]
    for id_ in both.values():
        lab.hand.change(id_, status="running")
    lab.up(program)
    assert (wrote(lab.emulator), lab.ids(), lab.unchanged()) == ([], both, True)


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_run_that_is_stopped(lab: Lab, method: str, stop: signal.Signals) -> None:
    """A killed engine's create is deleted and its change kept; the next up waits for an interrupted plugin's."""
    if (lab.way, stop) == ("dynamic", signal.SIGINT):
        pytest.skip("Pulumi's host of dynamic resources does not tell a provider that a run was interrupted")
    lab.up("endpoint(gpu_count=2)" if method == "PATCH" else "")
    lab.emulator.settings.endpoint_seconds = 3600
    lab.declare("endpoint()")
    seen = lab.emulator.requests
    cli = begin("up", lab.folder, lab.plugin.environment(lab.folder))
    wait_until(lambda: wrote(lab.emulator) == [method] and seen()[-1].method == "GET", "a wait")
    lab.processes += [cli, *family_of(cli)]
    own = [each for each in lab.processes[1:] if "language" not in each.name()]
    cli.send_signal(stop)
    cli.wait(SECONDS)
    wait_until(lambda: all(map(has_ended, own)), "the provider ends")
    assert bool(lab.emulator.endpoints()) == (stop == signal.SIGINT or method == "PATCH")
    for lock in (lab.folder / "state" / ".pulumi" / "locks").rglob("*.json"):
        lock.unlink()  # a killed engine leaves this, and `pulumi cancel` removes it
    for each in lab.hand.all():
        lab.hand.change(each.id, status="running")
    lab.emulator.settings.endpoint_seconds = 0.2
    lab.up("endpoint()")
    assert wrote(lab.emulator) == ([] if stop == signal.SIGINT else [method])
    assert lab.ids() == {"bot": lab.live()["id"]}


ACCOUNTS = """
other = Provider("other", api_key="other-key-0123456789", base_url=pulumi.Config("nebius-models").require("baseUrl"))
for n in range(20):
    endpoint(f"bot{n}", opts=ResourceOptions(provider=other if n % 2 else None))
endpoint("secret", description=Output.secret("hushhush"))
"""


@pytest.mark.parametrize("lab", ["dynamic"], indirect=True)
def test_many_endpoints_of_two_accounts_move_to_the_plugin(lab: Lab) -> None:
    """Each is created once in its account, a refresh reads one list for each, and the plugin takes over what exists."""
    lab.emulator.settings.api_keys = {"other-key-0123456789": "aiproject-e00other"}
    lab.up(ACCOUNTS)
    assert wrote(lab.emulator) == ["POST"] * 21
    assert [each.ai_project_id for each in lab.hand.all()].count("aiproject-e00other") == 10
    before = lab.ids()
    lab.way = "plugin"
    assert lab.up(ACCOUNTS).summary.resource_changes["update"] == 21
    assert (lab.ids(), wrote(lab.emulator)) == (before, [])
    lab.emulator.clear_requests()
    lab.stack.refresh(expect_no_changes=True)
    assert len(lab.emulator.requests()) <= 4  # a list of each account for the refresh and for its preview
    assert "hush" not in (lab.folder / "state" / ".pulumi" / "stacks" / "models" / "test.json").read_text()
    lab.stack.destroy()


def test_an_existing_endpoint_is_adopted_or_read(lab: Lab) -> None:
    """An import of what is declared as it is sends nothing; what `get` reads, ready or not, is not deleted."""
    mine = lab.hand.add(name="bot", gpu_count=4, scaling=SCALING).id
    theirs = lab.hand.add(name="six", status="starting").id
    six = f'pulumi.export("key", DedicatedEndpoint.get("six", "{theirs}").routing_key)\n'
    outputs = lab.up(f'endpoint(opts=ResourceOptions(import_="{mine}"))\n{six}').outputs
    assert (outputs["key"].value, wrote(lab.emulator)) == (lab.live("six")["routing_key"], [])
    lab.declare(f"endpoint()\n{six}")
    assert lab.unchanged()
    lab.stack.destroy()
    assert (wrote(lab.emulator), [lab.live("six")]) == (["DELETE"], lab.emulator.endpoints())


@needs_host("yaml")
@pytest.mark.parametrize("lab", ["plugin"], indirect=True)
def test_an_import_prints_a_program_without_changes(lab: Lab) -> None:
    """`pulumi import` sends nothing, and its program declares the endpoint as it is, here as stopped."""
    made = lab.hand.add(name="idle", enabled=False, status="stopped", description='says "hi"')
    project, printed = lab.folder / "project" / "Pulumi.yaml", lab.folder / "printed.yaml"
    head = f"name: models\nruntime: yaml\n{lab.plugin.project_lines}"
    project.write_text(head)
    what = f"nebius-models:index:DedicatedEndpoint idle {made.id} --yes --stack=test --protect=false"
    done = run_pulumi(
        project.parent, lab.plugin.environment(lab.folder), "import", *what.split(), f"--out={printed}"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    project.write_text(head + printed.read_text())
    assert (lab.ids(), lab.unchanged(), wrote(lab.emulator)) == ({"idle": made.id}, True, [])
