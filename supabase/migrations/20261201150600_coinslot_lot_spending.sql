-- Spending and holds with lots.
--
-- A spend's fast path asks for one thing more: that nothing of the wallet has ended. Postgres asks
-- it anew when it has waited for a changed row. Whether a spend came before an expiry is what this
-- said.

-- A spend that did not go through at once. With the wallet locked, what is seen is final: the key
-- was used (answer again), the wallet is gone, a lot has ended, expired holds free enough (spend
-- again, which now succeeds), or there are too few tokens. A call that is refused takes its fold
-- back with it; the next one repeats it.
create or replace function coinslot.debit_slowly(attempted public.token_ledger)
returns public.token_receipt
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets := coinslot.lock_wallet(attempted.user_id);
  v_receipt public.token_receipt := coinslot.find_replay(attempted);
begin
  if v_receipt.seq is not null then
    return v_receipt;
  end if;
  perform coinslot.check_open(v_wallet);
  if v_wallet.held > 0 and attempted.caller = 'service' then
    perform coinslot.refuse_held_key(attempted.user_id, attempted.idempotency_key);
  end if;
  v_wallet := coinslot.fold_if_due(v_wallet, coinslot.wallet_time(v_wallet));
  if v_wallet.tokens - v_wallet.held < -attempted.delta then
    perform coinslot.fail('insufficient_tokens', jsonb_build_object(
      'tokens', v_wallet.tokens - v_wallet.held, 'required', -attempted.delta
    ));
  end if;
  return coinslot.write_entry(attempted);
end
$$;

-- Takes tokens. A repeated key makes the insert do nothing although the wallet has paid: the row
-- is still locked by us, so what it paid goes back before anybody can see it. Two statements cost
-- less here than one with two CTEs, and what is usual is checked in place: a call would be felt,
-- even that of coinslot.max_amount().
create or replace function coinslot.debit(
  user_id uuid, caller text, amount bigint, feature text, idempotency_key text, reason text,
  metadata jsonb
) returns public.token_receipt
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_tokens bigint;
  v_held bigint;
  v_seq bigint;
  v_now timestamptz;
begin
  if (
    debit.amount between 1 and 9007199254740991 and length(debit.reason) <= 500
    and length(debit.idempotency_key) between 1 and 255 and debit.metadata = '{}'
  ) is not true then
    perform coinslot.check_call(
      debit.amount, debit.idempotency_key, debit.reason, debit.metadata
    );
  end if;
  update public.token_wallets w
  set tokens = w.tokens - debit.amount, seq = w.seq + 1, updated_at = clock_timestamp()
  where w.user_id = debit.user_id and w.tokens - w.held >= debit.amount and w.closed_at is null
    and not w.has_merged and w.next_change_at > clock_timestamp()
  returning w.tokens, w.held, w.seq, w.updated_at into v_tokens, v_held, v_seq, v_now;
  if found then
    insert into public.token_ledger (
      user_id, seq, delta, balance, created_at, kind, caller, idempotency_key, feature, reason,
      metadata
    ) values (
      debit.user_id, v_seq, -debit.amount, v_tokens, v_now, 'spend', debit.caller,
      debit.idempotency_key, debit.feature, debit.reason, debit.metadata
    )
    on conflict (user_id, caller, idempotency_key) where idempotency_key is not null do nothing;
    if found then
      if debit.caller = 'service' and v_held > 0 then
        perform coinslot.refuse_held_key(debit.user_id, debit.idempotency_key);
      end if;
      return row(
        debit.user_id, v_seq, -debit.amount, v_tokens, v_now, null, null, 'spend',
        debit.idempotency_key, debit.feature, debit.reason, debit.metadata, false
      )::public.token_receipt;
    end if;
    update public.token_wallets w set tokens = w.tokens + debit.amount, seq = w.seq - 1
    where w.user_id = debit.user_id;
  end if;
  return coinslot.debit_slowly(coinslot.new_entry(
    debit.user_id, 'spend', -debit.amount, debit.caller, debit.idempotency_key, debit.feature,
    debit.reason, debit.metadata
  ));
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
    v_wallet := coinslot.fold(v_hold.user_id, v_now);
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

-- The places of what it draws follow all that was spent before, and the rest of the capture follows
-- them.
create function coinslot.draw_kept(
  wallet public.token_wallets, hold coinslot.token_holds, tokens bigint, now timestamptz
) returns void
language sql volatile set search_path = '' as $$
  select count(*) from coinslot.draw_lots(
    wallet.user_id, draw_kept.tokens, 'spend', wallet.seq + 1, draw_kept.now,
    wallet.credited - wallet.tokens, held_at => hold.created_at
  )
$$;
comment on function coinslot.draw_kept(
  public.token_wallets, coinslot.token_holds, bigint, timestamptz
) is 'Draws from lots that were kept for a hold, at its capture.';
revoke all on function coinslot.draw_kept(
  public.token_wallets, coinslot.token_holds, bigint, timestamptz
) from public;

-- What was kept for a hold expires with its end, in the same transaction.
create or replace function coinslot.release_hold(hold_id uuid) returns public.token_hold_receipt
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_hold coinslot.token_holds :=
    coinslot.resolve_hold(coinslot.open_hold(release_hold.hold_id), 'released', 0);
  v_wallet public.token_wallets;
begin
  select w.* into strict v_wallet from public.token_wallets w where w.user_id = v_hold.user_id;
  if v_wallet.next_change_at <= clock_timestamp() then
    perform coinslot.fold_if_due(v_wallet, coinslot.wallet_time(v_wallet));
  end if;
  return coinslot.hold_receipt(v_hold, false);
end
$$;

-- Wallets in use are skipped: whoever has one locked sweeps it, or the next run will.
create or replace function coinslot.expire_holds(batch integer) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets;
  v_wallets bigint := 0;
begin
  for v_wallet in
    select w.* from public.token_wallets w
    where w.user_id in (
      select h.user_id from coinslot.token_holds h
      where h.status = 'held' and h.expires_at < 'infinity'
        and h.expires_at <= clock_timestamp()
      order by h.expires_at limit expire_holds.batch
    )
    order by w.user_id for update skip locked
  loop
    perform coinslot.fold_if_due(v_wallet, coinslot.wallet_time(v_wallet));
    v_wallets := v_wallets + 1;
  end loop;
  return v_wallets;
end
$$;

-- Open orders are canceled, so that no money is taken for somebody who cannot be credited. Open
-- holds are released: nobody is left to receive what they were set aside for; only refunds go on. A
-- closed wallet takes only what a gateway gives or takes back.
create or replace function coinslot.close_wallet(user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets;
begin
  perform coinslot.close_orders(close_wallet.user_id);
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

notify pgrst, 'reload schema';
