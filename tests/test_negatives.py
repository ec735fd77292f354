"""Assertions that a text is absent, which hold for ever once the words of a message change."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = sorted((ROOT / "tests").glob("**/*.py"))
# What Python, Pulumi or a library would write.
OTHERS_WORDS = {"Traceback"}
LOOPS = (ast.For, ast.comprehension)


@cache
def code() -> str:
    """What package and scripts can write: their texts, put together where lines split them, and names of files."""
    files = [*(ROOT / "nebius_model_resource").glob("**/*.py"), *(ROOT / "scripts").glob("*.py")]
    texts = [str(text.value) for file in files for text in strings(ast.parse(file.read_text()))]
    return "\n".join([*texts, *(str(file.relative_to(ROOT)) for file in files)])


def strings(tree: ast.AST) -> list[ast.Constant]:
    """The texts of a module, without its docstrings."""
    nodes = list(ast.walk(tree))
    docstrings = [node.value for node in nodes if isinstance(node, ast.Expr)]
    texts = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [text for text in texts if text not in docstrings]


def negatives(function: ast.AST) -> Iterator[ast.AST]:
    """What is asserted to be absent: the left of `not in`, or of `in` where the assertion begins with `not`."""
    for test in (node.test for node in ast.walk(function) if isinstance(node, ast.Assert)):
        negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        for node in ast.walk(test):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In if negated else ast.NotIn):
                yield node.left


def values(name: str, scope: ast.AST) -> Iterator[ast.AST]:
    """What an assignment, or a loop as its items, gives to a name of a function or a module."""
    for node in scope.body if isinstance(scope, ast.Module) else ast.walk(scope):
        if isinstance(node, LOOPS) and isinstance(node.target, ast.Name) and node.target.id == name:
            yield node.iter
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield from [node.value] * (node.targets[0].id == name)


def made_of(node: ast.AST, scopes: Iterable[ast.AST], asserted: set[ast.AST]) -> Iterator[ast.Constant]:
    """The texts in an expression: in an f-string, a sum, a list, or a name that serves no other purpose."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip():
        yield node
    elif isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.JoinedStr, ast.BinOp)):
        for part in ast.iter_child_nodes(node):
            yield from made_of(part, scopes, asserted)
    elif isinstance(node, ast.Name) and (
        scope := next((each for each in scopes if [*values(node.id, each)]), None)
    ):
        nodes = list(ast.walk(scope))
        uses = {each for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
        uses = {each for each in uses if isinstance(each, ast.Name) and each.id == node.id}
        if uses <= asserted | {each.iter for each in nodes if isinstance(each, LOOPS)}:
            for value in values(node.id, scope):
                yield from made_of(value, scopes, asserted)


def absent(tree: ast.Module) -> set[ast.Constant]:
    """The texts that are there only to be absent."""
    found: set[ast.Constant] = set()
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        left = list(negatives(function))
        asserted = {part for each in left for part in ast.walk(each)}
        asserted |= {node.elt for node in ast.walk(function) if isinstance(node, ast.ListComp)}
        found.update(text for each in left for text in made_of(each, (function, tree), asserted))
    return found


def idle(source: str) -> list[str]:
    """The texts whose absence the test file asserts, and that neither the code nor the file itself has."""
    tree = ast.parse(source)
    asserted = absent(tree)
    data = [str(text.value) for text in strings(tree) if text not in asserted]
    return [
        f"line {each.lineno}: {each.value!r}"
        for each in sorted(asserted, key=lambda text: text.lineno)
        if each.value not in OTHERS_WORDS
        and str(each.value) not in code()
        and not any(str(each.value) in text for text in data)
    ]


@pytest.mark.parametrize("file", TESTS, ids=lambda file: str(file.relative_to(ROOT / "tests")))
def test_a_text_that_must_be_absent_could_be_there(file: Path) -> None:
    """The code has each such text, or the test file gives it to the code: otherwise the assertion cannot fail."""
    assert idle(file.read_text()) == []


SOURCE = """
WORDS = ["given", "gone 1"]
def test():
    "gone 2"
    name, other = "given", 1
    text = "gone 3"
    assert "given" not in shown and "NEBIUS_API_KEY" not in shown
    assert "gone " "2" not in shown and text not in shown
    assert f"{other} gone 4" not in shown and "gone" + "gone 5" not in shown
    assert not [word for word in ("given", "gone 6") if word in shown]
    for word in WORDS:
        assert word not in shown
def test_another():
    for word in ("made", "also made"):
        make(word)
        assert word not in shown
"""


def test_an_assertion_that_cannot_fail_is_noticed() -> None:
    """By itself, in a name, an f-string, a sum or a list; a text that the file gives, or the code has, is no fault."""
    assert sorted(found[-2] for found in idle(SOURCE)) == ["1", "2", "3", "4", "5", "6"]
