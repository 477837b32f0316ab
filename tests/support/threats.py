"""Input of an attacker: requests without a client library, and texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    import httpx
    import psycopg

    from tests.support.shop import Shop

FREE, STARTER = 5, 10
"""Tokens that one begins with, and of the product that one buys."""
NOT_ALLOWED = "42501"
MEGABYTE = 1_000_000
HOSTILE = {
    "quote": "'; drop table public.token_wallets; --",
    "or_true": "' or '1'='1",
    "identifier": '"; delete from token_ledger; select "',
    "dollars": "$$; update token_wallets set tokens = 999; $$",
    "format": "%s %n %I %L {0} \\",
    "wildcard": "%_*",
    "null_byte": "a\x00b",
    "lone_surrogate": "\ud800",
    "megabyte": "x" * MEGABYTE,
}

_PARAMETERS: LiteralString = """
select p.proname, a.name, t.typname
from pg_proc p
cross join unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) a (name, type)
join pg_type t on t.oid = a.type
where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
order by p.proname, a.name
"""
_TEXTS = {"text", "_text", "jsonb"}


@dataclass(frozen=True)
class Door:
    """A parameter of an RPC that takes text, and those beside it."""

    rpc: str
    parameter: str
    type: str
    beside: tuple[str, ...]

    def filled(self, plausible: dict[str, Any], text: str) -> dict[str, Any]:
        given = {name: plausible[name] for name in self.beside if name in plausible}
        shaped: dict[str, Any] = {"_text": [text], "jsonb": {text: text}, "text": text}
        return given | {self.parameter: shaped[self.type]}


def doors(connection: psycopg.Connection) -> list[Door]:
    """Every parameter of every public function that takes text, from Postgres' own catalogue."""
    found = connection.execute(_PARAMETERS).fetchall()
    return [
        Door(rpc, name, kind, tuple(n for r, n, _ in found if r == rpc and n != name))
        for rpc, name, kind in found
        if kind in _TEXTS
    ]


@dataclass(frozen=True)
class Attacker:
    """Speaks to PostgREST with headers of their own making."""

    shop: Shop
    headers: dict[str, str]

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        url = f"{self.shop.stack.api_url}/rest/v1/{path}"
        headers = self.headers | options.pop("headers", {})
        return await self.shop.http.request(method, url, headers=headers, **options)

    async def rpc(self, name: str, /, **arguments: object) -> httpx.Response:
        return await self.send("POST", f"rpc/{name}", json=arguments)


def as_buyer(shop: Shop) -> Attacker:
    return Attacker(shop, shop.stack.headers(shop.buyer))


def with_token(shop: Shop, token: str) -> Attacker:
    """The publishable key, which everybody has, and this token."""
    return Attacker(shop, {"apikey": shop.stack.keys.anon, "authorization": f"Bearer {token}"})


def error(answer: httpx.Response) -> str:
    """Ours, else PostgREST's code."""
    assert answer.is_error, answer.text
    body = answer.json()
    return str(body["message"] if body["code"].startswith("PT") else body["code"])
