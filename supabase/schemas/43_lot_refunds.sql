-- Refunds with lots: a refund takes the tokens of its own order, and reserves them in their lots
-- from the moment it is asked for. That is the taking: what is spent between the request and its
-- end must not draw them. What goes with the money in the end is in lot_takings.sql.

-- The largest amount of money that no more tokens go back with than these.
create function coinslot.money_for(refund coinslot.refunds, tokens bigint) returns bigint
language sql stable set search_path = '' as $$
  select case
    when f.tokens >= p.tokens then refund.refundable
    else greatest(0, least(
      refund.refundable, div((f.tokens::numeric + 1) * a.paid - 1, p.tokens) - f.back
    ))
  end::bigint
  from public.token_payments p
  inner join coinslot.payment_attempts a
    on a.gateway = refund.gateway and a.payment_key = refund.payment_key
  cross join lateral (
    select a.refunded + a.withdrawn as back, money_for.tokens
      + coinslot.tokens_to_reverse(p.tokens, a.paid, a.refunded + a.withdrawn) as tokens
  ) f
  where p.id = refund.payment_id
$$;
comment on function coinslot.money_for(coinslot.refunds, bigint) is
'How much of the money of a quoted refund can go back with so many tokens.';
revoke all on function coinslot.money_for(coinslot.refunds, bigint) from public;

-- From what is there of the order's own lots: what lives first, and then what is kept for holds.
create function coinslot.reserve_lots(refund coinslot.refunds, tokens bigint) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_reserved bigint;
begin
  with found as (
    select l.id, l.remaining, sum(l.remaining) over (
      order by l.expires_at <= w.folded_at, l.expires_at, l.priority, l.paid, l.id
    ) - l.remaining as before
    from public.token_lots l
    inner join public.token_wallets w on w.user_id = l.user_id
    where l.payment_id = refund.payment_id and l.user_id = refund.user_id and l.remaining > 0
  ), moved as (
    update public.token_lots l
    set remaining = l.remaining - d.tokens, reserved = l.reserved + d.tokens
    from (
      select f.id, least(f.remaining, reserve_lots.tokens - f.before)::bigint as tokens
      from found f where f.before < reserve_lots.tokens
    ) d
    where l.id = d.id
    returning d.tokens
  )
  select coalesce(sum(m.tokens), 0) into v_reserved from moved m;
  update coinslot.refunds r set reserved = v_reserved
  where r.id = refund.id and v_reserved > 0;
  return v_reserved;
end
$$;
comment on function coinslot.reserve_lots(coinslot.refunds, bigint) is
'Sets tokens aside in the lots of a refund''s order, as far as they are there; how many.';
revoke all on function coinslot.reserve_lots(coinslot.refunds, bigint) from public;

-- What is not there in the order's own lots is held without a lot, which only a forced refund gets
-- to. The caller has the payment locked, and the wallet folded.
create function coinslot.reserve_refund(refund coinslot.refunds) returns coinslot.refunds
language plpgsql volatile set search_path = '' as $$
declare
  v_refund coinslot.refunds := refund;
  v_level boolean;
begin
  if refund.tokens = 0 then
    return refund;
  end if;
  v_refund.reserved := coinslot.reserve_lots(refund, refund.tokens);
  v_refund.covered := coinslot.cover_expired(
    refund.payment_id, refund.tokens - v_refund.reserved, refund.id
  );
  update coinslot.refunds r set covered = v_refund.covered where r.id = refund.id;
  if refund.tokens > v_refund.covered then
    insert into coinslot.token_holds (user_id, amount, refund_id, reason, expires_at)
    values (
      refund.user_id, refund.tokens - v_refund.covered, refund.id, 'refund', 'infinity'
    );
    update public.token_wallets w
    set held = w.held + refund.tokens - v_refund.covered, updated_at = clock_timestamp()
    where w.user_id = refund.user_id
    returning w.tokens - w.held < w.low_mark into v_level;
    if v_level then
      perform coinslot.check_level(refund.user_id);
    end if;
  end if;
  perform coinslot.note_change(w.user_id, w.folded_at)
  from public.token_wallets w where w.user_id = refund.user_id;
  return v_refund;
end
$$;
comment on function coinslot.reserve_refund(coinslot.refunds) is
'Sets the tokens of a refund aside in the lots of its order, and holds them.';
revoke all on function coinslot.reserve_refund(coinslot.refunds) from public;

-- Of one that succeeded nothing is reserved any more: its tokens have followed the money. What has
-- expired counts as gone with the money only where that has gone.
create function coinslot.free_lots(
  refund coinslot.refunds, seq bigint, debt bigint, now timestamptz
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_lot public.token_lots;
  v_debt bigint := free_lots.debt;
begin
  for v_lot in
    select l.* from public.token_lots l where l.payment_id = refund.payment_id and l.reserved > 0
    order by l.expires_at, l.priority, l.paid, l.id
  loop
    v_debt := v_debt - coinslot.put_back(
      v_lot.id, v_lot.reserved, 'reserved', free_lots.seq, v_debt, free_lots.now
    );
  end loop;
  if refund.status = 'failed' then
    with undone as (
      select t.id, t.lot_id, t.tokens - t.returned as tokens
      from coinslot.lot_takings t where t.refund_id = refund.id and t.returned < t.tokens
    ), noted as (
      update coinslot.lot_takings t set returned = t.tokens from undone u where t.id = u.id
    )
    update public.token_lots l set covered = l.covered - u.tokens
    from undone u where l.id = u.lot_id;
  end if;
end
$$;
comment on function coinslot.free_lots(coinslot.refunds, bigint, bigint, timestamptz) is
'Gives what a refund has reserved back to its lots.';
revoke all on function coinslot.free_lots(coinslot.refunds, bigint, bigint, timestamptz)
from public;

-- The total has grown by what was asked for: judge_refund() says the same of it afterwards.
create function coinslot.is_refund_done(payment_id uuid) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return exists (
    select from coinslot.refunds r
    inner join coinslot.payment_attempts a
      on a.gateway = r.gateway and a.payment_key = r.payment_key
    where r.payment_id = is_refund_done.payment_id and r.finished_at is null
      and a.refunded >= r.refunded_before + r.amount
  );
end
$$;
comment on function coinslot.is_refund_done(uuid) is
'True if the open refund of an order is borne out by what the gateway said last.';
revoke all on function coinslot.is_refund_done(uuid) from public;

create function coinslot.covered_tokens(payment_id uuid, refund_done boolean default false)
returns bigint
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return (
    select coalesce(sum(t.tokens - t.returned), 0)::bigint
    from coinslot.lot_takings t
    where t.payment_id = covered_tokens.payment_id and t.origin = 'covered'
      and (covered_tokens.refund_done or not exists (
        select from coinslot.refunds r where r.id = t.refund_id and r.finished_at is null
      ))
  );
end
$$;
comment on function coinslot.covered_tokens(uuid, boolean) is
'Tokens of an order that had expired when their money went back.';
revoke all on function coinslot.covered_tokens(uuid, boolean) from public;

create function coinslot.covered_payments() returns table (payment_id uuid, covered bigint)
language sql stable set search_path = '' as $$
  select t.payment_id, sum(t.tokens - t.returned)::bigint
  from coinslot.lot_takings t
  left join coinslot.refunds r on r.id = t.refund_id and r.finished_at is null
  where t.origin = 'covered' and r.id is null
  group by t.payment_id
$$;
comment on function coinslot.covered_payments() is
'Payments whose money went back for tokens that had expired; how many tokens.';
revoke all on function coinslot.covered_payments() from public;
