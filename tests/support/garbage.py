"""Python's collector of garbage in a test run: when it waits, and what it never looks at."""

from __future__ import annotations

import ast
import gc
import sys
from functools import wraps
from threading import RLock
from typing import Any

_FLAWED = sys.version_info < (3, 11, 8)


def pause() -> None:
    """Collects none until `go_on`: what imports and a collection of tests make, lasts."""
    gc.disable()


def go_on() -> None:
    """With what comes from now on. What is there already stays, and is looked at no more."""
    gc.freeze()
    gc.enable()


def spare_parsers() -> None:
    """Collects no garbage while a syntax tree is built, on a Python that would fail of it.

    A collection calls Python code, such as Hypothesis' clock for it, and lets other threads run.
    Until 3.11.8 `ast.parse` counts the depth of a tree in one place for all: where another tree is
    begun meanwhile, the first ends with `SystemError: AST constructor recursion depth mismatch`.
    """
    if _FLAWED:
        ast.parse = _alone(ast.parse)


def _alone(parse: Any) -> Any:  # noqa: ANN401 - the overloads of `ast.parse`
    lock = RLock()

    @wraps(parse)
    def alone(*arguments: Any, **options: Any) -> ast.AST:  # noqa: ANN401
        with lock:
            was_on = gc.isenabled()
            gc.disable()
            try:
                tree: ast.AST = parse(*arguments, **options)
            finally:
                if was_on:
                    gc.enable()
            return tree

    return alone
