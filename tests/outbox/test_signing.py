"""Signatures as Standard Webhooks has them: known vectors, and the library that receivers use."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from coinslot.outbox.signing import new_secret, signed_headers

BODY = (
    '{"id":"evt_01","type":"payment.completed","version":1,"timestamp":"2026-01-02T03:04:05.000Z",'
    '"data":{"order_id":"ord_vector00001"}}'
)
VECTORS = {
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=": (
        "v1,92ue8Mq0t+WPGZ59ZAqECpnGBFqsxn2tGZkhv46vFbc="
    ),
    "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=": (
        "v1,eHeR6is5+kvXdEd+eEXKNvXyAiQyObjAF72OH+eGyoY="
    ),
}


@pytest.mark.parametrize("secret", VECTORS)
def test_known_signature(secret: str) -> None:
    at = datetime.fromtimestamp(1767323045, UTC)
    assert Webhook(secret).sign("evt_01", at, BODY) == VECTORS[secret]


def test_either_secret_verifies_while_one_replaces_the_other() -> None:
    old, new = new_secret(), new_secret()
    headers = signed_headers("evt_01", BODY, [new, old])
    for secret in (old, new):
        assert Webhook(secret).verify(BODY, headers)["id"] == "evt_01"
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(BODY + " ", headers)


def test_time_is_the_one_of_the_try() -> None:
    stamp = int(signed_headers("evt_01", BODY, [new_secret()])["webhook-timestamp"])
    assert abs(stamp - datetime.now(UTC).timestamp()) < 5
