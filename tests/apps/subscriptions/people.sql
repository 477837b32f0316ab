insert into public.products (id, active, name) values ('prod_1', true, 'Pro');
insert into public.prices (id, product_id, active, unit_amount, currency, type, interval)
values ('price_1', 'prod_1', true, 900, 'usd', 'recurring', 'month');
insert into public.subscriptions (id, user_id, status, price_id, quantity)
select 'sub_' || email, id, 'active', 'price_1', 1 from auth.users;
