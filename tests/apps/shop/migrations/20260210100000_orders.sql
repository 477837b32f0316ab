-- A shop for things, with an order RPC of its own.
create table public.orders (
  id bigint generated always as identity primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  product text not null,
  created_at timestamptz not null default now()
);
alter table public.orders enable row level security;
create policy "People see their own orders" on public.orders
for select using ((select auth.uid()) = user_id);

create function public.create_order(product text) returns public.orders
language sql security definer set search_path = '' as $$
  insert into public.orders (user_id, product) values ((select auth.uid()), product) returning *
$$;
