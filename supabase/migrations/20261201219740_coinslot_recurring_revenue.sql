select coinslot.lock_for_upgrade(array['public.token_subscriptions']::regclass[]);

-- Recurring revenue: what subscriptions that run are worth a month, and how that changed.
--
-- A move is written in the transaction that changes a subscription, dated by the database's clock,
-- and never changed: so what is said of a month that is over stays. A yearly price counts a
-- twelfth, rounded down; all moves of a subscription add up to what it is worth. One whose charge
-- was declined counts until it ends: a charge that is made again and paid is no churn. What is
-- paused is gone until it is resumed. Packs and top-ups are no recurring revenue, and this is no
-- cash.

create function coinslot.monthly_worth(subscription public.token_subscriptions) returns bigint
language sql immutable parallel safe set search_path = '' as $$
  select case when subscription.status in ('active', 'past_due')
    then case subscription.every when 'year' then subscription.amount / 12
      else subscription.amount end
    else 0 end
$$;
comment on function coinslot.monthly_worth(public.token_subscriptions) is
'Minor units a month, of a subscription that runs; 0 of any other.';
revoke all on function coinslot.monthly_worth(public.token_subscriptions) from public;

create table coinslot.recurring_moves (
  id bigint generated always as identity,
  subscription_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  currency text not null,
  live boolean not null,
  plan_id text not null,
  kind text not null,
  worth bigint not null,
  subscriptions integer not null,
  reason text,
  constraint recurring_moves_pkey primary key (id),
  constraint recurring_moves_subscription_id_fkey foreign key (subscription_id)
  references public.token_subscriptions (id) on delete restrict,
  constraint recurring_moves_kind_known
  check (kind in ('new', 'reactivation', 'expansion', 'contraction', 'churn'))
);
comment on table coinslot.recurring_moves is
'Each change of what a subscription is worth a month.';
comment on column coinslot.recurring_moves.worth is 'Minor units a month more than before.';
comment on column coinslot.recurring_moves.subscriptions is
'1 where it began to run, -1 where it stopped.';
comment on column coinslot.recurring_moves.reason is 'Of churn: why it stopped.';
create index recurring_moves_at on coinslot.recurring_moves (at)
include (currency, live, kind, worth, subscriptions);
create index recurring_moves_subscription_id on coinslot.recurring_moves (subscription_id);
alter table coinslot.recurring_moves enable row level security;
revoke all on table coinslot.recurring_moves from anon, authenticated, service_role;
revoke all on sequence coinslot.recurring_moves_id_seq from anon, authenticated, service_role;
create policy "Nobody reads recurring moves through the API" on coinslot.recurring_moves
for select to anon, authenticated using (false);
create trigger recurring_moves_append_only before update or delete or truncate
on coinslot.recurring_moves
for each statement execute function coinslot.refuse_change();

-- Who had a plan of this family before comes back.
create function coinslot.note_recurring() returns trigger
language plpgsql volatile security definer set search_path = '' set enable_seqscan = off as $$
declare
  v_before bigint := coinslot.monthly_worth(old);
  v_after bigint := coinslot.monthly_worth(new);
  v_runs integer := (new.status in ('active', 'past_due'))::integer
    - (old.status in ('active', 'past_due'))::integer;
begin
  if v_before = v_after and v_runs = 0 then
    return null;
  end if;
  insert into coinslot.recurring_moves (
    subscription_id, currency, live, plan_id, kind, worth, subscriptions, reason
  ) values (
    new.id, new.currency, new.live, new.plan_id, case
      when v_runs < 0 then 'churn'
      when v_runs = 0 and v_after > v_before then 'expansion'
      when v_runs = 0 then 'contraction'
      when exists (
        select from public.token_subscriptions s
        inner join coinslot.recurring_moves m on m.subscription_id = s.id
        where s.user_id = new.user_id and s.family = new.family
      ) then 'reactivation'
      else 'new'
    end, v_after - v_before, v_runs,
    case when v_runs < 0 then coalesce(new.end_reason, new.status) end
  );
  return null;
end
$$;
comment on function coinslot.note_recurring() is
'Trigger: writes what is different in what a subscription is worth.';
revoke all on function coinslot.note_recurring() from public;
create trigger token_subscriptions_worth_moved after update of status, amount, every
on public.token_subscriptions
for each row when (
  old.status <> new.status or old.amount <> new.amount or old.every <> new.every
) execute function coinslot.note_recurring();

-- The roll-forward: closing = opening + new + reactivation + expansion - contraction - churn. A
-- currency that has something has a first row, also where nothing moved.
create function coinslot.recurring_report(options coinslot.report_options) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_rows jsonb;
begin
  with opening as materialized (
    select m.currency, sum(m.worth)::bigint as worth, sum(m.subscriptions)::bigint as running
    from coinslot.recurring_moves m
    where m.at < options.since and m.live = options.live
      and (options.currency is null or m.currency = options.currency)
    group by 1
  ), moves as (
    select width_bucket(m.at, options.bounds) as place, m.currency,
      coalesce(sum(m.worth) filter (where m.kind = 'new'), 0)::bigint as new,
      coalesce(sum(m.worth) filter (where m.kind = 'reactivation'), 0)::bigint as reactivation,
      coalesce(sum(m.worth) filter (where m.kind = 'expansion'), 0)::bigint as expansion,
      coalesce(-sum(m.worth) filter (where m.kind = 'contraction'), 0)::bigint as contraction,
      coalesce(-sum(m.worth) filter (where m.kind = 'churn'), 0)::bigint as churn,
      count(*) filter (where m.subscriptions > 0) as started,
      count(*) filter (where m.subscriptions < 0) as ended,
      sum(m.worth)::bigint as change, sum(m.subscriptions)::bigint as running
    from coinslot.recurring_moves m
    where m.at >= options.since and m.at < options.until and m.live = options.live
      and (options.currency is null or m.currency = options.currency)
    group by 1, 2
  ), parts as (
    select * from moves
    union all
    select 1, o.currency, 0, 0, 0, 0, 0, 0, 0, 0, 0 from opening o
    where o.running > 0 and not exists (
      select from moves m where m.currency = o.currency and m.place = 1
    )
  ), summed as (
    select options.days[p.place] as day, p.currency,
      (coalesce(o.worth, 0) + sum(p.change) over w - p.change)::bigint as opening,
      p.new, p.reactivation, p.expansion, p.contraction, p.churn,
      (coalesce(o.worth, 0) + sum(p.change) over w)::bigint as closing,
      (coalesce(o.running, 0) + sum(p.running) over w - p.running)::bigint as opened,
      p.started, p.ended,
      (coalesce(o.running, 0) + sum(p.running) over w)::bigint as subscriptions
    from parts p left join opening o on o.currency = p.currency
    window w as (partition by p.currency order by p.place)
  )
  select jsonb_agg(to_jsonb(r) - 'opened' order by r.day, r.currency) into v_rows from (
    select s.*,
      round(100.0 * (s.churn + s.contraction) / nullif(s.opening, 0), 1) as churn_percent,
      round(
        100.0 * (s.churn + s.contraction - s.expansion - s.reactivation) / nullif(s.opening, 0), 1
      ) as net_churn_percent,
      round(100.0 * s.ended / nullif(s.opened, 0), 1) as lost_percent
    from summed s
  ) r;
  return coalesce(v_rows, '[]');
end
$$;
comment on function coinslot.recurring_report(coinslot.report_options) is
'What subscriptions are worth a month, by currency, and how that changed.';
revoke all on function coinslot.recurring_report(coinslot.report_options) from public;

create function coinslot.churn_report(options coinslot.report_options) returns jsonb
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_rows jsonb;
begin
  select jsonb_agg(to_jsonb(r) order by r.day, r.churn desc, r.label, r.plan) into v_rows from (
    select options.days[width_bucket(m.at, options.bounds)] as day, m.reason as label,
      m.plan_id as plan, m.currency, count(*) as ended, -sum(m.worth)::bigint as churn
    from coinslot.recurring_moves m
    where m.at >= options.since and m.at < options.until and m.live = options.live
      and m.kind = 'churn' and (options.currency is null or m.currency = options.currency)
    group by 1, 2, 3, 4
    order by 1, 6 desc limit 5000
  ) r;
  return coalesce(v_rows, '[]');
end
$$;
comment on function coinslot.churn_report(coinslot.report_options) is
'Subscriptions that stopped, by reason and plan.';
revoke all on function coinslot.churn_report(coinslot.report_options) from public;

create or replace function coinslot.report_names() returns text[]
language sql immutable parallel safe set search_path = ''
return array[
  'sales', 'methods', 'products', 'funnel', 'declines', 'tokens', 'liability', 'recurring', 'churn',
  'vat', 'settlement'
];

-- What each figure is, for who reads it. The words stand once, here.
create or replace function coinslot.report_definition(report text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select case report_definition.report
    when 'sales' then 'Net sales: what was paid, less refunds and chargebacks, each on the day '
      'that it was recorded. of_earlier is the part that went back of sales before this row.'
    when 'methods' then 'The same, by the way to pay.'
    when 'products' then 'The same, by product.'
    when 'funnel' then 'Orders by the day they were made, as they were a week later. opened: the '
      'gateway knows an attempt. declined: at least once. success: paid of opened.'
    when 'declines' then 'Attempts that gateways declined within a week, by the day of their '
      'orders.'
    when 'tokens' then 'Entries of the ledger by day; expired: when their lot ended, as breakage. '
      'outstanding: all balances at the end of the row. other_mode: what test orders gave where '
      'real money is asked for, less what was taken of it; or the reverse. corrections: what came '
      'to be known of a time that was over.'
    when 'liability' then 'Paid tokens at the price of their own lot. recognised: used. breakage: '
      'expired, when the lot ended. refunded: money that went back; of tokens that were used or had expired it is less '
      'recognised and less breakage, when it went back. closing = opening + sold - recognised - '
      'breakage - refunded. VAT is in it.'
    when 'recurring' then 'What running subscriptions are worth a month: a yearly price counts a '
      'twelfth, packs and top-ups nothing. A declined charge is no churn before it is given up; '
      'paused is. churn_percent: churn and contraction of opening; net_churn_percent: less '
      'expansion and reactivation; lost_percent: subscriptions. VAT is in it, and it is no cash.'
    when 'churn' then 'Subscriptions that stopped, and what they were worth a month.'
    when 'vat' then 'Sums of won with VAT: a tenth of the rest, rounded by payment. Other '
      'currencies show none. All is taken for taxable: ask your accountant.'
    when 'settlement' then 'What gateways list against what the books say, as audits that were '
      'finished found it: by when a payment moved, each time once, by the latest.'
  end
$$;

create or replace function coinslot.make_report(report text, options jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_options coinslot.report_options;
  v_progress coinslot.report_progress;
begin
  if (make_report.report = any (coinslot.report_names())) is not true then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'report', 'known', coinslot.report_names()
    ));
  end if;
  v_options := coinslot.read_options(coalesce(make_report.options, '{}'));
  select p.* into v_progress from coinslot.report_progress p;
  return jsonb_build_object(
    'report', make_report.report, 'definition', coinslot.report_definition(make_report.report),
    'from', (v_options.since at time zone v_options.zone)::date,
    'to', (v_options.until at time zone v_options.zone)::date - 1,
    'zone', v_options.zone, 'step', v_options.step, 'currency', v_options.currency,
    'live', v_options.live, 'made_at', clock_timestamp(),
    'complete_to', case when make_report.report in ('tokens', 'liability')
      then nullif(v_progress.walked_to, '-infinity') else clock_timestamp() end,
    'complete', case when make_report.report in ('tokens', 'liability')
      then v_progress.walked_to >= least(v_options.until, clock_timestamp() - interval '1 hour')
      else v_progress.moves_made_at is not null end,
    'rows', case make_report.report
      when 'sales' then coinslot.money_report(v_options, 'all')
      when 'vat' then coinslot.money_report(v_options, 'all')
      when 'methods' then coinslot.money_report(v_options, 'method')
      when 'products' then coinslot.money_report(v_options, 'product')
      when 'funnel' then coinslot.funnel_report(v_options)
      when 'declines' then coinslot.declines_report(v_options)
      when 'tokens' then coinslot.tokens_report(v_options)
      when 'liability' then coinslot.liability_report(v_options)
      when 'recurring' then coinslot.recurring_report(v_options)
      when 'churn' then coinslot.churn_report(v_options)
      when 'settlement' then coinslot.settlement_report(v_options) end
  );
end
$$;

create or replace function public.token_console_report(report text, options jsonb) returns jsonb
language sql stable set search_path = '' set statement_timeout = '1s' as $$
  select coinslot.console_report(token_console_report.report, token_console_report.options)
$$;
comment on function public.token_console_report(text, jsonb) is
'Operators: a report as {definition, from, to, zone, rows, …}: sales, methods, products, funnel,
declines, tokens, liability, recurring, churn, vat, settlement. Options: from, to, zone, step,
currency, live.';

create or replace function coinslot.report_columns(report text) returns text[]
language sql immutable parallel safe set search_path = '' as $$
  select case
    when report_columns.report = 'sales' then array['day', 'currency', 'payments', 'paid',
      'refunded', 'withdrawn', 'net', 'of_earlier']
    when report_columns.report in ('methods', 'products') then array['day', 'label', 'currency',
      'payments', 'paid', 'refunded', 'withdrawn', 'net', 'of_earlier']
    when report_columns.report = 'vat' then array['day', 'currency', 'payments', 'net', 'supply',
      'vat']
    when report_columns.report = 'funnel' then array['day', 'gateway', 'label', 'currency',
      'orders', 'opened', 'tried', 'declined', 'paid', 'first_try', 'recovered', 'success_percent']
    when report_columns.report = 'declines' then array['day', 'gateway', 'method', 'label',
      'attempts']
    when report_columns.report = 'tokens' then array['day', 'opening', 'sold', 'given', 'spent',
      'expired', 'taken_back', 'adjusted', 'other_mode', 'corrections', 'outstanding']
    when report_columns.report = 'liability' then array['day', 'currency', 'opening', 'sold',
      'recognised', 'breakage', 'refunded', 'corrections', 'closing', 'closing_tokens']
    when report_columns.report = 'recurring' then array['day', 'currency', 'opening', 'new',
      'reactivation', 'expansion', 'contraction', 'churn', 'closing', 'subscriptions', 'started',
      'ended', 'churn_percent', 'net_churn_percent', 'lost_percent']
    when report_columns.report = 'churn' then array['day', 'label', 'plan', 'currency', 'ended',
      'churn']
    when report_columns.report = 'settlement' then array['day', 'gateway', 'currency', 'payments',
      'matched', 'differing', 'their_paid', 'our_paid', 'their_refunded', 'our_refunded',
      'checked_at']
  end
$$;

notify pgrst, 'reload schema';
