-- Housekeeping: what the clock decides, and what needs a person.

-- Not what is awaited without an account: payment_facts says why.
create function coinslot.expire_orders(batch integer) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_count bigint;
begin
  with due as (
    select p.id, p.status
    from public.token_payments p
    where p.status in ('pending', 'awaiting_deposit', 'failed')
      and p.expires_at <= clock_timestamp()
      and (p.status <> 'awaiting_deposit' or p.virtual_account is not null)
    order by p.expires_at limit expire_orders.batch
    for update skip locked
  ), expired as (
    update public.token_payments p
    set status = 'expired', expired_at = clock_timestamp(), updated_at = clock_timestamp()
    from due where p.id = due.id
    returning p.id, p.user_id, p.payment_key, due.status as from_status
  ), events as (
    insert into public.token_payment_events (
      payment_id, user_id, from_status, to_status, source, payment_key
    )
    select e.id, e.user_id, e.from_status, 'expired', 'clock', e.payment_key from expired e
    returning id
  )
  select count(*) into v_count from events;
  return v_count;
end
$$;
comment on function coinslot.expire_orders(integer) is 'Expires unpaid orders; how many.';
revoke all on function coinslot.expire_orders(integer) from public;

-- Wallets in use are skipped: whoever has one locked sweeps it, or the next run will.
create function coinslot.expire_holds(batch integer) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets;
  v_wallets bigint := 0;
begin
  for v_wallet in
    select w.* from public.token_wallets w
    where w.user_id in (
      select h.user_id from coinslot.token_holds h
      where h.status = 'held' and h.expires_at < 'infinity'
        and h.expires_at <= clock_timestamp()
      order by h.expires_at limit expire_holds.batch
    )
    order by w.user_id for update skip locked
  loop
    perform coinslot.fold_if_due(v_wallet, coinslot.wallet_time(v_wallet));
    v_wallets := v_wallets + 1;
  end loop;
  return v_wallets;
end
$$;
comment on function coinslot.expire_holds(integer) is 'Sweeps expired holds; wallets swept.';
revoke all on function coinslot.expire_holds(integer) from public;

create function coinslot.run_maintenance(batch integer) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  if (run_maintenance.batch between 1 and 10000) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "batch", "min": 1, "max": 10000}');
  end if;
  return jsonb_build_object(
    'orders_expired', coinslot.expire_orders(run_maintenance.batch),
    'wallets_swept', coinslot.expire_holds(run_maintenance.batch),
    'wallets_expired', coinslot.expire_tokens(run_maintenance.batch),
    'purged', coinslot.purge(run_maintenance.batch),
    'wallets_with_lots', coinslot.backfill_lots(run_maintenance.batch),
    'wallets_told', coinslot.spread_refills(run_maintenance.batch),
    'referrals_settled', coinslot.settle_referrals(run_maintenance.batch),
    'deposits_told', coinslot.remind_of_deposits(run_maintenance.batch),
    'expiries_told', coinslot.remind_of_expiry(run_maintenance.batch),
    'renewals_told', coinslot.remind_of_renewals('month', run_maintenance.batch)
      + coinslot.remind_of_renewals('year', run_maintenance.batch)
      + coinslot.remind_of_renewals('trial', run_maintenance.batch)
      + coinslot.ask_for_prices(run_maintenance.batch),
    'wallets_armed', coinslot.arm_wallets(run_maintenance.batch),
    'events_purged', coinslot.purge_events(run_maintenance.batch),
    'exports_purged', coinslot.purge_exports(run_maintenance.batch),
    'prices_begun', coinslot.begin_prices(run_maintenance.batch),
    'summed', coinslot.sum_reports(run_maintenance.batch)
  );
end
$$;
comment on function coinslot.run_maintenance(integer) is 'See public.coinslot_run_maintenance.';
revoke all on function coinslot.run_maintenance(integer) from public;
grant execute on function coinslot.run_maintenance(integer) to service_role;

create function public.coinslot_run_maintenance(batch integer default 500) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.run_maintenance(coinslot_run_maintenance.batch)
$$;
comment on function public.coinslot_run_maintenance(integer) is
'Service: expires orders, holds and tokens, deletes what was kept long enough, tells wallets of new
rules, rewards referrals, tells ahead of what is due, and adds up reports; {orders_expired,
wallets_swept, wallets_expired, purged, wallets_with_lots, wallets_told, referrals_settled,
deposits_told, expiries_told, renewals_told, wallets_armed, events_purged, exports_purged,
prices_begun, summed}.';
revoke all on function public.coinslot_run_maintenance(integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_run_maintenance(integer) to service_role;

-- Where pg_cron is installed the database keeps itself; the sidecar does the same work in any case.
-- Installed later: call it once, as the owner. The command is text to pg_cron, and its functions
-- are not there to be checked where it is not.
create function coinslot.schedule_maintenance() returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  if not exists (select from pg_catalog.pg_extension e where e.extname = 'pg_cron') then
    return false;
  end if;
  execute format(
    'select cron.schedule(%L, %L, %L)',
    'coinslot maintenance', '* * * * *', 'select coinslot.run_maintenance(500)'
  );
  return true;
end
$$;
comment on function coinslot.schedule_maintenance() is
'Has pg_cron run the maintenance every minute; false without pg_cron.';
revoke all on function coinslot.schedule_maintenance() from public;

-- The functions tell a server that is older or newer than the migrations what it would miss.
-- The shop, as its store shows it. Currencies are those in which something is on sale; a store has
-- a field for codes where there are any, and a page to invite where that is rewarded.
create function coinslot.get_shop() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'business', s.business, 'links', s.links, 'refund_days', s.refund_days,
    'currencies', coalesce((
      select jsonb_agg(c.currency order by c.products desc, c.currency collate "C")
      from (
        select o.currency, count(*) as products from public.token_offers o group by o.currency
      ) c
    ), '[]'),
    'max_quantity', s.max_quantity,
    'takes_codes', exists (
      select from coinslot.promotions p
      where p.active and (p.ends_at is null or p.ends_at > statement_timestamp())
    ),
    'invitations', jsonb_build_object('reward', s.referral_reward, 'bonus', s.referral_bonus),
    'cash_receipts', s.cash_receipts,
    'plans', jsonb_build_object(
      'gateways', coalesce((
        select jsonb_agg(g.id order by g.id) from coinslot.gateways g
        where g.active and g.unattended <> 'none'
      ), '[]'),
      'at_will', coalesce((
        select jsonb_agg(g.id order by g.id) from coinslot.gateways g
        where g.active and g.unattended = 'at_will' and s.auto_top_up
      ), '[]'),
      'currencies', coalesce((
        select jsonb_agg(distinct o.currency) from public.token_plan_offers o
      ), '[]')
    )
  )
  from coinslot.settings s where s.id
$$;
comment on function coinslot.get_shop() is
'Who sells, under which terms, in which currencies, and where plans and top-ups are.';
revoke all on function coinslot.get_shop() from public;

create function coinslot.get_settings() returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'mode', s.mode, 'signup_bonus', s.signup_bonus, 'max_open_orders', s.max_open_orders,
    'max_hold_seconds', s.max_hold_seconds,
    'order_lifetime_seconds', extract(epoch from s.order_lifetime)::bigint,
    'now', extract(epoch from now()),
    'schema_version', coinslot.schema_version(), 'oldest_sidecar', coinslot.oldest_sidecar(),
    'gateways', (select jsonb_agg(g.id order by g.id) from coinslot.gateways g),
    'rpcs', (
      select jsonb_agg(p.proname order by p.proname) from pg_catalog.pg_proc p
      where p.pronamespace = 'public'::regnamespace and strpos(p.prosrc, 'coinslot.') > 0
        and (
          has_function_privilege('authenticated', p.oid, 'execute')
          or has_function_privilege('service_role', p.oid, 'execute')
        )
    ),
    'shop', coinslot.get_shop()
  )
  from coinslot.settings s
$$;
comment on function coinslot.get_settings() is 'See public.coinslot_get_settings.';
revoke all on function coinslot.get_settings() from public;
grant execute on function coinslot.get_settings() to service_role;

create function public.coinslot_get_settings() returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.get_settings()
$$;
comment on function public.coinslot_get_settings() is 'Service: mode and limits of this database.';
revoke all on function public.coinslot_get_settings()
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_get_settings() to service_role;

create function coinslot.list_discrepancies(page_size integer, before bigint)
returns setof coinslot.discrepancies
language sql stable security definer set search_path = '' as $$
  select d.* from coinslot.discrepancies d
  where d.resolved_at is null
    and d.id < coalesce(list_discrepancies.before, coinslot.max_amount())
  order by d.id desc
  limit least(greatest(coalesce(list_discrepancies.page_size, 100), 1), 1000)
$$;
comment on function coinslot.list_discrepancies(integer, bigint) is
'See public.coinslot_list_discrepancies.';
revoke all on function coinslot.list_discrepancies(integer, bigint) from public;
grant execute on function coinslot.list_discrepancies(integer, bigint) to service_role;

create function public.coinslot_list_discrepancies(
  page_size integer default 100, before bigint default null
) returns setof coinslot.discrepancies
language sql stable set search_path = '' as $$
  select * from coinslot.list_discrepancies(
    coinslot_list_discrepancies.page_size, coinslot_list_discrepancies.before
  )
$$;
comment on function public.coinslot_list_discrepancies(integer, bigint) is
'Service: open discrepancies, newest first; before = the last id of the page before.';
revoke all on function public.coinslot_list_discrepancies(integer, bigint)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_list_discrepancies(integer, bigint) to service_role;

-- A person has dealt with it. Nothing else changes, and nothing is hidden: should something new be
-- told of the same money, or an audit find it again, it is shown again.
create function coinslot.resolve_discrepancy(discrepancy_id bigint, resolution text)
returns coinslot.discrepancies
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_discrepancy coinslot.discrepancies;
begin
  perform coinslot.check_text('resolution', resolve_discrepancy.resolution, 500);
  if btrim(resolve_discrepancy.resolution) = '' then
    perform coinslot.fail('invalid_argument', '{"argument": "resolution", "min_length": 1}');
  end if;
  update coinslot.discrepancies d
  set resolved_at = clock_timestamp(), resolution = resolve_discrepancy.resolution
  where d.id = resolve_discrepancy.discrepancy_id and d.resolved_at is null
  returning d.* into v_discrepancy;
  if not found then
    select d.* into v_discrepancy
    from coinslot.discrepancies d where d.id = resolve_discrepancy.discrepancy_id;
  end if;
  return v_discrepancy;
end
$$;
comment on function coinslot.resolve_discrepancy(bigint, text) is
'See public.coinslot_resolve_discrepancy.';
revoke all on function coinslot.resolve_discrepancy(bigint, text) from public;
grant execute on function coinslot.resolve_discrepancy(bigint, text) to service_role;

create function public.coinslot_resolve_discrepancy(discrepancy_id bigint, resolution text)
returns coinslot.discrepancies
language sql volatile set search_path = '' as $$
  select coinslot.resolve_discrepancy(
    coinslot_resolve_discrepancy.discrepancy_id, coinslot_resolve_discrepancy.resolution
  )
$$;
comment on function public.coinslot_resolve_discrepancy(bigint, text) is
'Service: a person has dealt with it. An earlier resolution stays; null if unknown.';
revoke all on function public.coinslot_resolve_discrepancy(bigint, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_resolve_discrepancy(bigint, text) to service_role;
