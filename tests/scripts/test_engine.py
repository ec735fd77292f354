"""`scripts/engine`, with a stand-in for Go: the real build takes minutes and is part of every run of CI."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stands in for Go with a shell script")

WORKING_GO = """
    case "$*" in
      *"mod download -json"*) echo '{"Dir": "'$SDK'"}' ;;
      build*)
        echo compiled >&2
        while [ "$1" != -o ]; do shift; done
        printf '#!/bin/sh\\necho v3.276.0\\n' > "$2"; chmod +x "$2" ;;
    esac
"""


class Run:
    """One run of the script, with a cache of its own and only a stand-in for Go on PATH."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.bin = folder / "bin"
        self.bin.mkdir()
        sdk = folder / "sdk" / "python"
        for launcher in ("cmd/pulumi-language-python-exec", "dist/pulumi-resource-pulumi-python"):
            (sdk / launcher).parent.mkdir(parents=True)
            (sdk / launcher).write_text("#!/bin/sh\n")
        self.env = {
            "PATH": f"{self.bin}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(self.cache),
            "SDK": str(sdk.parent),
        }

    def go(self, script: str) -> None:
        """Put a shell script on PATH as `go`."""
        file = self.bin / "go"
        file.write_text("#!/bin/sh\n" + textwrap.dedent(script))
        file.chmod(0o755)

    def start(self) -> subprocess.Popen[str]:
        """Start the script."""
        return subprocess.Popen(
            [sys.executable, str(ROOT / "scripts" / "engine")],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self) -> tuple[int, list[str], list[str]]:
        """Run the script: its exit code, and the lines that it prints on standard output and standard error."""
        process = self.start()
        out, err = process.communicate(timeout=60)
        return process.returncode, out.splitlines(), err.splitlines()

    def folders(self) -> list[Path]:
        """What is in the cache."""
        return sorted((self.cache / "nebius-model-resource" / "engine").glob("*"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The script in an empty folder."""
    return Run(tmp_path)


def test_the_last_line_is_the_folder_for_path(run: Run) -> None:
    """A build has the CLI, two hosts and two launchers in a folder named by the versions; the last line names it.

    A second run finds everything and does not start Go.
    """
    run.go(WORKING_GO)
    code, out, _ = run()
    assert (code, out) == (0, [str(run.folders()[0])])
    assert len(run.folders()) == 1
    assert {file.name for file in run.folders()[0].iterdir()} == {
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
        "pulumi-language-yaml",
        "pulumi-resource-pulumi-python",
    }
    assert "3.276.0" in run.folders()[0].name
    run.go("exit 9")
    assert run() == (0, out, [])


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (
            "go: go.mod requires go >= 1.26.6 (running go 1.22.1; GOTOOLCHAIN=local)",
            "Go 1.22.1 is too old: pulumi-language-python needs Go 1.26.6 or newer",
        ),
        (
            "verifying github.com/a/b@v1.0.0: checksum mismatch\n\tdownloaded: h1:x\n\tgo.sum: h1:y\n\nSECURITY ERROR",
            "refused, since a module is not the one that tools/engine/python/go.sum pins: verifying github.com/a/b",
        ),
        (
            'go: github.com/a/b@v1.0.0: Get "https://proxy.invalid/x": dial tcp: lookup proxy.invalid: no such host',
            "the Go module proxy did not give a module of pulumi-language-python",
        ),
        (
            "# github.com/a/b\nno space left on device",
            "pulumi-language-python could not be built: no space left",
        ),
    ],
)
def test_a_failure_is_one_line(run: Run, printed: str, said: str) -> None:
    """Whatever stops Go, the script ends with exit code 1 and one line that says why, and nothing is installed."""
    (run.bin / "printed").write_text(printed)
    run.go(f"cat {run.bin / 'printed'} >&2; exit 1")
    code, out, err = run()
    assert (code, out, run.folders()) == (1, [], [])
    assert said in err[-1]


def test_without_go_the_script_says_what_to_install(run: Run) -> None:
    """Without Go the script ends at once with one line."""
    assert run() == (
        1,
        [],
        ["there is no `go` on PATH: install Go 1.26 or newer (https://go.dev/dl/), or a Pulumi CLI"],
    )


def test_another_version_is_refused(run: Run) -> None:
    """A CLI that does not say the pinned version is not installed."""
    run.go(WORKING_GO.replace("v3.276.0", "v1.0.0"))
    code, _, err = run()
    assert (code, run.folders()) == (1, [])
    assert "does not say that it is 3.276.0" in err[-1]


@pytest.mark.parametrize("ended_by", ["SIGINT", "SIGKILL"])
def test_half_a_build_is_not_found(run: Run, ended_by: str) -> None:
    """A run that ends in the middle leaves nothing that a later run takes for the engine; Ctrl-C also tidies up."""
    run.go("sleep 60")
    process = run.start()
    assert process.stderr
    while "compiling" not in process.stderr.readline():
        pass
    os.killpg(process.pid, signal.Signals[ended_by])
    _, err = process.communicate(timeout=30)
    if ended_by == "SIGINT":
        assert "interrupted" in err.splitlines()[-1]
        assert run.folders() == []
    run.go(WORKING_GO)
    code, out, _ = run()
    assert code == 0
    assert Path(out[0], "pulumi-language-yaml").exists()


def test_the_pins_name_one_version_each() -> None:
    """Each program's go.mod pins its module, and go.sum has its hash."""
    sys.path.append(str(ROOT / "scripts"))
    try:
        import pulumi_engine
    finally:
        sys.path.pop()
    for program in pulumi_engine.PROGRAMS:
        sums = (ROOT / "tools" / "engine" / program.folder / "go.sum").read_text()
        assert f"{program.module} v{program.version} h1:" in sums
