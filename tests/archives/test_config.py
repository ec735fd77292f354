"""What an ``adapter_config.json`` says of its LoRA, and what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nebius_model_resource._archives.config import Config, NoLora, longest, read_config

from .adapters import CONFIG

BASE = CONFIG["base_model_name_or_path"]
LONG = "x" * 58  # with its quotes, the longest value that is shown


def read(**changes: Any) -> Config:
    """The usual config with some other values."""
    return read_config(json.dumps({**CONFIG, **changes}).encode())


def without(*names: str) -> Config:
    """The usual config without some of its keys."""
    return read_config(json.dumps({key: CONFIG[key] for key in CONFIG if key not in names}).encode())


def test_a_usual_config_is_read_without_a_warning() -> None:
    """Rank, alpha, base model and the sorted target modules are those of the file."""
    assert read() == Config(16, 32, ("q_proj", "v_proj"), BASE, ())


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"r": "16"}, (None, 32, BASE)),
        ({"r": True}, (None, 32, BASE)),
        ({"lora_alpha": 0.5}, (16, 0.5, BASE)),
        ({"lora_alpha": "32"}, (16, None, BASE)),
        ({"base_model_name_or_path": 7}, (16, 32, None)),
        ({"base_model_name_or_path": ""}, (16, 32, None)),
    ],
)
def test_a_value_of_another_type_counts_as_absent(
    changes: dict[str, Any], shown: tuple[Any, Any, Any]
) -> None:
    """A rank is a whole number, alpha is a number and the base model is a text; anything else is None."""
    config = read(**changes)
    assert (config.rank, config.alpha, config.base_model) == shown


@pytest.mark.parametrize(
    ("given", "modules"),
    [
        ("all-linear", ("all-linear",)),
        (["v_proj", 3, "k_proj"], ("k_proj", "v_proj")),
        ([], ()),
        ({"q_proj": 1}, ()),
        (None, ()),
    ],
)
def test_target_modules_are_a_text_or_a_list(given: Any, modules: tuple[str, ...]) -> None:
    """A text is one module, a list is sorted, and an entry that is not a text is left out."""
    assert read(target_modules=given).target_modules == modules


RANKS = "the service trains adapters of ranks 8 to 128"


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"r": 7}, f"the rank (r) is 7: {RANKS}"),
        ({"r": 8}, None),
        ({"r": 128}, None),
        ({"r": 129}, f"the rank (r) is 129: {RANKS}"),
        ({"r": "16"}, f"the rank (r) is '16': {RANKS}"),
        ({"r": LONG}, f"the rank (r) is '{LONG}': {RANKS}"),
        ({"r": f"{LONG}y"}, f"the rank (r) is '{LONG}y…: {RANKS}"),
        ({"target_modules": []}, "the config names no target_modules"),
        ({"target_modules": "all-linear"}, None),
        (
            {"target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]},
            None,
        ),
        (
            {"target_modules": ["q_proj", "lm_head", "embed"]},
            "unusual target_modules: 'embed', 'lm_head'; the service may not take them",
        ),
        (
            {"modules_to_save": list("abcde")},
            "modules_to_save has 'a', 'b', 'c', 'd', 'e': the service may not take complete layers",
        ),
        (
            {"modules_to_save": list("abcdefg")},
            "modules_to_save has 'a', 'b', 'c', 'd', 'e' and 2 more: the service may not take complete layers",
        ),
        ({"use_dora": True}, "use_dora is on: the service may not take DoRA"),
        ({"use_dora": False}, None),
        ({"bias": "all"}, "bias is 'all': the service may not take trained biases"),
        ({"bias": "none"}, None),
        ({"bias": None}, None),
        (
            {"base_model_name_or_path": None},
            "the config names no base model (base_model_name_or_path)",
        ),
    ],
)
def test_what_the_service_may_not_take_is_a_warning(changes: dict[str, Any], warning: str | None) -> None:
    """Each warning is one line that names the value."""
    assert read(**changes).warnings == ((warning,) if warning else ())


def test_a_config_that_says_nothing_has_a_warning_for_each_need() -> None:
    """An adapter without rank, modules and base model may still be uploaded."""
    config = without("r", "lora_alpha", "target_modules", "base_model_name_or_path")
    assert (config.rank, config.alpha, config.base_model, config.target_modules) == (None, None, None, ())
    assert config.warnings == (
        f"the rank (r) is None: {RANKS}",
        "the config names no target_modules",
        "the config names no base model (base_model_name_or_path)",
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"\xff{}", "is not JSON"),
        (b"[]", "is JSON, but not an object"),
        (b"{}", 'has no peft_type, so it is no LoRA adapter: "peft_type": "LORA" is needed'),
        (b'{"peft_type": "IA3"}', "has the peft_type 'IA3': only 'LORA' adapters can be uploaded"),
        (b'{"peft_type": "lora"}', "has the peft_type 'lora': only 'LORA' adapters can be uploaded"),
        (b" " * longest(), "has more than 1 MB: it is no adapter's config"),
        (b" " * (longest() - 1), "is empty"),
    ],
    ids=lambda each: each[:40] if isinstance(each, str) else f"{len(each)} bytes",
)
def test_what_is_no_lora_is_refused(text: bytes, reason: str) -> None:
    """The reason says what the file is instead; the first megabyte is enough to see that."""
    with pytest.raises(NoLora) as refused:
        read_config(text)
    assert str(refused.value) == reason


def test_a_megabyte_is_enough_to_judge() -> None:
    """One byte more than a config may have is read, and no more."""
    assert longest() == 1_000_001
