"""The engine refuses in one line what it does not support."""

from __future__ import annotations

from pathlib import Path

import pytest

from nebius_model_resource.testing.engine import EngineError
from nebius_model_resource.testing.engine.errors import ConfigError
from nebius_model_resource.testing.engine.monitor import seconds

from .engines import warm_stack

# In a module of its own, so that the provider is pickled by reference: SDK 3.230 cannot do it by value.
NOTHING = """
import pulumi
from pulumi import dynamic

class Nothing(dynamic.ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        return dynamic.CreateResult("id", {})

class Item(dynamic.Resource):
    pass

def item(name="item", **opts):
    return Item(Nothing(), name, {}, pulumi.ResourceOptions(**opts))

def component(**opts):
    return pulumi.ComponentResource("x:y:Z", "c", None, pulumi.ResourceOptions(**opts))

"""

PROGRAMS = {
    'pulumi.CustomResource("aws:s3:Bucket", "b", {})': "aws:s3:Bucket 'b': a resource other than dynamic ones",
    'pulumi.StackReference("org/project/stack")': "a resource other than dynamic ones",
    'pulumi.runtime.invoke("aws:index:getRegion", {})': r"aws:index:getRegion \(Invoke\) is not supported",
    'item(urn="urn:pulumi:dev::refused::a:b:C::d")': r"getResource \(Invoke\) is not supported",
    'item(import_="x")': "the option `importId`",
    "component(protect=True)": "'c': the option `protect` is not supported",
    'item(deleted_with=item("other"))': "the option `deletedWith`",
    'item(ignore_changes=["a"])': "the option `ignoreChanges`",
    "item(delete_before_replace=True)": "the option `deleteBeforeReplace`",
    'item(additional_secret_outputs=["a"])': "the option `additionalSecretOutputs`",
    "pulumi.runtime.register_stack_transform(lambda args: None)": "RegisterStackTransform is not supported",
    'pulumi.ResourceHook("h", print)\nitem()': "RegisterResourceHook is not supported",
    'item(custom_timeouts=pulumi.CustomTimeouts(create="soon"))': "'soon' is not a duration",
}


def project(folder: Path, source: str) -> Path:
    (folder / "Pulumi.yaml").write_text("name: refused\nruntime: python\n")
    (folder / "nothing.py").write_text(NOTHING)
    (folder / "__main__.py").write_text(f"import pulumi\nfrom nothing import component, item\n{source}\n")
    return folder


@pytest.mark.parametrize(("source", "words"), PROGRAMS.items(), ids=map(str, range(len(PROGRAMS))))
def test_what_is_left_out_is_refused(source: str, words: str, tmp_path: Path) -> None:
    """The error names the feature, without a traceback, and only the stack gets into the state."""
    stack = warm_stack(project(tmp_path, source), passphrase="x")
    with pytest.raises(EngineError, match=words) as caught:
        stack.up()
    assert "Traceback" not in caught.value.stdout
    types = {each["type"] for each in stack.export_stack().deployment.get("resources", [])}
    assert types <= {
        "pulumi:pulumi:Stack",
        "pulumi:providers:pulumi-python",
        "pulumi-python:dynamic:Resource",
    }


@pytest.mark.parametrize("operation", ["destroy", "refresh"])
def test_what_the_state_owns_is_not_read_in_its_place(operation: str, tmp_path: Path) -> None:
    """A program that reads another resource under an owned one's URN is refused, and the state does not change.

    CLI 3.260 ends with a broken state there, and loses the owned resource in a refresh.
    """
    stack = warm_stack(project(tmp_path, 'item("g")'), passphrase="x")
    stack.up()
    before = stack.export_stack().deployment["resources"]
    project(tmp_path, 'item("g", id="other")')
    with pytest.raises(EngineError, match="::g is 'id' in the state, and the program only reads 'other'"):
        getattr(stack, operation)(run_program=True)
    after = stack.export_stack().deployment["resources"]
    assert {each["urn"]: each.get("id") for each in after} == {each["urn"]: each.get("id") for each in before}
    stack.destroy()
    assert "resources" not in stack.export_stack().deployment


def test_unknown_options_of_an_operation_are_refused(tmp_path: Path) -> None:
    """An option of the Automation API that would change the operation is not ignored, and the real engine is named."""
    stack = warm_stack(project(tmp_path, ""))
    for operation, options in ((stack.up, {"target": ["urn"]}), (stack.refresh, {"replace": ["urn"]})):
        words = rf"{operation.__name__}\({next(iter(options))}=…\) is not supported by this engine; Pulumi's own has it"
        with pytest.raises(EngineError, match=words):
            operation(**options)


def test_a_provider_that_a_preview_does_not_know_is_refused(tmp_path: Path) -> None:
    """A provider whose input is the output of a new resource is refused in a preview, and works in an `up`."""
    source = 'item("b", provider=pulumi.ProviderResource("pulumi-python", "p", {"lab:x": item("a").id}))'
    stack = warm_stack(project(tmp_path, source), passphrase="x")
    words = "::p: a provider whose inputs a preview does not know is not supported"
    with pytest.raises(EngineError, match=words):
        stack.preview()
    assert stack.up().summary.resource_changes == {"create": 4}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "does not exist"),
        ({"Pulumi.yaml": "runtime: python"}, "does not name the project"),
        ({"Pulumi.yaml": "name: x\nruntime: go"}, "runtime 'go'"),
        ({"Pulumi.yaml": "- x"}, "not a mapping"),
        (
            {"Pulumi.yaml": "name: x\nruntime: python", "Pulumi.dev.yaml": "config: {k: {secure: A}}"},
            "encrypted",
        ),
    ],
)
def test_unusable_projects_are_refused(files: dict[str, str], words: str, tmp_path: Path) -> None:
    """A project that cannot be run says why, before anything is started."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=words):
        warm_stack(tmp_path)


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("1h30m", 5400), ("1.5m", 90), ("250ms", 0.25)])
def test_durations_are_gos(text: str, expected: float) -> None:
    """Custom timeouts are read as Go reads a duration, and another text is refused."""
    assert seconds(text) == expected
    for other in ("", "90", "s", f" {text}", f"-{text}"):
        with pytest.raises(EngineError, match="not a duration"):
            seconds(other)
