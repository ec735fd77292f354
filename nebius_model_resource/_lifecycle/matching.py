"""Which listed model could be the one that a POST asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nebius_model_resource._api.models import (
    Inputs,
    ModelInfo,
    canonical_source,
    same_base,
    trimmed,
    unflavoured,
)
from nebius_model_resource._lifecycle.lookups import CustomModelInfo


def could_be(live: CustomModelInfo, name: str, base_model: str, source: str) -> bool:
    """Whether a model could come from a POST with that name, base and source.

    A value that the service does not return rules nothing out. Neither does a base without its flavour suffix, which
    the service may leave out of the generated name.
    """
    if live.name != name or (live.base_model is not None and not same_base(live.base_model, base_model)):
        return False
    return live.source is None or canonical_source(live.source) == canonical_source(source)


@dataclass(frozen=True)
class Kind:
    """What a POST asks for: two creates of the same kind are interchangeable."""

    name: str
    base_model: str
    source: str
    description: str | None
    ai_project_id: str | None

    @classmethod
    def of(cls, inputs: Inputs) -> Kind:
        """The kind of model that these inputs declare."""
        source, description = canonical_source(inputs.source), trimmed(inputs.description)
        return cls(inputs.name, inputs.base_model, source, description, inputs.ai_project_id)

    @property
    def family(self) -> Kind:
        """What all flavours of a base have in common."""
        return replace(self, base_model=unflavoured(self.base_model))

    def fits(self, model: ModelInfo) -> bool:
        """Whether a listed model could be of this kind."""
        live = CustomModelInfo.of(model)
        return trimmed(live.description) == self.description and could_be(
            live, self.name, self.base_model, self.source
        )

    def choose(self, models: list[ModelInfo], other_bases: set[str]) -> list[ModelInfo]:
        """Of models that fit, those on exactly this base; if there are none, those on another flavour of it.

        Models on ``other_bases`` are left to the creates on these flavours.
        """
        bases = {model.name: CustomModelInfo.of(model).base_model for model in models}
        exact = [model for model in models if bases[model.name] == self.base_model]
        return exact or [model for model in models if bases[model.name] not in other_bases]
