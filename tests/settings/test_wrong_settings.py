"""Every setting wrong in turn: one sentence at start, which names it and quotes no secret."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from coinslot.settings.deployment import SettingsError, load_settings
from tests.settings.test_deployment import GIVEN, nothing_from_outside

__all__ = ["nothing_from_outside"]

WHOLE = {
    **GIVEN,
    "iamport_code": "imp00000000",
    "iamport_api_key": "0123456789012345",
    "iamport_api_secret": "0123456789abcdef0123456789abcdef",
    "portone_api_secret": "0123456789abcdef",
    "portone_store_id": "store-01234567",
    "portone_channel_key": "channel-key-01234567",
    "portone_webhook_secrets": "whsec_MDEyMzQ1Njc4OWFiY2RlZg==",
    "toss_client_key": "test_ck_0123456789",
    "toss_secret_key": "test_sk_0123456789",
    "stripe_secret_key": "sk_test_0123456789",
    "stripe_publishable_key": "pk_test_0123456789",
    "stripe_webhook_secret": "whsec_0123456789",
    "coinslot_forwarded_secret": "0123456789abcdef",
}
SECRETS = [name for name in WHOLE if "secret" in name or name.endswith("_key")]
SWAPPED = [
    ("supabase_anon_key", "supabase_service_role_key"),
    ("toss_client_key", "toss_secret_key"),
    ("stripe_secret_key", "stripe_publishable_key"),
    ("stripe_secret_key", "stripe_webhook_secret"),
    ("portone_store_id", "portone_channel_key"),
    ("supabase_url", "supabase_anon_key"),
]
REF, OTHER = "abcdefghijklmnopqrst", "zyxwvutsrqponmlkjihg"


def complaints(**changes: Any) -> list[str]:  # noqa: ANN401
    """The sentences, without the line above them; none where all is well."""
    given = {name: value for name, value in {**WHOLE, **changes}.items() if value is not None}
    try:
        load_settings(**given)
    except SettingsError as error:
        return [line.strip() for line in str(error).splitlines()[1:]]
    return []


def test_all_of_them_are_right() -> None:
    assert complaints() == []


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("empty", [True, False])
def test_what_is_needed_and_absent_or_empty(
    monkeypatch: pytest.MonkeyPatch, name: str, empty: bool
) -> None:
    if empty:
        monkeypatch.setenv(name.upper(), "")
    assert complaints(**{name: None}) == [f"{name.upper()} is not set"]


@pytest.mark.parametrize("name", [name for name in WHOLE if name not in GIVEN])
@pytest.mark.parametrize("end", ["\n", "\r\n", " ", "\u00a0"])
def test_line_break_or_space_at_the_end(name: str, end: str) -> None:
    said = complaints(**{name: WHOLE[name] + end})
    # Lists are separated, and a space beside a comma is none of a value's.
    if name in {"portone_webhook_secrets", "stripe_webhook_secret"}:
        assert said == []
    else:
        assert len(said) == 1
        assert said[0].startswith(name.upper())
        assert WHOLE[name] not in said[0]


@pytest.mark.parametrize("name", ["supabase_anon_key", "supabase_service_role_key"])
@pytest.mark.parametrize("end", ["\n", " ", '"'])
def test_key_with_more_than_itself(name: str, end: str) -> None:
    said = complaints(**{name: f"{end if end == chr(34) else ''}{WHOLE[name]}{end}"})
    assert [each.split()[0] for each in said] == [name.upper()]


@pytest.mark.parametrize("name", SECRETS)
def test_too_short(name: str) -> None:
    said = complaints(**{name: WHOLE[name][:5]})
    assert said
    assert all(name.upper() in each for each in said)


@pytest.mark.parametrize(("one", "other"), SWAPPED)
def test_swapped(one: str, other: str) -> None:
    said = complaints(**{one: WHOLE[other], other: WHOLE[one]})
    assert {each.split()[0] for each in said} & {one.upper(), other.upper()}
    assert not any(WHOLE[each] in " ".join(said) for each in (one, other))


def hosted(role: str, ref: str = REF, **claims: object) -> str:
    return jwt.encode({"role": role, "ref": ref, **claims}, "of a project of somebody's, 32 bytes")


@pytest.mark.parametrize(
    ("name", "role"),
    [("supabase_anon_key", "anon"), ("supabase_service_role_key", "service_role")],
)
def test_key_of_another_project_or_of_the_past(name: str, role: str) -> None:
    url = f"https://{REF}.supabase.co"
    assert complaints(supabase_url=url, **{name: hosted(role)}) == []
    assert complaints(supabase_url=url, **{name: hosted(role, OTHER)}) == [
        f"{name.upper()} is of another project than SUPABASE_URL: take both from one"
    ]
    assert complaints(**{name: hosted(role, exp=int(time.time()) - 60)}) == [
        f"{name.upper()} has expired: make a new key in your project"
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://project.supabase.co/rest/v1",
        "https://supabase.com/dashboard/project/abc",
        "postgresql://postgres@db.project.supabase.co:5432/postgres",
    ],
)
def test_another_address_of_the_project(url: str) -> None:
    said = complaints(supabase_url=url)
    assert [each.split()[0] for each in said] == ["SUPABASE_URL"]
