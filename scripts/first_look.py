"""What `scripts/up` does in its environment."""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pulumi_engine
import yaml

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".local-state"
INSTALLER = "get.pulumi.com"
INSTALL_SECONDS = 180


def main(text: str) -> int:
    """Run; the exit status."""
    args = _arguments(text)
    cli = None if args.engine == "local" else _find_cli()
    if cli is None and args.engine == "cli":
        sys.exit(
            "there is no Pulumi CLI on PATH, and none could be installed: see https://www.pulumi.com/docs/install/"
        )
    print(pulumi_engine.describe(cli), flush=True)
    name = "live" if args.live else "local"
    with _service(args, "cli" if cli else "local") as (service, environ):
        print(f"service: {service}\n", flush=True)
        _configure(name, dict(args.set))
        stack = Stack(cli, name, environ)
        if not (_destroy(stack) if args.destroy else _bring_up(stack)):
            print("\nThis failed: the reason is above, after `error:`.", file=sys.stderr)
            return 1
    _say_what_next(args)
    return 0


def _arguments(text: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/up", description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", type=_pair)
    parser.add_argument("--destroy", action="store_true", help="delete everything")
    parser.add_argument("--live", action="store_true", help="use the real service and NEBIUS_API_KEY")
    parser.add_argument(
        "--engine", choices=["cli", "local"], help="the engine; default: the CLI if there is one"
    )
    return parser.parse_args()


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    known = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    if not sign or key not in known:
        raise argparse.ArgumentTypeError(f"{text!r} must be KEY=VALUE, with one of {', '.join(known)} as KEY")
    return key, value


def _find_cli() -> Path | None:
    """A CLI, found or installed into the clone now."""
    if cli := pulumi_engine.enter():
        return cli
    print("there is no Pulumi CLI on PATH", flush=True)
    if shutil.which("go"):
        print("(`scripts/engine` builds Pulumi's own with your Go, in about six minutes)", flush=True)
    return pulumi_engine.enter() if _install_cli() else None


def _install_cli() -> bool:
    """Install the CLI into the clone with Pulumi's own installer; False at once if it cannot be reached."""
    print("trying Pulumi's installer …", flush=True)
    try:
        socket.create_connection((INSTALLER, 443), timeout=3).close()
    except OSError:
        print("the installer cannot be reached", flush=True)
        return False
    print("installing the Pulumi CLI into .pulumi-cli (100 MB, about half a minute) …", flush=True)
    root = str(pulumi_engine.INSTALLED.parent)
    code = f"from pulumi.automation import PulumiCommand; PulumiCommand.install(root={root!r})"
    try:
        subprocess.run(
            [sys.executable, "-c", code], check=True, timeout=INSTALL_SECONDS, capture_output=True, text=True
        )
    except (subprocess.SubprocessError, OSError) as error:
        print(f"the installation failed: {type(error).__name__}", flush=True)
        return False
    return True


@contextmanager
def _service(args: argparse.Namespace, engine: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The real service, or an emulator of it for as long as this runs."""
    if args.live:
        if not os.environ.get("NEBIUS_API_KEY"):
            sys.exit("--live needs your key: export NEBIUS_API_KEY=…")
        yield os.environ.get("NEBIUS_BASE_URL", "https://api.studio.nebius.com") + " (the real one)", {}
        return
    from nebius_model_resource.testing.emulator import Emulator

    STATE.mkdir(exist_ok=True)
    with Emulator(state_file=STATE / f"emulator-{engine}.json", validation_seconds=3) as emulator:
        environ = {"NEBIUS_API_KEY": emulator.api_key, "NEBIUS_BASE_URL": emulator.url}
        yield f"an emulator of Nebius' API at {emulator.url}, no account and no network needed", environ


def _configure(name: str, changes: dict[str, str]) -> None:
    """Write values into the stack's configuration file, as `pulumi config set` does."""
    file = ROOT / f"Pulumi.{name}.yaml"
    if changes:
        project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["name"]
        kept = (yaml.safe_load(file.read_text()) if file.exists() else None) or {}
        kept.setdefault("config", {}).update({f"{project}:{key}": value for key, value in changes.items()})
        file.write_text(yaml.safe_dump(kept))


class Stack:
    """The root stack on one of the two engines, which have the same verbs; its state stays in the clone."""

    def __init__(self, cli: Path | None, name: str, environ: dict[str, str]) -> None:
        self._options = ["--stack", name]
        self._environ = {**os.environ, **environ}
        if cli is None:
            self._command = [sys.executable, "-m", "nebius_model_resource.testing.engine"]
            self._options += ["--state-dir", str(STATE)]
            return
        self._command = [str(cli)]
        backend = ROOT / ".pulumi-state"
        backend.mkdir(exist_ok=True)
        self._environ |= {
            "PULUMI_BACKEND_URL": backend.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_HOME": str(ROOT / ".pulumi-home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        selected = [str(cli), "stack", "select", "--create", *self._options]
        subprocess.run(selected, cwd=ROOT, env=self._environ, check=True, capture_output=True)

    def run(self, *verb: str) -> bool:
        """Run one verb on the terminal; returns whether it succeeded."""
        command = [*self._command, *verb, *self._options]
        return subprocess.run(command, cwd=ROOT, env=self._environ, check=False).returncode == 0


def _bring_up(stack: Stack) -> bool:
    print("── preview: nothing is sent to the service yet", flush=True)
    if not stack.run("preview", "--diff"):
        return False
    print("\n── up", flush=True)
    return stack.run("up", "--yes", "--skip-preview")


def _destroy(stack: Stack) -> bool:
    print("── destroy", flush=True)
    return stack.run("destroy", "--yes")


def _say_what_next(args: argparse.Namespace) -> None:
    if args.destroy:
        print("\nEverything is deleted. `scripts/up` starts again.")
        return
    print(
        "\nTry next:\n"
        "  scripts/up                                  again: nothing changes\n"
        "  scripts/up --set description='other words'  a change: the model is replaced\n"
        "  scripts/up --destroy                        delete the model\n"
        "  __main__.py                                 the complete program; README shows how to use it in your stack"
    )
