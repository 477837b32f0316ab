-- Orders to be paid, with numbers for ids, and the same for the floor.
insert into public.token_payments (
  order_id, user_id, product_id, name, gateway, amount, currency, tokens, live, expires_at
)
select
  'ord_bench' || lpad(n::text, 12, '0'),
  md5('bench ' || 1 + n %% %(users)s)::uuid,
  p.id,
  p.name,
  'portone',
  5000,
  'KRW',
  p.tokens,
  false,
  now() + interval '1 day'
from generate_series(1, %(orders)s) as n
inner join public.token_products as p on p.id = 'starter';

insert into bench.payments select * from public.token_payments;
