-- Subscribers: plans, methods and charges at the gateway portone, as people, the scheduler and time
-- make them. Needs call.sql and funnel.sql, and a plan `plus`.

create temporary table people (name text, id uuid);
create temporary table methods (name text, id uuid);

create function pg_temp.shop(user_id uuid, statement text) returns text
language sql as $$
  select coalesce(a ->> 't', pg_temp.refusal(a)) from pg_temp.as_user(shop.user_id, statement) a
$$;

create function pg_temp.id(name text) returns uuid
language sql as $$ select p.id from people p where p.name = id.name $$;

create function pg_temp.method(name text, key text) returns uuid
language plpgsql as $$
declare
  v_id uuid := pg_temp.as_user(pg_temp.id(method.name), 'select begin_token_method(''portone'') as t') #>> '{t,id}';
begin
  perform pg_temp.as_service(format(
    'select coinslot_finish_method(%L, ''sealed'', %L, ''Hyundai'', ''1234'')', v_id, method.key
  ));
  return v_id;
end
$$;

create function pg_temp.card(name text) returns uuid
language sql as $$ select m.id from methods m where m.name = card.name limit 1 $$;

create function pg_temp.subscribe(name text, plan text default 'plus', card text default null) returns text
language sql as $$
  select coalesce(a ->> 'status', pg_temp.refusal(a)) from pg_temp.as_user(pg_temp.id(subscribe.name), format(
    'select * from subscribe_token_plan(%L, ''portone'', ''KRW'', %L)', plan, pg_temp.card(coalesce(card, subscribe.name))
  )) a
$$;

create function pg_temp.sub(name text) returns public.token_subscriptions
language sql as $$
  select s.* from public.token_subscriptions s where s.user_id = pg_temp.id(sub.name) order by s.created_at desc limit 1
$$;

create function pg_temp.state(name text) returns text
language sql as $$
  select concat_ws(' ', (s).status, (s).plan_id, (s).period, (s).needs, (s).end_reason) || ' | ' || (
    select w.tokens from public.token_wallets w where w.user_id = pg_temp.id(state.name)
  ) || coalesce((select ' UNSOUND ' || jsonb_agg(v)::text from coinslot.verify_ledger(null, null) v), '')
  from (select pg_temp.sub(state.name) as s) t
$$;

create function pg_temp.does(name text, what text) returns text
language sql as $$
  select coalesce(a ->> 'status', pg_temp.refusal(a)) from pg_temp.as_user(pg_temp.id(does.name), format(
    'select * from ' || what, (pg_temp.sub(does.name)).id
  )) a
$$;

-- Claims what is due of somebody; what the gateway then says: paid, or a class of decline.
create function pg_temp.claim(name text) returns jsonb
language sql as $$
  select nullif(pg_temp.as_service(format('select c from unnest(coinslot_claim_charges(array[''portone''], 5, %L)) c',
    (pg_temp.sub(claim.name)).id)) -> 'c', 'null')
$$;

create function pg_temp.pays(claimed jsonb, key text default 'A') returns text
language sql as $$
  select pg_temp.read(claimed #>> '{payment,order_id}', key || ':paid paid=' || (claimed #>> '{payment,amount}'))
$$;

create function pg_temp.charge(name text, outcome text default 'paid', dead boolean default false) returns text
language plpgsql as $$
declare
  v_claim jsonb := pg_temp.claim(charge.name);
begin
  if v_claim is null then
    return 'nothing due';
  elsif charge.outcome = 'paid' then
    return pg_temp.pays(v_claim);
  end if;
  v_claim := pg_temp.as_service(format('select coinslot_finish_charge(%L, %s, %L, ''why'', %L) as t',
    v_claim ->> 'id', v_claim ->> 'lease', charge.outcome, charge.dead));
  return coalesce(v_claim ->> 't', pg_temp.refusal(v_claim));
end
$$;

-- The period is over, a minute ago; some more of them, if that is said.
create function pg_temp.over(name text, periods integer default 1) returns void
language plpgsql as $$
declare
  s public.token_subscriptions := pg_temp.sub(over.name);
  v_anchor timestamptz := clock_timestamp() - interval '1 minute'
    - (s.period + periods) * case s.every when 'year' then interval '1 year' else interval '1 month' end;
begin
  update coinslot.subscription_cycles c set period_start = coinslot.period_at(v_anchor, s.time_zone, s.every, c.number),
    period_end = coinslot.period_at(v_anchor, s.time_zone, s.every, c.number + 1)
  where c.subscription_id = s.id and c.period_start >= s.anchor;
  update public.token_subscriptions t set anchor = v_anchor, next_charge_at = clock_timestamp(),
    period_start = coinslot.period_at(v_anchor, s.time_zone, s.every, s.period),
    period_end = coinslot.period_at(v_anchor, s.time_zone, s.every, s.period + 1)
  where t.id = s.id;
  v_anchor := clock_timestamp();
  update public.token_lots l set expires_at = v_anchor
  where l.user_id = s.user_id and l.expires_at < 'infinity' and l.remaining > 0;
  if found then
    update public.token_wallets w set next_change_at = v_anchor where w.user_id = s.user_id;
  end if;
end
$$;

-- Time goes by for what is unpaid.
create function pg_temp.later(name text, days numeric) returns void
language plpgsql as $$
declare
  s public.token_subscriptions := pg_temp.sub(later.name);
  v_time interval := days * interval '1 day';
begin
  update public.token_subscriptions t set next_charge_at = t.next_charge_at - v_time,
    grace_until = t.grace_until - v_time, created_at = t.created_at - v_time where t.id = s.id;
  update coinslot.subscription_cycles c set first_try_at = c.first_try_at - v_time where c.subscription_id = s.id;
  update coinslot.cycle_charges h set created_at = h.created_at - v_time, leased_until = h.leased_until - v_time
  from coinslot.subscription_cycles c where c.id = h.cycle_id and c.subscription_id = s.id;
end
$$;
