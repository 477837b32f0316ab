-- A spend is given back: exactly what it took, once, to whoever has its history.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
select plan(55);

create function pg_temp.spend(user_id uuid, amount bigint, key text) returns jsonb
language sql as $$
  select pg_temp.as_service(format(
    'select * from spend_tokens_for(%L, %s, %L)', spend.user_id, amount, key
  ))
$$;
create function pg_temp.refund(user_id uuid, key text, arguments jsonb) returns jsonb
language sql as $$
  select pg_temp.invoke('refund_spend_for', jsonb_build_object(
    'user_id', refund.user_id, 'idempotency_key', refund.key
  ) || refund.arguments)
$$;
create function pg_temp.said(answer jsonb) returns text
language sql as $$
  select case when answer ? 'error' then pg_temp.refusal(answer) else concat_ws(' ',
    answer ->> 'delta', 'balance', answer ->> 'balance',
    case when (answer ->> 'replayed')::boolean then 'again' end
  ) end
$$;
create function pg_temp.merge(from_user uuid, into_user uuid) returns text
language sql as $$
  select a ->> 'balance' from pg_temp.invoke('merge_token_wallets', jsonb_build_object(
    'from_user', merge.from_user, 'into_user', merge.into_user,
    'idempotency_key', gen_random_uuid()
  )) a
$$;

-- All of it, by its key
select pg_temp.user_with(10) as mina \gset
select pg_temp.spend(:'mina', 6, 'job') as job \gset
select is(
  pg_temp.refund(:'mina', 'r1', '{"spend_key": "job", "reason": "it failed"}')
  - array['created_at', 'user_id'],
  jsonb_build_object(
    'seq', 3, 'delta', 6, 'balance', 10, 'payment_id', null, 'hold_id', null,
    'kind', 'spend_refund', 'idempotency_key', 'r1', 'feature', null, 'reason', 'it failed',
    'metadata', jsonb_build_object('spend_user', :'mina', 'spend_seq', 2), 'replayed', false
  ), 'a refund names its spend and gives back what that took'
);
select is(
  pg_temp.history(:'mina'), 'grant 10, spend -6, spend_refund 6', 'the history shows both'
);
select is(
  pg_temp.said(pg_temp.refund(:'mina', 'r1', '{"spend_key": "job"}')), '6 balance 10 again',
  'once per key'
);
select is(
  pg_temp.said(pg_temp.refund(:'mina', 'r2', r.arguments::jsonb)),
  'PT409 spend_refunded {"left": 0, "spent": 6}', 'under another key there is nothing left'
) from (values
  ('{"spend_key": "job"}'), ('{"spend_key": "job", "amount": 1}'), ('{"spend_seq": 2}')
) r (arguments);
select is(
  pg_temp.said(pg_temp.spend(:'mina', 6, 'job')), 'PT409 spend_refunded {"left": 0, "spent": 6}',
  'the spend, repeated, does not say that it is paid'
);
select is(pg_temp.wallet(:'mina'), 'tokens=10 held=0 seq=3', 'none of which moved anything');

-- In parts
select pg_temp.spend(:'mina', 5, 'parts') as parts \gset
select is(
  pg_temp.said(pg_temp.refund(:'mina', p.key, p.arguments::jsonb)), p.expected,
  p.key || ' ' || p.arguments
) from (values
  ('p1', '{"spend_key": "parts", "amount": 2}', '2 balance 7'),
  ('p1', '{"spend_key": "parts", "amount": 2}', '2 balance 7 again'),
  ('p1', '{"spend_key": "parts", "amount": 3}', 'PT409 idempotency_key_reused {}'),
  ('p2', '{"spend_key": "parts", "amount": 4}', 'PT409 spend_refunded {"left": 3, "spent": 5}'),
  ('p2', '{"spend_seq": 4}', '3 balance 10'),
  ('p2', '{"spend_key": "parts"}', '3 balance 10 again'),
  ('p3', '{"spend_key": "parts"}', 'PT409 spend_refunded {"left": 0, "spent": 5}')
) p (key, arguments, expected);
select pg_temp.spend(:'mina', 5, 'half') as half \gset
select pg_temp.refund(:'mina', 'h1', '{"spend_key": "half", "amount": 1}') as refunded \gset
select is(
  pg_temp.said(pg_temp.spend(:'mina', 5, 'half')), '-5 balance 5 again',
  'a spend of which something is left is paid'
);

-- What the key of a refund is
select is(
  pg_temp.refusal(pg_temp.as_service(format(c.statement, :'mina'))),
  'PT409 idempotency_key_reused {}', 'it is the key of no other call: ' || c.statement
) from (values
  ($$select * from spend_tokens_for(%L, 1, 'r1')$$), ($$select * from add_tokens(%L, 6, 'r1')$$),
  ($$select * from hold_tokens_for(%L, 1, 'r1')$$),
  ($$select * from refund_spend_for(%L, 'r1', 'half')$$),
  ($$select * from refund_spend_for(%L, 'half', 'half')$$)
) c (statement);
select pg_temp.as_service(format($$select * from hold_tokens_for(%L, 1, 'held')$$, :'mina'))
  ->> 'id' as held \gset
select is(
  pg_temp.said(pg_temp.refund(:'mina', 'held', '{"spend_key": "half"}')),
  'PT409 idempotency_key_reused {}', 'nor that of an open hold'
);

-- Uses of features, and captures of holds
select pg_temp.as_service(format($$select * from use_feature_for(%L, 'answer', 'f')$$, :'mina'))
  as used \gset
select is(
  pg_temp.refund(:'mina', 'f1', '{"spend_key": "f"}') ->> 'feature', 'answer',
  'what a use cost comes back to its feature'
);
select is(
  pg_temp.said(pg_temp.refund(:'mina', 'c1', '{"spend_key": "held"}')),
  'PT404 spend_not_found {"spends": []}', 'what is held is not spent'
);
select pg_temp.as_service(format('select * from capture_token_hold(%L, 3, true)', :'held'))
  as captured \gset
select is(
  pg_temp.said(pg_temp.refund(:'mina', 'c1', '{"spend_key": "held"}')), '3 balance 6',
  'a capture is given back, with what it took beyond the hold'
);
select is(
  pg_temp.as_service(format('select * from capture_token_hold(%L, 3, true)', :'held'))
  -> 'replayed', 'true'::jsonb, 'and captured no second time'
);

-- Whose key
select pg_temp.as_user(:'mina', $$select * from spend_tokens(2, 'mine')$$) as mine \gset
select is(
  pg_temp.said(pg_temp.refund(:'mina', 'u1', '{"spend_key": "mine"}')),
  'PT404 spend_not_found {"spends": []}', 'a user''s spend is no spend of the service''s'
);
select is(
  pg_temp.said(pg_temp.refund(:'mina', 'u1', '{"spend_key": "mine", "caller": "user"}')),
  '2 balance 6', 'unless it is asked for'
);

-- What is no spend
select is(
  pg_temp.said(pg_temp.refund(:'mina', 'n', n.arguments::jsonb)), n.expected, n.arguments
) from (values
  ('{"spend_seq": 1}', 'PT404 spend_not_found {"spends": []}'),
  ('{"spend_seq": 3}', 'PT404 spend_not_found {"spends": []}'),
  ('{"spend_seq": 99}', 'PT404 spend_not_found {"spends": []}'),
  ('{"spend_key": "opening balance"}', 'PT404 spend_not_found {"spends": []}'),
  ('{}', 'PT400 invalid_argument {"argument": "spend_key"}'),
  ('{"spend_key": "half", "spend_seq": 6}', 'PT400 invalid_argument {"argument": "spend_key"}'),
  ('{"spend_key": "half", "caller": "system"}', 'PT400 invalid_argument {"argument": "caller"}'),
  ('{"spend_key": "half", "amount": 0}', 'PT400 invalid_amount {"amount": 0}'),
  ('{"spend_key": "half", "amount": -1}', 'PT400 invalid_amount {"amount": -1}')
) n (arguments, expected);
select is(
  pg_temp.said(pg_temp.refund(:'mina', repeat('k', 256), '{"spend_key": "half"}')),
  'PT400 invalid_argument {"argument": "idempotency_key", "max_length": 255, "min_length": 1}',
  'a key that is too long'
);
select pg_temp.user_with(5) as stranger \gset
select is(
  pg_temp.said(pg_temp.refund(:'stranger', 's', '{"spend_key": "half"}')),
  'PT404 spend_not_found {"spends": []}', 'nobody gets what another one spent'
);

-- A debt is paid first; a full wallet takes nothing
select pg_temp.user_with(5) as lee \gset
select pg_temp.spend(:'lee', 5, 'job') as spent \gset
select pg_temp.change(format(
  'select coinslot.post_entry(coinslot.new_entry(%L, %L, -8, %L))', :'lee', 'refund', 'system'
)) \gset
select is(
  pg_temp.said(pg_temp.refund(:'lee', 'r', '{"spend_key": "job"}')), '5 balance -3',
  'it pays a debt'
);
select pg_temp.user_with(5) as full \gset
select pg_temp.spend(:'full', 5, 'job') as spent \gset
select pg_temp.invoke('add_tokens', jsonb_build_object(
  'user_id', :'full', 'amount', 9007199254740990, 'idempotency_key', 'fill'
)) as filled \gset
select is(
  pg_temp.said(pg_temp.refund(:'full', 'r', '{"spend_key": "job"}')),
  'PT400 invalid_amount {"tokens": 9007199254740990}', 'a full wallet takes no more'
);

-- Closed, and open again
select pg_temp.user_with(5) as gone \gset
select pg_temp.spend(:'gone', 5, 'job') as spent \gset
select pg_temp.refund(:'gone', 'r1', '{"spend_key": "job", "amount": 2}') as refunded \gset
delete from auth.users where id = :'gone';
select is(
  pg_temp.said(pg_temp.refund(:'gone', 'r2', '{"spend_key": "job"}')), 'PT404 wallet_not_found {}',
  'a closed wallet takes none'
);
select is(
  pg_temp.said(pg_temp.refund(:'gone', 'r1', '{"spend_key": "job"}')), '2 balance 2 again',
  'what it had taken it still says'
);
insert into auth.users (id, email) values (:'gone', 'back@example.com');
select is(
  pg_temp.said(pg_temp.refund(:'gone', 'r2', '{"spend_key": "job"}')), '3 balance 5',
  'whoever comes back gets the rest'
);

-- Merged: the tokens go to whoever has the history now
select pg_temp.user_with(9) as phone, pg_temp.user_with(9) as tablet,
  pg_temp.user_with(9) as desk \gset
select pg_temp.spend(:'phone', 4, 'job') as a, pg_temp.spend(:'tablet', 5, 'job') as b,
  pg_temp.refund(:'phone', 'before', '{"spend_key": "job", "amount": 1}') as c \gset
select pg_temp.merge(:'phone', :'desk') as merged \gset
select is(
  pg_temp.said(pg_temp.refund(:'phone', 'r1', '{"spend_key": "job", "amount": 1}')),
  '1 balance 16', 'named by the user who spent'
);
select is(
  pg_temp.said(pg_temp.refund(:'desk', 'r2', '{"spend_key": "job", "amount": 1}')),
  '1 balance 17', 'or by the one who has it now'
);
select is(
  pg_temp.said(pg_temp.refund(r.user_id, r.key, r.arguments::jsonb)), r.expected,
  'found again: ' || r.key
) from (values
  (:'desk'::uuid, 'before', '{"spend_key": "job", "amount": 1}', '1 balance 6 again'),
  (:'desk'::uuid, 'r1', '{"spend_key": "job", "amount": 1}', '1 balance 16 again'),
  (:'phone'::uuid, 'r2', '{"spend_key": "job", "amount": 1}', '1 balance 17 again')
) r (user_id, key, arguments, expected);
select pg_temp.merge(:'desk', :'tablet') as merged \gset
select is(
  pg_temp.said(pg_temp.refund(:'phone', 'r3', '{"spend_key": "job"}')), '1 balance 22',
  'it goes on to whoever takes over next'
);
select is(
  pg_temp.said(pg_temp.refund(:'tablet', 'r4', '{"spend_key": "job"}')), '5 balance 27',
  'one''s own spend comes first'
);
select pg_temp.user_with(0) as last \gset
select pg_temp.merge(:'tablet', :'last') as merged \gset
select is(
  pg_temp.said(pg_temp.refund(:'last', 'r5', '{"spend_key": "job"}')) like
  'PT404 spend_not_found {"spends": [{%}, {%}]}', true, 'of two that fit neither is guessed'
);
select is(pg_temp.wallet(:'phone'), 'tokens=0 held=0 seq=4 closed', 'nothing lands where it was');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');

-- Books that do not
insert into coinslot.spend_refunds (user_id, seq, spend_user, spend_seq, tokens)
values (:'mina', 1, :'mina', 2, 1);
select is(
  array(select concat_ws(' ', v.problem, v.expected, v.found)
    from coinslot.verify_ledger(null, null) v order by 1),
  array['spend_refund 20 19', 'spend_refunded 6 7'], 'more given back than was spent is seen'
);
select * from finish();
rollback;
