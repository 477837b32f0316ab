-- A release as the next one might be: structure on tables in use, all of which it locks first.
-- Nothing waits long: a column without a default rewrites no row, and the default that follows
-- counts for new rows alone.
select coinslot.begin_upgrade();
select coinslot.lock_for_upgrade(
  array['public.token_wallets', 'public.token_payments']::regclass[]
);

alter table public.token_payments add column priced_at timestamptz;
alter table public.token_payments alter column priced_at set default clock_timestamp();
comment on column public.token_payments.priced_at is 'When the price was agreed.';
create index token_payments_not_priced on public.token_payments (id) where priced_at is null;

alter table public.token_wallets add column note text;
comment on column public.token_wallets.note is 'A remark of the shop.';

-- A new argument has a default, and the new signature is granted again.
drop function public.get_user_tokens();
create function public.get_user_tokens(at_least bigint default 0) returns bigint
language sql stable set search_path = '' as $$
  select greatest(coalesce(
    (
      select coinslot.available(w) from public.token_wallets w
      where w.user_id = (select coinslot.current_user_id()) and w.closed_at is null
    ), 0
  ), get_user_tokens.at_least)
$$;
comment on function public.get_user_tokens(bigint) is 'Tokens the signed-in user can spend now.';
revoke all on function public.get_user_tokens(bigint)
from public, anon, authenticated, service_role;
grant execute on function public.get_user_tokens(bigint) to authenticated;

notify pgrst, 'reload schema';
