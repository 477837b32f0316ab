-- Wallets from before there were lots: what is made out of a history is what would have been there
-- had there always been lots.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
\ir helpers/lots.sql

-- As the release before left a wallet. Nothing in its history may have expired.
create function pg_temp.forget_lots(user_ids uuid[]) returns void
language plpgsql as $$
begin
  alter table coinslot.lot_draws disable trigger user;
  delete from coinslot.lot_draws d where d.user_id = any (user_ids);
  alter table coinslot.lot_draws enable trigger user;
  delete from coinslot.lot_takings t using public.token_payments p
  where p.id = t.payment_id and p.user_id = any (user_ids);
  delete from public.token_lots l where l.user_id = any (user_ids);
  update coinslot.refunds r set reserved = 0 where r.user_id = any (user_ids);
  update public.token_wallets w
  set folded_at = '-infinity', next_change_at = '-infinity', credited = 0
  where w.user_id = any (user_ids);
end
$$;

-- Every lot with all that became of it, and every place on the line of what was spent.
create function pg_temp.books(user_id uuid) returns text
language sql as $$
  select (
    select string_agg(concat_ws(' ', l.kind, 'of', l.seq, l.tokens, l.remaining, l.reserved, l.spent,
      l.taken, l.expires_at, l.price, l.price_tokens, l.paid, o.name), ', '
      order by l.created_at, l.id)
    from public.token_lots l left join public.token_payments o on o.id = l.payment_id
    where l.user_id = books.user_id
  ) || ' / ' || coalesce((
    select string_agg(format('%s-%s', d.drawn_from, d.drawn_to), ', ' order by d.drawn_from)
    from coinslot.lot_draws d where d.user_id = books.user_id and d.cause = 'spend'
  ), '') || ' / ' || coalesce((
    select string_agg(format('%s %s of %s', t.origin, t.tokens, t.returned), ', ' order by t.id)
    from coinslot.lot_takings t inner join public.token_payments p on p.id = t.payment_id
    where p.user_id = books.user_id
  ), '') || ' / ' || (select w.credited from public.token_wallets w where w.user_id = books.user_id)
$$;

create function pg_temp.made_again(steps text[]) returns text[]
language plpgsql as $$
declare
  v_user uuid;
  v_books text[];
begin
  perform pg_temp.play_lots(steps || array['fold']);
  select p.user_id into v_user from players p;
  v_books := array[pg_temp.books(v_user)];
  perform pg_temp.forget_lots(coinslot.histories_of(v_user));
  v_books := v_books || pg_temp.available(v_user)
    || (select count(*) from coinslot.verify_ledger(null, null))::text;
  perform pg_temp.lot_step(v_user, '', 'fold');
  return v_books || pg_temp.books(v_user) || pg_temp.available(v_user)
    || (select count(*) from coinslot.verify_ledger(null, null))::text;
end
$$;

create temporary table stories (history, steps) as values
('nothing', array['fold']),
('a purchase, half of it spent', array['P: buy 10', 's: spend 5']),
('spends before each credit', array['P: buy 10', 's: spend 10', 'F: grant 5', 't: spend 2', 'G: grant 1']),
('a debt that was paid', array['F: grant 5', 'debt 8', 'P: buy 10', 's: spend 3']),
('a debt that is open', array['F: grant 5', 'P: buy 10', 's: spend 12', 'P: read withdrawn=5000']),
('a refund and its reversal',
 array['P: buy 10', 's: spend 4', 'P: refund amount=3000', 'P: done', 'P: read refunded=0']),
('a refund that took from others, and its reversal',
 array['P: buy 10', 's: spend 10', 'Q: buy 100', 'P: read withdrawn=5000', 't: spend 9',
   'P: read withdrawn=0']),
('a refund of a debt made good',
 array['P: buy 10', 's: spend 10', 'P: read withdrawn=5000', 'F: grant 4', 'P: read withdrawn=0']),
('spends that were given back',
 array['F: grant 5', 'P: buy 5', 's: spend 7', 'G: grant 2', 's: back 1', 't: spend 3', 's: back',
   't: back 2']),
('captures', array['F: grant 5', 'P: buy 10', 'h: hold 6', 'h: capture 4', 'i: hold 3', 's: spend 1']),
('a refund that is open', array['P: buy 10', 'F: grant 3', 's: spend 5', 'P: refund amount=2500']),
('a refund that is open, and forced', array['P: buy 10', 's: spend 8', 'F: grant 5', 'P: refund force']),
('a merge', array['F: grant 5', 'P: buy 10', 's: spend 7', 'merge 3', 't: spend 2', 'P: refund amount=2000',
  'P: done']),
('a merge of a debt', array['P: buy 10', 's: spend 10', 'P: read withdrawn=5000', 'merge 12', 't: spend 1',
  'P: read withdrawn=0']),
('a merge of nothing', array['P: buy 10', 's: spend 10', 'merge 7', 'P: read withdrawn=5000',
  'P: read withdrawn=0']),
('a merge of a merge', array['P: buy 10', 's: spend 4', 'merge 3', 't: spend 1', 'merge 5',
  'P: refund amount=1000', 'P: done', 's: back 2']),
('a correction', array['P: buy 10', 'F: grant 3']);

select plan((select count(*)::integer from stories) + 17);
select is(m.books[4:6], array[m.books[1], m.books[2], '0'], s.history)
from stories s cross join lateral pg_temp.made_again(s.steps) m (books);

-- Not all at once at the end
select is(
  (pg_temp.made_again(array['P: buy 10', 's: spend 10', 'F: grant 5']))[4],
  'purchase of 1 10 0 0 10 0 infinity 5000 10 t P, grant of 3 5 5 0 0 0 infinity f / 0-10 /  / 15',
  'what was granted after all was spent is not what was bought'
);

-- When: at the first slow call, or by the maintenance, whatever comes first
create function pg_temp.old_user(steps text[]) returns uuid
language plpgsql as $$
declare
  v_user uuid;
begin
  perform pg_temp.play_lots(steps);
  select p.user_id into v_user from players p;
  perform pg_temp.forget_lots(array[v_user]);
  return v_user;
end
$$;
create function pg_temp.lots_of(user_id uuid) returns text
language sql as $$
  select string_agg(format('%s %s', l.kind, l.remaining), ', ' order by l.id)
  from public.token_lots l where l.user_id = lots_of.user_id
$$;
select pg_temp.old_user(array['P: buy 10', 's: spend 4']) as mina \gset
select is(
  pg_temp.as_user(:'mina', 'select get_user_tokens() as n') -> 'n', '6'::jsonb,
  'a balance is read as before'
);
select is(pg_temp.lots_of(:'mina'), null, 'which makes no lots');
select is(
  pg_temp.refusal(pg_temp.as_user(:'mina', $$select * from spend_tokens(7, 'a')$$)),
  'PT402 insufficient_tokens {"tokens": 6, "required": 7}', 'nor does what is refused'
);
select is(pg_temp.lots_of(:'mina'), null, '... for long');
select is(
  pg_temp.as_user(:'mina', $$select * from spend_tokens(1, 'a')$$) ->> 'balance', '5', 'a spend does'
);
select is(pg_temp.lots_of(:'mina'), 'purchase 6', '... first');
select pg_temp.old_user(array['P: buy 10', 's: spend 4']) as alex,
  pg_temp.old_user(array['F: grant 3']) as leo \gset
select count(pg_temp.as_service('select coinslot_run_maintenance(2)')) as runs
from generate_series(1, 40) \gset
select is(
  array[pg_temp.lots_of(:'alex'), pg_temp.lots_of(:'leo')], array['purchase 6', 'grant 3'],
  'the maintenance makes those of all others'
);
select is(
  (select b.finished_at is not null from coinslot.lot_backfill b), true, 'and knows when it has'
);
select is(
  pg_temp.as_service('select coinslot_get_backlog() as b') #> '{b,lots,made}', 'true'::jsonb,
  'which the monitoring shows'
);
-- A step that has no time left when it begins makes one wallet all the same.
delete from coinslot.lot_backfill;
select pg_temp.old_user(array['F: grant 3']) as kim, pg_temp.old_user(array['F: grant 2']) as jun \gset
select sum(coinslot.backfill_lots(100, '0')) as made from generate_series(1, 200) \gset
select is(
  array[pg_temp.lots_of(:'kim'), pg_temp.lots_of(:'jun')], array['grant 3', 'grant 2'],
  'a step that is late ends no walk'
);
select is(
  (select b.finished_at is not null from coinslot.lot_backfill b), true, '... which has an end'
);
select pg_temp.old_user(array['P: buy 10', 's: spend 4']) as nora \gset
select pg_temp.as_user(:'leo', $$select * from spend_tokens(1, 'before')$$) as spent \gset
select pg_temp.as_service(format('select * from merge_token_wallets(%L, %L, $$m$$)', :'nora', :'leo'))
  as merged \gset
select is(pg_temp.lots_of(:'leo'), 'grant 2, purchase 6', 'a merge makes those of both');
select is(
  (select string_agg(format('%s %s', d.cause, d.tokens), ', ') from coinslot.lot_draws d
   where d.user_id = :'leo'), 'spend 1', '... and draws what was spent before as spent'
);
-- Each credit alone would look at every lot that was used up before it.
select pg_temp.old_user(array(
  select s from generate_series(1, 60), unnest(array['F: grant 3', 's: spend 3']) s
)) as rita \gset
select coalesce(sum(t.idx_tup_fetch), 0) as before
from pg_stat_xact_user_tables t where t.relname = 'token_lots' \gset
select tokens from coinslot.fold(:'rita', clock_timestamp()) \gset
select cmp_ok(
  (select sum(t.idx_tup_fetch) - :before from pg_stat_xact_user_tables t
   where t.relname = 'token_lots'), '<', 600::numeric, 'a long history is gone through once'
);
select is(
  (select array[count(*), sum(l.tokens), sum(l.spent)] from public.token_lots l
   where l.user_id = :'rita'), array[60, 180, 180]::numeric[], '... and all of it is drawn'
);
select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');

select * from finish();
rollback;
