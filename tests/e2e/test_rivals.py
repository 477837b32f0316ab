"""An app's function under one of Coinslot's names: the check says what PostgREST makes of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.support.servers import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.shop import Shop

# The app's arguments, and whether calls by our names find two functions.
RIVALS = {
    "feature text": False,
    "feature text, idempotency_key text, units integer": False,
    "text, text": False,
    "feature text, idempotency_key text": True,
    "idempotency_key text, feature text, metadata text default ''": True,
    "feature text default '', idempotency_key text default '', note text default ''": True,
}


@contextmanager
def functions_of_the_app(shop: Shop, *arguments: str) -> Iterator[None]:
    """They are `use_feature`, and PostgREST is told of them, and of their end."""
    with shop.stack.connect() as connection:
        for each in arguments:
            body = "language sql return 'the app''s'"
            statement = f"create function public.use_feature({each}) returns text {body}"
            connection.execute(statement.encode())
        connection.execute("notify pgrst, 'reload schema'")
        try:
            yield
        finally:
            for each in arguments:
                types = ", ".join(one.split(" default ")[0].split()[-1] for one in each.split(", "))
                connection.execute(f"drop function public.use_feature({types})".encode())
            connection.execute("notify pgrst, 'reload schema'")


async def _status(shop: Shop, key: str) -> int:
    answer = await shop.http.post(
        f"{shop.stack.api_url}/rest/v1/rpc/use_feature",
        headers=shop.stack.headers(shop.buyer),
        json={"feature": "question", "idempotency_key": key},
    )
    return answer.status_code


@pytest.mark.parametrize("arguments", RIVALS)
async def test_a_rival_is_what_postgrest_cannot_tell_from_ours(shop: Shop, arguments: str) -> None:
    """PostgREST knows of it once it knows of a second one, which is nobody's rival. That has a name
    of its own each time: PostgREST reads while it answers, and may know yet what is gone."""
    seen = f"seen_{uuid4().hex[:8]}"
    with functions_of_the_app(shop, arguments, f"{seen} integer"):
        await until(lambda: _is_seen(shop, seen))
        status = await _status(shop, arguments)
        found = shop.select(
            "select c.subject from coinslot.check_installation(true) c where c.code = %s",
            "function_rival",
        )
    assert (status == 300, len(found)) == (RIVALS[arguments], int(RIVALS[arguments]))
    await until(lambda: _is_back(shop))


async def _is_seen(shop: Shop, argument: str) -> bool:
    answer = await shop.http.post(
        f"{shop.stack.api_url}/rest/v1/rpc/use_feature",
        headers=shop.stack.headers(shop.buyer),
        json={argument: 1},
    )
    return answer.status_code == 200


async def _is_back(shop: Shop) -> bool:
    return await _status(shop, "after") == 200
