"""Stripe's way of nesting in forms: `metadata[order_id]=…`, `expand[0]=…`, `expand[]=…`."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

Json = dict[str, Any]

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def parse_form(text: str) -> Json:
    """Nested objects and lists; every value is text. Raises `ValueError` for a malformed key."""
    root: Json = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        match = _KEY.fullmatch(key)
        if match is None:
            message = f"Invalid parameter: {key[:40]}"
            raise ValueError(message)
        _put(root, [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])], value)
    return {name: _listed(value) for name, value in root.items()}


def _put(node: Json, path: list[str], value: str) -> None:
    for name in path[:-1]:
        deeper = node.setdefault(name or str(len(node)), {})
        if not isinstance(deeper, dict):
            message = f"Invalid parameter: {name}"
            raise ValueError(message)  # noqa: TRY004 - what is wrong is the text
        node = deeper
    node[path[-1] or str(len(node))] = value


def _listed(value: Any) -> Any:  # noqa: ANN401 - JSON
    """An object whose keys are all indexes is a list."""
    if not isinstance(value, dict):
        return value
    if all(name.isdigit() for name in value):
        return [_listed(value[name]) for name in sorted(value, key=int)]
    return {name: _listed(item) for name, item in value.items()}
