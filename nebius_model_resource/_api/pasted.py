"""What gets copied along with a value from a `.env` file, a shell, a header or a CI's settings.

No text here repeats any part of the value: it may be a key.
"""

from __future__ import annotations

import re

QUOTES = "\"'`\u00ab\u00b4\u00bb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a"
_FAULTS = (
    (f"[{QUOTES}].*|.*[{QUOTES}]", "has quotes around it, remove them"),
    (r"(?:authorization\s*:\s*)?bearer(?:[\s:].*)?", "begins with 'Bearer', give only what follows it"),
    (
        r"(?:export\s+|set\s+|\$env:)?(?:nebius(?:-models)?:|\w*_)?(?:api_?key|base_?url|ai_?project_?id)\s*[=:].*",
        "begins with the name of a setting, give only the value",
    ),
    (r"\$[\w{(].*|%\w+%|<.*|\*+|\{\{.*", "is a placeholder that was never filled in, give the value itself"),
    (r".*\\[nr]", r"ends with a line break written as '\n', remove it"),
    (r".*\s.*", "has spaces or line breaks in it, remove them"),
)
_PATTERNS = [(re.compile(pattern, re.IGNORECASE | re.DOTALL), text) for pattern, text in _FAULTS]
_CREDENTIAL = re.compile(
    r"//\S*@|:\S*@|@[\w-]+\.\w|[?&;#][\w.%-]*=|\bhf_\w{8,}|(?:token|secret|passw\w*|api_?key|signature)\s*[=:]",
    re.IGNORECASE,
)


def fault(value: str) -> str | None:
    """What does not belong to a key, a URL or an id, and the fix; None where the value is clean."""
    for pattern, text in _PATTERNS:
        if pattern.fullmatch(value):
            return text
    return None if value.isprintable() else "has invisible characters in it, type it again"


def may_hold_a_credential(text: str) -> bool:
    """Whether a text looks as if it had a password or a token in it, as a URL can."""
    return bool(_CREDENTIAL.search(text))
