insert into public.orders (user_id, product) select id, 'a book' from auth.users;
insert into public.credits (user_id, amount)
select id, 7 from auth.users where email = 'mina@example.com';
