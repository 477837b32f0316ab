-- The states of an order: what follows from which facts, and what may follow what.
begin;
\ir helpers/call.sql

-- Every pair of states, written down here a second time: x = legal.
create temporary table moves on commit drop as
select from_status, to_status, mark = 'x' as legal
from (values
--                        pen awa fai can exp voi rev com par ref dis cha
('pending',            '. x x x x x x x x x x x'),
('awaiting_deposit',   'x . x x x x x x x x x x'),
('failed',             '. x . x x x x x x x x x'),
('canceled',           '. x x . . x x x x x x x'),
('expired',            '. x . x . x x x x x x x'),
('voided',             '. . . . . . x x x x x x'),
('review',             'x x x x x x . x x x x x'),
('completed',          'x x x x x x x . x x x x'),
('partially_refunded', 'x x x x x x x x . x x x'),
('refunded',           'x x x x x x x x x . x x'),
('disputed',           'x x x x x x x x x x . x'),
('charged_back',       'x x x x x x x x x x x .')
) m (from_status, marks)
cross join lateral unnest(
  array['pending', 'awaiting_deposit', 'failed', 'canceled', 'expired', 'voided', 'review',
    'completed', 'partially_refunded', 'refunded', 'disputed', 'charged_back'],
  string_to_array(m.marks, ' ')
) t (to_status, mark);

select plan(144 + 12 + 18 + 64 + 11 + 7);

-- One order in each state, put there behind the guard's back.
alter table public.token_payments disable trigger user;
insert into public.token_payments (
  user_id, product_id, name, gateway, amount, currency, tokens, live, status, expires_at
)
select
  '00000000-0000-4000-8000-000000000001', 'starter', 'Starter Pack', 'portone', 5000, 'KRW', 10,
  false, s.status, now()
from coinslot.payment_statuses s;
alter table public.token_payments enable trigger user;

-- What the owner gets for trying; whatever went through is undone again.
create function pg_temp.try(statement text) returns text
language plpgsql as $$
declare
  v_detail text;
begin
  execute statement;
  raise exception using errcode = 'QQ000';
exception
  when sqlstate 'QQ000' then
    return 'allowed';
  when others then
    get stacked diagnostics v_detail = pg_exception_detail;
    return concat_ws(' ', sqlstate, sqlerrm, v_detail);
end
$$;

select is(
  pg_temp.try(format(
    'update public.token_payments set status = %L where status = %L', m.to_status, m.from_status
  )),
  case when m.legal or m.from_status = m.to_status then 'allowed' else format(
    'PT409 illegal_transition {"to": "%s", "from": "%s"}', m.to_status, m.from_status
  ) end,
  format('%s -> %s is %s', m.from_status, m.to_status, case
    when m.from_status = m.to_status then 'no move'
    when m.legal then 'legal'
    else 'refused, whoever asks'
  end)
) from moves m;

select is(
  pg_temp.try(format(
    $$insert into public.token_payments (
      user_id, product_id, name, gateway, amount, currency, tokens, live, status, expires_at
    ) values (gen_random_uuid(), 'starter', 'x', 'portone', 1, 'KRW', 1, false, %L, now())$$,
    s.status
  )),
  case when s.status = 'pending' then 'allowed' else format(
    'PT409 illegal_transition {"to": "%s", "from": null}', s.status
  ) end,
  'an order begins pending, not ' || s.status
) from coinslot.payment_statuses s;

select set_eq(
  'select from_status, to_status from coinslot.payment_transitions',
  'select from_status, to_status from moves where legal', 'the legal moves are these and no more'
);
select set_eq(
  'select distinct status from coinslot.payment_statuses', 'select distinct from_status from moves',
  'and every state is in the table above'
);

-- Status from facts. Once money came, nothing but money counts.
create function pg_temp.status_of(
  paid bigint, refunded bigint, disputed bigint, withdrawn bigint, flags text
) returns text
language sql as $$
  select coinslot.payment_status(row(
    null, null, null, paid, refunded, disputed, withdrawn, substr(flags, 1, 1) = '1',
    substr(flags, 2, 1) = '1', substr(flags, 3, 1) = '1', substr(flags, 4, 1) = '1',
    substr(flags, 5, 1) = '1', substr(flags, 6, 1) = '1', null, null, null
  )::coinslot.payment_facts)
$$;
create temporary table flags on commit drop as
select n::bit(6)::text as flags from generate_series(0, 63) n;

select is(
  (select string_agg(distinct s.status, ',') from flags f cross join lateral pg_temp.status_of(
    5000, t.refunded, t.disputed, t.withdrawn, f.flags
  ) s (status)),
  t.status,
  format('paid 5000, refunded %s, disputed %s, withdrawn %s', t.refunded, t.disputed, t.withdrawn)
) from (values
  (0, 0, 0, 'completed'), (0, 0, 2000, 'partially_refunded'), (0, 0, 5000, 'charged_back'),
  (0, 5000, 0, 'disputed'), (0, 5000, 2000, 'disputed'), (0, 5000, 5000, 'disputed'),
  (2000, 0, 0, 'partially_refunded'), (2000, 0, 2000, 'partially_refunded'),
  (2000, 0, 3000, 'charged_back'), (2000, 3000, 0, 'disputed'), (2000, 3000, 2000, 'disputed'),
  (2000, 3000, 3000, 'disputed'), (5000, 0, 0, 'refunded'), (5000, 0, 2000, 'refunded'),
  (5000, 0, 5000, 'refunded'), (5000, 1, 0, 'refunded'), (5000, 1, 2000, 'refunded'),
  (6000, 1, 5000, 'refunded')
) t (refunded, disputed, withdrawn, status);

-- tampered, waiting, voided, canceled, expired, failed; _ = either
select is(
  pg_temp.status_of(0, 0, 0, 0, f.flags), t.status,
  'unpaid; tampered, waiting, voided, canceled, expired, failed = ' || f.flags
)
from flags f
left join (values
  ('1_____', 'review'), ('0_1___', 'voided'), ('010_0_', 'awaiting_deposit'),
  ('010_1_', 'expired'), ('000_1_', 'expired'), ('000001', 'failed'), ('000101', 'canceled'),
  ('000100', 'canceled'), ('000000', 'pending')
) t (pattern, status) on f.flags like t.pattern;

-- What goes back with the money
select is(
  coinslot.tokens_to_reverse(t.tokens, t.paid, t.returned), t.expected,
  format('%s of %s money back: %s of %s tokens', t.returned, t.paid, t.expected, t.tokens)
) from (values
  (10, 5000, 0, 0), (10, 5000, 499, 0), (10, 5000, 500, 1), (10, 5000, 4999, 9),
  (10, 5000, 5000, 10), (10, 5000, 9999, 10), (3, 100, 33, 0), (3, 100, 34, 1), (0, 100, 50, 0),
  (9007199254740991, 9007199254740991, 9007199254740990, 9007199254740990),
  (9007199254740991, 3, 2, 6004799503160660)
) t (tokens, paid, returned, expected);
select is_empty(
  $$ select r from generate_series(0, 34999) r
     where coinslot.tokens_to_reverse(100, 35000, r) > coinslot.tokens_to_reverse(100, 35000, r + 1)
        or coinslot.tokens_to_reverse(100, 35000, r) <> 100 * r / 35000 $$,
  'never more than the share, never less than before'
);

-- The guard stands on the table, not on good manners.
select is(pg_temp.call(
  'service_role', null, $$update public.token_payments set status = 'completed' returning 1$$
) ->> 'code', '42501', 'the service moves no state by itself');
insert into public.token_payment_events (payment_id, user_id, to_status, source)
select p.id, p.user_id, p.status, 'test' from public.token_payments p;
select is(
  pg_temp.as_owner(s.statement) ->> 'error', 'append_only', 'not even the owner: ' || s.statement
) from (values
  ('update public.token_payment_events set reason = $$x$$ returning 1'),
  ('delete from public.token_payment_events returning 1'),
  ('truncate public.token_payment_events')
) s (statement);
select * from finish();
rollback;
