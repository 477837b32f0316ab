"""The words of the components and the pages, as they were built."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from coinslot import assets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def said(language: str) -> Mapping[str, str]:
    file = assets.WEB / f"pages/words.{language}.json"
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(file: Path, _changed_at: int) -> dict[str, str]:
    words: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return words
