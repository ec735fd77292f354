"""How the service names models."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

INFIX = "-LoRa:"
FAST = "-fast"
SUFFIX_LENGTH = 4


def short_name(custom_name: str, rng: random.Random) -> str:
    """Return the custom name with a hyphen and four letters, the form of ten suffixes seen live in 2025."""
    suffix = "".join(rng.choices(string.ascii_letters, k=SUFFIX_LENGTH))
    return f"{custom_name}-{suffix}"


def full_name(base_model: str, short: str, *, drop_fast: bool) -> str:
    """Return `<vendor>/<Base>-LoRa:<short name>`; with `drop_fast` a `-fast` base loses that ending."""
    base = base_model.removesuffix(FAST) if drop_fast else base_model
    return f"{base}{INFIX}{short}"


def is_base_name(base_model: str) -> bool:
    """Return whether a text has the form `vendor/name`."""
    vendor, slash, rest = base_model.partition("/")
    well_formed = bool(vendor and slash and rest) and "/" not in rest
    return well_formed and not any(letter.isspace() for letter in base_model)
