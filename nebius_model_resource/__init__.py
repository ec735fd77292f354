"""Custom LoRA models of Nebius AI Studio (Token Factory) as a Pulumi resource.

Each public name is loaded when it is first used, so that importing the package is cheap, and its command and its
emulator never load Pulumi.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nebius_model_resource._provider.lookups import CustomModelInfo
    from nebius_model_resource._service.types import Checkpoint
    from nebius_model_resource.errors import NebiusError
    from nebius_model_resource.functions import (
        CheckpointNotFound,
        ModelNotFound,
        QueryFailed,
        get_custom_model,
        get_custom_model_output,
        get_fine_tuning_checkpoints,
        get_fine_tuning_checkpoints_output,
        get_latest_checkpoint,
        get_latest_checkpoint_output,
        list_custom_models,
        list_custom_models_output,
    )
    from nebius_model_resource.resources import CustomModel, ModelArchive, Provider

__version__ = "0.1.0"
__all__ = [
    "Checkpoint",
    "CheckpointNotFound",
    "CustomModel",
    "CustomModelInfo",
    "ModelArchive",
    "ModelNotFound",
    "NebiusError",
    "Provider",
    "QueryFailed",
    "get_custom_model",
    "get_custom_model_output",
    "get_fine_tuning_checkpoints",
    "get_fine_tuning_checkpoints_output",
    "get_latest_checkpoint",
    "get_latest_checkpoint_output",
    "list_custom_models",
    "list_custom_models_output",
]

# Where the public names are: the first is what most programs need.
_MODULES = ("resources", "functions")


if not TYPE_CHECKING:  # a type checker would accept every misspelt name

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        modules = (import_module(f"{__name__}.{module}") for module in _MODULES)
        value = next(getattr(module, name) for module in modules if hasattr(module, name))
        globals()[name] = value  # the next access does not call this function
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
