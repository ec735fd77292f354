"""What a command shows in a terminal, as text with its colours and as an SVG."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from itertools import groupby
from pathlib import Path

import pyte
from pyte.graphics import FG_BG_256
from pyte.screens import Char
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

# The CLI cuts rows to this width. It leaves long messages to the terminal, which here has room for them.
_WIDTH = 104
_COLUMNS, _ROWS = 1000, 200
_THEME = TerminalTheme(
    background=(27, 31, 39),
    foreground=(205, 211, 222),
    normal=[
        (76, 82, 99),
        (240, 113, 120),
        (139, 200, 130),
        (229, 192, 123),
        (110, 176, 240),
        (204, 140, 222),
        (95, 200, 205),
        (205, 211, 222),
    ],
    bright=[
        (130, 138, 155),
        (250, 134, 140),
        (160, 220, 150),
        (245, 210, 140),
        (135, 195, 255),
        (220, 160, 240),
        (120, 220, 225),
        (240, 243, 248),
    ],
)
# Rich's own template loads fonts over the network.
_SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-size: {char_height}px; font-family: ui-monospace, Menlo, Consolas, monospace }}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px; font-weight: bold }}
{styles}
</style>
<defs>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def run(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    is_moment: Callable[[str], bool] | None = None,
) -> list[Text]:
    """Run a command in a terminal.

    Args:
        command: the command and its arguments.
        folder: its working directory.
        environ: its environment.
        is_moment: given the text on the screen, returns whether this is the moment to show; the end if left out.

    Returns:
        The lines on the screen.

    Raises:
        LookupError: the moment never came.
    """
    screen = pyte.Screen(_COLUMNS, _ROWS)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _WIDTH, 0, 0))
    process = subprocess.Popen(
        command, cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown = None
    while data := _read(ours):
        stream.feed(data)
        if shown is None and is_moment and is_moment("\n".join(screen.display)):
            shown = _lines(screen)
    process.wait()
    os.close(ours)
    if is_moment and shown is None:
        raise LookupError("\n".join(line.rstrip() for line in screen.display).rstrip())
    return shown or _lines(screen)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux reports the end of the other side as an error
        return b""


def _lines(screen: pyte.Screen) -> list[Text]:
    lines = [_line([screen.buffer[row][column] for column in range(_COLUMNS)]) for row in range(_ROWS)]
    while lines and not lines[-1].plain:
        lines.pop()
    return lines


def _line(cells: list[Char]) -> Text:
    line = Text()
    for style, group in groupby(cells, _style):
        line.append("".join(cell.data for cell in group), style)
    line.rstrip()
    return line


def _style(cell: Char) -> Style:
    return Style(color=_color(cell.fg), bold=cell.bold, italic=cell.italics, underline=cell.underscore)


def _color(name: str) -> str | None:
    if name == "default":
        return None
    if name in FG_BG_256:
        index = FG_BG_256.index(name)
        return f"color({index})" if index < 16 else f"#{name}"
    name = name.replace("brown", "yellow")
    return name.replace("bright", "bright_", 1)


def as_svg(lines: Sequence[Text], title: str, name: str) -> str:
    """Draw a terminal.

    Args:
        lines: what is on the screen; a longer line than fits is wrapped under its own indentation.
        title: the window's title.
        name: makes the picture's CSS classes its own, since a page may hold several pictures.
    """
    console = Console(
        record=True, width=_WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor"
    )
    for line in lines:
        indent = cell_len(line.plain) - cell_len(line.plain.lstrip())
        if cell_len(line.plain) <= _WIDTH or not indent:
            console.print(line)
        else:
            console.print(Padding(line[indent:], (0, 0, 0, indent)))
    svg = console.export_svg(title=title, theme=_THEME, code_format=_SVG, unique_id=name)
    return "\n".join(line.strip() for line in svg.splitlines() if line.strip()) + "\n"
