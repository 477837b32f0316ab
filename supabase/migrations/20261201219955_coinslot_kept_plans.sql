-- What every spend, hold, credit, order and webhook calls, in PL/pgSQL. Postgres before 18 plans a
-- function in SQL anew at each call; the plans of PL/pgSQL are kept by the connection.

create or replace function coinslot.max_amount() returns bigint
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return 9007199254740991;
end
$$;

create or replace function coinslot.receipt(entry public.token_ledger, replayed boolean)
returns public.token_receipt
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return row(
    entry.user_id, entry.seq, entry.delta, entry.balance, entry.created_at, entry.payment_id,
    entry.hold_id, entry.kind, entry.idempotency_key, entry.feature, entry.reason,
    entry.metadata, receipt.replayed
  )::public.token_receipt;
end
$$;

create or replace function coinslot.lock_wallet(user_id uuid) returns public.token_wallets
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets;
begin
  select w.* into v_wallet
  from public.token_wallets w where w.user_id = lock_wallet.user_id for update;
  return v_wallet;
end
$$;

create or replace function coinslot.histories_of(user_id uuid) returns uuid[]
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return array_prepend(
    histories_of.user_id,
    array(select m.from_user from coinslot.merged_wallets m where m.owner_user = histories_of.user_id)
  );
end
$$;

create or replace function coinslot.hold_receipt(hold coinslot.token_holds, replayed boolean)
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

create or replace function public.get_user_tokens() returns bigint
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

create or replace function public.spend_tokens(
  amount bigint, idempotency_key text, reason text default '', metadata jsonb default '{}'
) returns public.token_receipt
language plpgsql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
begin
  return coinslot.spend_tokens(
    spend_tokens.amount, spend_tokens.idempotency_key, spend_tokens.reason, spend_tokens.metadata
  );
end
$$;

create or replace function public.use_feature(
  feature text, idempotency_key text, metadata jsonb default '{}'
) returns public.token_receipt
language plpgsql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
begin
  return coinslot.use_feature(
    use_feature.feature, use_feature.idempotency_key, use_feature.metadata
  );
end
$$;

create or replace function public.spend_tokens_for(
  user_id uuid, amount bigint, idempotency_key text, reason text default '',
  metadata jsonb default '{}'
) returns public.token_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.spend_tokens_for(
    spend_tokens_for.user_id, spend_tokens_for.amount, spend_tokens_for.idempotency_key,
    spend_tokens_for.reason, spend_tokens_for.metadata
  );
end
$$;

create or replace function public.use_feature_for(
  user_id uuid, feature text, idempotency_key text, metadata jsonb default '{}'
) returns public.token_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.use_feature_for(
    use_feature_for.user_id, use_feature_for.feature, use_feature_for.idempotency_key,
    use_feature_for.metadata
  );
end
$$;

create or replace function public.add_tokens(
  user_id uuid, amount bigint, idempotency_key text, reason text default '',
  kind text default 'grant', expires_at timestamptz default null
) returns public.token_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.add_tokens(
    add_tokens.user_id, add_tokens.amount, add_tokens.idempotency_key, add_tokens.reason,
    add_tokens.kind, add_tokens.expires_at
  );
end
$$;

create or replace function coinslot.find_hold_replay(
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

create or replace function public.hold_tokens_for(
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

create or replace function public.hold_feature_for(
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

create or replace function coinslot.capture_receipt(receipt public.token_receipt, missing bigint)
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

create or replace function public.capture_token_hold(
  hold_id uuid, amount bigint default null, allow_overage boolean default false
) returns public.token_capture_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.capture_hold(
    capture_token_hold.hold_id, capture_token_hold.amount, capture_token_hold.allow_overage
  );
end
$$;

create or replace function public.release_token_hold(hold_id uuid) returns public.token_hold_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.release_hold(release_token_hold.hold_id);
end
$$;

create or replace function public.extend_token_hold(hold_id uuid, ttl_seconds integer default 600)
returns public.token_hold_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.extend_hold(extend_token_hold.hold_id, extend_token_hold.ttl_seconds);
end
$$;

create or replace function public.refund_spend_for(
  user_id uuid, idempotency_key text, spend_key text default null, spend_seq bigint default null,
  amount bigint default null, reason text default '', caller text default 'service'
) returns public.token_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.refund_spend_for(
    refund_spend_for.user_id, refund_spend_for.idempotency_key, refund_spend_for.spend_key,
    refund_spend_for.spend_seq, refund_spend_for.amount, refund_spend_for.reason,
    refund_spend_for.caller
  );
end
$$;

create or replace function coinslot.attempt_states() returns text[]
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return array['ready', 'awaiting_deposit', 'paid', 'failed', 'canceled'];
end
$$;

create or replace function coinslot.apply_outcomes() returns text[]
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return array[
    'credited', 'reversed', 'restored', 'moved', 'unchanged', 'stale', 'review', 'duplicate',
    'refused', 'unknown_order'
  ];
end
$$;

create or replace function coinslot.read_wait(reads integer) returns interval
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return coalesce(
    ('{2 minutes,5 minutes,10 minutes,20 minutes,40 minutes,80 minutes,3 hours}'::interval[])
    [read_wait.reads + 1], interval '6 hours'
  );
end
$$;

create or replace function coinslot.read_later(payment_id uuid) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
begin
  insert into coinslot.payment_reads (payment_id, gateway, next_read_at)
  select p.id, p.gateway, clock_timestamp() + coinslot.read_wait(0)
  from public.token_payments p where p.id = read_later.payment_id
  on conflict on constraint payment_reads_pkey do update
  set reads = 0, next_read_at = least(payment_reads.next_read_at, excluded.next_read_at);
end
$$;

create or replace function coinslot.close_later(payment_id uuid) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
begin
  insert into coinslot.payment_closings as c (payment_id, gateway)
  select p.id, p.gateway from public.token_payments p where p.id = close_later.payment_id
  on conflict on constraint payment_closings_pkey do update
  set round = c.round + 1, tries = 0, next_try_at = least(c.next_try_at, excluded.next_try_at);
end
$$;

create or replace function coinslot.has_ended(status text) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return (
    select s.ended from coinslot.payment_statuses s where s.status = has_ended.status
  );
end
$$;

create or replace function coinslot.record_event(
  payment public.token_payments, from_status text, source text, reason text default '',
  payment_key text default null, tokens bigint default 0
) returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into public.token_payment_events (
    payment_id, user_id, from_status, to_status, tokens, source, reason, payment_key
  ) values (
    payment.id, payment.user_id, record_event.from_status, payment.status, record_event.tokens,
    record_event.source, record_event.reason, record_event.payment_key
  );
end
$$;

create or replace function coinslot.account_lock(user_id uuid) returns bigint
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return hashtextextended('coinslot.account ' || account_lock.user_id::text, 0);
end
$$;

create or replace function public.create_token_order(
  product_id text, gateway text, currency text default 'KRW', idempotency_key text default null,
  method text default null, quantity integer default 1, promo_code text default null
) returns public.token_payments
language plpgsql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
begin
  return coinslot.create_order(
    create_token_order.product_id, create_token_order.gateway, create_token_order.currency,
    create_token_order.idempotency_key, create_token_order.method, create_token_order.quantity,
    create_token_order.promo_code
  );
end
$$;

create or replace function public.cancel_token_order(order_id text) returns public.token_payments
language plpgsql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
begin
  return coinslot.cancel_order(cancel_token_order.order_id);
end
$$;

create or replace function coinslot.webhook_outcomes() returns text[]
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return array['received', 'not_yet', 'failed'] || array_remove(coinslot.apply_outcomes(), 'stale');
end
$$;

create or replace function public.coinslot_store_webhook(
  gateway text, event_id text, event_type text, order_id text, payment_key text,
  claims_paid boolean, headers jsonb, body jsonb, secret text default null,
  busy boolean default false, warning text default null, out verdict text, out webhook_id bigint,
  out payment public.token_payments
)
language plpgsql volatile set search_path = '' as $$
declare
  v_stored record;
begin
  select s.* into v_stored
  from coinslot.store_webhook(
    coinslot_store_webhook.gateway, coinslot_store_webhook.event_id,
    coinslot_store_webhook.event_type, coinslot_store_webhook.order_id,
    coinslot_store_webhook.payment_key, coinslot_store_webhook.claims_paid,
    coinslot_store_webhook.headers, coinslot_store_webhook.body, coinslot_store_webhook.secret,
    coinslot_store_webhook.busy, coinslot_store_webhook.warning
  ) s;
  verdict := v_stored.verdict;
  webhook_id := v_stored.webhook_id;
  if (v_stored.payment).id is not null then
    payment := v_stored.payment;
  end if;
end
$$;

create or replace function public.coinslot_finish_webhook(
  webhook_id bigint, outcome text, detail text default '', again boolean default false
) returns public.coinslot_webhook_verdict
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.finish_webhook(
    coinslot_finish_webhook.webhook_id, coinslot_finish_webhook.outcome,
    coinslot_finish_webhook.detail, coinslot_finish_webhook.again
  );
end
$$;

create or replace function coinslot.payment_status(facts coinslot.payment_facts) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return case
    when facts.paid > 0 then case
      when facts.refunded >= facts.paid then 'refunded'
      when facts.disputed > 0 then 'disputed'
      when facts.withdrawn > 0 and facts.refunded + facts.withdrawn >= facts.paid
      then 'charged_back'
      when facts.refunded + facts.withdrawn > 0 then 'partially_refunded'
      else 'completed'
    end
    when facts.tampered then 'review'
    when facts.voided then 'voided'
    when facts.waiting and not facts.expired then 'awaiting_deposit'
    when facts.expired then 'expired'
    when facts.failed and not facts.canceled then 'failed'
    when facts.canceled then 'canceled'
    else 'pending'
  end;
end
$$;

create or replace function coinslot.same_fact(
  known coinslot.payment_attempts, attempt coinslot.payment_attempts
) returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return known.id is not null and (
    known.state, known.amount, known.currency, known.live, known.paid, known.refunded,
    known.refunding, known.disputed, known.withdrawn, known.virtual_account, known.failure_reason
  ) is not distinct from (
    attempt.state, attempt.amount, attempt.currency, attempt.live, attempt.paid,
    attempt.refunded, attempt.refunding, attempt.disputed, attempt.withdrawn,
    attempt.virtual_account, attempt.failure_reason
  ) and coalesce(attempt.secret, known.secret) is not distinct from known.secret;
end
$$;

create or replace function coinslot.is_live() returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (select from coinslot.settings s where s.id and s.mode = 'live');
end
$$;

create or replace function coinslot.tokens_to_reverse(tokens bigint, paid bigint, returned bigint)
returns bigint
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return case
    when tokens_to_reverse.returned >= tokens_to_reverse.paid then tokens_to_reverse.tokens
    else div(
      tokens_to_reverse.tokens::numeric * tokens_to_reverse.returned, tokens_to_reverse.paid
    )::bigint
  end;
end
$$;

create or replace function public.coinslot_apply_gateway_payment(
  order_id text, gateway text, payment_key text, state text, amount bigint, currency text,
  live boolean, source text, version bigint, paid bigint default 0, refunded bigint default 0,
  refunding bigint default 0, disputed bigint default 0, withdrawn bigint default 0,
  method text default null, failure_reason text default null, virtual_account jsonb default null,
  webhook_ids bigint[] default '{}', secret text default null,
  taken_at timestamptz default null, vat bigint default null, tax_free bigint default null,
  card jsonb default null, out outcome text, out payment public.token_payments,
  out webhooks public.coinslot_webhook_verdict[]
)
language plpgsql volatile set search_path = '' as $$
declare
  v_applied record;
begin
  select a.* into v_applied
  from coinslot.apply_gateway_payment(
    coinslot_apply_gateway_payment.order_id, coinslot_apply_gateway_payment.version,
    coinslot_apply_gateway_payment.source,
    coinslot.with_card(
      coinslot.with_tax(
        coinslot.new_attempt(
          coinslot_apply_gateway_payment.gateway, coinslot_apply_gateway_payment.payment_key,
          coinslot_apply_gateway_payment.state, coinslot_apply_gateway_payment.amount,
          coinslot_apply_gateway_payment.currency, coinslot_apply_gateway_payment.live,
          coinslot_apply_gateway_payment.paid, coinslot_apply_gateway_payment.refunded,
          coinslot_apply_gateway_payment.refunding, coinslot_apply_gateway_payment.disputed,
          coinslot_apply_gateway_payment.withdrawn, coinslot_apply_gateway_payment.method,
          coinslot_apply_gateway_payment.failure_reason,
          coinslot_apply_gateway_payment.virtual_account,
          coinslot_apply_gateway_payment.taken_at, coinslot_apply_gateway_payment.secret
        ),
        coinslot_apply_gateway_payment.vat, coinslot_apply_gateway_payment.tax_free
      ),
      coinslot_apply_gateway_payment.card
    ),
    coinslot_apply_gateway_payment.webhook_ids
  ) a;
  outcome := v_applied.outcome;
  webhooks := v_applied.webhooks;
  if (v_applied.payment).id is not null then
    payment := v_applied.payment;
  end if;
end
$$;
