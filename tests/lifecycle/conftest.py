from __future__ import annotations

import random

import pytest

from tests.support.virtual import Service, Shown, VirtualTime


@pytest.fixture
def time() -> VirtualTime:
    """A clock that moves only in a sleep."""
    random.seed(0)
    return VirtualTime()


@pytest.fixture
def service(time: VirtualTime) -> Service:
    """The service on that clock."""
    return Service(time)


@pytest.fixture
def shown(time: VirtualTime) -> Shown:
    """What an operation shows."""
    return Shown(time)
