-- Refunds with lots: a refund takes the tokens of its own order, and reserves them in their lots
-- from the moment it is asked for. That is the taking: what is spent between the request and its
-- end must not draw them.

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

-- Tokens of the order that were spent cannot go back with its money: refused, unless somebody
-- decides otherwise. Those that have expired need not. Money that no token goes back with is
-- nothing to a balance, not even to one below zero.
create or replace function coinslot.check_unspent(refund coinslot.refunds) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets := coinslot.lock_wallet(refund.user_id);
  v_own record;
  v_fits bigint;
begin
  if refund.tokens = 0 then
    return;
  end if;
  v_wallet := coinslot.fold(refund.user_id, coinslot.wallet_time(v_wallet));
  select coalesce(sum(l.remaining), 0)::bigint as remaining,
    coalesce(sum(l.expired - l.covered), 0)::bigint as gone
  into v_own
  from public.token_lots l where l.payment_id = refund.payment_id;
  v_fits := greatest(0, v_wallet.tokens - v_wallet.held);
  if v_fits >= v_own.remaining then
    v_fits := v_own.remaining + v_own.gone;
  end if;
  if refund.tokens > v_fits and not refund.forced then
    perform coinslot.fail('tokens_already_spent', jsonb_build_object(
      'tokens', v_fits, 'required', refund.tokens, 'refundable', coinslot.money_for(refund, v_fits)
    ));
  end if;
end
$$;
comment on function coinslot.check_unspent(coinslot.refunds) is
'Locks and folds the wallet; PT409 unless the order''s own lots have the tokens of a refund, or the
refund is forced.';

-- What is not there in the order's own lots is held without a lot, which only a forced refund gets
-- to. The caller has the payment locked, and the wallet folded.
create function coinslot.reserve_refund(refund coinslot.refunds) returns coinslot.refunds
language plpgsql volatile set search_path = '' as $$
declare
  v_refund coinslot.refunds := refund;
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
    where w.user_id = refund.user_id;
  end if;
  perform coinslot.note_change(w.user_id, w.folded_at)
  from public.token_wallets w where w.user_id = refund.user_id;
  return v_refund;
end
$$;
comment on function coinslot.reserve_refund(coinslot.refunds) is
'Sets the tokens of a refund aside in the lots of its order, and holds them.';
revoke all on function coinslot.reserve_refund(coinslot.refunds) from public;

create or replace function coinslot.start_refund(
  order_id text, amount bigint, reason text, idempotency_key text, force boolean,
  payment_key text, account jsonb, requested_by uuid
) returns coinslot.refunds
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.token_payments;
  v_refund coinslot.refunds;
begin
  perform coinslot.check_refund(
    start_refund.reason, start_refund.idempotency_key, start_refund.account
  );
  select p.* into v_payment from public.token_payments p
  where p.order_id = start_refund.order_id for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  v_refund := coinslot.find_refund_replay(
    v_payment.id, start_refund.amount, start_refund.payment_key, start_refund.idempotency_key
  );
  if v_refund.id is not null then
    return v_refund;
  end if;
  select r.* into v_refund from coinslot.refunds r
  where r.payment_id = v_payment.id and r.finished_at is null;
  if found then
    perform coinslot.fail('refund_in_progress', jsonb_build_object(
      'refund_id', v_refund.id, 'amount', v_refund.amount, 'status', v_refund.status
    ));
  end if;
  v_refund := coinslot.quote_refund(v_payment, start_refund.amount, start_refund.payment_key);
  v_refund.reason := btrim(start_refund.reason);
  v_refund.idempotency_key := start_refund.idempotency_key;
  v_refund.forced := coalesce(start_refund.force, false);
  v_refund.requested_by := start_refund.requested_by;
  perform coinslot.check_unspent(v_refund);
  v_refund := coinslot.save_refund(v_refund, start_refund.account);
  v_refund := coinslot.reserve_refund(v_refund);
  perform coinslot.record_event(
    v_payment, v_payment.status, 'refund', 'refund_requested', v_refund.payment_key
  );
  return v_refund;
end
$$;

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

create or replace function coinslot.free_set_aside(refund coinslot.refunds) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_hold coinslot.token_holds;
  v_wallet public.token_wallets;
  v_now timestamptz;
begin
  if refund.tokens = 0 then
    return;
  end if;
  v_now := coinslot.wallet_time(coinslot.lock_wallet(refund.user_id));
  v_wallet := coinslot.fold(refund.user_id, v_now);
  perform coinslot.free_lots(refund, v_wallet.seq, coinslot.debt_of(v_wallet), v_now);
  select h.* into v_hold
  from coinslot.token_holds h where h.refund_id = refund.id and h.status = 'held' for update;
  if found then
    perform coinslot.resolve_hold(v_hold, 'released', 0);
  end if;
  perform coinslot.end_change(refund.user_id, v_now);
end
$$;

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

-- Credits or reverses by the difference to what the ledger already holds for this payment: the
-- payment's row lock makes that difference the only thing that can happen. What was reversed when
-- the database went live stays so. Tokens that had expired are not taken, nor given back later.
create or replace function coinslot.settle_tokens(
  payment public.token_payments, facts coinslot.payment_facts
) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_before bigint;
  v_entries bigint;
  v_now bigint;
  v_moved bigint := 0;
  v_reversed boolean;
  v_done boolean := coinslot.is_refund_done(payment.id);
  v_target bigint := case when facts.attempt_id is null then 0 else
    payment.tokens - coinslot.tokens_to_reverse(
      payment.tokens, facts.paid, facts.refunded + facts.withdrawn
    )
  end;
begin
  select coalesce(sum(l.delta), 0), count(*), bool_or(l.kind = 'test_reversal')
  into v_before, v_entries, v_reversed
  from public.token_ledger l where l.payment_id = payment.id;
  v_now := v_before;
  v_target := case when v_reversed then 0 else v_target end
    + coinslot.covered_tokens(payment.id, v_done);
  if v_entries = 0 and facts.attempt_id is not null and payment.tokens > 0 then
    perform coinslot.post_entry(coinslot.new_entry(
      payment.user_id, 'purchase', payment.tokens, 'system', payment_id => payment.id
    ));
    v_now := payment.tokens;
  end if;
  if v_target > v_now then
    v_moved := coinslot.give_back(payment, v_target - v_now, v_done);
  elsif v_target < v_now then
    v_moved := coinslot.take_tokens(
      payment, v_now - v_target,
      case when facts.withdrawn > payment.withdrawn then 'dispute' else 'refund' end, v_done
    );
  end if;
  return v_now + v_moved - v_before;
end
$$;

-- Everything is decided under the lock of the wallet that has the history of the spend, so that two
-- at the same time give back no more than one after the other.
create or replace function coinslot.refund_spend(
  user_id uuid, idempotency_key text, spend_key text, spend_seq bigint, amount bigint, reason text,
  caller text
) returns public.token_receipt
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets := coinslot.lock_owner(refund_spend.user_id);
  v_spend public.token_ledger := coinslot.find_spend(
    refund_spend.user_id, refund_spend.spend_key, refund_spend.spend_seq, refund_spend.caller
  );
  v_receipt public.token_receipt := coinslot.find_spend_refund(
    v_wallet.user_id, refund_spend.idempotency_key, v_spend, refund_spend.amount
  );
  v_tokens bigint;
begin
  if v_receipt.seq is not null then
    return v_receipt;
  end if;
  perform coinslot.check_open(v_wallet);
  if v_wallet.held > 0 then
    perform coinslot.refuse_held_key(v_wallet.user_id, refund_spend.idempotency_key);
  end if;
  v_tokens := coinslot.check_spend_refund(v_wallet, v_spend, refund_spend.amount);
  v_receipt := coinslot.post_spend_refund(coinslot.new_entry(
    v_wallet.user_id, 'spend_refund', v_tokens, 'service', refund_spend.idempotency_key,
    v_spend.feature, refund_spend.reason,
    jsonb_build_object('spend_user', v_spend.user_id, 'spend_seq', v_spend.seq)
  ), v_spend, coinslot.wallet_time(v_wallet));
  insert into coinslot.spend_refunds (user_id, seq, spend_user, spend_seq, tokens)
  values (v_receipt.user_id, v_receipt.seq, v_spend.user_id, v_spend.seq, v_tokens);
  return v_receipt;
end
$$;

-- ---- going live ----

create or replace function coinslot.test_credits()
returns table (payment_id uuid, order_id text, user_id uuid, tokens bigint)
language sql stable set search_path = '' as $$
  select p.id, p.order_id, p.user_id, (sum(l.delta) - coinslot.covered_tokens(p.id))::bigint
  from public.token_payments p inner join public.token_ledger l on l.payment_id = p.id
  where not p.live
  group by p.id having sum(l.delta) <> coinslot.covered_tokens(p.id)
  order by p.id
$$;

-- A refund that is open is given up first: it has tokens set aside. A balance may go below zero, as
-- with any money that is taken back.
create or replace function coinslot.reverse_test_payments() returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_credit record;
  v_payment public.token_payments;
  v_moved bigint;
begin
  perform coinslot.close_refund(r.id, 'The database went live.')
  from coinslot.open_test_refunds() r;
  for v_credit in select c.* from coinslot.test_credits() c loop
    select p.* into strict v_payment
    from public.token_payments p where p.id = v_credit.payment_id;
    v_moved := coinslot.take_tokens(v_payment, v_credit.tokens, 'test_reversal');
    perform coinslot.record_event(
      v_payment, v_payment.status, 'go_live', 'test_payment', v_payment.payment_key,
      v_moved
    );
  end loop;
end
$$;

drop function coinslot.set_aside(coinslot.refunds);
drop function coinslot.expire_holds_of(uuid);

notify pgrst, 'reload schema';
