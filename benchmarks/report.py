"""Writes a result: JSON, Markdown, the picture, and the part of a README that shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks import bounds, plots, tables
from benchmarks.rows import Row, Rows

_PART = re.compile(r"(<!-- result -->\n).*?(<!-- end of result -->)", re.DOTALL)


def text(about: Mapping[str, str], rows: Rows) -> str:
    """The complete result as Markdown."""
    told = "\n".join(f"- {name}: {value}" for name, value in about.items())
    found = bounds.lines(rows)
    promises = f"\n\n### Promises\n\n{tables.markdown(('promise', 'found', 'met'), found)}" if found else ""
    return f"{told}\n\n{tables.result(rows)}{promises}\n"


def load(folder: Path) -> Rows:
    """The rows of an earlier result; no rows if there is none."""
    path = folder / "results.json"
    if not path.exists():
        return Rows()
    return Rows(map(Row.parse, json.loads(path.read_text())["rows"]))


def write(folder: Path, about: Mapping[str, str], rows: Rows) -> None:
    """Write results.json, results.md and results.png, and update README.md if it has a place for them."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"about": dict(about), "rows": [asdict(row) for row in rows]}
    (folder / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    whole = text(about, rows)
    (folder / "results.md").write_text(f"# Result\n\n{whole}\n![time against models](results.png)\n")
    plots.draw(rows, folder / "results.png", about["engine"])
    readme = folder / "README.md"
    if readme.exists():
        shown = f"{whole}\n![time against models](results.png)\n"
        readme.write_text(_PART.sub(lambda part: f"{part[1]}{shown}{part[2]}", readme.read_text()))
