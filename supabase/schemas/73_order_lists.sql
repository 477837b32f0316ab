-- What operators read of orders: lists by cursor, and one order with all that happened to it.
--
-- A list walks an index from the newest on and looks at so many rows at the most, whatever is
-- filtered for: with none found it says where the next call goes on. So no filter, however rare
-- what it finds, takes longer than a page that is full.

create function coinslot.walk_length() returns integer
language sql immutable parallel safe set search_path = ''
return 4000;
comment on function coinslot.walk_length() is 'Rows that one call of a list looks at, at the most.';
revoke all on function coinslot.walk_length() from public;

-- Where nothing is left to be filtered for, the rows of a page are all that is looked at.
create function coinslot.walk_for(filters jsonb, page_size integer) returns integer
language sql immutable parallel safe set search_path = '' as $$
  select case when coalesce(walk_for.filters, '{}') = '{}' then walk_for.page_size + 1
    else coinslot.walk_length() end
$$;
comment on function coinslot.walk_for(jsonb, integer) is
'Rows that a list looks at for a page, with these filters beside those that its index has.';
revoke all on function coinslot.walk_for(jsonb, integer) from public;

create function coinslot.order_item(payment public.token_payments, operator coinslot.operators)
returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'order_id', payment.order_id, 'user_id', payment.user_id,
    'email', coinslot.shown_email(
      (select u.email from auth.users u where u.id = payment.user_id), operator
    ),
    'product_id', payment.product_id, 'name', payment.name, 'name_ko', payment.name_ko,
    'quantity', payment.quantity, 'gateway', payment.gateway, 'method', payment.method,
    'status', payment.status, 'amount', payment.amount, 'currency', payment.currency,
    'paid', payment.paid, 'refunded', payment.refunded, 'disputed', payment.disputed,
    'withdrawn', payment.withdrawn, 'tokens', payment.tokens, 'live', payment.live,
    'promo_code', payment.promo_code, 'created_at', payment.created_at,
    'confirmed_at', payment.confirmed_at,
    'cursor', coinslot.cursor_of(payment.created_at, payment.id::text)
  )
$$;
comment on function coinslot.order_item(public.token_payments, coinslot.operators) is
'An order as a line of a list.';
revoke all on function coinslot.order_item(public.token_payments, coinslot.operators) from public;

-- The states that are few among all orders, which have an index of their own.
create function coinslot.is_remarkable(statuses text[]) returns boolean
language sql immutable parallel safe set search_path = ''
return statuses <@ array[
  'awaiting_deposit', 'review', 'partially_refunded', 'refunded', 'disputed', 'charged_back'
];
comment on function coinslot.is_remarkable(text[]) is 'True of what token_payments_remarkable has.';
revoke all on function coinslot.is_remarkable(text[]) from public;

-- Which index a list walks, as a condition. Of three texts that stand here: nothing that was asked
-- for becomes a part of the statement.
create function coinslot.order_path(filters jsonb) returns text
language sql immutable parallel safe set search_path = '' as $$
  select case
    when order_path.filters ? 'user' then 'p.user_id = ($4 ->> ''user'')::uuid'
    when coinslot.is_remarkable(array(
      select jsonb_array_elements_text(order_path.filters -> 'status')
    )) and jsonb_array_length(order_path.filters -> 'status') > 0
    then 'p.status in (''awaiting_deposit'', ''review'', ''partially_refunded'', ''refunded'', '
      '''disputed'', ''charged_back'')'
    else 'true'
  end
$$;
comment on function coinslot.order_path(jsonb) is 'The condition of the index that is walked.';
revoke all on function coinslot.order_path(jsonb) from public;

create function coinslot.list_orders(
  operator coinslot.operators, filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_from record;
  v_path text;
  v_items jsonb;
  v_last text;
begin
  perform coinslot.check_filters(list_orders.filters, array[
    'status', 'gateway', 'method', 'product', 'user', 'currency', 'live', 'since', 'until', 'code'
  ]);
  v_from := coinslot.walk_from(list_orders.after, filters ->> 'until');
  v_path := coinslot.order_path(list_orders.filters);
  v_path := 'select p.* from public.token_payments p where ' || v_path || '
    and (p.created_at, p.id) < ($1, $2)
    and p.created_at >= coalesce(($4 ->> ''since'')::timestamptz, ''-infinity'')
    order by p.created_at desc, p.id desc limit ' || coinslot.walk_length();
  execute 'select jsonb_agg(coinslot.order_item(f, $3) order by f.created_at desc, f.id desc)
    from (select w.* from (' || v_path || ') w
    where (not $4 ? ''status'' or $4 -> ''status'' ? w.status)
      and (not $4 ? ''gateway'' or w.gateway = $4 ->> ''gateway'')
      and (not $4 ? ''method'' or w.method = $4 ->> ''method'')
      and (not $4 ? ''product'' or w.product_id = $4 ->> ''product'')
      and (not $4 ? ''currency'' or w.currency = $4 ->> ''currency'')
      and (not $4 ? ''code'' or w.promo_code = upper($4 ->> ''code''))
      and (not $4 ? ''live'' or w.live = ($4 ->> ''live'')::boolean)
    order by w.created_at desc, w.id desc limit $5) f'
  into v_items
  using v_from.at, v_from.id, operator, list_orders.filters, list_orders.page_size + 1;
  if coalesce(jsonb_array_length(v_items), 0) <= list_orders.page_size then
    execute 'select coinslot.cursor_of(e.created_at, e.id::text) from (
      select w.created_at, w.id from (' || v_path || ') w
      order by w.created_at desc, w.id desc offset ' || coinslot.walk_length() - 1 || ') e'
    into v_last using v_from.at, v_from.id, operator, list_orders.filters;
  end if;
  return coinslot.page_of(v_items, list_orders.page_size, v_last);
end
$$;
comment on function coinslot.list_orders(coinslot.operators, jsonb, text, integer) is
'Orders, newest first.';
revoke all on function coinslot.list_orders(coinslot.operators, jsonb, text, integer) from public;

-- An attempt as the gateway last told it, without what identifies the payer.
create function coinslot.attempts_of(payment_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'gateway', a.gateway, 'payment_key', a.payment_key, 'state', a.state, 'amount', a.amount,
    'currency', a.currency, 'live', a.live, 'paid', a.paid, 'refunded', a.refunded,
    'refunding', a.refunding, 'disputed', a.disputed, 'withdrawn', a.withdrawn,
    'method', a.method, 'failure_reason', a.failure_reason, 'problem', a.problem,
    'credited', a.credited, 'taken_at', a.taken_at, 'created_at', a.created_at,
    'updated_at', a.updated_at
  ) order by a.id desc), '[]')
  from (
    select t.* from coinslot.payment_attempts t where t.payment_id = attempts_of.payment_id
    order by t.id desc limit 50
  ) a
$$;
comment on function coinslot.attempts_of(uuid) is 'The latest attempts at an order.';
revoke all on function coinslot.attempts_of(uuid) from public;

create function coinslot.refund_item(refund coinslot.refunds, operator coinslot.operators)
returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', refund.id, 'order_id', refund.order_id, 'user_id', refund.user_id,
    'email', coinslot.shown_email(
      (select u.email from auth.users u where u.id = refund.user_id), operator
    ),
    'gateway', refund.gateway, 'payment_key', refund.payment_key, 'amount', refund.amount,
    'currency', refund.currency, 'tokens', refund.tokens, 'reason', refund.reason,
    'live', (select p.live from public.token_payments p where p.id = refund.payment_id),
    'forced', refund.forced, 'status', refund.status, 'tries', refund.tries,
    'failure_code', refund.failure_code, 'failure_message', refund.failure_message,
    'requested_by', (select u.email from auth.users u where u.id = refund.requested_by),
    'created_at', refund.created_at, 'finished_at', refund.finished_at,
    'can_close', refund.finished_at is null
      and coinslot.may_do(operator, 'close_refund'),
    'cursor', coinslot.cursor_of(refund.created_at, refund.id::text)
  )
$$;
comment on function coinslot.refund_item(coinslot.refunds, coinslot.operators) is
'A refund as a line of a list.';
revoke all on function coinslot.refund_item(coinslot.refunds, coinslot.operators) from public;

create function coinslot.list_refunds(
  operator coinslot.operators, filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_from record;
  v_since timestamptz;
  v_items jsonb;
  v_last text;
begin
  perform coinslot.check_filters(
    list_refunds.filters, array['status', 'gateway', 'user', 'since', 'until']
  );
  v_from := coinslot.walk_from(list_refunds.after, filters ->> 'until');
  v_since := coalesce((filters ->> 'since')::timestamptz, '-infinity');
  with walk as materialized (
    (select r.* from coinslot.refunds r
    where not filters ? 'user' and (r.created_at, r.id) < (v_from.at, v_from.id)
      and r.created_at >= v_since
    order by r.created_at desc, r.id desc limit coinslot.walk_for(filters - array['since', 'until'], page_size))
    union all
    (select r.* from coinslot.refunds r
    where r.user_id = (filters ->> 'user')::uuid and (r.created_at, r.id) < (v_from.at, v_from.id)
      and r.created_at >= v_since
    order by r.created_at desc, r.id desc limit coinslot.walk_for(filters - array['user', 'since', 'until'], page_size))
  ), found as (
    select w.* from walk w
    where (not filters ? 'status' or filters -> 'status' ? w.status)
      and (not filters ? 'gateway' or w.gateway = filters ->> 'gateway')
    order by w.created_at desc, w.id desc limit list_refunds.page_size + 1
  )
  select jsonb_agg(coinslot.refund_item(f.*, operator) order by f.created_at desc, f.id desc), (
    select coinslot.cursor_of(e.created_at, e.id::text) from (
      select w.created_at, w.id from walk w
      order by w.created_at desc, w.id desc offset coinslot.walk_length() - 1
    ) e
  ) into v_items, v_last from found f;
  return coinslot.page_of(v_items, list_refunds.page_size, v_last);
end
$$;
comment on function coinslot.list_refunds(coinslot.operators, jsonb, text, integer) is
'Refunds, newest first.';
revoke all on function coinslot.list_refunds(coinslot.operators, jsonb, text, integer) from public;

-- What happened to an order, newest first: its events, what gateways told us of it, and what
-- operators did. Order ids of orders compare byte by byte, which the indexes of other tables do
-- not: they are looked up as those have them.
create function coinslot.timeline_of(payment public.token_payments) returns jsonb
language sql stable set search_path = '' set enable_seqscan = off as $$
  select coalesce(jsonb_agg(t.line order by t.at desc, t.kind, t.id desc), '[]') from (
    (select e.created_at as at, 'event' as kind, e.id, jsonb_build_object(
      'at', e.created_at, 'kind', 'event', 'from', e.from_status, 'to', e.to_status,
      'tokens', e.tokens, 'source', e.source, 'reason', e.reason, 'payment_key', e.payment_key
    ) as line
    from public.token_payment_events e where e.payment_id = payment.id
    order by e.id desc limit 200)
    union all
    (select w.received_at, 'webhook', w.id, jsonb_build_object(
      'at', w.received_at, 'kind', 'webhook', 'id', w.id, 'event', w.event_type,
      'outcome', w.outcome, 'deliveries', w.deliveries, 'tries', w.attempts,
      'seconds', round(extract(epoch from w.finished_at - w.waiting_since), 3)
    )
    from coinslot.webhooks w where w.order_id = payment.order_id collate "default"
    order by w.id desc limit 100)
    union all
    (select a.at, 'action', a.id, jsonb_build_object(
      'at', a.at, 'kind', 'action', 'action', a.action, 'role', a.role, 'reason', a.reason,
      'actor', coinslot.actor_name(a.actor), 'detail', a.detail
    )
    from coinslot.operator_actions a where a.subject = payment.order_id collate "default"
    order by a.id desc limit 100)
  ) t
$$;
comment on function coinslot.timeline_of(public.token_payments) is
'What happened to an order, newest first.';
revoke all on function coinslot.timeline_of(public.token_payments) from public;

-- What of an order may yet be given back, by whom it is asked. Less where a limit says so; nothing
-- while a refund is under way.
create function coinslot.refund_room(
  payment public.token_payments, operator coinslot.operators
) returns bigint
language sql stable set search_path = '' as $$
  select case when exists (
    select from coinslot.refunds r where r.payment_id = payment.id and r.finished_at is null
  ) or coinslot.is_live() and not payment.live then 0 else least(
    coalesce((
      select greatest(0, max(a.paid - a.refunded - a.withdrawn)) from coinslot.payment_attempts a
      where a.payment_id = payment.id and a.refunding = 0
        and (a.credited or payment.confirmed_at is null)
    ), 0), coinslot.left_to(operator, payment.currency)
  ) end
$$;
comment on function coinslot.refund_room(public.token_payments, coinslot.operators) is
'Minor units that this operator may refund of an order now.';
revoke all on function coinslot.refund_room(public.token_payments, coinslot.operators) from public;

create function coinslot.can_with_order(
  payment public.token_payments, operator coinslot.operators
) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'refund', r.room > 0 and coinslot.may_do(operator, 'refund_order'),
    'refund_max', r.room,
    'refund_force', coinslot.may_do(operator, 'force_refund'),
    'accept_refund', coinslot.may_do(operator, 'accept_refund') and exists (
      select from coinslot.discrepancies d
      where d.order_id = payment.order_id collate "default" and d.resolved_at is null
        and coinslot.proposes_refund(d.kind)
    ),
    'recheck_order', true, 'note_order', true,
    'reveal_customer', coinslot.may_do(operator, 'reveal_customer')
  )
  from coinslot.refund_room(payment, operator) r (room)
$$;
comment on function coinslot.can_with_order(public.token_payments, coinslot.operators) is
'Which actions on an order would not be refused now.';
revoke all on function coinslot.can_with_order(public.token_payments, coinslot.operators)
from public;

-- What a refund of the rest would take, and what of it was spent, as the dialog says it before.
create function coinslot.tokens_of_order(payment public.token_payments) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'remaining', coalesce(sum(f.remaining), 0), 'spent', coalesce(sum(l.tokens), 0)
      - coalesce(sum(f.remaining), 0) - coalesce(sum(l.taken + l.expired + l.reserved), 0),
    'taken', coalesce(sum(l.taken), 0), 'expired', coalesce(sum(l.expired), 0)
  )
  from public.token_lots l
  left join lateral (
    select n.remaining
    from public.token_wallets w
    cross join lateral coinslot.foreseen_lots(w, greatest(clock_timestamp(), w.folded_at)) n
    where w.user_id = l.user_id and n.lot_id = l.id
  ) f on true
  where l.payment_id = payment.id
$$;
comment on function coinslot.tokens_of_order(public.token_payments) is
'What became of the tokens of an order: {remaining, spent, taken, expired}.';
revoke all on function coinslot.tokens_of_order(public.token_payments) from public;

create function coinslot.get_order(operator coinslot.operators, order_id text)
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
comment on function coinslot.get_order(coinslot.operators, text) is
'An order with its attempts, refunds, cases and timeline, and what the operator may do with it.';
revoke all on function coinslot.get_order(coinslot.operators, text) from public;
