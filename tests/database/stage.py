"""A stage on which two calls of the API meet, and a third party watches them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg

from tests.database.actions import ACTIONS, Step, World
from tests.database.lot_statements import EXPIRE_LOT, FOLD
from tests.database.people import (
    EXPIRE_HOLD,
    VOID,
    Answer,
    Bank,
    Call,
    Connection,
    Refusal,
    ask_refund,
    gateway_says,
    grant,
    hint,
    hold,
    refusal,
    spend_for,
)
from tests.database.waiting import LIMIT_S, done_or_blocked

DYING = 6
"""Tokens of a lot that has ended, of which the open hold of 4 may use as many, and no more."""

LOCKS = {
    "wallet": "select from token_wallets where user_id = %s for update",
    "payments": "select from token_payments where user_id = %s for update",
    "holds": "select from coinslot.token_holds where user_id = %s for update",
}

End = tuple[object, ...]
"""The answers of the calls, in the order of the names, and the state they left."""


class Stage:
    """Two callers and somebody who watches them, over connections that stay open."""

    actions: Mapping[str, Callable[[Any], Step]] = ACTIONS

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._one, self._two, self._third, self._watcher = (bank.connect() for _ in range(4))
        self._turns: dict[tuple[bool, tuple[str, ...]], End] = {}
        self._is_due = False
        self._is_invited = False
        for statement in _RULES:
            bank.change(statement)

    def close(self) -> None:
        for connection in (self._one, self._two, self._third, self._watcher):
            connection.close()

    def in_turn(self, *names: str) -> End:
        """The end of a world in which these calls came one after the other."""
        return self._turns[self._is_due, names]

    def enter(self, first: str, second: str, *, otherwise: bool = False) -> None:
        """A world in which a lot has ended and a refill is due, and nobody has used the wallet yet,
        for every other pair; or for the others. With the maintenance, one who was invited."""
        places = [list(self.actions).index(name) for name in (first, second)]
        self._is_due = (sum(places) % 4 < 2) != otherwise
        self._is_invited = "maintain" in {first, second}

    def _see_turns(self, world: World, *turns: tuple[str, ...]) -> None:
        for names in turns:
            if (self._is_due, names) not in self._turns:
                self._turns[self._is_due, names] = self._seen_turn(world, names)

    def _seen_turn(self, world: World, names: Sequence[str]) -> End:
        """In a transaction that is undone: the world is as it was, for the calls at once."""
        with self._one.transaction(force_rollback=True):
            answers = [self._as_if_committed(self.actions[name](world)) for name in names]
            return self._end(world, names, answers, self._one)

    def _as_if_committed(self, step: Step) -> Answer:
        answer = _attempt(step, self._one)
        self._one.execute("reset role")
        self._one.execute("set constraints all immediate; set constraints all deferred")
        return answer

    def is_of_a_turn(self, end: End, one: str, two: str) -> bool:
        """One that they reach one after the other, in whatever order."""
        return end in (self.in_turn(one, two), self.in_turn(two, one))

    def interleaved(self, first: str, second: str, *, commit: bool) -> End:
        world = self._world()
        turns = ((first, second), (second, first)) if commit else ((second,),)
        self._see_turns(world, *turns)
        with ThreadPoolExecutor(1) as thread:
            self._one.execute("begin")
            answer = _attempt(self.actions[first](world), self._one)
            other = thread.submit(_attempt, self.actions[second](world), self._two)
            done_or_blocked(other, self._two, self._watcher)
            self._one.execute("commit" if commit else "rollback")
            later = other.result(LIMIT_S)
        self._sweep_what_was_in_use(world, second)
        if commit:
            return self._audited_end(world, (first, second), [answer, later])
        return self._audited_end(world, (second,), [later])

    def queued(self, first: str, second: str, lock: str) -> End:
        """Both begun, one after the other, while a row that both may want is locked by a third."""
        world = self._world()
        self._see_turns(world, (first, second), (second, first))
        with ThreadPoolExecutor(2) as threads:
            self._third.execute("begin")
            self._third.execute(LOCKS[lock], [world.user])
            calls = []
            for name, connection in ((first, self._one), (second, self._two)):
                calls.append(threads.submit(_attempt, self.actions[name](world), connection))
                done_or_blocked(calls[-1], connection, self._watcher)
            self._third.execute("commit")
            answers = [call.result(LIMIT_S) for call in calls]
        self._sweep_what_was_in_use(world, first, second)
        return self._audited_end(world, (first, second), answers)

    def _sweep_what_was_in_use(self, world: World, *names: str) -> None:
        """Maintenance skips wallets that are locked, which its next run sweeps."""
        if "maintain" in names:
            _attempt(self.actions["maintain"](world), self._one)

    def _world(self) -> World:
        ask = self._bank.ask
        user = self._bank.user(9)
        if self._is_due:
            ask(grant(user, DYING, "dying"))
        ask(spend_for(user, 2, "spent"))
        paid_order, half_order, open_order, late_order = (self._bank.order(user) for _ in range(4))
        for order_id in (paid_order, half_order):
            ask(gateway_says(order_id, 1, paid=5000))
        held = ask(hold(user, 4, "held"))
        expired = ask(hold(user, 3, "expired"))
        refund = ask(ask_refund(half_order, "half", 2500))
        self._bank.change(EXPIRE_HOLD, expired["id"])  # nothing after it that would sweep it
        self._bank.change(VOID, late_order)
        ask(gateway_says(late_order, 1, paid=5000))
        told = ask(hint(paid_order, f"first {paid_order}"))
        [audit] = self._bank.rows(_AUDIT, f"{user}")
        referrer = self._bank.user()
        if self._is_invited:
            self._bank.change(_INVITED, referrer, user, paid_order)
        self._bank.change(_CONFIRMED, user)
        self._bank.change(_CHECKED, user)
        if self._is_due:
            self._bank.change(EXPIRE_LOT, user)
            ask(Call("set_token_group_for", {"user_id": user, "group_name": "staged"}))
        return World(
            user,
            held["id"],
            expired["id"],
            paid_order,
            half_order,
            open_order,
            refund["id"],
            told["webhook_id"],
            audit["id"],
            late_order,
            referrer,
        )

    def _audited_end(self, world: World, names: Sequence[str], answers: Sequence[Answer]) -> End:
        """Of calls that met; those that came in turn meet nobody, and need no audit. Before and
        after a fold."""
        self._audit(world)
        end = self._end(world, names, answers, self._third)
        self._audit(world)
        return end

    def _audit(self, world: World) -> None:
        for user in self._users(world):
            beyond = UUID(int=user.int + 1)
            verify = "select from coinslot.verify_ledger(%s, %s)"
            assert not self._third.execute(verify, [user, beyond]).fetchall()

    def _end(
        self, world: World, names: Sequence[str], answers: Sequence[Answer], books: Connection
    ) -> End:
        """After a fold, since a call that is refused takes its own back with it."""
        if "go_live" in names:
            books.execute("update coinslot.settings set mode = 'test'")
        for user in self._users(world):
            books.execute(FOLD, [user])
        said = sorted((n, heard(a)) for n, a in zip(names, answers, strict=True))
        return (*said, *(self._state(user, books) for user in self._users(world)))

    def _users(self, world: World) -> list[UUID]:
        """Those whose wallets the calls are about."""
        return [world.user, world.referrer]

    def _state(self, user: UUID, books: Connection) -> End:
        [state] = books.execute(_STATE, [user] * 7).fetchall()
        return tuple(state.values())


_RULES = (
    "update coinslot.settings set signup_bonus = 0, referral_reward = 3, referral_bonus = 2",
    "select coinslot.set_refill('staged', 2, 'month', 'UTC', 'add', 'staged', true, '')",
    """select coinslot.set_promotion(p.id, p.terms, '') from (values
      ('staged', '{"kind": "tokens", "tokens": 3}'::jsonb),
      ('cheaper', '{"kind": "percent", "percent_off": 50}')) p (id, terms)""",
    "select coinslot.set_code(p.id, p.id, null, true, '') from coinslot.promotions p",
    # On a slow machine a call waits longer than users do, and here it is to wait.
    """do $$
    declare
      v_function regprocedure;
    begin
      for v_function in
        select p.oid from pg_proc p, unnest(p.proconfig) c (setting)
        where p.pronamespace = 'public'::regnamespace and starts_with(c.setting, 'lock_timeout=')
      loop
        execute 'alter function ' || v_function || ' set lock_timeout = ''60s''';
      end loop;
    end
    $$""",
)
_INVITED = """
insert into coinslot.referrals (referrer, referred, status, payment_id, due_at)
select %s, %s, 'qualified', p.id, now() from token_payments p where p.order_id = %s
"""
_CONFIRMED = "update auth.users set email_confirmed_at = now() where id = %s"
_CHECKED = """
insert into coinslot.checked_codes (user_id, code) select %s, c.code from coinslot.promotion_codes c
"""

_AUDIT = """
insert into coinslot.audits (gateway, since, until, live)
select 'portone', s.since, s.since + interval '1 day', false
from (select now() - make_interval(secs => abs(hashtext(%s))) as since) s
returning id
"""

_STATE = """
select w.tokens, w.held, w.closed_at is not null as closed,
  (select string_agg(l.kind || l.delta, ' ' order by l.kind, l.delta) from token_ledger l
   where l.user_id = %s) as entries,
  (select string_agg(p.status || p.version, ' ' order by p.status, p.version) from token_payments p
   where p.user_id = %s) as payments,
  (select string_agg(h.status || h.amount, ' ' order by h.status, h.amount)
   from coinslot.token_holds h where h.user_id = %s) as holds,
  (select string_agg(concat_ws(' ', r.status, r.answer), ', ' order by r.status, r.answer)
   from coinslot.refunds r where r.user_id = %s) as refunds,
  (select count(*) from token_payment_events e where e.user_id = %s) as events,
  (select string_agg(concat_ws(' ', l.kind, l.tokens, l.remaining, l.reserved, l.spent, l.taken,
    l.expired, l.covered), ', ' order by l.kind, l.tokens, l.remaining, l.reserved, l.spent)
   from token_lots l where l.user_id = %s) as lots
from token_wallets w where w.user_id = %s
"""


def _attempt(step: Step, connection: Connection) -> Answer:
    """The call in a transaction of its own, or in the open one, which survives a refusal."""
    try:
        with connection.transaction():
            return step(connection)
    except psycopg.Error as error:
        return refusal(error)


def heard(answer: Answer) -> str:
    if isinstance(answer, Refusal):
        return answer.message
    return str(answer.get("outcome", answer.get("status", "done")))
