"""A provider that does only the HTTP call: one POST, one GET, one DELETE, over kept-alive connections; it never waits.

The package's share of the time is what it takes beyond this provider. The resource here declares the same properties
as ``CustomModel``, so that the SDK and the engine carry the same, and it loads ``requests`` just before the first
call.
"""

import os
from functools import lru_cache
from typing import Any

from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider

INPUTS = ("name", "base_model", "source", "description")


@lru_cache(maxsize=1)
def session() -> Any:
    """One session for all of the process."""
    import requests
    from requests.adapters import HTTPAdapter

    opened = requests.Session()
    opened.headers["Authorization"] = f"Bearer {os.environ['NEBIUS_API_KEY']}"
    opened.mount("http://", HTTPAdapter(pool_maxsize=64))
    return opened


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send one request."""
    url = f"{os.environ['NEBIUS_BASE_URL']}/v0/models{path}"
    answer = session().request(method, url, json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()


def outputs(props: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """The state of one model."""
    told = {"generated_name": model["name"], "status": model["status"], "created_at": model["created_at"]}
    return {**props, **told}


class BareProvider(ResourceProvider):
    """One request for a create, a read or a delete, none for anything else."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        answer = call("POST", "", {name: props[name] for name in INPUTS})
        return CreateResult(answer["name"], outputs(props, answer))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        changed = [name for name in INPUTS if _olds.get(name) != _news.get(name)]
        return DiffResult(changes=bool(changed), replaces=changed)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, outputs(props, call("GET", f"/{id_}")))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        call("DELETE", f"/{_id}")


class BareModel(Resource, module="bare", name="CustomModel"):
    """A model of the bare provider."""

    def __init__(self, name: str, *, base_model: str, source: str, description: str) -> None:
        props: dict[str, Any] = {
            "name": name,
            "base_model": base_model,
            "source": source,
            "description": description,
            "ai_project_id": None,
            "wait_for_active": True,
            "generated_name": None,
            "status": None,
            "status_reason": None,
            "created_at": None,
        }
        super().__init__(BareProvider(), name, props)


def declare() -> None:
    """Declare the models."""
    for number in range(int(os.environ["BENCHMARK_MODELS"])):
        BareModel(
            f"m{number}",
            base_model="meta-llama/Meta-Llama-3.1-8B-Instruct",
            source=f"ftjob-bench:ftckpt_{number}",
            description="measured",
        )
