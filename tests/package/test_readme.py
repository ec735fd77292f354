"""README and the docs agree with the code."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nebius_model_resource import CustomModel, DedicatedEndpoint, functions, resources
from nebius_model_resource._provider.properties import ENDPOINT, MODEL, Table

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").glob("**/*.md")),
    ROOT / "benchmarks" / "README.md",
]
REGISTRY = [
    page for page in PAGES if page.read_text().startswith("---\n")
]  # Pulumi's registry gives them their titles
DOCS = "\n".join(page.read_text() for page in PAGES if page.name != "CHANGELOG.md")
RUN_TIME = "\n".join(
    module.read_text()
    for module in sorted((ROOT / "nebius_model_resource").glob("**/*.py"))
    if "testing" not in module.parts
)


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in that language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub's anchors."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


LINKS = [
    (str(page.relative_to(ROOT)), link)
    for page in PAGES
    for link in re.findall(r"\]\(((?!http)[^)]+)\)", page.read_text())
]


def test_readme_has_at_most_130_lines() -> None:
    """README is short; the rest is in docs."""
    assert len(README.splitlines()) <= 130


@pytest.mark.parametrize(
    ("page", "resource", "table"),
    [
        ("README.md", CustomModel, MODEL),
        ("docs/endpoints.md", DedicatedEndpoint, ENDPOINT),
    ],
)
def test_every_argument_and_output_has_its_row(page: str, resource: type, table: Table) -> None:
    """The two tables name each argument and each output of the resource, also those that the provider gives itself."""
    arguments = set(inspect.signature(resource).parameters) - {"resource_name"}
    tables = re.split(r"^## ", (ROOT / page).read_text(), flags=re.MULTILINE)
    rows = [set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) for text in tables]
    assert arguments | set(table.properties) in rows


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_every_link_leads_somewhere(page: str, link: str) -> None:
    """The target of each link is in the repository, and has that heading."""
    path, _, anchor = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page
    assert target.exists()
    assert not anchor or anchor in anchors(target)


@pytest.mark.parametrize(
    "page",
    [str(page.relative_to(ROOT)) for page in PAGES if page.name != "CHANGELOG.md" and page not in REGISTRY],
)
def test_every_page_has_a_question_as_its_title(page: str) -> None:
    """A page answers one question, and another page links to it; README has the package's name as title."""
    title = (ROOT / page).read_text().splitlines()[0]
    assert re.fullmatch(r"# .*\?", title) or page == "README.md"
    assert page == "README.md" or f"{page})" in DOCS


@pytest.mark.parametrize("name", [*functions.__all__, *resources.__all__])
def test_every_public_name_is_in_the_docs(name: str) -> None:
    """Each public name appears in the docs."""
    assert re.search(rf"\b{name}\b", DOCS)


@pytest.mark.parametrize("key", sorted(set(re.findall(r"nebius-models:(?!index\b)[a-zA-Z]+", RUN_TIME))))
def test_every_configuration_key_is_in_the_docs(key: str) -> None:
    """docs/configuration.md has each key except the internal ones, which no user sets."""
    configuration = (ROOT / "docs" / "configuration.md").read_text()
    assert (f"`{key}`" in configuration) != (key in ("nebius-models:provider", "nebius-models:plugin"))


VARIABLES = {*re.findall(r"\bNEBIUS_[A-Z_]+[A-Z]\b", RUN_TIME), "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
EXAMPLES = {"NEBIUS_API_KEY_EU"}  # names that a docstring gives as examples


@pytest.mark.parametrize("variable", sorted(VARIABLES - EXAMPLES))
def test_every_environment_variable_is_in_the_docs(variable: str) -> None:
    """docs/configuration.md has each variable that the package reads."""
    assert f"`{variable}`" in (ROOT / "docs" / "configuration.md").read_text()


def test_the_first_two_commands_are_the_two_commands() -> None:
    """The first command of README is scripts/up, the second scripts/test."""
    commands = re.findall(r"^(scripts/\w+)", README, re.MULTILINE)
    assert commands[:2] == ["scripts/up", "scripts/test"]


@pytest.mark.slow
def test_the_example_and_its_test_work_word_for_word(tmp_path: Path) -> None:
    """The program at the top of README passes the ten-line test of docs/testing.md."""
    [program] = blocks(README, "python")
    test = blocks((ROOT / "docs" / "testing.md").read_text(), "python")[0]
    project = tmp_path / "path/to/the/project"
    project.mkdir(parents=True)
    (project / "Pulumi.yaml").write_text("name: support\nruntime: python\n")
    (project / "__main__.py").write_text(program.replace('"ftjob-…:ftckpt_…"', '"ftjob-1:ftckpt_1"'))
    (tmp_path / "test_stack.py").write_text(test)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NEBIUS_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
