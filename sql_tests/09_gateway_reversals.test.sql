-- The funnel, where money goes back: tokens follow it, to the last one, and come back with it.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

create temporary table stories (product, protects, steps, expected) as values
('starter', 'a refund takes all tokens, once',
 array['A:paid paid=5000', 'A:canceled paid=5000 refunded=5000',
   'A:canceled paid=5000 refunded=5000', '?history', '?events'],
 array['credited completed 10', 'reversed refunded 0', 'unchanged refunded 0',
   'purchase 10, refund -10', 'pending, pending>completed 10, completed>refunded -10']),
('starter', 'partial refunds round in the buyer''s favour, and the last takes exactly the rest',
 array['A:paid paid=5000', 'A:paid paid=5000 refunded=1499', 'A:paid paid=5000 refunded=1500',
   'A:paid paid=5000 refunded=4999', 'A:paid paid=5000 refunded=5000', '?history'],
 array['credited completed 10', 'reversed partially_refunded 8', 'reversed partially_refunded 7',
   'reversed partially_refunded 1', 'reversed refunded 0',
   'purchase 10, refund -2, refund -1, refund -6, refund -1']),
('starter', 'a refund too small for a token moves the state and no token',
 array['A:paid paid=5000', 'A:paid paid=5000 refunded=499', '?history'],
 array['credited completed 10', 'moved partially_refunded 10', 'purchase 10']),
('premium', 'three thirds of a hundred tokens are a hundred',
 array['A:paid paid=35000', 'A:paid paid=35000 refunded=11666', 'A:paid paid=35000 refunded=23332',
   'A:paid paid=35000 refunded=34998', 'A:paid paid=35000 refunded=35000', '?history'],
 array['credited completed 100', 'reversed partially_refunded 67', 'reversed partially_refunded 34',
   'reversed partially_refunded 1', 'reversed refunded 0',
   'purchase 100, refund -33, refund -33, refund -33, refund -1']),
('premium_reading', 'a refund of a single thing takes no tokens',
 array['A:paid paid=13000', 'A:paid paid=13000 refunded=5000', 'A:paid paid=13000 refunded=13000',
   '?history'],
 array['credited completed 0', 'moved partially_refunded 0', 'moved refunded 0', '']),
('starter', 'a refund that failed at the gateway gives back',
 array['A:paid paid=5000', 'A:paid paid=5000 refunded=5000', 'A:paid paid=5000 refunded=2500',
   'A:paid paid=5000', 'A:paid paid=5000 refunded=5000', '?history'],
 array['credited completed 10', 'reversed refunded 0', 'restored partially_refunded 5',
   'restored completed 10', 'reversed refunded 0',
   'purchase 10, refund -10, reversal 5, reversal 5, refund -10']),
('starter', 'a refund seen at the very first read is honoured from the start',
 array['A:paid paid=5000 refunded=1000', 'A:paid paid=5000 refunded=1000', '?history'],
 array['credited partially_refunded 8', 'unchanged partially_refunded 8',
   'purchase 10, refund -2']),
('starter', 'and so is one of everything',
 array['A:canceled paid=5000 refunded=5000', 'A:canceled paid=5000 refunded=5000', '?history'],
 array['credited refunded 0', 'unchanged refunded 0', 'purchase 10, refund -10']),
('starter', 'more refunded than paid takes no more than was given',
 array['A:paid paid=5000', 'A:paid paid=5000 refunded=9000', '?history'],
 array['credited completed 10', 'reversed refunded 0', 'purchase 10, refund -10']),
('starter', 'a dispute that is only asked for takes nothing yet',
 array['A:paid paid=5000', 'A:paid paid=5000 disputed=5000', 'A:paid paid=5000', '?history'],
 array['credited completed 10', 'moved disputed 10', 'moved completed 10', 'purchase 10']),
('starter', 'a dispute whose money is withdrawn takes the tokens, and winning gives them back',
 array['A:paid paid=5000', 'A:paid paid=5000 disputed=5000 withdrawn=5000', 'A:paid paid=5000',
   '?history'],
 array['credited completed 10', 'reversed disputed 0', 'restored completed 10',
   'purchase 10, dispute -10, reversal 10']),
('starter', 'a dispute that was lost stays lost',
 array['A:paid paid=5000', 'A:paid paid=5000 disputed=5000 withdrawn=5000',
   'A:paid paid=5000 withdrawn=5000', 'A:paid paid=5000 withdrawn=5000', '?history'],
 array['credited completed 10', 'reversed disputed 0', 'moved charged_back 0',
   'unchanged charged_back 0', 'purchase 10, dispute -10']),
('starter', 'a lost dispute can still be won on appeal',
 array['A:paid paid=5000', 'A:paid paid=5000 withdrawn=5000', 'A:paid paid=5000 disputed=5000',
   'A:paid paid=5000', '?history'],
 array['credited completed 10', 'reversed charged_back 0', 'restored disputed 10',
   'moved completed 10', 'purchase 10, dispute -10, reversal 10']),
('starter', 'refund and dispute together never take a token twice',
 array['A:paid paid=5000', 'A:paid paid=5000 refunded=2000',
   'A:paid paid=5000 refunded=2000 disputed=3000',
   'A:paid paid=5000 refunded=2000 withdrawn=3000',
   'A:paid paid=5000 refunded=2000', '?history'],
 array['credited completed 10', 'reversed partially_refunded 6', 'moved disputed 6',
   'reversed charged_back 0', 'restored partially_refunded 6',
   'purchase 10, refund -4, dispute -6, reversal 6']),
('starter', 'a dispute opened, withdrawn, lost takes the tokens once, however often it is read',
 array['A:paid paid=5000', 'A:paid paid=5000 disputed=5000', 'A:paid paid=5000 disputed=5000',
   'A:paid paid=5000 disputed=5000 withdrawn=5000',
   'A:paid paid=5000 disputed=5000 withdrawn=5000', 'A:paid paid=5000 withdrawn=5000',
   'A:paid paid=5000 withdrawn=5000', '?history', '?events'],
 array['credited completed 10', 'moved disputed 10', 'unchanged disputed 10',
   'reversed disputed 0', 'unchanged disputed 0', 'moved charged_back 0',
   'unchanged charged_back 0', 'purchase 10, dispute -10',
   'pending, pending>completed 10, completed>disputed, disputed>disputed -10, '
   || 'disputed>charged_back']),
('starter', 'a dispute that is won gives the tokens back once, however often it is read',
 array['A:paid paid=5000', 'A:paid paid=5000 disputed=5000 withdrawn=5000', 'A:paid paid=5000',
   'A:paid paid=5000', '!spend 10', 'A:paid paid=5000', '?history'],
 array['credited completed 10', 'reversed disputed 0', 'restored completed 10',
   'unchanged completed 10', '0', 'unchanged completed 0',
   'purchase 10, dispute -10, reversal 10, spend -10']),
('starter', 'money reinstated before the dispute is decided gives the tokens back at once',
 array['A:paid paid=5000', 'A:paid paid=5000 disputed=5000 withdrawn=5000',
   'A:paid paid=5000 disputed=5000', 'A:paid paid=5000', '?history'],
 array['credited completed 10', 'reversed disputed 0', 'restored disputed 10',
   'moved completed 10', 'purchase 10, dispute -10, reversal 10']),
('starter', 'a dispute of spent tokens is a debt, and winning it settles the debt',
 array['A:paid paid=5000', '!spend 7', 'A:paid paid=5000 disputed=5000 withdrawn=5000', '!spend 1',
   'A:paid paid=5000', '!spend 3'],
 array['credited completed 10', '3', 'reversed disputed -7',
   'PT402 insufficient_tokens {"tokens": -7, "required": 1}', 'restored completed 3', '0']),
('starter', 'refund and dispute of more than was paid take what was credited, and no more',
 array['A:paid paid=5000', 'A:paid paid=5000 refunded=3000',
   'A:paid paid=5000 refunded=3000 disputed=5000 withdrawn=5000',
   'A:paid paid=5000 refunded=3000', 'A:paid paid=5000 refunded=5000 withdrawn=5000', '?history'],
 array['credited completed 10', 'reversed partially_refunded 4', 'reversed disputed 0',
   'restored partially_refunded 4', 'reversed refunded 0',
   'purchase 10, refund -6, dispute -4, reversal 4, dispute -4']),
('starter', 'a partial dispute that was lost is a part given back',
 array['A:paid paid=5000', 'A:paid paid=5000 withdrawn=2500', '?history'],
 array['credited completed 10', 'reversed partially_refunded 5', 'purchase 10, dispute -5']),
('starter', 'the money of a deleted user can still go back, below zero if need be',
 array['A:paid paid=5000', '!delete', 'A:paid paid=5000 refunded=2500',
   'A:paid paid=5000 refunded=5000', 'A:paid paid=5000', '?history', '?open'],
 array['credited completed 10', 'gone', 'reversed partially_refunded 5', 'reversed refunded 0',
   'restored completed 10', 'purchase 10, refund -5, refund -5, reversal 10', null]),
('starter', 'a late deposit that the bank undoes takes its tokens back',
 array['!expire', 'A:paid paid=5000', 'A:awaiting_deposit', '?history'],
 array['1', 'credited completed 10', 'reversed expired 0', 'purchase 10, refund -10']),
('starter', 'money the gateway has after all lost to a failure takes its tokens back',
 array['A:paid paid=5000', 'A:failed', '?history', 'A:paid paid=5000'],
 array['credited completed 10', 'reversed failed 0', 'purchase 10, refund -10',
   'credited completed 10']),
('starter', 'money the gateway has called off takes its tokens back',
 array['A:paid paid=5000', 'A:canceled', '?history'],
 array['credited completed 10', 'reversed canceled 0', 'purchase 10, refund -10']),
('starter', 'money the gateway no longer knows of takes its tokens back',
 array['A:paid paid=5000', 'A:ready', '?history'],
 array['credited completed 10', 'reversed pending 0', 'purchase 10, refund -10']),
('starter', 'a deposit undone after a partial refund takes the rest',
 array['A:paid paid=5000', 'A:paid paid=5000 refunded=1000', 'A:awaiting_deposit', '?history'],
 array['credited completed 10', 'reversed partially_refunded 8', 'reversed awaiting_deposit 0',
   'purchase 10, refund -2, refund -8']),
('starter', 'a deposit undone beside a tampered attempt with money goes to review',
 array['A:paid paid=5000', 'B:paid amount=100 paid=100', 'A:awaiting_deposit'],
 array['credited completed 10', 'review completed 10', 'reversed review 0']),
('starter', 'a refund that fails under a lost dispute is a chargeback',
 array['A:paid paid=5000', 'A:paid paid=5000 refunded=5000 withdrawn=5000',
   'A:paid paid=5000 withdrawn=5000'],
 array['credited completed 10', 'reversed refunded 0', 'moved charged_back 0']),
('starter', 'a refund that fails under an open dispute is a dispute',
 array['A:paid paid=5000', 'A:paid paid=5000 refunded=5000 disputed=5000',
   'A:paid paid=5000 disputed=5000'],
 array['credited completed 10', 'reversed refunded 0', 'restored disputed 10']),
('starter', 'a second payment of a refunded order is for a person to decide',
 array['A:paid paid=5000', 'A:canceled paid=5000 refunded=5000', 'B:paid paid=5000', '?history',
   '?open'],
 array['credited completed 10', 'reversed refunded 0', 'duplicate refunded 0',
   'purchase 10, refund -10', 'duplicate_payment']);

select plan((select count(*)::integer from stories) + 6);
select is(pg_temp.play(s.product, s.steps), s.expected, s.protects) from stories s;

-- Tokens that are spent already are owed.
select pg_temp.user_with(0) as mina \gset
select pg_temp.as_user(:'mina', $$select * from create_order('starter', 'portone')$$)
  ->> 'order_id' as order_id \gset
select is(pg_temp.read(:'order_id', 'A:paid paid=5000'), 'credited completed 10', 'ten are bought');
select is(
  pg_temp.as_user(:'mina', $$select * from spend_tokens(8, 'k')$$) -> 'balance', '2'::jsonb,
  'eight are spent'
);
select is(
  pg_temp.read(:'order_id', 'A:paid paid=5000 refunded=5000'), 'reversed refunded -8',
  'a refund of spent tokens is a debt'
);
select is(
  pg_temp.refusal(pg_temp.as_user(:'mina', $$select * from spend_tokens(1, 'l')$$))
  like 'PT402 insufficient_tokens %', true, 'with which nothing is bought'
);
select pg_temp.as_user(:'mina', $$select * from create_order('standard', 'portone')$$)
  ->> 'order_id' as next_id \gset
select is(
  pg_temp.read(:'next_id', 'A:paid paid=12000'), 'credited completed 22',
  'and which the next purchase pays first'
);
select is(
  pg_temp.history(:'mina'), 'purchase 10, spend -8, refund -10, purchase 30', 'as the books say'
);
select * from finish();
rollback;
