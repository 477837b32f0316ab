-- Holds: tokens set aside are neither spent nor spendable, and each hold ends exactly once.
begin;
\ir helpers/call.sql
select plan(70);

select pg_temp.user_with(10) as mina \gset

-- The clock of these tests: a hold whose time has come, without waiting for it.
create function pg_temp.age(hold_id text) returns void
language sql as $$
  select pg_temp.change(format(
    'update coinslot.token_holds set expires_at = clock_timestamp() where id = %L', age.hold_id
  ))
$$;
create function pg_temp.hold(
  user_id uuid, amount bigint, idempotency_key text, ttl integer default 600
) returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select * from hold_tokens_for(%L, %s, %L, %L, %s)', hold.user_id, hold.amount,
    hold.idempotency_key, 'why', hold.ttl
  ))
$$;
create function pg_temp.capture(hold_id text, amount bigint default null) returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select * from capture_token_hold(%L, %L)', capture.hold_id, capture.amount
  ))
$$;
create function pg_temp.release(hold_id text) returns jsonb
language sql as $$
  select pg_temp.as_service(format('select * from release_token_hold(%L)', release.hold_id))
$$;

-- Making one
select pg_temp.hold(:'mina', 4, 'h1') as h1 \gset
select is(
  :'h1'::jsonb - array['id', 'expires_at', 'created_at', 'user_id'],
  '{"amount": 4, "captured": 0, "status": "held", "feature": null, "idempotency_key": "h1",
    "reason": "why", "resolved_at": null, "replayed": false}', 'a hold answers what it is'
);
select is(
  (:'h1'::jsonb ->> 'expires_at')::timestamptz - (:'h1'::jsonb ->> 'created_at')::timestamptz
  between interval '599 s' and interval '601 s', true, 'it lives as long as was asked'
);
select is(pg_temp.wallet(:'mina'), 'tokens=10 held=4 seq=1', 'tokens are set aside, not taken');
select is(
  pg_temp.as_user(:'mina', 'select get_user_tokens() as tokens') -> 'tokens', '6'::jsonb,
  'the rest is available'
);
select is(
  pg_temp.as_user(:'mina', 'select tokens(p) as tokens from profiles p') -> 'tokens', '6'::jsonb,
  'the profile says so too'
);
select is(
  pg_temp.refusal(pg_temp.as_user(:'mina', $$select * from spend_tokens(7, 's')$$)),
  'PT402 insufficient_tokens {"tokens": 6, "required": 7}', 'what is held cannot be spent'
);
select is(
  pg_temp.refusal(pg_temp.hold(:'mina', 7, 'h')),
  'PT402 insufficient_tokens {"tokens": 6, "required": 7}', 'nor held again'
);
select is(
  pg_temp.refusal(pg_temp.as_service(format(
    $$select * from add_tokens(%L, -7, 'a', '', 'adjustment')$$, :'mina'
  ))),
  'PT402 insufficient_tokens {"tokens": 6, "required": 7}', 'nor corrected away'
);

-- The same again, and something else under the key
select is(
  pg_temp.hold(:'mina', 4, 'h1'), :'h1'::jsonb || '{"replayed": true}',
  'a repeated call answers the same hold'
);
select is(
  pg_temp.refusal(pg_temp.as_service(format(c.statement, :'mina'))),
  'PT409 idempotency_key_reused {}', 'the key of an open hold is taken: ' || c.statement
) from (values
  ($$select * from hold_tokens_for(%L, 5, 'h1')$$),
  ($$select * from hold_feature_for(%L, 'answer', 'h1')$$),
  ($$select * from spend_tokens_for(%L, 1, 'h1')$$),
  ($$select * from spend_tokens_for(%L, 4, 'h1')$$),
  ($$select * from spend_tokens_for(%L, 9, 'h1')$$),
  ($$select * from use_feature_for(%L, 'question', 'h1')$$),
  ($$select * from add_tokens(%L, 1, 'h1')$$),
  ($$select * from add_tokens(%L, -1, 'h1', '', 'adjustment')$$)
) c (statement);
select is(pg_temp.wallet(:'mina'), 'tokens=10 held=4 seq=1', 'all of which changed nothing');
select is(
  pg_temp.as_user(:'mina', $$select * from spend_tokens(1, 'h1')$$) -> 'replayed', 'false'::jsonb,
  'the user''s own keys are not touched by it'
);

-- Capture: part, then never again
select is(
  pg_temp.refusal(pg_temp.capture(:'h1'::jsonb ->> 'id', c.amount)), c.expected,
  'no capture of ' || c.amount
) from (values
  (0, 'PT400 invalid_amount {"held": 4, "amount": 0}'),
  (-1, 'PT400 invalid_amount {"held": 4, "amount": -1}'),
  (5, 'PT400 invalid_amount {"held": 4, "amount": 5}')
) c (amount, expected);
select is(
  pg_temp.capture(:'h1'::jsonb ->> 'id', 3) - array['created_at', 'user_id'],
  jsonb_build_object(
    'seq', 3, 'delta', -3, 'balance', 6, 'payment_id', null, 'hold_id', :'h1'::jsonb -> 'id',
    'kind', 'spend', 'idempotency_key', 'h1', 'feature', null, 'reason', 'why',
    'metadata', '{}'::jsonb, 'replayed', false, 'missing', 0
  ), 'capturing writes one spend'
);
select is(pg_temp.wallet(:'mina'), 'tokens=6 held=0 seq=3', 'and frees the rest');
select is(
  pg_temp.refusal(a.answer), 'PT409 hold_resolved {"status": "captured", "captured": 3}',
  'a captured hold ends no other way'
) from (values
  (pg_temp.capture(:'h1'::jsonb ->> 'id')), (pg_temp.capture(:'h1'::jsonb ->> 'id', 1)),
  (pg_temp.release(:'h1'::jsonb ->> 'id'))
) a (answer);
select is(
  pg_temp.hold(:'mina', 4, 'h1') ->> 'status', 'captured',
  'a retry after the capture sees that the work was paid for'
);
select is(
  pg_temp.hold(:'mina', 4, 'h1') -> 'replayed', 'true'::jsonb, 'and that it is a retry'
);
select is(
  pg_temp.refusal(pg_temp.as_service(format(c.statement, :'mina'))),
  'PT409 idempotency_key_reused {}', 'the key of a captured hold stays taken: ' || c.statement
) from (values
  ($$select * from spend_tokens_for(%L, 3, 'h1')$$), ($$select * from add_tokens(%L, 3, 'h1')$$),
  ($$select * from hold_tokens_for(%L, 3, 'h1')$$)
) c (statement);

-- Capture: all
select pg_temp.capture(pg_temp.hold(:'mina', 2, 'h2') ->> 'id') as captured \gset
select is(pg_temp.wallet(:'mina'), 'tokens=4 held=0 seq=4', 'without an amount, all is captured');

-- Release
select pg_temp.hold(:'mina', 4, 'h3') ->> 'id' as h3 \gset
select is(
  pg_temp.release(:'h3') - array['id', 'user_id', 'expires_at', 'created_at', 'resolved_at'],
  '{"amount": 4, "captured": 0, "status": "released", "feature": null, "idempotency_key": "h3",
    "reason": "why", "replayed": false}', 'a released hold says so'
);
select is(pg_temp.wallet(:'mina'), 'tokens=4 held=0 seq=4', 'and leaves no history');
select is(
  pg_temp.refusal(a.answer), 'PT409 hold_resolved {"status": "released", "captured": 0}',
  'a released hold ends no second time'
) from (values (pg_temp.capture(:'h3')), (pg_temp.release(:'h3'))) a (answer);
select isnt(pg_temp.hold(:'mina', 1, 'h3') ->> 'id', :'h3', 'its key is free for another call');
select is(pg_temp.wallet(:'mina'), 'tokens=4 held=1 seq=4', 'which is a hold of its own');

-- Features
select is(
  pg_temp.as_service(format($$select * from hold_feature_for(%L, 'answer', 'f1')$$, :'mina'))
  - array['id', 'user_id', 'expires_at', 'created_at'],
  '{"amount": 2, "captured": 0, "status": "held", "feature": "answer", "idempotency_key": "f1",
    "reason": "", "resolved_at": null, "replayed": false}', 'a feature is held at its price'
);
select pg_temp.change(
  'update public.token_features set tokens = 3 where feature = ''answer'''
) \gset
select is(
  pg_temp.as_service(format($$select * from hold_feature_for(%L, 'answer', 'f1')$$, :'mina'))
  -> 'amount', '2'::jsonb, 'a retry after the price rose keeps the hold it has'
);
select is(
  pg_temp.refusal(pg_temp.as_service(format(
    $$select * from hold_feature_for(%L, 'question', 'f1')$$, :'mina'
  ))), 'PT409 idempotency_key_reused {}', 'another feature is another call'
);
select is(
  pg_temp.capture((
    select h.id::text from coinslot.token_holds h where h.idempotency_key = 'f1'
  )) ->> 'feature', 'answer', 'what it was for is in the history'
);
select is(pg_temp.wallet(:'mina'), 'tokens=2 held=1 seq=5', 'at the price it was held at');

-- Expiry: only the clock decides, whether anybody swept or not
select pg_temp.user_with(5) as alex \gset
select pg_temp.hold(:'alex', 5, 'e1', 1) ->> 'id' as e1 \gset
select pg_temp.age(:'e1') \gset
select is(pg_temp.wallet(:'alex'), 'tokens=5 held=5 seq=1', 'an expired hold, not yet swept');
select is(
  pg_temp.as_user(:'alex', 'select get_user_tokens() as tokens') -> 'tokens', '5'::jsonb,
  'reading counts it as released'
);
select is(
  pg_temp.refusal(a.answer), 'PT409 hold_resolved {"status": "expired", "captured": 0}',
  'an expired hold is neither captured nor released, swept or not'
) from (values (pg_temp.capture(:'e1')), (pg_temp.release(:'e1'))) a (answer);
select is(
  pg_temp.refusal(pg_temp.as_user(:'alex', $$select * from spend_tokens(6, 's1')$$)),
  'PT402 insufficient_tokens {"tokens": 5, "required": 6}',
  'a refusal tells what is free once it is swept'
);
select is(pg_temp.wallet(:'alex'), 'tokens=5 held=5 seq=1', 'and stores nothing, not even that');
select is(
  pg_temp.as_user(:'alex', $$select * from spend_tokens(5, 's1')$$) -> 'balance', '0'::jsonb,
  'a spend that needs them releases expired holds first'
);
select is(pg_temp.wallet(:'alex'), 'tokens=0 held=0 seq=2', 'in the same transaction');
select is(
  (select h.status from coinslot.token_holds h where h.id = :'e1'), 'expired', 'it is marked so'
);
select is(
  pg_temp.refusal(pg_temp.capture(:'e1')),
  'PT409 hold_resolved {"status": "expired", "captured": 0}', 'and still cannot be captured'
);

-- An expired hold frees its key, for the same call and for another
select pg_temp.user_with(5) as kim \gset
select pg_temp.hold(:'kim', 5, 'e1') ->> 'id' as e1 \gset
select pg_temp.age(:'e1') \gset
select pg_temp.hold(:'kim', 5, 'e1') as e2 \gset
select is(:'e2'::jsonb -> 'replayed', 'false'::jsonb, 'a retry after expiry is a new hold');
select is(pg_temp.wallet(:'kim'), 'tokens=5 held=5 seq=1', 'and the old one is swept');
select pg_temp.age(:'e2'::jsonb ->> 'id') \gset
select is(
  pg_temp.as_service(format($$select * from spend_tokens_for(%L, 2, 'e1')$$, :'kim')) -> 'delta',
  '-2'::jsonb, 'or the service spends under it'
);
select is(
  pg_temp.refusal(pg_temp.hold(:'kim', 1, 'e1')), 'PT409 idempotency_key_reused {}',
  'after which it is the key of that spend'
);

-- The sweeper
select pg_temp.hold(:'kim', 2, 'w1') as w1, pg_temp.hold(:'kim', 1, 'w2') as w2 \gset
select pg_temp.age(:'w1'::jsonb ->> 'id') \gset
select pg_temp.as_service('select coinslot_run_maintenance() as n') as swept \gset
select is(pg_temp.wallet(:'kim'), 'tokens=3 held=1 seq=2', 'the sweeper frees what has expired');
select is(
  array(
    select h.status from coinslot.token_holds h where h.user_id = :'kim'
    order by h.created_at
  ), array['expired', 'expired', 'expired', 'held'], 'and nothing else'
);

-- Debt
select pg_temp.user_with(5) as lee \gset
select pg_temp.hold(:'lee', 4, 'd1') ->> 'id' as d1 \gset
select pg_temp.change(format(
  'select coinslot.post_entry(coinslot.new_entry(%L, %L, -8, %L))', :'lee', 'refund', 'system'
)) \gset
select is(pg_temp.wallet(:'lee'), 'tokens=-3 held=4 seq=2', 'a gateway took back what was held');
select is(
  pg_temp.refusal(a.answer) like 'PT402 insufficient_tokens %', true,
  'a wallet in debt neither holds nor spends'
) from (values
  (pg_temp.hold(:'lee', 1, 'd2')),
  (pg_temp.as_user(:'lee', $$select * from spend_tokens(1, 'd2')$$))
) a (answer);
select is(
  pg_temp.capture(:'d1') -> 'balance', '-7'::jsonb,
  'capturing an open hold always succeeds: the work was promised and done'
);
select is(pg_temp.wallet(:'lee'), 'tokens=-7 held=0 seq=3', 'and the debt is in the books');

-- A user who is deleted while a job runs
select pg_temp.user_with(5) as gone \gset
select pg_temp.hold(:'gone', 4, 'c1') ->> 'id' as c1 \gset
delete from auth.users where id = :'gone';
select is(pg_temp.wallet(:'gone'), 'tokens=5 held=0 seq=1 closed', 'closing releases its holds');
select is(
  pg_temp.refusal(pg_temp.capture(:'c1')),
  'PT409 hold_resolved {"status": "released", "captured": 0}', 'for good'
);
select is(
  pg_temp.refusal(pg_temp.hold(:'gone', 1, 'c2')), 'PT404 wallet_not_found {}',
  'and takes no new one'
);

-- What a person may see of holds: their own, four columns, for the balance
select is(
  pg_temp.as_user(:'mina', $$select sum(amount) as held from coinslot.token_holds
    where status = 'held'$$) -> 'held', '1'::jsonb, 'people count their own holds only'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select * from finish();
rollback;
