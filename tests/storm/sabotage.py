"""Rules that can be broken on purpose, to see that the storm notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.storm.world import StormStack

# What: the function, what it says, what it is made to say.
RULES: dict[str, tuple[str, str, str]] = {
    "stale": ("apply_attempt", "payment.version <> apply_attempt.version", "false"),
    "once": ("settle_tokens", "v_entries = 0 and", "true and"),
    "orders": (
        "move_orders",
        "where p.user_id = move_orders.from_user\n",
        "where p.user_id = move_orders.from_user and p.paid > 0\n",
    ),
    "audit": (
        "audit_open",
        "l.verdict in ('unread', 'unknown', 'different')",
        "l.verdict in ('unknown')",
    ),
    "periods": ("follow_cycle", "where c.id = v_cycle.id;", "where false;"),
    "twice": ("pays_again", "where o.payment_id = pays_again.payment_id", "where false"),
    "amount": ("attempt_problem", "attempt.amount <> payment.amount", "false"),
}


def break_rule(
    stack: StormStack, name: str, rules: Mapping[str, tuple[str, str, str]] = RULES
) -> None:
    function, said, says = rules[name]
    with psycopg.connect(stack.settings.database_url(), autocommit=True) as connection:
        [(source,)] = connection.execute(
            "select pg_get_functiondef(p.oid) from pg_proc p "
            "where p.pronamespace = 'coinslot'::regnamespace and p.proname = %s",
            [function],
        ).fetchall()
        if said not in source:
            message = f"{function} does not say: {said}"
            raise LookupError(message)
        connection.execute(source.replace(said, says))
