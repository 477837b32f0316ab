"""The server whose clock tests move."""

from tests.lots.conftest import clocked

__all__ = ["clocked"]
