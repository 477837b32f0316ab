-- An attempt to pay an order, as a gateway describes it: whether it is well formed, what speaks
-- against it, how it is stored, and the tokens that move with its order. The money that an order
-- holds decides its tokens, never the way it came.

create function coinslot.new_attempt(
  gateway text, payment_key text, state text, amount bigint, currency text, live boolean,
  paid bigint, refunded bigint, refunding bigint, disputed bigint, withdrawn bigint,
  method text, failure_reason text, virtual_account jsonb, taken_at timestamptz, secret text
) returns coinslot.payment_attempts
language plpgsql immutable set search_path = '' as $$
declare
  v_attempt coinslot.payment_attempts;
begin
  v_attempt.gateway := new_attempt.gateway;
  v_attempt.payment_key := new_attempt.payment_key;
  v_attempt.state := new_attempt.state;
  v_attempt.amount := new_attempt.amount;
  v_attempt.currency := new_attempt.currency;
  v_attempt.live := new_attempt.live;
  v_attempt.paid := new_attempt.paid;
  v_attempt.refunded := new_attempt.refunded;
  v_attempt.refunding := new_attempt.refunding;
  v_attempt.disputed := new_attempt.disputed;
  v_attempt.withdrawn := new_attempt.withdrawn;
  v_attempt.method := left(new_attempt.method, 100);
  v_attempt.failure_reason := left(new_attempt.failure_reason, 500);
  v_attempt.virtual_account := new_attempt.virtual_account;
  v_attempt.taken_at := new_attempt.taken_at;
  v_attempt.secret := new_attempt.secret;
  return v_attempt;
end
$$;
comment on function coinslot.new_attempt(
  text, text, text, bigint, text, boolean, bigint, bigint, bigint, bigint, bigint, text, text,
  jsonb, timestamptz, text
) is 'An attempt as a gateway describes it, not yet judged.';
revoke all on function coinslot.new_attempt(
  text, text, text, bigint, text, boolean, bigint, bigint, bigint, bigint, bigint, text, text,
  jsonb, timestamptz, text
) from public;
grant execute on function coinslot.new_attempt(
  text, text, text, bigint, text, boolean, bigint, bigint, bigint, bigint, bigint, text, text,
  jsonb, timestamptz, text
) to service_role;

create function coinslot.check_attempt(
  order_id text, attempt coinslot.payment_attempts, source text, version bigint,
  order_gateway text
) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_argument text := case
    when (attempt.state = any (coinslot.attempt_states())) is not true then 'state'
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
    when not isfinite(attempt.taken_at) then 'taken_at'
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

create function coinslot.same_fact(
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
comment on function coinslot.same_fact(
  coinslot.payment_attempts, coinslot.payment_attempts
) is 'True if the gateway says of an attempt what it said last.';
revoke all on function coinslot.same_fact(
  coinslot.payment_attempts, coinslot.payment_attempts
) from public;

-- A test payment is nothing in a live database: nothing that is said of it is applied. A live one
-- is what it is anywhere: a copy of a live database, made to try something, keeps its books.
create function coinslot.is_live() returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (select from coinslot.settings s where s.id and s.mode = 'live');
end
$$;
comment on function coinslot.is_live() is 'True if only real money counts here.';
revoke all on function coinslot.is_live() from public;
-- A price that was hoarded is not one that is asked. What the order would give for it counts, too.
create function coinslot.is_asked(payment public.token_payments) returns boolean
language sql stable set search_path = '' as $$
  select exists (
    select from public.token_products d
    inner join public.token_prices r on r.product_id = d.id
    cross join coinslot.price_now(r.product_id, r.currency, r.amount) n (amount)
    where d.id = payment.product_id and d.active
      and d.tokens * payment.quantity = payment.tokens and r.currency = payment.currency
      and coinslot.tiered(r.product_id, r.currency, n.amount, payment.quantity) = payment.amount
  )
$$;
comment on function coinslot.is_asked(public.token_payments) is
'The product is on sale, at the price of this order.';
revoke all on function coinslot.is_asked(public.token_payments) from public;

-- An order has its price for its time and a grace, whether it was canceled or not; later, for as
-- long as that price is asked. The moment counts when the buyer paid: that we hear of it late, the
-- buyer cannot help. Where the gateway does not say when, it is now. What has once been left to a
-- person stays so, whatever the price becomes: a refund may be on its way.
create function coinslot.lateness(
  payment public.token_payments, attempt coinslot.payment_attempts
) returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_taken_at timestamptz := least(attempt.taken_at, clock_timestamp());
begin
  if attempt.problem in ('late_payment', 'voided_order') then
    return attempt.problem;
  elsif v_taken_at > payment.voided_at then
    return 'voided_order';
  elsif v_taken_at > payment.expires_at then
    if v_taken_at > payment.expires_at + (
      select s.price_grace from coinslot.settings s where s.id
    ) and not coinslot.is_asked(payment) then
      return 'late_payment';
    end if;
  end if;
  return null;
end
$$;
comment on function coinslot.lateness(public.token_payments, coinslot.payment_attempts) is
'Why the money of an attempt came too late for its order, or null.';
revoke all on function coinslot.lateness(public.token_payments, coinslot.payment_attempts)
from public;

-- What speaks against crediting an attempt, or against giving back what a refund or a dispute took.
-- Whether the wallet can take the tokens is asked only when they are about to be given, and under
-- its lock; a closed one takes those that it had before. What it could not take stays left to a
-- person, also when somebody is here again or has room: a refund may be on its way.
create function coinslot.attempt_problem(
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
comment on function coinslot.attempt_problem(public.token_payments, coinslot.payment_attempts) is
'Why an attempt may not be credited, nor given back to, or null.';
revoke all on function coinslot.attempt_problem(public.token_payments, coinslot.payment_attempts)
from public;

create function coinslot.proposes_refund(kind text) returns boolean
language sql immutable parallel safe set search_path = ''
return kind in ('late_payment', 'voided_order', 'duplicate_payment');
comment on function coinslot.proposes_refund(text) is
'Money of this kind bought nothing: all of it is to go back, once a person agrees.';
revoke all on function coinslot.proposes_refund(text) from public;

create function coinslot.record_discrepancy(
  kind text, attempt coinslot.payment_attempts, order_id text
) returns void
language sql volatile set search_path = '' as $$
  insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, detail)
  values (
    record_discrepancy.kind, attempt.gateway, attempt.payment_key, record_discrepancy.order_id,
    jsonb_strip_nulls(jsonb_build_object(
      'state', attempt.state, 'amount', attempt.amount, 'currency', attempt.currency,
      'paid', attempt.paid, 'refunded', attempt.refunded, 'withdrawn', attempt.withdrawn,
      'live', attempt.live, 'taken_at', attempt.taken_at,
      'proposed', case when coinslot.proposes_refund(record_discrepancy.kind) then 'refund' end
    ))
  )
  on conflict (kind, gateway, payment_key, order_id) where resolved_at is null do nothing
$$;
comment on function coinslot.record_discrepancy(text, coinslot.payment_attempts, text) is
'Leaves something for a person, once.';
revoke all on function coinslot.record_discrepancy(text, coinslot.payment_attempts, text)
from public;

-- Remembers what the gateway said of an attempt; null if it belongs to another order. A person is
-- needed while its money is here and something speaks against it, and no longer. Of a refund only
-- its end says that. A warning of fraud stays for as long as the money does.
create function coinslot.save_attempt(attempt coinslot.payment_attempts, order_id text)
returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_id bigint;
  v_has_money boolean := attempt.paid > attempt.refunded + attempt.withdrawn;
begin
  insert into coinslot.payment_attempts as a (
    payment_id, gateway, payment_key, state, amount, currency, live, paid, refunded, refunding,
    disputed, withdrawn, method, failure_reason, virtual_account, taken_at, secret, problem,
    credited, vat, tax_free, card
  ) values (
    attempt.payment_id, attempt.gateway, attempt.payment_key, attempt.state, attempt.amount,
    attempt.currency, attempt.live, attempt.paid, attempt.refunded, attempt.refunding,
    attempt.disputed, attempt.withdrawn, attempt.method, attempt.failure_reason,
    attempt.virtual_account, attempt.taken_at, attempt.secret, attempt.problem, attempt.credited,
    attempt.vat, attempt.tax_free, attempt.card
  )
  on conflict (gateway, payment_key) do update set
    state = excluded.state, amount = excluded.amount, currency = excluded.currency,
    live = excluded.live, paid = excluded.paid, refunded = excluded.refunded,
    refunding = excluded.refunding, disputed = excluded.disputed, withdrawn = excluded.withdrawn,
    method = excluded.method, failure_reason = excluded.failure_reason,
    virtual_account = excluded.virtual_account, taken_at = excluded.taken_at,
    secret = coalesce(excluded.secret, a.secret),
    problem = excluded.problem, credited = excluded.credited, vat = excluded.vat,
    tax_free = excluded.tax_free, card = coalesce(excluded.card, a.card),
    updated_at = clock_timestamp()
  where a.payment_id = excluded.payment_id
  returning a.id into v_id;
  if not found then
    return null;
  end if;
  update coinslot.discrepancies d set resolved_at = clock_timestamp()
  where d.gateway = attempt.gateway and d.payment_key = attempt.payment_key
    and d.order_id = save_attempt.order_id and d.resolved_at is null
    and d.kind not in ('refund_unresolved', 'declines_in_a_row', 'refunds_in_a_row')
    and (not v_has_money or d.kind not in (
      coalesce(attempt.problem, ''), 'duplicate_payment', 'fraud_warning'
    ));
  if attempt.problem is not null and v_has_money then
    perform coinslot.record_discrepancy(attempt.problem, attempt, save_attempt.order_id);
  end if;
  return v_id;
end
$$;
comment on function coinslot.save_attempt(coinslot.payment_attempts, text) is
'Stores an attempt as the gateway last described it; its id.';
revoke all on function coinslot.save_attempt(coinslot.payment_attempts, text) from public;

-- The share of the tokens that goes back with the money, rounded down in the buyer's favour. When
-- all the money is back, so are all the tokens: the last reversal takes exactly the rest.
create function coinslot.tokens_to_reverse(tokens bigint, paid bigint, returned bigint)
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
comment on function coinslot.tokens_to_reverse(bigint, bigint, bigint) is
'Tokens that go back for money returned so far.';
revoke all on function coinslot.tokens_to_reverse(bigint, bigint, bigint) from public;

-- Credits or reverses by the difference to what the ledger already holds for this payment: the
-- payment's row lock makes that difference the only thing that can happen. What was reversed when
-- the database went live stays so. Tokens that had expired are not taken, nor given back later.
create function coinslot.settle_tokens(
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
  v_back bigint := (payment.paid - payment.refunded - payment.withdrawn)
    - (facts.paid - facts.refunded - facts.withdrawn);
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
    v_back := v_back + payment.amount;
  end if;
  if v_target <> v_now or v_back <> 0 and payment.tokens > 0 then
    v_moved := coinslot.settle_lots(
      payment, v_target - v_now,
      case when facts.withdrawn > payment.withdrawn then 'dispute' else 'refund' end, v_back, v_done
    );
  end if;
  return v_now + v_moved - v_before;
end
$$;
comment on function coinslot.settle_tokens(public.token_payments, coinslot.payment_facts) is
'Makes the ledger agree with the facts of a payment; the tokens moved.';
revoke all on function coinslot.settle_tokens(public.token_payments, coinslot.payment_facts)
from public;

create function coinslot.move_payment(
  payment public.token_payments, facts coinslot.payment_facts, status text
) returns public.token_payments
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.token_payments;
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
  update public.token_payments p set
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
comment on function coinslot.move_payment(public.token_payments, coinslot.payment_facts, text) is
'Writes the facts of a payment and the status that follows from them.';
revoke all on function coinslot.move_payment(public.token_payments, coinslot.payment_facts, text)
from public;

-- Status, tokens and event follow from the facts, in that order and in this transaction.
create function coinslot.settle_payment(
  before public.token_payments, attempt coinslot.payment_attempts, source text,
  out outcome text, out payment public.token_payments
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
  public.token_payments, coinslot.payment_attempts, text
) is 'Moves a payment to what its attempts add up to.';
revoke all on function coinslot.settle_payment(
  public.token_payments, coinslot.payment_attempts, text
) from public;
