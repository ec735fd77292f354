"""Small adapters on disk."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

CONFIG: dict[str, Any] = {
    "peft_type": "LORA",
    "base_model_name_or_path": "meta-llama/Llama-3.1-8B-Instruct",
    "r": 16,
    "lora_alpha": 32,
    "target_modules": ["v_proj", "q_proj"],
}
NAMES = ("base_model.q_proj.lora_A.weight", "base_model.q_proj.lora_B.weight")


def header(tensors: dict[str, Any]) -> bytes:
    """The beginning of a safetensors file."""
    text = json.dumps(tensors).encode()
    return len(text).to_bytes(8, "little") + text


def weights(size: int = 64, rank: int = 16) -> bytes:
    """A safetensors file with the two tensors of one module, of ``size`` bytes each."""
    shapes = [rank, size // 2 // rank], [size // 2 // rank, rank]
    tensors = {
        name: {"dtype": "BF16", "shape": shapes[number], "data_offsets": [number * size, (number + 1) * size]}
        for number, name in enumerate(NAMES)
    }
    return header(tensors) + bytes(range(256)) * (2 * size // 256) + bytes(2 * size % 256)


def files(**more: bytes) -> dict[str, bytes]:
    """The files of an adapter's folder."""
    return {
        "adapter_config.json": json.dumps(CONFIG).encode(),
        "adapter_model.safetensors": weights(),
        **more,
    }


def write_folder(folder: Path, contents: dict[str, bytes]) -> Path:
    """Write a folder."""
    for name, content in contents.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


def write_zip(place: Path, contents: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip."""
    with zipfile.ZipFile(place, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return place
