"""The files of a trained adapter, small and without weights."""

from __future__ import annotations

import json
from typing import Any


def checkpoint_files(base_model: str, hyperparameters: dict[str, Any]) -> dict[str, bytes]:
    """Return name -> content of the six files seen live in a checkpoint of the service."""
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": base_model,
        "r": hyperparameters["lora_r"],
        "lora_alpha": hyperparameters["lora_alpha"],
        "lora_dropout": hyperparameters["lora_dropout"],
    }
    return {
        "adapter_config.json": json.dumps(config).encode(),
        "adapter_model.safetensors": _no_tensors(),
        "chat_template.jinja": b"",
        "checkpoint.meta": b"{}",
        "tokenizer.json": b"{}",
        "tokenizer_config.json": b"{}",
    }


def _no_tensors() -> bytes:
    # A safetensors file begins with the length of its JSON header.
    header = b"{}"
    return len(header).to_bytes(8, "little") + header
