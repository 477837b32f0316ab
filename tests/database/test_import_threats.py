"""The threats of accounts by importing the balances of an app, one by one."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from tests.database.accounts import (
    as_user,
    books,
    confirm,
    imported,
    members,
    signed_up,
)
from tests.database.people import (
    Bank,
    merge,
)

__all__ = ["books"]

_IMPORT = "select * from coinslot.import_balances('{}', 'id', 'tokens')"


def test_import_by_a_user(bank: Bank) -> None:
    attacker = bank.user()
    table = members(bank, {attacker: 1000})
    for statement in (
        _IMPORT.format(table),
        "insert into coinslot.imported_balances select auth.uid()",
        "select coinslot.prepare_restore()",
        "select coinslot.adopt_users()",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_user(bank, attacker, statement)
    assert bank.wallet(attacker) == (0, 0)


def test_import_for_a_second_bonus(bank: Bank) -> None:
    """An old balance of 0 and an address that is confirmed later, or in another account."""
    email = f"{uuid4()}@example.com"
    thief = bank.user()
    imported(bank, {thief: 0})
    confirm(bank, thief, email)
    assert bank.wallet(thief) == (0, 0)
    bank.change("delete from auth.users where id = %s", thief)
    assert bank.wallet(signed_up(bank, email=email)) == (0, 0)


def test_import_and_merge_for_a_second_bonus(bank: Bank) -> None:
    """The bonus is in the old balance, and taken off once, whoever has it by then."""
    thief, account = signed_up(bank), signed_up(bank)
    imported(bank, {thief: 20, account: 7})
    assert (bank.wallet(thief), bank.wallet(account)) == ((20, 0), (7, 0))
    bank.ask(merge(thief, account, f"{thief}"))
    assert bank.wallet(account) == (27, 0)


def test_import_of_a_balance_that_was_merged_away(bank: Bank) -> None:
    """It is named as what is in the way: somebody decides whose it is."""
    thief, account = bank.user(), bank.user()
    bank.ask(merge(thief, account, f"{thief}"))
    table = members(bank, {thief: 30})
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="merged into"):
        bank.rows(_IMPORT.format(table))
    assert bank.wallet(account) == (0, 0)
    assert bank.wallet(thief) == (0, 0)
