"""The plugin's schema and the pages of Pulumi's registry: up to date, with examples that name what exists."""

from __future__ import annotations

import ast
import json
import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest
import yaml

from nebius_model_resource._plugin.servicer import schema
from nebius_model_resource._provider.properties import camel

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads(schema())
DESCRIBED: dict[str, dict[str, Any]] = {**SCHEMA["resources"], **SCHEMA["functions"]}
NAMES = [token.rpartition(":")[2] for token in DESCRIBED]
INDEX = (ROOT / "docs" / "_index.md").read_text()
PLUGIN = (ROOT / "docs" / "plugin.md").read_text()
INSTALLATION = (ROOT / "docs" / "installation-configuration.md").read_text()


def script() -> Any:
    """`scripts/schema` as a module."""
    loader = SourceFileLoader("scripts_schema", str(ROOT / "scripts" / "schema"))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def described(name: str) -> dict[str, Any]:
    return DESCRIBED[f"nebius-models:index:{name}"]


def takes(name: str) -> set[str]:
    """The inputs of a resource or function."""
    about = described(name)
    return set(about.get("inputProperties") or about["inputs"]["properties"])


def examples(text: str) -> dict[str, str]:
    """The programs of a text, by language."""
    return dict(re.findall(r"```(python|typescript|go|yaml)\n(.*?)```", text, re.DOTALL))


def test_the_schema_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """`scripts/schema` would write the committed file."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert script().schema() == SCHEMA


def test_the_schema_says_what_is_replaced() -> None:
    """Each input does whose change makes a new resource: `path` does not, because the content decides."""
    replaced = {
        name: [each for each, about in resource["inputProperties"].items() if "willReplaceOnChanges" in about]
        for name, resource in SCHEMA["resources"].items()
    }
    assert replaced == {
        "nebius-models:index:CustomModel": ["baseModel", "source", "name", "description", "aiProjectId"],
        "nebius-models:index:ModelArchive": ["aiProjectId"],
        "nebius-models:index:DedicatedEndpoint": ["modelName", "flavorName", "region", "aiProjectId"],
    }


def test_the_sdks_have_the_names_that_pages_and_examples_use() -> None:
    """Pulumi's CLI derives them from the namespace, which is not Pulumi's own; Python's has a name of its own."""
    namespace = SCHEMA["namespace"]
    assert namespace != "pulumi"
    names = {
        "python": SCHEMA["language"]["python"]["packageName"],
        "typescript": f"@{namespace}/nebius-models",
        "go": f"github.com/{namespace}/pulumi-nebius-models/sdk/go/nebiusmodels",
    }
    for language, name in names.items():
        assert name in PLUGIN
        assert name in INSTALLATION
        assert all(name in examples(about["description"])[language] for about in DESCRIBED.values())
    folder = f"sdks/{namespace}-nebius-models"
    needed = json.loads((ROOT / "examples" / "native-typescript" / "package.json").read_text())[
        "dependencies"
    ]
    assert needed[names["typescript"]] == f"file:{folder}"
    assert folder in (ROOT / "examples" / "native-python" / "requirements.txt").read_text().split()


@pytest.mark.parametrize("name", NAMES)
def test_each_resource_and_function_has_examples(name: str) -> None:
    """In four languages; the Python one compiles, and the names in Python and YAML are those of the schema."""
    found = examples(described(name)["description"])
    assert set(found) == {"python", "typescript", "go", "yaml"}
    tree = ast.parse(found["python"])
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    ours = {
        camel(call.func.attr): {camel(str(keyword.arg)) for keyword in call.keywords}
        for call in calls
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "nebius"
    }
    program = yaml.safe_load(found["yaml"])
    used = {each["type"]: set(each["properties"]) for each in program.get("resources", {}).values()}
    for variable in program.get("variables", {}).values():
        used[variable["fn::invoke"]["function"]] = set(variable["fn::invoke"]["arguments"])
    assert used == {f"nebius-models:{called}": given for called, given in ours.items()}
    assert name in ours
    assert all(given <= takes(called) for called, given in ours.items())


def test_what_can_be_imported_says_how() -> None:
    """Its description has the section that a registry shows, and no other description has one."""
    found = [name for name in NAMES if "\n## Import\n" in described(name)["description"]]
    assert found == ["CustomModel", "DedicatedEndpoint"]


def test_the_pages_of_the_registry_have_its_form() -> None:
    """They have its front matter, the model's examples and every option with its variable."""
    for page in (INDEX, INSTALLATION):
        front = yaml.safe_load(page.split("---\n")[1])
        assert (set(front), front["layout"]) == ({"title", "meta_desc", "layout"}, "package")
    assert examples(INDEX) == examples(described("CustomModel")["description"])
    rows = re.findall(r"^\| `nebius-models:(\w+)` \| (?:`(\w+)`)? ?\|", INSTALLATION, re.MULTILINE)
    variables = SCHEMA["config"]["variables"]
    assert {name for name, _ in rows} == set(variables)
    assert all(variable in variables[name]["description"] for name, variable in rows)
