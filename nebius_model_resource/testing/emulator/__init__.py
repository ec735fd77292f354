"""An emulator of the custom-model API of Nebius AI Studio, for tests and first looks.

It follows the published documentation and answers seen live in 2025 and 2026; we have never checked
it against the running service.
"""

from .faults import Fault
from .server import Emulator
from .settings import Settings

__all__ = ["Emulator", "Fault", "Settings"]
