"""What comes along when a value is copied out of a `.env` file, a shell, a header or a CI's settings.

No text made here has any part of the value in it: the value may be a key.
"""

from __future__ import annotations

import re

QUOTES = "\"'`\u00ab\u00b4\u00bb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a"
_FAULTS = (
    (f"[{QUOTES}].*|.*[{QUOTES}]", "has quotes around it, give it without them"),
    (r"(?:authorization\s*:\s*)?bearer(?:[\s:].*)?", "has 'Bearer' in front, give what stands behind it"),
    (
        r"(?:export\s+|set\s+|\$env:)?(?:nebius(?:-models)?:|\w*_)?(?:api_?key|base_?url|ai_?project_?id)\s*[=:].*",
        "has the name of a setting in front, give just what stands behind it",
    ),
    (
        r"\$[\w{(].*|%\w+%|<.*|\*+|\{\{.*",
        "is a placeholder that was never filled in, give the value itself",
    ),
    (r".*\\[nr]", r"has a line end written as '\n' behind it, give it without that"),
    (r".*\s.*", "has blanks or line ends in it, give it without them"),
)
_PATTERNS = [(re.compile(pattern, re.IGNORECASE | re.DOTALL), text) for pattern, text in _FAULTS]
_CREDENTIAL = re.compile(
    r"//\S*@|:\S*@|@[\w-]+\.\w|[?&;#][\w.%-]*=|\bhf_\w{8,}|(?:token|secret|passw\w*|api_?key|signature)\s*[=:]",
    re.IGNORECASE,
)


def fault(value: str) -> str | None:
    """What a key, a URL or an id has around it or in it that does not belong there; None where it is clean."""
    for pattern, text in _PATTERNS:
        if pattern.fullmatch(value):
            return text
    return None if value.isprintable() else "has characters in it that cannot be seen, type it anew"


def may_hold_a_credential(text: str) -> bool:
    """Whether a text looks as if it had a password or a token in it, as a URL can."""
    return bool(_CREDENTIAL.search(text))
