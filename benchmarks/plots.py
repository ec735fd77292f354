"""Time against the number of models, one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.rows import CONTENDERS, OPERATIONS, Rows

_LOOKS: dict[str, dict[str, Any]] = {
    "ours": {"color": "#1b6ca8", "marker": "o", "linewidth": 2.2},
    "naive": {"color": "#c8553d", "marker": "s"},
    "bare": {"color": "#6b8f3a", "marker": "^", "linestyle": "--"},
    "floor": {"color": "#777777", "marker": ".", "linestyle": ":"},
}


def draw(rows: Rows, path: Path, subtitle: str) -> None:
    """Write the picture: a column for each operation, a row for each validation, both axes logarithmic."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    validations = sorted({row.validation for row in rows})
    figure, axes = plt.subplots(
        len(validations),
        len(OPERATIONS),
        figsize=(3.4 * len(OPERATIONS), 3.1 * len(validations) + 0.6),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for line, validation in enumerate(validations):
        for column, operation in enumerate(OPERATIONS):
            _panel(axes[line][column], rows, validation, operation)
        what = "active at once" if validation == 0 else f"active after {validation:g} s"
        axes[line][0].set_ylabel(f"{what}\nseconds")
    for axis in axes[-1]:
        axis.set_xlabel("models")
    _legend(figure, axes)
    figure.suptitle(f"Wall time of an operation against the number of models\n{subtitle}", fontsize=10)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _panel(axis: Any, rows: Rows, validation: float, operation: str) -> None:
    for contender in CONTENDERS:
        points = [
            (row.models, row.seconds)
            for row in rows
            if (row.validation, row.operation, row.contender) == (validation, operation, contender)
            and row.calls | row.memory  # the floor has nothing to do in a preview
        ]
        if points:
            axis.plot(*zip(*sorted(points), strict=True), label=contender, markersize=5, **_LOOKS[contender])
    axis.set_title(operation, fontsize=10)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.grid(visible=True, which="both", linewidth=0.3)


def _legend(figure: Any, axes: Any) -> None:
    found = {
        label: line
        for axis in axes.flat
        for line, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(found.values(), found.keys(), loc="lower center", ncols=len(found), frameon=False)
