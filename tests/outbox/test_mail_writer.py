"""Mail as it is written: whole in both languages, sound in its headers, safe from what is in it."""

from __future__ import annotations

import email
from email.policy import default
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.outbox.mail_writer import LANGUAGES, OURS, MailWriter, money, shown_time
from coinslot.settings.deployment import Settings, SettingsError
from tests.outbox.mail_jobs import KINDS, OPTIONAL, SHOWN, TOKEN, job
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC = "https://pay.example.com"
ODD = "<b>Kim</b>\r\nBcc: all@example.com 😀 \u202egnp.exe | > x | javascript:alert(1)"


def mail_settings(**changes: Any) -> Settings:  # noqa: ANN401 - any field
    given = {
        "coinslot_smtp_host": "127.0.0.1",
        "coinslot_smtp_tls": "none",
        "coinslot_smtp_sender_email": "hello@example.com",
        "coinslot_smtp_sender_name": "코인슬롯",
        "coinslot_public_url": PUBLIC,
    }
    return settings(**{**given, **changes})


def read_again(message: Any) -> Any:  # noqa: ANN401 - email's
    return email.message_from_bytes(message.as_bytes(), policy=default)


def texts(kind: str, language: str, **changes: Any) -> tuple[str, str, str]:  # noqa: ANN401
    """Its subject, its text and its HTML, as a mailbox reads them."""
    message = read_again(MailWriter(mail_settings()).write(job(kind, language, **changes)))
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    return message["Subject"], plain.get_content(), html.get_content()


def test_every_kind_has_a_text_in_every_language() -> None:
    there = {each.name for each in OURS.glob("*.*.txt")}
    assert there == {f"{kind}.{language}.txt" for kind in KINDS for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_is_whole_in_both_forms(kind: str, language: str) -> None:
    subject, plain, html = texts(kind, language)
    assert subject
    assert subject in plain
    assert f'lang="{language}"' in html
    for each in (plain, html):
        assert "{{" not in each
        assert "None" not in each
    has_korean = any("가" <= letter <= "힣" for letter in subject)
    assert has_korean == (language == "ko" or "토큰" in subject)
    assert "http://" not in html.replace("http://shop.test:3000", "")
    assert len(html) < 20_000


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_no_receipt_can_be_stopped_by_one_click(kind: str) -> None:
    message = MailWriter(mail_settings()).write(job(kind))
    head = message.as_bytes().partition(b"\r\n\r\n")[0]
    assert (message["List-Unsubscribe"] is not None) == (kind in OPTIONAL)
    if kind in OPTIONAL:
        assert message["List-Unsubscribe"] == f"<{PUBLIC}/mail/stop/{TOKEN}>"
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for line in head.split(b"\r\n"):
        if line.startswith((b"List-", b"Message-ID")):
            assert b"=?" not in line


def test_message_id_is_the_same_on_each_try() -> None:
    writer = MailWriter(mail_settings())
    first, second = (writer.write(job("receipt", attempt=attempt)) for attempt in (1, 2))
    assert first["Message-ID"] == second["Message-ID"] == "<mail.41@example.com>"
    assert first["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_others_are_no_markup_no_header_and_no_button(language: str) -> None:
    card = {"brand": ODD, "last_four": "4242", "approval": ODD}
    named = {"name": ODD, "name_ko": ODD, "card": card}
    payment = {**job("receipt").payment, **named}  # type: ignore[dict-item]
    subject, plain, html = texts("receipt", language, payment=payment, business={"name": ODD})
    message = MailWriter(mail_settings(coinslot_smtp_sender_name="")).write(
        job("receipt", language, payment=payment, business={"name": ODD})
    )
    again = read_again(message)
    assert again["Bcc"] is None
    assert len(again["From"].addresses) == 1
    assert "\n" not in subject
    assert "<b>" not in html
    assert 'href="javascript' not in html
    assert "\u202e" not in subject + plain + html


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("card", "shown", "absent"),
    [
        ({"brand": "현대", "last_four": "43**", "approval": "00123456"},
         ["현대 •••• 43**", "00123456"], []),
        ({"brand": "Visa", "last_four": "4242"}, ["Visa •••• 4242"], ["Approval", "승인번호"]),
        ({"approval": "00123456"}, ["00123456"], ["••••", "Card", "결제 카드"]),
        (None, [], ["••••", "Card", "결제 카드", "Approval", "승인번호"]),
    ],
)  # fmt: skip
def test_a_receipt_names_the_card_as_far_as_it_is_known(
    language: str, card: dict[str, str] | None, shown: list[str], absent: list[str]
) -> None:
    payment = {**job("receipt").payment, "card": card}  # type: ignore[dict-item]
    _, plain, html = texts("receipt", language, payment=payment)
    for form in (plain, html):
        assert [each for each in shown if each not in form] == []
        assert [each for each in absent if each in form] == []


def test_a_receipt_of_a_database_that_tells_no_card_is_written() -> None:
    payment = {**job("receipt").payment}  # type: ignore[dict-item]
    del payment["card"]
    assert "••••" not in texts("receipt", "ko", payment=payment)[1]


def test_language_is_the_profiles_else_that_of_the_money() -> None:
    def first(locale: str | None, currency: str) -> str:
        found = {**job("receipt").payment, "currency": currency}  # type: ignore[dict-item]
        return texts("receipt", locale, payment=found)[0]  # type: ignore[arg-type]

    assert "결제" in first("ko-KR", "USD")
    assert "payment" in first("fr", "KRW")
    assert "결제" in first(None, "KRW")
    assert "payment" in first(None, "USD")


def test_language_of_a_subscription_is_that_of_its_money() -> None:
    data = {**job("subscription_ended").data, "currency": "USD"}
    assert "ended" in texts("subscription_ended", None, data=data)[0]  # type: ignore[arg-type]
    assert "종료" in texts("subscription_ended", None)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("named", [SHOWN, {**SHOWN, "brand": None, "last_four": None}])
def test_a_renewal_names_price_and_card_and_how_to_cancel(
    language: str, named: dict[str, str | None]
) -> None:
    subject, plain, _ = texts("subscription_renewal", language, shown=named)
    assert {"ko": "플러스", "en": "Plus"}[language] in subject
    assert {"ko": "9,900원", "en": "₩9,900"}[language] in plain
    assert ("현대 1234" in plain) == (named is SHOWN)
    assert {"ko": "해지", "en": "cancel"}[language] in plain
    assert "http://shop.test:3000" in plain


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_end_of_a_trial_says_what_is_charged_and_what_to_do(language: str) -> None:
    given = job("subscription_trial").data
    for agreed, asked in [
        (False, {"ko": "동의해 주세요", "en": "open your plan and agree"}),
        (True, {"ko": "언제든 해지", "en": "cancel at any time"}),
    ]:
        plain = texts("subscription_trial", language, data={**given, "agreed": agreed})[1]
        assert asked[language] in plain
        assert {"ko": "9,900원", "en": "₩9,900"}[language] in plain
        assert {"ko": "2027년 1월 1일", "en": "1 January 2027"}[language] in plain
    ended = {**job("subscription_ended").data, "reason": "trial_over"}
    plain = texts("subscription_ended", language, data=ended)[1]
    assert {"ko": "무료 이용 기간이 끝났고", "en": "trial is over"}[language] in plain


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_price_says_before_and_after_and_what_comes_of_a_no(language: str) -> None:
    given = job("subscription_price").data
    for ends, told in [
        (True, {"ko": "구독이 종료", "en": "plan ends that day"}),
        (False, {"ko": "그대로 유지", "en": "price stays"}),
    ]:
        plain = texts("subscription_price", language, data={**given, "ends": ends})[1]
        for each in (told, {"ko": "9,900원", "en": "₩9,900"}, {"ko": "11,900원", "en": "₩11,900"}):
            assert each[language] in plain
    ended = {**job("subscription_ended").data, "reason": "price_not_agreed"}
    plain = texts("subscription_ended", language, data=ended)[1]
    assert {"ko": "동의하지 않으셔서", "en": "did not agree"}[language] in plain


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_decline_says_what_to_do(language: str) -> None:
    given = job("subscription_failed").data
    asked = [
        {**given, "class": name, "retry_at": again}
        for name, again in [
            ("soft", given["retry_at"]),
            ("soft", None),
            ("hard", None),
            ("authentication", None),
        ]
    ]
    found = [texts("subscription_failed", language, data=each)[1] for each in asked]
    assert len({each.splitlines()[2] for each in found}) == len(asked)
    ends = {"ko": "2026년 12월 9일 10:00", "en": "9 December 2026, 01:00 UTC"}[language]
    assert all(ends in each and "http://shop.test:3000" in each for each in found)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "reason",
    [
        *("declined", "authentication", "no_method", "price_changed", "money_back"),
        *("money_in_review", "not_allowed"),
    ],
)
def test_a_suspended_top_up_says_why(language: str, reason: str) -> None:
    data = {**job("top_up_suspended").data, "reason": reason}
    plain = texts("top_up_suspended", language, data=data)[1]
    others = texts("top_up_suspended", language, data={**data, "reason": "another"})[1]
    assert (plain == others) == (reason == "not_allowed")


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_a_plan_and_a_card_are_no_markup_and_no_button(language: str) -> None:
    shown = {"name": ODD, "name_ko": ODD, "brand": ODD, "last_four": "1234"}
    subject, plain, html = texts("subscription_renewal", language, shown=shown)
    assert "\n" not in subject
    assert "<b>" not in html
    assert 'href="javascript' not in html
    assert "\u202e" not in subject + plain + html


def test_an_apps_texts_and_look_stand_for_ours(tmp_path: Path) -> None:
    (tmp_path / "receipt.ko.txt").write_text("영수증\n---\n{{ product }} 고마워요", "utf-8")
    (tmp_path / "layout.html").write_text("<p>{{ lines[0].text }}</p>", "utf-8")
    message = MailWriter(mail_settings(coinslot_mail_templates=tmp_path)).write(job("receipt"))
    again = read_again(message)
    assert again["Subject"] == "영수증"
    assert again.get_body(("html",)).get_content().strip() == "<p>토큰 30개 고마워요</p>"


@pytest.mark.parametrize(
    ("amount", "currency", "language", "shown"),
    [
        (12000, "KRW", "ko", "12,000원"),
        (12000, "KRW", "en", "₩12,000"),
        (1999, "USD", "ko", "$19.99"),
        (1999, "SEK", "en", "19.99 SEK"),
        (9007199254740991, "KRW", "ko", "9,007,199,254,740,991원"),
    ],
)
def test_money(amount: int, currency: str, language: str, shown: str) -> None:
    assert money(amount, currency, language) == shown


def test_times_are_of_the_readers_country() -> None:
    assert shown_time("2026-12-01T15:00:00+00:00", "ko") == "2026년 12월 2일 00:00"
    assert shown_time("2026-12-01T15:00:00+00:00", "en") == "1 December 2026, 15:00 UTC"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"coinslot_smtp_sender_email": None}, "COINSLOT_SMTP_SENDER_EMAIL is not set"),
        ({"coinslot_smtp_sender_email": "A <a@b.c>"}, "COINSLOT_SMTP_SENDER_EMAIL is an address"),
        ({"coinslot_public_url": None}, "COINSLOT_PUBLIC_URL is not set"),
        (
            {"coinslot_public_url": f"https://{'a' * 40}.example.com"},
            "COINSLOT_PUBLIC_URL has more",
        ),
        ({"coinslot_smtp_user": "resend"}, "COINSLOT_SMTP_USER and COINSLOT_SMTP_PASS"),
    ],
)
def test_settings_that_cannot_be_mailed_with(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        mail_settings(**changes)


def test_the_longest_address_of_ours_that_fits_a_header() -> None:
    most = "https://" + "a" * 23 + ".example"
    found = MailWriter(mail_settings(coinslot_public_url=most)).write(job("tokens_low"))
    assert b"=?" not in b"".join(
        line for line in found.as_bytes().split(b"\r\n") if line.startswith(b"List-")
    )
