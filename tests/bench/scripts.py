"""The scripts of pgbench: the RPCs, and the statements written by hand that are their floors.

Every transaction has the shape that PostgREST gives it: begin, role and claims of whoever asks, the
statement, commit. All statements are prepared. A floor is told whose wallet it is; the RPC has to
find that out from the claims.
"""

from __future__ import annotations

# Somebody, and a key as long as a UUID that nobody has used.
_SOMEBODY = r"""\set user random(1, :users)
\set key random(1, 9000000000000000000)
"""
_USER = "md5('bench ' || :user::text)::uuid"
_KEY = "rpad(:key::text, 36, '-')"


def _as_user(statement: str) -> str:
    claims = f"""'{{"role": "authenticated", "sub": "' || {_USER} || '"}}'"""
    return _transaction("authenticated", claims, statement)


def _as_service(statement: str) -> str:
    return _transaction("service_role", """'{"role": "service_role"}'""", statement)


def _transaction(role: str, claims: str, statement: str) -> str:
    """`statement` ends with its semicolon, or with what pgbench is to do with its answer."""
    return f"""begin;
select set_config('role', '{role}', true), set_config('request.jwt.claims', {claims}, true);
{statement}
commit;
"""


SPEND = _SOMEBODY + _as_user(f"select * from public.spend_tokens(1, {_KEY});")

SPEND_BY_HAND = _SOMEBODY + _as_user(f"""with paid as (
  update bench.wallets w
  set tokens = w.tokens - 1, seq = w.seq + 1, updated_at = clock_timestamp()
  where w.user_id = {_USER} and w.tokens - w.held >= 1 and w.closed_at is null
  returning w.*
)
insert into bench.token_ledger (user_id, seq, delta, balance, kind, caller, idempotency_key)
select paid.user_id, paid.seq, -1, paid.tokens, 'spend', 'user', {_KEY} from paid
returning *;""")

UPDATE = _SOMEBODY + _as_user(f"""update bench.balances b set tokens = b.tokens - 1
where b.user_id = {_USER} and b.tokens >= 1;""")

HOLD_AND_CAPTURE = (
    _SOMEBODY
    + _as_service(f"select id as hold from public.hold_tokens_for({_USER}, 2, {_KEY}) \\gset")
    + _as_service("select * from public.capture_token_hold(:hold);")
)

HOLD_AND_CAPTURE_BY_HAND = (
    _SOMEBODY
    + _as_service(f"""with paid as (
  update bench.wallets w set held = w.held + 2, updated_at = clock_timestamp()
  where w.user_id = {_USER} and w.tokens - w.held >= 2 and w.closed_at is null
  returning w.user_id
)
insert into bench.token_holds (user_id, amount, idempotency_key, expires_at)
select paid.user_id, 2, {_KEY}, clock_timestamp() + interval '10 minutes' from paid
returning id as hold \\gset""")
    + _as_service("""with done as (
  update bench.token_holds h
  set status = 'captured', asked = h.amount, captured = h.amount, resolved_at = clock_timestamp()
  where h.id = :hold and h.status = 'held' and h.expires_at > clock_timestamp()
  returning h.*
), paid as (
  update bench.wallets w set tokens = w.tokens - done.captured, held = w.held - done.amount,
    seq = w.seq + 1, updated_at = clock_timestamp()
  from done where w.user_id = done.user_id
  returning w.*
)
insert into bench.token_ledger (
  user_id, seq, delta, balance, hold_id, kind, caller, idempotency_key
)
select
  paid.user_id, paid.seq, -done.captured, paid.tokens, done.id, 'spend', 'service',
  done.idempotency_key
from paid cross join done
returning *;""")
)


def _next_order(sequence: str) -> str:
    """The next order that nobody has paid."""
    return f"select nextval('{sequence}') as turn \\gset\n"


_ORDER = "'ord_bench' || lpad(:turn::text, 12, '0')"
_PAYMENT_KEY = "'imp_bench' || :turn::text"

APPLY = _next_order("bench.applied") + _as_service(f"""select *
  from public.coinslot_apply_gateway_payment(
  {_ORDER}, 'portone', {_PAYMENT_KEY}, 'paid', 5000, 'KRW', false, 'webhook', 1, 5000,
  method => 'card'
);""")

APPLY_BY_HAND = _next_order("bench.applied_by_hand") + _as_service(f"""with bought as (
  update bench.payments p set
    status = 'completed', paid = p.amount, method = 'card', payment_key = {_PAYMENT_KEY},
    version = p.version + 1, confirmed_at = clock_timestamp(), updated_at = clock_timestamp()
  where p.order_id = {_ORDER} and p.version = 1 and p.status = 'pending'
    and p.gateway = 'portone' and (p.amount, p.currency, p.live) = (5000, 'KRW', false)
  returning p.*
), attempt as (
  insert into bench.payment_attempts (
    payment_id, gateway, payment_key, state, amount, currency, live, paid, refunded, refunding,
    disputed, withdrawn, method, credited
  )
  select b.id, b.gateway, b.payment_key, 'paid', b.amount, b.currency, b.live, b.paid, 0, 0, 0, 0,
    b.method, true
  from bought b
), event as (
  insert into bench.payment_events (
    payment_id, user_id, from_status, to_status, tokens, source, payment_key
  )
  select b.id, b.user_id, 'pending', b.status, b.tokens, 'webhook', b.payment_key from bought b
), credited as (
  update bench.wallets w
  set tokens = w.tokens + b.tokens, seq = w.seq + 1, updated_at = clock_timestamp()
  from bought b where w.user_id = b.user_id and w.closed_at is null
  returning w.user_id, w.seq, w.tokens, b.tokens as delta
), entry as (
  insert into bench.token_ledger (user_id, seq, delta, balance, kind, caller)
  select c.user_id, c.seq, c.delta, c.tokens, 'purchase', 'system' from credited c
)
select * from bought;""")
