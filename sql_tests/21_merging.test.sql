-- Merging: two wallets become one, and whatever comes later finds it.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

create function pg_temp.merge(from_user text, into_user text, idempotency_key text default 'm')
returns jsonb
language sql as $$
  select pg_temp.invoke('merge_token_wallets', jsonb_build_object(
    'from_user', merge.from_user, 'into_user', merge.into_user,
    'idempotency_key', merge.idempotency_key
  ))
$$;
create function pg_temp.spend(user_id text, amount bigint, key text) returns text
language sql as $$
  select case when a ? 'error' then pg_temp.refusal(a)
    else concat_ws(' ', a ->> 'balance', nullif(a ->> 'replayed', 'false')) end
  from pg_temp.as_service(format(
    'select * from spend_tokens_for(%L, %s, %L)', spend.user_id, amount, key
  )) a
$$;
create function pg_temp.hold(user_id text, amount bigint, key text) returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select * from hold_tokens_for(%L, %s, %L)', hold.user_id, amount, key
  ))
$$;
create function pg_temp.order_of(user_id text, key text) returns text
language sql as $$
  select coalesce(a ->> 'order_id', pg_temp.refusal(a)) from pg_temp.as_user(
    order_of.user_id::uuid,
    format('select * from create_token_order(''starter'', ''portone'', idempotency_key => %L)', key)
  ) a
$$;

-- What gateways say of an order that has moved
create temporary table stories (protects, steps, expected) as values
('an order that moved is paid to whoever has it now',
 array['!merge 3', 'A:paid paid=5000', '?history', '?events'],
 array['3', 'credited completed 13', 'grant 3, purchase 10',
   'pending, pending>pending merged, pending>completed 10']),
('a read that began before the merge is applied after it',
 array['A:ready', '!merge 0', 'A:paid paid=5000 version=2'],
 array['unchanged pending 0', '0', 'credited completed 10']),
('a deposit finds whoever has the order now',
 array['A:awaiting_deposit', '!merge 0', 'A:paid paid=5000'],
 array['moved awaiting_deposit 0', '0', 'credited completed 10']),
('an order that was credited is not credited again',
 array['A:paid paid=5000', '!merge 3', 'A:paid paid=5000', '?history'],
 array['credited completed 10', '13', 'unchanged completed 13', 'grant 3, merge_in 10']),
('money that goes back takes its tokens where they are',
 array['A:paid paid=5000', '!merge 3', 'A:paid paid=5000 refunded=2500',
   'A:paid paid=5000 refunded=5000', '?history'],
 array['credited completed 10', '13', 'reversed partially_refunded 8', 'reversed refunded 3',
   'grant 3, merge_in 10, refund -5, refund -5']),
('also where they were spent before, and a debt remains',
 array['A:paid paid=5000', '!spend 8', '!merge 3', 'A:paid paid=5000 withdrawn=5000', '?history'],
 array['credited completed 10', '2', '5', 'reversed charged_back -5',
   'grant 3, merge_in 2, dispute -10']),
('a dispute that was won gives back where they are',
 array['A:paid paid=5000 withdrawn=5000', '!merge 3', 'A:paid paid=5000', '?history'],
 array['credited charged_back 0', '3', 'restored completed 13', 'grant 3, reversal 10']),
('a debt moves, too',
 array['A:paid paid=5000', '!spend 8', 'A:paid paid=5000 refunded=5000', '!merge 3', '?history'],
 array['credited completed 10', '2', 'reversed refunded -8', '-5', 'grant 3, merge_in -8']),
('it moves on with whoever is merged next',
 array['A:paid paid=5000', '!merge 1', '!merge 2', 'A:paid paid=5000 refunded=5000', '?history'],
 array['credited completed 10', '11', '13', 'reversed refunded 3',
   'grant 2, merge_in 11, refund -10']),
('its new owner cancels it',
 array['!merge 0', '!cancel'], array['0', 'canceled']),
('while money is asked back nothing is merged; afterwards it is',
 array['A:paid paid=5000', '!refund', '!merge 0', '!claim', '!answer declined', 'A:paid paid=5000',
   '?refund', '!merge 0', '?wallet'],
 array['credited completed 10', 'requested 1', 'refund_in_progress', 'ask 1',
   'requested 1 declined', 'unchanged completed 10', 'failed 1 declined', '10',
   'tokens=10 held=0 seq=1']),
('a finished refund moves: money that goes back after all is its',
 array['A:paid paid=5000', '!refund', '!claim', '!answer declined', 'A:paid paid=5000', '!merge 0',
   'A:paid paid=5000 refunded=5000', '?refund', '?history'],
 array['credited completed 10', 'requested 1', 'ask 1', 'requested 1 declined',
   'unchanged completed 10', '10', 'reversed refunded 0', 'succeeded 1 declined',
   'merge_in 10, refund -10']),
('and another refund is asked for from where the tokens are',
 array['A:paid paid=5000', '!merge 0', '!refund', '?wallet', '!claim', '!answer accepted',
   'A:paid paid=5000 refunded=5000', '?wallet'],
 array['credited completed 10', '10', 'requested 1', 'tokens=10 held=10 seq=1', 'ask 1',
   'requested 1 accepted', 'reversed refunded 0', 'tokens=0 held=0 seq=2']),
('an order of a merged user who is deleted lives on',
 array['!merge 0', '?wallet', 'A:paid paid=5000'],
 array['0', 'tokens=0 held=0 seq=0', 'credited completed 10']),
('money for somebody deleted after the merge is a person''s to decide',
 array['!merge 0', '!delete', 'A:paid paid=5000', '?open'],
 array['0', 'gone', 'review review 0', 'wallet_closed']);

select plan((select count(*)::integer from stories) + 96);
select is(pg_temp.play('starter', s.steps), s.expected, s.protects) from stories s;

-- What moves, and what both histories say
select pg_temp.user_with(10) as anon, pg_temp.user_with(4) as mina \gset
select pg_temp.order_of(:'anon', 'o') as moved_order, pg_temp.spend(:'anon', 3, 's') as spent \gset
select pg_temp.hold(:'anon', 2, 'h') ->> 'id' as held \gset
select pg_temp.merge(:'anon', :'mina') as receipt \gset
select is(
  :'receipt'::jsonb - 'created_at', jsonb_build_object(
    'from_user', :'anon', 'into_user', :'mina', 'tokens', 7, 'balance', 11, 'orders', 1, 'holds', 1,
    'idempotency_key', 'm', 'replayed', false
  ), 'a merge answers what moved'
);
select is(
  pg_temp.merge(:'anon', :'mina'), :'receipt'::jsonb || '{"replayed": true}',
  'a repeated call answers the same'
);
select is(pg_temp.wallet(:'mina'), 'tokens=11 held=2 seq=2', 'tokens and holds are there');
select is(pg_temp.wallet(:'anon'), 'tokens=0 held=0 seq=3 closed', 'and gone here');
select is(pg_temp.history(:'anon'), 'grant 10, spend -3, merge_out -7', 'one history says so');
select is(pg_temp.history(:'mina'), 'grant 4, merge_in 7', 'and the other');
select is(
  array(select l.metadata from public.token_ledger l where l.kind in ('merge_in', 'merge_out')
    and l.user_id in (:'anon', :'mina') order by l.kind),
  array[jsonb_build_object('from_user', :'anon'), jsonb_build_object('into_user', :'mina')],
  'each names the other'
);
select is(
  pg_temp.as_user(:'mina', 'select array_agg(to_status || reason order by id) as e
    from token_payment_events') -> 'e', '["pending", "pendingmerged"]'::jsonb,
  'the new owner sees what happened to the order before'
);
select is(
  pg_temp.as_user(:'anon', 'select count(*) as n from token_payments') -> 'n', '0'::jsonb,
  'and the one before has no orders'
);
select is(
  pg_temp.as_user(:'anon', 'select merged_into from token_wallets') ->> 'merged_into', :'mina',
  'a session that is still open can see where it all went'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');

-- Whoever goes on under the old id
select is(pg_temp.spend(:'anon', 3, 's'), '7 true', 'a retry answers what it answered');
select is(
  pg_temp.spend(:'anon', 1, 'new'), format(
    'PT409 wallet_merged {"user_id": "%s", "merged_into": "%s"}', :'anon', :'mina'
  ), 'a new spend says where the tokens are'
);
select is(
  pg_temp.call(c.role, :'anon', format(c.statement, :'anon')) ->> 'error', 'wallet_merged',
  'so does ' || c.statement
) from (values
  ('authenticated', $$select * from spend_tokens(1, 'k')$$),
  ('authenticated', $$select * from use_feature('question', 'k')$$),
  ('authenticated', $$select * from create_token_order('starter', 'portone')$$),
  ('service_role', $$select * from add_tokens(%L, 1, 'k')$$),
  ('service_role', $$select * from add_tokens(%L, -1, 'k', '', 'adjustment')$$),
  ('service_role', $$select * from hold_tokens_for(%L, 1, 'h')$$),
  ('service_role', $$select * from hold_feature_for(%L, 'question', 'k')$$)
) c (role, statement);
select is(
  pg_temp.as_user(:'anon', 'select get_user_tokens() as n') -> 'n', '0'::jsonb, 'and has no tokens'
);
select is(
  pg_temp.refusal(pg_temp.as_user(:'anon', format('select * from cancel_token_order(%L)',
    :'moved_order'))), 'PT404 order_not_found {}', 'nor an order to cancel'
);

-- The same calls under the new id, whose answers were lost
select is(pg_temp.spend(:'mina', 3, 's'), '7 true', 'a key of the old wallet spends nothing');
select is(
  pg_temp.as_user(:'mina', $$select * from spend_tokens(1, 's')$$) ->> 'balance', '10',
  'a user''s key is not the service''s'
);
select is(
  pg_temp.spend(:'mina', 2, 's'), 'PT409 idempotency_key_reused {}', 'nor for another amount'
);
select is(
  pg_temp.hold(:'mina', 2, 'h') - array['created_at', 'expires_at', 'reason', 'feature'],
  jsonb_build_object(
    'id', :'held', 'user_id', :'mina', 'amount', 2, 'captured', 0, 'status', 'held',
    'idempotency_key', 'h', 'resolved_at', null, 'replayed', true
  ), 'a hold that moved is found by its key'
);
select is(pg_temp.order_of(:'mina', 'o'), :'moved_order', 'and an order by its');
select is(
  pg_temp.hold(:'mina', 3, 's') ->> 'error', 'idempotency_key_reused', 'no hold under a spent key'
);
select is(
  pg_temp.as_service(format('select * from capture_token_hold(%L, 1)', :'held'))
    - array['created_at', 'reason', 'feature', 'metadata', 'payment_id'],
  jsonb_build_object(
    'user_id', :'mina', 'seq', 4, 'delta', -1, 'balance', 9, 'hold_id', :'held', 'kind', 'spend',
    'idempotency_key', 'h', 'replayed', false, 'missing', 0
  ), 'a hold that moved is captured where it is'
);
select is(pg_temp.spend(:'mina', 1, 'fresh'), '8', 'a new key spends');
select is(pg_temp.spend(:'mina', 1, 'fresh'), '8 true', 'once');
select is(pg_temp.spend(:'mina', 9, 'too much'),
  'PT402 insufficient_tokens {"tokens": 8, "required": 9}',
  'no more than there is');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up after it');
select is_empty(
  format('select * from coinslot.verify_ledger(%L, %L) union all
    select * from coinslot.verify_ledger(null, %1$L) union all
    select * from coinslot.verify_ledger(%2$L, null)',
    least(:'anon'::uuid, :'mina'::uuid), greatest(:'anon'::uuid, :'mina'::uuid)),
  'also where they are checked in parts that lie between the two'
);

-- A key that both have used
select pg_temp.user_with(10) as a, pg_temp.user_with(10) as b \gset
select pg_temp.spend(:'a', 1, 'same') as spent, pg_temp.spend(:'b', 2, 'same') as spent2,
  pg_temp.order_of(:'a', 'o') as order_a, pg_temp.order_of(:'b', 'o') as order_b,
  pg_temp.hold(:'a', 1, 'both hold') ->> 'id' as hold_a,
  pg_temp.hold(:'b', 3, 'both hold') ->> 'id' as hold_b,
  pg_temp.hold(:'a', 2, 'one spent') ->> 'id' as hold_c, pg_temp.spend(:'b', 1, 'one spent') as s3,
  pg_temp.hold(:'a', 1, 'over') ->> 'id' as over \gset
select pg_temp.change(format(
  'update coinslot.token_holds set expires_at = clock_timestamp() where id = %L', :'over'
)) \gset
select is(
  pg_temp.merge(:'a', :'b', 'ab') - 'created_at', jsonb_build_object(
    'from_user', :'a', 'into_user', :'b', 'tokens', 9, 'balance', 16, 'orders', 1, 'holds', 2,
    'idempotency_key', 'ab', 'replayed', false
  ), 'keys that both have used are in nobody''s way, and what expired does not move'
);
select is(pg_temp.wallet(:'b'), 'tokens=16 held=6 seq=4', 'held is what is held');
select is(pg_temp.spend(:'b', 2, 'same'), '8 true', 'a key that both have used is the owner''s');
select is(pg_temp.order_of(:'b', 'o'), :'order_b', 'also of an order');
select is(pg_temp.hold(:'b', 3, 'both hold') ->> 'id', :'hold_b', 'and of a hold');
select is(
  pg_temp.as_service(format('select * from capture_token_hold(%L)', h.id)) -> 'delta',
  to_jsonb(h.delta), 'every hold is captured once'
) from (values (:'hold_a', -1), (:'hold_b', -3), (:'hold_c', -2)) h (id, delta);
select is(
  pg_temp.as_service(format('select * from release_token_hold(%L)', :'over')) ->> 'error',
  'hold_resolved', 'but for the one that had expired'
);
select is(pg_temp.wallet(:'b'), 'tokens=10 held=0 seq=7', 'nothing is left held');
select is(pg_temp.spend(:'a', 1, 'same'), '9 true',
  'under its old id each retry has its own answer');

-- On and on: a is a part of c, and what a did is c's
select pg_temp.user_with(0) as c \gset
select is(pg_temp.merge(:'b', :'c', 'bc') ->> 'tokens', '10', 'whoever took over can be merged');
select is(
  pg_temp.merge(:'a', :'c', 'ac') -> 'details' ->> 'merged_into', :'c',
  'who is merged already is told where everything is now'
);
select is(
  array[pg_temp.spend(:'c', 1, 'same'), pg_temp.spend(:'c', 2, 'same'), pg_temp.spend(:'c', 3,
    'same')],
  array['9 true', '8 true', 'PT409 idempotency_key_reused {}'],
  'keys go along, and of two under one key each retry finds its own'
);
select is(
  pg_temp.as_user(:'c', 'select count(*) as n from token_payment_events') -> 'n', '5'::jsonb,
  'and what happened to orders'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up all along');

-- Refusals
select pg_temp.user_with(1) as d, pg_temp.user_with(1) as e, pg_temp.user_with(1) as gone \gset
delete from auth.users where id = :'gone';
select is(pg_temp.refusal(pg_temp.merge(f.a, f.b, f.key)), f.refusal, f.why) from (values
  (:'d', :'d', 'k', 'PT400 invalid_argument {"argument": "into_user"}', 'a wallet into itself'),
  (:'d', null, 'k', 'PT400 invalid_argument {"argument": "into_user"}', 'into nobody'),
  (null, :'d', 'k', 'PT400 invalid_argument {"argument": "from_user"}', 'nobody'),
  (:'d', :'e', '', 'PT400 invalid_argument {"argument": "idempotency_key"}', 'without a key'),
  (:'d', :'e', repeat('k', 256), 'PT400 invalid_argument {"argument": "idempotency_key"}',
   'with a key too long'),
  (:'d', :'e', 'bc', 'PT409 idempotency_key_reused {}', 'under the key of another merge'),
  (:'b', :'e', 'bc', 'PT409 idempotency_key_reused {}', 'the same into somebody else'),
  (:'gone', :'d', 'k', format('PT404 wallet_not_found {"user_id": "%s"}', :'gone'),
   'of a deleted user'),
  (:'d', :'gone', 'k', format('PT404 wallet_not_found {"user_id": "%s"}', :'gone'), 'into one'),
  ('00000000-0000-4000-8000-0000000000ff', :'d', 'k',
   'PT404 wallet_not_found {"user_id": "00000000-0000-4000-8000-0000000000ff"}',
     'of nobody we know'),
  (:'d', :'b', 'k', format('PT409 wallet_merged {"user_id": "%s", "merged_into": "%s"}', :'b',
   :'c'),
   'into one that was merged'),
  (:'c', :'a', 'k', format('PT409 wallet_merged {"user_id": "%s", "merged_into": "%s"}', :'a',
   :'c'),
   'back again')
) f (a, b, key, refusal, why);
select pg_temp.as_service(format(
  'select * from add_tokens(%L, 9007199254740990, %L)', :'e', 'fill'
)) ->> 'balance' as filled \gset
select is(
  pg_temp.refusal(pg_temp.merge(:'d', :'e', 'k')),
  'PT400 invalid_amount {"merged": 1, "tokens": 9007199254740991}', 'more than a balance can be'
);
select is(pg_temp.wallet(:'d'), 'tokens=1 held=0 seq=1', 'a refused merge moves nothing');

-- While a refund of either is open
select pg_temp.user_with(0) as buyer \gset
select pg_temp.order_of(:'buyer', 'o') as paid \gset
select pg_temp.read(:'paid', 'A:paid paid=5000') as credited \gset
select pg_temp.invoke('request_token_refund_for', jsonb_build_object(
  'order_id', :'paid', 'reason', 'why', 'idempotency_key', 'r', 'amount', 400
)) ->> 'id' as refund \gset
select is(
  pg_temp.merge(w.a, w.b, 'r') - array['code', 'hint'], jsonb_build_object(
    'error', 'refund_in_progress', 'details', jsonb_build_object(
      'refund_id', :'refund', 'order_id', :'paid', 'amount', 400, 'status', 'requested'
    )
  ), w.why
) from (values
  (:'buyer', :'d', 'the refund that is in the way is named'),
  (:'d', :'buyer', 'whichever of the two has it')
) w (a, b, why);

-- More orders than anybody may have open
select pg_temp.change('update coinslot.settings set max_open_orders = 1') \gset
select pg_temp.user_with(0) as f, pg_temp.user_with(0) as g \gset
select pg_temp.order_of(:'f', 'f') as order_f, pg_temp.order_of(:'g', 'g') as order_g \gset
select is(pg_temp.merge(:'f', :'g', 'fg') ->> 'orders', '1', 'no cap is in the way of a merge');
select matches(pg_temp.order_of(:'g', 'new'), '^PT429', 'but the next order has to wait');
select is(pg_temp.read(:'order_f', 'A:paid paid=5000'), 'credited completed 10', 'all can be paid');
select pg_temp.change('update coinslot.settings set max_open_orders = 20') \gset

-- Nothing to bring
select pg_temp.user_with(0) as empty \gset
select is(
  pg_temp.merge(:'empty', :'g', 'nothing') - array['created_at', 'from_user', 'into_user'],
  '{"tokens": 0, "balance": 10, "orders": 0, "holds": 0, "idempotency_key": "nothing",
    "replayed": false}', 'an empty wallet is merged as any other'
);
select is(pg_temp.history(:'empty'), '', 'and leaves no entry of nothing');

-- The bonus stays what it was, and nobody gets another
select pg_temp.sign_up('one@example.com') as one, pg_temp.sign_up('two@example.com') as two,
  pg_temp.sign_up(null, false) as anonymous \gset
update auth.users set is_anonymous = true where id = :'anonymous';
select is(pg_temp.merge(:'one', :'two', 'bonus') ->> 'balance', '10', 'two have had their bonus');
select is(pg_temp.merge(:'anonymous', :'two', 'none') ->> 'balance', '10',
  'an anonymous user none');
update auth.users set is_anonymous = false, email = 'three@example.com', email_confirmed_at = now()
where id = :'anonymous';
select is(pg_temp.wallet(:'anonymous'), 'tokens=0 held=0 seq=0 closed',
  'nor has one when linked after the merge');

-- A merged user is deleted and comes back
delete from auth.users where id in (:'one', :'anonymous');
insert into auth.users (id, email, email_confirmed_at) values (:'one', 'one@example.com', now());
select is(pg_temp.wallet(:'one'), 'tokens=0 held=0 seq=2 closed', 'what was merged stays merged');
select is(pg_temp.wallet(:'two'), 'tokens=10 held=0 seq=2', 'and its tokens where they are');

-- Whoever else comes back goes on
select pg_temp.user_with(7) as back \gset
select pg_temp.order_of(:'back', 'o') as open_order, pg_temp.hold(:'back', 2,
  'h') ->> 'id' as h \gset
update auth.users set deleted_at = now() where id = :'back';
select is(pg_temp.wallet(:'back'), 'tokens=7 held=0 seq=1 closed', 'deleted, softly');
select is(
  pg_temp.as_user(:'back', r.statement), '{"n": 0}',
  'a JWT that outlives its user has nothing to spend: ' || r.statement
) from (values ('select get_user_tokens() as n'), ('select tokens(p) as n from profiles p'))
  r (statement);
update auth.users set email = 'back@example.com', email_confirmed_at = now() where id = :'back';
select is(pg_temp.wallet(:'back'), 'tokens=7 held=0 seq=1 closed', 'still deleted');
update auth.users set deleted_at = null where id = :'back';
select is(pg_temp.wallet(:'back'), 'tokens=7 held=0 seq=1', 'restored, nothing minted');
select is(pg_temp.spend(:'back', 3, 'k'), '4', 'and spends');
delete from auth.users where id = :'back';
insert into auth.users (id, email) values (:'back', 'back@example.com');
select is(pg_temp.wallet(:'back'), 'tokens=4 held=0 seq=2', 'also where the account was made anew');
select is(
  pg_temp.read(:'open_order', 'A:paid paid=5000'), 'credited completed 14',
  'an order of before is paid after all'
);

-- Anonymous buyers
select pg_temp.sign_up(null, false) as guest \gset
update auth.users set is_anonymous = true where id = :'guest';
select matches(pg_temp.order_of(:'guest', 'first'), '^ord[_0-9a-f]', 'an anonymous user buys');
select pg_temp.change('update coinslot.settings set anonymous_purchases = false') \gset
select is(
  pg_temp.order_of(:'guest', 'second'), 'PT403 account_required {}', 'unless that is not wanted'
);
select matches(
  pg_temp.order_of(:'guest', 'first'), '^ord[_0-9a-f]', 'an order of before is answered again'
);
select matches(pg_temp.order_of(:'g', 'second'), '^ord[_0-9a-f]', 'people with an identity go on buying');
update auth.users set is_anonymous = false, email = 'guest@example.com' where id = :'guest';
select matches(
  pg_temp.order_of(:'guest', 'second'), '^ord[_0-9a-f]', 'Auth decides, whatever the JWT says'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up in the end');

-- What the check of the ledger would find
create function pg_temp.unsound(statement text) returns text
language plpgsql as $$
declare
  v_found text;
begin
  perform set_config('session_replication_role', 'replica', true);
  execute statement;
  select string_agg(distinct v.problem, ', ' order by v.problem) into v_found
  from coinslot.verify_ledger(null, null) v;
  raise exception using errcode = 'UNDON', message = coalesce(v_found, 'sound');
exception when sqlstate 'UNDON' then
  perform set_config('session_replication_role', 'origin', true);
  return sqlerrm;
end
$$;
select is(pg_temp.unsound(t.statement), t.found, t.why) from (values
  ('select', 'sound', 'as it is'),
  ('update coinslot.merged_wallets set tokens = tokens + 1 where idempotency_key = ''ab''',
   'merged',
   'a merge that moved something else'),
  ('delete from coinslot.merged_wallets where idempotency_key = ''ab''', 'merged',
   'entries without their merge'),
  (format('update public.token_payments set user_id = %L where order_id = %L', :'f', :'order_f'),
   'left_behind, payment', 'an order that was left behind'),
  ('update coinslot.merged_wallets set owner_user = into_user', 'payment',
   'an order counted for who had it')
) t (statement, found, why);
select is(
  pg_temp.as_owner(format(
    'update public.token_wallets set tokens = 1 where user_id = %L returning 1', :'f'
  )) ->> 'code', '23514', 'nothing can land in a wallet that was merged'
);
select * from finish();
rollback;
