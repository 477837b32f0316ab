"""Mail of a shop to a mailbox on loopback: the settings for it, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coinslot.settings.deployment import Settings
    from tests.support.mailboxes import Mailbox
    from tests.support.shop import Shop

PUBLIC = "https://pay.example.com"


def mail_of(shop: Shop, box: Mailbox) -> Settings:
    return shop.settings(
        coinslot_smtp_host="127.0.0.1",
        coinslot_smtp_port=box.port,
        coinslot_smtp_tls="none",
        coinslot_smtp_sender_email="hello@example.com",
        coinslot_public_url=PUBLIC,
    )


def states(shop: Shop) -> list[tuple[str, str]]:
    """The kind and the state of each mail of the buyer."""
    return shop.select(
        "select kind, state from coinslot.mails where user_id = %s order by id", shop.buyer.id
    )


def hurry(shop: Shop) -> None:
    """Has what waits be sent now."""
    shop.select(
        "update coinslot.mails set next_attempt_at = now() where user_id = %s and state = 'pending'"
        " returning id",
        shop.buyer.id,
    )
