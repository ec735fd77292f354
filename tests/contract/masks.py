"""What never leaves the suite: the key, the project and the source of whoever runs it."""

from __future__ import annotations

import re

LONGEST = 300


class Mask:
    """Replaces secrets and private values in a text.

    Args:
        key: the API key.
        project: the project, None where there is none.
        source: what the model is made from, None where there is none.
    """

    def __init__(self, key: str, project: str | None = None, source: str | None = None) -> None:
        words = [(key, "[api key]"), (project, "[project]"), (source, "[source]")]
        # A source has an id of a job and one of a checkpoint, and the service may tell either.
        words += [(part, "[source]") for part in (source or "").split(":") if len(part) > 5]
        self._words = sorted(
            ((word, mask) for word, mask in words if word), key=lambda each: len(each[0]), reverse=True
        )

    def __call__(self, text: str) -> str:
        """Return the text on one line, shortened, without what is private and without control characters."""
        for word, mask in self._words:
            text = text.replace(word, mask)
        text = re.sub(r"[^\x20-\x7e\xa0-\uffff]+", " ", text)
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
