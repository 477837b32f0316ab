-- The books prove themselves: whatever is falsified behind the functions' backs is found.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
select plan(57);

select pg_temp.sign_up('mina@example.com') as mina \gset
select pg_temp.as_user(:'mina', $$select * from spend_tokens(1, 'k1')$$) ->> 'seq' as s \gset
select pg_temp.as_service(format($$select * from hold_tokens_for(%L, 2, 'h1')$$, :'mina'))
  ->> 'id' as captured \gset
select pg_temp.change(format('select coinslot.capture_hold(%L, 1, false)', :'captured')) \gset
select pg_temp.as_service(format($$select * from hold_tokens_for(%L, 2, 'h2')$$, :'mina'))
  ->> 'id' as held \gset
select pg_temp.as_user(:'mina', $$select * from create_token_order('starter', 'portone')$$)
  ->> 'order_id' as order_id \gset
select pg_temp.read(:'order_id', 'A:paid paid=5000') as read \gset
select pg_temp.read(:'order_id', 'A:paid paid=5000 refunded=1000') as read \gset
select is(
  pg_temp.history(:'mina'), 'signup_bonus 5, spend -1, spend -1, purchase 10, refund -2',
  'a history with one of everything'
);
select is(pg_temp.wallet(:'mina'), 'tokens=11 held=2 seq=5', 'and its wallet');
select is_empty('select * from coinslot.verify_ledger(null, null)', 'which add up');

-- Append-only, by privilege and by trigger, the owner included
select is(
  pg_temp.as_owner(s.statement) ->> 'error', 'append_only', 'the owner is refused: ' || s.statement
) from (values
  ('update public.token_ledger set delta = delta + 1 returning 1'),
  ('update public.token_ledger set reason = $$x$$ returning 1'),
  ('delete from public.token_ledger returning 1'),
  ('truncate public.token_ledger'),
  ('truncate public.token_ledger cascade'),
  ('update public.token_payment_events set tokens = 1 returning 1'),
  ('delete from public.token_payment_events returning 1'),
  ('truncate public.token_payment_events')
) s (statement);
select matches(
  pg_temp.as_owner(s.statement) ->> 'code', s.code, 'a constraint refuses: ' || s.statement
) from (values
  ('delete from public.token_payments returning 1', '^23(001|503)$'),
  ('delete from public.token_wallets returning 1', '^23(001|503)$'),
  ('delete from public.token_products where id = $$starter$$ returning 1', '^23(001|503)$'),
  ('update public.token_wallets set held = -1 returning 1', '^23514$'),
  ('update public.token_wallets set tokens = 9007199254740992 returning 1', '^23514$'),
  ('update coinslot.token_holds set status = $$held$$ where status = $$captured$$ returning 1',
   '^23514$'),
  ('update coinslot.token_holds set captured = 3 where status = $$captured$$ returning 1',
   '^23514$'),
  ('insert into coinslot.settings default values returning 1', '^23505$'),
  ('insert into coinslot.settings (id) values (false) returning 1', '^23514$')
) s (statement, code);

-- Each falsification alone, with the guards off, and what the audit says of it, apart from what it
-- finds in the lots
create function pg_temp.found(sabotage text) returns text
language plpgsql as $$
declare
  v_found text;
begin
  alter table public.token_ledger disable trigger user;
  alter table public.token_payments disable trigger user;
  execute sabotage;
  select string_agg(format('%s %s<>%s', v.problem, v.expected, v.found), ', '
    order by v.problem, v.expected)
  into v_found from coinslot.verify_ledger(null, null) v
  where v.problem !~ '^(lot|credited|kept|reserved|next_change)';
  raise exception using errcode = 'QQ000', message = coalesce(v_found, 'nothing');
exception when sqlstate 'QQ000' then
  return sqlerrm;
end
$$;
select is(pg_temp.found(format(s.sabotage, :'mina')), s.found, s.what) from (values
  ('a balance raised by hand', 'update public.token_wallets set tokens = 12 where user_id = %L',
   'tokens 11<>12'),
  ('a sequence set forward', 'update public.token_wallets set seq = 6 where user_id = %L',
   'seq 5<>6'),
  ('held tokens without a hold', 'update public.token_wallets set held = 3 where user_id = %L',
   'held 2<>3'),
  ('a hold without held tokens', 'update public.token_wallets set held = 0 where user_id = %L',
   'held 2<>0'),
  ('a hold that vanished', $$delete from coinslot.token_holds where status = 'held'$$,
   'held 0<>2'),
  ('an entry that vanished from the middle',
   'delete from public.token_ledger where user_id = %L and seq = 2',
   'running_balance 0<>3, seq 4<>5, sequence_gaps 0<>3, tokens 12<>11'),
  ('the latest entry that vanished',
   'delete from public.token_ledger where user_id = %L and seq = 5',
   'payment 8<>10, seq 4<>5, tokens 13<>11'),
  ('an amount changed', 'update public.token_ledger set delta = -2 where user_id = %L and seq = 2',
   'running_balance 0<>4, tokens 10<>11'),
  ('a running balance changed',
   'update public.token_ledger set balance = 9 where user_id = %L and seq = 2',
   'running_balance 0<>1'),
  ('a wallet that vanished',
   'alter table coinslot.token_holds drop constraint token_holds_user_id_fkey;
    delete from public.token_wallets where user_id = %L', 'no_wallet 0<>5'),
  ('a key used twice',
   $$drop index public.token_ledger_idempotency;
     update public.token_ledger set caller = 'user', idempotency_key = 'k1'
     where user_id = %L and seq = 3$$, 'repeated_key 1<>2'),
  ('a second bonus', $$update public.token_ledger set kind = 'signup_bonus', caller = 'system',
     idempotency_key = null where user_id = %L and seq = 2$$, 'signup_bonus 1<>2'),
  ('a purchase nobody paid for', 'update public.token_payments set paid = 0 where user_id = %L',
   'attempt 4000<>-1000, documents 0<>4000, payment 0<>8'),
  ('a refund that took nothing',
   'update public.token_payments set refunded = 5000 where user_id = %L',
   'attempt 4000<>0, documents 0<>4000, payment 0<>8'),
  ('a payment that no attempt bears out', 'delete from coinslot.payment_attempts',
   'attempt 0<>4000'),
  ('an attempt that is credited no more', 'update coinslot.payment_attempts set credited = false',
   'attempt 0<>4000'),
  ('an attempt whose money went back unnoticed',
   'update coinslot.payment_attempts set refunded = 5000', 'attempt 0<>4000'),
  ('a payment that was never credited',
   'update public.token_ledger set payment_id = null where user_id = %L', 'payment 8<>0'),
  ('a capture that spent nothing',
   'update public.token_ledger set hold_id = null where user_id = %L', 'hold 1<>0'),
  ('a capture of more than was noted',
   $$update coinslot.token_holds set captured = 2, asked = 2 where status = 'captured' and user_id = %L$$,
   'hold 2<>1'),
  ('a purchase of somebody else''s order',
   'update public.token_payments set user_id = gen_random_uuid() where user_id = %L',
   'payment 0<>8, payment 8<>0'),
  ('a spend for a hold that nobody made',
   'update public.token_ledger set hold_id = gen_random_uuid() where user_id = %L and seq = 2',
   'hold 0<>1')
) s (what, sabotage, found);

-- Refunds: one that is over and one that is open, and the tokens they set aside
select is(
  pg_temp.play('starter', array['A:paid paid=5000', '!refund amount=2000',
    'A:paid paid=5000 refunded=2000', '!refund amount=1000 key=r2', '?wallet']),
  array['credited completed 10', 'requested 1', 'reversed partially_refunded 6',
    'succeeded 1, requested 1', 'tokens=6 held=2 seq=2'], 'a refund that is over, one that is open'
);
create function pg_temp.hold_again(status text, held bigint) returns text
language sql as $$
  select format(
    'update coinslot.token_holds set status = %L, resolved_at = %L
     where refund_id is not null and status <> %1$L;
     update public.token_wallets set held = %3$s where user_id in (select user_id from coinslot.refunds)',
    hold_again.status, case when hold_again.status <> 'held' then now() end, hold_again.held
  )
$$;
select is(pg_temp.found(s.sabotage), s.found, s.what) from (values
  ('the hold of an open refund that was released', pg_temp.hold_again('released', 0),
   'refund 2<>0'),
  ('the hold of a refund that is over, held again', pg_temp.hold_again('held', 6), 'refund 0<>4'),
  ('a hold left behind by its refund', $$update coinslot.refunds
     set status = 'failed', finished_at = now(), next_attempt_at = null
     where finished_at is null$$, 'refund 0<>2'),
  ('a refund that set aside too little',
   'update coinslot.refunds set tokens = 3 where finished_at is null', 'refund 3<>2'),
  ('a hold of more than its refund', 'update coinslot.token_holds set amount = 3
     where refund_id is not null and status = $$held$$', 'held 3<>2, refund 2<>3')
) s (what, sabotage, found);

-- By range of users: [from, to)
select pg_temp.user_with(1) as alex \gset
select pg_temp.change('update public.token_wallets set tokens = tokens + 1') \gset
select is(
  (select count(distinct v.user_id) from coinslot.verify_ledger(null, null) v
   where v.user_id in (:'mina', :'alex')), 2::bigint, 'two wallets are wrong'
);
select is(
  (select array_agg(distinct v.user_id) from coinslot.verify_ledger(:'alex', null) v
   where v.user_id = :'alex'), array[:'alex'::uuid], 'a range begins with its first user'
);
select is_empty(
  format('select from coinslot.verify_ledger(null, %L) v where v.user_id = %1$L', :'alex'),
  'and ends before its last'
);
select is(
  pg_temp.as_service(format('select * from coinslot_verify_ledger(%L, null)', greatest(:'mina',
    :'alex')))
  ->> 'problem', 'tokens', 'the service reads it'
);

-- Housekeeping
select is(
  pg_temp.as_service('select coinslot_run_maintenance() as n') -> 'n' -> 'orders_expired',
    '0'::jsonb,
  'nothing is due'
);
select pg_temp.change('update public.token_payments set expires_at = clock_timestamp()') \gset
select count(pg_temp.as_user(
  :'alex', $$select * from create_token_order('starter', 'portone')$$
)) as orders from generate_series(1, 2) \gset
select pg_temp.change(format(
  'update public.token_payments set expires_at = clock_timestamp() where user_id = %L', :'alex'
)) \gset
select is(
  pg_temp.as_service('select coinslot_run_maintenance(1) as n') -> 'n' -> 'orders_expired',
    '1'::jsonb,
  'orders expire in batches'
);
select is(
  pg_temp.as_service('select coinslot_run_maintenance() as n') -> 'n' -> 'orders_expired',
    '1'::jsonb,
  'until none is left'
);
select is(
  (select string_agg(distinct p.status, ', ') from public.token_payments p),
  'expired, partially_refunded', 'what was paid does not expire'
);
select is(
  (select string_agg(format('%s>%s %s', e.from_status, e.to_status, e.source), ', ')
   from public.token_payment_events e where e.user_id = :'alex' and e.source = 'clock'),
  'pending>expired clock, pending>expired clock', 'each is an event'
);
select * from finish();
rollback;
