"""SQL text cut into statements, each with the comments right above it."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Whichever comes first at a place: a comment, a quoted text, a name in quotes, the end.
_TOKEN = re.compile(
    r"--[^\n]*|'(?:[^']|'')*'|\"[^\"]*\"|(?P<dollar>\$\w*\$).*?(?P=dollar)|/\*.*?\*/|;|[^-'\"$/;]+|.",
    re.DOTALL,
)
_COMMENTS = re.compile(r"(?:[ \t]*--[^\n]*\n|[ \t]*\n)*")


@dataclass(frozen=True)
class Statement:
    comments: str
    """Everything between the statement before and this one, empty lines included."""
    text: str
    """The statement with its semicolon."""

    @property
    def words(self) -> str:
        """Its text in lower case, each run of white space one space."""
        return " ".join(self.text.lower().split())

    @property
    def heading(self) -> str:
        """The comments without the block that touches the statement: they are of the file."""
        return self.comments.rpartition("\n\n")[0] if "\n\n" in self.comments else ""


def statements(sql: str) -> list[Statement]:
    """The statements of a file. Raises `ValueError` where something stands behind the last one."""
    found, start = [], 0
    for token in _TOKEN.finditer(sql):
        if token[0] == ";":
            piece = sql[start : token.end()]
            comments = _COMMENTS.match(piece)
            cut = comments.end() if comments else 0
            found.append(Statement(piece[:cut], piece[cut:]))
            start = token.end()
    rest = sql[start:]
    if _COMMENTS.sub("", rest).strip():
        message = f"no statement ends with a semicolon: {rest.strip()[:80]}"
        raise ValueError(message)
    return found
