-- Lists and reports of a shop that has grown: counts that end, and kinds that are added up.

select coinslot.lock_for_upgrade(array['coinslot.promotion_uses']::regclass[]);

create index promotion_uses_used on coinslot.promotion_uses (promotion) where status = 'used';

-- Where nothing is left to be filtered for, the rows of a page are all that is looked at.
create function coinslot.walk_for(filters jsonb, page_size integer) returns integer
language sql immutable parallel safe set search_path = '' as $$
  select case when coalesce(walk_for.filters, '{}') = '{}' then walk_for.page_size + 1
    else coinslot.walk_length() end
$$;
comment on function coinslot.walk_for(jsonb, integer) is
'Rows that a list looks at for a page, with these filters beside those that its index has.';
revoke all on function coinslot.walk_for(jsonb, integer) from public;

create function coinslot.counted_to() returns integer
language sql immutable parallel safe set search_path = ''
return 1001;
comment on function coinslot.counted_to() is
'Where counts of a list end: 1,001 are more than 1,000.';
revoke all on function coinslot.counted_to() from public;

create or replace function coinslot.list_promotions_of(
  filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off as $$
declare
  v_items jsonb;
begin
  perform coinslot.check_filters(list_promotions_of.filters, array[]::text[]);
  select jsonb_agg(to_jsonb(f) || jsonb_build_object('cursor', f.id, 'uses', (
    select count(*) from (
      select from coinslot.promotion_uses u
      where u.status = 'used' and u.promotion = f.id limit coinslot.counted_to()
    ) c
  ), 'codes', (
    select count(*) from (
      select from coinslot.promotion_codes c where c.promotion = f.id limit coinslot.counted_to()
    ) c
  )) order by f.id) into v_items
  from (
    select p.* from coinslot.promotions p where p.id > coalesce(list_promotions_of.after, '')
    order by p.id limit list_promotions_of.page_size + 1
  ) f;
  return coinslot.page_of(v_items, list_promotions_of.page_size);
end
$$;

-- What is beyond it is added up as `other`: a report is as long as its days allow, and nothing of
-- it is left out.
create function coinslot.kinds_of_a_row(options coinslot.report_options) returns bigint
language sql immutable parallel safe set search_path = ''
return greatest(10, 10000 / cardinality(options.days));
comment on function coinslot.kinds_of_a_row(coinslot.report_options) is
'How many kinds a row of a report tells apart, the most frequent first.';
revoke all on function coinslot.kinds_of_a_row(coinslot.report_options) from public;

create or replace function coinslot.declines_report(options coinslot.report_options) returns jsonb
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

create or replace function coinslot.churn_report(options coinslot.report_options) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_rows jsonb;
begin
  with parts as (
    select width_bucket(m.at, options.bounds) as place, m.reason, m.plan_id, m.currency,
      count(*) as ended, -sum(m.worth) as churn
    from coinslot.recurring_moves m
    where m.at >= options.since and m.at < options.until and m.live = options.live
      and m.kind = 'churn' and (options.currency is null or m.currency = options.currency)
    group by 1, 2, 3, 4
  ), ranked as (
    select p.*, row_number() over (
      partition by p.place, p.currency order by p.churn desc, p.reason, p.plan_id
    ) <= coinslot.kinds_of_a_row(options) as named
    from parts p
  )
  select jsonb_agg(to_jsonb(r) order by r.day, r.churn desc, r.label, r.plan) into v_rows from (
    select options.days[k.place] as day, case when k.named then k.reason else 'other' end as label,
      case when k.named then k.plan_id else '' end as plan, k.currency,
      sum(k.ended)::bigint as ended, sum(k.churn)::bigint as churn
    from ranked k group by 1, 2, 3, 4
  ) r;
  return coalesce(v_rows, '[]');
end
$$;
