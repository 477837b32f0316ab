-- Recurring revenue: what subscriptions that run are worth a month, and how that changed.
--
-- A move is written in the transaction that changes a subscription, dated by the database's clock,
-- and never changed: so what is said of a month that is over stays. A yearly price counts a
-- twelfth, rounded down; all moves of a subscription add up to what it is worth. One whose charge
-- was declined counts until it ends: a charge that is made again and paid is no churn. What is
-- paused is gone until it is resumed. Packs and top-ups are no recurring revenue, and this is no
-- cash, and a trial is nothing before its first period is paid.

create function coinslot.is_recurring(subscription public.token_subscriptions) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select subscription.status in ('active', 'past_due')
    and subscription.trial is distinct from 'agreed'
$$;
comment on function coinslot.is_recurring(public.token_subscriptions) is
'True of a subscription that runs, and was paid for.';
revoke all on function coinslot.is_recurring(public.token_subscriptions) from public;

create function coinslot.monthly_worth(subscription public.token_subscriptions) returns bigint
language sql immutable parallel safe set search_path = '' as $$
  select case when coinslot.is_recurring(subscription)
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
  v_runs integer := coinslot.is_recurring(new)::integer - coinslot.is_recurring(old)::integer;
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
  with parts as (
    select width_bucket(m.at, options.bounds) as place, m.reason, m.plan_id, m.currency,
      count(*) as ended, -sum(m.worth) as churn
    from coinslot.recurring_moves m
    where m.at >= options.since and m.at < options.until and m.live = options.live
      and m.kind = 'churn' and (options.currency is null or m.currency = options.currency)
    group by 1, 2, 3, 4
  ), ranked as (
    select p.*, row_number() over (
      partition by p.place, p.currency order by p.churn desc, p.reason, p.plan_id
    ) <= coinslot.kinds_of_a_row(options) as named
    from parts p
  )
  select jsonb_agg(to_jsonb(r) order by r.day, r.churn desc, r.label, r.plan) into v_rows from (
    select options.days[k.place] as day, case when k.named then k.reason else 'other' end as label,
      case when k.named then k.plan_id else '' end as plan, k.currency,
      sum(k.ended)::bigint as ended, sum(k.churn)::bigint as churn
    from ranked k group by 1, 2, 3, 4
  ) r;
  return coalesce(v_rows, '[]');
end
$$;
comment on function coinslot.churn_report(coinslot.report_options) is
'Subscriptions that stopped, by reason and plan.';
revoke all on function coinslot.churn_report(coinslot.report_options) from public;
