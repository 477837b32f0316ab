"""The packs that stand in the page before its script has run."""

from __future__ import annotations

import pytest

from coinslot.database.records import Offer
from coinslot.routes.page_footer import footer
from coinslot.routes.page_packs import money, packs
from coinslot.routes.page_words import said


def offer(**changes: object) -> Offer:
    row = {"id": "a", "kind": "token_pack", "name": "Starter", "name_ko": "스타터", "tokens": 10}
    return Offer.model_validate({**row, "currency": "KRW", "amount": 5000, **changes})


@pytest.mark.parametrize(
    ("amount", "currency", "english", "korean"),
    [
        (12_000, "KRW", "₩12,000", "12,000원"),
        (960, "USD", "$9.60", "$9.60"),
        (1200, "JPY", "¥1,200", "¥1,200"),
        (1050, "EUR", "€10.50", "€10.50"),
    ],
)
def test_money_is_written_as_the_script_writes_it(
    amount: int, currency: str, english: str, korean: str
) -> None:
    assert (money(amount, currency, "en"), money(amount, currency, "ko")) == (english, korean)


def test_a_person_is_shown_the_prices_of_their_language() -> None:
    offers = [offer(), offer(currency="USD", amount=400), offer(kind="one_off", name="Reading")]
    assert "5,000원" in packs(offers, "ko")
    assert "스타터" in packs(offers, "ko")
    english = packs(offers, "en")
    assert "$4.00" in english
    assert "원" not in english
    assert "Reading" not in english


def test_a_name_is_text() -> None:
    assert "<img" not in packs([offer(name="<img src=x>")], "en")


@pytest.mark.parametrize("nothing", [None, []])
def test_nothing_is_shown_where_nothing_is_known(nothing: list[Offer] | None) -> None:
    assert packs(nothing, "en") == ""


def test_the_foot_says_who_sells() -> None:
    config = {"links": {"terms": "https://shop.test/terms"}, "business": {"ceo": "홍<길동"}}
    assert footer(config, said("ko")) == (
        '<nav><a class="terms" href="https://shop.test/terms">이용약관</a></nav>대표 홍&lt;길동'
    )
    assert footer({}, said("ko")) == ""
