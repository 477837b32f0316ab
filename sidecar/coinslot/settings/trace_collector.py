"""Settings of the traces: where they go, and how many of them."""

from __future__ import annotations

from importlib.util import find_spec

from pydantic import Field
from pydantic_settings import BaseSettings

from coinslot.settings.fields import Address


class TraceSettings(BaseSettings):
    # Of a collector that takes OTLP over HTTP, without /v1/traces. Off without one.
    coinslot_traces_url: Address | None = None
    # Of all traces, as a fraction.
    coinslot_traces_share: float = Field(default=1, ge=0, le=1)

    def trace_problems(self) -> list[str]:
        if self.coinslot_traces_url is None or _is_installed():
            return []
        return ["COINSLOT_TRACES_URL needs the extra traces: pip install 'coinslot[traces]'"]


def _is_installed() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False
