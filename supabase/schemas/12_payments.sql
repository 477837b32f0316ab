-- Payments: orders, the attempts to pay them, what happened, and what needs a person.
--
-- An order remembers the price and tokens it was made with, whatever happens to the catalogue. One
-- order may see many attempts at its gateway; only the one that was credited moves tokens.

create table coinslot.gateways (
  id text not null,
  name text not null,
  active boolean not null default true,
  currencies text[],
  unattended text not null default 'none',
  constraint gateways_pkey primary key (id),
  constraint gateways_id_named check (id ~ '^[a-z][a-z0-9_]{0,30}$'),
  constraint gateways_currencies_some check (currencies <> '{}'),
  constraint gateways_unattended_known check (unattended in ('none', 'periodic', 'at_will'))
);
comment on table coinslot.gateways is 'Payment gateways: adding one is adding a row.';
comment on column coinslot.gateways.active is 'False refuses new orders; open ones go on.';
comment on column coinslot.gateways.currencies is
'What it sells in; null = whatever a product has a price in.';
comment on column coinslot.gateways.unattended is
'How often the shop''s contract allows to charge a stored method while nobody is there.';
insert into coinslot.gateways (id, name, currencies) values
('portone', 'PortOne', '{KRW}'), ('toss', 'Toss Payments', '{KRW}'), ('stripe', 'Stripe', null);
alter table coinslot.gateways enable row level security;
revoke all on table coinslot.gateways from anon, authenticated, service_role;
create policy "Nobody reads gateways through the API" on coinslot.gateways
for select to anon, authenticated using (false);

create table coinslot.payment_statuses (
  status text not null,
  settled boolean not null,
  ended boolean not null default false,
  reads integer,
  description text not null,
  constraint payment_statuses_pkey primary key (status),
  constraint payment_statuses_ended_without_money check (not (ended and settled))
);
comment on table coinslot.payment_statuses is 'The states of an order.';
comment on column coinslot.payment_statuses.settled is 'The gateway has had the money.';
comment on column coinslot.payment_statuses.ended is
'Nobody is to pay it any more: it is closed at its gateway, too.';
comment on column coinslot.payment_statuses.reads is
'How often an order that stays so is read again at the gateway; null = for as long as it does.';
insert into coinslot.payment_statuses (status, settled, ended, reads, description) values
('pending', false, false, null, 'Made, not paid.'),
('awaiting_deposit', false, false, null, 'The deposit into a virtual account, or a bank''s debit.'),
('failed', false, false, 20, 'The last attempt was declined.'),
('canceled', false, true, 20, 'The buyer or the gateway called it off.'),
('expired', false, true, 20, 'Not paid in time.'),
('voided', false, true, 20, 'The shop called it off: its money is credited no more.'),
('review', false, false, null, 'Paid, but not what was ordered, or too late: a person decides.'),
('completed', true, false, 0, 'Paid and credited.'),
('partially_refunded', true, false, 0, 'A part was given back.'),
('refunded', true, false, 0, 'All was given back.'),
('disputed', true, false, null, 'The buyer''s bank asks for the money back; not decided.'),
('charged_back', true, false, 0, 'The buyer''s bank took the money back.');
alter table coinslot.payment_statuses enable row level security;
revoke all on table coinslot.payment_statuses from anon, authenticated, service_role;
create policy "Nobody reads statuses through the API" on coinslot.payment_statuses
for select to anon, authenticated using (false);

-- What may follow what. The trigger below refuses everything that is not a row here.
create table coinslot.payment_transitions (
  from_status text not null,
  to_status text not null,
  constraint payment_transitions_pkey primary key (from_status, to_status),
  constraint payment_transitions_from_status_fkey foreign key (from_status)
  references coinslot.payment_statuses (status) on delete cascade,
  constraint payment_transitions_to_status_fkey foreign key (to_status)
  references coinslot.payment_statuses (status) on delete cascade,
  constraint payment_transitions_move check (from_status <> to_status)
);
comment on table coinslot.payment_transitions is 'The legal moves between the states of an order.';
create index payment_transitions_to_status on coinslot.payment_transitions (to_status);

-- The gateway is the truth about money. An order goes to wherever money has been taken from
-- anywhere, since a gateway may take it after a decline or an expiry; and from there to anywhere,
-- since a bank may undo it. Only among the states without money are there moves that make no sense.
insert into coinslot.payment_transitions (from_status, to_status)
select
  f.status,
  t.status as to_status
from coinslot.payment_statuses as f
cross join coinslot.payment_statuses as t
where (f.settled or t.settled or 'review' in (f.status, t.status)) and f.status <> t.status;
insert into coinslot.payment_transitions (from_status, to_status) values
('pending', 'awaiting_deposit'), ('pending', 'failed'), ('pending', 'canceled'),
('pending', 'expired'), ('pending', 'voided'),
('awaiting_deposit', 'voided'), ('failed', 'voided'), ('canceled', 'voided'),
('expired', 'voided'),
('awaiting_deposit', 'pending'), ('awaiting_deposit', 'failed'), ('awaiting_deposit', 'canceled'),
('awaiting_deposit', 'expired'),
('failed', 'awaiting_deposit'), ('failed', 'canceled'), ('failed', 'expired'),
('canceled', 'awaiting_deposit'), ('canceled', 'failed'),
('expired', 'awaiting_deposit'), ('expired', 'canceled');
alter table coinslot.payment_transitions enable row level security;
revoke all on table coinslot.payment_transitions from anon, authenticated, service_role;
create policy "Nobody reads transitions through the API" on coinslot.payment_transitions
for select to anon, authenticated using (false);

-- Wider than what the default makes: by this form an order of ours is told from anybody else's.
create function coinslot.order_id_form() returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return '^ord(_[A-Za-z0-9_-]{12,36}|[0-9a-f]{32})$';
end
$$;
comment on function coinslot.order_id_form() is 'What an order id looks like, as a pattern.';
revoke all on function coinslot.order_id_form() from public;

-- Older servers do not take an id without an underscore for one of ours. So a database that
-- was in use goes on as before, until somebody says that no older server is left.
create function coinslot.new_order_id(plain boolean) returns text
language plpgsql volatile parallel safe set search_path = '' as $$
begin
  return 'ord' || case when new_order_id.plain then '' else '_' end
  || encode(uuid_send(gen_random_uuid()), 'hex');
end
$$;
comment on function coinslot.new_order_id(boolean) is
'An order id of its own; plain: of letters and digits only.';
revoke all on function coinslot.new_order_id(boolean) from public;

create table public.token_payments (
  id uuid not null default gen_random_uuid(),
  order_id text collate "C" not null
  default 'ord_' || encode(uuid_send(gen_random_uuid()), 'hex'),
  user_id uuid not null,
  product_id text not null,
  name text not null,
  gateway text not null,
  amount bigint not null,
  currency text not null,
  tokens bigint not null,
  live boolean not null,
  status text not null default 'pending',
  method text,
  payment_key text,
  paid bigint not null default 0,
  refunded bigint not null default 0,
  disputed bigint not null default 0,
  withdrawn bigint not null default 0,
  failure_reason text,
  virtual_account jsonb,
  version bigint not null default 1,
  idempotency_key text collate "C",
  expires_at timestamptz not null,
  deposit_until timestamptz,
  canceled_at timestamptz,
  expired_at timestamptz,
  voided_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  confirmed_at timestamptz,
  updated_at timestamptz not null default clock_timestamp(),
  name_ko text,
  tokens_last_days integer,
  tokens_end_at timestamptz,
  quantity integer not null default 1,
  list_amount bigint,
  promo_code text,
  constraint token_payments_pkey primary key (id),
  constraint token_payments_order_id_key unique (order_id),
  constraint token_payments_idempotency_key_key unique (user_id, idempotency_key),
  constraint token_payments_product_id_fkey foreign key (product_id)
  references public.token_products (id) on delete restrict,
  constraint token_payments_gateway_fkey foreign key (gateway)
  references coinslot.gateways (id) on delete restrict,
  constraint token_payments_status_fkey foreign key (status)
  references coinslot.payment_statuses (status) on delete restrict,
  constraint token_payments_order_id_shaped check (order_id ~ coinslot.order_id_form()),
  -- Literals for coinslot.max_amount(): checks are planned with every statement that writes.
  constraint token_payments_amount_positive check (amount between 1 and 9007199254740991),
  constraint token_payments_tokens_in_range check (tokens between 0 and 9007199254740991),
  constraint token_payments_money_not_negative check (
    paid >= 0 and refunded >= 0 and disputed >= 0 and withdrawn >= 0
  ),
  constraint token_payments_quantity_positive check (quantity between 1 and 1000),
  constraint token_payments_list_amount_fits check (list_amount >= amount)
);
comment on table public.token_payments is 'Orders and what became of them.';
comment on column public.token_payments.amount is
'Price in minor units, from the catalogue, less discounts.';
comment on column public.token_payments.tokens is 'Tokens the order buys.';
comment on column public.token_payments.live is 'Made while this database was live.';
comment on column public.token_payments.name_ko is
'The product''s name in Korean, as name; null where it was not kept yet.';
comment on column public.token_payments.method is
'The way to pay: as the buyer chose it, then as the gateway says.';
comment on column public.token_payments.payment_key is
'The gateway''s id of the attempt that counts.';
comment on column public.token_payments.paid is 'Minor units received by the attempt that counts.';
comment on column public.token_payments.refunded is 'Minor units given back so far.';
comment on column public.token_payments.disputed is 'Minor units under an open dispute.';
comment on column public.token_payments.withdrawn is 'Minor units taken back by disputes.';
comment on column public.token_payments.virtual_account is
'Where to pay in: {bank, account_number, holder, due_at}; none where a bank''s debit is awaited.';
comment on column public.token_payments.version is
'Grows with every gateway read that was applied: an older read is stale.';
comment on column public.token_payments.expires_at is
'How long it may be paid: until a deposit is due, where one is awaited.';
comment on column public.token_payments.deposit_until is
'The latest that a deposit may be due, which gateways are told; null = expires_at.';
comment on column public.token_payments.voided_at is 'When the shop called it off.';
comment on column public.token_payments.confirmed_at is 'When the order was first credited.';
comment on column public.token_payments.tokens_last_days is
'How many days its tokens last; null = no such rule.';
comment on column public.token_payments.tokens_end_at is
'When its tokens expire; null = no such rule. With neither they never do.';
comment on column public.token_payments.quantity is 'Packs in the order.';
comment on column public.token_payments.list_amount is
'What it would have cost without discounts; null = amount.';
comment on column public.token_payments.promo_code is 'The code that made it cheaper.';

-- History is paged by (created_at, id), newest first; expiry walks the open
-- orders by date, and the purge those that came to nothing.
create index token_payments_history on public.token_payments (user_id, created_at desc, id desc);
create index token_payments_expiring on public.token_payments (expires_at)
where status in ('pending', 'awaiting_deposit', 'failed');
create index token_payments_product_id on public.token_payments (product_id);
create index token_payments_gateway on public.token_payments (gateway, confirmed_at);
create index token_payments_over on public.token_payments (created_at)
where status in ('failed', 'canceled', 'expired', 'voided');
-- Operators' lists, newest first: of all, and of the few that something became of.
create index token_payments_newest on public.token_payments (created_at desc, id desc);
create index token_payments_remarkable on public.token_payments (created_at desc, id desc)
where status in (
  'awaiting_deposit', 'review', 'partially_refunded', 'refunded', 'disputed', 'charged_back'
);
create index token_payments_disputed on public.token_payments (created_at)
where status = 'disputed';
-- Of those that are looked for by it. A whole one would tempt a planner without statistics to go
-- through all pending orders in search of one user's.
create index token_payments_status on public.token_payments (status) where status = 'review';

alter table public.token_payments enable row level security;
revoke all on table public.token_payments from anon, authenticated, service_role;
grant select on table public.token_payments to authenticated, service_role;
create policy "People read their own payments" on public.token_payments
for select to authenticated using ((select auth.uid()) = user_id);

alter table public.token_ledger add constraint token_ledger_payment_id_fkey
foreign key (payment_id) references public.token_payments (id) on delete restrict;
create index token_ledger_payment_id on public.token_ledger (payment_id)
where payment_id is not null;

create function coinslot.guard_transition() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    if new.status = 'pending' then
      return new;
    end if;
  elsif exists (
    select from coinslot.payment_transitions t
    where t.from_status = old.status and t.to_status = new.status
  ) then
    return new;
  end if;
  perform coinslot.fail('illegal_transition', jsonb_build_object(
    'from', case tg_op when 'UPDATE' then old.status end, 'to', new.status
  ));
  return null;
end
$$;
comment on function coinslot.guard_transition() is 'Trigger: only legal moves of an order.';
revoke all on function coinslot.guard_transition() from public;
create trigger token_payments_status_inserted before insert on public.token_payments
for each row execute function coinslot.guard_transition();
create trigger token_payments_status_moved before update of status on public.token_payments
for each row when (old.status is distinct from new.status)
execute function coinslot.guard_transition();

create table public.token_payment_events (
  id bigint generated always as identity,
  payment_id uuid not null,
  user_id uuid not null,
  from_status text,
  to_status text not null,
  tokens bigint not null default 0,
  source text not null,
  reason text not null default '',
  payment_key text,
  created_at timestamptz not null default clock_timestamp(),
  constraint token_payment_events_pkey primary key (id),
  constraint token_payment_events_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete restrict
);
comment on table public.token_payment_events is
'Every move of an order and every attempt that was refused, append-only.';
comment on column public.token_payment_events.tokens is
'Tokens credited (+) or reversed (-) with it.';
comment on column public.token_payment_events.source is
'What led to it: user, complete, webhook, …';
create index token_payment_events_payment_id on public.token_payment_events (payment_id, id);
create index token_payment_events_user_id on public.token_payment_events (user_id, id);
comment on column public.token_payment_events.user_id is 'Whose order it was then.';
alter table public.token_payment_events enable row level security;
revoke all on table public.token_payment_events from anon, authenticated, service_role;
revoke all on sequence public.token_payment_events_id_seq from anon, authenticated, service_role;
grant select on table public.token_payment_events to authenticated, service_role;
create policy "People read the events of their own payments" on public.token_payment_events
for select to authenticated using (user_id = any((select coinslot.own_histories())::uuid[]));
create trigger token_payment_events_append_only before update on public.token_payment_events
for each row execute function coinslot.refuse_change();
create trigger token_payment_events_no_truncate before truncate on public.token_payment_events
for each statement execute function coinslot.refuse_change();

create function coinslot.attempt_states() returns text[]
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return array['ready', 'awaiting_deposit', 'paid', 'failed', 'canceled'];
end
$$;
comment on function coinslot.attempt_states() is 'What gateways say of an attempt, in our words.';
revoke all on function coinslot.attempt_states() from public;

create table coinslot.payment_attempts (
  id bigint generated always as identity,
  payment_id uuid not null,
  gateway text not null,
  payment_key text collate "C" not null,
  state text not null,
  amount bigint not null,
  currency text not null,
  live boolean not null,
  paid bigint not null,
  refunded bigint not null,
  refunding bigint not null,
  disputed bigint not null,
  withdrawn bigint not null,
  method text,
  failure_reason text,
  virtual_account jsonb,
  taken_at timestamptz,
  secret text,
  problem text,
  credited boolean not null default false,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  vat bigint,
  tax_free bigint,
  card jsonb,
  constraint payment_attempts_pkey primary key (id),
  constraint payment_attempts_gateway_payment_key_key unique (gateway, payment_key),
  constraint payment_attempts_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete restrict,
  constraint payment_attempts_gateway_fkey foreign key (gateway)
  references coinslot.gateways (id) on delete restrict,
  constraint payment_attempts_state_known check (state = any(coinslot.attempt_states())),
  constraint payment_attempts_money_not_negative check (
    amount >= 0 and paid >= 0 and refunded >= 0 and refunding >= 0 and disputed >= 0
    and withdrawn >= 0
  )
);
comment on table coinslot.payment_attempts is
'Attempts to pay an order: what the gateway last said of each.';
comment on column coinslot.payment_attempts.taken_at is
'When the buyer paid, by the gateway''s clock; null = unpaid, or not said.';
comment on column coinslot.payment_attempts.problem is
'Why this attempt may not be credited; null = nothing against it.';
comment on column coinslot.payment_attempts.secret is
'What the gateway repeats in its unsigned webhooks about this attempt.';
comment on column coinslot.payment_attempts.credited is 'This attempt moves the order''s tokens.';
comment on column coinslot.payment_attempts.vat is
'Of the money that it holds, in minor units, as the gateway split it; null = it does not say.';
comment on column coinslot.payment_attempts.tax_free is
'Of the money that it holds, in minor units, free of tax.';
comment on column coinslot.payment_attempts.card is
'The card that paid, as receipts show it: {brand, last_four, approval}, each as far as it is told.';
create index payment_attempts_payment_id on coinslot.payment_attempts (payment_id);
create index payment_attempts_holders on coinslot.payment_attempts (updated_at)
where virtual_account ? 'holder';
create unique index payment_attempts_one_credited on coinslot.payment_attempts (payment_id)
where credited;
alter table coinslot.payment_attempts enable row level security;
revoke all on table coinslot.payment_attempts from anon, authenticated, service_role;
create policy "Nobody reads attempts through the API" on coinslot.payment_attempts
for select to anon, authenticated using (false);

-- What applying a read of an attempt comes to. The funnel decides, and can say nothing else.
create function coinslot.apply_outcomes() returns text[]
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return array[
    'credited', 'reversed', 'restored', 'moved', 'unchanged', 'stale', 'review', 'duplicate',
    'refused', 'unknown_order'
  ];
end
$$;
comment on function coinslot.apply_outcomes() is 'What apply_gateway_payment can answer.';
revoke all on function coinslot.apply_outcomes() from public;

-- No column is of it, so that no table is read whole should the list ever change.
-- squawk-ignore ban-create-domain-with-constraint
create domain coinslot.apply_outcome as text constraint apply_outcome_known
check (value = any(coinslot.apply_outcomes()));
comment on domain coinslot.apply_outcome is 'One of apply_outcomes().';
revoke all on type coinslot.apply_outcome from public;

create table coinslot.discrepancies (
  id bigint generated always as identity,
  kind text not null,
  gateway text not null,
  payment_key text not null,
  order_id text not null,
  detail jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  resolved_at timestamptz,
  resolution text not null default '',
  constraint discrepancies_pkey primary key (id),
  constraint discrepancies_kind_known check (
    kind in (
      'unknown_order', 'wrong_order', 'wrong_gateway', 'wrong_mode', 'wrong_currency',
      'wrong_amount', 'wallet_closed', 'wallet_full', 'duplicate_payment', 'late_payment',
      'voided_order', 'illegal_transition',
      'refund_unresolved', 'audit_unknown', 'audit_different', 'audit_missing',
      'audit_unfinished', 'ledger_unsound', 'fraud_warning', 'declines_in_a_row', 'refunds_in_a_row'
    )
  )
);
comment on table coinslot.discrepancies is
'What a person has to decide: money that fits no order, which is never credited by itself, a
ledger that does not add up, and what may be fraud.';
comment on column coinslot.discrepancies.resolution is
'What a person did about it; empty where it was resolved by what happened.';
create unique index discrepancies_open on coinslot.discrepancies (
  kind, gateway, payment_key, order_id
) where resolved_at is null;
create index discrepancies_unresolved on coinslot.discrepancies (id) where resolved_at is null;
create index discrepancies_order_id on coinslot.discrepancies (order_id);
alter table coinslot.discrepancies enable row level security;
revoke all on table coinslot.discrepancies from anon, authenticated, service_role;
create policy "Nobody reads discrepancies through the API" on coinslot.discrepancies
for select to anon, authenticated using (false);
