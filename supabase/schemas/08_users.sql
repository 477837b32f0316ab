-- From users to wallets: sign-up, the bonus, deletion, and users who were there before. What calls
-- all this are triggers, which a later migration puts on Auth's tables.
--
-- A wallet outlives its user: deleting somebody closes the wallet and keeps the books, which is why
-- it has no foreign key to auth.users.

-- An identity gets the bonus once, whichever account confirms it. A row is an identity that was
-- confirmed, and is used up: of an account that got the bonus, was refused it for another of its
-- identities, or came while there was none. It also says who is no new customer any more, so it does
-- not depend on the bonus. Only a salted hash is kept, so that deleting the account and signing up
-- again neither pays again nor leaves an address here. The account itself is among its identities,
-- so it is judged once: what it confirms later is used up as well and pays nothing. No foreign key:
-- neither row ever goes.
create table coinslot.identities (
  identity_hash text collate "C" not null,
  user_id uuid not null,
  recorded_at timestamptz not null default clock_timestamp(),
  constraint identities_pkey primary key (identity_hash)
);
comment on table coinslot.identities is 'Identities that earn no sign-up bonus any more.';
comment on column coinslot.identities.user_id is
'The account that confirmed it first; once one of those who confirmed it has bought, that one.';
alter table coinslot.identities enable row level security;
revoke all on table coinslot.identities from anon, authenticated, service_role;
create policy "Nobody reads identities through the API" on coinslot.identities
for select to anon, authenticated using (false);

-- One mailbox has many spellings: case, a +tag, and at Gmail dots and a second domain. The local
-- part is never emptied, and in a quoted one + is a letter like any other. Without regular
-- expressions, which take ten times as long.
create function coinslot.canonical_email(email text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  v_address text := lower(btrim(canonical_email.email, E' \t\r\n'));
  v_domain text := split_part(v_address, '@', -1);
  v_local text := left(v_address, -length(v_domain) - 1);
begin
  if v_local = '' or v_domain = '' then
    return v_address;
  end if;
  if v_local not like '"%' then
    v_local := left(v_local, 1) || split_part(substr(v_local, 2), '+', 1);
  end if;
  if v_domain in ('gmail.com', 'googlemail.com') then
    return coalesce(nullif(replace(v_local, '.', ''), ''), v_local) || '@gmail.com';
  end if;
  return v_local || '@' || v_domain;
end
$$;
comment on function coinslot.canonical_email(text) is
'The address as it is compared: lower case, without a +tag, and at Gmail without dots.';
revoke all on function coinslot.canonical_email(text) from public;

-- Whoever has confirmed nothing is nobody yet, nor is an anonymous sign-in until it is linked.
-- `email` and `phone` as providers say no more than the account's own columns, and those also say
-- what is confirmed. Any other provider vouches for its `sub`, also where it gives no address. If
-- that is missing, a column has it that older releases of Auth do not have: hence the row as JSON.
create function coinslot.identities_of(account auth.users, canonical boolean) returns text[]
language plpgsql stable set search_path = '' as $$
declare
  v_email text := account.email;
  v_names text[];
begin
  if account.is_anonymous or account.deleted_at is not null then
    return array[]::text[];
  end if;
  v_email := case when canonical then coinslot.canonical_email(v_email)
    else lower(btrim(v_email)) end;
  v_names := array_remove(array[
    case when account.email_confirmed_at is not null then 'email:' || nullif(v_email, '') end,
    case when account.phone_confirmed_at is not null
      then 'phone:' || nullif(regexp_replace(account.phone, '[^0-9]', '', 'g'), '') end
  ] || array(
    select i.provider || ':' || coalesce(
      nullif(i.identity_data ->> 'sub', ''), nullif(to_jsonb(i) ->> 'provider_id', '')
    )
    from auth.identities i
    where i.user_id = account.id and i.provider not in ('email', 'phone')
  ), null);
  return case when v_names = '{}' then v_names else v_names || ('account:' || account.id) end;
end
$$;
comment on function coinslot.identities_of(auth.users, boolean) is
'Identities that an account has confirmed, with itself; empty if it has confirmed none.';
revoke all on function coinslot.identities_of(auth.users, boolean) from public;

create view coinslot.confirmed_identities with (security_invoker = true) as
select
  u.id as user_id,
  u.created_at,
  encode(sha256(convert_to(s.identity_salt || identity.name, 'UTF8')), 'hex') as identity_hash
from coinslot.settings as s
cross join auth.users as u
cross join unnest(coinslot.identities_of(u, s.canonical_emails)) as identity (name)
where s.id;
comment on view coinslot.confirmed_identities is
'Salted hashes of what each account has confirmed, and of the account itself.';
revoke all on table coinslot.confirmed_identities from anon, authenticated, service_role;

-- Users who were there before Coinslot are judged by adopt_users(), and until then have no wallet.
-- Who of them changes meanwhile waits until that is over, or has it wait: either it sees the
-- change, or the change finds the wallet. Nobody else waits, and no table of Auth's is locked.
create function coinslot.adoption_lock() returns bigint
language sql immutable parallel safe set search_path = ''
return hashtextextended('coinslot.adoption', 0);
comment on function coinslot.adoption_lock() is 'Name of the advisory lock of adopt_users().';
revoke all on function coinslot.adoption_lock() from public;

create function coinslot.await_adoption(user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
begin
  if not exists (
    select from public.token_wallets w where w.user_id = await_adoption.user_id
  ) then
    perform pg_advisory_xact_lock_shared(coinslot.adoption_lock());
  end if;
end
$$;
comment on function coinslot.await_adoption(uuid) is
'Keeps a user without a wallet and adopt_users() from overtaking each other.';
revoke all on function coinslot.await_adoption(uuid) from public;

-- Sorted, so that two accounts with the same identities wait for each other and never both ways.
-- Whatever is odd about an account gives nothing: an error here would be a sign-up that fails.
create function coinslot.grant_signup_bonus(user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_bonus bigint;
  v_wallet public.token_wallets;
  v_earned boolean;
begin
  select s.signup_bonus into v_bonus from coinslot.settings s;
  v_wallet := coinslot.lock_wallet(grant_signup_bonus.user_id);
  if v_wallet.user_id is null then
    perform coinslot.await_adoption(grant_signup_bonus.user_id);
    v_wallet := coinslot.lock_wallet(grant_signup_bonus.user_id);
  end if;
  if v_wallet.user_id is null or v_wallet.closed_at is not null then
    return;
  end if;
  with confirmed as (
    select distinct c.identity_hash from coinslot.confirmed_identities c
    where c.user_id = grant_signup_bonus.user_id
  ), recorded as (
    insert into coinslot.identities (identity_hash, user_id)
    select c.identity_hash, grant_signup_bonus.user_id from confirmed c order by c.identity_hash
    on conflict do nothing
    returning identity_hash
  )
  select count(*) > 0 and count(*) = count(r.identity_hash) into v_earned
  from confirmed c left join recorded r on r.identity_hash = c.identity_hash;
  if v_earned and v_bonus > 0 and v_wallet.tokens <= coinslot.max_amount() - v_bonus then
    perform coinslot.post_entry(
      coinslot.new_entry(grant_signup_bonus.user_id, 'signup_bonus', v_bonus, 'system')
    );
  end if;
end
$$;
comment on function coinslot.grant_signup_bonus(uuid) is
'Gives the bonus to an account none of whose identities is used up, and uses them up.';
revoke all on function coinslot.grant_signup_bonus(uuid) from public;

-- Open orders are canceled, so that no money is taken for somebody who cannot be credited. Open
-- holds are released: nobody is left to receive what they were set aside for; only refunds go on. A
-- closed wallet takes only what a gateway gives or takes back.
create function coinslot.close_wallet(user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets;
begin
  perform coinslot.close_orders(close_wallet.user_id);
  perform coinslot.end_subscriptions(close_wallet.user_id, 'user_deleted');
  perform coinslot.end_top_up(close_wallet.user_id);
  perform coinslot.drop_methods(close_wallet.user_id);
  update coinslot.token_holds h set status = 'released', resolved_at = clock_timestamp()
  where h.user_id = close_wallet.user_id and h.status = 'held' and h.refund_id is null;
  update public.token_wallets w set closed_at = clock_timestamp(), updated_at = clock_timestamp(),
    held = (
      select coalesce(sum(h.amount), 0) from coinslot.token_holds h
      where h.user_id = close_wallet.user_id and h.status = 'held'
    )
  where w.user_id = close_wallet.user_id and w.closed_at is null
  returning w.* into v_wallet;
  if v_wallet.folded_at > '-infinity' then
    perform coinslot.fold_if_due(v_wallet, coinslot.wallet_time(v_wallet));
  end if;
end
$$;
comment on function coinslot.close_wallet(uuid) is 'Closes a wallet and releases its holds.';
revoke all on function coinslot.close_wallet(uuid) from public;

-- Somebody who comes back under the same id, restored or inserted again, goes on with what is left
-- in their wallet. One that was merged stays closed: what was in it is somebody else's.
create function coinslot.reopen_wallet(user_id uuid) returns void
language sql volatile set search_path = '' as $$
  update public.token_wallets w set closed_at = null, updated_at = clock_timestamp()
  where w.user_id = reopen_wallet.user_id and w.closed_at is not null and w.merged_into is null
$$;
comment on function coinslot.reopen_wallet(uuid) is
'Opens the wallet of a user who came back; nothing is given.';
revoke all on function coinslot.reopen_wallet(uuid) from public;

-- Triggers on auth.users and auth.identities.

create function coinslot.follow_user() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_made bigint := 0;
begin
  if tg_op = 'INSERT' then
    insert into public.token_wallets (user_id) values (new.id) on conflict do nothing;
    get diagnostics v_made = row_count;
  else
    perform coinslot.await_adoption(old.id);
  end if;
  if tg_op = 'DELETE' then
    perform coinslot.close_wallet(old.id);
    return old;
  elsif new.deleted_at is not null then
    perform coinslot.close_wallet(new.id);
  elsif v_made = 0 then
    perform coinslot.reopen_wallet(new.id);
  end if;
  return new;
end
$$;
comment on function coinslot.follow_user() is
'Trigger on auth.users: wallet and closing follow the account.';
revoke all on function coinslot.follow_user() from public;

create function coinslot.follow_confirmation() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.grant_signup_bonus(new.id);
  perform coinslot.note_if_buyer(new.id);
  perform coinslot.look_for_refills(new.id);
  return null;
end
$$;
comment on function coinslot.follow_confirmation() is
'Trigger on auth.users: the bonus and refills follow what is confirmed.';
revoke all on function coinslot.follow_confirmation() from public;

create function coinslot.follow_identity() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.grant_signup_bonus(new.user_id);
  perform coinslot.note_if_buyer(new.user_id);
  perform coinslot.look_for_refills(new.user_id);
  return null;
end
$$;
comment on function coinslot.follow_identity() is
'Trigger on auth.identities: the bonus and refills follow a linked identity.';
revoke all on function coinslot.follow_identity() from public;

-- Users who were there before Coinslot get what they would have got by signing up now, one after
-- the other: whoever is the first with each of their identities gets the bonus. In one statement,
-- since there may be very many, and without a lock on Auth's tables: whoever signs up meanwhile has
-- a wallet by the trigger, and is the first with an identity or the second, as of any two who sign
-- up. Where there is no bonus for them, each identity is recorded for the first who has it, and
-- nobody is paid. Whoever has a wallet has been judged, whatever is recorded: it is a repair, too,
-- and after a restore that lost the identities or their salt it would pay everybody again.
create function coinslot.adopt_users() returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_settings coinslot.settings;
begin
  perform pg_advisory_xact_lock(coinslot.adoption_lock());
  select s.* into v_settings from coinslot.settings s;
  with newcomers as materialized (
    select u.id, u.deleted_at from auth.users u
    where not exists (select from public.token_wallets w where w.user_id = u.id)
  ), confirmed as materialized (
    select c.user_id, c.identity_hash,
      row_number() over (partition by c.identity_hash order by c.created_at, c.user_id) as place
    from newcomers n
    inner join coinslot.confirmed_identities c on c.user_id = n.id
  ), recorded as (
    insert into coinslot.identities as i (identity_hash, user_id)
    select c.identity_hash, c.user_id from confirmed c where c.place = 1 order by c.identity_hash
    on conflict do nothing
    returning i.user_id
  ), earned as (
    select i.user_id from (
      select c.user_id, 1 as left_over from confirmed c
      union all select r.user_id, -1 from recorded r
    ) i
    where v_settings.bonus_for_existing_users group by i.user_id having sum(i.left_over) = 0
      and v_settings.signup_bonus > 0
  ), adopted as (
    insert into public.token_wallets (user_id, closed_at, tokens, seq)
    select n.id, n.deleted_at, case when e.user_id is null then 0 else v_settings.signup_bonus end,
      case when e.user_id is null then 0 else 1 end
    from newcomers n left join earned e on e.user_id = n.id
    returning user_id, seq, tokens
  )
  insert into public.token_ledger (user_id, seq, delta, balance, kind, caller)
  select a.user_id, a.seq, a.tokens, a.tokens, 'signup_bonus', 'system' from adopted a
  where a.seq > 0;
end
$$;
comment on function coinslot.adopt_users() is
'Gives wallets, and by setting the bonus, to users whose sign-up no trigger saw.';
revoke all on function coinslot.adopt_users() from public;
