"""What the package exports, what its import loads, and how long that takes."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
from pulumi.dynamic.dynamic import serialize_provider

import nebius_model_resource
from nebius_model_resource import functions, resources
from nebius_model_resource.provider import CustomModelProvider

NAMES = sorted([*functions.__all__, *resources.__all__])


def test_the_exported_names_are_these() -> None:
    """The public names are exactly these, and each can be imported."""
    assert NAMES == [
        "Checkpoint",
        "CheckpointNotFound",
        "CustomModel",
        "CustomModelInfo",
        "DedicatedEndpoint",
        "DedicatedEndpointInfo",
        "EndpointNotFound",
        "EndpointTemplate",
        "ModelArchive",
        "ModelNotFound",
        "NebiusError",
        "Provider",
        "QueryFailed",
        "get_custom_model",
        "get_custom_model_output",
        "get_dedicated_endpoint",
        "get_dedicated_endpoint_output",
        "get_fine_tuning_checkpoints",
        "get_fine_tuning_checkpoints_output",
        "get_latest_checkpoint",
        "get_latest_checkpoint_output",
        "list_custom_models",
        "list_custom_models_output",
        "list_dedicated_endpoints",
        "list_dedicated_endpoints_output",
        "list_endpoint_templates",
        "list_endpoint_templates_output",
    ]
    for name in NAMES:
        assert getattr(nebius_model_resource, name).__name__ == name
        assert name in dir(nebius_model_resource)
    everything: dict[str, object] = {}
    exec("from nebius_model_resource import *", everything)
    assert set(NAMES) <= everything.keys()


def test_the_provider_in_the_state_is_exactly_this_text() -> None:
    """The import path of the provider is in every state file, so it never changes."""
    text = serialize_provider(CustomModelProvider())
    head = {4: "gASVPQAAAAAAAAC", 5: "gAWVPQAAAAAAAAC"}[pickle.DEFAULT_PROTOCOL]
    path = "MHm5lYml1c19tb2RlbF9yZXNvdXJjZS5wcm92aWRlcpSME0N1c3RvbU1vZGVsUHJvdmlkZXKUk5QpgZQu"
    assert text == head + path


def test_another_name_is_an_attribute_error() -> None:
    """A misspelt name fails as in any module."""
    with pytest.raises(AttributeError, match="module 'nebius_model_resource' has no attribute 'CustomModle'"):
        nebius_model_resource.CustomModle  # type: ignore[attr-defined]  # noqa: B018


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import nebius_model_resource", {"pulumi", "requests", "urllib3"}),
        ("import nebius_model_resource._cli.main", {"pulumi", "requests", "urllib3"}),
        ("import nebius_model_resource.testing.emulator.__main__", {"pulumi"}),
        (
            "from nebius_model_resource import CustomModel, list_custom_models",
            {"requests", "urllib3", "fastapi", "nebius_model_resource.testing"},
        ),
    ],
)
def test_nothing_is_loaded_before_it_is_needed(statement: str, unwanted: set[str]) -> None:
    """Only a program that declares models loads Pulumi, and only a call loads the HTTP library."""
    assert not loaded_by(statement) & unwanted
