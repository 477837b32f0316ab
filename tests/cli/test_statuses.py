"""The status of a command where nobody answers: not that of one where somebody says no."""

from __future__ import annotations

import pytest

from tests.support.commands import operate_with

# Port 1 answers nobody.
NOBODY = {
    "SUPABASE_URL": "http://127.0.0.1:1",
    "SUPABASE_ANON_KEY": "sb_publishable_0123456789",
    "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_0123456789abcdef",
    "FRONTEND_URL": "http://127.0.0.1:3000",
    "COINSLOT_DATABASE_TIMEOUT": "1",
}


@pytest.mark.parametrize(
    "arguments",
    [("products", "list"), ("operators", "list"), ("reconcile", "--once")],
)
async def test_a_database_that_is_away_has_a_status_of_its_own(arguments: tuple[str, ...]) -> None:
    status, out, err = await operate_with(NOBODY, *arguments)
    assert (status, out) == (3, "")
    assert "database_unavailable" in err


async def test_so_has_one_that_migrations_are_to_be_added_to() -> None:
    address = "postgresql://postgres:postgres@127.0.0.1:1/postgres"
    status, _, err = await operate_with({}, "migrations", "add", "--database-url", address)
    assert status == 3
    assert "cannot be looked at" in err


@pytest.mark.parametrize(
    ("settings", "arguments", "expected"),
    [({}, ("reconcile",), 1), (NOBODY, ("reconcile",), 1), (NOBODY, ("doctor", "--fast"), 2)],
    ids=["settings", "refused", "option"],
)
async def test_what_is_wrong_with_the_command_has_others(
    settings: dict[str, str], arguments: tuple[str, ...], expected: int
) -> None:
    status, _, err = await operate_with(settings, *arguments)
    assert status == expected
    assert err
