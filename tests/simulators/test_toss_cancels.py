"""Cancels that take time, and the list of transactions, of the Toss simulator."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.toss import SimulatedToss

ORDER = "ord_0123456789ab"
DAY = timedelta(days=1)


async def shown(toss: SimulatedToss, key: str) -> tuple[str, int, list[str]]:
    payment = (await toss.call("GET", f"/{key}")).json()
    statuses = [each["cancelStatus"] for each in payment["cancels"] or []]
    return payment["status"], payment["balanceAmount"], statuses


async def settle(toss: SimulatedToss, key: str, status: str) -> int:
    body = {"payment_key": key, "status": status}
    return (await toss.http.post(f"{toss.url}/_sim/refund_status", json=body)).status_code


class TestMethodAbroad:
    @pytest.mark.parametrize(
        ("amount", "under_way", "ends"),
        [
            (
                2000,
                ("PARTIAL_CANCELED", 3000),
                {"succeeded": ("PARTIAL_CANCELED", 3000), "failed": ("DONE", 5000)},
            ),
            (
                5000,
                ("CANCELED", 0),
                {"succeeded": ("CANCELED", 0), "failed": ("DONE", 5000)},
            ),
        ],
    )
    async def test_is_canceled_with_time_or_not_at_all(
        self,
        toss: SimulatedToss,
        amount: int,
        under_way: tuple[str, int],
        ends: dict[str, tuple[str, int]],
    ) -> None:
        for number, (status, end) in enumerate(ends.items()):
            key = await toss.paid(f"ord_number{number:08}", method="FOREIGN_EASY_PAY")
            assert (await toss.cancel(key, cancelAmount=amount)).status_code == 200
            assert await shown(toss, key) == (*under_way, ["IN_PROGRESS"])
            assert await settle(toss, key, status) == 200
            decided = "DONE" if status == "succeeded" else "ABORTED"
            assert await shown(toss, key) == (*end, [decided])

    async def test_nothing_under_way_settles_nothing(self, toss: SimulatedToss) -> None:
        key = await toss.paid(ORDER)
        await toss.cancel(key, cancelAmount=1000)
        assert await settle(toss, key, "failed") == 409
        assert await shown(toss, key) == ("PARTIAL_CANCELED", 4000, ["DONE"])


class TestDepositSentBack:
    @pytest.mark.parametrize(
        ("pending", "seen"), [(False, ["COMPLETED"]), (True, ["PENDING", "FAILED"])]
    )
    async def test_says_how_the_transfer_went(
        self, toss: SimulatedToss, pending: bool, seen: list[str]
    ) -> None:
        key = await toss.paid(ORDER, outcome="awaiting_deposit")
        await toss.control("PATCH", f"payments/{key}", cancellation={"pending": pending})
        account = {"bank": "20", "accountNumber": "1000123456789", "holderName": "김토큰"}
        found = [(await toss.cancel(key, refundReceiveAccount=account)).json()]
        if pending:
            assert await settle(toss, key, "failed") == 200
            found.append((await toss.call("GET", f"/{key}")).json())
        assert [each["virtualAccount"]["refundStatus"] for each in found] == seen
        assert {each["status"] for each in found} == {"CANCELED"}

    async def test_one_that_failed_can_be_made_again_and_one_that_arrived_cannot(
        self, toss: SimulatedToss
    ) -> None:
        key = await toss.paid(ORDER, outcome="awaiting_deposit")
        await toss.control("PATCH", f"payments/{key}", cancellation={"pending": True})
        account = {"bank": "20", "accountNumber": "1000123456789", "holderName": "김토큰"}
        await toss.cancel(key, refundReceiveAccount=account)
        ends = ("failed", "failed", "succeeded", "failed")
        assert [await settle(toss, key, end) for end in ends] == [200, 200, 200, 409]
        payment = (await toss.call("GET", f"/{key}")).json()
        assert payment["virtualAccount"]["refundStatus"] == "COMPLETED"


class TestPlannedCancel:
    @pytest.mark.parametrize(("taken", "left"), [(True, 0), (False, 5000)])
    async def test_error_is_stored_under_the_key_whatever_it_did(
        self, toss: SimulatedToss, taken: bool, left: int
    ) -> None:
        key = await toss.paid(ORDER)
        planned = {"code": "FAILED_REFUND_PROCESS", "taken": taken}
        await toss.control("PATCH", f"payments/{key}", cancellation=planned)
        answers = [
            await toss.call("POST", f"/{key}/cancel", {"cancelReason": "x"}, Idempotency_Key="k")
            for _ in range(2)
        ]
        assert [each.status_code for each in answers] == [500, 500]
        assert answers[0].json() == answers[1].json()
        assert (await toss.call("GET", f"/{key}")).json()["balanceAmount"] == left


class TestTransactions:
    async def rows(self, toss: SimulatedToss, **query: Any) -> Any:  # noqa: ANN401
        today = datetime.fromtimestamp(toss.simulator.now())  # noqa: DTZ006 - only days count
        window = {"startDate": f"{today - DAY:%FT%T}", "endDate": f"{today + DAY:%FT%T}"}
        answer = await toss.http.get(
            f"{toss.url}/v1/transactions",
            params={**window, **query},
            auth=("test_sk_sandbox", ""),
        )
        return answer.json() if answer.status_code == 200 else answer.json()["code"]

    async def test_one_for_the_approval_and_for_each_cancel(self, toss: SimulatedToss) -> None:
        key = await toss.paid(ORDER)
        for _ in range(2):
            await toss.cancel(key, cancelAmount=2500)
        rows = await self.rows(toss)
        assert [(each["status"], each["amount"], each["paymentKey"]) for each in rows] == [
            ("DONE", 5000, key),
            ("PARTIAL_CANCELED", 2500, key),
            ("CANCELED", 2500, key),
        ]
        payment = (await toss.call("GET", f"/{key}")).json()
        assert rows[-1]["transactionKey"] == payment["lastTransactionKey"]
        assert len({each["transactionKey"] for each in rows}) == 3

    async def test_cancel_abroad_is_one_when_it_is_done(self, toss: SimulatedToss) -> None:
        key = await toss.paid(ORDER, method="FOREIGN_EASY_PAY")
        await toss.cancel(key)
        assert [each["status"] for each in await self.rows(toss)] == ["DONE"]
        await settle(toss, key, "succeeded")
        assert [each["status"] for each in await self.rows(toss)] == ["DONE", "CANCELED"]

    async def test_pages_go_on_after_the_last_one_seen(self, toss: SimulatedToss) -> None:
        keys = [await toss.paid(f"ord_number{number:08}") for number in range(5)]
        seen: list[str] = []
        after: dict[str, str] = {}
        while page := await self.rows(toss, limit=2, **after):
            seen += [each["paymentKey"] for each in page]
            after = {"startingAfter": page[-1]["transactionKey"]}
        assert sorted(seen) == sorted(keys)

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ({"startingAfter": "txkey_nobody"}, "INVALID_TRANSACTION_KEY"),
            ({"startDate": "yesterday"}, "INVALID_DATE"),
            ({"endDate": ""}, "INVALID_DATE"),
            ({"limit": "many"}, "INVALID_REQUEST"),
        ],
    )
    async def test_refusals(self, toss: SimulatedToss, query: dict[str, str], code: str) -> None:
        await toss.paid(ORDER)
        assert await self.rows(toss, **query) == code

    async def test_hundred_unless_asked_for_more(self, toss: SimulatedToss) -> None:
        await toss.paid(ORDER)
        template = toss.simulator.payments()[0]
        for number in range(120):
            key = f"tgen_{number:012}"
            toss.simulator.store.put("payment", key, {**template, "paymentKey": key})
        assert len(await self.rows(toss)) == 100
        assert len(await self.rows(toss, limit=9999)) == 121
