"""The runs that the pictures show, and the pages that have their text."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import terminal
from rich.text import Text

from nebius_model_resource.testing.emulator import Emulator

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCE = "ftjob-1:ftckpt_1"
REASON = "adapter_config.json: r=512 is larger than the largest supported rank 128"
UP = ("up", "--yes", "--skip-preview")
PREVIEW = ("preview", "--diff")
IMPORTS = "import pulumi\nfrom nebius_model_resource import CustomModel\n\n"
_TRACEBACK = re.compile(r"^\s+Traceback \(most recent call last\):$")


def main() -> int:
    """Run everything, write pictures and texts; the exit status."""
    if not shutil.which("pulumi"):
        print("the pictures show the Pulumi CLI: put `pulumi` on PATH (https://www.pulumi.com/docs/install/)")
        return 1
    PICTURES.mkdir(exist_ok=True)
    for story in (life_of_a_model, existing_models, life_of_an_endpoint):
        with tempfile.TemporaryDirectory() as folder, Emulator(seed=7, validation_seconds=13) as emulator:
            story(Path(folder), emulator)
    return 0


def life_of_a_model(folder: Path, emulator: Emulator) -> None:
    """README's program: created, changed, failed, and not ready in time."""
    program = first_program("README.md").replace("ftjob-…:ftckpt_…", SOURCE)
    changed = program.replace("answers tickets", "answers tickets in three languages")
    hurried = program.replace(
        '"answers tickets"',
        '"answers urgent tickets", '
        'opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="6s"))',
    )
    project = Project(folder, emulator)
    draw("wait", UP, project.show(program, *UP, moment="(10 s)"))
    draw("preview", PREVIEW, project.show(changed, *PREVIEW))
    emulator.settings.update(validation_seconds=1, failing_sources={SOURCE: REASON})
    draw("failure", UP, without_traceback(project.show(changed, *UP)))
    emulator.settings.update(validation_seconds=11, failing_sources={})
    quote("deadline", errors(project.show(hurried, *UP)))
    quote("resume", project.show(hurried, *UP)[1:])


def existing_models(folder: Path, emulator: Emulator) -> None:
    """The programs of docs/existing-models.md, and faults that a preview shows."""
    emulator.add_model(
        name="bot",
        base_model="meta-llama/Meta-Llama-3.1-8B-Instruct",
        source="ftjob-0123:ftckpt_4567",
        description="made by hand",
    )
    program = IMPORTS + first_program("docs/existing-models.md")
    elsewhere = re.sub("bot-[A-Za-z]{4}", "nope-AbCd", program)
    project = Project(folder, emulator)
    quote("adopt-another", errors(project.show(program.replace("made by hand", "changed"), "preview")))
    quote("adopt-nothing", errors(project.show(elsewhere, "preview")))
    adopted = project.show(program, *UP, "--non-interactive")
    quote("adopt", matching(r"created .*adopted", adopted))
    quote("get-nothing", errors(project.show(f'{IMPORTS}CustomModel.get("bot", "nope-AbCd")\n', "preview")))


def life_of_an_endpoint(folder: Path, emulator: Emulator) -> None:
    """The program of docs/endpoints.md: created, changed, drifted, stopped, replaced, and failed."""
    program = first_program("docs/endpoints.md")
    larger = program.replace("max_replicas=2", "max_replicas=3")
    stopped = larger.replace("max_replicas=3", "max_replicas=3, enabled=False")
    elsewhere = larger.replace("eu-north1", "us-central1")
    timeouts = 'opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(update="6s"))'
    hurried = program.replace("max_replicas=2", f"gpu_count=2, max_replicas=2, {timeouts}")
    hurried = hurried.replace("    gpu_count=1,\n", "")
    project = Project(folder, emulator)
    by_hand = emulator.service.endpoints.add(
        name="support-bot", scaling={"min_replicas": 1, "max_replicas": 3}
    )
    adopted = program.replace(
        "max_replicas=2", f'max_replicas=2, opts=pulumi.ResourceOptions(import_="{by_hand.id}")'
    )
    quote("endpoint-adopt", errors(project.show(adopted, "preview")))
    emulator.service.endpoints.remove(by_hand.id)
    emulator.settings.endpoint_seconds = 13
    quote("endpoint-preview", screen(("preview",), project.show(program, "preview")))
    quote("endpoint-wait", matching("replicas ready", project.show(program, *UP, "--non-interactive")))
    quote("endpoint-change", screen(PREVIEW, project.show(larger, *PREVIEW)))
    quote("endpoint-deadline", errors(project.show(hurried, *UP)))
    emulator.settings.endpoint_seconds = 1
    project.show(program, *UP)
    [endpoint] = emulator.endpoints()
    emulator.service.endpoints.change(endpoint["id"], scaling={"min_replicas": 1, "max_replicas": 8})
    project.show(program, "refresh", "--yes")
    quote("endpoint-drift", screen(PREVIEW, project.show(larger, *PREVIEW)))
    project.show(larger, *UP)
    quote("endpoint-replace", screen(PREVIEW, project.show(elsewhere, *PREVIEW)))
    quote("endpoint-stop", matching(r"enabled\]; ", project.show(stopped, *UP, "--non-interactive")))
    emulator.settings.endpoint_ends = {"*": "error"}
    quote("endpoint-update-failure", errors(project.show(larger, *UP)))
    quote("endpoint-failure", errors(project.show(program.replace("support-bot", "new-bot"), *UP)))


def first_program(page: str) -> str:
    """The first block of Python in a page."""
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)[0]


class Project:
    """A project named `support` with one stack, `prod`."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self._folder = folder / "support"
        self._folder.mkdir()
        self._environ = environment(folder, emulator)
        venv = f"  options:\n    virtualenv: {sys.prefix}\n"
        (self._folder / "Pulumi.yaml").write_text(f"name: support\nruntime:\n  name: python\n{venv}")
        # The emulator has no job of the source that the pictures show.
        for command in ("stack init prod", "config set nebius-models:preflight false"):
            subprocess.run(
                ["pulumi", *command.split()],
                cwd=self._folder,
                env=self._environ,
                check=True,
                capture_output=True,
            )

    def show(self, program: str, *arguments: str, moment: str = "") -> list[Text]:
        """Run a command on a program; returns the screen at its end, or as soon as it shows that text."""
        (self._folder / "__main__.py").write_text(program)
        is_moment = (lambda screen: moment in screen) if moment else None
        return terminal.run(["pulumi", *arguments], self._folder, self._environ, is_moment)


def environment(folder: Path, emulator: Emulator) -> dict[str, str]:
    """All files of the CLI in one folder, without the settings of this machine."""
    state = folder / "state"
    state.mkdir()
    return {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "NEBIUS_API_KEY": emulator.api_key,
        "NEBIUS_BASE_URL": emulator.url,
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def without_traceback(lines: list[Text]) -> list[Text]:
    """Leave out what Pulumi's language host prints about itself: it names folders of this machine."""
    start = next((index for index, line in enumerate(lines) if _TRACEBACK.match(line.plain)), None)
    if start is None:  # not every run gets that far
        return lines
    end = next(index for index in range(start, len(lines)) if not lines[index].plain)
    note = Text(f"    … {end - start} lines: a traceback of Pulumi's language host", "bright_black")
    return [*lines[:start], note, *lines[end:]]


def matching(pattern: str, lines: list[Text]) -> list[Text]:
    """The lines with that pattern."""
    return [line for line in lines if re.search(pattern, line.plain)]


def errors(lines: list[Text]) -> list[Text]:
    """The errors of resources, without those that only say that the command failed."""
    of_the_run = "update failed|preview failed|Resource monitor has terminated"
    return matching(rf"^\s+(error: (?!{of_the_run})|\* )", lines)


def screen(arguments: Iterable[str], lines: list[Text]) -> list[Text]:
    """A command, and what it shows."""
    return [Text(" ".join(["$ pulumi", *arguments]), "bold"), *lines]


def draw(name: str, arguments: Iterable[str], lines: list[Text]) -> None:
    """Write a picture, and its text into each page that shows it."""
    command = " ".join(["pulumi", *arguments])
    shown = screen(arguments, lines)
    (PICTURES / f"{name}.svg").write_text(terminal.as_svg(shown, command, name))
    quote(name, shown)


def quote(name: str, lines: list[Text]) -> None:
    """Write a text into each page that quotes it."""
    text = "\n".join(line.plain for line in lines)
    block = re.compile(rf"(<!-- run: {name} -->\n```text\n).*?(?=```)", re.DOTALL)
    for page in PAGES:
        before = page.read_text()
        after = block.sub(lambda found: f"{found[1]}{text}\n", before)
        if after != before:
            page.write_text(after)
    print(f"{name}:\n{text}\n")
