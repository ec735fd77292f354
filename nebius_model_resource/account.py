"""``Provider``: an account other than that of the stack's configuration."""

from __future__ import annotations

import pulumi
from pulumi import Input, Output, ResourceOptions, RunError

from nebius_model_resource._api.settings import (
    API_KEY,
    API_KEY_VARIABLE,
    BASE_URL,
    PREFLIGHT,
    PROJECT,
    PROVIDER,
)

PACKAGE = "pulumi-python"  # the package of every dynamic resource


class Provider(pulumi.ProviderResource):
    """An account of Nebius AI Studio (Token Factory): a key, and where it is used.

    A model uses it with ``opts=ResourceOptions(provider=…)``, the models of a component with ``providers=[…]``.

    A missing argument is read from the environment (``NEBIUS_API_KEY``, ``NEBIUS_BASE_URL``, ``NEBIUS_AI_PROJECT_ID``),
    never from the stack's configuration.

    Example::

        eu = Provider("eu", api_key_variable="NEBIUS_API_KEY_EU", ai_project_id="aiproject-e00…")
        bot = CustomModel("bot", base_model=…, source=…, opts=ResourceOptions(provider=eu))
    """

    def __init__(
        self,
        resource_name: str,
        *,
        api_key: Input[str] | None = None,
        api_key_variable: Input[str] | None = None,
        base_url: Input[str] | None = None,
        ai_project_id: Input[str] | None = None,
        preflight: Input[bool] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        """Declare an account.

        Args:
            resource_name: the resource's name in the stack.
            api_key: the key. It is always a secret, and the state holds it encrypted.
            api_key_variable: the name of an environment variable that holds the key. Each operation reads the
                variable, so the state does not hold the key, and a new key is used at once.
            base_url: the service; ``https://api.studio.nebius.com`` if neither this nor the variable is set.
            ai_project_id: the project of models that do not name one.
            preflight: whether a preview asks the service about the base model and source of new models; True by
                default.
            opts: Pulumi's options.

        Raises:
            RunError: both ``api_key`` and ``api_key_variable`` are given.
        """
        if api_key is not None and api_key_variable is not None:
            raise RunError(
                f"Provider {resource_name!r}: api_key and api_key_variable are both given: give one of them"
            )
        given = {
            API_KEY: api_key,
            API_KEY_VARIABLE: api_key_variable,
            BASE_URL: base_url,
            PROJECT: ai_project_id,
            PROVIDER: resource_name,  # for messages
        }
        self._settings = {key: value for key, value in given.items() if value is not None}
        key = {} if api_key is None else {API_KEY: Output.secret(api_key)}
        switch = {} if preflight is None else {PREFLIGHT: preflight}
        super().__init__(PACKAGE, resource_name, {**self._settings, **key, **switch}, opts)

    @property
    def settings(self) -> dict[str, Input[str]]:
        """The given arguments that a call needs, by the configuration's names (``nebius-models:apiKey``)."""
        return dict(self._settings)
