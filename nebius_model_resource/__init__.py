"""Custom LoRA models of Nebius AI Studio (Token Factory) as a Pulumi resource.

Each public name is loaded when it is first used, so that importing the package is cheap, and its command and its
emulator never load Pulumi.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nebius_model_resource._api.fine_tuning import Checkpoint
    from nebius_model_resource._lifecycle.lookups import CustomModelInfo
    from nebius_model_resource.account import Provider
    from nebius_model_resource.archive import ModelArchive
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
    from nebius_model_resource.resource import CustomModel

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

_MODULES = {
    "Checkpoint": "_api.fine_tuning",
    "CustomModel": "resource",
    "CustomModelInfo": "_lifecycle.lookups",
    "ModelArchive": "archive",
    "NebiusError": "errors",
    "Provider": "account",
}


if not TYPE_CHECKING:  # a type checker would accept every misspelt name

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'functions')}"), name)
        globals()[name] = value  # the next access does not call this function
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
