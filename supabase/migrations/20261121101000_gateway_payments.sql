-- The one funnel: what a gateway said about a payment becomes states and tokens here and nowhere
-- else. Confirm, complete, webhook, refund and reconciler all end in apply_gateway_payment(), so
-- none can disagree with another, and running it twice changes nothing.

-- What all attempts at an order add up to.
create type coinslot.payment_facts as (
  attempt_id bigint,
  payment_key text,
  method text,
  paid bigint,
  refunded bigint,
  disputed bigint,
  withdrawn bigint,
  tampered boolean,
  waiting boolean,
  canceled boolean,
  expired boolean,
  failed boolean,
  failure_reason text,
  virtual_account jsonb,
  expires_at timestamptz
);
comment on type coinslot.payment_facts is
'attempt_id: the attempt whose money counts, null while there is none.';

-- Null for what is no point in time: Postgres 15 cannot ask before it casts.
create function coinslot.parse_time(value text) returns timestamptz
language plpgsql stable set search_path = '' as $$
declare
  v_time timestamptz;
begin
  v_time := parse_time.value::timestamptz;
  return case when isfinite(v_time) then v_time end;
exception when data_exception then
  return null;
end
$$;
comment on function coinslot.parse_time(text) is 'A point in time, or null.';
revoke all on function coinslot.parse_time(text) from public;

-- The credited attempt counts for as long as the gateway says that it was paid, refunded or not;
-- else the first good one does. A second paid attempt is for a person to decide, and a bad one
-- never spoils a good one. Money that had gone back and is said to be on its way again (a transfer
-- to the buyer's account, made anew) is not back here: it counts as refunded until that has failed.
-- A debit that is under way at a bank has no account to pay into: whether it comes is the bank's to
-- say, on no date of ours. Read in one pass: nearly every order has one attempt.
create function coinslot.payment_facts(payment public.payments) returns coinslot.payment_facts
language plpgsql stable set search_path = '' as $$
declare
  v_attempt coinslot.payment_attempts;
  v_counted coinslot.payment_attempts;
  v_waiting coinslot.payment_attempts;
  v_latest coinslot.payment_attempts;
  v_tampered boolean := false;
  v_canceled boolean := payment.canceled_at is not null;
  v_failed boolean := false;
  v_refunded bigint;
  v_expires_at timestamptz := payment.expires_at;
begin
  for v_attempt in
    select a.* from coinslot.payment_attempts a where a.payment_id = payment.id
    order by a.credited desc, a.paid > a.refunded + a.withdrawn desc, a.id
  loop
    if v_attempt.paid > 0 and (v_attempt.credited or v_attempt.problem is null) then
      v_counted := case when v_counted.id is null then v_attempt else v_counted end;
    elsif v_attempt.paid > v_attempt.refunded + v_attempt.withdrawn then
      v_tampered := true;
    elsif v_attempt.problem is null and v_attempt.state = 'awaiting_deposit'
      and v_attempt.paid = 0 and ((v_attempt.updated_at, v_attempt.id)
        > (v_waiting.updated_at, v_waiting.id)) is not false
    then
      v_waiting := v_attempt;
    end if;
    v_canceled := v_canceled or v_attempt.state = 'canceled';
    v_failed := v_failed or v_attempt.state = 'failed';
    if ((v_attempt.updated_at, v_attempt.id) > (v_latest.updated_at, v_latest.id)) is not false then
      v_latest := v_attempt;
    end if;
  end loop;
  v_refunded := v_counted.refunded;
  if v_counted.refunding > 0 and v_counted.payment_key = payment.payment_key then
    v_refunded := greatest(v_refunded, least(
      payment.refunded, v_refunded + v_counted.refunding, v_counted.paid - v_counted.withdrawn
    ));
  end if;
  if v_waiting.id is not null then
    v_expires_at := greatest(
      v_expires_at, coinslot.parse_time(v_waiting.virtual_account ->> 'due_at')
    );
  end if;
  return row(
    v_counted.id,
    coalesce(v_counted.payment_key, v_waiting.payment_key),
    coalesce(v_counted.method, v_waiting.method),
    coalesce(v_counted.paid, 0), coalesce(v_refunded, 0),
    coalesce(v_counted.disputed, 0), coalesce(v_counted.withdrawn, 0),
    v_tampered, v_waiting.id is not null, v_canceled,
    payment.expired_at is not null and v_expires_at <= clock_timestamp()
    and (v_waiting.id is null or v_waiting.virtual_account is not null), v_failed,
    case when v_counted.id is null then v_latest.failure_reason end,
    v_waiting.virtual_account, v_expires_at
  )::coinslot.payment_facts;
end
$$;
comment on function coinslot.payment_facts(public.payments) is
'What the gateway has said of all attempts at an order, added up.';
revoke all on function coinslot.payment_facts(public.payments) from public;

-- The status of an order, as a function of its facts: the only place that decides it.
create function coinslot.payment_status(facts coinslot.payment_facts) returns text
language sql immutable set search_path = '' as $$
  select case
    when facts.paid > 0 then case
      when facts.refunded >= facts.paid then 'refunded'
      when facts.disputed > 0 then 'disputed'
      when facts.withdrawn > 0 and facts.refunded + facts.withdrawn >= facts.paid
      then 'charged_back'
      when facts.refunded + facts.withdrawn > 0 then 'partially_refunded'
      else 'completed'
    end
    when facts.tampered then 'review'
    when facts.waiting and not facts.expired then 'awaiting_deposit'
    when facts.expired then 'expired'
    when facts.failed and not facts.canceled then 'failed'
    when facts.canceled then 'canceled'
    else 'pending'
  end
$$;
comment on function coinslot.payment_status(coinslot.payment_facts) is 'Facts to status.';
revoke all on function coinslot.payment_status(coinslot.payment_facts) from public;

-- The share of the tokens that goes back with the money, rounded down in the buyer's favour. When
-- all the money is back, so are all the tokens: the last reversal takes exactly the rest.
create function coinslot.tokens_to_reverse(tokens bigint, paid bigint, returned bigint)
returns bigint
language sql immutable parallel safe set search_path = '' as $$
  select case
    when tokens_to_reverse.returned >= tokens_to_reverse.paid then tokens_to_reverse.tokens
    else div(
      tokens_to_reverse.tokens::numeric * tokens_to_reverse.returned, tokens_to_reverse.paid
    )::bigint
  end
$$;
comment on function coinslot.tokens_to_reverse(bigint, bigint, bigint) is
'Tokens that go back for money returned so far.';
revoke all on function coinslot.tokens_to_reverse(bigint, bigint, bigint) from public;

create function coinslot.record_discrepancy(
  kind text, attempt coinslot.payment_attempts, order_id text
) returns void
language sql volatile set search_path = '' as $$
  insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, detail)
  values (
    record_discrepancy.kind, attempt.gateway, attempt.payment_key, record_discrepancy.order_id,
    jsonb_build_object(
      'state', attempt.state, 'amount', attempt.amount, 'currency', attempt.currency,
      'paid', attempt.paid, 'refunded', attempt.refunded, 'withdrawn', attempt.withdrawn,
      'live', attempt.live
    )
  )
  on conflict (kind, gateway, payment_key, order_id) where resolved_at is null do nothing
$$;
comment on function coinslot.record_discrepancy(text, coinslot.payment_attempts, text) is
'Leaves something for a person, once.';
revoke all on function coinslot.record_discrepancy(text, coinslot.payment_attempts, text)
from public;

-- What speaks against crediting an attempt, or against giving back what a refund or a dispute took.
-- Whether the wallet can take the tokens is asked only when they are about to be given, and under
-- its lock; a closed one takes those that it had before.
create function coinslot.attempt_problem(
  payment public.payments, attempt coinslot.payment_attempts
) returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.wallets;
begin
  case
    when attempt.gateway <> payment.gateway then return 'wrong_gateway';
    when attempt.live <> payment.live then return 'wrong_mode';
    when attempt.currency <> payment.currency then return 'wrong_currency';
    when attempt.amount <> payment.amount then return 'wrong_amount';
    when attempt.paid > 0 and attempt.paid <> attempt.amount
      then return 'wrong_amount';
    when attempt.paid = 0 or (
      attempt.credited
      and attempt.refunded + attempt.withdrawn >= payment.refunded + payment.withdrawn
    ) then return null;
    else
      v_wallet := coinslot.lock_wallet(payment.user_id);
      return case
        when (v_wallet.user_id is null or v_wallet.closed_at is not null) and not attempt.credited
          then 'wallet_closed'
        when v_wallet.tokens > coinslot.max_amount() - payment.tokens then 'wallet_full'
      end;
  end case;
end
$$;
comment on function coinslot.attempt_problem(public.payments, coinslot.payment_attempts) is
'Why an attempt may not be credited, nor given back to, or null.';
revoke all on function coinslot.attempt_problem(public.payments, coinslot.payment_attempts)
from public;

-- Credits or reverses by the difference to what the ledger already holds for this payment: the
-- payment's row lock makes that difference the only thing that can happen.
create function coinslot.settle_tokens(
  payment public.payments, facts coinslot.payment_facts
) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_before bigint;
  v_entries bigint;
  v_now bigint;
  v_target bigint := case when facts.attempt_id is null then 0 else
    payment.tokens - coinslot.tokens_to_reverse(
      payment.tokens, facts.paid, facts.refunded + facts.withdrawn
    )
  end;
begin
  select coalesce(sum(l.delta), 0), count(*) into v_before, v_entries
  from public.token_ledger l where l.payment_id = payment.id;
  v_now := v_before;
  if v_entries = 0 and facts.attempt_id is not null and payment.tokens > 0 then
    perform coinslot.post_entry(coinslot.new_entry(
      payment.user_id, 'purchase', payment.tokens, 'system', payment_id => payment.id
    ));
    v_now := payment.tokens;
  end if;
  if v_target <> v_now then
    perform coinslot.post_entry(coinslot.new_entry(
      payment.user_id,
      case
        when v_target > v_now then 'reversal'
        when facts.withdrawn > payment.withdrawn then 'dispute'
        else 'refund'
      end,
      v_target - v_now, 'system', payment_id => payment.id
    ));
  end if;
  return v_target - v_before;
end
$$;
comment on function coinslot.settle_tokens(public.payments, coinslot.payment_facts) is
'Makes the ledger agree with the facts of a payment; the tokens moved.';
revoke all on function coinslot.settle_tokens(public.payments, coinslot.payment_facts)
from public;

-- One event for each refusal, however often it is repeated, and fifty of one order at the most:
-- anybody who knows an order id can claim to have paid it.
create function coinslot.record_refusal(
  payment public.payments, payment_key text, reason text, source text
) returns void
language plpgsql volatile set search_path = '' as $$
begin
  if (
    select count(*) < 50 and not coalesce(bool_or(
      e.payment_key = record_refusal.payment_key and e.reason = record_refusal.reason
    ), false)
    from public.payment_events e
    where e.payment_id = payment.id and e.from_status = e.to_status
  ) then
    perform coinslot.record_event(
      payment, payment.status, record_refusal.source, record_refusal.reason,
      record_refusal.payment_key
    );
  end if;
end
$$;
comment on function coinslot.record_refusal(public.payments, text, text, text) is
'Notes an attempt that was refused and moved nothing.';
revoke all on function coinslot.record_refusal(public.payments, text, text, text) from public;

-- A fact that fits no rule is recorded, once, and never raised away.
create function coinslot.refuse_attempt(
  payment public.payments, attempt coinslot.payment_attempts, problem text, source text
) returns public.payments
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.payments;
begin
  perform coinslot.record_discrepancy(refuse_attempt.problem, attempt, payment.order_id);
  perform coinslot.record_refusal(
    payment, attempt.payment_key, refuse_attempt.problem, refuse_attempt.source
  );
  update public.payments p set version = p.version + 1 where p.id = payment.id
  returning p.* into v_payment;
  return v_payment;
end
$$;
comment on function coinslot.refuse_attempt(
  public.payments, coinslot.payment_attempts, text, text
) is 'Records what the gateway said and moves nothing.';
revoke all on function coinslot.refuse_attempt(
  public.payments, coinslot.payment_attempts, text, text
) from public;

-- Remembers what the gateway said of an attempt; null if it belongs to another order. A person is
-- needed while its money is here and something speaks against it, and no longer. Of a refund only
-- its end says that.
create function coinslot.save_attempt(attempt coinslot.payment_attempts, order_id text)
returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_id bigint;
  v_has_money boolean := attempt.paid > attempt.refunded + attempt.withdrawn;
begin
  insert into coinslot.payment_attempts as a (
    payment_id, gateway, payment_key, state, amount, currency, live, paid, refunded, refunding,
    disputed, withdrawn, method, failure_reason, virtual_account, secret, problem, credited
  ) values (
    attempt.payment_id, attempt.gateway, attempt.payment_key, attempt.state, attempt.amount,
    attempt.currency, attempt.live, attempt.paid, attempt.refunded, attempt.refunding,
    attempt.disputed, attempt.withdrawn, attempt.method, attempt.failure_reason,
    attempt.virtual_account, attempt.secret, attempt.problem, attempt.credited
  )
  on conflict (gateway, payment_key) do update set
    state = excluded.state, amount = excluded.amount, currency = excluded.currency,
    live = excluded.live, paid = excluded.paid, refunded = excluded.refunded,
    refunding = excluded.refunding, disputed = excluded.disputed, withdrawn = excluded.withdrawn,
    method = excluded.method, failure_reason = excluded.failure_reason,
    virtual_account = excluded.virtual_account, secret = coalesce(excluded.secret, a.secret),
    problem = excluded.problem, credited = excluded.credited, updated_at = clock_timestamp()
  where a.payment_id = excluded.payment_id
  returning a.id into v_id;
  if not found then
    return null;
  end if;
  update coinslot.discrepancies d set resolved_at = clock_timestamp()
  where d.gateway = attempt.gateway and d.payment_key = attempt.payment_key
    and d.order_id = save_attempt.order_id and d.resolved_at is null
    and d.kind <> 'refund_unresolved'
    and (not v_has_money or d.kind not in (coalesce(attempt.problem, ''), 'duplicate_payment'));
  if attempt.problem is not null and v_has_money then
    perform coinslot.record_discrepancy(attempt.problem, attempt, save_attempt.order_id);
  end if;
  return v_id;
end
$$;
comment on function coinslot.save_attempt(coinslot.payment_attempts, text) is
'Stores an attempt as the gateway last described it; its id.';
revoke all on function coinslot.save_attempt(coinslot.payment_attempts, text) from public;

create function coinslot.move_payment(
  payment public.payments, facts coinslot.payment_facts, status text
) returns public.payments
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.payments;
begin
  -- The first credit of an order was stored with its attempt; only a later one can switch.
  if payment.confirmed_at is not null then
    update coinslot.payment_attempts a set credited = false
    where a.payment_id = payment.id and a.credited and a.id is distinct from facts.attempt_id;
    update coinslot.payment_attempts a set credited = true
    where a.id = facts.attempt_id and not a.credited;
    update coinslot.discrepancies d set resolved_at = clock_timestamp()
    where d.kind = 'duplicate_payment' and d.resolved_at is null
      and d.order_id = payment.order_id and d.payment_key = facts.payment_key
      and facts.attempt_id is not null;
  end if;
  update public.payments p set
    status = move_payment.status, method = coalesce(facts.method, p.method),
    payment_key = coalesce(facts.payment_key, p.payment_key),
    paid = facts.paid, refunded = facts.refunded, disputed = facts.disputed,
    withdrawn = facts.withdrawn, failure_reason = facts.failure_reason,
    virtual_account = case
      when facts.waiting then facts.virtual_account else p.virtual_account
    end,
    expires_at = facts.expires_at,
    expired_at = case when facts.expired then p.expired_at end,
    confirmed_at = coalesce(
      p.confirmed_at, case when facts.attempt_id is not null then clock_timestamp() end
    ),
    version = p.version + 1, updated_at = clock_timestamp()
  where p.id = payment.id
  returning p.* into v_payment;
  return v_payment;
end
$$;
comment on function coinslot.move_payment(public.payments, coinslot.payment_facts, text) is
'Writes the facts of a payment and the status that follows from them.';
revoke all on function coinslot.move_payment(public.payments, coinslot.payment_facts, text)
from public;

-- Status, tokens and event follow from the facts, in that order and in this transaction.
create function coinslot.settle_payment(
  before public.payments, attempt coinslot.payment_attempts, source text,
  out outcome text, out payment public.payments
)
language plpgsql volatile set search_path = '' as $$
declare
  v_facts coinslot.payment_facts := coinslot.payment_facts(before);
  v_status text := coinslot.payment_status(v_facts);
  v_duplicate boolean := attempt.problem is null and attempt.paid > 0
    and v_facts.attempt_id <> attempt.id;
  v_switched boolean := before.paid > 0 and v_facts.paid > 0
    and before.payment_key <> v_facts.payment_key;
  v_tokens bigint;
begin
  if v_status <> before.status and not exists (
    select from coinslot.payment_transitions t
    where t.from_status = before.status and t.to_status = v_status
  ) then
    outcome := 'refused';
    payment := coinslot.refuse_attempt(before, attempt, 'illegal_transition', source);
    return;
  end if;
  v_tokens := coinslot.settle_tokens(before, v_facts);
  payment := coinslot.move_payment(before, v_facts, v_status);
  if v_duplicate and attempt.paid > attempt.refunded + attempt.withdrawn then
    perform coinslot.record_discrepancy('duplicate_payment', attempt, before.order_id);
  end if;
  outcome := case
    when attempt.paid > 0 and attempt.problem is not null then 'review'
    when v_duplicate then 'duplicate'
    when before.paid = 0 and v_facts.paid > 0 then 'credited'
    when v_tokens < 0 then 'reversed'
    when v_tokens > 0 then 'restored'
    when v_status <> before.status or v_switched then 'moved'
    else 'unchanged'
  end;
  if outcome <> 'unchanged' then
    perform coinslot.record_event(
      payment, before.status, source,
      coalesce(attempt.problem, case when v_duplicate then 'duplicate_payment' else '' end),
      attempt.payment_key, v_tokens
    );
  end if;
end
$$;
comment on function coinslot.settle_payment(
  public.payments, coinslot.payment_attempts, text
) is 'Moves a payment to what its attempts add up to.';
revoke all on function coinslot.settle_payment(
  public.payments, coinslot.payment_attempts, text
) from public;

-- News of an attempt that was read after everything that was applied before. A refund under way,
-- whoever began it, is looked after until it is over.
create function coinslot.apply_news(
  before public.payments, attempt coinslot.payment_attempts, source text,
  out outcome text, out payment public.payments
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
  if v_known then
    perform coinslot.settle_refund(payment, attempt, source);
  end if;
  if attempt.refunding > 0 then
    perform coinslot.read_later(payment.id);
  end if;
end
$$;
comment on function coinslot.apply_news(
  public.payments, coinslot.payment_attempts, text
) is 'Stores what is new of an attempt and moves its order.';
revoke all on function coinslot.apply_news(
  public.payments, coinslot.payment_attempts, text
) from public;

-- A fact equal to the last one of the same attempt moves nothing whenever it was read; any other
-- counts only if nobody has applied a newer read since it was started, and only such a read decides
-- what became of a refund. Both grow the version, so that an older read of something else finds
-- itself stale.
create function coinslot.apply_attempt(
  order_id text, version bigint, source text, attempt coinslot.payment_attempts,
  out outcome text, out payment public.payments
)
language plpgsql volatile set search_path = '' as $$
declare
  v_known coinslot.payment_attempts;
  v_applied record;
begin
  select p.* into payment from public.payments p
  where p.order_id = apply_attempt.order_id for update;
  perform coinslot.check_attempt(order_id, attempt, source, apply_attempt.version, payment.gateway);
  if payment.id is null then
    outcome := 'unknown_order';
    if attempt.paid > attempt.refunded + attempt.withdrawn then
      perform coinslot.record_discrepancy('unknown_order', attempt, order_id);
    end if;
    return;
  end if;
  select a.* into v_known from coinslot.payment_attempts a
  where a.gateway = attempt.gateway and a.payment_key = attempt.payment_key;
  attempt.id := v_known.id;
  attempt.payment_id := payment.id;
  attempt.credited := coalesce(v_known.credited, false);
  if v_known.payment_id <> payment.id then
    outcome := 'refused';
    payment := coinslot.refuse_attempt(payment, attempt, 'wrong_order', source);
  elsif coinslot.same_fact(v_known, attempt) then
    outcome := 'unchanged';
    if payment.version = apply_attempt.version then
      perform coinslot.settle_refund(payment, attempt, source);
    end if;
    update public.payments p set version = p.version + 1 where p.id = payment.id
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

-- The verdict on the webhook that led to the read commits with what the read came to. A stale read
-- came to nothing yet.
create function coinslot.apply_gateway_payment(
  order_id text, version bigint, source text, attempt coinslot.payment_attempts,
  webhook_id bigint, out outcome text, out payment public.payments
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
  if webhook_id is not null and outcome <> 'stale' then
    perform coinslot.settle_webhook(webhook_id, outcome, attempt, payment.id);
  end if;
end
$$;
comment on function coinslot.apply_gateway_payment(
  text, bigint, text, coinslot.payment_attempts, bigint
) is 'See public.apply_gateway_payment.';
revoke all on function coinslot.apply_gateway_payment(
  text, bigint, text, coinslot.payment_attempts, bigint
) from public;
grant execute on function coinslot.apply_gateway_payment(
  text, bigint, text, coinslot.payment_attempts, bigint
) to service_role;

create function coinslot.same_fact(
  known coinslot.payment_attempts, attempt coinslot.payment_attempts
) returns boolean
language sql immutable set search_path = '' as $$
  select known.id is not null and (
    known.state, known.amount, known.currency, known.live, known.paid, known.refunded,
    known.refunding, known.disputed, known.withdrawn, known.virtual_account, known.failure_reason
  ) is not distinct from (
    attempt.state, attempt.amount, attempt.currency, attempt.live, attempt.paid,
    attempt.refunded, attempt.refunding, attempt.disputed, attempt.withdrawn,
    attempt.virtual_account, attempt.failure_reason
  ) and coalesce(attempt.secret, known.secret) is not distinct from known.secret
$$;
comment on function coinslot.same_fact(
  coinslot.payment_attempts, coinslot.payment_attempts
) is 'True if the gateway says of an attempt what it said last.';
revoke all on function coinslot.same_fact(
  coinslot.payment_attempts, coinslot.payment_attempts
) from public;

create function coinslot.check_attempt(
  order_id text, attempt coinslot.payment_attempts, source text, version bigint,
  order_gateway text
) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_argument text := case
    when (attempt.state in ('ready', 'awaiting_deposit', 'paid', 'failed', 'canceled')) is not true
    then 'state'
    when attempt.gateway is null then 'gateway'
    when (length(check_attempt.order_id) between 1 and 64) is not true then 'order_id'
    when (length(attempt.payment_key) between 1 and 255) is not true then 'payment_key'
    when (attempt.currency ~ '^[A-Z]{3}$') is not true then 'currency'
    when attempt.live is null then 'live'
    when (source ~ '^[a-z_]{1,32}$') is not true then 'source'
    when check_attempt.version is null and order_gateway is not null then 'version'
    when num_nulls(
      attempt.amount, attempt.paid, attempt.refunded, attempt.refunding, attempt.disputed,
      attempt.withdrawn
    ) > 0 or least(
      attempt.amount, attempt.paid, attempt.refunded, attempt.refunding, attempt.disputed,
      attempt.withdrawn
    ) < 0 or greatest(
      attempt.amount, attempt.paid, attempt.refunded, attempt.refunding, attempt.disputed,
      attempt.withdrawn
    ) > coinslot.max_amount() or (attempt.state = 'paid' and attempt.paid = 0) then 'amounts'
    when attempt.virtual_account ->> 'due_at' is not null
      and coinslot.parse_time(attempt.virtual_account ->> 'due_at') is null
    then 'virtual_account'
  end;
begin
  -- That of the order is known to be one. Asked apart: an expression with a query costs far more.
  if attempt.gateway is distinct from order_gateway then
    if not exists (select from coinslot.gateways g where g.id = attempt.gateway) then
      v_argument := 'gateway';
    end if;
  end if;
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
end
$$;
comment on function coinslot.check_attempt(
  text, coinslot.payment_attempts, text, bigint, text
) is 'PT400 unless an attempt is well formed; order_gateway is null where the order is unknown.';
revoke all on function coinslot.check_attempt(
  text, coinslot.payment_attempts, text, bigint, text
) from public;

create function coinslot.new_attempt(
  gateway text, payment_key text, state text, amount bigint, currency text, live boolean,
  paid bigint, refunded bigint, refunding bigint, disputed bigint, withdrawn bigint,
  method text, failure_reason text, virtual_account jsonb, secret text
) returns coinslot.payment_attempts
language sql immutable set search_path = '' as $$
  select row(
    null, null, new_attempt.gateway, new_attempt.payment_key, new_attempt.state,
    new_attempt.amount, new_attempt.currency, new_attempt.live, new_attempt.paid,
    new_attempt.refunded, new_attempt.refunding, new_attempt.disputed, new_attempt.withdrawn,
    left(new_attempt.method, 100), left(new_attempt.failure_reason, 500),
    new_attempt.virtual_account, new_attempt.secret, null, null, null, null
  )::coinslot.payment_attempts
$$;
comment on function coinslot.new_attempt(
  text, text, text, bigint, text, boolean, bigint, bigint, bigint, bigint, bigint, text, text,
  jsonb, text
) is 'An attempt as a gateway describes it, not yet judged.';
revoke all on function coinslot.new_attempt(
  text, text, text, bigint, text, boolean, bigint, bigint, bigint, bigint, bigint, text, text,
  jsonb, text
) from public;
grant execute on function coinslot.new_attempt(
  text, text, text, bigint, text, boolean, bigint, bigint, bigint, bigint, bigint, text, text,
  jsonb, text
) to service_role;

create function public.apply_gateway_payment(
  order_id text, gateway text, payment_key text, state text, amount bigint, currency text,
  live boolean, source text, version bigint, paid bigint default 0, refunded bigint default 0,
  refunding bigint default 0, disputed bigint default 0, withdrawn bigint default 0,
  method text default null, failure_reason text default null, virtual_account jsonb default null,
  webhook_id bigint default null, secret text default null,
  out outcome text, out payment public.payments
)
language sql volatile set search_path = '' as $$
  select a.outcome, case when (a.payment).id is not null then a.payment end
  from coinslot.apply_gateway_payment(
    apply_gateway_payment.order_id, apply_gateway_payment.version, apply_gateway_payment.source,
    coinslot.new_attempt(
      apply_gateway_payment.gateway, apply_gateway_payment.payment_key,
      apply_gateway_payment.state, apply_gateway_payment.amount, apply_gateway_payment.currency,
      apply_gateway_payment.live, apply_gateway_payment.paid, apply_gateway_payment.refunded,
      apply_gateway_payment.refunding, apply_gateway_payment.disputed,
      apply_gateway_payment.withdrawn, apply_gateway_payment.method,
      apply_gateway_payment.failure_reason, apply_gateway_payment.virtual_account,
      apply_gateway_payment.secret
    ),
    apply_gateway_payment.webhook_id
  ) a
$$;
comment on function public.apply_gateway_payment(
  text, text, text, text, bigint, text, boolean, text, bigint, bigint, bigint, bigint, bigint,
  bigint, text, text, jsonb, bigint, text
) is 'Service: applies what one fresh read of a gateway said about a payment.';
revoke all on function public.apply_gateway_payment(
  text, text, text, text, bigint, text, boolean, text, bigint, bigint, bigint, bigint, bigint,
  bigint, text, text, jsonb, bigint, text
) from public, anon, authenticated, service_role;
grant execute on function public.apply_gateway_payment(
  text, text, text, text, bigint, text, boolean, text, bigint, bigint, bigint, bigint, bigint,
  bigint, text, text, jsonb, bigint, text
) to service_role;

-- Before the gateway is asked: the order, and the version that the answer will have to match.
create function coinslot.open_payment(order_id text) returns public.payments
language plpgsql stable security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_payment public.payments;
begin
  select p.* into v_payment from public.payments p where p.order_id = open_payment.order_id;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  return v_payment;
end
$$;
comment on function coinslot.open_payment(text) is 'See public.open_payment.';
revoke all on function coinslot.open_payment(text) from public;
grant execute on function coinslot.open_payment(text) to service_role;

create function public.open_payment(order_id text) returns public.payments
language sql stable set search_path = '' as $$
  select coinslot.open_payment(open_payment.order_id)
$$;
comment on function public.open_payment(text) is
'Service: an order and its version, to be read before the gateway is.';
revoke all on function public.open_payment(text)
from public, anon, authenticated, service_role;
grant execute on function public.open_payment(text) to service_role;

-- A claim to have paid that the gateway does not bear out.
create function coinslot.refuse_payment_attempt(
  order_id text, payment_key text, reason text, source text
) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_payment public.payments;
begin
  perform coinslot.check_text('payment_key', refuse_payment_attempt.payment_key, 255);
  perform coinslot.check_text('reason', refuse_payment_attempt.reason, 100);
  perform coinslot.check_text('source', refuse_payment_attempt.source, 32);
  select p.* into v_payment from public.payments p
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
'See public.refuse_payment_attempt.';
revoke all on function coinslot.refuse_payment_attempt(text, text, text, text) from public;
grant execute on function coinslot.refuse_payment_attempt(text, text, text, text)
to service_role;

create function public.refuse_payment_attempt(
  order_id text, payment_key text, reason text, source text
) returns void
language sql volatile set search_path = '' as $$
  select coinslot.refuse_payment_attempt(
    refuse_payment_attempt.order_id, refuse_payment_attempt.payment_key,
    refuse_payment_attempt.reason, refuse_payment_attempt.source
  )
$$;
comment on function public.refuse_payment_attempt(text, text, text, text) is
'Service: notes a claimed payment that the gateway does not confirm. Moves nothing.';
revoke all on function public.refuse_payment_attempt(text, text, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.refuse_payment_attempt(text, text, text, text) to service_role;
