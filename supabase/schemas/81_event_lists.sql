-- What operators read of events out, and do with endpoints. What an endpoint is told stands in
-- deliveries; an address is added, and its secret made, by the sidecar.

create function coinslot.endpoint_named(id text) returns coinslot.endpoints
language plpgsql stable set search_path = '' as $$
declare
  v_endpoint coinslot.endpoints;
begin
  if endpoint_named.id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    select e.* into v_endpoint from coinslot.endpoints e where e.id = endpoint_named.id::uuid;
  end if;
  if v_endpoint.id is null then
    perform coinslot.fail('endpoint_not_found', jsonb_build_object('id', left(id, 63)));
  end if;
  return v_endpoint;
end
$$;
comment on function coinslot.endpoint_named(text) is 'The endpoint of this id; PT404.';
revoke all on function coinslot.endpoint_named(text) from public;

create function coinslot.can_with_endpoints(operator coinslot.operators) returns jsonb
language sql immutable parallel safe set search_path = '' as $$
  select jsonb_object_agg(a, coinslot.may_do(operator, a))
  from unnest(array['set_endpoint', 'test_endpoint', 'replay_endpoint']) a
$$;
comment on function coinslot.can_with_endpoints(coinslot.operators) is
'What an operator may do with endpoints.';
revoke all on function coinslot.can_with_endpoints(coinslot.operators) from public;

-- There are twenty at the most.
create function coinslot.get_endpoints(operator coinslot.operators) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'endpoints', (
      select coalesce(jsonb_agg(
        to_jsonb(coinslot.shown_endpoint(e)) order by e.created_at, e.id
      ), '[]')
      from coinslot.endpoints e
    ),
    'types', (
      select jsonb_agg(t.type order by t.type) from coinslot.event_types t
      where t.type <> 'endpoint.test'
    ),
    'can', coinslot.can_with_endpoints(operator)
  )
$$;
comment on function coinslot.get_endpoints(coinslot.operators) is
'All endpoints, and the kinds of events that there are.';
revoke all on function coinslot.get_endpoints(coinslot.operators) from public;

create function coinslot.get_endpoint(operator coinslot.operators, id text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'endpoint', to_jsonb(coinslot.shown_endpoint(coinslot.endpoint_named(get_endpoint.id))),
    'actions', coinslot.actions_on(get_endpoint.id),
    'can', coinslot.can_with_endpoints(operator)
  )
$$;
comment on function coinslot.get_endpoint(coinslot.operators, text) is
'An endpoint, and what operators did with it.';
revoke all on function coinslot.get_endpoint(coinslot.operators, text) from public;

create function coinslot.delivery_item(delivery coinslot.deliveries, event coinslot.outbox)
returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', delivery.id, 'endpoint_id', delivery.endpoint_id, 'event_id', event.id,
    'type', event.type, 'user_id', delivery.user_id, 'seq', delivery.seq,
    'state', delivery.state, 'tries', delivery.attempts, 'next_try_at', case
      when delivery.state = 'pending' then delivery.next_attempt_at end,
    'status', delivery.status, 'error', delivery.error, 'answer', delivery.answer,
    'milliseconds', delivery.milliseconds, 'happened_at', event.created_at,
    'finished_at', delivery.finished_at, 'cursor', delivery.id::text
  )
$$;
comment on function coinslot.delivery_item(coinslot.deliveries, coinslot.outbox) is
'A delivery as a line of a list.';
revoke all on function coinslot.delivery_item(coinslot.deliveries, coinslot.outbox) from public;

create function coinslot.list_deliveries_of(
  filters jsonb, after text, page_size integer
) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_bitmapscan = off set plan_cache_mode = force_custom_plan as $$
declare
  v_before bigint := coinslot.read_number(list_deliveries_of.after);
  v_endpoint coinslot.endpoints;
  v_items jsonb;
  v_last text;
begin
  perform coinslot.check_filters(
    list_deliveries_of.filters, array['endpoint', 'state', 'event', 'type']
  );
  v_endpoint := coinslot.endpoint_named(list_deliveries_of.filters ->> 'endpoint');
  with walk as materialized (
    select d.* from coinslot.deliveries d
    where d.endpoint_id between v_endpoint.id and v_endpoint.id and d.id < v_before
    order by d.endpoint_id desc, d.id desc
    limit coinslot.walk_for(filters - 'endpoint', page_size)
  ), found as materialized (
    select w.id, coinslot.delivery_item(w.*, o) as item from walk w
    inner join coinslot.outbox o on o.id = w.event_id
    where (not filters ? 'state' or w.state = filters ->> 'state')
      and (not filters ? 'event' or w.event_id = filters ->> 'event')
      and (not filters ? 'type' or o.type = filters ->> 'type')
    order by w.id desc limit list_deliveries_of.page_size + 1
  )
  select jsonb_agg(f.item order by f.id desc), (
    select min(w.id)::text from walk w having count(*) = coinslot.walk_length()
  ) into v_items, v_last from found f;
  return coinslot.page_of(v_items, list_deliveries_of.page_size, v_last);
end
$$;
comment on function coinslot.list_deliveries_of(jsonb, text, integer) is
'What an endpoint was told, newest first.';
revoke all on function coinslot.list_deliveries_of(jsonb, text, integer) from public;

create function coinslot.get_delivery(operator coinslot.operators, id text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_delivery coinslot.deliveries;
begin
  select d.* into v_delivery from coinslot.deliveries d
  where d.id = case when get_delivery.id ~ '^[0-9]{1,15}$' then get_delivery.id::bigint end;
  if not found then
    perform coinslot.fail('unknown_id', '{"what": "delivery"}');
  end if;
  return (
    select jsonb_build_object(
      'delivery', coinslot.delivery_item(v_delivery, o),
      'body', coinslot.event_body(o)::jsonb,
      'endpoint', to_jsonb(coinslot.shown_endpoint(e)),
      'can', coinslot.can_with_endpoints(operator)
    )
    from coinslot.outbox o cross join coinslot.endpoints e
    where o.id = v_delivery.event_id and e.id = v_delivery.endpoint_id
  );
end
$$;
comment on function coinslot.get_delivery(coinslot.operators, text) is
'A delivery with what is sent, and to whom.';
revoke all on function coinslot.get_delivery(coinslot.operators, text) from public;

create function coinslot.texts_argument(arguments jsonb, name text) returns text[]
language plpgsql immutable set search_path = '' as $$
begin
  if coalesce(jsonb_typeof(arguments -> texts_argument.name), 'null') = 'null' then
    return null;
  elsif jsonb_typeof(arguments -> texts_argument.name) <> 'array' then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', texts_argument.name));
  end if;
  return array(select jsonb_array_elements_text(arguments -> texts_argument.name));
end
$$;
comment on function coinslot.texts_argument(jsonb, text) is
'An argument that is a list of texts, or null where it is not given.';
revoke all on function coinslot.texts_argument(jsonb, text) from public;

create function coinslot.act_on_endpoint(
  action text, id text, reason text, arguments jsonb
) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_endpoint coinslot.endpoints := coinslot.endpoint_named(act_on_endpoint.id);
  v_event text;
begin
  if act_on_endpoint.action = 'test_endpoint' then
    v_event := coinslot.test_endpoint(v_endpoint.id);
    perform coinslot.note_action('endpoint_tested', v_endpoint.id::text, act_on_endpoint.reason,
      jsonb_build_object('event_id', v_event));
    return jsonb_build_object('event_id', v_event);
  elsif act_on_endpoint.action = 'replay_endpoint' then
    return coinslot.replay_endpoint(
      v_endpoint.id, arguments ->> 'event_id', coinslot.time_argument(arguments, 'since'),
      coinslot.time_argument(arguments, 'until'), act_on_endpoint.reason
    );
  end if;
  if jsonb_typeof(arguments -> 'active') not in ('boolean', 'null') then
    perform coinslot.fail('invalid_argument', '{"argument": "active"}');
  end if;
  return to_jsonb(coinslot.set_endpoint(
    v_endpoint.id, arguments ->> 'url', arguments ->> 'name',
    coinslot.texts_argument(arguments, 'types'), arguments -> 'every_type' = 'true',
    (arguments ->> 'active')::boolean, act_on_endpoint.reason
  ));
end
$$;
comment on function coinslot.act_on_endpoint(text, text, text, jsonb) is
'Changes, tries or replays an endpoint on the word of an operator.';
revoke all on function coinslot.act_on_endpoint(text, text, text, jsonb) from public;
