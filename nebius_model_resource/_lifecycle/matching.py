"""Which listed model may be the one that was asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nebius_model_resource._api.models import (
    GeneratedName,
    Inputs,
    ModelInfo,
    canonical_source,
    same_base,
    trimmed,
    unflavoured,
)


def may_come_of(
    name: str, base_model: str, source: str, live_name: str, live_base: str | None, live_source: str | None
) -> bool:
    """Whether a model may come of a POST with that name, base and source.

    What the service does not tell (None) does not speak against it, nor does a base without its flavour, which the
    service may leave out of the generated name.
    """
    if live_name != name or (live_base is not None and not same_base(live_base, base_model)):
        return False
    return live_source is None or canonical_source(live_source) == canonical_source(source)


@dataclass(frozen=True)
class Kind:
    """What makes two creates interchangeable."""

    name: str
    base_model: str
    source: str
    description: str | None
    ai_project_id: str | None

    @classmethod
    def of(cls, inputs: Inputs) -> Kind:
        """The kind of model that these inputs make."""
        return cls(
            inputs.name,
            inputs.base_model,
            canonical_source(inputs.source),
            trimmed(inputs.description),
            inputs.ai_project_id,
        )

    def fits(self, model: ModelInfo) -> bool:
        """Whether a listed model could be of this kind: what the service does not tell does not speak against it."""
        name = GeneratedName.parse(model.name)
        base = name.base or model.base_model
        return trimmed(model.description) == self.description and may_come_of(
            self.name, self.base_model, self.source, name.custom, base, model.source
        )

    @property
    def family(self) -> Kind:
        """What all flavours of a base have in common."""
        return replace(self, base_model=unflavoured(self.base_model))

    def choose(self, models: list[ModelInfo], wanted_too: set[str]) -> list[ModelInfo]:
        """Of models that fit, those on just this base; where there are none, those on another flavour of it.

        Args:
            models: models that fit.
            wanted_too: bases whose own creates are looking for models like these.
        """
        bases = {model.name: GeneratedName.parse(model.name).base or model.base_model for model in models}
        exact = [model for model in models if bases[model.name] == self.base_model]
        return exact or [model for model in models if bases[model.name] not in wanted_too]
