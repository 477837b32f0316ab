"""`python -m tests.docstrings`: the docstrings whose beginning is not plain.

A docstring begins with a verb or with the thing itself. One that begins with a question word makes
the reader look for the sentence's subject.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("sidecar", "tests")
_BEGINNING = re.compile(r"(What|Whatever|Whether|Who|Whoever|Whose|Where|Why|How|However)\b")


def unclear(source: str) -> Iterator[tuple[int, str]]:
    """Line and first words of each docstring that begins with a question word, and of each text
    below a constant that does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            text = node.value.value
            if isinstance(text, str) and _BEGINNING.match(text.strip()):
                yield node.lineno, text.strip().split("\n", 1)[0][:60]


def main() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {text}"
        for folder in FOLDERS
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line, text in unclear(file.read_text())
    ]
    for each in found:
        sys.stderr.write(f"{each}\n")
    sys.exit(bool(found) and "begin each of these with a verb or the thing itself")


if __name__ == "__main__":
    main()
