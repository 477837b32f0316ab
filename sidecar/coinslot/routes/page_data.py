"""Data in a page for its script to read, which a browser does not run."""

from __future__ import annotations

import json
from typing import Any

_ESCAPED = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def data_block(data: dict[str, Any]) -> str:
    """No text in it can end the element that it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPED)
    return f'<script type="application/json" id="coinslot-config">{text}</script>'
