-- The triggers on Auth's tables, and the users who are there already.
--
-- They are the last of what every app installs: until here nothing of Coinslot is in the way of a
-- sign-up, a login or a deletion, so an installation that stops halfway stops nobody. Auth owns the
-- tables; the owner of a Supabase project may put triggers on them.

create or replace trigger coinslot_user_created after insert on auth.users
for each row execute function coinslot.follow_user();
create or replace trigger coinslot_user_changed after update of deleted_at on auth.users
for each row execute function coinslot.follow_user();
create or replace trigger coinslot_user_deleted after delete on auth.users
for each row execute function coinslot.follow_user();

-- The bonus is decided when the transaction commits. Auth writes the user, then the identity, then
-- the confirmation: seen one by one, somebody who comes back with another provider would be paid
-- for that identity before the address that had its bonus is confirmed. By their names they come
-- after the wallet also where somebody has set constraints to immediate.
create constraint trigger coinslot_user_identified after insert on auth.users
deferrable initially deferred for each row
when (new.email_confirmed_at is not null or new.phone_confirmed_at is not null)
execute function coinslot.follow_confirmation();
create constraint trigger coinslot_user_reidentified
after update of email, email_confirmed_at, phone, phone_confirmed_at, is_anonymous on auth.users
deferrable initially deferred for each row
when (
  (new.email, new.email_confirmed_at, new.phone, new.phone_confirmed_at, new.is_anonymous)
  is distinct from
  (old.email, old.email_confirmed_at, old.phone, old.phone_confirmed_at, old.is_anonymous)
)
execute function coinslot.follow_confirmation();

-- Not after an update of identity_data, which is every login through a provider: the identity stays
-- the one it is. Unlinking gives nothing back either: it was confirmed once.
create constraint trigger coinslot_identity_linked
after insert or update of user_id, provider on auth.identities
deferrable initially deferred for each row
when (new.provider not in ('email', 'phone'))
execute function coinslot.follow_identity();
