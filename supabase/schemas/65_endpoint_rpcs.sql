-- Endpoints, for operators and for the commands: made, changed, tried, replayed, looked at. A
-- secret is made and sealed by the sidecar; whoever looks sees which key sealed it, and no more.

create type public.coinslot_endpoint as (
  id uuid,
  name text,
  url text,
  types text [],
  active boolean,
  off_reason text,
  failing_since timestamptz,
  secret_key text,
  old_secret_until timestamptz,
  pending bigint,
  parked bigint,
  created_at timestamptz
);
comment on type public.coinslot_endpoint is
'An endpoint as operators see it; secret_key is the id of the key that sealed its secret.';
revoke all on type public.coinslot_endpoint from public;
grant usage on type public.coinslot_endpoint to authenticated, service_role;

create type public.coinslot_delivery as (
  id bigint,
  endpoint_id uuid,
  event_id text,
  type text,
  user_id uuid,
  seq bigint,
  state text,
  attempts integer,
  next_attempt_at timestamptz,
  status integer,
  error text,
  answer text,
  milliseconds integer,
  created_at timestamptz,
  finished_at timestamptz,
  happened_at timestamptz
);
comment on type public.coinslot_delivery is
'A line of the delivery log; happened_at is the event''s time.';
revoke all on type public.coinslot_delivery from public;
grant usage on type public.coinslot_delivery to authenticated, service_role;

create function coinslot.shown_endpoint(endpoint coinslot.endpoints)
returns public.coinslot_endpoint
language sql stable set search_path = '' as $$
  select row(
    endpoint.id, endpoint.name, endpoint.url, endpoint.types, endpoint.active,
    endpoint.off_reason, endpoint.failing_since, split_part(endpoint.secret, '.', 2),
    case when endpoint.old_secret_until > clock_timestamp() then endpoint.old_secret_until end,
    (
      select count(*) from coinslot.deliveries d
      where d.endpoint_id = endpoint.id and d.state = 'pending'
    ),
    (
      select count(*) from coinslot.deliveries d
      where d.endpoint_id = endpoint.id and d.state = 'parked'
    ),
    endpoint.created_at
  )::public.coinslot_endpoint
$$;
comment on function coinslot.shown_endpoint(coinslot.endpoints) is 'An endpoint without secrets.';
revoke all on function coinslot.shown_endpoint(coinslot.endpoints) from public;

create function coinslot.lock_endpoint(id uuid) returns coinslot.endpoints
language plpgsql volatile set search_path = '' as $$
declare
  v_endpoint coinslot.endpoints;
begin
  select e.* into v_endpoint from coinslot.endpoints e where e.id = lock_endpoint.id for update;
  if not found then
    perform coinslot.fail('endpoint_not_found', jsonb_build_object('id', lock_endpoint.id));
  end if;
  return v_endpoint;
end
$$;
comment on function coinslot.lock_endpoint(uuid) is 'Locks an endpoint; PT404 if there is none.';
revoke all on function coinslot.lock_endpoint(uuid) from public;

create function coinslot.check_types(types text[]) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_unknown text[];
begin
  select array_agg(t.name) into v_unknown from unnest(check_types.types) t (name)
  where t.name is null or not exists (
    select from coinslot.event_types e where e.type = t.name
  );
  if v_unknown is not null or check_types.types = '{}' then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'types', 'unknown', v_unknown,
      'known', (select jsonb_agg(e.type order by e.type) from coinslot.event_types e)
    ));
  end if;
end
$$;
comment on function coinslot.check_types(text[]) is 'PT400 unless all are kinds of events.';
revoke all on function coinslot.check_types(text[]) from public;

-- ---- adding ----

-- The id is the sidecar's, which has sealed the secret for it: no other endpoint gets it.
create function coinslot.add_endpoint(
  id uuid, url text, secret text, name text, types text[], reason text
) returns public.coinslot_endpoint
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_endpoint coinslot.endpoints;
begin
  perform coinslot.check_types(add_endpoint.types);
  perform coinslot.check_text('name', add_endpoint.name, 100);
  if (select count(*) from coinslot.endpoints) >= 20 then
    perform coinslot.fail('invalid_argument', '{"argument": "id", "max_endpoints": 20}');
  end if;
  begin
    insert into coinslot.endpoints as e (id, url, secret, name, types)
    values (
      add_endpoint.id, add_endpoint.url, add_endpoint.secret, add_endpoint.name,
      add_endpoint.types
    )
    returning e.* into v_endpoint;
  exception
  when unique_violation then
    perform coinslot.fail('invalid_argument', '{"argument": "id", "reason": "taken"}');
  when check_violation or not_null_violation then
    perform coinslot.fail(
      'invalid_argument', jsonb_build_object('argument', 'url', 'reason', sqlerrm)
    );
  end;
  perform coinslot.note_action(
    'endpoint_added', v_endpoint.id::text, add_endpoint.reason,
    jsonb_build_object('url', v_endpoint.url, 'types', v_endpoint.types)
  );
  return coinslot.shown_endpoint(v_endpoint);
end
$$;
comment on function coinslot.add_endpoint(uuid, text, text, text, text[], text) is
'See public.coinslot_add_endpoint.';
revoke all on function coinslot.add_endpoint(uuid, text, text, text, text[], text) from public;
grant execute on function coinslot.add_endpoint(uuid, text, text, text, text[], text)
to service_role;

create function public.coinslot_add_endpoint(
  id uuid, url text, secret text, name text default '', types text[] default null,
  reason text default ''
) returns public.coinslot_endpoint
language sql volatile set search_path = '' as $$
  select coinslot.add_endpoint(
    coinslot_add_endpoint.id, coinslot_add_endpoint.url, coinslot_add_endpoint.secret,
    coinslot_add_endpoint.name, coinslot_add_endpoint.types, coinslot_add_endpoint.reason
  )
$$;
comment on function public.coinslot_add_endpoint(uuid, text, text, text, text[], text) is
'Service: an address that is told of events from now on; types null = of all. The secret comes
sealed.';
revoke all on function public.coinslot_add_endpoint(uuid, text, text, text, text[], text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_add_endpoint(uuid, text, text, text, text[], text)
to service_role;

create function coinslot.add_token_endpoint(
  id uuid, url text, secret text, reason text, name text, types text[]
) returns public.coinslot_endpoint
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.require_owner(add_token_endpoint.reason);
  return coinslot.add_endpoint(
    add_token_endpoint.id, add_token_endpoint.url, add_token_endpoint.secret,
    add_token_endpoint.name, add_token_endpoint.types, add_token_endpoint.reason
  );
end
$$;
comment on function coinslot.add_token_endpoint(uuid, text, text, text, text, text[]) is
'See public.add_token_endpoint.';
revoke all on function coinslot.add_token_endpoint(uuid, text, text, text, text, text[])
from public;
grant execute on function coinslot.add_token_endpoint(uuid, text, text, text, text, text[])
to authenticated;

create function public.add_token_endpoint(
  id uuid, url text, secret text, reason text, name text default '', types text[] default null
) returns public.coinslot_endpoint
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.add_token_endpoint(
    add_token_endpoint.id, add_token_endpoint.url, add_token_endpoint.secret,
    add_token_endpoint.reason, add_token_endpoint.name, add_token_endpoint.types
  )
$$;
comment on function public.add_token_endpoint(uuid, text, text, text, text, text[]) is
'Operators, owner: the same as coinslot_add_endpoint, with a reason. The sidecar''s POST /endpoints
makes and seals the secret.';
revoke all on function public.add_token_endpoint(uuid, text, text, text, text, text[])
from public, anon, authenticated, service_role;
grant execute on function public.add_token_endpoint(uuid, text, text, text, text, text[])
to authenticated;

-- ---- rotating ----

create function coinslot.rotate_endpoint(
  id uuid, secret text, keep_seconds integer, reason text
) returns public.coinslot_endpoint
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_endpoint coinslot.endpoints := coinslot.lock_endpoint(rotate_endpoint.id);
  v_keeps boolean := rotate_endpoint.keep_seconds > 0;
begin
  if (rotate_endpoint.keep_seconds between 0 and 604800) is not true then
    perform coinslot.fail(
      'invalid_argument', '{"argument": "keep_seconds", "min": 0, "max": 604800}'
    );
  elsif (rotate_endpoint.secret ~ '^v1\.') is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "secret"}');
  end if;
  update coinslot.endpoints e set
    secret = rotate_endpoint.secret,
    old_secret = case when v_keeps then v_endpoint.secret end,
    old_secret_until = case when v_keeps then
      clock_timestamp() + make_interval(secs => rotate_endpoint.keep_seconds) end,
    updated_at = clock_timestamp()
  where e.id = v_endpoint.id
  returning e.* into v_endpoint;
  perform coinslot.note_action(
    'endpoint_rotated', v_endpoint.id::text, rotate_endpoint.reason,
    jsonb_build_object('keep_seconds', rotate_endpoint.keep_seconds)
  );
  return coinslot.shown_endpoint(v_endpoint);
end
$$;
comment on function coinslot.rotate_endpoint(uuid, text, integer, text) is
'See public.coinslot_rotate_endpoint.';
revoke all on function coinslot.rotate_endpoint(uuid, text, integer, text) from public;
grant execute on function coinslot.rotate_endpoint(uuid, text, integer, text) to service_role;

create function public.coinslot_rotate_endpoint(
  id uuid, secret text, keep_seconds integer default 86400, reason text default ''
) returns public.coinslot_endpoint
language sql volatile set search_path = '' as $$
  select coinslot.rotate_endpoint(
    coinslot_rotate_endpoint.id, coinslot_rotate_endpoint.secret,
    coinslot_rotate_endpoint.keep_seconds, coinslot_rotate_endpoint.reason
  )
$$;
comment on function public.coinslot_rotate_endpoint(uuid, text, integer, text) is
'Service: a new sealed secret; for so many seconds what is sent is signed with the old one, too.';
revoke all on function public.coinslot_rotate_endpoint(uuid, text, integer, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_rotate_endpoint(uuid, text, integer, text)
to service_role;

create function coinslot.rotate_token_endpoint(
  id uuid, secret text, reason text, keep_seconds integer
) returns public.coinslot_endpoint
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.require_owner(rotate_token_endpoint.reason);
  return coinslot.rotate_endpoint(
    rotate_token_endpoint.id, rotate_token_endpoint.secret, rotate_token_endpoint.keep_seconds,
    rotate_token_endpoint.reason
  );
end
$$;
comment on function coinslot.rotate_token_endpoint(uuid, text, text, integer) is
'See public.rotate_token_endpoint.';
revoke all on function coinslot.rotate_token_endpoint(uuid, text, text, integer) from public;
grant execute on function coinslot.rotate_token_endpoint(uuid, text, text, integer)
to authenticated;

create function public.rotate_token_endpoint(
  id uuid, secret text, reason text, keep_seconds integer default 86400
) returns public.coinslot_endpoint
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.rotate_token_endpoint(
    rotate_token_endpoint.id, rotate_token_endpoint.secret, rotate_token_endpoint.reason,
    rotate_token_endpoint.keep_seconds
  )
$$;
comment on function public.rotate_token_endpoint(uuid, text, text, integer) is
'Operators, owner: the same as coinslot_rotate_endpoint, with a reason. The sidecar''s POST
/endpoints/{id}/rotate makes and seals the secret.';
revoke all on function public.rotate_token_endpoint(uuid, text, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.rotate_token_endpoint(uuid, text, text, integer)
to authenticated;

-- ---- changing ----

-- One that is switched on again begins with what happens then: what was not sent yet is parked.
create function coinslot.set_endpoint(
  id uuid, url text, name text, types text[], every_type boolean, active boolean, reason text
) returns public.coinslot_endpoint
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_old coinslot.endpoints := coinslot.lock_endpoint(set_endpoint.id);
  v_endpoint coinslot.endpoints;
begin
  if set_endpoint.types is not null then
    perform coinslot.check_types(set_endpoint.types);
  end if;
  perform coinslot.check_text('name', coalesce(set_endpoint.name, ''), 100);
  if set_endpoint.active and not v_old.active then
    perform coinslot.park_all(v_old.id);
  elsif not set_endpoint.active then
    perform coinslot.switch_off(v_old.id, 'operator');
  end if;
  begin
    update coinslot.endpoints e set
      url = coalesce(set_endpoint.url, e.url), name = coalesce(set_endpoint.name, e.name),
      types = case when set_endpoint.every_type then null
        else coalesce(set_endpoint.types, e.types) end,
      active = e.active or coalesce(set_endpoint.active, false),
      off_reason = case when not set_endpoint.active then 'operator'
        when set_endpoint.active then null else e.off_reason end,
      failing_since = case when set_endpoint.active is null then e.failing_since end,
      updated_at = clock_timestamp()
    where e.id = v_old.id returning e.* into v_endpoint;
  exception when check_violation then
    perform coinslot.fail(
      'invalid_argument', jsonb_build_object('argument', 'url', 'reason', sqlerrm)
    );
  end;
  perform coinslot.note_action(
    'endpoint_changed', v_old.id::text, set_endpoint.reason, jsonb_build_object(
      'from', jsonb_build_object('url', v_old.url, 'types', v_old.types, 'active', v_old.active),
      'to', jsonb_build_object(
        'url', v_endpoint.url, 'types', v_endpoint.types, 'active', v_endpoint.active
      )
    )
  );
  return coinslot.shown_endpoint(v_endpoint);
end
$$;
comment on function coinslot.set_endpoint(uuid, text, text, text[], boolean, boolean, text) is
'See public.coinslot_set_endpoint.';
revoke all on function coinslot.set_endpoint(uuid, text, text, text[], boolean, boolean, text)
from public;
grant execute on function coinslot.set_endpoint(uuid, text, text, text[], boolean, boolean, text)
to service_role;

create function public.coinslot_set_endpoint(
  id uuid, url text default null, name text default null, types text[] default null,
  every_type boolean default false, active boolean default null, reason text default ''
) returns public.coinslot_endpoint
language sql volatile set search_path = '' as $$
  select coinslot.set_endpoint(
    coinslot_set_endpoint.id, coinslot_set_endpoint.url, coinslot_set_endpoint.name,
    coinslot_set_endpoint.types, coinslot_set_endpoint.every_type, coinslot_set_endpoint.active,
    coinslot_set_endpoint.reason
  )
$$;
comment on function public.coinslot_set_endpoint(
  uuid, text, text, text[], boolean, boolean, text
) is
'Service: changes what is given of an endpoint, switches it on or off; every_type = of all types.';
revoke all on function public.coinslot_set_endpoint(
  uuid, text, text, text[], boolean, boolean, text
) from public, anon, authenticated, service_role;
grant execute on function public.coinslot_set_endpoint(
  uuid, text, text, text[], boolean, boolean, text
) to service_role;

create function coinslot.set_token_endpoint(
  id uuid, reason text, url text, name text, types text[], every_type boolean, active boolean
) returns public.coinslot_endpoint
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.require_owner(set_token_endpoint.reason);
  return coinslot.set_endpoint(
    set_token_endpoint.id, set_token_endpoint.url, set_token_endpoint.name,
    set_token_endpoint.types, set_token_endpoint.every_type, set_token_endpoint.active,
    set_token_endpoint.reason
  );
end
$$;
comment on function coinslot.set_token_endpoint(
  uuid, text, text, text, text[], boolean, boolean
) is 'See public.set_token_endpoint.';
revoke all on function coinslot.set_token_endpoint(
  uuid, text, text, text, text[], boolean, boolean
) from public;
grant execute on function coinslot.set_token_endpoint(
  uuid, text, text, text, text[], boolean, boolean
) to authenticated;

create function public.set_token_endpoint(
  id uuid, reason text, url text default null, name text default null,
  types text[] default null, every_type boolean default false, active boolean default null
) returns public.coinslot_endpoint
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.set_token_endpoint(
    set_token_endpoint.id, set_token_endpoint.reason, set_token_endpoint.url,
    set_token_endpoint.name, set_token_endpoint.types, set_token_endpoint.every_type,
    set_token_endpoint.active
  )
$$;
comment on function public.set_token_endpoint(
  uuid, text, text, text, text[], boolean, boolean
) is 'Operators, owner: the same as coinslot_set_endpoint, with a reason.';
revoke all on function public.set_token_endpoint(
  uuid, text, text, text, text[], boolean, boolean
) from public, anon, authenticated, service_role;
grant execute on function public.set_token_endpoint(
  uuid, text, text, text, text[], boolean, boolean
) to authenticated;

-- ---- trying and replaying ----

create function coinslot.test_endpoint(id uuid) returns text
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_endpoint coinslot.endpoints := coinslot.lock_endpoint(test_endpoint.id);
  v_event text;
begin
  if not v_endpoint.active then
    perform coinslot.fail('endpoint_off', jsonb_build_object('reason', v_endpoint.off_reason));
  end if;
  v_event := coinslot.emit(
    'endpoint.test', null, jsonb_build_object('endpoint_id', v_endpoint.id)
  );
  insert into coinslot.deliveries (endpoint_id, event_id) values (v_endpoint.id, v_event);
  return v_event;
end
$$;
comment on function coinslot.test_endpoint(uuid) is 'See public.coinslot_test_endpoint.';
revoke all on function coinslot.test_endpoint(uuid) from public;
grant execute on function coinslot.test_endpoint(uuid) to service_role;

create function public.coinslot_test_endpoint(id uuid) returns text
language sql volatile set search_path = '' as $$
  select coinslot.test_endpoint(coinslot_test_endpoint.id)
$$;
comment on function public.coinslot_test_endpoint(uuid) is
'Service: sends an endpoint an event of its own, endpoint.test; its id.';
revoke all on function public.coinslot_test_endpoint(uuid)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_test_endpoint(uuid) to service_role;

create function coinslot.test_token_endpoint(id uuid) returns text
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.require_operator('owner');
  return coinslot.test_endpoint(test_token_endpoint.id);
end
$$;
comment on function coinslot.test_token_endpoint(uuid) is 'See public.test_token_endpoint.';
revoke all on function coinslot.test_token_endpoint(uuid) from public;
grant execute on function coinslot.test_token_endpoint(uuid) to authenticated;

create function public.test_token_endpoint(id uuid) returns text
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.test_token_endpoint(test_token_endpoint.id)
$$;
comment on function public.test_token_endpoint(uuid) is
'Operators, owner: the same as coinslot_test_endpoint.';
revoke all on function public.test_token_endpoint(uuid)
from public, anon, authenticated, service_role;
grant execute on function public.test_token_endpoint(uuid) to authenticated;

-- By id one event, by time all of that time, of what the endpoint is told of or was; else what is
-- parked. What is to be sent anyway stays as it is.
create function coinslot.events_to_replay(
  endpoint coinslot.endpoints, event_id text, since timestamptz, until timestamptz, batch integer
) returns setof coinslot.outbox
language sql stable set search_path = '' set enable_seqscan = off as $$
  select o.* from coinslot.outbox o
  where o.type <> 'endpoint.test' and case
    when events_to_replay.event_id is not null then o.id = events_to_replay.event_id and (
      o.type = any (endpoint.types) or endpoint.types is null or exists (
        select from coinslot.deliveries t
        where t.endpoint_id = endpoint.id and t.event_id = o.id
      )
    )
    when events_to_replay.since is not null then
      o.created_at >= events_to_replay.since
      and o.created_at < coalesce(events_to_replay.until, 'infinity')
      and (o.type = any (endpoint.types) or endpoint.types is null)
    else o.id in (
      select p.event_id from coinslot.deliveries p
      where p.endpoint_id = endpoint.id and p.state = 'parked'
    )
  end
  order by o.created_at, o.id limit events_to_replay.batch
$$;
comment on function coinslot.events_to_replay(
  coinslot.endpoints, text, timestamptz, timestamptz, integer
) is 'What a replay sends again, the oldest first.';
revoke all on function coinslot.events_to_replay(
  coinslot.endpoints, text, timestamptz, timestamptz, integer
) from public;

-- So many in one call, which is limited in time: `next` is where to go on.
create function coinslot.replay_endpoint(
  id uuid, event_id text, since timestamptz, until timestamptz, reason text
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_endpoint coinslot.endpoints := coinslot.lock_endpoint(replay_endpoint.id);
  v_batch constant integer := 2000;
  v_done record;
begin
  if not v_endpoint.active then
    perform coinslot.fail('endpoint_off', jsonb_build_object('reason', v_endpoint.off_reason));
  end if;
  with chosen as materialized (
    select o.* from coinslot.events_to_replay(
      v_endpoint, replay_endpoint.event_id, replay_endpoint.since, replay_endpoint.until, v_batch
    ) o
  ), called as (
    insert into coinslot.deliveries as d (endpoint_id, event_id, user_id, seq)
    select v_endpoint.id, c.id, c.user_id, c.seq from chosen c order by c.created_at, c.id
    on conflict on constraint deliveries_endpoint_id_event_id_key do update set
      state = 'pending', attempts = 0, finished_at = null, next_attempt_at = clock_timestamp()
    where d.state <> 'pending'
    returning d.id
  )
  select
    (select count(*) from called) as deliveries, (select count(*) from chosen) as found,
    (select case when count(*) = v_batch then max(c.created_at) end from chosen c) as next
  into v_done;
  if replay_endpoint.event_id is not null and v_done.found = 0 then
    perform coinslot.fail('invalid_argument', '{"argument": "event_id", "reason": "not_told"}');
  end if;
  perform coinslot.note_action(
    'endpoint_replayed', v_endpoint.id::text, replay_endpoint.reason, jsonb_build_object(
      'event_id', replay_endpoint.event_id, 'since', replay_endpoint.since,
      'until', replay_endpoint.until, 'deliveries', v_done.deliveries
    )
  );
  return to_jsonb(v_done) - 'found';
end
$$;
comment on function coinslot.replay_endpoint(uuid, text, timestamptz, timestamptz, text) is
'See public.coinslot_replay_endpoint.';
revoke all on function coinslot.replay_endpoint(uuid, text, timestamptz, timestamptz, text)
from public;
grant execute on function coinslot.replay_endpoint(uuid, text, timestamptz, timestamptz, text)
to service_role;

create function public.coinslot_replay_endpoint(
  id uuid, event_id text default null, since timestamptz default null,
  until timestamptz default null, reason text default ''
) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.replay_endpoint(
    coinslot_replay_endpoint.id, coinslot_replay_endpoint.event_id,
    coinslot_replay_endpoint.since, coinslot_replay_endpoint.until,
    coinslot_replay_endpoint.reason
  )
$$;
comment on function public.coinslot_replay_endpoint(uuid, text, timestamptz, timestamptz, text) is
'Service: sends again one event, or all since a time, or with neither what is parked, so many in a
call: {deliveries, next}; next = since when the next call goes on, null = that was all.';
revoke all on function public.coinslot_replay_endpoint(
  uuid, text, timestamptz, timestamptz, text
) from public, anon, authenticated, service_role;
grant execute on function public.coinslot_replay_endpoint(
  uuid, text, timestamptz, timestamptz, text
) to service_role;

create function coinslot.replay_token_endpoint(
  id uuid, reason text, event_id text, since timestamptz, until timestamptz
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.require_owner(replay_token_endpoint.reason);
  return coinslot.replay_endpoint(
    replay_token_endpoint.id, replay_token_endpoint.event_id, replay_token_endpoint.since,
    replay_token_endpoint.until, replay_token_endpoint.reason
  );
end
$$;
comment on function coinslot.replay_token_endpoint(
  uuid, text, text, timestamptz, timestamptz
) is 'See public.replay_token_endpoint.';
revoke all on function coinslot.replay_token_endpoint(
  uuid, text, text, timestamptz, timestamptz
) from public;
grant execute on function coinslot.replay_token_endpoint(
  uuid, text, text, timestamptz, timestamptz
) to authenticated;

create function public.replay_token_endpoint(
  id uuid, reason text, event_id text default null, since timestamptz default null,
  until timestamptz default null
) returns jsonb
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.replay_token_endpoint(
    replay_token_endpoint.id, replay_token_endpoint.reason, replay_token_endpoint.event_id,
    replay_token_endpoint.since, replay_token_endpoint.until
  )
$$;
comment on function public.replay_token_endpoint(
  uuid, text, text, timestamptz, timestamptz
) is 'Operators, owner: the same as coinslot_replay_endpoint, with a reason.';
revoke all on function public.replay_token_endpoint(
  uuid, text, text, timestamptz, timestamptz
) from public, anon, authenticated, service_role;
grant execute on function public.replay_token_endpoint(
  uuid, text, text, timestamptz, timestamptz
) to authenticated;

-- ---- looking ----

create function coinslot.list_endpoints() returns setof public.coinslot_endpoint
language sql stable security definer set search_path = '' as $$
  select s.*
  from coinslot.endpoints e cross join lateral coinslot.shown_endpoint(e) s
  order by e.created_at, e.id
$$;
comment on function coinslot.list_endpoints() is 'See public.coinslot_list_endpoints.';
revoke all on function coinslot.list_endpoints() from public;
grant execute on function coinslot.list_endpoints() to service_role;

create function public.coinslot_list_endpoints() returns setof public.coinslot_endpoint
language sql stable set search_path = '' as $$
  select * from coinslot.list_endpoints()
$$;
comment on function public.coinslot_list_endpoints() is 'Service: all endpoints, without secrets.';
revoke all on function public.coinslot_list_endpoints()
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_list_endpoints() to service_role;

create function coinslot.list_token_endpoints() returns setof public.coinslot_endpoint
language plpgsql stable security definer set search_path = '' as $$
begin
  perform coinslot.require_operator('support', 'finance', 'owner');
  return query select * from coinslot.list_endpoints();
end
$$;
comment on function coinslot.list_token_endpoints() is 'See public.list_token_endpoints.';
revoke all on function coinslot.list_token_endpoints() from public;
grant execute on function coinslot.list_token_endpoints() to authenticated;

create function public.list_token_endpoints() returns setof public.coinslot_endpoint
language sql stable
set search_path = '' set statement_timeout = '1s' as $$
  select * from coinslot.list_token_endpoints()
$$;
comment on function public.list_token_endpoints() is
'Operators: the same as coinslot_list_endpoints.';
revoke all on function public.list_token_endpoints()
from public, anon, authenticated, service_role;
grant execute on function public.list_token_endpoints() to authenticated;

create function coinslot.list_deliveries(
  id uuid, state text, page_size integer, before bigint
) returns setof public.coinslot_delivery
language sql stable security definer set search_path = '' set enable_seqscan = off as $$
  select
    d.id, d.endpoint_id, d.event_id, o.type, d.user_id, d.seq, d.state, d.attempts,
    case when d.state = 'pending' then d.next_attempt_at end,
    d.status, d.error, d.answer, d.milliseconds, d.created_at, d.finished_at, o.created_at
  from coinslot.deliveries d
  inner join coinslot.outbox o on o.id = d.event_id
  where d.endpoint_id = list_deliveries.id
    and (list_deliveries.state is null or d.state = list_deliveries.state)
    and (list_deliveries.before is null or d.id < list_deliveries.before)
  order by d.id desc limit least(greatest(coalesce(list_deliveries.page_size, 50), 1), 500)
$$;
comment on function coinslot.list_deliveries(uuid, text, integer, bigint) is
'See public.coinslot_list_deliveries.';
revoke all on function coinslot.list_deliveries(uuid, text, integer, bigint) from public;
grant execute on function coinslot.list_deliveries(uuid, text, integer, bigint) to service_role;

create function public.coinslot_list_deliveries(
  id uuid, state text default null, page_size integer default 50, before bigint default null
) returns setof public.coinslot_delivery
language sql stable set search_path = '' as $$
  select * from coinslot.list_deliveries(
    coinslot_list_deliveries.id, coinslot_list_deliveries.state,
    coinslot_list_deliveries.page_size, coinslot_list_deliveries.before
  )
$$;
comment on function public.coinslot_list_deliveries(uuid, text, integer, bigint) is
'Service: what an endpoint was told, the latest first; before = the last id of the page before.';
revoke all on function public.coinslot_list_deliveries(uuid, text, integer, bigint)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_list_deliveries(uuid, text, integer, bigint)
to service_role;

create function coinslot.list_token_deliveries(
  id uuid, state text, page_size integer, before bigint
) returns setof public.coinslot_delivery
language plpgsql stable security definer set search_path = '' as $$
begin
  perform coinslot.require_operator('support', 'finance', 'owner');
  return query select * from coinslot.list_deliveries(
    list_token_deliveries.id, list_token_deliveries.state, list_token_deliveries.page_size,
    list_token_deliveries.before
  );
end
$$;
comment on function coinslot.list_token_deliveries(uuid, text, integer, bigint) is
'See public.list_token_deliveries.';
revoke all on function coinslot.list_token_deliveries(uuid, text, integer, bigint) from public;
grant execute on function coinslot.list_token_deliveries(uuid, text, integer, bigint)
to authenticated;

create function public.list_token_deliveries(
  id uuid, state text default null, page_size integer default 50, before bigint default null
) returns setof public.coinslot_delivery
language sql stable
set search_path = '' set statement_timeout = '1s' as $$
  select * from coinslot.list_token_deliveries(
    list_token_deliveries.id, list_token_deliveries.state, list_token_deliveries.page_size,
    list_token_deliveries.before
  )
$$;
comment on function public.list_token_deliveries(uuid, text, integer, bigint) is
'Operators: the same as coinslot_list_deliveries.';
revoke all on function public.list_token_deliveries(uuid, text, integer, bigint)
from public, anon, authenticated, service_role;
grant execute on function public.list_token_deliveries(uuid, text, integer, bigint)
to authenticated;

-- ---- what is over ----

create function coinslot.purge_events(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_before timestamptz := (select clock_timestamp() - s.keep_events from coinslot.settings s);
  v_ids text[] := array(
    select o.id from coinslot.outbox o
    where o.created_at < v_before and not exists (
      select from coinslot.deliveries d where d.event_id = o.id and d.state = 'pending'
    )
    order by o.created_at limit purge_events.batch
    for update skip locked
  );
begin
  delete from coinslot.outbox o where o.id = any (v_ids);
  return cardinality(v_ids);
end
$$;
comment on function coinslot.purge_events(integer) is
'Deletes old events with their deliveries; how many.';
revoke all on function coinslot.purge_events(integer) from public;
