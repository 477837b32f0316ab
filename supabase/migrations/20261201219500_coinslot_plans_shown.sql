-- A store is told where plans are sold, and in which currencies.
select coinslot.begin_upgrade();

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
    'invitations', jsonb_build_object('reward', s.referral_reward, 'bonus', s.referral_bonus),
    'plans', jsonb_build_object(
      'gateways', coalesce((
        select jsonb_agg(g.id order by g.id) from coinslot.gateways g
        where g.active and g.unattended <> 'none'
      ), '[]'),
      'currencies', coalesce((
        select jsonb_agg(distinct o.currency) from public.token_plan_offers o
      ), '[]')
    )
  )
  from coinslot.settings s where s.id
$$;
comment on function coinslot.get_shop() is
'Who sells, under which terms, in which currencies, and where plans are sold.';

select coinslot.write_manifest();
