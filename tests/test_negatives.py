"""Assertions that a text is absent, which hold for ever once the words of a message change."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = sorted((ROOT / "tests").glob("**/*.py"))
# What Python, Pulumi or a library would write.
OTHERS_WORDS = {"Traceback"}


@cache
def code() -> str:
    """What package and scripts can write: sources, texts put together where lines split them, and names of files."""
    files = [*(ROOT / "nebius_model_resource").glob("**/*.py"), *(ROOT / "scripts").glob("*.py")]
    sources = [file.read_text() for file in files]
    texts = [text for source in sources for text in strings(ast.parse(source))]
    return "\n".join([*sources, *texts, *(str(file.relative_to(ROOT)) for file in files)])


def strings(tree: ast.AST) -> Iterator[str]:
    """The texts of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def absent(tree: ast.Module) -> Iterator[ast.Constant]:
    """The texts on the left of an asserted `not in`, also those that a loop puts there."""
    loops = {
        node.target.id: node.iter
        for node in ast.walk(tree)
        if isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.target, ast.Name)
    }
    asserts = (node.test for node in ast.walk(tree) if isinstance(node, ast.Assert))
    for node in (each for test in asserts for each in ast.walk(test)):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.NotIn):
            left = node.left
            many = loops.get(left.id) if isinstance(left, ast.Name) else None
            options = many.elts if isinstance(many, (ast.Tuple, ast.List, ast.Set)) else [left]
            yield from (each for each in options if isinstance(each, ast.Constant))


def idle(source: str) -> list[str]:
    """The texts whose absence the test file asserts, and that neither the code nor the file itself has."""
    tree = ast.parse(source)
    asserted = list(absent(tree))
    places = {(each.lineno, each.col_offset) for each in asserted}
    data = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and (node.lineno, node.col_offset) not in places
    ]
    return [
        f"line {each.lineno}: {each.value!r}"
        for each in asserted
        if isinstance(each.value, str)
        and each.value not in OTHERS_WORDS
        and each.value not in code()
        and not any(each.value in text for text in data)
    ]


@pytest.mark.parametrize("file", TESTS, ids=lambda file: str(file.relative_to(ROOT / "tests")))
def test_a_text_that_must_be_absent_could_be_there(file: Path) -> None:
    """The code has each such text, or the test file gives it to the code: otherwise the assertion cannot fail."""
    assert idle(file.read_text()) == []


def test_an_assertion_that_cannot_fail_is_noticed() -> None:
    """In one assertion and in a loop; a text that the file itself gives, or the code has, is no fault."""
    source = (
        'name = "given"\n'
        'assert "given" not in shown\n'
        'assert "NEBIUS_API_KEY" not in shown\n'
        'assert "gone for ever" not in shown\n'
        'for word in ("given", "gone as well"):\n'
        "    assert word not in shown\n"
    )
    assert idle(source) == ["line 4: 'gone for ever'", "line 5: 'gone as well'"]
