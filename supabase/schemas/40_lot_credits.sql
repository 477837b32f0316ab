-- Credits: each makes a lot. Of a balance below zero the lot first pays the debt: that part of it
-- is spent before anybody sees it.

create function coinslot.debt_of(wallet public.token_wallets) returns bigint
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_reserved bigint := 0;
begin
  if wallet.held > 0 then
    select coalesce(sum(l.reserved), 0) into v_reserved
    from public.token_lots l
    where l.user_id = wallet.user_id and (l.remaining > 0 or l.reserved > 0);
  end if;
  return greatest(0, v_reserved - wallet.tokens);
end
$$;
comment on function coinslot.debt_of(public.token_wallets) is
'Tokens that were taken beyond what the wallet had, and are not made good.';
revoke all on function coinslot.debt_of(public.token_wallets) from public;

-- What is given: user_id, seq, kind, tokens and expires_at, and of a purchase its order and price.
create function coinslot.make_lot(lot public.token_lots, debt bigint) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_paid bigint := least(lot.tokens, make_lot.debt);
  v_id bigint;
begin
  insert into public.token_lots (
    user_id, seq, kind, payment_id, price, price_tokens, tokens, remaining, spent, expires_at,
    priority, paid, created_at
  ) values (
    lot.user_id, lot.seq, lot.kind, lot.payment_id, lot.price, lot.price_tokens, lot.tokens,
    lot.tokens - v_paid, v_paid, lot.expires_at, coalesce(lot.priority, 0),
    coalesce(lot.paid, false), coalesce(lot.created_at, clock_timestamp())
  ) returning id into v_id;
  if v_paid > 0 then
    insert into coinslot.lot_draws (lot_id, user_id, seq, cause, tokens)
    values (v_id, lot.user_id, lot.seq, 'debt', v_paid);
  end if;
  return v_paid;
end
$$;
comment on function coinslot.make_lot(public.token_lots, bigint) is
'Writes a lot, of which a debt is paid first; how much of it.';
revoke all on function coinslot.make_lot(public.token_lots, bigint) from public;

-- Money may come when the date of its product has passed: what was paid for lives a while.
create function coinslot.order_expiry(payment public.token_payments, now timestamptz)
returns timestamptz
language plpgsql stable set search_path = '' as $$
begin
  -- One expression with all of it would be planned anew at every credit.
  if payment.tokens_end_at > order_expiry.now then
    return payment.tokens_end_at;
  end if;
  if payment.tokens_end_at is not null then
    return order_expiry.now + (
      select s.returned_lifetime from coinslot.settings s where s.id
    );
  end if;
  return coalesce(
    order_expiry.now + make_interval(days => payment.tokens_last_days), 'infinity'
  );
end
$$;
comment on function coinslot.order_expiry(public.token_payments, timestamptz) is
'When the tokens of an order expire that are credited now.';
revoke all on function coinslot.order_expiry(public.token_payments, timestamptz) from public;

-- A lot as an entry that credits makes it.
create function coinslot.lot_of(entry public.token_ledger, now timestamptz, expires_at timestamptz)
returns public.token_lots
language plpgsql stable set search_path = '' as $$
declare
  v_lot public.token_lots;
  v_payment public.token_payments;
begin
  v_lot.user_id := entry.user_id;
  v_lot.seq := entry.seq;
  v_lot.kind := entry.kind;
  v_lot.tokens := entry.delta;
  v_lot.expires_at := coalesce(lot_of.expires_at, 'infinity');
  v_lot.created_at := entry.created_at;
  if entry.payment_id is not null then
    select p.* into strict v_payment from public.token_payments p where p.id = entry.payment_id;
    v_lot.payment_id := v_payment.id;
    v_lot.price := v_payment.amount;
    v_lot.price_tokens := v_payment.tokens;
    v_lot.paid := true;
    v_lot.expires_at := coinslot.order_expiry(v_payment, lot_of.now);
  end if;
  return v_lot;
end
$$;
comment on function coinslot.lot_of(public.token_ledger, timestamptz, timestamptz) is
'The lot of a credit, not yet written.';
revoke all on function coinslot.lot_of(public.token_ledger, timestamptz, timestamptz) from public;

create function coinslot.check_expiry(expires_at timestamptz, now timestamptz) returns void
language plpgsql stable set search_path = '' as $$
begin
  if check_expiry.expires_at <= check_expiry.now
    or check_expiry.expires_at >= '10000-01-01 00:00:00+00'
  then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'expires_at', 'after', check_expiry.now, 'before', '10000-01-01T00:00:00Z'
    ));
  end if;
end
$$;
comment on function coinslot.check_expiry(timestamptz, timestamptz) is
'PT400 for a time that has passed, or beyond the year 9999; null = never is right.';
revoke all on function coinslot.check_expiry(timestamptz, timestamptz) from public;

-- What pays a debt may make a refill due.
create function coinslot.post_credit(
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
comment on function coinslot.post_credit(
  public.token_ledger, public.token_wallets, timestamptz, timestamptz
) is 'Folds a locked wallet, writes an entry that adds tokens, and makes its lot.';
revoke all on function coinslot.post_credit(
  public.token_ledger, public.token_wallets, timestamptz, timestamptz
) from public;
