-- Free tokens are money: who gets them, and everybody who must not get them again.
begin;
\ir helpers/call.sql
select plan(94);

-- What Auth writes of an identity, and a sign-up through another provider than e-mail.
create function pg_temp.link(user_id uuid, provider text, sub text) returns void
language sql as $$
  insert into auth.identities (provider_id, user_id, provider, identity_data)
  values (link.sub, link.user_id, link.provider, jsonb_build_object('sub', link.sub))
$$;
create function pg_temp.sign_up_with(
  provider text, sub text, email text default null, confirmed boolean default false
) returns uuid
language plpgsql as $$
declare
  v_id uuid := pg_temp.sign_up(sign_up_with.email, false);
begin
  perform pg_temp.link(v_id, sign_up_with.provider, sign_up_with.sub);
  if confirmed then
    update auth.users u set email_confirmed_at = now() where u.id = v_id;
  end if;
  return v_id;
end
$$;

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
select is(pg_temp.wallet(:'soft'), 'tokens=5 held=0 seq=1',
  'whoever comes back under the same id finds their wallet open, and no second bonus');

-- Several spellings of one mailbox
select is(
  coinslot.canonical_email(c.given), c.canonical,
  'canonical: ' || coalesce(quote_literal(translate(c.given, E'\t\n', '  ')), 'no address')
)
from (values
  (' Mina@Example.COM ', 'mina@example.com'),
  (E'\tmina@example.com\n', 'mina@example.com'),
  ('mina+tag@example.com', 'mina@example.com'),
  ('mina+a+b@example.com', 'mina@example.com'),
  ('mina+@example.com', 'mina@example.com'),
  (E'mina+a\nb@example.com', 'mina@example.com'),
  ('m.i.n.a@example.com', 'm.i.n.a@example.com'),
  ('M.I.N.A+tag@GoogleMail.com', 'mina@gmail.com'),
  ('mi.na@gmail.com', 'mina@gmail.com'),
  ('mi.na@gmail.com.example', 'mi.na@gmail.com.example'),
  ('+first@example.com', '+first@example.com'),
  ('+a+b@example.com', '+a@example.com'),
  ('++@example.com', '+@example.com'),
  ('...+tag@gmail.com', '...@gmail.com'),
  ('"mina+tag"@example.com', '"mina+tag"@example.com'),
  ('"a@b+c"@example.com', '"a@b+c"@example.com'),
  ('a@b@example.com', 'a@b@example.com'),
  ('a+b@c@example.com', 'a@example.com'),
  ('정민+태그@예시.한국', '정민@예시.한국'),
  ('no address+at all', 'no address+at all'),
  ('@example.com', '@example.com'),
  ('mina@', 'mina@'),
  ('@', '@'),
  ('', ''),
  (null, null)
) c (given, canonical);
create temporary view spellings as
select letters.local || '@' || d.domain as email
from (values ('gmail.com'), ('example.com')) d (domain)
cross join (
  select concat(a.c, b.c, c.c, d.c) as local
  from unnest(array['a', '+', '.', '"', '@']) a (c),
    unnest(array['', 'a', '+', '.', '"', '@']) b (c),
    unnest(array['', 'a', '+', '.', '@']) c (c), unnest(array['', 'a', '+', '.']) d (c)
) letters;
select is_empty(
  $$ select email, coinslot.canonical_email(email) from spellings
     where coinslot.canonical_email(email) !~ '^.+@(gmail|example)\.com$' $$,
  'nothing empties a local part'
);
select is_empty(
  $$ select email from spellings where coinslot.canonical_email(email)
     <> coinslot.canonical_email(coinslot.canonical_email(email)) $$,
  'a canonical address is its own canonical form'
);
select pg_temp.sign_up('tag+1@example.com') as tagged \gset
select is(pg_temp.history(:'tagged'), 'signup_bonus 5', 'an address with a tag is an address');
select is(
  pg_temp.history(pg_temp.sign_up('tag+2@example.com')), '', 'another tag makes no other mailbox'
);
select is(
  pg_temp.history(pg_temp.sign_up('t.a.g@gmail.com')) || ', '
  || pg_temp.history(pg_temp.sign_up('ta.g+3@googlemail.com')), 'signup_bonus 5, ',
  'at Gmail neither dots nor its other domain make another one'
);
select pg_temp.change('update coinslot.settings set canonical_emails = false') \gset
select is(
  array(
    select pg_temp.history(pg_temp.sign_up(e.email))
    from unnest(array['tag+4@example.com', 'TAG+4@example.com ', 'a.b@gmail.com', 'ab@gmail.com'])
    with ordinality e (email, n) order by e.n
  ),
  array['signup_bonus 5', '', 'signup_bonus 5', 'signup_bonus 5'],
  'by a setting each spelling is an address of its own, but for case'
);
select pg_temp.change('update coinslot.settings set canonical_emails = true') \gset

-- Other providers
select pg_temp.sign_up_with('kakao', '1001') as kakao \gset
select is(
  pg_temp.history(:'kakao'), 'signup_bonus 5', 'a provider vouches for a person without an address'
);
select pg_temp.link(:'kakao', 'google', 'g1') \gset
select is(pg_temp.history(:'kakao'), 'signup_bonus 5', 'another identity pays nothing more');
update auth.users set email = 'kakao@example.com', email_confirmed_at = now() where id = :'kakao';
update auth.users set phone = '821011112222', phone_confirmed_at = now() where id = :'kakao';
update auth.users set email = 'kakao2@example.com' where id = :'kakao';
select is(pg_temp.history(:'kakao'), 'signup_bonus 5', 'nor do an address, a phone and a change');
delete from auth.users where id = :'kakao';
select is(pg_temp.history(pg_temp.sign_up_with(a.provider, a.sub)), '', a.what) from (values
  ('kakao', '1001', 'the account deleted, its identity gets no second bonus'),
  ('google', 'g1', 'nor does the one that was added later')
) a (provider, sub, what);
select is(pg_temp.history(pg_temp.sign_up(a.email)), '', a.what) from (values
  ('kakao@example.com', 'nor the address it had'),
  ('kakao2@example.com', 'nor the one it changed to')
) a (email, what);
insert into auth.users (id, phone, phone_confirmed_at)
values ('00000000-0000-4000-8000-000000000010', '+82 10-1111-2222', now());
select is(
  pg_temp.history('00000000-0000-4000-8000-000000000010'), '',
  'nor the phone, however it is spelled'
);
select is(
  pg_temp.history(pg_temp.sign_up_with('google', '1001')), 'signup_bonus 5',
  'the same number at another provider is somebody else'
);
select is(
  pg_temp.history(pg_temp.sign_up_with(p.provider, 'x')), 'signup_bonus 5', p.provider || ' counts'
) from unnest(array['sso:5b1c', 'web3', 'custom:shop']) p (provider);

-- Refused once, used up all the same: the identities of one person come to one bonus.
delete from auth.users where email like 'kakao%' or id in (select i.user_id from auth.identities i);
select pg_temp.sign_up('kakao@example.com') as again \gset
delete from auth.users where id = :'again';
select pg_temp.sign_up_with('kakao', '1001') as again \gset
select pg_temp.link(:'again', 'naver', 'n1') \gset
update auth.users set email = 'fresh@example.com', email_confirmed_at = now() where id = :'again';
delete from auth.identities where user_id = :'again';
update auth.users set email = 'fresher@example.com' where id = :'again';
select is(pg_temp.history(:'again'), '', 'who was refused earns nothing by fresh identities');
delete from auth.users where id = :'again';
select is(
  pg_temp.history(pg_temp.sign_up_with('naver', 'n1')), '', 'and these earn nothing elsewhere'
);

-- What is not confirmed does not count.
select pg_temp.sign_up('slow@example.com', false) as slow \gset
select pg_temp.link(:'slow', 'email', :'slow') \gset
update auth.users set phone = '821033334444' where id = :'slow';
select is(pg_temp.history(:'slow'), '',
  'the identity of an unconfirmed address is none, nor is a number');
select pg_temp.sign_up_with('github', 'h1', 'claimed@example.com') as github \gset
select is(pg_temp.history(:'github'), 'signup_bonus 5', 'a provider is believed its user');
delete from auth.users where id = :'github';
select is(
  pg_temp.history(pg_temp.sign_up('claimed@example.com')), 'signup_bonus 5',
  'and not an address that nobody confirmed'
);
insert into auth.users (id, is_anonymous) values ('00000000-0000-4000-8000-000000000011', true);
select pg_temp.link('00000000-0000-4000-8000-000000000011', 'kakao', '1002') \gset
select is(
  pg_temp.history('00000000-0000-4000-8000-000000000011'), '', 'an anonymous sign-in is nobody'
);
update auth.users set is_anonymous = false where id = '00000000-0000-4000-8000-000000000011';
select is(
  pg_temp.history('00000000-0000-4000-8000-000000000011'), 'signup_bonus 5',
  'until it is linked, also without an address'
);

-- The order in which Auth writes within a transaction
select pg_temp.sign_up('returning@example.com') as once \gset
delete from auth.users where id = :'once';
set constraints all deferred;
select pg_temp.sign_up_with('google', 'g2', 'returning@example.com', true) as twice \gset
select is(pg_temp.wallet(:'twice'), 'tokens=0 held=0 seq=0', 'the wallet is there at once');
set constraints all immediate;
select is(
  pg_temp.history(:'twice'), '',
  'an address that has had its bonus is seen though its provider''s identity is written first'
);

-- Odd rows fail no sign-up.
select pg_temp.sign_up(null, false) as odd \gset
insert into auth.identities (provider_id, user_id, provider, identity_data) values
('', :'odd', 'kakao', '{}'), ('\', :'odd', '', '{"sub": null}'), ('x', :'odd', 'a', '[]'),
(repeat('한', 500), :'odd', 'b', '7'), ('', :'odd', 'c', 'null');
select is(pg_temp.history(:'odd'), 'signup_bonus 5', 'odd identities are identities');
select pg_temp.sign_up(null, false) as empty \gset
insert into auth.identities (provider_id, user_id, provider, identity_data)
values ('', :'empty', 'd', '{}'), ('', :'empty', 'e', '{"sub": ""}');
update auth.users
set email = '', email_confirmed_at = now(), phone = '-', phone_confirmed_at = now()
where id = :'empty';
select is(pg_temp.history(:'empty'), '', 'and what names nobody is none');
select pg_temp.sign_up('brim@example.com', false) as brim \gset
select pg_temp.as_service(format(
  'select * from add_tokens(%L, 9007199254740990, %L)', :'brim', 'fill'
)) \gset
update auth.users set email_confirmed_at = now() where id = :'brim';
select is(pg_temp.history(:'brim'), 'grant 9007199254740990', 'a full wallet takes no bonus');
select pg_temp.sign_up('unknown@example.com', false) as unknown \gset
select pg_temp.change(format('delete from public.token_wallets where user_id = %L',
  :'unknown')) \gset
select lives_ok(
  format('update auth.users set email_confirmed_at = now() where id = %L', :'unknown'),
  'nor does a missing wallet fail a confirmation'
);

-- No address leaves the account
select is_empty(
  $$ select from coinslot.identities b where b.identity_hash !~ '^[0-9a-f]{64}$' $$,
  'what is kept of an identity is a hash'
);

-- The bonus is a setting
select pg_temp.change('update coinslot.settings set signup_bonus = 0') \gset
select pg_temp.sign_up('none@example.com') as none \gset
select is(pg_temp.history(:'none'), '', 'a bonus of zero is none');
select pg_temp.change('update coinslot.settings set signup_bonus = 7') \gset
select pg_temp.link(:'none', 'google', 'g9') \gset
update auth.users set email = 'none@example.org' where id = :'none';
select is(pg_temp.history(:'none'), '', 'who came while there was none is judged all the same');
select is(
  pg_temp.history(pg_temp.sign_up('seven@example.com')), 'signup_bonus 7',
  'whatever it is set to is given'
);

-- Users from before Coinslot: they come in as the migration's backfill brings them in.
alter table auth.users disable trigger user;
alter table auth.identities disable trigger user;
insert into auth.users (id, email, email_confirmed_at, is_anonymous, deleted_at, created_at)
select ('00000000-0000-4000-8000-0000000000f' || o.n)::uuid, o.email,
  case when o.confirmed then now() end, o.anonymous, case when o.deleted then now() end,
  now() + o.age * interval '1 s'
from (values
  (1, 'old@example.com', true, false, false, 1),
  (2, 'OLD+2@example.com', true, false, false, 2),
  (3, 'gone@example.com', true, false, true, 0),
  (4, 'unconfirmed@example.com', false, false, false, 0),
  (5, null, false, true, false, 0),
  (6, null, false, false, false, 9),
  (7, 'late@example.com', true, false, false, 8),
  (8, 'mina@example.com ', true, false, false, 0),
  (9, 'chain@example.com', true, false, false, 10)
) o (n, email, confirmed, anonymous, deleted, age);
insert into auth.identities (provider_id, user_id, provider, identity_data) values
('k9', '00000000-0000-4000-8000-0000000000f6', 'kakao', '{}'),
('k9', '00000000-0000-4000-8000-0000000000f7', 'naver', '{}'),
('k9', '00000000-0000-4000-8000-0000000000f9', 'line', '{}'),
('k8', '00000000-0000-4000-8000-0000000000f2', 'line', '{}');
alter table auth.identities enable trigger user;
alter table auth.users enable trigger user;
select pg_temp.change('select coinslot.adopt_users()') \gset
create temporary view adopted as
select array_agg(pg_temp.wallet(u.id) order by u.id) as wallets from auth.users u
where u.id >= '00000000-0000-4000-8000-0000000000f1'
  and u.id <= '00000000-0000-4000-8000-0000000000f9';
select is(
  (select a.wallets from adopted a),
  array[
    'tokens=7 held=0 seq=1', 'tokens=0 held=0 seq=0', 'tokens=0 held=0 seq=0 closed',
    'tokens=0 held=0 seq=0', 'tokens=0 held=0 seq=0', 'tokens=7 held=0 seq=1',
    'tokens=7 held=0 seq=1', 'tokens=0 held=0 seq=0', 'tokens=7 held=0 seq=1'
  ],
  'users from before get what they would have got by signing up, and their identities once'
);
delete from auth.users where email = 'OLD+2@example.com';
select is(
  pg_temp.history(pg_temp.sign_up_with('line', 'k8')), '',
  'also those of an account that was not the first with one of them'
);
select pg_temp.change('select coinslot.adopt_users()') \gset
select is(
  (select a.wallets from adopted a)[1], 'tokens=7 held=0 seq=1',
  'adopting again gives nothing again'
);

-- The app may have chosen that those from before get nothing
select pg_temp.change('update coinslot.settings set bonus_for_existing_users = false') \gset
alter table auth.users disable trigger user;
insert into auth.users (id, email, email_confirmed_at, created_at)
values ('00000000-0000-4000-8000-0000000000d1', 'earlier@example.com', now(), now());
alter table auth.users enable trigger user;
select pg_temp.change('select coinslot.adopt_users()') \gset
select is(pg_temp.wallet('00000000-0000-4000-8000-0000000000d1'), 'tokens=0 held=0 seq=0',
  'users from before get nothing by choice');
alter table auth.users disable trigger user;
insert into auth.users (id, email, email_confirmed_at, created_at) values
('00000000-0000-4000-8000-0000000000e1', 'before@example.com', now(), now()),
('00000000-0000-4000-8000-0000000000e2', 'Before+2@example.com', now(), now()),
('00000000-0000-4000-8000-0000000000e3', 'waiting@example.com', null, now());
alter table auth.users enable trigger user;
select pg_temp.change('update coinslot.settings set signup_bonus = 0') \gset
select pg_temp.change('select coinslot.adopt_users()') \gset
select pg_temp.change('update coinslot.settings set signup_bonus = 7') \gset
select is(
  array(select pg_temp.wallet(u.id) from auth.users u where u.id::text like '%00e_' order by u.id),
  array_fill('tokens=0 held=0 seq=0'::text, array[3]),
  'users from before get a wallet and, by choice, nothing in it, whatever the bonus was then'
);
update auth.users set email = 'moved@example.com' where email = 'before@example.com';
select is(
  pg_temp.history('00000000-0000-4000-8000-0000000000e1'), '',
  'nor for what they confirm later'
);
delete from auth.users where id::text like '%00e1' or id::text like '%00e2';
select is(
  pg_temp.history(pg_temp.sign_up('before@example.com')), '',
  'nor when they are deleted and sign up again'
);
update auth.users set email_confirmed_at = now() where email = 'waiting@example.com';
select is(
  pg_temp.history('00000000-0000-4000-8000-0000000000e3'), 'signup_bonus 7',
  'who had confirmed nothing was nobody yet, and gets the bonus on confirming'
);

-- The app makes our table of profiles its own
select pg_temp.change($$
  alter table public.profiles add column age integer not null default 18;
  alter table public.profiles alter column age drop default
$$) \gset
select is(
  pg_temp.history(pg_temp.sign_up('ageless@example.com')), 'signup_bonus 7',
  'a profile that cannot be made fails no sign-up'
);
select pg_temp.change('drop table public.profiles cascade') \gset
select is(
  pg_temp.history(pg_temp.sign_up('faceless@example.com')), 'signup_bonus 7',
  'nor does a table of profiles that is gone'
);
select is_empty(
  'select c.subject from coinslot.check_installation() c where c.stops_buyers',
  'and what went with it is not missed'
);

select is_empty('select * from coinslot.verify_ledger(null, null)', 'the books add up');
select * from finish();
rollback;
