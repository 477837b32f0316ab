-- The users who were there before Coinslot: each gets a wallet and, by setting, the bonus; and a
-- profile, if the table is Coinslot's.
--
-- In a file of its own, since it takes a minute or two for a million users: no table of Auth's is
-- locked, and people sign up and log in meanwhile. Who was there before and confirms an address at
-- this moment, or is deleted, waits. If a push stops before this file, such people have no wallet
-- and cannot buy; the next push goes on here, and `coinslot doctor` says so.
set local statement_timeout = 0;

select coinslot.adopt_users();

-- A user who is being deleted is waited for, and gets none: hence the lock on each row, which
-- hinders neither a login nor a sign-up.
do $do$
begin
  if to_regprocedure('coinslot.create_profile()') is not null then
    insert into public.profiles (id)
    select u.id from auth.users as u
    where not exists (select from public.profiles as p where p.id = u.id)
    for key share of u
    on conflict do nothing;
  end if;
end
$do$;

select coinslot.write_manifest();
