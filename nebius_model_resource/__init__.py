"""Custom LoRA models and dedicated endpoints of Nebius AI Studio (Token Factory) as Pulumi resources.

The public names are those of :mod:`.resources` and :mod:`.functions`. Each is loaded when it is first used, so that
importing the package is cheap, and its command and its emulator never load Pulumi.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nebius_model_resource.functions import *  # noqa: F403
    from nebius_model_resource.resources import *  # noqa: F403

__version__ = "0.1.0"


if not TYPE_CHECKING:  # a type checker would accept every misspelt name

    def __getattr__(name: str) -> Any:
        if name == "__all__":
            return sorted(public for module in _modules() for public in module.__all__)
        # Python asks here first for a module that is imported from the package, and for names such as `__path__`.
        is_public = not name.startswith("_") and find_spec(f"{__name__}.{name}") is None
        for module in _modules() if is_public else ():
            if name in module.__all__:
                return globals().setdefault(name, getattr(module, name))
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})


def _modules() -> Iterator[Any]:
    """The modules with public names; the first has what most programs need."""
    return (import_module(f"{__name__}.{module}") for module in ("resources", "functions"))
