"""``adapter_config.json``: what it must say to be a LoRA, and what is worth a warning.

Which ranks and target modules the service takes is not documented; its fine-tuning takes ranks from 8 to 128.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

_RANKS = range(8, 129)
_LONGEST = 1_000_000  # bytes; the config of an adapter has about 1 kB
_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_SHOWN = 5


class NoLora(Exception):
    """The file does not describe a LoRA; the text says why."""


@dataclass(frozen=True)
class Config:
    """What the config of a LoRA says; None where it does not say it, or not in the usual form."""

    rank: int | None
    alpha: float | None
    target_modules: tuple[str, ...]
    base_model: str | None
    warnings: tuple[str, ...] = field(default=())


def read_config(text: bytes) -> Config:
    """Read a config.

    Raises:
        NoLora: the text is no JSON object, or one of another kind of adapter.
    """
    config = _parsed(text)
    kind = config.get("peft_type")
    if kind is None:
        raise NoLora('has no peft_type, so it is no LoRA adapter: "peft_type": "LORA" is needed')
    if kind != "LORA":
        raise NoLora(f"has the peft_type {_shown(kind)}: only 'LORA' adapters can be uploaded")
    rank, alpha, base = config.get("r"), config.get("lora_alpha"), config.get("base_model_name_or_path")
    modules = config.get("target_modules")
    return Config(
        rank=rank if type(rank) is int else None,
        alpha=alpha if type(alpha) in (int, float) else None,
        target_modules=_texts(modules),
        base_model=base if isinstance(base, str) and base else None,
        warnings=tuple(_warnings(config)),
    )


def _parsed(text: bytes) -> dict[str, Any]:
    if len(text) > _LONGEST:
        raise NoLora("has more than 1 MB: it is no adapter's config")
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        raise NoLora("is empty" if not text.strip() else "is not JSON") from None
    if not isinstance(config, dict):
        raise NoLora("is JSON, but not an object")
    return config


def longest() -> int:
    """How many bytes are enough to judge a config."""
    return _LONGEST + 1


def _warnings(config: dict[str, Any]) -> list[str]:
    found = []
    if (rank := config.get("r")) not in _RANKS:
        found.append(f"the rank (r) is {_shown(rank)}: the service trains adapters of ranks 8 to 128")
    modules = _texts(config.get("target_modules"))
    if not modules:
        found.append("the config names no target_modules")
    elif unusual := [each for each in modules if each not in _PROJECTIONS and each != "all-linear"]:
        found.append(f"unusual target_modules: {_listed(unusual)}; the service may not take them")
    if saved := _texts(config.get("modules_to_save")):
        found.append(f"modules_to_save has {_listed(saved)}: the service may not take complete layers")
    if config.get("use_dora"):
        found.append("use_dora is on: the service may not take DoRA")
    if config.get("bias") not in (None, "none"):
        found.append(f"bias is {_shown(config['bias'])}: the service may not take trained biases")
    if not config.get("base_model_name_or_path"):
        found.append("the config names no base model (base_model_name_or_path)")
    return found


def _texts(value: Any) -> tuple[str, ...]:
    """A text, or a list of texts, as PEFT writes either."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(sorted(each for each in value if isinstance(each, str)))
    return ()


def _listed(texts: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(map(_shown, texts[:_SHOWN])) + more


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
