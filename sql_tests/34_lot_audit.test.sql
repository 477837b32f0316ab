-- The books of lots prove themselves: whatever is falsified behind the functions' backs is found.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/lots.sql
select plan(42);

-- One of everything: a lot that has ended and is kept for a hold in part, one that a refund has
-- reserved, a spend that no fold has drawn.
select is(
  pg_temp.play_lots(array[
    'A: grant 10 in=2', 'P: buy 10 in=90', 'F: grant 10', 's: spend 4', 'h: hold 3', 'pass 3', 'fold',
    'P: refund amount=1000', 't: spend 5', '?lots', '?history'
  ]),
  array['10', '20', '30', '26', '23', '20', '20', '18', '13', 'A 3, P 3, F 10',
    'grant 10, purchase 10, grant 10, spend -4, expiry -3, spend -5'], 'a history with one of everything'
);
select p.user_id as mina from players p \gset
select is_empty('select * from coinslot.verify_ledger(null, null)', 'which adds up');

-- Append-only
select is(
  pg_temp.as_owner(s.statement) ->> 'error', 'append_only', 'the owner is refused: ' || s.statement
) from (values
  ('update coinslot.lot_draws set tokens = tokens + 1 returning 1'),
  ('delete from coinslot.lot_draws returning 1'),
  ('truncate coinslot.lot_draws')
) s (statement);
select matches(
  pg_temp.as_owner(s.statement) ->> 'code', s.code, 'a constraint refuses: ' || s.statement
) from (values
  ('update public.token_lots set remaining = remaining + 1 returning 1', '^23514$'),
  ('update public.token_lots set spent = -1, remaining = remaining + spent + 1 returning 1', '^23514$'),
  ('update public.token_lots set covered = expired + 1 returning 1', '^23514$'),
  ('update coinslot.settings set returned_lifetime = $$-1 s$$ returning 1', '^23514$'),
  ('update public.token_products set tokens_last_days = 0 returning 1', '^23514$'),
  ('insert into coinslot.lot_draws (user_id, seq, cause, tokens) values (gen_random_uuid(), 1, $$spend$$, 1) returning 1',
   '^23514$'),
  ('insert into coinslot.lot_draws (user_id, seq, cause, tokens) values (gen_random_uuid(), 1, $$refund$$, -1) returning 1',
   '^23514$'),
  ('insert into public.token_ledger (user_id, seq, delta, balance, kind, caller)
    values (gen_random_uuid(), 1, -1, -1, $$expired$$, $$system$$) returning 1', '^23514$')
) s (statement, code);

create function pg_temp.found(sabotage text) returns text
language plpgsql as $$
declare
  v_found text;
begin
  alter table coinslot.lot_draws disable trigger user;
  alter table public.token_ledger disable trigger user;
  execute sabotage;
  select string_agg(distinct v.problem, ', ' order by v.problem) into v_found
  from coinslot.verify_ledger(null, null) v;
  raise exception using errcode = 'QQ000', message = coalesce(v_found, 'nothing');
exception when sqlstate 'QQ000' then
  return sqlerrm;
end
$$;
-- By the name of a lot: %1$s is its id, %2$L its user.
select is(
  pg_temp.found(format(s.sabotage, n.lot, :'mina')), s.found, s.what
) from (values
  ('F', 'more left than there was', 'update public.token_lots set remaining = 12, tokens = 12 where id = %s',
   'lot_entry, lots_over'),
  ('F', 'less left than there is', 'update public.token_lots set remaining = 4, spent = 6 where id = %s',
   'lot_draws, lots_short'),
  ('F', 'taken for nothing', 'update public.token_lots set remaining = 8, taken = taken + 2 where id = %s',
   'lot_draws'),
  ('A', 'expired for nothing',
   'update public.token_lots set spent = spent - 1, expired = expired + 1 where id = %s', 'lot_draws'),
  ('A', 'kept for nobody', $$update coinslot.token_holds set created_at = now() + interval '1 day'
     where refund_id is null and user_id = %2$L$$, 'kept'),
  ('F', 'a lot that vanished', 'delete from public.token_lots where id = %s', 'lot_entry, lots_short'),
  ('F', 'a lot of somebody else',
   'update public.token_lots set user_id = gen_random_uuid() where id = %s', 'lot_entry, lots_short'),
  ('P', 'reserved for no refund', 'update coinslot.refunds set reserved = 0 where user_id = %2$L', 'reserved'),
  ('P', 'not reserved for a refund',
   'update public.token_lots set remaining = remaining + reserved, reserved = 0 where id = %s',
   'reserved'),
  ('P', 'a hold that is not what is reserved',
   'update coinslot.token_holds set amount = 1 where refund_id is not null and user_id = %2$L',
   'held, refund'),
  ('A', 'a draw that vanished',
   $$delete from coinslot.lot_draws where lot_id = %s and cause = 'spend'$$, 'lot_draws'),
  ('A', 'a draw of another place', $$update coinslot.lot_draws
     set drawn_from = drawn_from + 7, drawn_to = drawn_to + 7 where lot_id = %s and cause = 'spend'$$,
   'lot_places, lots_over'),
  ('A', 'a place that is drawn twice', $$insert into coinslot.lot_draws
     (lot_id, user_id, seq, cause, tokens, drawn_from, drawn_to)
     select lot_id, user_id, seq, cause, 1, 1, 2 from coinslot.lot_draws
     where lot_id = %s and cause = 'spend'$$, 'lot_draws, lot_places'),
  ('A', 'an expiry that no lot had', $$update public.token_ledger set kind = 'spend', caller = 'service',
     idempotency_key = 'x' where user_id = %2$L and kind = 'expiry'$$, 'credited'),
  ('A', 'an expiry of less', $$update coinslot.lot_draws set tokens = 2
     where lot_id = %s and cause = 'expiry'$$, 'lot_draws, lot_expired'),
  ('F', 'a wallet that thinks nothing is due',
   $$update public.token_wallets set next_change_at = 'infinity' where user_id = %2$L$$, 'next_change'),
  ('F', 'a sum of credits that is wrong',
   'update public.token_wallets set credited = credited + 1 where user_id = %2$L', 'credited')
) s (lot, what, sabotage, found) inner join names n on n.name = s.lot and n.lot is not null;

-- What is due is no fault, however long it is
select pg_temp.pass(:'mina', 900) \gset
select is_empty('select * from coinslot.verify_ledger(null, null)', 'a wallet that is due is sound');
select is(pg_temp.available(:'mina'), '10', 'and says what it has');
select is(
  pg_temp.as_service('select coinslot_get_backlog() as b') #> '{b,lots,overdue}', '2'::jsonb,
  'the monitoring counts what has ended'
);
select pg_temp.as_service('select coinslot_run_maintenance()') as upkeep \gset
select is(
  pg_temp.as_service('select coinslot_get_backlog() as b') #> '{b,lots,overdue}', '0'::jsonb,
  'until it is written'
);

-- Takings
select is(
  pg_temp.play_lots(array['P: buy 10 in=2', 's: spend 2', 'pass 3', 'P: refund amount=2000', 'P: done']),
  array['10', '8', '0', '0', '0'], 'a refund of what has expired'
);
select p.user_id as alex from players p \gset
select is(pg_temp.found(format(s.sabotage, :'alex')), s.found, s.what) from (values
  ('covered for nothing', 'update public.token_lots set covered = covered + 1 where user_id = %L', 'lot_covered'),
  ('a cover that vanished', 'delete from coinslot.lot_takings t using public.token_payments p
     where p.id = t.payment_id and p.user_id = %L', 'lot_covered, payment')
) s (what, sabotage, found);

-- Going live with test tokens that have expired in part
select is(
  pg_temp.play_lots(array['P: buy 10 in=2', 'F: grant 5', 's: spend 4', 'pass 3']),
  array['10', '15', '11', '5'], 'test tokens, of which some have expired'
);
select p.user_id as leo from players p \gset
select pg_temp.change('select coinslot.go_live(false)') \gset
select is(
  pg_temp.history(:'leo'), 'purchase 10, grant 5, spend -4, expiry -6, test_reversal -4',
  'going live takes back what has not'
);
select is(pg_temp.available(:'leo'), '1', 'and no more');
select is(
  (select count(*) from coinslot.test_credits()), 0::bigint, 'then nothing of it is left'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');

select * from finish();
rollback;
