"""``Provider``: the account that models belong to, where it is not the one of the stack's configuration."""

from __future__ import annotations

import pulumi
from pulumi import Input, Output, ResourceOptions, RunError

from nebius_model_resource._api.settings import API_KEY, API_KEY_VARIABLE, BASE_URL, PROJECT, PROVIDER

PACKAGE = "pulumi-python"  # the package of every dynamic resource


class Provider(pulumi.ProviderResource):
    """An account of Nebius AI Studio (Token Factory): a key, and where it is used.

    A model has it by ``opts=ResourceOptions(provider=…)``, and the models of a component by ``providers=[…]``. What
    is left out is read from the environment (``NEBIUS_API_KEY``, ``NEBIUS_BASE_URL``, ``NEBIUS_AI_PROJECT_ID``), and
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
        opts: ResourceOptions | None = None,
    ) -> None:
        """Declare an account.

        Args:
            resource_name: the resource's name in the stack.
            api_key: the key. It is always a secret, and stands encrypted in the state.
            api_key_variable: the name of an environment variable that holds the key. It is read at each operation,
                so that the key is not in the state, and a rotated one is used at once.
            base_url: where the service is; ``https://api.studio.nebius.com`` where it is set nowhere.
            ai_project_id: the project of models that do not name one.
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
            PROVIDER: resource_name,  # for the messages of its host
        }
        self._settings = {key: value for key, value in given.items() if value is not None}
        key = {} if api_key is None else {API_KEY: Output.secret(api_key)}
        super().__init__(PACKAGE, resource_name, {**self._settings, **key}, opts)

    @property
    def settings(self) -> dict[str, Input[str]]:
        """What is given, by the keys of the stack's configuration (``nebius-models:apiKey``)."""
        return dict(self._settings)
