"""The life of a model through both edges: each answer on the wire, partial state, and what the next call does."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2, provider_pb2
from pulumi.runtime.rpc import UNKNOWN

from nebius_model_resource._provider.models import CustomModels
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.host import HostError
from tests.support.host_here import HostHere

NONE, SOME = provider_pb2.DiffResponse.DIFF_NONE, provider_pb2.DiffResponse.DIFF_SOME
NAME = "acme/Base-LoRa:bot-abcd"
MODEL = {"name": "bot", "base_model": "acme/Base", "source": "file-1", "wait_for_active": True}


def posts(service: Emulator) -> list[Any]:
    """The bodies of all creates."""
    return [request.body for request in service.requests("POST", "/v0/models")]


def names(service: Emulator) -> list[str]:
    """The models at the service."""
    return [model["name"] for model in service.models()]


def kinds(answer: Any) -> dict[str, str]:
    """Each property of a diff with its kind."""
    return {
        name: provider_pb2.PropertyDiff.Kind.Name(detail.kind) for name, detail in answer.detailedDiff.items()
    }


def test_a_model_is_checked_created_read_and_deleted(
    host_here: HostHere, service: Emulator, inputs: dict[str, Any]
) -> None:
    """One POST has just the given fields; the id is the generated name; a second deletion succeeds as well."""
    checked, faults = host_here.check({**inputs, "ai_project_id": ""})
    assert (checked, faults) == (inputs, [])
    id_, outputs = host_here.create(checked)
    sent = ("name", "base_model", "source", "description")
    assert posts(service) == [{name: inputs[name] for name in sent}]
    [model] = service.models()
    live = {"generated_name": model["name"], "status": "active", "created_at": model["created_at"]}
    assert (id_, outputs) == (model["name"], {**inputs, **live})
    assert host_here.diff(id_, outputs, checked).changes == NONE
    assert host_here.read(id_, outputs) == (id_, outputs, inputs)
    for _ in range(2):
        host_here.delete(id_, outputs)
    assert names(service) == []
    assert host_here.read(id_, outputs)[0] == ""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"description": "new"}, {"description": "ADD_REPLACE"}),
        ({"description": "old"}, {"description": ""}, {"description": "DELETE_REPLACE"}),
        (
            {"description": "old", "ai_project_id": "p"},
            {"name": "other", "description": "new", "ai_project_id": "q"},
            dict.fromkeys(("name", "description", "ai_project_id"), "UPDATE_REPLACE"),
        ),
        ({}, {"source": UNKNOWN}, {"source": "UPDATE_REPLACE"}),
        ({}, {"wait_for_active": False}, {"wait_for_active": "UPDATE"}),
        ({"created_at": 1_790_000_000}, {}, {}),
    ],
)
def test_a_diff_has_each_changed_input_with_its_kind(
    host_here: HostHere,
    service: Emulator,
    old: dict[str, Any],
    new: dict[str, Any],
    expected: dict[str, str],
) -> None:
    """Each added, removed or changed input has that kind; nothing is sent about an active model."""
    outputs = {**MODEL, **old, "generated_name": NAME, "status": "active"}
    answer = host_here.diff(NAME, outputs, {**MODEL, **new})
    assert kinds(answer) == expected
    assert answer.changes == (SOME if expected else NONE)
    assert all(detail.inputDiff for detail in answer.detailedDiff.values())
    assert set(answer.replaces) == {name for name, kind in expected.items() if kind.endswith("_REPLACE")}
    assert not answer.deleteBeforeReplace
    assert service.requests() == []


def test_the_deadline_keeps_the_model_and_update_continues(
    host_here: HostHere, service: Emulator, inputs: dict[str, Any]
) -> None:
    """A model still validating at its deadline is partial state, with its inputs; update waits on without a POST."""
    service.settings.validation_seconds = 3600
    with pytest.raises(HostError, match=r"still validating.*the deadline passed") as caught:
        host_here.create(inputs, timeout=2)
    kept = caught.value.kept
    assert kept is not None
    [model] = service.models()
    live = {"generated_name": model["name"], "status": "validating", "created_at": model["created_at"]}
    assert (kept.id, kept.reasons) == (model["name"], [caught.value.message])
    assert (kept.properties, kept.inputs) == ({**inputs, **live}, inputs)
    # The engine calls update after an unfinished create even where the diff reports nothing.
    answer = host_here.diff(kept.id, kept.properties, inputs)
    assert (answer.changes, list(answer.replaces), kinds(answer)) == (SOME, [], {})
    with pytest.raises(HostError, match=r"still validating.*the deadline passed") as caught:
        host_here.update(kept.id, kept.properties, inputs, timeout=2)
    assert caught.value.kept is not None
    assert caught.value.kept.id == kept.id
    service.change_model(kept.id, status="active")
    assert host_here.update(kept.id, kept.properties, inputs)["status"] == "active"
    assert len(posts(service)) == 1


def test_unknown_and_secret_inputs_pass_through_a_check(host: HostHere, edge: str) -> None:
    """An unknown value stays unknown; a secret comes back, and keeps its mark on the edge whose engine gives one."""
    answer, faults = host.check(
        {**MODEL, "source": UNKNOWN, "base_model": UNKNOWN, "description": rpc.wrap_rpc_secret("hush")}
    )
    assert faults == []
    assert (answer["source"], answer["base_model"], answer["description"]) == (UNKNOWN, UNKNOWN, "hush")
    _, [(name, reason)] = host.check({**MODEL, "source": rpc.wrap_rpc_secret("SECRET")})
    assert name == ("source" if edge == "dynamic" else "")
    assert "SECRET" not in reason


def test_a_fault_of_ours_is_reported_as_one(host: HostHere, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message of a bug has the traceback and asks for a report, and the process continues to serve."""

    def fails(*_: object) -> None:
        raise ZeroDivisionError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(CustomModels, "diff", fails)
        with pytest.raises(HostError, match=r"(?s)this is a bug in nebius_model_resource, .*in the middle"):
            host.diff(NAME, {"name": "bot"}, {"name": "bot"})
    assert host.check(MODEL)[1] == []


# What a person reads about a model that is not as it should be


def lasting(host: HostHere) -> list[str]:
    """The warnings that stay in the diagnostics."""
    warning = engine_pb2.LogSeverity.Value("WARNING")
    return [log.message for log in host.engine.logs if log.severity == warning and not log.ephemeral]


@pytest.mark.parametrize("recorded", ["validating", "error"])
def test_a_failed_model_is_replaced_with_its_reason(
    host: HostHere, emulator: Emulator, recorded: str
) -> None:
    """The diff names `status` as an output, and a warning that stays gives the service's reason once."""
    name = emulator.add_model(name="bot", base_model="acme/Base", source="file-1", status="error")
    emulator.change_model(name, status_reason="rank 512 is too large")
    outputs = {**MODEL, "generated_name": name, "status": recorded, "created_at": 1}
    outputs |= {"status_reason": "rank 512 is too large"} if recorded == "error" else {}
    for _ in range(2):
        answer = host.diff(name, outputs, MODEL)
        assert list(answer.replaces) == ["status"]
        assert not answer.detailedDiff["status"].inputDiff
    assert lasting(host) == [f"the model {name!r} is in status 'error': rank 512 is too large"]


@pytest.mark.parametrize(
    ("status", "waits", "text"),
    [
        ("error", False, "is in status 'error': bad"),
        ("failed", True, "is still failed: `pulumi up` waits until it is active"),
        ("validating", True, "is still validating: `pulumi up` waits until it is active"),
        ("validating", False, ""),
    ],
)
def test_a_refresh_keeps_what_is_not_ready_and_says_why(
    host: HostHere, emulator: Emulator, status: str, waits: bool, text: str
) -> None:
    """The engine gets a reason, with what was read, for a failed model and for one whose wait has not ended."""
    inputs = {**MODEL, "description": "by hand", "wait_for_active": waits}
    model = {name: value for name, value in inputs.items() if name != "wait_for_active"}
    name = emulator.add_model(**model)
    entry = {**emulator.models()[0], "status": status, "status_reason": "bad"}
    emulator.add_fault(Fault(method="GET", path="/v0/models", status=200, body=[entry], times=None))
    state = {**MODEL, "wait_for_active": waits, "generated_name": name, "status": "active", "created_at": 1}
    if not text:
        assert host.read(name, state)[1]["status"] == status
        return
    with pytest.raises(HostError) as caught:
        host.read(name, state)
    kept = caught.value.kept
    assert kept is not None
    assert (kept.id, kept.reasons) == (name, [f"the model {name!r} {text}"])
    assert (kept.properties["status"], kept.inputs) == (status, inputs)
    host.diff(name, kept.properties, MODEL)
    assert lasting(host) == []  # the engine has shown it
