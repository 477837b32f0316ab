create or replace function coinslot.roles_for(action text) returns text[]
language sql immutable parallel safe set search_path = ''
return case
  when action in ('note_order', 'note_customer', 'recheck_order', 'cancel_subscription')
    then array['support', 'finance', 'owner']
  when action = 'reveal_customer' then array['support', 'owner']
  when action = any(array[
    'refund_order', 'force_refund', 'accept_refund', 'close_refund', 'grant_tokens', 'take_tokens',
    'resolve_case', 'replay_webhook', 'replay_webhooks', 'void_orders', 'export'
  ]) then array['finance', 'owner']
  when action = any(array[
    'set_product', 'remove_product', 'set_promotion', 'set_code', 'make_codes', 'set_operator',
    'remove_operator', 'set_endpoint', 'test_endpoint', 'replay_endpoint'
  ]) then array['owner']
end;

-- By what somebody has in hand: an id, a key, a code, an address. Each looked up by an index.
create or replace function coinslot.find_things(operator coinslot.operators, q text) returns jsonb
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
        'replay_endpoint'
      ]) a
    )
  )
$$;

create or replace function coinslot.console_get(what text, id text) returns jsonb
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
    when 'endpoints' then return coinslot.get_endpoints(v_operator);
    when 'endpoint' then return coinslot.get_endpoint(v_operator, console_get.id);
    when 'delivery' then return coinslot.get_delivery(v_operator, console_get.id);
    else
      perform coinslot.fail('invalid_argument', jsonb_build_object(
        'argument', 'what', 'known', array[
          'me', 'attention', 'order', 'customer', 'proof', 'webhook', 'catalogue', 'team',
          'subscription', 'endpoints', 'endpoint', 'delivery'
        ]
      ));
  end case;
  return null;
end
$$;

create or replace function public.token_console_get(what text, id text default null) returns jsonb
language sql stable set search_path = '' set statement_timeout = '1s' as $$
  select coinslot.console_get(token_console_get.what, token_console_get.id)
$$;
comment on function public.token_console_get(text, text) is
'Operators: one thing in full, with what may be done with it: me, attention, order, customer, proof
(of a wallet''s ledger), webhook, catalogue, team, subscription, endpoints, endpoint, delivery.';

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
    else
      perform coinslot.fail('invalid_argument', jsonb_build_object(
        'argument', 'list', 'known', array[
          'orders', 'refunds', 'customers', 'entries', 'cases', 'webhooks', 'promotions', 'codes',
          'actions', 'subscriptions', 'deliveries'
        ]
      ));
  end case;
  return null;
end
$$;

create or replace function public.token_console_list(
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
promotions, codes, actions, subscriptions, deliveries; after = next of the page before.';

create or replace function public.token_console_search(q text) returns jsonb
language sql stable set search_path = '' set statement_timeout = '1s' as $$
  select coinslot.console_search(token_console_search.q)
$$;
comment on function public.token_console_search(text) is
'Operators: orders, customers, codes, products and subscriptions by an order id, a payment key, the
id of a refund, of an event, of a user or of a subscription, an e-mail, a code.';

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
    else
      return coinslot.act_on_operator(action, subject, reason, arguments);
  end case;
end
$$;

notify pgrst, 'reload schema';
