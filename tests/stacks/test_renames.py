"""Renames, moves and hand-overs: the engine uses old and new URNs for one resource, and no model is lost."""

from __future__ import annotations

from typing import Any

import pytest

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import MakeStack, custom_models, held, names, replace_program
from tests.support.stacks import has_cli

HEAD = """
import pulumi
from pulumi import Alias, ComponentResource, ResourceOptions
from nebius_model_resource import CustomModel

B = dict(base_model="meta-llama/Meta-Llama-3.1-8B-Instruct", source="huggingface.co/a/b")

class Team(ComponentResource):
    def __init__(self, team, type_="acme:index:Team", opts=None, **changes):
        super().__init__(type_, team, None, opts)
        child = ResourceOptions(parent=self)
        if aliases := changes.pop("aliases", None):
            child.aliases = aliases
        CustomModel("bot", **B, **changes, opts=child)
"""
OLD = 'CustomModel("old", name="bot", **B)\n'
ALIAS = 'aliases=[Alias(name="old")]'
IN_A_TEAM = 'Team("team", name="bot")\n'
RETYPED = 'Team("team", "acme:index:Squad", ResourceOptions(aliases=[Alias(type_="acme:index:Team")]), name="bot"{})\n'
MOVED = 'Team("team", name="bot", aliases=[Alias(name="old", parent=pulumi.ROOT_STACK_RESOURCE)]{})\n'
DELETED_FIRST = (
    f'CustomModel("new", name="bot", **B{{}}, opts=ResourceOptions({ALIAS}, delete_before_replace=True))\n'
)

# The program before, and after; `{}` marks the place of a change.
RENAMES = {
    "renamed": (OLD, f'CustomModel("new", name="bot", **B{{}}, opts=ResourceOptions({ALIAS}))\n'),
    "its component retyped": (IN_A_TEAM, RETYPED),
    "moved into a component": (OLD, MOVED),
}


def agree(stack: Any, emulator: Emulator) -> list[str]:
    """Check that state and service hold the same models; returns their names."""
    assert held(stack) == names(emulator)
    return names(emulator)


@pytest.mark.parametrize("kind", RENAMES)
def test_a_rename_keeps_its_model_and_with_a_change_replaces_it(
    make_stack: MakeStack, emulator: Emulator, kind: str
) -> None:
    """One new model is created and the old one deleted, with a refresh too: its deletion still has the old URN."""
    rename(make_stack, emulator, *RENAMES[kind])


@pytest.mark.cli
@pytest.mark.slow
@pytest.mark.skipif(not has_cli(), reason="no Pulumi CLI on PATH")
@pytest.mark.timeout(600)
def test_a_renamed_model_may_be_deleted_before_it_is_replaced(
    make_cli_stack: MakeStack, emulator: Emulator
) -> None:
    """The option, which only Pulumi's engine has, changes nothing of that."""
    rename(make_cli_stack, emulator, OLD, DELETED_FIRST)


def rename(make_stack: MakeStack, emulator: Emulator, before: str, after: str) -> None:
    """Rename a model and change it in one `up`: once with a refresh, once without."""
    emulator.settings.active_on_create = True
    stack = make_stack(HEAD)
    for refresh in (True, False):
        replace_program(stack, HEAD + before)
        stack.up()
        [old] = agree(stack, emulator)
        replace_program(stack, HEAD + after.format(', description="x"'))
        assert "replace" in stack.preview(refresh=refresh).change_summary
        assert "not deleted" not in stack.up(refresh=refresh).stdout
        [new] = agree(stack, emulator)
        assert new != old


def test_a_rename_of_a_failed_model_replaces_it(make_stack: MakeStack, emulator: Emulator) -> None:
    """A model in `error` that is renamed is replaced, and the failed one is deleted."""
    emulator.settings.active_on_create = True
    stack = make_stack(HEAD + OLD)
    stack.up()
    [old] = agree(stack, emulator)
    emulator.change_model(old, status="error", status_reason="its base was retired")
    stack.refresh()
    replace_program(stack, HEAD + RENAMES["renamed"][1].format(""))
    assert "its base was retired" in stack.up().stdout
    assert old not in agree(stack, emulator)
    assert len(emulator.models()) == 1


def test_a_destroy_that_runs_the_program_deletes_a_renamed_model(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """With a rename and a change pending, `destroy --refresh --run-program` leaves nothing at the service."""
    emulator.settings.active_on_create = True
    stack = make_stack(HEAD + OLD)
    stack.up()
    replace_program(stack, HEAD + RENAMES["renamed"][1].format(', description="x"'))
    stack.destroy(refresh=True, run_program=True)
    assert agree(stack, emulator) == []


def test_a_hand_over_works_with_a_refresh(make_stack: MakeStack, emulator: Emulator) -> None:
    """If a resource goes and another one adopts its model, the model is not deleted, and the run says so."""
    emulator.settings.active_on_create = True
    stack = make_stack(HEAD + OLD)
    stack.up()
    [name] = agree(stack, emulator)
    opts = f"ResourceOptions(import_={name!r})"
    replace_program(stack, HEAD + f'CustomModel("heir", name="bot", **B, opts={opts})\n')
    told = stack.up(refresh=True).stdout
    assert f"not deleted: '{name}' was adopted in this run" in told
    assert agree(stack, emulator) == [name]
    stack.destroy()
    assert agree(stack, emulator) == []


def test_a_second_holder_is_not_refused_and_destroy_deletes_its_model_once(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """Two resources may hold one model: each preview, refresh and up works, and destroy leaves nothing."""
    emulator.settings.active_on_create = True
    stack = make_stack(HEAD + OLD)
    stack.up()
    [name] = names(emulator)
    second = f'CustomModel("second", name="bot", **B, opts=ResourceOptions(import_={name!r}))\n'
    replace_program(stack, HEAD + OLD + second)
    stack.up(refresh=True)
    assert held(stack) == [name, name]
    stack.refresh()
    assert set(stack.preview(refresh=True).change_summary) == {"same"}
    stack.destroy()
    assert agree(stack, emulator) == []


def test_a_forced_replacement_of_an_adopted_model_keeps_it(make_stack: MakeStack, emulator: Emulator) -> None:
    """`up --replace` with `import_` still in the program adopts the same model again and deletes nothing."""
    name = emulator.add_model(
        name="bot", base_model="meta-llama/Meta-Llama-3.1-8B-Instruct", source="huggingface.co/a/b"
    )
    stack = make_stack(HEAD + f'CustomModel("bot", **B, opts=ResourceOptions(import_={name!r}))\n')
    stack.up()
    [resource] = custom_models(stack)
    told = stack.up(replace=[resource["urn"]]).stdout
    assert f"not deleted: '{name}' was adopted" in told
    assert agree(stack, emulator) == [name]
    assert stack.refresh().summary.resource_changes == {"same": 2}
