"""Fine-tuning jobs at the emulator."""

from __future__ import annotations

from nebius_model_resource.testing.emulator import Emulator

BASE = "meta-llama/Llama-3.1-8B-Instruct"  # as training names it
LINES = b'{"messages": []}\n' * 100
STEPS = 13  # of an epoch


def train(emulator: Emulator, *, epochs: int = 3) -> str:
    """Start a job with a checkpoint for each epoch; it ends after the emulator's `job_seconds`.

    Returns:
        The job's id.
    """
    emulator.service.files.add("train.jsonl", LINES, "fine-tune")
    checkpoints = {}
    for epoch in range(1, epochs + 1):
        checkpoints[epoch * STEPS] = {"train_loss": round(1 / (epoch + 1), 4), "valid_loss": None}
    return emulator.add_job(model=BASE, checkpoints=checkpoints)
