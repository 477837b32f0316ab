-- What each audit came to, kept for longer than its lines are.

select coinslot.lock_for_upgrade(array['coinslot.audits']::regclass[]);

create table coinslot.audit_totals (
  audit_id bigint not null,
  currency text not null,
  payments bigint not null,
  matched bigint not null,
  differing bigint not null,
  their_paid bigint not null,
  our_paid bigint not null,
  their_refunded bigint not null,
  our_refunded bigint not null,
  constraint audit_totals_pkey primary key (audit_id, currency),
  constraint audit_totals_audit_id_fkey foreign key (audit_id)
  references coinslot.audits (id) on delete cascade
);
comment on table coinslot.audit_totals is
'What the lines of an audit came to when it was last looked at: none while it is under way.';
comment on column coinslot.audit_totals.payments is
'Of ours and of this mode; matched, differing, and those that were not read.';
alter table coinslot.audit_totals enable row level security;
revoke all on table coinslot.audit_totals from anon, authenticated, service_role;
create policy "Nobody reads totals of audits through the API" on coinslot.audit_totals
for select to anon, authenticated using (false);

create function coinslot.sum_audit_lines(audit_id bigint) returns setof coinslot.audit_totals
language sql stable set search_path = '' as $$
  select
    l.audit_id, l.currency, count(*), count(*) filter (where l.verdict in ('matched', 'later')),
    count(*) filter (where l.verdict in ('unknown', 'different', 'missing')),
    coalesce(sum(l.paid), 0)::bigint, coalesce(sum(l.our_paid), 0)::bigint,
    coalesce(sum(l.refunded), 0)::bigint, coalesce(sum(l.our_refunded), 0)::bigint
  from coinslot.audit_lines l
  where l.audit_id = sum_audit_lines.audit_id and l.verdict not in ('foreign', 'other_mode')
  group by l.audit_id, l.currency
$$;
comment on function coinslot.sum_audit_lines(bigint) is 'What the lines of an audit come to.';
revoke all on function coinslot.sum_audit_lines(bigint) from public;

create function coinslot.total_audit(audit_id bigint) returns void
language sql volatile set search_path = '' as $$
  delete from coinslot.audit_totals t where t.audit_id = total_audit.audit_id;
  insert into coinslot.audit_totals
  select s.* from coinslot.sum_audit_lines(total_audit.audit_id) s;
$$;
comment on function coinslot.total_audit(bigint) is 'Keeps what the lines of an audit come to.';
revoke all on function coinslot.total_audit(bigint) from public;

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
  insert into coinslot.audits as a (gateway, since, until)
  values (begin_audit.gateway, begin_audit.since, begin_audit.until)
  on conflict on constraint audits_window_key do update
  set started_at = clock_timestamp(), ended_at = null, finished_at = null
  where begin_audit.again or coinslot.is_due(a)
  returning a.id into v_id;
  delete from coinslot.audit_lines l where l.audit_id = v_id;
  delete from coinslot.audit_totals t where t.audit_id = v_id;
  return v_id;
end
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
  perform coinslot.total_audit(v_audit.id);
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

-- An audit from before there were totals gets them first, a few at a time.
create or replace function coinslot.purge_audit_lines(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_count bigint;
begin
  perform coinslot.total_audit(a.id)
  from (
    select a.id from coinslot.settings s
    inner join coinslot.audits a on a.finished_at < clock_timestamp() - s.keep_audit_lines
    where not exists (select from coinslot.audit_totals t where t.audit_id = a.id)
      and exists (
        select from coinslot.audit_lines l
        where l.audit_id = a.id and l.verdict in ('matched', 'later')
      )
    limit 10
  ) a;
  with due as materialized (
    select l.audit_id, l.payment_key
    from coinslot.settings s
    inner join coinslot.audits a on a.finished_at < clock_timestamp() - s.keep_audit_lines
    inner join coinslot.audit_lines l
      on l.audit_id = a.id and l.verdict in ('matched', 'later', 'foreign', 'other_mode')
    where l.verdict in ('foreign', 'other_mode')
      or exists (select from coinslot.audit_totals t where t.audit_id = a.id)
    limit purge_audit_lines.batch
    for update of l skip locked
  )
  delete from coinslot.audit_lines l using due
  where l.audit_id = due.audit_id and l.payment_key = due.payment_key;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
