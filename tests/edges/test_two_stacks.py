"""Two stacks at once on one account, each with models of the same names: neither touches the other's."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support.host import DynamicHost, HostError, warm_host

NAMES = ("bot", "tool", "judge")


@pytest.fixture
def hosts(emulator: Emulator) -> Iterator[tuple[DynamicHost, DynamicHost]]:
    """A host for each stack."""
    config = {"nebius-models:apiKey": emulator.api_key, "nebius-models:baseUrl": emulator.url}
    with warm_host(config) as one, warm_host(config) as other:
        yield one, other


def inputs_of(name: str, stack: str) -> dict[str, Any]:
    return {"name": name, "base_model": "acme/Base", "source": "file-1", "description": f"of {stack}"}


def test_same_names_at_once(hosts: tuple[DynamicHost, DynamicHost], emulator: Emulator) -> None:
    """Both create, read and delete models of the same names at once and lose answers: each uses only its own."""
    emulator.add_fault(Fault(method="POST", action="close", effect="after", times=4))
    stacks = dict(zip(("one", "other"), hosts, strict=True))
    jobs = [(stack, name) for name in NAMES for stack in stacks]

    def create(job: tuple[str, str]) -> tuple[str, dict[str, Any]]:
        return stacks[job[0]].create(inputs_of(job[1], job[0]), name=job[1])

    with ThreadPoolExecutor(len(jobs)) as pool:
        held = dict(zip(jobs, pool.map(create, jobs), strict=True))
    live = {model["name"]: model["description"] for model in emulator.models()}
    assert {id_: f"of {stack}" for (stack, _), (id_, _) in held.items()} == live
    for (stack, name), made in held.items():
        if stack == "one":
            stacks["one"].delete(*made, name=name)
    assert set(emulator_names(emulator)) == {made[0] for (stack, _), made in held.items() if stack == "other"}
    for (stack, name), made in held.items():
        if stack == "other":
            assert stacks["other"].read(*made, name=name)[0] == made[0]


def emulator_names(emulator: Emulator) -> list[str]:
    return [model["name"] for model in emulator.models()]


def test_equal_in_everything_and_both_unanswered(
    hosts: tuple[DynamicHost, DynamicHost], emulator: Emulator
) -> None:
    """If equal models are created at once and both answers are lost, no stack can know which model is its own.

    Even then, none is deleted and no third one is created.
    """
    emulator.add_fault(Fault(method="POST", action="close", effect="after", times=2))
    emulator.settings.missing_lists = 2  # so that mostly both are created before either is visible
    inputs = inputs_of("bot", "both")

    def create(host: DynamicHost) -> None:
        with suppress(HostError):  # more candidates than creates of its own: it stops, and names both
            host.create(inputs, timeout=20)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(create, hosts))
    assert len(emulator_names(emulator)) == 2
    assert emulator.requests("DELETE") == []
