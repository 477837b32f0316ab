-- Foundation: the internal schema, the settings row, the error registry.
--
-- `public` is the API that PostgREST shows. `coinslot` holds everything nobody may reach directly:
-- it is never exposed, and roles get USAGE on it only so that the thin wrappers in `public` can
-- call the functions granted to them one by one.
--
-- Whoever may call an RPC may also filter what it answers, and PostgREST does that in the same
-- transaction, under the locks that the RPC has taken. So each RPC that users reach says how long
-- its request may take: a second in all, and 150 ms of it for a lock. PostgREST applies that to
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
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return 9007199254740991;
end
$$;
comment on function coinslot.max_amount() is 'Largest amount or balance: 2^53 - 1.';
revoke all on function coinslot.max_amount() from public;

create function coinslot.are_texts(given jsonb, names text[]) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select jsonb_typeof(are_texts.given) = 'object' and not exists (
    select from jsonb_each(
      case jsonb_typeof(are_texts.given) when 'object' then are_texts.given end
    ) e
    where e.key <> all (are_texts.names) or jsonb_typeof(e.value) <> 'string'
      or length(e.value #>> '{}') not between 1 and 300
  )
$$;
comment on function coinslot.are_texts(jsonb, text[]) is
'True for an object whose fields have these names, and hold a text each.';
revoke all on function coinslot.are_texts(jsonb, text[]) from public;

-- An address of these is followed from a page: it begins no script.
create function coinslot.are_links(given jsonb) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select coinslot.are_texts(are_links.given, array['terms', 'refunds', 'privacy', 'support'])
    and not exists (
      select from jsonb_each_text(
        case jsonb_typeof(are_links.given) when 'object' then are_links.given end
      ) e
      where e.value !~ case e.key when 'support' then '^(https?://|mailto:|tel:)[^\s<>"]+$'
        else '^https?://[^\s<>"]+$' end
    )
$$;
comment on function coinslot.are_links(jsonb) is
'True for addresses of the shop''s pages: terms, refunds, privacy, support.';
revoke all on function coinslot.are_links(jsonb) from public;

create function coinslot.tax_statuses() returns text[]
language sql immutable parallel safe set search_path = ''
return array['general', 'simplified', 'exempt', 'mixed', 'none'];
comment on function coinslot.tax_statuses() is 'How the seller is taxed; none = nothing is said.';
revoke all on function coinslot.tax_statuses() from public;

create function coinslot.retention_regions() returns text[]
language sql immutable parallel safe set search_path = ''
return array['kr', 'eu'];
comment on function coinslot.retention_regions() is 'Places whose law says how long books stay.';
revoke all on function coinslot.retention_regions() from public;

-- One row, changed by the project's owner with plain SQL. A migration of the app's own, right after
-- this one, may change it before the next ones look at it: `coinslot migrations add` writes one.
-- The mode has no permissive default: a database takes test payments only until somebody says that
-- it is live.
create table coinslot.settings (
  id boolean not null default true,
  mode text not null default 'test',
  signup_bonus bigint not null default 5,
  order_lifetime interval not null default interval '1 hour',
  deposit_lifetime interval not null default interval '7 days',
  price_grace interval not null default interval '1 hour',
  max_open_orders integer not null default 20,
  max_unpaid_orders_per_hour integer not null default 100,
  max_hold_seconds integer not null default 86400,
  overage_into_debt boolean not null default false,
  declines_in_a_row integer default 5,
  refunds_in_a_row integer default 3,
  keep_webhooks interval default interval '90 days',
  keep_audit_lines interval default interval '90 days',
  keep_ledger_checks interval default interval '90 days',
  keep_unpaid_orders interval default interval '180 days',
  keep_account_holders interval default interval '90 days',
  anonymous_purchases boolean not null default true,
  canonical_emails boolean not null default true,
  bonus_for_existing_users boolean not null default true,
  profiles text not null default 'auto',
  identity_salt text not null default replace(gen_random_uuid()::text, '-', ''),
  business jsonb not null default '{}',
  links jsonb not null default '{}',
  refund_days integer default 7,
  plain_order_ids boolean not null default true,
  returned_lifetime interval not null default interval '7 days',
  max_quantity integer not null default 100,
  max_code_checks integer not null default 10,
  code_reservation interval not null default interval '15 minutes',
  referral_reward bigint not null default 0,
  referral_bonus bigint not null default 0,
  referral_wait interval not null default interval '14 days',
  max_referrals integer not null default 20,
  subscription_grace interval not null default interval '8 days',
  unpaid_subscription_lifetime interval not null default interval '1 day',
  charge_from_hour integer not null default 9,
  charge_until_hour integer not null default 20,
  charge_spread interval not null default interval '1 hour',
  auto_top_up boolean not null default true,
  low_mark bigint,
  low_margin bigint not null default 5,
  expiring_ahead interval default interval '7 days',
  keep_events interval default interval '90 days',
  endpoint_patience interval not null default interval '5 days',
  tax_status text not null default 'none',
  time_zone text not null default 'Asia/Seoul',
  documents_since timestamptz default clock_timestamp(),
  retention text not null default 'kr',
  keep_books_years integer,
  keep_identities interval default interval '3 years',
  renewal_ahead interval default interval '3 days',
  yearly_renewal_ahead interval default interval '7 days',
  trial_needs_consent boolean not null default true,
  trial_ahead interval default interval '7 days',
  price_notice interval not null default interval '7 days',
  cash_receipts text not null default 'off',
  cash_receipts_from bigint not null default 1,
  keep_cash_receipt_numbers interval default interval '90 days',
  constraint settings_pkey primary key (id),
  constraint settings_single_row check (id),
  constraint settings_mode_known check (mode in ('test', 'live')),
  constraint settings_signup_bonus_valid
  check (signup_bonus between 0 and coinslot.max_amount()),
  constraint settings_profiles_known check (profiles in ('auto', 'own', 'none')),
  constraint settings_order_lifetime_positive check (order_lifetime > interval '0'),
  constraint settings_deposit_lifetime_positive check (deposit_lifetime > interval '0'),
  constraint settings_price_grace_not_negative check (price_grace >= interval '0'),
  constraint settings_max_open_orders_positive check (max_open_orders > 0),
  constraint settings_max_unpaid_orders_per_hour_positive check (max_unpaid_orders_per_hour > 0),
  constraint settings_max_hold_seconds_positive check (max_hold_seconds > 0),
  constraint settings_in_a_row_positive check (declines_in_a_row > 0 and refunds_in_a_row > 0),
  constraint settings_business_known check (
    coinslot.are_texts(
      business, array[
        'name', 'ceo', 'registration', 'mail_order', 'address', 'phone', 'email',
        'name_en', 'ceo_en', 'address_en'
      ]
    )
  ),
  constraint settings_links_known check (coinslot.are_links(links)),
  constraint settings_refund_days_positive check (refund_days > 0),
  -- Gateways repeat webhooks for days, and deposits come late.
  constraint settings_kept_long_enough check (
    least(
      keep_webhooks, keep_audit_lines, keep_ledger_checks, keep_unpaid_orders, keep_account_holders
    ) >= interval '30 days'
  ),
  constraint settings_returned_lifetime_not_negative check (returned_lifetime >= interval '0'),
  constraint settings_max_quantity_in_range check (max_quantity between 1 and 1000),
  constraint settings_max_code_checks_positive check (max_code_checks > 0),
  constraint settings_code_reservation_positive check (code_reservation > interval '0'),
  constraint settings_referrals_not_negative check (
    least(referral_reward, referral_bonus, max_referrals) >= 0
    and greatest(referral_reward, referral_bonus) <= 1000000000
    and referral_wait >= interval '0'
  ),
  constraint settings_low_mark_in_range check (
    low_mark between 1 and 1000000000 and low_margin between 0 and 1000000000
  ),
  constraint settings_expiring_ahead_positive check (expiring_ahead > interval '0'),
  -- A delivery is tried for three days, and an endpoint that was off is replayed.
  constraint settings_keep_events_long_enough check (keep_events >= interval '7 days'),
  constraint settings_endpoint_patience_positive check (endpoint_patience > interval '0'),
  constraint settings_tax_status_known check (tax_status = any(coinslot.tax_statuses())),
  -- Fails for one that Postgres does not know.
  constraint settings_time_zone_known
  check (timezone(time_zone, to_timestamp(0)) is not null),
  constraint settings_subscriptions_in_range check (
    subscription_grace between interval '1 hour' and interval '27 days'
    and unpaid_subscription_lifetime between interval '1 hour' and interval '27 days'
    and charge_spread between interval '0' and interval '12 hours'
    and 0 <= charge_from_hour and charge_from_hour < charge_until_hour and charge_until_hour <= 24
  ),
  constraint settings_retention_known check (retention = any(coinslot.retention_regions())),
  constraint settings_erased_kept_long_enough check (
    keep_books_years > 0 and keep_identities >= interval '30 days'
  ),
  -- Less than a period: who has just subscribed is told of no renewal.
  constraint settings_renewals_told_in_range check (
    renewal_ahead > interval '0' and renewal_ahead <= interval '27 days'
    and yearly_renewal_ahead > interval '0' and yearly_renewal_ahead <= interval '90 days'
  ),
  constraint settings_trials_told_in_range check (
    trial_ahead > interval '0' and trial_ahead <= interval '30 days'
  ),
  constraint settings_price_notice_in_range
  check (price_notice between interval '0' and interval '27 days'),
  constraint settings_cash_receipts_known check (
    cash_receipts in ('off', 'on_request', 'always')
    and cash_receipts_from between 1 and 9007199254740991
    and keep_cash_receipt_numbers >= interval '0'
  )
);
comment on table coinslot.settings is 'Settings of this database: exactly one row.';
comment on column coinslot.settings.mode is 'test | live: which gateway payments are money here.';
comment on column coinslot.settings.signup_bonus is 'Tokens for a newly confirmed identity.';
comment on column coinslot.settings.order_lifetime is 'How long an unpaid order stays open.';
comment on column coinslot.settings.deposit_lifetime is
'How long after it was made an order may wait for a deposit, whatever its account says.';
comment on column coinslot.settings.price_grace is
'How long after its time an order still has its price, should that be asked no more.';
comment on column coinslot.settings.max_open_orders is
'Unpaid orders one user may have open, those that wait for a deposit as well.';
comment on column coinslot.settings.max_unpaid_orders_per_hour is
'Orders one user may make in an hour and pay nothing for, canceled ones as well.';
comment on column coinslot.settings.max_hold_seconds is
'Longest life of a hold, with all that it was extended by.';
comment on column coinslot.settings.overage_into_debt is
'True: a capture with allow_overage takes all it asks for, below zero too. False: what is free.';
comment on column coinslot.settings.declines_in_a_row is
'Declined attempts of one user after which a person is told; null = nobody is.';
comment on column coinslot.settings.refunds_in_a_row is
'Refunded orders of one user after which a person is told; null = nobody is.';
comment on column coinslot.settings.keep_webhooks is
'How long a finished webhook is kept; null = for ever, here and below.';
comment on column coinslot.settings.keep_audit_lines is
'How long the lines of an audit are kept that ask nothing of anybody.';
comment on column coinslot.settings.keep_ledger_checks is
'How long a check that found nothing is kept.';
comment on column coinslot.settings.keep_unpaid_orders is
'How long an order is kept that never saw money and is over.';
comment on column coinslot.settings.keep_account_holders is
'How long the holder of a virtual account is kept after the order''s last move.';
comment on column coinslot.settings.anonymous_purchases is
'False refuses orders of users who signed in without an identity.';
comment on column coinslot.settings.canonical_emails is
'Count spellings of one mailbox (tags, dots at Gmail) as one identity, from now on.';
comment on column coinslot.settings.bonus_for_existing_users is
'False: who was there before Coinslot gets no bonus, and their identities are used up.';
comment on column coinslot.settings.profiles is
'auto: make a table profiles unless the app has one. own: never. Both show tokens on it. none: no.';
comment on column coinslot.settings.business is
'Who sells: {name, ceo, registration, mail_order, address, phone, email}, what there is of it; and
{name_en, ceo_en, address_en} for those who read English.';
comment on column coinslot.settings.links is
'The shop''s pages: {terms, refunds, privacy, support}; support may be a mailto: address.';
comment on column coinslot.settings.refund_days is
'For how many days unused tokens are refunded in full, as buyers are told; null = nothing is said.';
comment on column coinslot.settings.plain_order_ids is
'Order ids of letters and digits only. Turn it on once no server of an older release is left.';
comment on column coinslot.settings.identity_salt is 'Keeps identity hashes from being guessed.';
comment on column coinslot.settings.returned_lifetime is
'How long tokens live that come back when their lot has expired; 0 = not at all.';
comment on column coinslot.settings.max_quantity is 'Packs in one order at the most.';
comment on column coinslot.settings.max_code_checks is
'Codes that a user may try at once: one more every minute.';
comment on column coinslot.settings.code_reservation is
'How long an order that is not paid keeps one of the uses of its code.';
comment on column coinslot.settings.referral_reward is
'Tokens for who invited somebody who then paid; with no reward and no bonus nobody is invited.';
comment on column coinslot.settings.referral_bonus is 'Tokens for who was invited and then paid.';
comment on column coinslot.settings.referral_wait is
'How long after the first money of an invited user both are rewarded.';
comment on column coinslot.settings.max_referrals is 'Rewards for one who invites, at the most.';
comment on column coinslot.settings.low_mark is
'Available tokens below which an event tells it; null = never.';
comment on column coinslot.settings.low_margin is
'How far above the mark a wallet has to come before it is told of again.';
comment on column coinslot.settings.expiring_ahead is
'How long before tokens expire an event tells it; null = never.';
comment on column coinslot.settings.keep_events is
'How long an event and its deliveries are kept; null = for ever.';
comment on column coinslot.settings.endpoint_patience is
'How long nothing may arrive at an endpoint before it is switched off.';
comment on column coinslot.settings.tax_status is
'How the seller is taxed: general (10 % VAT in prices in won), simplified, exempt, mixed, or none:
receipts show the taxes that a gateway tells.';
comment on column coinslot.settings.time_zone is
'Where the seller''s years begin, by which receipts are numbered, and months of subscriptions.';
comment on column coinslot.settings.documents_since is
'What is credited from then on has receipts; null = nothing new has.';
comment on column coinslot.settings.subscription_grace is
'How long a period may stay unpaid before its subscription ends.';
comment on column coinslot.settings.unpaid_subscription_lifetime is
'How long a new subscription waits for its first money.';
comment on column coinslot.settings.charge_from_hour is
'Stored methods are charged from this hour of the day on, and until charge_until_hour.';
comment on column coinslot.settings.auto_top_up is
'False charges for no top-up any more, at once.';
comment on column coinslot.settings.charge_spread is
'Charges that are due together are spread over this time.';
comment on column coinslot.settings.renewal_ahead is
'How long before a month is charged its subscriber is told; null = never.';
comment on column coinslot.settings.yearly_renewal_ahead is
'How long before a year is charged its subscriber is told; null = never.';
comment on column coinslot.settings.trial_needs_consent is
'A trial ends unkept unless its owner agrees to the price while it runs; false: to subscribe is to
agree.';
comment on column coinslot.settings.trial_ahead is
'How long before a trial ends its owner is told what is charged then; null = never.';
comment on column coinslot.settings.price_notice is
'How long before a period its subscriber is asked to agree to its higher price, at the latest.';
comment on column coinslot.settings.retention is
'Whose law says how long books are kept: kr or eu. What is erased tells it.';
comment on column coinslot.settings.keep_books_years is
'Years from the end of the year of the last money of an erased user; null = as the law has it.';
comment on column coinslot.settings.keep_identities is
'How long hashes of identities and cards of an erased user are kept; null = for ever.';
comment on column coinslot.settings.cash_receipts is
'Cash receipts of deposits and transfers: off, on_request of the buyer, or always.';
comment on column coinslot.settings.cash_receipts_from is
'Won from which always issues one that nobody asked for.';
comment on column coinslot.settings.keep_cash_receipt_numbers is
'How long a buyer''s number is kept once nothing is to come of its cash receipt; null = for ever.';

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
('currency_not_taken', 'PT400', 'Order at another gateway, or in a currency that this one takes.'),
('unauthenticated', 'PT401', 'Sign in and send the user''s JWT.'),
('insufficient_tokens', 'PT402', 'Buy tokens, then call again with the same idempotency key.'),
('account_required', 'PT403', 'Give this anonymous user an identity, or sign in, then order.'),
('append_only', 'PT403', 'History is never changed: write a correcting entry instead.'),
('table_closed', 'PT403', 'These are old records, to be read: nothing new is written here.'),
('identity_required', 'PT403', 'Confirm an e-mail, a phone number or another identity first.'),
('account_exists', 'PT409', 'Delete the account at Auth first: then erase what is left of it.'),
('forbidden', 'PT403', 'Sign in as an operator who has one of the roles named here.'),
('limit_reached', 'PT403', 'Ask somebody with a higher limit; the detail says what is left.'),
('no_cash_receipt', 'PT409', 'The detail says why: ask for none, or pay by transfer or deposit.'),
('cash_receipt_exists', 'PT409', 'Leave it as it is: its gateway has been asked already.'),
('document_not_found', 'PT404', 'Check the number, and that the payment is this user''s.'),
('order_not_found', 'PT404', 'Check the order id, and that it is this user''s order.'),
('endpoint_not_found', 'PT404', 'Check the id: list_token_endpoints shows all.'),
('code_not_found', 'PT404', 'Check the code with check_token_code first: then it is known.'),
('product_not_found', 'PT404', 'Choose a product from token_offers.'),
('hold_not_found', 'PT404', 'Check the hold id.'),
('plan_not_found', 'PT404', 'Choose a plan and a currency from token_plan_offers.'),
('method_not_found', 'PT404', 'Choose one of list_token_methods, or store another.'),
('subscription_not_found', 'PT404', 'Choose one of list_token_subscriptions.'),
('spend_not_found', 'PT404', 'Name a spend of this user, by its key or by its number.'),
('feature_not_found', 'PT404', 'Choose a feature from token_features.'),
('user_not_found', 'PT404', 'Give a user''s id, or an e-mail that exactly one user has confirmed.'),
('wallet_not_found', 'PT404', 'The user has no open wallet: they were deleted or never existed.'),
('unknown_id', 'PT404', 'Check the id; the detail says of what.'),
('top_up_barred', 'PT409', 'Wait until what suspended it is over; the detail says what it is.'),
('too_many_exports', 'PT409', 'Remove one of them: each stays for a day.'),
('changed_meanwhile', 'PT409', 'Read it again: somebody has dealt with it since.'),
('code_not_usable', 'PT409', 'The detail says why. Order without the code, or with another.'),
('idempotency_key_reused', 'PT409', 'Use a new key for a different call.'),
('illegal_transition', 'PT409', 'Read the order again: its state no longer allows this.'),
('hold_resolved', 'PT409', 'The detail says how this hold ended: it cannot end twice.'),
('spend_refunded', 'PT409', 'Give back what the detail says is left; spend anew under a new key.'),
('test_tokens_left', 'PT409', 'Call coinslot.go_live(), which takes back what test payments gave.'),
('endpoint_off', 'PT409', 'Switch the endpoint on first.'),
('last_owner', 'PT409', 'Make somebody else an owner first: there is always one who can act.'),
('not_refundable', 'PT409', 'Refund at most what the detail says is left of the payment.'),
('not_erasable', 'PT409', 'End what the detail says is open; unused tokens can be forfeited.'),
('nothing_proposed', 'PT409', 'No refund is proposed of this order: ask for one yourself.'),
('refund_in_progress', 'PT409', 'Wait until the refund in the detail has succeeded or failed.'),
('already_subscribed', 'PT409', 'Change or end the subscription in the detail instead.'),
('method_in_use', 'PT409', 'Give the subscription in the detail another method, or end it.'),
('method_taken', 'PT409', 'This method is stored already: use it, or store another.'),
('trial_not_offered', 'PT409', 'Subscribe without a trial, at the price; the detail says why.'),
('not_unattended', 'PT409', 'Pay through a gateway that may charge stored methods.'),
('subscription_state', 'PT409', 'Read the subscription again: its state does not allow this.'),
('wallet_merged', 'PT409', 'Go on with the user named in the detail, under the same keys.'),
('tokens_already_spent', 'PT409', 'Refund less, or set force to take the balance below zero.'),
('too_many_methods', 'PT429', 'Wait the seconds that the detail says.'),
('too_many_codes', 'PT429', 'Wait the seconds that the detail says.'),
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
