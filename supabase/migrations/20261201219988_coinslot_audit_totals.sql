-- What audits came to, kept for longer than their lines are: each time of a gateway once, and test
-- money apart from real money.

select coinslot.lock_for_upgrade(array['coinslot.audits', 'coinslot.audit_lines']::regclass[]);

-- One that was made in test mode looked at test payments.
alter table coinslot.audits add column live boolean not null default false;
update coinslot.audits as a set live = coalesce((
  select bool_or(p.live) from public.token_payments as p
  where p.gateway = a.gateway and p.confirmed_at >= a.since and p.confirmed_at < a.until
), coinslot.is_live());
alter table coinslot.audits alter column live drop default;
comment on column coinslot.audits.live is
'If real money was looked at, or test payments: the mode of the database then.';

create table coinslot.audit_totals (
  live boolean not null,
  at timestamptz not null,
  gateway text not null,
  currency text not null,
  checked_at timestamptz not null,
  payments bigint not null,
  matched bigint not null,
  differing bigint not null,
  their_paid bigint not null,
  our_paid bigint not null,
  their_refunded bigint not null,
  our_refunded bigint not null,
  constraint audit_totals_pkey primary key (live, at, gateway, currency)
);
comment on table coinslot.audit_totals is
'What finished audits found, by quarters of an hour in which payments moved.';
comment on column coinslot.audit_totals.checked_at is 'When that audit was finished.';
comment on column coinslot.audit_totals.payments is
'Of ours and of this mode; matched, differing, and those that were not read.';
alter table coinslot.audit_totals enable row level security;
revoke all on table coinslot.audit_totals from anon, authenticated, service_role;
create policy "Nobody reads totals of audits through the API" on coinslot.audit_totals
for select to anon, authenticated using (false);

-- A line is of the moment in which its payment moved. Where the gateway did not tell it, of when we
-- credited the payment; and of its window, whatever clocks say. One that is listed where it moved
-- after that counts there.
create function coinslot.sum_audit_lines(audit coinslot.audits)
returns setof coinslot.audit_totals
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return query
  select
    audit.live, coinslot.quarter_of(m.at), audit.gateway, l.currency, audit.finished_at, count(*),
    count(*) filter (where l.verdict = 'matched'),
    count(*) filter (where l.verdict in ('unknown', 'different', 'missing')),
    coalesce(sum(l.paid), 0)::bigint, coalesce(sum(l.our_paid), 0)::bigint,
    coalesce(sum(l.refunded), 0)::bigint, coalesce(sum(l.our_refunded), 0)::bigint
  from coinslot.audit_lines l
  cross join lateral (
    select least(greatest(coalesce(l.moved_at, (
      select p.confirmed_at from coinslot.payment_attempts a
      inner join public.token_payments p on p.id = a.payment_id
      where a.gateway = audit.gateway and a.payment_key = l.payment_key
    ), audit.since), audit.since), audit.until - interval '1 microsecond') as at
  ) m
  where l.audit_id = audit.id and l.verdict not in ('foreign', 'other_mode', 'later')
    and coinslot.quarter_of(m.at) >= audit.since
    and coinslot.quarter_of(m.at) + interval '15 minutes' <= audit.until
  group by 2, 4;
end
$$;
comment on function coinslot.sum_audit_lines(coinslot.audits) is
'What the lines of an audit come to.';
revoke all on function coinslot.sum_audit_lines(coinslot.audits) from public;

create function coinslot.total_audit(audit coinslot.audits) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
begin
  delete from coinslot.audit_totals t
  where t.live = audit.live and t.gateway = audit.gateway
    and t.at >= audit.since and t.at + interval '15 minutes' <= audit.until;
  insert into coinslot.audit_totals select s.* from coinslot.sum_audit_lines(audit) s;
end
$$;
comment on function coinslot.total_audit(coinslot.audits) is
'Keeps what a finished audit found, in place of what others had found of the same time.';
revoke all on function coinslot.total_audit(coinslot.audits) from public;

-- Those from before, as the latest of each time found it.
select count(coinslot.total_audit(a)) from (
  select f.* from coinslot.audits as f
  where f.finished_at is not null
  order by f.finished_at, f.id
) as a;

create or replace function coinslot.due_audits(gateway text) returns jsonb
language sql stable security definer set search_path = '' as $$
  with bounds as (
    select
      date_trunc('day', (n.at - interval '3 hours') at time zone 'utc') as last,
      (n.at - interval '180 days') at time zone 'utc' as first,
      (
        select min(p.confirmed_at) at time zone 'utc' from public.token_payments p
        where p.gateway = due_audits.gateway and p.confirmed_at is not null
      ) as paid
    from (select clock_timestamp() as at) n
  ),
  days as (
    select d.day at time zone 'utc' as since, (d.day + interval '1 day') at time zone 'utc' as until
    from bounds b
    cross join lateral generate_series(
      date_trunc('day', greatest(b.first, least(b.paid, b.last - interval '7 days'))),
      b.last - interval '1 day', interval '1 day'
    ) d (day)
  )
  select coalesce(jsonb_agg(
    jsonb_build_object('since', d.since, 'until', d.until) order by d.since
  ), '[]')
  from days d
  left join coinslot.audits a
    on a.gateway = due_audits.gateway and a.since = d.since and a.until = d.until
  where a.id is null or a.live = coinslot.is_live() and coinslot.is_due(a)
$$;

create or replace function coinslot.begin_audit(
  gateway text, since timestamptz, until timestamptz, again boolean
) returns bigint
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_id bigint;
  v_argument text := case
    when not exists (select from coinslot.gateways g where g.id = begin_audit.gateway)
    then 'gateway'
    when begin_audit.since is null then 'since'
    when (begin_audit.since < begin_audit.until) is not true then 'until'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
  insert into coinslot.audits as a (gateway, since, until, live)
  values (begin_audit.gateway, begin_audit.since, begin_audit.until, coinslot.is_live())
  on conflict on constraint audits_window_key do update
  set started_at = clock_timestamp(), ended_at = null, finished_at = null, live = excluded.live
  where begin_audit.again or coinslot.is_due(a)
  returning a.id into v_id;
  delete from coinslot.audit_lines l where l.audit_id = v_id;
  return v_id;
end
$$;

create or replace function coinslot.unlisted_attempts(audit coinslot.audits)
returns setof coinslot.payment_attempts
language sql stable set search_path = '' as $$
  select t.*
  from public.token_payments p
  inner join coinslot.payment_attempts t on t.payment_id = p.id and t.credited
  where p.gateway = audit.gateway and t.live = audit.live
    and p.confirmed_at >= audit.since and p.confirmed_at < audit.until
    and not exists (
      select from coinslot.audits b
      inner join coinslot.audit_lines l on l.audit_id = b.id and l.payment_key = t.payment_key
      where b.gateway = audit.gateway and (b.id = audit.id or b.until = audit.since)
    )
$$;

create or replace function coinslot.finish_audit(
  audit_id bigint, odd bigint, odd_rows jsonb, odd_mark text, accept boolean
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_audit coinslot.audits;
begin
  v_audit := coinslot.end_look(
    finish_audit.audit_id, finish_audit.odd, finish_audit.odd_rows, finish_audit.odd_mark,
    finish_audit.accept
  );
  perform coinslot.keep_later_moves(v_audit);
  perform coinslot.record_audit_discrepancies(v_audit);
  perform coinslot.record_odd_window(v_audit);
  if v_audit.finished_at is not null then
    perform coinslot.total_audit(v_audit);
  end if;
  return jsonb_build_object(
    'finished', v_audit.finished_at is not null, 'odd', v_audit.odd, 'totals', (
      select coalesce(jsonb_agg(to_jsonb(t) order by t.verdict, t.currency), '[]') from (
        select
          l.verdict, l.currency, count(*) as payments, sum(l.paid) as paid,
          sum(l.refunded) as refunded, sum(l.our_paid) as our_paid,
          sum(l.our_refunded) as our_refunded, sum(l.tokens) as tokens
        from coinslot.audit_lines l where l.audit_id = v_audit.id
        group by l.verdict, l.currency
      ) t
    )
  );
end
$$;
