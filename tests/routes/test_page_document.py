"""A receipt as a page: escaped, whole, in both languages, and for its owner alone."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from html import unescape
from typing import TYPE_CHECKING

import pytest

from coinslot.database.shop_records import Document
from coinslot.routes.page_document import NUMBER, policy, rendered

if TYPE_CHECKING:
    import httpx

NUMBERED = "R2026-000123"


def document(**changes: object) -> Document:
    row = {
        "number": NUMBERED,
        "kind": "receipt",
        "live": True,
        "order_id": "ord_0123456789ab",
        "cause": "payment",
        "corrects": None,
        "name": "Starter Pack",
        "name_ko": "스타터 팩",
        "quantity": 1,
        "tokens": 10,
        "list_amount": None,
        "amount": 5000,
        "currency": "KRW",
        "vat": 455,
        "tax_free": 0,
        "gateway_name": "Example Pay",
        "method": "card",
        "card": {"brand": "신한", "last_four": "008*", "approval": "00012345"},
        "seller": {"name": "Moon", "registration": "123-45-67891"},
        "time_zone": "Asia/Seoul",
        "paid_on": "2026-01-01 00:29",
        "issued_on": "2026-01-01 00:30",
    }
    return Document.model_validate({**row, **changes})


def text_of(page: str) -> str:
    body = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_a_card_is_shown_as_far_as_it_is_told() -> None:
    english, korean = (text_of(rendered(document(), language)) for language in ("en", "ko"))
    assert "Card 신한 •••• 008*" in english
    assert "Approval number 00012345" in english
    assert "승인번호 00012345" in korean
    assert "Approval" not in text_of(rendered(document(card={"brand": "visa"}), "en"))
    bare = text_of(rendered(document(card={}), "en"))
    assert "••••" not in bare
    assert "Approval" not in bare


def test_it_says_what_was_sold_by_whom_and_how_it_is_taxed() -> None:
    english, korean = (text_of(rendered(document(), language)) for language in ("en", "ko"))
    for shown in ("Receipt", NUMBERED, "Starter Pack", "Value of supply ₩4,545", "VAT ₩455"):
        assert shown in english
    for shown in ("영수증", NUMBERED, "스타터 팩", "공급가액 4,545원", "부가세 455원", "5,000원"):
        assert shown in korean
    assert "사업자등록번호 123-45-67891" in korean
    assert "면세" not in korean


def test_the_seller_is_named_in_the_language_of_the_page() -> None:
    seller = {"name": "달", "address": "서울", "name_en": "Moon Inc.", "ceo": "홍길동"}
    english, korean = (text_of(rendered(document(seller=seller), each)) for each in ("en", "ko"))
    assert "Moon Inc." in english
    assert "달" not in english
    assert "서울" in english, "what has no English form stands as it is"
    assert "달" in korean
    assert "Moon" not in korean


def test_what_is_free_of_tax_has_a_line() -> None:
    assert "면세 1,000원" in text_of(rendered(document(vat=364, tax_free=1000), "ko"))


def test_nothing_is_said_of_taxes_that_nobody_knows() -> None:
    page = text_of(rendered(document(vat=None, tax_free=None), "en"))
    assert "VAT" not in page
    assert "Total paid ₩5,000" in page


@pytest.mark.parametrize("cause", ["refund", "dispute", "undone"])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_credit_note_names_its_receipt_and_its_cause(cause: str, language: str) -> None:
    note = document(number="C2026-000001", kind="credit_note", cause=cause, corrects=NUMBERED)
    page = text_of(rendered(note, language))
    assert NUMBERED in page
    assert {"en": "Total refunded", "ko": "환불 금액"}[language] in page


def test_money_that_came_again_names_its_receipt() -> None:
    page = text_of(rendered(document(cause="restored", corrects="R2026-000001"), "en"))
    assert "Payment received again" in page


def test_a_test_payment_is_marked() -> None:
    assert "TEST" not in rendered(document(), "ko")
    assert "TEST" in text_of(rendered(document(live=False), "ko"))


def test_a_seller_without_details_is_not_there() -> None:
    page = rendered(document(seller={}), "en")
    assert "Seller" not in page
    assert "None" not in text_of(page)


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "</style><b>",
    "مرحبا \u202e<b>evil</b>",
    "👩‍👩‍👧‍👦 & 문",
    "a\nb\x0bc",
    "x" * 300,
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_texts_of_others_are_texts(text: str, language: str) -> None:
    card = {"brand": text, "last_four": "008*", "approval": text}
    given = {"name": text, "name_ko": text, "method": text, "gateway_name": text, "card": card}
    page = rendered(document(**given, seller={"name": text, "address": text}), language)
    tags = re.findall(r"<(/?\w+)", page)
    assert tags == re.findall(
        r"<(/?\w+)",
        rendered(document(method="x", seller={"name": "x", "address": "x"}), language),
    )
    assert " ".join(text.split()) in text_of(page)
    assert page.count("<bdi>") == 6


def test_its_policy_lets_its_own_style_and_script_run_and_nothing_else() -> None:
    page = rendered(document(), "en")
    parts = [re.search(f"<{tag}>(.*?)</{tag}>", page, re.S) for tag in ("style", "script")]
    for found in parts:
        assert found
        digest = hashlib.sha256(found[1].encode()).digest()
        assert f"'sha256-{base64.b64encode(digest).decode()}'" in policy()
    assert "unsafe" not in policy()
    assert policy().startswith("default-src 'none'")
    assert not re.search(r"\s(?:style|on\w+|src|href)=", page)


def test_it_is_rendered_at_once() -> None:
    rendered(document(), "ko")
    began = time.perf_counter()
    for _ in range(10):
        rendered(document(), "ko")
    assert (time.perf_counter() - began) / 10 < 0.1


@pytest.mark.parametrize("number", ["R2026-000123", "C2026-1234567", "TEST-R2026-000001"])
def test_a_number_is_one(number: str) -> None:
    assert NUMBER.fullmatch(number)


@pytest.mark.parametrize("number", ["X2026-000123", "R2026-1", "r2026-000123", "R2026-000123 "])
async def test_what_is_none_is_not_asked_for(alone: httpx.AsyncClient, number: str) -> None:
    answer = await alone.get(f"/documents/{number}", headers={"Authorization": "Bearer a.b.c"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_nobody_sees_one_without_a_jwt(alone: httpx.AsyncClient) -> None:
    path = f"/documents/{NUMBERED}"
    answers = [
        await alone.get(path),
        await alone.get(f"{path}?access_token=a.b.c"),
        await alone.post(path),
        await alone.post(path, data={"access_token": "a b"}),
        await alone.post(path, data={"access_token": "a\r\nX: y"}),
        await alone.post(path, json={"access_token": "a.b.c"}),
        await alone.post(path, files={"access_token": b"a.b.c"}),
    ]
    assert [answer.status_code for answer in answers[:-1]] == [401] * 6
    assert answers[-1].status_code in {401, 503}, "a form of another kind is one, too"


async def test_the_answer_is_kept_nowhere(alone: httpx.AsyncClient) -> None:
    answer = await alone.post(f"/documents/{NUMBERED}", data={"access_token": "a.b.c"})
    assert answer.status_code == 503, "the database is away"
    assert answer.headers["cache-control"] == "no-store"
