-- Closings: orders that nobody is to pay any more, to be closed at their gateways.
--
-- Canceled, expired or voided, an order ends here at once, and whoever ended it waits for no
-- gateway. Its row here says that the gateway has yet to be told. Closing is a function of what is
-- so then: an order that was paid after all is not closed, and closing it twice changes nothing.
-- Between tries pass
--   1, 5, 30 minutes, 2, 6, 12 hours, a day, a day;
-- after the last of them it is given up. Not every gateway can close everything. Money that still
-- comes is judged as money that comes late.

create table coinslot.payment_closings (
  payment_id uuid not null,
  gateway text not null,
  round bigint not null default 1,
  tries integer not null default 0,
  next_try_at timestamptz not null default clock_timestamp(),
  constraint payment_closings_pkey primary key (payment_id),
  constraint payment_closings_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete cascade,
  constraint payment_closings_gateway_fkey foreign key (gateway)
  references coinslot.gateways (id) on delete restrict
);
comment on table coinslot.payment_closings is 'Orders to be closed at their gateways, and when.';
comment on column coinslot.payment_closings.round is
'Grows when there is more to close: whoever closed what was there before has not ended it.';
create index payment_closings_due on coinslot.payment_closings (gateway, next_try_at);
alter table coinslot.payment_closings enable row level security;
revoke all on table coinslot.payment_closings from anon, authenticated, service_role;
create policy "Nobody reads closings through the API" on coinslot.payment_closings
for select to anon, authenticated using (false);

-- The first wait is the lease, too: no call to a gateway lasts as long.
create function coinslot.closing_wait(tries integer) returns interval
language sql immutable parallel safe set search_path = '' as $$
  select (
    '{1 minute,5 minutes,30 minutes,2 hours,6 hours,12 hours,1 day,1 day}'::interval[]
  )[closing_wait.tries + 1]
$$;
comment on function coinslot.closing_wait(integer) is
'Time to the next try at closing an order; null once it was tried often enough.';
revoke all on function coinslot.closing_wait(integer) from public;

create function coinslot.close_later(payment_id uuid) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
begin
  insert into coinslot.payment_closings as c (payment_id, gateway)
  select p.id, p.gateway from public.token_payments p where p.id = close_later.payment_id
  on conflict on constraint payment_closings_pkey do update
  set round = c.round + 1, tries = 0, next_try_at = least(c.next_try_at, excluded.next_try_at);
end
$$;
comment on function coinslot.close_later(uuid) is 'Has an order closed at its gateway.';
revoke all on function coinslot.close_later(uuid) from public;

create function coinslot.has_ended(status text) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return (
    select s.ended from coinslot.payment_statuses s where s.status = has_ended.status
  );
end
$$;
comment on function coinslot.has_ended(text) is 'Nobody is to pay an order of this status.';
revoke all on function coinslot.has_ended(text) from public;

-- Of an order that goes on after all, a claim drops the row: so that a purchase costs nothing here.
create function coinslot.schedule_closing() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  if coinslot.has_ended(new.status) then
    perform coinslot.close_later(new.id);
  end if;
  return null;
end
$$;
comment on function coinslot.schedule_closing() is
'Trigger: an order that ends is closed at its gateway.';
revoke all on function coinslot.schedule_closing() from public;
create trigger token_payments_ended after update of status on public.token_payments
for each row when (new.paid = 0 and old.status is distinct from new.status)
execute function coinslot.schedule_closing();

create type public.coinslot_closing as (
  payment public.token_payments,
  round bigint,
  attempt_keys text []
);
comment on type public.coinslot_closing is
'An order to be closed at its gateway, and its attempts that may be open there, latest first.';
revoke all on type public.coinslot_closing from public;
grant usage on type public.coinslot_closing to service_role;

create function coinslot.claim_closings(gateway text, batch integer)
returns setof public.coinslot_closing
language sql volatile security definer
set search_path = '' set enable_seqscan = off as $$
  with due as materialized (
    select
      c.payment_id, coinslot.closing_wait(c.tries) as wait,
      coinslot.closing_wait(c.tries) is null or not s.ended as over
    from coinslot.payment_closings c
    inner join public.token_payments p on p.id = c.payment_id
    inner join coinslot.payment_statuses s on s.status = p.status
    where c.gateway = claim_closings.gateway and c.next_try_at <= clock_timestamp()
    order by c.next_try_at limit least(greatest(claim_closings.batch, 1), 1000)
    for update of c skip locked
  ), dropped as (
    delete from coinslot.payment_closings c using due
    where c.payment_id = due.payment_id and due.over
  ), claimed as (
    update coinslot.payment_closings c
    set tries = c.tries + 1, next_try_at = clock_timestamp() + due.wait
    from due where c.payment_id = due.payment_id and not due.over
    returning c.payment_id, c.round
  )
  select p, c.round, array(
    select a.payment_key from coinslot.payment_attempts a
    where a.payment_id = p.id and a.gateway = p.gateway and a.paid = 0 and a.state <> 'canceled'
    order by a.updated_at desc, a.id desc limit 20
  )
  from claimed c inner join public.token_payments p on p.id = c.payment_id
$$;
comment on function coinslot.claim_closings(text, integer) is 'See public.coinslot_claim_closings.';
revoke all on function coinslot.claim_closings(text, integer) from public;
grant execute on function coinslot.claim_closings(text, integer) to service_role;

create function public.coinslot_claim_closings(gateway text, batch integer default 20)
returns public.coinslot_closing[]
language sql volatile set search_path = '' as $$
  select array(select c from coinslot.claim_closings(
    coinslot_claim_closings.gateway, coinslot_claim_closings.batch
  ) c)
$$;
comment on function public.coinslot_claim_closings(text, integer) is
'Service: orders that are to be closed at their gateway, leased to the caller.';
revoke all on function public.coinslot_claim_closings(text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_closings(text, integer) to service_role;

create function coinslot.finish_closing(order_id text, round bigint) returns void
language sql volatile security definer
set search_path = '' set enable_seqscan = off as $$
  delete from coinslot.payment_closings c using public.token_payments p
  where p.order_id = finish_closing.order_id and c.payment_id = p.id
    and c.round = finish_closing.round
$$;
comment on function coinslot.finish_closing(text, bigint) is 'See public.coinslot_finish_closing.';
revoke all on function coinslot.finish_closing(text, bigint) from public;
grant execute on function coinslot.finish_closing(text, bigint) to service_role;

create function public.coinslot_finish_closing(order_id text, round bigint) returns void
language sql volatile set search_path = '' as $$
  select coinslot.finish_closing(
    coinslot_finish_closing.order_id, coinslot_finish_closing.round
  )
$$;
comment on function public.coinslot_finish_closing(text, bigint) is
'Service: an order is closed as far as its gateway can; what came after the claim is yet to be.';
revoke all on function public.coinslot_finish_closing(text, bigint)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_finish_closing(text, bigint) to service_role;
