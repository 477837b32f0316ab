-- What a store shows: how many packs an order may be of, whether there are codes, and what inviting
-- somebody is worth.

-- The functions tell a server that is older or newer than the migrations what it would miss.
-- The shop, as its store shows it. Currencies are those in which something is on sale; a store has
-- a field for codes where there are any, and a page to invite where that is rewarded.
create or replace function coinslot.get_shop() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'business', s.business, 'links', s.links, 'refund_days', s.refund_days,
    'currencies', coalesce((
      select jsonb_agg(c.currency order by c.products desc, c.currency collate "C")
      from (
        select o.currency, count(*) as products from public.token_offers o group by o.currency
      ) c
    ), '[]'),
    'max_quantity', s.max_quantity,
    'takes_codes', exists (
      select from coinslot.promotions p
      where p.active and (p.ends_at is null or p.ends_at > statement_timestamp())
    ),
    'invitations', jsonb_build_object('reward', s.referral_reward, 'bonus', s.referral_bonus)
  )
  from coinslot.settings s where s.id
$$;

notify pgrst, 'reload schema';
