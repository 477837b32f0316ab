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
  finished_at timestamptz,
  constraint audits_pkey primary key (id),
  constraint audits_window_key unique (gateway, since, until),
  constraint audits_gateway_fkey foreign key (gateway)
  references coinslot.gateways (id) on delete restrict,
  constraint audits_window_valid check (since < until)
);
comment on table coinslot.audits is 'Comparisons of a gateway''s books with ours.';
comment on column coinslot.audits.since is 'Payments that the gateway dates in [since, until).';
alter table coinslot.audits enable row level security;
revoke all on table coinslot.audits from anon, authenticated, service_role;
create policy "Nobody reads audits through the API" on coinslot.audits
for select to anon, authenticated using (false);

create table coinslot.audit_lines (
  audit_id bigint not null,
  payment_key text collate "C" not null,
  order_id text not null,
  currency text not null,
  paid_at timestamptz,
  paid bigint not null,
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
      'matched', 'unread', 'unknown', 'different', 'missing', 'foreign', 'other_mode'
    )
  )
);
comment on table coinslot.audit_lines is 'One line per payment of an audit.';
comment on column coinslot.audit_lines.paid is 'By the gateway, minor units.';
comment on column coinslot.audit_lines.refunded is
'By the gateway; null = its list does not tell.';
comment on column coinslot.audit_lines.our_refunded is 'Withdrawn by banks included.';
comment on column coinslot.audit_lines.tokens is 'What the ledger holds for the payment.';
comment on column coinslot.audit_lines.verdict is
'matched; unread: to be read; unknown to us; different; missing at the gateway; foreign: not of
an order of ours; other_mode.';
comment on column coinslot.audit_lines.problem is 'Why the payment was not credited.';
create index audit_lines_open on coinslot.audit_lines (audit_id, verdict, payment_key);
alter table coinslot.audit_lines enable row level security;
revoke all on table coinslot.audit_lines from anon, authenticated, service_role;
create policy "Nobody reads audit lines through the API" on coinslot.audit_lines
for select to anon, authenticated using (false);

create function coinslot.audit_lease() returns interval
language sql immutable parallel safe set search_path = ''
return interval '1 hour';
comment on function coinslot.audit_lease() is 'Time to finish an audit that was begun.';
revoke all on function coinslot.audit_lease() from public;

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
  insert into coinslot.audits as a (gateway, since, until)
  values (begin_audit.gateway, begin_audit.since, begin_audit.until)
  on conflict on constraint audits_window_key do update
  set started_at = clock_timestamp(), finished_at = null
  where begin_audit.again
    or (a.finished_at is null and a.started_at < clock_timestamp() - coinslot.audit_lease())
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

-- What the gateway listed, beside what we have of it. The account may sell other things, too: what
-- names no order of ours is foreign. Whether a list counts what banks withdrew as refunded is the
-- gateway's own habit. Money that was not credited matches where something is known against it;
-- what an earlier audit found is no such thing. `missing` says that the gateway, asked for the
-- payment by its key, does not know it.
create function coinslot.compare_payments(gateway text, lines jsonb)
returns setof coinslot.audit_lines
language sql stable set search_path = '' as $$
  select
    null::bigint, l.payment_key, coalesce(nullif(l.order_id, ''), p.order_id, ''),
    l.currency, l.paid_at, l.paid, l.refunded, a.paid, a.refunded + a.withdrawn, t.tokens,
    case
      when l.live <> (s.mode = 'live') then 'other_mode'
      when l.missing then 'missing'
      when a.id is null and coalesce(l.order_id, '') !~ coinslot.order_id_form()
      then 'foreign'
      when l.refunded is null then 'unread'
      when a.id is null then 'unknown'
      when (l.paid, l.currency) = (a.paid, a.currency)
        and l.refunded in (a.refunded, a.refunded + a.withdrawn)
        and coalesce(l.order_id, '') in ('', p.order_id)
        and (a.credited or a.problem is not null or a.paid <= a.refunded + a.withdrawn or exists (
          select from coinslot.discrepancies d
          where d.gateway = a.gateway and d.payment_key = a.payment_key and d.resolved_at is null
            and d.kind not like 'audit\_%'
        ))
      then 'matched'
      else 'different'
    end,
    a.problem
  from jsonb_to_recordset(compare_payments.lines) as l (
    payment_key text, order_id text, currency text, paid_at timestamptz, paid bigint,
    refunded bigint, live boolean, missing boolean
  )
  cross join coinslot.settings s
  left join coinslot.payment_attempts a
    on a.gateway = compare_payments.gateway and a.payment_key = l.payment_key
  left join public.token_payments p on p.id = a.payment_id
  left join lateral (
    select sum(e.delta)::bigint as tokens from public.token_ledger e
    where e.payment_id = p.id and a.credited
  ) t on true
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
    select from jsonb_to_recordset(check_lines.lines) as l (
      payment_key text, currency text, paid_at timestamptz, paid bigint, refunded bigint,
      live boolean, missing boolean
    )
    where (
      length(l.payment_key) between 1 and 255 and l.currency ~ '^[A-Z]{3}$'
      and l.paid between 0 and coinslot.max_amount()
      and coalesce(l.refunded, 0) between 0 and coinslot.max_amount() and l.live is not null
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

create function coinslot.audit_payments(audit_id bigint, lines jsonb)
returns setof coinslot.audit_lines
language sql volatile security definer set search_path = '' as $$
  select coinslot.check_lines(audit_payments.lines);
  insert into coinslot.audit_lines as l
  select
    a.id, c.payment_key, c.order_id, c.currency, c.paid_at, c.paid, c.refunded, c.our_paid,
    c.our_refunded, c.tokens, c.verdict, c.problem
  from coinslot.audits a
  cross join lateral (
    select distinct on (p.payment_key) p.*
    from coinslot.compare_payments(a.gateway, audit_payments.lines) p
    order by p.payment_key, p.refunded nulls first
  ) c
  where a.id = audit_payments.audit_id and a.finished_at is null
  on conflict on constraint audit_lines_pkey do update set
    order_id = excluded.order_id, currency = excluded.currency,
    paid_at = coalesce(excluded.paid_at, l.paid_at), paid = excluded.paid,
    refunded = excluded.refunded, our_paid = excluded.our_paid,
    our_refunded = excluded.our_refunded, tokens = excluded.tokens, verdict = excluded.verdict,
    problem = excluded.problem
  returning l.*
$$;
comment on function coinslot.audit_payments(bigint, jsonb) is 'See public.coinslot_audit_payments.';
revoke all on function coinslot.audit_payments(bigint, jsonb) from public;
grant execute on function coinslot.audit_payments(bigint, jsonb) to service_role;

create function public.coinslot_audit_payments(audit_id bigint, lines jsonb)
returns setof coinslot.audit_lines
language sql volatile set search_path = '' as $$
  select * from coinslot.audit_payments(
    coinslot_audit_payments.audit_id, coinslot_audit_payments.lines
  )
$$;
comment on function public.coinslot_audit_payments(bigint, jsonb) is
'Service: compares a page of a gateway''s list with ours; the lines of its report.';
revoke all on function public.coinslot_audit_payments(bigint, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_audit_payments(bigint, jsonb) to service_role;

-- Credited in the window, and not in the gateway's list: to be asked for by their keys.
create function coinslot.audit_unlisted(audit_id bigint, after text, page_size integer)
returns table (order_id text, payment_key text, currency text, live boolean)
language sql stable security definer set search_path = '' as $$
  select p.order_id, t.payment_key, t.currency, t.live
  from coinslot.audits a
  inner join public.token_payments p
    on p.confirmed_at >= a.since and p.confirmed_at < a.until and p.gateway = a.gateway
  inner join coinslot.payment_attempts t on t.payment_id = p.id and t.credited
  where a.id = audit_unlisted.audit_id
    and t.payment_key > coalesce(audit_unlisted.after, '')
    and not exists (
      select from coinslot.audit_lines l
      where l.audit_id = a.id and l.payment_key = t.payment_key
    )
  order by t.payment_key
  limit least(greatest(coalesce(audit_unlisted.page_size, 100), 1), 1000)
$$;
comment on function coinslot.audit_unlisted(bigint, text, integer) is
'See public.coinslot_audit_unlisted.';
revoke all on function coinslot.audit_unlisted(bigint, text, integer) from public;
grant execute on function coinslot.audit_unlisted(bigint, text, integer) to service_role;

create function public.coinslot_audit_unlisted(
  audit_id bigint, after text default null, page_size integer default 100
) returns table (order_id text, payment_key text, currency text, live boolean)
language sql stable set search_path = '' as $$
  select * from coinslot.audit_unlisted(
    coinslot_audit_unlisted.audit_id, coinslot_audit_unlisted.after,
    coinslot_audit_unlisted.page_size
  )
$$;
comment on function public.coinslot_audit_unlisted(bigint, text, integer) is
'Service: payments credited in an audit''s window that the gateway did not list.';
revoke all on function public.coinslot_audit_unlisted(bigint, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_audit_unlisted(bigint, text, integer) to service_role;

-- What still does not match is shown to a person, once; what matches now is no longer, nor is money
-- of nobody's that has gone back. A line that was not read says neither.
create function coinslot.finish_audit(audit_id bigint) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_audit coinslot.audits;
begin
  update coinslot.audits a set finished_at = coalesce(a.finished_at, clock_timestamp())
  where a.id = finish_audit.audit_id
  returning a.* into v_audit;
  if not found then
    perform coinslot.fail('invalid_argument', '{"argument": "audit_id"}');
  end if;
  update coinslot.discrepancies d set resolved_at = clock_timestamp()
  from coinslot.audit_lines l
  where l.audit_id = v_audit.id and d.gateway = v_audit.gateway
    and d.payment_key = l.payment_key and d.resolved_at is null
    and d.kind like 'audit\_%' and l.verdict <> 'unread'
    and (d.kind <> 'audit_' || l.verdict or (l.verdict = 'unknown' and l.paid <= l.refunded));
  insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, detail)
  select 'audit_' || l.verdict, v_audit.gateway, l.payment_key, l.order_id, jsonb_build_object(
    'audit_id', l.audit_id, 'currency', l.currency, 'paid', l.paid, 'refunded', l.refunded,
    'our_paid', l.our_paid, 'our_refunded', l.our_refunded
  )
  from coinslot.audit_lines l
  where l.audit_id = v_audit.id and l.verdict in ('unknown', 'different', 'missing')
    and not (l.verdict = 'unknown' and l.paid <= l.refunded)
  on conflict (kind, gateway, payment_key, order_id) where resolved_at is null do nothing;
  return (
    select coalesce(jsonb_agg(to_jsonb(t) order by t.verdict, t.currency), '[]') from (
      select
        l.verdict, l.currency, count(*) as payments, sum(l.paid) as paid,
        sum(l.refunded) as refunded, sum(l.our_paid) as our_paid,
        sum(l.our_refunded) as our_refunded, sum(l.tokens) as tokens
      from coinslot.audit_lines l where l.audit_id = v_audit.id
      group by l.verdict, l.currency
    ) t
  );
end
$$;
comment on function coinslot.finish_audit(bigint) is 'See public.coinslot_finish_audit.';
revoke all on function coinslot.finish_audit(bigint) from public;
grant execute on function coinslot.finish_audit(bigint) to service_role;

create function public.coinslot_finish_audit(audit_id bigint) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.finish_audit(coinslot_finish_audit.audit_id)
$$;
comment on function public.coinslot_finish_audit(bigint) is
'Service: records what does not match; totals by verdict and currency.';
revoke all on function public.coinslot_finish_audit(bigint)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_finish_audit(bigint) to service_role;

create function coinslot.audit_report(
  audit_id bigint, verdict text, after text, page_size integer
) returns setof coinslot.audit_lines
language sql stable security definer set search_path = '' as $$
  select l.* from coinslot.audit_lines l
  where l.audit_id = audit_report.audit_id
    and l.verdict = coalesce(audit_report.verdict, l.verdict)
    and l.payment_key > coalesce(audit_report.after, '')
  order by l.payment_key
  limit least(greatest(coalesce(audit_report.page_size, 500), 1), 1000)
$$;
comment on function coinslot.audit_report(bigint, text, text, integer) is
'See public.coinslot_audit_report.';
revoke all on function coinslot.audit_report(bigint, text, text, integer) from public;
grant execute on function coinslot.audit_report(bigint, text, text, integer) to service_role;

create function public.coinslot_audit_report(
  audit_id bigint, verdict text default null, after text default null,
  page_size integer default 500
) returns setof coinslot.audit_lines
language sql stable set search_path = '' as $$
  select * from coinslot.audit_report(
    coinslot_audit_report.audit_id, coinslot_audit_report.verdict, coinslot_audit_report.after,
    coinslot_audit_report.page_size
  )
$$;
comment on function public.coinslot_audit_report(bigint, text, text, integer) is
'Service: the lines of an audit by payment key; after = the last key of the page before.';
revoke all on function public.coinslot_audit_report(bigint, text, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_audit_report(bigint, text, text, integer) to service_role;
