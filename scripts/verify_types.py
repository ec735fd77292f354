"""Check that pyright knows every public type, as an editor of a user's program sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import bootstrap

PACKAGE = "nebius_model_resource"
PUBLIC = {
    PACKAGE,
    *(f"{PACKAGE}.{module}" for module in ("errors", "functions", "provider", "resources")),
}


def main() -> int:
    """Print each public symbol whose type is not known; returns 1 if there is one."""
    # pyright finds packages through the first `python` on PATH, and not through the file of an editable install.
    path = os.pathsep.join([str(bootstrap.PYTHON.parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "pyright", "--outputjson", "--ignoreexternal", "--verifytypes", PACKAGE]
    environ = {**os.environ, "PATH": path, "PYTHONPATH": str(bootstrap.ROOT)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)["typeCompleteness"]
    if not report.get("pyTypedPath"):
        print("pyright finds no py.typed")
        return 1
    symbols = [each for each in report["symbols"] if _module(each["name"]) in PUBLIC]
    unknown = [each["name"] for each in symbols if not each["isTypeKnown"]]
    print("\n".join(unknown) or f"the types of {len(symbols)} public symbols are known")
    return 1 if unknown or not symbols else 0


def _module(symbol: str) -> str:
    """The module or room of the package that a symbol is in."""
    package, _, rest = symbol.partition(".")
    part = rest.partition(".")[0]
    folder = bootstrap.ROOT / package
    return f"{package}.{part}" if (folder / part).is_dir() or (folder / f"{part}.py").exists() else package


if __name__ == "__main__":
    sys.exit(main())
