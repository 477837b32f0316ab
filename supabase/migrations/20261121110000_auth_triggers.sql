-- The triggers on auth.users, the last of what every app installs: until here a push may stop
-- anywhere, and people go on signing up, logging in and being deleted.

create or replace trigger coinslot_user_created after insert on auth.users
for each row execute function coinslot.follow_user();
create or replace trigger coinslot_user_changed
after update of email, email_confirmed_at, phone, phone_confirmed_at, is_anonymous, deleted_at
on auth.users
for each row execute function coinslot.follow_user();
create or replace trigger coinslot_user_deleted after delete on auth.users
for each row execute function coinslot.follow_user();

-- Users who were there before Coinslot get what they would have got by signing up now.
insert into public.token_wallets (user_id, closed_at)
select
  u.id,
  u.deleted_at
from auth.users as u
on conflict do nothing;

select coinslot.grant_signup_bonus(u)
from auth.users as u
order by u.created_at, u.id;
