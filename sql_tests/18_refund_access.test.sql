-- Refunds, seen by those around them: who may ask, what the buyer sees and cannot spend, who takes
-- one up, and where the account of a deposit goes.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
select plan(85);

-- Who may ask
create function pg_temp.claiming(metadata jsonb) returns uuid
language sql as $$
  insert into auth.users (id, email, email_confirmed_at, raw_app_meta_data, raw_user_meta_data)
  values (gen_random_uuid(), gen_random_uuid() || '@example.com', now(), metadata, metadata)
  returning id
$$;
create function pg_temp.operator(role text) returns uuid
language sql as $$
  insert into coinslot.operators (user_id, role) values (pg_temp.user_with(0), operator.role)
  returning user_id
$$;
create function pg_temp.bought(user_id uuid) returns text
language plpgsql as $$
declare
  v_order_id text := pg_temp.as_user(
    bought.user_id, 'select * from create_token_order(''starter'', ''portone'')'
  ) ->> 'order_id';
begin
  perform pg_temp.read(v_order_id, 'A:paid paid=5000');
  return v_order_id;
end
$$;
create function pg_temp.ask(user_id uuid, order_id text, arguments text) returns jsonb
language sql as $$
  select pg_temp.as_user(ask.user_id, format(
    'select * from request_token_refund(%L, %s)', ask.order_id, ask.arguments
  ))
$$;
create function pg_temp.look(user_id uuid, order_id text) returns jsonb
language sql as $$
  select pg_temp.as_user(look.user_id, format(
    'select count(*) as n, min(reason) as reason from list_token_refunds(%L)', look.order_id
  ))
$$;
select pg_temp.user_with(0) as mina, pg_temp.user_with(0) as alex,
  pg_temp.operator('finance') as finance, pg_temp.operator('owner') as owner,
  pg_temp.operator('support') as support \gset
select pg_temp.bought(:'mina') as order_id, pg_temp.bought(:'mina') as second_id,
  pg_temp.bought(:'alex') as third_id \gset
create temporary table impostors (who, id) as values
('the buyer', :'mina'::uuid),
('whom metadata calls an admin', pg_temp.claiming('{"role": "admin"}')),
('whom metadata calls an owner',
 pg_temp.claiming('{"role": "owner", "roles": ["owner"], "coinslot": {"role": "owner"}}')),
('who is banned', pg_temp.operator('owner')),
('who was deleted and kept', pg_temp.operator('owner')),
('who was deleted', pg_temp.operator('owner')),
('who was one until now', pg_temp.operator('owner'));
update auth.users u set banned_until = now() + interval '1 hour'
from impostors i where i.id = u.id and i.who = 'who is banned';
update auth.users u set deleted_at = now()
from impostors i where i.id = u.id and i.who = 'who was deleted and kept';
delete from auth.users u using impostors i where i.id = u.id and i.who = 'who was deleted';
select pg_temp.as_service(format('select * from coinslot_remove_operator(%L)', i.id))
  ->> 'role' as was from impostors i where i.who = 'who was one until now' \gset

select is(
  pg_temp.refusal(pg_temp.ask(i.id, o.order_id, $$'why', 'k'$$)),
  'PT403 forbidden {"roles": ["finance", "owner"]}',
  'no refund by ' || i.who || case o.order_id when :'order_id' then '' else ', guessing' end
) from (select * from impostors union all values ('support', :'support'::uuid)) i (who, id)
cross join (values (:'order_id'), ('ord_nobody_made_it')) o (order_id);
select is(
  pg_temp.refusal(pg_temp.look(i.id, o.order_id)),
  'PT403 forbidden {"roles": ["support", "finance", "owner"]}',
  'no look by ' || i.who || case o.order_id when :'order_id' then '' else ', guessing' end
) from impostors i cross join (values (:'order_id'), ('ord_nobody_made_it')) o (order_id);
select is(
  pg_temp.ask(:'finance', :'order_id', $$' Not as described ', 'k1', 2000$$) - array[
    'id', 'payment_id', 'created_at', 'next_attempt_at'
  ],
  jsonb_build_object(
    'order_id', :'order_id', 'user_id', :'mina', 'gateway', 'portone',
    'payment_key', 'A ' || :'order_id', 'amount', 2000, 'currency', 'KRW', 'tokens', 4,
    'refunded_before', 0, 'refundable', 5000, 'reason', 'Not as described',
    'requested_by', :'finance', 'forced', false, 'idempotency_key', 'k1', 'status', 'requested',
    'tries', 1, 'answer', null, 'failure_code', null, 'failure_message', null, 'attempts', 0,
    'finished_at', null, 'reserved', 4, 'covered', 0
  ), 'an operator asks for a refund of somebody''s order'
);
update auth.users u set banned_until = now() - interval '1 hour' where u.id = :'finance';
select is(
  pg_temp.ask(:'finance', :'order_id', $$'why', 'k1', 2000$$) ->> 'reason', 'Not as described',
  '... and, a ban being over, again: the same one'
);
select is(
  pg_temp.ask(:'owner', :'order_id', $$'why', 'k1', 2000$$) ->> 'requested_by', :'finance',
  '... which an owner may ask for, too'
);
select is(
  pg_temp.as_service(format(
    $$select * from request_token_refund_for(%L, 'why', 'k1', 2000)$$, :'order_id'
  )) ->> 'requested_by', :'finance', 'a key is of the order, whoever calls'
);
select is(
  pg_temp.as_service(format($$select * from request_token_refund_for(%L, 'why', 'k1')$$,
    :'third_id'))
  -> 'requested_by', 'null', 'another order has its own; the service is nobody'
);
select is(
  pg_temp.refusal(pg_temp.ask(:'finance', o.order_id, o.arguments)), o.expected, o.what
) from (values
  ('an unknown order', 'ord_nobody_made_it', $$'why', 'k'$$, 'PT404 order_not_found {}'),
  ('no order', null, $$'why', 'k'$$, 'PT404 order_not_found {}'),
  ('the payment of another order', :'second_id',
   format('%L, %L, payment_key => %L', 'why', 'k', 'A ' || :'order_id'),
   'PT409 not_refundable {"status": "completed", "currency": "KRW", "refundable": 0}')
) o (what, order_id, arguments, expected);
select is(
  (pg_temp.ask(:'finance', :'order_id', $$'why', 'k2'$$) -> 'details') - 'refund_id',
  '{"amount": 2000, "status": "requested"}', 'a second key is told what is under way'
);

-- Whoever may refund reads what came of it, and so does support
select is(
  pg_temp.look(o.id, :'order_id'), '{"n": 1, "reason": "Not as described"}', 'read by ' || o.role
) from (values
  ('support', :'support'::uuid), ('finance', :'finance'::uuid), ('owner', :'owner'::uuid)
) o (role, id);
select is(
  pg_temp.look(:'support', :'second_id'), '{"n": 0, "reason": null}', 'each order has its own'
);
select is(
  pg_temp.refusal(pg_temp.look(:'support', o.order_id)), 'PT404 order_not_found {}',
  'support is told that there is no such order'
) from (values ('ord_nobody_made_it'), (null)) o (order_id);

-- What the buyer sees of it
select is(
  pg_temp.as_user(
    r.reader, 'select count(*) as n, min(order_id) as o, min(tokens) as t from token_refunds'
  ),
  r.expected, r.what
) from (values
  ('people see their own refunds', :'mina'::uuid,
   jsonb_build_object('n', 1, 'o', :'order_id', 't', 4)),
  ('... and nobody else''s', :'alex'::uuid, jsonb_build_object('n', 1, 'o', :'third_id', 't', 10)),
  ('an operator reads no more by that', :'finance'::uuid, '{"n": 0, "o": null, "t": null}')
) r (what, reader, expected);
select is(
  array(
    select c.column_name::text from information_schema.columns c
    where c.table_schema = 'coinslot' and c.table_name = 'refunds' and pg_temp.as_user(:'mina',
      format(
      'select max(r.%I::text) as v from token_refunds r', c.column_name
    )) ? 'v' order by 1
  ),
  array['amount', 'created_at', 'currency', 'finished_at', 'id', 'order_id', 'payment_id', 'status',
    'tokens', 'user_id'],
  'what and how far, but not why, and on whose word'
);

-- What is set aside stays so
select pg_temp.wallet(:'mina') as wallet \gset
select h.id as hold_id from coinslot.token_holds h
where h.user_id = :'mina' and h.status = 'held' \gset
select is(pg_temp.wallet(:'mina'), 'tokens=20 held=4 seq=2', 'four are set aside');
select is(
  pg_temp.refusal(pg_temp.as_service(format(s.statement, :'hold_id'))),
  format('PT404 hold_not_found {"hold_id": "%s"}', :'hold_id'), 'the service cannot end it: '
  || s.statement
) from (values ('select * from capture_token_hold(%L)'),
  ('select * from capture_token_hold(%L, 1)'),
  ('select * from release_token_hold(%L)')) s (statement);
select is(
  pg_temp.as_user(:'mina', s.statement) -> 'tokens', '16', 'the buyer sees it: ' || s.statement
) from (values ('select get_user_tokens() as tokens'),
  ('select tokens(p) as tokens from profiles p')) s (statement);
select is(
  pg_temp.refusal(pg_temp.as_user(:'mina', $$select * from spend_tokens(17, 's')$$)),
  'PT402 insufficient_tokens {"tokens": 16, "required": 17}', 'it cannot be spent'
);
select is(
  pg_temp.refusal(pg_temp.as_service(format(s.statement, :'mina'))),
  'PT402 insufficient_tokens {"tokens": 16, "required": 17}', '... nor: ' || s.statement
) from (values ($$select * from hold_tokens_for(%L, 17, 'h')$$),
  ($$select * from add_tokens(%L, -17, 'a', '', 'adjustment')$$),
  ($$select * from spend_tokens_for(%L, 17, 's')$$)) s (statement);
select pg_temp.as_service(format($$select * from hold_tokens_for(%L, 16, 'old')$$, :'mina'))
  ->> 'id' as old_hold \gset
select pg_temp.change(format(
  'update coinslot.token_holds set expires_at = clock_timestamp() where id = %L', :'old_hold'
)) \gset
select is(
  pg_temp.as_service('select coinslot_run_maintenance() as n') #>> '{n,wallets_swept}', '1',
  'time passes, holds expire, wallets are swept'
);
select is(pg_temp.wallet(:'mina'), :'wallet', '... and what a refund has set aside remains');

-- Taking up
select pg_temp.ask(:'finance', :'second_id', $$'why', 'k', 1000, account => '{
  "bank": "KAKAO", "account_number": "3333012345678", "holder": "김미나"}'$$) ->> 'id' as second
\gset
select r.id as first_ from coinslot.refunds r where r.order_id = :'order_id' \gset
select is(
  pg_temp.as_service(format('select * from unnest(coinslot_claim_refunds(refund_id => %L))', :'second'))
  - 'payment',
  jsonb_build_object(
    'id', :'second', 'key', format('refund-%s-1', :'second'), 'todo', 'ask', 'tries', 1,
    'reason', 'why', 'amount', 1000, 'refundable', 5000, 'currency', 'KRW',
    'gateway', 'portone', 'payment_key', 'A ' || :'second_id', 'account', jsonb_build_object(
      'bank', 'KAKAO', 'account_number', '3333012345678', 'holder', '김미나'
    )
  ), 'one refund is taken up by its id, with all it takes to ask for it'
);
select is(
  (select (r.next_attempt_at - clock_timestamp()) between interval '58 s' and interval '60 s'
   from coinslot.refunds r where r.id = :'second'), true, '... leased for a minute'
);
select is(
  pg_temp.as_service(s.statement) -> 'n', s.n, s.what
) from (values
  (1, 'the rest is taken up in batches', 'select count(*) as n from unnest(coinslot_claim_refunds(1))',
   '1'::jsonb),
  (2, '... until all are', 'select count(*) as n from unnest(coinslot_claim_refunds())', '1'),
  (3, '... and none twice', 'select count(*) as n from unnest(coinslot_claim_refunds())', '0')
) s (step, what, statement, n) order by s.step;
select is(
  array(select extract(epoch from coinslot.refund_wait(n))::integer from generate_series(0, 10) n),
  array[5, 5, 30, 120, 600, 1800, 3600, 10800, 21600, 86400, 86400],
  'attempts follow at growing distances, in the end daily'
);

-- Accounts
select is(
  pg_temp.call(r.role, :'mina', 'select count(*) as n from coinslot.refund_accounts') ->> 'code',
  '42501', 'no account is read by ' || r.role
) from unnest(array['anon', 'authenticated', 'service_role']) r (role);
select is(
  (select count(*) from coinslot.refund_accounts), 1::bigint,
  'an account is kept while it is needed'
);
select pg_temp.invoke('coinslot_record_refund_answer', jsonb_build_object(
  'refund_id', :'second', 'tries', 1, 'answer', 'declined', 'failure_code', repeat('c', 101),
  'failure_message', repeat('m', 301)
)) ->> 'version' as version \gset
select is(
  (select (p.version, length(r.failure_code), length(r.failure_message))::text
   from coinslot.refunds r inner join public.token_payments p on p.id = r.payment_id
   where r.id = :'second'), format('(%s,100,300)', :'version'),
  'what the gateway said is kept, as much as fits, and the payment to be read is answered'
);
select is(:version, 3, '... at a version that no earlier read has');
select pg_temp.read(:'second_id', 'A:paid paid=5000') as read \gset
select is(
  (select format('%s %s', r.status, r.finished_at is not null and r.next_attempt_at is null)
   from coinslot.refunds r where r.id = :'second'), 'failed t', 'the refund is over'
);
select is_empty('select from coinslot.refund_accounts', '... and its account is gone');
select is(
  pg_temp.as_service(format(
    'select * from request_token_refund_for(%L, repeat(%L, 200), repeat(%L, 255), account => %L)',
    :'second_id', '글', 'k', jsonb_build_object(
      'bank', repeat('B', 40), 'account_number', repeat('1', 20), 'holder', repeat('김', 60)
    )
  )) ->> 'status', 'requested', 'another is asked for, with as much as fits'
);
select pg_temp.read(:'second_id', 'A:canceled paid=5000 refunded=5000') as read \gset
select is(
  (select array_agg(r.status order by r.created_at) from coinslot.refunds r
   where r.order_id = :'second_id'), array['failed', 'succeeded'], '... and succeeds'
);
select is_empty('select from coinslot.refund_accounts', '... its account is gone too');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
-- The way out, where no read will ever decide
select pg_temp.sign_up('closing@example.com') as buyer \gset
select pg_temp.bought(:'buyer') as order_id \gset
select pg_temp.as_service(format(
  'select * from request_token_refund_for(%L, %L, %L)', :'order_id', 'why', 'k'
)) ->> 'id' as refund_id \gset
select is(
  pg_temp.as_user(:'buyer', 'select get_user_tokens() as n') -> 'n', '5'::jsonb,
  'the tokens of a refund are set aside'
);
select is(
  pg_temp.as_service(format('select * from coinslot_close_refund(%L, %L)', :'refund_id',
    'lost there'))
    - array['id', 'payment_id', 'order_id', 'user_id', 'payment_key', 'created_at', 'finished_at'],
  '{"gateway": "portone", "amount": 5000, "currency": "KRW", "tokens": 10, "refunded_before": 0,
    "refundable": 5000, "reason": "why", "requested_by": null, "forced": false,
    "idempotency_key": "k", "status": "failed", "tries": 1, "answer": null,
    "failure_code": "closed", "failure_message": "lost there", "attempts": 0,
    "next_attempt_at": null, "reserved": 10, "covered": 0}',
  'the service gives a refund up'
);
select is(
  pg_temp.as_user(:'buyer', 'select get_user_tokens() as n') -> 'n', '15'::jsonb,
  'which frees them'
);
select is(
  pg_temp.as_service(format('select * from coinslot_close_refund(%L, %L)', :'refund_id', 'again'))
    ->> 'failure_message', 'lost there', 'once'
);
select is(
  pg_temp.as_service(format(
    'select status from request_token_refund_for(%L, %L, %L)', :'order_id', 'why', 'k2'
  )) ->> 'status', 'requested', 'and leaves the way free for another'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');

select * from finish();
rollback;
