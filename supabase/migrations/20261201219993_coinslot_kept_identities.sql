-- What somebody has confirmed is kept whatever the bonus is. By it those are known who come back
-- after they deleted their account: as no first buyers, and as who invited whom.

comment on column coinslot.identities.user_id is
'The account that confirmed it first; once one of those who confirmed it has bought, that one.';

-- Also of whoever has their orders since a merge. Test money buys nothing in a live database.
-- Orders are looked for by user alone: for one that was credited, a planner may go through
-- everybody's.
create function coinslot.has_paid(user_id uuid, live boolean, before timestamptz) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_users uuid[] := array(
    select has_paid.user_id
    union select m.owner_user from coinslot.merged_wallets m where m.from_user = has_paid.user_id
  );
begin
  return exists (
    select from (
      select p.live, p.confirmed_at from public.token_payments p
      where p.user_id = any (v_users) offset 0
    ) p
    where p.live = has_paid.live and p.confirmed_at < has_paid.before
  );
end
$$;
comment on function coinslot.has_paid(uuid, boolean, timestamptz) is
'True of a user with an order that was credited before that time.';
revoke all on function coinslot.has_paid(uuid, boolean, timestamptz) from public;

create function coinslot.have_paid(
  user_id uuid, hashes text[], live boolean, before timestamptz
) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return coinslot.has_paid(have_paid.user_id, have_paid.live, have_paid.before) or exists (
    select from coinslot.identities i
    where i.identity_hash = any (have_paid.hashes)
      and coinslot.has_paid(i.user_id, have_paid.live, have_paid.before)
  );
end
$$;
comment on function coinslot.have_paid(uuid, text[], boolean, timestamptz) is
'True of a user who had paid before that time, or whose identities are those of somebody who had.';
revoke all on function coinslot.have_paid(uuid, text[], boolean, timestamptz) from public;

-- An account may be gone tomorrow, and what it confirmed may have been somebody's before who never
-- bought. So may an account that was merged into it. Of one that buys again everything is known:
-- nobody's orders are read, and nothing is locked.
create function coinslot.note_buyer(user_id uuid) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_live boolean := coinslot.is_live();
  v_account uuid;
  v_hashes text[] := array[]::text[];
  v_hash text;
  v_known uuid;
begin
  -- One by one: a statement about any number of them would be planned anew at every payment.
  foreach v_account in array coinslot.histories_of(note_buyer.user_id) loop
    v_hashes := v_hashes || array(
      select c.identity_hash from coinslot.confirmed_identities c where c.user_id = v_account
    );
  end loop;
  for v_hash in select distinct h.hash from unnest(v_hashes) as h (hash) order by h.hash loop
    select i.user_id into v_known from coinslot.identities i where i.identity_hash = v_hash;
    continue when v_known = note_buyer.user_id;
    continue when coinslot.has_paid(v_known, v_live, 'infinity');
    insert into coinslot.identities as i (identity_hash, user_id)
    values (v_hash, note_buyer.user_id)
    on conflict (identity_hash) do update set user_id = excluded.user_id
    where not coinslot.has_paid(i.user_id, v_live, 'infinity');
  end loop;
end
$$;
comment on function coinslot.note_buyer(uuid) is
'Notes of the identities of somebody who has paid that they are a buyer''s.';
revoke all on function coinslot.note_buyer(uuid) from public;

create function coinslot.note_if_buyer(user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
begin
  if coinslot.has_paid(note_if_buyer.user_id, coinslot.is_live(), 'infinity') then
    perform coinslot.note_buyer(note_if_buyer.user_id);
  end if;
end
$$;
comment on function coinslot.note_if_buyer(uuid) is
'Notes what somebody has confirmed, or has taken over, if they have paid.';
revoke all on function coinslot.note_if_buyer(uuid) from public;

-- A first purchase that is under way is one, whichever account of an identity it is of.
create or replace function coinslot.has_bought(user_id uuid, hashes text[]) returns boolean
language sql stable set search_path = '' as $$
  select coinslot.have_paid(
    has_bought.user_id, has_bought.hashes, coinslot.is_live(), 'infinity'
  ) or exists (
    select from coinslot.promotions t
    cross join lateral (
      select o.id from coinslot.promotion_uses o
      where o.user_id = any (coinslot.histories_of(has_bought.user_id)) and o.promotion = t.id
      union select i.use_id from coinslot.promotion_identities i
      where i.promotion = t.id and i.identity_hash = any (has_bought.hashes)
    ) m
    inner join coinslot.promotion_uses u on u.id = m.id and u.status = 'reserved'
    inner join public.token_payments p on p.id = u.payment_id
    where t.first_purchase and p.status in ('pending', 'failed', 'awaiting_deposit', 'review')
  )
$$;
comment on function coinslot.has_bought(uuid, text[]) is
'True of who buys or has bought, or shares an identity with somebody who has.';

-- What follows the first money of an order, and its return. Asked for by what has changed: most
-- reads change neither.
create or replace function coinslot.follow_money(
  before public.token_payments, payment public.token_payments
) returns void
language plpgsql volatile set search_path = '' as $$
begin
  if before.confirmed_at is null and payment.confirmed_at is not null then
    if payment.promo_code is not null then
      perform coinslot.use_code(payment);
    end if;
    perform coinslot.note_buyer(payment.user_id);
    perform coinslot.qualify_referral(payment);
    perform coinslot.follow_cycle(payment);
    perform coinslot.follow_top_up(payment);
  end if;
  if payment.disputed + payment.withdrawn > before.disputed + before.withdrawn then
    perform coinslot.follow_dispute(payment);
  end if;
  if payment.paid > 0 and payment.refunded + payment.withdrawn >= payment.paid
    and (before.paid = 0 or before.refunded + before.withdrawn < before.paid)
  then
    perform coinslot.follow_refund(payment);
  elsif payment.refunded + payment.withdrawn < payment.paid and before.paid > 0
    and before.refunded + before.withdrawn >= before.paid
  then
    -- Money of an upgrade that is here again: what it gave goes over by its limit.
    update coinslot.subscription_cycles c
    set rollover_cap = greatest(c.rollover_cap, (o.terms ->> 'rollover_cap')::bigint)
    from coinslot.cycle_orders o
    where o.payment_id = payment.id and o.purpose = 'change' and c.id = o.cycle_id
      and c.rollover = 'cap';
  end if;
  if (
    payment.refunded + payment.withdrawn > before.refunded + before.withdrawn
    or payment.paid < before.paid
  ) and not coinslot.has_kept_money(payment) then
    perform coinslot.undo_referral(payment);
  end if;
end
$$;
comment on function coinslot.follow_money(public.token_payments, public.token_payments) is
'Has codes and referrals follow the money of a locked order.';

-- Of an account that is gone, or has changed its address, what it had confirmed is known.
create or replace function coinslot.share_identity(one uuid, two uuid) returns boolean
language sql stable set search_path = '' set enable_seqscan = off as $$
  select exists (
    select from coinslot.confirmed_identities a
    inner join coinslot.confirmed_identities b on b.identity_hash = a.identity_hash
    where a.user_id = share_identity.one and b.user_id = share_identity.two
  ) or exists (
    select from coinslot.confirmed_identities c
    inner join coinslot.identities i on i.identity_hash = c.identity_hash
    where c.user_id = share_identity.one
      and i.user_id = any (coinslot.histories_of(share_identity.two))
  ) or exists (
    select from coinslot.confirmed_identities c
    inner join coinslot.identities i on i.identity_hash = c.identity_hash
    where c.user_id = share_identity.two
      and i.user_id = any (coinslot.histories_of(share_identity.one))
  )
$$;
comment on function coinslot.share_identity(uuid, uuid) is
'True of two accounts that have confirmed the same, be one of them deleted since.';

create or replace function coinslot.referral_problem(referral coinslot.referrals) returns text
language plpgsql stable set search_path = '' as $$
declare
  v_payment public.token_payments;
  v_referrer uuid := coinslot.owner_of(referral.referrer);
  v_referred uuid := coinslot.owner_of(referral.referred);
begin
  select p.* into strict v_payment from public.token_payments p where p.id = referral.payment_id;
  return case
    when not coinslot.has_kept_money(v_payment) then 'money_back'
    when v_referrer = v_referred then 'own'
    when coinslot.share_identity(v_referrer, v_referred) then 'own'
    when coinslot.have_paid(v_referred, array(
      select c.identity_hash from coinslot.confirmed_identities c where c.user_id = v_referred
    ), v_payment.live, referral.created_at) then 'has_bought'
    when exists (
      select from coinslot.instruments i
      inner join coinslot.instruments o on o.instrument_hash = i.instrument_hash
      inner join public.token_payments p on p.id = o.payment_id
      where i.payment_id = v_payment.id and p.user_id = v_referrer
    ) then 'same_card'
  end;
end
$$;
comment on function coinslot.referral_problem(coinslot.referrals) is
'Why a referral that is due is not rewarded, or null.';

-- What was merged into the one before belongs to the new owner, too. A key that another merge has
-- taken at this moment is known by the row that was not written.
create or replace function coinslot.record_merge(merge coinslot.merged_wallets)
returns public.token_merge_receipt
language plpgsql volatile set search_path = '' as $$
declare
  v_merge coinslot.merged_wallets;
begin
  update public.token_wallets w set
    closed_at = clock_timestamp(), merged_into = merge.into_user, updated_at = clock_timestamp()
  where w.user_id = merge.from_user;
  update public.token_wallets w set has_merged = true, updated_at = clock_timestamp()
  where w.user_id = merge.into_user;
  update coinslot.merged_wallets m set owner_user = merge.into_user where m.owner_user = merge.from_user;
  insert into coinslot.merged_wallets as m (
    from_user, into_user, owner_user, idempotency_key, tokens, balance, orders, holds
  ) values (
    merge.from_user, merge.into_user, merge.into_user, merge.idempotency_key, merge.tokens,
    merge.balance, merge.orders, merge.holds
  )
  on conflict (idempotency_key) do nothing
  returning m.* into v_merge;
  if not found then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  perform coinslot.note_if_buyer(merge.into_user);
  return coinslot.merge_receipt(v_merge, false);
end
$$;
comment on function coinslot.record_merge(coinslot.merged_wallets) is
'Closes the wallet that was merged, and keeps what the call answers.';

-- Sorted, so that two accounts with the same identities wait for each other and never both ways.
-- Whatever is odd about an account gives nothing: an error here would be a sign-up that fails.
create or replace function coinslot.grant_signup_bonus(user_id uuid) returns void
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

create or replace function coinslot.follow_confirmation() returns trigger
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

create or replace function coinslot.follow_identity() returns trigger
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

-- Users who were there before Coinslot get what they would have got by signing up now, one after
-- the other: whoever is the first with each of their identities gets the bonus. In one statement,
-- since there may be very many, and without a lock on Auth's tables: whoever signs up meanwhile has
-- a wallet by the trigger, and is the first with an identity or the second, as of any two who sign
-- up. Where there is no bonus for them, each identity is recorded for the first who has it, and
-- nobody is paid. Whoever has a wallet has been judged, whatever is recorded: it is a repair, too,
-- and after a restore that lost the identities or their salt it would pay everybody again.
create or replace function coinslot.adopt_users() returns void
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
