"""Creates that lose their answers at the same time; the test controls the order of each step."""

from __future__ import annotations

import gc
from dataclasses import replace

import pytest

from nebius_model_resource._api.client import NebiusClient
from nebius_model_resource._api.deadline import Deadline
from nebius_model_resource._api.models import Inputs, ModelInfo
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._lifecycle.create import Creator
from nebius_model_resource._lifecycle.lifecycle import Lifecycle
from nebius_model_resource._lifecycle.lost_answers import LostAnswers
from nebius_model_resource._lifecycle.matching import Kind
from nebius_model_resource._lifecycle.operation import Operation, Report
from nebius_model_resource.errors import AmbiguousCreate, AnswerLost, NotSent
from nebius_model_resource.testing.emulator import Emulator, Fault

INPUTS = Inputs("twin", "acme/Base", "file-1")


def _mark(creates: LostAnswers) -> int:
    mark = creates.posts_so_far(Kind.of(INPUTS))
    assert mark is not None
    return mark


def test_a_search_begins_before_another_has_looked() -> None:
    """One create searches while another has lost its answer and not searched yet: each gets a model of its own."""
    names: list[str] = []

    def no_sleep(seconds: float) -> None:
        pytest.fail(f"a pause of {seconds} s: the first look did not find the model")

    with Emulator() as emulator, NebiusClient(Settings(emulator.url, emulator.api_key)) as client:
        emulator.add_fault(Fault(method="POST", action="close", effect="after", times=2))
        creator = Creator(client)

        def post(reported: Report) -> None:
            names.append(creator.create(INPUTS, Operation(Deadline.after(60, sleep=no_sleep), reported)).name)

        silent = Report(lambda _: None, lambda _: None)
        post(Report(lambda _: post(silent), lambda _: None))
        assert sorted(names) == sorted(model["name"] for model in emulator.models())
    assert len(set(names)) == 2


def test_an_adopted_model_is_taken_by_no_create() -> None:
    """A model that this process adopts is not taken for the model of an equal create that loses its answer."""
    with Emulator() as emulator, NebiusClient(Settings(emulator.url, emulator.api_key)) as client:
        adopted = emulator.add_model(
            name=INPUTS.name,
            base_model=INPUTS.base_model,
            source=INPUTS.source,
            description=INPUTS.description,
        )
        lifecycle = Lifecycle(client)
        operation = Operation(Deadline.after(60, sleep=lambda _seconds: None))
        lifecycle.create(replace(INPUTS, import_id=adopted), operation)
        emulator.settings.active_on_create = True
        emulator.add_fault(Fault(method="POST", action="close", effect="before"))
        created = lifecycle.create(INPUTS, operation)
        assert created.generated_name != adopted
        assert len(emulator.models()) == 2


def test_a_model_that_was_given_out_leaves_no_room_for_another() -> None:
    """If one of two creates has its model, two candidates for the other are ambiguous, and stay."""
    kind = Kind.of(INPUTS)
    creates = LostAnswers()
    for _ in range(2):
        with pytest.raises(AnswerLost), creates.during_post(kind):
            raise AnswerLost("reset")
    models = [ModelInfo(f"acme/Base-LoRa:twin-{code}") for code in ("AAAA", "BBBB", "CCCC")]
    assert creates.assign(kind, 2, models[:2], since=0) == models[0]
    with pytest.raises(AmbiguousCreate):
        creates.assign(kind, 2, models, since=0)
    assert creates.assign(kind, 2, models[:2], since=0) == models[1]
    assert creates.assign(kind, _mark(creates), models[:2], since=0) is None


def test_an_error_that_made_nothing_leaves_nothing_to_share_out() -> None:
    """A refused create waits for no model: one like its own belongs to another."""
    kind = Kind.of(INPUTS)
    creates = LostAnswers()
    with pytest.raises(NotSent), creates.during_post(kind):
        raise NotSent("no route")
    with pytest.raises(AmbiguousCreate):
        creates.assign(kind, _mark(creates), [ModelInfo("acme/Base-LoRa:twin-AAAA")], since=0)


def test_a_create_that_is_over_leaves_nothing_of_itself_in_memory() -> None:
    """A host that creates many models keeps none of their inputs in memory, with and without lost answers."""

    def kinds() -> int:
        gc.collect()
        return sum(isinstance(each, Kind) for each in gc.get_objects())

    before = kinds()
    with Emulator(active_on_create=True) as emulator:
        client = NebiusClient(Settings(emulator.url, emulator.api_key))
        lifecycle = Lifecycle(client)
        emulator.add_fault(Fault(method="POST", action="close", effect="after", times=3))
        for number in range(20):
            operation = Operation(Deadline.after(60, sleep=lambda _: None))
            lifecycle.create(Inputs(f"bot-{number}", "acme/Base", "file-1"), operation)
        assert kinds() == before
        client.connection.close()
