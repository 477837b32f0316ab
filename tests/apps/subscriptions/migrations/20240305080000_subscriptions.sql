-- An app that sells subscriptions through Stripe and mirrors Stripe's catalogue.
create table public.users (
  id uuid not null primary key references auth.users (id) on delete cascade,
  full_name text,
  avatar_url text,
  billing_address jsonb,
  payment_method jsonb
);
alter table public.users enable row level security;
create policy "People see themselves" on public.users for select using (auth.uid() = id);

create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.users (id, full_name, avatar_url)
  values (new.id, new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'avatar_url');
  return new;
end
$$;
create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();

create table public.customers (
  id uuid not null primary key references auth.users (id) on delete cascade,
  stripe_customer_id text
);
alter table public.customers enable row level security;

create table public.products (
  id text primary key,
  active boolean,
  name text,
  description text,
  image text,
  metadata jsonb
);
alter table public.products enable row level security;
create policy "Anybody sees products" on public.products for select using (true);

create type public.pricing_type as enum ('one_time', 'recurring');
create type public.pricing_plan_interval as enum ('day', 'week', 'month', 'year');
create table public.prices (
  id text primary key,
  product_id text references public.products (id),
  active boolean,
  unit_amount bigint,
  currency text check (char_length(currency) = 3),
  type public.pricing_type,
  interval public.pricing_plan_interval,
  interval_count integer
);
alter table public.prices enable row level security;
create policy "Anybody sees prices" on public.prices for select using (true);

create type public.subscription_status as enum (
  'trialing', 'active', 'canceled', 'incomplete', 'incomplete_expired', 'past_due', 'unpaid', 'paused'
);
create table public.subscriptions (
  id text primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  status public.subscription_status,
  price_id text references public.prices (id),
  quantity integer,
  current_period_end timestamptz not null default now()
);
alter table public.subscriptions enable row level security;
create policy "People see their own subscriptions" on public.subscriptions
for select using (auth.uid() = user_id);
