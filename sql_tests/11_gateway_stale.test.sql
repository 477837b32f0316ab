-- Reads of the gateway race each other: the version decides, and an older never undoes a newer.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

-- version=1 is what somebody knows who opened the order before all the rest happened.
create temporary table stories (protects, steps, expected) as values
('paid, read before the refund and applied after it, does not give the tokens back',
 array['A:paid paid=5000', 'A:paid paid=5000 refunded=5000', 'A:paid paid=5000 version=1',
   'A:paid paid=5000 version=2', '?history', '?open'],
 array['credited completed 10', 'reversed refunded 0', 'stale refunded 0', 'stale refunded 0',
   'purchase 10, refund -10', null]),
('ready, read before the payment and applied after it, does not take the tokens',
 array['A:ready', 'A:paid paid=5000', 'A:ready version=1', 'A:ready version=2', '?history'],
 array['unchanged pending 0', 'credited completed 10', 'stale completed 10', 'stale completed 10',
   'purchase 10']),
('awaiting, read before the deposit and applied after it, does not undo it',
 array['A:awaiting_deposit', 'A:paid paid=5000', 'A:awaiting_deposit version=2'],
 array['moved awaiting_deposit 0', 'credited completed 10', 'stale completed 10']),
('failed, read before the second try and applied after it, moves nothing',
 array['B:paid paid=5000', 'A:failed version=1'],
 array['credited completed 10', 'stale completed 10']),
('a paid read that was overtaken by another attempt is read again, and then is a duplicate',
 array['A:paid paid=5000', 'B:paid paid=5000 version=1', 'B:paid paid=5000', '?open'],
 array['credited completed 10', 'stale completed 10', 'duplicate completed 10',
   'duplicate_payment']),
('a smaller refund, read before a greater one and applied after it, gives nothing back',
 array['A:paid paid=5000', 'A:paid paid=5000 refunded=1000', 'A:paid paid=5000 refunded=3000',
   'A:paid paid=5000 refunded=1000 version=3', 'A:paid paid=5000 refunded=3000 version=3',
   '?history'],
 array['credited completed 10', 'reversed partially_refunded 8', 'reversed partially_refunded 4',
   'stale partially_refunded 4', 'unchanged partially_refunded 4',
   'purchase 10, refund -2, refund -4']),
('a dispute, read before it was won and applied after it, takes nothing',
 array['A:paid paid=5000', 'A:paid paid=5000 disputed=5000 withdrawn=5000', 'A:paid paid=5000',
   'A:paid paid=5000 disputed=5000 withdrawn=5000 version=3', '?history'],
 array['credited completed 10', 'reversed disputed 0', 'restored completed 10',
   'stale completed 10', 'purchase 10, dispute -10, reversal 10']),
('the same fact is the same whenever it was read, and makes older reads stale',
 array['A:paid paid=5000', 'A:paid paid=5000 version=1', 'B:failed version=2', 'B:failed version=3',
   'B:failed version=3', '?history'],
 array['credited completed 10', 'unchanged completed 10', 'stale completed 10',
   'unchanged completed 10', 'unchanged completed 10', 'purchase 10']),
('a refused read makes older reads stale too',
 array['A:paid amount=100 paid=100', 'B:paid paid=5000 version=1', 'B:paid paid=5000'],
 array['review review 0', 'stale review 0', 'credited completed 10']),
('a version nobody has reached yet is no better than an old one',
 array['A:paid paid=5000 version=2', 'A:paid paid=5000 version=0', 'A:paid paid=5000 version=-1',
   'A:paid paid=5000 version=1'],
 array['stale pending 0', 'stale pending 0', 'stale pending 0', 'credited completed 10']),
('what the buyer and the clock do makes no read of the gateway stale',
 array['!cancel', 'A:failed version=1', 'A:paid paid=5000 version=2', '?history'],
 array['canceled', 'unchanged canceled 0', 'credited completed 10', 'purchase 10']),
('a stale read leaves nothing behind, so that reading again is all it takes',
 array['A:ready', 'A:paid paid=5000 version=1', '?events', '?open', 'A:paid paid=5000'],
 array['unchanged pending 0', 'stale pending 0', 'pending', null, 'credited completed 10']);

select plan((select count(*)::integer from stories) + 2);
select is(pg_temp.play('starter', s.steps), s.expected, s.protects) from stories s;

-- Every order of three true reads of one payment, each begun with the version its reader saw, ends
-- where the gateway is once the stale ones have been read again.
create function pg_temp.race(reads text[]) returns text
language plpgsql as $$
declare
  v_steps text[];
  v_answers text[];
begin
  select array_agg(r.step || ' version=1' order by r.n) into v_steps
  from unnest(reads) with ordinality r (step, n);
  v_answers := pg_temp.play('starter', v_steps || array['A:paid paid=5000 refunded=2500']);
  return v_answers[4];
end
$$;
create temporary table reads (step) as values
('A:ready'), ('A:paid paid=5000'), ('A:paid paid=5000 refunded=2500');
select is(
  (select string_agg(distinct pg_temp.race(array[a.step, b.step, c.step]), ', ')
   from reads a cross join reads b cross join reads c
   where a.step <> b.step and b.step <> c.step and a.step <> c.step),
  'credited partially_refunded 5, reversed partially_refunded 5, unchanged partially_refunded 5',
  'three reads in any order end where the last fresh read says'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select * from finish();
rollback;
