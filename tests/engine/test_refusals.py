"""The engine refuses in one line what it does not support."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulumi.automation import ConfigValue

from nebius_model_resource.testing.engine import EngineError
from nebius_model_resource.testing.engine.errors import ConfigError, Refused, SecretError
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

def provider(**opts):
    return pulumi.ProviderResource("pulumi-python", "p", {}, pulumi.ResourceOptions(**opts))

"""

PROGRAMS = {
    'pulumi.CustomResource("aws:s3:Bucket", "b", {})': "aws:s3:Bucket 'b': only dynamic resources",
    'pulumi.StackReference("org/project/stack")': "only dynamic resources",
    'pulumi.runtime.invoke("aws:index:getRegion", {})': "aws:index:getRegion: functions",
    'item(urn="urn:pulumi:dev::refused::a:b:C::d")': "urn:pulumi:dev::refused::a:b:C::d: the `urn` option",
    'pulumi.ProviderResource("aws", "eu", {})': "pulumi:providers:aws 'eu': only dynamic resources",
    'item(version="1.0.0")': "the `version` option",
    'item(plugin_download_url="https://example.com")': "the `plugin_download_url` option",
    'item(id="x", version="1.0.0")': "dynamic:Resource 'item': the `version` option",
    'item(id="x", plugin_download_url="https://example.com")': "the `plugin_download_url` option",
    'component(version="1.0.0")': "x:y:Z 'c': the `version` option",
    'component(plugin_download_url="https://example.com")': "the `plugin_download_url` option",
    'provider(version="1.0.0")': "pulumi-python 'p': the `version` option",
    'provider(plugin_download_url="https://example.com")': "the `plugin_download_url` option",
    'item(import_="x")': "import",
    'item(replace_with=[item("other")])': "replace_with",
    'item(hide_diffs=["a"])': "hide_diffs",
    "pulumi.runtime.register_stack_transform(lambda args: None)": "transforms are not supported",
    'pulumi.ResourceHook("h", print)\nitem()': "hooks are not supported",
    'item(custom_timeouts=pulumi.CustomTimeouts(create="soon"))': "'soon' is not a duration",
}


def project(folder: Path, source: str) -> Path:
    (folder / "Pulumi.yaml").write_text("name: refused\nruntime: python\n")
    (folder / "nothing.py").write_text(NOTHING)
    (folder / "__main__.py").write_text(
        f"import pulumi\nfrom nothing import component, item, provider\n{source}\n"
    )
    return folder


@pytest.mark.parametrize(
    ("source", "words"), PROGRAMS.items(), ids=[f"program{n}" for n in range(len(PROGRAMS))]
)
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


def test_a_secret_without_a_passphrase_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An up of a stack with a secret fails if there is no passphrase to encrypt it."""
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    secret = {"a:b": ConfigValue("hush", secret=True)}
    stack = warm_stack(project(tmp_path, "item()"), config=secret)
    with pytest.raises(EngineError, match="PULUMI_CONFIG_PASSPHRASE"):
        stack.up()
    assert "hush" not in stack.file.path.read_text()


def test_nothing_is_created_whose_secrets_could_not_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a passphrase a resource with secret outputs is refused before it is created, not after."""
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    source = 'item("kept")\nitem(additional_secret_outputs=["x"], depends_on=[item("first")])'
    stack = warm_stack(project(tmp_path, source))
    with pytest.raises(EngineError, match="PULUMI_CONFIG_PASSPHRASE"):
        stack.up(parallel=1)
    resources = stack.export_stack().deployment["resources"]
    assert {each["urn"].rsplit("::")[-1] for each in resources if "id" in each} == {
        "kept",
        "first",
        "default",
    }
    assert "pending_operations" not in stack.export_stack().deployment


def test_a_destroy_of_what_is_only_read_is_refused(tmp_path: Path) -> None:
    """A destroy does not run a program that owns what the state only reads: the CLI ends with a panic."""
    stack = warm_stack(project(tmp_path, 'item("g", id="x")'), passphrase="x")
    stack.up()
    project(tmp_path, 'item("g")')
    with pytest.raises(EngineError, match="only read in the state"):
        stack.destroy(run_program=True)
    assert "x" in {each.get("id") for each in stack.export_stack().deployment["resources"]}


@pytest.mark.parametrize("operation", ["destroy", "refresh"])
def test_what_the_state_owns_is_not_read_in_its_place(operation: str, tmp_path: Path) -> None:
    """A program that reads another resource under an owned one's URN is refused, and the state does not change.

    Earlier, a destroy deleted the default provider's record although the resource that was read still named it. CLI
    3.260 ends with a broken state there, and loses the owned resource in a refresh.
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


def test_what_is_no_property_path_is_refused(tmp_path: Path) -> None:
    """A malformed path in `replace_on_changes` fails the change of its resource."""
    source = 'Item(Nothing(), "a", {{"p": {}}}, pulumi.ResourceOptions(replace_on_changes=["p["]))'
    preamble = "from nothing import Item, Nothing\n"
    stack = warm_stack(project(tmp_path, preamble + source.format(1)), passphrase="x")
    stack.up()
    project(tmp_path, preamble + source.format(2))
    with pytest.raises(EngineError) as caught:
        stack.up()
    words = (
        "  pulumi-python:dynamic:Resource (a):\n    error: replace_on_changes: 'p[' is not a property path"
    )
    assert words in caught.value.stdout


@pytest.mark.parametrize(
    "made",
    [
        'pulumi.ProviderResource("pulumi-python", "{}", {{}}, pulumi.ResourceOptions(aliases={}))',
        'pulumi.ComponentResource("x:y:Z", "{}", None, pulumi.ResourceOptions(aliases={}))',
    ],
)
def test_a_refresh_by_the_program_of_what_it_renames_is_refused(made: str, tmp_path: Path) -> None:
    """The CLI ends with a panic if a component or a provider is renamed; a plain refresh before works."""
    stack = warm_stack(project(tmp_path, made.format("old", "None")), passphrase="x")
    stack.up()
    project(tmp_path, made.format("new", '[pulumi.Alias(name="old")]'))
    with pytest.raises(EngineError, match="::old has another name in the program"):
        stack.up(refresh=True, run_program=True)
    assert "2 unchanged" in stack.up(refresh=True).stdout


def test_unknown_options_of_an_operation_are_refused(tmp_path: Path) -> None:
    """An option of the Automation API that would change the operation is not ignored."""
    stack = warm_stack(project(tmp_path, ""))
    with pytest.raises(EngineError, match=r"up\(target=…\) is not supported"):
        stack.up(target=["urn"])


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "does not exist"),
        ({"Pulumi.yaml": "runtime: python"}, "does not name the project"),
        ({"Pulumi.yaml": "name: x\nruntime: go"}, "runtime 'go'"),
        ({"Pulumi.yaml": "- x"}, "not a mapping"),
        (
            {"Pulumi.yaml": "name: x\nruntime: python", "Pulumi.dev.yaml": "config: {k: {secure: AAAA}}"},
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


def test_a_wrong_passphrase_is_refused(tmp_path: Path) -> None:
    """A passphrase that differs from the one of the state opens nothing and writes nothing."""
    folder = project(tmp_path, "pulumi.export('s', pulumi.Output.secret('hush'))")
    warm_stack(folder, passphrase="right").up()
    with pytest.raises(SecretError, match="incorrect passphrase"):
        warm_stack(folder, passphrase="wrong").up()
    assert warm_stack(folder, passphrase="right").outputs()["s"].value == "hush"


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("1h30m", 5400), ("1.5m", 90), ("250ms", 0.25)])
def test_durations_are_gos(text: str, expected: float) -> None:
    """Custom timeouts are read as Go reads a duration."""
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "90", "s", "1 h", "-5s"])
def test_other_durations_are_refused(text: str) -> None:
    """A text that Go does not read as a duration is refused."""
    with pytest.raises(Refused, match="not a duration"):
        seconds(text)
