"""Configuration and inputs as they come from files, shells and secrets, against the real host."""

from __future__ import annotations

from typing import Any

import pytest

from nebius_model_resource.testing.emulator import Emulator
from tests.support.host import URN, HostError, dynamic_only
from tests.support.host_here import HostHere

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"
HINT = "'project-e00x' looks like a project of Nebius AI Cloud; Token Factory's begin with 'aiproject-'"


def told(host: HostHere) -> list[tuple[str, str]]:
    """Each warning, as the resource's name and the text."""
    return [(log.urn.removeprefix(URN), log.message) for log in host.engine.logs if log.severity == 2]


def test_one_base_url_serves_this_and_openais_client(emulator: Emulator, inputs: dict[str, Any]) -> None:
    """With `/v1/` at the end of NEBIUS_BASE_URL a model is checked, created and deleted."""
    environ = {"NEBIUS_API_KEY": f" {emulator.api_key}\n", "NEBIUS_BASE_URL": f"{emulator.url}/v1/"}
    with HostHere({}, environ) as host:
        checked, faults = host.check(inputs)
        assert faults == []
        id_, outputs = host.create(checked)
        host.delete(id_, outputs)
    assert {request.path.split("/")[1] for request in emulator.requests()} == {"v0", "v1"}
    assert emulator.requests(path="/v1/models")


def test_configuration_faults_are_reported_at_preview(emulator: Emulator, inputs: dict[str, Any]) -> None:
    """Key, base URL and project are reported at once, each with the place that it came from, and no key is shown."""
    environ = {
        "NEBIUS_API_KEY": "'sesame'",
        "NEBIUS_BASE_URL": f"{emulator.url}/v1/chat/completions",
        "NEBIUS_AI_PROJECT_ID": "aiproject 1",
    }
    with HostHere({}, environ) as host:
        _, [(_, project), (_, settings)] = host.check(inputs)
        _, own_project = host.check({**inputs, "ai_project_id": "aiproject-e00x"})
    assert project == (
        "the project in NEBIUS_AI_PROJECT_ID has spaces or line breaks in it, remove them: "
        "run `pulumi config set nebius-models:aiProjectId <id>`, or set NEBIUS_AI_PROJECT_ID"
    )
    assert "the Nebius API key in NEBIUS_API_KEY has quotes around it" in settings
    assert f"is the address of a call, not a base: give {emulator.url!r}" in settings
    assert "sesame" not in settings
    assert [reason for _, reason in own_project] == [settings]
    assert emulator.requests() == []


def test_a_cloud_project_is_warned_of_and_not_refused(emulator: Emulator, inputs: dict[str, Any]) -> None:
    """A run warns once about the configured project, and once about those that resources name."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    config |= {"nebius-models:aiProjectId": "project-e00x", "nebius-models:preflight": "false"}
    with HostHere(config) as host:
        for name in ("one", "two", "one"):
            checked, faults = host.check(inputs, name=name)
            assert faults == []
            assert checked["ai_project_id"] == "project-e00x"
        for name in ("three", "four", "three"):
            assert host.check({**inputs, "ai_project_id": "project-e00x"}, name=name)[1] == []
        host.check({**inputs, "ai_project_id": "aiproject-e00x"}, name="five")
        assert told(host) == [
            ("one", f"nebius-models:aiProjectId {HINT}"),
            ("three", f"ai_project_id {HINT}"),
        ]


def test_what_the_program_marks_secret_is_never_repeated(host: HostHere) -> None:
    """Only the reason names the property of a refused secret, so that the engine cannot show its value."""
    secret = {"name": "SE CRET", "base_model": "SECRET", "source": "SECRET", "ai_project_id": "SE CRET"}
    names = [*secret, "description"]
    checked, faults = host.check({**secret, "description": 5, "secret_inputs": names})
    assert {prop for prop, _ in faults} == {""}
    assert [reason.partition(":")[0] for _, reason in faults] == [
        f"`{name}`" for name in ("name", "base_model", "source", "description", "ai_project_id")
    ]
    assert not any("CRET" in reason for _, reason in faults)
    assert "secret_inputs" not in checked
    _, [(prop, reason)] = host.check({"name": "bot", "base_model": BASE, "source": "SECRET"})
    assert (prop, "'SECRET'" in reason) == ("source", True)  # without a mark it is shown as usual


@dynamic_only
def test_an_adoption_that_does_not_fit_does_not_show_a_secret(host: HostHere, emulator: Emulator) -> None:
    """Check and create of the same resource show the live value, and not the secret that was given."""
    name = emulator.add_model(name="bot", base_model=BASE, source="file-1", description="by hand")
    inputs = {
        "name": "bot",
        "base_model": BASE,
        "source": "file-1",
        "description": "SECRET",
        "import_id": name,
    }
    checked, [(prop, reason)] = host.check({**inputs, "secret_inputs": ["description"]})
    assert prop == ""
    assert reason.startswith("`description`: given a secret / live 'by hand': declare the live value")
    with pytest.raises(HostError, match="description: given a secret / live 'by hand'") as caught:
        host.create(checked)
    assert "SECRET" not in caught.value.message


@pytest.mark.parametrize("spelling", ["HuggingFace.co/org/repo", "https://huggingface.co/org/repo.git"])
def test_a_source_is_sent_in_the_spelling_of_the_documentation(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any], spelling: str
) -> None:
    """The service gets the documented spelling, the state has the written one, and neither is a diff."""
    checked, faults = host.check({**inputs, "source": spelling})
    assert faults == []
    id_, outputs = host.create(checked)
    [posted] = [request.body for request in emulator.requests() if request.method == "POST"]
    assert posted["source"] == "huggingface.co/org/repo"
    assert outputs["source"] == spelling
    _, read, read_inputs = host.read(id_, outputs)
    assert read["source"] == read_inputs["source"] == spelling
    plain = {**checked, "source": "huggingface.co/org/repo"}
    assert not host.diff(id_, outputs, plain).replaces
    assert not host.diff(id_, {**outputs, "source": "huggingface.co/org/repo"}, checked).replaces
