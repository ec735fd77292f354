"""Adopting and reading models that exist already, in the real host."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from nebius_model_resource.testing.emulator import Emulator
from tests.support.host import URN, HostError, dynamic_only
from tests.support.host_here import HostHere

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"
SOURCE = "ftjob-0123:ftckpt_4567"
_numbers = itertools.count()


def by_hand(service: Emulator, **changes: Any) -> str:
    """A model that was created without Pulumi."""
    return service.add_model(
        **{"name": "bot", "base_model": BASE, "source": SOURCE, "description": "by hand", **changes}
    )


def declared(generated_name: str, /, **changes: Any) -> dict[str, Any]:
    """The inputs that fit :func:`by_hand`, adopting that model."""
    return {
        "name": "bot",
        "base_model": BASE,
        "source": SOURCE,
        "description": "by hand",
        "wait_for_active": True,
        "import_id": generated_name,
        **changes,
    }


@pytest.fixture
def resource() -> str:
    """A resource name that no other test of the shared host uses."""
    return f"r{next(_numbers)}"


def adopt(host: HostHere, inputs: dict[str, Any], resource: str) -> tuple[str, dict[str, Any]]:
    checked, faults = host.check(inputs, name=resource)
    assert faults == []
    return host.create(checked, name=resource)


@dynamic_only
@pytest.mark.parametrize("spelling", ["full", "short"])
def test_adoption_posts_nothing_and_leaves_the_state_of_a_create(
    shared_host: HostHere, service: Emulator, resource: str, spelling: str
) -> None:
    """A model is adopted by its full or short name without a POST, and the state has no trace of the adoption."""
    name = by_hand(service)
    given = name if spelling == "full" else name.rpartition(":")[2]
    id_, outputs = adopt(shared_host, declared(given), resource)
    [model] = service.models()
    assert id_ == name
    assert outputs == {
        "name": "bot",
        "base_model": BASE,
        "source": SOURCE,
        "description": "by hand",
        "wait_for_active": True,
        "generated_name": name,
        "status": "active",
        "created_at": model["created_at"],
    }
    assert {request.method for request in service.requests()} == {"GET"}


@dynamic_only
def test_adoption_is_shown_in_the_row(shared_host: HostHere, service: Emulator, resource: str) -> None:
    """A preview says what would be adopted, and an up says that it was adopted and that nothing was created."""
    name = by_hand(service)
    adopt(shared_host, declared(name), resource)
    told = [log.message for log in shared_host.engine.logs if log.urn == URN + resource]
    assert told == [
        f"adopts {name}: nothing will be created",
        f"adopted {name}: nothing was created",
    ]


DIFFERENCES = [
    ("name", "but", "bot"),
    ("base_model", "meta-llama/Other", BASE),
    ("source", "file-1", SOURCE),
    ("description", "else", "by hand"),
    ("description", None, "by hand"),
]


@dynamic_only
@pytest.mark.parametrize(("prop", "given", "live"), DIFFERENCES)
def test_a_difference_is_reported_at_preview(
    shared_host: HostHere, service: Emulator, resource: str, prop: str, given: str | None, live: str
) -> None:
    """A value that differs at the service is a fault of its property, with both values and what to do."""
    name = by_hand(service)
    _, faults = shared_host.check(declared(name, **{prop: given}), name=resource)
    [(property_, reason)] = faults
    assert property_ == prop
    assert reason == (
        f"given {given!r} / live {live!r}: declare the live value to adopt the model, "
        "or remove `import_` to create a new one"
    )


@dynamic_only
def test_each_difference_is_shown_at_once(shared_host: HostHere, service: Emulator, resource: str) -> None:
    """Four differing properties are four faults of one preview, and create refuses them as well."""
    other = {"name": "but", "base_model": "a/b", "source": "file-1", "description": "else"}
    inputs = declared(by_hand(service), **other)
    _, faults = shared_host.check(inputs, name=resource)
    assert [prop for prop, _ in faults] == list(other)
    with pytest.raises(HostError, match=r"name: given 'but' / live 'bot'.*description: given 'else'"):
        shared_host.create(inputs, name=resource)
    with pytest.raises(HostError, match="description: given None / live 'by hand'"):
        shared_host.create(declared(by_hand(service), description=None), name=resource)


@dynamic_only
@pytest.mark.parametrize(
    ("live", "given"),
    [
        ({"source": "huggingface.co/org/repo"}, {"source": "https://huggingface.co/org/repo"}),
        ({"base_model": "Qwen/Qwen3-4B"}, {"base_model": "Qwen/Qwen3-4B-fast"}),
        ({"description": None}, {"description": ""}),
        ({"source": "file-0193"}, {"source": "file-0193"}),
    ],
)
def test_equal_spellings_are_no_difference(
    shared_host: HostHere, service: Emulator, resource: str, live: dict[str, Any], given: dict[str, Any]
) -> None:
    """Values with the same meaning are adopted: hub addresses, a base without its flavour, an empty description."""
    _, faults = shared_host.check(declared(by_hand(service, **live), **given), name=resource)
    assert faults == []


@dynamic_only
@pytest.mark.parametrize("hidden", [False, True])
def test_a_name_that_does_not_exist_is_refused_at_preview(
    shared_host: HostHere, service: Emulator, resource: str, hidden: bool
) -> None:
    """A missing model is refused with the command that lists the models, even if the service says 403."""
    service.settings.hidden_missing = hidden
    _, [(prop, reason)] = shared_host.check(declared("bot-AbCd"), name=resource)
    assert prop == ""
    assert reason == (
        "`import_`: there is no model 'bot-AbCd' at the service: `nebius-models list` shows what there is"
    )


@dynamic_only
def test_an_inactive_model_is_refused_at_preview(
    shared_host: HostHere, service: Emulator, resource: str
) -> None:
    """A model in another status is refused with that status and the service's reason."""
    name = by_hand(service, status="error")
    service.change_model(name, status_reason="adapter_config.json is missing")
    _, [(_, reason)] = shared_host.check(declared(name), name=resource)
    assert f"{name!r} is error (adapter_config.json is missing): only an active model" in reason


@dynamic_only
def test_values_not_known_yet_are_left_alone(shared_host: HostHere, service: Emulator, resource: str) -> None:
    """An input that is unknown in a preview is compared by create, when it is known."""
    from pulumi.runtime.rpc import UNKNOWN

    name = by_hand(service)
    _, faults = shared_host.check(declared(name, description=UNKNOWN), name=resource)
    assert faults == []
    with pytest.raises(HostError, match="description: given 'late' / live 'by hand'"):
        shared_host.create(declared(name, description="late"), name=resource)


@dynamic_only
def test_import_is_heeded_by_create_alone(shared_host: HostHere, service: Emulator, resource: str) -> None:
    """Once the state holds the model, `import_` may stay, change or go without a diff, and is not in the inputs."""
    name = by_hand(service)
    id_, outputs = adopt(shared_host, declared(name), resource)
    for import_id in (name, "another-AbCd", None):
        checked, faults = shared_host.check(declared(name, import_id=import_id), outputs, resource)
        assert faults == []
        assert "import_id" not in checked
        assert shared_host.diff(id_, outputs, checked, resource).changes == 1  # DIFF_NONE


@pytest.mark.parametrize("holder_first", [True, False])
def test_nothing_is_refused_for_what_another_resource_holds(
    shared_host: HostHere, service: Emulator, resource: str, holder_first: bool
) -> None:
    """A check, a diff and a read of one model under two URNs all succeed, in either order: a URN is not an identity."""
    name = by_hand(service)
    inputs = declared(name, import_id=None)
    outputs = {**inputs, "generated_name": name, "status": "active"}

    def hold() -> None:
        assert shared_host.diff(name, outputs, inputs, resource).changes == 1  # DIFF_NONE
        assert shared_host.read(name, outputs, resource)[0] == name

    def adopt_too() -> None:
        assert shared_host.check(declared(name), name=resource + "-two")[1] == []
        assert shared_host.check(declared(name.rpartition(":")[2]), name=resource + "-three")[1] == []

    for step in (hold, adopt_too) if holder_first else (adopt_too, hold):
        step()


def test_a_model_seen_under_another_urn_is_deleted(
    shared_host: HostHere, service: Emulator, resource: str
) -> None:
    """If a renamed resource is replaced, its diff comes under the new URN and its deletion under the old one."""
    name = by_hand(service)
    inputs = declared(name, import_id=None)
    outputs = {**inputs, "generated_name": name, "status": "active"}
    shared_host.check(inputs, outputs, resource + "-new")
    shared_host.diff(name, outputs, {**inputs, "description": "new"}, resource + "-new")
    shared_host.read(name, outputs, resource + "-new")
    shared_host.delete(name, outputs, name=resource)
    assert service.models() == []


@dynamic_only
def test_a_replacement_that_adopts_what_it_replaces_does_not_lose_it(
    shared_host: HostHere, service: Emulator, resource: str
) -> None:
    """A replacement that still has `import_` adopts the model again, and the deletion leaves it alone."""
    name = by_hand(service)
    id_, outputs = adopt(shared_host, declared(name), resource)
    news = declared(name, ai_project_id="aiproject-e00emulator")  # a change that the service does not know
    checked, _ = shared_host.check(news, outputs, resource)
    assert list(shared_host.diff(id_, outputs, checked, resource).replaces) == ["ai_project_id"]
    assert adopt(shared_host, news, resource)[0] == name
    shared_host.delete(id_, outputs, name=resource)
    assert [model["name"] for model in service.models()] == [name]


@dynamic_only
def test_a_replacement_may_adopt_another_model(
    shared_host: HostHere, service: Emulator, resource: str
) -> None:
    """With another model in `import_` the replacement adopts that one, and the old one is deleted."""
    old, new = by_hand(service), by_hand(service, description="new")
    outputs = declared(old, import_id=None, status="active")
    news = declared(new, description="new")
    assert list(shared_host.diff(old, outputs, news, resource).replaces) == ["description"]
    assert adopt(shared_host, news, resource)[0] == new
    shared_host.delete(old, outputs, name=resource)
    assert [model["name"] for model in service.models()] == [new]


@dynamic_only
def test_what_was_adopted_is_not_deleted_by_the_same_operation(
    shared_host: HostHere, service: Emulator, resource: str
) -> None:
    """The engine's deletion of the old resource, after its model was adopted, leaves the model alone."""
    name = by_hand(service)
    id_, outputs = adopt(shared_host, declared(name), resource)
    shared_host.delete(id_, outputs, name=resource + "-old")
    shared_host.delete(id_, outputs, name=resource)
    assert [model["name"] for model in service.models()] == [name]
    [told] = [log for log in shared_host.engine.logs if log.urn == URN + resource + "-old"]
    assert told.message == f"not deleted: {name!r} was adopted in this run"
    assert not told.ephemeral


@dynamic_only
def test_an_adopted_model_is_deleted_by_a_later_operation(
    emulator: Emulator, host: HostHere, resource: str
) -> None:
    """A destroy, which has a host of its own, deletes an adopted model like any other."""
    name = by_hand(emulator)
    host.delete(name, declared(name, status="active"), name=resource)
    assert emulator.models() == []


def test_get_has_as_outputs_all_that_the_service_knows(
    shared_host: HostHere, service: Emulator, resource: str
) -> None:
    """`CustomModel.get` by a short name returns the full id, the arguments as outputs, and no inputs."""
    name = by_hand(service)
    [model] = service.models()
    id_, outputs, inputs = shared_host.read(name.rpartition(":")[2], {}, resource)
    assert id_ == name
    assert inputs == {}
    assert outputs == {
        "name": "bot",
        "base_model": BASE,
        "source": SOURCE,
        "description": "by hand",
        "wait_for_active": True,
        "generated_name": name,
        "status": "active",
        "created_at": model["created_at"],
    }


@pytest.mark.parametrize("hidden", [False, True])
def test_get_of_a_missing_model_fails_with_one_line(
    shared_host: HostHere, service: Emulator, resource: str, hidden: bool
) -> None:
    """A name that does not exist fails with what to do, even if the service says 403."""
    service.settings.hidden_missing = hidden
    with pytest.raises(HostError) as caught:
        shared_host.read("bot-AbCd", {}, resource)
    assert caught.value.message == (
        "there is no model 'bot-AbCd' at the service: `nebius-models list` shows what there is"
    )


def test_what_is_only_read_from_now_on_is_not_deleted(
    shared_host: HostHere, service: Emulator, resource: str
) -> None:
    """A resource that becomes a `get` of its own model releases the model without deleting it."""
    name = by_hand(service)
    id_, outputs, _ = shared_host.read(name.rpartition(":")[2], {}, resource)
    shared_host.delete(id_, outputs, name=resource)
    assert [model["name"] for model in service.models()] == [name]
    [told] = [log for log in shared_host.engine.logs if log.urn == URN + resource]
    assert told.message == f"not deleted: this resource now reads {name!r} with `CustomModel.get`"
    assert not told.ephemeral
    shared_host.delete(id_, outputs, name=resource + "-owner")
    assert service.models() == []
