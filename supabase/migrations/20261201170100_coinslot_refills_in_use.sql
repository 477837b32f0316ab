-- Refills in use: the first use after one is due grants it. The fast path of a spend is as it was:
-- a wallet's next_change_at stands for refills as well.

create or replace function coinslot.note_change(user_id uuid, now timestamptz)
returns public.token_wallets
language plpgsql volatile
set search_path = '' set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_wallet public.token_wallets;
begin
  update public.token_wallets w set
    folded_at = note_change.now,
    next_change_at = (
      select coalesce(least(
        case when l.ends_at <= note_change.now then '-infinity' else l.ends_at end,
        coinslot.next_refill(w.user_id, w.tokens - l.reserved, note_change.now)
      ), 'infinity')
      from (
        select min(o.expires_at) filter (where o.remaining > 0) as ends_at,
          coalesce(sum(o.reserved), 0)::bigint as reserved
        from public.token_lots o
        where o.user_id = note_change.user_id and (o.remaining > 0 or o.reserved > 0)
      ) l
    )
  where w.user_id = note_change.user_id
  returning w.* into strict v_wallet;
  return v_wallet;
end
$$;

-- What pays a debt may make a refill due.
create or replace function coinslot.post_credit(
  entry public.token_ledger, wallet public.token_wallets, now timestamptz,
  expires_at timestamptz default null
) returns public.token_receipt
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets := coinslot.fold_lots(wallet, post_credit.now);
  v_lot public.token_lots := coinslot.lot_of(entry, post_credit.now, post_credit.expires_at);
  v_reserved bigint := case
    when v_wallet.held = 0 then 0 else coinslot.reserved_of(entry.user_id)
  end;
  v_receipt public.token_receipt := coinslot.write_entry(
    entry, post_credit.now, least(
      v_wallet.next_change_at, v_lot.expires_at, coinslot.next_refill(
        entry.user_id, v_wallet.tokens + entry.delta - v_reserved, post_credit.now
      )
    )
  );
begin
  v_lot.seq := v_receipt.seq;
  v_lot.created_at := v_receipt.created_at;
  perform coinslot.make_lot(v_lot, greatest(0, v_reserved - v_wallet.tokens));
  return v_receipt;
end
$$;

-- Available tokens of a wallet its reader may see. An expired hold counts as released before
-- anybody has swept it, a lot that has ended as expired before anybody has folded it, and a refill
-- that is due as granted, because only the clock decides. Below zero is a debt: what a gateway took
-- back after it was spent.
create or replace function coinslot.available(wallet public.token_wallets) returns bigint
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

-- A spend that did not go through at once. With the wallet locked, what is seen is final: the key
-- was used (answer again), the wallet is gone, a lot has ended, a refill is due, expired holds free
-- enough (spend again, which now succeeds), or there are too few tokens. A call that is refused
-- takes its fold back with it; the next one repeats it.
create or replace function coinslot.debit_slowly(attempted public.token_ledger)
returns public.token_receipt
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets := coinslot.lock_wallet(attempted.user_id);
  v_receipt public.token_receipt := coinslot.find_replay(attempted);
  v_now timestamptz;
begin
  if v_receipt.seq is not null then
    return v_receipt;
  end if;
  perform coinslot.check_open(v_wallet);
  if v_wallet.held > 0 and attempted.caller = 'service' then
    perform coinslot.refuse_held_key(attempted.user_id, attempted.idempotency_key);
  end if;
  v_now := coinslot.wallet_time(v_wallet);
  v_wallet := coinslot.grant_refills(coinslot.fold_if_due(v_wallet, v_now), v_now);
  if v_wallet.tokens - v_wallet.held < -attempted.delta then
    perform coinslot.fail('insufficient_tokens', jsonb_build_object(
      'tokens', v_wallet.tokens - v_wallet.held, 'required', -attempted.delta
    ));
  end if;
  return coinslot.write_entry(attempted);
end
$$;

-- A hold moves `held` and draws nothing. It is made at the time by which the wallet was folded: of
-- a lot that has ended by then it can keep nothing. Expired holds are swept first, so that an
-- expired one frees its key and its tokens.
create or replace function coinslot.hold(
  user_id uuid, amount bigint, feature text, idempotency_key text, reason text,
  ttl_seconds integer
) returns public.token_hold_receipt
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets;
  v_now timestamptz;
  v_hold coinslot.token_holds;
begin
  perform coinslot.check_call(hold.amount, hold.idempotency_key, hold.reason, '{}');
  perform coinslot.check_ttl(hold.ttl_seconds);
  v_wallet := coinslot.lock_wallet(hold.user_id);
  v_now := greatest(clock_timestamp(), v_wallet.folded_at);
  if v_wallet.held > 0 or v_wallet.next_change_at <= v_now then
    v_wallet := coinslot.fold_if_due(v_wallet, v_now);
  end if;
  v_hold := coinslot.find_hold_replay(
    hold.user_id, hold.amount, hold.feature, hold.idempotency_key
  );
  if v_hold.id is not null then
    return coinslot.hold_receipt(v_hold, true);
  end if;
  perform coinslot.check_open(v_wallet);
  if v_wallet.next_change_at <= v_now then
    v_wallet := coinslot.grant_refills(v_wallet, v_now);
  end if;
  if v_wallet.tokens - v_wallet.held < hold.amount then
    perform coinslot.fail('insufficient_tokens', jsonb_build_object(
      'tokens', v_wallet.tokens - v_wallet.held, 'required', hold.amount
    ));
  end if;
  update public.token_wallets w set held = w.held + hold.amount, updated_at = clock_timestamp()
  where w.user_id = hold.user_id;
  insert into coinslot.token_holds as h (
    user_id, amount, feature, idempotency_key, reason, created_at, expires_at
  ) values (
    hold.user_id, hold.amount, hold.feature, hold.idempotency_key, hold.reason, v_now,
    v_now + make_interval(secs => hold.ttl_seconds)
  ) returning h.* into v_hold;
  return coinslot.hold_receipt(v_hold, false);
end
$$;

-- Always succeeds on an open hold, even where a refund has meanwhile taken the balance below zero:
-- the work was promised and done. What was held is taken in any case; of what is asked for beyond
-- it, as much as is free. Tokens that were kept for it are drawn now, the soonest ended first; then
-- what no other hold needs of them expires.
create or replace function coinslot.capture_hold(
  hold_id uuid, amount bigint, allow_overage boolean
) returns public.token_capture_receipt
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_hold coinslot.token_holds := coinslot.lock_hold(capture_hold.hold_id);
  v_asked bigint := coalesce(capture_hold.amount, v_hold.amount);
  v_taken bigint := v_asked;
  v_wallet public.token_wallets;
  v_now timestamptz;
  v_receipt public.token_receipt;
begin
  select w.* into strict v_wallet from public.token_wallets w where w.user_id = v_hold.user_id;
  v_now := greatest(clock_timestamp(), v_wallet.folded_at);
  if v_hold.status <> 'held' or v_hold.expires_at <= v_now then
    return coinslot.find_capture(v_hold, v_asked);
  end if;
  if v_wallet.next_change_at <= v_now then
    v_wallet := coinslot.grant_refills(coinslot.fold(v_hold.user_id, v_now), v_now);
  end if;
  if v_asked not between 1 and v_hold.amount then
    if (capture_hold.allow_overage and v_asked between 1 and coinslot.max_amount()) is not true then
      perform coinslot.fail('invalid_amount', jsonb_build_object(
        'amount', v_asked, 'held', v_hold.amount
      ));
    end if;
    v_taken := v_hold.amount + coinslot.overage_of(v_hold, v_asked - v_hold.amount);
  end if;
  if v_wallet.next_change_at = '-infinity' then
    perform coinslot.draw_kept(v_wallet, v_hold, v_taken, v_now);
  end if;
  perform coinslot.resolve_hold(v_hold, 'captured', v_taken, v_asked);
  v_receipt := coinslot.write_entry(coinslot.new_entry(
    v_hold.user_id, 'spend', -v_taken, 'service', v_hold.idempotency_key, v_hold.feature,
    v_hold.reason, '{}', null, v_hold.id
  ));
  if v_wallet.next_change_at = '-infinity' then
    perform coinslot.fold(v_hold.user_id, v_now);
  end if;
  return coinslot.capture_receipt(v_receipt, v_asked - v_taken);
end
$$;

create or replace function coinslot.follow_confirmation() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.grant_signup_bonus(new.id);
  perform coinslot.look_for_refills(new.id);
  return null;
end
$$;

create or replace function coinslot.follow_identity() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.grant_signup_bonus(new.user_id);
  perform coinslot.look_for_refills(new.user_id);
  return null;
end
$$;

-- The orders of both, since a debt of one may be paid with lots of the other. Both are folded at
-- one time, so that nothing is kept for a hold of which the other knows nothing yet.
create or replace function coinslot.lock_for_merge(from_user uuid, into_user uuid)
returns public.token_wallets
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets;
  v_into public.token_wallets;
  v_now timestamptz;
begin
  perform coinslot.check_mergeable(lock_for_merge.from_user);
  perform coinslot.check_mergeable(lock_for_merge.into_user);
  -- By their ids: to sort them by that, a planner may go through the orders of everybody.
  perform from public.token_payments p
  where p.id = any(array(
    select o.id from public.token_payments o
    where o.user_id in (lock_for_merge.from_user, lock_for_merge.into_user)
  ))
  order by p.id for update;
  perform coinslot.lock_wallet(least(lock_for_merge.from_user, lock_for_merge.into_user));
  perform coinslot.lock_wallet(greatest(lock_for_merge.from_user, lock_for_merge.into_user));
  perform coinslot.check_mergeable(lock_for_merge.from_user);
  perform coinslot.check_mergeable(lock_for_merge.into_user);
  perform coinslot.refuse_open_refund(array[lock_for_merge.from_user, lock_for_merge.into_user]);
  v_wallet := coinslot.lock_wallet(lock_for_merge.from_user);
  v_into := coinslot.lock_wallet(lock_for_merge.into_user);
  v_now := greatest(coinslot.wallet_time(v_wallet), v_into.folded_at);
  perform coinslot.fold(lock_for_merge.from_user, v_now);
  perform coinslot.fold(lock_for_merge.into_user, v_now);
  perform coinslot.lapse_refills(lock_for_merge.from_user, lock_for_merge.into_user, v_now);
  v_wallet := coinslot.lock_wallet(lock_for_merge.from_user);
  perform coinslot.check_merged_sums(v_wallet, lock_for_merge.into_user);
  return v_wallet;
end
$$;

comment on column public.token_wallets.next_change_at is
'No lot expires and no refill is due before: until then spends are fast. -infinity: tokens are kept
for a hold, the lots are not made yet, or the next use looks for refills.';
comment on function coinslot.note_change(uuid, timestamptz) is
'Says of a locked wallet when it was folded, and when its next lot ends or refill is due.';
comment on function coinslot.available(public.token_wallets) is
'Tokens minus unexpired holds and minus what has expired, with the refills that are due.';
comment on function coinslot.follow_confirmation() is
'Trigger on auth.users: the bonus and refills follow what is confirmed.';
comment on function coinslot.follow_identity() is
'Trigger on auth.identities: the bonus and refills follow a linked identity.';

notify pgrst, 'reload schema';
