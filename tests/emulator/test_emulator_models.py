from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebius_model_resource.testing.emulator import Emulator

from .conftest import BASE, SOURCE, Api, Clock

STEPS = {
    ("validating", "active"),
    ("validating", "error"),
    *((state, "deleted") for state in ("validating", "active", "error")),
}


def test_create_answers_the_documented_fields(api: Api) -> None:
    """Create answers 200 with exactly the documented fields, the full name and times in whole seconds."""
    answer = api.create(description="a description")
    document = answer.json()
    assert answer.status_code == 200
    assert re.fullmatch(re.escape(f"{BASE}-LoRa:my-model-") + "[A-Za-z]{4}", document.pop("name"))
    assert document == {
        "base_model": BASE,
        "source": SOURCE,
        "created_at": 1765431401,
        "status": "validating",
        "description": "a description",
    }


def test_read_answers_the_fields_seen_live(api: Api) -> None:
    """A read has exactly the fields and values of the captured answers."""
    name = api.created(description="text")
    assert api.read(name).json() == {
        "type": "text2text",
        "name": name,
        "status": "validating",
        "status_reason": None,
        "checkpoint_id": "ftckpt_2",
        "job_id": "ftjob-1",
        "file_id": None,
        "url": None,
        "created_at": 1765431401,
        "description": "text",
        "vendor": "meta",
        "tags": ["128K context", "small", "JSON mode", "lora"],
        "use_cases": ["lora"],
        "quality": 73,
        "context_window_k": 128,
        "size_b": 8.03,
    }


@pytest.mark.parametrize(
    ("source", "filled"),
    [
        ("ftjob-1:ftckpt_2", {"job_id": "ftjob-1", "checkpoint_id": "ftckpt_2"}),
        ("file-1", {"file_id": "file-1"}),
        ("huggingface.co/org/repo", {"url": "huggingface.co/org/repo"}),
        ("https://huggingface.co/org/repo", {"url": "https://huggingface.co/org/repo"}),
    ],
)
def test_the_source_fills_its_own_fields(api: Api, source: str, filled: dict[str, str]) -> None:
    """The form of the source decides which of the four origin fields have values."""
    document = api.read(api.created(source=source)).json()
    origin = {field: document[field] for field in ("checkpoint_id", "job_id", "file_id", "url")}
    assert {field: value for field, value in origin.items() if value is not None} == filled


def test_list_is_a_bare_array_newest_last(api: Api) -> None:
    """A list is a bare array of what reads answer, the newest last; the default project has several spellings."""
    names = [api.created(ai_project_id=each) for each in (None, "null", "", "aiproject-e00emulator")]
    for project in (None, "null", "", "aiproject-e00emulator"):
        assert [each["name"] for each in api.list(project)] == names
    assert api.list() == [api.read(name).json() for name in names]
    assert len(set(names)) == 4


def test_delete_answers_the_create_shape_once(api: Api) -> None:
    """Delete returns the object of the create with status deleted; after it the model is gone everywhere."""
    created = api.create().json()
    answer = api.delete(created["name"])
    assert answer.status_code == 200
    assert answer.json() == {**created, "status": "deleted"}
    assert api.delete(created["name"]).status_code == 404
    assert api.read(created["name"]).status_code == 404
    assert api.list() == []
    assert api.emulator.models() == []


@pytest.mark.parametrize("look", ["read", "list", "call"])
def test_validation_needs_time_and_a_look(emulator: Emulator, api: Api, clock: Clock, look: str) -> None:
    """A model is active only after its time has passed and it has been seen validating that often."""
    emulator.settings.validating_reads = 2
    name = api.created()

    def is_active() -> bool:
        if look == "call":
            body = {"model": name, "messages": [{"role": "user", "content": "hi"}]}
            return api.call("POST", "/v1/chat/completions", json=body).status_code == 200
        document = api.read(name).json() if look == "read" else api.list()[0]
        return bool(document["status"] == "active")

    seen = []
    for seconds in (4, 0.9, 0.1):
        clock.advance(seconds)
        seen.append(is_active())
    assert seen == [False, False, True]
    emulator.settings.validating_reads = 0
    assert api.read(api.created()).json()["status"] == "validating"


def test_a_project_has_its_own_models(api: Api) -> None:
    """A list with a project has only that project's models; reads and deletes by name reach all."""
    mine = api.created(name="mine")
    theirs = api.created(name="theirs", ai_project_id="aiproject-e00other")
    assert [each["name"] for each in api.list()] == [mine]
    assert [each["name"] for each in api.list("aiproject-e00other")] == [theirs]
    assert api.read(theirs).status_code == 200
    assert api.delete(theirs).status_code == 200


def test_a_key_of_a_project_acts_for_that_project_only(
    emulator: Emulator, api: Api, as_key: Callable[[str | None], Api]
) -> None:
    """A key with a project uses that project by default, and is refused for any other."""
    emulator.settings.api_keys = {"other-key": "aiproject-e00other"}
    other = as_key("other-key")
    name = other.created()
    assert api.list() == []
    assert [each["name"] for each in api.list("aiproject-e00other")] == [name]
    assert [each["name"] for each in other.list()] == [name]
    assert other.create(ai_project_id="aiproject-e00third").status_code == 403


def test_a_seed_makes_no_name_twice_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    """Names of an earlier run are not used again, even with the same seed; the state file is plain JSON."""
    names: list[str] = []
    file = tmp_path / "state.json"
    for _ in range(2):
        emulator = Emulator(clock=clock, seed=1, state_file=file)
        names += [emulator.add_model(name="x", base_model=BASE, source=SOURCE) for _ in range(3)]
    assert len(set(names)) == 6
    assert [model["name"] for model in json.loads(file.read_text())["models"]] == names
    assert list(tmp_path.iterdir()) == [file]
    assert [model["name"] for model in emulator.models()] == names


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["read", "list", "delete", "wait"]), st.floats(0, 5)), max_size=12
    ),
    settings=st.fixed_dictionaries(
        {
            "validation_seconds": st.floats(0, 8),
            "validating_reads": st.integers(0, 3),
            "missing_reads": st.integers(0, 2),
            "missing_lists": st.integers(0, 2),
            "after_delete": st.sampled_from(["gone", "deleted"]),
            "failing_names": st.sampled_from([{}, {"my-model": "no such checkpoint"}]),
        }
    ),
)
def test_a_model_walks_along_declared_steps_only(
    steps: list[tuple[str, float]], settings: dict[str, Any]
) -> None:
    """Whatever is read, listed, deleted or waited for, a model ends as active or error, and then deleted."""
    clock = Clock()
    api = Api(Emulator(clock=clock, seed=1, **settings), clock)
    name, seen = api.created(), ["validating"]
    for action, seconds in steps:
        clock.advance(seconds)
        found = api.list() if action == "list" else []
        if action in {"read", "delete"}:
            answer = getattr(api, action)(name)
            found = [answer.json()] if answer.status_code == 200 else []
        seen += [each["status"] for each in found]
    changes = {(old, new) for old, new in itertools.pairwise(seen) if old != new}
    assert changes <= STEPS
