-- Top-up: a pack is bought by itself when few tokens are left. Off unless somebody switches it on,
-- and only at a gateway whose contract lets the shop charge at will.
--
-- It cannot run away: one charge at a time, an hour between two whatever came of the first, so many
-- in thirty days and so much money, at the price that was agreed to. A pack is more than the
-- threshold, so that one is always enough. Spending knows nothing of it: the scheduler looks.

create table coinslot.top_ups (
  user_id uuid not null,
  status text not null default 'on',
  reason text,
  product_id text not null,
  gateway text not null,
  currency text not null,
  amount bigint not null,
  tokens bigint not null,
  method_id uuid not null,
  live boolean not null,
  threshold bigint not null,
  monthly_cap bigint not null,
  monthly_times integer not null,
  failures integer not null default 0,
  next_look_at timestamptz not null default clock_timestamp(),
  consent jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint top_ups_pkey primary key (user_id),
  constraint top_ups_product_id_fkey foreign key (product_id)
  references public.token_products (id) on delete cascade,
  constraint top_ups_gateway_fkey foreign key (gateway)
  references coinslot.gateways (id) on delete restrict,
  constraint top_ups_method_id_fkey foreign key (method_id)
  references coinslot.billing_keys (id) on delete restrict,
  constraint top_ups_status_known check (status in ('on', 'suspended', 'off')),
  constraint top_ups_one_is_enough check (tokens > threshold and threshold > 0),
  constraint top_ups_capped check (monthly_cap >= amount and monthly_times between 1 and 30)
);
comment on table coinslot.top_ups is 'Who has a pack bought by itself, and within which bounds.';
comment on column coinslot.top_ups.amount is 'Minor units of a pack, as agreed to.';
comment on column coinslot.top_ups.monthly_cap is 'Minor units within thirty days, at the most.';
comment on column coinslot.top_ups.failures is 'Declines in a row.';
create index top_ups_due on coinslot.top_ups (next_look_at) where status = 'on';
create index top_ups_product_id on coinslot.top_ups (product_id);
create index top_ups_gateway on coinslot.top_ups (gateway);
create index top_ups_method_id on coinslot.top_ups (method_id);
alter table coinslot.top_ups enable row level security;
revoke all on table coinslot.top_ups from anon, authenticated, service_role;
create policy "Nobody reads top-ups through the API" on coinslot.top_ups
for select to anon, authenticated using (false);

create table coinslot.top_up_orders (
  payment_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint top_up_orders_pkey primary key (payment_id),
  constraint top_up_orders_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete cascade
);
comment on table coinslot.top_up_orders is 'Orders that a top-up made.';
create index top_up_orders_user_id on coinslot.top_up_orders (user_id, created_at);
alter table coinslot.top_up_orders enable row level security;
revoke all on table coinslot.top_up_orders from anon, authenticated, service_role;
create policy "Nobody reads orders of top-ups through the API" on coinslot.top_up_orders
for select to anon, authenticated using (false);

-- The charges of top-ups, as cycle_charges are of cycles.
create table coinslot.top_up_charges (
  id uuid not null default gen_random_uuid(),
  user_id uuid not null,
  payment_id uuid not null,
  method_id uuid not null,
  state text not null default 'open',
  reason text,
  looks integer not null default 0,
  leased_until timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint top_up_charges_pkey primary key (id),
  constraint top_up_charges_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete cascade,
  constraint top_up_charges_method_id_fkey foreign key (method_id)
  references coinslot.billing_keys (id) on delete restrict,
  constraint top_up_charges_state_known check (
    state in ('open', 'paid', 'soft', 'hard', 'authentication', 'ours', 'review')
  )
);
comment on table coinslot.top_up_charges is 'Each charge of a top-up, and what became of it.';
create unique index top_up_charges_one_open on coinslot.top_up_charges (user_id)
where state in ('open', 'review');
create index top_up_charges_leased on coinslot.top_up_charges (leased_until)
where state = 'open';
create index top_up_charges_payment_id on coinslot.top_up_charges (payment_id);
create index top_up_charges_method_id on coinslot.top_up_charges (method_id);
alter table coinslot.top_up_charges enable row level security;
revoke all on table coinslot.top_up_charges from anon, authenticated, service_role;
create policy "Nobody reads charges of top-ups through the API" on coinslot.top_up_charges
for select to anon, authenticated using (false);

-- ---- switching it on and off ----

create function coinslot.is_of_a_cycle(payment_id uuid) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return exists (
    select from coinslot.cycle_orders c where c.payment_id = is_of_a_cycle.payment_id
  ) or exists (
    select from coinslot.top_up_orders c where c.payment_id = is_of_a_cycle.payment_id
  );
end
$$;
comment on function coinslot.is_of_a_cycle(uuid) is
'True of an order that a cycle or a top-up made, and not its buyer.';
revoke all on function coinslot.is_of_a_cycle(uuid) from public;

-- Why one that is on may not go on at all, or null.
create function coinslot.top_up_bar(top_up coinslot.top_ups) returns text
language sql stable set search_path = '' set enable_seqscan = off as $$
  select case
    when top_up.live <> coinslot.is_live() then 'test'
    when not exists (
      select from coinslot.gateways g where g.id = top_up.gateway and g.unattended = 'at_will'
    ) then 'not_allowed'
    when exists (
      select from auth.users u
      where u.id = top_up.user_id and u.banned_until > clock_timestamp()
    ) then 'banned'
    when exists (
      select from coinslot.top_up_orders o
      inner join public.token_payments p on p.id = o.payment_id
      where o.user_id = top_up.user_id and o.created_at > clock_timestamp() - interval '30 days'
        and p.refunded + p.withdrawn + p.disputed > 0
    ) then 'money_back'
    when not exists (
      select from coinslot.billing_keys k
      where k.id = top_up.method_id and k.status = 'active' and k.broken_at is null
    ) then 'no_method'
    when not exists (
      select from public.token_products d
      inner join public.token_prices r on r.product_id = d.id
      where d.id = top_up.product_id and d.active and d.tokens = top_up.tokens
        and r.currency = top_up.currency and r.amount = top_up.amount
    ) then 'price_changed'
  end
$$;
comment on function coinslot.top_up_bar(coinslot.top_ups) is 'Why a top-up is suspended, or null.';
revoke all on function coinslot.top_up_bar(coinslot.top_ups) from public;

create function coinslot.describe_top_up(user_id uuid) returns jsonb
language sql stable set search_path = '' set enable_seqscan = off as $$
  select jsonb_build_object(
    'status', t.status, 'reason', t.reason, 'product_id', t.product_id, 'gateway', t.gateway,
    'currency', t.currency, 'amount', t.amount, 'tokens', t.tokens, 'method_id', t.method_id,
    'threshold', t.threshold, 'monthly_cap', t.monthly_cap, 'monthly_times', t.monthly_times,
    'next_at', case when t.status = 'on' then t.next_look_at end, 'failures', t.failures,
    'spent', coalesce(b.spent, 0), 'times', coalesce(b.times, 0),
    'barred', case t.status when 'suspended' then coinslot.top_up_bar(t) end,
    'unanswered', exists (
      select from coinslot.top_up_charges h
      where h.user_id = t.user_id and h.state = 'open' and h.looks > 0
    )
  )
  from coinslot.top_ups t
  left join lateral (
    select sum(p.paid) filter (where p.currency = t.currency)::bigint as spent, count(*) as times
    from coinslot.top_up_orders o inner join public.token_payments p on p.id = o.payment_id
    where o.user_id = t.user_id and o.created_at > clock_timestamp() - interval '30 days'
      and p.paid > 0
  ) b on true
  where t.user_id = describe_top_up.user_id
$$;
comment on function coinslot.describe_top_up(uuid) is 'The top-up of a user, as they see it.';
revoke all on function coinslot.describe_top_up(uuid) from public;

create function coinslot.get_top_up() returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(
    coinslot.describe_top_up(coinslot.current_user_id()), '{"status": "off"}'::jsonb
  )
$$;
comment on function coinslot.get_top_up() is 'See public.get_token_top_up.';
revoke all on function coinslot.get_top_up() from public;
grant execute on function coinslot.get_top_up() to authenticated;

create function public.get_token_top_up() returns jsonb
language sql stable
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.get_top_up()
$$;
comment on function public.get_token_top_up() is
'The top-up of the signed-in user: {status, reason, product_id, gateway, currency, amount, tokens,
method_id, threshold, monthly_cap, monthly_times, next_at, failures (in a row), spent, times, barred,
unanswered}; status: on, suspended, off; barred: why a suspended one could not go on yet.';
revoke all on function public.get_token_top_up()
from public, anon, authenticated, service_role;
grant execute on function public.get_token_top_up() to authenticated;

create function coinslot.require_at_will(gateway text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if not exists (
    select from coinslot.gateways g
    where g.id = require_at_will.gateway and g.active and g.unattended = 'at_will'
  ) then
    perform coinslot.fail('not_unattended', jsonb_build_object(
      'gateway', left(require_at_will.gateway, 31), 'allowed', (
        select coalesce(jsonb_agg(g.id order by g.id), '[]') from coinslot.gateways g
        where g.active and g.unattended = 'at_will'
      )
    ));
  end if;
end
$$;
comment on function coinslot.require_at_will(text) is
'PT409 unless the shop may charge whenever it is agreed at this gateway.';
revoke all on function coinslot.require_at_will(text) from public;

create function coinslot.check_top_up(
  amount bigint, tokens bigint, threshold bigint, monthly_cap bigint, monthly_times integer
) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_problem jsonb := case
    when (check_top_up.threshold between 1 and check_top_up.tokens - 1) is not true
      then jsonb_build_object('argument', 'threshold', 'min', 1, 'max', check_top_up.tokens - 1)
    when (check_top_up.monthly_cap between check_top_up.amount and coinslot.max_amount())
      is not true
      then jsonb_build_object('argument', 'monthly_cap', 'min', check_top_up.amount)
    when (check_top_up.monthly_times between 1 and 30) is not true
      then '{"argument": "monthly_times", "min": 1, "max": 30}'::jsonb
  end;
begin
  if v_problem is not null then
    perform coinslot.fail('invalid_argument', v_problem);
  end if;
end
$$;
comment on function coinslot.check_top_up(bigint, bigint, bigint, bigint, integer) is
'PT400 for bounds that would be none.';
revoke all on function coinslot.check_top_up(bigint, bigint, bigint, bigint, integer) from public;

-- Suspended for its method, it waits for a different one. What would be suspended at the next look
-- is not switched on. What was waited for before is waited for still: to switch it off and on makes
-- no charge come sooner.
create function coinslot.set_top_up(
  product_id text, gateway text, currency text, method_id uuid, threshold bigint,
  monthly_cap bigint, monthly_times integer, consent jsonb
) returns jsonb
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_pack public.token_payments;
  v_old coinslot.top_ups;
  v_bar text;
begin
  perform coinslot.check_open(coinslot.lock_wallet(v_user_id));
  perform coinslot.check_buyer(v_user_id);
  perform coinslot.require_at_will(set_top_up.gateway);
  perform coinslot.own_method(set_top_up.method_id, set_top_up.gateway);
  v_pack := coinslot.quote_order(
    v_user_id, set_top_up.product_id, set_top_up.gateway, set_top_up.currency, null, 1
  );
  perform coinslot.check_shown(set_top_up.consent, v_pack.amount, v_pack.currency);
  perform coinslot.check_top_up(
    v_pack.amount, v_pack.tokens, set_top_up.threshold, set_top_up.monthly_cap,
    set_top_up.monthly_times
  );
  select t.* into v_old from coinslot.top_ups t where t.user_id = v_user_id for update;
  if v_old.reason in ('declined', 'authentication') and v_old.method_id = set_top_up.method_id then
    perform coinslot.fail('method_not_found', jsonb_build_object('reason', v_old.reason));
  end if;
  perform coinslot.end_top_up_reviews(v_user_id);
  insert into coinslot.top_ups as t (
    user_id, product_id, gateway, currency, amount, tokens, method_id, live, threshold,
    monthly_cap, monthly_times, consent
  ) values (
    v_user_id, v_pack.product_id, v_pack.gateway, v_pack.currency, v_pack.amount, v_pack.tokens,
    set_top_up.method_id, coinslot.is_live(), set_top_up.threshold, set_top_up.monthly_cap,
    set_top_up.monthly_times, set_top_up.consent
  )
  on conflict on constraint top_ups_pkey do update set
    status = 'on', reason = null, product_id = excluded.product_id, gateway = excluded.gateway,
    currency = excluded.currency, amount = excluded.amount, tokens = excluded.tokens,
    method_id = excluded.method_id, live = excluded.live, threshold = excluded.threshold,
    monthly_cap = excluded.monthly_cap, monthly_times = excluded.monthly_times, failures = 0,
    consent = excluded.consent, updated_at = clock_timestamp()
  returning t.* into v_old;
  v_bar := coinslot.top_up_bar(v_old);
  if v_bar is not null then
    perform coinslot.fail('top_up_barred', jsonb_build_object('reason', v_bar));
  end if;
  return coinslot.describe_top_up(v_user_id);
end
$$;
comment on function coinslot.set_top_up(
  text, text, text, uuid, bigint, bigint, integer, jsonb
) is 'See public.set_token_top_up.';
revoke all on function coinslot.set_top_up(
  text, text, text, uuid, bigint, bigint, integer, jsonb
) from public;
grant execute on function coinslot.set_top_up(
  text, text, text, uuid, bigint, bigint, integer, jsonb
) to authenticated;

create function public.set_token_top_up(
  product_id text, gateway text, currency text, method_id uuid, threshold bigint,
  monthly_cap bigint, monthly_times integer default 5, consent jsonb default '{}'
) returns jsonb
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.set_top_up(
    set_token_top_up.product_id, set_token_top_up.gateway, set_token_top_up.currency,
    set_token_top_up.method_id, set_token_top_up.threshold, set_token_top_up.monthly_cap,
    set_token_top_up.monthly_times, set_token_top_up.consent
  )
$$;
comment on function public.set_token_top_up(
  text, text, text, uuid, bigint, bigint, integer, jsonb
) is
'Has a pack bought for the signed-in user whenever fewer tokens than the threshold are left, within
these bounds of thirty days. consent is what the page showed, and is kept; PT409 if its amount is
another than the price.';
revoke all on function public.set_token_top_up(
  text, text, text, uuid, bigint, bigint, integer, jsonb
) from public, anon, authenticated, service_role;
grant execute on function public.set_token_top_up(
  text, text, text, uuid, bigint, bigint, integer, jsonb
) to authenticated;

create function coinslot.stop_top_up() returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
begin
  update coinslot.top_ups t set status = 'off', updated_at = clock_timestamp()
  where t.user_id = v_user_id;
  return coalesce(coinslot.describe_top_up(v_user_id), '{"status": "off"}'::jsonb);
end
$$;
comment on function coinslot.stop_top_up() is 'See public.stop_token_top_up.';
revoke all on function coinslot.stop_top_up() from public;
grant execute on function coinslot.stop_top_up() to authenticated;

create function public.stop_token_top_up() returns jsonb
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.stop_top_up()
$$;
comment on function public.stop_token_top_up() is 'Switches the top-up of the signed-in user off.';
revoke all on function public.stop_token_top_up()
from public, anon, authenticated, service_role;
grant execute on function public.stop_token_top_up() to authenticated;

-- ---- what the scheduler does ----

create function coinslot.suspend_top_up(user_id uuid, reason text) returns void
language sql volatile set search_path = '' as $$
  update coinslot.top_ups t set
    status = 'suspended', reason = suspend_top_up.reason, updated_at = clock_timestamp()
  where t.user_id = suspend_top_up.user_id and t.status = 'on'
$$;
comment on function coinslot.suspend_top_up(uuid, text) is
'Charges for nobody until they switch it on again.';
revoke all on function coinslot.suspend_top_up(uuid, text) from public;

-- What is open counts as spent: it may yet be.
create function coinslot.top_up_fits(top_up coinslot.top_ups) returns boolean
language sql stable set search_path = '' set enable_seqscan = off as $$
  select count(*) < top_up.monthly_times
    and coalesce(sum(p.amount) filter (where p.currency = top_up.currency), 0) + top_up.amount
    <= top_up.monthly_cap
  from coinslot.top_up_orders o
  inner join public.token_payments p on p.id = o.payment_id
  where o.user_id = top_up.user_id and o.created_at > clock_timestamp() - interval '30 days'
    and (p.paid > 0 or p.status in ('pending', 'review'))
$$;
comment on function coinslot.top_up_fits(coinslot.top_ups) is
'True while another pack is within the bounds of thirty days.';
revoke all on function coinslot.top_up_fits(coinslot.top_ups) from public;

create function coinslot.make_top_up(top_up coinslot.top_ups) returns uuid
language plpgsql volatile set search_path = '' as $$
declare
  v_order public.token_payments;
  v_id uuid;
begin
  perform coinslot.end_top_up_reviews(top_up.user_id);
  v_order := coinslot.order_of(coinslot.product_on_sale(top_up.product_id), 1);
  v_order.user_id := top_up.user_id;
  v_order.gateway := top_up.gateway;
  v_order.currency := top_up.currency;
  v_order.amount := top_up.amount;
  v_order := coinslot.write_order(v_order);
  update public.token_payments p set expires_at = clock_timestamp() + interval '1 day'
  where p.id = v_order.id;
  insert into coinslot.top_up_orders (payment_id, user_id) values (v_order.id, top_up.user_id);
  insert into coinslot.top_up_charges (user_id, payment_id, method_id, leased_until)
  values (top_up.user_id, v_order.id, top_up.method_id,
    clock_timestamp() + coinslot.charge_wait(0))
  returning id into v_id;
  update coinslot.top_ups t set next_look_at = clock_timestamp() + interval '1 hour'
  where t.user_id = top_up.user_id;
  return v_id;
end
$$;
comment on function coinslot.make_top_up(coinslot.top_ups) is
'Makes the order of a locked top-up, and writes the charge that is about to be made.';
revoke all on function coinslot.make_top_up(coinslot.top_ups) from public;

-- What an owner sees, who has tokens of an expired hold and of a refill that nobody has written;
-- and what is set aside while money is asked back, which is no reason to charge for more.
create function coinslot.left_for_top_up(wallet public.token_wallets) returns bigint
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return coinslot.available(wallet) + (
    select coalesce(sum(h.amount), 0)::bigint from coinslot.token_holds h
    where h.user_id = wallet.user_id and h.status = 'held' and h.refund_id is not null
  );
end
$$;
comment on function coinslot.left_for_top_up(public.token_wallets) is
'The tokens by which a top-up is due, or not.';
revoke all on function coinslot.left_for_top_up(public.token_wallets) from public;

-- Under its lock: what is left now counts, whatever it was when somebody looked.
create function coinslot.advance_top_up(top_up coinslot.top_ups) returns uuid
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_bar text := coinslot.top_up_bar(top_up);
  v_wallet public.token_wallets;
begin
  select w.* into v_wallet from public.token_wallets w where w.user_id = top_up.user_id;
  if v_wallet.user_id is null or v_wallet.closed_at is not null then
    v_bar := 'user_deleted';
  end if;
  if v_bar is not null then
    perform coinslot.suspend_top_up(top_up.user_id, v_bar);
    return null;
  elsif coinslot.left_for_top_up(v_wallet) < top_up.threshold
    and coinslot.top_up_fits(top_up)
    and not exists (
      select from coinslot.top_up_charges h
      where h.user_id = top_up.user_id and h.state = 'open'
    )
    and pg_try_advisory_xact_lock_shared(coinslot.account_lock(top_up.user_id))
  then
    return coinslot.make_top_up(top_up);
  end if;
  update coinslot.top_ups t set next_look_at = clock_timestamp() + interval '30 seconds'
  where t.user_id = top_up.user_id;
  return null;
end
$$;
comment on function coinslot.advance_top_up(coinslot.top_ups) is
'The charge of a locked top-up, if one is to be made.';
revoke all on function coinslot.advance_top_up(coinslot.top_ups) from public;

create function coinslot.describe_top_up_charge(charge_id uuid, again boolean) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', h.id, 'lease', h.looks, 'again', describe_top_up_charge.again, 'gateway', p.gateway,
    'subscription_id', null, 'method_id', k.id, 'customer', k.customer, 'sealed', k.sealed,
    'payment', to_jsonb(p), 'payment_key', (
      select a.payment_key from coinslot.payment_attempts a
      where a.payment_id = p.id and a.gateway = p.gateway
      order by a.updated_at desc, a.id desc limit 1
    ), 'created_at', h.created_at
  )
  from coinslot.top_up_charges h
  inner join coinslot.billing_keys k on k.id = h.method_id
  inner join public.token_payments p on p.id = h.payment_id
  where h.id = describe_top_up_charge.charge_id
$$;
comment on function coinslot.describe_top_up_charge(uuid, boolean) is
'A charge of a top-up with all that a gateway is told of it.';
revoke all on function coinslot.describe_top_up_charge(uuid, boolean) from public;

create function coinslot.claim_top_ups(gateways text[], batch integer) returns setof jsonb
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_top_up coinslot.top_ups;
  v_charge uuid;
begin
  return query
  with due as materialized (
    select h.id from coinslot.top_up_charges h
    inner join public.token_payments p on p.id = h.payment_id
    where h.state = 'open' and h.leased_until <= clock_timestamp()
      and p.gateway = any (claim_top_ups.gateways) and p.live = coinslot.is_live()
    order by h.leased_until limit least(greatest(claim_top_ups.batch, 1), 1000)
    for update of h skip locked
  ), claimed as (
    update coinslot.top_up_charges h set
      looks = h.looks + 1, leased_until = clock_timestamp() + coinslot.charge_wait(h.looks + 1)
    from due where h.id = due.id
    returning h.id, h.looks
  )
  select coinslot.describe_top_up_charge(c.id, true) || jsonb_build_object('lease', c.looks)
  from claimed c;
  for v_top_up in
    select t.* from coinslot.top_ups t
    where t.status = 'on' and t.next_look_at <= clock_timestamp()
      and t.gateway = any (claim_top_ups.gateways)
      and (select s.auto_top_up from coinslot.settings s where s.id)
    order by t.next_look_at limit least(greatest(claim_top_ups.batch, 1), 1000)
    for update skip locked
  loop
    v_charge := coinslot.advance_top_up(v_top_up);
    if v_charge is not null then
      return next coinslot.describe_top_up_charge(v_charge, false);
    end if;
  end loop;
end
$$;
comment on function coinslot.claim_top_ups(text[], integer) is
'See public.coinslot_claim_top_ups.';
revoke all on function coinslot.claim_top_ups(text[], integer) from public;
grant execute on function coinslot.claim_top_ups(text[], integer) to service_role;

create function public.coinslot_claim_top_ups(gateways text[], batch integer default 20)
returns setof jsonb
language sql volatile set search_path = '' as $$
  select coinslot.claim_top_ups(coinslot_claim_top_ups.gateways, coinslot_claim_top_ups.batch)
$$;
comment on function public.coinslot_claim_top_ups(text[], integer) is
'Service: charges of top-ups that are to be made or looked up, as coinslot_claim_charges.';
revoke all on function public.coinslot_claim_top_ups(text[], integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_top_ups(text[], integer) to service_role;

create function coinslot.top_up_wait(failures integer) returns interval
language sql immutable parallel safe set search_path = '' as $$
  select ('{1 hour,6 hours}'::interval[])[top_up_wait.failures]
$$;
comment on function coinslot.top_up_wait(integer) is
'Time to the next charge after so many declines in a row; null = it is suspended.';
revoke all on function coinslot.top_up_wait(integer) from public;

-- Its order is given up: the next one is another. An order that a payment is being applied to at
-- this moment is judged by that.
create function coinslot.finish_top_up(
  charge_id uuid, lease integer, outcome text, reason text
) returns boolean
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_charge coinslot.top_up_charges;
  v_top_up coinslot.top_ups;
  v_wait interval;
begin
  if finish_top_up.outcome in ('soft', 'hard', 'authentication', 'ours', 'review') is not true
  then
    perform coinslot.fail('invalid_argument', '{"argument": "outcome"}');
  end if;
  select t.* into v_top_up from coinslot.top_ups t
  where t.user_id = (
    select h.user_id from coinslot.top_up_charges h where h.id = finish_top_up.charge_id
  )
  for update;
  update coinslot.top_up_charges h set
    state = finish_top_up.outcome, reason = left(finish_top_up.reason, 100),
    finished_at = clock_timestamp()
  where h.id = finish_top_up.charge_id and h.state = 'open' and h.looks = finish_top_up.lease
  returning h.* into v_charge;
  if not found then
    return false;
  end if;
  perform coinslot.void_top_up_order(v_charge.payment_id);
  v_wait := case finish_top_up.outcome
    when 'soft' then coinslot.top_up_wait(v_top_up.failures + 1)
    when 'ours' then interval '1 day' end;
  update coinslot.top_ups t set
    failures = t.failures + 1, next_look_at = clock_timestamp() + coalesce(v_wait, '1 day'),
    status = case when t.status = 'on' and v_wait is null then 'suspended' else t.status end,
    reason = case when v_wait is null then case finish_top_up.outcome
      when 'review' then 'money_in_review' when 'authentication' then 'authentication'
      else 'declined' end else t.reason end,
    updated_at = clock_timestamp()
  where t.user_id = v_charge.user_id;
  return true;
end
$$;
comment on function coinslot.finish_top_up(uuid, integer, text, text) is
'See public.coinslot_finish_top_up.';
revoke all on function coinslot.finish_top_up(uuid, integer, text, text) from public;
grant execute on function coinslot.finish_top_up(uuid, integer, text, text) to service_role;

create function coinslot.void_top_up_order(payment_id uuid) returns void
language sql volatile set search_path = '' as $$
  with due as materialized (
    select p.id, p.status from public.token_payments p
    where p.id = void_top_up_order.payment_id and p.paid = 0
      and p.status in ('pending', 'failed', 'canceled', 'expired')
    for update skip locked
  ), voided as (
    update public.token_payments p set
      status = 'voided', voided_at = clock_timestamp(), updated_at = clock_timestamp()
    from due where p.id = due.id
    returning p.id, p.user_id, p.payment_key, due.status as from_status
  )
  insert into public.token_payment_events (
    payment_id, user_id, from_status, to_status, source, payment_key
  )
  select v.id, v.user_id, v.from_status, 'voided', 'top_up', v.payment_key from voided v
$$;
comment on function coinslot.void_top_up_order(uuid) is 'Calls off an unpaid order of a top-up.';
revoke all on function coinslot.void_top_up_order(uuid) from public;

create function public.coinslot_finish_top_up(
  charge_id uuid, lease integer, outcome text, reason text default null
) returns boolean
language sql volatile set search_path = '' as $$
  select coinslot.finish_top_up(
    coinslot_finish_top_up.charge_id, coinslot_finish_top_up.lease,
    coinslot_finish_top_up.outcome, coinslot_finish_top_up.reason
  )
$$;
comment on function public.coinslot_finish_top_up(uuid, integer, text, text) is
'Service: a charge of a top-up was declined, as coinslot_finish_charge.';
revoke all on function public.coinslot_finish_top_up(uuid, integer, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_finish_top_up(uuid, integer, text, text)
to service_role;

-- In the transaction that credits its order.
create function coinslot.follow_top_up(payment public.token_payments) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
begin
  update coinslot.top_up_charges h set state = 'paid', finished_at = clock_timestamp()
  where h.payment_id = payment.id and h.state in ('open', 'review');
  if found then
    update coinslot.top_ups t set failures = 0 where t.user_id = payment.user_id;
  end if;
end
$$;
comment on function coinslot.follow_top_up(public.token_payments) is
'Ends the charge of a top-up whose money came.';
revoke all on function coinslot.follow_top_up(public.token_payments) from public;

-- Of two people who are one, the one who stays keeps theirs.
create function coinslot.end_top_up(user_id uuid) returns void
language sql volatile set search_path = '' as $$
  update coinslot.top_ups t set
    status = 'off', reason = 'user_deleted', updated_at = clock_timestamp()
  where t.user_id = end_top_up.user_id
$$;
comment on function coinslot.end_top_up(uuid) is 'Switches the top-up of a user off for good.';
revoke all on function coinslot.end_top_up(uuid) from public;

notify pgrst, 'reload schema';
