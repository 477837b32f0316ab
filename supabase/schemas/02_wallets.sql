-- Wallets and the ledger.
--
-- The limits stand in the wallet's checks as a number, not as coinslot.max_amount(): Postgres plans
-- check expressions anew for every statement, and the call would be felt in each spend.
--
-- The wallet row is the balance and the lock; the ledger is the history that must add up to it.
-- Every change of a balance is one wallet update and one ledger insert in the same transaction.

create table public.token_wallets (
  user_id uuid not null,
  tokens bigint not null default 0,
  held bigint not null default 0,
  seq bigint not null default 0,
  closed_at timestamptz,
  merged_into uuid,
  has_merged boolean not null default false,
  updated_at timestamptz not null default clock_timestamp(),
  next_change_at timestamptz not null default '-infinity',
  folded_at timestamptz not null default '-infinity',
  credited bigint not null default 0,
  events bigint not null default 0,
  low_mark bigint,
  low_rearm bigint,
  constraint token_wallets_pkey primary key (user_id),
  constraint token_wallets_tokens_in_range
  check (tokens between -9007199254740991 and 9007199254740991),
  constraint token_wallets_held_in_range check (held between 0 and 9007199254740991),
  constraint token_wallets_seq_not_negative check (seq >= 0),
  -- Nothing may land where nobody looks any more.
  constraint token_wallets_merged_empty check (
    merged_into is null or (tokens = 0 and held = 0 and closed_at is not null)
  )
) with (fillfactor = 50);
comment on table public.token_wallets is
'Balance of each user. What of it can be spent now is get_user_tokens(), and not tokens - held.';
comment on column public.token_wallets.tokens is
'Sum of the ledger. Below zero only by what a gateway took back or by a hold made in time.';
comment on column public.token_wallets.held is
'Tokens set aside by holds, with those that have expired and that nobody has swept yet.';
comment on column public.token_wallets.seq is 'Number of the latest ledger entry.';
comment on column public.token_wallets.closed_at is
'Set when the user was deleted: only reversals follow. Set for good when it was merged.';
comment on column public.token_wallets.merged_into is 'Took what was in here, once and for all.';
comment on column public.token_wallets.has_merged is
'Others were merged into it: what has an idempotency key goes the slow way, which knows theirs.';
comment on column public.token_wallets.next_change_at is
'No lot expires and no refill is due before: until then spends are fast. -infinity: tokens are kept
for a hold, the lots are not made yet, or the next use looks for refills.';
comment on column public.token_wallets.folded_at is
'When what was spent was last drawn from the lots; -infinity = the lots are not made yet.';
comment on column public.token_wallets.credited is
'Sum of all entries that are no spends: less tokens, it is all that was ever spent.';
comment on column public.token_wallets.events is 'Number of the latest event in the outbox.';
comment on column public.token_wallets.low_mark is
'Below so many available tokens an event tells it; null = it was told, or there is no mark.';
comment on column public.token_wallets.low_rearm is 'From so many on it is told again.';

alter table public.token_wallets enable row level security;
revoke all on table public.token_wallets from anon, authenticated, service_role;
grant select on table public.token_wallets to authenticated, service_role;
create policy "People read their own wallet" on public.token_wallets
for select to authenticated using ((select auth.uid()) = user_id);

-- No foreign key to the wallet: entries are written only by functions that hold its row lock, and
-- the check would cost a sixth of the spending rate. verify_ledger() proves what it would have.
create table public.token_ledger (
  user_id uuid not null,
  seq bigint not null,
  delta bigint not null,
  balance bigint not null,
  created_at timestamptz not null default clock_timestamp(),
  payment_id uuid,
  hold_id uuid,
  kind text collate "C" not null,
  caller text collate "C" not null,
  idempotency_key text collate "C",
  feature text,
  reason text not null default '',
  metadata jsonb not null default '{}',
  constraint token_ledger_pkey primary key (user_id, seq),
  constraint token_ledger_kind_known check (
    kind in (
      'signup_bonus', 'purchase', 'spend', 'spend_refund', 'refund', 'dispute', 'reversal', 'grant',
      'adjustment', 'merge_out', 'merge_in', 'test_reversal', 'expiry', 'refill', 'promotion',
      'referral', 'referral_reversal'
    )
  ),
  constraint token_ledger_delta_not_zero check (delta <> 0),
  constraint token_ledger_caller_known check (caller in ('user', 'service', 'system')),
  constraint token_ledger_key_with_caller
  check ((caller = 'system') = (idempotency_key is null)),
  constraint token_ledger_metadata_small check (octet_length(metadata::text) <= 4096)
);
comment on table public.token_ledger is 'Every change of a balance, append-only, ordered by seq.';
comment on column public.token_ledger.seq is 'Gap-free per wallet, from 1. The order of history.';
comment on column public.token_ledger.delta is 'Tokens added (positive) or taken (negative).';
comment on column public.token_ledger.balance is 'Tokens of the wallet after this entry.';
comment on column public.token_ledger.caller is
'Who chose the idempotency key: user, service, or nobody (system).';
comment on column public.token_ledger.hold_id is 'The hold whose capture this is.';

-- A user can never occupy a key of the service, because the caller is part of the key.
create unique index token_ledger_idempotency on public.token_ledger
(user_id, caller, idempotency_key) where idempotency_key is not null;

alter table public.token_ledger enable row level security;
revoke all on table public.token_ledger from anon, authenticated, service_role;
grant select on table public.token_ledger to authenticated, service_role;
create policy "People read their own ledger" on public.token_ledger
for select to authenticated using ((select auth.uid()) = user_id);

-- The one change that the ledger allows: what a user or an app wrote into an entry of somebody who
-- is being erased becomes empty. Sums, keys, places and what the system wrote stay.
create function coinslot.guard_entry() returns trigger
language plpgsql stable set search_path = '' as $$
begin
  if tg_op = 'UPDATE' and new.reason = '' and new.metadata = '{}' and new.caller <> 'system'
    and to_jsonb(new) - '{reason,metadata}'::text[] = to_jsonb(old) - '{reason,metadata}'::text[]
    and exists (
      select from coinslot.erasures e where new.user_id = any (coinslot.histories_of(e.user_id))
      and e.finished_at is null
    )
  then
    return new;
  end if;
  perform coinslot.fail('append_only', jsonb_build_object('table', tg_table_name));
  return null;
end
$$;
comment on function coinslot.guard_entry() is
'Trigger: entries are never changed, but for the texts of who is being erased.';
revoke all on function coinslot.guard_entry() from public;

create trigger token_ledger_append_only before update or delete on public.token_ledger
for each row execute function coinslot.guard_entry();
create trigger token_ledger_no_truncate before truncate on public.token_ledger
for each statement execute function coinslot.refuse_change();

-- What every RPC that moves tokens answers: the entry, and whether it had been written before.
create type public.token_receipt as (
  user_id uuid,
  seq bigint,
  delta bigint,
  balance bigint,
  created_at timestamptz,
  payment_id uuid,
  hold_id uuid,
  kind text,
  idempotency_key text,
  feature text,
  reason text,
  metadata jsonb,
  replayed boolean
);
comment on type public.token_receipt is 'A ledger entry; replayed = it answers a repeated call.';
revoke all on type public.token_receipt from public;
grant usage on type public.token_receipt to authenticated, service_role;

create function coinslot.receipt(entry public.token_ledger, replayed boolean)
returns public.token_receipt
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return row(
    entry.user_id, entry.seq, entry.delta, entry.balance, entry.created_at, entry.payment_id,
    entry.hold_id, entry.kind, entry.idempotency_key, entry.feature, entry.reason,
    entry.metadata, receipt.replayed
  )::public.token_receipt;
end
$$;
comment on function coinslot.receipt(public.token_ledger, boolean) is 'Entry to receipt.';
revoke all on function coinslot.receipt(public.token_ledger, boolean) from public;

-- An entry to be: what its sequence number, balance and time will be is decided when it is written.
-- By name, field for field: a column that a later release adds moves none of them.
create function coinslot.new_entry(
  user_id uuid, kind text, delta bigint, caller text, idempotency_key text default null,
  feature text default null, reason text default '', metadata jsonb default '{}',
  payment_id uuid default null, hold_id uuid default null
) returns public.token_ledger
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  v_entry public.token_ledger;
begin
  v_entry.user_id := new_entry.user_id;
  v_entry.kind := new_entry.kind;
  v_entry.delta := new_entry.delta;
  v_entry.caller := new_entry.caller;
  v_entry.idempotency_key := new_entry.idempotency_key;
  v_entry.feature := new_entry.feature;
  v_entry.reason := new_entry.reason;
  v_entry.metadata := new_entry.metadata;
  v_entry.payment_id := new_entry.payment_id;
  v_entry.hold_id := new_entry.hold_id;
  return v_entry;
end
$$;
comment on function coinslot.new_entry(
  uuid, text, bigint, text, text, text, text, jsonb, uuid, uuid
) is 'A ledger entry that is not written yet.';
revoke all on function coinslot.new_entry(
  uuid, text, bigint, text, text, text, text, jsonb, uuid, uuid
) from public;

-- A grant, the bonus and a purchase make a lot. What follows the money of an order, and a spend
-- that is given back, has functions of its own; here it is only what was under way.
create function coinslot.post_entry(entry public.token_ledger)
returns public.token_receipt
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets;
  v_now timestamptz;
  v_payment public.token_payments;
  v_entry public.token_ledger;
begin
  if coinslot.is_spend(entry.kind, entry.delta) or entry.kind in ('merge_out', 'merge_in') then
    return coinslot.write_entry(entry);
  end if;
  v_wallet := coinslot.lock_wallet(entry.user_id);
  v_now := coinslot.wallet_time(v_wallet);
  if entry.kind = 'spend_refund' then
    select l.* into strict v_entry from public.token_ledger l
    where l.user_id = (entry.metadata ->> 'spend_user')::uuid
      and l.seq = (entry.metadata ->> 'spend_seq')::bigint;
    return coinslot.post_spend_refund(entry, v_entry, v_now);
  elsif entry.kind not in ('refund', 'dispute', 'test_reversal', 'reversal') then
    return coinslot.post_credit(entry, v_wallet, v_now);
  end if;
  select p.* into v_payment from public.token_payments p where p.id = entry.payment_id;
  v_payment.user_id := entry.user_id;
  if entry.delta < 0 then
    perform coinslot.take_tokens(v_payment, -entry.delta, entry.kind);
  else
    perform coinslot.give_back(v_payment, entry.delta);
  end if;
  select l.* into strict v_entry from public.token_ledger l
  where l.user_id = entry.user_id order by l.seq desc limit 1;
  return coinslot.receipt(v_entry, false);
end
$$;
comment on function coinslot.post_entry(public.token_ledger) is
'Writes an entry, moves the balance by it, and keeps the lots.';
revoke all on function coinslot.post_entry(public.token_ledger) from public;

-- Refuses what would never fit, naming the argument. Called off the fast path only.
create function coinslot.check_text(argument text, value text, longest integer) returns void
language plpgsql stable set search_path = '' as $$
begin
  if value is null or length(value) > longest then
    perform coinslot.fail(
      'invalid_argument', jsonb_build_object('argument', argument, 'max_length', longest)
    );
  end if;
end
$$;
comment on function coinslot.check_text(text, text, integer) is 'PT400 for a text too long.';
revoke all on function coinslot.check_text(text, text, integer) from public;

-- Keys are compared byte by byte and kept for ever, so they are bounded and never empty.
create function coinslot.check_call(
  amount bigint, idempotency_key text, reason text, metadata jsonb
) returns void
language plpgsql stable set search_path = '' as $$
begin
  if (amount between 1 and coinslot.max_amount()) is not true then
    perform coinslot.fail('invalid_amount', jsonb_build_object('amount', amount));
  end if;
  if (length(idempotency_key) between 1 and 255) is not true then
    perform coinslot.fail(
      'invalid_argument', '{"argument": "idempotency_key", "min_length": 1, "max_length": 255}'
    );
  end if;
  perform coinslot.check_text('reason', reason, 500);
  if (jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 4096) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "metadata", "max_bytes": 4096}');
  end if;
end
$$;
comment on function coinslot.check_call(bigint, text, text, jsonb) is
'PT400 unless amount, key, reason and metadata can be stored.';
revoke all on function coinslot.check_call(bigint, text, text, jsonb) from public;

-- The wallet, locked, or null where there is none.
create function coinslot.lock_wallet(user_id uuid) returns public.token_wallets
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets;
begin
  select w.* into v_wallet
  from public.token_wallets w where w.user_id = lock_wallet.user_id for update;
  return v_wallet;
end
$$;
comment on function coinslot.lock_wallet(uuid) is 'Locks and reads a wallet.';
revoke all on function coinslot.lock_wallet(uuid) from public;

create function coinslot.check_open(wallet public.token_wallets) returns void
language plpgsql stable set search_path = '' as $$
begin
  if wallet.merged_into is not null then
    perform coinslot.fail('wallet_merged', jsonb_build_object(
      'user_id', wallet.user_id, 'merged_into', (
        select m.owner_user from coinslot.merged_wallets m where m.from_user = wallet.user_id
      )
    ));
  end if;
  if wallet.user_id is null or wallet.closed_at is not null then
    perform coinslot.fail('wallet_not_found');
  end if;
end
$$;
comment on function coinslot.check_open(public.token_wallets) is
'PT404 unless the wallet is open; PT409 if it was merged.';
revoke all on function coinslot.check_open(public.token_wallets) from public;

-- Merged wallets. From then on both are one: what was used up in either is used up, such as an
-- idempotency key, and the orders of both are the owner's, with their events. Entries from before
-- stay in the ledger of the one that was merged, since history is never changed.
create table coinslot.merged_wallets (
  from_user uuid not null,
  into_user uuid not null,
  owner_user uuid not null,
  idempotency_key text collate "C" not null,
  tokens bigint not null,
  balance bigint not null,
  orders bigint not null,
  holds bigint not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint merged_wallets_pkey primary key (from_user),
  constraint merged_wallets_idempotency_key_key unique (idempotency_key),
  constraint merged_wallets_from_user_fkey foreign key (from_user)
  references public.token_wallets (user_id) on delete restrict,
  constraint merged_wallets_into_user_fkey foreign key (into_user)
  references public.token_wallets (user_id) on delete restrict,
  constraint merged_wallets_owner_user_fkey foreign key (owner_user)
  references public.token_wallets (user_id) on delete restrict,
  constraint merged_wallets_two_wallets check (from_user <> into_user and from_user <> owner_user)
);
comment on table coinslot.merged_wallets is
'Which wallet became a part of which, and what it brought.';
comment on column coinslot.merged_wallets.owner_user is
'Who has it now: into_user, or whoever that one was merged into since.';
comment on column coinslot.merged_wallets.tokens is 'Tokens it brought; below zero is a debt.';
comment on column coinslot.merged_wallets.balance is 'Tokens of into_user afterwards.';
create index merged_wallets_into_user on coinslot.merged_wallets (into_user);
create index merged_wallets_owner_user on coinslot.merged_wallets (owner_user);
alter table coinslot.merged_wallets enable row level security;
revoke all on table coinslot.merged_wallets from anon, authenticated, service_role;
create policy "Nobody reads merges through the API" on coinslot.merged_wallets
for select to anon, authenticated using (false);

create function coinslot.histories_of(user_id uuid) returns uuid[]
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return array_prepend(
    histories_of.user_id,
    array(select m.from_user from coinslot.merged_wallets m where m.owner_user = histories_of.user_id)
  );
end
$$;
comment on function coinslot.histories_of(uuid) is
'The wallet and all that were merged into it: whose histories are its own.';
revoke all on function coinslot.histories_of(uuid) from public;

create function coinslot.own_histories() returns uuid[]
language sql stable security definer set search_path = '' as $$
  select coinslot.histories_of(auth.uid())
$$;
comment on function coinslot.own_histories() is
'The signed-in user and all whose wallets were merged into theirs.';
revoke all on function coinslot.own_histories() from public;
grant execute on function coinslot.own_histories() to authenticated;
