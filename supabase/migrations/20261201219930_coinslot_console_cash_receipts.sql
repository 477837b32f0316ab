-- Cash receipts in the console: what became of one, and what a person does about it.

alter table coinslot.cash_receipts add column called_off boolean not null default false;
comment on column coinslot.cash_receipts.called_off is
'An operator wants none, whatever money the order holds.';
create index cash_receipts_failed on coinslot.cash_receipts (requested_at)
where status = 'failed';

create function coinslot.wanted_of(
  receipt coinslot.cash_receipts, payment public.token_payments
) returns bigint
language sql immutable parallel safe set search_path = '' as $$
  select case when receipt.called_off then 0 else coinslot.wanted_cash_receipt(payment) end
$$;
comment on function coinslot.wanted_of(coinslot.cash_receipts, public.token_payments) is
'Minor units that this receipt is to stand for.';
revoke all on function coinslot.wanted_of(coinslot.cash_receipts, public.token_payments)
from public;

-- Keys are of one mode: those of a live shop know no test payment. A receipt that ends here is told
-- of: so payments are locked, which comes before wallets, and these one after the other by their
-- ids.
create or replace function coinslot.claim_cash_receipts(gateway text, batch integer)
returns setof public.coinslot_cash_receipt
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_receipt coinslot.cash_receipts;
  v_payment public.token_payments;
  v_wanted bigint;
begin
  for v_receipt in
    with due as materialized (
      select r.payment_id, p.user_id
      from coinslot.cash_receipts r
      inner join public.token_payments p on p.id = r.payment_id
      where r.gateway = claim_cash_receipts.gateway and r.next_try_at <= clock_timestamp()
        and (r.leased_until is null or r.leased_until <= clock_timestamp())
        and p.live = coinslot.is_live()
      order by r.next_try_at limit least(greatest(claim_cash_receipts.batch, 1), 1000)
      for no key update of p skip locked for update of r skip locked
    )
    select r.* from due d
    inner join coinslot.cash_receipts r on r.payment_id = d.payment_id
    order by d.user_id, d.payment_id
  loop
    select p.* into v_payment from public.token_payments p where p.id = v_receipt.payment_id;
    v_wanted := coinslot.wanted_of(v_receipt, v_payment);
    if not coinslot.end_unasked(v_receipt, v_wanted) then
      v_receipt := coinslot.ask_cash_receipt(v_receipt, v_wanted);
      return next row(
        v_payment, v_receipt.kind, case v_receipt.kind
          when 'self_issued' then coinslot.nobodys_number()
          else (
            select n.number from coinslot.cash_receipt_numbers n
            where n.payment_id = v_receipt.payment_id
          )
        end, v_receipt.amount, v_wanted, v_receipt.asked,
        coalesce((coinslot.tax_within(v_payment, v_receipt.asked)).tax_free, 0),
        v_receipt.attempt, v_receipt.answers, v_receipt.tries, v_receipt.asked_on,
        v_receipt.by_gateway, v_receipt.receipt_key, v_receipt.lease
      )::public.coinslot_cash_receipt;
    end if;
  end loop;
end
$$;

-- An answer of an earlier lease is late: somebody else has asked meanwhile, and hears the same.
create or replace function coinslot.finish_cash_receipt(
  order_id text, lease bigint, said text, amount bigint, final boolean, told jsonb
) returns text
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_payment public.token_payments;
  v_receipt coinslot.cash_receipts;
begin
  if coalesce(said not in ('in_progress', 'issued', 'failed', 'cancelled'), true) then
    perform coinslot.fail('invalid_argument', '{"argument": "status"}');
  elsif coalesce(finish_cash_receipt.amount not between 0 and coinslot.max_amount(), true) then
    perform coinslot.fail('invalid_amount');
  end if;
  perform coinslot.check_text('receipt_key', coalesce(told ->> 'receipt_key', ''), 200);
  perform coinslot.check_text('issue_number', coalesce(told ->> 'issue_number', ''), 100);
  perform coinslot.check_text('failure_code', coalesce(told ->> 'failure_code', ''), 100);
  perform coinslot.check_text('failure_message', coalesce(told ->> 'failure_message', ''), 500);
  select p.* into v_payment from public.token_payments p
  where p.order_id = finish_cash_receipt.order_id for no key update;
  select r.* into v_receipt from coinslot.cash_receipts r
  where r.payment_id = v_payment.id for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  if v_receipt.lease = finish_cash_receipt.lease and v_receipt.leased_until is not null then
    perform coinslot.apply_cash_receipt(
      v_receipt, coinslot.wanted_of(v_receipt, v_payment), finish_cash_receipt.said,
      finish_cash_receipt.amount, finish_cash_receipt.final, told
    );
  end if;
  return (
    select r.status from coinslot.cash_receipts r where r.payment_id = v_payment.id
  );
end
$$;

create or replace function coinslot.list_cash_receipts(status text, after text, page_size integer)
returns jsonb
language plpgsql stable security definer set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_from record := coinslot.read_cursor(list_cash_receipts.after);
  v_size integer := least(greatest(coalesce(list_cash_receipts.page_size, 50), 1), 500);
  v_items jsonb;
  v_last text;
begin
  perform coinslot.require_operator(variadic coinslot.operator_roles());
  with walk as materialized (
    (select r.* from coinslot.cash_receipts r
    where list_cash_receipts.status is distinct from 'failed'
      and (r.requested_at, r.payment_id) < (v_from.at, v_from.id)
    order by r.requested_at desc, r.payment_id desc limit coinslot.walk_for(to_jsonb(list_cash_receipts.status), v_size))
    union all
    (select r.* from coinslot.cash_receipts r
    where list_cash_receipts.status = 'failed' and r.status = 'failed'
      and r.requested_at <= v_from.at
      and (r.requested_at, r.payment_id) < (v_from.at, v_from.id)
    order by r.requested_at desc, r.payment_id desc limit coinslot.walk_for(null, v_size))
  ), found as (
    select w.* from walk w
    where list_cash_receipts.status is null or w.status = list_cash_receipts.status
    order by w.requested_at desc, w.payment_id desc limit v_size + 1
  )
  select jsonb_agg(jsonb_build_object(
    'order_id', p.order_id, 'user_id', p.user_id, 'gateway', f.gateway, 'kind', f.kind,
    'number', f.number, 'status', f.status, 'amount', f.amount, 'currency', p.currency,
    'wanted', coinslot.wanted_of(r, p), 'by_gateway', f.by_gateway,
    'receipt_key', f.receipt_key, 'issue_number', f.issue_number,
    'failure_code', f.failure_code, 'failure_message', f.failure_message,
    'requested_at', f.requested_at, 'issued_at', f.issued_at, 'updated_at', f.updated_at,
    'next_try_at', f.next_try_at,
    'cursor', coinslot.cursor_of(f.requested_at, f.payment_id::text)
  ) order by f.requested_at desc, f.payment_id desc), (
    select coinslot.cursor_of(e.requested_at, e.payment_id::text) from (
      select w.requested_at, w.payment_id from walk w
      order by w.requested_at desc, w.payment_id desc offset coinslot.walk_length() - 1
    ) e
  ) into v_items, v_last
  from found f
  inner join coinslot.cash_receipts r on r.payment_id = f.payment_id
  inner join public.token_payments p on p.id = f.payment_id;
  return coinslot.page_of(v_items, v_size, v_last);
end
$$;

-- Where there is one already, its next step is taken; where there is none, there has to be money,
-- and somebody to name.
create function coinslot.can_retry_receipt(
  receipt coinslot.cash_receipts, payment public.token_payments
) returns boolean
language sql stable set search_path = '' as $$
  select receipt.status in ('failed', 'cancelled') and receipt.asked is null and (
    receipt.amount > 0
    or coinslot.wanted_cash_receipt(payment) > 0 and receipt.attempt < coinslot.last_issue()
    and (receipt.kind = 'self_issued' or exists (
      select from coinslot.cash_receipt_numbers n where n.payment_id = receipt.payment_id
    ))
  )
$$;
comment on function coinslot.can_retry_receipt(
  coinslot.cash_receipts, public.token_payments
) is 'True of a receipt that can be asked for again.';
revoke all on function coinslot.can_retry_receipt(coinslot.cash_receipts, public.token_payments)
from public;

-- What a gateway issued with the payment follows the payment's refunds, and nobody else.
create function coinslot.can_cancel_receipt(receipt coinslot.cash_receipts) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select receipt.status <> 'cancelled' and not receipt.called_off and not receipt.by_gateway
$$;
comment on function coinslot.can_cancel_receipt(coinslot.cash_receipts) is
'True of a receipt that can be called off.';
revoke all on function coinslot.can_cancel_receipt(coinslot.cash_receipts) from public;

create or replace function coinslot.roles_for(action text) returns text[]
language sql immutable parallel safe set search_path = ''
return case
  when action in ('note_order', 'note_customer', 'recheck_order', 'cancel_subscription')
    then array['support', 'finance', 'owner']
  when action = 'reveal_customer' then array['support', 'owner']
  when action = any(array[
    'refund_order', 'force_refund', 'accept_refund', 'close_refund', 'grant_tokens', 'take_tokens',
    'resolve_case', 'replay_webhook', 'replay_webhooks', 'void_orders', 'export', 'start_export',
    'remove_export', 'retry_cash_receipt', 'cancel_cash_receipt'
  ]) then array['finance', 'owner']
  when action = any(array[
    'set_product', 'remove_product', 'set_promotion', 'set_code', 'make_codes', 'set_operator',
    'remove_operator', 'set_endpoint', 'test_endpoint', 'replay_endpoint', 'set_settings',
    'set_seller', 'set_unattended', 'plan_price', 'unplan_price'
  ]) then array['owner']
end;

create function coinslot.cash_receipt_item(
  payment public.token_payments, operator coinslot.operators
) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'kind', r.kind, 'number', r.number, 'status', r.status, 'amount', r.amount,
    'wanted', coinslot.wanted_of(r, payment), 'currency', payment.currency,
    'by_gateway', r.by_gateway, 'called_off', r.called_off, 'issue_number', r.issue_number,
    'failure_code', r.failure_code, 'failure_message', r.failure_message,
    'requested_at', r.requested_at, 'issued_at', r.issued_at, 'next_try_at', r.next_try_at,
    'can_retry', coinslot.may_do(operator, 'retry_cash_receipt')
      and coinslot.can_retry_receipt(r, payment),
    'can_cancel', coinslot.may_do(operator, 'cancel_cash_receipt')
      and coinslot.can_cancel_receipt(r)
  )
  from coinslot.cash_receipts r where r.payment_id = payment.id
$$;
comment on function coinslot.cash_receipt_item(public.token_payments, coinslot.operators) is
'The cash receipt of an order, and what the operator may do with it; or null.';
revoke all on function coinslot.cash_receipt_item(public.token_payments, coinslot.operators)
from public;

-- A lease is not cut short: a receipt that is being issued is cancelled afterwards.
create function coinslot.act_on_cash_receipt(action text, order_id text, reason text)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_cancels boolean := act_on_cash_receipt.action = 'cancel_cash_receipt';
  v_payment public.token_payments;
  v_receipt coinslot.cash_receipts;
begin
  select p.* into v_payment from public.token_payments p
  where p.order_id = act_on_cash_receipt.order_id for no key update;
  select r.* into v_receipt from coinslot.cash_receipts r
  where r.payment_id = v_payment.id for update;
  if not found then
    perform coinslot.fail('order_not_found');
  elsif not (case when v_cancels then coinslot.can_cancel_receipt(v_receipt)
    else coinslot.can_retry_receipt(v_receipt, v_payment) end)
  then
    perform coinslot.fail('changed_meanwhile', jsonb_build_object('status', v_receipt.status));
  end if;
  update coinslot.cash_receipts r set
    called_off = v_cancels, tries = 0, updated_at = clock_timestamp(),
    status = case when v_cancels then r.status when r.amount > 0 then 'in_progress'
      else 'requested' end,
    failure_code = null, failure_message = null,
    next_try_at = greatest(clock_timestamp(), r.leased_until)
  where r.payment_id = v_payment.id;
  perform coinslot.note_action(
    case when v_cancels then 'cash_receipt_called_off' else 'cash_receipt_retried' end,
    v_payment.order_id, act_on_cash_receipt.reason,
    jsonb_build_object('status', v_receipt.status, 'failure_code', v_receipt.failure_code)
  );
  return jsonb_build_object('order_id', v_payment.order_id);
end
$$;
comment on function coinslot.act_on_cash_receipt(text, text, text) is
'Asks for a cash receipt again, or has it cancelled whatever money the order holds.';
revoke all on function coinslot.act_on_cash_receipt(text, text, text) from public;

create or replace function coinslot.get_order(operator coinslot.operators, order_id text)
returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_payment public.token_payments;
begin
  select p.* into v_payment from public.token_payments p where p.order_id = get_order.order_id;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  return jsonb_build_object(
    'order', coinslot.order_item(v_payment, operator) || jsonb_build_object(
      'list_amount', v_payment.list_amount, 'payment_key', v_payment.payment_key,
      'failure_reason', v_payment.failure_reason, 'expires_at', v_payment.expires_at,
      'version', v_payment.version, 'token_parts', coinslot.tokens_of_order(v_payment),
      'subscription_id', (
        select c.subscription_id from coinslot.cycle_orders o
        inner join coinslot.subscription_cycles c on c.id = o.cycle_id
        where o.payment_id = v_payment.id
      )
    ),
    'customer', coinslot.customer_item(v_payment.user_id, operator),
    'attempts', coinslot.attempts_of(v_payment.id),
    'timeline', coinslot.timeline_of(v_payment),
    'refunds', (
      select coalesce(jsonb_agg(coinslot.refund_item(r, operator) order by r.created_at desc), '[]')
      from coinslot.refunds r where r.payment_id = v_payment.id
    ),
    'cases', (
      select coalesce(jsonb_agg(coinslot.case_item(d, operator) order by d.id desc), '[]')
      from coinslot.discrepancies d where d.order_id = v_payment.order_id collate "default"
    ),
    'cash_receipt', coinslot.cash_receipt_item(v_payment, operator),
    'can', coinslot.can_with_order(v_payment, operator)
  );
end
$$;

-- What needs somebody now.
create or replace function coinslot.attention() returns jsonb
language sql stable set search_path = '' set enable_seqscan = off as $$
  select jsonb_build_object(
    'cases', (select count(*) from coinslot.discrepancies d where d.resolved_at is null),
    'oldest_case', (
      select min(d.created_at) from coinslot.discrepancies d where d.resolved_at is null
    ),
    'review', (select count(*) from public.token_payments p where p.status = 'review'),
    'disputes', (
      select count(*) from public.token_payments p
      where p.status = 'disputed'
    ),
    'webhooks', (
      select count(*) from (
        select from coinslot.webhooks w
        where w.next_attempt_at is not null and w.attempts > 0 limit 1000
      ) c
    ),
    'next_webhook_at', (
      select min(w.next_attempt_at) from coinslot.webhooks w
      where w.next_attempt_at is not null and w.attempts > 0
    ),
    'refunds', (
      select count(*) from coinslot.refunds r where r.next_attempt_at is not null
    ),
    'cash_receipts', (
      select count(*) from coinslot.cash_receipts r where r.status = 'failed'
    ),
    'endpoints', (
      select count(*) from coinslot.endpoints e
      where e.failing_since is not null or e.off_reason in ('failing', 'gone')
    ),
    'ledger', (
      select jsonb_build_object('checked_at', c.finished_at, 'wallets', c.wallets)
      from coinslot.ledger_checks c where c.finished_at is not null order by c.id desc limit 1
    ),
    'audits', (
      select coalesce(jsonb_object_agg(g.id, (
        select max(a.finished_at) from coinslot.audits a where a.gateway = g.id
      )), '{}')
      from coinslot.gateways g where g.active
    ),
    'last_webhooks', (
      select coalesce(jsonb_object_agg(g.id, (
        select k.received_at from (
          select w.gateway, w.received_at from coinslot.webhooks w order by w.id desc limit 5000
        ) k where k.gateway = g.id limit 1
      )), '{}')
      from coinslot.gateways g where g.active
    )
  )
$$;

create or replace function coinslot.console_me(operator coinslot.operators) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'user_id', operator.user_id, 'role', operator.role, 'limits', operator.limits,
    'email', (select u.email from auth.users u where u.id = operator.user_id),
    'live', coinslot.is_live(),
    'gateways', (
      select jsonb_object_agg(g.id, g.name) from coinslot.gateways g where g.active
    ),
    'statuses', (select jsonb_agg(s.status order by s.status) from coinslot.payment_statuses s),
    'currencies', (
      select coalesce(jsonb_agg(distinct r.currency), '[]') from public.token_prices r
    ),
    'can', (
      select jsonb_object_agg(a, coinslot.may_do(operator, a))
      from unnest(array[
        'note_order', 'note_customer', 'recheck_order', 'refund_order', 'grant_tokens',
        'reveal_customer', 'take_tokens', 'accept_refund', 'close_refund', 'resolve_case',
        'replay_webhook', 'replay_webhooks', 'void_orders', 'force_refund', 'export',
        'set_product', 'remove_product', 'set_promotion', 'set_code', 'make_codes',
        'set_operator', 'remove_operator', 'cancel_subscription', 'set_endpoint', 'test_endpoint',
        'replay_endpoint', 'set_settings', 'set_seller', 'set_unattended', 'plan_price',
        'retry_cash_receipt', 'cancel_cash_receipt'
      ]) a
    )
  )
$$;

create or replace function coinslot.console_list(
  list text, filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_me coinslot.operators := coinslot.reading_operator();
  v_filters jsonb := coalesce(console_list.filters, '{}');
  v_size integer := least(greatest(coalesce(console_list.page_size, 50), 1), 100);
begin
  if length(console_list.after) > 100 then
    perform coinslot.fail('invalid_argument', '{"argument": "after"}');
  end if;
  case console_list.list
    when 'orders' then return coinslot.list_orders(v_me, v_filters, after, v_size);
    when 'refunds' then return coinslot.list_refunds(v_me, v_filters, after, v_size);
    when 'customers' then return coinslot.list_customers(v_me, v_filters, after, v_size);
    when 'entries' then return coinslot.list_entries(v_filters, after, v_size);
    when 'cases' then return coinslot.list_cases(v_me, v_filters, after, v_size);
    when 'webhooks' then return coinslot.list_webhooks_of(v_filters, after, v_size);
    when 'promotions' then return coinslot.list_promotions_of(v_filters, after, v_size);
    when 'codes' then return coinslot.list_codes_of(v_filters, after, v_size);
    when 'actions' then return coinslot.list_actions(v_filters, after, v_size);
    when 'subscriptions' then
      return coinslot.list_subscriptions_of(v_me, v_filters, after, v_size);
    when 'deliveries' then return coinslot.list_deliveries_of(v_filters, after, v_size);
    when 'mails' then return coinslot.list_lost_mails(v_me, v_filters, after, v_size);
    when 'export' then
      return coinslot.read_export(v_me, v_filters, after, coalesce(console_list.page_size, 50));
    when 'cash_receipts' then
      perform coinslot.check_filters(v_filters, array['state']);
      return coinslot.list_cash_receipts(v_filters ->> 'state', after, v_size);
    else
      perform coinslot.fail('invalid_argument', jsonb_build_object(
        'argument', 'list', 'known', array[
          'orders', 'refunds', 'customers', 'entries', 'cases', 'webhooks', 'promotions', 'codes',
          'actions', 'subscriptions', 'deliveries', 'mails', 'export', 'cash_receipts'
        ]
      ));
  end case;
  return null;
end
$$;

create or replace function coinslot.do_action(
  operator coinslot.operators, action text, subject text, reason text, idempotency_key text,
  arguments jsonb
) returns jsonb
language plpgsql volatile set search_path = '' as $$
begin
  case
    when action = 'refund_order' then
      return to_jsonb(coinslot.refund_as(operator, subject,
        coinslot.whole_number(arguments, 'amount'), reason,
        coinslot.own_key(operator, idempotency_key), arguments -> 'force' = 'true',
        arguments ->> 'payment_key', nullif(arguments -> 'account', 'null')));
    when action = 'accept_refund' then
      return to_jsonb(coinslot.accept_as(
        operator, subject, nullif(arguments -> 'account', 'null'), reason));
    when action = 'close_refund' then
      return coinslot.close_as(subject, reason);
    when action in ('grant_tokens', 'take_tokens') then
      return coinslot.act_on_tokens(operator, coinslot.subject_user(subject),
        action = 'grant_tokens', coinslot.whole_number(arguments, 'tokens'), reason,
        idempotency_key, coinslot.time_argument(arguments, 'expires_at'));
    when action in ('note_order', 'recheck_order') then
      return coinslot.act_on_order(action, subject, reason);
    when action in ('retry_cash_receipt', 'cancel_cash_receipt') then
      return coinslot.act_on_cash_receipt(action, subject, reason);
    when action in ('note_customer', 'reveal_customer') then
      return coinslot.act_on_customer(action, coinslot.subject_user(subject), reason);
    when action = 'resolve_case' then
      return coinslot.act_on_case(subject, reason);
    when action = 'replay_webhook' then
      return coinslot.replay_as(coalesce(subject, ''), null, null, reason);
    when action = 'replay_webhooks' then
      return coinslot.replay_as(null, nullif(subject, ''), arguments ->> 'outcome', reason);
    when action = 'void_orders' then
      return jsonb_build_object('orders', coinslot.void_as(subject, reason));
    when action in ('set_product', 'remove_product') then
      return coinslot.act_on_product(action, subject, reason, arguments);
    when action in ('plan_price', 'unplan_price') then
      return coinslot.act_on_price(action, subject, reason, arguments);
    when action = 'set_promotion' then
      return to_jsonb(coinslot.set_promotion(subject, arguments, reason));
    when action = 'set_code' then
      return to_jsonb(coinslot.set_code(subject, arguments ->> 'promotion',
        coinslot.small_number(arguments, 'max_uses'),
        coalesce((arguments -> 'active') <> 'false', true), reason));
    when action = 'make_codes' then
      return to_jsonb(coinslot.make_codes(
        subject, coinslot.small_number(arguments, 'number'), reason));
    when action = 'cancel_subscription' then
      return coinslot.cancel_as(subject, reason);
    when action in ('set_endpoint', 'test_endpoint', 'replay_endpoint') then
      return coinslot.act_on_endpoint(action, subject, reason, arguments);
    when action in ('start_export', 'remove_export') then
      return coinslot.act_on_export(operator, action, subject, reason, arguments);
    when action in ('set_settings', 'set_seller', 'set_unattended') then
      return coinslot.act_on_settings(action, subject, reason, arguments);
    else
      return coinslot.act_on_operator(action, subject, reason, arguments);
  end case;
end
$$;

comment on function public.token_console_list(text, jsonb, text, integer) is
'Operators: a page of a list as {items, next}: orders, refunds, customers, entries, cases, webhooks,
promotions, codes, actions, subscriptions, deliveries, mails (that did not arrive), cash_receipts;
lines of an export. after = next of the page before.';

notify pgrst, 'reload schema';
