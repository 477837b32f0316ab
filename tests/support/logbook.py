"""The logs of a stack's processes since a moment, and the secrets in them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from devstack.processes import Processes

_PROCESSES = ("sidecar", "simulators", "api", "auth", "postgrest", "postgres")


class Logbook:
    def __init__(self, processes: Processes) -> None:
        self._logs = {name: processes.log(name) for name in _PROCESSES}
        self._from = {name: log.stat().st_size for name, log in self._logs.items()}

    def texts(self) -> dict[str, str]:
        """Of each process."""
        return {
            name: log.read_bytes()[self._from[name] :].decode(errors="replace")
            for name, log in self._logs.items()
        }

    def lines(self) -> list[dict[str, Any]]:
        """The sidecar's own. Each is JSON, whatever it is about."""
        return [json.loads(line) for line in self.texts()["sidecar"].splitlines()]


def leaks(texts: dict[str, str], secrets: Iterable[str]) -> list[str]:
    """Which secret stands in which text, as it is or as something may have written it."""
    return [
        f"{secret} in {name}"
        for name, text in texts.items()
        for secret in sorted(set(secrets))
        if any(form in text for form in forms(secret))
    ]


def forms(secret: str) -> set[str]:
    """As JSON and URLs have it, as a Python literal, in Base64, and a number without its signs."""
    assert len(secret.encode()) > 8, "too short to be found for certain"
    digits = "".join(each for each in secret if each.isdigit())
    return {
        secret,
        json.dumps(secret)[1:-1],
        quote(secret),
        quote_plus(secret),
        ascii(secret)[1:-1],
        base64.b64encode(secret.encode()).decode().rstrip("="),
        *({digits} if len(digits) > 9 and set(secret) <= {*digits, "-", " "} else ()),
    }
