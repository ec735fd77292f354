"""A question to an endpoint, in place of whatever calls it in your stack, such as the test of a release.

A dynamic resource: it asks once, and again when the endpoint or the question changes.
"""

import os
from typing import Any

import pulumi
import requests
from pulumi.dynamic import ConfigureRequest, CreateResult, Resource, ResourceProvider, UpdateResult

SECONDS = 120  # for one answer


class QuestionProvider(ResourceProvider):
    """Posts the question to the chat completions of the endpoint."""

    def configure(self, req: ConfigureRequest) -> None:
        """Take the key of the stack. It is no input of the resource, so it is not in the resource's state."""
        self._key = req.config.get("nebius-models:apiKey") or os.environ["NEBIUS_API_KEY"]

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Ask."""
        return CreateResult("question", self._with_answer(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Ask again."""
        return UpdateResult(self._with_answer(news))

    def _with_answer(self, props: dict[str, Any]) -> dict[str, Any]:
        reply = requests.post(
            f"{props['url']}/chat/completions",
            json={"model": props["model"], "messages": [{"role": "user", "content": props["text"]}]},
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=SECONDS,
        )
        reply.raise_for_status()
        return {**props, "answer": reply.json()["choices"][0]["message"]["content"]}


class Question(Resource):
    """Asks a model once."""

    answer: pulumi.Output[str]

    def __init__(self, name: str, text: str, model: pulumi.Input[str], url: pulumi.Input[str]) -> None:
        props = {"text": text, "model": model, "url": url, "answer": None}
        super().__init__(QuestionProvider(), name, props)
