"""The addresses that an endpoint may have, and those that its name may stand for.

Whoever names an endpoint could otherwise have this server call what only it can reach: itself, its
neighbours, the machine's metadata. A name is looked up at each connection, so what it stands for is
judged there again.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coinslot.errors import InvalidRequest

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

_LONGEST = 2048

# Beside what Python calls not global. It passes some of these on 3.11: translations of IPv4
# (RFC 6052, 8215, 3056, 4380), multicast, 192.0.0.0/24 with a cloud's metadata, 6to4's relays.
_REFUSED = tuple(
    ip_network(each)
    for each in (
        *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "ff00::/8", "fec0::/10"),
        *("100::/64", "::ffff:0:0/96", "::/96", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/3"),
    )
)


class AddressRefused(InvalidRequest):
    code = "address_refused"
    sentence = "Events are sent to public https addresses"


@dataclass(frozen=True, slots=True)
class AddressRules:
    """`live`: https only, and never this machine. `networks` may be called whatever they are."""

    live: bool
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def check_url(self, url: str) -> None:
        """Raises `AddressRefused` for an address that cannot be an endpoint's, whatever its name
        stands for."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise AddressRefused from error
        well_formed = url.isascii() and url.isprintable() and " " not in url and "@" not in url
        if not (well_formed and parts.hostname and port != 0 and len(url) <= _LONGEST):
            raise AddressRefused
        if parts.fragment or parts.scheme not in ({"https"} if self.live else {"https", "http"}):
            raise AddressRefused
        if (literal := _literal(parts.hostname)) and not self.allows(literal):
            raise AddressRefused

    def allows(self, text: str) -> bool:
        """True for an address that may be connected to. False for what is none."""
        address = _parsed(text)
        if address is None:
            return False
        if any(address in network for network in self.networks):
            return True
        if not self.live and address.is_loopback:
            return True
        return (
            address.is_global
            and not address.is_multicast
            and not any(address in network for network in _REFUSED)
        )


def _literal(host: str) -> str | None:
    return host if _parsed(host) else None


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None
