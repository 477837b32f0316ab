-- Housekeeping and proof: what the clock decides, what needs a person, and whether the books add
-- up.

create function coinslot.expire_orders(batch integer) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_count bigint;
begin
  with due as (
    select p.id, p.status
    from public.payments p
    where p.status in ('pending', 'awaiting_deposit') and p.expires_at <= clock_timestamp()
    order by p.expires_at limit expire_orders.batch
    for update skip locked
  ), expired as (
    update public.payments p
    set status = 'expired', expired_at = clock_timestamp(), updated_at = clock_timestamp()
    from due where p.id = due.id
    returning p.id, p.user_id, p.payment_key, due.status as from_status
  ), events as (
    insert into public.payment_events (
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
  v_user_id uuid;
  v_wallets bigint := 0;
begin
  for v_user_id in
    select w.user_id from public.wallets w
    where w.user_id in (
      select h.user_id from coinslot.token_holds h
      where h.status = 'held' and h.expires_at <= clock_timestamp()
      order by h.expires_at limit expire_holds.batch
    )
    order by w.user_id for update skip locked
  loop
    perform coinslot.expire_holds_of(v_user_id);
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
    'wallets_swept', coinslot.expire_holds(run_maintenance.batch)
  );
end
$$;
comment on function coinslot.run_maintenance(integer) is 'See public.run_maintenance.';
revoke all on function coinslot.run_maintenance(integer) from public;
grant execute on function coinslot.run_maintenance(integer) to service_role;

create function public.run_maintenance(batch integer default 500) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.run_maintenance(run_maintenance.batch)
$$;
comment on function public.run_maintenance(integer) is
'Service: expires orders and holds; {orders_expired, wallets_swept}.';
revoke all on function public.run_maintenance(integer)
from public, anon, authenticated, service_role;
grant execute on function public.run_maintenance(integer) to service_role;

-- Where pg_cron is installed the database keeps itself; the sidecar does the same work in any case.
-- Installed later: call it once, as the owner. The command is text to pg_cron, and its functions are
-- not there to be checked where it is not.
create function coinslot.schedule_maintenance() returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  if not exists (select from pg_catalog.pg_extension e where e.extname = 'pg_cron') then
    return false;
  end if;
  execute $cron$
    select cron.schedule(
      'coinslot maintenance', '* * * * *', 'select coinslot.run_maintenance(500)'
    )
  $cron$;
  return true;
end
$$;
comment on function coinslot.schedule_maintenance() is
'Has pg_cron run the maintenance every minute; false without pg_cron.';
revoke all on function coinslot.schedule_maintenance() from public;

select coinslot.schedule_maintenance();

create function coinslot.get_settings() returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'mode', s.mode, 'signup_bonus', s.signup_bonus, 'max_open_orders', s.max_open_orders,
    'max_hold_seconds', s.max_hold_seconds,
    'order_lifetime_seconds', extract(epoch from s.order_lifetime)::bigint
  )
  from coinslot.settings s
$$;
comment on function coinslot.get_settings() is 'See public.get_settings.';
revoke all on function coinslot.get_settings() from public;
grant execute on function coinslot.get_settings() to service_role;

create function public.get_settings() returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.get_settings()
$$;
comment on function public.get_settings() is 'Service: mode and limits of this database.';
revoke all on function public.get_settings() from public, anon, authenticated, service_role;
grant execute on function public.get_settings() to service_role;

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
'See public.list_discrepancies.';
revoke all on function coinslot.list_discrepancies(integer, bigint) from public;
grant execute on function coinslot.list_discrepancies(integer, bigint) to service_role;

create function public.list_discrepancies(
  page_size integer default 100, before bigint default null
) returns setof coinslot.discrepancies
language sql stable set search_path = '' as $$
  select * from coinslot.list_discrepancies(
    list_discrepancies.page_size, list_discrepancies.before
  )
$$;
comment on function public.list_discrepancies(integer, bigint) is
'Service: open discrepancies, newest first; before = the last id of the page before.';
revoke all on function public.list_discrepancies(integer, bigint)
from public, anon, authenticated, service_role;
grant execute on function public.list_discrepancies(integer, bigint) to service_role;

-- The proof that the books add up: everything the functions keep is computed again from the rows
-- themselves. Where entries come from: keys, payments, holds and bonuses.
create function coinslot.verify_sources(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language sql stable set search_path = '' as $$
  with entries as (
    select l.* from public.token_ledger l
    where (verify_sources.from_user is null or l.user_id >= verify_sources.from_user)
      and (verify_sources.to_user is null or l.user_id < verify_sources.to_user)
  ), keys as (
    select e.user_id, count(*) as uses from entries e
    where e.idempotency_key is not null
    group by e.user_id, e.caller, e.idempotency_key
  ), bonuses as (
    select e.user_id, count(*) as granted from entries e
    where e.kind = 'signup_bonus' group by e.user_id
  ), moved as (
    select e.user_id, e.payment_id, e.hold_id, sum(e.delta)::bigint as tokens from entries e
    where e.payment_id is not null or e.hold_id is not null
    group by e.user_id, e.payment_id, e.hold_id
  ), payments as (
    select p.id, p.user_id, case when p.paid = 0 then 0 else
      p.tokens - coinslot.tokens_to_reverse(p.tokens, p.paid, p.refunded + p.withdrawn)
    end as tokens
    from public.payments p
    where (verify_sources.from_user is null or p.user_id >= verify_sources.from_user)
      and (verify_sources.to_user is null or p.user_id < verify_sources.to_user)
  ), holds as (
    select h.id, h.user_id, h.captured from coinslot.token_holds h
    where (verify_sources.from_user is null or h.user_id >= verify_sources.from_user)
      and (verify_sources.to_user is null or h.user_id < verify_sources.to_user)
  ), refunds as (
    select
      r.id, r.user_id, case when r.finished_at is null then r.tokens else 0 end as tokens
    from public.refunds r
    where (verify_sources.from_user is null or r.user_id >= verify_sources.from_user)
      and (verify_sources.to_user is null or r.user_id < verify_sources.to_user)
  )
  select k.user_id, 'repeated_key', 1, k.uses from keys k where k.uses > 1
  union all
  select b.user_id, 'signup_bonus', 1, b.granted from bonuses b where b.granted > 1
  union all
  select coalesce(p.user_id, m.user_id), 'payment', coalesce(p.tokens, 0), coalesce(m.tokens, 0)
  from payments p
  full join (select * from moved where moved.payment_id is not null) m
    on m.payment_id = p.id and m.user_id = p.user_id
  where coalesce(p.tokens, 0) <> coalesce(m.tokens, 0)
  union all
  select coalesce(h.user_id, m.user_id), 'hold', coalesce(h.captured, 0), coalesce(-m.tokens, 0)
  from holds h
  full join (select * from moved where moved.hold_id is not null) m
    on m.hold_id = h.id and m.user_id = h.user_id
  where coalesce(h.captured, 0) <> coalesce(-m.tokens, 0)
  union all
  select r.user_id, 'refund', r.tokens, coalesce(h.amount, 0)
  from refunds r
  left join coinslot.token_holds h on h.refund_id = r.id and h.status = 'held'
  where r.tokens <> coalesce(h.amount, 0)
$$;
comment on function coinslot.verify_sources(uuid, uuid) is
'Keys used twice; payments, holds, refunds and bonuses that the books do not bear out.';
revoke all on function coinslot.verify_sources(uuid, uuid) from public;

-- Each line is a wallet and what is wrong with it.
create function coinslot.verify_ledger(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language sql stable security definer set search_path = '' as $$
  with wallets as (
    select w.* from public.wallets w
    where (verify_ledger.from_user is null or w.user_id >= verify_ledger.from_user)
      and (verify_ledger.to_user is null or w.user_id < verify_ledger.to_user)
  ), entries as (
    select
      l.user_id, l.seq, l.delta, l.balance,
      row_number() over wallet as position,
      sum(l.delta) over wallet as running
    from public.token_ledger l
    where (verify_ledger.from_user is null or l.user_id >= verify_ledger.from_user)
      and (verify_ledger.to_user is null or l.user_id < verify_ledger.to_user)
    window wallet as (partition by l.user_id order by l.seq)
  ), books as (
    select
      e.user_id, count(*) as entries, sum(e.delta)::bigint as tokens,
      count(*) filter (where e.seq <> e.position) as gaps,
      count(*) filter (where e.balance <> e.running) as wrong_balances
    from entries e group by e.user_id
  ), holds as (
    select h.user_id, sum(h.amount)::bigint as held
    from coinslot.token_holds h inner join wallets w on w.user_id = h.user_id
    where h.status = 'held' group by h.user_id
  )
  select b.user_id, 'no_wallet', 0, b.entries
  from books b where not exists (select from wallets w where w.user_id = b.user_id)
  union all
  select w.user_id, c.problem, c.expected, c.found
  from wallets w
  left join books b on b.user_id = w.user_id
  left join holds h on h.user_id = w.user_id
  cross join lateral (values
    ('tokens', coalesce(b.tokens, 0), w.tokens),
    ('seq', coalesce(b.entries, 0), w.seq),
    ('sequence_gaps', 0, coalesce(b.gaps, 0)),
    ('running_balance', 0, coalesce(b.wrong_balances, 0)),
    ('held', coalesce(h.held, 0), w.held)
  ) as c (problem, expected, found)
  where c.expected <> c.found
  union all
  select * from coinslot.verify_sources(verify_ledger.from_user, verify_ledger.to_user)
$$;
comment on function coinslot.verify_ledger(uuid, uuid) is 'See public.verify_ledger.';
revoke all on function coinslot.verify_ledger(uuid, uuid) from public;
grant execute on function coinslot.verify_ledger(uuid, uuid) to service_role;

create function public.verify_ledger(from_user uuid default null, to_user uuid default null)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language sql stable set search_path = '' set statement_timeout = '55s' as $$
  select * from coinslot.verify_ledger(verify_ledger.from_user, verify_ledger.to_user)
$$;
comment on function public.verify_ledger(uuid, uuid) is
'Service: every wallet in [from_user, to_user) that does not add up. No rows = sound.';
revoke all on function public.verify_ledger(uuid, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.verify_ledger(uuid, uuid) to service_role;
