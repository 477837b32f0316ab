insert into bench.wallets select * from public.wallets;
insert into bench.balances (user_id, tokens)
select
  w.user_id,
  w.tokens
from public.wallets as w;
