-- The audit: the gateway's own list of payments, held against ours. What the gateway lists and we
-- do not know, what we credited and it does not know, and what differs is left for a person.
--
-- The lists are long, so they are compared by pages and kept here: no process holds a month.

create table coinslot.audits (
  id bigint generated always as identity,
  gateway text not null,
  since timestamptz not null,
  until timestamptz not null,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  finished_at timestamptz,
  odd bigint not null default 0,
  odd_rows jsonb not null default '[]',
  odd_mark text,
  accepted_mark text,
  tries integer not null default 0,
  next_look_at timestamptz,
  live boolean not null,
  constraint audits_pkey primary key (id),
  constraint audits_window_key unique (gateway, since, until),
  constraint audits_gateway_fkey foreign key (gateway)
  references coinslot.gateways (id) on delete restrict,
  constraint audits_window_valid check (since < until)
);
comment on table coinslot.audits is 'Comparisons of a gateway''s books with ours.';
comment on column coinslot.audits.since is 'Payments that moved in [since, until).';
comment on column coinslot.audits.ended_at is 'When it was last looked at; null = under way.';
comment on column coinslot.audits.finished_at is
'Null while it is under way, and while it has odd rows that nobody has accepted.';
comment on column coinslot.audits.odd is 'Rows that could not be read, the last time.';
comment on column coinslot.audits.odd_rows is 'The first of them: key and why.';
comment on column coinslot.audits.odd_mark is
'The same for the same odd rows; null where the list was not read to its end.';
comment on column coinslot.audits.accepted_mark is 'Of the odd rows that a person knows of.';
comment on column coinslot.audits.tries is 'Looks in a row that left odd rows.';
comment on column coinslot.audits.next_look_at is 'When it is looked at again; null = never.';
comment on column coinslot.audits.live is
'If real money was looked at, or test payments: the mode of the database then.';
alter table coinslot.audits enable row level security;
revoke all on table coinslot.audits from anon, authenticated, service_role;
create policy "Nobody reads audits through the API" on coinslot.audits
for select to anon, authenticated using (false);

create table coinslot.audit_lines (
  audit_id bigint not null,
  payment_key text collate "C" not null,
  order_id text not null,
  currency text not null,
  moved_at timestamptz,
  paid bigint,
  refunded bigint,
  our_paid bigint,
  our_refunded bigint,
  tokens bigint,
  verdict text not null,
  problem text,
  constraint audit_lines_pkey primary key (audit_id, payment_key),
  constraint audit_lines_audit_id_fkey foreign key (audit_id)
  references coinslot.audits (id) on delete cascade,
  constraint audit_lines_verdict_known check (
    verdict in (
      'matched', 'later', 'unread', 'unknown', 'different', 'missing', 'foreign', 'other_mode'
    )
  )
);
comment on table coinslot.audit_lines is 'One line per payment of an audit.';
comment on column coinslot.audit_lines.paid is
'By the gateway, minor units; null = its list does not tell.';
comment on column coinslot.audit_lines.refunded is
'By the gateway; null = its list does not tell.';
comment on column coinslot.audit_lines.our_refunded is 'Withdrawn by banks included.';
comment on column coinslot.audit_lines.tokens is 'What the ledger holds for the payment.';
comment on column coinslot.audit_lines.verdict is
'matched; later: paid in the window, and listed where it moved after that; unread: to be read;
unknown to us; different; missing at the gateway; foreign: not of an order of ours; other_mode.';
comment on column coinslot.audit_lines.problem is 'Why the payment was not credited.';
create index audit_lines_open on coinslot.audit_lines (audit_id, payment_key)
where verdict in ('unread', 'unknown', 'different');
alter table coinslot.audit_lines enable row level security;
revoke all on table coinslot.audit_lines from anon, authenticated, service_role;
create policy "Nobody reads audit lines through the API" on coinslot.audit_lines
for select to anon, authenticated using (false);

-- A report reads these, and not the lines, which are many and go after some time. Each quarter of an
-- hour is there once for each gateway, however many windows it is in: as the audit found it that was
-- finished last. Of a window that begins or ends within one, that one does not count.
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

create function coinslot.audit_lease() returns interval
language sql immutable parallel safe set search_path = ''
return interval '1 hour';
comment on function coinslot.audit_lease() is 'Time to finish an audit that was begun.';
revoke all on function coinslot.audit_lease() from public;

-- What no list dates (a deposit undone, a dispute at a gateway that keeps the status) is seen when
-- the day is looked at again: its payments are listed as they are by then.
create function coinslot.audit_looks() returns interval[]
language sql immutable parallel safe set search_path = ''
return array['7 days', '30 days', '90 days', '180 days']::interval[];
comment on function coinslot.audit_looks() is 'Ages at which a day is looked at again.';
revoke all on function coinslot.audit_looks() from public;

-- Odd rows may be a fault that passes. After eight looks, within a week, only a person can tell.
create function coinslot.audit_retry(tries integer) returns interval
language sql immutable parallel safe set search_path = ''
return case when tries < 8 then least(interval '1 hour' * 2 ^ tries, interval '1 day') end;
comment on function coinslot.audit_retry(integer) is
'Until a window with odd rows is looked at again; null after eight looks.';
revoke all on function coinslot.audit_retry(integer) from public;

-- One that was cut short is due after its lease; one that ended, when it says.
create function coinslot.is_due(audit coinslot.audits) returns boolean
language sql stable set search_path = '' as $$
  select case
    when audit.ended_at is null
    then audit.started_at < clock_timestamp() - coinslot.audit_lease()
    else audit.next_look_at <= clock_timestamp()
  end is true
$$;
comment on function coinslot.is_due(coinslot.audits) is 'True if somebody should look at it now.';
revoke all on function coinslot.is_due(coinslot.audits) from public;

-- The days that no audit has finished, and those that are to be looked at again. What was looked at
-- before the database went live is not: live keys know no test payment. A day is closed three hours
-- after its end. How far back: to the first payment, within half a year; a week at
-- least. By the clock of the database, the only one that all servers share.
create function coinslot.due_audits(gateway text) returns jsonb
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
comment on function coinslot.due_audits(text) is 'See public.coinslot_due_audits.';
revoke all on function coinslot.due_audits(text) from public;
grant execute on function coinslot.due_audits(text) to service_role;

create function public.coinslot_due_audits(gateway text) returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.due_audits(coinslot_due_audits.gateway)
$$;
comment on function public.coinslot_due_audits(text) is
'Service: the days to audit at a gateway, oldest first: since and until of each.';
revoke all on function public.coinslot_due_audits(text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_due_audits(text) to service_role;

-- One process does a window; one that stopped in the middle may be followed by another after the
-- lease. Again: from the start, whoever did it before.
create function coinslot.begin_audit(
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
comment on function coinslot.begin_audit(text, timestamptz, timestamptz, boolean) is
'See public.coinslot_begin_audit.';
revoke all on function coinslot.begin_audit(text, timestamptz, timestamptz, boolean) from public;
grant execute on function coinslot.begin_audit(text, timestamptz, timestamptz, boolean)
to service_role;

create function public.coinslot_begin_audit(
  gateway text, since timestamptz, until timestamptz, again boolean default false
) returns bigint
language sql volatile set search_path = '' as $$
  select coinslot.begin_audit(
    coinslot_begin_audit.gateway, coinslot_begin_audit.since, coinslot_begin_audit.until,
    coinslot_begin_audit.again
  )
$$;
comment on function public.coinslot_begin_audit(text, timestamptz, timestamptz, boolean) is
'Service: the id of a new audit; null where it is done already, or being done.';
revoke all on function public.coinslot_begin_audit(text, timestamptz, timestamptz, boolean)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_begin_audit(text, timestamptz, timestamptz, boolean)
to service_role;

-- A row tells some of what there is to know, and says nothing of the rest. `left`: the most that
-- can be left of the money, since more may have gone back after it. Whether a list counts what
-- banks withdrew as refunded is the gateway's own habit.
create type coinslot.audit_row as (
  payment_key text, order_id text, currency text, moved_at timestamptz, paid bigint,
  refunded bigint, refunding bigint, disputed bigint, withdrawn bigint, "left" bigint,
  live boolean, unclear boolean, missing boolean
);
comment on type coinslot.audit_row is
'A row of a gateway''s list, or a fresh read of the payment; null = it does not tell.';

create function coinslot.agrees(
  r coinslot.audit_row, a coinslot.payment_attempts
) returns boolean
language sql immutable set search_path = '' as $$
  select r.currency = a.currency
    and coalesce(r.paid, a.paid) = a.paid
    and coalesce(r.refunded, a.refunded) in (a.refunded, a.refunded + a.withdrawn)
    and (coalesce(r.refunding, a.refunding), coalesce(r.disputed, a.disputed))
      = (a.refunding, a.disputed)
    and coalesce(r.withdrawn, a.withdrawn) = a.withdrawn
    and a.paid - a.refunded - a.refunding - a.withdrawn <= coalesce(r.left, a.paid)
$$;
comment on function coinslot.agrees(coinslot.audit_row, coinslot.payment_attempts) is
'True if we have all that a row tells.';
revoke all on function coinslot.agrees(coinslot.audit_row, coinslot.payment_attempts) from public;

-- The account may sell other things, too: what names no order of ours is foreign, and what brought
-- no money and is unknown to us is nothing. Money that was not credited matches where something is
-- known against it; what an earlier audit found is no such thing. `missing` says that the gateway,
-- asked for the payment by its key, does not know it.
create function coinslot.compare_payments(gateway text, lines jsonb)
returns setof coinslot.audit_lines
language sql stable set search_path = '' as $$
  select
    null::bigint, r.payment_key, coalesce(nullif(r.order_id, ''), p.order_id, ''),
    r.currency, r.moved_at, r.paid, r.refunded, a.paid, a.refunded + a.withdrawn, t.tokens,
    case
      when r.live <> (s.mode = 'live') then 'other_mode'
      when r.missing then 'missing'
      when a.id is null and coalesce(r.order_id, '') !~ coinslot.order_id_form() then 'foreign'
      when r.unclear or (a.id is null and r.refunded is null) then 'unread'
      when a.id is null then 'unknown'
      when coinslot.agrees(r, a) and coalesce(r.order_id, '') in ('', p.order_id)
        and (a.credited or a.problem is not null or a.paid <= a.refunded + a.withdrawn or exists (
          select from coinslot.discrepancies d
          where d.gateway = a.gateway and d.payment_key = a.payment_key and d.resolved_at is null
            and d.kind not like 'audit\_%' and d.kind <> 'fraud_warning'
        ))
      then 'matched'
      else 'different'
    end,
    a.problem
  from jsonb_populate_recordset(null::coinslot.audit_row, compare_payments.lines) r
  cross join coinslot.settings s
  left join coinslot.payment_attempts a
    on a.gateway = compare_payments.gateway and a.payment_key = r.payment_key
  left join public.token_payments p on p.id = a.payment_id
  left join lateral (
    select sum(e.delta)::bigint as tokens from public.token_ledger e
    where e.payment_id = p.id and a.credited
  ) t on true
  where (a.id is null and r.paid = 0) is not true
$$;
comment on function coinslot.compare_payments(text, jsonb) is
'A gateway''s payments beside ours, judged.';
revoke all on function coinslot.compare_payments(text, jsonb) from public;

create function coinslot.check_lines(lines jsonb) returns void
language plpgsql stable set search_path = '' as $$
begin
  if jsonb_typeof(check_lines.lines) is distinct from 'array' then
    perform coinslot.fail('invalid_argument', '{"argument": "lines"}');
  end if;
  if exists (
    select from jsonb_populate_recordset(null::coinslot.audit_row, check_lines.lines) r
    where (
      length(r.payment_key) between 1 and 255 and r.currency ~ '^[A-Z]{3}$'
      and least(r.paid, r.refunded, r.refunding, r.disputed, r.withdrawn, r.left, 0) = 0
      and greatest(r.paid, r.refunded, r.refunding, r.disputed, r.withdrawn, r.left, 0)
        <= coinslot.max_amount()
    ) is not true
  ) then
    perform coinslot.fail('invalid_argument', '{"argument": "lines"}');
  end if;
exception when data_exception then
  perform coinslot.fail('invalid_argument', '{"argument": "lines"}');
end
$$;
comment on function coinslot.check_lines(jsonb) is
'PT400 unless every line of a gateway''s list is well formed.';
revoke all on function coinslot.check_lines(jsonb) from public;

-- Several rows may be about one payment. What does not agree stays open until all of the payment
-- is told, as by a read, whatever other rows say of it. But a row that saw no money yet is
-- overtaken by a later one that did, and says nothing where it is the older of the two.
create function coinslot.audit_payments(audit_id bigint, lines jsonb) returns void
language sql volatile security definer set search_path = '' as $$
  select coinslot.check_lines(audit_payments.lines);
  insert into coinslot.audit_lines as l
  select
    a.id, c.payment_key, c.order_id, c.currency, c.moved_at, c.paid, c.refunded, c.our_paid,
    c.our_refunded, c.tokens, c.verdict, c.problem
  from coinslot.audits a
  cross join lateral (
    select distinct on (p.payment_key) p.*
    from coinslot.compare_payments(a.gateway, audit_payments.lines) p
    order by p.payment_key, p.verdict <> 'unread', p.verdict = 'matched', p.moved_at desc
  ) c
  where a.id = audit_payments.audit_id and a.ended_at is null
  on conflict on constraint audit_lines_pkey do update set
    order_id = coalesce(nullif(excluded.order_id, ''), l.order_id), currency = excluded.currency,
    moved_at = greatest(excluded.moved_at, l.moved_at), paid = coalesce(excluded.paid, l.paid),
    refunded = coalesce(excluded.refunded, l.refunded), our_paid = excluded.our_paid,
    our_refunded = excluded.our_refunded, tokens = excluded.tokens,
    verdict = case
      when l.verdict in ('unread', 'unknown', 'different') and excluded.refunded is null
        and (l.paid = 0 and excluded.paid > 0) is not true
      then l.verdict else excluded.verdict
    end,
    problem = excluded.problem
  where (excluded.paid = 0 and l.paid > 0 and excluded.moved_at < l.moved_at) is not true
$$;
comment on function coinslot.audit_payments(bigint, jsonb) is 'See public.coinslot_audit_payments.';
revoke all on function coinslot.audit_payments(bigint, jsonb) from public;
grant execute on function coinslot.audit_payments(bigint, jsonb) to service_role;

create function public.coinslot_audit_payments(audit_id bigint, lines jsonb) returns void
language sql volatile set search_path = '' as $$
  select coinslot.audit_payments(coinslot_audit_payments.audit_id, coinslot_audit_payments.lines)
$$;
comment on function public.coinslot_audit_payments(bigint, jsonb) is
'Service: compares a page of a gateway''s list with ours, and keeps the lines of its report.';
revoke all on function public.coinslot_audit_payments(bigint, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_audit_payments(bigint, jsonb) to service_role;

-- One value rather than rows: PostgREST cuts rows at its own limit, and says nothing.
create function coinslot.audit_open(audit_id bigint, after text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(o) order by o.payment_key), '[]') from (
    select l.order_id, l.payment_key from coinslot.audit_lines l
    where l.audit_id = audit_open.audit_id
      and l.verdict in ('unread', 'unknown', 'different')
      and l.payment_key > coalesce(audit_open.after, '')
    order by l.payment_key
    limit 100
  ) o
$$;
comment on function coinslot.audit_open(bigint, text) is 'See public.coinslot_audit_open.';
revoke all on function coinslot.audit_open(bigint, text) from public;
grant execute on function coinslot.audit_open(bigint, text) to service_role;

create function public.coinslot_audit_open(audit_id bigint, after text default null) returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.audit_open(coinslot_audit_open.audit_id, coinslot_audit_open.after)
$$;
comment on function public.coinslot_audit_open(bigint, text) is
'Service: listed payments that do not match, to be read by their keys, a hundred at a time.';
revoke all on function public.coinslot_audit_open(bigint, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_audit_open(bigint, text) to service_role;

-- Credited in the window by our clock, and listed neither there nor in the window before it, to
-- which the gateway's own clock may count it.
create function coinslot.unlisted_attempts(audit coinslot.audits)
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
comment on function coinslot.unlisted_attempts(coinslot.audits) is
'What we credited in an audit''s window and the gateway did not list.';
revoke all on function coinslot.unlisted_attempts(coinslot.audits) from public;

-- To be asked for by their keys, but for those of which we know that they moved after the window:
-- who told us of that was the gateway, and it lists them there.
create function coinslot.audit_unlisted(audit_id bigint, after text) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(u) order by u.payment_key), '[]') from (
    select p.order_id, t.payment_key, t.currency, t.live
    from coinslot.audits a
    cross join lateral coinslot.unlisted_attempts(a) t
    inner join public.token_payments p on p.id = t.payment_id
    where a.id = audit_unlisted.audit_id and t.refunded + t.refunding + t.withdrawn = 0
      and t.payment_key > coalesce(audit_unlisted.after, '')
    order by t.payment_key
    limit 100
  ) u
$$;
comment on function coinslot.audit_unlisted(bigint, text) is 'See public.coinslot_audit_unlisted.';
revoke all on function coinslot.audit_unlisted(bigint, text) from public;
grant execute on function coinslot.audit_unlisted(bigint, text) to service_role;

create function public.coinslot_audit_unlisted(audit_id bigint, after text default null)
returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.audit_unlisted(coinslot_audit_unlisted.audit_id, coinslot_audit_unlisted.after)
$$;
comment on function public.coinslot_audit_unlisted(bigint, text) is
'Service: payments credited in an audit''s window that the gateway did not list, by hundreds.';
revoke all on function public.coinslot_audit_unlisted(bigint, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_audit_unlisted(bigint, text) to service_role;

create function coinslot.keep_later_moves(audit coinslot.audits) returns void
language sql volatile set search_path = '' as $$
  insert into coinslot.audit_lines (
    audit_id, payment_key, order_id, currency, our_paid, our_refunded, tokens, verdict
  )
  select
    audit.id, t.payment_key, p.order_id, t.currency, t.paid, t.refunded + t.withdrawn,
    (select sum(e.delta) from public.token_ledger e where e.payment_id = p.id), 'later'
  from coinslot.unlisted_attempts(audit) t
  inner join public.token_payments p on p.id = t.payment_id
  where t.refunded + t.refunding + t.withdrawn > 0
$$;
comment on function coinslot.keep_later_moves(coinslot.audits) is
'For the report: what was paid in the window, and is listed where it moved after that.';
revoke all on function coinslot.keep_later_moves(coinslot.audits) from public;

-- What still does not match is shown to a person, once; what matches now is no longer, nor is money
-- of nobody's that has gone back. A line that was not read says neither.
create function coinslot.record_audit_discrepancies(audit coinslot.audits) returns void
language sql volatile set search_path = '' as $$
  update coinslot.discrepancies d set resolved_at = clock_timestamp()
  from coinslot.audit_lines l
  where l.audit_id = audit.id and d.gateway = audit.gateway
    and d.payment_key = l.payment_key and d.resolved_at is null
    and d.kind like 'audit\_%' and l.verdict not in ('unread', 'later')
    and (d.kind <> 'audit_' || l.verdict or (l.verdict = 'unknown' and l.paid <= l.refunded));
  insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, detail)
  select 'audit_' || l.verdict, audit.gateway, l.payment_key, l.order_id, jsonb_build_object(
    'audit_id', l.audit_id, 'currency', l.currency, 'paid', l.paid, 'refunded', l.refunded,
    'our_paid', l.our_paid, 'our_refunded', l.our_refunded
  )
  from coinslot.audit_lines l
  where l.audit_id = audit.id and l.verdict in ('unknown', 'different', 'missing')
    and (l.verdict = 'unknown' and l.paid <= l.refunded) is not true
  on conflict (kind, gateway, payment_key, order_id) where resolved_at is null do nothing;
$$;
comment on function coinslot.record_audit_discrepancies(coinslot.audits) is
'Leaves what does not match for a person, and ends what matches now.';
revoke all on function coinslot.record_audit_discrepancies(coinslot.audits) from public;

-- A window with rows that nobody could read is not finished: a lost payment may be among them. A
-- person is shown the window once, until it can be read or somebody has accepted as many odd rows.
create function coinslot.record_odd_window(audit coinslot.audits) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_window text := to_char(audit.since at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || '/'
    || to_char(audit.until at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
begin
  if audit.finished_at is not null then
    update coinslot.discrepancies d set resolved_at = clock_timestamp()
    where d.kind = 'audit_unfinished' and d.gateway = audit.gateway and d.payment_key = v_window
      and d.resolved_at is null;
    return;
  end if;
  insert into coinslot.discrepancies as d (kind, gateway, payment_key, order_id, detail)
  values ('audit_unfinished', audit.gateway, v_window, '', jsonb_build_object(
    'audit_id', audit.id, 'odd', audit.odd, 'rows', audit.odd_rows
  ))
  on conflict (kind, gateway, payment_key, order_id) where resolved_at is null
  do update set detail = excluded.detail;
end
$$;
comment on function coinslot.record_odd_window(coinslot.audits) is
'Leaves a window that is not finished for a person, under its times.';
revoke all on function coinslot.record_odd_window(coinslot.audits) from public;

create function coinslot.end_look(
  audit_id bigint, odd bigint, odd_rows jsonb, odd_mark text, accept boolean
) returns coinslot.audits
language plpgsql volatile set search_path = '' as $$
declare
  v_audit coinslot.audits;
  v_now timestamptz := clock_timestamp();
begin
  update coinslot.audits a set
    ended_at = v_now, odd = coalesce(end_look.odd, 0),
    odd_rows = coalesce(end_look.odd_rows, '[]'), odd_mark = end_look.odd_mark,
    accepted_mark = case when end_look.accept then end_look.odd_mark else a.accepted_mark end
  where a.id = end_look.audit_id
  returning a.* into v_audit;
  if not found then
    perform coinslot.fail('invalid_argument', '{"argument": "audit_id"}');
  end if;
  if v_audit.odd = 0 or v_audit.odd_mark = v_audit.accepted_mark then
    v_audit.finished_at := v_now;
    v_audit.tries := 0;
    v_audit.next_look_at := (
      select min(v_audit.until + l.age) from unnest(coinslot.audit_looks()) l (age)
      where v_audit.until + l.age > v_now
    );
  else
    v_audit.next_look_at := v_now + coinslot.audit_retry(v_audit.tries);
    v_audit.tries := v_audit.tries + 1;
  end if;
  update coinslot.audits a set
    finished_at = v_audit.finished_at, tries = v_audit.tries, next_look_at = v_audit.next_look_at
  where a.id = v_audit.id;
  return v_audit;
end
$$;
comment on function coinslot.end_look(bigint, bigint, jsonb, text, boolean) is
'Ends a look at a window, and says when the next one is.';
revoke all on function coinslot.end_look(bigint, bigint, jsonb, text, boolean) from public;

create function coinslot.finish_audit(
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
comment on function coinslot.finish_audit(bigint, bigint, jsonb, text, boolean) is
'See public.coinslot_finish_audit.';
revoke all on function coinslot.finish_audit(bigint, bigint, jsonb, text, boolean) from public;
grant execute on function coinslot.finish_audit(bigint, bigint, jsonb, text, boolean)
to service_role;

create function public.coinslot_finish_audit(
  audit_id bigint, odd bigint default 0, odd_rows jsonb default '[]', odd_mark text default null,
  accept boolean default false
) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.finish_audit(
    coinslot_finish_audit.audit_id, coinslot_finish_audit.odd, coinslot_finish_audit.odd_rows,
    coinslot_finish_audit.odd_mark, coinslot_finish_audit.accept
  )
$$;
comment on function public.coinslot_finish_audit(bigint, bigint, jsonb, text, boolean) is
'Service: records what does not match and what could not be read; finished, odd, and totals by
verdict and currency. accept: a person knows of these odd rows.';
revoke all on function public.coinslot_finish_audit(bigint, bigint, jsonb, text, boolean)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_finish_audit(bigint, bigint, jsonb, text, boolean)
to service_role;

create function coinslot.audit_report(
  audit_id bigint, verdict text, after text, page_size integer
) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(r) - 'audit_id' order by r.payment_key), '[]') from (
    select l.* from coinslot.audit_lines l
    where l.audit_id = audit_report.audit_id
      and l.verdict = coalesce(audit_report.verdict, l.verdict)
      and l.payment_key > coalesce(audit_report.after, '')
    order by l.payment_key
    limit least(greatest(coalesce(audit_report.page_size, 500), 1), 1000)
  ) r
$$;
comment on function coinslot.audit_report(bigint, text, text, integer) is
'See public.coinslot_audit_report.';
revoke all on function coinslot.audit_report(bigint, text, text, integer) from public;
grant execute on function coinslot.audit_report(bigint, text, text, integer) to service_role;

create function public.coinslot_audit_report(
  audit_id bigint, verdict text default null, after text default null,
  page_size integer default 500
) returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.audit_report(
    coinslot_audit_report.audit_id, coinslot_audit_report.verdict, coinslot_audit_report.after,
    coinslot_audit_report.page_size
  )
$$;
comment on function public.coinslot_audit_report(bigint, text, text, integer) is
'Service: the lines of an audit by payment key; after = the last key of the page before.';
revoke all on function public.coinslot_audit_report(bigint, text, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_audit_report(bigint, text, text, integer) to service_role;
