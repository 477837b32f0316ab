-- Who bought before this release, and deletes their account after it, is known when they come back,
-- also where the bonus was 0 and nothing was kept.
--
-- In a file of its own, since it takes two minutes for a million buyers: no table is locked, and
-- people buy and sign up meanwhile. Only somebody who confirms the same as a buyer did waits.
set local statement_timeout = 0;

with buyers as materialized (
  select distinct p.user_id from public.token_payments as p
  where p.confirmed_at is not null
)

insert into coinslot.identities as i (identity_hash, user_id)
select distinct on (c.identity_hash)
  c.identity_hash,
  c.user_id
from coinslot.confirmed_identities as c
where
  c.user_id in (
    select b.user_id from buyers as b
    union
    select m.from_user from coinslot.merged_wallets as m
    inner join buyers as b on m.owner_user = b.user_id
  )
  and coinslot.has_paid(c.user_id, coinslot.is_live(), 'infinity')
order by c.identity_hash, c.created_at, c.user_id
on conflict (identity_hash) do update set
  user_id = excluded.user_id
where not coinslot.has_paid(i.user_id, coinslot.is_live(), 'infinity');
