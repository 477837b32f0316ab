-- Credits in a table of their own, spent through an RPC that has a name of Coinslot's.
create table public.credits (
  user_id uuid primary key references auth.users (id) on delete cascade,
  amount integer not null default 0 check (amount >= 0)
);
alter table public.credits enable row level security;
create policy "People see their own credits" on public.credits
for select using ((select auth.uid()) = user_id);

create function public.spend_tokens(n integer) returns void
language sql security definer set search_path = '' as $$
  update public.credits set amount = amount - n where user_id = (select auth.uid())
$$;
