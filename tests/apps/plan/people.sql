-- A year of that: one person has bought and spent, the other has nothing left.
update public.profiles set tokens = 42
where id = (select id from auth.users where email = 'mina@example.com');
update public.profiles set tokens = 0
where id = (select id from auth.users where email = 'alex@example.com');
insert into public.payments (user_id, amount, tokens, payment_method, payment_key, status)
select id, 12000, 30, 'card', 'order_' || id, 'completed'
from auth.users where email in ('mina@example.com', 'alex@example.com');
