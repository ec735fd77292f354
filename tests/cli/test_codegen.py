"""The Python code that declares and adopts models."""

from __future__ import annotations

import ast
import keyword
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nebius_model_resource._cli.codegen import program
from nebius_model_resource._service.names import GeneratedName
from nebius_model_resource._service.types import CustomModelInfo

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"


def model(short: str, **changes: Any) -> CustomModelInfo:
    name = GeneratedName.parse(f"{BASE}-LoRa:{short}")
    known = CustomModelInfo(f"{BASE}-LoRa:{short}", name.custom, BASE, "file-1", None, "active", None, None)
    return replace(known, **changes)


def declarations(text: str) -> dict[str, dict[str, Any]]:
    """Each variable's arguments; the empty key is the resource's name."""
    found = {}
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
            [target] = statement.targets
            assert isinstance(target, ast.Name)
            found[target.id] = _arguments(statement.value)
    return found


def _arguments(call: ast.Call) -> dict[str, Any]:
    arguments = {"": ast.literal_eval(call.args[0])}
    for given_ in call.keywords:
        assert given_.arg
        if isinstance(given_.value, ast.Call):  # opts
            [option] = given_.value.keywords
            assert option.arg
            arguments[option.arg] = ast.literal_eval(option.value)
        else:
            arguments[given_.arg] = ast.literal_eval(given_.value)
    return arguments


def test_a_program_looks_handwritten() -> None:
    """The complete text for one model is pinned, with the project that was given to the command."""
    assert program([model("support-bot-AbCd", description="answers tickets")], "aiproject-e00one") == (
        "import pulumi\n"
        "\n"
        "from nebius_model_resource import CustomModel\n"
        "\n"
        "support_bot = CustomModel(\n"
        '    "support-bot",\n'
        f'    base_model="{BASE}",\n'
        '    source="file-1",\n'
        '    description="answers tickets",\n'
        '    ai_project_id="aiproject-e00one",\n'
        f'    opts=pulumi.ResourceOptions(import_="{BASE}-LoRa:support-bot-AbCd"),\n'
        ")\n"
    )


def test_models_with_one_custom_name_get_different_resource_names() -> None:
    """Equal custom names become the short generated ones, with `name` beside them."""
    found = declarations(program([model("bot-AbCd"), model("bot-EfGh"), model("other-AbCd")]))
    assert {variable: (each[""], each.get("name")) for variable, each in found.items()} == {
        "bot_abcd": ("bot-AbCd", "bot"),
        "bot_efgh": ("bot-EfGh", "bot"),
        "other": ("other", None),
    }


def test_variables_are_valid_and_shadow_nothing() -> None:
    """No variable is a keyword, a builtin, an import of the program, or starts with a digit."""
    shorts = ["class-AbCd", "list-AbCd", "pulumi-AbCd", "8b-AbCd", "名前-AbCd", "a_b-AbCd", "a-b-AbCd"]
    found = declarations(program([model(short) for short in shorts]))
    assert list(found) == ["class_", "list_", "pulumi_", "model_8b", "model", "a_b", "a_b_2"]
    assert [each[""] for each in found.values()] == [short[:-5] for short in shorts]


def test_an_argument_that_the_service_does_not_report_is_left_empty() -> None:
    """A missing source becomes an empty text with a comment, and another comment marks a model that is not active."""
    text = program([model("bot-AbCd", source=None, status="error")])
    assert '    source="",  # the service does not report it' in text
    assert "# This model is error: only an active model can be adopted." in text
    ast.parse(text)


@given(st.lists(st.tuples(st.text(min_size=1), st.text(), st.text()), max_size=5))
def test_any_models_make_a_program_that_parses(models: list[tuple[str, str, str]]) -> None:
    """Any text stays inside its literal or comment, and no resource name comes twice."""
    infos = [
        model(short, source=text, description=text, status=status) for short, text, status in models if short
    ]
    found = declarations(program(infos))
    assert len(found) == len(infos)
    assert not any(keyword.iskeyword(variable) for variable in found)
    assert len({each[""] for each in found.values()}) == len(infos)
    assert [each["import_"] for each in found.values()] == [info.generated_name for info in infos]
