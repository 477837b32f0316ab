-- Subscriptions, stored methods and top-ups tell the app and people what becomes of them.
--
-- Each change of a subscription is a row of its history, so one trigger there tells of all. Whoever
-- changes a subscription or a top-up has the wallet of its owner locked first: an event takes the
-- next number of that wallet.

insert into coinslot.event_types (type, description) values
('subscription.trial_started', 'A trial begins, for which nothing is charged.'),
('subscription.trial_ending', 'A trial is about to end, and its first period to be charged.'),
('subscription.price_agreed', 'Its owner has agreed to a price that is charged from then on.'),
('subscription.price_proposed', 'Its owner is asked to agree to a higher price.'),
('subscription.price_declined', 'Its owner does not agree to a higher price.'),
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
('subscription_trial', 'subscription.trial_ending', null),
('subscription_price', 'subscription.price_proposed', null),
('subscription_renewal', 'subscription.renewal_due', null),
(
  'subscription_failed', 'subscription.payment_failed',
  '$.status == "past_due" && ($.class == "hard" || $.class == "authentication"
    || $.class == "soft" && ($.attempt == 1 || $.attempt == 3 || $.attempt == 5))'
),
(
  'subscription_ended', 'subscription.ended',
  '$.previous_status != "incomplete"
    && ($.reason == "canceled" || $.reason == "unpaid" || $.reason == "trial_over"
      || $.reason == "price_not_agreed")'
),
(
  'top_up_suspended', 'top_up.suspended',
  '$.reason != "user_deleted" && $.reason != "banned" && $.reason != "test"'
);

-- ---- subscriptions ----

create function coinslot.trial_data(subscription public.token_subscriptions) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'charge_at', subscription.next_charge_at, 'agreed', subscription.trial = 'agreed'
  )
$$;
comment on function coinslot.trial_data(public.token_subscriptions) is
'What is charged at the end of a trial, and whether its owner has agreed to that.';
revoke all on function coinslot.trial_data(public.token_subscriptions) from public;

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
    ('subscription.trial_started', jsonb_build_object(
        'trial_tokens', change.detail -> 'tokens', 'charge_at', subscription.next_charge_at,
        'agreed', subscription.trial = 'agreed'),
      change.event = 'trial_started'),
    -- A trial that is no longer than that has its notice at once.
    ('subscription.trial_ending', coinslot.trial_data(subscription),
      change.event = 'trial_started' and subscription.next_charge_at - subscription.created_at <= (
        select s.trial_ahead from coinslot.settings s where s.id
      )),
    ('subscription.price_agreed', jsonb_build_object('from', change.detail -> 'from',
        'amount', change.detail -> 'amount'),
      change.event = 'price_agreed'),
    ('subscription.price_proposed', jsonb_build_object('from', change.detail -> 'from',
        'next_amount', change.detail -> 'amount', 'ends', change.detail -> 'ends'),
      change.event = 'price_proposed'),
    ('subscription.price_declined', jsonb_build_object('from', change.detail -> 'from',
        'next_amount', change.detail -> 'amount', 'ends', change.detail -> 'ends'),
      change.event = 'price_declined'),
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

insert into coinslot.event_walks (name) values ('renewals'), ('yearly_renewals'), ('trials');

-- With the plan of the next period, as somebody agreed to it.
create function coinslot.renewal_data(subscription public.token_subscriptions) returns jsonb
language sql stable set search_path = '' as $$
  select coinslot.subscription_data(subscription)
    || jsonb_build_object('charge_at', subscription.next_charge_at) || coalesce((
      select jsonb_build_object('amount', a.amount) from coinslot.price_ask(subscription) a
      where a.answer = 'agreed'
    ), '{}') || coalesce((
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

-- What is not paid, and what ends or pauses, or waits for a yes to its price, is charged for no
-- next period. A wallet that is in use is moving: the walk stops there, and goes on the next time.
create function coinslot.remind_of_renewals(every text, batch integer) returns bigint
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
      and s.live = coinslot.is_live() and not s.cancel_at_end and not s.pause_at_end
      and not coinslot.ends_by_price(s);
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
