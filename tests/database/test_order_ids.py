"""Order ids after an upgrade: servers of the release before meet none that they do not take."""

from __future__ import annotations

import json
import re
from uuid import UUID

import psycopg

from coinslot.order_ids import ORDER_ID
from tests.database.test_install import MIGRATIONS
from tests.support.clusters import Cluster

_TOPIC = "coinslot_methods.sql"
_OLDER = re.compile(r"ord_[0-9a-f]{32}")


def _ordered(connection: psycopg.Connection, user: UUID) -> str:
    """An order as a server of the release before makes it: without a way to pay."""
    with connection.transaction():
        connection.execute("set local role authenticated")
        connection.execute(
            "select set_config('request.jwt.claims', %s, true)",
            [json.dumps({"sub": str(user), "role": "authenticated"})],
        )
        made = connection.execute(
            "select order_id, method from create_token_order(product_id => 'starter', "
            "gateway => 'portone', currency => 'KRW', idempotency_key => null)"
        ).fetchone()
    assert made is not None
    assert made[1] is None
    return str(made[0])


def test_a_database_that_was_in_use_keeps_the_older_form(cluster: Cluster) -> None:
    number = next(n for n, file in enumerate(MIGRATIONS) if file.name.endswith(_TOPIC))
    with cluster.unmigrated() as name, psycopg.connect(cluster.url(name), autocommit=True) as old:
        for file in MIGRATIONS[:number]:
            old.execute(file.read_bytes())
        person = old.execute(
            "insert into auth.users (id, email, email_confirmed_at, created_at) "
            "values (gen_random_uuid(), 'mina@example.com', now(), now()) returning id"
        ).fetchone()
        assert person is not None
        before = _ordered(old, person[0])
        for file in MIGRATIONS[number:]:
            old.execute(file.read_bytes())
        after = _ordered(old, person[0])
        assert all(_OLDER.fullmatch(each) and ORDER_ID.fullmatch(each) for each in (before, after))
        old.execute("update coinslot.settings set plain_order_ids = true")
        assert re.fullmatch(r"[a-z0-9]{35}", _ordered(old, person[0]))
