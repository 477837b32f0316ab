-- What a gateway tells of a person who was erased is not stored again.

create or replace function coinslot.apply_attempt(
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
