-- Users who are banned at Auth. Auth gives them no new JWT; with one that they have they go on until
-- it ends, since no call asks Auth's tables for it. What is theirs stays theirs.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
select plan(11);

select pg_temp.user_with(10) as mina, pg_temp.sign_up('late@example.com', false) as late \gset
select pg_temp.as_user(:'mina', $$select * from create_token_order('starter', 'portone')$$)
  ->> 'order_id' as before \gset
update auth.users set banned_until = now() + interval '1 day' where id in (:'mina', :'late');
select is(
  pg_temp.as_user(:'mina', 'select get_user_tokens() as tokens') -> 'tokens', '10'::jsonb,
  'the banned read their balance'
);
select is(
  pg_temp.as_user(:'mina', 'select count(*) as n from token_ledger') -> 'n', '1'::jsonb,
  'and their history'
);
select is(
  pg_temp.as_user(:'mina', $$select * from spend_tokens(1, 's')$$) -> 'balance', '9'::jsonb,
  'spend with the JWT that they have'
);
select is(
  pg_temp.as_user(:'mina', $$select * from create_token_order('starter', 'portone')$$) ->> 'status',
  'pending', 'and order with it'
);
select is(
  pg_temp.as_service(format($$select * from hold_tokens_for(%L, 1, 'h')$$, :'mina')) ->> 'status',
  'held', 'the service holds'
);
select is(
  pg_temp.as_service(format($$select * from spend_tokens_for(%L, 1, 'f')$$, :'mina')) -> 'balance',
  '8'::jsonb, 'spends'
);
select is(
  pg_temp.as_service(format($$select * from refund_spend_for(%L, 'r', 'f')$$, :'mina'))
  -> 'balance', '9'::jsonb, 'and gives back for them as for anybody'
);
select is(
  pg_temp.read(:'before', 'A:paid paid=5000'), 'credited completed 19',
  'what they pay for is theirs'
);
select is(
  pg_temp.read(:'before', 'A:paid paid=5000 refunded=5000'), 'reversed refunded 9',
  'and what is given back is taken'
);
update auth.users set email_confirmed_at = now() where id = :'late';
select is(
  pg_temp.history(:'late'), 'signup_bonus 5', 'the bonus is decided by identities, banned or not'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select * from finish();
rollback;
