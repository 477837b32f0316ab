-- Making and resolving holds. Service only.
--
-- Locks are taken wallet first, hold second: a spend that sweeps expired holds takes them in that
-- order too, so the two cannot wait for each other. A hold is read unlocked only to find its
-- wallet.

-- An open or captured hold under the key, as the first result of the same call; PT409 if the key
-- belongs to another call. Of wallets that became one, the keys of all count: its own first, then
-- what fits.
create function coinslot.find_hold_replay(
  user_id uuid, amount bigint, feature text, idempotency_key text
) returns coinslot.token_holds
language plpgsql stable
set search_path = '' set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_users uuid[] := coinslot.histories_of(find_hold_replay.user_id);
  v_hold coinslot.token_holds;
begin
  select h.* into v_hold
  from coinslot.token_holds h
  where h.user_id = any (v_users)
    and h.idempotency_key = find_hold_replay.idempotency_key
    and h.status in ('held', 'captured')
  order by h.user_id = find_hold_replay.user_id desc, (h.feature, h.amount)
    is not distinct from (find_hold_replay.feature, find_hold_replay.amount) desc, h.user_id
  limit 1;
  if found then
    if v_hold.feature is distinct from find_hold_replay.feature
      or (v_hold.feature is null and v_hold.amount <> find_hold_replay.amount)
    then
      perform coinslot.fail('idempotency_key_reused');
    end if;
  elsif exists (
    select from public.token_ledger l
    where l.user_id = any (v_users) and l.caller = 'service'
      and l.idempotency_key = find_hold_replay.idempotency_key
  ) then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  return v_hold;
end
$$;
comment on function coinslot.find_hold_replay(uuid, bigint, text, text) is
'The hold of an earlier identical call, or null.';
revoke all on function coinslot.find_hold_replay(uuid, bigint, text, text) from public;

-- A hold moves `held` and draws nothing. It is made at the time by which the wallet was folded: of
-- a lot that has ended by then it can keep nothing. Expired holds are swept first, so that an
-- expired one frees its key and its tokens.
create function coinslot.hold(
  user_id uuid, amount bigint, feature text, idempotency_key text, reason text,
  ttl_seconds integer
) returns public.token_hold_receipt
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets;
  v_now timestamptz;
  v_hold coinslot.token_holds;
  v_level boolean;
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
  where w.user_id = hold.user_id
  returning w.tokens - w.held < w.low_mark into v_level;
  insert into coinslot.token_holds as h (
    user_id, amount, feature, idempotency_key, reason, created_at, expires_at
  ) values (
    hold.user_id, hold.amount, hold.feature, hold.idempotency_key, hold.reason, v_now,
    v_now + make_interval(secs => hold.ttl_seconds)
  ) returning h.* into v_hold;
  if v_level then
    perform coinslot.check_level(hold.user_id);
  end if;
  return coinslot.hold_receipt(v_hold, false);
end
$$;
comment on function coinslot.hold(uuid, bigint, text, text, text, integer) is
'Sets tokens aside once per user and key.';
revoke all on function coinslot.hold(uuid, bigint, text, text, text, integer) from public;

create function coinslot.check_ttl(ttl_seconds integer) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_longest integer;
begin
  select s.max_hold_seconds into v_longest from coinslot.settings s where s.id;
  if (check_ttl.ttl_seconds between 1 and v_longest) is not true then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'ttl_seconds', 'min', 1, 'max', v_longest
    ));
  end if;
end
$$;
comment on function coinslot.check_ttl(integer) is 'PT400 unless a hold may live that long.';
revoke all on function coinslot.check_ttl(integer) from public;

create function coinslot.hold_tokens_for(
  user_id uuid, amount bigint, idempotency_key text, reason text, ttl_seconds integer
) returns public.token_hold_receipt
language plpgsql volatile security definer set search_path = '' as $$
begin
  return coinslot.hold(
    hold_tokens_for.user_id, hold_tokens_for.amount, null, hold_tokens_for.idempotency_key,
    hold_tokens_for.reason, hold_tokens_for.ttl_seconds
  );
end
$$;
comment on function coinslot.hold_tokens_for(uuid, bigint, text, text, integer) is
'See public.hold_tokens_for.';
revoke all on function coinslot.hold_tokens_for(uuid, bigint, text, text, integer) from public;
grant execute on function coinslot.hold_tokens_for(uuid, bigint, text, text, integer)
to service_role;

create function public.hold_tokens_for(
  user_id uuid, amount bigint, idempotency_key text, reason text default '',
  ttl_seconds integer default 600
) returns public.token_hold_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.hold_tokens_for(
    hold_tokens_for.user_id, hold_tokens_for.amount, hold_tokens_for.idempotency_key,
    hold_tokens_for.reason, hold_tokens_for.ttl_seconds
  );
end
$$;
comment on function public.hold_tokens_for(uuid, bigint, text, text, integer) is
'Service: sets tokens of a user aside until captured, released or expired.';
revoke all on function public.hold_tokens_for(uuid, bigint, text, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.hold_tokens_for(uuid, bigint, text, text, integer)
to service_role;

create function coinslot.hold_feature_for(
  user_id uuid, feature text, idempotency_key text, ttl_seconds integer
) returns public.token_hold_receipt
language plpgsql volatile security definer set search_path = '' as $$
begin
  return coinslot.hold(
    hold_feature_for.user_id, coinslot.feature_price(hold_feature_for.feature),
    hold_feature_for.feature, hold_feature_for.idempotency_key, '', hold_feature_for.ttl_seconds
  );
end
$$;
comment on function coinslot.hold_feature_for(uuid, text, text, integer) is
'See public.hold_feature_for.';
revoke all on function coinslot.hold_feature_for(uuid, text, text, integer) from public;
grant execute on function coinslot.hold_feature_for(uuid, text, text, integer) to service_role;

create function public.hold_feature_for(
  user_id uuid, feature text, idempotency_key text, ttl_seconds integer default 600
) returns public.token_hold_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.hold_feature_for(
    hold_feature_for.user_id, hold_feature_for.feature, hold_feature_for.idempotency_key,
    hold_feature_for.ttl_seconds
  );
end
$$;
comment on function public.hold_feature_for(uuid, text, text, integer) is
'Service: sets aside what a feature costs a user until captured, released or expired.';
revoke all on function public.hold_feature_for(uuid, text, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.hold_feature_for(uuid, text, text, integer) to service_role;

-- While its wallet is waited for, a hold may move to the wallet that takes over: the next look
-- finds it there. No merge waits for a wallet that was merged, so two cannot wait for each other.
create function coinslot.lock_wallet_of_hold(hold_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_locked uuid;
  v_owner uuid;
begin
  loop
    select h.user_id into v_owner from coinslot.token_holds h
    where h.id = lock_wallet_of_hold.hold_id and h.refund_id is null;
    if not found then
      perform coinslot.fail(
        'hold_not_found', jsonb_build_object('hold_id', lock_wallet_of_hold.hold_id)
      );
    end if;
    exit when v_owner = v_locked;
    perform coinslot.lock_wallet(v_owner);
    v_locked := v_owner;
  end loop;
end
$$;
comment on function coinslot.lock_wallet_of_hold(uuid) is
'Locks the wallet that a hold belongs to; PT404 unknown.';
revoke all on function coinslot.lock_wallet_of_hold(uuid) from public;

create function coinslot.lock_hold(hold_id uuid) returns coinslot.token_holds
language plpgsql volatile set search_path = '' as $$
declare
  v_hold coinslot.token_holds;
begin
  perform coinslot.lock_wallet_of_hold(lock_hold.hold_id);
  select h.* into v_hold from coinslot.token_holds h where h.id = lock_hold.hold_id for update;
  return v_hold;
end
$$;
comment on function coinslot.lock_hold(uuid) is 'Locks a hold after its wallet; PT404 unknown.';
revoke all on function coinslot.lock_hold(uuid) from public;

create function coinslot.refuse_resolved(hold coinslot.token_holds) returns void
language plpgsql stable set search_path = '' as $$
begin
  perform coinslot.fail('hold_resolved', jsonb_build_object(
    'status', case hold.status when 'held' then 'expired' else hold.status end,
    'captured', hold.captured
  ));
end
$$;
comment on function coinslot.refuse_resolved(coinslot.token_holds) is
'PT409 with how a hold ended.';
revoke all on function coinslot.refuse_resolved(coinslot.token_holds) from public;

-- The hold, locked after its wallet, if it is still open at this moment of the database's clock.
create function coinslot.open_hold(hold_id uuid) returns coinslot.token_holds
language plpgsql volatile set search_path = '' as $$
declare
  v_hold coinslot.token_holds := coinslot.lock_hold(open_hold.hold_id);
begin
  if v_hold.status <> 'held' or v_hold.expires_at <= clock_timestamp() then
    perform coinslot.refuse_resolved(v_hold);
  end if;
  return v_hold;
end
$$;
comment on function coinslot.open_hold(uuid) is
'Locks wallet and hold; PT404 unknown, PT409 no longer open.';
revoke all on function coinslot.open_hold(uuid) from public;

create function coinslot.resolve_hold(
  hold coinslot.token_holds, status text, captured bigint, asked bigint default null
) returns coinslot.token_holds
language plpgsql volatile set search_path = '' as $$
declare
  v_hold coinslot.token_holds;
  v_level boolean;
begin
  update coinslot.token_holds h
  set status = resolve_hold.status, captured = resolve_hold.captured, asked = resolve_hold.asked,
    resolved_at = clock_timestamp()
  where h.id = hold.id
  returning h.* into strict v_hold;
  update public.token_wallets w set held = w.held - hold.amount, updated_at = clock_timestamp()
  where w.user_id = hold.user_id
  returning w.tokens - w.held >= w.low_rearm into v_level;
  if v_level then
    perform coinslot.check_level(hold.user_id);
  end if;
  return v_hold;
end
$$;
comment on function coinslot.resolve_hold(coinslot.token_holds, text, bigint, bigint) is
'Ends an open, locked hold and frees what it set aside.';
revoke all on function coinslot.resolve_hold(coinslot.token_holds, text, bigint, bigint)
from public;

create type public.token_capture_receipt as (
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
  replayed boolean,
  missing bigint
);
comment on type public.token_capture_receipt is
'The spend of a captured hold; missing = tokens that were asked for and not there.';
revoke all on type public.token_capture_receipt from public;
grant usage on type public.token_capture_receipt to service_role;

create function coinslot.capture_receipt(receipt public.token_receipt, missing bigint)
returns public.token_capture_receipt
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return row(
    receipt.user_id, receipt.seq, receipt.delta, receipt.balance, receipt.created_at,
    receipt.payment_id, receipt.hold_id, receipt.kind, receipt.idempotency_key, receipt.feature,
    receipt.reason, receipt.metadata, receipt.replayed, capture_receipt.missing
  )::public.token_capture_receipt;
end
$$;
comment on function coinslot.capture_receipt(public.token_receipt, bigint) is
'The receipt of a capture.';
revoke all on function coinslot.capture_receipt(public.token_receipt, bigint) from public;

-- The entry has the key that the hold had, and both stay where the capture was made.
create function coinslot.find_capture(hold coinslot.token_holds, asked bigint)
returns public.token_capture_receipt
language plpgsql stable set search_path = '' as $$
declare
  v_entry public.token_ledger;
begin
  if (hold.status = 'captured' and hold.asked = find_capture.asked) is not true then
    perform coinslot.refuse_resolved(hold);
  end if;
  select l.* into strict v_entry from public.token_ledger l
  where l.user_id = hold.user_id and l.caller = 'service'
    and l.idempotency_key = hold.idempotency_key and l.hold_id = hold.id;
  return coinslot.capture_receipt(coinslot.receipt(v_entry, true), hold.asked - hold.captured);
end
$$;
comment on function coinslot.find_capture(coinslot.token_holds, bigint) is
'The receipt of an earlier identical capture; PT409 if the hold ended otherwise.';
revoke all on function coinslot.find_capture(coinslot.token_holds, bigint) from public;

-- Counts the open holds by the clock and writes nothing: to sweep them could end this one, too, at
-- the very moment of its capture. A balance has a lowest value; what would go below it is missing.
create function coinslot.overage_of(hold coinslot.token_holds, beyond bigint) returns bigint
language sql stable set search_path = '' as $$
  select least(overage_of.beyond, greatest(0, w.tokens - hold.amount + case
    when s.overage_into_debt then coinslot.max_amount()
    else -(
      select coalesce(sum(h.amount), 0)::bigint from coinslot.token_holds h
      where h.user_id = w.user_id and h.status = 'held' and h.id <> hold.id
        and h.expires_at > clock_timestamp()
    )
  end))
  from public.token_wallets w cross join coinslot.settings s
  where w.user_id = hold.user_id and s.id
$$;
comment on function coinslot.overage_of(coinslot.token_holds, bigint) is
'How many tokens beyond a locked hold its capture may take.';
revoke all on function coinslot.overage_of(coinslot.token_holds, bigint) from public;

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

-- Always succeeds on an open hold, even where a refund has meanwhile taken the balance below zero:
-- the work was promised and done. What was held is taken in any case; of what is asked for beyond
-- it, as much as is free. Tokens that were kept for it are drawn now, the soonest ended first; then
-- what no other hold needs of them expires.
create function coinslot.capture_hold(
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
comment on function coinslot.capture_hold(uuid, bigint, boolean) is
'See public.capture_token_hold.';
revoke all on function coinslot.capture_hold(uuid, bigint, boolean) from public;
grant execute on function coinslot.capture_hold(uuid, bigint, boolean) to service_role;

create function public.capture_token_hold(
  hold_id uuid, amount bigint default null, allow_overage boolean default false
) returns public.token_capture_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.capture_hold(
    capture_token_hold.hold_id, capture_token_hold.amount, capture_token_hold.allow_overage
  );
end
$$;
comment on function public.capture_token_hold(uuid, bigint, boolean) is
'Service: spends all or part of an open hold and frees the rest, once per hold. With allow_overage
also more than was held, as far as it is there.';
revoke all on function public.capture_token_hold(uuid, bigint, boolean)
from public, anon, authenticated, service_role;
grant execute on function public.capture_token_hold(uuid, bigint, boolean) to service_role;

-- What was kept for a hold expires with its end, in the same transaction.
create function coinslot.release_hold(hold_id uuid) returns public.token_hold_receipt
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
comment on function coinslot.release_hold(uuid) is 'See public.release_token_hold.';
revoke all on function coinslot.release_hold(uuid) from public;
grant execute on function coinslot.release_hold(uuid) to service_role;

create function public.release_token_hold(hold_id uuid) returns public.token_hold_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.release_hold(release_token_hold.hold_id);
end
$$;
comment on function public.release_token_hold(uuid) is
'Service: frees what an open hold set aside; nothing is spent.';
revoke all on function public.release_token_hold(uuid)
from public, anon, authenticated, service_role;
grant execute on function public.release_token_hold(uuid) to service_role;
