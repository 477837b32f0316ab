-- The table, with what belongs to it. All of it or nothing: a part would look like Coinslot's and
-- answer like the app's.
do $do$
declare
  v_there text[];
begin
  if (select s.profiles from coinslot.settings s) <> 'auto'
    or exists (
      select from pg_catalog.pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relname = 'profiles'
    )
  then
    return;
  end if;
  v_there := array(
    select 'type public.profiles' from pg_catalog.pg_type t
    where t.typnamespace = 'public'::regnamespace and t.typname = 'profiles'
    union all
    select 'index public.profiles_pkey' from pg_catalog.pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relname = 'profiles_pkey'
    union all
    select 'function public.update_profile' from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proname = 'update_profile'
  );
  if v_there <> '{}' then
    raise notice 'Coinslot makes no table public.profiles: % is there.', v_there[1];
    return;
  end if;

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
  language sql volatile
  set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
    select coinslot.update_profile(update_profile.display_name, update_profile.locale)
  $$;
  comment on function public.update_profile(text, text) is
  'Changes the signed-in user''s profile; what is null stays.';
  revoke all on function public.update_profile(text, text)
  from public, anon, authenticated, service_role;
  grant execute on function public.update_profile(text, text) to authenticated;

  -- A sign-up must not fail over a profile: a name that does not fit is left at its default, and the
  -- app may have changed the table, or dropped it.
  create function coinslot.create_profile() returns trigger
  language plpgsql volatile security definer set search_path = '' as $$
  begin
    insert into public.profiles (id, display_name)
    values (new.id, left(coalesce(
      new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'name', ''
    ), 100))
    on conflict do nothing;
    return new;
  exception when syntax_error_or_access_rule_violation or integrity_constraint_violation then
    raise warning 'Coinslot made no profile of %: %', new.id, sqlerrm;
    return new;
  end
  $$;
  comment on function coinslot.create_profile() is
  'Trigger on auth.users: a profile for each user.';
  revoke all on function coinslot.create_profile() from public;

  perform coinslot.install_auth_triggers();
end
$do$;

-- A computed field: `from('profiles').select('tokens')` reads the balance that the ledger adds up
-- to, and there is no column that anybody could update. It reads as the caller does: people see
-- their own. A column `tokens` of the table comes first, until it is dropped.
create function coinslot.show_tokens_on_profiles() returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_table regclass := to_regclass('public.profiles');
  v_missing text := case
    when v_table is null then 'there is no such table'
    when not exists (
      select from pg_catalog.pg_attribute a
      inner join pg_catalog.pg_index i on i.indrelid = a.attrelid and i.indkey[0] = a.attnum
      where a.attrelid = v_table and a.attname = 'id' and a.atttypid = 'uuid'::regtype
        and i.indisunique and i.indnkeyatts = 1 and i.indpred is null
    ) then 'it has no key `id` of type uuid'
    when exists (
      select from pg_catalog.pg_proc p
      inner join pg_catalog.pg_class c on c.oid = v_table and c.reltype = p.proargtypes[0]
      where p.pronamespace = 'public'::regnamespace and p.proname = 'tokens' and p.pronargs = 1
        and p.prosrc !~ 'coinslot\.available'
    ) then 'a function public.tokens(profiles) is there'
  end;
begin
  if v_missing is not null then
    v_missing := format('Coinslot shows no tokens on public.profiles: %s.', v_missing);
    raise notice '%', v_missing;
    return v_missing;
  end if;
  perform coinslot.make_balance_field('public.profiles', 'id', 'tokens');
  return 'Coinslot shows the tokens on public.profiles.';
end
$$;
comment on function coinslot.show_tokens_on_profiles() is
'Gives public.profiles, whose key `id` is the user, the field `tokens`; says whether it could.';
revoke all on function coinslot.show_tokens_on_profiles() from public;

select coinslot.show_tokens_on_profiles() from coinslot.settings as s
where s.profiles <> 'none';
