-- Orders, money, accounts and going live know subscriptions.

create or replace function coinslot.check_order_limits(user_id uuid) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_settings coinslot.settings;
  v_now timestamptz := clock_timestamp();
  v_orders record;
begin
  select s.* into v_settings from coinslot.settings s where s.id;
  -- Of the user's own orders, sorted out here: asked for by `status` or `expires_at`, a planner
  -- without statistics would go through the open orders of everybody.
  select
    count(*) filter (where o.is_open) as open,
    min(p.expires_at) filter (where o.is_open and p.expires_at > v_now) as closes_at,
    count(*) filter (where p.paid = 0 and p.created_at > v_now - interval '1 hour') as unpaid,
    min(p.created_at) filter (where p.paid = 0 and p.created_at > v_now - interval '1 hour')
    + interval '1 hour' as forgotten_at
  into v_orders
  from public.token_payments p
  cross join lateral (
    select p.status in ('pending', 'awaiting_deposit') and (
      p.expires_at > v_now or p.status = 'awaiting_deposit' and p.virtual_account is null
    ) as is_open
  ) o
  where p.user_id = check_order_limits.user_id
    and case when o.is_open or p.paid = 0 and p.created_at > v_now - interval '1 hour'
      then not coinslot.is_of_a_cycle(p.id) else false end;
  if v_orders.open >= v_settings.max_open_orders then
    perform coinslot.fail('too_many_orders', jsonb_build_object(
      'max_open_orders', v_settings.max_open_orders,
      'retry_after', ceil(extract(epoch from coalesce(
        v_orders.closes_at - v_now, v_settings.order_lifetime
      )))
    ));
  end if;
  if v_orders.unpaid >= v_settings.max_unpaid_orders_per_hour then
    perform coinslot.fail('too_many_orders', jsonb_build_object(
      'max_unpaid_orders_per_hour', v_settings.max_unpaid_orders_per_hour,
      'retry_after', ceil(extract(epoch from v_orders.forgotten_at - v_now))
    ));
  end if;
end
$$;

create or replace function coinslot.cancel_order(order_id text) returns public.token_payments
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_before public.token_payments;
  v_payment public.token_payments;
begin
  select p.* into v_before from public.token_payments p
  where p.order_id = cancel_order.order_id and p.user_id = v_user_id
  for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  if v_before.status = 'canceled' then
    return v_before;
  end if;
  if not coinslot.can_cancel(v_before) or coinslot.is_of_a_cycle(v_before.id) then
    perform coinslot.fail(
      'illegal_transition', jsonb_build_object('from', v_before.status, 'to', 'canceled')
    );
  end if;
  update public.token_payments p
  set status = 'canceled', canceled_at = clock_timestamp(), updated_at = clock_timestamp(),
    virtual_account = null
  where p.id = v_before.id
  returning p.* into v_payment;
  perform coinslot.release_use(v_payment.id);
  perform coinslot.record_event(v_payment, v_before.status, 'user');
  return v_payment;
end
$$;

create or replace function coinslot.attempt_problem(
  payment public.token_payments, attempt coinslot.payment_attempts
) returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_lateness text;
  v_wallet public.token_wallets;
begin
  case
    when attempt.gateway <> payment.gateway then return 'wrong_gateway';
    when attempt.live <> payment.live then return 'wrong_mode';
    when not attempt.live and coinslot.is_live() then return 'wrong_mode';
    when attempt.currency <> payment.currency then return 'wrong_currency';
    when attempt.amount <> payment.amount then return 'wrong_amount';
    when attempt.paid > 0 and attempt.paid <> attempt.amount
      then return 'wrong_amount';
    when attempt.paid = 0 or (
      attempt.credited
      and attempt.refunded + attempt.withdrawn >= payment.refunded + payment.withdrawn
    ) then return null;
    when not attempt.credited and attempt.problem in ('wallet_closed', 'wallet_full')
      then return attempt.problem;
    else
      if not attempt.credited then
        v_lateness := coinslot.lateness(payment, attempt);
      end if;
      v_wallet := coinslot.lock_wallet(payment.user_id);
      return case
        when v_lateness is not null then v_lateness
        when not attempt.credited and coinslot.pays_again(payment.id) then 'duplicate_payment'
        when (v_wallet.user_id is null or v_wallet.closed_at is not null) and not attempt.credited
          then 'wallet_closed'
        when v_wallet.tokens > coinslot.max_amount() - payment.tokens then 'wallet_full'
      end;
  end case;
end
$$;

create or replace function coinslot.follow_money(
  before public.token_payments, payment public.token_payments
) returns void
language plpgsql volatile set search_path = '' as $$
begin
  if before.confirmed_at is null and payment.confirmed_at is not null then
    if payment.promo_code is not null then
      perform coinslot.use_code(payment);
    end if;
    perform coinslot.qualify_referral(payment);
    perform coinslot.follow_cycle(payment);
    perform coinslot.follow_top_up(payment);
  end if;
  if payment.disputed + payment.withdrawn > before.disputed + before.withdrawn then
    perform coinslot.follow_dispute(payment);
  end if;
  if payment.paid > 0 and payment.refunded + payment.withdrawn >= payment.paid
    and (before.paid = 0 or before.refunded + before.withdrawn < before.paid)
  then
    perform coinslot.follow_refund(payment);
  end if;
  if payment.refunded + payment.withdrawn > before.refunded + before.withdrawn
    and not coinslot.has_kept_money(payment)
  then
    perform coinslot.undo_referral(payment);
  end if;
end
$$;

create or replace function coinslot.close_wallet(user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets;
begin
  perform coinslot.close_orders(close_wallet.user_id);
  perform coinslot.end_subscriptions(close_wallet.user_id, 'user_deleted');
  perform coinslot.end_top_up(close_wallet.user_id);
  perform coinslot.drop_methods(close_wallet.user_id);
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

create or replace function coinslot.merge_wallets(
  from_user uuid, into_user uuid, idempotency_key text
) returns public.token_merge_receipt
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets;
  v_merge coinslot.merged_wallets;
begin
  perform coinslot.check_merge(
    merge_wallets.from_user, merge_wallets.into_user, merge_wallets.idempotency_key
  );
  lock table coinslot.merged_wallets in row exclusive mode;
  perform coinslot.lock_accounts(merge_wallets.from_user, merge_wallets.into_user);
  v_merge := coinslot.find_merge_replay(
    merge_wallets.from_user, merge_wallets.into_user, merge_wallets.idempotency_key
  );
  if v_merge.from_user is not null then
    return coinslot.merge_receipt(v_merge, true);
  end if;
  v_wallet := coinslot.lock_for_merge(merge_wallets.from_user, merge_wallets.into_user);
  v_merge.from_user := merge_wallets.from_user;
  v_merge.into_user := merge_wallets.into_user;
  v_merge.idempotency_key := merge_wallets.idempotency_key;
  v_merge.tokens := v_wallet.tokens;
  v_merge.orders := coinslot.move_orders(merge_wallets.from_user, merge_wallets.into_user);
  perform coinslot.move_subscriptions(merge_wallets.from_user, merge_wallets.into_user);
  v_merge.holds := coinslot.move_holds(merge_wallets.from_user, merge_wallets.into_user);
  v_merge.balance := coinslot.move_tokens(
    merge_wallets.from_user, merge_wallets.into_user, v_wallet.tokens
  );
  perform coinslot.move_lots(
    merge_wallets.from_user, merge_wallets.into_user, v_wallet.tokens, v_wallet.folded_at
  );
  return coinslot.record_merge(v_merge);
end
$$;

create or replace function coinslot.guard_mode() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(coinslot.mode_lock());
  perform coinslot.refuse_test_tokens();
  perform coinslot.forget_test_referrals();
  perform coinslot.end_test_subscriptions();
  return new;
end
$$;

create or replace function coinslot.verify_sources(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  with moved as materialized (
    select t.* from coinslot.moved_tokens(verify_sources.from_user, verify_sources.to_user) t
  ), sources as (
    select p.user_id, 'payment' as problem, p.id, case
      when p.paid = 0 or not p.live and exists (
        select from public.token_payment_events e
        where e.payment_id = p.id and e.source = 'go_live' and e.reason = 'test_payment'
      ) then 0
      else p.tokens - coinslot.tokens_to_reverse(p.tokens, p.paid, p.refunded + p.withdrawn)
    end + coalesce(c.covered, 0) as tokens
    from public.token_payments p left join coinslot.covered_payments() c on c.payment_id = p.id
    union all
    select h.user_id, 'hold', h.id, h.captured from coinslot.token_holds h
    union all
    select r.user_id, 'refund', r.id,
      case when r.finished_at is null then r.tokens - r.covered else 0 end
    from coinslot.refunds r
  ), found as (
    select m.user_id, 'payment' as problem, m.payment_id as id, m.tokens
    from moved m where m.payment_id is not null
    union all
    select m.user_id, 'hold', m.hold_id, -m.tokens from moved m where m.hold_id is not null
    union all
    select h.user_id, 'refund', h.refund_id, h.amount from coinslot.token_holds h
    where h.status = 'held' and h.refund_id is not null
  )
  select
    coalesce(s.user_id, f.user_id), coalesce(s.problem, f.problem),
    coalesce(s.tokens, 0), coalesce(f.tokens, 0)
  from (
    select * from sources o
    where (verify_sources.from_user is null or o.user_id >= verify_sources.from_user)
      and (verify_sources.to_user is null or o.user_id < verify_sources.to_user)
  ) s
  full join (
    select * from found o
    where (verify_sources.from_user is null or o.user_id >= verify_sources.from_user)
      and (verify_sources.to_user is null or o.user_id < verify_sources.to_user)
  ) f on f.id = s.id and f.user_id = s.user_id and f.problem = s.problem
  where coalesce(s.tokens, 0) <> coalesce(f.tokens, 0);
end
$$;

notify pgrst, 'reload schema';
