-- Running totals in place of sums, which were many to add up.
--
-- Nothing has to be dated anew: what is summed so far becomes totals here.
drop function coinslot.funnel_report(coinslot.report_options);
drop function coinslot.order_facts(timestamptz, timestamptz);

-- Running totals: what became of the orders of any time is the difference of two of them, so a
-- report looks up two rows for each of its own and adds nothing up.
create table coinslot.order_totals (
  currency text not null,
  gateway text not null,
  method text not null,
  live boolean not null,
  at timestamptz not null,
  orders bigint not null,
  opened bigint not null,
  tried bigint not null,
  declined bigint not null,
  paid bigint not null,
  first_try bigint not null,
  constraint order_totals_pkey primary key (currency, gateway, method, live, at)
);
comment on table coinslot.order_totals is
'Orders made up to the end of a quarter of an hour, as they were after a week.';
comment on column coinslot.order_totals.opened is 'Of which the gateway knew an attempt.';
comment on column coinslot.order_totals.tried is 'That were paid, or declined at least once.';
comment on column coinslot.order_totals.declined is 'That were declined at least once.';
comment on column coinslot.order_totals.first_try is 'That were paid, and never declined.';
alter table coinslot.order_totals enable row level security;
revoke all on table coinslot.order_totals from anon, authenticated, service_role;
create policy "Nobody reads totals of orders through the API" on coinslot.order_totals
for select to anon, authenticated using (false);

insert into coinslot.order_totals
select
  s.currency,
  s.gateway,
  s.method,
  s.live,
  s.at,
  sum(s.orders) over w as orders,
  sum(s.opened) over w as opened,
  sum(s.tried) over w as tried,
  sum(s.declined) over w as declined,
  sum(s.paid) over w as paid,
  sum(s.first_try) over w as first_try
from coinslot.order_sums as s
where not s.hourly
window w as (partition by s.currency, s.gateway, s.method, s.live order by s.at);
comment on column coinslot.report_progress.orders_to is 'Orders made before are in order_totals.';

-- A deposit is waited for for days: so an order is looked at as it was when it was a week old, and
-- what is said of it does not change after that.
create function coinslot.order_facts(since timestamptz, until timestamptz)
returns setof coinslot.order_totals
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return query
  select o.currency collate "C", o.gateway collate "C", coalesce(o.method, '') collate "C", o.live,
    coinslot.quarter_of(o.created_at), count(*), count(*) filter (where o.paid_in_time or a.attempts > 0),
    count(*) filter (where o.paid_in_time or a.declines > 0),
    count(*) filter (where a.declines > 0), count(*) filter (where o.paid_in_time),
    count(*) filter (where o.paid_in_time and a.declines = 0)
  from (
    select p.id, p.created_at, p.currency, p.gateway, p.method, p.live,
      coalesce(p.confirmed_at < p.created_at + interval '7 days', false) as paid_in_time
    from public.token_payments p
    where p.created_at >= order_facts.since and p.created_at < order_facts.until
  ) o
  cross join lateral (
    select count(*) as attempts, count(*) filter (where t.state = 'failed') as declines
    from coinslot.payment_attempts t
    where t.payment_id = o.id and t.created_at < o.created_at + interval '7 days'
  ) a
  group by 1, 2, 3, 4, 5;
end
$$;
comment on function coinslot.order_facts(timestamptz, timestamptz) is
'What became within a week of orders that were made in [since, until), by quarters of an hour.';
revoke all on function coinslot.order_facts(timestamptz, timestamptz) from public;

create function coinslot.total_orders(since timestamptz, until timestamptz) returns bigint
language sql volatile set search_path = '' set enable_seqscan = off as $$
  with facts as materialized (
    select f.* from coinslot.order_facts(total_orders.since, total_orders.until) f
  ), made as (
    insert into coinslot.order_totals
    select f.currency, f.gateway, f.method, f.live, f.at,
      coalesce(l.orders, 0) + sum(f.orders) over w, coalesce(l.opened, 0) + sum(f.opened) over w,
      coalesce(l.tried, 0) + sum(f.tried) over w, coalesce(l.declined, 0) + sum(f.declined) over w,
      coalesce(l.paid, 0) + sum(f.paid) over w, coalesce(l.first_try, 0) + sum(f.first_try) over w
    from facts f
    left join lateral (
      select t.* from coinslot.order_totals t
      where t.currency = f.currency and t.gateway = f.gateway and t.method = f.method
        and t.live = f.live
      order by t.at desc limit 1
    ) l on true
    window w as (partition by f.currency, f.gateway, f.method, f.live order by f.at)
  )
  select coalesce(sum(f.orders), 0)::bigint from facts f
$$;
comment on function coinslot.total_orders(timestamptz, timestamptz) is
'Adds orders that were made in [since, until) to the totals, which end there; how many.';
revoke all on function coinslot.total_orders(timestamptz, timestamptz) from public;

-- So many orders at a time, and never a part of a quarter of an hour.
create or replace function coinslot.sum_orders(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_since timestamptz;
  v_until timestamptz;
  v_end timestamptz := date_trunc('hour', clock_timestamp() - interval '8 days', 'UTC');
begin
  select coalesce(p.orders_to, (
    select coinslot.quarter_of(o.created_at) from public.token_payments o
    order by o.created_at, o.id limit 1
  )) into v_since from coinslot.report_progress p for update skip locked;
  if (v_since < v_end) is not true then
    return 0;
  end if;
  select greatest(coinslot.quarter_of(o.created_at), v_since + interval '15 minutes') into v_until
  from public.token_payments o where o.created_at >= v_since
  order by o.created_at, o.id offset sum_orders.batch * 4 limit 1;
  v_until := least(coalesce(v_until, v_end), v_end);
  insert into coinslot.decline_sums select f.* from coinslot.decline_facts(v_since, v_until) f;
  update coinslot.report_progress p set orders_to = v_until;
  return coinslot.total_orders(v_since, v_until);
end
$$;

-- The ways that orders were made in, by one look into the index for each.
create function coinslot.order_ways(live boolean)
returns table (currency text, gateway text, method text)
language sql stable set search_path = '' set enable_seqscan = off as $$
  with recursive ways as (
    (select t.currency, t.gateway, t.method, t.live from coinslot.order_totals t
    order by t.currency, t.gateway, t.method, t.live limit 1)
    union all
    select n.* from ways w cross join lateral (
      select t.currency, t.gateway, t.method, t.live from coinslot.order_totals t
      where (t.currency, t.gateway, t.method, t.live) > (w.currency, w.gateway, w.method, w.live)
      order by t.currency, t.gateway, t.method, t.live limit 1
    ) n
  )
  select w.currency, w.gateway, w.method from ways w where w.live = order_ways.live
$$;
comment on function coinslot.order_ways(boolean) is
'Currencies, gateways and ways to pay that totals of orders have.';
revoke all on function coinslot.order_ways(boolean) from public;

-- Between two bounds there is the difference of the totals that were last before each.
create function coinslot.orders_between(options coinslot.report_options, summed_to timestamptz)
returns table (
  place integer, currency text, gateway text, method text, orders bigint, opened bigint,
  tried bigint, declined bigint, paid bigint, first_try bigint
)
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return query
  with totals as (
    select b.place::integer as place, y.currency, y.gateway, y.method,
      coalesce(l.orders, 0) as orders, coalesce(l.opened, 0) as opened,
      coalesce(l.tried, 0) as tried, coalesce(l.declined, 0) as declined,
      coalesce(l.paid, 0) as paid, coalesce(l.first_try, 0) as first_try
    from coinslot.order_ways(options.live) y
    cross join unnest(options.bounds || options.until) with ordinality b (at, place)
    left join lateral (
      select t.* from coinslot.order_totals t
      where t.currency = y.currency and t.gateway = y.gateway and t.method = y.method
        and t.live = options.live and t.at < least(b.at, orders_between.summed_to)
      order by t.at desc limit 1
    ) l on true
    where options.currency is null or y.currency = options.currency
  )
  select t.place, t.currency, t.gateway, t.method, lead(t.orders) over w - t.orders,
    lead(t.opened) over w - t.opened, lead(t.tried) over w - t.tried,
    lead(t.declined) over w - t.declined, lead(t.paid) over w - t.paid,
    lead(t.first_try) over w - t.first_try
  from totals t
  window w as (
    partition by t.currency collate "C", t.gateway collate "C", t.method collate "C"
    order by t.place
  );
end
$$;
comment on function coinslot.orders_between(coinslot.report_options, timestamptz) is
'What became of orders in each row of a report, as far as they are summed.';
revoke all on function coinslot.orders_between(coinslot.report_options, timestamptz) from public;

create function coinslot.funnel_report(options coinslot.report_options) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_to timestamptz := coinslot.orders_summed_to(options);
  v_rows jsonb;
begin
  if cardinality(options.days) * (select count(*) from coinslot.order_ways(options.live)) > 40000
  then
    perform coinslot.fail('invalid_argument', '{"argument": "step", "reason": "Too many rows."}');
  end if;
  with summed as (
    select b.* from coinslot.orders_between(options, v_to) b where b.orders > 0
  ), later as (
    select width_bucket(f.at, options.bounds) as place, f.currency, f.gateway, f.method,
      sum(f.orders)::bigint as orders, sum(f.opened)::bigint as opened,
      sum(f.tried)::bigint as tried, sum(f.declined)::bigint as declined,
      sum(f.paid)::bigint as paid, sum(f.first_try)::bigint as first_try
    from coinslot.order_facts(v_to, options.until) f
    where f.live = options.live and (options.currency is null or f.currency = options.currency)
    group by 1, 2, 3, 4
  )
  select jsonb_agg(to_jsonb(r) order by r.day, r.orders desc, r.gateway, r.label) into v_rows from (
    select options.days[o.place] as day, o.gateway, o.method as label, o.currency, o.orders,
      o.opened, o.tried, o.declined, o.paid, o.first_try, o.paid - o.first_try as recovered,
      round(100.0 * o.paid / nullif(o.opened, 0), 1) as success_percent
    from (
      select place, gateway, method, currency,
        coalesce(s.orders, 0) + coalesce(l.orders, 0) as orders,
        coalesce(s.opened, 0) + coalesce(l.opened, 0) as opened,
        coalesce(s.tried, 0) + coalesce(l.tried, 0) as tried,
        coalesce(s.declined, 0) + coalesce(l.declined, 0) as declined,
        coalesce(s.paid, 0) + coalesce(l.paid, 0) as paid,
        coalesce(s.first_try, 0) + coalesce(l.first_try, 0) as first_try
      from summed s full join later l using (place, currency, gateway, method)
    ) o
  ) r;
  return coalesce(v_rows, '[]');
end
$$;
comment on function coinslot.funnel_report(coinslot.report_options) is
'What became of orders, by gateway and way to pay.';
revoke all on function coinslot.funnel_report(coinslot.report_options) from public;

-- squawk-ignore ban-drop-table
drop table coinslot.order_sums;

notify pgrst, 'reload schema';
