"""The texts and numbers with a form: generated names, sources, base models, whole numbers.

A program that declares a resource loads this module, and not what the service reports.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

INFIX = "-LoRa:"  # literally, that case: in every generated name that was published

_SUFFIX = re.compile(r"-[A-Za-z]{4}$")
_HUB = re.compile(
    r"(?i:(?:https?://)?(?:www\.)?huggingface\.co)/+(?!datasets/|models/|spaces/)"
    r"(\w[\w.-]*)/+(\w[\w.-]*?)(?:\.git)?/*",
    re.ASCII,
)
_CHECKPOINT = re.compile(r"ftjob-[\w-]+:ftckpt_[\w-]+", re.ASCII)
_FILE = re.compile(r"file-[\w-]+", re.ASCII)
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

    def __str__(self) -> str:
        return self.text


def canonical_source(text: str) -> str:
    """A source in the documented spelling; a text that is none of the three forms is returned unchanged."""
    return str(Source.parse(text) or text)


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
    def is_full(self) -> bool:
        """Whether the name has its base in it, as ``/v1/chat/completions`` needs it."""
        return self.base is not None

    @property
    def custom(self) -> str:
        """The name that was asked for, without the four letters."""
        return _SUFFIX.sub("", self.short)


def whole_number(value: Any) -> int | None:
    """A number as an integer, since Pulumi's protocol has only floats; None for anything else."""
    # The service uses the same entry type for a catalogue in which some times are ISO texts.
    return int(value) if is_number(value) and abs(value) <= _LARGEST else None


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; JSON's integers can be larger than any float."""
    is_of_kind = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_of_kind and abs(value) <= sys.float_info.max
