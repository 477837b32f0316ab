-- Endpoints: addresses of the app that are told of events, signed as Standard Webhooks has it.
--
-- An event becomes one delivery for each endpoint that wants it, in the transaction that writes the
-- event: so an endpoint is told of what happens from the moment it is there, and of nothing before.
-- Deliveries of one wallet go out one after the other, in their order. One that is out of tries is
-- parked, and the next goes on. At least once: a receiver knows an event by its id.
--
-- Secrets are sealed by the sidecar, which alone can open them.

create table coinslot.endpoints (
  id uuid not null,
  name text not null default '',
  url text not null,
  types text[],
  secret text not null,
  old_secret text,
  old_secret_until timestamptz,
  active boolean not null default true,
  off_reason text,
  failing_since timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint endpoints_pkey primary key (id),
  constraint endpoints_name_short check (length(name) <= 100),
  constraint endpoints_url_shaped check (
    url ~ '^https?://[^\s@?#/][^\s@#]*$' and length(url) <= 2048
  ),
  constraint endpoints_types_some check (types <> '{}'),
  constraint endpoints_secret_sealed check (secret ~ '^v1\.' and old_secret ~ '^v1\.'),
  constraint endpoints_old_secret_ends check ((old_secret is null) = (old_secret_until is null)),
  constraint endpoints_off_for_a_reason check (active = (off_reason is null)),
  constraint endpoints_off_reason_known check (off_reason in ('operator', 'failing', 'gone'))
);
comment on table coinslot.endpoints is 'Addresses of the app that are told of events.';
comment on column coinslot.endpoints.types is 'What it is told of; null = everything.';
comment on column coinslot.endpoints.secret is 'Sealed: with it what is sent is signed.';
comment on column coinslot.endpoints.old_secret is
'Sealed: until old_secret_until what is sent is signed with it, too.';
comment on column coinslot.endpoints.off_reason is
'operator: switched off. failing: nothing arrived for long. gone: it said so (410).';
comment on column coinslot.endpoints.failing_since is 'Since when nothing has arrived there.';
-- By this every event reads them: a whole scan as the only way would be compiled at each call.
create index endpoints_active on coinslot.endpoints (id) where active;
alter table coinslot.endpoints enable row level security;
revoke all on table coinslot.endpoints from anon, authenticated, service_role;
create policy "Nobody reads endpoints through the API" on coinslot.endpoints
for select to anon, authenticated using (false);

create table coinslot.deliveries (
  id bigint generated always as identity,
  endpoint_id uuid not null,
  event_id text collate "C" not null,
  user_id uuid,
  seq bigint,
  state text collate "C" not null default 'pending',
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default clock_timestamp(),
  status integer,
  error text,
  answer text,
  milliseconds integer,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint deliveries_pkey primary key (id),
  constraint deliveries_endpoint_id_event_id_key unique (endpoint_id, event_id),
  constraint deliveries_endpoint_id_fkey foreign key (endpoint_id)
  references coinslot.endpoints (id) on delete cascade,
  constraint deliveries_event_id_fkey foreign key (event_id)
  references coinslot.outbox (id) on delete cascade,
  constraint deliveries_state_known check (state in ('pending', 'delivered', 'parked')),
  constraint deliveries_finished check ((state = 'pending') = (finished_at is null)),
  constraint deliveries_answer_short check (length(answer) <= 500 and length(error) <= 100)
) with (fillfactor = 70);
comment on table coinslot.deliveries is 'What each endpoint is to be told, or was.';
comment on column coinslot.deliveries.state is
'pending: to be sent. delivered: taken. parked: out of tries, for a replay.';
comment on column coinslot.deliveries.attempts is 'Tries so far; its number is the claim''s name.';
comment on column coinslot.deliveries.next_attempt_at is
'When it is due; while it is being sent, when somebody else may.';
comment on column coinslot.deliveries.status is 'HTTP status of the last answer; null = none came.';
create index deliveries_due on coinslot.deliveries (endpoint_id, next_attempt_at)
where state = 'pending';
create index deliveries_order on coinslot.deliveries (endpoint_id, user_id, seq)
where state = 'pending';
create index deliveries_parked on coinslot.deliveries (endpoint_id, event_id)
where state = 'parked';
create index deliveries_event_id on coinslot.deliveries (event_id);
create index deliveries_log on coinslot.deliveries (endpoint_id, id);
alter table coinslot.deliveries enable row level security;
revoke all on table coinslot.deliveries from anon, authenticated, service_role;
revoke all on sequence coinslot.deliveries_id_seq from anon, authenticated, service_role;
create policy "Nobody reads deliveries through the API" on coinslot.deliveries
for select to anon, authenticated using (false);

create function coinslot.fan_out() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
begin
  insert into coinslot.deliveries (endpoint_id, event_id, user_id, seq)
  select e.id, new.id, new.user_id, new.seq
  from coinslot.endpoints e
  where e.active and (new.type = any (e.types) or e.types is null) and new.type <> 'endpoint.test';
  return null;
end
$$;
comment on function coinslot.fan_out() is
'Trigger: each endpoint that wants an event is to get it.';
revoke all on function coinslot.fan_out() from public;
create trigger outbox_fanned_out after insert on coinslot.outbox
for each row execute function coinslot.fan_out();

-- ---- what goes out ----

-- Built once and again the same: jsonb keeps its fields in one order.
create function coinslot.event_body(event coinslot.outbox) returns text
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', event.id, 'type', event.type, 'version', event.version,
    'timestamp', to_char(event.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'livemode', event.live,
    'data', event.data || jsonb_strip_nulls(jsonb_build_object(
      'user_id', event.user_id, 'seq', event.seq
    ))
  )::text
$$;
comment on function coinslot.event_body(coinslot.outbox) is 'An event as endpoints get it.';
revoke all on function coinslot.event_body(coinslot.outbox) from public;

-- As Standard Webhooks proposes: three days in all.
create function coinslot.delivery_wait(attempts integer) returns interval
language sql immutable parallel safe set search_path = ''
return (array[
  interval '5 seconds', interval '5 minutes', interval '30 minutes', interval '2 hours',
  interval '5 hours', interval '10 hours', interval '14 hours', interval '20 hours',
  interval '24 hours'
])[delivery_wait.attempts];
comment on function coinslot.delivery_wait(integer) is
'How long after so many tries the next one comes; null = there is none.';
revoke all on function coinslot.delivery_wait(integer) from public;

create function coinslot.delivery_lease() returns interval
language sql immutable parallel safe set search_path = ''
return interval '2 minutes';
comment on function coinslot.delivery_lease() is 'How long a delivery is left to who claimed it.';
revoke all on function coinslot.delivery_lease() from public;

create type public.coinslot_delivery_job as (
  id bigint,
  attempt integer,
  endpoint_id uuid,
  url text,
  secrets text [],
  event_id text,
  type text,
  body text
);
comment on type public.coinslot_delivery_job is 'A delivery to be made; secrets are sealed.';
revoke all on type public.coinslot_delivery_job from public;
grant usage on type public.coinslot_delivery_job to service_role;

-- Of one endpoint. A delivery with another before it, of its wallet, is put off; that one's verdict
-- calls it again. The older it is, the longer: else all those of a wallet that has very many would
-- be looked at again and again. The one before it is locked meanwhile: a verdict that is just being
-- written would not see that it has to call. It is left as it is then, for the next look. The first
-- of a wallet is asked for, and not if there is one before: where most are of one wallet, Postgres
-- would look for any through all that are due. If that first one is due, it is taken: it may stand
-- behind very many that wait for it.
create function coinslot.claim_for(endpoint_id uuid, batch integer) returns bigint[]
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_ids bigint[];
begin
  with due as materialized (
    select d.id, d.user_id, d.seq, coalesce(d.seq > (
      select b.seq from coinslot.deliveries b
      where b.endpoint_id = claim_for.endpoint_id and b.user_id = d.user_id
        and b.state = 'pending'
      order by b.seq limit 1
    ), false) as waits
    from coinslot.deliveries d
    where d.endpoint_id = claim_for.endpoint_id and d.state = 'pending'
      and d.next_attempt_at <= clock_timestamp()
    order by d.next_attempt_at limit 8 * claim_for.batch
    for update of d skip locked
  ), behind as materialized (
    -- While a verdict has the first one locked, b is the second, which still waits.
    select w.user_id, b.id, b.seq, b.next_attempt_at <= clock_timestamp() and b.seq = (
      select f.seq from coinslot.deliveries f
      where f.endpoint_id = claim_for.endpoint_id and f.user_id = w.user_id
        and f.state = 'pending'
      order by f.seq limit 1
    ) as ready
    from (select distinct u.user_id from due u where u.waits) w cross join lateral (
      select b.id, b.seq, b.next_attempt_at from coinslot.deliveries b
      where b.endpoint_id = claim_for.endpoint_id and b.user_id = w.user_id and b.state = 'pending'
      order by b.seq limit 1 for no key update skip locked
    ) b
  ), taken as (
    select u.id from due u where not u.waits
    union select b.id from behind b where b.ready
    limit claim_for.batch
  ), moved as (
    update coinslot.deliveries d set
      attempts = d.attempts + case when c.taken then 1 else 0 end,
      next_attempt_at = clock_timestamp() + case when c.taken then coinslot.delivery_lease()
        else least(interval '30 seconds' + (clock_timestamp() - d.created_at), interval '1 hour')
      end
    from (
      select t.id, true as taken from taken t
      union all
      select u.id, false from due u inner join behind b on b.user_id = u.user_id and b.seq < u.seq
      where u.waits
    ) c
    where d.id = c.id
    returning d.id, c.taken
  )
  select array_agg(m.id order by m.id) into v_ids from moved m where m.taken;
  return v_ids;
end
$$;
comment on function coinslot.claim_for(uuid, integer) is
'Deliveries of an endpoint that are the claimer''s now, one of a wallet at most.';
revoke all on function coinslot.claim_for(uuid, integer) from public;

create function coinslot.claim_deliveries(busy uuid[], batch integer)
returns setof public.coinslot_delivery_job
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_endpoint coinslot.endpoints;
  v_ids bigint[];
begin
  if (claim_deliveries.batch between 1 and 100) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "batch", "min": 1, "max": 100}');
  end if;
  for v_endpoint in
    select e.* from coinslot.endpoints e
    where e.active and e.id <> all (coalesce(claim_deliveries.busy, '{}')) order by e.id
  loop
    -- In a statement of its own: else the next would see what was claimed as it was before.
    v_ids := coinslot.claim_for(v_endpoint.id, claim_deliveries.batch);
    return query
    select d.id, d.attempts, v_endpoint.id, v_endpoint.url, array_remove(array[
      v_endpoint.secret,
      case when v_endpoint.old_secret_until > clock_timestamp() then v_endpoint.old_secret end
    ], null), o.id, o.type, coinslot.event_body(o)
    from coinslot.deliveries d
    inner join coinslot.outbox o on o.id = d.event_id
    where d.id = any (v_ids)
    order by d.id;
  end loop;
end
$$;
comment on function coinslot.claim_deliveries(uuid[], integer) is
'See public.coinslot_claim_deliveries.';
revoke all on function coinslot.claim_deliveries(uuid[], integer) from public;
grant execute on function coinslot.claim_deliveries(uuid[], integer) to service_role;

create function public.coinslot_claim_deliveries(busy uuid[] default '{}', batch integer default 20)
returns public.coinslot_delivery_job[]
language sql volatile set search_path = '' as $$
  select array(select c from coinslot.claim_deliveries(
    coinslot_claim_deliveries.busy, coinslot_claim_deliveries.batch
  ) c)
$$;
comment on function public.coinslot_claim_deliveries(uuid[], integer) is
'Service: deliveries to be made now, so many for each endpoint that is not busy.';
revoke all on function public.coinslot_claim_deliveries(uuid[], integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_deliveries(uuid[], integer) to service_role;

-- ---- what became of it ----

create function coinslot.call_next(delivery coinslot.deliveries) returns void
language sql volatile set search_path = '' set enable_seqscan = off as $$
  update coinslot.deliveries d set next_attempt_at = clock_timestamp()
  where delivery.user_id is not null and d.attempts = 0
    and d.next_attempt_at > clock_timestamp() and d.id = (
      select n.id from coinslot.deliveries n
      where n.endpoint_id = delivery.endpoint_id and n.user_id = delivery.user_id
        and n.state = 'pending'
      order by n.seq limit 1
    )
$$;
comment on function coinslot.call_next(coinslot.deliveries) is
'Has the next delivery of a wallet go out.';
revoke all on function coinslot.call_next(coinslot.deliveries) from public;

-- Not what is being sent at this moment: its verdict waits for the endpoint, which is locked.
create function coinslot.park_all(endpoint_id uuid) returns void
language sql volatile set search_path = '' as $$
  update coinslot.deliveries d set state = 'parked', finished_at = clock_timestamp()
  where d.id in (
    select p.id from coinslot.deliveries p
    where p.endpoint_id = park_all.endpoint_id and p.state = 'pending'
    for update skip locked
  )
$$;
comment on function coinslot.park_all(uuid) is 'Parks all that was to be sent to an endpoint.';
revoke all on function coinslot.park_all(uuid) from public;

-- What was to be sent there is parked, so that a replay finds it.
create function coinslot.switch_off(endpoint_id uuid, reason text) returns void
language plpgsql volatile set search_path = '' as $$
begin
  update coinslot.endpoints e
  set active = false, off_reason = switch_off.reason, updated_at = clock_timestamp()
  where e.id = switch_off.endpoint_id and e.active;
  if not found then
    return;
  end if;
  perform coinslot.park_all(switch_off.endpoint_id);
  if switch_off.reason <> 'operator' then
    perform coinslot.emit('endpoint.disabled', null, jsonb_build_object(
      'endpoint_id', switch_off.endpoint_id, 'reason', switch_off.reason
    ));
  end if;
end
$$;
comment on function coinslot.switch_off(uuid, text) is
'Tells an endpoint nothing more; says so to others, unless an operator did it.';
revoke all on function coinslot.switch_off(uuid, text) from public;

create function coinslot.note_failure(
  delivery coinslot.deliveries, gone boolean, retry_after integer
) returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_wait interval := case when coinslot.delivery_wait(delivery.attempts) is not null then greatest(
    coinslot.delivery_wait(delivery.attempts) * (0.8 + 0.4 * random()),
    make_interval(secs => least(coalesce(note_failure.retry_after, 0), 86400))
  ) end;
  v_since timestamptz;
begin
  update coinslot.deliveries d set
    state = case when v_wait is null then 'parked' else 'pending' end,
    finished_at = case when v_wait is null then clock_timestamp() end,
    next_attempt_at = clock_timestamp() + coalesce(v_wait, interval '0')
  where d.id = delivery.id;
  update coinslot.endpoints e set failing_since = coalesce(e.failing_since, clock_timestamp())
  where e.id = delivery.endpoint_id
  returning e.failing_since into v_since;
  if note_failure.gone then
    perform coinslot.switch_off(delivery.endpoint_id, 'gone');
    return 'parked';
  elsif v_since < clock_timestamp() - (
    select s.endpoint_patience from coinslot.settings s where s.id
  ) then
    perform coinslot.switch_off(delivery.endpoint_id, 'failing');
    return 'parked';
  elsif v_wait is null then
    perform coinslot.call_next(delivery);
    return 'parked';
  end if;
  return 'pending';
end
$$;
comment on function coinslot.note_failure(coinslot.deliveries, boolean, integer) is
'Puts a delivery off, or parks it, and switches off what has failed for long.';
revoke all on function coinslot.note_failure(coinslot.deliveries, boolean, integer) from public;

-- A claim that was lost to another, or whose endpoint was switched off meanwhile, may still say
-- that it arrived: it has. That it failed says the other one.
create function coinslot.finish_delivery(
  delivery_id bigint, attempt integer, outcome text, status integer, error text, answer text,
  milliseconds integer, retry_after integer
) returns text
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_delivery coinslot.deliveries;
begin
  if (finish_delivery.outcome in ('delivered', 'failed', 'gone')) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "outcome"}');
  end if;
  select d.* into v_delivery from coinslot.deliveries d where d.id = finish_delivery.delivery_id
  for update;
  if not found then
    return null;
  elsif v_delivery.state = 'delivered' or finish_delivery.outcome <> 'delivered'
    and (v_delivery.state <> 'pending' or v_delivery.attempts <> finish_delivery.attempt)
  then
    return v_delivery.state;
  end if;
  update coinslot.deliveries d set
    status = finish_delivery.status, error = left(finish_delivery.error, 100),
    answer = left(finish_delivery.answer, 500), milliseconds = finish_delivery.milliseconds
  where d.id = v_delivery.id;
  if finish_delivery.outcome <> 'delivered' then
    return coinslot.note_failure(
      v_delivery, finish_delivery.outcome = 'gone', finish_delivery.retry_after
    );
  end if;
  update coinslot.deliveries d set state = 'delivered', finished_at = clock_timestamp()
  where d.id = v_delivery.id;
  update coinslot.endpoints e set failing_since = null
  where e.id = v_delivery.endpoint_id and e.failing_since is not null;
  perform coinslot.call_next(v_delivery);
  return 'delivered';
end
$$;
comment on function coinslot.finish_delivery(
  bigint, integer, text, integer, text, text, integer, integer
) is 'See public.coinslot_finish_delivery.';
revoke all on function coinslot.finish_delivery(
  bigint, integer, text, integer, text, text, integer, integer
) from public;
grant execute on function coinslot.finish_delivery(
  bigint, integer, text, integer, text, text, integer, integer
) to service_role;

create function public.coinslot_finish_delivery(
  delivery_id bigint, attempt integer, outcome text, status integer default null,
  error text default null, answer text default null, milliseconds integer default null,
  retry_after integer default null
) returns text
language sql volatile set search_path = '' as $$
  select coinslot.finish_delivery(
    coinslot_finish_delivery.delivery_id, coinslot_finish_delivery.attempt,
    coinslot_finish_delivery.outcome, coinslot_finish_delivery.status,
    coinslot_finish_delivery.error, coinslot_finish_delivery.answer,
    coinslot_finish_delivery.milliseconds, coinslot_finish_delivery.retry_after
  )
$$;
comment on function public.coinslot_finish_delivery(
  bigint, integer, text, integer, text, text, integer, integer
) is
'Service: what became of a try: delivered, failed or gone. How the delivery stands since; null = it
is not there any more.';
revoke all on function public.coinslot_finish_delivery(
  bigint, integer, text, integer, text, text, integer, integer
) from public, anon, authenticated, service_role;
grant execute on function public.coinslot_finish_delivery(
  bigint, integer, text, integer, text, text, integer, integer
) to service_role;
