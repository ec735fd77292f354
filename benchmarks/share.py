"""What the package itself takes for each model: processor time of host and program, beside the bare provider's.

A run of a thousand models differs from the next by a tenth on many machines, which hides a share of a few percent.
Here both providers handle the same hundred models in turn, many times, in hosts that stay: a slow moment of the
machine affects both halves of a pair. The system counts a program's memory in steps of megabytes, so memory is
measured here as what Python's own objects take.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import grpc
import psutil
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider

from benchmarks.engines import ROOT, environment
from benchmarks.programs.bare import BareProvider
from benchmarks.rows import difference
from benchmarks.service import Service
from nebius_model_resource.provider import CustomModelProvider
from nebius_model_resource.testing.engine.host import Host
from nebius_model_resource.testing.engine.resources import Resource

_MODELS = 100
_MANY_MODELS = 300
_MEMORY_ROUNDS = 3  # the memory of Python's objects is the same each time
_PROVIDERS: dict[str, type[ResourceProvider]] = {"ours": CustomModelProvider, "bare": BareProvider}
_PROGRAM = """
import json, sys, time, tracemalloc
import pulumi
from benchmarks.programs.{contender} import declare

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        return args.name, {{**args.inputs, "generated_name": args.name, "status": "active", "created_at": 1.0}}

    def call(self, args):
        return {{}}

pulumi.runtime.set_mocks(Mocks())
if {traced}:
    tracemalloc.start()
began = time.process_time()
pulumi.runtime.test(declare)()
print(json.dumps({{"seconds": time.process_time() - began, "peak": tracemalloc.get_traced_memory()[1]}}))
"""


@dataclass(frozen=True)
class Share:
    """One kind of work: what it takes for each model, in each round.

    Attributes:
        work: what was done.
        ours: with this package.
        bare: with the provider that does only the HTTP call.
        unit: what is counted: microseconds of the processor, or bytes.
    """

    work: str
    ours: Sequence[float]
    bare: Sequence[float]
    unit: str = "microseconds"

    def text(self) -> str:
        """Both medians, and the mean difference of the pairs with its standard error."""
        mean, error = difference(self.ours, self.bare) or (self.ours[0] - self.bare[0], float("nan"))
        return (
            f"{self.work:<24} ours {median(self.ours):7.0f}  bare {median(self.bare):7.0f}  "
            f"difference {mean:+6.0f} +- {error:.0f} {self.unit} a model"
        )


class _Contender:
    """One provider in a host of its own, with a service of its own."""

    def __init__(self, name: str, folder: Path, held: ExitStack) -> None:
        service = held.enter_context(Service())
        service.validate_for(0)
        folder.mkdir()
        self._env = environment(folder, folder, service.url)
        self._provider = serialize_provider(_PROVIDERS[name]())
        self._host = Host(sys.executable, _engine(held), "share", folder, self._env, lambda _line: None)
        held.callback(self._host.stop)
        self._host.start({"nebius-models:preflight": "false"})
        self._name = name

    def round(self) -> dict[str, float]:
        """Create, compare, read and delete the models; returns microseconds of the host for each of them."""
        models = [self._model(number) for number in range(_MODELS)]
        return {
            "host, up": self._spent(self._make, models),
            "host, preview": self._spent(self._compare, models),
            "host, refresh": self._spent(self._read, models),
            "host, destroy": self._spent(self._host.delete, models),
        }

    def program(self) -> float:
        """Microseconds of a program for each model that it declares, without an engine."""
        return self._declare(_MODELS)["seconds"] / _MODELS * 1e6

    def memory(self) -> float:
        """Bytes of Python's objects that one model more adds to such a program at its peak."""
        few, many = (self._declare(models, traced=True)["peak"] for models in (_MODELS, _MANY_MODELS))
        return (many - few) / (_MANY_MODELS - _MODELS)

    def _declare(self, models: int, *, traced: bool = False) -> dict[str, float]:
        env = {**self._env, "BENCHMARK_MODELS": str(models)}
        code = _PROGRAM.format(contender=self._name, traced=traced)
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, check=True
        )
        told: dict[str, float] = json.loads(done.stdout)
        return told

    def _model(self, number: int) -> Resource:
        inputs = {
            "__provider": self._provider,
            "name": f"m{number}",
            "base_model": "meta-llama/Meta-Llama-3.1-8B-Instruct",
            "source": f"ftjob-bench:ftckpt_{number}",
            "description": "measured",
            "wait_for_active": True,
        }
        kind = "pulumi-python:dynamic/share:CustomModel"
        return Resource(f"urn:pulumi:share::share::{kind}::m{number}", kind, custom=True, inputs=inputs)

    def _make(self, model: Resource) -> None:
        self._host.check(model.urn, {}, model.inputs)
        model.id, model.outputs = self._host.create(model)

    def _compare(self, model: Resource) -> None:
        self._host.check(model.urn, model.inputs, model.inputs)
        self._host.diff(model.urn, model, model.inputs)

    def _read(self, model: Resource) -> None:
        self._host.read(model.urn, model, model.outputs)
        self._host.diff(model.urn, model, model.inputs)

    def _spent(self, work: Callable[[Resource], None], models: Sequence[Resource]) -> float:
        process = psutil.Process(self._host.pid)
        before = process.cpu_times()
        for model in models:
            work(model)
        after = process.cpu_times()
        return (after.user + after.system - before.user - before.system) / len(models) * 1e6


def _engine(held: ExitStack) -> str:
    """The address of an engine that shows nothing: without one the host would end."""
    server = grpc.server(ThreadPoolExecutor(1))
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    held.callback(server.stop, None)
    return address


def measure(rounds: int = 30) -> list[Share]:
    """Measure each kind of work, the two providers in turn; the first round of all warms up."""
    found: dict[str, dict[str, list[float]]] = {}
    memory: dict[str, list[float]] = {}
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="benchmark-")))
        contenders = {name: _Contender(name, folder / name, held) for name in _PROVIDERS}
        for number in range(rounds + 1):
            order = sorted(contenders, reverse=number % 2 == 0)
            for name in order:
                spent = contenders[name].round() | {"program, up or preview": contenders[name].program()}
                for work, each in spent.items() if number else ():
                    found.setdefault(work, {}).setdefault(name, []).append(each)
        for _ in range(min(rounds, _MEMORY_ROUNDS)):
            for name, contender in contenders.items():
                memory.setdefault(name, []).append(contender.memory())
    shares = [Share(work, samples["ours"], samples["bare"]) for work, samples in found.items()]
    return [*shares, Share("program, memory", memory["ours"], memory["bare"], unit="bytes")]
