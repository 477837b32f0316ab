-- Subscriptions, stored methods and top-ups tell the app and people what becomes of them.
--
-- Each change of a subscription is a row of its history, so one trigger there tells of all. Whoever
-- changes a subscription or a top-up has the wallet of its owner locked first: an event takes the
-- next number of that wallet.

select coinslot.lock_for_upgrade(array[
  'coinslot.settings', 'coinslot.mail_kinds', 'coinslot.billing_keys', 'coinslot.top_ups',
  'public.token_subscription_events'
]::regclass[]);

alter table coinslot.settings
add column renewal_ahead interval default interval '3 days',
add column yearly_renewal_ahead interval default interval '7 days';
-- Less than a period: who has just subscribed is told of no renewal.
alter table coinslot.settings add constraint settings_renewals_told_in_range check (
  renewal_ahead > interval '0' and renewal_ahead <= interval '27 days'
  and yearly_renewal_ahead > interval '0' and yearly_renewal_ahead <= interval '90 days'
) not valid;
alter table coinslot.settings validate constraint settings_renewals_told_in_range;
comment on column coinslot.settings.renewal_ahead is
'How long before a month is charged its subscriber is told; null = never.';
comment on column coinslot.settings.yearly_renewal_ahead is
'How long before a year is charged its subscriber is told; null = never.';

-- Which of the events of a type make a mail is said by a row.
alter table coinslot.mail_kinds add column only_if jsonpath;
comment on column coinslot.mail_kinds.only_if is
'A predicate: the data of an event has to meet it; null = of each.';
-- Of free tokens that end nobody is told by mail: that may count as advertising.
update coinslot.mail_kinds set only_if = '$.paid == true'
where kind = 'tokens_expiring';

-- Operators in a statement of their own, which most events have no use for.
create or replace function coinslot.write_mails() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
begin
  if not exists (
    select from coinslot.mailer m where m.id and m.seen_at > clock_timestamp() - interval '1 day'
  ) then
    return null;
  end if;
  if new.user_id is not null then
    insert into coinslot.mails (event_id, kind, user_id)
    select new.id, k.kind, new.user_id
    from coinslot.mail_kinds k
    where k.event_type = new.type and k.active and k.roles is null
      and (k.only_if is null or new.data @@ k.only_if)
      and not exists (
        select from coinslot.mail_refusals r
        where r.user_id = new.user_id and r.kind = k.kind and k.optional
      );
  end if;
  if exists (
    select from coinslot.mail_kinds k
    where k.event_type = new.type and k.active and k.roles is not null
  ) then
    insert into coinslot.mails (event_id, kind, user_id)
    select new.id, k.kind, o.user_id
    from coinslot.mail_kinds k
    inner join coinslot.operators o on o.role = any (k.roles)
    where k.event_type = new.type and k.active
      and (k.only_if is null or new.data @@ k.only_if);
  end if;
  return null;
end
$$;

alter type public.coinslot_mail_job add attribute shown jsonb;
comment on type public.coinslot_mail_job is
'A mail to be sent now; unsubscribe is the token of the link that ends its kind, shown the names of
a plan or a pack and of the method that is charged for it.';

-- As they are when the mail is sent: an event has none of them.
create function coinslot.mail_names(data jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'name', p.name, 'name_ko', p.name_ko, 'brand', k.brand, 'last_four', k.last_four
  )
  from (values (mail_names.data)) d (data)
  left join public.token_products p
    on p.id = coalesce(d.data ->> 'plan_id', d.data ->> 'product_id')
  left join coinslot.billing_keys k on k.id = (d.data ->> 'method_id')::uuid
$$;
comment on function coinslot.mail_names(jsonb) is
'Names of the plan or pack of an event, and of its method: {name, name_ko, brand, last_four}.';
revoke all on function coinslot.mail_names(jsonb) from public;

create or replace function coinslot.mail_job(mail coinslot.mails, address text)
returns public.coinslot_mail_job
language sql volatile set search_path = '' as $$
  select row(
    mail.id, mail.attempts, mail.kind, mail.event_id, mail_job.address,
    coinslot.locale_of(mail.user_id), o.created_at, o.live,
    o.data || jsonb_strip_nulls(jsonb_build_object('user_id', o.user_id)),
    (
      select jsonb_build_object(
        'name', p.name, 'name_ko', p.name_ko, 'quantity', p.quantity, 'amount', p.amount,
        'currency', p.currency, 'tokens', p.tokens, 'refunded', p.refunded,
        'virtual_account', p.virtual_account, 'paid_at', p.confirmed_at, 'method', p.method,
        'card', (
          select a.card from coinslot.payment_attempts a where a.payment_id = p.id and a.credited
        )
      )
      from public.token_payments p where p.order_id = o.data ->> 'order_id'
    ),
    s.business, s.links, coinslot.mail_link(mail),
    case when o.data ? 'method_id' then coinslot.mail_names(o.data) end
  )::public.coinslot_mail_job
  from coinslot.outbox o cross join coinslot.settings s
  where o.id = mail.event_id and s.id
$$;

-- ---- what is told ----

insert into coinslot.event_types (type, description) values
('subscription.started', 'The first period is paid.'),
('subscription.renewal_due', 'The next period is about to be charged.'),
('subscription.renewed', 'Another period is paid.'),
('subscription.payment_failed', 'A charge of a period was declined.'),
('subscription.past_due', 'The period that runs is not paid.'),
('subscription.canceled', 'It ends with the period that runs.'),
('subscription.pausing', 'It pauses after the period that runs.'),
('subscription.kept', 'It goes on: what was called off is taken back.'),
('subscription.paused', 'It is charged no more until it is resumed.'),
('subscription.resumed', 'After a pause a period is paid.'),
('subscription.change_scheduled', 'The next period is of another plan, or of none other again.'),
('subscription.changed', 'Another plan counts from now on, within a period.'),
('subscription.upgrade_failed', 'A plan was not changed: its charge was declined.'),
('subscription.method_changed', 'Another stored method is charged from now on.'),
('subscription.ended', 'It is over for good.'),
('method.removed', 'A stored method was removed.'),
('method.broken', 'A gateway refuses a stored method for good.'),
('top_up.failed', 'A pack was not bought: its charge was declined.'),
('top_up.suspended', 'No pack is bought until the top-up is switched on again.');

-- People are mailed of what they can do something about, and did not do themselves. Of the charges
-- of a period they are told at the first decline, after three days and a day before the end.
insert into coinslot.mail_kinds (kind, event_type, only_if) values
('subscription_renewal', 'subscription.renewal_due', null),
(
  'subscription_failed', 'subscription.payment_failed',
  '$.status == "past_due" && ($.class == "hard" || $.class == "authentication"
    || $.class == "soft" && ($.attempt == 1 || $.attempt == 3 || $.attempt == 5))'
),
(
  'subscription_ended', 'subscription.ended',
  '$.previous_status != "incomplete" && ($.reason == "canceled" || $.reason == "unpaid")'
),
(
  'top_up_suspended', 'top_up.suspended',
  '$.reason != "user_deleted" && $.reason != "banned" && $.reason != "test"'
);

-- ---- subscriptions ----

create function coinslot.subscription_data(subscription public.token_subscriptions) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'subscription_id', subscription.id, 'status', subscription.status,
    'plan_id', subscription.plan_id, 'family', subscription.family,
    'gateway', subscription.gateway, 'method_id', subscription.method_id,
    'every', subscription.every, 'amount', subscription.amount,
    'currency', subscription.currency, 'tokens', subscription.tokens,
    'period_start', subscription.period_start, 'period_end', subscription.period_end,
    'cancel_at_end', subscription.cancel_at_end
  )
$$;
comment on function coinslot.subscription_data(public.token_subscriptions) is
'A subscription as events show it.';
revoke all on function coinslot.subscription_data(public.token_subscriptions) from public;

-- In the order in which they happened, where one row brings several.
create function coinslot.subscription_moves(
  change public.token_subscription_events, subscription public.token_subscriptions
) returns table (type text, more jsonb)
language sql stable set search_path = '' as $$
  select m.type, m.more from (
    values
    ('subscription.started', jsonb_build_object('order_id', change.detail -> 'order_id'),
      change.event = 'started'),
    ('subscription.renewed', jsonb_build_object('order_id', change.detail -> 'order_id',
        'previous_status', change.from_status),
      change.event in ('renewed', 'recovered')),
    ('subscription.resumed', jsonb_build_object('order_id', change.detail -> 'order_id'),
      change.event = 'resumed'),
    ('subscription.payment_failed', jsonb_build_object('class', change.detail -> 'class',
        'attempt', (
          select c.tries from coinslot.subscription_cycles c
          where c.subscription_id = subscription.id
            and c.period_start = subscription.period_start
        ),
        'retry_at', change.detail -> 'next_charge_at', 'ends_at', subscription.grace_until),
      change.event = 'declined'),
    ('subscription.past_due', jsonb_build_object('ends_at', subscription.grace_until),
      change.to_status = 'past_due' and change.from_status <> 'past_due'),
    ('subscription.canceled', jsonb_build_object('reason', change.event),
      change.event in ('canceled', 'disputed')),
    ('subscription.pausing', '{}', change.event = 'to_pause'),
    ('subscription.kept', '{}', change.event = 'kept' and change.from_status = 'active'),
    ('subscription.paused', '{}', change.event = 'paused'),
    ('subscription.change_scheduled',
      jsonb_build_object('next_plan_id', subscription.next_plan_id), change.event = 'to_change'),
    ('subscription.changed', jsonb_build_object('order_id', change.detail -> 'order_id'),
      change.event in ('upgraded', 'upgrade_refunded')),
    ('subscription.upgrade_failed', jsonb_build_object('class', change.detail -> 'class'),
      change.event = 'upgrade_declined'),
    ('subscription.method_changed', '{}', change.event = 'method_changed'),
    ('subscription.ended', jsonb_build_object('reason', subscription.end_reason,
        'previous_status', change.from_status),
      change.event = 'ended')
  ) m (type, more, happened)
  where m.happened
$$;
comment on function coinslot.subscription_moves(
  public.token_subscription_events, public.token_subscriptions
) is 'What is to be told of a row of the history of a subscription.';
revoke all on function coinslot.subscription_moves(
  public.token_subscription_events, public.token_subscriptions
) from public;

create function coinslot.tell_of_subscription() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
begin
  perform coinslot.emit(m.type, new.user_id, coinslot.subscription_data(s) || m.more)
  from public.token_subscriptions s cross join lateral coinslot.subscription_moves(new, s) m
  where s.id = new.subscription_id;
  return null;
end
$$;
comment on function coinslot.tell_of_subscription() is
'Trigger: writes what happened to a subscription.';
revoke all on function coinslot.tell_of_subscription() from public;
create trigger token_subscription_events_told after insert on public.token_subscription_events
for each row execute function coinslot.tell_of_subscription();

-- ---- ahead of a charge ----

insert into coinslot.event_walks (name) values ('renewals'), ('yearly_renewals');

-- With the plan of the next period, as somebody agreed to it.
create function coinslot.renewal_data(subscription public.token_subscriptions) returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.subscription_data(subscription)
    || jsonb_build_object('charge_at', subscription.next_charge_at) || coalesce((
      select jsonb_build_object(
        'plan_id', c.terms -> 'plan_id', 'every', c.terms -> 'every',
        'amount', c.terms -> 'amount', 'tokens', c.terms -> 'tokens'
      )
      from coinslot.subscription_consents c
      where c.subscription_id = subscription.id and c.kind = 'change'
        and c.terms ->> 'plan_id' = subscription.next_plan_id
      order by c.id desc limit 1
    ), '{}')
$$;
comment on function coinslot.renewal_data(public.token_subscriptions) is
'A subscription as its next period is about to be charged.';
revoke all on function coinslot.renewal_data(public.token_subscriptions) from public;

-- What is not paid, and what ends or pauses, is charged for no next period. A wallet that is in use
-- is moving: the walk stops there, and goes on the next time.
create function coinslot.remind_of_renewals(every text, batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_walk coinslot.event_walks;
  v_until timestamptz := clock_timestamp() + (
    select case remind_of_renewals.every when 'year' then s.yearly_renewal_ahead
      else s.renewal_ahead end
    from coinslot.settings s where s.id
  );
  v_due record;
  v_subscription public.token_subscriptions;
  v_last uuid;
  v_told bigint := 0;
begin
  select k.* into v_walk from coinslot.event_walks k
  where k.name = case remind_of_renewals.every when 'year' then 'yearly_renewals'
    else 'renewals' end
  for update skip locked;
  if not found or v_until is null then
    return 0;
  end if;
  for v_due in
    select s.id, s.user_id, s.next_charge_at from public.token_subscriptions s
    where s.next_charge_at >= v_walk.at and s.next_charge_at <= v_until
      and (s.next_charge_at, s.id::text) > (v_walk.at, v_walk.after_id)
      and s.every = remind_of_renewals.every and s.status = 'active'
    order by s.next_charge_at, s.id::text limit remind_of_renewals.batch
  loop
    v_last := v_due.id;
    perform from public.token_wallets w where w.user_id = v_due.user_id for update skip locked;
    if not found then
      exit;
    end if;
    v_walk.at := v_due.next_charge_at;
    v_walk.after_id := v_due.id;
    select s.* into v_subscription from public.token_subscriptions s
    where s.id = v_due.id and s.user_id = v_due.user_id and s.status = 'active'
      and s.next_charge_at = v_due.next_charge_at and s.next_charge_at > clock_timestamp()
      and s.live = coinslot.is_live() and not s.cancel_at_end and not s.pause_at_end;
    if found then
      v_told := v_told + 1;
      perform coinslot.emit(
        'subscription.renewal_due', v_due.user_id, coinslot.renewal_data(v_subscription)
      );
    end if;
  end loop;
  if v_last is null then
    v_walk.at := v_until;
    v_walk.after_id := '';
  end if;
  perform coinslot.end_walk(v_walk);
  return v_told;
end
$$;
comment on function coinslot.remind_of_renewals(text, integer) is
'Tells of months or years that are about to be charged, each once; how many.';
revoke all on function coinslot.remind_of_renewals(text, integer) from public;

-- ---- stored methods ----

create function coinslot.tell_of_method() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
begin
  perform coinslot.emit(
    case when new.status = 'removed' then 'method.removed' else 'method.broken' end,
    new.user_id, jsonb_build_object('method_id', new.id, 'gateway', new.gateway)
  );
  return null;
end
$$;
comment on function coinslot.tell_of_method() is
'Trigger: writes that a stored method can be charged no more.';
revoke all on function coinslot.tell_of_method() from public;
create trigger billing_keys_told after update of status, broken_at on coinslot.billing_keys
for each row when (
  old.status = 'active' and new.status = 'removed'
  or new.status = 'active' and old.broken_at is null and new.broken_at is not null
)
execute function coinslot.tell_of_method();

-- ---- top-ups ----

create function coinslot.tell_of_top_up() returns trigger
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_data jsonb := jsonb_build_object(
    'product_id', new.product_id, 'gateway', new.gateway, 'method_id', new.method_id,
    'amount', new.amount, 'currency', new.currency, 'tokens', new.tokens, 'status', new.status
  );
begin
  if new.failures > old.failures then
    perform coinslot.emit('top_up.failed', new.user_id, v_data || jsonb_build_object(
      'attempt', new.failures, 'retry_at', case when new.status = 'on' then new.next_look_at end
    ));
  end if;
  if new.status = 'suspended' and old.status <> 'suspended' then
    perform coinslot.emit(
      'top_up.suspended', new.user_id, v_data || jsonb_build_object('reason', new.reason)
    );
  end if;
  return null;
end
$$;
comment on function coinslot.tell_of_top_up() is
'Trigger: writes that a top-up was declined or suspended.';
revoke all on function coinslot.tell_of_top_up() from public;
create trigger top_ups_told after update of failures, status on coinslot.top_ups
for each row execute function coinslot.tell_of_top_up();

create or replace function coinslot.run_maintenance(batch integer) returns jsonb
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
      + coinslot.remind_of_renewals('year', run_maintenance.batch),
    'wallets_armed', coinslot.arm_wallets(run_maintenance.batch),
    'events_purged', coinslot.purge_events(run_maintenance.batch),
    'summed', coinslot.sum_reports(run_maintenance.batch)
  );
end
$$;

comment on function public.coinslot_run_maintenance(integer) is
'Service: expires orders, holds and tokens, deletes what was kept long enough, tells wallets of new
rules, rewards referrals, tells ahead of what is due, and adds up reports; {orders_expired,
wallets_swept, wallets_expired, purged, wallets_with_lots, wallets_told, referrals_settled,
deposits_told, expiries_told, renewals_told, wallets_armed, events_purged, summed}.';

notify pgrst, 'reload schema';
