"""Numbers of receipts: without gaps, whoever pays at once, and whatever is rolled back."""

from __future__ import annotations

import threading

from tests.database.people import Bank, gateway_says, receipts

_SERIALS = "select serial from token_documents where kind = %s order by serial"


def _serials(bank: Bank, kind: str) -> list[int]:
    return [row["serial"] for row in bank.rows(_SERIALS, kind)]


def test_forty_people_who_pay_at_once_are_numbered_without_a_gap(bank: Bank) -> None:
    orders = [bank.order(bank.user()) for _ in range(40)]
    receipts(bank.together([gateway_says(order, 1, paid=5000) for order in orders]))
    assert _serials(bank, "receipt")[-1] == len(_serials(bank, "receipt"))
    back = [gateway_says(order, 2, paid=5000, refunded=5000) for order in orders]
    receipts(bank.together(back))
    assert _serials(bank, "credit_note") == list(range(1, len(_serials(bank, "credit_note")) + 1))
    assert not bank.audit()


def test_what_is_rolled_back_takes_no_number(bank: Bank) -> None:
    before = len(_serials(bank, "receipt"))
    order_id = bank.order(bank.user())
    with bank.connect() as connection, connection.transaction(force_rollback=True):
        gateway_says(order_id, 1, paid=5000).inside(connection)
        connection.execute("reset role")
        connection.execute("set constraints all immediate")
        [row] = connection.execute(_SERIALS, ["receipt"]).fetchall()[-1:]
        assert row["serial"] == before + 1
    bank.ask(gateway_says(order_id, 1, paid=5000))
    assert _serials(bank, "receipt") == list(range(1, before + 2))


def test_nobody_is_waited_for_by_other_buyers(bank: Bank) -> None:
    """The counter is locked last, when all else is done."""
    slow, quick = (bank.order(bank.user()) for _ in range(2))
    done = threading.Event()

    def pay() -> None:
        bank.ask(gateway_says(quick, 1, paid=5000))
        done.set()

    with bank.connect() as connection, connection.transaction():
        gateway_says(slow, 1, paid=5000).inside(connection)
        other = threading.Thread(target=pay)
        other.start()
        assert done.wait(20), "it waits for a transaction that has not committed"
        other.join()
    assert not bank.audit()
