-- Somebody with a long history. In time other people's entries come in between: of the reader's no
-- two that follow each other stand in the same place.
insert into auth.users (id, email) values (md5('bench reader')::uuid, 'reader@bench.example');

select public.add_tokens(md5('bench reader')::uuid, 1000000, 'bench');

insert into public.token_ledger (
  user_id, seq, delta, balance, created_at, kind, caller, idempotency_key
)
select
  w.user_id,
  w.seq + n,
  -1,
  w.tokens - n,
  now() + n * interval '1 second',
  'spend',
  'user',
  gen_random_uuid()::text
from generate_series(1, %(entries)s - 1) as n
inner join public.token_wallets as w on w.user_id = md5('bench reader')::uuid
order by md5(n::text);

update public.token_wallets as w
set tokens = w.tokens - (%(entries)s - 1), seq = w.seq + (%(entries)s - 1)
where w.user_id = md5('bench reader')::uuid;
