"""The functions in a script, outside of any Pulumi program."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import nebius_model_resource as package
from nebius_model_resource import (
    CheckpointNotFound,
    CustomModelInfo,
    ModelNotFound,
    NebiusError,
    QueryFailed,
    get_custom_model,
    get_fine_tuning_checkpoints,
    get_latest_checkpoint,
    list_custom_models,
)
from nebius_model_resource.errors import AccessDenied, ConfigurationError, InvalidInputs, Missing
from nebius_model_resource.testing.emulator import Emulator
from tests.support import jobs

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"


@pytest.fixture(autouse=True)
def _environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEBIUS_API_KEY", emulator.api_key)
    monkeypatch.setenv("NEBIUS_BASE_URL", emulator.url)


def test_a_model_has_typed_fields(emulator: Emulator) -> None:
    """A model is found by its short name, with its name, base and source as separate fields."""
    name = emulator.add_model(name="bot", base_model=BASE, source="ftjob-1:ftckpt_2", description="by hand")
    [model] = emulator.models()
    wanted = CustomModelInfo(
        generated_name=name,
        name="bot",
        base_model=BASE,
        source="ftjob-1:ftckpt_2",
        description="by hand",
        status="active",
        status_reason=None,
        created_at=model["created_at"],
    )
    assert get_custom_model(name.rpartition(":")[2]) == wanted
    assert list_custom_models() == [wanted]


def test_a_project_is_chosen_by_argument_or_environment(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The argument comes before NEBIUS_AI_PROJECT_ID."""
    for project in ("one", "two"):
        emulator.add_model(name=project, base_model=BASE, source="file-1", ai_project_id=project)
    monkeypatch.setenv("NEBIUS_AI_PROJECT_ID", "one")
    assert [model.name for model in list_custom_models()] == ["one"]
    assert [model.name for model in list_custom_models("two")] == ["two"]


def test_failures_are_one_kind_with_their_cause(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The class of the error or of its cause distinguishes a missing model, a refused key and a missing key."""
    with pytest.raises(ModelNotFound, match="there is no model 'bot-AbCd'") as missing:
        get_custom_model("bot-AbCd")
    assert isinstance(missing.value.__cause__, Missing)
    emulator.settings.api_key = "another"
    with pytest.raises(QueryFailed, match="HTTP 401") as refused:
        list_custom_models()
    assert isinstance(refused.value.__cause__, AccessDenied)
    monkeypatch.delenv("NEBIUS_API_KEY")
    with pytest.raises(
        NebiusError, match="no Nebius API key: set the environment variable NEBIUS_API_KEY"
    ) as without:
        list_custom_models()
    assert isinstance(without.value.__cause__, ConfigurationError)


def test_jobs_without_a_checkpoint_to_use_are_one_kind_of_error(emulator: Emulator) -> None:
    """An unknown and a running job are CheckpointNotFound; an empty id is QueryFailed with its cause."""
    running = jobs.train(emulator)
    for query in (get_fine_tuning_checkpoints, get_latest_checkpoint):
        with pytest.raises(CheckpointNotFound, match="there is no fine-tuning job 'ftjob-none'"):
            query("ftjob-none")
        with pytest.raises(CheckpointNotFound, match="status 'running'"):
            query(running)
        with pytest.raises(QueryFailed, match=r"^job_id: missing: give a text") as wrong:
            query("")
        assert isinstance(wrong.value.__cause__, InvalidInputs)


def test_endpoints_and_templates_have_typed_fields(emulator: Emulator) -> None:
    """One endpoint by id or routing key, all of a project, all templates; the twins return the same as outputs."""
    emulator.service.endpoints.add(name="bot", gpu_count=2)
    [endpoint], [reported] = package.list_dedicated_endpoints(), emulator.endpoints()
    assert isinstance(endpoint, package.DedicatedEndpointInfo)
    assert (endpoint.endpoint_id, endpoint.routing_key) == (reported["id"], reported["routing_key"])
    assert (endpoint.gpu_count, endpoint.readiness, endpoint.max_replicas) == (2, "ready", 1)
    for key in (reported["id"], reported["routing_key"]):
        assert package.get_dedicated_endpoint(key) == endpoint
    assert package.list_dedicated_endpoints("other") == []
    with pytest.raises(package.EndpointNotFound, match="there is no endpoint 'dedicated/none'"):
        package.get_dedicated_endpoint("dedicated/none")
    templates = package.list_endpoint_templates()
    assert isinstance(templates[0], package.EndpointTemplate)
    assert (templates[0].size_b, list(templates[0].flavors)) == (70.6, ["base", "fast"])

    async def twins() -> list[Any]:
        found = package.get_dedicated_endpoint_output(endpoint.endpoint_id)
        outputs = package.list_dedicated_endpoints_output(), found, package.list_endpoint_templates_output()
        return [await output.future() for output in outputs]

    assert asyncio.run(twins()) == [[endpoint], endpoint, templates]
