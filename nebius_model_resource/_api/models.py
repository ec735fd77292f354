"""The package's data: inputs, states, models as the service reports them, sources and names.

Frozen dataclasses that only parse and compare; plain dicts exist only in ``_edges`` and ``client.py``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from nebius_model_resource._api.redact import harmless

INFIX = "-LoRa:"  # literally, that case: seen in every generated name
VALIDATING, ACTIVE, ERROR, DELETED = "validating", "active", "error", "deleted"
KNOWN_STATUSES = (VALIDATING, ACTIVE, ERROR, DELETED)  # all that are documented
_COMPARED = ("name", "base_model", "source", "description", "ai_project_id")

# Part of a base model's name; the documented example drops it from the generated name, live captures have it.
_FLAVOUR = "-fast"
_SUFFIX = re.compile(r"-[A-Za-z]{4}$")
_HUB = re.compile(
    r"(?i:(?:https?://)?(?:www\.)?huggingface\.co)/+([\w.-]+)/+([\w.-]+?)(?:\.git)?/*", re.ASCII
)
_HUB_NAME = re.compile(r"(?!.*(?:--|\.\.))\w(?:[\w.-]{0,94}\w)?", re.ASCII)  # as huggingface_hub checks it
_HUB_PAGES = ("api", "blog", "collections", "datasets", "docs", "models", "papers", "spaces")
_CHECKPOINT = re.compile(r"ftjob-[\w-]+:ftckpt_[\w-]+", re.ASCII)
_FILE = re.compile(r"file-[\w-]+", re.ASCII)


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one input: what was given, and what is allowed.

    Attributes:
        hidden: the value is secret or may be: no message may show it, and the reason does not hold it.
    """

    property: str
    reason: str
    hidden: bool = False


@dataclass(frozen=True)
class Source:
    """Where a model's adapter comes from, in the spelling that the service documents.

    Attributes:
        kind: ``"checkpoint"`` (``ftjob-…:ftckpt_…``), ``"file"`` (``file-…``) or ``"hub"``
            (``huggingface.co/org/repo``).
        text: the documented spelling.
    """

    kind: str
    text: str

    @classmethod
    def parse(cls, text: str) -> Source | None:
        """Read one of the three forms; None where the text is none of them."""
        text = text.strip()
        if _CHECKPOINT.fullmatch(text):
            return cls("checkpoint", text)
        if _FILE.fullmatch(text):
            return cls("file", text)
        if (match := _HUB.fullmatch(text)) and is_repository(match[1], match[2]):
            return cls("hub", f"huggingface.co/{match[1]}/{match[2]}")
        return None

    def __str__(self) -> str:
        return self.text


def is_repository(owner: str, name: str) -> bool:
    """Whether the hub can have a model's repository of that owner and name."""
    if owner.lower() in _HUB_PAGES or name.endswith(".git"):
        return False
    return bool(_HUB_NAME.fullmatch(owner) and _HUB_NAME.fullmatch(name))


def canonical_source(text: str) -> str:
    """A source in the documented spelling; a text that is none of the three forms is returned unchanged."""
    return str(Source.parse(text) or text)


def same_base(one: str, other: str) -> bool:
    """Whether two base models are the same with or without their flavour."""
    return unflavoured(one) == unflavoured(other)


def unflavoured(base: str) -> str:
    """A base model without its flavour."""
    return base.removesuffix(_FLAVOUR)


@dataclass(frozen=True)
class GeneratedName:
    """A name that the service generated: ``<vendor>/<Base>-LoRa:<name>-<4 letters>``, or its part after the colon.

    Attributes:
        text: the complete text.
        base: the base model in it, None for a short name.
        short: ``<name>-<4 letters>``.
    """

    text: str
    base: str | None
    short: str

    @classmethod
    def parse(cls, text: str) -> GeneratedName:
        """Take a full or short name apart; never raises."""
        base, infix, short = text.rpartition(INFIX)
        return cls(text, base if infix else None, short)

    @property
    def is_full(self) -> bool:
        """Whether the name has its base in it, as ``/v1/chat/completions`` needs it."""
        return self.base is not None

    @property
    def custom(self) -> str:
        """The name that was asked for, without the four letters."""
        return _SUFFIX.sub("", self.short)

    def names(self, other: str) -> bool:
        """Whether both are names of one model: the same text, or a short name and its full one."""
        if self.text == other:
            return True
        parsed = GeneratedName.parse(other)
        return self.is_full != parsed.is_full and self.short == parsed.short


@dataclass(frozen=True)
class Inputs:
    """What a user declares. ``ai_project_id`` is already resolved; absent texts are None, never empty.

    Attributes:
        secrets: the inputs whose values no message may show.
    """

    name: str
    base_model: str
    source: str
    description: str | None = None
    ai_project_id: str | None = None
    wait_for_active: bool = True
    import_id: str | None = None
    secrets: frozenset[str] = field(default=frozenset(), compare=False)


def changed_inputs(old: Inputs, new: Inputs) -> list[str]:
    """The inputs that differ in meaning, in the order of their declaration.

    Two spellings of a hub source are the same, and so are two descriptions that differ only in the white space
    around them: a service that trims it would otherwise replace a live model in every run. ``wait_for_active``
    and ``import_`` say how to work, not what to create.
    """
    if old == new:  # what most models of most previews are
        return []
    return [prop for prop in _COMPARED if _meaning(prop, old) != _meaning(prop, new)]


def _meaning(prop: str, inputs: Inputs) -> str | None:
    value: str | None = getattr(inputs, prop)
    if prop == "description":
        return trimmed(value)
    return canonical_source(value) if prop == "source" and value else value or None


def trimmed(description: str | None) -> str | None:
    """A description without the white space around it; None where nothing is left."""
    return (description or "").strip() or None


@dataclass(frozen=True)
class ModelInfo:
    """A model as the service reports it; what it does not report is None.

    Attributes:
        created_at: Unix seconds.
    """

    name: str
    status: str | None = None
    status_reason: str | None = None
    created_at: int | None = None
    description: str | None = None
    base_model: str | None = None
    source: str | None = None

    @classmethod
    def parse(cls, body: Any, secret: str = "") -> ModelInfo | None:
        """Read a model from an answer, ignoring unknown fields; None where it has no usable name.

        Status and reason are made safe for a terminal, without the secret; the rest is what the service sent.
        """
        name = _text(body.get("name")) if isinstance(body, dict) else None
        if name is None or not name.isprintable():
            return None
        return cls(
            name=name,
            status=harmless(_text(body.get("status")) or "", secret) or None,
            status_reason=harmless(_text(body.get("status_reason")) or "", secret) or None,
            created_at=whole_number(body.get("created_at")),
            description=_text(body.get("description")),
            base_model=_text(body.get("base_model")),
            source=_text(body.get("source")) or _source_of(body),
        )


@dataclass(frozen=True)
class State:
    """A model of a stack: what was declared, and what the service reported."""

    inputs: Inputs
    generated_name: str
    status: str
    status_reason: str | None = None
    created_at: int | None = None


def _text(value: Any) -> str | None:
    """A text that is not empty and can be encoded: half a surrogate pair, which JSON can hold, cannot."""
    if not isinstance(value, str) or not value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def whole_number(value: Any) -> int | None:
    """A number as an integer, since Pulumi's protocol has only floats; None for anything else."""
    # The service uses the same entry type for a catalogue in which some times are ISO texts.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if abs(value) < 1e15 else None


def _source_of(body: dict[str, Any]) -> str | None:
    """The source built from the ids that the service reports: a read never has ``source`` itself."""
    job, checkpoint = _text(body.get("job_id")), _text(body.get("checkpoint_id"))
    if job and checkpoint:
        return f"{job}:{checkpoint}"
    if file_id := _text(body.get("file_id")):
        return file_id
    url = _text(body.get("url"))
    return canonical_source(url) if url else None
