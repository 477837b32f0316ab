-- Money that goes back takes tokens along; money that returns gives them back. An entry without an
-- order takes from any lots, and nothing of it is noted for a return. Nothing calls this yet.

create function coinslot.take_from_lots(
  payment_id uuid, user_id uuid, tokens bigint, cause text, seq bigint, now timestamptz,
  own boolean, part text default 'remaining'
) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_taken bigint := 0;
begin
  if take_from_lots.tokens > 0 then
    with taken as (
      select d.lot_id, d.drawn from coinslot.draw_lots(
        take_from_lots.user_id, take_from_lots.tokens, take_from_lots.cause, take_from_lots.seq,
        take_from_lots.now, null, case when own then take_from_lots.payment_id end, part
      ) d
    ), noted as (
      insert into coinslot.lot_takings (payment_id, lot_id, origin, tokens)
      select take_from_lots.payment_id, t.lot_id, 'lot', t.drawn
      from taken t where take_from_lots.payment_id is not null
    )
    select coalesce(sum(t.drawn), 0) into v_taken from taken t;
  end if;
  return v_taken;
end
$$;
comment on function coinslot.take_from_lots(
  uuid, uuid, bigint, text, bigint, timestamptz, boolean, text
) is 'Takes tokens for an order from its own lots, or from any, as far as there are; how many.';
revoke all on function coinslot.take_from_lots(
  uuid, uuid, bigint, text, bigint, timestamptz, boolean, text
) from public;

-- Tokens of an order that have expired are gone: its money needs no others in their place.
create function coinslot.cover_expired(payment_id uuid, tokens bigint, refund_id uuid default null)
returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_covered bigint;
begin
  with found as (
    select l.id, l.expired - l.covered as gone,
      row_number() over (order by l.expires_at, l.priority, l.paid, l.id) as place,
      sum(l.expired - l.covered) over (order by l.expires_at, l.priority, l.paid, l.id)
      - (l.expired - l.covered) as before
    from public.token_lots l
    where l.payment_id = cover_expired.payment_id and l.expired > l.covered
  ), due as (
    select f.id, f.place, least(f.gone, cover_expired.tokens - f.before)::bigint as tokens
    from found f where f.before < cover_expired.tokens
  ), moved as (
    update public.token_lots l set covered = l.covered + d.tokens
    from due d where l.id = d.id
    returning l.id, d.place, d.tokens
  ), noted as (
    insert into coinslot.lot_takings (payment_id, refund_id, lot_id, origin, tokens)
    select cover_expired.payment_id, cover_expired.refund_id, m.id, 'covered', m.tokens
    from moved m order by m.place
  )
  select coalesce(sum(m.tokens), 0) into v_covered from moved m;
  return v_covered;
end
$$;
comment on function coinslot.cover_expired(uuid, bigint, uuid) is
'Counts expired tokens of an order as gone with its money, as far as there are; how many.';
revoke all on function coinslot.cover_expired(uuid, bigint, uuid) from public;

-- Of what an open refund has set aside: other money of the order is back first, and should the
-- refund fail, this stays covered.
create function coinslot.cover_from_refund(payment_id uuid, tokens bigint) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_covered bigint;
begin
  with aside as (
    select t.id, t.lot_id, t.tokens - t.returned as left_over,
      sum(t.tokens - t.returned) over (order by t.id) - (t.tokens - t.returned) as before
    from coinslot.lot_takings t
    inner join coinslot.refunds r on r.id = t.refund_id and r.finished_at is null
    where t.payment_id = cover_from_refund.payment_id and t.origin = 'covered'
  ), due as (
    select a.id, a.lot_id, least(a.left_over, cover_from_refund.tokens - a.before)::bigint as tokens
    from aside a where a.left_over > 0 and a.before < cover_from_refund.tokens
  ), left_aside as (
    update coinslot.lot_takings t set returned = t.returned + d.tokens
    from due d where t.id = d.id
  ), noted as (
    insert into coinslot.lot_takings (payment_id, lot_id, origin, tokens)
    select cover_from_refund.payment_id, d.lot_id, 'covered', d.tokens
    from due d order by d.id
  )
  select coalesce(sum(d.tokens), 0) into v_covered from due d;
  return v_covered;
end
$$;
comment on function coinslot.cover_from_refund(uuid, bigint) is
'Counts as gone with its money what an open refund has covered, as far as there is; how many.';
revoke all on function coinslot.cover_from_refund(uuid, bigint) from public;

-- The same of what it has reserved: the tokens of its own order go before those of others.
create function coinslot.take_from_refund(
  payment_id uuid, user_id uuid, tokens bigint, cause text, seq bigint, now timestamptz
) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_refund coinslot.refunds;
  v_taken bigint;
begin
  if take_from_refund.tokens <= 0 then
    return 0;
  end if;
  select r.* into v_refund from coinslot.refunds r
  where r.payment_id = take_from_refund.payment_id and r.finished_at is null and r.reserved > 0;
  if not found then
    return 0;
  end if;
  v_taken := coinslot.take_from_lots(
    payment_id, user_id, take_from_refund.tokens, cause, seq, now, true, 'reserved'
  );
  update coinslot.refunds r set reserved = r.reserved - v_taken where r.id = v_refund.id;
  return v_taken;
end
$$;
comment on function coinslot.take_from_refund(uuid, uuid, bigint, text, bigint, timestamptz) is
'Takes tokens for an order from what its open refund has reserved, as far as there are; how many.';
revoke all on function coinslot.take_from_refund(uuid, uuid, bigint, text, bigint, timestamptz)
from public;

create function coinslot.note_debt(
  payment_id uuid, user_id uuid, tokens bigint, cause text, seq bigint
) returns void
language sql volatile set search_path = '' as $$
  insert into coinslot.lot_takings (payment_id, origin, tokens)
  select note_debt.payment_id, 'debt', note_debt.tokens
  where note_debt.tokens > 0 and note_debt.payment_id is not null;
  insert into coinslot.lot_draws (user_id, seq, cause, tokens)
  select note_debt.user_id, note_debt.seq, note_debt.cause, note_debt.tokens
  where note_debt.tokens > 0
$$;
comment on function coinslot.note_debt(uuid, uuid, bigint, text, bigint) is
'Notes tokens of an order that no lot had.';
revoke all on function coinslot.note_debt(uuid, uuid, bigint, text, bigint) from public;

-- In this order: what a refund that is done has reserved, the order's own lots, what has expired of
-- them, what a refund that is not done has covered, and reserved, the lots that are live, what is
-- kept for holds, a debt. What refunds of other orders have reserved is theirs.
create function coinslot.draw_taking(
  payment_id uuid, user_id uuid, tokens bigint, cause text, seq bigint, now timestamptz,
  reserved boolean default false
) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_left bigint := draw_taking.tokens;
  v_covered bigint;
begin
  if draw_taking.reserved then
    v_left := v_left
      - coinslot.take_from_lots(payment_id, user_id, v_left, cause, seq, now, true, 'reserved');
  end if;
  v_left := v_left - coinslot.take_from_lots(payment_id, user_id, v_left, cause, seq, now, true);
  v_covered := coinslot.cover_expired(payment_id, v_left);
  if v_covered < v_left and not draw_taking.reserved then
    v_covered := v_covered + coinslot.cover_from_refund(payment_id, v_left - v_covered);
  end if;
  v_left := v_left - v_covered;
  if not draw_taking.reserved then
    v_left := v_left
      - coinslot.take_from_refund(payment_id, user_id, v_left, cause, seq, now);
  end if;
  v_left := v_left - coinslot.take_from_lots(payment_id, user_id, v_left, cause, seq, now, false);
  perform coinslot.note_debt(payment_id, user_id, v_left, cause, seq);
  return v_covered;
end
$$;
comment on function coinslot.draw_taking(
  uuid, uuid, bigint, text, bigint, timestamptz, boolean
) is 'Takes tokens for money of an order; how many of them had expired before.';
revoke all on function coinslot.draw_taking(
  uuid, uuid, bigint, text, bigint, timestamptz, boolean
) from public;

-- A lot that was put back into may have ended at once, where returned tokens have no lifetime.
create function coinslot.end_change(user_id uuid, now timestamptz) returns public.token_wallets
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets := coinslot.note_change(end_change.user_id, end_change.now);
begin
  if v_wallet.next_change_at = '-infinity' then
    return coinslot.fold(end_change.user_id, end_change.now);
  end if;
  return v_wallet;
end
$$;
comment on function coinslot.end_change(uuid, timestamptz) is
'Ends what moved lots of a wallet that was folded at this time.';
revoke all on function coinslot.end_change(uuid, timestamptz) from public;

create function coinslot.take_tokens(
  payment public.token_payments, tokens bigint, cause text, reserved boolean default false
) returns bigint
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_now timestamptz := coinslot.wallet_time(coinslot.lock_wallet(payment.user_id));
  v_wallet public.token_wallets := coinslot.fold(payment.user_id, v_now);
  v_moved bigint;
begin
  v_moved := coinslot.draw_taking(
    payment.id, payment.user_id, take_tokens.tokens, take_tokens.cause, v_wallet.seq + 1, v_now,
    take_tokens.reserved
  ) - take_tokens.tokens;
  if v_moved < 0 then
    perform coinslot.write_entry(coinslot.new_entry(
      payment.user_id, take_tokens.cause, v_moved, 'system', payment_id => payment.id
    ));
  end if;
  perform coinslot.end_change(payment.user_id, v_now);
  return v_moved;
end
$$;
comment on function coinslot.take_tokens(public.token_payments, bigint, text, boolean) is
'Takes tokens that go with money of a locked order; by how much the balance moved.';
revoke all on function coinslot.take_tokens(public.token_payments, bigint, text, boolean)
from public;

-- ---- giving back ----

-- Tokens for whose lot it is too late live on in a new one, for a while; in a history from before
-- there were lots nothing ends.
create function coinslot.renew_lot(
  lot public.token_lots, tokens bigint, kind text, seq bigint, debt bigint, now timestamptz
) returns bigint
language plpgsql volatile set search_path = '' as $$
begin
  lot.tokens := renew_lot.tokens;
  lot.kind := renew_lot.kind;
  lot.seq := renew_lot.seq;
  lot.created_at := null;
  lot.expires_at := case when isfinite(renew_lot.now) then renew_lot.now + (
    select s.returned_lifetime from coinslot.settings s where s.id
  ) else 'infinity' end;
  return coinslot.make_lot(lot, renew_lot.debt);
end
$$;
comment on function coinslot.renew_lot(
  public.token_lots, bigint, text, bigint, bigint, timestamptz
) is 'Makes a lot like one that has ended; how much of it paid a debt.';
revoke all on function coinslot.renew_lot(
  public.token_lots, bigint, text, bigint, bigint, timestamptz
) from public;

-- Where the balance is below zero, what is put back pays that first. What was reserved has no
-- entry: in a lot that has ended it counts as taken, by the lot that goes on.
create function coinslot.put_back(
  lot_id bigint, tokens bigint, part text, seq bigint, debt bigint, now timestamptz
) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_lot public.token_lots;
  v_reserved bigint := case put_back.part when 'reserved' then put_back.tokens else 0 end;
  v_taken bigint := put_back.tokens - v_reserved;
  v_paid bigint := least(put_back.tokens, put_back.debt);
begin
  select l.* into strict v_lot from public.token_lots l where l.id = put_back.lot_id;
  if v_lot.expires_at > put_back.now then
    update public.token_lots l set
      reserved = l.reserved - v_reserved, taken = l.taken - v_taken, spent = l.spent + v_paid,
      remaining = l.remaining + put_back.tokens - v_paid
    where l.id = v_lot.id;
    insert into coinslot.lot_draws (lot_id, user_id, seq, cause, tokens)
    select v_lot.id, v_lot.user_id, put_back.seq, d.cause, d.tokens
    from (values ('reversal', -v_taken), ('debt', v_paid)) d (cause, tokens) where d.tokens <> 0;
    return v_paid;
  end if;
  if v_reserved > 0 then
    update public.token_lots l
    set reserved = l.reserved - v_reserved, taken = l.taken + v_reserved
    where l.id = v_lot.id;
    insert into coinslot.lot_draws (lot_id, user_id, seq, cause, tokens)
    values (v_lot.id, v_lot.user_id, put_back.seq, 'moved', v_reserved);
  end if;
  return coinslot.renew_lot(
    v_lot, put_back.tokens, 'reversal', case when v_reserved > 0 then 0 else put_back.seq end,
    put_back.debt, put_back.now
  );
end
$$;
comment on function coinslot.put_back(bigint, bigint, text, bigint, bigint, timestamptz) is
'Puts what was taken, or reserved, back into its lot; how much of it paid a debt.';
revoke all on function coinslot.put_back(bigint, bigint, text, bigint, bigint, timestamptz)
from public;

-- What was a debt and has been made good since has no lot to go back to. It was never bought by
-- what paid for it, and so has no price and no end.
create function coinslot.undo_debt(
  user_id uuid, tokens bigint, seq bigint, debt bigint
) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_owed bigint := least(undo_debt.tokens, undo_debt.debt);
  v_lot public.token_lots;
begin
  if v_owed > 0 then
    insert into coinslot.lot_draws (user_id, seq, cause, tokens)
    values (undo_debt.user_id, undo_debt.seq, 'reversal', -v_owed);
  end if;
  if v_owed < undo_debt.tokens then
    v_lot.user_id := undo_debt.user_id;
    v_lot.seq := undo_debt.seq;
    v_lot.kind := 'reversal';
    v_lot.tokens := undo_debt.tokens - v_owed;
    v_lot.expires_at := 'infinity';
    perform coinslot.make_lot(v_lot, 0);
  end if;
  return v_owed;
end
$$;
comment on function coinslot.undo_debt(uuid, bigint, bigint, bigint) is
'Gives back what was taken beyond the balance; how much of it is still owed and now is not.';
revoke all on function coinslot.undo_debt(uuid, bigint, bigint, bigint) from public;

-- The latest taking first. What a refund that is open has covered waits for its end; of one that is
-- done it counts already. Beyond all that is noted it is as with a debt.
create function coinslot.undo_takings(
  payment_id uuid, user_id uuid, tokens bigint, seq bigint, debt bigint, now timestamptz,
  refund_done boolean default false
) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_taking coinslot.lot_takings;
  v_left bigint := undo_takings.tokens;
  v_debt bigint := undo_takings.debt;
  v_tokens bigint;
  v_uncovered bigint := 0;
begin
  for v_taking in
    select t.* from coinslot.lot_takings t
    where t.payment_id = undo_takings.payment_id and t.tokens > t.returned
      and (undo_takings.refund_done or not exists (
        select from coinslot.refunds r where r.id = t.refund_id and r.finished_at is null
      ))
    order by t.id desc
  loop
    exit when v_left = 0;
    v_tokens := least(v_left, v_taking.tokens - v_taking.returned);
    v_left := v_left - v_tokens;
    update coinslot.lot_takings t set returned = t.returned + v_tokens where t.id = v_taking.id;
    if v_taking.origin = 'covered' then
      v_uncovered := v_uncovered + v_tokens;
      update public.token_lots l set covered = l.covered - v_tokens where l.id = v_taking.lot_id;
    elsif v_taking.origin = 'debt' then
      v_debt := v_debt - coinslot.undo_debt(user_id, v_tokens, seq, v_debt);
    else
      v_debt := v_debt
        - coinslot.put_back(v_taking.lot_id, v_tokens, 'taken', seq, v_debt, now);
    end if;
  end loop;
  if v_left > 0 then
    perform coinslot.undo_debt(user_id, v_left, seq, v_debt);
  end if;
  return v_uncovered;
end
$$;
comment on function coinslot.undo_takings(
  uuid, uuid, bigint, bigint, bigint, timestamptz, boolean
) is 'Gives tokens back that money of an order took; how many of them had expired before.';
revoke all on function coinslot.undo_takings(
  uuid, uuid, bigint, bigint, bigint, timestamptz, boolean
) from public;

create function coinslot.give_back(
  payment public.token_payments, tokens bigint, refund_done boolean default false
) returns bigint
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_now timestamptz := coinslot.wallet_time(coinslot.lock_wallet(payment.user_id));
  v_wallet public.token_wallets := coinslot.fold(payment.user_id, v_now);
  v_moved bigint;
begin
  v_moved := give_back.tokens - coinslot.undo_takings(
    payment.id, payment.user_id, give_back.tokens, v_wallet.seq + 1,
    coinslot.debt_of(v_wallet), v_now, give_back.refund_done
  );
  if v_moved > 0 then
    perform coinslot.write_entry(coinslot.new_entry(
      payment.user_id, 'reversal', v_moved, 'system', payment_id => payment.id
    ));
  end if;
  perform coinslot.end_change(payment.user_id, v_now);
  return v_moved;
end
$$;
comment on function coinslot.give_back(public.token_payments, bigint, boolean) is
'Gives back tokens that went with money of a locked order; by how much the balance moved.';
revoke all on function coinslot.give_back(public.token_payments, bigint, boolean) from public;

-- ---- a spend that is given back ----

-- What the spend drew is not known, and need not be: of the lots that are live and were made before
-- it, the last in order of drawing would be fuller had it never been. Of a spend in the history of
-- a wallet that was merged those lots are the ones that came along.
create function coinslot.refill_lots(
  user_id uuid, tokens bigint, spend public.token_ledger, seq bigint, now timestamptz
) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_refilled bigint;
begin
  with found as (
    select l.id, l.spent,
      row_number() over (order by l.expires_at desc, l.priority desc, l.paid desc, l.id desc)
      as place,
      sum(l.spent) over (order by l.expires_at desc, l.priority desc, l.paid desc, l.id desc)
      - l.spent as before
    from public.token_lots l
    where l.user_id = refill_lots.user_id and l.expires_at > refill_lots.now and l.spent > 0
      and coinslot.made_before(l, spend)
  ), moved as (
    update public.token_lots l
    set spent = l.spent - d.tokens, remaining = l.remaining + d.tokens
    from (
      select f.id, f.place, least(f.spent, refill_lots.tokens - f.before)::bigint as tokens
      from found f where f.before < refill_lots.tokens
    ) d
    where l.id = d.id
    returning l.id, d.place, d.tokens
  ), noted as (
    insert into coinslot.lot_draws (lot_id, user_id, seq, cause, tokens)
    select m.id, refill_lots.user_id, refill_lots.seq, 'spend_refund', -m.tokens
    from moved m order by m.place
  )
  select coalesce(sum(m.tokens), 0) into v_refilled from moved m;
  return v_refilled;
end
$$;
comment on function coinslot.refill_lots(
  uuid, bigint, public.token_ledger, bigint, timestamptz
) is 'Fills lots that a spend may have drawn, as far as they were drawn; how much.';
revoke all on function coinslot.refill_lots(
  uuid, bigint, public.token_ledger, bigint, timestamptz
) from public;

create function coinslot.made_before(lot public.token_lots, spend public.token_ledger)
returns boolean
language sql immutable set search_path = '' as $$
  select lot.seq < case when spend.user_id = lot.user_id then spend.seq else 1 end
$$;
comment on function coinslot.made_before(public.token_lots, public.token_ledger) is
'True if a spend may have drawn this lot; of a merged history, if the lot came along.';
revoke all on function coinslot.made_before(public.token_lots, public.token_ledger) from public;

-- What is left goes to a new lot, which lives for a while as far as lots that have ended were
-- spent. Beyond that no end of a lot explains it (a debt was spent, which later tokens paid), so it
-- gets none.
create function coinslot.undo_spend(
  user_id uuid, tokens bigint, spend public.token_ledger, seq bigint, debt bigint, now timestamptz
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_owed bigint := least(undo_spend.tokens, undo_spend.debt);
  v_left bigint := undo_spend.tokens - v_owed;
  v_ended bigint;
  v_lot public.token_lots;
begin
  if v_owed > 0 then
    insert into coinslot.lot_draws (user_id, seq, cause, tokens)
    values (undo_spend.user_id, undo_spend.seq, 'spend_refund', -v_owed);
  end if;
  if v_left > 0 then
    v_left := v_left - coinslot.refill_lots(
      undo_spend.user_id, v_left, spend, undo_spend.seq, undo_spend.now
    );
  end if;
  if v_left > 0 then
    select least(v_left, coalesce(sum(l.spent), 0))::bigint into v_ended
    from public.token_lots l
    where l.user_id = undo_spend.user_id and l.expires_at <= undo_spend.now
      and coinslot.made_before(l, spend);
    v_lot.user_id := undo_spend.user_id;
    if v_ended > 0 then
      perform coinslot.renew_lot(
        v_lot, v_ended, 'spend_refund', undo_spend.seq, 0, undo_spend.now
      );
    end if;
    if v_ended < v_left then
      perform coinslot.renew_lot(
        v_lot, v_left - v_ended, 'spend_refund', undo_spend.seq, 0, 'infinity'
      );
    end if;
  end if;
end
$$;
comment on function coinslot.undo_spend(
  uuid, bigint, public.token_ledger, bigint, bigint, timestamptz
) is 'Gives a spend back to the lots: a debt first, then what it may have drawn, then a new lot.';
revoke all on function coinslot.undo_spend(
  uuid, bigint, public.token_ledger, bigint, bigint, timestamptz
) from public;

create function coinslot.post_spend_refund(
  entry public.token_ledger, spend public.token_ledger, now timestamptz
) returns public.token_receipt
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets := coinslot.fold(entry.user_id, post_spend_refund.now);
  v_receipt public.token_receipt;
begin
  perform coinslot.undo_spend(
    entry.user_id, entry.delta, spend, v_wallet.seq + 1, coinslot.debt_of(v_wallet),
    post_spend_refund.now
  );
  v_receipt := coinslot.write_entry(entry);
  perform coinslot.end_change(entry.user_id, post_spend_refund.now);
  return v_receipt;
end
$$;
comment on function coinslot.post_spend_refund(
  public.token_ledger, public.token_ledger, timestamptz
) is 'Folds a locked wallet and gives a spend back to it.';
revoke all on function coinslot.post_spend_refund(
  public.token_ledger, public.token_ledger, timestamptz
) from public;

notify pgrst, 'reload schema';
