insert into public.payments (
  order_id, user_id, amount, currency, status, payment_method, payment_key, confirmed_at
)
select 'ord_1699999999_' || left(id::text, 6), id, 13000, 'KRW', 'completed', 'toss', id::text, now()
from auth.users;
