"""The keys of the simulated Stripe, and the sidecar's settings that lead to it."""

from __future__ import annotations

from simulators.settings import ProcessSettings

PREFIX = "stripe"


class StripeSettings(ProcessSettings):
    stripe_secret_key: str = "sk_test_sandbox"  # noqa: S105 - the simulator's own
    stripe_webhook_secret: str = "whsec_sandbox"  # noqa: S105 - the simulator's own
    """One, or two separated by a comma while one is being rolled."""


def sidecar_environment(simulators_url: str) -> dict[str, str]:
    """The settings with which the sidecar, and the store, use this simulator."""
    keys = StripeSettings()
    return {
        "STRIPE_SECRET_KEY": keys.stripe_secret_key,
        "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox",
        "STRIPE_WEBHOOK_SECRET": keys.stripe_webhook_secret,
        "STRIPE_API_URL": f"{simulators_url}/{PREFIX}",
        "STRIPE_SDK_URL": f"{simulators_url}/{PREFIX}/sdk.js",
    }
