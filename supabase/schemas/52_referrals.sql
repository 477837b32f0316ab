-- Referrals: somebody invites somebody, who pays for the first time. When a while has passed and
-- the money has stayed, both are rewarded; should it go back later, what is left of the rewards
-- does.
--
-- pending: accepted. qualified: the first money came. rewarded: both have their tokens. reversed:
-- there is no reward, or no more. Money is followed in the transaction that it arrives in, which
-- has one wallet locked; rewards touch two, and so are the maintenance's, which waits for none.

create table coinslot.referral_codes (
  user_id uuid not null,
  code text collate "C" not null,
  constraint referral_codes_pkey primary key (user_id),
  constraint referral_codes_code_key unique (code)
);
comment on table coinslot.referral_codes is 'The code by which each person invites others.';
alter table coinslot.referral_codes enable row level security;
revoke all on table coinslot.referral_codes from anon, authenticated, service_role;
create policy "Nobody reads codes of people through the API" on coinslot.referral_codes
for select to anon, authenticated using (false);

create table coinslot.referrals (
  id bigint generated always as identity,
  referrer uuid not null,
  referred uuid not null,
  status text not null default 'pending',
  reason text,
  payment_id uuid,
  due_at timestamptz,
  take_back boolean not null default false,
  reward_user uuid,
  reward_seq bigint,
  reward_lot bigint,
  bonus_user uuid,
  bonus_seq bigint,
  bonus_lot bigint,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint referrals_pkey primary key (id),
  constraint referrals_referred_key unique (referred),
  constraint referrals_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete restrict,
  constraint referrals_two_people check (referrer <> referred),
  constraint referrals_status_known
  check (status in ('pending', 'qualified', 'rewarded', 'reversed')),
  constraint referrals_qualified_by_money
  check (status in ('pending', 'reversed') or num_nulls(payment_id, due_at) = 0)
);
comment on table coinslot.referrals is 'Who was invited by whom, and what came of it.';
comment on column coinslot.referrals.reason is 'Why there is no reward, or no more.';
comment on column coinslot.referrals.payment_id is 'The first order that the invited one paid for.';
comment on column coinslot.referrals.due_at is 'When both are rewarded, if the money has stayed.';
comment on column coinslot.referrals.take_back is
'The money went back after the reward: the maintenance takes what is left of it.';
comment on column coinslot.referrals.reward_user is
'Whose history has the reward of who invited, with its number and its lot; bonus: of the invited.';
create index referrals_referrer on coinslot.referrals (referrer, status);
create index referrals_payment_id on coinslot.referrals (payment_id)
where payment_id is not null;
create index referrals_due on coinslot.referrals (due_at) where status = 'qualified';
create index referrals_take_back on coinslot.referrals (id) where take_back;
alter table coinslot.referrals enable row level security;
revoke all on table coinslot.referrals from anon, authenticated, service_role;
create policy "Nobody reads referrals through the API" on coinslot.referrals
for select to anon, authenticated using (false);

-- An identity is invited once, whichever account it was.
create table coinslot.referral_identities (
  identity_hash text collate "C" not null,
  referral_id bigint not null,
  constraint referral_identities_pkey primary key (identity_hash),
  constraint referral_identities_referral_id_fkey foreign key (referral_id)
  references coinslot.referrals (id) on delete cascade
);
comment on table coinslot.referral_identities is 'Identities that were invited.';
create index referral_identities_referral_id on coinslot.referral_identities (referral_id);
alter table coinslot.referral_identities enable row level security;
revoke all on table coinslot.referral_identities from anon, authenticated, service_role;
create policy "Nobody reads invited identities through the API" on coinslot.referral_identities
for select to anon, authenticated using (false);

-- Of a card a gateway may tell a fingerprint: the same for the same card, whoever has it. Only a
-- salted hash is kept.
create table coinslot.instruments (
  payment_id uuid not null,
  instrument_hash text collate "C" not null,
  constraint instruments_pkey primary key (payment_id, instrument_hash),
  constraint instruments_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete cascade
);
comment on table coinslot.instruments is 'What each order was paid with, where a gateway tells.';
create index instruments_instrument_hash on coinslot.instruments (instrument_hash);
alter table coinslot.instruments enable row level security;
revoke all on table coinslot.instruments from anon, authenticated, service_role;
create policy "Nobody reads instruments through the API" on coinslot.instruments
for select to anon, authenticated using (false);

create function coinslot.note_instrument(order_id text, fingerprint text) returns void
language sql volatile security definer set search_path = '' as $$
  insert into coinslot.instruments (payment_id, instrument_hash)
  select p.id, encode(sha256(convert_to(
    s.identity_salt || p.gateway || ' ' || left(note_instrument.fingerprint, 200), 'UTF8'
  )), 'hex')
  from public.token_payments p cross join coinslot.settings s
  where p.order_id = note_instrument.order_id and s.id
    and length(note_instrument.fingerprint) > 0
  on conflict do nothing
$$;
comment on function coinslot.note_instrument(text, text) is 'See public.coinslot_note_instrument.';
revoke all on function coinslot.note_instrument(text, text) from public;
grant execute on function coinslot.note_instrument(text, text) to service_role;

create function public.coinslot_note_instrument(order_id text, fingerprint text) returns void
language sql volatile set search_path = '' as $$
  select coinslot.note_instrument(
    coinslot_note_instrument.order_id, coinslot_note_instrument.fingerprint
  )
$$;
comment on function public.coinslot_note_instrument(text, text) is
'Service: keeps a hash of the fingerprint that a gateway tells of the card of an order.';
revoke all on function public.coinslot_note_instrument(text, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_note_instrument(text, text) to service_role;

-- ---- inviting ----

create function coinslot.owner_of(user_id uuid) returns uuid
language sql stable set search_path = '' set enable_seqscan = off as $$
  select coalesce((
    select m.owner_user from coinslot.merged_wallets m where m.from_user = owner_of.user_id
  ), owner_of.user_id)
$$;
comment on function coinslot.owner_of(uuid) is 'Who has the wallet of a user now.';
revoke all on function coinslot.owner_of(uuid) from public;

create function coinslot.get_invitation() returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_code text;
  v_counts jsonb;
begin
  -- The page is looked at more often than once: only a new code has the wallet locked.
  select c.code into v_code from coinslot.referral_codes c
  inner join public.token_wallets w on w.user_id = c.user_id and w.closed_at is null
  where c.user_id = v_user_id;
  if not found then
    perform coinslot.check_open(coinslot.lock_wallet(v_user_id));
    insert into coinslot.referral_codes (user_id, code)
    values (v_user_id, left(coinslot.new_code(), 10)) on conflict do nothing;
    select c.code into strict v_code from coinslot.referral_codes c where c.user_id = v_user_id;
  end if;
  select coalesce(jsonb_object_agg(r.status, r.number), '{}') into v_counts
  from (
    select o.status, count(*) as number from coinslot.referrals o
    where o.referrer = any (coinslot.histories_of(v_user_id)) group by o.status
  ) r;
  return (
    select jsonb_build_object(
      'code', v_code, 'reward', s.referral_reward, 'bonus', s.referral_bonus,
      'most', s.max_referrals, 'invited', v_counts, 'accepted', (
        select o.status from coinslot.referrals o
        where o.referred = any (coinslot.histories_of(v_user_id)) order by o.id limit 1
      )
    )
    from coinslot.settings s where s.id
  );
end
$$;
comment on function coinslot.get_invitation() is 'See public.get_token_invitation.';
revoke all on function coinslot.get_invitation() from public;
grant execute on function coinslot.get_invitation() to authenticated;

create function public.get_token_invitation() returns jsonb
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.get_invitation()
$$;
comment on function public.get_token_invitation() is
'The code by which the signed-in user invites others: {code, reward, bonus, most, invited: numbers
by status, accepted: the status of their own invitation}. No reward and no bonus: there are none.';
revoke all on function public.get_token_invitation()
from public, anon, authenticated, service_role;
grant execute on function public.get_token_invitation() to authenticated;

-- Of an account that is gone, or has changed its address, what it had confirmed is known.
create function coinslot.share_identity(one uuid, two uuid) returns boolean
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
revoke all on function coinslot.share_identity(uuid, uuid) from public;

create function coinslot.invitation_problem(referrer uuid, referred uuid, hashes text[])
returns text
language plpgsql stable set search_path = '' as $$
declare
  v_users uuid[] := coinslot.histories_of(invitation_problem.referred);
begin
  return case
    when (select s.referral_reward + s.referral_bonus from coinslot.settings s where s.id) = 0
      then 'off'
    when invitation_problem.hashes = '{}' then 'identity_required'
    when invitation_problem.referrer = any (v_users)
      or coinslot.share_identity(invitation_problem.referrer, invitation_problem.referred)
      then 'own'
    when exists (select from coinslot.referrals r where r.referred = any (v_users))
      or exists (
        select from coinslot.referral_identities i
        where i.identity_hash = any (invitation_problem.hashes)
      ) then 'already'
    when coinslot.has_bought(invitation_problem.referred, invitation_problem.hashes)
      then 'has_bought'
    when exists (
      select from coinslot.referrals r
      where r.referred = any (coinslot.histories_of(invitation_problem.referrer)) and (
        r.referrer = any (v_users) or coinslot.share_identity(
          coinslot.owner_of(r.referrer), invitation_problem.referred
        )
      )
    ) then 'circle'
    when not exists (
      select from public.token_wallets w
      where w.user_id = invitation_problem.referrer and w.closed_at is null
    ) then 'not_found'
  end;
end
$$;
comment on function coinslot.invitation_problem(uuid, uuid, text[]) is
'Why somebody cannot accept an invitation, or null.';
revoke all on function coinslot.invitation_problem(uuid, uuid, text[]) from public;

-- Two who invite each other at the same moment come one after the other. Only they wait, sorted,
-- after their wallets and identities.
create function coinslot.lock_pair(one uuid, two uuid) returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('coinslot.invitation ' || u::text, 0))
  from unnest(array[least(lock_pair.one, lock_pair.two), greatest(lock_pair.one, lock_pair.two)]) u;
end
$$;
comment on function coinslot.lock_pair(uuid, uuid) is
'Locks two people against other invitations between them.';
revoke all on function coinslot.lock_pair(uuid, uuid) from public;

create function coinslot.accept_invitation(code text) returns text
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_hashes text[];
  v_referrer uuid;
  v_problem text;
  v_id bigint;
begin
  perform coinslot.check_open(coinslot.lock_wallet(v_user_id));
  perform coinslot.use_ration(v_user_id);
  v_hashes := coinslot.lock_identities(v_user_id);
  select coinslot.owner_of(c.user_id) into v_referrer from coinslot.referral_codes c
  where c.code = coinslot.normal_code(accept_invitation.code);
  if not found then
    return 'not_found';
  end if;
  perform coinslot.lock_pair(v_referrer, v_user_id);
  v_problem := coinslot.invitation_problem(v_referrer, v_user_id, v_hashes);
  if v_problem is not null then
    return v_problem;
  end if;
  insert into coinslot.referrals as r (referrer, referred) values (v_referrer, v_user_id)
  returning r.id into v_id;
  insert into coinslot.referral_identities (identity_hash, referral_id)
  select h, v_id from unnest(v_hashes) h;
  return 'accepted';
end
$$;
comment on function coinslot.accept_invitation(text) is 'See public.accept_token_invitation.';
revoke all on function coinslot.accept_invitation(text) from public;
grant execute on function coinslot.accept_invitation(text) to authenticated;

create function public.accept_token_invitation(code text) returns text
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.accept_invitation(accept_token_invitation.code)
$$;
comment on function public.accept_token_invitation(text) is
'The signed-in user says who invited them, before they buy for the first time: accepted, or why not:
not_found, own, already, has_bought, circle, identity_required, off.';
revoke all on function public.accept_token_invitation(text)
from public, anon, authenticated, service_role;
grant execute on function public.accept_token_invitation(text) to authenticated;

-- ---- following money ----

-- A part that goes back is a matter between the shop and its buyer; most of it is a sale undone.
create function coinslot.has_kept_money(payment public.token_payments) returns boolean
language sql immutable parallel safe set search_path = ''
return payment.paid > 0
and 2 * (payment.refunded::numeric + payment.withdrawn) <= payment.paid;
comment on function coinslot.has_kept_money(public.token_payments) is
'True while at least half of what was paid for an order is here.';
revoke all on function coinslot.has_kept_money(public.token_payments) from public;

create function coinslot.qualify_referral(payment public.token_payments) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
begin
  update coinslot.referrals r set status = 'qualified', payment_id = payment.id,
    due_at = clock_timestamp() + s.referral_wait, updated_at = clock_timestamp()
  from coinslot.settings s
  where s.id and r.status = 'pending'
    and r.referred = any (coinslot.histories_of(payment.user_id));
end
$$;
comment on function coinslot.qualify_referral(public.token_payments) is
'Notes the first money of somebody who was invited.';
revoke all on function coinslot.qualify_referral(public.token_payments) from public;

-- What was reversed stays so, should the money return.
create function coinslot.undo_referral(payment public.token_payments) returns void
language sql volatile set search_path = '' set enable_seqscan = off as $$
  update coinslot.referrals r set
    status = case r.status when 'qualified' then 'reversed' else r.status end,
    take_back = r.status = 'rewarded', reason = 'money_back', updated_at = clock_timestamp()
  where r.payment_id = payment.id and r.status in ('qualified', 'rewarded') and not r.take_back
$$;
comment on function coinslot.undo_referral(public.token_payments) is
'Notes that the money of a referral has gone back.';
revoke all on function coinslot.undo_referral(public.token_payments) from public;

-- ---- rewarding ----

-- The caller has the referral locked. Nobody is waited for: the maintenance has other wallets.
create function coinslot.try_wallets(user_ids uuid[]) returns boolean
language sql volatile set search_path = '' set enable_seqscan = off as $$
  select count(*) = (select count(distinct u) from unnest(try_wallets.user_ids) u)
  from (
    select from public.token_wallets w where w.user_id = any (try_wallets.user_ids)
    order by w.user_id for update skip locked
  ) locked
$$;
comment on function coinslot.try_wallets(uuid[]) is
'Locks wallets that nobody uses at this moment; false if somebody uses one.';
revoke all on function coinslot.try_wallets(uuid[]) from public;

create function coinslot.referral_problem(referral coinslot.referrals) returns text
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
revoke all on function coinslot.referral_problem(coinslot.referrals) from public;

-- Null of who is gone, and of a wallet that is full.
create function coinslot.post_reward(user_id uuid, tokens bigint, referral_id bigint, side text)
returns public.token_lots
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets := coinslot.lock_wallet(post_reward.user_id);
  v_receipt public.token_receipt;
  v_lot public.token_lots;
begin
  if post_reward.tokens = 0 or v_wallet.closed_at is not null
    or v_wallet.tokens > coinslot.max_amount() - post_reward.tokens
  then
    return null;
  end if;
  v_receipt := coinslot.post_credit(coinslot.new_entry(
    post_reward.user_id, 'referral', post_reward.tokens, 'system',
    metadata => jsonb_build_object('referral', post_reward.referral_id, 'side', post_reward.side)
  ), v_wallet, coinslot.wallet_time(v_wallet));
  select l.* into strict v_lot from public.token_lots l
  where l.user_id = v_receipt.user_id and l.seq = v_receipt.seq;
  return v_lot;
end
$$;
comment on function coinslot.post_reward(uuid, bigint, bigint, text) is
'Credits one side of a referral to a locked wallet; its lot.';
revoke all on function coinslot.post_reward(uuid, bigint, bigint, text) from public;

-- The referrer's wallet is locked, so that the cap is exact.
create function coinslot.reward_referral(referral coinslot.referrals) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_settings coinslot.settings;
  v_referrer uuid := coinslot.owner_of(referral.referrer);
  v_problem text := coinslot.referral_problem(referral);
  v_reward public.token_lots;
  v_bonus public.token_lots;
begin
  select s.* into v_settings from coinslot.settings s where s.id;
  if v_problem is null then
    if (
      select count(*) from coinslot.referrals r
      where r.referrer = any (coinslot.histories_of(v_referrer)) and r.reward_seq is not null
    ) < v_settings.max_referrals then
      v_reward := coinslot.post_reward(
        v_referrer, v_settings.referral_reward, referral.id, 'referrer'
      );
    end if;
    v_bonus := coinslot.post_reward(
      coinslot.owner_of(referral.referred), v_settings.referral_bonus, referral.id, 'referred'
    );
  end if;
  update coinslot.referrals r set
    status = case when v_problem is null then 'rewarded' else 'reversed' end, reason = v_problem,
    reward_user = v_reward.user_id, reward_seq = v_reward.seq, reward_lot = v_reward.id,
    bonus_user = v_bonus.user_id, bonus_seq = v_bonus.seq, bonus_lot = v_bonus.id,
    updated_at = clock_timestamp()
  where r.id = referral.id;
end
$$;
comment on function coinslot.reward_referral(coinslot.referrals) is
'Rewards both sides of a locked referral, or says why not.';
revoke all on function coinslot.reward_referral(coinslot.referrals) from public;

-- From its own lot, wherever that has moved, what is left of it. What holds need stays.
create function coinslot.take_reward(lot_id bigint) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_lot public.token_lots;
  v_wallet public.token_wallets;
  v_now timestamptz;
  v_tokens bigint;
begin
  select l.* into v_lot from public.token_lots l where l.id = take_reward.lot_id;
  if not found then
    return;
  end if;
  v_now := coinslot.wallet_time(coinslot.lock_wallet(v_lot.user_id));
  v_wallet := coinslot.fold(v_lot.user_id, v_now);
  select least(l.remaining, v_wallet.tokens - v_wallet.held) into strict v_tokens
  from public.token_lots l where l.id = v_lot.id;
  if v_tokens > 0 then
    update public.token_lots l set remaining = l.remaining - v_tokens, taken = l.taken + v_tokens
    where l.id = v_lot.id;
    insert into coinslot.lot_draws (lot_id, user_id, seq, cause, tokens)
    values (v_lot.id, v_lot.user_id, v_wallet.seq + 1, 'referral_reversal', v_tokens);
    perform coinslot.write_entry(
      coinslot.new_entry(v_lot.user_id, 'referral_reversal', -v_tokens, 'system')
    );
    perform coinslot.end_change(v_lot.user_id, v_now);
  end if;
end
$$;
comment on function coinslot.take_reward(bigint) is
'Takes what is left of a reward from a locked wallet.';
revoke all on function coinslot.take_reward(bigint) from public;

create function coinslot.take_rewards(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_referral coinslot.referrals;
  v_taken bigint := 0;
begin
  for v_referral in
    select r.* from coinslot.referrals r where r.take_back order by r.id limit take_rewards.batch
    for update skip locked
  loop
    continue when not coinslot.try_wallets(array(
      select l.user_id from public.token_lots l
      where l.id in (v_referral.reward_lot, v_referral.bonus_lot)
    ));
    perform coinslot.take_reward(v_referral.reward_lot);
    perform coinslot.take_reward(v_referral.bonus_lot);
    update coinslot.referrals r
    set status = 'reversed', take_back = false, updated_at = clock_timestamp()
    where r.id = v_referral.id;
    v_taken := v_taken + 1;
  end loop;
  return v_taken;
end
$$;
comment on function coinslot.take_rewards(integer) is
'Takes back what is left of rewards whose money has gone; how many referrals.';
revoke all on function coinslot.take_rewards(integer) from public;

-- While a bank asks for the money, or it is on its way back, nobody is rewarded: it is decided when
-- that is.
create function coinslot.settle_referrals(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_referral coinslot.referrals;
  v_settled bigint := coinslot.take_rewards(settle_referrals.batch);
begin
  for v_referral in
    select r.* from coinslot.referrals r
    inner join public.token_payments p on p.id = r.payment_id
    where r.status = 'qualified' and r.due_at <= clock_timestamp() and p.disputed = 0
      and not exists (
        select from coinslot.refunds o where o.payment_id = p.id and o.finished_at is null
      ) and not exists (
        select from coinslot.payment_attempts a where a.payment_id = p.id and a.refunding > 0
      )
    order by r.due_at limit settle_referrals.batch
    for update of r skip locked
  loop
    continue when not coinslot.try_wallets(array[
      coinslot.owner_of(v_referral.referrer), coinslot.owner_of(v_referral.referred)
    ]);
    perform coinslot.reward_referral(v_referral);
    v_settled := v_settled + 1;
  end loop;
  return v_settled;
end
$$;
comment on function coinslot.settle_referrals(integer) is
'Rewards referrals that are due, and takes back rewards whose money has gone; how many.';
revoke all on function coinslot.settle_referrals(integer) from public;

-- ---- going live ----

-- Test money rewards nobody once real money is taken: who was qualified by it waits for their first
-- real one, and what it has given is taken back.
create function coinslot.forget_test_referrals() returns void
language sql volatile set search_path = '' as $$
  update coinslot.referrals r set
    status = case r.status when 'qualified' then 'pending' else r.status end,
    payment_id = case r.status when 'qualified' then null else r.payment_id end,
    due_at = case r.status when 'qualified' then null else r.due_at end,
    take_back = r.status = 'rewarded',
    reason = case r.status when 'rewarded' then 'test_payment' end,
    updated_at = clock_timestamp()
  from public.token_payments p
  where p.id = r.payment_id and not p.live and r.status in ('qualified', 'rewarded')
$$;
comment on function coinslot.forget_test_referrals() is
'Undoes what test money has done for invitations.';
revoke all on function coinslot.forget_test_referrals() from public;

-- ---- looking at them ----

create function coinslot.list_referrals(status text, page_size integer, before bigint)
returns setof coinslot.referrals
language sql stable security definer set search_path = '' as $$
  select r.* from coinslot.referrals r
  where (list_referrals.status is null or r.status = list_referrals.status)
    and r.id < coalesce(list_referrals.before, coinslot.max_amount())
  order by r.id desc limit least(greatest(coalesce(list_referrals.page_size, 100), 1), 1000)
$$;
comment on function coinslot.list_referrals(text, integer, bigint) is
'See public.coinslot_list_referrals.';
revoke all on function coinslot.list_referrals(text, integer, bigint) from public;
grant execute on function coinslot.list_referrals(text, integer, bigint) to service_role;

create function public.coinslot_list_referrals(
  status text default null, page_size integer default 100, before bigint default null
) returns setof coinslot.referrals
language sql stable set search_path = '' as $$
  select r.* from coinslot.list_referrals(
    coinslot_list_referrals.status, coinslot_list_referrals.page_size,
    coinslot_list_referrals.before
  ) r
$$;
comment on function public.coinslot_list_referrals(text, integer, bigint) is
'Service: who was invited by whom, newest first; before = the last id of the page before.';
revoke all on function public.coinslot_list_referrals(text, integer, bigint)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_list_referrals(text, integer, bigint) to service_role;

-- ---- verification ----

create function coinslot.verify_referrals(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select coalesce(g.user_id, l.user_id), 'referral', count(g.user_id), count(l.user_id)
  from (
    select e.user_id, e.seq from coinslot.referrals r
    cross join lateral (
      values (r.reward_user, r.reward_seq), (r.bonus_user, r.bonus_seq)
    ) e (user_id, seq)
    where e.user_id is not null
      and (verify_referrals.from_user is null or e.user_id >= verify_referrals.from_user)
      and (verify_referrals.to_user is null or e.user_id < verify_referrals.to_user)
  ) g
  full join (
    select o.user_id, o.seq from public.token_ledger o
    where o.kind = 'referral'
      and (verify_referrals.from_user is null or o.user_id >= verify_referrals.from_user)
      and (verify_referrals.to_user is null or o.user_id < verify_referrals.to_user)
  ) l on l.user_id = g.user_id and l.seq = g.seq
  group by coalesce(g.user_id, l.user_id)
  having count(g.user_id) <> count(*) or count(l.user_id) <> count(*);
end
$$;
comment on function coinslot.verify_referrals(uuid, uuid) is
'Users whose rewards and entries do not add up.';
revoke all on function coinslot.verify_referrals(uuid, uuid) from public;
