"""The version of PortOne that the sidecar sells through: one process sells through one of them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from simulators.portone.v1 import settings as v1
from simulators.portone.v2 import settings as v2


class PortOneChoice(BaseModel):
    portone: Literal["v1", "v2"] = "v1"
    """The version of PortOne that the store sells through."""


def sidecar_environment(simulators_url: str, choice: PortOneChoice) -> dict[str, str]:
    """The settings with which the sidecar, and the store, use the simulator of that version."""
    if choice.portone == "v2":
        return v2.sidecar_environment(simulators_url)
    return v1.sidecar_environment(simulators_url)
