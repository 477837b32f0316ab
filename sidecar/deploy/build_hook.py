"""Puts the pages and components into the package that it serves, or refuses to build it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuiltWeb(BuildHookInterface):
    """They are built by `make web`, in a checkout, and a source distribution has them. An editable
    install does without: the checkout may build them later."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        if not (Path(self.root) / "build/web/pages/manifest.json").is_file():
            message = "build/web is not there, which holds the store page: run `make web` first"
            raise FileNotFoundError(message)
        if self.target_name == "wheel":
            build_data["force_include"]["build/web"] = "coinslot/web"
