from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nebius_model_resource.testing.engine.errors import Refused, SecretError, StateError
from nebius_model_resource.testing.engine.planner import Graph
from nebius_model_resource.testing.engine.resources import Resource
from nebius_model_resource.testing.engine.secrets import Crypter
from nebius_model_resource.testing.engine.state import Journal, Snapshot, StateFile
from nebius_model_resource.testing.engine.values import Secret

# Created by `pulumi config set --secret` of CLI 3.260 with the passphrase "x".
SALT = "v1:hxCYvkYOunk=:v1:Wo4jea4SFp+LKNmu:gLER9pg5floQgK+6elcxDzxPR0PdSQ=="
SEALED = "v1:z67FTYs9Aguve1TC:+yrCYc4vVs7GCqnqCX71UExBExw="


def urn(name: str) -> str:
    return f"urn:pulumi:dev::lab::pulumi-python:dynamic:Item::{name}"


def resource(name: str, *needs: str, **fields: Any) -> Resource:
    kind = "pulumi-python:dynamic:Item"
    return Resource(urn(name), kind, custom=True, dependencies=list(map(urn, needs)), **fields)


@pytest.fixture
def file(tmp_path: Path) -> StateFile:
    return StateFile(tmp_path / "states" / "dev.json", Crypter("x"))


def test_the_real_engines_secrets_open() -> None:
    """A ciphertext of the CLI opens with its passphrase, and with no other."""
    assert Crypter("x", SALT).decrypt(SEALED) == "k123"
    with pytest.raises(SecretError, match="incorrect passphrase"):
        Crypter("y", SALT).decrypt(SEALED)


def test_a_state_comes_back_as_it_was_written(file: StateFile) -> None:
    """Every field survives, secrets too, and no secret is readable in the file."""
    written = resource(
        "a", "b", id="a-1", inputs={"pw": Secret({"deep": ["hush"]})}, outputs={"n": 3}, init_errors=["baking"],
        custom_timeouts={"create": 90.0}, delete=True, external=True,
    )  # fmt: skip
    file.write(Snapshot([written], [(resource("c"), "creating")]))
    assert "hush" not in file.path.read_text()
    again = StateFile(file.path, Crypter("x")).read()
    assert vars(again.resources[0]) == vars(written)
    assert [(each.name, kind) for each, kind in again.pending] == [("c", "creating")]


def test_options_that_are_not_supported_are_refused_in_a_state(file: StateFile) -> None:
    """A state of the CLI with a protected resource is refused, and its option is named."""
    file.write(Snapshot([resource("a")]))
    file.path.write_text(file.path.read_text().replace('"custom": true', '"custom": true, "protect": true'))
    with pytest.raises(Refused, match="::a: `protect` in the state"):
        file.read()


def test_no_passphrase_no_secret(tmp_path: Path) -> None:
    """Without a passphrase a state with a secret is refused, and a state without secrets is written."""
    file = StateFile(tmp_path / "s.json", Crypter(None))
    file.write(Snapshot([resource("a", inputs={"x": 1})]))
    with pytest.raises(SecretError, match="PULUMI_CONFIG_PASSPHRASE"):
        file.write(Snapshot([resource("a", inputs={"x": Secret(1)})]))
    assert file.read().resources[0].inputs == {"x": 1}, "the file before is left whole"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2, "deployment": {}}', '{"deployment": {'])
def test_what_is_no_state_is_refused(file: StateFile, text: str) -> None:
    """A file that is not a version 3 deployment never counts as an empty stack."""
    file.path.parent.mkdir()
    file.path.write_text(text)
    with pytest.raises(StateError, match=r"state file|version"):
        file.read()


def test_one_engine_at_a_time(file: StateFile) -> None:
    """A second engine on the same stack is refused while the first one runs."""
    second = StateFile(file.path, Crypter("x"))
    with file.locked(), pytest.raises(StateError, match="locked"), second.locked():
        pass
    with file.locked():
        pass


def test_references_follow_a_rename(file: StateFile) -> None:
    """A resource that depends on a renamed one gets its new name, even if the program has not declared it yet.

    What is gone is not referred to.
    """
    old, renamed = resource("a"), resource("z", alias=urn("a"))
    journal = Journal(file, Snapshot([old, resource("b", "a", "gone")]), dry_run=False)
    journal.end(renamed, new=renamed, done=old)
    assert [each.dependencies for each in file.read().resources] == [[], [urn("z")]]


def test_deletes_go_from_the_leaves_inward() -> None:
    """Each layer holds what nothing left needs; a resource to be deleted does not count as the live one of its URN."""
    a, b, c = resource("a"), resource("b", "a"), resource("c", "a", "b")
    assert Graph([a, b, c], {}).layers([a, b, c]) == [[c], [b], [a]]
    assert Graph([a, b, c], {}).layers([a, c]) == [[c], [a]]
    renamed = resource("z")
    assert Graph([renamed, b], {a.urn: renamed.urn}).layers([renamed, b]) == [[b], [renamed]]
