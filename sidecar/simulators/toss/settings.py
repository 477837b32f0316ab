"""The keys of the simulated Toss Payments, and the sidecar's settings that lead to it."""

from __future__ import annotations

from simulators.settings import ProcessSettings

PREFIX = "toss"


class TossSettings(ProcessSettings):
    toss_secret_key: str = "test_sk_sandbox"  # noqa: S105 - the simulator's own


def sidecar_environment(simulators_url: str) -> dict[str, str]:
    """The settings with which the sidecar, and the store, use this simulator."""
    return {
        "TOSS_CLIENT_KEY": "test_ck_sandbox",
        "TOSS_SECRET_KEY": TossSettings().toss_secret_key,
        "TOSS_API_URL": f"{simulators_url}/{PREFIX}",
        "TOSS_SDK_URL": f"{simulators_url}/{PREFIX}/sdk.js",
    }
