"""This package's resource, used as the README says."""

import os

from nebius_model_resource import CustomModel


def declare() -> None:
    """Declare the models."""
    for number in range(int(os.environ["BENCHMARK_MODELS"])):
        CustomModel(
            f"m{number}",
            base_model="meta-llama/Meta-Llama-3.1-8B-Instruct",
            source=f"ftjob-bench:ftckpt_{number}",
            description="measured",
        )
