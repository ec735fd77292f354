"""Models from the checkpoints of fine-tuning jobs, on each engine there is."""

from __future__ import annotations

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import MakeStack, replace_program
from tests.support.jobs import train

HEAD = """
import pulumi
from nebius_model_resource import (
    CustomModel, get_fine_tuning_checkpoints, get_fine_tuning_checkpoints_output, get_latest_checkpoint,
    get_latest_checkpoint_output)
"""
TUNED = """
B = "meta-llama/Meta-Llama-3.1-8B-Instruct"
latest = get_latest_checkpoint({job!r})
tuned = CustomModel("tuned", base_model=B, source=latest.source)
twin = CustomModel("twin", base_model=B, source=get_latest_checkpoint_output(tuned.source.apply(
    lambda source: source.split(":")[0])).source)
pulumi.export("sources", [tuned.source, twin.source])
pulumi.export("steps", [each.step_number for each in get_fine_tuning_checkpoints({job!r})])
pulumi.export("losses", get_fine_tuning_checkpoints_output(pulumi.Output.from_input({job!r})).apply(
    lambda found: [each.metrics["train_loss"] for each in found]))
"""


def test_models_are_created_from_the_latest_checkpoint_of_a_job(
    make_stack: MakeStack, emulator: Emulator
) -> None:
    """The plain functions and those on outputs return the same source, and a second job replaces the models."""
    emulator.settings.job_seconds = 0
    job, later = train(emulator, epochs=2), train(emulator, epochs=3)
    stack = make_stack(HEAD + TUNED.format(job=job))
    stack.preview()
    outputs = {name: output.value for name, output in stack.up().outputs.items()}
    one, other = outputs["sources"]
    assert one == other
    assert one.startswith(f"{job}:ftckpt_")
    assert (outputs["steps"], outputs["losses"]) == ([13, 26], [0.5, 0.3333])
    assert [model["source"] for model in emulator.models()] == [one] * 2
    assert set(stack.preview().change_summary) == {"same"}
    replace_program(stack, HEAD + TUNED.format(job=later))
    assert stack.up().summary.resource_changes["replace"] == 2
    assert {model["source"].partition(":")[0] for model in emulator.models()} == {later}
