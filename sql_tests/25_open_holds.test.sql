-- Open holds follow the work: they are extended, captured beyond what was held, and listed.
begin;
\ir helpers/call.sql
select plan(45);

create function pg_temp.hold(
  user_id uuid, amount bigint, idempotency_key text, ttl integer default 600
) returns text
language sql as $$
  select pg_temp.as_service(format(
    'select * from hold_tokens_for(%L, %s, %L, %L, %s)', hold.user_id, hold.amount,
    hold.idempotency_key, 'why', hold.ttl
  )) ->> 'id'
$$;
create function pg_temp.extend(hold_id text, seconds integer) returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select * from extend_token_hold(%L, %s)', extend.hold_id, extend.seconds
  ))
$$;
create function pg_temp.capture(hold_id text, amount bigint, overage boolean default true)
returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select * from capture_token_hold(%L, %L, %L)', capture.hold_id, capture.amount,
    capture.overage
  ))
$$;
-- How a capture ended, in short.
create function pg_temp.said(answer jsonb) returns text
language sql as $$
  select case when answer ? 'error' then pg_temp.refusal(answer) else concat_ws(' ',
    answer ->> 'delta', 'balance', answer ->> 'balance', 'missing', answer ->> 'missing',
    case when (answer ->> 'replayed')::boolean then 'again' end
  ) end
$$;
create function pg_temp.age(hold_id text) returns void
language sql as $$
  select pg_temp.change(format(
    'update coinslot.token_holds set expires_at = clock_timestamp() where id = %L', age.hold_id
  ))
$$;
create function pg_temp.life(hold_id text) returns numeric
language sql as $$
  select round(extract(epoch from h.expires_at - h.created_at), -1)
  from coinslot.token_holds h where h.id = life.hold_id::uuid
$$;

-- Extending
select pg_temp.user_with(10) as mina \gset
select pg_temp.hold(:'mina', 4, 'e1') as e1 \gset
select is(
  pg_temp.extend(:'e1', 1200) - array['id', 'user_id', 'expires_at', 'created_at'],
  '{"amount": 4, "captured": 0, "status": "held", "feature": null, "idempotency_key": "e1",
    "reason": "why", "resolved_at": null, "replayed": false}', 'an extended hold is the same hold'
);
select is(pg_temp.life(:'e1'), 1200::numeric, 'it lives as long from now as was asked');
select is(
  (pg_temp.extend(:'e1', 60) ->> 'status', pg_temp.life(:'e1'))::text, '(held,1200)',
  'none is made shorter'
);
select pg_temp.extend(:'e1', 1200) as again \gset
select is(pg_temp.life(:'e1'), 1200::numeric, 'nor longer by the same call made twice');
select is(pg_temp.wallet(:'mina'), 'tokens=10 held=4 seq=1', 'nothing else is set aside by it');
select pg_temp.change(format(
  'update coinslot.token_holds set created_at = created_at - interval ''23 hours'' where id = %L',
    :'e1'
)) \gset
select is(
  (pg_temp.extend(:'e1', 7200) ->> 'status', pg_temp.life(:'e1'))::text, '(held,86400)',
  'with all its extensions it lives as long as the longest'
);
select is(
  (pg_temp.extend(:'e1', 7200) ->> 'status', pg_temp.life(:'e1'))::text, '(held,86400)',
  'however often it is asked for'
);
select is(
  pg_temp.refusal(pg_temp.extend(:'e1', s.seconds)),
  'PT400 invalid_argument {"max": 86400, "min": 1, "argument": "ttl_seconds"}',
  'no extension by ' || s.seconds
) from (values (0), (-1), (86401)) s (seconds);
select pg_temp.age(:'e1') \gset
select is(
  pg_temp.refusal(pg_temp.extend(:'e1', 60)),
  'PT409 hold_resolved {"status": "expired", "captured": 0}', 'an expired hold comes to no new life'
);
select is(
  pg_temp.as_user(:'mina', 'select get_user_tokens() as tokens') -> 'tokens', '10'::jsonb,
  'its tokens stay free'
);
select pg_temp.hold(:'mina', 1, 'e2') as e2, pg_temp.hold(:'mina', 1, 'e3') as e3 \gset
select pg_temp.capture(:'e2', null) as captured,
  pg_temp.as_service(format('select * from release_token_hold(%L)', :'e3')) as released \gset
select is(
  pg_temp.refusal(pg_temp.extend(h.id, 60)), h.expected, 'nor does one that has ended otherwise'
) from (values
  (:'e2', 'PT409 hold_resolved {"status": "captured", "captured": 1}'),
  (:'e3', 'PT409 hold_resolved {"status": "released", "captured": 0}')
) h (id, expected);
select is(
  pg_temp.extend(gen_random_uuid()::text, 60) ->> 'error', 'hold_not_found',
    'nor one that never was'
);

-- Captured beyond what was held
select pg_temp.user_with(10) as alex \gset
select pg_temp.hold(:'alex', 2, 'c1') as c1 \gset
select is(
  pg_temp.said(pg_temp.capture(:'c1', 3, false)), 'PT400 invalid_amount {"held": 2, "amount": 3}',
  'only where it is allowed'
);
select is(
  pg_temp.said(pg_temp.capture(:'c1', c.amount)),
  format('PT400 invalid_amount {"held": 2, "amount": %s}', c.amount), 'and never ' || c.amount
) from (values (0::bigint), (-1), (9007199254740992)) c (amount);
select is(
  pg_temp.said(pg_temp.capture(:'c1', 3)), '-3 balance 7 missing 0',
  'what the work cost is taken where the balance has it'
);
select is(pg_temp.wallet(:'alex'), 'tokens=7 held=0 seq=2', 'in one entry');
select is(
  pg_temp.said(pg_temp.capture(:'c1', c.amount)), c.expected, 'captured again with ' || c.amount
) from (values
  (3, '-3 balance 7 missing 0 again'),
  (4, 'PT409 hold_resolved {"status": "captured", "captured": 3}'),
  (2, 'PT409 hold_resolved {"status": "captured", "captured": 3}')
) c (amount, expected);
select is(
  pg_temp.said(pg_temp.capture(:'c1', null)),
  'PT409 hold_resolved {"status": "captured", "captured": 3}',
  'all that was held is another amount'
);
select pg_temp.hold(:'alex', 2, 'c2') as c2, pg_temp.hold(:'alex', 4, 'other') as other \gset
select is(
  pg_temp.said(pg_temp.capture(:'c2', 5)), '-3 balance 4 missing 2',
  'what other holds set aside is not there'
);
select is(pg_temp.wallet(:'alex'), 'tokens=4 held=4 seq=3', 'and stays theirs');
select is(
  pg_temp.said(pg_temp.capture(:'c2', 5)), '-3 balance 4 missing 2 again',
  'the same call says the same, whatever has come since'
);
select is(
  (select (h.asked, h.captured)::text from coinslot.token_holds h where h.id = :'c2'), '(5,3)',
  'what was asked for is kept'
);
select pg_temp.age(:'other') \gset
select pg_temp.hold(:'alex', 1, 'c3') as c3 \gset
select pg_temp.hold(:'alex', 1, 'c4') as c4 \gset
select pg_temp.age(:'c4') \gset
select is(
  pg_temp.said(pg_temp.capture(:'c3', 4)), '-4 balance 0 missing 0',
  'what expired holds set aside is there, swept or not'
);
select pg_temp.as_service('select coinslot_run_maintenance() as n') as swept \gset
select is(pg_temp.wallet(:'alex'), 'tokens=0 held=0 seq=4', 'and is freed once');

-- What was held is promised, whatever became of the balance
select pg_temp.user_with(5) as lee \gset
select pg_temp.hold(:'lee', 4, 'd1') as d1 \gset
select pg_temp.change(format(
  'select coinslot.post_entry(coinslot.new_entry(%L, %L, -8, %L))', :'lee', 'refund', 'system'
)) \gset
select is(
  pg_temp.said(pg_temp.capture(:'d1', 6)), '-4 balance -7 missing 2',
  'a debt pays what was held, and no more'
);

-- By setting into debt
select pg_temp.change('update coinslot.settings set overage_into_debt = true') \gset
select pg_temp.user_with(5) as kim \gset
select pg_temp.hold(:'kim', 4, 'd1') as d1, pg_temp.hold(:'kim', 1, 'd2') as d2 \gset
select is(
  pg_temp.said(pg_temp.capture(:'d1', 9)), '-9 balance -4 missing 0', 'all of it is taken'
);
select is(
  pg_temp.said(pg_temp.capture(:'d2', 2, false)), 'PT400 invalid_amount {"held": 1, "amount": 2}',
  'not where nobody allowed it'
);
select is(
  pg_temp.said(pg_temp.capture(:'d2', 9007199254740991)),
  '-9007199254740987 balance -9007199254740991 missing 4', 'as far as a balance goes'
);
select pg_temp.change('update coinslot.settings set overage_into_debt = false') \gset

-- After a merge
select pg_temp.user_with(3) as phone, pg_temp.user_with(2) as laptop \gset
select pg_temp.hold(:'phone', 1, 'm1') as m1, pg_temp.hold(:'phone', 1, 'm2') as m2 \gset
select pg_temp.capture(:'m1', 1) as captured \gset
select pg_temp.as_service(format(
  'select * from merge_token_wallets(%L, %L, %L)', :'phone', :'laptop', 'm'
)) as merged \gset
select is(
  pg_temp.said(pg_temp.capture(:'m2', 9)), '-4 balance 0 missing 5',
  'a hold that moved takes what its new wallet has'
);
select is(
  pg_temp.said(pg_temp.capture(c.hold_id, c.amount)), c.expected, 'and each capture is found again'
) from (values
  (:'m1', 1, '-1 balance 2 missing 0 again'), (:'m2', 9, '-4 balance 0 missing 5 again')
) c (hold_id, amount, expected);

-- Listed for their owner
select pg_temp.user_with(20) as page, pg_temp.user_with(5) as stranger \gset
select pg_temp.hold(:'page', 2, 'l3', 300), pg_temp.hold(:'page', 1, 'l1', 100) as l1,
  pg_temp.hold(:'page', 3, 'l2', 200) as l2, pg_temp.hold(:'page', 1, 'gone') as gone,
  pg_temp.hold(:'stranger', 1, 'l1') as other \gset
select pg_temp.age(:'gone') \gset
select pg_temp.as_service(format($$select * from hold_feature_for(%L, 'answer', 'l4')$$, :'page'))
  as l4 \gset
create function pg_temp.listed(user_id uuid, arguments text) returns text
language sql as $$
  select l ->> 'holds' from pg_temp.as_user(listed.user_id, format(
    $q$select string_agg(concat(h.amount, ' ', coalesce(h.feature, h.reason)), ', '
      order by h.expires_at, h.id) as holds from list_token_holds(%s) h$q$, listed.arguments
  )) l
$$;
select is(
  pg_temp.listed(:'page', ''), '1 why, 3 why, 2 why, 2 answer', 'open holds, the next to end first'
);
select is(pg_temp.listed(:'page', '2'), '1 why, 3 why', 'by pages');
select is(
  pg_temp.listed(:'page', format('2, %L, %L', h.expires_at, h.id)), '2 why, 2 answer',
  'each begins after the last one of the page before'
) from coinslot.token_holds h where h.id = :'l2';
select pg_temp.change('update coinslot.token_holds set expires_at = (
  select h.expires_at from coinslot.token_holds h where h.idempotency_key = ''l2''
) where idempotency_key in (''l1'', ''l3'', ''l4'')') \gset
select is(
  (select count(distinct l ->> 'id')::integer from (
    select h.expires_at, h.id from coinslot.token_holds h
    where h.user_id = :'page' and h.status = 'held' and h.expires_at > clock_timestamp()
  ) h cross join pg_temp.as_user(:'page', format(
    'select * from list_token_holds(1, %L, %L)', h.expires_at, h.id
  )) l where l ->> 'id' is not null), 3,
  'also where all end at once'
);
select is(pg_temp.listed(:'stranger', ''), '1 why', 'everybody sees their own');
select is(
  pg_temp.call('authenticated', null, 'select * from list_token_holds()') ->> 'error',
  'unauthenticated', 'and nobody sees none'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select * from finish();
rollback;
