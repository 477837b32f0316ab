-- A first look at fraud: a person is told, once, and nothing else comes of it.
begin;
\ir helpers/call.sql
\ir helpers/funnel.sql
select plan(35);

create function pg_temp.order_of(user_id uuid, gateway text default 'portone') returns text
language sql as $$
  select pg_temp.as_user(order_of.user_id, format(
    'select * from create_token_order(%L, %L)', 'starter', order_of.gateway
  )) ->> 'order_id'
$$;
create function pg_temp.played(order_id text, step text) returns text
language sql as $$
  select pg_temp.step(p, played.step)
  from public.token_payments p where p.order_id = played.order_id
$$;
-- A signed event of Stripe's, with what it warns of.
create function pg_temp.warn(
  event text, key text, warning text default 'made_with_stolen_card', order_id text default null
) returns text
language sql as $$
  select coalesce(a ->> 'verdict', pg_temp.refusal(a)) from pg_temp.as_service(format(
    'select * from coinslot_store_webhook(%L, %L, %L, %L, %L, false, %L, %L, warning => %L)',
    'stripe', nullif(warn.event, ''), 'a.warning', warn.order_id, warn.key, '{}', '{}', warn.warning
  )) a
$$;
create function pg_temp.open(kind text) returns text
language sql as $$
  select string_agg(concat_ws(' ', d.detail ->> 'times', d.detail ->> 'warning'), ', ' order by d.id)
  from coinslot.discrepancies d where d.kind = open.kind and d.resolved_at is null
$$;
create function pg_temp.look(kind text) returns void
language sql as $$
  select pg_temp.as_service(format('select * from coinslot_resolve_discrepancy(%s, %L)', d.id, 'seen'))
  from coinslot.discrepancies d where d.kind = look.kind and d.resolved_at is null
$$;

-- What a gateway warns of
select pg_temp.user_with(0) as mina \gset
select pg_temp.order_of(:'mina', 'stripe') as bought \gset
select pg_temp.played(:'bought', 'A:paid paid=5000 gateway=stripe') as credited \gset
select is(pg_temp.warn('evt_1', 'A ' || :'bought'), 'read',
  'a warning leads to a read, as any event');
select is(
  pg_temp.open('fraud_warning'), 'made_with_stolen_card', '... and a person is told of it'
);
select is(
  (select concat_ws(' ', d.gateway, d.payment_key, d.order_id) from coinslot.discrepancies d),
  format('stripe A %1$s %1$s', :'bought'), '... by the payment and its order'
);
select is(pg_temp.wallet(:'mina'), 'tokens=10 held=0 seq=1', '... and no token moves');
select is(pg_temp.warn('evt_1', 'A ' || :'bought'), 'scheduled', 'delivered again');
select is(pg_temp.warn('evt_2', 'A ' || :'bought', 'misc'), 'read', '... or warned of twice');
select is(pg_temp.open('fraud_warning'), 'made_with_stolen_card', '... it is told once');
select is(
  pg_temp.played(:'bought', 'A:paid paid=5000 refunded=1000 gateway=stripe'),
  'reversed partially_refunded 8', 'a part of the money goes back'
);
select is(
  pg_temp.open('fraud_warning'), 'made_with_stolen_card', '... and the warning stays with the rest'
);
select is(
  pg_temp.played(:'bought', 'A:paid paid=5000 refunded=5000 gateway=stripe'),
  'reversed refunded 0', 'when all of it has gone back'
);
select is(pg_temp.open('fraud_warning'), null, '... nobody has to decide any more');
select is(pg_temp.warn('evt_3', 'pi_of_another_app'), 'unknown_order', 'of another app''s payment');
select is(pg_temp.open('fraud_warning'), null, '... nobody is told');
select pg_temp.order_of(:'mina', 'stripe') as unsigned \gset
select pg_temp.played(:'unsigned', 'A:paid paid=5000 gateway=stripe') as credited \gset
select is(pg_temp.warn('', 'A ' || :'unsigned'), 'read', 'what nobody signed');
select is(pg_temp.open('fraud_warning'), null, '... warns of nothing');

-- Another app at the same account
select is(
  pg_temp.warn(e.event, 'pi_theirs', null, e.order_id), e.verdict,
  'signed, of an unknown payment, ' || e.what
) from (values
  ('evt_4', null, 'unknown_order', 'and no order: not stored'),
  ('evt_5', 'SHOP-118', 'unknown_order', 'and an order of somebody else''s form: not stored'),
  ('evt_6', 'ord_of_a_purged_order', 'read', 'and an order of our form: read')
) e (event, order_id, verdict, what);
select is(
  (select string_agg(w.event_id, ', ') from coinslot.webhooks w where w.payment_key = 'pi_theirs'),
  'evt_6', '... so one row is in the inbox'
);

-- Declines in a row
select pg_temp.user_with(0) as carder \gset
create function pg_temp.decline(user_id uuid, reason text default 'card_declined') returns text
language plpgsql as $$
declare
  v_order text := pg_temp.order_of(decline.user_id);
begin
  return pg_temp.played(v_order, concat('D:failed', ' failure_reason=' || decline.reason));
end
$$;
select pg_temp.decline(:'carder') from generate_series(1, 4) \g /dev/null
select is(pg_temp.open('declines_in_a_row'), null, 'four declines in a row are nothing');
select pg_temp.decline(:'carder', null) \g /dev/null
select is(pg_temp.open('declines_in_a_row'), null,
  '... nor is an attempt that ended without a reason');
select is(pg_temp.decline(:'carder'), 'moved failed 0', 'a fifth is declined as any');
select is(pg_temp.open('declines_in_a_row'), '5', '... and a person is told');
select is(pg_temp.decline(:'carder'), 'moved failed 0', 'a sixth');
select is(pg_temp.open('declines_in_a_row'), '6', '... adds to the same line');
select pg_temp.look('declines_in_a_row') \g /dev/null
select pg_temp.decline(:'carder') from generate_series(1, 4) \g /dev/null
select is(pg_temp.open('declines_in_a_row'), null, 'what a person has seen counts no more');
select pg_temp.user_with(0) as clumsy \gset
select pg_temp.decline(:'clumsy') from generate_series(1, 4) \g /dev/null
select pg_temp.played(pg_temp.order_of(:'clumsy'), 'A:paid paid=5000') \g /dev/null
select pg_temp.decline(:'clumsy') from generate_series(1, 4) \g /dev/null
select is(pg_temp.open('declines_in_a_row'), null, 'nor do declines before a payment');
select pg_temp.change('update coinslot.settings set declines_in_a_row = null') \g /dev/null
select pg_temp.decline(:'clumsy') from generate_series(1, 4) \g /dev/null
select is(pg_temp.open('declines_in_a_row'), null, 'and with the setting off nobody is told');

-- Refunds in a row
select pg_temp.user_with(0) as returner \gset
create function pg_temp.buy(user_id uuid, refunded bigint) returns text
language plpgsql as $$
declare
  v_order text := pg_temp.order_of(buy.user_id);
begin
  perform pg_temp.played(v_order, 'A:paid paid=5000');
  return case when refunded > 0
    then pg_temp.played(v_order, 'A:paid paid=5000 refunded=' || buy.refunded) end;
end
$$;
select pg_temp.buy(:'returner', 5000) from generate_series(1, 2) \g /dev/null
select pg_temp.buy(:'returner', 0) \g /dev/null
select pg_temp.buy(:'returner', 5000) from generate_series(1, 2) \g /dev/null
select is(pg_temp.open('refunds_in_a_row'), null,
  'refunds with a purchase kept between them are nothing');
select is(pg_temp.buy(:'returner', 500), 'reversed partially_refunded 19', 'a third in a row');
select is(pg_temp.open('refunds_in_a_row'), '3', '... and a person is told');
select pg_temp.buy(:'returner', 5000) \g /dev/null
select is(pg_temp.open('refunds_in_a_row'), '4', '... in one line');
select is(
  (select string_agg(distinct d.detail ->> 'user_id', ', ') from coinslot.discrepancies d
   where d.kind = 'refunds_in_a_row'), :'returner', '... that names the user'
);
select is(
  pg_temp.order_of(:'returner') ~ coinslot.order_id_form(), true, 'who may go on buying'
);
select is(
  (select count(*) from coinslot.verify_ledger(null, null)), 0::bigint, 'and the books are sound'
);
select * from finish();
rollback;
