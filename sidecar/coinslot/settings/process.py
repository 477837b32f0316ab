"""Settings of the process: where it listens, how it stops, its wait for the database."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - of a container, where a platform gives the port


class ProcessSettings(BaseSettings):
    """Times are seconds."""

    coinslot_sidecar_host: str = "127.0.0.1"
    coinslot_sidecar_port: int = Field(default=54430, ge=0, le=65535)
    # As platforms set them. Shells call the machine's name HOST, so alone it says nothing.
    port: int | None = Field(default=None, ge=0, le=65535)
    host: str | None = None

    coinslot_stop_seconds: float = Field(default=25, gt=0)
    coinslot_stop_notice_seconds: float = Field(default=0, ge=0)

    coinslot_database_timeout: float = Field(default=10, gt=0)

    @property
    def listens_at(self) -> tuple[str, int]:
        """Host and port. What names Coinslot wins over what a platform sets.

        A platform that gives a port sends requests to it from outside.
        """
        named = self.model_fields_set
        port, host = self.coinslot_sidecar_port, self.coinslot_sidecar_host
        if self.port is not None and "coinslot_sidecar_host" not in named:
            host = self.host or _EVERY_ADDRESS
        if self.port is not None and "coinslot_sidecar_port" not in named:
            port = self.port
        return host, port

    def process_problems(self) -> list[str]:
        if self.coinslot_stop_notice_seconds < self.coinslot_stop_seconds:
            return []
        return ["COINSLOT_STOP_NOTICE_SECONDS leaves nothing of COINSLOT_STOP_SECONDS"]
