"""The provider inside the real host, against the emulator over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2
from pulumi.runtime.rpc import UNKNOWN

from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.host import HostError, mostly_waits
from tests.support.host_here import HostHere

pytestmark = mostly_waits


def posts(emulator: Emulator) -> list[Any]:
    return emulator.requests(method="POST", path="/v0/models")


def test_create_sends_one_post_with_just_the_fields_given(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """A create sends one POST, waits until the model is active, and returns the generated name as id."""
    checked, faults = host.check({**inputs, "ai_project_id": ""})
    assert (checked, faults) == (inputs, [])
    id_, outputs = host.create(checked)
    assert [post.body for post in posts(emulator)] == [
        {name: inputs[name] for name in ("name", "base_model", "source", "description")}
    ]
    [model] = emulator.models()
    assert id_ == outputs["generated_name"] == model["name"]
    assert outputs["status"] == "active"
    assert outputs["created_at"] == model["created_at"]


def test_a_failed_validation_is_reported_and_leaves_nothing(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """A model that ends in error is deleted, and the message has the service's reason."""
    emulator.settings.failing_names = {"bot": "adapter_config.json is missing"}
    with pytest.raises(HostError, match=r"adapter_config\.json is missing") as caught:
        host.create(inputs)
    assert "Traceback" not in caught.value.message
    assert emulator.models() == []
    assert caught.value.kept is None


def test_deadline_keeps_the_model_and_update_continues(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """A model still validating at its deadline stays in the state, and update waits on without a POST."""
    emulator.settings.validation_seconds = 3600
    with pytest.raises(HostError, match="still validating") as caught:
        host.create(inputs, timeout=4)
    kept = caught.value.kept
    assert kept is not None
    assert [kept.id] == [model["name"] for model in emulator.models()]
    emulator.change_model(kept.id, status="active")
    outputs = host.update(kept.id, kept.properties, inputs)
    assert outputs["status"] == "active"
    assert len(posts(emulator)) == 1


def test_lost_answer_is_found_in_the_list(host: HostHere, emulator: Emulator, inputs: dict[str, Any]) -> None:
    """A POST that created the model and answered 504 ends with that one model."""
    emulator.add_fault(Fault(method="POST", path="/v0/models", action="status", status=504, effect="after"))
    id_, _ = host.create(inputs)
    assert [id_] == [model["name"] for model in emulator.models()]
    assert len(posts(emulator)) == 1


MODEL = {"name": "bot", "base_model": "acme/Base", "source": "file-1", "wait_for_active": True}


@pytest.mark.parametrize(
    ("old", "new", "details"),
    [
        ({}, {"description": "new"}, {"description": "ADD_REPLACE"}),
        ({"description": "old"}, {}, {"description": "DELETE_REPLACE"}),
        (
            {"description": "old", "ai_project_id": "p"},
            {"description": "new", "ai_project_id": "q"},
            {"description": "UPDATE_REPLACE", "ai_project_id": "UPDATE_REPLACE"},
        ),
        ({}, {"wait_for_active": False}, {"wait_for_active": "UPDATE"}),
        ({}, {"wait_for_active": UNKNOWN}, {}),
        ({"wait_for_active": False}, {"wait_for_active": UNKNOWN}, {}),
        ({}, {}, {}),
    ],
)
def test_a_diff_has_each_changed_input_with_its_kind(
    host: HostHere, emulator: Emulator, old: dict[str, Any], new: dict[str, Any], details: dict[str, str]
) -> None:
    """Each added, removed or changed input has that kind; nothing is sent about an active model."""
    outputs = {**MODEL, **old, "generated_name": "acme/Base-LoRa:bot-abcd", "status": "active"}
    diff = host.diff("acme/Base-LoRa:bot-abcd", outputs, {**MODEL, **new})
    kinds = {
        name: provider_pb2.PropertyDiff.Kind.Name(detail.kind) for name, detail in diff.detailedDiff.items()
    }
    assert kinds == details
    assert all(detail.inputDiff for detail in diff.detailedDiff.values())
    assert set(diff.replaces) == {name for name, kind in details.items() if kind.endswith("_REPLACE")}
    assert emulator.requests() == []


def test_a_refused_operation_says_what_is_left(host: HostHere, emulator: Emulator) -> None:
    """A refused key ends each operation with its own words about what exists now and the next command."""
    emulator.add_fault(Fault(method="*", status=401, times=None))
    name = "acme/Base-LoRa:bot-abcd"
    inputs = {**MODEL, "wait_for_active": False}
    state = {**inputs, "generated_name": name, "status": "validating"}
    for call, left in (
        (lambda: host.create(inputs), "nothing was created: run `pulumi up` again"),
        (lambda: host.read(name, state), "the state is unchanged: run `pulumi refresh` again"),
        (lambda: host.update(name, state, inputs), "the model stays in the state: run `pulumi up` again"),
        (
            lambda: host.delete(name, state),
            "the model may still exist and stays in the state: run the same command again",
        ),
    ):
        with pytest.raises(HostError, match="Nebius refused the key: ") as caught:
            call()
        assert caught.value.message.endswith(f"; {left}")
