-- Profiles, for an app that has none. An app with a `profiles` table of its own leaves this
-- migration out: nothing else in Coinslot refers to it.

create table public.profiles (
  id uuid not null,
  display_name text not null default '',
  locale text not null default 'en',
  created_at timestamptz not null default now(),
  constraint profiles_pkey primary key (id),
  constraint profiles_id_fkey foreign key (id) references auth.users (id) on delete cascade,
  constraint profiles_display_name_short check (length(display_name) <= 100),
  constraint profiles_locale_known
  check (length(locale) <= 35 and locale ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$')
);
comment on table public.profiles is 'What a person shows of themselves.';
comment on column public.profiles.locale is 'BCP 47 language tag, for example ko or en-US.';

alter table public.profiles enable row level security;
revoke all on table public.profiles from anon, authenticated, service_role;
grant select on table public.profiles to authenticated, service_role;
create policy "People read their own profile" on public.profiles
for select to authenticated using ((select auth.uid()) = id);

-- A computed field: `from('profiles').select('tokens')` reads the balance that the ledger adds up
-- to, and there is no column that anybody could update.
create function public.tokens(profile public.profiles) returns bigint
language sql stable set search_path = '' as $$
  select coinslot.available(w) from public.token_wallets w where w.user_id = profile.id
$$;
comment on function public.tokens(public.profiles) is 'Tokens the person can spend now.';
revoke all on function public.tokens(public.profiles)
from public, anon, authenticated, service_role;
grant execute on function public.tokens(public.profiles) to authenticated, service_role;

create function coinslot.update_profile(display_name text, locale text) returns public.profiles
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_profile public.profiles;
begin
  perform coinslot.check_text('display_name', coalesce(update_profile.display_name, ''), 100);
  perform coinslot.check_text('locale', coalesce(update_profile.locale, 'en'), 35);
  if coalesce(update_profile.locale, 'en') !~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' then
    perform coinslot.fail('invalid_argument', '{"argument": "locale", "example": "ko"}');
  end if;
  update public.profiles p set
    display_name = coalesce(update_profile.display_name, p.display_name),
    locale = coalesce(update_profile.locale, p.locale)
  where p.id = v_user_id
  returning p.* into v_profile;
  if not found then
    perform coinslot.fail('unauthenticated');
  end if;
  return v_profile;
end
$$;
comment on function coinslot.update_profile(text, text) is 'See public.update_profile.';
revoke all on function coinslot.update_profile(text, text) from public;
grant execute on function coinslot.update_profile(text, text) to authenticated;

create function public.update_profile(display_name text default null, locale text default null)
returns public.profiles
language sql volatile set search_path = '' as $$
  select coinslot.update_profile(update_profile.display_name, update_profile.locale)
$$;
comment on function public.update_profile(text, text) is
'Changes the signed-in user''s profile; what is null stays.';
revoke all on function public.update_profile(text, text)
from public, anon, authenticated, service_role;
grant execute on function public.update_profile(text, text) to authenticated;

-- A sign-up must not fail over a name: what does not fit is left at its default.
create function coinslot.create_profile() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  insert into public.profiles (id, display_name)
  values (new.id, left(coalesce(
    new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'name', ''
  ), 100))
  on conflict do nothing;
  return new;
end
$$;
comment on function coinslot.create_profile() is 'Trigger on auth.users: a profile for each user.';
revoke all on function coinslot.create_profile() from public;

create or replace trigger coinslot_profile_created after insert on auth.users
for each row execute function coinslot.create_profile();
