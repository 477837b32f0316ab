"""The things that only a browser would notice: origins, webhooks' secrets, what is on sale."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coinslot.diagnosis.findings import Finding, fault, sound, warning
from coinslot.settings.fields import exposed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coinslot.database.monitoring import SeenEvents
    from coinslot.database.shop_records import Product
    from coinslot.gateways.base import Gateway
    from coinslot.settings.deployment import Settings
    from coinslot.settings.gateway import GatewaySettings


def cors(settings: Settings) -> Iterator[Finding]:
    """The pages of FRONTEND_URL call the server from a browser, which asks the server first."""
    frontend = _origin(settings.frontend_url)
    if settings.live:
        for each in settings.cors_origins:
            for problem in exposed("CORS_ORIGINS", each):
                yield warning("cors", "cors_too_open", problem, f"Take {each} out of CORS_ORIGINS")
    if frontend in settings.cors_origins:
        yield sound("cors", f"browsers may call this server from {frontend}")
    elif not _is_own(settings):
        yield warning(
            "cors",
            "cors_without_frontend",
            f"FRONTEND_URL is at {frontend}, which CORS_ORIGINS does not name:"
            " its pages cannot call a server at another address",
            f"Add {frontend} to CORS_ORIGINS",
        )


def webhook_secrets(settings: GatewaySettings) -> Iterator[Finding]:
    for name in settings.missing_webhook_secrets():
        yield Finding(
            "webhooks",
            "fault" if settings.live else "warning",
            "webhook_secret_missing",
            f"{name} is not set: webhooks of {settings.gateway} are refused",
            f"Set {name} to the secret that the console of {settings.gateway} shows",
        )


def webhook_events(
    settings: GatewaySettings, seen: Iterable[SeenEvents] | None
) -> Iterator[Finding]:
    """The events that a webhook has to bring, and of which none ever came."""
    if seen is None:
        return
    name = settings.gateway
    came = {kind for each in seen if each.gateway == name for kind in each.types}
    todo = f"In the console of {name}, look at the webhook to …/payment/{name}/webhook"
    if not came:
        yield warning("webhooks", "webhook_never", f"no webhook of {name} ever came", todo)
    elif lacking := sorted(settings.wanted_events - came):
        yield warning(
            "webhooks",
            "webhook_events_never",
            f"of {name} none of these events ever came: {', '.join(lacking)}",
            f"{todo}: it has to bring them",
        )
    else:
        yield sound("webhooks", f"events of {name} come in")


def on_sale(products: Iterable[Product], gateways: Iterable[Gateway]) -> Iterator[Finding]:
    sold = {currency for each in products if each.active for currency in each.prices}
    todo = "coinslot products set …"
    if not sold:
        yield fault("catalogue", "nothing_on_sale", "nothing is on sale", todo, stops_buyers=True)
        return
    for gateway in gateways:
        if gateway.currencies is not None and not gateway.currencies & sold:
            takes = ", ".join(sorted(gateway.currencies))
            said = f"nothing is on sale in {takes}, which is all that {gateway.name} takes"
            yield warning("catalogue", "nothing_to_sell_there", said, todo)
    yield sound("catalogue", f"products are on sale in {', '.join(sorted(sold))}")


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _is_own(settings: Settings) -> bool:
    """True where the pages are this server's own, such as the store page on this machine."""
    parts = urlsplit(settings.frontend_url)
    own = (settings.coinslot_sidecar_host, settings.coinslot_sidecar_port)
    return (parts.hostname, parts.port) == own
