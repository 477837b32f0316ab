-- People and a single thing to sell for the local stack, written by `supabase db reset`.
insert into auth.users (
  id, aud, role, email, email_confirmed_at, raw_app_meta_data, raw_user_meta_data
) values
(
  '00000000-0000-4000-8000-000000000001', 'authenticated', 'authenticated', 'mina@example.com',
  now(), '{"provider": "email"}', '{"full_name": "김미나"}'
),
(
  '00000000-0000-4000-8000-000000000002', 'authenticated', 'authenticated', 'alex@example.com',
  now(), '{"provider": "email"}', '{"full_name": "Alex Doe"}'
),
(
  '00000000-0000-4000-8000-000000000003', 'authenticated', 'authenticated', 'operator@example.com',
  now(), '{"provider": "email"}', '{"full_name": "Operator"}'
),
(
  '00000000-0000-4000-8000-000000000004', 'authenticated', 'authenticated', 'support@example.com',
  now(), '{"provider": "email"}', '{"full_name": "이하나"}'
),
(
  '00000000-0000-4000-8000-000000000005', 'authenticated', 'authenticated', 'finance@example.com',
  now(), '{"provider": "email"}', '{"full_name": "Fin Ance"}'
),
(
  '00000000-0000-4000-8000-000000000006', 'authenticated', 'authenticated', 'owner@example.com',
  now(), '{"provider": "email"}', '{"full_name": "박주인"}'
);

-- Their password is `coinslot`, hashed as the local stack's auth stand-in does it.
update auth.users
set
  encrypted_password = concat(
    '$scrypt$16384$8$1$Y29pbnNsb3Qtc2FuZGJveA==$R9ePlp/KXxzJbFEUuXgXUZuCZltjmLpO/Dttcla346',
    'msB/huK45xHRdNwW+O858ZY9xrd1f04Tem2wBLV89BaQ=='
  )
where id::text like '00000000-0000-4000-8000-%';

select coinslot.add_operator('operator@example.com', 'owner');
select coinslot.add_operator('owner@example.com', 'owner');
select coinslot.add_operator('finance@example.com', 'finance');
select coinslot.add_operator(
  'support@example.com', 'support', '{"tokens_a_day": 100, "refunds_a_day": {"KRW": 50000}}'
);

select coinslot.set_product(
  'premium_reading', 'Premium Fortune Reading', '사주팔자 프리미엄 해석',
  prices => '{"KRW": 13000, "USD": 1000}'
);

-- Plans. The local stack's gateways charge stored cards, as a contract would have to allow.
select coinslot.set_plan(
  'plus', 'month', 'Plus', '플러스', 300, '{"KRW": 9900, "USD": 790}', 'main', 'none'
);
select coinslot.set_plan(
  'pro', 'month', 'Pro', '프로', 1000, '{"KRW": 24900, "USD": 1990}', 'main', 'none'
);
select coinslot.set_plan(
  'pro_year', 'year', 'Pro, yearly', '프로 연간', 12000, '{"KRW": 249000, "USD": 19900}', 'main',
  'none'
);
select coinslot.set_unattended(g.id, 'periodic') from coinslot.gateways as g;
