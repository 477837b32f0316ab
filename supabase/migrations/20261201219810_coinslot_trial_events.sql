-- Trials tell the app and people what becomes of them, and what is charged when they end.

select coinslot.lock_for_upgrade(array['coinslot.mail_kinds']::regclass[]);

insert into coinslot.event_types (type, description) values
('subscription.trial_started', 'A trial begins, for which nothing is charged.'),
('subscription.trial_ending', 'A trial is about to end, and its first period to be charged.'),
('subscription.price_agreed', 'Its owner has agreed to a price that is charged from then on.');
insert into coinslot.mail_kinds (kind, event_type, only_if) values
('subscription_trial', 'subscription.trial_ending', null);
update coinslot.mail_kinds k set
  only_if = '$.previous_status != "incomplete"
    && ($.reason == "canceled" || $.reason == "unpaid" || $.reason == "trial_over")'
where k.kind = 'subscription_ended';
insert into coinslot.event_walks (name) values ('trials');

create function coinslot.trial_data(subscription public.token_subscriptions) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'charge_at', subscription.next_charge_at, 'agreed', subscription.trial = 'agreed'
  )
$$;
comment on function coinslot.trial_data(public.token_subscriptions) is
'What is charged at the end of a trial, and whether its owner has agreed to that.';
revoke all on function coinslot.trial_data(public.token_subscriptions) from public;

-- In the order in which they happened, where one row brings several.
create or replace function coinslot.subscription_moves(
  change public.token_subscription_events, subscription public.token_subscriptions
) returns table (type text, more jsonb)
language sql stable set search_path = '' as $$
  select m.type, m.more from (
    values
    ('subscription.trial_started', jsonb_build_object(
        'trial_tokens', change.detail -> 'tokens', 'charge_at', subscription.next_charge_at,
        'agreed', subscription.trial = 'agreed'),
      change.event = 'trial_started'),
    -- A trial that is no longer than that has its notice at once.
    ('subscription.trial_ending', coinslot.trial_data(subscription),
      change.event = 'trial_started' and subscription.next_charge_at - subscription.created_at <= (
        select s.trial_ahead from coinslot.settings s where s.id
      )),
    ('subscription.price_agreed', jsonb_build_object('from', change.detail -> 'from'),
      change.event = 'price_agreed'),
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
    ('subscription.kept', '{}', change.event = 'kept' and change.from_status in ('trialing', 'active')),
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

-- What is not paid, and what ends or pauses, is charged for no next period. A wallet that is in use
-- is moving: the walk stops there, and goes on the next time.
create or replace function coinslot.remind_of_renewals(every text, batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_walk coinslot.event_walks;
  v_until timestamptz := clock_timestamp() + (
    select case remind_of_renewals.every when 'year' then s.yearly_renewal_ahead
      when 'trial' then s.trial_ahead else s.renewal_ahead end
    from coinslot.settings s where s.id
  );
  v_due record;
  v_subscription public.token_subscriptions;
  v_last uuid;
  v_told bigint := 0;
begin
  select k.* into v_walk from coinslot.event_walks k
  where k.name = case remind_of_renewals.every when 'year' then 'yearly_renewals'
    when 'trial' then 'trials' else 'renewals' end
  for update skip locked;
  if not found or v_until is null then
    return 0;
  end if;
  for v_due in
    select s.id, s.user_id, s.next_charge_at from public.token_subscriptions s
    where s.next_charge_at >= v_walk.at and s.next_charge_at <= v_until
      and (s.next_charge_at, s.id::text) > (v_walk.at, v_walk.after_id)
      and case when s.status = 'trialing' then 'trial' else s.every end = remind_of_renewals.every
      and s.status in ('trialing', 'active')
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
    where s.id = v_due.id and s.user_id = v_due.user_id
      and s.status = case remind_of_renewals.every when 'trial' then 'trialing' else 'active' end
      and (s.status = 'active' or s.next_charge_at - s.created_at > v_until - clock_timestamp())
      and s.next_charge_at = v_due.next_charge_at and s.next_charge_at > clock_timestamp()
      and s.live = coinslot.is_live() and not s.cancel_at_end and not s.pause_at_end;
    if found then
      v_told := v_told + 1;
      perform coinslot.emit(
        case v_subscription.status when 'trialing' then 'subscription.trial_ending'
          else 'subscription.renewal_due' end,
        v_due.user_id, coinslot.renewal_data(v_subscription)
        || case v_subscription.status when 'trialing' then coinslot.trial_data(v_subscription)
          else '{}' end
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
'Tells of months, years or the ends of trials that are about to be charged, each once; how many.';

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
      + coinslot.remind_of_renewals('year', run_maintenance.batch)
      + coinslot.remind_of_renewals('trial', run_maintenance.batch),
    'wallets_armed', coinslot.arm_wallets(run_maintenance.batch),
    'events_purged', coinslot.purge_events(run_maintenance.batch),
    'summed', coinslot.sum_reports(run_maintenance.batch)
  );
end
$$;

notify pgrst, 'reload schema';
