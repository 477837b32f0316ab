-- What whoever runs this looks at: how much work waits and how long it has, what needs a person,
-- and whether the books add up. The sidecar asks every few seconds and shows it as metrics.

-- The books are checked once a day, by whichever server asks first, and the answer is kept so that
-- every server can show it.
create table coinslot.ledger_checks (
  id bigint generated always as identity,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  done integer not null default 0,
  wallets bigint not null default 0,
  problems jsonb not null default '[]',
  constraint ledger_checks_pkey primary key (id),
  constraint ledger_checks_done_in_range check (done between 0 and 65536),
  constraint ledger_checks_finished_whole check ((done = 65536) = (finished_at is not null))
);
comment on table coinslot.ledger_checks is 'Checks of the whole ledger, and what they found.';
comment on column coinslot.ledger_checks.done is
'How far it has come: users whose ids begin with less than this, of 65536.';
comment on column coinslot.ledger_checks.wallets is 'Wallets that do not add up.';
comment on column coinslot.ledger_checks.problems is 'The first of them, as verify_ledger has it.';
alter table coinslot.ledger_checks enable row level security;
revoke all on table coinslot.ledger_checks from anon, authenticated, service_role;
create policy "Nobody reads checks through the API" on coinslot.ledger_checks
for select to anon, authenticated using (false);

-- The lowest id of the users that are not done yet; null at both ends.
create function coinslot.first_user(done integer) returns uuid
language sql immutable set search_path = '' as $$
  select case when first_user.done between 1 and 65535 then (
    lpad(to_hex(first_user.done), 4, '0') || '0000-0000-0000-0000-000000000000'
  )::uuid end
$$;
comment on function coinslot.first_user(integer) is
'Where a ledger check goes on; null = at the beginning, or beyond the end.';
revoke all on function coinslot.first_user(integer) from public;

-- How much of all users one step takes, so that it holds some two hundred thousand entries: well
-- below the eight seconds that an API call may last. A longer time-out of the RPC would be for
-- everybody: PostgREST applies it before Postgres says who may call. Ids are random, so equal parts
-- of them are equally full.
create function coinslot.ledger_check_step() returns integer
language sql stable set search_path = '' as $$
  select greatest(1, (65536 / ceil(greatest(c.reltuples, 1) / 2e5))::integer)
  from pg_catalog.pg_class c where c.oid = 'public.token_ledger'::regclass
$$;
comment on function coinslot.ledger_check_step() is
'How much of 65536 one step of a ledger check takes.';
revoke all on function coinslot.ledger_check_step() from public;

-- The check that is to be gone on with, or a new one where a day has passed since the last began.
create function coinslot.open_ledger_check() returns coinslot.ledger_checks
language plpgsql volatile set search_path = '' as $$
declare
  v_check coinslot.ledger_checks;
begin
  select c.* into v_check from coinslot.ledger_checks c order by c.id desc limit 1;
  if v_check.started_at > clock_timestamp() - interval '1 day' then
    return case when v_check.finished_at is null then v_check end;
  end if;
  insert into coinslot.ledger_checks as c default values returning c.* into v_check;
  return v_check;
end
$$;
comment on function coinslot.open_ledger_check() is 'The ledger check that is due, or null.';
revoke all on function coinslot.open_ledger_check() from public;

-- An unsound ledger needs a person as money without an order does, and is listed beside it, once,
-- until a check finds it sound.
create function coinslot.note_ledger_check(ledger_check coinslot.ledger_checks) returns void
language sql volatile set search_path = '' as $$
  update coinslot.discrepancies d set resolved_at = clock_timestamp()
  where d.kind = 'ledger_unsound' and d.resolved_at is null and ledger_check.wallets = 0;
  insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, detail)
  select 'ledger_unsound', '', '', '', jsonb_build_object(
    'wallets', ledger_check.wallets, 'problems', ledger_check.problems
  )
  where ledger_check.wallets > 0
  on conflict (kind, gateway, payment_key, order_id) where resolved_at is null
  do update set detail = excluded.detail
$$;
comment on function coinslot.note_ledger_check(coinslot.ledger_checks) is
'Lists an unsound ledger among what needs a person.';
revoke all on function coinslot.note_ledger_check(coinslot.ledger_checks) from public;

-- One step of the check. Whoever is at one keeps it by a lock that no crash outlives, so there is
-- no lease to wait for: what did not commit is done again by the next who asks.
create function coinslot.check_ledger() returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_check coinslot.ledger_checks;
  v_to integer;
  v_wallets bigint;
  v_problems jsonb;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('coinslot.check_ledger', 0)) then
    return null;
  end if;
  v_check := coinslot.open_ledger_check();
  if v_check.id is null then
    return null;
  end if;
  v_to := least(v_check.done + coinslot.ledger_check_step(), 65536);
  with problems as materialized (
    select p.* from coinslot.verify_ledger(
      coinslot.first_user(v_check.done), coinslot.first_user(v_to)
    ) p
  )
  select
    count(distinct p.user_id),
    (select jsonb_agg(to_jsonb(s)) from (select * from problems limit 20) s)
  into v_wallets, v_problems from problems p;
  update coinslot.ledger_checks c set
    done = v_to,
    finished_at = case when v_to = 65536 then clock_timestamp() end,
    wallets = c.wallets + v_wallets,
    problems = case when jsonb_array_length(c.problems) < 20
      then c.problems || coalesce(v_problems, '[]') else c.problems
    end
  where c.id = v_check.id
  returning c.* into v_check;
  if v_check.finished_at is not null then
    perform coinslot.note_ledger_check(v_check);
  end if;
  return jsonb_build_object(
    'finished', v_check.finished_at is not null, 'wallets', v_check.wallets,
    'problems', v_check.problems
  );
end
$$;
comment on function coinslot.check_ledger() is 'See public.coinslot_check_ledger.';
revoke all on function coinslot.check_ledger() from public;
grant execute on function coinslot.check_ledger() to service_role;

create function public.coinslot_check_ledger() returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.check_ledger()
$$;
comment on function public.coinslot_check_ledger() is
'Service: a step of the daily check, {finished, wallets, problems}; null = not due, or others are.';
revoke all on function public.coinslot_check_ledger()
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_check_ledger() to service_role;

-- Work that is due and was not done yet, and how long. Each count walks an index of nothing but
-- what waits, and every gateway has its line, also where that is nothing.
create function coinslot.count_payment_reads()
returns table (gateway text, due bigint, overdue_seconds double precision)
language sql stable set search_path = '' as $$
  select
    g.id, count(r.next_read_at), extract(epoch from statement_timestamp() - min(r.next_read_at))
  from coinslot.gateways g
  left join coinslot.payment_reads r on r.gateway = g.id and r.next_read_at <= statement_timestamp()
  group by g.id
$$;
comment on function coinslot.count_payment_reads() is
'Orders that are due to be read again, by gateway.';
revoke all on function coinslot.count_payment_reads() from public;

-- Waiting is also what is being read, and what waits for the gateway's records; overdue is what
-- should have been taken up by now.
create function coinslot.count_webhooks() returns table (
  gateway text, waiting bigint, oldest_seconds double precision, overdue_seconds double precision
)
language sql stable set search_path = '' as $$
  select
    g.id, count(w.id), extract(epoch from statement_timestamp() - min(w.waiting_since)),
    extract(epoch from statement_timestamp() - min(w.next_attempt_at) filter (
      where w.next_attempt_at <= statement_timestamp()
    ))
  from coinslot.gateways g
  left join coinslot.webhooks w on w.gateway = g.id and w.next_attempt_at is not null
  group by g.id
$$;
comment on function coinslot.count_webhooks() is 'Webhooks that are not finished, by gateway.';
revoke all on function coinslot.count_webhooks() from public;

-- Those whose tries are used up are dropped from the list, and count no more.
create function coinslot.count_closings()
returns table (gateway text, waiting bigint, overdue_seconds double precision)
language sql stable set search_path = '' as $$
  select
    g.id, count(c.payment_id), extract(epoch from statement_timestamp() - min(c.next_try_at) filter (
      where c.next_try_at <= statement_timestamp()
    ))
  from coinslot.gateways g
  left join coinslot.payment_closings c on c.gateway = g.id
  group by g.id
$$;
comment on function coinslot.count_closings() is
'Orders that are over and not closed at their gateway yet, by gateway.';
revoke all on function coinslot.count_closings() from public;

create function coinslot.count_refunds()
returns table (gateway text, open bigint, oldest_seconds double precision)
language sql stable set search_path = '' as $$
  select g.id, count(r.id), extract(epoch from statement_timestamp() - min(r.created_at))
  from coinslot.gateways g
  left join coinslot.refunds r on r.gateway = g.id and r.finished_at is null
  group by g.id
$$;
comment on function coinslot.count_refunds() is 'Refunds that are not over, by gateway.';
revoke all on function coinslot.count_refunds() from public;

create function coinslot.count_reviews() returns table (gateway text, payments bigint)
language sql stable set search_path = '' as $$
  select g.id, count(p.id)
  from coinslot.gateways g
  left join public.token_payments p on p.gateway = g.id and p.status = 'review' and exists (
    select from coinslot.discrepancies d where d.order_id = p.order_id and d.resolved_at is null
  )
  group by g.id
$$;
comment on function coinslot.count_reviews() is
'Orders that a person has to decide and has not, by gateway.';
revoke all on function coinslot.count_reviews() from public;

create function coinslot.count_discrepancies()
returns table (kind text, gateway text, open bigint)
language sql stable set search_path = '' as $$
  select d.kind, d.gateway, count(*)
  from coinslot.discrepancies d where d.resolved_at is null
  group by d.kind, d.gateway
$$;
comment on function coinslot.count_discrepancies() is 'Open discrepancies by kind and gateway.';
revoke all on function coinslot.count_discrepancies() from public;

create function coinslot.seen_events() returns table (gateway text, types text[])
language sql stable set search_path = '' as $$
  select t.gateway, array_agg(t.event_type order by t.event_type)
  from coinslot.webhook_types t
  group by t.gateway
$$;
comment on function coinslot.seen_events() is
'Types of events that webhooks have ever brought, by gateway.';
revoke all on function coinslot.seen_events() from public;

-- Waiting is also what is put off; overdue is what should have been sent by now.
create function coinslot.count_deliveries() returns table (
  endpoint uuid, active boolean, waiting bigint, overdue_seconds double precision, parked bigint,
  failing_seconds double precision
)
language sql stable set search_path = '' as $$
  select
    e.id, e.active, count(d.id) filter (where d.state = 'pending'),
    extract(epoch from statement_timestamp() - min(d.next_attempt_at) filter (
      where d.state = 'pending' and e.active and d.next_attempt_at <= statement_timestamp()
    )),
    count(d.id) filter (where d.state = 'parked'),
    extract(epoch from statement_timestamp() - e.failing_since)
  from coinslot.endpoints e
  left join coinslot.deliveries d on d.endpoint_id = e.id and d.state <> 'delivered'
  group by e.id
$$;
comment on function coinslot.count_deliveries() is 'What is to be sent, by endpoint.';
revoke all on function coinslot.count_deliveries() from public;

create function coinslot.get_backlog() returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'payments', (select jsonb_agg(to_jsonb(c)) from coinslot.count_payment_reads() c),
    'webhooks', (select jsonb_agg(to_jsonb(c)) from coinslot.count_webhooks() c),
    'refunds', (select jsonb_agg(to_jsonb(c)) from coinslot.count_refunds() c),
    'closings', (select jsonb_agg(to_jsonb(c)) from coinslot.count_closings() c),
    'reviews', (select jsonb_agg(to_jsonb(c)) from coinslot.count_reviews() c),
    'discrepancies',
    (select coalesce(jsonb_agg(to_jsonb(c)), '[]') from coinslot.count_discrepancies() c),
    'lots', coinslot.count_lots(),
    'endpoints', (select coalesce(jsonb_agg(to_jsonb(c)), '[]') from coinslot.count_deliveries() c),
    'mails', coinslot.count_mails(),
    'holds', (select count(*) from coinslot.token_holds h where h.status = 'held'),
    'ledger', (
      select jsonb_build_object(
        'checked_at', extract(epoch from c.finished_at), 'wallets', c.wallets
      )
      from coinslot.ledger_checks c where c.finished_at is not null order by c.id desc limit 1
    ),
    'events', (select coalesce(jsonb_agg(to_jsonb(e)), '[]') from coinslot.seen_events() e)
  )
$$;
comment on function coinslot.get_backlog() is 'See public.coinslot_get_backlog.';
revoke all on function coinslot.get_backlog() from public;
grant execute on function coinslot.get_backlog() to service_role;

create function public.coinslot_get_backlog() returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.get_backlog()
$$;
comment on function public.coinslot_get_backlog() is
'Service: what waits and how long, what needs a person, and the last ledger check.';
revoke all on function public.coinslot_get_backlog() from public, anon, authenticated, service_role;
grant execute on function public.coinslot_get_backlog() to service_role;
