"""Python that declares existing models and adopts them."""

from __future__ import annotations

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from nebius_model_resource._service.answers import one_line
from nebius_model_resource._service.names import GeneratedName
from nebius_model_resource._service.types import ACTIVE, CustomModelInfo

_HEAD = "import pulumi\n\nfrom nebius_model_resource import CustomModel\n"
_TAKEN = {"pulumi", *dir(builtins), *keyword.kwlist, *keyword.softkwlist}


def program(models: Sequence[CustomModelInfo], ai_project_id: str | None = None) -> str:
    """A complete ``__main__.py``: the import, and a declaration of each model.

    Args:
        models: in the order of their declarations; each once.
        ai_project_id: the project to write into each declaration; None leaves it to the configuration.

    Returns:
        Python that runs unchanged, with one exception: an argument that the service does not report is empty, with a
        comment, and a preview refuses it until it is filled in.
    """
    names = _resource_names(models)
    variables = _unique(_identifier(name) for name in names)
    declared = [
        _declaration(model, name, variable, ai_project_id)
        for model, name, variable in zip(models, names, variables, strict=True)
    ]
    return "\n".join([_HEAD, *declared])


def _declaration(model: CustomModelInfo, name: str, variable: str, ai_project_id: str | None) -> str:
    lines = [f"{variable} = CustomModel(", f"    {literal(name)},"]
    if model.name != name:
        lines.append(f"    name={literal(model.name)},")
    lines += [_required("base_model", model.base_model), _required("source", model.source)]
    if model.description:
        lines.append(f"    description={literal(model.description)},")
    if ai_project_id:
        lines.append(f"    ai_project_id={literal(ai_project_id)},")
    lines += [f"    opts=pulumi.ResourceOptions(import_={literal(model.generated_name)}),", ")", ""]
    if model.status != ACTIVE:
        status = one_line(model.status or "without a status")
        lines.insert(0, f"# This model is {status}: only an active model can be adopted.")
    return "\n".join(lines)


def _required(name: str, value: str | None) -> str:
    if value:
        return f"    {name}={literal(value)},"
    return f'    {name}="",  # the service does not report it: give what the model was created from'


def literal(text: str) -> str:
    """A text as a Python literal, in double quotes unless it holds one; nothing in it can end the literal."""
    if '"' in text:
        return repr(text)
    return '"' + repr("'" + text)[2:]  # the quote in front makes `repr` choose double quotes


def _resource_names(models: Sequence[CustomModelInfo]) -> list[str]:
    """The custom names; for models with the same custom name, their short generated names."""
    counts = Counter(model.name for model in models)
    return _unique(
        model.name if counts[model.name] == 1 else GeneratedName.parse(model.generated_name).short
        for model in models
    )


def _identifier(name: str) -> str:
    text = re.sub(r"[^0-9A-Za-z]+", "_", name).strip("_").lower()
    if not text or text[0].isdigit():
        text = f"model_{text}".rstrip("_")
    return f"{text}_" if text in _TAKEN else text


def _unique(names: Iterable[str]) -> list[str]:
    """The names, with a number after each repeated one."""
    unique: dict[str, None] = {}
    for name in names:
        free, number = name, 1
        while free in unique:
            number += 1
            free = f"{name}_{number}"
        unique[free] = None
    return list(unique)
