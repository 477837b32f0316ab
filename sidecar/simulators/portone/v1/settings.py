"""The keys of the simulated PortOne V1, and the sidecar's settings that lead to it."""

from __future__ import annotations

from simulators.settings import ProcessSettings

PREFIX = "portone-v1"


class PortOneV1Settings(ProcessSettings):
    iamport_api_key: str = "sandbox-key"
    iamport_api_secret: str = "sandbox-secret"  # noqa: S105 - the simulator's own


def sidecar_environment(simulators_url: str) -> dict[str, str]:
    """The settings with which the sidecar, and the store, use this simulator."""
    keys = PortOneV1Settings()
    return {
        "IAMPORT_CODE": "imp00000000",
        "IAMPORT_API_KEY": keys.iamport_api_key,
        "IAMPORT_API_SECRET": keys.iamport_api_secret,
        "IAMPORT_API_URL": f"{simulators_url}/{PREFIX}",
        "IAMPORT_SDK_URL": f"{simulators_url}/{PREFIX}/sdk.js",
    }
