insert into public.token_ledger (
  user_id, seq, delta, balance, created_at, kind, caller, idempotency_key
)
select
  w.user_id,
  w.seq + n,
  -1,
  w.tokens - n,
  clock_timestamp(),
  'spend',
  'user',
  gen_random_uuid()::text
from generate_series(%(first)s, %(last)s) as n
cross join public.token_wallets as w
where abs(hashtext(w.user_id::text)) %% %(parts)s = %(part)s
order by n, w.user_id;
