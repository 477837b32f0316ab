update public.profiles set username = 'mina'
where id = (select id from auth.users where email = 'mina@example.com');
