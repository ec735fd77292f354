"""Fine-tuning jobs at the emulator, started over HTTP."""

from __future__ import annotations

from typing import Any

import requests

from nebius_model_resource.testing.emulator import Emulator

BASE = "meta-llama/Llama-3.1-8B-Instruct"  # as training names it
LINES = b'{"messages": []}\n' * 100


def train(emulator: Emulator, *, epochs: int = 3, validate: bool = False, **fields: Any) -> str:
    """Start a job; it ends after the emulator's `job_seconds`.

    Returns:
        The job's id.
    """
    body = {
        "model": BASE,
        "training_file": _upload(emulator),
        "validation_file": _upload(emulator) if validate else None,
        "hyperparameters": {"n_epochs": epochs},
        **fields,
    }
    return str(_post(emulator, "/v1/fine_tuning/jobs", json=body)["id"])


def _upload(emulator: Emulator) -> str:
    files = {"file": ("train.jsonl", LINES)}
    return str(_post(emulator, "/v1/files", files=files, data={"purpose": "fine-tune"})["id"])


def _post(emulator: Emulator, path: str, **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    answer = requests.post(emulator.url + path, headers=headers, timeout=60, **options)
    answer.raise_for_status()
    return answer.json()
