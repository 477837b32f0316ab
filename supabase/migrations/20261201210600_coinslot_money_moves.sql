-- The trigger is one of the table that people buy in.
select coinslot.lock_for_upgrade(array['public.token_payments']::regclass[]);

-- Money by the day that it moved. An order knows its totals; here is when each part of them came or
-- went, and what reports add up.
--
-- A move is written in the transaction that changes the totals, dated by the database's clock, and
-- never changed: so what is said of a month that is over stays. What goes back later is a move of
-- the day on which it does, with the day of its sale.

-- VAT that is in a sum which has it, at the rate of Korea: a tenth of what is without it. Half up.
create function coinslot.vat_in(amount bigint, currency text) returns bigint
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return case when currency = 'KRW' then round(amount::numeric / 11)::bigint else 0 end;
end
$$;
comment on function coinslot.vat_in(bigint, text) is
'The VAT in an amount of won; of other currencies none is known.';
revoke all on function coinslot.vat_in(bigint, text) from public;

create table coinslot.money_moves (
  id bigint generated always as identity,
  payment_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  sold_at timestamptz not null,
  currency text not null,
  gateway text not null,
  method text not null,
  product_id text not null,
  live boolean not null,
  paid bigint not null,
  refunded bigint not null,
  withdrawn bigint not null,
  vat bigint not null,
  payments integer not null,
  summed boolean not null default false,
  constraint money_moves_pkey primary key (id),
  constraint money_moves_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete restrict
);
comment on table coinslot.money_moves is 'Each change of what was paid or went back of an order.';
comment on column coinslot.money_moves.sold_at is 'When the order was first paid.';
comment on column coinslot.money_moves.paid is 'Minor units more than before; less where negative.';
comment on column coinslot.money_moves.vat is
'VAT of what the order holds, more than before: all moves of an order add up to its VAT.';
comment on column coinslot.money_moves.payments is
'1 where the order was paid, -1 where it was not.';
comment on column coinslot.money_moves.summed is 'True once money_sums has it.';
create index money_moves_payment_id on coinslot.money_moves (payment_id);
create index money_moves_unsummed on coinslot.money_moves (id) where not summed;
create index money_moves_back on coinslot.money_moves (at)
where refunded <> 0 or withdrawn <> 0 or paid < 0;
alter table coinslot.money_moves enable row level security;
revoke all on table coinslot.money_moves from anon, authenticated, service_role;
create policy "Nobody reads moves through the API" on coinslot.money_moves
for select to anon, authenticated using (false);

create table coinslot.money_sums (
  by text not null,
  at timestamptz not null,
  label text not null,
  currency text not null,
  live boolean not null,
  paid bigint not null,
  refunded bigint not null,
  withdrawn bigint not null,
  vat bigint not null,
  payments bigint not null,
  constraint money_sums_pkey primary key (by, at, label, currency, live),
  constraint money_sums_by_known check (by in ('all', 'method', 'product'))
);
comment on table coinslot.money_sums is
'The same, added up by quarters of an hour: each time zone''s days begin with one. Once for all,
once for each way to pay, once for each product.';
alter table coinslot.money_sums enable row level security;
revoke all on table coinslot.money_sums from anon, authenticated, service_role;
create policy "Nobody reads sums of money through the API" on coinslot.money_sums
for select to anon, authenticated using (false);

create function coinslot.quarter_of(at timestamptz) returns timestamptz
language sql immutable parallel safe set search_path = ''
return date_bin('15 minutes', at, timestamptz '2000-01-01 00:00:00+00');
comment on function coinslot.quarter_of(timestamptz) is 'The quarter of an hour that it is in.';
revoke all on function coinslot.quarter_of(timestamptz) from public;

create function coinslot.add_move(
  before public.token_payments, after public.token_payments, at timestamptz
) returns void
language plpgsql volatile set search_path = '' as $$
begin
  insert into coinslot.money_moves (
    payment_id, at, sold_at, currency, gateway, method, product_id, live, paid, refunded, withdrawn,
    vat, payments
  )
  select after.id, add_move.at, coalesce(after.confirmed_at, add_move.at), after.currency,
    after.gateway, coalesce(after.method, ''), after.product_id, after.live,
    after.paid - coalesce(before.paid, 0), after.refunded - coalesce(before.refunded, 0),
    after.withdrawn - coalesce(before.withdrawn, 0),
    coinslot.vat_in(after.paid - after.refunded - after.withdrawn, after.currency)
    - coinslot.vat_in(
      coalesce(before.paid - before.refunded - before.withdrawn, 0), after.currency
    ),
    (after.paid > 0)::integer - (coalesce(before.paid, 0) > 0)::integer;
end
$$;
comment on function coinslot.add_move(
  public.token_payments, public.token_payments, timestamptz
) is 'Writes what is different in the money of an order.';
revoke all on function coinslot.add_move(public.token_payments, public.token_payments, timestamptz)
from public;

create function coinslot.moves_lock(payment_id uuid) returns bigint
language sql immutable parallel safe set search_path = ''
return hashtextextended('coinslot.moves ' || payment_id, 0);
comment on function coinslot.moves_lock(uuid) is
'The lock that whoever makes the moves of an older order has.';
revoke all on function coinslot.moves_lock(uuid) from public;

-- The moves of an order from before there were any: its payment by its own time, its refunds by
-- theirs, and what is left when it last changed.
create function coinslot.make_moves(payment public.token_payments) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_before public.token_payments;
  v_after public.token_payments := payment;
  v_refund coinslot.refunds;
begin
  if exists (select from coinslot.money_moves m where m.payment_id = payment.id) then
    return;
  end if;
  v_after.refunded := 0;
  v_after.withdrawn := 0;
  perform coinslot.add_move(
    v_before, v_after, coalesce(payment.confirmed_at, payment.updated_at)
  );
  for v_refund in
    select r.* from coinslot.refunds r
    where r.payment_id = payment.id and r.status = 'succeeded' order by r.finished_at, r.id
  loop
    v_before := v_after;
    v_after.refunded := least(payment.refunded, v_after.refunded + v_refund.amount);
    if v_after.refunded > v_before.refunded then
      perform coinslot.add_move(v_before, v_after, v_refund.finished_at);
    end if;
  end loop;
  v_before := v_after;
  if (payment.refunded, payment.withdrawn) <> (v_before.refunded, v_before.withdrawn) then
    perform coinslot.add_move(v_before, payment, payment.updated_at);
  end if;
end
$$;
comment on function coinslot.make_moves(public.token_payments) is
'Writes the moves of an order that has none, whose moves_lock() the caller has.';
revoke all on function coinslot.make_moves(public.token_payments) from public;

-- The same money may have come in another way: by a second attempt, when the bank undid the first.
create function coinslot.note_move() returns trigger
language plpgsql volatile security definer set search_path = '' set enable_seqscan = off as $$
declare
  v_before public.token_payments := old;
begin
  -- In one condition the two would be planned anew at every payment.
  if old.paid > 0 then
    if not exists (select from coinslot.money_moves m where m.payment_id = old.id) then
      perform pg_advisory_xact_lock(coinslot.moves_lock(old.id));
      perform coinslot.make_moves(old);
    end if;
  end if;
  if least(old.paid, new.paid) > 0 and old.payment_key <> new.payment_key
    and old.method <> new.method
  then
    v_before.paid := 0;
    v_before.refunded := 0;
    v_before.withdrawn := 0;
    perform coinslot.add_move(old, v_before, clock_timestamp());
  end if;
  perform coinslot.add_move(v_before, new, clock_timestamp());
  return null;
end
$$;
comment on function coinslot.note_move() is 'Trigger: writes when the money of an order moved.';
revoke all on function coinslot.note_move() from public;
create trigger token_payments_money_moved after update of paid, refunded, withdrawn
on public.token_payments
for each row when (
  old.paid <> new.paid or old.refunded <> new.refunded or old.withdrawn <> new.withdrawn
  or new.paid > 0 and old.payment_key <> new.payment_key and old.method <> new.method
) execute function coinslot.note_move();

-- How far the reports' own maintenance has come.
create table coinslot.report_progress (
  id boolean not null default true,
  moves_made_to uuid,
  moves_made_at timestamptz,
  orders_to timestamptz,
  walk_began_at timestamptz,
  walk_at uuid,
  walked_to timestamptz not null default '-infinity',
  constraint report_progress_pkey primary key (id),
  constraint report_progress_single_row check (id)
);
comment on table coinslot.report_progress is 'How far what reports add up is made: one row.';
comment on column coinslot.report_progress.moves_made_to is
'Orders from before up to here have their moves.';
comment on column coinslot.report_progress.moves_made_at is 'When all of them had.';
comment on column coinslot.report_progress.orders_to is 'Orders made before are in order_sums.';
comment on column coinslot.report_progress.walk_at is 'The last wallet of the walk under way.';
comment on column coinslot.report_progress.walked_to is
'What wallets did before is in token_sums and lot_sums.';
insert into coinslot.report_progress default values;
alter table coinslot.report_progress enable row level security;
revoke all on table coinslot.report_progress from anon, authenticated, service_role;
create policy "Nobody reads progress through the API" on coinslot.report_progress
for select to anon, authenticated using (false);

-- Waits for nobody: whoever is at an order's money makes its moves, and it is looked at again.
create function coinslot.backfill_moves(batch integer) returns bigint
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_progress coinslot.report_progress;
  v_payment public.token_payments;
  v_id uuid;
  v_whole boolean := true;
  v_seen bigint := 0;
begin
  select p.* into v_progress from coinslot.report_progress p where p.moves_made_at is null
  for update skip locked;
  if not found then
    return 0;
  end if;
  for v_id in
    select p.id from public.token_payments p
    where p.id > coalesce(v_progress.moves_made_to, '00000000-0000-0000-0000-000000000000')
    order by p.id limit backfill_moves.batch
  loop
    v_whole := pg_try_advisory_xact_lock(coinslot.moves_lock(v_id));
    exit when not v_whole;
    select p.* into v_payment from public.token_payments p where p.id = v_id;
    if v_payment.paid > 0 then
      perform coinslot.make_moves(v_payment);
    end if;
    v_seen := v_seen + 1;
    v_progress.moves_made_to := v_id;
  end loop;
  update coinslot.report_progress p set moves_made_to = v_progress.moves_made_to,
    moves_made_at = case when v_whole and v_seen < backfill_moves.batch then clock_timestamp() end;
  return v_seen;
end
$$;
comment on function coinslot.backfill_moves(integer) is
'Writes the moves of orders from before there were any; how many orders it looked at.';
revoke all on function coinslot.backfill_moves(integer) from public;

create function coinslot.sum_moves(batch integer) returns bigint
language sql volatile set search_path = '' set enable_seqscan = off as $$
  with due as materialized (
    select m.id from coinslot.money_moves m where not m.summed
    order by m.id limit sum_moves.batch for update skip locked
  ), taken as (
    update coinslot.money_moves m set summed = true from due d where m.id = d.id returning m.*
  ), added as (
    insert into coinslot.money_sums as s (
      by, at, label, currency, live, paid, refunded, withdrawn, vat, payments
    )
    select d.by, coinslot.quarter_of(t.at), d.label, t.currency, t.live, sum(t.paid),
      sum(t.refunded), sum(t.withdrawn), sum(t.vat), sum(t.payments)
    from taken t
    cross join lateral (
      values ('all', ''), ('method', t.method), ('product', t.product_id)
    ) d (by, label)
    group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
    on conflict on constraint money_sums_pkey do update set paid = s.paid + excluded.paid,
      refunded = s.refunded + excluded.refunded, withdrawn = s.withdrawn + excluded.withdrawn,
      vat = s.vat + excluded.vat, payments = s.payments + excluded.payments
    returning 1
  )
  select count(*) from taken
$$;
comment on function coinslot.sum_moves(integer) is
'Adds moves up by quarters of an hour; how many.';
revoke all on function coinslot.sum_moves(integer) from public;

-- What is summed, and what is not yet: the same at any moment.
create view coinslot.money_parts with (security_invoker = true) as
select
  s.by,
  s.at,
  s.label,
  s.currency,
  s.live,
  s.paid,
  s.refunded,
  s.withdrawn,
  s.vat,
  s.payments
from coinslot.money_sums as s
union all
select
  d.by,
  m.at,
  d.label,
  m.currency,
  m.live,
  m.paid,
  m.refunded,
  m.withdrawn,
  m.vat,
  m.payments::bigint
from coinslot.money_moves as m
cross join
  lateral (
    values ('all', ''), ('method', m.method), ('product', m.product_id)
  ) as d (by, label)
where not m.summed;
comment on view coinslot.money_parts is 'Money that moved: sums, and moves that are in none yet.';
revoke all on table coinslot.money_parts from anon, authenticated, service_role;

notify pgrst, 'reload schema';
