-- The console: who reads and does what, once, for a reason that is kept; lists that end.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/staff.sql
select no_plan();

-- A paid starter pack: 10 tokens for 5,000 won.
create function pg_temp.paid(buyer uuid) returns text
language plpgsql as $$
declare
  v_order text := pg_temp.as_user(buyer, $q$select order_id from create_token_order('starter', 'portone')$q$)
    ->> 'order_id';
begin
  perform pg_temp.read(v_order, 'A:paid paid=5000');
  return v_order;
end
$$;
select pg_temp.sign_up('mina.kim@example.com') as mina, pg_temp.sign_up('alex@example.com') as alex \gset
select pg_temp.paid(:'mina') as first, pg_temp.paid(:'mina') as second, pg_temp.paid(:'alex') as third \gset

-- Nobody else
select is(pg_temp.refusal(pg_temp.as_user(:'mina', s)),
  'PT403 forbidden {"roles": ["support", "finance", "owner"]}', 'a buyer: ' || s)
from unnest(array[
  $$select token_console_get('me')$$, $$select token_console_list('orders')$$,
  $$select token_console_search('mina.kim@example.com')$$,
  $$select token_console_act('grant_tokens', 'x', 'y', 'z', '{"tokens": 1}')$$,
  $$select token_console_act('no_such_thing', null, null, null)$$
]) s;
select is(pg_temp.as_user(null, s) ->> 'code', 'PT401', 'nobody: ' || s)
from unnest(array[
  $$select token_console_get('me')$$, $$select token_console_list('orders')$$,
  $$select token_console_search('q')$$, $$select token_console_act('a', 'b', 'c', 'd')$$
]) s;
select is(pg_temp.as_service(s) ->> 'code', '42501', 'the service is no operator: ' || s)
from unnest(array[
  $$select token_console_get('me')$$, $$select token_console_act('a', 'b', 'c', 'd')$$
]) s;

-- What each role may, as it is told and as it is done
select is(
  (select string_agg(k.key, ' ' order by k.key) from jsonb_each(pg_temp.get(r.role, 'me') -> 'can') k
   where k.value = 'true'),
  r.may, r.role || ' may'
) from (values
  ('support', 'cancel_subscription note_customer note_order recheck_order reveal_customer'),
  ('limited', 'cancel_subscription grant_tokens note_customer note_order recheck_order '
   'refund_order reveal_customer'),
  ('finance', 'accept_refund cancel_cash_receipt cancel_subscription close_refund export force_refund grant_tokens '
   'note_customer note_order recheck_order refund_order replay_webhook replay_webhooks '
   'resolve_case retry_cash_receipt take_tokens void_orders'),
  ('owner', 'accept_refund cancel_cash_receipt cancel_subscription close_refund export force_refund grant_tokens '
   'make_codes note_customer note_order plan_price recheck_order refund_order remove_operator remove_product '
   'replay_endpoint replay_webhook replay_webhooks resolve_case retry_cash_receipt '
   'reveal_customer set_code '
   'set_endpoint set_operator set_product set_promotion set_seller set_settings set_unattended '
   'take_tokens test_endpoint void_orders')
) r (role, may);
select is(
  (pg_temp.act(r.role, k.key, 'nonsense') ->> 'code') = 'PT403', k.value = 'false',
  format('%s %s', r.role, k.key)
) from unnest(array['support', 'limited', 'finance', 'owner']) r (role)
cross join lateral jsonb_each(pg_temp.get(r.role, 'me') -> 'can') k
where k.key not in ('export', 'force_refund', 'set_promotion', 'replay_webhooks', 'set_seller');

-- Lists
select is(
  jsonb_path_query_array(pg_temp.list('support', 'orders'), '$.items[*].order_id'),
  jsonb_build_array(:'third', :'second', :'first'), 'orders, newest first'
);
select is(
  jsonb_path_query_array(pg_temp.list('finance', 'orders', f.filters), '$.items[*].order_id'),
  f.orders, concat('orders of ', f.filters)
) from (values
  (jsonb_build_object('user', :'mina'::uuid), jsonb_build_array(:'second', :'first')),
  ('{"status": ["completed"]}', jsonb_build_array(:'third', :'second', :'first')),
  ('{"status": ["disputed", "refunded"]}', '[]'),
  ('{"gateway": "portone", "product": "starter", "currency": "KRW", "live": false}',
   jsonb_build_array(:'third', :'second', :'first')),
  ('{"live": true}', '[]'), ('{"product": "premium"}', '[]'), ('{"until": "2020-01-01"}', '[]'),
  (jsonb_build_object('since', now() - interval '1 hour', 'user', :'alex'::uuid),
   jsonb_build_array(:'third'))
) f (filters, orders);
select pg_temp.list('owner', 'orders', '{}', null, 2) as page \gset
select is(jsonb_array_length(:'page'::jsonb -> 'items'), 2, 'a page is as long as was asked for');
select is(
  jsonb_path_query_array(
    pg_temp.list('owner', 'orders', '{}', :'page'::jsonb ->> 'next', 2), '$.items[*].order_id'),
  jsonb_build_array(:'first'), '... and the next one begins where it ended'
);
select is(pg_temp.list('owner', 'orders', '{}', null, 3) ->> 'next', null, 'the last page says so');
select is(
  pg_temp.refusal(pg_temp.list('owner', l.list, l.filters::jsonb, l.after)), l.refusal,
  concat_ws(' ', l.list, l.filters, l.after)
) from (values
  ('orders', '{"statuses": ["completed"]}', null::text, null::text),
  ('orders', '{"status": "completed"}', null, null),
  ('orders', '{"user": "mina"}', null, null),
  ('orders', '{"since": "yesterday or so"}', null, null),
  ('orders', '{"until": "infinity"}', null, null),
  ('orders', '{"live": "maybe"}', null, null),
  ('orders', '[]', null, null),
  ('orders', '{"order": "created_at desc; drop table token_payments"}', null, null),
  ('orders', '{}', '1; select 1', null),
  ('orders', '{}', '99999999999999999999_00000000-0000-0000-0000-000000000000', null),
  ('cases', '{}', '-1', null), ('entries', '{}', null, null), ('everything', '{}', null, null)
) l (list, filters, after, refusal)
where pg_temp.list('owner', l.list, l.filters::jsonb, l.after) ->> 'code' is distinct from 'PT400';
select is(
  jsonb_path_query_array(pg_temp.list('owner', 'customers'), '$.items[*].user_id'),
  jsonb_build_array(:'alex'::uuid, :'mina'::uuid), 'customers by their latest orders, each once'
);
select is(
  pg_temp.list('support', 'entries', jsonb_build_object('user', :'mina'::uuid)) #>> '{items,0,kind}',
  'purchase', 'entries of a wallet, newest first'
);

-- Who they are
select is(pg_temp.list(r.role, 'orders') #>> '{items,0,email}', r.email, r.role || ' sees')
from (values ('support', 'a***@example.com'), ('finance', 'a***@example.com'),
  ('owner', 'alex@example.com')) r (role, email);
select is(pg_temp.act('support', 'reveal_customer', :'mina', key => 'look') ->> 'email',
  'mina.kim@example.com', 'support is told when they say why');
select is(pg_temp.actions(:'mina'), 'customer_revealed support because', '... which is kept');
select is(pg_temp.act('finance', 'reveal_customer', :'mina') ->> 'error', 'forbidden',
  'books need no addresses');
select is((select c.answer from coinslot.operator_calls c where c.idempotency_key = 'look'), '{}',
  'what was seen is not kept');

-- An order, and what may be done with it
select is(
  jsonb_path_query_array(pg_temp.get('support', 'order', :'first'), '$.timeline[*].to'),
  '["completed", "pending"]', 'what happened to it'
);
select is(pg_temp.get(r.role, 'order', :'first') #> '{can,refund_max}', r.most, r.role || ' may refund')
from (values ('support', '0'::jsonb), ('limited', '3000'), ('finance', '5000'), ('owner', '5000'))
r (role, most);
select is(pg_temp.get('owner', 'order', :'first') #> '{order,token_parts}',
  '{"remaining": 10, "spent": 0, "taken": 0, "expired": 0}', 'what became of its tokens');
select is(pg_temp.refusal(pg_temp.get('owner', 'order', 'ord_no_such_order')),
  'PT404 order_not_found {}', 'there is no such order');

-- Limits
select is(
  pg_temp.refusal(pg_temp.act('limited', 'refund_order', :'first', '{"amount": 3001}')),
  'PT403 limit_reached {"left": 3000, "limit": 3000, "currency": "KRW"}', 'beyond the limit'
);
select is((select count(*) from coinslot.refunds), 0::bigint, '... nothing was begun');
select is(
  pg_temp.act('limited', 'refund_order', :'first', '{"amount": 2000}', 'r1') ->> 'status',
  'requested', 'within the limit'
);
select is(
  pg_temp.act('limited', 'refund_order', :'first', '{"amount": 2000}', 'r1') ->> 'amount', '2000',
  'made again it is answered again'
);
select is(
  pg_temp.refusal(pg_temp.act('limited', 'refund_order', :'first', '{"amount": 1000}', 'r1')),
  'PT409 idempotency_key_reused {}', 'a key stands for one call'
);
select is(pg_temp.actions(:'first'), 'refund_requested support because', 'it was noted once');
select is(
  pg_temp.act('finance', 'refund_order', :'first') ->> 'error', 'refund_in_progress',
  'the second operator hears of the first'
);
select is(
  pg_temp.refusal(pg_temp.as_user(pg_temp.staff('limited'), format(
    'select request_token_refund(%L, %L, %L, 1001)', :'second', 'why', 'k'))),
  'PT403 limit_reached {"left": 1000, "limit": 3000, "currency": "KRW"}',
  'the other call has the same limit'
);
select is(
  pg_temp.act('limited', 'refund_order', :'second', '{"amount": 500, "force": true}') ->> 'error',
  'forbidden', 'tokens that were spent are for others to take'
);
select is(pg_temp.act('limited', 'grant_tokens', :'alex', '{"tokens": 20}', 'g') ->> 'delta', '20',
  'a gift within the limit');
select is(pg_temp.act('limited', 'grant_tokens', :'alex', '{"tokens": 20}', 'g') ->> 'balance', '35',
  '... once');
select is(pg_temp.act('limited', 'grant_tokens', :'alex', '{"tokens": 11}') ->> 'error',
  'limit_reached', 'two gifts of a day count together');
select is(pg_temp.act('finance', 'take_tokens', :'alex', '{"tokens": 5}') ->> 'balance', '30',
  'a correction takes');
select is(pg_temp.act('finance', 'take_tokens', :'alex', '{"tokens": 31}') ->> 'error',
  'insufficient_tokens', '... what is there');
select is(
  (select a.detail - 'seq' from coinslot.operator_actions a where a.action = 'tokens_granted'),
  '{"tokens": 20, "from": {"tokens": 15}, "to": {"tokens": 35}}', 'before and after are kept'
);
select is(pg_temp.act('owner', 'grant_tokens', :'alex', g.arguments::jsonb) ->> 'code', 'PT400',
  'no gift of ' || g.arguments)
from unnest(array[
  '{}', '{"tokens": 0}', '{"tokens": -1}', '{"tokens": 1.5}', '{"tokens": "many"}',
  '{"tokens": 99999999999999999}', '{"tokens": 1, "expires_at": "soon"}', '{"tokens": true}'
]) g (arguments);

-- A reason and a key
select is(pg_temp.refusal(pg_temp.as_user(pg_temp.staff('owner'), format(
  'select token_console_act(%L, %L, %L, %L)', 'note_order', :'first', c.reason, c.key
))), format('PT400 invalid_argument {"argument": "%s"}', c.wrong), 'without a ' || c.wrong)
from (values (' ', 'k', 'reason'), (null, 'k', 'reason'), (repeat('x', 501), 'k', 'reason'),
  ('why', '', 'idempotency_key'), ('why', repeat('k', 201), 'idempotency_key')) c (reason, key, wrong);

-- What needs a person
select pg_temp.read(:'third', 'B:paid paid=5000') is not null as doubled \gset
select pg_temp.list('finance', 'cases') as cases \gset
select is(:'cases'::jsonb #>> '{items,0,kind}', 'duplicate_payment', 'a case is listed');
select is(:'cases'::jsonb #> '{items,0,actions}', '["accept_refund", "resolve_case"]',
  '... with what can be done');
select is(pg_temp.list('support', 'cases') #> '{items,0,actions}', '[]', '... by whoever looks');
select is(pg_temp.get('support', 'attention') -> 'cases', '1', 'it needs somebody');
select :'cases'::jsonb #>> '{items,0,id}' as case_id \gset
select is(pg_temp.act('owner', 'set_operator', pg_temp.staff('finance')::text,
  '{"role": "finance", "limits": {"refunds_a_day": {"KRW": 4999}}}') ->> 'role', 'finance', 'one has a limit');
select is(pg_temp.refusal(pg_temp.act('finance', 'accept_refund', :'third')),
  'PT403 limit_reached {"left": 4999, "limit": 4999, "currency": "KRW"}', '... also of what is proposed');
select is(pg_temp.act('owner', 'set_operator', pg_temp.staff('finance')::text, '{"role": "finance", "limits": {}}')
  ->> 'role', 'finance', '... and has none again');
select is(pg_temp.act('finance', 'resolve_case', :'case_id') ->> 'resolution', 'because', 'resolved');
select is(pg_temp.act('owner', 'resolve_case', :'case_id') ->> 'error', 'changed_meanwhile',
  '... by the first who did');
select is(pg_temp.list('owner', 'cases', '{"state": "resolved"}') #>> '{items,0,resolution}',
  'because', 'and is listed among the resolved');
select is(pg_temp.refusal(pg_temp.act('owner', 'resolve_case', c)), 'PT404 unknown_id {"what": "case"}',
  'no case ' || coalesce(c, 'null')) from unnest(array['0', '999999999999', 'x', null]) c;

-- What is sold
select is(
  pg_temp.act('owner', 'set_product', 'starter',
    '{"prices": {"KRW": 6000}, "expected": {"KRW": 5000, "USD": 400}}') #>> '{prices,KRW}', '6000',
  'a price'
);
select is(
  pg_temp.act('owner', 'set_product', 'starter',
    '{"prices": {"KRW": 7000}, "expected": {"KRW": 5000, "USD": 400}}') ->> 'error',
  'changed_meanwhile', 'somebody was faster'
);
select is(pg_temp.act('owner', 'remove_product', 'starter') ->> 'removed', 'switched_off',
  'it has orders');
select is(pg_temp.actions('starter'), 'product_set owner because, product_removed owner because',
  'both were noted');
select is(pg_temp.act('owner', 'set_promotion', 'spring',
  '{"kind": "percent", "percent_off": 10}') ->> 'id', 'spring', 'a promotion');
select is(pg_temp.act('owner', 'set_code', 'spring10', '{"promotion": "spring"}') ->> 'code',
  'SPRING10', '... with a code');
select is(pg_temp.list('support', 'codes', '{"promotion": "spring"}') #>> '{items,0,code}',
  'SPRING10', '... that is listed');

-- The team
select is(pg_temp.act('owner', 'set_operator', :'mina', '{"role": "support"}') ->> 'role', 'support',
  'an owner makes an operator');
select is(
  (select a.reason from coinslot.operator_actions a
   where a.subject = :'mina' and a.action = 'operator_added'), 'because', '... with a reason'
);
select is(pg_temp.act('owner', 'set_operator', :'mina', '{"role": "support", "limits": {"tokens": 1}}')
  ->> 'error', 'invalid_argument', 'limits that there are not');
select is(pg_temp.act('owner', 'remove_operator', :'mina') ->> 'role', 'support', 'and unmakes one');
select is(pg_temp.act('owner', 'remove_operator', pg_temp.staff('owner')::text) ->> 'error',
  'last_owner', 'the last owner stays');
select is(pg_temp.act('owner', 'set_operator', pg_temp.staff('owner')::text, '{"role": "support"}')
  ->> 'error', 'last_owner', '... an owner');
select is(jsonb_array_length(pg_temp.get('support', 'team')), 4, 'the team');

-- Search
create function pg_temp.found(q text) returns jsonb
language sql as $$
  select jsonb_build_object(
    'orders', jsonb_path_query_array(a -> 'n', '$.orders[*].order_id'),
    'customers', jsonb_path_query_array(a -> 'n', '$.customers[*].email')
  ) from pg_temp.as_user(
    pg_temp.staff('support'), format('select token_console_search(%L) as n', q)
  ) a
$$;
select is(pg_temp.found(s.q) -> s.what, s.found, 'found by ' || s.q) from (values
  (:'first', 'orders', jsonb_build_array(:'first')),
  ('A ' || :'first', 'orders', jsonb_build_array(:'first')),
  ((select r.id::text from coinslot.refunds r limit 1), 'orders', jsonb_build_array(:'first')),
  ('Mina.Kim@example.com', 'customers', '["m***@example.com"]'),
  ('mina', 'customers', '[]'), ('%@example.com', 'customers', '[]'),
  (:'alex', 'customers', '["a***@example.com"]')
) s (q, what, found);
select is(pg_temp.as_user(pg_temp.staff('support'), 'select token_console_search(''ab'')') ->> 'code',
  'PT400', 'too short to look for');

-- A wallet's books
select is(pg_temp.get('support', 'proof', :'mina') -> 'problems', '[]', 'a wallet that adds up');
select pg_temp.change(format('update token_wallets set tokens = tokens + 1 where user_id = %L', :'mina'))
\g /dev/null
select is(jsonb_array_length(pg_temp.get('support', 'proof', :'mina') -> 'problems') > 0, true,
  '... and one that does not');
select is(coinslot.next_uuid(u.id::uuid), u.next::uuid, 'after ' || u.id) from (values
  ('00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000001'),
  ('00000000-0000-0000-0000-0000000000ff', '00000000-0000-0000-0000-000000000100'),
  ('00ffffff-ffff-ffff-ffff-ffffffffffff', '01000000-0000-0000-0000-000000000000'),
  ('ffffffff-ffff-ffff-ffff-ffffffffffff', null)
) u (id, next);

-- Somebody who was one until now
select pg_temp.as_service(format('select coinslot_remove_operator(%L)', pg_temp.staff('finance')))
\g /dev/null
select is(pg_temp.act('finance', 'refund_order', :'first', key => 'r2') ->> 'code', 'PT403',
  'a role that was taken away is gone at the next call');
select is(pg_temp.as_user(pg_temp.staff('finance'), 'select token_console_list(''orders'')') ->> 'code',
  'PT403', '... for reading, too');
select * from finish();
rollback;
