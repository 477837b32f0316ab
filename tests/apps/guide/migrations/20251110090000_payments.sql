-- The payments of a shop that took money through Toss Payments and Stripe by itself.
create table public.payments (
  id uuid primary key default gen_random_uuid(),
  order_id text not null unique,
  user_id uuid references auth.users (id) on delete set null,
  amount integer not null,
  currency text not null default 'KRW',
  status text not null default 'pending',
  payment_method text not null,
  payment_key text,
  created_at timestamptz not null default now(),
  confirmed_at timestamptz
);
create index payments_user_id on public.payments (user_id);

alter table public.payments enable row level security;
create policy "People see their own payments" on public.payments
for select using ((select auth.uid()) = user_id);
