-- Going live: what was bought with test cards is taken back before real money is taken.
--
-- A test payment gives tokens while the database takes test payments. In a live one nothing that is
-- said of it is applied, and what it gave before is reversed here, in the ledger, for good. Both
-- begin with one transaction, and no test payment is applied meanwhile, be it of an order that was
-- made meanwhile: the funnel shares a lock for each, which this takes alone. Real money never waits
-- for it.

create function coinslot.mode_lock() returns bigint
language sql immutable parallel safe set search_path = ''
return hashtextextended('coinslot.mode', 0);
comment on function coinslot.mode_lock() is
'Name of the advisory lock between test payments and going live.';
revoke all on function coinslot.mode_lock() from public;

create function coinslot.test_credits()
returns table (payment_id uuid, order_id text, user_id uuid, tokens bigint)
language sql stable set search_path = '' as $$
  select p.id, p.order_id, p.user_id, (sum(l.delta) - coinslot.covered_tokens(p.id))::bigint
  from public.token_payments p inner join public.token_ledger l on l.payment_id = p.id
  where not p.live
  group by p.id having sum(l.delta) <> coinslot.covered_tokens(p.id)
  order by p.id
$$;
comment on function coinslot.test_credits() is 'Tokens that test payments have given.';
revoke all on function coinslot.test_credits() from public;

create function coinslot.refuse_test_tokens() returns void
language plpgsql stable set search_path = '' as $$
declare
  v_payments bigint;
  v_tokens bigint;
begin
  select count(*), sum(c.tokens) into v_payments, v_tokens from coinslot.test_credits() c;
  if v_payments > 0 then
    perform coinslot.fail('test_tokens_left', jsonb_build_object(
      'payments', v_payments, 'tokens', v_tokens
    ));
  end if;
end
$$;
comment on function coinslot.refuse_test_tokens() is
'PT409 while there are tokens from test payments.';
revoke all on function coinslot.refuse_test_tokens() from public;

-- Whoever changes the mode by hand is told, unless there is nothing to reverse.
create function coinslot.guard_mode() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(coinslot.mode_lock());
  perform coinslot.refuse_test_tokens();
  perform coinslot.forget_test_referrals();
  perform coinslot.end_test_subscriptions();
  return new;
end
$$;
comment on function coinslot.guard_mode() is
'Trigger: a database does not become live with tokens from test payments in it.';
revoke all on function coinslot.guard_mode() from public;
create trigger settings_mode_guarded before update of mode on coinslot.settings
for each row when (old.mode <> 'live' and new.mode = 'live')
execute function coinslot.guard_mode();

-- Locks are taken in the order of all others: orders by id, wallets by id. The setting and its lock
-- come before them, as in the funnel.
create function coinslot.lock_test_orders() returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform from coinslot.settings s where s.id for update;
  perform pg_advisory_xact_lock(coinslot.mode_lock());
  perform from public.token_payments p where not p.live order by p.id for update;
  perform from public.token_wallets w
  where w.user_id in (
    select p.user_id from public.token_payments p where not p.live
    union all
    select s.user_id from public.token_subscriptions s where not s.live and s.status <> 'ended'
    union all
    select k.user_id from coinslot.billing_keys k where not k.live and k.status <> 'removed'
  )
  order by w.user_id for update;
end
$$;
comment on function coinslot.lock_test_orders() is
'Locks the mode, all test orders, and the wallets of their buyers and of subscribers.';
revoke all on function coinslot.lock_test_orders() from public;

create function coinslot.open_test_orders() returns setof public.token_payments
language sql stable set search_path = '' as $$
  select p.* from public.token_payments p
  where not p.live and p.status in ('pending', 'failed', 'awaiting_deposit')
$$;
comment on function coinslot.open_test_orders() is 'Test orders that are not paid yet.';
revoke all on function coinslot.open_test_orders() from public;

create function coinslot.open_test_refunds() returns setof coinslot.refunds
language sql stable set search_path = '' as $$
  select r.* from coinslot.refunds r inner join public.token_payments p on p.id = r.payment_id
  where not p.live and r.finished_at is null
$$;
comment on function coinslot.open_test_refunds() is 'Open refunds of test orders.';
revoke all on function coinslot.open_test_refunds() from public;

-- As text the ids sort like orders; the balance is that of the wallet when all is taken back.
create function coinslot.report_test_orders() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'mode', (select s.mode from coinslot.settings s where s.id),
    'tokens', coalesce(sum(c.tokens), 0),
    'payments', coalesce(jsonb_agg(jsonb_build_object(
      'order_id', c.order_id, 'user_id', c.user_id, 'tokens', c.tokens, 'balance', c.balance
    ) order by c.user_id, c.order_id), '[]'),
    'orders', (select count(*) from coinslot.open_test_orders()),
    'refunds', (select count(*) from coinslot.open_test_refunds())
  )
  from (
    select t.*, w.tokens - sum(t.tokens) over (partition by t.user_id) as balance
    from coinslot.test_credits() t inner join public.token_wallets w on w.user_id = t.user_id
  ) c
$$;
comment on function coinslot.report_test_orders() is
'What going live reverses, cancels and ends.';
revoke all on function coinslot.report_test_orders() from public;

-- A refund that is open is given up first: it has tokens set aside. A balance may go below zero, as
-- with any money that is taken back.
create function coinslot.reverse_test_payments() returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_credit record;
  v_payment public.token_payments;
  v_moved bigint;
begin
  perform coinslot.close_refund(r.id, 'The database went live.')
  from coinslot.open_test_refunds() r;
  for v_credit in select c.* from coinslot.test_credits() c loop
    select p.* into strict v_payment
    from public.token_payments p where p.id = v_credit.payment_id;
    v_moved := coinslot.settle_lots(v_payment, -v_credit.tokens, 'test_reversal', 0);
    perform coinslot.record_event(
      v_payment, v_payment.status, 'go_live', 'test_payment', v_payment.payment_key,
      v_moved
    );
  end loop;
end
$$;
comment on function coinslot.reverse_test_payments() is
'Takes back what test payments gave. The caller has orders and wallets locked.';
revoke all on function coinslot.reverse_test_payments() from public;

-- Nobody pays for them any more, and no gateway with live keys knows them. Their keys are free, so
-- that none finds a test order again.
create function coinslot.end_test_orders() returns void
language sql volatile set search_path = '' as $$
  with ended as (
    select o.id, o.status from coinslot.open_test_orders() o
  ), canceled as (
    update public.token_payments p set
      status = 'canceled', canceled_at = clock_timestamp(), updated_at = clock_timestamp()
    from ended e where p.id = e.id
    returning p.id, p.user_id, e.status as from_status
  )
  insert into public.token_payment_events (
    payment_id, user_id, from_status, to_status, source, reason
  )
  select c.id, c.user_id, c.from_status, 'canceled', 'go_live', 'test_payment' from canceled c;
  update public.token_payments p set idempotency_key = null
  where not p.live and p.idempotency_key is not null;
  delete from coinslot.payment_reads r using public.token_payments p
  where p.id = r.payment_id and not p.live;
  delete from coinslot.payment_closings c using public.token_payments p
  where p.id = c.payment_id and not p.live
$$;
comment on function coinslot.end_test_orders() is
'Cancels unpaid test orders, frees the keys of all of them, and asks of none again.';
revoke all on function coinslot.end_test_orders() from public;

-- Called again it finds nothing to do, unless the database was in test mode in between.
create function coinslot.go_live(dry_run boolean default true) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_report jsonb;
begin
  if go_live.dry_run is null then
    perform coinslot.fail('invalid_argument', '{"argument": "dry_run"}');
  elsif go_live.dry_run then
    return coinslot.report_test_orders() || '{"dry_run": true}';
  end if;
  perform coinslot.lock_test_orders();
  v_report := coinslot.report_test_orders();
  perform coinslot.reverse_test_payments();
  perform coinslot.end_test_orders();
  update coinslot.settings s set mode = 'live' where s.id;
  return v_report || '{"dry_run": false, "mode": "live"}';
end
$$;
comment on function coinslot.go_live(boolean) is 'See public.coinslot_go_live.';
revoke all on function coinslot.go_live(boolean) from public;
grant execute on function coinslot.go_live(boolean) to service_role;

create function public.coinslot_go_live(dry_run boolean default true) returns jsonb
language sql volatile set search_path = '' as $$
  select coinslot.go_live(coinslot_go_live.dry_run)
$$;
comment on function public.coinslot_go_live(boolean) is
'Service: takes back all that test payments gave, and makes the database live. By default it only
says what it would do: {mode, dry_run, tokens, payments, orders, refunds}.';
revoke all on function public.coinslot_go_live(boolean)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_go_live(boolean) to service_role;
