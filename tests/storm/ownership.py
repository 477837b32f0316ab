"""The comparison of owners: whatever was somebody's who merged is the new owner's, once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, LiteralString

from tests.storm.verdict import Offence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.storm.journal import Journal
    from tests.storm.movers import Movers
    from tests.storm.verdict import Database

_MERGED: LiteralString = (
    "select from_user::text, into_user::text, owner_user::text from coinslot.merged_wallets"
)
# Of wallets that were merged. Their own entries stay, and no later one comes.
_LEFT_BEHIND: LiteralString = """
select 'order' as what, p.order_id as id from public.token_payments p
join coinslot.merged_wallets m on m.from_user = p.user_id
union all
select 'refund', r.id::text from coinslot.refunds r
join coinslot.merged_wallets m on m.from_user = r.user_id
union all
select 'hold', h.id::text from coinslot.token_holds h
join coinslot.merged_wallets m on m.from_user = h.user_id where h.status = 'held'
union all
select l.kind, l.user_id || ' ' || l.seq from public.token_ledger l
join coinslot.merged_wallets m on m.from_user = l.user_id where l.created_at > m.created_at
union all
select 'wallet', w.user_id::text from public.token_wallets w
join coinslot.merged_wallets m on m.from_user = w.user_id
where (w.tokens, w.held, w.merged_into) is distinct from (0::bigint, 0::bigint, m.into_user)
"""
# Bonuses, money and spends of all who became one; what moved between them is nothing.
_SUMS: LiteralString = """
select o.owner::text, w.tokens, o.tokens as should_be from (
  select coalesce(m.owner_user, l.user_id) as owner, sum(l.delta) as tokens
  from public.token_ledger l left join coinslot.merged_wallets m on m.from_user = l.user_id
  where l.kind not in ('merge_in', 'merge_out') group by 1
) o
join public.token_wallets w on w.user_id = o.owner where w.tokens <> o.tokens
"""
_STRANDED: LiteralString = """
select p.order_id, p.user_id::text from coinslot.discrepancies d
join public.token_payments p using (order_id) where d.kind = 'wallet_closed'
"""
_BONUSES: LiteralString = """
select l.user_id::text from public.token_ledger l
where l.kind = 'signup_bonus' and l.user_id = any(%s::uuid[])
"""


def misplaced(database: Database, movers: Movers) -> Iterator[Offence]:
    """Everything that is not where its owner is, or that a merge made out of nothing."""
    into = _into(database)
    yield from _merges(database, movers, into)
    for row in database.rows(_LEFT_BEHIND):
        yield Offence("left behind", f"{row['what']} {row['id']}")
    for row in database.rows(_SUMS):
        kind = "lost" if row["tokens"] < row["should_be"] else "minted"
        yield Offence(kind, json.dumps(row, default=str))
    for row in database.rows(_STRANDED):
        if row["user_id"] not in {owner(into, each) for each in movers.deleted}:
            yield Offence("lost", "paid for a closed wallet that nobody left", row["order_id"])
    for row in database.rows(_BONUSES, list(movers.anonymous)):
        yield Offence("minted", f"a bonus for {row['user_id']}, who is anonymous")


def _merges(database: Database, movers: Movers, into: dict[str, str]) -> Iterator[Offence]:
    """Acknowledged: there. There: asked for. Nobody has gone two ways."""
    asked = {(each.from_user, each.into_user) for each in movers.merges}
    for each in movers.merges:
        if each.said == "done" and into.get(each.from_user) != each.into_user:
            yield Offence("merge", f"{each} is not there")
    for pair in into.items() - asked:
        yield Offence("merge", f"nobody asked for {pair}")
    for row in database.rows(_MERGED):
        if row["owner_user"] != (right := owner(into, row["from_user"])):
            yield Offence("merge", f"{row['from_user']} belongs to {right}, not {row}")


def _into(database: Database) -> dict[str, str]:
    return {row["from_user"]: row["into_user"] for row in database.rows(_MERGED)}


def owner(into: dict[str, str], user_id: str) -> str:
    while user_id in into:
        user_id = into[user_id]
    return user_id


def follow(journal: Journal, database: Database) -> None:
    """Gives what people remember to those who they have become."""
    into = _into(database)
    for bought in journal.bought:
        bought.user_id = owner(into, bought.user_id)
    journal.spent = [replace(each, user_id=owner(into, each.user_id)) for each in journal.spent]
