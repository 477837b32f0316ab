insert into public.orders (user_id, product) select id, 'a book' from auth.users;
