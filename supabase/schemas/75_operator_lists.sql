-- What else operators read: what needs a person, webhooks, codes, the catalogue, the team, what was
-- done; search over all of it, and the calls by which lists and things are asked for.

-- The actions that fit what is wrong. Money that bought nothing is refunded as proposed; what a
-- read of the gateway could settle is read again.
create function coinslot.fitting_actions(found coinslot.discrepancies) returns text[]
language sql immutable parallel safe set search_path = '' as $$
  select case when found.resolved_at is not null then '{}'::text[] else case
    when coinslot.proposes_refund(found.kind) then array['accept_refund', 'resolve_case']
    when found.kind in ('wrong_order', 'wrong_gateway', 'wrong_currency', 'wrong_amount',
      'wallet_closed', 'wallet_full')
    then array['refund_order', 'grant_tokens', 'resolve_case']
    when found.kind in ('audit_different', 'audit_missing', 'illegal_transition', 'fraud_warning')
    then array['recheck_order', 'refund_order', 'resolve_case']
    when found.kind = 'refund_unresolved'
    then array['recheck_order', 'close_refund', 'resolve_case']
    else array['resolve_case']
  end end
$$;
comment on function coinslot.fitting_actions(coinslot.discrepancies) is
'What a person can do about it, the best first.';
revoke all on function coinslot.fitting_actions(coinslot.discrepancies) from public;

-- Beside it our order, and what the gateway last said of the payment.
create function coinslot.case_item(found coinslot.discrepancies, operator coinslot.operators)
returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', found.id, 'kind', found.kind, 'gateway', found.gateway,
    'payment_key', found.payment_key, 'order_id', found.order_id, 'detail', found.detail,
    'created_at', found.created_at, 'resolved_at', found.resolved_at,
    'resolution', found.resolution, 'cursor', found.id::text,
    'ours', (
      select jsonb_build_object(
        'status', p.status, 'amount', p.amount, 'currency', p.currency, 'paid', p.paid,
        'refunded', p.refunded, 'tokens', p.tokens, 'live', p.live, 'gateway', p.gateway,
        'user_id', p.user_id, 'payment_key', p.payment_key
      )
      from public.token_payments p where p.order_id = found.order_id
    ),
    'theirs', (
      select jsonb_build_object(
        'state', a.state, 'amount', a.amount, 'currency', a.currency, 'paid', a.paid,
        'refunded', a.refunded, 'withdrawn', a.withdrawn, 'live', a.live, 'gateway', a.gateway,
        'payment_key', a.payment_key, 'taken_at', a.taken_at
      )
      from coinslot.payment_attempts a
      where a.gateway = found.gateway and a.payment_key = found.payment_key
    ),
    'refund_id', (
      select r.id from coinslot.refunds r inner join public.token_payments p on p.id = r.payment_id
      where p.order_id = found.order_id and r.finished_at is null
    ),
    'actions', array(
      select a from unnest(coinslot.fitting_actions(found)) a
      where coinslot.may_do(operator, a)
    )
  )
$$;
comment on function coinslot.case_item(coinslot.discrepancies, coinslot.operators) is
'What needs a person, as a line of a list, with what this operator can do about it.';
revoke all on function coinslot.case_item(coinslot.discrepancies, coinslot.operators) from public;

create function coinslot.list_cases(
  operator coinslot.operators, filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_before bigint := coinslot.read_number(list_cases.after);
  v_items jsonb;
  v_last text;
begin
  perform coinslot.check_filters(list_cases.filters, array['state', 'kind', 'gateway', 'order']);
  if coalesce(filters ->> 'state', 'open') = 'open' then
    with walk as materialized (
      select d.* from coinslot.discrepancies d where d.id < v_before and d.resolved_at is null
      order by d.id desc limit coinslot.walk_for(filters - 'state', page_size)
    ), found as (
      select w.* from walk w
      where (not filters ? 'kind' or w.kind = filters ->> 'kind')
        and (not filters ? 'gateway' or w.gateway = filters ->> 'gateway')
        and (not filters ? 'order' or w.order_id = filters ->> 'order')
      order by w.id desc limit list_cases.page_size + 1
    )
    select jsonb_agg(coinslot.case_item(f.*, operator) order by f.id desc), (
      select min(w.id)::text from walk w having count(*) = coinslot.walk_length()
    ) into v_items, v_last from found f;
  else
    with walk as materialized (
      select d.* from coinslot.discrepancies d where d.id < v_before
      order by d.id desc limit coinslot.walk_length()
    ), found as (
      select w.* from walk w
      where w.resolved_at is not null and (not filters ? 'kind' or w.kind = filters ->> 'kind')
        and (not filters ? 'gateway' or w.gateway = filters ->> 'gateway')
        and (not filters ? 'order' or w.order_id = filters ->> 'order')
      order by w.id desc limit list_cases.page_size + 1
    )
    select jsonb_agg(coinslot.case_item(f.*, operator) order by f.id desc), (
      select min(w.id)::text from walk w having count(*) = coinslot.walk_length()
    ) into v_items, v_last from found f;
  end if;
  return coinslot.page_of(v_items, list_cases.page_size, v_last);
end
$$;
comment on function coinslot.list_cases(coinslot.operators, jsonb, text, integer) is
'What needs a person, newest first; or what did (state: resolved).';
revoke all on function coinslot.list_cases(coinslot.operators, jsonb, text, integer) from public;

create function coinslot.webhook_item(webhook coinslot.webhooks) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', webhook.id, 'gateway', webhook.gateway, 'event_id', webhook.event_id,
    'event', webhook.event_type, 'order_id', webhook.order_id,
    'payment_key', webhook.payment_key, 'claims_paid', webhook.claims_paid,
    'outcome', webhook.outcome, 'detail', webhook.detail, 'deliveries', webhook.deliveries,
    'tries', webhook.attempts, 'received_at', webhook.received_at,
    'finished_at', webhook.finished_at, 'next_try_at', webhook.next_attempt_at,
    'seconds', round(extract(epoch from webhook.finished_at - webhook.waiting_since), 3),
    'cursor', webhook.id::text
  )
$$;
comment on function coinslot.webhook_item(coinslot.webhooks) is 'A webhook as a line of a list.';
revoke all on function coinslot.webhook_item(coinslot.webhooks) from public;

-- Of an outcome, an order, a subject or an actor the index of just that is walked, however many or
-- few there are by the statistics: `between` leaves no other index that has this order.
create function coinslot.list_webhooks_of(
  filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_before bigint := coinslot.read_number(list_webhooks_of.after);
  v_items jsonb;
  v_last text;
begin
  perform coinslot.check_filters(
    list_webhooks_of.filters, array['outcome', 'gateway', 'order', 'event']
  );
  with walk as materialized (
    (select w.* from coinslot.webhooks w
    where not filters ?| array['outcome', 'order'] and w.id < v_before
    order by w.id desc limit coinslot.walk_for(filters, page_size))
    union all
    (select w.* from coinslot.webhooks w
    where filters ? 'order'
      and w.order_id between filters ->> 'order' and filters ->> 'order' and w.id < v_before
    order by w.order_id desc, w.id desc limit coinslot.walk_for(filters - 'order', page_size))
    union all
    (select w.* from coinslot.webhooks w
    where filters ? 'outcome' and not filters ? 'order'
      and w.outcome between filters ->> 'outcome' and filters ->> 'outcome' and w.id < v_before
    order by w.outcome desc, w.id desc limit coinslot.walk_for(filters - 'outcome', page_size))
  ), found as (
    select k.* from walk k
    where (not filters ? 'gateway' or k.gateway = filters ->> 'gateway')
      and (not filters ? 'outcome' or k.outcome = filters ->> 'outcome')
      and (not filters ? 'event' or k.event_type = filters ->> 'event')
    order by k.id desc limit list_webhooks_of.page_size + 1
  )
  select jsonb_agg(coinslot.webhook_item(f.*) order by f.id desc), (
    select min(k.id)::text from walk k having count(*) = coinslot.walk_length()
  ) into v_items, v_last from found f;
  return coinslot.page_of(v_items, list_webhooks_of.page_size, v_last);
end
$$;
comment on function coinslot.list_webhooks_of(jsonb, text, integer) is
'Webhooks that gateways sent, newest first.';
revoke all on function coinslot.list_webhooks_of(jsonb, text, integer)
from public;

-- With its body, in which personal data is blanked, and its headers but for what proves a sender.
create function coinslot.get_webhook(operator coinslot.operators, id text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_webhook coinslot.webhooks;
begin
  select w.* into v_webhook from coinslot.webhooks w
  where w.id = case when get_webhook.id ~ '^[0-9]{1,15}$' then get_webhook.id::bigint end;
  if not found then
    perform coinslot.fail('unknown_id', '{"what": "webhook"}');
  end if;
  return jsonb_build_object(
    'webhook', coinslot.webhook_item(v_webhook), 'body', v_webhook.body, 'headers', (
      select coalesce(jsonb_object_agg(h.key, case
        when h.key ~* '(signature|authorization|secret|token|cookie)' then '"…"' else h.value end),
      '{}')
      from jsonb_each(v_webhook.headers) h
    ),
    'can', jsonb_build_object(
      'replay_webhook', coinslot.may_do(operator, 'replay_webhook')
    )
  );
end
$$;
comment on function coinslot.get_webhook(coinslot.operators, text) is 'A webhook in full.';
revoke all on function coinslot.get_webhook(coinslot.operators, text) from public;

create function coinslot.counted_to() returns integer
language sql immutable parallel safe set search_path = ''
return 1001;
comment on function coinslot.counted_to() is
'Where counts of a list end: 1,001 are more than 1,000.';
revoke all on function coinslot.counted_to() from public;

create function coinslot.list_promotions_of(
  filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off as $$
declare
  v_items jsonb;
begin
  perform coinslot.check_filters(list_promotions_of.filters, array[]::text[]);
  select jsonb_agg(to_jsonb(f) || jsonb_build_object('cursor', f.id, 'uses', (
    select count(*) from (
      select from coinslot.promotion_uses u
      where u.status = 'used' and u.promotion = f.id limit coinslot.counted_to()
    ) c
  ), 'codes', (
    select count(*) from (
      select from coinslot.promotion_codes c where c.promotion = f.id limit coinslot.counted_to()
    ) c
  )) order by f.id) into v_items
  from (
    select p.* from coinslot.promotions p where p.id > coalesce(list_promotions_of.after, '')
    order by p.id limit list_promotions_of.page_size + 1
  ) f;
  return coinslot.page_of(v_items, list_promotions_of.page_size);
end
$$;
comment on function coinslot.list_promotions_of(jsonb, text, integer) is
'Promotions by id.';
revoke all on function coinslot.list_promotions_of(jsonb, text, integer)
from public;

create function coinslot.list_codes_of(
  filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_items jsonb;
begin
  perform coinslot.check_filters(list_codes_of.filters, array['promotion']);
  select jsonb_agg(to_jsonb(c) || jsonb_build_object('cursor', c.code) order by c.code)
  into v_items
  from coinslot.list_codes(
    list_codes_of.filters ->> 'promotion', list_codes_of.page_size + 1, list_codes_of.after
  ) c;
  return coinslot.page_of(v_items, list_codes_of.page_size);
end
$$;
comment on function coinslot.list_codes_of(jsonb, text, integer) is
'The codes of a promotion.';
revoke all on function coinslot.list_codes_of(jsonb, text, integer) from public;

create function coinslot.list_actions(
  filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_before bigint := coinslot.read_number(list_actions.after);
  v_items jsonb;
  v_last text;
begin
  perform coinslot.check_filters(
    list_actions.filters, array['actor', 'action', 'subject', 'since', 'until']
  );
  with walk as materialized (
    (select a.* from coinslot.operator_actions a
    where not filters ?| array['actor', 'subject'] and a.id < v_before
    order by a.id desc limit coinslot.walk_for(filters, page_size))
    union all
    (select a.* from coinslot.operator_actions a
    where filters ? 'subject'
      and a.subject between filters ->> 'subject' and filters ->> 'subject' and a.id < v_before
    order by a.subject desc, a.id desc limit coinslot.walk_for(filters - 'subject', page_size))
    union all
    (select a.* from coinslot.operator_actions a
    where filters ? 'actor' and not filters ? 'subject'
      and a.actor between filters ->> 'actor' and filters ->> 'actor' and a.id < v_before
    order by a.actor desc, a.id desc limit coinslot.walk_for(filters - 'actor', page_size))
  ), found as (
    select k.* from walk k
    where (not filters ? 'actor' or k.actor = filters ->> 'actor')
      and (not filters ? 'action' or k.action = filters ->> 'action')
      and k.at < coalesce((filters ->> 'until')::timestamptz, 'infinity')
      and k.at >= coalesce((filters ->> 'since')::timestamptz, '-infinity')
    order by k.id desc limit list_actions.page_size + 1
  )
  select jsonb_agg(to_jsonb(f) || jsonb_build_object(
    'cursor', f.id::text, 'actor_name', coinslot.actor_name(f.actor),
    'planned_by_name', coinslot.actor_name(f.detail ->> 'planned_by')
  ) order by f.id desc), (
    select min(k.id)::text from walk k having count(*) = coinslot.walk_length()
  ) into v_items, v_last from found f;
  return coinslot.page_of(v_items, list_actions.page_size, v_last);
end
$$;
comment on function coinslot.list_actions(jsonb, text, integer) is
'What operators and the service did, newest first.';
revoke all on function coinslot.list_actions(jsonb, text, integer) from public;

create function coinslot.list_team() returns jsonb
language sql stable set search_path = '' set enable_seqscan = off as $$
  select coalesce(jsonb_agg(to_jsonb(o) || jsonb_build_object('last_action_at', (
    select a.at from coinslot.operator_actions a
    where a.actor between o.user_id::text and o.user_id::text
    order by a.actor desc, a.id desc limit 1
  )) order by o.since, o.user_id), '[]')
  from coinslot.list_operators() o
$$;
comment on function coinslot.list_team() is 'The operators, oldest first.';
revoke all on function coinslot.list_team() from public;

-- Each with the price that is asked just before.
create function coinslot.planned_of(product_id text) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'currency', n.currency, 'starts_at', n.starts_at, 'amount', n.amount,
    'from', coinslot.price_at(
      n.product_id, n.currency, r.amount, n.starts_at - interval '1 microsecond'
    )
  ) order by n.starts_at, n.currency), '[]')
  from coinslot.planned_prices n
  inner join public.token_prices r on r.product_id = n.product_id and r.currency = n.currency
  where n.product_id = planned_of.product_id and n.starts_at > statement_timestamp()
$$;
comment on function coinslot.planned_of(text) is
'Prices of a product that are still to begin: [{currency, starts_at, amount, from}].';
revoke all on function coinslot.planned_of(text) from public;

-- From the moment on, whether the maintenance has noted it yet or not.
create function coinslot.begun_of(product_id text) returns jsonb
language sql stable set search_path = '' as $$
  with begun as (
    (select n.currency, n.starts_at, n.amount, coinslot.price_at(
      n.product_id, n.currency, r.amount, n.starts_at - interval '1 microsecond'
    ) as "from", coinslot.planner_of(n.product_id, n.currency, n.starts_at) as planned
    from coinslot.planned_prices n
    inner join public.token_prices r on r.product_id = n.product_id and r.currency = n.currency
    where n.product_id = begun_of.product_id and n.starts_at <= statement_timestamp())
    union all
    (select k.detail ->> 'currency', (k.detail ->> 'starts_at')::timestamptz,
      (k.detail #>> '{to,price}')::bigint, (k.detail #>> '{from,price}')::bigint, k.detail
    from (
      select a.* from coinslot.operator_actions a where a.subject = begun_of.product_id
      order by a.id desc limit 100
    ) k
    where k.action = 'price_begun')
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'currency', b.currency, 'starts_at', b.starts_at, 'amount', b.amount, 'from', b."from",
    'planned_at', b.planned -> 'planned_at',
    'planned_by', coinslot.actor_name(b.planned ->> 'planned_by')
  ) order by b.starts_at desc, b.currency), '[]')
  from (select b.* from begun b order by b.starts_at desc, b.currency limit 5) b
$$;
comment on function coinslot.begun_of(text) is
'The latest planned prices of a product that have begun:
[{currency, starts_at, amount, from, planned_at, planned_by}].';
revoke all on function coinslot.begun_of(text) from public;

create function coinslot.list_catalogue() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(
    to_jsonb(p) || jsonb_build_object(
      'planned', coinslot.planned_of(p.id), 'begun', coinslot.begun_of(p.id)
    )
  ), '[]')
  from coinslot.list_products() p
$$;
comment on function coinslot.list_catalogue() is
'All products with their prices: now, planned, and the latest that have begun as planned.';
revoke all on function coinslot.list_catalogue() from public;

-- By what somebody has in hand: an id, a key, a code, an address. Each looked up by an index.
create function coinslot.find_things(operator coinslot.operators, q text) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_q text := btrim(find_things.q);
  v_id uuid;
begin
  if (length(v_q) between 3 and 255) is not true then
    perform coinslot.fail(
      'invalid_argument', '{"argument": "q", "min_length": 3, "max_length": 255}'
    );
  end if;
  if v_q ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    v_id := v_q::uuid;
  end if;
  return jsonb_build_object(
    'orders', (
      select coalesce(jsonb_agg(coinslot.order_item(p, operator)), '[]')
      from public.token_payments p
      where p.id in (
        select o.id from public.token_payments o where o.order_id = v_q
        union
        select a.payment_id from coinslot.payment_attempts a
        where a.gateway in (select g.id from coinslot.gateways g) and a.payment_key = v_q
        union
        select r.payment_id from coinslot.refunds r where r.id = v_id
        union
        select o.id from coinslot.webhooks w
        inner join public.token_payments o on o.order_id = w.order_id
        where w.gateway in (select g.id from coinslot.gateways g) and w.event_id = v_q
      )
    ),
    'customers', (
      select coalesce(jsonb_agg(coinslot.customer_item(w.user_id, operator)), '[]')
      from public.token_wallets w
      where w.user_id in (
        select v_id
        union
        (select u.id from auth.users u
        where u.is_sso_user = false and u.email = lower(v_q) limit 5)
      )
    ),
    'codes', (
      select coalesce(jsonb_agg(jsonb_build_object('code', c.code, 'promotion', c.promotion)), '[]')
      from coinslot.promotion_codes c where c.code = coinslot.normal_code(v_q)
    ),
    'products', (
      select coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name)), '[]')
      from public.token_products p where p.id = lower(v_q)
    ),
    'subscriptions', (
      select coalesce(jsonb_agg(coinslot.subscription_item(s, operator)), '[]')
      from public.token_subscriptions s where s.id = v_id
    )
  );
end
$$;
comment on function coinslot.find_things(coinslot.operators, text) is
'See public.token_console_search.';
revoke all on function coinslot.find_things(coinslot.operators, text) from public;

-- What needs somebody now.
create function coinslot.attention() returns jsonb
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
    'mails', (select count(*) from coinslot.unreached()),
    'oldest_mail', (select min(m.finished_at) from coinslot.unreached() m),
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
comment on function coinslot.attention() is 'What needs a person, in numbers.';
revoke all on function coinslot.attention() from public;

create function coinslot.console_me(operator coinslot.operators) returns jsonb
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
comment on function coinslot.console_me(coinslot.operators) is
'Who has signed in, and what they may.';
revoke all on function coinslot.console_me(coinslot.operators) from public;

create function coinslot.console_get(what text, id text) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_operator coinslot.operators := coinslot.reading_operator();
begin
  if console_get.what in ('customer', 'proof')
    and (console_get.id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') is not true
  then
    perform coinslot.fail('user_not_found', '{"users": 0}');
  end if;
  case console_get.what
    when 'me' then return coinslot.console_me(v_operator);
    when 'attention' then return coinslot.attention();
    when 'order' then return coinslot.get_order(v_operator, console_get.id);
    when 'customer' then return coinslot.get_customer(v_operator, console_get.id::uuid);
    when 'proof' then return coinslot.prove_wallet(console_get.id::uuid);
    when 'webhook' then return coinslot.get_webhook(v_operator, console_get.id);
    when 'catalogue' then return coinslot.list_catalogue();
    when 'team' then return coinslot.list_team();
    when 'subscription' then return coinslot.get_subscription(v_operator, console_get.id);
    when 'settings' then return coinslot.get_console_settings(v_operator);
    when 'endpoints' then return coinslot.get_endpoints(v_operator);
    when 'endpoint' then return coinslot.get_endpoint(v_operator, console_get.id);
    when 'delivery' then return coinslot.get_delivery(v_operator, console_get.id);
    when 'exports' then return coinslot.get_exports(v_operator);
    else
      perform coinslot.fail('invalid_argument', jsonb_build_object(
        'argument', 'what', 'known', array[
          'me', 'attention', 'order', 'customer', 'proof', 'webhook', 'catalogue', 'team',
          'subscription', 'settings', 'endpoints', 'endpoint', 'delivery', 'exports'
        ]
      ));
  end case;
  return null;
end
$$;
comment on function coinslot.console_get(text, text) is 'See public.token_console_get.';
revoke all on function coinslot.console_get(text, text) from public;
grant execute on function coinslot.console_get(text, text) to authenticated;

create function public.token_console_get(what text, id text default null) returns jsonb
language sql stable set search_path = '' set statement_timeout = '1s' as $$
  select coinslot.console_get(token_console_get.what, token_console_get.id)
$$;
comment on function public.token_console_get(text, text) is
'Operators: one thing in full, with what may be done with it: me, attention, order, customer, proof
(of a wallet''s ledger), webhook, catalogue, team, subscription, settings, endpoints, endpoint,
delivery, exports.';
revoke all on function public.token_console_get(text, text)
from public, anon, authenticated, service_role;
grant execute on function public.token_console_get(text, text) to authenticated;

create function coinslot.console_list(
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
comment on function coinslot.console_list(text, jsonb, text, integer) is
'See public.token_console_list.';
revoke all on function coinslot.console_list(text, jsonb, text, integer) from public;
grant execute on function coinslot.console_list(text, jsonb, text, integer) to authenticated;

create function public.token_console_list(
  list text, filters jsonb default '{}', after text default null, page_size integer default 50
) returns jsonb
language sql stable set search_path = '' set statement_timeout = '1s' as $$
  select coinslot.console_list(
    token_console_list.list, token_console_list.filters, token_console_list.after,
    token_console_list.page_size
  )
$$;
comment on function public.token_console_list(text, jsonb, text, integer) is
'Operators: a page of a list as {items, next}: orders, refunds, customers, entries, cases, webhooks,
promotions, codes, actions, subscriptions, deliveries, mails (that did not arrive), cash_receipts;
lines of an export. after = next of the page before.';
revoke all on function public.token_console_list(text, jsonb, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.token_console_list(text, jsonb, text, integer) to authenticated;

create function coinslot.console_search(q text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coinslot.find_things(coinslot.reading_operator(), console_search.q)
$$;
comment on function coinslot.console_search(text) is 'See public.token_console_search.';
revoke all on function coinslot.console_search(text) from public;
grant execute on function coinslot.console_search(text) to authenticated;

create function public.token_console_search(q text) returns jsonb
language sql stable set search_path = '' set statement_timeout = '1s' as $$
  select coinslot.console_search(token_console_search.q)
$$;
comment on function public.token_console_search(text) is
'Operators: orders, customers, codes, products and subscriptions by an order id, a payment key, the
id of a refund, of an event, of a user or of a subscription, an e-mail, a code.';
revoke all on function public.token_console_search(text)
from public, anon, authenticated, service_role;
grant execute on function public.token_console_search(text) to authenticated;
