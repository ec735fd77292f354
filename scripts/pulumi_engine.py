"""Pulumi's own engine: where a CLI is, and how one is built from Go modules.

The modules are pinned in tools/engine, one Go module for each program: go.mod has the version, and Go refuses
a download that does not match go.sum.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "tools" / "engine"
INSTALLED = ROOT / ".pulumi-cli" / "bin"  # where `scripts/up` lets Pulumi's installer put a CLI
SDK = "github.com/pulumi/pulumi/sdk/v3"
CLI_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
# Not Go: the language host starts these two scripts. They are part of the SDK's Go module.
LAUNCHERS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")
REPORT_SECONDS = 30.0


class CannotBuild(Exception):
    """The engine cannot be built; the message is one line that says why and what to do."""


@dataclass(frozen=True)
class Program:
    """One Go program of the engine.

    Attributes:
        name: the program's file name.
        folder: its pins, a folder of tools/engine.
        module: the module that has the version.
        package: the Go package to build.
    """

    name: str
    folder: str
    module: str
    package: str

    @property
    def version(self) -> str:
        """The pinned version, such as ``3.276.0``."""
        pins = (PINS / self.folder / "go.mod").read_text()
        found = re.search(rf"^\s*(?:require )?{re.escape(self.module)} v(\S+)", pins, re.MULTILINE)
        if found is None:
            raise CannotBuild(f"tools/engine/{self.folder}/go.mod does not pin {self.module}")
        return found[1]


CLI = Program(
    "pulumi", "cli", "github.com/pulumi/pulumi/pkg/v3", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
)
PYTHON = Program("pulumi-language-python", "python", SDK, f"{SDK}/python/cmd/pulumi-language-python")
YAML = Program(
    "pulumi-language-yaml",
    "yaml",
    "github.com/pulumi/pulumi-yaml",
    "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
)
PROGRAMS = (PYTHON, CLI, YAML)


def find() -> Path | None:
    """A CLI: the one on PATH, then what `scripts/engine` built, then what Pulumi's installer put into the clone."""
    places = (None, str(built()), str(INSTALLED))
    found = next((path for place in places if (path := shutil.which("pulumi", path=place))), None)
    return Path(found) if found else None


def enter() -> Path | None:
    """Put a CLI on PATH, for this process and those that it starts; returns the CLI, or None.

    The environment's own programs come first: a host that was built from modules does not know the option
    `virtualenv` and runs the first Python on PATH.
    """
    cli = find()
    if cli is not None:
        folders = [str(Path(sys.executable).parent), str(cli.parent), os.environ.get("PATH", os.defpath)]
        os.environ["PATH"] = os.pathsep.join(folders)
    return cli


def describe(cli: Path | None) -> str:
    """One line that names the engine and its version."""
    if cli is None:
        return "engine:  the project's own small engine, for tests and first looks"
    env = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    asked = subprocess.run([str(cli), "version"], check=False, capture_output=True, text=True, env=env)
    version = asked.stdout.strip().removeprefix("v") or "of unknown version"
    return f"engine:  Pulumi {version}, {cli}"


def built() -> Path:
    """The folder that `scripts/engine` builds, named by the versions in it; it may not exist."""
    versions = "-".join(f"{program.folder}{program.version}" for program in (CLI, PYTHON, YAML))
    return _cache() / "nebius-model-resource" / "engine" / versions


def _cache() -> Path:
    """The user's folder for caches, as the operating system names it."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def build() -> Path:
    """Build the engine unless it is there; returns the folder for PATH.

    Everything is built in a folder of its own that gets its name at the end, so half a build is never found.

    Raises:
        CannotBuild: there is no Go, it is too old, a module cannot be had or is not the pinned one.
    """
    target = built()
    if target.is_dir():
        return target
    go = shutil.which("go")
    if go is None:
        raise CannotBuild(
            "there is no `go` on PATH: install Go 1.26 or newer (https://go.dev/dl/), or a Pulumi CLI"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    _say(
        f"building Pulumi {CLI.version} with its hosts for Python ({PYTHON.version}) and YAML ({YAML.version}) "
        "from Go modules: about six minutes on two cores, once"
    )
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="unfinished-") as folder:
        bin_ = Path(folder) / "bin"
        bin_.mkdir()
        for number, program in enumerate(PROGRAMS, start=1):
            _build(go, program, bin_, f"{number}/{len(PROGRAMS)} {program.name}")
        _copy_launchers(go, bin_)
        _check(bin_)
        try:
            bin_.rename(target)
        except OSError:
            if not target.is_dir():  # otherwise another run was faster
                raise
    _say(f"done in {time.monotonic() - started:.0f} s")
    return target


def _build(go: str, program: Program, bin_: Path, title: str) -> None:
    _say(f"{title}: downloading and compiling")
    flags = "-s -w" + (f" -X {CLI_VERSION}={program.version}" if program is CLI else "")
    name = program.name + (".exe" if sys.platform == "win32" else "")
    command = [go, "build", "-v", "-trimpath", "-ldflags", flags, "-o", str(bin_ / name), program.package]
    _run(command, program, title)


def _copy_launchers(go: str, bin_: Path) -> None:
    described = _run([go, "mod", "download", "-json", SDK], CLI, "launchers")
    folder = Path(json.loads(described)["Dir"])
    for launcher in LAUNCHERS:
        copied = bin_ / Path(launcher).name
        shutil.copyfile(folder / launcher, copied)  # the module cache is read-only
        copied.chmod(0o755)


def _check(bin_: Path) -> None:
    """The CLI starts, and is the pinned one."""
    line = describe(bin_ / "pulumi")
    if f"Pulumi {CLI.version}," not in line:
        raise CannotBuild(f"the CLI that was built does not say that it is {CLI.version}: {line}")


def _run(command: list[str], program: Program, title: str) -> str:
    """Run Go in the folder of a program's pins, and report progress; returns what it prints."""
    # A user's own GOFLAGS or workspace must not change which modules are taken.
    env = {**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}
    folder = PINS / program.folder
    lines: list[str] = []
    started = reported = time.monotonic()
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        assert process.stdout
        for line in process.stderr:  # Go prints one line for each module and each package
            lines.append(line)
            if time.monotonic() - reported >= REPORT_SECONDS:
                reported = time.monotonic()
                _say(f"{title}: {reported - started:.0f} s, {len(lines)} modules and packages")
        printed = process.stdout.read()
    if process.returncode != 0:
        raise CannotBuild(_why("".join(lines) + printed, program))
    return printed


def _why(output: str, program: Program) -> str:
    """One line about a failure of Go."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if found := re.search(r"go.mod requires go >= (\S+) \(running go (\S+);", output):
        return f"Go {found[2]} is too old: {program.name} needs Go {found[1]} or newer (https://go.dev/dl/)"
    if "SECURITY ERROR" in output or "checksum mismatch" in output:
        changed = next((line for line in lines if line.startswith("verifying ")), program.module)
        return f"refused, since a module is not the one that tools/engine/{program.folder}/go.sum pins: {changed}"
    first = next(
        (line for line in lines if re.search(r"dial tcp|: 4\d\d |: 5\d\d |proxy|timeout|lookup", line)), None
    )
    if first:
        return f"the Go module proxy did not give a module of {program.name}: {first}: check GOPROXY and the network"
    last = lines[-1] if lines else "Go printed nothing"
    return f"{program.name} could not be built: {last}: run `go build` in tools/engine/{program.folder} to see all"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
