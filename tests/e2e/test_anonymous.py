"""An anonymous buyer signs into an account they have, with the code that the docs show."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

from tests.e2e.ai import ROOT
from tests.e2e.conftest import browser, shop

if TYPE_CHECKING:
    from tests.support.shop import Shop
    from tests.support.stacks import LocalStack

__all__ = ["browser", "shop"]

SCRIPT = ROOT / "tests/e2e/clients/anonymous.mjs"


async def test_what_was_bought_comes_along(stack: LocalStack) -> None:
    seen = await _run(stack)
    merged, *others = seen["answers"]
    assert (merged["status"], merged["tokens"], merged["balance"]) == (200, 7, 12)
    assert (seen["tokens"], seen["moved"], seen["kept"]) == (12, [seen["order"]], 0)
    assert [answer["status"] for answer in others] == [401, 401, 401]


async def test_an_anonymous_buyer_is_refused_where_that_is_set(shop: Shop) -> None:
    guest = shop.stack.sign_in_anonymously()
    with shop.stack.connect() as connection:
        connection.execute("update coinslot.settings set anonymous_purchases = false")
        try:
            answer = await shop.http.post(
                f"{shop.stack.sidecar_url}/api/payments/checkout",
                json={"packageId": "starter"},
                headers={"Authorization": f"Bearer {guest.token}"},
            )
        finally:
            connection.execute("update coinslot.settings set anonymous_purchases = true")
    assert (answer.status_code, answer.json()["code"]) == (403, "account_required")


async def _run(stack: LocalStack) -> dict[str, Any]:
    env = {"PATH": os.environ["PATH"], **stack.env}
    node = await asyncio.create_subprocess_exec(
        *("node", str(SCRIPT)),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await node.communicate()
    assert node.returncode == 0, errors.decode()
    return dict(json.loads(output))
