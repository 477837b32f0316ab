"""Refuses to build a package without the pages and components that it serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuiltWeb(BuildHookInterface):
    """They are built by `make web`, in a checkout, and a source distribution has them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del build_data
        built = Path(self.root) / "build/web/pages/manifest.json"
        if version != "editable" and not built.is_file():
            message = "build/web is not there, which holds the store page: run `make web` first"
            raise FileNotFoundError(message)
