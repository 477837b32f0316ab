-- Trials: days of a plan without money. A person has one in a family, ever: what they have confirmed
-- and their card are marked, for whichever account comes next with them.
--
-- What a trial gives ends with it, and is never carried over: nobody has paid for it. Its first
-- period begins where it ends. Where the law has it so, to begin a trial is not yet to agree to the
-- price: that is asked for again while it runs, and without an answer nothing is charged.

create table coinslot.trial_marks (
  family text not null,
  mark text collate "C" not null,
  live boolean not null,
  subscription_id uuid not null,
  constraint trial_marks_pkey primary key (family, mark, live),
  constraint trial_marks_subscription_id_fkey foreign key (subscription_id)
  references public.token_subscriptions (id) on delete restrict
);
comment on table coinslot.trial_marks is
'Hashes of the identities and cards that have had the trial of a family.';
create index trial_marks_subscription_id on coinslot.trial_marks (subscription_id);
alter table coinslot.trial_marks enable row level security;
revoke all on table coinslot.trial_marks from anon, authenticated, service_role;
create policy "Nobody reads marks of trials through the API" on coinslot.trial_marks
for select to anon, authenticated using (false);

create table coinslot.trial_grants (
  subscription_id uuid not null,
  lot_id bigint not null,
  tokens bigint not null,
  constraint trial_grants_pkey primary key (subscription_id),
  constraint trial_grants_subscription_id_fkey foreign key (subscription_id)
  references public.token_subscriptions (id) on delete restrict,
  constraint trial_grants_lot_id_key unique (lot_id),
  constraint trial_grants_lot_id_fkey foreign key (lot_id)
  references public.token_lots (id) on delete restrict
);
comment on table coinslot.trial_grants is 'What each trial gave, once.';
alter table coinslot.trial_grants enable row level security;
revoke all on table coinslot.trial_grants from anon, authenticated, service_role;
create policy "Nobody reads grants of trials through the API" on coinslot.trial_grants
for select to anon, authenticated using (false);
create trigger trial_grants_append_only before update or delete on coinslot.trial_grants
for each row execute function coinslot.refuse_change();

create function coinslot.refuse_trial(reason text) returns void
language plpgsql stable set search_path = '' as $$
begin
  perform coinslot.fail('trial_not_offered', jsonb_build_object('reason', refuse_trial.reason));
end
$$;
comment on function coinslot.refuse_trial(text) is
'PT409: somebody has no trial. none: there is none. had: they have had it. asked: none that is
charged after it without another consent.';
revoke all on function coinslot.refuse_trial(text) from public;

-- Who shares any of them with somebody before has had the trial. Of two at once the second waits
-- for the first, sorted, after its wallet.
create function coinslot.mark_trial(subscription public.token_subscriptions) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_marks text[] := array(
    select c.identity_hash from coinslot.confirmed_identities c
    where c.user_id = subscription.user_id
    union
    select k.card_hash from coinslot.billing_keys k
    where k.id = subscription.method_id and k.card_hash is not null
    order by 1
  );
  v_new bigint;
begin
  with marked as (
    insert into coinslot.trial_marks (family, mark, live, subscription_id)
    select subscription.family, m.mark, subscription.live, subscription.id
    from unnest(v_marks) with ordinality m (mark, place) order by m.place
    on conflict do nothing
    returning mark
  )
  select count(*) into v_new from marked;
  if v_new < cardinality(v_marks) or exists (
    select from public.token_subscriptions s
    where s.user_id = subscription.user_id and s.family = subscription.family
      and s.live = subscription.live and s.trial is not null and s.id <> subscription.id
  ) then
    perform coinslot.refuse_trial('had');
  end if;
end
$$;
comment on function coinslot.mark_trial(public.token_subscriptions) is
'Uses up the trial of a family for a person and a card; PT409 where it was used up before.';
revoke all on function coinslot.mark_trial(public.token_subscriptions) from public;

-- Until the first period is charged, and a little longer, as those of a period.
create function coinslot.give_trial_tokens(
  subscription public.token_subscriptions, tokens bigint
) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets;
  v_receipt public.token_receipt;
begin
  if give_trial_tokens.tokens = 0 then
    return;
  end if;
  v_wallet := coinslot.lock_wallet(subscription.user_id);
  v_receipt := coinslot.post_credit(
    coinslot.new_entry(
      subscription.user_id, 'grant', give_trial_tokens.tokens, 'system', reason => 'trial',
      metadata => jsonb_build_object('subscription_id', subscription.id)
    ),
    v_wallet, coinslot.wallet_time(v_wallet),
    subscription.next_charge_at + interval '1 hour'
  );
  insert into coinslot.trial_grants (subscription_id, lot_id, tokens)
  select subscription.id, l.id, l.tokens from public.token_lots l
  where l.user_id = subscription.user_id and l.seq = v_receipt.seq;
end
$$;
comment on function coinslot.give_trial_tokens(public.token_subscriptions, bigint) is
'Gives the tokens of a trial that has just begun; the wallet is locked.';
revoke all on function coinslot.give_trial_tokens(public.token_subscriptions, bigint) from public;

-- Its first period is number 0, as anybody's, and begins with the end of the trial.
create function coinslot.begin_trial(
  user_id uuid, terms public.token_subscriptions, gateway text, method_id uuid, trial text
) returns public.token_subscriptions
language plpgsql volatile set search_path = '' as $$
declare
  v_plan public.token_plans;
  v_settings coinslot.settings;
  v_subscription public.token_subscriptions;
  v_id uuid := gen_random_uuid();
  v_now timestamptz := clock_timestamp();
  v_end timestamptz;
begin
  select l.* into strict v_plan from public.token_plans l where l.id = terms.plan_id;
  select s.* into strict v_settings from coinslot.settings s where s.id;
  if begin_trial.trial not in ('asked', 'agreed') then
    perform coinslot.fail('invalid_argument', '{"argument": "trial", "known": ["asked", "agreed"]}');
  elsif v_plan.trial_days = 0 then
    perform coinslot.refuse_trial('none');
  elsif begin_trial.trial = 'agreed' and v_settings.trial_needs_consent then
    perform coinslot.refuse_trial('asked');
  elsif exists (
    select from auth.users u where u.id = begin_trial.user_id and u.is_anonymous
  ) then
    perform coinslot.fail('account_required');
  elsif not exists (
    select from coinslot.confirmed_identities c where c.user_id = begin_trial.user_id
  ) then
    -- By which else would the next account be known?
    perform coinslot.fail('identity_required');
  end if;
  v_end := (
    (v_now at time zone v_settings.time_zone) + make_interval(days => v_plan.trial_days)
  ) at time zone v_settings.time_zone;
  insert into public.token_subscriptions (
    id, user_id, plan_id, family, gateway, live, status, trial, every, amount, currency, tokens,
    rollover, rollover_cap, method_id, time_zone, anchor, period, period_start, period_end,
    next_charge_at
  ) values (
    v_id, begin_trial.user_id, terms.plan_id, terms.family, begin_trial.gateway,
    coinslot.is_live(), 'trialing', begin_trial.trial, terms.every, terms.amount, terms.currency,
    terms.tokens, terms.rollover, terms.rollover_cap, begin_trial.method_id, v_settings.time_zone,
    v_end, -1, v_now, v_end, coinslot.charge_time(v_end, v_settings.time_zone, v_id)
  ) returning * into v_subscription;
  perform coinslot.mark_trial(v_subscription);
  perform coinslot.give_trial_tokens(v_subscription, v_plan.trial_tokens);
  perform coinslot.note_subscription(v_subscription, null, 'trial_started', jsonb_build_object(
    'tokens', v_plan.trial_tokens, 'ends_at', v_end
  ));
  return v_subscription;
end
$$;
comment on function coinslot.begin_trial(uuid, public.token_subscriptions, text, uuid, text) is
'Writes a subscription that is charged for the first time when its trial is over.';
revoke all on function coinslot.begin_trial(uuid, public.token_subscriptions, text, uuid, text)
from public;

-- A yes is to the price that was shown, and to no other: that after a trial, or a higher one.
create function coinslot.answer_price(
  subscription_id uuid, agrees boolean, amount bigint, consent jsonb
) returns public.token_subscriptions
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_before public.token_subscriptions := coinslot.lock_subscription(
    answer_price.subscription_id, coinslot.current_user_id()
  );
  v_after public.token_subscriptions;
begin
  if v_before.status <> 'trialing' then
    return coinslot.answer_proposal(
      v_before, coalesce(answer_price.agrees, false), answer_price.amount, answer_price.consent
    );
  elsif v_before.period >= 0 then
    perform coinslot.refuse_state(v_before);
  elsif answer_price.agrees is not true then
    return coinslot.end_with_period(v_before);
  elsif answer_price.amount is distinct from v_before.amount then
    perform coinslot.fail(
      'changed_meanwhile', jsonb_build_object('amount', v_before.amount)
    );
  elsif v_before.trial = 'agreed' and not v_before.cancel_at_end then
    return v_before;
  end if;
  update public.token_subscriptions s set
    trial = 'agreed', cancel_at_end = false, version = s.version + 1,
    updated_at = clock_timestamp()
  where s.id = v_before.id
  returning s.* into v_after;
  v_before.period_start := v_before.period_end;
  perform coinslot.note_consent(v_before, 'price', v_after, answer_price.consent);
  perform coinslot.note_subscription(v_after, 'trialing', 'price_agreed', jsonb_build_object(
    'amount', v_after.amount, 'from', v_after.period_end
  ));
  return v_after;
end
$$;
comment on function coinslot.answer_price(uuid, boolean, bigint, jsonb) is
'See public.answer_token_price.';
revoke all on function coinslot.answer_price(uuid, boolean, bigint, jsonb) from public;
grant execute on function coinslot.answer_price(uuid, boolean, bigint, jsonb) to authenticated;

create function public.answer_token_price(
  subscription_id uuid, agrees boolean, amount bigint default null, consent jsonb default '{}'
) returns public.token_subscriptions
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.answer_price(
    answer_token_price.subscription_id, answer_token_price.agrees, answer_token_price.amount,
    answer_token_price.consent
  )
$$;
comment on function public.answer_token_price(uuid, boolean, bigint, jsonb) is
'The signed-in user agrees to what is charged after a trial, or to a higher price from the next
period on, or does not. amount is the price that the page showed; PT409 if it is another.';
revoke all on function public.answer_token_price(uuid, boolean, bigint, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.answer_token_price(uuid, boolean, bigint, jsonb)
to authenticated;
