-- Spending and granting: what a call may take, what a repeated call answers, what a refusal leaves.
begin;
\ir helpers/call.sql
select plan(57);

select pg_temp.user_with(10) as mina, pg_temp.user_with(10) as alex \gset

-- The receipt
select is(
  pg_temp.as_user(:'mina', $$select * from spend_tokens(3, 'k1', 'why', '{"a": 1}')$$)
  - 'created_at',
  jsonb_build_object(
    'user_id', :'mina', 'seq', 2, 'delta', -3, 'balance', 7, 'payment_id', null, 'hold_id', null,
    'kind', 'spend', 'idempotency_key', 'k1', 'feature', null, 'reason', 'why',
    'metadata', '{"a": 1}'::jsonb, 'replayed', false
  ),
  'a spend answers the entry it wrote'
);
select is(
  pg_temp.as_user(:'mina', $$select * from spend_tokens(3, 'k1', 'why', '{"a": 1}')$$),
  pg_temp.as_user(:'mina', $$select * from spend_tokens(3, 'k1')$$),
  'a repeated call answers the same again, whatever reason it now gives'
);
select is(
  pg_temp.as_user(:'mina', $$select * from spend_tokens(3, 'k1')$$) -> 'replayed', 'true'::jsonb,
  'and says that it is a repetition'
);
select is(pg_temp.wallet(:'mina'), 'tokens=7 held=0 seq=2', 'four calls with one key debit once');
select is(pg_temp.history(:'mina'), 'grant 10, spend -3', 'and leave one entry');

-- Other parameters under a used key
select is(
  pg_temp.refusal(pg_temp.as_user(:'mina', c.statement)), 'PT409 idempotency_key_reused {}',
  'one key, another call: ' || c.statement
) from (values
  ($$select * from spend_tokens(2, 'k1')$$),
  ($$select * from spend_tokens(7, 'k1')$$),
  ($$select * from spend_tokens(9007199254740991, 'k1')$$),
  ($$select * from use_feature('question', 'k1')$$)
) c (statement);
select is(
  pg_temp.as_user(:'mina', $$select * from use_feature('answer', 'f1', '{"b": 2}')$$)
  - array['created_at', 'user_id', 'payment_id', 'hold_id'],
  '{"seq": 3, "delta": -2, "balance": 5, "kind": "spend", "idempotency_key": "f1",
    "feature": "answer", "reason": "", "metadata": {"b": 2}, "replayed": false}',
  'a feature costs its price'
);
select is(
  pg_temp.refusal(pg_temp.as_user(:'mina', c.statement)), 'PT409 idempotency_key_reused {}',
  'the key of a feature is no key of another call: ' || c.statement
) from (values
  ($$select * from spend_tokens(2, 'f1')$$), ($$select * from use_feature('question', 'f1')$$)
) c (statement);
select pg_temp.change(
  'update public.token_features set tokens = 4 where feature = ''answer'''
) \gset
select is(
  pg_temp.as_user(:'mina', $$select * from use_feature('answer', 'f1')$$) -> 'delta', '-2'::jsonb,
  'a feature used before its price rose is not charged again'
);
select is(
  pg_temp.as_user(:'mina', $$select * from use_feature('answer', 'f2')$$) -> 'delta', '-4'::jsonb,
  'and costs the new price from then on'
);
select is(pg_temp.wallet(:'mina'), 'tokens=1 held=0 seq=4', 'which adds up');

-- Too little
select is(
  pg_temp.refusal(pg_temp.as_user(:'mina', $$select * from spend_tokens(2, 'k2')$$)),
  'PT402 insufficient_tokens {"tokens": 1, "required": 2}', 'nobody spends what they have not'
);
select is(pg_temp.wallet(:'mina'), 'tokens=1 held=0 seq=4', 'a refusal changes no balance');
select is(
  pg_temp.as_user(:'mina', $$select * from spend_tokens(1, 'k2')$$) -> 'replayed', 'false'::jsonb,
  'and stores nothing: its key is free, even for another amount'
);
select is(
  pg_temp.as_user(:'mina', $$select * from spend_tokens(3, 'k1')$$) -> 'balance', '7'::jsonb,
  'a repeated call is answered although the balance no longer allows it'
);
select is(
  pg_temp.refusal(pg_temp.as_user(:'mina', $$select * from use_feature('answer', 'f3')$$)),
  'PT402 insufficient_tokens {"tokens": 0, "required": 4}', 'features ask the balance too'
);

-- Keys of the user, the service and the system do not meet
select is(
  pg_temp.as_service(format($$select * from spend_tokens_for(%L, 1, 'k1')$$, :'alex'))
  -> 'replayed', 'false'::jsonb, 'another wallet may use the same key'
);
select is(
  pg_temp.as_user(:'alex', $$select * from spend_tokens(1, 'k1')$$) -> 'replayed', 'false'::jsonb,
  'a user''s key is not the service''s key'
);
select is(
  pg_temp.as_user(:'alex', $$select * from spend_tokens(2, 'opening balance')$$) -> 'delta',
  '-2'::jsonb, 'a user cannot occupy a key of the service, nor be refused by one'
);
select is(
  pg_temp.as_service(format(
    $$select * from use_feature_for(%L, 'question', 'k2', '{"c": 3}')$$, :'alex'
  ))
  - array['created_at', 'user_id', 'payment_id', 'hold_id'],
  '{"seq": 5, "delta": -1, "balance": 5, "kind": "spend", "idempotency_key": "k2",
    "feature": "question", "reason": "", "metadata": {"c": 3}, "replayed": false}',
  'the service uses a feature for a user'
);
select is(
  pg_temp.refusal(pg_temp.as_service(format(c.statement, :'alex'))),
  'PT409 idempotency_key_reused {}', 'service keys are one space: ' || c.statement
) from (values
  ($$select * from spend_tokens_for(%L, 1, 'opening balance')$$),
  ($$select * from add_tokens(%L, 1, 'k1')$$),
  ($$select * from add_tokens(%L, -1, 'k1', '', 'adjustment')$$),
  ($$select * from hold_tokens_for(%L, 1, 'k1')$$),
  ($$select * from add_tokens(%L, 9, 'opening balance')$$),
  ($$select * from add_tokens(%L, 10, 'opening balance', '', 'adjustment')$$)
) c (statement);
select is(pg_temp.wallet(:'alex'), 'tokens=5 held=0 seq=5', 'none of them moved anything');

-- Granting and adjusting
select is(
  pg_temp.as_service(format($$select * from add_tokens(%L, 10, 'g1', 'thanks')$$, :'alex'))
  - array['created_at', 'user_id', 'payment_id', 'hold_id'],
  '{"seq": 6, "delta": 10, "balance": 15, "kind": "grant", "idempotency_key": "g1",
    "feature": null, "reason": "thanks", "metadata": {}, "replayed": false}',
  'a grant adds'
);
select is(
  pg_temp.as_service(format($$select * from add_tokens(%L, 10, 'g1', 'thanks')$$, :'alex'))
  -> 'replayed', 'true'::jsonb, 'once'
);
select is(
  pg_temp.as_service(format($$select * from add_tokens(%L, -5, 'a1', '', 'adjustment')$$, :'alex'))
  - array['created_at', 'user_id', 'payment_id', 'hold_id'],
  '{"seq": 7, "delta": -5, "balance": 10, "kind": "adjustment", "idempotency_key": "a1",
    "feature": null, "reason": "", "metadata": {}, "replayed": false}',
  'an adjustment may take'
);
select is(
  pg_temp.as_service(format($$select * from add_tokens(%L, -5, 'a1', '', 'adjustment')$$, :'alex'))
  -> 'replayed', 'true'::jsonb, 'once'
);
select is(
  pg_temp.refusal(pg_temp.as_service(format(c.statement, :'alex'))), c.expected,
  'refused: ' || c.statement
) from (values
  ($$select * from add_tokens(%L, -11, 'a2', '', 'adjustment')$$,
   'PT402 insufficient_tokens {"tokens": 10, "required": 11}'),
  ($$select * from add_tokens(%L, -1, 'a2')$$, 'PT400 invalid_amount {"amount": -1}'),
  ($$select * from add_tokens(%L, 0, 'a2', '', 'adjustment')$$,
   'PT400 invalid_amount {"amount": 0}'),
  ($$select * from add_tokens(%L, 9007199254740991, 'a2')$$, 'PT400 invalid_amount {"tokens": 10}'),
  ($$select * from add_tokens(%L, 1, 'a2', '', 'purchase')$$,
   'PT400 invalid_argument {"argument": "kind"}'),
  ($$select * from add_tokens(%L, 1, 'a2', '', null)$$,
   'PT400 invalid_argument {"argument": "kind"}')
) c (statement, expected);
select is(
  pg_temp.as_service(format($$select * from add_tokens(%L, 9007199254740981, 'a3')$$, :'alex'))
  -> 'balance', '9007199254740991'::jsonb, 'a wallet holds up to 2^53 - 1'
);
select is(
  pg_temp.as_user(:'alex', $$select * from spend_tokens(9007199254740991, 'all')$$) -> 'balance',
  '0'::jsonb, 'and all of it can be spent'
);

-- Nobody there
select is(
  pg_temp.refusal(pg_temp.as_service(format(c.statement, c.who))), 'PT404 wallet_not_found {}',
  format('nobody there: ' || c.statement, c.who)
) from (values
  ($$select * from spend_tokens_for(%L, 1, 'n')$$, gen_random_uuid()),
  ($$select * from use_feature_for(%L, 'question', 'n')$$, gen_random_uuid()),
  ($$select * from add_tokens(%L, 1, 'n')$$, gen_random_uuid()),
  ($$select * from add_tokens(%L, -1, 'n', '', 'adjustment')$$, gen_random_uuid()),
  ($$select * from spend_tokens_for(%L, 1, 'n')$$, null),
  ($$select * from add_tokens(%L, 1, 'n')$$, null)
) c (statement, who);

-- A closed wallet answers repeated calls and takes no new ones
delete from auth.users where id = :'mina';
select is(
  pg_temp.as_user(:'mina', $$select * from spend_tokens(3, 'k1')$$) -> 'replayed', 'true'::jsonb,
  'what was done before the user was deleted is still answered'
);
select is(
  pg_temp.refusal(pg_temp.as_service(format(c.statement, :'mina'))), 'PT404 wallet_not_found {}',
  'a closed wallet refuses: ' || c.statement
) from (values
  ($$select * from spend_tokens_for(%L, 1, 'n')$$), ($$select * from add_tokens(%L, 1, 'n')$$)
) c (statement);

-- Reading a balance
select is(
  pg_temp.as_user(:'alex', 'select get_user_tokens() as tokens') -> 'tokens', '0'::jsonb,
  'people read their balance'
);
select is(
  pg_temp.as_user(gen_random_uuid(), 'select get_user_tokens() as tokens') -> 'tokens', '0'::jsonb,
  'nobody without a wallet has any'
);
select is(
  pg_temp.refusal(pg_temp.as_user(:'alex', $$select * from spend_tokens(1, 'k2')$$)),
  'PT402 insufficient_tokens {"tokens": 0, "required": 1}',
  'what the service did under a key answers no call of the user'
);
select is(
  pg_temp.as_user(:'alex', 'select tokens(p) as tokens from profiles p') -> 'tokens', '0'::jsonb,
  'the profile''s computed field reads the same'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select * from finish();
rollback;
