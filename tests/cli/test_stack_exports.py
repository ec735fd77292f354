"""The models that stacks own, read from exports."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebius_model_resource._cli.stack_exports import Stacks, read_exports
from nebius_model_resource._service.types import CustomModelInfo, FileInfo
from nebius_model_resource.errors import UnreadableDeployment

KIND = "pulumi-python:dynamic/nebius:CustomModel"
BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"
URN = f"urn:pulumi:dev::shop::{KIND}::bot"


def model(short: str = "bot-AbCd", base: str = BASE, source: str | None = "file-1") -> CustomModelInfo:
    return CustomModelInfo(f"{base}-LoRa:{short}", short[:-5], base, source, None, "active", None, 1)


def resource(**fields: Any) -> dict[str, Any]:
    return {"urn": URN, "type": KIND, "id": f"{BASE}-LoRa:bot-AbCd", "custom": True, **fields}


def exported(*resources: dict[str, Any], pending: tuple[dict[str, Any], ...] = ()) -> str:
    deployment = {"manifest": {}, "resources": list(resources), "pending_operations": list(pending)}
    return json.dumps({"version": 3, "deployment": deployment})


def read(*texts: str) -> Stacks:
    return read_exports([("a.json", text) for text in texts])


def creating(**inputs: Any) -> dict[str, Any]:
    bag = {"name": "bot", "base_model": BASE, "source": "file-1", **inputs}
    return {"type": "creating", "resource": {"urn": URN, "type": KIND, "custom": True, "inputs": bag}}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"id": "bot-AbCd"},
        {"delete": True, "type": "nebius-models:index:CustomModel"},
        {"type": "pulumi-python:dynamic/shop:Bot"},
    ],
)
def test_what_a_stack_owns_is_owned(fields: dict[str, Any]) -> None:
    """A stack owns a model by its full or short id, with or without `delete`, whatever the resource's type."""
    assert read(exported(resource(**fields))).own(model())


def test_another_model_is_not_owned() -> None:
    """A model with another suffix, and a model that is only read, are not owned."""
    empty = '{"version": 3, "deployment": {"manifest": {}}}'
    stacks = read(exported(resource(), resource(id="bot-Read", external=True)), exported(), empty)
    assert not stacks.own(model("bot-XyZw"))
    assert not stacks.own(model("bot-Read"))
    assert stacks.note(model("bot-Read")) == f"read by {URN}"


def test_stacks_of_several_projects_come_in_files_or_one_after_the_other() -> None:
    """Each export counts: in its own text or after another one, with or without a byte order mark."""
    one, two = exported(resource(id="bot-AbCd")), exported(resource(id="bot-EfGh"))
    for stacks in (read(one, two), read(f"\ufeff{one}\n\n{two}\n"), read(one + two)):
        assert stacks.own(model("bot-AbCd"))
        assert stacks.own(model("bot-EfGh"))


@pytest.mark.parametrize("plugin", [False, True])
def test_an_interrupted_create_is_noted_at_what_it_may_have_created(*, plugin: bool) -> None:
    """A create without an id owns nothing and is noted at what fits; an interrupted deletion still owns its model."""
    create = creating()
    if plugin:
        bag = create["resource"]["inputs"]
        bag["baseModel"] = bag.pop("base_model")
        create["resource"]["type"] = "nebius-models:index:CustomModel"
    stacks = read(exported(pending=(create, {"type": "deleting", "resource": resource(id="bot-EfGh")})))
    assert stacks.own(model("bot-EfGh"))
    assert not stacks.own(model())
    assert stacks.note(model()) == f"may come from the interrupted create of {URN}"
    assert stacks.note(model(source=None)) != ""
    for other in (model("but-AbCd"), model(base="Qwen/Qwen3-8B"), model(source="file-2")):
        assert stacks.note(other) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("error: no stack selected", "it is not JSON"),
        ('{"version": 3', "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ('{"deployment": null}', "it is JSON without a `deployment`"),
        ('{"deployment": {"resources": 1}}', "its resources have another form"),
        ('{"deployment": {"pending_operations": [{}]}}', "its resources have another form"),
        (exported() + "oops", "it is not JSON"),
    ],
)
def test_what_is_no_export_is_refused(text: str, why: str) -> None:
    """A text without a stack is an error; it never counts as a stack without models."""
    with pytest.raises(UnreadableDeployment, match=why) as caught:
        read(text)
    assert str(caught.value) == f"a.json holds no deployment, {why}: give what `pulumi stack export` prints"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["deployment", "resources", "pending_operations", "resource", "id", "type", "inputs", "name"]
            ),
            inner | st.sampled_from([KIND, "pulumi-python:dynamic/nebius:ModelArchive"]),
        )
    ),
)


@given(JSON)
def test_any_json_is_read_or_refused(document: Any) -> None:
    """Whatever the fields hold, no other error is raised."""
    for text in (json.dumps(document), json.dumps({"deployment": {"resources": [document]}})):
        try:
            stacks = read(text)
        except UnreadableDeployment:
            continue
        stacks.own(model())
        stacks.note(model())
        stacks.own(FileInfo("file-1"))
        stacks.note(FileInfo("file-1", "adapter-0123456789abcdef-01234567.zip"))
