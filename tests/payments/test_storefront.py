"""The shop as its store shows it, while the database is there and while it is away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from coinslot.database.records import DatabaseSettings, Shop
from coinslot.errors import DatabaseUnavailable
from coinslot.payments import storefront
from coinslot.payments.storefront import Storefront
from tests.settings.test_methods import ALL, WIDGETS, load
from tests.support.sidecars import SECRET_KEYS

if TYPE_CHECKING:
    from coinslot.database import Database

LINKS = {"terms": "https://example.com/terms"}
SHOP = Shop(
    business={"name": "Coinslot"},
    links=LINKS,
    refund_days=7,
    currencies=["USD", "KRW"],
    max_quantity=100,
    takes_codes=True,
    invitations={"reward": 20, "bonus": 10},
)


class Answering:
    """A database that tells of that shop, or is away."""

    def __init__(self, shop: Shop | None) -> None:
        self.shop = shop
        self.away = False
        self.asked = 0

    def as_service(self) -> Answering:
        return self

    async def get_settings(self) -> DatabaseSettings:
        self.asked += 1
        if self.away:
            raise DatabaseUnavailable
        return DatabaseSettings(mode="test", shop=self.shop)


def front(database: Answering, **changes: Any) -> Storefront:  # noqa: ANN401
    return Storefront(cast("Database", database), load(**{**ALL, **changes}))


async def test_it_tells_of_the_shop_and_of_what_can_be_paid() -> None:
    told = await front(Answering(SHOP), coinslot_methods="card=toss, card:USD=stripe").told()
    assert [(each["id"], each["currency"], each["gateway"]) for each in told.pop("methods")] == [
        ("card", "KRW", "toss"),
        ("card", "USD", "stripe"),
    ]
    assert told == {
        "currency": {"default": "KRW", "offered": ["KRW", "USD"]},
        "links": LINKS,
        "business": {"name": "Coinslot"},
        "refundDays": 7,
        "maxQuantity": 100,
        "takesCodes": True,
        "invitations": {"reward": 20, "bonus": 10},
        "subscriptions": [],
        "topUps": [],
    }


async def test_a_cash_receipt_is_asked_for_where_cash_is_paid_and_the_shop_issues_them() -> None:
    def told(cash_receipts: str) -> list[str]:
        settings = load(
            **{**ALL, "coinslot_methods": "card=toss, transfer=toss, virtual_account=portone"}
        )
        methods = storefront.offered_methods(settings, ["KRW", "USD"], cash_receipts)
        return [each["id"] for each in methods if each.get("cashReceipt")]

    assert told("off") == []
    assert told("on_request") == told("always") == ["transfer", "virtual_account"]


@pytest.mark.parametrize(
    ("changes", "offered"),
    [
        ({}, "KRW portone, KRW toss, KRW stripe, USD stripe"),
        (
            {"coinslot_methods": "card=toss, card:USD=stripe"},
            "KRW toss, KRW portone, KRW stripe, USD stripe",
        ),
        (WIDGETS, "KRW portone, KRW stripe, USD stripe"),
        ({"coinslot_secret_keys": ""}, ""),
    ],
    ids=["all", "by the cards' order", "keys of the widgets", "nothing to seal with"],
)
async def test_plans_are_sold_where_a_stored_method_may_be_charged(
    changes: dict[str, Any], offered: str
) -> None:
    plans = {"gateways": ["portone", "stripe", "toss"], "currencies": ["KRW", "USD"]}
    keys = {"coinslot_secret_keys": SECRET_KEYS}
    told = await front(Answering(Shop(plans=plans)), **{**keys, **changes}).told()
    found = [f"{each['currency']} {each['gateway']}" for each in told["subscriptions"]]
    assert ", ".join(found) == offered


async def test_packs_are_bought_by_themselves_only_where_that_may_be_charged_at_will() -> None:
    plans = {"gateways": ["stripe", "toss"], "at_will": ["stripe"], "currencies": ["KRW"]}
    shop = Shop(currencies=["KRW", "USD"], plans=plans)
    told = await front(Answering(shop), coinslot_secret_keys=SECRET_KEYS).told()
    found = [f"{each['currency']} {each['gateway']}" for each in told["topUps"]]
    assert found == ["KRW stripe", "USD stripe"]
    assert (await front(Answering(shop), coinslot_secret_keys="").told())["topUps"] == []


async def test_no_plan_is_sold_where_no_contract_allows_it() -> None:
    plans = {"gateways": [], "currencies": ["KRW"]}
    told = await front(Answering(Shop(plans=plans)), coinslot_secret_keys=SECRET_KEYS).told()
    assert told["subscriptions"] == []


async def test_a_currency_that_nothing_takes_is_not_offered() -> None:
    told = await front(Answering(SHOP), coinslot_methods="card=toss").told()
    assert told["currency"] == {"default": "KRW", "offered": ["KRW"]}
    nothing = Shop(currencies=["EUR"])
    told = await front(Answering(nothing), coinslot_methods="card=toss").told()
    assert (told["methods"], told["currency"]) == ([], {"default": None, "offered": []})


async def test_it_is_asked_for_once_a_minute() -> None:
    database = Answering(SHOP)
    shop = front(database)
    for _ in range(3):
        await shop.told()
    assert database.asked == 1


async def test_an_older_database_says_nothing_of_the_shop() -> None:
    told = await front(Answering(None)).told()
    assert (told["business"], told["links"], told["refundDays"]) == ({}, {}, None)
    assert told["currency"]["default"] == "KRW"
    assert (told["maxQuantity"], told["takesCodes"]) == (1, False)
    assert told["invitations"] == {"reward": 0, "bonus": 0}


async def test_while_the_database_is_away_the_last_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    database = Answering(SHOP)
    shop = front(database)
    before = await shop.told()
    database.away = True
    monkeypatch.setattr(shop, "_good_until", 0.0)
    assert await shop.told() == before
    assert await shop.told() == before
    assert database.asked == 2, "and it is not asked at once again"
    database.away = False
    monkeypatch.setattr(shop, "_good_until", 0.0)
    assert await shop.told() == before
    assert shop._good_until > 0  # noqa: SLF001
    assert storefront._SECONDS_BEFORE_ANOTHER < storefront._SECONDS_KEPT  # noqa: SLF001
