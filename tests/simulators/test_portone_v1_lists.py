"""The lists of both PortOne simulators, as the API schemas have them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulators.calls import call
from tests.support.portone_v2 import API_SECRET, STORE

if TYPE_CHECKING:
    from tests.support.portone import Simulated
    from tests.support.portone_v2 import SimulatedV2

DAY = 24 * 3600
UNAUTHORIZED = {"Authorization": "PortOne other"}


class TestV1:
    async def of(self, sim: Simulated, status: str, **query: object) -> Any:  # noqa: ANN401
        return await call(sim, "GET", f"/payments/status/{status}", params=query)

    async def test_by_status_and_the_time_it_came_into_it(self, sim: Simulated) -> None:
        made = {
            outcome: await sim.pay(f"ord_{outcome}-0000000", amount=5000, outcome=outcome)
            for outcome in ("paid", "failed", "abandoned")
        }
        back = await sim.pay("ord_cancelled-00000", amount=5000)
        await sim.control("POST", "clock", advance_s=100)
        await sim.control("POST", "refund", payment_key=back)
        now = sim.simulator.now()
        for status, expected in (
            ("paid", [made["paid"]]),
            ("failed", [made["failed"]]),
            ("ready", [made["abandoned"]]),
            ("cancelled", [back]),
        ):
            page = (await self.of(sim, status))["response"]
            assert [each["imp_uid"] for each in page["list"]] == expected
        recent = {"from": now - 50, "to": now}
        everything = (await self.of(sim, "all", **recent))["response"]["list"]
        assert [each["imp_uid"] for each in everything] == [back]

    async def test_pages(self, sim: Simulated) -> None:
        for number in range(5):
            await sim.pay(f"ord_number-{number}-000", amount=5000)
        given = [
            (await self.of(sim, "paid", limit=2, page=page, sorting="started"))["response"]
            for page in (1, 2, 3)
        ]
        assert [(p["total"], p["previous"], p["next"]) for p in given] == [
            (5, 0, 2),
            (5, 1, 3),
            (5, 2, 0),
        ]
        orders = [each["merchant_uid"] for page in given for each in page["list"]]
        assert orders == [f"ord_number-{number}-000" for number in range(5)]

    @pytest.mark.parametrize(
        ("status", "query"),
        [
            ("paid", {"from": 0, "to": 90 * DAY + 1}),
            ("paid", {"page": 2}),
            ("paid", {"page": 0}),
            ("paid", {"limit": 1001}),
            ("paid", {"sorting": "amount"}),
            ("paid", {"from": "yesterday"}),
            ("teleported", {}),
        ],
    )
    async def test_refuses(self, sim: Simulated, status: str, query: dict[str, Any]) -> None:
        answer = await self.of(sim, status, **query)
        assert (answer["http"], answer["code"]) == (400, -1)

    async def test_nothing_is_a_page_as_well(self, sim: Simulated) -> None:
        answer = await self.of(sim, "paid", **{"from": 0, "to": 90 * DAY})
        assert answer["response"] == {"total": 0, "previous": 0, "next": 0, "list": []}


class TestV2:
    async def ask(self, v2: SimulatedV2, page: object = None, **filters: object) -> tuple[int, Any]:
        body = {"filter": filters, **({"page": page} if page else {})}
        return await self.send(v2, json.dumps(body))

    async def send(
        self, v2: SimulatedV2, body: str, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        answer = await v2.http.get(
            f"{v2.url}/payments",
            params={"requestBody": body},
            headers=headers or {"Authorization": f"PortOne {API_SECRET}"},
        )
        return answer.status_code, answer.json()

    async def test_shows_each_payment_once_as_reading_it_does(self, v2: SimulatedV2) -> None:
        await v2.pay(outcome="failed")
        await v2.pay()
        status, answer = await self.ask(v2)
        assert (status, answer["page"]) == (200, {"number": 0, "size": 10, "totalCount": 1})
        assert answer["items"] == [(await v2.call("GET"))[1]]

    async def test_filters(self, v2: SimulatedV2) -> None:
        await v2.pay("ord_a-00000000000")
        await v2.pay("ord_b-00000000000", outcome="failed", live=True)
        key = await v2.pay("ord_c-00000000000")
        await v2.control("POST", "clock", advance_s=100)
        await v2.control("POST", "refund", payment_key=key, amount=1000)
        since = v2.simulator.payments()[2]["statusChangedAt"]
        for filters, expected in (
            ({}, "abc"),
            ({"sortOrder": "DESC", "sortBy": "STATUS_CHANGED_AT", "from": since}, "c"),
            ({"from": since, "timestampType": "CREATED_AT"}, ""),
            ({"status": ["PAID"]}, "a"),
            ({"status": ["FAILED", "PARTIAL_CANCELLED"], "storeId": STORE}, "bc"),
            ({"isTest": False}, "b"),
            ({"until": "2020-01-01T00:00:00Z"}, ""),
        ):
            _, answer = await self.ask(v2, **{"sortOrder": "ASC", **filters})
            assert [each["id"][4] for each in answer["items"]] == list(expected), filters

    async def test_pages(self, v2: SimulatedV2) -> None:
        for number in range(5):
            await v2.pay(f"ord_number-{number}-000")
        seen = []
        for number, many in ((0, 2), (1, 2), (2, 1), (3, 0)):
            page = {"number": number, "size": 2}
            _, answer = await self.ask(v2, page, sortOrder="ASC")
            assert answer["page"] == {**page, "totalCount": 5}
            assert len(answer["items"]) == many
            seen += [each["id"] for each in answer["items"]]
        assert seen == [f"ord_number-{number}-000" for number in range(5)]

    @pytest.mark.parametrize(
        "body",
        [
            "{",
            "[]",
            '{"filter": {"status": ["PAY_PENDING"]}}',
            '{"filter": {"from": "2026-01-01T00:00:00"}}',
            '{"filter": {"timestampType": "PAID_AT"}}',
            '{"page": {"number": 600, "size": 100}}',
            '{"page": {"size": 0}}',
        ],
    )
    async def test_refuses_what_has_another_form(self, v2: SimulatedV2, body: str) -> None:
        status, answer = await self.send(v2, body)
        assert (status, answer["type"]) == (400, "INVALID_REQUEST")

    async def test_of_somebody_else(self, v2: SimulatedV2) -> None:
        assert (await self.ask(v2, storeId="store-other"))[0] == 403
        assert (await self.send(v2, "{}", UNAUTHORIZED))[0] == 401
