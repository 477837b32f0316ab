"""The comparison: gateways' money against tokens, what was acknowledged against what is there."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from tests.support.gateways import DRIVERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.storm.client import Client
    from tests.storm.journal import Journal, Spent
    from tests.storm.world import StormStack
    from tests.support.gateways.driver import Money

Row = dict[str, Any]

# `stranded` is money that buys nothing: its person was gone, or its period was paid before.
_ORDERS: LiteralString = """
select p.order_id, p.user_id::text, p.gateway, p.status, p.amount, p.currency, p.tokens,
  p.payment_key, p.paid, p.refunded + p.withdrawn as returned,
  (
    select coalesce(sum(case d.kind when 'receipt' then d.amount else -d.amount end), 0)::bigint
    from public.token_documents d where d.payment_id = p.id
  ) as documented,
  p.confirmed_at < (select s.documents_since from coinslot.settings s) as before_documents,
  exists (
    select from coinslot.payment_attempts a
    where a.payment_id = p.id and a.problem = 'wallet_closed'
  ) or coinslot.pays_again(p.id) as stranded,
  (coalesce(sum(l.delta), 0) - coinslot.covered_tokens(p.id))::bigint as booked,
  count(*) filter (where l.kind = 'purchase') as credits
from public.token_payments p left join public.token_ledger l on l.payment_id = p.id
group by p.id
"""
_SPENT: LiteralString = """
select coalesce(m.owner_user, l.user_id)::text as user_id,
  case when h.id is null then l.caller else 'service' end as caller,
  coalesce(h.idempotency_key, l.idempotency_key) as key,
  -sum(l.delta)::bigint as tokens, count(*) as entries
from public.token_ledger l left join coinslot.token_holds h on h.id = l.hold_id
left join coinslot.merged_wallets m on m.from_user = l.user_id
where l.kind = 'spend' group by 1, 2, 3
"""
_SLOTS: LiteralString = """
select c.code, u.used, u.overrun, s.taken
from coinslot.promotion_codes c
cross join lateral (
  select count(*) filter (where o.status = 'used') as used,
    count(*) filter (where o.overrun) as overrun
  from coinslot.promotion_uses o where o.code = c.code
) u
cross join lateral (
  select count(*) filter (where o.until = 'infinity') as taken
  from coinslot.promotion_slots o where o.code = c.code
) s
where u.used - u.overrun <> s.taken or s.taken > c.max_uses
"""
# Orders whose money is not that of the moves that reports add up.
_UNDATED: LiteralString = """
select p.order_id, p.paid, p.refunded, p.withdrawn, m.paid as dated
from public.token_payments p
left join lateral (
  select sum(m.paid) as paid, sum(m.refunded) as refunded, sum(m.withdrawn) as withdrawn
  from coinslot.money_moves m where m.payment_id = p.id
) m on true
where (p.paid, p.refunded, p.withdrawn) is distinct from
  (coalesce(m.paid, 0), coalesce(m.refunded, 0), coalesce(m.withdrawn, 0))
"""
_REWARDS: LiteralString = """
select r.status, p.order_id from coinslot.referrals r
left join public.token_payments p on p.id = r.payment_id
where r.status = 'rewarded' and not r.take_back and not coinslot.has_kept_money(p)
or r.status = 'pending' and exists (
  select from public.token_payments o where o.user_id = r.referred and o.confirmed_at is not null
) and not exists (select from coinslot.merged_wallets m where m.owner_user = r.referred)
"""
_SECRETS = re.compile(
    r"eyJ[\w-]{10,}\.|sk_test_|whsec_|sandbox-secret|sandbox-v2-secret|test_sk_|_secret_[A-Za-z0-9]"
)
_PERSONAL = re.compile(r"@example\.|Hong Gildong|1000123456789|562111\d{8}|김토큰|010-0000")
_UNFORESEEN = re.compile(
    r'unexpected_error|Traceback|"exception":|"status": 500\b[^{}]*"event": "request"'
)


@dataclass(frozen=True)
class Offence:
    """A sum that is wrong. `kind`: lost, doubled, minted, or the rule that was broken."""

    kind: str
    what: str
    order_id: str = ""


class Database:
    def __init__(self, stack: StormStack) -> None:
        self._url = stack.settings.database_url()

    def rows(self, query: LiteralString, *parameters: object) -> list[Row]:
        with psycopg.connect(self._url, row_factory=dict_row) as connection:
            return connection.execute(query, parameters).fetchall()

    def run(self, statement: LiteralString) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement)

    def statuses(self) -> dict[str, int]:
        """The number of orders in each state."""
        query: LiteralString = (
            "select status, count(*) from public.token_payments group by 1 order by 1"
        )
        return {row["status"]: row["count"] for row in self.rows(query)}


async def received(client: Client) -> list[Money]:
    """Every payment of all gateways that has received money at any time."""
    found = [money for driver in DRIVERS for money in await driver.all_money(client)]
    return [money for money in found if money.paid > 0]


def offences(
    database: Database, journal: Journal, money: list[Money], log: Iterable[str]
) -> list[Offence]:
    orders = {row["order_id"]: row for row in database.rows(_ORDERS)}
    return [
        *_tokens(orders, _by_order(money)),
        *_astray(database, orders, money),
        *_acknowledged(database, orders, journal),
        *_spends(database, journal),
        *_left_over(database),
        *_codes(database),
        *_rewards(database),
        *_log(log),
        *(Offence("answer", what) for what in journal.wrong),
    ]


def _tokens(orders: dict[str, Row], money: dict[str, list[Money]]) -> Iterator[Offence]:
    """Of every order: what is booked is what the one payment that counts is worth. For tokens that
    had expired before their money went back nothing is booked."""
    for order_id, row in orders.items():
        good = [m for m in money.get(order_id, []) if _fits(m, row)]
        counting = next((m for m in good if _counts(m, row)), None)
        worth = counting.tokens(row["tokens"]) if counting else 0
        what = f"{row['status']}: {row['booked']} tokens for money worth {worth}"
        if good and counting is None and not row["stranded"]:
            yield Offence("lost", f"{row['status']}: its payment is not the one at hand", order_id)
        elif row["booked"] < worth:
            yield Offence("lost", what, order_id)
        elif row["booked"] > worth:
            yield Offence("doubled" if row["credits"] > 1 else "minted", what, order_id)
        elif row["credits"] > 1:
            yield Offence("doubled", f"credited {row['credits']} times", order_id)
        elif counting and (row["paid"], row["returned"]) != (counting.paid, counting.returned):
            yield Offence("money", f"{row['paid']} - {row['returned']}, not {counting}", order_id)
        elif not row["before_documents"] and row["documented"] != (
            counting.left if counting else 0
        ):
            yield Offence("money", f"documents of {row['documented']}, not {counting}", order_id)


def _by_order(money: Iterable[Money]) -> dict[str, list[Money]]:
    found: dict[str, list[Money]] = defaultdict(list)
    for each in money:
        found[each.order_id].append(each)
    return found


def _fits(money: Money, row: Row) -> bool:
    return (money.paid, money.currency) == (row["amount"], row["currency"])


def _counts(money: Money, row: Row) -> bool:
    """True of the one payment of an order that buys its tokens."""
    bought = bool(row["credits"]) or not row["stranded"]
    return bought and row["payment_key"] == money.key and _fits(money, row)


def _astray(database: Database, orders: dict[str, Row], money: list[Money]) -> Iterator[Offence]:
    """Money that buys nothing is shown to a person, as long as it is there."""
    shown = {
        row["payment_key"]
        for row in database.rows(
            "select payment_key from coinslot.discrepancies where resolved_at is null"
        )
    }
    for each in money:
        row = orders.get(each.order_id)
        counts = row is not None and _counts(each, row)
        if each.left > 0 and not counts and each.key not in shown:
            yield Offence("lost", f"nobody is told of {each}", each.order_id)


def _acknowledged(
    database: Database, orders: dict[str, Row], journal: Journal
) -> Iterator[Offence]:
    for bought in journal.bought:
        row = orders.get(bought.order_id)
        if bought.order_id and (row is None or row["user_id"] != bought.user_id):
            yield Offence("acknowledged", "the order is not there", bought.order_id)
        elif bought.acknowledged and row and row["tokens"] and not row["credits"]:
            yield Offence("acknowledged", "called bought, and never credited", bought.order_id)
    refunds = {str(row["id"]): row for row in database.rows("select * from coinslot.refunds")}
    for refund in journal.refunded:
        row = refunds.get(refund.refund_id)
        if row is None:
            yield Offence("acknowledged", "the refund is not there", refund.order_id)
        elif refund.status == "succeeded" != row["status"] and row["failure_code"] != "undone":
            yield Offence("acknowledged", f"refund {row['status']}", refund.order_id)


def _spends(database: Database, journal: Journal) -> Iterator[Offence]:
    """Acknowledged: taken once. Refused: never. Everything that was taken had been asked for."""
    taken = {(r["user_id"], r["caller"], r["key"]): r for r in database.rows(_SPENT)}
    asked: dict[tuple[str, str, str], Spent] = {
        (each.user_id, each.caller, each.key): each for each in journal.spent
    }
    for key, spent in asked.items():
        row = taken.get(key)
        if spent.said == "done" and row is None:
            yield Offence("spend", f"{spent} is not in the ledger")
        elif spent.said == "refused" and row is not None:
            yield Offence("spend", f"{spent} is in the ledger")
        elif row is not None and (row["tokens"], row["entries"]) != (spent.tokens, 1):
            yield Offence("spend", f"{spent} took {row['tokens']} in {row['entries']} entries")
    for key in taken.keys() - asked.keys():
        yield Offence("spend", f"nobody asked for {key}")


def _left_over(database: Database) -> Iterator[Offence]:
    for row in database.rows("select * from public.coinslot_verify_ledger()"):
        yield Offence("ledger", json.dumps(row, default=str))
    for row in database.rows(_UNDATED):
        yield Offence("report", json.dumps(row, default=str), row["order_id"])
    for row in database.rows("select * from coinslot.refunds where finished_at is null"):
        yield Offence("refund", json.dumps(row, default=str), row["order_id"])
    for row in database.rows(
        "select id, gateway, event_type, order_id, payment_key, outcome, detail, attempts "
        "from coinslot.webhooks where next_attempt_at is not null"
    ):
        yield Offence("webhook", json.dumps(row), row["order_id"])
    for row in database.rows(
        "select refund_id from coinslot.token_holds where refund_id is not null and status = 'held'"
    ):
        yield Offence("hold", f"tokens of refund {row['refund_id']} are still held")
    for row in database.rows(
        "select user_id, count(*) from public.token_ledger "
        "where kind = 'signup_bonus' group by user_id having count(*) > 1"
    ):
        yield Offence("minted", f"bonus of {row['user_id']} given {row['count']} times")


def _codes(database: Database) -> Iterator[Offence]:
    """Each use of a code is taken once, and what is beyond them is known as that."""
    for row in database.rows(_SLOTS):
        yield Offence("code", json.dumps(row, default=str))


def _rewards(database: Database) -> Iterator[Offence]:
    """Rewards for money that is gone, and first money that nobody has noticed."""
    for row in database.rows(_REWARDS):
        yield Offence("reward", json.dumps(row, default=str))


def _log(lines: Iterable[str]) -> Iterator[Offence]:
    """Each kind of line once: nothing unforeseen, no secret, nothing personal."""
    found: Counter[tuple[str, str]] = Counter()
    for line in lines:
        for kind, pattern in (
            ("log", _UNFORESEEN),
            ("secret in log", _SECRETS),
            ("personal data in log", _PERSONAL),
        ):
            if pattern.search(line):
                found[kind, re.sub(r"[0-9a-f]{8}-[-0-9a-f]{27}|\d+", "#", line)[:3000]] += 1
    for (kind, line), times in found.most_common(20):
        yield Offence(kind, f"{times} times: {line}")
