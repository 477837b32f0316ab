-- The one funnel: what a gateway said about a payment becomes states and tokens here and nowhere
-- else. Confirm, complete, webhook, refund and reconciler all end in apply_gateway_payment(), so
-- none can disagree with another, and running it twice changes nothing. The file of the payment
-- attempts judges each payment: wrong amount, other currency, another's order.

-- One event for each refusal, however often it is repeated, and fifty of one order at the most:
-- anybody who knows an order id can claim to have paid it.
create function coinslot.record_refusal(
  payment public.token_payments, payment_key text, reason text, source text
) returns void
language plpgsql volatile set search_path = '' as $$
begin
  if (
    select count(*) < 50 and not coalesce(bool_or(
      e.payment_key = record_refusal.payment_key and e.reason = record_refusal.reason
    ), false)
    from public.token_payment_events e
    where e.payment_id = payment.id and e.from_status = e.to_status
  ) then
    perform coinslot.record_event(
      payment, payment.status, record_refusal.source, record_refusal.reason,
      record_refusal.payment_key
    );
  end if;
end
$$;
comment on function coinslot.record_refusal(public.token_payments, text, text, text) is
'Notes an attempt that was refused and moved nothing.';
revoke all on function coinslot.record_refusal(public.token_payments, text, text, text) from public;

-- A fact that fits no rule is recorded, once, and never raised away.
create function coinslot.refuse_attempt(
  payment public.token_payments, attempt coinslot.payment_attempts, problem text, source text
) returns public.token_payments
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.token_payments;
begin
  perform coinslot.record_discrepancy(refuse_attempt.problem, attempt, payment.order_id);
  perform coinslot.record_refusal(
    payment, attempt.payment_key, refuse_attempt.problem, refuse_attempt.source
  );
  update public.token_payments p set version = p.version + 1 where p.id = payment.id
  returning p.* into v_payment;
  return v_payment;
end
$$;
comment on function coinslot.refuse_attempt(
  public.token_payments, coinslot.payment_attempts, text, text
) is 'Records what the gateway said and moves nothing.';
revoke all on function coinslot.refuse_attempt(
  public.token_payments, coinslot.payment_attempts, text, text
) from public;

-- News of an attempt that was read after everything that was applied before. A refund under way,
-- whoever began it, is looked after until it is over.
create function coinslot.apply_news(
  before public.token_payments, attempt coinslot.payment_attempts, source text,
  out outcome text, out payment public.token_payments
)
language plpgsql volatile set search_path = '' as $$
declare
  v_settled record;
  v_known boolean := attempt.id is not null;
begin
  attempt.problem := coinslot.attempt_problem(before, attempt);
  if attempt.credited and attempt.problem is not null then
    outcome := 'refused';
    payment := coinslot.refuse_attempt(before, attempt, attempt.problem, source);
    return;
  end if;
  -- The first good attempt with money is credited, and stored as that.
  attempt.credited := attempt.credited
    or before.confirmed_at is null and attempt.paid > 0 and attempt.problem is null;
  attempt.id := coinslot.save_attempt(attempt, before.order_id);
  if attempt.id is null then
    outcome := 'refused';
    payment := coinslot.refuse_attempt(before, attempt, 'wrong_order', source);
    return;
  end if;
  v_settled := coinslot.settle_payment(before, attempt, source);
  outcome := v_settled.outcome;
  payment := v_settled.payment;
  perform coinslot.follow_money(before, payment);
  if v_known then
    perform coinslot.settle_refund(payment, attempt, source);
  end if;
  if attempt.refunding > 0 then
    perform coinslot.read_later(payment.id);
  end if;
  if attempt.state = 'failed' or outcome = 'reversed' then
    perform coinslot.note_habits(payment);
  end if;
  -- An attempt that began after its order had ended, or beside it, is open yet.
  if attempt.paid = 0 and attempt.state <> 'canceled' and coinslot.has_ended(payment.status) then
    perform coinslot.close_later(payment.id);
  end if;
end
$$;
comment on function coinslot.apply_news(
  public.token_payments, coinslot.payment_attempts, text
) is 'Stores what is new of an attempt and moves its order.';
revoke all on function coinslot.apply_news(
  public.token_payments, coinslot.payment_attempts, text
) from public;

-- A fact equal to the last one of the same attempt moves nothing whenever it was read; any other
-- counts only if nobody has applied a newer read since it was started, and only such a read decides
-- what became of a refund. Both grow the version, so that an older read of something else finds
-- itself stale. No test payment is applied while the database goes live, which locks all test
-- orders: it is waited for before anything is locked here.
create function coinslot.apply_attempt(
  order_id text, version bigint, source text, attempt coinslot.payment_attempts,
  out outcome text, out payment public.token_payments
)
language plpgsql volatile set search_path = '' as $$
declare
  v_known coinslot.payment_attempts;
  v_applied record;
begin
  if not attempt.live then
    perform pg_advisory_xact_lock_shared(coinslot.mode_lock());
  end if;
  select p.* into payment from public.token_payments p
  where p.order_id = apply_attempt.order_id for update;
  perform coinslot.check_attempt(order_id, attempt, source, apply_attempt.version, payment.gateway);
  if payment.id is null then
    outcome := 'unknown_order';
    if attempt.paid > attempt.refunded + attempt.withdrawn then
      perform coinslot.record_discrepancy('unknown_order', attempt, order_id);
    end if;
    return;
  end if;
  if (attempt.card is not null or attempt.virtual_account ? 'holder')
    and coinslot.is_erased(payment.user_id)
  then
    attempt.card := null;
    attempt.virtual_account := attempt.virtual_account - 'holder';
  end if;
  select a.* into v_known from coinslot.payment_attempts a
  where a.gateway = attempt.gateway and a.payment_key = attempt.payment_key;
  attempt.id := v_known.id;
  attempt.payment_id := payment.id;
  attempt.credited := coalesce(v_known.credited, false);
  attempt.problem := v_known.problem;
  if v_known.payment_id <> payment.id then
    outcome := 'refused';
    payment := coinslot.refuse_attempt(payment, attempt, 'wrong_order', source);
  elsif coinslot.same_fact(v_known, attempt) then
    outcome := 'unchanged';
    if payment.version = apply_attempt.version then
      perform coinslot.settle_refund(payment, attempt, source);
    end if;
    update public.token_payments p set version = p.version + 1 where p.id = payment.id
    returning p.* into payment;
  elsif payment.version <> apply_attempt.version then
    outcome := 'stale';
  else
    v_applied := coinslot.apply_news(payment, attempt, source);
    outcome := v_applied.outcome;
    payment := v_applied.payment;
  end if;
end
$$;
comment on function coinslot.apply_attempt(text, bigint, text, coinslot.payment_attempts) is
'Applies what was read of one attempt to its order.';
revoke all on function coinslot.apply_attempt(text, bigint, text, coinslot.payment_attempts)
from public;

-- The verdicts on the webhooks that led to the read commit with what the read came to. A stale read
-- came to nothing yet.
create function coinslot.apply_gateway_payment(
  order_id text, version bigint, source text, attempt coinslot.payment_attempts,
  webhook_ids bigint[], out outcome coinslot.apply_outcome, out payment public.token_payments,
  out webhooks public.coinslot_webhook_verdict[]
)
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_applied record;
begin
  v_applied := coinslot.apply_attempt(
    apply_gateway_payment.order_id, apply_gateway_payment.version,
    apply_gateway_payment.source, attempt
  );
  outcome := v_applied.outcome;
  payment := v_applied.payment;
  webhooks := '{}';
  if cardinality(webhook_ids) > 0 and outcome <> 'stale' then
    webhooks := coinslot.settle_webhooks(webhook_ids, outcome, attempt, payment.id);
  end if;
end
$$;
comment on function coinslot.apply_gateway_payment(
  text, bigint, text, coinslot.payment_attempts, bigint[]
) is 'See public.coinslot_apply_gateway_payment.';
revoke all on function coinslot.apply_gateway_payment(
  text, bigint, text, coinslot.payment_attempts, bigint[]
) from public;
grant execute on function coinslot.apply_gateway_payment(
  text, bigint, text, coinslot.payment_attempts, bigint[]
) to service_role;

create function public.coinslot_apply_gateway_payment(
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
comment on function public.coinslot_apply_gateway_payment(
  text, text, text, text, bigint, text, boolean, text, bigint, bigint, bigint, bigint, bigint,
  bigint, text, text, jsonb, bigint[], text, timestamptz, bigint, bigint, jsonb
) is
'Service: applies what one fresh read of a gateway said about a payment. A verdict for each webhook
that led to it; none where the read was stale, or the webhook had ended before. vat and tax_free are
of the money that the payment holds, where the gateway splits it; card is {brand, last_four,
approval}, as receipts show it.';
revoke all on function public.coinslot_apply_gateway_payment(
  text, text, text, text, bigint, text, boolean, text, bigint, bigint, bigint, bigint, bigint,
  bigint, text, text, jsonb, bigint[], text, timestamptz, bigint, bigint, jsonb
) from public, anon, authenticated, service_role;
grant execute on function public.coinslot_apply_gateway_payment(
  text, text, text, text, bigint, text, boolean, text, bigint, bigint, bigint, bigint, bigint,
  bigint, text, text, jsonb, bigint[], text, timestamptz, bigint, bigint, jsonb
) to service_role;

-- Before the gateway is asked: the order, and the version that the answer will have to match.
create function coinslot.open_payment(order_id text) returns public.token_payments
language plpgsql stable security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_payment public.token_payments;
begin
  select p.* into v_payment from public.token_payments p where p.order_id = open_payment.order_id;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  return v_payment;
end
$$;
comment on function coinslot.open_payment(text) is 'See public.coinslot_open_payment.';
revoke all on function coinslot.open_payment(text) from public;
grant execute on function coinslot.open_payment(text) to service_role;

create function public.coinslot_open_payment(order_id text) returns public.token_payments
language sql stable set search_path = '' as $$
  select coinslot.open_payment(coinslot_open_payment.order_id)
$$;
comment on function public.coinslot_open_payment(text) is
'Service: an order and its version, to be read before the gateway is.';
revoke all on function public.coinslot_open_payment(text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_open_payment(text) to service_role;

-- A gateway that makes its payment together with the order is asked for that one again, and not for
-- another: its own memory of what it was asked for is shorter than an order may live.
create function coinslot.get_attempt_key(order_id text) returns text
language sql stable security definer
set search_path = '' set enable_seqscan = off as $$
  select a.payment_key
  from public.token_payments p
  inner join coinslot.payment_attempts a on a.payment_id = p.id and a.gateway = p.gateway
  where p.order_id = get_attempt_key.order_id
  order by a.updated_at desc, a.id desc limit 1
$$;
comment on function coinslot.get_attempt_key(text) is 'See public.coinslot_get_attempt_key.';
revoke all on function coinslot.get_attempt_key(text) from public;
grant execute on function coinslot.get_attempt_key(text) to service_role;

create function public.coinslot_get_attempt_key(order_id text) returns text
language sql stable set search_path = '' as $$
  select coinslot.get_attempt_key(coinslot_get_attempt_key.order_id)
$$;
comment on function public.coinslot_get_attempt_key(text) is
'Service: the gateway''s id of the latest attempt at an order; null = none is known.';
revoke all on function public.coinslot_get_attempt_key(text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_get_attempt_key(text) to service_role;

-- A claim to have paid that the gateway does not bear out.
create function coinslot.refuse_payment_attempt(
  order_id text, payment_key text, reason text, source text
) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_payment public.token_payments;
begin
  perform coinslot.check_text('payment_key', refuse_payment_attempt.payment_key, 255);
  perform coinslot.check_text('reason', refuse_payment_attempt.reason, 100);
  perform coinslot.check_text('source', refuse_payment_attempt.source, 32);
  select p.* into v_payment from public.token_payments p
  where p.order_id = refuse_payment_attempt.order_id for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  perform coinslot.record_refusal(
    v_payment, refuse_payment_attempt.payment_key, refuse_payment_attempt.reason,
    refuse_payment_attempt.source
  );
end
$$;
comment on function coinslot.refuse_payment_attempt(text, text, text, text) is
'See public.coinslot_refuse_payment_attempt.';
revoke all on function coinslot.refuse_payment_attempt(text, text, text, text) from public;
grant execute on function coinslot.refuse_payment_attempt(text, text, text, text)
to service_role;

create function public.coinslot_refuse_payment_attempt(
  order_id text, payment_key text, reason text, source text
) returns void
language sql volatile set search_path = '' as $$
  select coinslot.refuse_payment_attempt(
    coinslot_refuse_payment_attempt.order_id, coinslot_refuse_payment_attempt.payment_key,
    coinslot_refuse_payment_attempt.reason, coinslot_refuse_payment_attempt.source
  )
$$;
comment on function public.coinslot_refuse_payment_attempt(text, text, text, text) is
'Service: notes a claimed payment that the gateway does not confirm. Moves nothing.';
revoke all on function public.coinslot_refuse_payment_attempt(text, text, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_refuse_payment_attempt(text, text, text, text)
to service_role;
