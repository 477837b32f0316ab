-- Using a code. It is claimed exactly: by as many as it has uses, and by each identity and user as
-- often as its promotion says. An order that is not paid reserves its use for a short time. Money
-- that comes while the order is open, or in its grace, keeps the price also when the reservation
-- has lapsed; should all uses be taken by then, it is an overrun, and recorded.

-- Codes are guessed one by one: a user may check ten at once that they have not checked before, and
-- one more every minute. An order takes only a code that its buyer has checked, so that it tells
-- nothing to who guesses. It refuses, and what is refused leaves nothing behind to be counted.
create table coinslot.code_rations (
  user_id uuid not null,
  used_until timestamptz not null,
  constraint code_rations_pkey primary key (user_id)
);
comment on table coinslot.code_rations is 'What each user''s looks for codes have used up.';
comment on column coinslot.code_rations.used_until is
'When all that was used is made up for: a minute later for each code.';
alter table coinslot.code_rations enable row level security;
revoke all on table coinslot.code_rations from anon, authenticated, service_role;
create policy "Nobody reads rations of codes through the API" on coinslot.code_rations
for select to anon, authenticated using (false);

create table coinslot.checked_codes (
  user_id uuid not null,
  code text collate "C" not null,
  constraint checked_codes_pkey primary key (user_id, code),
  constraint checked_codes_code_fkey foreign key (code)
  references coinslot.promotion_codes (code) on delete cascade
);
comment on table coinslot.checked_codes is 'The codes that a user knows.';
create index checked_codes_code on coinslot.checked_codes (code);
alter table coinslot.checked_codes enable row level security;
revoke all on table coinslot.checked_codes from anon, authenticated, service_role;
create policy "Nobody reads checked codes through the API" on coinslot.checked_codes
for select to anon, authenticated using (false);

create function coinslot.use_ration(user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_checks integer := (select s.max_code_checks from coinslot.settings s where s.id);
  v_until timestamptz;
begin
  insert into coinslot.code_rations as r (user_id, used_until)
  values (use_ration.user_id, clock_timestamp() + interval '1 minute')
  on conflict on constraint code_rations_pkey do update
  set used_until = greatest(r.used_until, clock_timestamp()) + interval '1 minute'
  returning r.used_until into v_until;
  v_until := v_until - v_checks * interval '1 minute';
  if v_until > clock_timestamp() then
    perform coinslot.fail('too_many_codes', jsonb_build_object(
      'retry_after', ceil(extract(epoch from v_until - clock_timestamp()))
    ));
  end if;
end
$$;
comment on function coinslot.use_ration(uuid) is
'Counts a code that a user tries; PT429 when it is one too many.';
revoke all on function coinslot.use_ration(uuid) from public;

-- Whoever is told that there is such a code has been counted, whatever else is wrong with it.
create function coinslot.look_up_code(user_id uuid, code text) returns coinslot.promotion_codes
language plpgsql volatile set search_path = '' as $$
declare
  v_code coinslot.promotion_codes := coinslot.checked_code(look_up_code.user_id, look_up_code.code);
begin
  if v_code.code is null then
    perform coinslot.use_ration(look_up_code.user_id);
    select c.* into v_code from coinslot.promotion_codes c
    where c.code = coinslot.normal_code(look_up_code.code);
    insert into coinslot.checked_codes (user_id, code)
    select look_up_code.user_id, v_code.code where v_code.code is not null
    on conflict do nothing;
  end if;
  return v_code;
end
$$;
comment on function coinslot.look_up_code(uuid, text) is
'The code that a user wrote, or null; PT429 for who guesses.';
revoke all on function coinslot.look_up_code(uuid, text) from public;

create function coinslot.checked_code(user_id uuid, code text) returns coinslot.promotion_codes
language sql stable set search_path = '' as $$
  select c.* from coinslot.promotion_codes c
  inner join coinslot.checked_codes k on k.code = c.code
  where k.user_id = checked_code.user_id and c.code = coinslot.normal_code(checked_code.code)
$$;
comment on function coinslot.checked_code(uuid, text) is
'The code, if the user has checked it before.';
revoke all on function coinslot.checked_code(uuid, text) from public;

-- ---- who may use it ----

-- Two accounts with one identity come one after the other. Only they wait, sorted, after their
-- wallets.
create function coinslot.lock_identities(user_id uuid) returns text[]
language plpgsql volatile set search_path = '' as $$
declare
  v_hashes text[] := array(
    select distinct c.identity_hash from coinslot.confirmed_identities c
    where c.user_id = lock_identities.user_id order by c.identity_hash
  );
begin
  perform pg_advisory_xact_lock(hashtextextended('coinslot.identity ' || h, 0))
  from unnest(v_hashes) h;
  return v_hashes;
end
$$;
comment on function coinslot.lock_identities(uuid) is
'Locks what an account has confirmed against other accounts that have confirmed it; the hashes.';
revoke all on function coinslot.lock_identities(uuid) from public;

-- An order counts for as long as it may be paid, also when its reservation has lapsed.
create function coinslot.count_uses(promotion text, user_id uuid, hashes text[]) returns bigint
language sql stable set search_path = '' as $$
  select count(*)
  from coinslot.promotion_uses u
  left join public.token_payments p on p.id = u.payment_id
  where u.id in (
    select o.id from coinslot.promotion_uses o
    where o.user_id = any (coinslot.histories_of(count_uses.user_id))
      and o.promotion = count_uses.promotion
    union
    select i.use_id from coinslot.promotion_identities i
    where i.promotion = count_uses.promotion and i.identity_hash = any (count_uses.hashes)
  ) and (
    u.status = 'used'
    or u.status = 'reserved' and p.status in ('pending', 'failed', 'awaiting_deposit', 'review')
  )
$$;
comment on function coinslot.count_uses(text, uuid, text[]) is
'How often a user, or who has the same identity, has used a promotion.';
revoke all on function coinslot.count_uses(text, uuid, text[]) from public;

-- Also of whoever has their orders since a merge. Test money buys nothing in a live database.
-- Orders are looked for by user alone: for one that was credited, a planner may go through
-- everybody's.
create function coinslot.has_paid(user_id uuid, live boolean, before timestamptz) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_users uuid[] := array(
    select has_paid.user_id
    union select m.owner_user from coinslot.merged_wallets m where m.from_user = has_paid.user_id
  );
begin
  return exists (
    select from (
      select p.live, p.confirmed_at from public.token_payments p
      where p.user_id = any (v_users) offset 0
    ) p
    where p.live = has_paid.live and p.confirmed_at < has_paid.before
  );
end
$$;
comment on function coinslot.has_paid(uuid, boolean, timestamptz) is
'True of a user with an order that was credited before that time.';
revoke all on function coinslot.has_paid(uuid, boolean, timestamptz) from public;

create function coinslot.have_paid(
  user_id uuid, hashes text[], live boolean, before timestamptz
) returns boolean
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return coinslot.has_paid(have_paid.user_id, have_paid.live, have_paid.before) or exists (
    select from coinslot.identities i
    where i.identity_hash = any (have_paid.hashes)
      and coinslot.has_paid(i.user_id, have_paid.live, have_paid.before)
  );
end
$$;
comment on function coinslot.have_paid(uuid, text[], boolean, timestamptz) is
'True of a user who had paid before that time, or whose identities are those of somebody who had.';
revoke all on function coinslot.have_paid(uuid, text[], boolean, timestamptz) from public;

-- An account may be gone tomorrow, and what it confirmed may have been somebody's before who never
-- bought. So may an account that was merged into it. Of one that buys again everything is known:
-- nobody's orders are read, and nothing is locked.
create function coinslot.note_buyer(user_id uuid) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_live boolean := coinslot.is_live();
  v_account uuid;
  v_hashes text[] := array[]::text[];
  v_hash text;
  v_known uuid;
begin
  -- One by one: a statement about any number of them would be planned anew at every payment.
  foreach v_account in array coinslot.histories_of(note_buyer.user_id) loop
    v_hashes := v_hashes || array(
      select c.identity_hash from coinslot.confirmed_identities c where c.user_id = v_account
    );
  end loop;
  for v_hash in select distinct h.hash from unnest(v_hashes) as h (hash) order by h.hash loop
    select i.user_id into v_known from coinslot.identities i where i.identity_hash = v_hash;
    continue when v_known = note_buyer.user_id;
    continue when coinslot.has_paid(v_known, v_live, 'infinity');
    insert into coinslot.identities as i (identity_hash, user_id)
    values (v_hash, note_buyer.user_id)
    on conflict (identity_hash) do update set user_id = excluded.user_id
    where not coinslot.has_paid(i.user_id, v_live, 'infinity');
  end loop;
end
$$;
comment on function coinslot.note_buyer(uuid) is
'Notes of the identities of somebody who has paid that they are a buyer''s.';
revoke all on function coinslot.note_buyer(uuid) from public;

create function coinslot.note_if_buyer(user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
begin
  if coinslot.has_paid(note_if_buyer.user_id, coinslot.is_live(), 'infinity') then
    perform coinslot.note_buyer(note_if_buyer.user_id);
  end if;
end
$$;
comment on function coinslot.note_if_buyer(uuid) is
'Notes what somebody has confirmed, or has taken over, if they have paid.';
revoke all on function coinslot.note_if_buyer(uuid) from public;

-- A first purchase that is under way is one, whichever account of an identity it is of.
create function coinslot.has_bought(user_id uuid, hashes text[]) returns boolean
language sql stable set search_path = '' as $$
  select coinslot.have_paid(
    has_bought.user_id, has_bought.hashes, coinslot.is_live(), 'infinity'
  ) or exists (
    select from coinslot.promotions t
    cross join lateral (
      select o.id from coinslot.promotion_uses o
      where o.user_id = any (coinslot.histories_of(has_bought.user_id)) and o.promotion = t.id
      union select i.use_id from coinslot.promotion_identities i
      where i.promotion = t.id and i.identity_hash = any (has_bought.hashes)
    ) m
    inner join coinslot.promotion_uses u on u.id = m.id and u.status = 'reserved'
    inner join public.token_payments p on p.id = u.payment_id
    where t.first_purchase and p.status in ('pending', 'failed', 'awaiting_deposit', 'review')
  )
$$;
comment on function coinslot.has_bought(uuid, text[]) is
'True of who buys or has bought, or shares an identity with somebody who has.';
revoke all on function coinslot.has_bought(uuid, text[]) from public;

-- A product is what it is for; without one the code is redeemed, or only looked at.
create function coinslot.code_problem(
  code coinslot.promotion_codes, user_id uuid, hashes text[], product_id text, currency text
) returns text
language plpgsql stable set search_path = '' as $$
declare
  v_terms coinslot.promotions;
  v_now timestamptz := clock_timestamp();
begin
  select p.* into strict v_terms from coinslot.promotions p where p.id = code.promotion;
  return case
    when v_terms.starts_at > v_now then 'not_started'
    when v_terms.ends_at <= v_now or not v_terms.active or not code.active then 'expired'
    when code_problem.product_id is not null and v_terms.kind = 'tokens' then 'for_tokens'
    when code_problem.product_id <> all (v_terms.products)
      or code_problem.currency <> all (v_terms.currencies)
      or not v_terms.amounts_off ? code_problem.currency then 'not_for_this'
    when coinslot.count_uses(v_terms.id, code_problem.user_id, code_problem.hashes)
      >= v_terms.max_uses_per_user then 'used'
    when v_terms.first_purchase and (
      coinslot.has_bought(code_problem.user_id, code_problem.hashes)
    ) then 'first_purchase_only'
    when code.max_uses is not null and not exists (
      select from coinslot.promotion_slots s where s.code = code.code and s.until <= v_now
    ) then 'exhausted'
    when code_problem.hashes = '{}' then 'identity_required'
  end;
end
$$;
comment on function coinslot.code_problem(
  coinslot.promotion_codes, uuid, text[], text, text
) is 'Why a user cannot use a code, or null.';
revoke all on function coinslot.code_problem(coinslot.promotion_codes, uuid, text[], text, text)
from public;

create function coinslot.price_with_code(
  promotion text, amount bigint, list_amount bigint, currency text
) returns bigint
language sql stable set search_path = '' as $$
  select coinslot.discounted(
    price_with_code.list_amount,
    case p.kind
      when 'percent' then price_with_code.amount::numeric * (100 - p.percent_off) / 100
      else price_with_code.amount::numeric - coalesce(
        (p.amounts_off ->> price_with_code.currency)::numeric, 0
      )
    end, price_with_code.currency
  )
  from coinslot.promotions p where p.id = price_with_code.promotion
$$;
comment on function coinslot.price_with_code(text, bigint, bigint, text) is
'What an order costs with a code, as far as a gateway can charge it.';
revoke all on function coinslot.price_with_code(text, bigint, bigint, text) from public;

-- ---- claiming ----

-- Of those that nobody is just taking the first that is free, or is free again. Nobody is waited
-- for.
create function coinslot.claim_slot(code text, use_id bigint, until timestamptz) returns boolean
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
begin
  update coinslot.promotion_slots s set until = claim_slot.until, use_id = claim_slot.use_id
  where (s.code, s.slot) = (
    select f.code, f.slot from coinslot.promotion_slots f
    where f.code = claim_slot.code and f.until <= clock_timestamp()
    order by f.until limit 1 for update skip locked
  );
  return found;
end
$$;
comment on function coinslot.claim_slot(text, bigint, timestamptz) is
'Takes one of the uses that a limited code has; false if there is none.';
revoke all on function coinslot.claim_slot(text, bigint, timestamptz) from public;

create function coinslot.claim_use(
  use coinslot.promotion_uses, hashes text[], until timestamptz
) returns boolean
language plpgsql volatile set search_path = '' as $$
declare
  v_id bigint;
begin
  insert into coinslot.promotion_uses as u (
    promotion, code, user_id, payment_id, seq, idempotency_key, status, reserved_until
  ) values (
    use.promotion, use.code, use.user_id, use.payment_id, use.seq, use.idempotency_key,
    case when isfinite(claim_use.until) then 'reserved' else 'used' end,
    nullif(claim_use.until, 'infinity')
  ) returning u.id into v_id;
  insert into coinslot.promotion_identities (promotion, identity_hash, use_id)
  select use.promotion, h, v_id from unnest(claim_use.hashes) h;
  return (
    select c.max_uses is null from coinslot.promotion_codes c where c.code = use.code
  ) or coinslot.claim_slot(use.code, v_id, claim_use.until);
end
$$;
comment on function coinslot.claim_use(coinslot.promotion_uses, text[], timestamptz) is
'Notes a use and claims it; false, to be rolled back, if there is none left.';
revoke all on function coinslot.claim_use(coinslot.promotion_uses, text[], timestamptz)
from public;

-- ---- orders ----

create function coinslot.refuse_code(reason text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if refuse_code.reason = 'identity_required' then
    perform coinslot.fail('identity_required');
  end if;
  perform coinslot.fail('code_not_usable', jsonb_build_object('reason', refuse_code.reason));
end
$$;
comment on function coinslot.refuse_code(text) is
'PT409 with why a code cannot be used; PT403 for who has confirmed nothing.';
revoke all on function coinslot.refuse_code(text) from public;

create function coinslot.apply_code(quoted public.token_payments, code text)
returns public.token_payments
language plpgsql volatile set search_path = '' as $$
declare
  v_order public.token_payments := quoted;
  v_code coinslot.promotion_codes;
  v_problem text;
begin
  if apply_code.code is null then
    return quoted;
  end if;
  v_code := coinslot.checked_code(quoted.user_id, apply_code.code);
  if v_code.code is null then
    perform coinslot.fail('code_not_found');
  end if;
  v_problem := coinslot.code_problem(
    v_code, quoted.user_id, coinslot.lock_identities(quoted.user_id), quoted.product_id,
    quoted.currency
  );
  v_order.promo_code := v_code.code;
  v_order.amount := coinslot.price_with_code(
    v_code.promotion, quoted.amount, quoted.list_amount, quoted.currency
  );
  if v_problem is null and v_order.amount >= quoted.amount then
    v_problem := 'no_discount';
  end if;
  if v_problem is not null then
    perform coinslot.refuse_code(v_problem);
  end if;
  return v_order;
end
$$;
comment on function coinslot.apply_code(public.token_payments, text) is
'An order that is not written yet, at the price that a code makes.';
revoke all on function coinslot.apply_code(public.token_payments, text) from public;

create function coinslot.reserve_use(payment public.token_payments) returns public.token_payments
language plpgsql volatile set search_path = '' as $$
declare
  v_use coinslot.promotion_uses;
begin
  if payment.promo_code is null then
    return payment;
  end if;
  select c.code, c.promotion into strict v_use.code, v_use.promotion
  from coinslot.promotion_codes c where c.code = payment.promo_code;
  v_use.user_id := payment.user_id;
  v_use.payment_id := payment.id;
  if not coinslot.claim_use(
    v_use, coinslot.lock_identities(payment.user_id), clock_timestamp() + (
      select s.code_reservation from coinslot.settings s where s.id
    )
  ) then
    perform coinslot.refuse_code('exhausted');
  end if;
  return payment;
end
$$;
comment on function coinslot.reserve_use(public.token_payments) is
'Reserves the code of a new order for a short time.';
revoke all on function coinslot.reserve_use(public.token_payments) from public;

-- Called off, an order gives its use back at once. Should it be paid all the same, it claims
-- another.
create function coinslot.release_use(payment_id uuid) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
begin
  with released as (
    update coinslot.promotion_uses u set status = 'released'
    where u.payment_id = release_use.payment_id and u.status = 'reserved'
    returning u.id
  )
  update coinslot.promotion_slots s set until = '-infinity', use_id = null
  from released r where s.use_id = r.id;
end
$$;
comment on function coinslot.release_use(uuid) is 'Gives back what an order has reserved.';
revoke all on function coinslot.release_use(uuid) from public;

-- The caller has the order locked, which is credited at its price in any case. Of a slot that
-- somebody else is just taking over nothing is waited for.
create function coinslot.use_code(payment public.token_payments) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_use coinslot.promotion_uses;
  v_taken boolean;
begin
  update coinslot.promotion_uses u set status = 'used'
  where u.payment_id = payment.id and u.status <> 'used'
  returning u.* into v_use;
  if not found then
    return;
  end if;
  update coinslot.promotion_slots s set until = 'infinity'
  where (s.code, s.slot) = (
    select o.code, o.slot from coinslot.promotion_slots o
    where o.use_id = v_use.id limit 1 for update skip locked
  );
  v_taken := found or coinslot.claim_slot(v_use.code, v_use.id, 'infinity') or (
    select c.max_uses is null from coinslot.promotion_codes c where c.code = v_use.code
  );
  if not v_taken then
    update coinslot.promotion_uses u set overrun = true where u.id = v_use.id;
    perform coinslot.record_event(payment, payment.status, 'promotion', 'code_overrun');
  end if;
end
$$;
comment on function coinslot.use_code(public.token_payments) is
'Uses the code of an order that was paid, for good.';
revoke all on function coinslot.use_code(public.token_payments) from public;

-- What follows the first money of an order, and its return. Asked for by what has changed: most
-- reads change neither.
create function coinslot.follow_money(
  before public.token_payments, payment public.token_payments
) returns void
language plpgsql volatile set search_path = '' as $$
begin
  if before.confirmed_at is null and payment.confirmed_at is not null then
    if payment.promo_code is not null then
      perform coinslot.use_code(payment);
    end if;
    perform coinslot.note_buyer(payment.user_id);
    perform coinslot.qualify_referral(payment);
    perform coinslot.follow_cycle(payment);
    perform coinslot.follow_top_up(payment);
  end if;
  if payment.disputed + payment.withdrawn > before.disputed + before.withdrawn then
    perform coinslot.follow_dispute(payment);
  end if;
  if payment.paid > 0 and payment.refunded + payment.withdrawn >= payment.paid
    and (before.paid = 0 or before.refunded + before.withdrawn < before.paid)
  then
    perform coinslot.follow_refund(payment);
  elsif payment.refunded + payment.withdrawn < payment.paid and before.paid > 0
    and before.refunded + before.withdrawn >= before.paid
  then
    -- Money of an upgrade that is here again: what it gave goes over by its limit.
    update coinslot.subscription_cycles c
    set rollover_cap = greatest(c.rollover_cap, (o.terms ->> 'rollover_cap')::bigint)
    from coinslot.cycle_orders o
    where o.payment_id = payment.id and o.purpose = 'change' and c.id = o.cycle_id
      and c.rollover = 'cap';
  end if;
  if (
    payment.refunded + payment.withdrawn > before.refunded + before.withdrawn
    or payment.paid < before.paid
  ) and not coinslot.has_kept_money(payment) then
    perform coinslot.undo_referral(payment);
  end if;
end
$$;
comment on function coinslot.follow_money(public.token_payments, public.token_payments) is
'Has codes and referrals follow the money of a locked order.';
revoke all on function coinslot.follow_money(public.token_payments, public.token_payments)
from public;

-- ---- looking at one ----

create function coinslot.check_code(
  code text, product_id text, gateway text, currency text, quantity integer
) returns jsonb
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_code coinslot.promotion_codes := coinslot.look_up_code(v_user_id, check_code.code);
  v_order public.token_payments;
  v_problem text;
  v_terms jsonb;
begin
  if v_code.code is null then
    return jsonb_build_object('outcome', 'not_found');
  end if;
  select jsonb_build_object(
    'code', v_code.code, 'kind', p.kind, 'tokens', p.tokens, 'percent_off', p.percent_off,
    'amounts_off', p.amounts_off, 'tokens_last_days', p.tokens_last_days
  ) into strict v_terms from coinslot.promotions p where p.id = v_code.promotion;
  v_problem := coinslot.code_problem(
    v_code, v_user_id, array(
      select c.identity_hash from coinslot.confirmed_identities c where c.user_id = v_user_id
    ), check_code.product_id,
    case when check_code.product_id is not null then check_code.currency end
  );
  if check_code.product_id is not null and v_problem is null then
    v_order := coinslot.quote_order(
      v_user_id, check_code.product_id, check_code.gateway, check_code.currency, null,
      check_code.quantity
    );
    v_terms := v_terms || jsonb_build_object(
      'currency', v_order.currency, 'list_amount', v_order.list_amount, 'amount',
      coinslot.price_with_code(
        v_code.promotion, v_order.amount, v_order.list_amount, v_order.currency
      )
    );
    v_problem := case when (v_terms ->> 'amount')::bigint >= v_order.amount then 'no_discount' end;
  end if;
  return v_terms || jsonb_build_object('outcome', coalesce(v_problem, 'usable'));
end
$$;
comment on function coinslot.check_code(text, text, text, text, integer) is
'See public.check_token_code.';
revoke all on function coinslot.check_code(text, text, text, text, integer) from public;
grant execute on function coinslot.check_code(text, text, text, text, integer) to authenticated;

create function public.check_token_code(
  code text, product_id text default null, gateway text default null,
  currency text default 'KRW', quantity integer default 1
) returns jsonb
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.check_code(
    check_token_code.code, check_token_code.product_id, check_token_code.gateway,
    check_token_code.currency, check_token_code.quantity
  )
$$;
comment on function public.check_token_code(text, text, text, text, integer) is
'What a code would do for the signed-in user, and for an order if one is described: {outcome, code,
kind, tokens, percent_off, amounts_off, tokens_last_days, currency, list_amount, amount}; outcome =
usable, or why it is not. An order takes only codes that were checked.';
revoke all on function public.check_token_code(text, text, text, text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.check_token_code(text, text, text, text, integer)
to authenticated;

-- ---- redeeming ----

create type public.token_redemption as (
  outcome text,
  code text,
  tokens bigint,
  balance bigint,
  expires_at timestamptz,
  replayed boolean
);
comment on type public.token_redemption is
'What became of a code: redeemed, or why not; replayed = it answers a repeated call.';
revoke all on type public.token_redemption from public;
grant usage on type public.token_redemption to authenticated;

create function coinslot.redemption(use coinslot.promotion_uses, replayed boolean)
returns public.token_redemption
language sql stable set search_path = '' as $$
  select row(
    'redeemed', use.code, l.delta, l.balance, nullif(t.expires_at, 'infinity'),
    redemption.replayed
  )::public.token_redemption
  from public.token_ledger l
  left join public.token_lots t on t.user_id = l.user_id and t.seq = l.seq
  where l.user_id = use.user_id and l.seq = use.seq
$$;
comment on function coinslot.redemption(coinslot.promotion_uses, boolean) is
'What a redeemed code gave.';
revoke all on function coinslot.redemption(coinslot.promotion_uses, boolean) from public;

create function coinslot.find_redemption(user_id uuid, code text, idempotency_key text)
returns coinslot.promotion_uses
language plpgsql stable set search_path = '' as $$
declare
  v_users uuid[] := coinslot.histories_of(find_redemption.user_id);
  v_use coinslot.promotion_uses;
begin
  select u.* into v_use from coinslot.promotion_uses u
  where u.user_id = any (v_users) and u.idempotency_key = find_redemption.idempotency_key
  order by u.user_id = find_redemption.user_id desc limit 1;
  if v_use.code <> coinslot.normal_code(find_redemption.code) or v_use.id is null and exists (
    select from public.token_ledger l
    where l.user_id = any (v_users) and l.caller = 'user'
      and l.idempotency_key = find_redemption.idempotency_key
  ) then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  return v_use;
end
$$;
comment on function coinslot.find_redemption(uuid, text, text) is
'The use of an earlier identical call, or null; PT409 if the key was another call''s.';
revoke all on function coinslot.find_redemption(uuid, text, text) from public;

-- The tokens of a code that the caller may use, and has claimed once this has not failed.
create function coinslot.post_promotion(
  code coinslot.promotion_codes, wallet public.token_wallets, hashes text[], idempotency_key text
) returns public.token_redemption
language plpgsql volatile set search_path = '' as $$
declare
  v_terms coinslot.promotions;
  v_use coinslot.promotion_uses;
  v_now timestamptz := coinslot.wallet_time(wallet);
begin
  select p.* into strict v_terms from coinslot.promotions p where p.id = code.promotion;
  if wallet.tokens > coinslot.max_amount() - v_terms.tokens then
    perform coinslot.fail('invalid_amount', jsonb_build_object('tokens', wallet.tokens));
  end if;
  v_use.promotion := code.promotion;
  v_use.code := code.code;
  v_use.user_id := wallet.user_id;
  v_use.idempotency_key := post_promotion.idempotency_key;
  v_use.seq := (coinslot.post_credit(
    coinslot.new_entry(
      wallet.user_id, 'promotion', v_terms.tokens, 'user', post_promotion.idempotency_key,
      metadata => jsonb_build_object('code', code.code, 'promotion', code.promotion)
    ), wallet, v_now, v_now + make_interval(days => v_terms.tokens_last_days)
  )).seq;
  if not coinslot.claim_use(v_use, post_promotion.hashes, 'infinity') then
    perform coinslot.refuse_code('exhausted');
  end if;
  return coinslot.redemption(v_use, false);
end
$$;
comment on function coinslot.post_promotion(
  coinslot.promotion_codes, public.token_wallets, text[], text
) is 'Credits what a code gives to a locked wallet, and claims its use.';
revoke all on function coinslot.post_promotion(
  coinslot.promotion_codes, public.token_wallets, text[], text
) from public;

create function coinslot.redeem_code(code text, idempotency_key text)
returns public.token_redemption
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_wallet public.token_wallets;
  v_use coinslot.promotion_uses;
  v_code coinslot.promotion_codes;
  v_hashes text[];
  v_answer public.token_redemption;
begin
  perform coinslot.check_call(1, redeem_code.idempotency_key, '', '{}');
  v_wallet := coinslot.lock_wallet(v_user_id);
  v_use := coinslot.find_redemption(v_user_id, redeem_code.code, redeem_code.idempotency_key);
  if v_use.id is not null then
    return coinslot.redemption(v_use, true);
  end if;
  perform coinslot.check_open(v_wallet);
  v_code := coinslot.look_up_code(v_user_id, redeem_code.code);
  v_answer.outcome := 'not_found';
  if v_code.code is not null then
    v_hashes := coinslot.lock_identities(v_user_id);
    v_answer.code := v_code.code;
    v_answer.outcome := case when exists (
      select from coinslot.promotions p where p.id = v_code.promotion and p.kind <> 'tokens'
    ) then 'for_orders' else coinslot.code_problem(v_code, v_user_id, v_hashes, null, null) end;
  end if;
  if v_answer.outcome is null then
    return coinslot.post_promotion(v_code, v_wallet, v_hashes, redeem_code.idempotency_key);
  end if;
  return v_answer;
end
$$;
comment on function coinslot.redeem_code(text, text) is 'See public.redeem_token_code.';
revoke all on function coinslot.redeem_code(text, text) from public;
grant execute on function coinslot.redeem_code(text, text) to authenticated;

create function public.redeem_token_code(code text, idempotency_key text)
returns public.token_redemption
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.redeem_code(redeem_token_code.code, redeem_token_code.idempotency_key)
$$;
comment on function public.redeem_token_code(text, text) is
'Gives the signed-in user the tokens of a code, once per idempotency key. A code that gives none is
answered with why: not_found, expired, not_started, used, exhausted, first_purchase_only,
for_orders, identity_required.';
revoke all on function public.redeem_token_code(text, text)
from public, anon, authenticated, service_role;
grant execute on function public.redeem_token_code(text, text) to authenticated;

-- ---- verification ----

-- Each redemption has its entry, and each entry its use.
create function coinslot.verify_promotions(from_user uuid, to_user uuid)
returns table (user_id uuid, problem text, expected bigint, found bigint)
language plpgsql stable set search_path = '' as $$
begin
  return query
  select coalesce(u.user_id, l.user_id), 'promotion', count(u.id), count(l.seq)
  from (
    select o.user_id, o.seq, o.id from coinslot.promotion_uses o
    where o.seq is not null
      and (verify_promotions.from_user is null or o.user_id >= verify_promotions.from_user)
      and (verify_promotions.to_user is null or o.user_id < verify_promotions.to_user)
  ) u
  full join (
    select e.user_id, e.seq from public.token_ledger e
    where e.kind = 'promotion'
      and (verify_promotions.from_user is null or e.user_id >= verify_promotions.from_user)
      and (verify_promotions.to_user is null or e.user_id < verify_promotions.to_user)
  ) l on l.user_id = u.user_id and l.seq = u.seq
  group by coalesce(u.user_id, l.user_id)
  having count(u.id) <> count(*) or count(l.seq) <> count(*);
end
$$;
comment on function coinslot.verify_promotions(uuid, uuid) is
'Users whose redeemed codes and entries do not add up.';
revoke all on function coinslot.verify_promotions(uuid, uuid) from public;
