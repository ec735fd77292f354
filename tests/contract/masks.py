"""What never leaves the suite: the key, the project and the source of the user who runs it."""

from __future__ import annotations

import re

LONGEST = 300


class Mask:
    """Replaces secrets and private values in a text.

    Args:
        key: the API key.
        project: the project, None if there is none.
        source: what the model is created from, None if there is none.
    """

    def __init__(self, key: str, project: str | None = None, source: str | None = None) -> None:
        words = [(key, "[api key]"), (project, "[project]"), (source, "[source]")]
        # A source has the id of a job and of a checkpoint, and the service may return either.
        words += [(part, "[source]") for part in (source or "").split(":") if len(part) > 5]
        self._words = sorted(
            ((word, mask) for word, mask in words if word), key=lambda each: len(each[0]), reverse=True
        )

    def __call__(self, text: str) -> str:
        """Return the text on one line, shortened, without private values and control characters."""
        for word, mask in self._words:
            text = text.replace(word, mask)
        text = re.sub(r"[^\x20-\x7e\xa0-\uffff]+", " ", text)
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
