-- Settings that owners change in the console: each change has a reason, and is kept with what was
-- before. What going live, identities and the law's periods are is left to commands and to SQL.

-- `seconds` are of an interval. What ends in ? may be null, which switches it off. Which
-- words a choice is of, the table says.
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
  "refunds_in_a_row": "count?", "endpoint_patience": "seconds", "renewal_ahead": "seconds?",
  "yearly_renewal_ahead": "seconds?", "cash_receipts": "choice",
  "cash_receipts_from": "count"
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
    when is_setting.kind = 'choice' then jsonb_typeof(is_setting.value) = 'string'
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
language plpgsql volatile set search_path = '' as $$
begin
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
    endpoint_patience = settings.endpoint_patience, renewal_ahead = settings.renewal_ahead,
    yearly_renewal_ahead = settings.yearly_renewal_ahead, cash_receipts = settings.cash_receipts,
    cash_receipts_from = settings.cash_receipts_from
  where s.id;
end
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
