"""Write a tiny adapter into `adapter/`, in place of the one that a training leaves: `python make_adapter.py`."""

import json
from pathlib import Path

RANK, WIDTH = 8, 16
CONFIG = {
    "peft_type": "LORA",
    "base_model_name_or_path": "meta-llama/Llama-3.1-8B-Instruct",
    "r": RANK,
    "lora_alpha": 2 * RANK,
    "target_modules": ["q_proj"],
}
SHAPES = {
    "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": (RANK, WIDTH),
    "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight": (WIDTH, RANK),
}


def weights() -> bytes:
    """A safetensors file: the length of its header, the header, and the numbers, all zero."""
    header, end = {}, 0
    for name, (rows, columns) in SHAPES.items():
        start, end = end, end + 4 * rows * columns
        header[name] = {"dtype": "F32", "shape": [rows, columns], "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(end)


folder = Path(__file__).parent / "adapter"
folder.mkdir(exist_ok=True)
(folder / "adapter_config.json").write_text(json.dumps(CONFIG, indent=2))
(folder / "adapter_model.safetensors").write_bytes(weights())
