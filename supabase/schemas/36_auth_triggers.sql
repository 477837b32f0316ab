create function coinslot.follow_users() returns void
language plpgsql volatile set search_path = '' as $$
begin
  create or replace trigger coinslot_user_created after insert on auth.users
  for each row execute function coinslot.follow_user();
  create or replace trigger coinslot_user_changed after update of deleted_at on auth.users
  for each row execute function coinslot.follow_user();
  create or replace trigger coinslot_user_deleted after delete on auth.users
  for each row execute function coinslot.follow_user();
end
$$;
comment on function coinslot.follow_users() is 'Puts the triggers of wallets on auth.users.';
revoke all on function coinslot.follow_users() from public;

-- The bonus is decided when the transaction commits. Auth writes the user, then the identity, then
-- the confirmation: seen one by one, somebody who comes back with another provider would be paid
-- for that identity before the address that had its bonus is confirmed. By their names they come
-- after the wallet also where somebody has set constraints to immediate.
--
-- A linked identity counts, not an update of identity_data, which is every login through a
-- provider: the identity stays the one it is. Unlinking gives nothing back either: it was confirmed
-- once. Deferred triggers are constraints, and those cannot be replaced.
create function coinslot.follow_confirmations() returns void
language plpgsql volatile set search_path = '' as $$
begin
  if not coinslot.has_trigger('auth.users', 'coinslot_user_identified') then
    create constraint trigger coinslot_user_identified after insert on auth.users
    deferrable initially deferred for each row
    when (new.email_confirmed_at is not null or new.phone_confirmed_at is not null)
    execute function coinslot.follow_confirmation();
  end if;
  if not coinslot.has_trigger('auth.users', 'coinslot_user_reidentified') then
    create constraint trigger coinslot_user_reidentified
    after update of email, email_confirmed_at, phone, phone_confirmed_at, is_anonymous
    on auth.users deferrable initially deferred for each row
    when (
      (new.email, new.email_confirmed_at, new.phone, new.phone_confirmed_at, new.is_anonymous)
      is distinct from
      (old.email, old.email_confirmed_at, old.phone, old.phone_confirmed_at, old.is_anonymous)
    )
    execute function coinslot.follow_confirmation();
  end if;
  if not coinslot.has_trigger('auth.identities', 'coinslot_identity_linked') then
    create constraint trigger coinslot_identity_linked
    after insert or update of user_id, provider on auth.identities
    deferrable initially deferred for each row
    when (new.provider not in ('email', 'phone'))
    execute function coinslot.follow_identity();
  end if;
end
$$;
comment on function coinslot.follow_confirmations() is
'Puts the triggers of the bonus on auth.users and auth.identities.';
revoke all on function coinslot.follow_confirmations() from public;

create function coinslot.has_trigger(relation regclass, trigger_name name) returns boolean
language sql stable set search_path = '' as $$
  select exists (
    select from pg_catalog.pg_trigger t
    where t.tgrelid = has_trigger.relation and t.tgname = has_trigger.trigger_name
  )
$$;
comment on function coinslot.has_trigger(regclass, name) is 'True if a trigger is there.';
revoke all on function coinslot.has_trigger(regclass, name) from public;

-- Also the repair, where a restore has left Auth's schema out.
create function coinslot.install_auth_triggers() returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform coinslot.follow_users();
  perform coinslot.follow_confirmations();
  if to_regprocedure('coinslot.create_profile()') is not null then
    create or replace trigger coinslot_profile_created after insert on auth.users
    for each row execute function coinslot.create_profile();
  end if;
end
$$;
comment on function coinslot.install_auth_triggers() is
'Puts the triggers on Auth''s tables that are not there; a deferred one that is there stays.';
revoke all on function coinslot.install_auth_triggers() from public;

select coinslot.install_auth_triggers();
