"""An emulator of the custom-model API of Nebius AI Studio and of its dedicated endpoints, for tests and first looks.

It follows the published documentation and answers that others captured in 2025 and 2026; we have never checked it
against the running service. `core.Service` is the service as a function, for tests in the same process; `Emulator` puts
it on a socket.
"""

from .answers import Answer, Request
from .core import Service
from .faults import Fault
from .server import Emulator
from .settings import Settings

__all__ = ["Answer", "Emulator", "Fault", "Request", "Service", "Settings"]
