-- What the reconciler reads next: the orders of which the gateway may yet say something new,
-- whether its webhooks arrive or not.
--
-- An order in such a state has a row here; the trigger makes it, starts it over with every change
-- of the status, and deletes it once there is nothing to wait for. The distances grow, by how often
-- the order was read in this state:
--   2, 5, 10, 20, 40, 80 minutes, 3 hours, then every 6 hours.
-- payment_statuses.reads says after how many reads an order that stays as it is is left alone.
-- Where a webhook told of a refund or a dispute that its read did not show, a settled order is read
-- thrice.

create table coinslot.payment_reads (
  payment_id uuid not null,
  gateway text not null,
  reads integer not null default 0,
  next_read_at timestamptz not null,
  constraint payment_reads_pkey primary key (payment_id),
  constraint payment_reads_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete cascade,
  constraint payment_reads_gateway_fkey foreign key (gateway)
  references coinslot.gateways (id) on delete restrict
);
comment on table coinslot.payment_reads is 'Orders to be read again at their gateways, and when.';
comment on column coinslot.payment_reads.reads is 'Reads since the order''s status changed.';
create index payment_reads_due on coinslot.payment_reads (gateway, next_read_at);
alter table coinslot.payment_reads enable row level security;
revoke all on table coinslot.payment_reads from anon, authenticated, service_role;
create policy "Nobody reads the schedule through the API" on coinslot.payment_reads
for select to anon, authenticated using (false);

create function coinslot.read_wait(reads integer) returns interval
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return coalesce(
    ('{2 minutes,5 minutes,10 minutes,20 minutes,40 minutes,80 minutes,3 hours}'::interval[])
    [read_wait.reads + 1], interval '6 hours'
  );
end
$$;
comment on function coinslot.read_wait(integer) is
'Time to the next read of an order that was read so often.';
revoke all on function coinslot.read_wait(integer) from public;

create function coinslot.read_later(payment_id uuid) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
begin
  insert into coinslot.payment_reads (payment_id, gateway, next_read_at)
  select p.id, p.gateway, clock_timestamp() + coinslot.read_wait(0)
  from public.token_payments p where p.id = read_later.payment_id
  on conflict on constraint payment_reads_pkey do update
  set reads = 0, next_read_at = least(payment_reads.next_read_at, excluded.next_read_at);
end
$$;
comment on function coinslot.read_later(uuid) is 'Puts an order on the reconciler''s schedule.';
revoke all on function coinslot.read_later(uuid) from public;

create function coinslot.schedule_reads() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  if exists (
    select from coinslot.payment_statuses s
    where s.status = new.status and s.reads is distinct from 0
  ) then
    perform coinslot.read_later(new.id);
  else
    delete from coinslot.payment_reads r where r.payment_id = new.id;
  end if;
  return null;
end
$$;
comment on function coinslot.schedule_reads() is
'Trigger: orders that wait for something are read again, others are not.';
revoke all on function coinslot.schedule_reads() from public;
create trigger token_payments_reads_inserted after insert on public.token_payments
for each row execute function coinslot.schedule_reads();
create trigger token_payments_reads_moved after update of status on public.token_payments
for each row when (old.status is distinct from new.status)
execute function coinslot.schedule_reads();

-- `attempt_key` is the latest attempt that the order is known by, for gateways that find payments
-- by their own id only.
create type public.coinslot_payment_to_read as (
  payment public.token_payments,
  attempt_key text
);
comment on type public.coinslot_payment_to_read is 'An order to be read at its gateway.';
revoke all on type public.coinslot_payment_to_read from public;
grant usage on type public.coinslot_payment_to_read to service_role;

-- The next read is set before this one is made, so that an order nobody comes back about is read
-- then. By gateway, so that one that is down keeps nobody waiting for another. Users take turns,
-- however many orders each has due, and each begins with those of which money is likely: an attempt
-- is known, or a hint came. Turns are given to the five thousand that are due the longest, so that
-- a claim costs the same after any outage. An order that has been read as often as its status
-- allows goes off the schedule.
create function coinslot.due_reads(gateway text)
returns table (payment_id uuid, turn bigint, likely boolean, due_at timestamptz, enough boolean)
language plpgsql stable
set search_path = '' set enable_seqscan = off as $$
begin
  return query select
    r.payment_id,
    row_number() over (partition by p.user_id order by l.likely desc, r.next_read_at),
    l.likely,
    r.next_read_at,
    coalesce(r.reads >= case s.reads when 0 then 3 else s.reads end, false) and not exists (
      select from coinslot.payment_attempts a where a.payment_id = p.id and a.refunding > 0
    )
  from (
    select d.* from coinslot.payment_reads d
    where d.gateway = due_reads.gateway and d.next_read_at <= clock_timestamp()
    order by d.next_read_at limit 5000
  ) r
  inner join public.token_payments p on p.id = r.payment_id
  inner join coinslot.payment_statuses s on s.status = p.status
  cross join lateral (
    select p.payment_key is not null
      or exists (select from coinslot.payment_attempts a where a.payment_id = p.id)
      or exists (select from coinslot.webhooks w where w.order_id = p.order_id) as likely
  ) l;
end
$$;
comment on function coinslot.due_reads(text) is
'Orders of a gateway that are due, and in which of its owner''s turns each is.';
revoke all on function coinslot.due_reads(text) from public;

create function coinslot.claim_payments(gateway text, batch integer)
returns setof public.coinslot_payment_to_read
language sql volatile security definer
set search_path = '' set enable_seqscan = off as $$
  with due as materialized (
    select d.payment_id, d.turn, d.likely, d.due_at, d.enough
    from coinslot.due_reads(claim_payments.gateway) d
    inner join coinslot.payment_reads r on r.payment_id = d.payment_id
    where r.next_read_at <= clock_timestamp()
    order by d.turn, d.likely desc, d.due_at
    limit least(greatest(claim_payments.batch, 1), 1000)
    for update of r skip locked
  ), dropped as (
    delete from coinslot.payment_reads r using due
    where r.payment_id = due.payment_id and due.enough
  ), claimed as (
    update coinslot.payment_reads r
    set reads = r.reads + 1, next_read_at = clock_timestamp() + coinslot.read_wait(r.reads + 1)
    from due where r.payment_id = due.payment_id and not due.enough
    returning r.payment_id, due.turn, due.likely, due.due_at
  )
  select p, (
    select a.payment_key from coinslot.payment_attempts a
    where a.payment_id = p.id order by a.updated_at desc, a.id desc limit 1
  )
  from claimed c inner join public.token_payments p on p.id = c.payment_id
  order by c.turn, c.likely desc, c.due_at
$$;
comment on function coinslot.claim_payments(text, integer) is 'See public.coinslot_claim_payments.';
revoke all on function coinslot.claim_payments(text, integer) from public;
grant execute on function coinslot.claim_payments(text, integer) to service_role;

-- An array, here and wherever work is handed out: a project's "Max rows" would cut rows off after
-- they were leased.
create function public.coinslot_claim_payments(gateway text, batch integer default 20)
returns public.coinslot_payment_to_read[]
language sql volatile set search_path = '' as $$
  select array(select c from coinslot.claim_payments(
    coinslot_claim_payments.gateway, coinslot_claim_payments.batch
  ) c)
$$;
comment on function public.coinslot_claim_payments(text, integer) is
'Service: orders of a gateway that are due to be read again, given to one caller each.';
revoke all on function public.coinslot_claim_payments(text, integer)
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_claim_payments(text, integer) to service_role;

-- What could not be read is not read: it is due again soon, and the read does not count. Whoever
-- has one of them locked plans it anew; to wait for it with the others locked would be to wait for
-- each other with whoever moves many orders: their expiry, or the deletion of their buyer.
create function coinslot.return_payments(order_ids text[]) returns void
language sql volatile security definer set search_path = '' as $$
  with unread as materialized (
    select r.payment_id
    from coinslot.payment_reads r inner join public.token_payments p on p.id = r.payment_id
    where p.order_id = any (return_payments.order_ids)
    for update of r skip locked
  )
  update coinslot.payment_reads r set
    reads = greatest(r.reads - 1, 0),
    next_read_at = least(r.next_read_at, clock_timestamp() + interval '30 seconds')
  from unread u where r.payment_id = u.payment_id
$$;
comment on function coinslot.return_payments(text[]) is 'See public.coinslot_return_payments.';
revoke all on function coinslot.return_payments(text[]) from public;
grant execute on function coinslot.return_payments(text[]) to service_role;

create function public.coinslot_return_payments(order_ids text[]) returns void
language sql volatile set search_path = '' as $$
  select coinslot.return_payments(coinslot_return_payments.order_ids)
$$;
comment on function public.coinslot_return_payments(text[]) is
'Service: gives back orders whose gateway could not be asked.';
revoke all on function public.coinslot_return_payments(text[])
from public, anon, authenticated, service_role;
grant execute on function public.coinslot_return_payments(text[]) to service_role;
