"""What a preview shows about sources and bases that the service does not know, on each engine there is."""

from __future__ import annotations

import re

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import MakeStack, preview, replace_program
from tests.support.jobs import train

HEAD = """
from pulumi import ResourceOptions
from nebius_model_resource import CustomModel, Provider
B = "meta-llama/Meta-Llama-3.1-8B-Instruct"
"""
PROGRAM = """
CustomModel("no-file", base_model=B, source="file-none")
CustomModel("no-job", base_model=B, source="ftjob-none:ftckpt_1")
CustomModel("early", base_model=B, source="{running}:ftckpt_1")
CustomModel("no-checkpoint", base_model=B, source="{done}:ftckpt_none")
CustomModel("no-base", base_model="x/y", source="huggingface.co/org/repo")
CustomModel("good", base_model=B, source="{done}:{checkpoint}")
"""
QUIET = """
quiet = Provider("quiet", api_key={key!r}, base_url={url!r}, preflight=False)
CustomModel("unasked", base_model="x/y", source="file-none", opts=ResourceOptions(provider=quiet))
"""
WARNINGS = (
    (
        "the service does not know the file 'file-none' (deleted, or of another project?); "
        "creating the model 'no-file' will probably fail"
    ),
    "the service does not know the fine-tuning job 'ftjob-none' (deleted, or of another project?)",
    "is not finished (status 'running'",
    "has no checkpoint 'ftckpt_none'; creating the model 'no-checkpoint' will probably fail",
    "the service does not list the base model 'x/y'; creating the model 'no-base' will probably fail",
)


def test_a_preview_warns_of_what_the_service_does_not_know(make_stack: MakeStack, emulator: Emulator) -> None:
    """Each kind has its warning and is still planned; models that do not change are not looked up again."""
    emulator.settings.job_seconds = 1000
    running, done = train(emulator), train(emulator)
    emulator.finish_job(done)
    checkpoint = emulator.service.jobs.find(done).checkpoints[0]["id"]
    quiet = QUIET.format(key=emulator.api_key, url=emulator.url)
    program = PROGRAM.format(running=running, done=done, checkpoint=checkpoint)
    stack = make_stack(HEAD + program + quiet)
    emulator.clear_requests()
    result, warnings = preview(stack)
    shown = "\n".join(warnings)
    assert [each in shown for each in WARNINGS] == [True] * len(WARNINGS), shown
    warned = set(re.findall("creating the model '(.*?)' will", shown))
    assert warned == {"no-file", "no-job", "early", "no-checkpoint", "no-base"}
    assert result.change_summary["create"] >= 7
    assert len(emulator.requests(path="/v1/models")) == len(emulator.requests(path="/v1/files")) == 1

    replace_program(
        stack, HEAD + f'CustomModel("good", base_model=B, source="{done}:{checkpoint}")\n' + quiet
    )
    stack.up()
    emulator.clear_requests()
    assert set(stack.preview().change_summary) == {"same"}
    assert emulator.requests() == []
    replace_program(stack, HEAD + 'CustomModel("good", base_model=B, source="file-none")\n' + quiet)
    result, [warning] = preview(stack)
    assert "file 'file-none'" in warning
    assert result.change_summary["replace"] == 1
