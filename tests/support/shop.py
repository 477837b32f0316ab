"""A buyer in front of the running stack: checks out, pays in the window, completes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString, Self
from zoneinfo import ZoneInfo

from tests.support.servers import PATIENCE
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from coinslot.settings.deployment import Settings
    from tests.support.stacks import LocalStack, Person


@dataclass(frozen=True)
class Shop:
    stack: LocalStack
    http: httpx.AsyncClient
    buyer: Person
    sidecar: str

    @classmethod
    def of(cls, shop: Shop) -> Self:
        """The same buyer, at this kind of till."""
        return cls(**{field.name: getattr(shop, field.name) for field in fields(Shop)})

    @property
    def jwt(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.buyer.token}"}

    async def checkout(self, package: str = "starter", **headers: str) -> httpx.Response:
        return await self.http.post(
            f"{self.sidecar}/api/payments/checkout",
            json={"packageId": package},
            headers={**self.jwt, **headers},
        )

    async def order(self, package: str = "starter") -> str:
        """The id of a new order."""
        return str((await self.checkout(package)).json()["orderId"])

    async def play(self, what: str, method: str = "POST", /, **body: object) -> Any:  # noqa: ANN401
        """Plays everybody but the sidecar: the buyer in the window, the bank, the network."""
        url = f"{self.stack.portone_url}/_sim/{what}"
        answer = await self.http.request(method, url, json=body)
        return answer.raise_for_status().json()

    async def pay(self, order_id: str, *, webhook: str = "none", **turn: object) -> str:
        """The imp_uid of the buyer's turn in the window; no webhook unless asked for."""
        carried = await self.play("pay", order_id=order_id, webhook=webhook, **turn)
        return str(carried["imp_uid"])

    async def complete(self, order_id: str, imp_uid: str, **headers: str) -> httpx.Response:
        return await self.http.post(
            f"{self.sidecar}/api/payments/complete",
            json={"paymentKey": order_id, "impUid": imp_uid},
            headers=headers,
        )

    async def webhook(self, order_id: str, imp_uid: str, status: str = "paid") -> httpx.Response:
        body = {"imp_uid": imp_uid, "merchant_uid": order_id, "status": status}
        return await self.http.post(f"{self.sidecar}/payment/portone/webhook", json=body)

    async def followed(self, order_id: str, seconds: float = PATIENCE) -> list[str]:
        """Once nothing is left to be done about the order's webhooks: what became of each."""
        await self.until(lambda: not any(due for _, due in self.inbox(order_id)), seconds)
        return [outcome for outcome, _ in self.inbox(order_id)]

    async def until(self, holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Of what another process does."""
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.05)

    def inbox(self, order_id: str) -> list[tuple[str, bool]]:
        """The order's webhooks: the outcome, and whether there is more to be done."""
        return [
            (outcome, due)
            for outcome, due in self.select(
                "select outcome, next_attempt_at is not null from coinslot.webhooks "
                "where order_id = %s order by id",
                order_id,
            )
        ]

    async def redirect(self, order_id: str, imp_uid: str) -> str:
        """The address that the phone's browser is sent to."""
        answer = await self.http.get(
            f"{self.sidecar}/payments/complete",
            params={"merchant_uid": order_id, "imp_uid": imp_uid},
        )
        assert answer.status_code == 303
        return answer.headers["location"].removeprefix(self.stack.env["FRONTEND_URL"])

    async def bought(self, package: str = "starter") -> tuple[str, str]:
        """An order that is paid and completed, and its imp_uid."""
        order_id = await self.order(package)
        imp_uid = await self.pay(order_id)
        assert (await self.complete(order_id, imp_uid)).status_code == 200
        return order_id, imp_uid

    async def tokens(self) -> int:
        return int(await self.rpc("get_user_tokens", self.buyer))

    async def rpc(self, name: str, person: Person | None = None, **arguments: object) -> Any:  # noqa: ANN401
        """As the person, or as the service."""
        answer = await self.http.post(
            f"{self.stack.api_url}/rest/v1/rpc/{name}",
            json=arguments,
            headers=self.stack.headers(person),
        )
        return answer.raise_for_status().json()

    def row(self, order_id: str) -> dict[str, Any]:
        """The order as the database has it."""
        found = self.select(
            "select to_jsonb(p) from token_payments p where order_id = %s", order_id
        )
        return dict(found[0][0])

    def deposit_until(self, order_id: str, zone: str) -> datetime:
        """Until when an account may take the order's money."""
        moment = datetime.fromisoformat(self.row(order_id)["deposit_until"])
        return moment.astimezone(ZoneInfo(zone))

    def events(self, order_id: str) -> list[str]:
        """The reasons of the refused attempts at an order."""
        found = self.select(
            "select e.reason from token_payment_events e "
            "join token_payments p on p.id = e.payment_id "
            "where p.order_id = %s and e.reason <> '' order by e.id",
            order_id,
        )
        return [reason for (reason,) in found]

    def discrepancies(self, order_id: str) -> list[str]:
        found = self.select(
            "select kind from coinslot.discrepancies where order_id = %s and resolved_at is null",
            order_id,
        )
        return [kind for (kind,) in found]

    def purchases(self) -> int:
        """Ledger entries that gave the buyer tokens for money."""
        found = self.select(
            "select count(*) from token_ledger where kind = 'purchase' and user_id = %s",
            self.buyer.id,
        )
        return int(found[0][0])

    def select(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        with self.stack.connect() as connection:
            return connection.execute(query, parameters).fetchall()

    def settings(self, **changes: Any) -> Settings:  # noqa: ANN401 - any field
        return settings_on(self.stack, **changes)


def settings_on(stack: LocalStack, **changes: Any) -> Settings:  # noqa: ANN401 - any field
    """Of a sidecar that uses this stack."""
    return settings(
        **{
            "supabase_url": stack.api_url,
            "supabase_anon_key": stack.keys.anon,
            "supabase_service_role_key": stack.keys.service_role,
            "iamport_api_url": stack.portone_url,
            **changes,
        }
    )
