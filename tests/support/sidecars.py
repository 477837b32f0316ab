"""A sidecar on a free port, with its settings."""

from __future__ import annotations

from typing import Any

from coinslot.settings.deployment import Settings, load_settings
from coinslot.settings.limits import GROUPS

FRONTEND = "http://shop.test:3000"
SECRET_KEYS = "one:WYMOvDpBhBEFZr8aKQ0IRz39y9SSzkmLFM0aXi+i5EE="
# Everybody in the tests is one address, and some of them are in a hurry.
NO_HURRY = {f"coinslot_limit_{group}": "1000000/minute" for group in GROUPS}


def settings(**changes: Any) -> Settings:  # noqa: ANN401 - any field
    """Settings from nothing but here; the database is at an address where nobody listens."""
    return load_settings(
        **{
            "_env_file": None,
            "coinslot_mode": "test",
            "supabase_url": "http://127.0.0.1:1",
            "supabase_anon_key": "sb_publishable_test",
            "supabase_service_role_key": "sb_secret_test",
            "frontend_url": FRONTEND,
            "cors_origins": [FRONTEND],
            "iamport_code": "imp1",
            "iamport_api_key": "sandbox-key",
            "iamport_api_secret": "sandbox-secret",
            "iamport_api_url": "http://127.0.0.1:1",
            "coinslot_secret_keys": SECRET_KEYS,
            **NO_HURRY,
            **changes,
        }
    )


def changed(settings: Settings, **changes: Any) -> Settings:  # noqa: ANN401 - any field
    """A copy with other values, unchecked, in the gateways' settings as well."""
    gateways = [each.model_copy(update=changes) for each in settings.gateways]
    return settings.model_copy(update=changes).with_gateways(gateways)
