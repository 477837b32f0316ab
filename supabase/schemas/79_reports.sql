-- Reports. Each is rows by a bucket of time in a time zone, with what the numbers mean beside it.
-- Money is by currency, in minor units, and is never added up across currencies.

create type coinslot.report_options as (
  since timestamptz,
  until timestamptz,
  zone text,
  step text,
  currency text,
  live boolean,
  days date [],
  bounds timestamptz []
);
comment on type coinslot.report_options is
'[since, until) are beginnings of days in the zone; step: day, week, month or all. days are the
first days of the rows, and bounds when they begin: width_bucket() finds the row of a time.';
revoke all on type coinslot.report_options from public;

create function coinslot.report_names() returns text[]
language sql immutable parallel safe set search_path = ''
return array[
  'sales', 'methods', 'products', 'funnel', 'declines', 'tokens', 'liability', 'recurring', 'churn',
  'vat', 'settlement'
];
comment on function coinslot.report_names() is 'The reports that there are.';
revoke all on function coinslot.report_names() from public;

create function coinslot.date_option(options jsonb, name text) returns date
language plpgsql stable set search_path = '' as $$
begin
  if (options ->> date_option.name) ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' then
    return (options ->> date_option.name)::date;
  end if;
  perform coinslot.fail('invalid_argument', jsonb_build_object(
    'argument', date_option.name, 'example', '2026-01-31'
  ));
  return null;
exception when data_exception then
  perform coinslot.fail('invalid_argument', jsonb_build_object('argument', date_option.name));
  return null;
end
$$;
comment on function coinslot.date_option(jsonb, text) is 'A day of the options, or PT400.';
revoke all on function coinslot.date_option(jsonb, text) from public;

-- The last day is a part of the report. Ten years at the most: more would be no report.
create function coinslot.read_options(options jsonb) returns coinslot.report_options
language plpgsql stable set search_path = '' as $$
declare
  v_options coinslot.report_options;
  v_from date := coinslot.date_option(options, 'from');
  v_to date := coinslot.date_option(options, 'to');
  v_argument text;
begin
  v_options.zone := coalesce(options ->> 'zone', 'Asia/Seoul');
  v_options.step := coalesce(options ->> 'step', 'day');
  v_options.currency := options ->> 'currency';
  v_options.live := coalesce((options ->> 'live')::boolean, coinslot.is_live());
  v_argument := case
    when exists (
      select from jsonb_object_keys(options) k (name)
      where k.name <> all (array['from', 'to', 'zone', 'step', 'currency', 'live'])
    ) then 'options'
    when v_to < v_from or v_to - v_from > 3660 then 'to'
    when v_options.step <> all (array['day', 'week', 'month', 'all']) then 'step'
    when not exists (
      select from pg_catalog.pg_timezone_names z where z.name = v_options.zone
    ) then 'zone'
  end;
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
  v_options.since := v_from::timestamp at time zone v_options.zone;
  v_options.until := (v_to + 1)::timestamp at time zone v_options.zone;
  select array_agg(d.day order by d.day),
    array_agg(d.day::timestamp at time zone v_options.zone order by d.day)
  into v_options.days, v_options.bounds
  from (
    select distinct case v_options.step when 'all' then v_from
      else greatest(v_from, date_trunc(v_options.step, g)::date) end as day
    from generate_series(v_from::timestamp, v_to::timestamp, interval '1 day') g
  ) d;
  return v_options;
exception when invalid_text_representation then
  perform coinslot.fail('invalid_argument', '{"argument": "live"}');
  return null;
end
$$;
comment on function coinslot.read_options(jsonb) is 'The options of a report, or PT400.';
revoke all on function coinslot.read_options(jsonb) from public;

create function coinslot.money_report(options coinslot.report_options, by text)
returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_rows jsonb;
begin
  with parts as (
    select width_bucket(m.at, options.bounds) as place, m.currency, m.label,
      sum(m.payments)::bigint as payments, sum(m.paid)::bigint as paid,
      sum(m.refunded)::bigint as refunded, sum(m.withdrawn)::bigint as withdrawn,
      sum(m.vat)::bigint as vat
    from coinslot.money_parts m
    where m.by = money_report.by and m.at >= options.since and m.at < options.until
      and m.live = options.live and (options.currency is null or m.currency = options.currency)
    group by 1, 2, 3
  ), back as (
    select width_bucket(m.at, options.bounds) as place, m.currency,
      case money_report.by when 'method' then m.method when 'product' then m.product_id
        else '' end as label,
      sum(m.refunded + m.withdrawn - least(m.paid, 0)) filter (
        where m.sold_at < options.bounds[width_bucket(m.at, options.bounds)]
      )::bigint as earlier
    from coinslot.money_moves m
    where (m.refunded <> 0 or m.withdrawn <> 0 or m.paid < 0)
      and m.at >= options.since and m.at < options.until and m.live = options.live
    group by 1, 2, 3
  )
  select jsonb_agg(to_jsonb(r) order by r.day, r.currency, r.label) into v_rows from (
    select options.days[p.place] as day, p.currency, p.label, p.payments, p.paid, p.refunded,
      p.withdrawn, p.paid - p.refunded - p.withdrawn as net, coalesce(b.earlier, 0) as of_earlier,
      p.vat, p.paid - p.refunded - p.withdrawn - p.vat as supply
    from parts p left join back b using (place, currency, label)
  ) r;
  return coalesce(v_rows, '[]');
end
$$;
comment on function coinslot.money_report(coinslot.report_options, text) is
'Paid, refunded, withdrawn and net, with what of it went back of earlier sales.';
revoke all on function coinslot.money_report(coinslot.report_options, text) from public;

-- Up to where orders are summed; what is later is added up from the orders.
create function coinslot.orders_summed_to(options coinslot.report_options) returns timestamptz
language sql stable set search_path = '' as $$
  select greatest(options.since, least(options.until, coalesce((
    select p.orders_to from coinslot.report_progress p
  ), '-infinity')))
$$;
comment on function coinslot.orders_summed_to(coinslot.report_options) is
'Where a report goes on from sums to orders.';
revoke all on function coinslot.orders_summed_to(coinslot.report_options) from public;

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

-- What is beyond it is added up as `other`: a report is as long as its days allow, and nothing of
-- it is left out.
create function coinslot.kinds_of_a_row(options coinslot.report_options) returns bigint
language sql immutable parallel safe set search_path = ''
return greatest(10, 10000 / cardinality(options.days));
comment on function coinslot.kinds_of_a_row(coinslot.report_options) is
'How many kinds a row of a report tells apart, the most frequent first.';
revoke all on function coinslot.kinds_of_a_row(coinslot.report_options) from public;

create function coinslot.declines_report(options coinslot.report_options) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_to timestamptz := coinslot.orders_summed_to(options);
  v_rows jsonb;
begin
  with parts as (
    select width_bucket(s.at, options.bounds) as place, s.gateway, s.method, s.reason,
      sum(s.attempts) as attempts
    from (
      select d.* from coinslot.decline_sums d where d.at >= options.since and d.at < v_to
      union all
      select f.* from coinslot.decline_facts(v_to, options.until) f
    ) s
    where s.live = options.live and (options.currency is null or s.currency = options.currency)
    group by 1, 2, 3, 4
  ), ranked as (
    select p.*, row_number() over (
      partition by p.place order by p.attempts desc, p.reason, p.gateway, p.method
    ) <= coinslot.kinds_of_a_row(options) as named
    from parts p
  )
  select jsonb_agg(to_jsonb(r) order by r.day, r.attempts desc, r.label) into v_rows from (
    select options.days[k.place] as day, case when k.named then k.gateway else '' end as gateway,
      case when k.named then k.method else '' end as method,
      case when k.named then k.reason else 'other' end as label, sum(k.attempts)::bigint as attempts
    from ranked k group by 1, 2, 3, 4
  ) r;
  return coalesce(v_rows, '[]');
end
$$;
comment on function coinslot.declines_report(coinslot.report_options) is
'Declined attempts by reason.';
revoke all on function coinslot.declines_report(coinslot.report_options) from public;

-- A column for each way that tokens come and go. All of a row lead from `opening` to `outstanding`.
-- Balances know no mode: what orders of the other mode gave, less what was taken of it, is apart.
-- Where there are tokens there is a first row, also where nothing moved.
create function coinslot.tokens_report(options coinslot.report_options) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_rows jsonb;
  v_opening bigint := (
    select coalesce(sum(s.gained - s.lost), 0) from coinslot.token_sums s where s.at < options.since
  );
begin
  select jsonb_agg(to_jsonb(r) order by r.day) into v_rows from (
    select d.*, (v_opening + sum(d.change) over (order by d.day) - d.change)::bigint as opening,
      (v_opening + sum(d.change) over (order by d.day))::bigint as outstanding
    from (
      select options.days[width_bucket(s.at, options.bounds)] as day,
        coalesce(sum(s.gained) filter (
          where s.kind = 'purchase' and s.test <> options.live
        ), 0)::bigint as sold,
        coalesce(sum(s.gained) filter (where s.kind in (
          'signup_bonus', 'grant', 'refill', 'promotion', 'referral'
        )), 0)::bigint as given,
        coalesce(sum(s.lost - s.gained) filter (
          where s.kind in ('spend', 'spend_refund')
        ), 0)::bigint as spent,
        coalesce(sum(s.lost - s.gained) filter (where s.kind = 'expiry'), 0)::bigint as expired,
        coalesce(sum(s.lost - s.gained) filter (
          where s.kind in ('refund', 'dispute', 'reversal', 'test_reversal')
            and s.test <> options.live or s.kind = 'referral_reversal'
        ), 0)::bigint as taken_back,
        coalesce(sum(s.gained - s.lost) filter (
          where s.kind in ('purchase', 'refund', 'dispute', 'reversal', 'test_reversal')
            and s.test = options.live
        ), 0)::bigint as other_mode,
        coalesce(sum(s.gained - s.lost) filter (
          where s.kind in ('adjustment', 'merge_in', 'merge_out')
        ), 0)::bigint as adjusted,
        coalesce(sum(s.gained - s.lost) filter (where s.correction), 0)::bigint as corrections,
        coalesce(sum(s.gained - s.lost), 0)::bigint as change
      from (
        select s.at, s.kind, s.correction, s.test, s.gained, s.lost from coinslot.token_sums s
        where s.at >= options.since and s.at < options.until
        union all
        select options.since, 'none', false, false, 0, 0 where v_opening <> 0
      ) s
      group by 1
    ) d
  ) r;
  return coalesce(v_rows, '[]');
end
$$;
comment on function coinslot.tokens_report(coinslot.report_options) is
'Tokens sold, given, spent, expired and taken back, and what is outstanding.';
revoke all on function coinslot.tokens_report(coinslot.report_options) from public;

-- The roll-forward of what paid tokens are worth that were not used yet. A currency that has some has
-- a first row, also where nothing moved. Money that went back beyond the worth of unused tokens had
-- been recognised, or was breakage, and comes off that now.
create function coinslot.liability_report(options coinslot.report_options) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_rows jsonb;
begin
  with opening as materialized (
    select s.currency, sum(s.value) as value, sum(s.tokens) as tokens from coinslot.lot_sums s
    where s.at < options.since and s.live = options.live
      and (options.currency is null or s.currency = options.currency)
    group by 1
  ), days as (
    select options.days[width_bucket(s.at, options.bounds)] as day, s.currency,
      coalesce(sum(s.value) filter (where s.kind = 'sold'), 0)::bigint as sold,
      coalesce(-sum(s.value) filter (where s.kind in ('used', 'moved')), 0)::bigint
      - sum(s.beyond - s.broken)::bigint as recognised,
      coalesce(-sum(s.value) filter (where s.kind = 'expired'), 0)::bigint
      - sum(s.broken)::bigint as breakage,
      coalesce(-sum(s.value) filter (where s.kind = 'taken'), 0)::bigint
      + sum(s.beyond)::bigint as refunded,
      coalesce(sum(s.value) filter (where s.correction), 0)::bigint as corrections,
      sum(s.value) as change, sum(s.tokens) as tokens
    from (
      select l.at, l.currency, l.kind, l.correction, l.tokens, l.value, 0 as beyond, 0 as broken
      from coinslot.lot_sums l
      where l.at >= options.since and l.at < options.until and l.live = options.live
        and (options.currency is null or l.currency = options.currency)
      union all
      select b.at, b.currency, 'none', false, 0, 0, b.refunded, b.breakage
      from coinslot.beyond_lots b
      where b.at >= options.since and b.at < options.until and b.live = options.live
        and (options.currency is null or b.currency = options.currency)
      union all
      select options.since, o.currency, 'none', false, 0, 0, 0, 0 from opening o
      where (o.value, o.tokens) <> (0, 0)
    ) s
    group by 1, 2
  )
  select jsonb_agg(to_jsonb(r) - 'change' - 'tokens' order by r.day, r.currency) into v_rows
  from (
    select d.*, (coalesce(o.value, 0) + sum(d.change) over w - d.change)::bigint as opening,
      (coalesce(o.value, 0) + sum(d.change) over w)::bigint as closing,
      (coalesce(o.tokens, 0) + sum(d.tokens) over w)::bigint as closing_tokens
    from days d left join opening o on o.currency = d.currency
    window w as (partition by d.currency order by d.day)
  ) r;
  return coalesce(v_rows, '[]');
end
$$;
comment on function coinslot.liability_report(coinslot.report_options) is
'What is owed for paid tokens, recognised, broken and refunded, by currency.';
revoke all on function coinslot.liability_report(coinslot.report_options) from public;

-- Our books against each gateway's own list, as the audits compared them that were finished.
create function coinslot.settlement_report(options coinslot.report_options) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_rows jsonb;
begin
  select jsonb_agg(to_jsonb(r) order by r.day, r.gateway, r.currency) into v_rows from (
    select options.days[width_bucket(t.at, options.bounds)] as day, t.gateway, t.currency,
      max(t.checked_at) as checked_at, sum(t.payments)::bigint as payments,
      sum(t.matched)::bigint as matched, sum(t.differing)::bigint as differing,
      sum(t.their_paid)::bigint as their_paid, sum(t.our_paid)::bigint as our_paid,
      sum(t.their_refunded)::bigint as their_refunded, sum(t.our_refunded)::bigint as our_refunded
    from coinslot.audit_totals t
    where t.live = options.live and t.at >= options.since and t.at < options.until
      and (options.currency is null or t.currency = options.currency)
    group by 1, 2, 3
  ) r;
  return coalesce(v_rows, '[]');
end
$$;
comment on function coinslot.settlement_report(coinslot.report_options) is
'What audits found, by gateway and currency.';
revoke all on function coinslot.settlement_report(coinslot.report_options) from public;

-- What each figure is, for who reads it. The words stand once, here.
create function coinslot.report_definition(report text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select case report_definition.report
    when 'sales' then 'Net sales: what was paid, less refunds and chargebacks, each on the day '
      'that it was recorded. of_earlier is the part that went back of sales before this row.'
    when 'methods' then 'The same, by the way to pay.'
    when 'products' then 'The same, by product.'
    when 'funnel' then 'Orders by the day they were made, as they were a week later. opened: the '
      'gateway knows an attempt. declined: at least once. success: paid of opened.'
    when 'declines' then 'Attempts that gateways declined within a week, by the day of their '
      'orders.'
    when 'tokens' then 'Entries of the ledger by day; expired: when their lot ended, as breakage. '
      'outstanding: all balances at the end of the row. other_mode: what test orders gave where '
      'real money is asked for, less what was taken of it; or the reverse. corrections: what came '
      'to be known of a time that was over.'
    when 'liability' then 'Paid tokens at the price of their own lot. recognised: used. breakage: '
      'expired, when the lot ended. refunded: money that went back; of tokens that were used or had expired it is less '
      'recognised and less breakage, when it went back. closing = opening + sold - recognised - '
      'breakage - refunded. VAT is in it.'
    when 'recurring' then 'What running subscriptions are worth a month: a yearly price counts a '
      'twelfth, packs and top-ups nothing. A declined charge is no churn before it is given up; '
      'paused is. churn_percent: churn and contraction of opening; net_churn_percent: less '
      'expansion and reactivation; lost_percent: subscriptions. VAT is in it, and it is no cash.'
    when 'churn' then 'Subscriptions that stopped, and what they were worth a month.'
    when 'vat' then 'Sums of won with VAT: a tenth of the rest, rounded by payment. Other '
      'currencies show none. All is taken for taxable: ask your accountant.'
    when 'settlement' then 'What gateways list against what the books say, as audits that were '
      'finished found it: by when a payment moved, each time once, by the latest.'
  end
$$;
comment on function coinslot.report_definition(text) is 'What the figures of a report mean.';
revoke all on function coinslot.report_definition(text) from public;

create function coinslot.make_report(report text, options jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_options coinslot.report_options;
  v_progress coinslot.report_progress;
begin
  if (make_report.report = any (coinslot.report_names())) is not true then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'report', 'known', coinslot.report_names()
    ));
  end if;
  v_options := coinslot.read_options(coalesce(make_report.options, '{}'));
  select p.* into v_progress from coinslot.report_progress p;
  return jsonb_build_object(
    'report', make_report.report, 'definition', coinslot.report_definition(make_report.report),
    'from', (v_options.since at time zone v_options.zone)::date,
    'to', (v_options.until at time zone v_options.zone)::date - 1,
    'zone', v_options.zone, 'step', v_options.step, 'currency', v_options.currency,
    'live', v_options.live, 'made_at', clock_timestamp(),
    'complete_to', case when make_report.report in ('tokens', 'liability')
      then nullif(v_progress.walked_to, '-infinity') else clock_timestamp() end,
    'complete', case when make_report.report in ('tokens', 'liability')
      then v_progress.walked_to >= least(v_options.until, clock_timestamp() - interval '1 hour')
      else v_progress.moves_made_at is not null end,
    'rows', case make_report.report
      when 'sales' then coinslot.money_report(v_options, 'all')
      when 'vat' then coinslot.money_report(v_options, 'all')
      when 'methods' then coinslot.money_report(v_options, 'method')
      when 'products' then coinslot.money_report(v_options, 'product')
      when 'funnel' then coinslot.funnel_report(v_options)
      when 'declines' then coinslot.declines_report(v_options)
      when 'tokens' then coinslot.tokens_report(v_options)
      when 'liability' then coinslot.liability_report(v_options)
      when 'recurring' then coinslot.recurring_report(v_options)
      when 'churn' then coinslot.churn_report(v_options)
      when 'settlement' then coinslot.settlement_report(v_options) end
  );
end
$$;
comment on function coinslot.make_report(text, jsonb) is 'A report with its definition.';
revoke all on function coinslot.make_report(text, jsonb) from public;

create function coinslot.console_report(report text, options jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  perform coinslot.reading_operator();
  return coinslot.make_report(console_report.report, console_report.options);
end
$$;
comment on function coinslot.console_report(text, jsonb) is 'See public.token_console_report.';
revoke all on function coinslot.console_report(text, jsonb) from public;
grant execute on function coinslot.console_report(text, jsonb) to authenticated;

create function public.token_console_report(report text, options jsonb) returns jsonb
language sql stable set search_path = '' set statement_timeout = '1s' as $$
  select coinslot.console_report(token_console_report.report, token_console_report.options)
$$;
comment on function public.token_console_report(text, jsonb) is
'Operators: a report as {definition, from, to, zone, rows, …}: sales, methods, products, funnel,
declines, tokens, liability, recurring, churn, vat, settlement. Options: from, to, zone, step,
currency, live.';
revoke all on function public.token_console_report(text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.token_console_report(text, jsonb) to authenticated;

-- A cell that a spreadsheet would take for a formula is text; some take the wide signs of East Asia
-- for one, too. Numbers are numbers.
create function coinslot.csv_lines(rows jsonb, columns text[]) returns jsonb
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(jsonb_agg(l.line order by l.place), '[]')
  from (
    select r.place, string_agg(case coalesce(jsonb_typeof(v.value), 'null')
      when 'null' then ''
      when 'number' then v.written
      when 'boolean' then v.written
      else '"' || replace(
        case when v.written ~ '^\s*[=+@\-\t\r＝＋－＠]' then '''' else '' end || v.written, '"', '""'
      ) || '"' end, ',' order by c.place) as line
    from jsonb_array_elements(csv_lines.rows) with ordinality r (item, place)
    cross join unnest(csv_lines.columns) with ordinality c (name, place)
    cross join lateral (
      select r.item -> c.name as value, r.item ->> c.name as written
    ) v
    group by r.place
  ) l
$$;
comment on function coinslot.csv_lines(jsonb, text[]) is
'Rows as lines of a CSV file, in their order: a list of texts.';
revoke all on function coinslot.csv_lines(jsonb, text[]) from public;

-- RFC 4180, with a byte order mark: Excel in Korea would read it as CP949 else.
create function coinslot.as_csv(rows jsonb, columns text[]) returns text
language sql immutable parallel safe set search_path = '' as $$
  select U&'\FEFF' || array_to_string(as_csv.columns, ',') || E'\r\n' || coalesce(
    string_agg(l.line || E'\r\n', '' order by l.place), ''
  )
  from jsonb_array_elements_text(coinslot.csv_lines(as_csv.rows, as_csv.columns))
  with ordinality l (line, place)
$$;
comment on function coinslot.as_csv(jsonb, text[]) is 'Rows as a CSV file.';
revoke all on function coinslot.as_csv(jsonb, text[]) from public;

create function coinslot.report_columns(report text) returns text[]
language sql immutable parallel safe set search_path = '' as $$
  select case
    when report_columns.report = 'sales' then array['day', 'currency', 'payments', 'paid',
      'refunded', 'withdrawn', 'net', 'of_earlier']
    when report_columns.report in ('methods', 'products') then array['day', 'label', 'currency',
      'payments', 'paid', 'refunded', 'withdrawn', 'net', 'of_earlier']
    when report_columns.report = 'vat' then array['day', 'currency', 'payments', 'net', 'supply',
      'vat']
    when report_columns.report = 'funnel' then array['day', 'gateway', 'label', 'currency',
      'orders', 'opened', 'tried', 'declined', 'paid', 'first_try', 'recovered', 'success_percent']
    when report_columns.report = 'declines' then array['day', 'gateway', 'method', 'label',
      'attempts']
    when report_columns.report = 'tokens' then array['day', 'opening', 'sold', 'given', 'spent',
      'expired', 'taken_back', 'adjusted', 'other_mode', 'corrections', 'outstanding']
    when report_columns.report = 'liability' then array['day', 'currency', 'opening', 'sold',
      'recognised', 'breakage', 'refunded', 'corrections', 'closing', 'closing_tokens']
    when report_columns.report = 'recurring' then array['day', 'currency', 'opening', 'new',
      'reactivation', 'expansion', 'contraction', 'churn', 'closing', 'subscriptions', 'started',
      'ended', 'churn_percent', 'net_churn_percent', 'lost_percent']
    when report_columns.report = 'churn' then array['day', 'label', 'plan', 'currency', 'ended',
      'churn']
    when report_columns.report = 'settlement' then array['day', 'gateway', 'currency', 'payments',
      'matched', 'differing', 'their_paid', 'our_paid', 'their_refunded', 'our_refunded',
      'checked_at']
  end
$$;
comment on function coinslot.report_columns(text) is 'The columns of a report, in order.';
revoke all on function coinslot.report_columns(text) from public;

-- That a report left the house is noted, with its options.
create function coinslot.console_export(report text, options jsonb, format text, reason text)
returns text
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_rows jsonb;
begin
  perform coinslot.acting_operator('export');
  if (console_export.format = any (array['csv', 'jsonl'])) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "format", "known": ["csv", "jsonl"]}');
  elsif (length(btrim(console_export.reason)) between 1 and 500) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "reason", "min_length": 1}');
  end if;
  v_rows := coinslot.make_report(console_export.report, console_export.options) -> 'rows';
  perform coinslot.note_action('report_exported', console_export.report, console_export.reason,
    console_export.options || jsonb_build_object(
      'format', console_export.format, 'rows', jsonb_array_length(v_rows)));
  if console_export.format = 'csv' then
    return coinslot.as_csv(v_rows, coinslot.report_columns(console_export.report));
  end if;
  return (
    select coalesce(string_agg(r.value::text || E'\n', '' order by r.place), '')
    from jsonb_array_elements(v_rows) with ordinality r (value, place)
  );
end
$$;
comment on function coinslot.console_export(text, jsonb, text, text) is
'See public.token_console_export.';
revoke all on function coinslot.console_export(text, jsonb, text, text) from public;
grant execute on function coinslot.console_export(text, jsonb, text, text) to authenticated;

create function public.token_console_export(
  report text, options jsonb, reason text, format text default 'csv'
) returns text
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.console_export(
    token_console_export.report, token_console_export.options, token_console_export.format,
    token_console_export.reason
  )
$$;
comment on function public.token_console_export(text, jsonb, text, text) is
'Operators, finance or owner: a report as a file, csv or jsonl; that it was taken is noted.';
revoke all on function public.token_console_export(text, jsonb, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.token_console_export(text, jsonb, text, text) to authenticated;
