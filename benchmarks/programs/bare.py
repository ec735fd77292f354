"""A provider that does only the HTTP call: one POST, one DELETE, over kept-alive connections, and never waits.

What the package takes beyond it is the package's share of the time. It reads nothing at a refresh, and loads
``requests`` when it is about to call.
"""

import os
from functools import lru_cache
from typing import Any

from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider

INPUTS = ("name", "base_model", "source", "description")


@lru_cache(maxsize=1)
def session() -> Any:
    """One session for the whole process."""
    import requests
    from requests.adapters import HTTPAdapter

    opened = requests.Session()
    opened.headers["Authorization"] = f"Bearer {os.environ['NEBIUS_API_KEY']}"
    opened.mount("http://", HTTPAdapter(pool_maxsize=64))
    return opened


class BareProvider(ResourceProvider):
    """One request for a create, one for a delete, none for anything else."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        body = {name: props[name] for name in INPUTS}
        answer = session().post(os.environ["NEBIUS_BASE_URL"] + "/v0/models", json=body, timeout=30)
        answer.raise_for_status()
        model = answer.json()
        told = {"generated_name": model["name"], "status": model["status"], "created_at": model["created_at"]}
        return CreateResult(model["name"], {**props, **told})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        changed = [name for name in INPUTS if _olds.get(name) != _news.get(name)]
        return DiffResult(changes=bool(changed), replaces=changed)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        session().delete(f"{os.environ['NEBIUS_BASE_URL']}/v0/models/{_id}", timeout=30).raise_for_status()


class BareModel(Resource):
    """A model of the bare provider."""

    def __init__(self, name: str, **props: Any) -> None:
        computed = {"generated_name": None, "status": None, "created_at": None}
        super().__init__(BareProvider(), name, {"name": name, **props, **computed})


def declare() -> None:
    """Declare the models."""
    for number in range(int(os.environ["BENCHMARK_MODELS"])):
        BareModel(
            f"m{number}",
            base_model="meta-llama/Meta-Llama-3.1-8B-Instruct",
            source=f"ftjob-bench:ftckpt_{number}",
            description="measured",
        )
