"""Creates against a service that limits its calls: how near they come to the time that the limit itself dictates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.engines import Stack
from benchmarks.service import Service, kind

SLACK = 1.10


@dataclass(frozen=True)
class Throttled:
    """One `up` under a limit.

    Attributes:
        models: how many were created.
        limit: calls a minute, and also how many may come at once.
        took: seconds from the first to the last POST as the service saw them.
        whole: seconds of the complete `up`.
        calls: the calls by kind.
        refused: how many of them were answered with 429.
    """

    models: int
    limit: int
    took: float
    whole: float
    calls: dict[str, int]
    refused: int

    @property
    def dictated(self) -> float:
        """Seconds that the limit itself needs: its bucket holds a minute's calls, and further calls wait."""
        return max(0, self.models - self.limit) * 60 / self.limit

    def text(self) -> str:
        """The figures and the bound."""
        met = self.took <= self.dictated * SLACK
        return (
            f"{self.models} creates at {self.limit} calls a minute: the limit dictates {self.dictated:.1f} s, "
            f"taken {self.took:.1f} s from the first to the last POST "
            f"(bound {self.dictated * SLACK:.1f} s: {'met' if met else 'MISSED'}); whole `up` {self.whole:.1f} s; "
            f"calls {self.calls}, of which {self.refused} were answered with 429"
        )


def measure(
    models: int = 100,
    limit: int = 60,
    *,
    parallel: int = 64,
    real: bool = True,
    say: Callable[[str], None] = print,
) -> Throttled:
    """Create the models through the engine.

    Raises:
        CommandFailed: not all creates succeeded.
    """
    with TemporaryDirectory(prefix="benchmark-") as folder, Service() as service:
        service.validate_for(0)
        stack = Stack(Path(folder) / "ours", "ours", service.url, parallel=parallel, real=real)
        say(f"making {models} models at {limit} calls a minute")
        service.set(rate_limit_per_minute=limit)
        usage = stack.run("up", models)
        requests = service.requests()
        if service.count() != models:
            raise AssertionError(f"there are {service.count()} models where {models} belong")
    posts = [request["time"] for request in requests if request["method"] == "POST"]
    calls = Counter(kind(request["method"], request["path"]) for request in requests)
    refused = sum(request["status"] == 429 for request in requests)
    return Throttled(models, limit, posts[-1] - posts[0], usage.seconds, dict(calls), refused)
