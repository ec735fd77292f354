"""A stack that calls the model that it creates."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nebius_model_resource.testing.emulator import Emulator

    from .conftest import MakeStack

PROGRAM = """
import pulumi
import requests
from nebius_model_resource import CustomModel

bot = CustomModel("bot", base_model="meta-llama/Meta-Llama-3.1-8B-Instruct", source="huggingface.co/a/b")
config = pulumi.Config("nebius-models")


def ask(given):
    model, key = given
    answer = requests.post(
        config.require("baseUrl") + "/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json={"model": model, "messages": [{"role": "user", "content": "hello"}]},
        timeout=20,
    )
    answer.raise_for_status()
    return answer.json()


answer = pulumi.Output.all(bot.generated_name, config.require_secret("apiKey")).apply(ask)
pulumi.export("generated_name", bot.generated_name)
pulumi.export("answered_by", pulumi.Output.unsecret(answer.apply(lambda it: it["model"])))
pulumi.export("text", pulumi.Output.unsecret(answer.apply(lambda it: it["choices"][0]["message"]["content"])))
"""


def test_a_program_calls_the_model_that_it_creates(make_stack: MakeStack, emulator: Emulator) -> None:
    """The generated name can be called as soon as the program knows it, and no preview calls a model."""
    emulator.settings.completion_text = "tickets are answered"
    stack = make_stack(PROGRAM)
    stack.preview()
    assert emulator.requests(path="/v1/chat/completions") == []
    outputs = stack.up().outputs
    name = outputs["generated_name"].value
    assert (outputs["answered_by"].value, outputs["text"].value) == (name, "tickets are answered")
    [call] = emulator.requests(path="/v1/chat/completions")
    assert (call.status, call.body["model"]) == (200, name)
    stack.destroy()
    assert emulator.models() == []
