"""The buyers: each purchase from the order to what comes after it, as its plan has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.storm.journal import Bought
from tests.support.gateways import DRIVERS, PORTONE_V1, PORTONE_V2

if TYPE_CHECKING:
    from tests.storm.client import Client, Said
    from tests.storm.journal import Journal
    from tests.storm.plan import Purchase
    from tests.support.gateways.driver import GatewayDriver, Json
    from tests.support.stacks import Person

CODE = "STORM"
PACKS = {"starter", "standard", "premium"}
_BOUGHT = {"completed", "partially_refunded"}


class Buyers:
    def __init__(self, client: Client, people: list[Person], journal: Journal, seed: int) -> None:
        self._client = client
        self._people = people
        self._journal = journal
        self._seed = seed

    async def buy(self, plan: Purchase) -> Bought:
        """Up to the point where the buyer turns to something else."""
        person = self._people[plan.user]
        bought = Bought(plan, person.id)
        self._journal.bought.append(bought)
        if await self._order(bought, person):
            await self._pay(bought, person)
        return bought

    async def _order(self, bought: Bought, person: Person) -> bool:
        path, body = _ordering(bought.plan)
        key = {"Idempotency-Key": f"storm-{self._seed}-{bought.plan.number}"}
        said = await self._client.sidecar(
            path, body | await self._basket(bought, body), person.token, **key
        )
        bought.said.append(f"order {said.status}")
        if not said.ok:
            self._journal.count("outcome", bought.plan.gateway, "no order")
            return False
        bought.order_id, bought.amount = said.body["orderId"], said.body["amount"]
        bought.driver = _opened(bought.plan, said.body)
        self._journal.count("tried", bought.gateway)
        self._journal.count("window", bought.plan.window)
        return True

    async def _basket(self, bought: Bought, body: Json) -> Json:
        """Several packs, or a code of few uses, where the order names its product by the id.

        Whoever is told that the code cannot be used orders without it."""
        number, person = bought.plan.number, self._people[bought.plan.user]
        if not {"packageId", "productId"} & body.keys():
            return {}
        if number % 5 == 1:
            return {"quantity": 2} if bought.plan.product in PACKS else {}
        if number % 5 != 2:
            return {}
        call = {"code": CODE, "product_id": bought.plan.product, "gateway": bought.plan.gateway}
        said = await self._client.rpc(
            "check_token_code", person, **call, currency=bought.plan.currency
        )
        usable = said.ok and said.body["outcome"] == "usable"
        self._journal.count("codes", "used" if usable else "not usable")
        return {"promoCode": CODE} if usable else {}

    async def _pay(self, bought: Bought, person: Person) -> None:
        window = bought.plan.window
        assert bought.driver
        if window == "tampered":
            await self._underpay(bought, bought.driver, person)
            return
        if window in {"failed", "failed_then_paid"}:
            await self._turn(bought, person, outcome="failed")
        if window in {"paid", "failed_then_paid", "twice"}:
            await self._turn(bought, person, outcome="paid")
        if window in {"awaiting", "deposit", "undone"}:
            await self._turn(bought, person, outcome="awaiting_deposit")
        if window == "abandoned":
            await self._turn(bought, person, outcome="abandoned", returns=0)
        if window == "twice" and (again := bought.driver.again(bought.order)):
            await self._turn(bought, person, outcome="paid", **again)

    async def _underpay(self, bought: Bought, driver: GatewayDriver, person: Person) -> None:
        changed = driver.underpaid(bought.order)
        bought.amount, right = int(changed["amount"]), bought.amount
        await self._turn(bought, person, outcome="paid", **changed)
        bought.amount = right

    async def _turn(
        self, bought: Bought, person: Person, *, returns: int | None = None, **how: object
    ) -> None:
        """One visit to the window, and the page's return from it."""
        driver = bought.driver
        assert driver
        turn = {"webhook": bought.plan.webhook, **driver.turn(bought.order), **how}
        carried = await self._client.play(driver.name, "pay", order_id=bought.order_id, **turn)
        bought.said.append(f"{how['outcome']} {'played' if carried else 'not possible'}")
        key = driver.key(carried) if carried else ""
        if not key:
            return
        bought.keys.append(key)
        for _ in range(bought.plan.returns if returns is None else returns):
            await self._come_back(bought, driver, person, key)

    async def _come_back(
        self, bought: Bought, driver: GatewayDriver, person: Person, key: str
    ) -> None:
        path, body = driver.returning(bought.order, key)
        signed_in = body is None or bought.plan.number % 2
        said = await self._client.sidecar(path, body, person.token if signed_in else None)
        self._hear(bought, said)

    def _hear(self, bought: Bought, said: Said) -> None:
        status = said.body.get("status") or (said.body.get("payment") or {}).get("status")
        bought.said.append(f"back {said.status} {status or said.body.get('code', '')}")
        if said.status == 200 and status in _BOUGHT:
            bought.acknowledged = True

    # ---- later ----

    async def deposit(self, bought: Bought) -> None:
        """The money for a virtual account, or of a method that takes days."""
        if bought.plan.window not in {"deposit", "undone"} or not bought.keys:
            return
        unpaid = bought.plan.window == "undone" and bought.gateway == "stripe"
        steps = ["deposit", "undo_deposit"] if bought.plan.window == "undone" else ["deposit"]
        for step in steps[-1:] if unpaid else steps:
            played = await self._client.play(bought.gateway, step, payment_key=bought.keys[-1])
            bought.said.append(f"{step} {'played' if played else 'not possible'}")

    async def look_again(self, bought: Bought) -> None:
        """The buyer opens the page with the order."""
        if bought.order_id:
            token = self._people[bought.plan.user].token
            said = await self._client.sidecar(f"/payment/{bought.order_id}", None, token)
            self._hear(bought, said)


def described(bought: Bought) -> Json:
    """For a report on what went wrong."""
    return {
        "purchase": bought.plan.number,
        "gateway": bought.gateway,
        "order": bought.order_id,
        "window": bought.plan.window,
        "later": bought.plan.later,
        "keys": bought.keys,
        "said": bought.said,
    }


def _ordering(plan: Purchase) -> tuple[str, Json]:
    """Path and body of the order."""
    driver = next(each for each in DRIVERS if each.gateway == plan.gateway)
    return driver.ordering(plan.product, plan.currency)


def _opened(plan: Purchase, answer: Json) -> GatewayDriver:
    """The gateway whose window the answer opens: PortOne V2 where it brings its arguments."""
    if plan.gateway == "portone":
        return PORTONE_V2 if "paymentId" in answer else PORTONE_V1
    return next(each for each in DRIVERS if each.gateway == plan.gateway)
