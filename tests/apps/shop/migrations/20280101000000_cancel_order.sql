-- Dated ahead of every release of Coinslot.
create function public.cancel_order(order_id bigint) returns void
language sql security definer set search_path = '' as $$
  delete from public.orders where id = order_id and user_id = (select auth.uid())
$$;
