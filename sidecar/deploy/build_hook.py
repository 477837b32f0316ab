"""Puts supabase-js beside the store page that is served with it, with its licence.

A checkout has it in node_modules, the source distribution has it already.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_IN_CHECKOUT = Path("node_modules/@supabase/supabase-js")
_IN_SDIST = Path("sidecar/vendor")
_FILES = {
    "supabase.js": Path("dist/umd/supabase.js"),
    "supabase.LICENSE": Path("LICENSE"),
}


class SupabaseJs(BuildHookInterface):
    """Of the version that the checkout's lock file says."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        target = _IN_SDIST if self.target_name == "sdist" else Path("coinslot/vendor")
        for name, source in self._sources().items():
            build_data["force_include"][str(source)] = str(target / name)

    def _sources(self) -> dict[str, Path]:
        root = Path(self.root)
        for found in (
            {name: root / _IN_SDIST / name for name in _FILES},
            {name: root / _IN_CHECKOUT / path for name, path in _FILES.items()},
        ):
            if all(path.is_file() for path in found.values()):
                return {name: path.resolve() for name, path in found.items()}
        message = (
            "supabase-js is not there, with which the store page is served: run `npm ci` first"
        )
        raise FileNotFoundError(message)
