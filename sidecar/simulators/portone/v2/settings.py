"""The keys of the simulated PortOne V2, and the sidecar's settings that lead to it."""

from __future__ import annotations

from simulators.settings import ProcessSettings

PREFIX = "portone-v2"


class PortOneV2Settings(ProcessSettings):
    portone_api_secret: str = "sandbox-v2-secret"  # noqa: S105 - the simulator's own
    portone_store_id: str = "store-sandbox"
    portone_channel_key: str = "channel-key-sandbox"
    portone_webhook_secrets: str = "whsec_Y29pbnNsb3QtcG9ydG9uZS12Mi1zYW5kYm94"
    """One, or two separated by a comma while one replaces the other."""


def sidecar_environment(simulators_url: str) -> dict[str, str]:
    """The settings with which the sidecar, and the store, use this simulator."""
    keys = PortOneV2Settings()
    return {
        "PORTONE_API_SECRET": keys.portone_api_secret,
        "PORTONE_STORE_ID": keys.portone_store_id,
        "PORTONE_CHANNEL_KEY": keys.portone_channel_key,
        "PORTONE_WEBHOOK_SECRETS": keys.portone_webhook_secrets,
        "PORTONE_API_URL": f"{simulators_url}/{PREFIX}",
        "PORTONE_SDK_URL": f"{simulators_url}/{PREFIX}/sdk.js",
    }
