"""The emulator as the cases need it: with bases that it does not support, and with a job to look at."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nebius_model_resource.testing.emulator import Emulator
from tests.contract.visit import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def emulated(base_model: str, **settings: Any) -> Iterator[Emulator]:
    """Run an emulator that supports one base and has one job."""
    given = {"validation_seconds": 0.05, "supported_bases": [base_model], "job_seconds": 3600.0, **settings}
    with Emulator(**given) as emulator:
        emulator.service.files.add("train.jsonl", ROWS, "fine-tune")
        emulator.add_job(model=base_model)
        emulator.clear_requests()
        yield emulator
