"""What the resources of a program share while it declares them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi.dynamic import Resource, ResourceProvider
from pulumi.runtime import get_config, get_config_secret_keys_env, get_root_resource, is_config_secret
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

from nebius_model_resource._api.settings import API_KEY

_checked_keys: WeakSet[Any] = WeakSet()  # by stack, because one process can run several programs


class AccountResource(Resource):
    """A resource of an account."""

    def __init_subclass__(cls, module: str = "", name: str = "", **kwargs: Any) -> None:
        # Pulumi's base class would give each subclass the type `dynamic:Resource`, and so replace its resources.
        super().__init_subclass__(module=module, name=name, **kwargs)
        if not (module or name):
            del cls._resource_type_name

    def __init__(
        self,
        provider: ResourceProvider,
        resource_name: str,
        props: dict[str, Any],
        opts: ResourceOptions | None,
    ) -> None:
        if outputs := {prop: value for prop, value in props.items() if isinstance(value, Output)}:
            # The engine takes the marks off before it calls a host, and shows secrets of failed checks (3.260).
            props["secret_inputs"] = Output.from_input(secrets_of(outputs))
        warn_about_plain_key()
        super().__init__(provider, resource_name, props, opts)

    def _read(
        self,
        provider: ResourceProvider,
        resource_name: str,
        id_: Input[str],
        names: Iterable[str],
        opts: ResourceOptions | None,
    ) -> None:
        """Read the existing resource of that id, in place of declaring one."""
        warn_about_plain_key()
        merged = ResourceOptions.merge(opts, ResourceOptions(id=id_))
        Resource.__init__(self, provider, resource_name, dict.fromkeys(names), merged)


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
