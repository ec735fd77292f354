"""The same HTTP calls by a pool of threads, with no engine: what the service itself takes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from benchmarks.rows import OPERATIONS
from benchmarks.service import KEY

_LOOK_EVERY = 0.5


class Floor:
    """One account's models, created and deleted as fast as threads can."""

    def __init__(self, url: str, threads: int) -> None:
        self._url = url + "/v0/models"
        self._threads = threads
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {KEY}"
        self._session.mount("http://", HTTPAdapter(pool_maxsize=threads))
        self._names: list[str] = []

    def run(self, operation: str, models: int) -> float:
        """Do what the operation asks of the service; returns the seconds it took."""
        if operation not in OPERATIONS:
            raise ValueError(f"no operation {operation!r}")
        started = time.perf_counter()
        with ThreadPoolExecutor(self._threads) as pool:
            if operation == "up":
                self._names = list(pool.map(self._create, range(models)))
                self._wait()
            elif operation == "refresh":
                self._call("GET")
            elif operation == "destroy":
                list(pool.map(lambda name: self._call("DELETE", f"/{name}"), self._names))
        return time.perf_counter() - started

    def _create(self, number: int) -> str:
        model = self._call(
            "POST",
            body={
                "name": f"m{number}",
                "base_model": "meta-llama/Meta-Llama-3.1-8B-Instruct",
                "source": f"ftjob-bench:ftckpt_{number}",
                "description": "measured",
            },
        )
        self._all_active = model["status"] == "active"
        return str(model["name"])

    def _wait(self) -> None:
        while not self._all_active:
            time.sleep(_LOOK_EVERY)
            self._all_active = all(model["status"] == "active" for model in self._call("GET"))

    def _call(self, method: str, path: str = "", body: Any = None) -> Any:
        answer = self._session.request(method, self._url + path, json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()
