insert into bench.wallets select * from public.token_wallets;
insert into bench.balances (user_id, tokens)
select
  w.user_id,
  w.tokens
from public.token_wallets as w;
