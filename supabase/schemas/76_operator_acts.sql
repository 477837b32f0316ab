-- Actions of operators. Each does what a call of the service does, by the same functions, and adds
-- who and why. Before and after stand in the detail.

-- The limit is of the currency of the money that goes back, which need not be the order's: some pay
-- in another one than they were asked for.
create function coinslot.refund_as(
  operator coinslot.operators, order_id text, amount bigint, reason text, idempotency_key text,
  force boolean, payment_key text, account jsonb
) returns coinslot.refunds
language plpgsql volatile set search_path = '' as $$
declare
  v_began timestamptz := clock_timestamp();
  v_payment public.token_payments;
  v_left bigint;
  v_refund coinslot.refunds;
begin
  if refund_as.force and not coinslot.may_do(operator, 'force_refund') then
    perform coinslot.fail(
      'forbidden', jsonb_build_object('roles', coinslot.roles_for('force_refund'))
    );
  end if;
  select p.* into v_payment from public.token_payments p
  where p.order_id = refund_as.order_id for update;
  v_left := coinslot.left_to(operator, (
    coinslot.refundable_attempt(v_payment, refund_as.payment_key)
  ).currency);
  v_refund := coinslot.start_refund(
    refund_as.order_id, refund_as.amount, refund_as.reason, refund_as.idempotency_key,
    refund_as.force, refund_as.payment_key, refund_as.account, operator.user_id
  );
  if v_refund.created_at >= v_began then
    perform coinslot.check_limit(operator, v_refund.currency, v_left, v_refund.amount);
    perform coinslot.note_action('refund_requested', v_refund.order_id, v_refund.reason,
      jsonb_build_object('refund_id', v_refund.id, 'amount', v_refund.amount,
        'currency', v_refund.currency, 'tokens', v_refund.tokens, 'forced', v_refund.forced,
        'from', jsonb_build_object('refundable', v_refund.refundable),
        'to', jsonb_build_object('refundable', v_refund.refundable - v_refund.amount)));
  end if;
  return v_refund;
end
$$;
comment on function coinslot.refund_as(
  coinslot.operators, text, bigint, text, text, boolean, text, jsonb
) is 'Asks for a refund on the word of an operator, within their limit, and notes it once.';
revoke all on function coinslot.refund_as(
  coinslot.operators, text, bigint, text, text, boolean, text, jsonb
) from public;

create function coinslot.proposed_currency(order_id text) returns text
language sql stable set search_path = '' as $$
  select (coinslot.refundable_attempt(p, d.payment_key)).currency
  from public.token_payments p inner join coinslot.discrepancies d on d.order_id = p.order_id
  where p.order_id = proposed_currency.order_id and d.resolved_at is null
    and coinslot.proposes_refund(d.kind)
  order by d.id limit 1
$$;
comment on function coinslot.proposed_currency(text) is
'The currency of the refund that is proposed of an order; null if none is.';
revoke all on function coinslot.proposed_currency(text) from public;

create function coinslot.accept_as(
  operator coinslot.operators, order_id text, account jsonb, reason text
) returns coinslot.refunds
language plpgsql volatile set search_path = '' as $$
declare
  v_began timestamptz := clock_timestamp();
  v_left bigint;
  v_refund coinslot.refunds;
begin
  perform from public.token_payments p where p.order_id = accept_as.order_id for update;
  v_left := coinslot.left_to(operator, coinslot.proposed_currency(accept_as.order_id));
  v_refund := coinslot.start_accepted_refund(
    accept_as.order_id, accept_as.account, operator.user_id
  );
  if v_refund.created_at >= v_began then
    perform coinslot.check_limit(operator, v_refund.currency, v_left, v_refund.amount);
    perform coinslot.note_action('refund_accepted', v_refund.order_id, accept_as.reason,
      jsonb_build_object('refund_id', v_refund.id, 'amount', v_refund.amount,
        'currency', v_refund.currency, 'proposal', v_refund.reason));
  end if;
  return v_refund;
end
$$;
comment on function coinslot.accept_as(coinslot.operators, text, jsonb, text) is
'Agrees to a proposed refund on the word of an operator, within their limit, and notes it once.';
revoke all on function coinslot.accept_as(coinslot.operators, text, jsonb, text) from public;

create function coinslot.void_as(product_id text, reason text) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_orders bigint := coinslot.void_orders(void_as.product_id);
begin
  perform coinslot.note_action('orders_voided', void_as.product_id, void_as.reason,
    jsonb_build_object('orders', v_orders));
  return v_orders;
end
$$;
comment on function coinslot.void_as(text, text) is
'Ends the unpaid orders of a product, and notes it.';
revoke all on function coinslot.void_as(text, text) from public;

-- What is wrong is told by the functions that they call; what is no number is an argument that is
-- wrong.
create function coinslot.whole_number(arguments jsonb, name text) returns bigint
language plpgsql immutable set search_path = '' as $$
begin
  if jsonb_typeof(arguments -> whole_number.name) not in ('number', 'null')
    or (arguments ->> whole_number.name) !~ '^-?[0-9]{1,16}$'
  then
    perform coinslot.fail(
      'invalid_argument', jsonb_build_object('argument', whole_number.name, 'example', 10)
    );
  end if;
  return (arguments ->> whole_number.name)::bigint;
end
$$;
comment on function coinslot.whole_number(jsonb, text) is
'An argument that is a whole number, or null where it is not given.';
revoke all on function coinslot.whole_number(jsonb, text) from public;

create function coinslot.small_number(arguments jsonb, name text) returns integer
language sql immutable set search_path = '' as $$
  select greatest(-2147483648, least(2147483647, coinslot.whole_number(
    arguments, small_number.name
  )))::integer where arguments ->> small_number.name is not null
$$;
comment on function coinslot.small_number(jsonb, text) is
'The same where it is an integer: what does not fit is the nearest one, which is refused as well.';
revoke all on function coinslot.small_number(jsonb, text) from public;

create function coinslot.time_argument(arguments jsonb, name text) returns timestamptz
language plpgsql stable set search_path = '' as $$
begin
  if arguments ->> time_argument.name = 'infinity' then
    return 'infinity'::timestamptz;
  elsif arguments ->> time_argument.name is not null
    and coinslot.parse_time(arguments ->> time_argument.name) is null
  then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', time_argument.name));
  end if;
  return coinslot.parse_time(arguments ->> time_argument.name);
end
$$;
comment on function coinslot.time_argument(jsonb, text) is
'An argument that is a time, or null where it is not given; PT400 for what is none.';
revoke all on function coinslot.time_argument(jsonb, text) from public;

create function coinslot.subject_user(subject text) returns uuid
language plpgsql immutable set search_path = '' as $$
begin
  if (subject ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') is not true then
    perform coinslot.fail('user_not_found', '{"users": 0}');
  end if;
  return subject::uuid;
end
$$;
comment on function coinslot.subject_user(text) is 'The user that an action is about, or PT404.';
revoke all on function coinslot.subject_user(text) from public;

-- Two operators who choose the same key mean two things.
create function coinslot.own_key(operator coinslot.operators, idempotency_key text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select format('operator %s %s', operator.user_id, own_key.idempotency_key)
$$;
comment on function coinslot.own_key(coinslot.operators, text) is
'An operator''s key among those of others.';
revoke all on function coinslot.own_key(coinslot.operators, text) from public;

-- Gives tokens, or takes what is there. The key is the service's, and of this operator alone. Less
-- than nothing is not given: that would be taking, which fewer may.
create function coinslot.act_on_tokens(
  operator coinslot.operators, user_id uuid, gives boolean, tokens bigint, reason text,
  idempotency_key text, expires_at timestamptz
) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_left bigint := coinslot.left_to(operator, null);
  v_receipt public.token_receipt;
begin
  if (act_on_tokens.tokens between 1 and coinslot.max_amount()) is not true then
    perform coinslot.fail('invalid_amount', jsonb_build_object('amount', act_on_tokens.tokens));
  elsif act_on_tokens.gives then
    perform coinslot.check_limit(operator, null, v_left, act_on_tokens.tokens);
  end if;
  v_receipt := coinslot.add_tokens(
    act_on_tokens.user_id,
    case when act_on_tokens.gives then 1 else -1 end * act_on_tokens.tokens,
    coinslot.own_key(operator, act_on_tokens.idempotency_key),
    act_on_tokens.reason, case when act_on_tokens.gives then 'grant' else 'adjustment' end,
    act_on_tokens.expires_at
  );
  perform coinslot.note_action(
    case when act_on_tokens.gives then 'tokens_granted' else 'tokens_taken' end, v_receipt.user_id::text,
    act_on_tokens.reason, jsonb_build_object('tokens', abs(v_receipt.delta), 'seq', v_receipt.seq,
      'from', jsonb_build_object('tokens', v_receipt.balance - v_receipt.delta),
      'to', jsonb_build_object('tokens', v_receipt.balance)));
  return to_jsonb(v_receipt);
end
$$;
comment on function coinslot.act_on_tokens(
  coinslot.operators, uuid, boolean, bigint, text, text, timestamptz
) is 'Gives or takes tokens on the word of an operator.';
revoke all on function coinslot.act_on_tokens(
  coinslot.operators, uuid, boolean, bigint, text, text, timestamptz
) from public;

create function coinslot.act_on_order(action text, order_id text, reason text) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.token_payments;
begin
  select p.* into v_payment from public.token_payments p where p.order_id = act_on_order.order_id;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  if act_on_order.action = 'recheck_order' then
    perform coinslot.read_later(v_payment.id);
    update coinslot.payment_reads r set next_read_at = clock_timestamp()
    where r.payment_id = v_payment.id;
  end if;
  perform coinslot.note_action(
    case act_on_order.action when 'note_order' then 'order_noted' else 'order_rechecked' end,
    v_payment.order_id, act_on_order.reason, '{}'
  );
  return jsonb_build_object('order_id', v_payment.order_id, 'version', v_payment.version);
end
$$;
comment on function coinslot.act_on_order(text, text, text) is
'Notes something about an order, or has it read again at its gateway now.';
revoke all on function coinslot.act_on_order(text, text, text) from public;

-- Who somebody is in full. That it was looked at is kept, and not what was seen.
create function coinslot.act_on_customer(action text, user_id uuid, reason text) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_reveals boolean := act_on_customer.action = 'reveal_customer';
  v_answer jsonb;
begin
  perform from public.token_wallets w where w.user_id = act_on_customer.user_id;
  if not found then
    perform coinslot.fail('user_not_found', '{"users": 0}');
  end if;
  perform coinslot.note_action(
    case when v_reveals then 'customer_revealed' else 'customer_noted' end,
    act_on_customer.user_id::text, act_on_customer.reason, '{}'
  );
  select jsonb_build_object('user_id', u.id, 'email', u.email, 'phone', u.phone) into v_answer
  from auth.users u where u.id = act_on_customer.user_id and v_reveals;
  return coalesce(v_answer, jsonb_build_object('user_id', act_on_customer.user_id));
end
$$;
comment on function coinslot.act_on_customer(text, uuid, text) is
'Notes something about a customer, or tells who they are.';
revoke all on function coinslot.act_on_customer(text, uuid, text) from public;

-- A case that somebody else has dealt with meanwhile is not dealt with again.
create function coinslot.act_on_case(id text, reason text) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_case coinslot.discrepancies;
begin
  select d.* into v_case from coinslot.discrepancies d
  where d.id = case when act_on_case.id ~ '^[0-9]{1,15}$' then act_on_case.id::bigint end
  for no key update;
  if not found then
    perform coinslot.fail('unknown_id', '{"what": "case"}');
  elsif v_case.resolved_at is not null then
    perform coinslot.fail('changed_meanwhile', jsonb_build_object(
      'resolved_at', v_case.resolved_at, 'resolution', v_case.resolution
    ));
  end if;
  v_case := coinslot.resolve_discrepancy(v_case.id, act_on_case.reason);
  perform coinslot.note_action('case_resolved',
    coalesce(nullif(v_case.order_id, ''), v_case.id::text), act_on_case.reason, jsonb_build_object('case', v_case.id, 'kind', v_case.kind,
      'payment_key', v_case.payment_key));
  return to_jsonb(v_case);
end
$$;
comment on function coinslot.act_on_case(text, text) is 'A person has dealt with what needed one.';
revoke all on function coinslot.act_on_case(text, text) from public;

create function coinslot.close_as(id text, reason text) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_refund coinslot.refunds;
begin
  select r.* into v_refund from coinslot.refunds r where r.id::text = lower(close_as.id);
  if not found then
    perform coinslot.fail('unknown_id', '{"what": "refund"}');
  elsif v_refund.finished_at is not null then
    perform coinslot.fail('changed_meanwhile', jsonb_build_object(
      'status', v_refund.status, 'finished_at', v_refund.finished_at
    ));
  end if;
  v_refund := coinslot.close_refund(v_refund.id, left(close_as.reason, 300));
  perform coinslot.note_action('refund_closed', v_refund.order_id, close_as.reason,
    jsonb_build_object('refund_id', v_refund.id, 'amount', v_refund.amount,
      'currency', v_refund.currency, 'status', v_refund.status));
  return to_jsonb(v_refund);
end
$$;
comment on function coinslot.close_as(text, text) is
'Gives a refund up that no read can decide, on the word of an operator.';
revoke all on function coinslot.close_as(text, text) from public;

-- All that failed of a gateway, or one. A read is made again, and credits nothing twice.
create function coinslot.replay_as(id text, gateway text, outcome text, reason text) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_webhook coinslot.webhooks;
  v_count bigint;
begin
  if replay_as.id is null then
    if (replay_as.outcome in ('failed', 'not_yet')) is not true then
      perform coinslot.fail('invalid_argument', '{"argument": "outcome", "example": "failed"}');
    end if;
    v_count := coinslot.replay_webhooks(replay_as.gateway, replay_as.outcome, null);
  else
    select w.* into v_webhook from coinslot.webhooks w
    where w.id = case when replay_as.id ~ '^[0-9]{1,15}$' then replay_as.id::bigint end;
    if not found then
      perform coinslot.fail('unknown_id', '{"what": "webhook"}');
    end if;
    v_count := coinslot.make_webhooks_due(array[v_webhook.id]);
  end if;
  perform coinslot.note_action(
    'webhooks_replayed',
    coalesce(nullif(v_webhook.order_id, ''), replay_as.id, replay_as.gateway, ''),
    replay_as.reason, jsonb_strip_nulls(jsonb_build_object(
      'webhook', v_webhook.id, 'event', v_webhook.event_type, 'outcome', replay_as.outcome,
      'webhooks', v_count))
  );
  return jsonb_build_object('webhooks', v_count);
end
$$;
comment on function coinslot.replay_as(text, text, text, text) is
'Makes webhooks due again on the word of an operator.';
revoke all on function coinslot.replay_as(text, text, text, text) from public;

-- Under the lock of the product: of two operators who saw the same prices the second is told.
create function coinslot.act_on_product(
  action text, id text, reason text, arguments jsonb
) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_from jsonb;
  v_to jsonb;
begin
  perform from public.token_products p where p.id = act_on_product.id for no key update;
  v_from := (select to_jsonb(p) from coinslot.list_products(act_on_product.id) p);
  if arguments ? 'expected' and arguments -> 'expected' is distinct from v_from -> 'prices' then
    perform coinslot.fail('changed_meanwhile', jsonb_build_object('prices', v_from -> 'prices'));
  elsif act_on_product.action = 'remove_product' then
    v_to := jsonb_build_object('removed', coinslot.remove_product(act_on_product.id));
    if v_to ->> 'removed' is null then
      perform coinslot.fail('product_not_found', jsonb_build_object('product_id', left(id, 63)));
    end if;
  else
    v_to := to_jsonb(coinslot.set_product(
      act_on_product.id, arguments ->> 'name', arguments ->> 'name_ko',
      coinslot.whole_number(arguments, 'tokens'), nullif(arguments -> 'prices', 'null'),
      coinslot.small_number(arguments, 'tokens_last_days'),
      coinslot.time_argument(arguments, 'tokens_end_at')
    ));
  end if;
  perform coinslot.note_action(
    case act_on_product.action when 'set_product' then 'product_set' else 'product_removed' end,
    act_on_product.id, act_on_product.reason, jsonb_build_object('from', v_from, 'to', v_to)
  );
  return v_to;
end
$$;
comment on function coinslot.act_on_product(text, text, text, jsonb) is
'Changes what is sold on the word of an operator.';
revoke all on function coinslot.act_on_product(text, text, text, jsonb) from public;

create function coinslot.act_on_operator(
  action text, who text, reason text, arguments jsonb
) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_operator coinslot.operators;
begin
  perform set_config('coinslot.reason', act_on_operator.reason, true);
  if act_on_operator.action = 'remove_operator' then
    v_operator := coinslot.remove_operator(act_on_operator.who);
    if v_operator.user_id is null then
      perform coinslot.fail('unknown_id', '{"what": "operator"}');
    end if;
  else
    v_operator := coinslot.add_operator(
      act_on_operator.who, arguments ->> 'role', nullif(arguments -> 'limits', 'null')
    );
  end if;
  perform set_config('coinslot.reason', '', true);
  return to_jsonb(v_operator);
end
$$;
comment on function coinslot.act_on_operator(text, text, text, jsonb) is
'Changes the team on the word of an owner.';
revoke all on function coinslot.act_on_operator(text, text, text, jsonb) from public;

create function coinslot.do_action(
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
comment on function coinslot.do_action(coinslot.operators, text, text, text, text, jsonb) is
'Does what an operator may do, of whom that is known.';
revoke all on function coinslot.do_action(coinslot.operators, text, text, text, text, jsonb)
from public;

create function coinslot.check_act(
  action text, subject text, reason text, idempotency_key text, arguments jsonb
) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_argument text := case
    when coinslot.roles_for(action) is null or action in ('force_refund', 'export') then 'action'
    when length(subject) > 255 then 'subject'
    when (length(btrim(reason)) between 1 and 500) is not true then 'reason'
    when (length(idempotency_key) between 1 and 200) is not true then 'idempotency_key'
    when jsonb_typeof(arguments) <> 'object' or length(arguments::text) > 8000 then 'arguments'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
end
$$;
comment on function coinslot.check_act(text, text, text, text, jsonb) is
'PT400 for what is no action, or says no reason or key.';
revoke all on function coinslot.check_act(text, text, text, text, jsonb) from public;

-- Who may is asked before what: whoever is no operator learns of no order. A call that is made
-- again under its key does nothing and is answered as the first time, for as long as its operator
-- may.
create function coinslot.console_act(
  action text, subject text, reason text, idempotency_key text, arguments jsonb
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_arguments jsonb := coalesce(console_act.arguments, '{}');
  v_request jsonb := jsonb_build_array(
    console_act.action, console_act.subject, btrim(console_act.reason), v_arguments
  );
  v_operator coinslot.operators;
  v_call coinslot.operator_calls;
begin
  perform coinslot.require_operator(variadic coinslot.operator_roles());
  perform coinslot.check_act(action, subject, reason, idempotency_key, v_arguments);
  v_operator := coinslot.acting_operator(console_act.action);
  select c.* into v_call from coinslot.operator_calls c
  where c.user_id = v_operator.user_id and c.idempotency_key = console_act.idempotency_key;
  if found and v_call.request <> v_request then
    perform coinslot.fail('idempotency_key_reused');
  elsif found then
    return jsonb_build_object('answer', v_call.answer, 'replayed', true);
  end if;
  v_call.answer := coinslot.do_action(
    v_operator, console_act.action, btrim(console_act.subject), btrim(console_act.reason),
    console_act.idempotency_key, v_arguments
  );
  insert into coinslot.operator_calls (user_id, idempotency_key, request, answer) values (
    v_operator.user_id, console_act.idempotency_key,
    v_request, case console_act.action when 'reveal_customer' then '{}' else v_call.answer end
  );
  return jsonb_build_object('answer', v_call.answer, 'replayed', false);
end
$$;
comment on function coinslot.console_act(text, text, text, text, jsonb) is
'See public.token_console_act.';
revoke all on function coinslot.console_act(text, text, text, text, jsonb) from public;
grant execute on function coinslot.console_act(text, text, text, text, jsonb) to authenticated;

create function public.token_console_act(
  action text, subject text, reason text, idempotency_key text, arguments jsonb default '{}'
) returns jsonb
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.console_act(
    token_console_act.action, token_console_act.subject, token_console_act.reason,
    token_console_act.idempotency_key, token_console_act.arguments
  )
$$;
comment on function public.token_console_act(text, text, text, text, jsonb) is
'Operators: does something, once per idempotency key, for a reason; {answer, replayed}. Roles,
limits and arguments of each action are in the documentation.';
revoke all on function public.token_console_act(text, text, text, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.token_console_act(text, text, text, text, jsonb) to authenticated;
