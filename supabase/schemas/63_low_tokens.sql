-- Told ahead: tokens that run low, tokens that expire, deposits that are due.
--
-- A wallet keeps the level that it is told at, so that a spend compares two numbers it has in hand
-- and writes nothing more. Below `low_mark` it is told once, and armed again at `low_rearm`: one of
-- the two is set, or neither where there is no mark. What a call does halfway is not told: it is
-- judged when its transaction ends.

create table coinslot.level_checks (
  id bigint generated always as identity,
  user_id uuid not null,
  constraint level_checks_pkey primary key (id)
);
comment on table coinslot.level_checks is
'Wallets whose level is judged at the end of this transaction: always empty.';
alter table coinslot.level_checks enable row level security;
revoke all on table coinslot.level_checks from anon, authenticated, service_role;
revoke all on sequence coinslot.level_checks_id_seq from anon, authenticated, service_role;
create policy "Nobody reads level checks through the API" on coinslot.level_checks
for select to anon, authenticated using (false);

create function coinslot.check_level(user_id uuid) returns void
language sql volatile set search_path = '' as $$
  insert into coinslot.level_checks (user_id) values (check_level.user_id)
$$;
comment on function coinslot.check_level(uuid) is
'Has the level of a locked wallet judged at the end of the transaction.';
revoke all on function coinslot.check_level(uuid) from public;

-- A hold that has expired and was not swept makes a wallet look low that is not: it stays armed.
create function coinslot.judge_level() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets;
  v_left bigint;
  v_settings coinslot.settings;
begin
  delete from coinslot.level_checks c where c.id = new.id;
  select w.* into v_wallet from public.token_wallets w
  where w.user_id = new.user_id and w.closed_at is null
    and (w.low_mark is not null or w.low_rearm is not null);
  if not found then
    return null;
  end if;
  select s.* into v_settings from coinslot.settings s where s.id;
  v_left := coinslot.available(v_wallet);
  if v_settings.low_mark is null or v_left >= v_wallet.low_rearm then
    update public.token_wallets w set low_mark = v_settings.low_mark, low_rearm = null
    where w.user_id = new.user_id;
  elsif v_left < v_wallet.low_mark then
    update public.token_wallets w
    set low_mark = null, low_rearm = v_settings.low_mark + v_settings.low_margin
    where w.user_id = new.user_id;
    perform coinslot.emit('wallet.low', new.user_id, jsonb_build_object(
      'tokens', v_left, 'mark', v_wallet.low_mark
    ));
  end if;
  return null;
end
$$;
comment on function coinslot.judge_level() is
'Trigger at the end of a transaction: tells that a wallet is low, or arms it again.';
revoke all on function coinslot.judge_level() from public;
create constraint trigger level_checks_judged after insert on coinslot.level_checks
deferrable initially deferred
for each row execute function coinslot.judge_level();

create function coinslot.arm_wallet() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
begin
  select s.low_mark + s.low_margin into new.low_rearm from coinslot.settings s where s.id;
  return new;
end
$$;
comment on function coinslot.arm_wallet() is
'Trigger: a new wallet is armed once it is full enough.';
revoke all on function coinslot.arm_wallet() from public;
create trigger token_wallets_armed before insert on public.token_wallets
for each row execute function coinslot.arm_wallet();

-- ---- walks of the maintenance ----

create table coinslot.event_walks (
  name text not null,
  at timestamptz not null default '-infinity',
  after_id text not null default '',
  constraint event_walks_pkey primary key (name)
);
comment on table coinslot.event_walks is
'How far the maintenance has told: deposits that are due, lots that expire, wallets of a new mark.';
comment on column coinslot.event_walks.at is 'What is due until then was told.';
insert into coinslot.event_walks (name, at) values
('deposits', clock_timestamp() + interval '1 day'),
('expiry', clock_timestamp() + interval '7 days');
alter table coinslot.event_walks enable row level security;
revoke all on table coinslot.event_walks from anon, authenticated, service_role;
create policy "Nobody reads event walks through the API" on coinslot.event_walks
for select to anon, authenticated using (false);

create function coinslot.spread_low_mark() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
begin
  insert into coinslot.event_walks (name) values ('low_mark')
  on conflict (name) do update set after_id = '';
  return null;
end
$$;
comment on function coinslot.spread_low_mark() is
'Trigger: has the maintenance tell all wallets of a new mark.';
revoke all on function coinslot.spread_low_mark() from public;
create trigger settings_low_mark_spread after update on coinslot.settings
for each row when (
  (old.low_mark, old.low_margin) is distinct from (new.low_mark, new.low_margin)
)
execute function coinslot.spread_low_mark();

-- Who is below a new mark already is not told. Waits for nobody and passes nobody by.
create function coinslot.arm_wallets(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_walk coinslot.event_walks;
  v_user uuid;
  v_wallet public.token_wallets;
  v_mark bigint;
  v_margin bigint;
  v_wallets bigint := 0;
begin
  select k.* into v_walk from coinslot.event_walks k where k.name = 'low_mark'
  for update skip locked;
  if not found then
    return 0;
  end if;
  select s.low_mark, s.low_margin into v_mark, v_margin from coinslot.settings s where s.id;
  for v_user in
    select w.user_id from public.token_wallets w
    where w.user_id > coalesce(
      nullif(v_walk.after_id, ''), '00000000-0000-0000-0000-000000000000'
    )::uuid
    order by w.user_id limit arm_wallets.batch
  loop
    select w.* into v_wallet from public.token_wallets w where w.user_id = v_user
    for update skip locked;
    if not found then
      update coinslot.event_walks k set after_id = v_walk.after_id where k.name = 'low_mark';
      return v_wallets;
    end if;
    v_wallet.low_rearm := case
      when coinslot.available(v_wallet) >= v_mark + case
        when v_wallet.low_mark is null then v_margin else 0 end then null
      else v_mark + v_margin
    end;
    update public.token_wallets w set
      low_rearm = v_wallet.low_rearm,
      low_mark = case when v_wallet.low_rearm is null then v_mark end
    where w.user_id = v_user
      and (w.low_mark, w.low_rearm) is distinct from
      (case when v_wallet.low_rearm is null then v_mark end, v_wallet.low_rearm);
    v_walk.after_id := v_user;
    v_wallets := v_wallets + 1;
  end loop;
  if v_wallets < arm_wallets.batch then
    delete from coinslot.event_walks k where k.name = 'low_mark';
  else
    update coinslot.event_walks k set after_id = v_walk.after_id where k.name = 'low_mark';
  end if;
  return v_wallets;
end
$$;
comment on function coinslot.arm_wallets(integer) is
'Tells wallets of a new mark; how many.';
revoke all on function coinslot.arm_wallets(integer) from public;

create function coinslot.end_walk(walk coinslot.event_walks) returns void
language sql volatile set search_path = '' as $$
  update coinslot.event_walks k set at = greatest(k.at, walk.at), after_id = walk.after_id
  where k.name = walk.name
$$;
comment on function coinslot.end_walk(coinslot.event_walks) is 'Keeps how far a walk has come.';
revoke all on function coinslot.end_walk(coinslot.event_walks) from public;

-- An account that is open for less than a day is not told of twice. What is locked is moving: the
-- walk stops there, and goes on the next time.
create function coinslot.remind_of_deposits(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_walk coinslot.event_walks;
  v_until timestamptz := clock_timestamp() + interval '1 day';
  v_id uuid;
  v_payment public.token_payments;
  v_looked bigint := 0;
  v_told bigint := 0;
begin
  select k.* into v_walk from coinslot.event_walks k where k.name = 'deposits'
  for update skip locked;
  for v_id in
    select p.id from public.token_payments p
    where p.status in ('pending', 'awaiting_deposit', 'failed')
      and p.status = 'awaiting_deposit' and p.virtual_account is not null
      and (p.expires_at, p.id::text) > (v_walk.at, v_walk.after_id) and p.expires_at >= v_walk.at
      and p.expires_at <= v_until
    order by p.expires_at, p.id::text limit remind_of_deposits.batch
  loop
    select p.* into v_payment from public.token_payments p where p.id = v_id for update skip locked;
    if not found then
      exit;
    end if;
    perform from public.token_wallets w where w.user_id = v_payment.user_id for update skip locked;
    if not found then
      exit;
    end if;
    v_looked := v_looked + 1;
    v_walk.at := v_payment.expires_at;
    v_walk.after_id := v_payment.id;
    if v_payment.status = 'awaiting_deposit' and v_payment.expires_at > clock_timestamp() then
      v_told := v_told + 1;
      perform coinslot.emit(
        'deposit.due', v_payment.user_id,
        coinslot.payment_data(v_payment) || jsonb_build_object('due_at', v_payment.expires_at)
      );
    end if;
  end loop;
  if v_id is null then
    v_walk.at := v_until;
    v_walk.after_id := '';
  end if;
  perform coinslot.end_walk(v_walk);
  return v_told;
end
$$;
comment on function coinslot.remind_of_deposits(integer) is
'Tells of deposits that are due within a day, each once; how many.';
revoke all on function coinslot.remind_of_deposits(integer) from public;

-- All that expires of a wallet at one time is one event, told at the first of its lots. Refills
-- come again by themselves, and what lives for less than the notice is not told of.
create function coinslot.tell_of_expiry(lot public.token_lots, ahead interval) returns boolean
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets;
  v_tokens bigint;
  v_paid boolean;
begin
  select w.* into v_wallet from public.token_wallets w where w.user_id = lot.user_id
  for update skip locked;
  if not found then
    return null;
  elsif v_wallet.closed_at is not null or exists (
    select from public.token_lots l
    where l.user_id = lot.user_id and l.expires_at = lot.expires_at and l.id < lot.id
      and l.kind <> 'refill' and l.expires_at - l.created_at > ahead
  ) then
    return false;
  end if;
  perform coinslot.fold(lot.user_id, coinslot.wallet_time(v_wallet));
  select sum(l.remaining), bool_or(l.paid) into v_tokens, v_paid
  from public.token_lots l
  where l.user_id = lot.user_id and l.expires_at = lot.expires_at and l.kind <> 'refill'
    and l.remaining > 0 and l.expires_at - l.created_at > ahead;
  if v_tokens is null then
    return false;
  end if;
  perform coinslot.emit('wallet.tokens_expiring', lot.user_id, jsonb_build_object(
    'tokens', v_tokens, 'expires_at', lot.expires_at, 'paid', v_paid
  ));
  return true;
end
$$;
comment on function coinslot.tell_of_expiry(public.token_lots, interval) is
'Tells of a lot that is about to expire; null = its wallet is in use.';
revoke all on function coinslot.tell_of_expiry(public.token_lots, interval) from public;

create function coinslot.remind_of_expiry(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_walk coinslot.event_walks;
  v_ahead interval := (select s.expiring_ahead from coinslot.settings s where s.id);
  v_until timestamptz := clock_timestamp() + v_ahead;
  v_lot public.token_lots;
  v_last bigint;
  v_told boolean;
  v_count bigint := 0;
begin
  select k.* into v_walk from coinslot.event_walks k where k.name = 'expiry'
  for update skip locked;
  if not found or v_until is null then
    return 0;
  end if;
  for v_lot in
    select l.* from public.token_lots l
    where l.remaining > 0 and l.expires_at < 'infinity'
      and (l.expires_at, l.id) > (v_walk.at, coalesce(nullif(v_walk.after_id, ''), '0')::bigint)
      and l.expires_at <= v_until
    order by l.expires_at, l.id limit remind_of_expiry.batch
  loop
    v_last := v_lot.id;
    v_told := v_lot.kind <> 'refill' and v_lot.expires_at - v_lot.created_at > v_ahead;
    if v_told then
      v_told := coinslot.tell_of_expiry(v_lot, v_ahead);
    end if;
    exit when v_told is null;
    v_walk.at := v_lot.expires_at;
    v_walk.after_id := v_lot.id;
    v_count := v_count + v_told::integer;
  end loop;
  if v_last is null then
    v_walk.at := v_until;
    v_walk.after_id := '';
  end if;
  perform coinslot.end_walk(v_walk);
  return v_count;
end
$$;
comment on function coinslot.remind_of_expiry(integer) is
'Tells of tokens that are about to expire, each once; how many.';
revoke all on function coinslot.remind_of_expiry(integer) from public;
