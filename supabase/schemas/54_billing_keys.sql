-- Stored methods: what a gateway gives to charge a card again. The server encrypts it, and keeps
-- the key for that in its settings; here is only what it made of it. People see brand and digits.

create table coinslot.billing_keys (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  gateway text not null,
  live boolean not null,
  status text not null default 'begun',
  customer text collate "C" not null default gen_random_uuid()::text,
  sealed text collate "C",
  key_hash text collate "C",
  brand text,
  last_four text,
  created_at timestamptz not null default clock_timestamp(),
  added_at timestamptz,
  broken_at timestamptz,
  removed_at timestamptz,
  forget_at timestamptz,
  forget_tries integer not null default 0,
  card_hash text collate "C",
  constraint billing_keys_pkey primary key (id),
  constraint billing_keys_gateway_fkey foreign key (gateway)
  references coinslot.gateways (id) on delete restrict,
  constraint billing_keys_status_known check (status in ('begun', 'active', 'removed')),
  constraint billing_keys_active_has_key check (status <> 'active' or sealed is not null)
);
comment on table coinslot.billing_keys is 'Methods that people have stored, as gateways know them.';
comment on column coinslot.billing_keys.customer is
'Our name for it at the gateway: nobody can guess it.';
comment on column coinslot.billing_keys.sealed is
'What a charge needs, encrypted by the server, with the id of the key that it used.';
comment on column coinslot.billing_keys.key_hash is
'Of the gateway''s key: nobody stores it twice.';
comment on column coinslot.billing_keys.broken_at is
'The gateway refuses it for good: it is charged no more.';
comment on column coinslot.billing_keys.forget_at is
'When the gateway is next asked to forget it; null = it need not, or it has.';
comment on column coinslot.billing_keys.card_hash is
'Of the card, by whatever key it was stored, where the gateway tells which card it is.';
create index billing_keys_user_id on coinslot.billing_keys (user_id, created_at);
create unique index billing_keys_key_hash on coinslot.billing_keys (gateway, key_hash)
where status = 'active';
create index billing_keys_forget on coinslot.billing_keys (forget_at) where forget_at is not null;
alter table coinslot.billing_keys enable row level security;
revoke all on table coinslot.billing_keys from anon, authenticated, service_role;
create policy "Nobody reads stored methods through the API" on coinslot.billing_keys
for select to anon, authenticated using (false);

create function coinslot.require_unattended(gateway text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if not exists (
    select from coinslot.gateways g
    where g.id = require_unattended.gateway and g.active and g.unattended <> 'none'
  ) then
    perform coinslot.fail('not_unattended', jsonb_build_object(
      'gateway', left(require_unattended.gateway, 31), 'allowed', (
        select coalesce(jsonb_agg(g.id order by g.id), '[]') from coinslot.gateways g
        where g.active and g.unattended <> 'none'
      )
    ));
  end if;
end
$$;
comment on function coinslot.require_unattended(text) is
'PT409 unless the shop may charge stored methods at this gateway.';
revoke all on function coinslot.require_unattended(text) from public;

-- Ten in an hour: each opens a window at a gateway.
create function coinslot.begin_method(gateway text) returns jsonb
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_method coinslot.billing_keys;
begin
  perform coinslot.check_open(coinslot.lock_wallet(v_user_id));
  perform coinslot.check_buyer(v_user_id);
  perform coinslot.require_unattended(begin_method.gateway);
  if (
    select count(*) >= 10 from coinslot.billing_keys k
    where k.user_id = v_user_id and k.created_at > clock_timestamp() - interval '1 hour'
  ) then
    perform coinslot.fail('too_many_methods', '{"max_per_hour": 10, "retry_after": 3600}');
  end if;
  insert into coinslot.billing_keys (user_id, gateway, live)
  values (v_user_id, begin_method.gateway, coinslot.is_live())
  returning * into v_method;
  return jsonb_build_object(
    'id', v_method.id, 'gateway', v_method.gateway, 'customer', v_method.customer
  );
end
$$;
comment on function coinslot.begin_method(text) is 'See public.begin_token_method.';
revoke all on function coinslot.begin_method(text) from public;
grant execute on function coinslot.begin_method(text) to authenticated;

create function public.begin_token_method(gateway text) returns jsonb
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.begin_method(begin_token_method.gateway)
$$;
comment on function public.begin_token_method(text) is
'Begins to store a method of the signed-in user at a gateway: {id, gateway, customer}.';
revoke all on function public.begin_token_method(text)
from public, anon, authenticated, service_role;
grant execute on function public.begin_token_method(text) to authenticated;

create function coinslot.get_method(method_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_method coinslot.billing_keys;
begin
  select k.* into v_method from coinslot.billing_keys k
  where k.id = get_method.method_id and k.user_id = v_user_id
    and k.status <> 'removed';
  if not found then
    perform coinslot.fail('method_not_found');
  end if;
  return jsonb_build_object(
    'id', v_method.id, 'gateway', v_method.gateway, 'customer', v_method.customer,
    'status', v_method.status, 'brand', v_method.brand, 'last_four', v_method.last_four
  );
end
$$;
comment on function coinslot.get_method(uuid) is 'See public.get_token_method.';
revoke all on function coinslot.get_method(uuid) from public;
grant execute on function coinslot.get_method(uuid) to authenticated;

create function public.get_token_method(method_id uuid) returns jsonb
language sql stable
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.get_method(get_token_method.method_id)
$$;
comment on function public.get_token_method(uuid) is
'A method of the signed-in user, stored or begun: {id, gateway, customer, status, brand,
last_four}.';
revoke all on function public.get_token_method(uuid)
from public, anon, authenticated, service_role;
grant execute on function public.get_token_method(uuid) to authenticated;

-- At some gateways all methods of a person belong to one customer.
create function coinslot.earlier_method(method_id uuid) returns jsonb
language sql stable security definer
set search_path = '' set enable_seqscan = off as $$
  select jsonb_build_object('id', k.id, 'sealed', k.sealed)
  from coinslot.billing_keys n
  inner join coinslot.billing_keys k on k.user_id = n.user_id and k.gateway = n.gateway
    and k.live = n.live and k.status = 'active'
  where n.id = earlier_method.method_id and k.id <> n.id
  order by k.added_at desc limit 1
$$;
comment on function coinslot.earlier_method(uuid) is 'See public.coinslot_earlier_method.';
revoke all on function coinslot.earlier_method(uuid) from public;
grant execute on function coinslot.earlier_method(uuid) to service_role;

create function public.coinslot_earlier_method(method_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.earlier_method(coinslot_earlier_method.method_id)
$$;
comment on function public.coinslot_earlier_method(uuid) is
'Service: {id, sealed} of the method that its owner stored last at the same gateway, or null.';
revoke all on function public.coinslot_earlier_method(uuid)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_earlier_method(uuid) to service_role;

-- Called again it changes nothing: the answer may have been lost. One gateway's key is stored once.
create function coinslot.finish_method(
  method_id uuid, sealed text, key_hash text, brand text, last_four text, fingerprint text
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_method coinslot.billing_keys;
begin
  if num_nulls(finish_method.sealed, finish_method.key_hash) > 0 then
    perform coinslot.fail('invalid_argument', '{"argument": "sealed"}');
  end if;
  update coinslot.billing_keys k set
    status = 'active', sealed = finish_method.sealed, key_hash = finish_method.key_hash,
    brand = left(finish_method.brand, 40), last_four = right(finish_method.last_four, 4),
    card_hash = (
      select encode(sha256(convert_to(
        s.identity_salt || k.gateway || ' ' || left(finish_method.fingerprint, 200), 'UTF8'
      )), 'hex')
      from coinslot.settings s where s.id and finish_method.fingerprint <> ''
    ), added_at = clock_timestamp()
  where k.id = finish_method.method_id and k.status = 'begun'
  returning k.* into v_method;
  if not found then
    select k.* into v_method from coinslot.billing_keys k
    where k.id = finish_method.method_id and k.status = 'active';
    if not found then
      perform coinslot.fail('method_not_found');
    end if;
  end if;
  return jsonb_build_object(
    'id', v_method.id, 'gateway', v_method.gateway, 'status', v_method.status,
    'brand', v_method.brand, 'last_four', v_method.last_four
  );
exception when unique_violation then
  perform coinslot.fail('method_taken');
  return null;
end
$$;
comment on function coinslot.finish_method(uuid, text, text, text, text, text) is
'See public.coinslot_finish_method.';
revoke all on function coinslot.finish_method(uuid, text, text, text, text, text) from public;
grant execute on function coinslot.finish_method(uuid, text, text, text, text, text)
to service_role;

create function public.coinslot_finish_method(
  method_id uuid, sealed text, key_hash text, brand text default null,
  last_four text default null, fingerprint text default null
) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.finish_method(
    coinslot_finish_method.method_id, coinslot_finish_method.sealed,
    coinslot_finish_method.key_hash, coinslot_finish_method.brand,
    coinslot_finish_method.last_four, coinslot_finish_method.fingerprint
  )
$$;
comment on function public.coinslot_finish_method(uuid, text, text, text, text, text) is
'Service: keeps what a gateway gave for a method that was begun, encrypted. fingerprint: by which
the gateway knows the card again.';
revoke all on function public.coinslot_finish_method(uuid, text, text, text, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_finish_method(uuid, text, text, text, text, text)
to service_role;

create function coinslot.list_methods() returns setof jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'id', k.id, 'gateway', k.gateway, 'brand', k.brand, 'last_four', k.last_four,
    'broken', k.broken_at is not null, 'added_at', k.added_at
  )
  from coinslot.billing_keys k
  where k.user_id = coinslot.current_user_id() and k.status = 'active'
  order by k.added_at desc
$$;
comment on function coinslot.list_methods() is 'See public.list_token_methods.';
revoke all on function coinslot.list_methods() from public;
grant execute on function coinslot.list_methods() to authenticated;

create function public.list_token_methods() returns setof jsonb
language sql stable
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.list_methods()
$$;
comment on function public.list_token_methods() is
'Stored methods of the signed-in user, newest first: {id, gateway, brand, last_four, broken,
added_at}.';
revoke all on function public.list_token_methods()
from public, anon, authenticated, service_role;
grant execute on function public.list_token_methods() to authenticated;

create function coinslot.drop_method(method_id uuid) returns void
language sql volatile set search_path = '' as $$
  update coinslot.billing_keys k set
    status = 'removed', removed_at = clock_timestamp(),
    forget_at = case when k.sealed is not null then clock_timestamp() end
  where k.id = drop_method.method_id and k.status <> 'removed'
$$;
comment on function coinslot.drop_method(uuid) is
'Removes a method, and has the gateway forget it.';
revoke all on function coinslot.drop_method(uuid) from public;

create function coinslot.forget_wait(tries integer) returns interval
language sql immutable parallel safe set search_path = '' as $$
  select (
    '{1 minute,5 minutes,30 minutes,2 hours,6 hours,12 hours,1 day,1 day}'::interval[]
  )[forget_wait.tries + 1]
$$;
comment on function coinslot.forget_wait(integer) is
'Time to the next try at having a method forgotten; null once it was tried often enough.';
revoke all on function coinslot.forget_wait(integer) from public;

create function coinslot.claim_forgets(gateways text[], batch integer) returns setof jsonb
language sql volatile security definer
set search_path = '' set enable_seqscan = off as $$
  with due as materialized (
    select k.id from coinslot.billing_keys k
    where k.forget_at <= clock_timestamp() and k.gateway = any (claim_forgets.gateways)
      and k.live = coinslot.is_live()
    order by k.forget_at limit least(greatest(claim_forgets.batch, 1), 1000)
    for update skip locked
  ), claimed as (
    update coinslot.billing_keys k set
      forget_tries = k.forget_tries + 1,
      forget_at = clock_timestamp() + coinslot.forget_wait(k.forget_tries)
    from due where k.id = due.id
    returning k.*
  )
  select jsonb_build_object(
    'id', c.id, 'gateway', c.gateway, 'customer', c.customer, 'sealed', c.sealed
  )
  from claimed c
$$;
comment on function coinslot.claim_forgets(text[], integer) is
'See public.coinslot_claim_forgets.';
revoke all on function coinslot.claim_forgets(text[], integer) from public;
grant execute on function coinslot.claim_forgets(text[], integer) to service_role;

create function public.coinslot_claim_forgets(gateways text[], batch integer default 20)
returns jsonb[]
language sql volatile set search_path = '' as $$
  select array(select coinslot.claim_forgets(
    coinslot_claim_forgets.gateways, coinslot_claim_forgets.batch
  ))
$$;
comment on function public.coinslot_claim_forgets(text[], integer) is
'Service: removed methods that gateways have yet to forget, leased to the caller.';
revoke all on function public.coinslot_claim_forgets(text[], integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_forgets(text[], integer) to service_role;

-- What could be charged is kept no longer than it has to be.
create function coinslot.finish_forget(method_id uuid) returns void
language sql volatile security definer set search_path = '' as $$
  update coinslot.billing_keys k set
    forget_at = null, sealed = null, key_hash = null, card_hash = null
  where k.id = finish_forget.method_id and k.status = 'removed'
$$;
comment on function coinslot.finish_forget(uuid) is 'See public.coinslot_finish_forget.';
revoke all on function coinslot.finish_forget(uuid) from public;
grant execute on function coinslot.finish_forget(uuid) to service_role;

create function public.coinslot_finish_forget(method_id uuid) returns void
language sql volatile set search_path = '' as $$
  select coinslot.finish_forget(coinslot_finish_forget.method_id)
$$;
comment on function public.coinslot_finish_forget(uuid) is
'Service: the gateway has forgotten a method, and so does the database.';
revoke all on function public.coinslot_finish_forget(uuid)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_finish_forget(uuid) to service_role;
