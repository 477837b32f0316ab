-- Lots: the histories that a wrong rule fails, each by the name of that rule.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/lots.sql

create temporary table stories (wrong_rule, steps, expected) as values
('no fold before a credit',
 array['P: buy 10', 's: spend 6', 'F: grant 10 in=5', '?lots', 'P: refund', 'P: refund amount=2000',
   '?lots'],
 array['10', '4', '14', 'P 4, F 10',
   'PT409 tokens_already_spent {"tokens": 4, "required": 10, "refundable": 2499}', '10',
   'P 0, F 10']),
('soonest-expiring first, taken literally',
 array['A: grant 10 in=2', 'B: grant 5', 'h: hold 10', 'pass 3', '?lots', 's: spend 5', '?lots',
   'h: release', '?lots', '?history'],
 array['10', '15', '5', '5', 'A 10, B 5', '0', 'A 10, B 0', '0', 'A 0, B 0',
   'grant 10, grant 5, spend -5, expiry -10']),
('what is held is needed',
 array['A: grant 5 in=2', 'P: buy 10', 'P: refund', 'pass 3', '?lots', 'fold', '?lots', '?history'],
 array['5', '15', '5', '0', 'A 0, P 0', '0', 'A 0, P 0', 'grant 5, purchase 10, expiry -5']),
('any open hold is a need',
 array['A: grant 10 in=2', 'h1: hold 10', 'pass 3', 'B: grant 5', '?lots', 'h2: hold 5',
   'h1: release', '?lots', 'h2: release'],
 array['10', '0', '0', '5', 'A 10, B 5', '0', '0', 'A 0, B 5', '5']),
('nothing is kept if other lots cover the hold',
 array['A: grant 10 in=2', 'B: grant 10', 'h: hold 10', 'pass 3', 'h: capture', '?lots'],
 array['10', '20', '10', '10', '10', 'A 0, B 10']),
('each hold has its own lots, the oldest first',
 array['A: grant 10 in=2', 'B: grant 20', 'h1: hold 10', 'h2: hold 10', 'pass 3', 'h1: release',
   '?lots', 'h2: capture', '?lots'],
 array['10', '30', '20', '10', '10', '20', 'A 10, B 20', '20', 'A 0, B 20']),
('a refund takes at its settlement',
 array['P: buy 10 price=5000', 'Q: buy 10 price=3500', 'P: refund', 's: spend 10', 'P: done',
   '?lots', '?history'],
 array['10', '20', '10', '0', '0', 'P 0, Q 0',
   'purchase 10, purchase 10, spend -10, refund -10']),
('a reversal goes to the order''s own lots',
 array['P: buy 10', 'Q: buy 100', 's: spend 10', 'P: read withdrawn=5000', '?lots',
   'P: read withdrawn=0', '?lots', 'P: refund'],
 array['10', '110', '100', '90', 'P 0, Q 90', '100', 'P 0, Q 100',
   'PT409 tokens_already_spent {"tokens": 0, "required": 10, "refundable": 499}']),
('a forced refund of an expired lot takes all of it',
 array['P: buy 10 in=2', 's: spend 4', 'Q: buy 20', 'pass 3', 'P: refund force', '?lots',
   'P: done', '?lots', '?history'],
 array['10', '6', '26', '20', '16', 'P 0, Q 20', '16', 'P 0, Q 16',
   'purchase 10, spend -4, purchase 20, expiry -6, refund -4']),
('a spend is given back to the lots that it drew',
 array['A: grant 5 in=2', 'B: grant 5', 's1: spend 5', 's2: spend 5', 's1: back', '?lots', 'pass 3',
   '?lots'],
 array['5', '10', '5', '0', '5', 'A 0, B 5', '5', 'A 0, B 5']),
('a spend is given back to the lots that it drew, with a report in between',
 array['A: grant 5 in=2', 'B: grant 5', 's1: spend 5', 'fold', 's2: spend 5', 'fold', 's1: back',
   '?lots'],
 array['5', '10', '5', '5', '0', '0', '5', 'A 0, B 5']),
('a refund pays back what was spent',
 array['F: grant 5', 'S: buy 10 price=5000', 'P: buy 100 price=35000', 's: spend 105', '?lots',
   'S: refund', 'P: refund', 'P: refund amount=3500'],
 array['5', '15', '115', '10', 'F 0, S 0, P 10',
   'PT409 tokens_already_spent {"tokens": 0, "required": 10, "refundable": 499}',
   'PT409 tokens_already_spent {"tokens": 10, "required": 100, "refundable": 3849}', '0']);

select plan((select count(*)::integer from stories) + 1);
select is(pg_temp.play_lots(s.steps), s.expected, s.wrong_rule) from stories s;
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');

select * from finish();
rollback;
