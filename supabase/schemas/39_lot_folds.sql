-- The fold: what was spent since the last one is drawn from the lots, and what has ended expires.
--
-- It needs the wallet's lock from an earlier statement: one that locks and reads lots reads them as
-- they were before it waited. It needs one reading of the clock for all that a call does: with two
-- a hold could be open for its capture and expired for the fold. Its plans are generic
-- ones: to plan its statements anew would take longer than to run them.

-- Time never goes back for a wallet, whatever the clock does: expired is final.
create function coinslot.wallet_time(wallet public.token_wallets) returns timestamptz
language plpgsql volatile set search_path = '' as $$
begin
  return greatest(clock_timestamp(), wallet.folded_at);
end
$$;
comment on function coinslot.wallet_time(public.token_wallets) is
'The present of a locked wallet: read once in a call.';
revoke all on function coinslot.wallet_time(public.token_wallets) from public;

create function coinslot.is_spend(kind text, delta bigint) returns boolean
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return is_spend.kind = 'spend' or is_spend.kind = 'adjustment' and is_spend.delta < 0;
end
$$;
comment on function coinslot.is_spend(text, bigint) is
'True of an entry that draws from lots at the next fold.';
revoke all on function coinslot.is_spend(text, bigint) from public;

-- Frees what holds set aside that have expired by this time. The caller has the wallet's row lock,
-- which every resolution of a hold takes first, so no hold is counted twice. Never without a fold
-- where one is due: tokens - held would count what was kept for them.
create function coinslot.sweep_holds(user_id uuid, now timestamptz) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_freed bigint;
  v_level boolean;
begin
  with expired as (
    update coinslot.token_holds h
    set status = 'expired', resolved_at = clock_timestamp()
    where h.user_id = sweep_holds.user_id and h.status = 'held'
      and h.expires_at <= sweep_holds.now
    returning h.amount
  )
  select coalesce(sum(expired.amount), 0) into v_freed from expired;
  if v_freed > 0 then
    update public.token_wallets w set held = w.held - v_freed, updated_at = clock_timestamp()
    where w.user_id = sweep_holds.user_id
    returning w.tokens - w.held >= w.low_rearm into v_level;
    if v_level then
      perform coinslot.check_level(sweep_holds.user_id);
    end if;
  end if;
  return v_freed;
end
$$;
comment on function coinslot.sweep_holds(uuid, timestamptz) is
'Releases the holds of a locked wallet that have expired by then; tokens freed.';
revoke all on function coinslot.sweep_holds(uuid, timestamptz) from public;

-- The entry alone, with the wallet's update. post_entry() keeps the lots as well. The times are
-- those of a fold that came before: one update says both.
create function coinslot.write_entry(
  entry public.token_ledger, folded_at timestamptz default null,
  next_change_at timestamptz default null
) returns public.token_receipt
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_credited bigint := case
    when coinslot.is_spend(entry.kind, entry.delta) then 0 else entry.delta
  end;
  v_level boolean;
begin
  update public.token_wallets w
  set tokens = w.tokens + entry.delta, seq = w.seq + 1, credited = w.credited + v_credited,
    updated_at = clock_timestamp(),
    folded_at = coalesce(write_entry.folded_at, w.folded_at),
    next_change_at = coalesce(write_entry.next_change_at, w.next_change_at)
  where w.user_id = entry.user_id
  returning w.tokens, w.seq,
    w.tokens - w.held < w.low_mark or w.tokens - w.held >= w.low_rearm
  into strict entry.balance, entry.seq, v_level;
  insert into public.token_ledger as l (
    user_id, seq, delta, balance, payment_id, hold_id, kind, caller, idempotency_key, feature,
    reason, metadata
  ) values (
    entry.user_id, entry.seq, entry.delta, entry.balance, entry.payment_id, entry.hold_id,
    entry.kind, entry.caller, entry.idempotency_key, entry.feature, entry.reason, entry.metadata
  ) returning l.created_at into entry.created_at;
  if v_level then
    perform coinslot.check_level(entry.user_id);
  end if;
  return coinslot.receipt(entry, false);
end
$$;
comment on function coinslot.write_entry(public.token_ledger, timestamptz, timestamptz) is
'Writes an entry and moves the balance by it; its lots are the caller''s.';
revoke all on function coinslot.write_entry(public.token_ledger, timestamptz, timestamptz)
from public;

-- Takes tokens out of lots in the order of drawing, as far as there are any: those that were live
-- at `live_at` first, then what is kept for holds. `part` is what they are taken from: remaining,
-- or reserved. Of one order's own lots, if one is named; for a capture of those that had ended by
-- `live_at` and lived when its hold was made.
create function coinslot.draw_lots(
  user_id uuid, tokens bigint, cause text, seq bigint, live_at timestamptz,
  line bigint default null, payment_id uuid default null, part text default 'remaining',
  held_at timestamptz default null
) returns table (lot_id bigint, drawn bigint)
language plpgsql volatile
set search_path = '' set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_lot record;
  v_left bigint := draw_lots.tokens;
  v_ids bigint[] := array[]::bigint[];
  v_tokens bigint[] := array[]::bigint[];
  v_before bigint[] := array[]::bigint[];
begin
  for v_lot in
    select l.id, case part when 'reserved' then l.reserved else l.remaining end as left_over
    from public.token_lots l
    where l.user_id = draw_lots.user_id and (l.remaining > 0 or l.reserved > 0)
      and (draw_lots.payment_id is null or l.payment_id = draw_lots.payment_id)
      and (held_at is null or l.expires_at <= live_at and l.expires_at > held_at)
    order by l.expires_at <= live_at, l.expires_at, l.priority, l.paid, l.id
  loop
    exit when v_left <= 0;
    continue when v_lot.left_over = 0;
    lot_id := v_lot.id;
    drawn := least(v_lot.left_over, v_left);
    v_ids := v_ids || lot_id;
    v_tokens := v_tokens || drawn;
    v_before := v_before || draw_lots.tokens - v_left;
    v_left := v_left - drawn;
    return next;
  end loop;
  update public.token_lots l set
    remaining = l.remaining - case part when 'reserved' then 0 else d.tokens end,
    reserved = l.reserved - case part when 'reserved' then d.tokens else 0 end,
    spent = l.spent + case when cause in ('spend', 'debt') then d.tokens else 0 end,
    taken = l.taken + case when cause in ('spend', 'debt') then 0 else d.tokens end
  from unnest(v_ids, v_tokens) d (id, tokens) where l.id = d.id;
  insert into coinslot.lot_draws (lot_id, user_id, seq, cause, tokens, drawn_from, drawn_to)
  select d.id, draw_lots.user_id, draw_lots.seq, draw_lots.cause, d.tokens, line + d.before,
    line + d.before + d.tokens
  from unnest(v_ids, v_tokens, v_before) d (id, tokens, before);
end
$$;
comment on function coinslot.draw_lots(
  uuid, bigint, text, bigint, timestamptz, bigint, uuid, text, timestamptz
) is 'Draws tokens from the lots of a locked wallet; the lots, in order, and how many of each.';
revoke all on function coinslot.draw_lots(
  uuid, bigint, text, bigint, timestamptz, bigint, uuid, text, timestamptz
) from public;

-- What ordinary holds may yet capture of a lot: those that are open and were made while it lived. A
-- refund's hold needs none of it, nor does one that was made afterwards; the total is enough.
create function coinslot.need_for(user_id uuid, expires_at timestamptz, now timestamptz)
returns bigint
language sql stable set search_path = '' as $$
  select coalesce(sum(h.amount), 0)::bigint
  from coinslot.token_holds h
  where h.user_id = need_for.user_id and h.status = 'held' and h.refund_id is null
    and h.expires_at > need_for.now and h.created_at < need_for.expires_at
$$;
comment on function coinslot.need_for(uuid, timestamptz, timestamptz) is
'Tokens that open holds may need of a lot that ends then.';
revoke all on function coinslot.need_for(uuid, timestamptz, timestamptz) from public;

-- Of the ended lots, in order, as much is kept as holds need; the rest expires. Needs grow from lot
-- to lot, so what is gone up to a lot is the largest excess so far of what was left over the need.
create function coinslot.expire_lots(user_id uuid, seq bigint, now timestamptz)
returns bigint
language plpgsql volatile
set search_path = '' set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_lot record;
  v_held boolean := exists (
    select from coinslot.token_holds h
    where h.user_id = expire_lots.user_id and h.status = 'held' and h.refund_id is null
  );
  v_ended bigint := 0;
  v_need bigint := 0;
  v_gone bigint := 0;
  v_ids bigint[] := array[]::bigint[];
  v_tokens bigint[] := array[]::bigint[];
  v_ends timestamptz[] := array[]::timestamptz[];
begin
  for v_lot in
    select l.id, l.remaining, l.expires_at from public.token_lots l
    where l.user_id = expire_lots.user_id and l.remaining > 0 and l.expires_at <= expire_lots.now
    order by l.expires_at, l.priority, l.paid, l.id
  loop
    v_ended := v_ended + v_lot.remaining;
    if v_held then
      v_need := coinslot.need_for(expire_lots.user_id, v_lot.expires_at, expire_lots.now);
    end if;
    if v_ended - v_need > v_gone then
      v_ids := v_ids || v_lot.id;
      v_tokens := v_tokens || (v_ended - v_need - v_gone);
      v_ends := v_ends || v_lot.expires_at;
      v_gone := v_ended - v_need;
    end if;
  end loop;
  update public.token_lots l
  set remaining = l.remaining - d.tokens, expired = l.expired + d.tokens
  from unnest(v_ids, v_tokens) d (id, tokens) where l.id = d.id;
  insert into coinslot.lot_draws (lot_id, user_id, seq, cause, tokens, at)
  select d.id, expire_lots.user_id, expire_lots.seq, 'expiry', d.tokens, d.expires_at
  from unnest(v_ids, v_tokens, v_ends) d (id, tokens, expires_at);
  return v_gone;
end
$$;
comment on function coinslot.expire_lots(uuid, bigint, timestamptz) is
'Expires what has ended and no hold needs; tokens.';
revoke all on function coinslot.expire_lots(uuid, bigint, timestamptz) from public;

create function coinslot.note_change(user_id uuid, now timestamptz)
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
comment on function coinslot.note_change(uuid, timestamptz) is
'Says of a locked wallet when it was folded, and when its next lot ends or refill is due.';
revoke all on function coinslot.note_change(uuid, timestamptz) from public;

-- Tokens spent beyond what the lots had are a debt, and come behind those that were drawn.
create function coinslot.fold_lots(wallet public.token_wallets, now timestamptz)
returns public.token_wallets
language plpgsql volatile
set search_path = '' set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_lots record;
  v_tokens bigint;
begin
  if wallet.held > 0 then
    wallet.held := wallet.held - coinslot.sweep_holds(wallet.user_id, fold_lots.now);
  end if;
  if wallet.folded_at = '-infinity' then
    wallet := coinslot.make_lots(wallet);
  end if;
  select coalesce(sum(l.remaining), 0)::bigint as remaining,
    coalesce(sum(l.reserved), 0)::bigint as reserved,
    min(l.expires_at) filter (where l.remaining > 0) as ends_at
  into v_lots
  from public.token_lots l
  where l.user_id = wallet.user_id and (l.remaining > 0 or l.reserved > 0);
  v_tokens := v_lots.remaining - greatest(wallet.tokens - v_lots.reserved, 0);
  if v_tokens > 0 then
    perform from coinslot.draw_lots(
      wallet.user_id, v_tokens, 'spend', wallet.seq, wallet.folded_at,
      wallet.credited - wallet.tokens
      - greatest(v_lots.reserved - wallet.tokens, 0) - v_tokens
    );
  end if;
  if v_lots.ends_at <= fold_lots.now then
    v_tokens := coinslot.expire_lots(wallet.user_id, wallet.seq + 1, fold_lots.now);
    if v_tokens > 0 then
      perform coinslot.write_entry(
        coinslot.new_entry(wallet.user_id, 'expiry', -v_tokens, 'system')
      );
      select w.* into strict wallet from public.token_wallets w
      where w.user_id = wallet.user_id;
    end if;
    v_lots.ends_at := (
      select min(case when l.expires_at <= fold_lots.now then '-infinity' else l.expires_at end)
      from public.token_lots l
      where l.user_id = wallet.user_id and l.remaining > 0
    );
  end if;
  wallet.next_change_at := coalesce(v_lots.ends_at, 'infinity');
  return wallet;
end
$$;
comment on function coinslot.fold_lots(public.token_wallets, timestamptz) is
'Brings the lots of a locked wallet up to this time. The wallet as it is then, with the end of its
next lot as next_change_at; the caller writes both times.';
revoke all on function coinslot.fold_lots(public.token_wallets, timestamptz) from public;

create function coinslot.fold(user_id uuid, now timestamptz) returns public.token_wallets
language plpgsql volatile set search_path = '' as $$
begin
  perform coinslot.fold_lots(w, fold.now) from public.token_wallets w
  where w.user_id = fold.user_id;
  return coinslot.note_change(fold.user_id, fold.now);
end
$$;
comment on function coinslot.fold(uuid, timestamptz) is
'Brings the lots of a locked wallet up to this time; the wallet as it is then.';
revoke all on function coinslot.fold(uuid, timestamptz) from public;

-- The lots of one that was merged are its owner's, those that are not made yet as well.
create function coinslot.fold_if_due(wallet public.token_wallets, now timestamptz)
returns public.token_wallets
language plpgsql volatile set search_path = '' as $$
begin
  if wallet.merged_into is not null then
    return wallet;
  elsif wallet.held > 0 then
    wallet.held := wallet.held - coinslot.sweep_holds(wallet.user_id, fold_if_due.now);
  end if;
  if wallet.next_change_at <= fold_if_due.now then
    return coinslot.fold(wallet.user_id, fold_if_due.now);
  end if;
  return wallet;
end
$$;
comment on function coinslot.fold_if_due(public.token_wallets, timestamptz) is
'Sweeps the expired holds of a locked wallet, and folds it where something has ended.';
revoke all on function coinslot.fold_if_due(public.token_wallets, timestamptz) from public;
