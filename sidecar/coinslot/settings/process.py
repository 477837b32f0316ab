"""Settings of the process: how it stops, and how long it waits for the database."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class ProcessSettings(BaseSettings):
    """Times are seconds."""

    coinslot_stop_seconds: float = Field(default=25, gt=0)
    coinslot_stop_notice_seconds: float = Field(default=0, ge=0)

    coinslot_database_timeout: float = Field(default=10, gt=0)

    def process_problems(self) -> list[str]:
        if self.coinslot_stop_notice_seconds < self.coinslot_stop_seconds:
            return []
        return ["COINSLOT_STOP_NOTICE_SECONDS leaves nothing of COINSLOT_STOP_SECONDS"]
