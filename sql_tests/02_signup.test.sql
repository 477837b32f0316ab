-- Free tokens are money: who gets them, and everybody who must not get them again.
begin;
\ir helpers/call.sql
select plan(27);

select is(
  pg_temp.history(pg_temp.sign_up('mina@example.com')), 'signup_bonus 5',
  'a confirmed sign-up gets five tokens'
);
select is(
  (select p.display_name from public.profiles p inner join auth.users u on u.id = p.id
   where u.email = 'mina@example.com'), '',
  'and a profile'
);

-- Confirming later
select pg_temp.sign_up('later@example.com', false) as later \gset
select is(pg_temp.wallet(:'later'), 'tokens=0 held=0 seq=0', 'nothing confirmed, nothing given');
update auth.users set email_confirmed_at = now() where id = :'later';
select is(pg_temp.history(:'later'), 'signup_bonus 5', 'the bonus comes with the confirmation');
update auth.users set email_confirmed_at = null where id = :'later';
update auth.users set email_confirmed_at = now() where id = :'later';
select is(pg_temp.history(:'later'), 'signup_bonus 5', 'confirming again gives nothing again');
update auth.users set email = 'other@example.com' where id = :'later';
select is(pg_temp.history(:'later'), 'signup_bonus 5', 'nor does changing the address');
select is(
  pg_temp.history(pg_temp.sign_up('LATER@example.com ')), '',
  'the address that was given up has had its bonus, however it is spelled'
);

-- Anonymous sign-ins
insert into auth.users (id, email, email_confirmed_at, is_anonymous)
values ('00000000-0000-4000-8000-00000000000a', null, null, true),
('00000000-0000-4000-8000-00000000000b', 'anonymous@example.com', now(), true);
select is(
  pg_temp.wallet('00000000-0000-4000-8000-00000000000a'), 'tokens=0 held=0 seq=0',
  'an anonymous sign-in has a wallet and no bonus'
);
select is(
  pg_temp.history('00000000-0000-4000-8000-00000000000b'), '',
  'not even with an address, as long as it is anonymous'
);
update auth.users set is_anonymous = false where id = '00000000-0000-4000-8000-00000000000b';
select is(
  pg_temp.history('00000000-0000-4000-8000-00000000000b'), 'signup_bonus 5',
  'linking an identity earns it'
);
update auth.users set is_anonymous = false where id = '00000000-0000-4000-8000-00000000000a';
select is(
  pg_temp.history('00000000-0000-4000-8000-00000000000a'), '',
  'an account with nothing confirmed is nobody yet'
);

-- Phones
insert into auth.users (id, phone, phone_confirmed_at)
values ('00000000-0000-4000-8000-00000000000c', '821012345678', now()),
('00000000-0000-4000-8000-00000000000d', '821087654321', null);
select is(
  pg_temp.history('00000000-0000-4000-8000-00000000000c'), 'signup_bonus 5',
  'a confirmed phone number is an identity'
);
select is(
  pg_temp.history('00000000-0000-4000-8000-00000000000d'), '', 'an unconfirmed one is none'
);
delete from auth.users where phone = '821012345678';
insert into auth.users (id, phone, phone_confirmed_at)
values ('00000000-0000-4000-8000-00000000000e', '821012345678', now());
select is(
  pg_temp.history('00000000-0000-4000-8000-00000000000e'), '',
  'the same phone number gets no second bonus'
);

-- Delete and sign up again: the bonus farm
select pg_temp.sign_up('farmer@example.com') as farmer \gset
delete from auth.users where id = :'farmer';
select is(
  pg_temp.wallet(:'farmer'), 'tokens=5 held=0 seq=1 closed', 'deleting closes the wallet'
);
select is(pg_temp.history(:'farmer'), 'signup_bonus 5', 'and keeps its books');
select is((select count(*) from public.profiles where id = :'farmer'), 0::bigint,
  'the profile goes with the user');
select pg_temp.sign_up('Farmer@Example.com') as farmer_again \gset
select is(pg_temp.wallet(:'farmer_again'), 'tokens=0 held=0 seq=0',
  'the same address signed up again gets a wallet and no second bonus');

-- Soft deletion
select pg_temp.sign_up('soft@example.com') as soft \gset
update auth.users set deleted_at = now() where id = :'soft';
select is(pg_temp.wallet(:'soft'), 'tokens=5 held=0 seq=1 closed', 'soft deletion closes it too');
select is(
  pg_temp.refusal(pg_temp.as_user(:'soft', $$select * from spend_tokens(1, 'k')$$)),
  'PT404 wallet_not_found {}', 'a JWT that outlives its user spends nothing'
);
delete from auth.users where id = :'soft';
select is(pg_temp.wallet(:'soft'), 'tokens=5 held=0 seq=1 closed', 'deleting it for good is fine');
insert into auth.users (id, email, email_confirmed_at) values (:'soft', 'new@example.com', now());
select is(pg_temp.wallet(:'soft'), 'tokens=5 held=0 seq=1 closed',
  'a closed wallet is not opened by an account of the same id');

-- No address leaves the account
select is_empty(
  $$ select from coinslot.signup_bonuses b where b.identity_hash !~ '^[0-9a-f]{64}$' $$,
  'what is kept of an identity is a hash'
);

-- The bonus is a setting
select pg_temp.change('update coinslot.settings set signup_bonus = 0') \gset
select is(pg_temp.history(pg_temp.sign_up('none@example.com')), '', 'a bonus of zero is none');
select pg_temp.change('update coinslot.settings set signup_bonus = 7') \gset
select is(
  pg_temp.history(pg_temp.sign_up('seven@example.com')), 'signup_bonus 7',
  'whatever it is set to is given'
);

-- Users from before Coinslot: they come in as the migration's backfill brings them in.
alter table auth.users disable trigger user;
insert into auth.users (id, email, email_confirmed_at, is_anonymous, deleted_at, created_at) values
('00000000-0000-4000-8000-0000000000f1', 'old@example.com', now(), false, null, now()),
('00000000-0000-4000-8000-0000000000f2', 'OLD@example.com', now(), false, null, now() + '1 s'),
('00000000-0000-4000-8000-0000000000f3', 'gone@example.com', now(), false, now(), now()),
('00000000-0000-4000-8000-0000000000f4', 'unconfirmed@example.com', null, false, null, now()),
('00000000-0000-4000-8000-0000000000f5', null, null, true, null, now());
alter table auth.users enable trigger user;
insert into public.token_wallets (user_id, closed_at)
select u.id, u.deleted_at from auth.users u on conflict do nothing;
select count(coinslot.grant_signup_bonus(u) order by u.created_at, u.id) from auth.users u \gset
select is(
  array(
    select pg_temp.wallet(u.id) from auth.users u
    where u.id >= '00000000-0000-4000-8000-0000000000f1'
      and u.id <= '00000000-0000-4000-8000-0000000000f5' order by u.id
  ),
  array[
    'tokens=7 held=0 seq=1', 'tokens=0 held=0 seq=0', 'tokens=0 held=0 seq=0 closed',
    'tokens=0 held=0 seq=0', 'tokens=0 held=0 seq=0'
  ],
  'users from before get what they would have got by signing up, and their addresses once'
);

select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select * from finish();
rollback;
