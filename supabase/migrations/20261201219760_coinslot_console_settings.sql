-- Settings that owners change in the console: each change has a reason, and is kept with what was
-- before. What going live, identities and the law's periods are is left to commands and to SQL.

-- `seconds` are of an interval. What ends in ? may be null, which switches it off.
create function coinslot.console_settings() returns jsonb
language sql immutable parallel safe set search_path = ''
return '{
  "signup_bonus": "count", "low_mark": "count?", "low_margin": "count",
  "expiring_ahead": "seconds?", "returned_lifetime": "seconds", "refund_days": "count?",
  "links": "texts", "order_lifetime": "seconds", "deposit_lifetime": "seconds",
  "max_open_orders": "count", "max_quantity": "count", "anonymous_purchases": "switch",
  "referral_reward": "count", "referral_bonus": "count", "referral_wait": "seconds",
  "max_referrals": "count", "auto_top_up": "switch", "subscription_grace": "seconds",
  "charge_from_hour": "count", "charge_until_hour": "count", "declines_in_a_row": "count?",
  "refunds_in_a_row": "count?", "endpoint_patience": "seconds"
}'::jsonb;
comment on function coinslot.console_settings() is
'Names of the settings that the console changes, and what each is.';
revoke all on function coinslot.console_settings() from public;

create function coinslot.shown_settings(settings coinslot.settings) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_object_agg(k.key, case
    when k.value like 'seconds%'
      then to_jsonb(extract(epoch from (s.line ->> k.key)::interval)::bigint)
    else s.line -> k.key end)
  from jsonb_each_text(coinslot.console_settings()) k
  cross join (select to_jsonb(settings) as line) s
$$;
comment on function coinslot.shown_settings(coinslot.settings) is
'The settings that the console changes, intervals in seconds.';
revoke all on function coinslot.shown_settings(coinslot.settings) from public;

create function coinslot.get_console_settings(operator coinslot.operators) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'settings', coinslot.shown_settings(s),
    'seller', jsonb_build_object(
      'business', s.business, 'tax_status', s.tax_status, 'time_zone', s.time_zone
    ),
    'tax_statuses', coinslot.tax_statuses(), 'mode', s.mode,
    'gateways', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', g.id, 'name', g.name, 'unattended', g.unattended
      ) order by g.id), '[]')
      from coinslot.gateways g where g.active
    ),
    'can', (
      select jsonb_object_agg(a, coinslot.may_do(operator, a))
      from unnest(array['set_settings', 'set_seller', 'set_unattended']) a
    )
  )
  from coinslot.settings s where s.id
$$;
comment on function coinslot.get_console_settings(coinslot.operators) is
'What is set, and what of it the operator may change.';
revoke all on function coinslot.get_console_settings(coinslot.operators) from public;

create function coinslot.is_setting(kind text, value jsonb) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select case
    when jsonb_typeof(is_setting.value) = 'null' then is_setting.kind like '%?'
    when is_setting.kind = 'switch' then jsonb_typeof(is_setting.value) = 'boolean'
    when is_setting.kind = 'texts' then jsonb_typeof(is_setting.value) = 'object'
    else jsonb_typeof(is_setting.value) = 'number'
      and is_setting.value::text ~ '^[0-9]{1,10}$' end
$$;
comment on function coinslot.is_setting(text, jsonb) is 'True for a value of this kind.';
revoke all on function coinslot.is_setting(text, jsonb) from public;

-- Days stay days, for whoever reads the table.
create function coinslot.as_settings(changes jsonb) returns jsonb
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(jsonb_object_agg(c.key, case
    when coinslot.console_settings() ->> c.key like 'seconds%' and jsonb_typeof(c.value) = 'number'
      then to_jsonb(make_interval(
        days => (c.value::bigint / 86400)::integer, secs => c.value::bigint % 86400
      ))
    else c.value end), '{}')
  from jsonb_each(as_settings.changes) c
$$;
comment on function coinslot.as_settings(jsonb) is 'Changes as the table has them.';
revoke all on function coinslot.as_settings(jsonb) from public;

create function coinslot.check_changes(
  changes jsonb, expected jsonb, shown jsonb
) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_wrong text;
begin
  if jsonb_typeof(check_changes.changes) is distinct from 'object'
    or check_changes.changes = '{}'
  then
    perform coinslot.fail('invalid_argument', '{"argument": "changes"}');
  end if;
  select min(c.key) into v_wrong from jsonb_each(check_changes.changes) c
  where coinslot.is_setting(coinslot.console_settings() ->> c.key, c.value) is not true;
  if v_wrong is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', left(v_wrong, 63), 'is', coinslot.console_settings() ->> v_wrong
    ));
  end if;
  select min(e.key) into v_wrong from jsonb_each(check_changes.expected) e
  where check_changes.changes ? e.key and e.value is distinct from check_changes.shown -> e.key;
  if v_wrong is not null then
    perform coinslot.fail('changed_meanwhile', jsonb_build_object(
      'setting', v_wrong, 'value', check_changes.shown -> v_wrong
    ));
  end if;
end
$$;
comment on function coinslot.check_changes(jsonb, jsonb, jsonb) is
'PT400 for what is no setting of the console, PT409 where one is not as it was seen.';
revoke all on function coinslot.check_changes(jsonb, jsonb, jsonb) from public;

create function coinslot.write_settings(settings coinslot.settings) returns void
language sql volatile set search_path = '' as $$
  update coinslot.settings s set
    signup_bonus = settings.signup_bonus, low_mark = settings.low_mark,
    low_margin = settings.low_margin, expiring_ahead = settings.expiring_ahead,
    returned_lifetime = settings.returned_lifetime, refund_days = settings.refund_days,
    links = settings.links, order_lifetime = settings.order_lifetime,
    deposit_lifetime = settings.deposit_lifetime, max_open_orders = settings.max_open_orders,
    max_quantity = settings.max_quantity, anonymous_purchases = settings.anonymous_purchases,
    referral_reward = settings.referral_reward, referral_bonus = settings.referral_bonus,
    referral_wait = settings.referral_wait, max_referrals = settings.max_referrals,
    auto_top_up = settings.auto_top_up, subscription_grace = settings.subscription_grace,
    charge_from_hour = settings.charge_from_hour, charge_until_hour = settings.charge_until_hour,
    declines_in_a_row = settings.declines_in_a_row, refunds_in_a_row = settings.refunds_in_a_row,
    endpoint_patience = settings.endpoint_patience
  where s.id
$$;
comment on function coinslot.write_settings(coinslot.settings) is
'Writes the settings that the console changes.';
revoke all on function coinslot.write_settings(coinslot.settings) from public;

create function coinslot.set_settings(changes jsonb, expected jsonb, reason text) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_old coinslot.settings;
  v_from jsonb;
  v_to jsonb;
  v_constraint text;
begin
  select s.* into strict v_old from coinslot.settings s where s.id for no key update;
  v_from := coinslot.shown_settings(v_old);
  perform coinslot.check_changes(set_settings.changes, set_settings.expected, v_from);
  begin
    perform coinslot.write_settings(
      jsonb_populate_record(v_old, coinslot.as_settings(set_settings.changes))
    );
  exception when check_violation or numeric_value_out_of_range then
    get stacked diagnostics v_constraint = constraint_name;
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', (select string_agg(k, ', ' order by k) from jsonb_object_keys(changes) k),
      'constraint', v_constraint
    ));
  end;
  select coinslot.shown_settings(s) into v_to from coinslot.settings s where s.id;
  if v_to <> v_from then
    perform coinslot.note_action('settings_changed', 'settings', set_settings.reason,
      jsonb_build_object(
        'from', (
          select jsonb_object_agg(e.key, e.value) from jsonb_each(v_from) e
          where e.value is distinct from v_to -> e.key
        ),
        'to', (
          select jsonb_object_agg(e.key, e.value) from jsonb_each(v_to) e
          where e.value is distinct from v_from -> e.key
        )));
  end if;
  return v_to;
end
$$;
comment on function coinslot.set_settings(jsonb, jsonb, text) is
'Changes settings on the word of an operator, and notes what was before.';
revoke all on function coinslot.set_settings(jsonb, jsonb, text) from public;

create function coinslot.set_unattended_as(gateway text, unattended text, reason text)
returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_from text;
  v_to text;
begin
  select g.unattended into v_from from coinslot.gateways g
  where g.id = set_unattended_as.gateway for no key update;
  v_to := coinslot.set_unattended(set_unattended_as.gateway, set_unattended_as.unattended);
  if v_to <> v_from then
    perform coinslot.note_action('unattended_set', set_unattended_as.gateway,
      set_unattended_as.reason, jsonb_build_object(
        'from', jsonb_build_object('unattended', v_from),
        'to', jsonb_build_object('unattended', v_to)));
  end if;
  return jsonb_build_object('gateway', set_unattended_as.gateway, 'unattended', v_to);
end
$$;
comment on function coinslot.set_unattended_as(text, text, text) is
'Says what the contract with a gateway allows, on the word of an operator.';
revoke all on function coinslot.set_unattended_as(text, text, text) from public;

create function coinslot.act_on_settings(
  action text, subject text, reason text, arguments jsonb
) returns jsonb
language plpgsql volatile set search_path = '' as $$
begin
  if act_on_settings.action = 'set_settings' then
    return coinslot.set_settings(arguments -> 'changes', arguments -> 'expected', reason);
  elsif act_on_settings.action = 'set_unattended' then
    return coinslot.set_unattended_as(subject, arguments ->> 'unattended', reason);
  end if;
  return coinslot.set_seller(
    nullif(arguments -> 'business', 'null'), arguments ->> 'tax_status',
    arguments ->> 'time_zone', reason
  );
end
$$;
comment on function coinslot.act_on_settings(text, text, text, jsonb) is
'Changes what is set on the word of an owner.';
revoke all on function coinslot.act_on_settings(text, text, text, jsonb) from public;

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
    'remove_operator', 'set_endpoint', 'test_endpoint', 'replay_endpoint', 'set_settings',
    'set_seller', 'set_unattended'
  ]) then array['owner']
end;

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
        'replay_endpoint', 'set_settings', 'set_seller', 'set_unattended'
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
    when 'settings' then return coinslot.get_console_settings(v_operator);
    when 'endpoints' then return coinslot.get_endpoints(v_operator);
    when 'endpoint' then return coinslot.get_endpoint(v_operator, console_get.id);
    when 'delivery' then return coinslot.get_delivery(v_operator, console_get.id);
    else
      perform coinslot.fail('invalid_argument', jsonb_build_object(
        'argument', 'what', 'known', array[
          'me', 'attention', 'order', 'customer', 'proof', 'webhook', 'catalogue', 'team',
          'subscription', 'settings', 'endpoints', 'endpoint', 'delivery'
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
(of a wallet''s ledger), webhook, catalogue, team, subscription, settings, endpoints, endpoint,
delivery.';

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
    when action in ('set_settings', 'set_seller', 'set_unattended') then
      return coinslot.act_on_settings(action, subject, reason, arguments);
    else
      return coinslot.act_on_operator(action, subject, reason, arguments);
  end case;
end
$$;

notify pgrst, 'reload schema';
