-- From users to wallets: sign-up, the bonus and deletion. The triggers come last of all, and with
-- them the users who were there before.
--
-- A wallet outlives its user: deleting somebody closes the wallet and keeps the books, which is why
-- it has no foreign key to auth.users.

-- A confirmed identity gets the bonus once. Only a salted hash is kept, so that deleting the
-- account and signing up again with the same e-mail or phone neither pays again nor leaves the
-- address here.
create table coinslot.signup_bonuses (
  identity_hash text not null,
  user_id uuid not null,
  granted_at timestamptz not null default clock_timestamp(),
  constraint signup_bonuses_pkey primary key (identity_hash),
  constraint signup_bonuses_user_id_key unique (user_id),
  constraint signup_bonuses_user_id_fkey foreign key (user_id)
  references public.token_wallets (user_id) on delete restrict
);
comment on table coinslot.signup_bonuses is 'Identities that have had their sign-up bonus.';
alter table coinslot.signup_bonuses enable row level security;
revoke all on table coinslot.signup_bonuses from anon, authenticated, service_role;
create policy "Nobody reads identities through the API" on coinslot.signup_bonuses
for select to anon, authenticated using (false);

-- Null for somebody who has confirmed nothing, and for an anonymous sign-in until it is linked.
create function coinslot.identity_hash(account auth.users) returns text
language sql stable set search_path = '' as $$
  select encode(sha256(convert_to(s.identity_salt || identity.address, 'UTF8')), 'hex')
  from coinslot.settings s
  cross join lateral (
    select case
      when account.is_anonymous then null
      when account.email_confirmed_at is not null and account.email <> ''
      then 'email:' || lower(btrim(account.email))
      when account.phone_confirmed_at is not null and account.phone <> ''
      then 'phone:' || account.phone
    end as address
  ) as identity
$$;
comment on function coinslot.identity_hash(auth.users) is
'Salted hash of a confirmed e-mail or phone; null if there is none.';
revoke all on function coinslot.identity_hash(auth.users) from public;

create function coinslot.grant_signup_bonus(account auth.users) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_bonus bigint;
  v_identity_hash text := coinslot.identity_hash(account);
begin
  select s.signup_bonus into v_bonus from coinslot.settings s;
  if v_bonus = 0 or v_identity_hash is null or account.deleted_at is not null
    or (coinslot.lock_wallet(account.id)).closed_at is not null
  then
    return;
  end if;
  insert into coinslot.signup_bonuses (identity_hash, user_id)
  values (v_identity_hash, account.id)
  on conflict do nothing;
  if found then
    perform coinslot.post_entry(
      coinslot.new_entry(account.id, 'signup_bonus', v_bonus, 'system')
    );
  end if;
end
$$;
comment on function coinslot.grant_signup_bonus(auth.users) is
'Gives the bonus to a confirmed identity that has not had it.';
revoke all on function coinslot.grant_signup_bonus(auth.users) from public;

-- Open orders are canceled, so that no money is taken for somebody who cannot be credited. Open
-- holds are released: nobody is left to receive what they were set aside for; only refunds go on. A
-- closed wallet takes only what a gateway gives or takes back.
create function coinslot.close_wallet(user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform coinslot.close_orders(close_wallet.user_id);
  update coinslot.token_holds h set status = 'released', resolved_at = clock_timestamp()
  where h.user_id = close_wallet.user_id and h.status = 'held' and h.refund_id is null;
  update public.token_wallets w set closed_at = clock_timestamp(), updated_at = clock_timestamp(),
    held = (
      select coalesce(sum(h.amount), 0) from coinslot.token_holds h
      where h.user_id = close_wallet.user_id and h.status = 'held'
    )
  where w.user_id = close_wallet.user_id and w.closed_at is null;
end
$$;
comment on function coinslot.close_wallet(uuid) is 'Closes a wallet and releases its holds.';
revoke all on function coinslot.close_wallet(uuid) from public;

create function coinslot.follow_user() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  if tg_op = 'DELETE' then
    perform coinslot.close_wallet(old.id);
    return old;
  end if;
  insert into public.token_wallets (user_id) values (new.id) on conflict do nothing;
  if new.deleted_at is not null then
    perform coinslot.close_wallet(new.id);
  else
    perform coinslot.grant_signup_bonus(new);
  end if;
  return new;
end
$$;
comment on function coinslot.follow_user() is
'Trigger on auth.users: wallet, bonus and closing follow the account.';
revoke all on function coinslot.follow_user() from public;
