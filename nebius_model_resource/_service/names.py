"""The texts and numbers with a form: generated names, sources, base models, whole numbers.

A program that declares a resource loads this module, and not what the service reports.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

CONTROL_PLANE = "https://api.tokenfactory.nebius.com"  # as documented for dedicated endpoints
INFIX = "-LoRa:"  # literally, that case: in every generated name that was published

_SUFFIX = re.compile(r"-[A-Za-z]{4}$")
_HUB = re.compile(
    r"(?i:(?:https?://)?(?:www\.)?huggingface\.co)/+(?!datasets/|models/|spaces/)"
    r"(\w[\w.-]*)/+(\w[\w.-]*?)(?:\.git)?/*",
    re.ASCII,
)
_CHECKPOINT = re.compile(r"ftjob-[\w-]+:ftckpt_[\w-]+", re.ASCII)
_FILE = re.compile(r"file-[\w-]+", re.ASCII)
_LISTED = "`nebius-models checkpoints <job>` lists them"
_REPOSITORY = "of a Hugging Face repository give only 'huggingface.co/<org>/<repo>'"
# What people give in place of a source, by its beginning or its form, and what to do.
_NO_SOURCES = {
    r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/|hf:": _REPOSITORY,
    rf".*{INFIX}": "this is the name of an existing model: give the source that it was created from, or adopt it "
    "with the resource option `import` (in Python `import_`)",
    r".*ftjob-.*ftckpt_|.*ftckpt_.*ftjob-": "the job comes first, then its checkpoint, 'ftjob-…:ftckpt_…'",
    r".*ftjob-": f"a fine-tuning job needs one of its checkpoints after it: {_LISTED}",
    r".*ftckpt_": "a checkpoint needs its job before it",
    r"ft:|.*\bckpt[-_]step": f"a `fine_tuned_model_checkpoint` is not a source: {_LISTED}",
    r"model[-_]?artifact": "a model artifact is no adapter: give it to a DedicatedEndpoint as custom_weights_id",
    r"[./~\\]|[a-z]:[/\\]|.*\.(?:zip|tar|gz|tgz|safetensors|bin|gguf|json)$": "the service reads no paths: upload the "
    "folder with ModelArchive and give its file_id",
    r"[\w.-]+/[\w.-]+$": _REPOSITORY,
}
_LARGEST = 62_135_596_800  # seconds from the year 1 to 1970: every time up to it, and down to its negative, is a date


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
        if match := _HUB.fullmatch(text):
            return cls("hub", f"huggingface.co/{match[1]}/{match[2]}")
        return None


def canonical_source(text: str) -> str:
    """A source in the documented spelling; a text that is none of the three forms is returned unchanged."""
    source = Source.parse(text)
    return source.text if source else text


def source_problem(text: str) -> str | None:
    """What follows "must be one of the three forms" for a text that is none of them; None for a source."""
    bare = text.strip(" \t\r\n\"'`")
    if bare != text:
        return ": remove the white space and quotes around it"
    if Source.parse(text):
        return None
    hints = (hint for form, hint in _NO_SOURCES.items() if re.match(form, text, re.IGNORECASE | re.DOTALL))
    hint = next(hints, "")
    return f": {hint}" if hint else ""


def unflavoured(base: str) -> str:
    """A base model without its flavour, which the generated name of the documented example lacks."""
    return base.removesuffix("-fast")


@dataclass(frozen=True)
class GeneratedName:
    """A name that the service generated: ``<vendor>/<Base>-LoRa:<name>-<4 letters>``, or its part after the colon.

    Attributes:
        base: the base model in it, None for a short name.
        short: ``<name>-<4 letters>``.
    """

    base: str | None
    short: str

    @classmethod
    def parse(cls, text: str) -> GeneratedName:
        """Take a full or short name apart; never raises."""
        base, infix, short = text.rpartition(INFIX)
        return cls(base if infix else None, short)

    @property
    def custom(self) -> str:
        """The name that was asked for, without the four letters."""
        return _SUFFIX.sub("", self.short)


def inference_url(base_url: str, region: str | None) -> str:
    """Where an endpoint of a region is called: documented for the service's own hosts, otherwise the base URL."""
    if base_url == CONTROL_PLANE and region not in (None, "eu-north1"):
        base_url = base_url.replace("tokenfactory", f"tokenfactory.{region}")
    return f"{base_url}/v1"


def short_name(name: str) -> str:
    """The part of a model's full or short name that both have."""
    return GeneratedName.parse(name).short


def whole_number(value: Any) -> int | None:
    """A number as an integer, since Pulumi's protocol has only floats; None for anything else."""
    # The service uses the same entry type for a catalogue in which some times are ISO texts.
    return int(value) if is_number(value) and abs(value) <= _LARGEST else None


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; JSON's integers can be larger than any float."""
    is_of_kind = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_of_kind and abs(value) <= sys.float_info.max
