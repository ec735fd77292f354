from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nebius_model_resource.testing.engine.errors import SecretError, StateError
from nebius_model_resource.testing.engine.graph import Graph
from nebius_model_resource.testing.engine.resources import Resource
from nebius_model_resource.testing.engine.secrets import Crypter, seal, unseal
from nebius_model_resource.testing.engine.state import Journal, Snapshot, StateFile
from nebius_model_resource.testing.engine.values import SECRET, SIGNATURE, Secret

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
        custom_timeouts={"create": 90.0}, delete=True, protect=True,
    )  # fmt: skip
    file.write(Snapshot([written], [(resource("c"), "creating")]))
    assert "hush" not in file.path.read_text()
    again = StateFile(file.path, Crypter("x")).read()
    assert vars(again.resources[0]) == vars(written)
    assert [(each.name, kind) for each, kind in again.pending] == [("c", "creating")]


def test_a_secret_inside_a_secret_is_encrypted_once() -> None:
    """The inner secret is marked and in the clear, as the CLI writes it; one that is encrypted twice opens too."""
    crypter = Crypter("x", SALT)
    value = Secret({"k": Secret(1)})
    sealed = seal(value, crypter)
    inner = json.loads(crypter.decrypt(sealed["ciphertext"]))["k"]
    assert inner == {SIGNATURE: SECRET, "ciphertext": "1"}
    assert unseal(sealed, crypter) == value
    inner["ciphertext"] = crypter.encrypt("1")
    sealed["ciphertext"] = crypter.encrypt(json.dumps({"k": inner}))
    assert unseal(sealed, crypter) == value


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


def test_the_journal_writes_at_every_step(file: StateFile) -> None:
    """A create in flight is in the file as pending, and as a resource once it is over."""
    journal = Journal(file, Snapshot(), dry_run=False)
    new = resource("a")
    journal.begin(new, "create")
    assert [
        entry["type"] for entry in json.loads(file.path.read_text())["deployment"]["pending_operations"]
    ] == ["creating"]
    journal.end(new, new=new)
    assert file.read().pending == []
    assert [each.name for each in file.read().resources] == ["a"]


def test_only_an_unanswered_create_stays_recorded(file: StateFile) -> None:
    """Only the creates that a killed run left in flight stay: an unknown resource may exist."""
    base = Snapshot([resource("b")], [(resource("a"), "creating"), (resource("b"), "deleting")])
    Journal(file, base, dry_run=False).save()
    assert [(each.name, kind) for each, kind in file.read().pending] == [("a", "creating")]


def test_a_preview_writes_nothing(file: StateFile) -> None:
    """A dry run leaves no file."""
    journal = Journal(file, Snapshot(), dry_run=True)
    journal.begin(resource("a"), "create")
    assert not file.path.exists()


def test_references_follow_a_rename(file: StateFile) -> None:
    """A resource that depends on a renamed one gets its new name, even if the program has not declared it yet."""
    journal = Journal(file, Snapshot([resource("a"), resource("b", "a")]), dry_run=False)
    renamed = resource("z")
    renamed.alias = urn("a")
    journal.end(renamed, new=renamed, done=journal.snapshot().resources[0])
    assert [each.dependencies for each in file.read().resources] == [[], [urn("z")]]


def test_deletes_go_from_the_leaves_inward() -> None:
    """Each layer holds what nothing left needs; a resource to be deleted does not count as the live one of its URN."""
    a, b, c = resource("a"), resource("b", "a"), resource("c", "a", "b")
    assert [[each.name for each in layer] for layer in Graph([a, b, c]).layers([a, b, c])] == [
        ["c"],
        ["b"],
        ["a"],
    ]
    assert [[each.name for each in layer] for layer in Graph([a, b, c]).layers([a, c])] == [["c"], ["a"]]


def test_dependents_are_found_through_each_other() -> None:
    """What depends on a dependent is a dependent; a child is not."""
    a, b, c = resource("a"), resource("b", "a"), resource("c", "b")
    child = resource("d", parent=urn("a"))
    assert Graph([a, b, c, child]).dependents(a, set()) == [b, c]
    assert Graph([a, b, c, child]).dependents(a, {urn("b")}) == []
