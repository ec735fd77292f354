"""A dynamic provider written like Pulumi's own examples: one request after the other, and a sleep between reads."""

import os
import time
from typing import Any

import pulumi
import requests
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider

INPUTS = ("name", "base_model", "source", "description")


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send one request."""
    answer = requests.request(
        method,
        os.environ["NEBIUS_BASE_URL"] + path,
        json=body,
        headers={"Authorization": f"Bearer {os.environ['NEBIUS_API_KEY']}"},
        timeout=30,
    )
    answer.raise_for_status()
    return answer.json()


def outputs(props: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """The state of one model."""
    told = {"generated_name": model["name"], "status": model["status"], "created_at": model["created_at"]}
    return {**props, **told}


class NaiveProvider(ResourceProvider):
    """Create and poll by name each second, read by name, delete by name."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        model = call("POST", "/v0/models", {name: props[name] for name in INPUTS})
        while model["status"] != "active":
            time.sleep(1)
            model = call("GET", f"/v0/models/{model['name']}")
        return CreateResult(model["name"], outputs(props, model))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        changed = [name for name in INPUTS if _olds.get(name) != _news.get(name)]
        return DiffResult(changes=bool(changed), replaces=changed)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, outputs(props, call("GET", f"/v0/models/{id_}")))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        call("DELETE", f"/v0/models/{_id}")


class NaiveModel(Resource):
    """A model of the naive provider."""

    generated_name: pulumi.Output[str]
    status: pulumi.Output[str]
    created_at: pulumi.Output[int]

    def __init__(self, name: str, **props: Any) -> None:
        computed = {"generated_name": None, "status": None, "created_at": None}
        super().__init__(NaiveProvider(), name, {"name": name, **props, **computed})


def declare() -> None:
    """Declare the models."""
    for number in range(int(os.environ["BENCHMARK_MODELS"])):
        NaiveModel(
            f"m{number}",
            base_model="meta-llama/Meta-Llama-3.1-8B-Instruct",
            source=f"ftjob-bench:ftckpt_{number}",
            description="measured",
        )
