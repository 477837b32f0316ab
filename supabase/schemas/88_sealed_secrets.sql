-- Secrets that servers have sealed: read and sealed anew, so that a key can be taken out of use.
--
-- A secret is replaced only where it still is what was read: whoever seals another meanwhile has
-- sealed it with a key of today.

create function coinslot.sealed_secrets() returns table (
  place text, owner uuid, sealed text
)
language sql stable set search_path = '' as $$
  select 'billing_key', k.id, k.sealed from coinslot.billing_keys k where k.sealed is not null
  union all
  select 'endpoint', e.id, e.secret from coinslot.endpoints e
  union all
  -- One whose time is over signs nothing any more.
  select 'endpoint_old', e.id, e.old_secret from coinslot.endpoints e
  where e.old_secret_until > clock_timestamp()
$$;
comment on function coinslot.sealed_secrets() is 'All that servers have sealed and still open.';
revoke all on function coinslot.sealed_secrets() from public;

create function coinslot.list_sealed(key_id text, after jsonb, page_size integer) returns jsonb
language sql stable security definer set search_path = '' as $$
  with others as materialized (
    select s.place, s.owner, s.sealed from coinslot.sealed_secrets() s
    where split_part(s.sealed, '.', 2) is distinct from list_sealed.key_id
  ), page as (
    select o.* from others o
    where list_sealed.after is null
      or (o.place, o.owner) > (list_sealed.after ->> 'place', (list_sealed.after ->> 'owner')::uuid)
    order by o.place, o.owner
    limit least(greatest(coalesce(list_sealed.page_size, 100), 1), 1000)
  )
  select jsonb_build_object(
    'left', (select count(*) from others),
    'items', (
      select coalesce(jsonb_agg(to_jsonb(p) order by p.place, p.owner), '[]') from page p
    )
  )
$$;
comment on function coinslot.list_sealed(text, jsonb, integer) is
'See public.coinslot_list_sealed.';
revoke all on function coinslot.list_sealed(text, jsonb, integer) from public;
grant execute on function coinslot.list_sealed(text, jsonb, integer) to service_role;

create function public.coinslot_list_sealed(
  key_id text, after jsonb default null, page_size integer default 100
) returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.list_sealed(
    coinslot_list_sealed.key_id, coinslot_list_sealed.after, coinslot_list_sealed.page_size
  )
$$;
comment on function public.coinslot_list_sealed(text, jsonb, integer) is
'Service: secrets that are sealed with another key than this: {left, items}, where an item has
place, owner and sealed; after = the last item of the page before.';
revoke all on function public.coinslot_list_sealed(text, jsonb, integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_list_sealed(text, jsonb, integer) to service_role;

create function coinslot.reseal_one(place text, owner uuid, before text, sealed text)
returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  if (reseal_one.sealed ~ '^v1\.') is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "sealed"}');
  end if;
  case place
    when 'billing_key' then
      update coinslot.billing_keys k set sealed = reseal_one.sealed
      where k.id = reseal_one.owner and k.sealed = reseal_one.before;
    when 'endpoint' then
      update coinslot.endpoints e set secret = reseal_one.sealed
      where e.id = reseal_one.owner and e.secret = reseal_one.before;
    when 'endpoint_old' then
      update coinslot.endpoints e set old_secret = reseal_one.sealed
      where e.id = reseal_one.owner and e.old_secret = reseal_one.before;
    else
      perform coinslot.fail('invalid_argument', '{"argument": "place"}');
  end case;
  return found;
end
$$;
comment on function coinslot.reseal_one(text, uuid, text, text) is
'Puts a secret in the place of the same one under another key; false where it changed meanwhile.';
revoke all on function coinslot.reseal_one(text, uuid, text, text) from public;

create function coinslot.reseal(items jsonb) returns bigint
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_item jsonb;
  v_count bigint := 0;
begin
  if jsonb_typeof(reseal.items) is distinct from 'array'
    or jsonb_array_length(reseal.items) > 1000
  then
    perform coinslot.fail('invalid_argument', '{"argument": "items"}');
  end if;
  for v_item in
    select i.value from jsonb_array_elements(reseal.items) i
    order by i.value ->> 'place', i.value ->> 'owner'
  loop
    v_count := v_count + coinslot.reseal_one(
      v_item ->> 'place', (v_item ->> 'owner')::uuid, v_item ->> 'before', v_item ->> 'sealed'
    )::integer;
  end loop;
  return v_count;
end
$$;
comment on function coinslot.reseal(jsonb) is 'See public.coinslot_reseal.';
revoke all on function coinslot.reseal(jsonb) from public;
grant execute on function coinslot.reseal(jsonb) to service_role;

create function public.coinslot_reseal(items jsonb) returns bigint
language sql volatile set search_path = '' as $$
  select coinslot.reseal(coinslot_reseal.items)
$$;
comment on function public.coinslot_reseal(jsonb) is
'Service: secrets sealed anew, each as place, owner, before and sealed; how many were still as
before.';
revoke all on function public.coinslot_reseal(jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_reseal(jsonb) to service_role;
