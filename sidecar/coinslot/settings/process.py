"""Settings of the process: how it stops, and how long it waits for each gateway."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class ProcessSettings(BaseSettings):
    """Times are seconds."""

    coinslot_stop_seconds: float = Field(default=25, gt=0)
    coinslot_stop_notice_seconds: float = Field(default=0, ge=0)

    coinslot_database_timeout: float = Field(default=10, gt=0)
    # Of one call. A refund may be several, which have 50 seconds together.
    coinslot_gateway_timeout: float = Field(default=10, gt=0, le=50)
    iamport_timeout: float | None = Field(default=None, gt=0, le=50)
    portone_timeout: float | None = Field(default=None, gt=0, le=50)
    toss_timeout: float | None = Field(default=None, gt=0, le=50)
    stripe_timeout: float | None = Field(default=None, gt=0, le=50)

    def timeout_of(self, gateway: str) -> float:
        """What its calls are given: iamport, portone, toss, stripe."""
        own: float | None = getattr(self, f"{gateway}_timeout")
        return self.coinslot_gateway_timeout if own is None else own

    def process_problems(self) -> list[str]:
        if self.coinslot_stop_notice_seconds < self.coinslot_stop_seconds:
            return []
        return ["COINSLOT_STOP_NOTICE_SECONDS leaves nothing of COINSLOT_STOP_SECONDS"]
