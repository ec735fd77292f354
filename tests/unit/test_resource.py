"""`CustomModel` in the unit tests of a program, which have mocks for an engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, mocks, set_mocks

from nebius_model_resource import CustomModel


class Recorder(Mocks):
    """Makes whatever is asked for, and remembers the types."""

    def __init__(self) -> None:
        self.types: list[str] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[object, object]]:
        self.types.append(args.typ)
        return f"{args.name}-id", dict(args.inputs)

    def call(self, args: MockCallArgs) -> tuple[dict[object, object], None]:
        return {}, None


def run(program: Callable[[], Any]) -> None:
    """Run a program as `@pulumi.runtime.test` does."""
    mocks.test(program)()  # type: ignore[no-untyped-call]


def adopt(resource_name: str, name: str = "bot-AbCd") -> CustomModel:
    """A declaration that adopts a model."""
    opts = pulumi.ResourceOptions(import_=name)
    return CustomModel(resource_name, base_model="a/b", source="file-1", opts=opts)


@pytest.mark.parametrize("number", [1, 2])
def test_tests_that_share_a_process_may_adopt_the_same_model(number: int) -> None:
    """With mocks each test declares what it likes: all of them share one root."""
    recorder = Recorder()
    set_mocks(recorder)
    names: list[str] = []

    def declare() -> pulumi.Output[None]:
        adopt(f"other{number}")
        return adopt(f"bot{number}").name.apply(names.append)

    run(declare)
    assert names == [f"bot{number}"]
    assert recorder.types == ["pulumi-python:dynamic/nebius:CustomModel"] * 2


def test_a_subclass_keeps_the_type_of_its_parent() -> None:
    """A subclass of a subclass too; one that names a type of its own has that."""

    class Bot(CustomModel):
        pass

    class TicketBot(Bot):
        pass

    class Other(CustomModel, module="acme", name="Model"):
        pass

    recorder = Recorder()
    set_mocks(recorder)
    for kind in (Bot, TicketBot, Other):
        run(partial(kind, "bot", base_model="a/b", source="file-1"))
    dynamic = "pulumi-python:dynamic"
    assert recorder.types == [f"{dynamic}/nebius:CustomModel"] * 2 + [f"{dynamic}/acme:Model"]
