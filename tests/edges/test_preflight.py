"""What a check shows about a model that is about to be created, in the code of the real host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime.rpc import UNKNOWN

from nebius_model_resource.provider import ModelArchiveProvider
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.adapters import files, write_folder
from tests.support.host import URN, dynamic_only
from tests.support.host_here import HostHere

FILE = {"source": "file-none"}
NO_FILE = "the service does not know the file 'file-none' (deleted, or of another project?)"
WARNING = 2


def warned(host: HostHere) -> list[tuple[str, str]]:
    """Each warning, as the resource's name and what is not known."""
    return [
        (log.urn.removeprefix(URN), log.message.partition(";")[0])
        for log in host.engine.logs
        if log.severity == WARNING
    ]


def configured(emulator: Emulator, **more: Any) -> dict[str, Any]:
    """A configuration with more keys of `nebius-models:`."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    return config | {f"nebius-models:{name}": value for name, value in more.items()}


@dynamic_only
def test_an_adopted_model_is_not_asked_about(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """A check of an adoption sends nothing about base and source, even if its name is not known yet."""
    known = emulator.add_model(name="m", base_model=inputs["base_model"], source="file-none")
    host.check({**inputs, **FILE, "import_id": known})
    host.check({**inputs, **FILE, "import_id": UNKNOWN})
    assert emulator.requests(path="/v1/*") == []


def test_each_row_of_a_new_model_has_the_warning(host: HostHere, inputs: dict[str, Any]) -> None:
    """Two models of one missing file have a warning each; the check itself succeeds."""
    for name in ("one", "two"):
        checked, faults = host.check({**inputs, **FILE, "name": name}, name=name)
        assert (checked["source"], faults) == ("file-none", [])
    assert warned(host) == [("one", NO_FILE), ("two", NO_FILE)]


def test_only_a_model_that_is_created_is_asked_about(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """A check with old inputs and an input with a fault send nothing about base and source."""
    old = {**inputs, **FILE}
    host.check(old, old)
    host.check({**old, "description": "changed"}, old)
    host.check({**old, "name": "a b"})
    assert emulator.requests(path="/v1/*") == []
    assert NO_FILE not in [text for _, text in warned(host)]
    host.check({**old, "description": "changed"})  # what the engine sends for a replacement
    assert warned(host)[-1] == ("m", NO_FILE)


def test_unknown_and_secret_inputs_are_left_alone(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """Nothing is sent about an unknown input, and no message has a secret source."""
    assert host.check({**inputs, "base_model": UNKNOWN, "source": UNKNOWN})[1] == []
    host.check({**inputs, **FILE, "ai_project_id": UNKNOWN})
    host.check({**inputs, **FILE, "secret_inputs": ["source", "base_model"]})
    assert emulator.requests() == []
    assert warned(host) == []


@pytest.mark.parametrize("value", ["false", "False", " false ", False])
def test_the_switch_turns_it_off(emulator: Emulator, inputs: dict[str, Any], value: Any) -> None:
    """With `preflight` false, as a text or as a provider's argument, a check sends nothing."""
    with HostHere(configured(emulator, preflight=value)) as host:
        assert host.check({**inputs, **FILE})[1] == []
        assert warned(host) == []
    assert emulator.requests() == []


@pytest.mark.parametrize("value", ["true", "True", True])
def test_the_switch_may_be_on(emulator: Emulator, inputs: dict[str, Any], value: Any) -> None:
    """`preflight` true is the default."""
    with HostHere(configured(emulator, preflight=value)) as host:
        host.check({**inputs, **FILE})
        assert warned(host) == [("m", NO_FILE)]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("no", " was given 'no', which"),
        ("", " was given '', which"),
        (1, " was given 1.0, which"),
        ("k" * 40, ""),
    ],
)
def test_another_value_of_the_switch_is_a_fault(
    emulator: Emulator, inputs: dict[str, Any], value: Any, shown: str
) -> None:
    """It is reported in one line with the place of the value, which is not shown if it may be a key."""
    with HostHere(configured(emulator, preflight=value)) as host:
        assert host.check(inputs)[1] == [("", f"nebius-models:preflight{shown} must be true or false")]
    with HostHere(configured(emulator, preflight=value, provider="eu")) as host:
        assert host.check(inputs)[1] == [("", f"preflight of Provider 'eu'{shown} must be true or false")]
    assert emulator.requests() == []


def test_a_service_that_refuses_or_fails_changes_nothing(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any]
) -> None:
    """A process makes one attempt, shows nothing, and every check succeeds."""
    emulator.add_fault(Fault(action="status", status=401, times=None))
    for number in range(20):
        assert host.check({**inputs, "source": f"file-{number}"}, name=f"m{number}")[1] == []
    assert warned(host) == []
    assert len(emulator.requests()) == 1


def test_an_archive_uploaded_in_the_same_run_is_known(
    host: HostHere, emulator: Emulator, inputs: dict[str, Any], tmp_path: Path
) -> None:
    """The list of files was read before the upload; the new file gives no warning, the missing one does."""
    provider = {"__provider": serialize_provider(ModelArchiveProvider())}
    folder = write_folder(tmp_path / "adapter", files())
    host.check({**inputs, **FILE})
    archive, _ = host.check({**provider, "path": str(folder)}, name="adapter")
    file_id, _ = host.create({**provider, **archive})
    host.check({**inputs, "source": file_id}, name="fresh")
    assert warned(host) == [("m", NO_FILE)]
    assert len(emulator.requests("GET", "/v1/files")) == 1
