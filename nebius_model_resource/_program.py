"""What the resources of a program share while it declares them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from weakref import WeakSet

import pulumi
from pulumi import Output
from pulumi.runtime import get_config, get_config_secret_keys_env, get_root_resource, is_config_secret
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

from nebius_model_resource._api.settings import API_KEY

_checked_keys: WeakSet[Any] = WeakSet()  # by stack, because one process can run several programs


async def secrets_of(outputs: dict[str, Output[Any]]) -> list[str] | None:
    """The properties whose outputs are secret; None if there are none, because None is not sent."""
    secrets = []
    for prop, value in outputs.items():
        with suppress(Exception):  # Pulumi reports a failed output where it reads the value
            if await value.is_secret():
                secrets.append(prop)
    return secrets or None


def warn_about_plain_key() -> None:
    """Warn, once per program, if the key in the stack's configuration is not a secret."""
    stack = get_root_resource()
    if stack is None or stack in _checked_keys:
        return
    _checked_keys.add(stack)
    # A thread that the program starts sees only the environment's list of secret keys.
    if is_config_secret(API_KEY) or API_KEY in get_config_secret_keys_env() or not get_config(API_KEY):
        return
    if not isinstance(get_monitor(), MockMonitor):  # a test has no secrets, and no state
        pulumi.log.warn(
            f"{API_KEY} is not a secret: the stack's configuration and state hold it as plain text: "
            f"run `pulumi config set --secret {API_KEY} <key>`"
        )
