-- Foundation: the internal schema, the settings row, the error registry.
--
-- `public` is the API that PostgREST shows. `coinslot` holds everything nobody may reach directly:
-- it is never exposed, and roles get USAGE on it only so that the thin wrappers in `public` can
-- call the functions granted to them one by one.
--
-- Whoever may call an RPC may also filter what it answers, and PostgREST does that in the same
-- transaction, under the locks that the RPC has taken. So each RPC that users reach says how long
-- its request may take: a second in all, and 300 ms of it for a lock. PostgREST applies that to
-- the whole statement. Inside a function it would come too late.
--
-- What runs with every purchase and spend has enable_seqscan off. A session keeps the plans it
-- made: for a table of fifty rows that is to read all of them, and it would go on reading them all
-- until the next analyze, however many come in before that. None of it may leave a whole scan as
-- the only way, not even of one row: the planner would think it so costly that it compiles it.

create schema coinslot;
comment on schema coinslot is 'Coinslot internals: never exposed through the API.';
revoke all on schema coinslot from public;
grant usage on schema coinslot to authenticated, service_role;

-- JavaScript rounds integers above 2^53-1 without a word, so no amount or balance may exceed it.
create function coinslot.max_amount() returns bigint
language sql immutable parallel safe set search_path = ''
return 9007199254740991;
comment on function coinslot.max_amount() is 'Largest amount or balance: 2^53 - 1.';
revoke all on function coinslot.max_amount() from public;

-- One row, changed by the project's owner with plain SQL. A migration of the app's own, right after
-- this one, may change it before the next ones look at it: `coinslot migrations add` writes one.
-- The mode has no permissive default: a database takes test payments only until somebody says that
-- it is live.
create table coinslot.settings (
  id boolean not null default true,
  mode text not null default 'test',
  signup_bonus bigint not null default 5,
  order_lifetime interval not null default interval '1 hour',
  max_open_orders integer not null default 20,
  max_unpaid_orders_per_hour integer not null default 100,
  max_hold_seconds integer not null default 86400,
  anonymous_purchases boolean not null default true,
  canonical_emails boolean not null default true,
  bonus_for_existing_users boolean not null default true,
  profiles text not null default 'auto',
  identity_salt text not null default replace(gen_random_uuid()::text, '-', ''),
  constraint settings_pkey primary key (id),
  constraint settings_single_row check (id),
  constraint settings_mode_known check (mode in ('test', 'live')),
  constraint settings_signup_bonus_valid
  check (signup_bonus between 0 and coinslot.max_amount()),
  constraint settings_profiles_known check (profiles in ('auto', 'own', 'none')),
  constraint settings_order_lifetime_positive check (order_lifetime > interval '0'),
  constraint settings_max_open_orders_positive check (max_open_orders > 0),
  constraint settings_max_unpaid_orders_per_hour_positive check (max_unpaid_orders_per_hour > 0),
  constraint settings_max_hold_seconds_positive check (max_hold_seconds > 0)
);
comment on table coinslot.settings is 'Settings of this database: exactly one row.';
comment on column coinslot.settings.mode is 'test | live: which gateway payments are money here.';
comment on column coinslot.settings.signup_bonus is 'Tokens for a newly confirmed identity.';
comment on column coinslot.settings.order_lifetime is 'How long an unpaid order stays open.';
comment on column coinslot.settings.max_open_orders is 'Unpaid orders one user may have open.';
comment on column coinslot.settings.max_unpaid_orders_per_hour is
'Orders one user may make in an hour and pay nothing for, canceled ones as well.';
comment on column coinslot.settings.max_hold_seconds is 'Longest life of a hold.';
comment on column coinslot.settings.anonymous_purchases is
'False refuses orders of users who signed in without an identity.';
comment on column coinslot.settings.canonical_emails is
'Count spellings of one mailbox (tags, dots at Gmail) as one identity, from now on.';
comment on column coinslot.settings.bonus_for_existing_users is
'False: who was there before Coinslot gets no bonus, and their identities are used up.';
comment on column coinslot.settings.profiles is
'auto: make a table profiles unless the app has one. own: never. Both show tokens on it. none: no.';
comment on column coinslot.settings.identity_salt is 'Keeps identity hashes from being guessed.';

insert into coinslot.settings default values;

alter table coinslot.settings enable row level security;
revoke all on table coinslot.settings from anon, authenticated, service_role;
create policy "Nobody reads settings through the API" on coinslot.settings
for select to anon, authenticated using (false);

-- Every error the RPCs raise on purpose. The message is a stable token a program may switch on, the
-- SQLSTATE is what PostgREST turns into the HTTP status, the hint says what to do about it.
create table coinslot.errors (
  message text not null,
  sqlstate text not null,
  hint text not null,
  constraint errors_pkey primary key (message),
  constraint errors_sqlstate_is_http check (sqlstate ~ '^PT4[0-9]{2}$')
);
comment on table coinslot.errors is 'Registry of the errors raised by the RPCs.';

insert into coinslot.errors (message, sqlstate, hint) values
('invalid_amount', 'PT400', 'Send a whole number between 1 and 9007199254740991.'),
('invalid_argument', 'PT400', 'Correct the argument named in the detail.'),
('unauthenticated', 'PT401', 'Sign in and send the user''s JWT.'),
('insufficient_tokens', 'PT402', 'Buy tokens, then call again with the same idempotency key.'),
('account_required', 'PT403', 'Give this anonymous user an identity, or sign in, then order.'),
('append_only', 'PT403', 'History is never changed: write a correcting entry instead.'),
('table_closed', 'PT403', 'These are old records, to be read: nothing new is written here.'),
('forbidden', 'PT403', 'Sign in as an operator who has one of the roles named here.'),
('order_not_found', 'PT404', 'Check the order id, and that it is this user''s order.'),
('product_not_found', 'PT404', 'Choose a product from token_offers.'),
('hold_not_found', 'PT404', 'Check the hold id.'),
('feature_not_found', 'PT404', 'Choose a feature from token_features.'),
('user_not_found', 'PT404', 'Give a user''s id, or an e-mail that exactly one user has confirmed.'),
('wallet_not_found', 'PT404', 'The user has no open wallet: they were deleted or never existed.'),
('idempotency_key_reused', 'PT409', 'Use a new key for a different call.'),
('illegal_transition', 'PT409', 'Read the order again: its state no longer allows this.'),
('hold_resolved', 'PT409', 'The detail says how this hold ended: it cannot end twice.'),
('last_owner', 'PT409', 'Make somebody else an owner first: there is always one who can act.'),
('not_refundable', 'PT409', 'Refund at most what the detail says is left of the payment.'),
('refund_in_progress', 'PT409', 'Wait until the refund in the detail has succeeded or failed.'),
('wallet_merged', 'PT409', 'Go on with the user named in the detail, under the same keys.'),
('tokens_already_spent', 'PT409', 'Refund less, or set force to take the balance below zero.'),
('too_many_orders', 'PT429', 'Pay an open order, or wait the seconds that the detail says.');

alter table coinslot.errors enable row level security;
revoke all on table coinslot.errors from anon, authenticated, service_role;
create policy "Nobody reads the registry through the API" on coinslot.errors
for select to anon, authenticated using (false);

-- The one place that raises. An unregistered message fails on the not-null errcode, so a typo is
-- caught by the first test that reaches it.
create function coinslot.fail(error text, detail jsonb default '{}') returns void
language plpgsql stable security definer set search_path = '' as $$
declare
  v_error coinslot.errors;
begin
  select e.* into strict v_error from coinslot.errors e where e.message = fail.error;
  raise exception using
    errcode = v_error.sqlstate,
    message = v_error.message,
    detail = fail.detail::text,
    hint = v_error.hint;
end
$$;
comment on function coinslot.fail(text, jsonb) is 'Raises a registered error; never returns.';
revoke all on function coinslot.fail(text, jsonb) from public;

-- A null auth.uid() is a refusal, never trust: it is what a missing claim gives.
create function coinslot.current_user_id() returns uuid
language plpgsql stable set search_path = '' as $$
declare
  v_user_id uuid := auth.uid();
begin
  if v_user_id is null then
    perform coinslot.fail('unauthenticated');
  end if;
  return v_user_id;
end
$$;
comment on function coinslot.current_user_id() is 'The signed-in user, or PT401.';
revoke all on function coinslot.current_user_id() from public;

-- History tables refuse changes by privilege, and by this trigger even from their owner.
create function coinslot.refuse_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform coinslot.fail('append_only', jsonb_build_object('table', tg_table_name));
  return null;
end
$$;
comment on function coinslot.refuse_change() is 'Trigger: refuses update, delete and truncate.';
revoke all on function coinslot.refuse_change() from public;
