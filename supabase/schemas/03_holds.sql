-- Holds: tokens set aside while a job runs, so that nobody pays for a failed one.
--
-- Only the service makes and resolves holds. A person carries their own JWT and could release their
-- hold while the answer is on its way, so holds that users may call would protect nobody.
-- A hold moves wallets.held, not the ledger; only its capture is history.

create table coinslot.token_holds (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  amount bigint not null,
  captured bigint not null default 0,
  asked bigint,
  status text collate "C" not null default 'held',
  feature text,
  idempotency_key text collate "C",
  refund_id uuid,
  reason text not null default '',
  expires_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  resolved_at timestamptz,
  constraint token_holds_pkey primary key (id),
  constraint token_holds_user_id_fkey foreign key (user_id)
  references public.token_wallets (user_id) on delete restrict,
  constraint token_holds_key_or_refund
  check ((idempotency_key is null) = (refund_id is not null)),
  constraint token_holds_amount_positive check (amount between 1 and coinslot.max_amount()),
  constraint token_holds_status_known
  check (status in ('held', 'captured', 'released', 'expired')),
  constraint token_holds_captured_fits
  check (captured between least(asked, amount) and asked or asked is null and captured = 0),
  constraint token_holds_asked_at_capture check ((asked is not null) = (status = 'captured')),
  constraint token_holds_resolved_once check ((status = 'held') = (resolved_at is null))
);
comment on table coinslot.token_holds is 'Tokens set aside for a running job.';
comment on column coinslot.token_holds.captured is
'Tokens taken when the job succeeded: what was asked for of those held, and beyond what was free.';
comment on column coinslot.token_holds.asked is 'Tokens that its capture asked for.';
comment on column coinslot.token_holds.refund_id is
'Set aside by the system for this refund: never expires, and no call but the funnel ends it.';

-- A released or expired hold frees its key; an open or captured one keeps it.
create unique index token_holds_idempotency on coinslot.token_holds (user_id, idempotency_key)
where status in ('held', 'captured');
create index token_holds_open on coinslot.token_holds (user_id, expires_at) where status = 'held';
-- For the sweep alone, which says so by naming infinity: a planner without statistics would take it
-- for one wallet's holds, too, and go through those of everybody.
create index token_holds_expiring on coinslot.token_holds (expires_at)
where status = 'held' and expires_at < 'infinity';
create index token_holds_user_id on coinslot.token_holds (user_id);
create unique index token_holds_refund_id on coinslot.token_holds (refund_id)
where refund_id is not null;

-- People read the four columns that tell how much of their balance is free, so that availability
-- needs no privileged function: row level security decides whose holds are counted.
alter table coinslot.token_holds enable row level security;
revoke all on table coinslot.token_holds from anon, authenticated, service_role;
grant select (user_id, amount, status, expires_at) on table coinslot.token_holds
to authenticated, service_role;
create policy "People count their own holds" on coinslot.token_holds
for select to authenticated using ((select auth.uid()) = user_id);

create type public.token_hold_receipt as (
  id uuid,
  user_id uuid,
  amount bigint,
  captured bigint,
  status text,
  feature text,
  idempotency_key text,
  reason text,
  expires_at timestamptz,
  created_at timestamptz,
  resolved_at timestamptz,
  replayed boolean
);
comment on type public.token_hold_receipt is 'A hold; replayed = it answers a repeated call.';
revoke all on type public.token_hold_receipt from public;
grant usage on type public.token_hold_receipt to authenticated, service_role;

create function coinslot.hold_receipt(hold coinslot.token_holds, replayed boolean)
returns public.token_hold_receipt
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return row(
    hold.id, hold.user_id, hold.amount, hold.captured, hold.status, hold.feature,
    hold.idempotency_key, hold.reason, hold.expires_at, hold.created_at, hold.resolved_at,
    hold_receipt.replayed
  )::public.token_hold_receipt;
end
$$;
comment on function coinslot.hold_receipt(coinslot.token_holds, boolean) is 'Hold to receipt.';
revoke all on function coinslot.hold_receipt(coinslot.token_holds, boolean) from public;

-- Available tokens of a wallet its reader may see. An expired hold counts as released before
-- anybody has swept it, a lot that has ended as expired before anybody has folded it, and a refill
-- that is due as granted, because only the clock decides. Below zero is a debt: what a gateway took
-- back after it was spent.
create function coinslot.available(wallet public.token_wallets) returns bigint
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return wallet.tokens - case when wallet.held = 0 then 0 else (
    select coalesce(sum(h.amount), 0)::bigint
    from coinslot.token_holds h
    where h.user_id = wallet.user_id and h.status = 'held' and h.expires_at > clock_timestamp()
  ) end + case when wallet.next_change_at > clock_timestamp() then 0 else (
    select coinslot.foreseen_refills(wallet, l.tokens) - l.tokens
    from coinslot.lapsed(wallet, greatest(clock_timestamp(), wallet.folded_at)) l (tokens)
  ) end;
end
$$;
comment on function coinslot.available(public.token_wallets) is
'Tokens minus unexpired holds and minus what has expired, with the refills that are due.';
revoke all on function coinslot.available(public.token_wallets) from public;
grant execute on function coinslot.available(public.token_wallets) to authenticated, service_role;

-- None of a wallet that is closed: a JWT outlives its user, and nothing is spent with it.
create function public.get_user_tokens() returns bigint
language plpgsql stable
set search_path = '' set statement_timeout = '1s' as $$
begin
  return coalesce(
    (
      select coinslot.available(w)
      from public.token_wallets w
      where w.user_id = (select coinslot.current_user_id()) and w.closed_at is null
    ), 0
  );
end
$$;
comment on function public.get_user_tokens() is 'Tokens the signed-in user can spend now.';
revoke all on function public.get_user_tokens() from public, anon, authenticated, service_role;
grant execute on function public.get_user_tokens() to authenticated;
grant execute on function coinslot.current_user_id() to authenticated;
grant execute on function coinslot.fail(text, jsonb) to authenticated;

