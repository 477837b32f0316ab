-- User management as most apps on Supabase begin: a profile for everybody who signs up.
create table public.profiles (
  id uuid not null primary key references auth.users (id) on delete cascade,
  updated_at timestamptz,
  username text unique,
  full_name text,
  avatar_url text,
  constraint username_length check (char_length(username) >= 3)
);

alter table public.profiles enable row level security;
create policy "Anybody sees profiles" on public.profiles for select using (true);
create policy "People insert their own profile" on public.profiles
for insert with check ((select auth.uid()) = id);
create policy "People change their own profile" on public.profiles
for update using ((select auth.uid()) = id);

create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, full_name, avatar_url)
  values (new.id, new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'avatar_url');
  return new;
end
$$;
create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();
