-- People for the local stack, written by `supabase db reset`.
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
  '00000000-0000-4000-8000-000000000003', 'authenticated', 'authenticated', 'admin@example.com',
  now(), '{"provider": "email", "role": "admin"}', '{"full_name": "Admin"}'
);
