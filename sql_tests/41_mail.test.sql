-- Mail: whom an event is mailed to, what becomes of it, and who does without.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql

select plan(43);
select pg_temp.change('update coinslot.settings set signup_bonus = 0') \g /dev/null
create temporary table people (name, id) as
select n, pg_temp.sign_up(n || '@example.com', n <> 'una') from unnest(array[
  'ann', 'ben', 'olga', 'sam', 'una'
]) n;
create function pg_temp.id(name text) returns uuid
language sql as $$ select p.id from people p where p.name = id.name $$;
select pg_temp.change(format('select coinslot.add_operator(%L, ''owner'')', pg_temp.id('olga'))) \g /dev/null
select pg_temp.change(format('select coinslot.add_operator(%L, ''support'')', pg_temp.id('sam'))) \g /dev/null
create temporary table claims (job jsonb);
create function pg_temp.claim() returns text
language plpgsql as $$
declare
  v_jobs jsonb := pg_temp.as_service(
    'select coalesce(jsonb_agg(to_jsonb(c)), ''[]'') as r from unnest(coinslot_claim_mails()) c'
  ) -> 'r';
begin
  if v_jobs = '[]' then
    return '';
  end if;
  delete from claims;
  insert into claims select j from jsonb_array_elements(v_jobs) j;
  return (
    select coalesce(string_agg((j ->> 'kind') || ' ' || split_part(j ->> 'address', '@', 1), ', '
      order by (j ->> 'id')::bigint), '')
    from jsonb_array_elements(v_jobs) j
  );
end
$$;
create function pg_temp.happens(name text, type text, data jsonb default '{}') returns void
language sql as $$ select coinslot.emit(type, pg_temp.id(name), data) $$;
create function pg_temp.finish(outcome text, more text default '') returns text
language sql as $$
  select coalesce(a ->> 'r', a ->> 'error') from claims c cross join lateral pg_temp.as_service(format(
    'select coinslot_finish_mail(%s, %s, %L%s) as r', c.job ->> 'id', c.job ->> 'attempt', outcome, more
  )) a
$$;
create function pg_temp.later() returns void
language sql as $$ update coinslot.mails set next_attempt_at = clock_timestamp() where state = 'pending' $$;

-- ---- who gets one ----

select pg_temp.happens('ann', 'wallet.low') \g /dev/null
select is((select count(*) from coinslot.mails), 0::bigint, 'without a mail server nothing is written');
select is(pg_temp.claim(), '', 'the first call of one that has it');
select pg_temp.happens('ann', 'wallet.low', '{"tokens": 1, "mark": 5}') \g /dev/null
select is(pg_temp.claim(), 'tokens_low ann', 'from then on events are mailed');
select is((select c.job -> 'data' ->> 'tokens' from claims c), '1', '... with their figures');
select isnt((select c.job ->> 'unsubscribe' from claims c), null, '... and a link that ends them');
select is(pg_temp.claim(), '', 'what is claimed is nobody else''s');
select is(pg_temp.finish('accepted', ', 250, ''queued'''), 'sent', 'it was taken');
select pg_temp.happens('una', 'wallet.low') \g /dev/null
select is(pg_temp.claim(), '', 'who has confirmed no address gets none');
select is((select m.state from coinslot.mails m order by m.id desc limit 1), 'nobody', '... which is noted');
select pg_temp.happens('una', 'wallet.low') from generate_series(1, 30) \g /dev/null
select pg_temp.happens('ben', 'wallet.low') \g /dev/null
select is(pg_temp.claim(), 'tokens_low ben', 'those of nobody take no place of others');
select is(pg_temp.finish('accepted', ', 250, ''queued'''), 'sent', '... and that one is sent');
select pg_temp.happens('ann', 'wallet.tokens_expiring', '{"paid": false}') \g /dev/null
select is(pg_temp.claim(), '', 'of free tokens that expire nobody is mailed');
select pg_temp.happens('ann', 'wallet.tokens_expiring', '{"paid": true}') \g /dev/null
select is(pg_temp.claim(), 'tokens_expiring ann', '... of paid ones they are');
select pg_temp.finish('accepted') \g /dev/null
select pg_temp.happens(null, 'ledger.unsound') \g /dev/null
select is(pg_temp.claim(), 'ledger_unsound olga', 'an owner is told of the ledger, and support is not');
select is((select c.job ->> 'unsubscribe' from claims c), null, '... which cannot be ended');
select pg_temp.finish('accepted') \g /dev/null

create temporary table orders (order_id) as
select o ->> 'order_id' from pg_temp.as_user(
  pg_temp.id('ann'), 'select * from create_token_order(''starter'', ''portone'')'
) o;
select pg_temp.read(o.order_id, 'A:failed') from orders o \g /dev/null
select is(pg_temp.claim(), '', 'a decline in a window is not mailed');
select pg_temp.read(o.order_id, 'B:paid paid=5000') from orders o \g /dev/null
select is(pg_temp.claim(), 'receipt ann', 'a receipt');
select is(
  (select (c.job -> 'payment' ->> 'name_ko') || ' ' || (c.job -> 'payment' ->> 'amount') from claims c),
  '스타터 팩 5000', '... with what was bought'
);

-- ---- which of a type ----

create function pg_temp.mailed(type text, variadic datas text[]) returns text
language plpgsql as $$
declare
  v_data text;
  v_event text;
  v_mailed text := '';
begin
  foreach v_data in array datas loop
    v_event := coinslot.emit(mailed.type, pg_temp.id('sam'), v_data::jsonb);
    v_mailed := v_mailed || coalesce((select left(m.state, 1) from coinslot.mails m where m.event_id = v_event), '-');
    delete from coinslot.mails m where m.event_id = v_event;
  end loop;
  return v_mailed;
end
$$;
select is((select pg_temp.mailed('subscription.payment_failed', variadic array_agg(format('{"status": "past_due", "class": "soft", "attempt": %s}', n) order by n))
  from generate_series(1, 5) n), 'p-p-p', 'of five declines three are mailed');
select is(pg_temp.mailed('subscription.payment_failed', '{"status": "past_due", "class": "hard", "attempt": 2}',
  '{"status": "past_due", "class": "authentication", "attempt": 4}'), 'pp', '... and each that waits for its owner');
select is(pg_temp.mailed('subscription.payment_failed', '{"status": "past_due", "class": "ours", "attempt": 1}',
  '{"status": "past_due", "class": "review", "attempt": 1}'), '--', '... but not what the shop has to mend');
select is(pg_temp.mailed('subscription.payment_failed', '{"status": "incomplete", "class": "hard", "attempt": 1}',
  '{"status": "paused", "class": "soft", "attempt": 1}'), '--', '... nor what somebody is looking at');
select is(pg_temp.mailed('subscription.ended', '{"reason": "unpaid", "previous_status": "past_due"}',
  '{"reason": "canceled", "previous_status": "active"}'), 'pp', 'the end of what was paid for is mailed');
select is(pg_temp.mailed('subscription.ended', '{"reason": "canceled", "previous_status": "incomplete"}',
  '{"reason": "merged", "previous_status": "active"}', '{"reason": "test", "previous_status": "active"}'), '---', '... and no other');
select is(pg_temp.mailed('top_up.suspended', '{"reason": "declined"}', '{"reason": "price_changed"}', '{"reason": "banned"}',
  '{"reason": "test"}'), 'pp--', 'of a suspended top-up whoever can switch it on again');
select is(pg_temp.mailed('subscription.renewal_due', '{}') || pg_temp.mailed('subscription.renewed', '{}'), 'p-', 'ahead of a charge, which has a receipt of its own');

-- ---- what becomes of it ----

select is(pg_temp.finish('temporary', ', 451'), 'pending', 'later');
select is(pg_temp.claim(), '', '... it waits');
select pg_temp.later() \g /dev/null
select is(pg_temp.claim(), 'receipt ann', '... and is sent again');
select is(pg_temp.finish('unknown'), 'pending', 'one of which nobody knows');
select pg_temp.later() \g /dev/null
select is(pg_temp.claim(), 'receipt ann', '... is sent once more');
select is(pg_temp.finish('unknown'), 'unknown', '... and no third time');
select pg_temp.read(o.order_id, 'B:paid paid=5000 refunded=1000') from orders o \g /dev/null
select pg_temp.claim() \g /dev/null
select pg_temp.later() \g /dev/null
select is(pg_temp.claim(), 'refund ann', 'one whose sender has died');
select pg_temp.later() \g /dev/null
select is(pg_temp.claim(), '', '... twice: not a third time');
select is((select m.state from coinslot.mails m where m.kind = 'refund'), 'unknown', '... that is unknown as well');
select pg_temp.read(o.order_id, 'B:paid paid=5000 refunded=2000') from orders o \g /dev/null
select pg_temp.claim() \g /dev/null
select is(pg_temp.finish('permanent', ', 550, ''5.1.1 no such user'', true'), 'refused', 'an address of nobody');
select pg_temp.happens('ann', 'wallet.low') \g /dev/null
select is(pg_temp.claim(), '', '... gets nothing more');

-- ---- doing without ----

select pg_temp.happens('ben', 'wallet.low') \g /dev/null
select pg_temp.claim() \g /dev/null
select is(
  pg_temp.as_service(format('select coinslot_refuse_mail(%L) as r', (select c.job ->> 'unsubscribe' from claims c))) ->> 'r',
  'tokens_low', 'the link of a mail ends its kind'
);
select is(pg_temp.as_service('select coinslot_refuse_mail(''nonsense'') as r') ->> 'r', null, 'another ends nothing');
select pg_temp.happens('ben', 'wallet.low') \g /dev/null
select pg_temp.later() \g /dev/null
select is(pg_temp.claim(), '', 'who does without gets none, not even what waited');
select is(
  pg_temp.as_user(pg_temp.id('ben'), 'select jsonb_agg(to_jsonb(m)) as r from list_token_mails() m') -> 'r',
  '[{"kind": "tokens_expiring", "wanted": true}, {"kind": "tokens_low", "wanted": false}]', 'they see it'
);
select is(
  pg_temp.as_user(pg_temp.id('ben'), 'select set_token_mail(''tokens_low'', true) as r') ->> 'r', 'true', '... and change it'
);
select is(
  pg_temp.as_user(pg_temp.id('ben'), 'select set_token_mail(''receipt'', false) as r') ->> 'error', 'invalid_argument',
  'nobody does without receipts'
);

select * from finish();
rollback;
