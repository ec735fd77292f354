"""Programs as data: how they change from step to step, and which resources they declare when they run.

A program holds models by name. For each it records the former names (`was`) for its aliases. A model may be adopted
(`import`) or only read (`get`): then it has a reference, and the run of the program decides which model that is.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nebius_model_resource.testing.engine import urns
from nebius_model_resource.testing.engine.resources import Resource
from tests.soak.stack import Declaration, Stack, urn_of
from tests.soak.world import World

NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta")
AT_ONCE = 3
CUSTOM_NAMES = ("bot", "bot", "tool")  # two resources may ask for models of the same name
WAITS = "wait_for_active"  # how to work, not what to create: a change of it is no diff
INPUTS = ("name", "base_model", "source", "description", WAITS)
OTHERS = "others"


@dataclass
class Program:
    """What one program declares."""

    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    refs: int = 0  # the number of references: each has a number of its own

    def free(self, rng: random.Random) -> str:
        """A name that is neither in use nor recorded."""
        taken = set(self.models)
        for model in self.models.values():
            taken |= set(model.get("was", []))
            taken |= {model[key]["of"] for key in ("import", "get") if key in model}
        return rng.choice([name for name in NAMES if name not in taken])

    def ref(self, of: str) -> dict[str, Any]:
        """A reference to the model that the resource `of` holds, or to one that others create."""
        self.refs += 1
        return {"number": self.refs, "of": of}


def changed(rng: random.Random, program: Program) -> Program:
    """Another program: models added, changed, renamed, handed over, only read, or removed."""
    program = copy.deepcopy(program)
    for _ in range(rng.choice((0, 1, 1, 2))):
        if len(program.models) < AT_ONCE and rng.random() < 0.5:
            _add(rng, program)
        elif program.models:
            _change(rng, program, rng.choice(list(program.models)))
    return program


def _add(rng: random.Random, program: Program) -> None:
    name = program.free(rng)
    program.models[name] = {
        "name": rng.choice(CUSTOM_NAMES),
        "base_model": rng.choice(("acme/Base", "acme/Base-fast")),
        "source": f"file-{rng.randint(1, 2)}",
        "description": rng.choice((None, "told")),
        WAITS: rng.random() > 0.15,
    }
    how = rng.random()
    if how < 0.3:
        program.models[name]["import" if how < 0.2 else "get"] = program.ref(OTHERS)


def _change(rng: random.Random, program: Program, name: str) -> None:
    changes = (_remove, _alter, _rename, _hand_over, _only_read)
    rng.choices(changes, (5, 6, 6, 2, 2))[0](rng, program, name)


def _remove(_rng: random.Random, program: Program, name: str) -> None:
    del program.models[name]


def _alter(rng: random.Random, program: Program, name: str) -> None:
    """Another source; the model that it was adopted from does not fit any more."""
    model = program.models[name]
    model.pop("import", None)
    model["source"] = f"file-{rng.randint(1, 2)}"


def _rename(rng: random.Random, program: Program, name: str) -> None:
    model = program.models.pop(name)
    former = [each for each in model.get("was", []) if each not in program.models]
    new = rng.choice(former) if former and rng.random() < 0.3 else program.free(rng)
    if "get" not in model:  # nothing is read under an alias
        model["was"] = list(dict.fromkeys([*model.get("was", []), name]))
    program.models[new] = model
    if rng.random() < 0.5:
        _alter(rng, program, new)


def _hand_over(rng: random.Random, program: Program, name: str) -> None:
    """Another resource adopts its model, under another name."""
    model = program.models[name]
    if "get" in model:
        return
    new = program.free(rng)
    del program.models[name]
    program.models[new] = {**{key: model[key] for key in INPUTS}, "import": program.ref(name)}


def _only_read(rng: random.Random, program: Program, name: str) -> None:
    """Read what was held, or hold what was read: create a model, or adopt that one."""
    model = program.models[name]
    if "get" in model:
        reference = model.pop("get")
        if rng.random() < 0.5:
            model["import"] = reference
        return
    for key in ("was", "import"):
        model.pop(key, None)
    model["get"] = {**program.ref(name), "short": rng.random() < 0.3}


class Truth:
    """What a user of the service knows: which model a reference means, and which models belong to others."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._emulator = world.emulator
        self._meant: dict[int, str] = {}
        self.others: set[str] = set()
        self.counted: Counter[str] = Counter()

    def program(self, models: Mapping[str, Mapping[str, Any]], held: list[Resource]) -> list[Declaration]:
        """The program as it runs now; a model that can no longer be read or adopted is created."""
        found = []
        for name, model in models.items():
            inputs = {key: model[key] for key in INPUTS}
            get = ""
            if "get" in model and (read := self._live(model["get"], model, held)):
                get = read.short_name if model["get"].get("short") else read.name
            elif "import" in model and (taken := self._live(model["import"], model, held)):
                same = all(getattr(taken, key) == inputs[key] for key in INPUTS[1:4])
                if same and taken.custom_name == inputs["name"] and taken.status == "active":
                    inputs["import_id"] = taken.name
            was = tuple(map(urn_of, model.get("was", [])))
            found.append(Declaration(urn_of(name), inputs, was, get))
        return found

    def _live(self, ref: Mapping[str, Any], model: Mapping[str, Any], held: list[Resource]) -> Any:
        """The model that a reference means, None if it is gone; models of others are created here."""
        number = ref["number"]
        if number not in self._meant:
            self._find(number, ref["of"], model, held)
        live = self._emulator.store.live()
        return next((each for each in live if each.name == self._meant.get(number)), None)

    def _find(self, number: int, of: str, model: Mapping[str, Any], held: list[Resource]) -> None:
        if of == OTHERS:
            created = self._emulator.add_model(**{key: model[key] for key in INPUTS if key != WAITS})
            self._meant[number] = created
            self.others.add(created)
            # An equal model that others create at the same moment cannot be distinguished from that of a lost answer.
            self._world.jump(60)
            self._world.end_gaps()
            return
        for each in held:
            if urns.name_of(each.urn) == of and not each.delete:
                self._meant[number] = model_of(each)

    @staticmethod
    def held_twice(stack: Stack) -> bool:
        """Whether two resources hold one model."""
        held = [model_of(each) for each in stack.models() if not each.external]
        return len(set(held)) < len(held)

    def learn(self, stack: Stack, before: list[Resource]) -> None:
        """Record the owner of each model after an operation.

        If a resource now reads the model that it held before, under the same URN or a renamed one, the model is
        released and belongs to others.
        """
        holders = {(each.urn, model_of(each)) for each in before if not each.external}
        held = {model_of(each) for each in stack.models() if not each.external}
        released = {
            model_of(each)
            for each in stack.read
            if not holders.isdisjoint(
                (urn, model_of(each)) for urn in (each.urn, stack.renamed.get(each.urn))
            )
        }
        adopted = set(self._meant.values()) & held - {model for _, model in holders}
        self.counted.update(adopted=len(adopted), released=len(released - held))
        self.others = (self.others | released) - held


def model_of(resource: Resource) -> str:
    """The model that a resource of the state holds or reads."""
    # An id stays the short name if the POST returned no other; the output has the full one.
    name: str = resource.outputs["generated_name"]
    return name
