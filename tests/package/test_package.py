"""What the package guarantees to programs that import it."""

from __future__ import annotations

import base64
import pickle
import subprocess
import sys
from pathlib import Path

from pulumi.dynamic.dynamic import serialize_provider

from nebius_model_resource.provider import CustomModelProvider

PACKAGE = Path(__file__).resolve().parents[2] / "nebius_model_resource"


def test_the_provider_in_the_state_is_exactly_this_text() -> None:
    """The import path of the provider is in every state file, so it never changes."""
    text = serialize_provider(CustomModelProvider())
    head = {4: "gASVPQAAAAAAAAC", 5: "gAWVPQAAAAAAAAC"}[pickle.DEFAULT_PROTOCOL]
    assert text == (
        head + "MHm5lYml1c19tb2RlbF9yZXNvdXJjZS5wcm92aWRlcpSME0N1c3RvbU1vZGVsUHJvdmlkZXKUk5QpgZQu"
    )
    assert len(text) <= 120
    assert b"nebius_model_resource.provider" in base64.b64decode(text)


def test_a_program_that_declares_models_loads_no_http() -> None:
    """A program loads neither requests and urllib3 nor the testing tools."""
    code = (
        "import sys, pulumi, pulumi.dynamic; before = set(sys.modules);"
        "from nebius_model_resource import CustomModel;"
        "print([name for name in set(sys.modules) - before if name.split('.')[0] in "
        "('requests', 'urllib3', 'fastapi', 'uvicorn', 'pydantic') or '.testing' in name])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
