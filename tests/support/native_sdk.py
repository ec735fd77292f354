"""A Python SDK for the schema beside it: :class:`tests.support.native.Native` copies it as `pulumi_nebius_models`.

It stands in for the SDK that `pulumi package add` generates, which needs a newer Python language host than
`scripts/engine` builds. It does not check arguments, and its values have no types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pulumi
from pulumi.runtime import invoke, invoke_output

_SCHEMA = json.loads(Path(__file__).with_name("schema.json").read_text())


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def _camel(name: str) -> str:
    return re.sub("_(.)", lambda letter: letter[1].upper(), name)


class _Names(pulumi.Resource):
    """A resource of the plugin; each class says what the schema says about it.

    Attributes:
        token: the type's name for the engine.
        definition: its part of the schema.
    """

    token: str
    definition: dict[str, Any]

    def translate_input_property(self, prop: str) -> str:
        """The schema's name."""
        return _camel(prop)

    def translate_output_property(self, prop: str) -> str:
        """The name in Python."""
        return _snake(prop)


class _Resource(_Names, pulumi.CustomResource):
    def __init__(
        self, resource_name: str, opts: pulumi.ResourceOptions | None = None, **arguments: Any
    ) -> None:
        outputs = {_snake(name): None for name in self.definition["properties"]}
        aliases = [pulumi.Alias(type_=alias["type"]) for alias in self.definition["aliases"]]
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=cast("list[Any]", aliases)))
        super().__init__(self.token, resource_name, {**outputs, **arguments}, opts)

    @classmethod
    def get(cls, resource_name: str, id: str, opts: pulumi.ResourceOptions | None = None) -> _Resource:
        """Read a resource that exists."""
        return cls(resource_name, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id)))


class Provider(_Names, pulumi.ProviderResource):
    """An account."""

    def __init__(
        self, resource_name: str, opts: pulumi.ResourceOptions | None = None, **arguments: Any
    ) -> None:
        properties = _SCHEMA["provider"]["inputProperties"]
        secret = {_snake(name) for name, definition in properties.items() if definition.get("secret")}
        given = {
            name: pulumi.Output.secret(value) if name in secret else value
            for name, value in arguments.items()
        }
        super().__init__(_SCHEMA["name"], resource_name, given, opts)


def _function(token: str) -> tuple[Callable[..., Any], Callable[..., pulumi.Output[Any]]]:
    """A function for plain arguments, and its twin for outputs."""

    def result(values: Any) -> SimpleNamespace:
        return SimpleNamespace(**{_snake(name): value for name, value in values.items()})

    def arguments(given: dict[str, Any]) -> dict[str, Any]:
        return {_camel(name): value for name, value in given.items()}

    def call(opts: Any = None, **given: Any) -> SimpleNamespace:
        return result(invoke(token, arguments(given), opts).value)

    def call_output(opts: Any = None, **given: Any) -> pulumi.Output[Any]:
        return invoke_output(token, arguments(given), opts).apply(result)

    return call, call_output


def _names_of(section: str) -> dict[str, str]:
    """The tokens of a section of the schema, by the last word."""
    return {token.rpartition(":")[2]: token for token in _SCHEMA[section]}


for _name, _token in _names_of("resources").items():
    globals()[_name] = type(
        _name, (_Resource,), {"token": _token, "definition": _SCHEMA["resources"][_token]}
    )
for _name, _token in _names_of("functions").items():
    globals()[_snake(_name)], globals()[_snake(_name) + "_output"] = _function(_token)
