"""What the package promises to those who import it."""

from __future__ import annotations

import ast
import base64
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from nebius_model_resource.provider import CustomModelProvider

PACKAGE = Path(__file__).resolve().parents[2] / "nebius_model_resource"
# The order of design: a module imports only from those before it.
ORDER = [
    "errors",
    "texts",
    "models",
    "pasted",
    "hints",
    "validation",
    "config",
    "pace",
    "network",
    "transport",
    "answers",
    "client",
    "status",
    "waiting",
    "messages",
    "unanswered",
    "guardian",
    "posting",
    "adoption",
    "lifecycle",
    "host_threads",
    "dynamic_host",
    "bags",
    "dynamic_edge",
    "provider",
    "resource",
    "account",
]


def test_the_provider_in_the_state_is_exactly_this_text() -> None:
    """The import path of the provider is a contract with every state file ever written."""
    text = serialize_provider(CustomModelProvider())
    head = {4: "gASVPQAAAAAAAAC", 5: "gAWVPQAAAAAAAAC"}[pickle.DEFAULT_PROTOCOL]
    assert text == (
        head + "MHm5lYml1c19tb2RlbF9yZXNvdXJjZS5wcm92aWRlcpSME0N1c3RvbU1vZGVsUHJvdmlkZXKUk5QpgZQu"
    )
    assert len(text) <= 120
    assert b"nebius_model_resource.provider" in base64.b64decode(text)


def _imports(module: str, *, top_level: bool) -> set[str]:
    """The package's own modules that one of them imports."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    nodes = tree.body if top_level else ast.walk(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nebius_model_resource"):
            rest = (node.module or "").removeprefix("nebius_model_resource").removeprefix(".")
            found |= {rest} if rest else {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("module", ORDER)
def test_imports_go_one_way(module: str) -> None:
    """No module imports one that stands after it, nor anything of the testing tools."""
    assert _imports(module, top_level=False) <= set(ORDER[: ORDER.index(module)]) | (
        {"State", "Fault", "models"} if module == "errors" else set()
    )


@pytest.mark.parametrize("module", ORDER[: ORDER.index("lifecycle") + 1])
def test_the_core_knows_nothing_of_pulumi(module: str) -> None:
    """A second edge, a native plugin, can stand on the same core."""
    assert "import pulumi" not in (PACKAGE / f"{module}.py").read_text()
    assert "from pulumi" not in (PACKAGE / f"{module}.py").read_text()


def test_a_program_that_declares_models_loads_no_http() -> None:
    """requests, urllib3, grpc's generated stubs of ours and the testing tools stay out of a program."""
    code = (
        "import sys, pulumi, pulumi.dynamic; before = set(sys.modules);"
        "from nebius_model_resource import CustomModel;"
        "print([name for name in set(sys.modules) - before if name.split('.')[0] in "
        "('requests', 'urllib3', 'fastapi', 'uvicorn', 'pydantic') or '.testing' in name])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
