-- Orders that the shop ends, and money that comes too late: for a price that was a mistake, or is
-- asked no more. Such money is never credited by itself. A refund of all of it is proposed, and a
-- person who agrees says so once.

-- Those that somebody may yet pay at their price: open ones, and what was called off or ran out and
-- has its price for a little longer. Whoever has paid before is a buyer, whenever we hear of it.
create function coinslot.void_orders(product_id text) returns bigint
language plpgsql volatile security definer
set search_path = '' set enable_seqscan = off as $$
declare
  v_count bigint;
begin
  perform from public.token_products d where d.id = void_orders.product_id;
  if not found then
    perform coinslot.fail(
      'product_not_found', jsonb_build_object('product_id', left(void_orders.product_id, 63))
    );
  end if;
  with due as materialized (
    select p.id, p.status from public.token_payments p
    where p.product_id = void_orders.product_id and p.paid = 0 and (
      p.status in ('pending', 'awaiting_deposit', 'failed')
      or p.status in ('canceled', 'expired') and p.expires_at > clock_timestamp() - (
        select s.price_grace from coinslot.settings s where s.id
      )
    )
    order by p.id for update
  ), voided as (
    update public.token_payments p set
      status = 'voided', voided_at = clock_timestamp(), updated_at = clock_timestamp()
    from due where p.id = due.id
    returning p.id, p.user_id, p.payment_key, due.status as from_status
  ), events as (
    insert into public.token_payment_events (
      payment_id, user_id, from_status, to_status, source, payment_key
    )
    select v.id, v.user_id, v.from_status, 'voided', 'shop', v.payment_key from voided v
    returning id
  )
  select count(*) into v_count from events;
  return v_count;
end
$$;
comment on function coinslot.void_orders(text) is 'Ends the unpaid orders of a product; how many.';
revoke all on function coinslot.void_orders(text) from public;

create function coinslot.void_token_orders(product_id text) returns bigint
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform coinslot.acting_operator('void_orders');
  return coinslot.void_as(void_token_orders.product_id, '');
end
$$;
comment on function coinslot.void_token_orders(text) is 'See public.void_token_orders.';
revoke all on function coinslot.void_token_orders(text) from public;
grant execute on function coinslot.void_token_orders(text) to authenticated;

create function public.void_token_orders(product_id text) returns bigint
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.void_token_orders(void_token_orders.product_id)
$$;
comment on function public.void_token_orders(text) is
'Operators, finance or owner: ends all orders of a product that may yet be paid; how many.';
revoke all on function public.void_token_orders(text)
from public, anon, authenticated, service_role;
grant execute on function public.void_token_orders(text) to authenticated;

create function coinslot.void_token_orders_for(product_id text) returns bigint
language sql volatile security definer set search_path = '' as $$
  select coinslot.void_orders(void_token_orders_for.product_id)
$$;
comment on function coinslot.void_token_orders_for(text) is 'See public.void_token_orders_for.';
revoke all on function coinslot.void_token_orders_for(text) from public;
grant execute on function coinslot.void_token_orders_for(text) to service_role;

create function public.void_token_orders_for(product_id text) returns bigint
language sql volatile set search_path = '' as $$
  select coinslot.void_token_orders_for(void_token_orders_for.product_id)
$$;
comment on function public.void_token_orders_for(text) is
'Service: the same as void_token_orders, on an operator''s word.';
revoke all on function public.void_token_orders_for(text)
from public, anon, authenticated, service_role;
grant execute on function public.void_token_orders_for(text) to service_role;

-- The refund that was asked for on a proposal, the last of them. Each that failed is followed by
-- another, under a key of its own.
create function coinslot.find_accepted_refund(payment_id uuid, proposal bigint)
returns coinslot.refunds
language sql stable set search_path = '' as $$
  select r.* from coinslot.refunds r
  where r.payment_id = find_accepted_refund.payment_id
    and starts_with(r.idempotency_key, 'proposal ' || coalesce(proposal || ' ', ''))
  order by r.created_at desc, r.id limit 1
$$;
comment on function coinslot.find_accepted_refund(uuid, bigint) is
'The latest refund that a proposal led to; null for any proposal of the order.';
revoke all on function coinslot.find_accepted_refund(uuid, bigint) from public;

-- Of several proposals the oldest. Called again it asks for nothing twice: an open refund is
-- answered again, and so is the last one where nothing is proposed any more.
create function coinslot.start_accepted_refund(
  order_id text, account jsonb, requested_by uuid
) returns coinslot.refunds
language plpgsql volatile set search_path = '' as $$
declare
  v_payment public.token_payments;
  v_proposal coinslot.discrepancies;
  v_refund coinslot.refunds;
begin
  select p.* into v_payment from public.token_payments p
  where p.order_id = start_accepted_refund.order_id for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  select d.* into v_proposal from coinslot.discrepancies d
  where d.order_id = v_payment.order_id and d.resolved_at is null
    and coinslot.proposes_refund(d.kind)
  order by d.id limit 1;
  v_refund := coinslot.find_accepted_refund(v_payment.id, v_proposal.id);
  if v_refund.id is not null and (v_proposal.id is null or v_refund.status <> 'failed') then
    return v_refund;
  elsif v_proposal.id is null then
    perform coinslot.fail('nothing_proposed', jsonb_build_object('status', v_payment.status));
  end if;
  return coinslot.start_refund(
    v_payment.order_id, null, v_proposal.kind,
    format('proposal %s %s', v_proposal.id, gen_random_uuid()), false, v_proposal.payment_key,
    start_accepted_refund.account, start_accepted_refund.requested_by
  );
end
$$;
comment on function coinslot.start_accepted_refund(text, jsonb, uuid) is
'Asks for the refund that is proposed of an order, once.';
revoke all on function coinslot.start_accepted_refund(text, jsonb, uuid) from public;

create function coinslot.accept_refund(order_id text, account jsonb)
returns coinslot.refunds
language plpgsql volatile security definer set search_path = '' as $$
begin
  return coinslot.accept_as(
    coinslot.acting_operator('accept_refund'), accept_refund.order_id, accept_refund.account, ''
  );
end
$$;
comment on function coinslot.accept_refund(text, jsonb) is 'See public.accept_token_refund.';
revoke all on function coinslot.accept_refund(text, jsonb) from public;
grant execute on function coinslot.accept_refund(text, jsonb) to authenticated;

create function public.accept_token_refund(order_id text, account jsonb default null)
returns coinslot.refunds
language sql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
  select coinslot.accept_refund(accept_token_refund.order_id, accept_token_refund.account)
$$;
comment on function public.accept_token_refund(text, jsonb) is
'Operators, finance or owner: gives back the money of an order of which a refund is proposed.';
revoke all on function public.accept_token_refund(text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.accept_token_refund(text, jsonb) to authenticated;

create function coinslot.accept_refund_for(order_id text, account jsonb)
returns coinslot.refunds
language sql volatile security definer set search_path = '' as $$
  select coinslot.start_accepted_refund(
    accept_refund_for.order_id, accept_refund_for.account, null
  )
$$;
comment on function coinslot.accept_refund_for(text, jsonb) is
'See public.accept_token_refund_for.';
revoke all on function coinslot.accept_refund_for(text, jsonb) from public;
grant execute on function coinslot.accept_refund_for(text, jsonb) to service_role;

create function public.accept_token_refund_for(order_id text, account jsonb default null)
returns coinslot.refunds
language sql volatile set search_path = '' as $$
  select coinslot.accept_refund_for(
    accept_token_refund_for.order_id, accept_token_refund_for.account
  )
$$;
comment on function public.accept_token_refund_for(text, jsonb) is
'Service: the same as accept_token_refund, on an operator''s word.';
revoke all on function public.accept_token_refund_for(text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.accept_token_refund_for(text, jsonb) to service_role;
