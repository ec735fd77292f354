"""The pictures in the docs have the same words as the text beside them, and no path of the machine that drew them."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    str(page.relative_to(ROOT)): page.read_text()
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
SHOWN = [
    (page, name)
    for page, text in PAGES.items()
    for name in re.findall(r"!\[[^\]]+\]\(\S*/(\w+)\.svg\)", text)
]
RUN = r"<!-- run: ([\w-]+) -->\n```text\n(.*?)```"


def drawn(name: str) -> str:
    """The text of a picture, without its title and blanks."""
    svg = (ROOT / "docs" / "pictures" / f"{name}.svg").read_text()
    texts = re.findall(r'<text class="[\w-]+-r\d+"[^>]*>([^<]*)</text>', svg)
    return re.sub(r"\s", "", unescape("".join(texts)))


@pytest.mark.parametrize(("page", "name"), SHOWN)
def test_a_picture_and_the_text_beside_it_are_the_same(page: str, name: str) -> None:
    """A reader who cannot see the picture gets the same words."""
    beside = dict(re.findall(RUN, PAGES[page], re.DOTALL))
    assert re.sub(r"\s", "", beside[name]) == drawn(name)


def test_every_picture_is_shown() -> None:
    """A page shows each picture, and README shows at least one."""
    names = {picture.stem for picture in (ROOT / "docs" / "pictures").glob("*.svg")}
    assert {name for _, name in SHOWN} == names
    assert [name for page, name in SHOWN if page == "README.md"]


@pytest.mark.parametrize(
    "picture", sorted((ROOT / "docs" / "pictures").glob("*.svg")), ids=lambda each: each.stem
)
def test_a_picture_is_small_and_loads_nothing(picture: Path) -> None:
    """It has less than 20 kB, and no font, link or path of a machine."""
    svg = picture.read_text()
    assert len(svg) < 20_000
    assert not re.search(r"@font-face|href|url\((?!#)|/(home|root|tmp|Users)/", svg)


@pytest.mark.parametrize(
    ("page", "text"),
    [(page, text) for page, body in PAGES.items() for _, text in re.findall(RUN, body, re.DOTALL)],
)
def test_a_quoted_run_is_there(page: str, text: str) -> None:
    """Each quoted run has its text, without paths of a machine."""
    assert text.strip(), page
    assert not re.search(r"/(home|root|tmp|Users)/", text)
