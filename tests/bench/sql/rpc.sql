-- What PostgREST is asked for beside the product: the statement written by hand, nothing at all,
-- and a table of balances that people may write, as in an app that keeps no history.

-- As cheap as an RPC can be that takes from whoever is signed in: no definer, no settings.
create function public.bench_spend(amount bigint, idempotency_key text)
returns bench.token_ledger
language sql volatile as $$
  with paid as (
    update bench.wallets w
    set tokens = w.tokens - amount, seq = w.seq + 1, updated_at = clock_timestamp()
    where w.user_id = auth.uid() and w.tokens - w.held >= amount and w.closed_at is null
    returning w.*
  )
  insert into bench.token_ledger as l (
    user_id, seq, delta, balance, kind, caller, idempotency_key
  )
  select paid.user_id, paid.seq, -amount, paid.tokens, 'spend', 'user', bench_spend.idempotency_key
  from paid
  returning l.*
$$;

create function public.bench_nothing(amount bigint, idempotency_key text) returns void
language sql volatile as '';

create table public.bench_profiles (
  id uuid primary key,
  tokens bigint not null
);
alter table public.bench_profiles enable row level security;
grant select, update on table public.bench_profiles to authenticated;
create policy "People read their own balance" on public.bench_profiles
for select to authenticated using ((select auth.uid()) = id);
create policy "People write their own balance" on public.bench_profiles
for update to authenticated using ((select auth.uid()) = id);
insert into public.bench_profiles
select
  w.user_id,
  w.tokens
from public.token_wallets as w;
