CREATE SCHEMA coinslot;

COMMENT ON SCHEMA coinslot IS 'Coinslot internals: never exposed through the API.';

CREATE SCHEMA public;

COMMENT ON SCHEMA public IS 'standard public schema';

CREATE FUNCTION coinslot.apply_outcomes() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN ARRAY['credited'::text, 'reversed'::text, 'restored'::text, 'moved'::text, 'unchanged'::text, 'stale'::text, 'review'::text, 'duplicate'::text, 'refused'::text, 'unknown_order'::text];

COMMENT ON FUNCTION coinslot.apply_outcomes() IS 'What apply_gateway_payment can answer.';

CREATE DOMAIN coinslot.apply_outcome AS text
	CONSTRAINT apply_outcome_known CHECK ((VALUE = ANY (coinslot.apply_outcomes())));

COMMENT ON DOMAIN coinslot.apply_outcome IS 'One of apply_outcomes().';

CREATE DOMAIN coinslot.delivery_verdict AS text
	CONSTRAINT delivery_verdict_known CHECK ((VALUE = ANY (ARRAY['read'::text, 'scheduled'::text, 'duplicate'::text, 'unknown_order'::text, 'forged'::text])));

COMMENT ON DOMAIN coinslot.delivery_verdict IS 'read: leased, read the payment now. scheduled: the sweep will. duplicate: done before.
unknown_order, forged: not stored.';

CREATE TYPE coinslot.payment_facts AS (
	attempt_id bigint,
	payment_key text,
	method text,
	paid bigint,
	refunded bigint,
	disputed bigint,
	withdrawn bigint,
	tampered boolean,
	waiting boolean,
	canceled boolean,
	expired boolean,
	failed boolean,
	failure_reason text,
	virtual_account jsonb,
	expires_at timestamp with time zone
);

COMMENT ON TYPE coinslot.payment_facts IS 'attempt_id: the attempt whose money counts, null while there is none.';

CREATE TYPE public.coinslot_operator_account AS (
	user_id uuid,
	email text,
	role text,
	since timestamp with time zone,
	active boolean
);

COMMENT ON TYPE public.coinslot_operator_account IS 'An operator and their account. Not active: deleted or banned, so that every call is refused.';

CREATE FUNCTION coinslot.order_id_form() RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN '^ord_[A-Za-z0-9_-]{12,36}$'::text;

COMMENT ON FUNCTION coinslot.order_id_form() IS 'What an order id looks like, as a pattern.';

CREATE TABLE public.token_payments (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    order_id text DEFAULT ('ord_'::text || encode(uuid_send(gen_random_uuid()), 'hex'::text)) NOT NULL COLLATE pg_catalog."C",
    user_id uuid NOT NULL,
    product_id text NOT NULL,
    name text NOT NULL,
    gateway text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    tokens bigint NOT NULL,
    live boolean NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    method text,
    payment_key text,
    paid bigint DEFAULT 0 NOT NULL,
    refunded bigint DEFAULT 0 NOT NULL,
    disputed bigint DEFAULT 0 NOT NULL,
    withdrawn bigint DEFAULT 0 NOT NULL,
    failure_reason text,
    virtual_account jsonb,
    version bigint DEFAULT 1 NOT NULL,
    idempotency_key text COLLATE pg_catalog."C",
    expires_at timestamp with time zone NOT NULL,
    canceled_at timestamp with time zone,
    expired_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    confirmed_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT token_payments_amount_positive CHECK (((amount >= 1) AND (amount <= '9007199254740991'::bigint))),
    CONSTRAINT token_payments_money_not_negative CHECK (((paid >= 0) AND (refunded >= 0) AND (disputed >= 0) AND (withdrawn >= 0))),
    CONSTRAINT token_payments_order_id_shaped CHECK ((order_id ~ coinslot.order_id_form())),
    CONSTRAINT token_payments_tokens_in_range CHECK (((tokens >= 0) AND (tokens <= '9007199254740991'::bigint)))
);

COMMENT ON TABLE public.token_payments IS 'Orders and what became of them.';

COMMENT ON COLUMN public.token_payments.amount IS 'Price in minor units, from the catalogue.';

COMMENT ON COLUMN public.token_payments.tokens IS 'Tokens the order buys.';

COMMENT ON COLUMN public.token_payments.live IS 'Made while this database was live.';

COMMENT ON COLUMN public.token_payments.method IS 'The instrument: card, virtual account, …';

COMMENT ON COLUMN public.token_payments.payment_key IS 'The gateway''s id of the attempt that counts.';

COMMENT ON COLUMN public.token_payments.paid IS 'Minor units received by the attempt that counts.';

COMMENT ON COLUMN public.token_payments.refunded IS 'Minor units given back so far.';

COMMENT ON COLUMN public.token_payments.disputed IS 'Minor units under an open dispute.';

COMMENT ON COLUMN public.token_payments.withdrawn IS 'Minor units taken back by disputes.';

COMMENT ON COLUMN public.token_payments.virtual_account IS 'Where to pay in: {bank, account_number, holder, due_at}; none where a bank''s debit is awaited.';

COMMENT ON COLUMN public.token_payments.version IS 'Grows with every gateway read that was applied: an older read is stale.';

COMMENT ON COLUMN public.token_payments.confirmed_at IS 'When the order was first credited.';

CREATE TYPE public.coinslot_payment_to_read AS (
	payment public.token_payments,
	attempt_key text
);

COMMENT ON TYPE public.coinslot_payment_to_read IS 'An order to be read at its gateway.';

CREATE TYPE public.coinslot_refund_job AS (
	id uuid,
	key text,
	todo text,
	tries integer,
	reason text,
	amount bigint,
	refundable bigint,
	currency text,
	gateway text,
	payment_key text,
	account jsonb,
	payment public.token_payments
);

COMMENT ON TYPE public.coinslot_refund_job IS 'A refund taken up. todo: ask = ask the gateway for it, read = see what became of it.';

CREATE TYPE public.coinslot_webhook_verdict AS (
	webhook_id bigint,
	outcome text,
	finished boolean
);

COMMENT ON TYPE public.coinslot_webhook_verdict IS 'What a read came to for a webhook; finished = it leads to no other read.';

CREATE TYPE public.token_hold_receipt AS (
	id uuid,
	user_id uuid,
	amount bigint,
	captured bigint,
	status text,
	feature text,
	idempotency_key text,
	reason text,
	expires_at timestamp with time zone,
	created_at timestamp with time zone,
	resolved_at timestamp with time zone,
	replayed boolean
);

COMMENT ON TYPE public.token_hold_receipt IS 'A hold; replayed = it answers a repeated call.';

CREATE TYPE public.token_merge_receipt AS (
	from_user uuid,
	into_user uuid,
	tokens bigint,
	balance bigint,
	orders bigint,
	holds bigint,
	idempotency_key text,
	created_at timestamp with time zone,
	replayed boolean
);

COMMENT ON TYPE public.token_merge_receipt IS 'What moved, and the tokens of into_user afterwards; replayed = it answers a repeated call.';

CREATE TYPE public.token_receipt AS (
	user_id uuid,
	seq bigint,
	delta bigint,
	balance bigint,
	created_at timestamp with time zone,
	payment_id uuid,
	hold_id uuid,
	kind text,
	idempotency_key text,
	feature text,
	reason text,
	metadata jsonb,
	replayed boolean
);

COMMENT ON TYPE public.token_receipt IS 'A ledger entry; replayed = it answers a repeated call.';

CREATE FUNCTION coinslot.account_lock(user_id uuid) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN hashtextextended(('coinslot.account '::text || (user_id)::text), (0)::bigint);

COMMENT ON FUNCTION coinslot.account_lock(user_id uuid) IS 'Name of the advisory lock of an account.';

CREATE FUNCTION coinslot.operator_roles() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN ARRAY['support'::text, 'finance'::text, 'owner'::text];

COMMENT ON FUNCTION coinslot.operator_roles() IS 'The roles, each of which may more than the last.';

CREATE TABLE coinslot.operators (
    user_id uuid NOT NULL,
    role text NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT operators_role_known CHECK ((role = ANY (coinslot.operator_roles())))
);

COMMENT ON TABLE coinslot.operators IS 'Who may act on what is not theirs, and how far.';

COMMENT ON COLUMN coinslot.operators.role IS 'support reads. finance refunds, too. owner does everything, and one always stays.';

COMMENT ON COLUMN coinslot.operators.since IS 'When they got this role.';

CREATE FUNCTION coinslot.add_operator(who text, role text) RETURNS coinslot.operators
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  v_user_id uuid;
  v_operator coinslot.operators;
begin
  if add_operator.role = any(coinslot.operator_roles()) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "role", "example": "owner"}');
  end if;
  v_user_id := coinslot.user_named(add_operator.who);
  if add_operator.role <> 'owner' then
    perform coinslot.keep_an_owner(v_user_id);
  end if;
  insert into coinslot.operators as o (user_id, role) values (v_user_id, add_operator.role)
  on conflict (user_id) do update set role = excluded.role, since = excluded.since
  where o.role <> excluded.role;
  select o.* into v_operator from coinslot.operators o where o.user_id = v_user_id;
  return v_operator;
end
$$;

COMMENT ON FUNCTION coinslot.add_operator(who text, role text) IS 'See public.coinslot_add_operator.';

CREATE FUNCTION coinslot.add_tokens(user_id uuid, amount bigint, idempotency_key text, reason text, kind text) RETURNS public.token_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  v_entry public.token_ledger := coinslot.new_entry(
    add_tokens.user_id, add_tokens.kind, add_tokens.amount, 'service',
    add_tokens.idempotency_key, null, add_tokens.reason
  );
  v_wallet public.token_wallets;
  v_receipt public.token_receipt;
begin
  if (add_tokens.kind in ('grant', 'adjustment')) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "kind"}');
  end if;
  perform coinslot.check_call(
    case
      when add_tokens.kind = 'adjustment' and add_tokens.amount between -coinslot.max_amount() and 0
      then -add_tokens.amount
      else add_tokens.amount
    end,
    add_tokens.idempotency_key, add_tokens.reason, '{}'
  );
  if add_tokens.amount < 0 then
    return coinslot.debit_slowly(v_entry);
  end if;
  v_wallet := coinslot.lock_wallet(add_tokens.user_id);
  v_receipt := coinslot.find_replay(v_entry);
  if v_receipt.seq is not null then
    return v_receipt;
  end if;
  perform coinslot.check_open(v_wallet);
  perform coinslot.refuse_held_key(add_tokens.user_id, add_tokens.idempotency_key);
  if v_wallet.tokens > coinslot.max_amount() - add_tokens.amount then
    perform coinslot.fail('invalid_amount', jsonb_build_object('tokens', v_wallet.tokens));
  end if;
  return coinslot.post_entry(v_entry);
end
$$;

COMMENT ON FUNCTION coinslot.add_tokens(user_id uuid, amount bigint, idempotency_key text, reason text, kind text) IS 'See public.add_tokens.';

CREATE FUNCTION coinslot.adopt_users() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_bonus bigint := (select s.signup_bonus from coinslot.settings s);
begin
  lock table auth.users, auth.identities in share row exclusive mode;
  insert into public.token_wallets (user_id, closed_at)
  select u.id, u.deleted_at from auth.users u
  on conflict do nothing;
  with confirmed as materialized (
    select c.user_id, c.identity_hash, i.identity_hash is null and row_number() over (
      partition by c.identity_hash order by c.created_at, c.user_id
    ) = 1 as first
    from coinslot.confirmed_identities c
    left join coinslot.identities i on i.identity_hash = c.identity_hash
    where v_bonus > 0
  ), recorded as (
    insert into coinslot.identities (identity_hash, user_id)
    select c.identity_hash, c.user_id from confirmed c where c.first
  ), credited as (
    update public.token_wallets w
    set tokens = w.tokens + v_bonus, seq = w.seq + 1, updated_at = clock_timestamp()
    from (select c.user_id from confirmed c group by c.user_id having bool_and(c.first)) earned
    where w.user_id = earned.user_id and w.closed_at is null
      and w.tokens <= coinslot.max_amount() - v_bonus
    returning w.user_id, w.seq, w.tokens
  )
  insert into public.token_ledger (user_id, seq, delta, balance, kind, caller)
  select c.user_id, c.seq, v_bonus, c.tokens, 'signup_bonus', 'system' from credited c;
end
$$;

COMMENT ON FUNCTION coinslot.adopt_users() IS 'Gives wallets and bonus to users whose sign-up no trigger saw.';

CREATE FUNCTION coinslot.attempt_states() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN ARRAY['ready'::text, 'awaiting_deposit'::text, 'paid'::text, 'failed'::text, 'canceled'::text];

COMMENT ON FUNCTION coinslot.attempt_states() IS 'What gateways say of an attempt, in our words.';

CREATE TABLE coinslot.payment_attempts (
    id bigint NOT NULL,
    payment_id uuid NOT NULL,
    gateway text NOT NULL,
    payment_key text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    live boolean NOT NULL,
    paid bigint NOT NULL,
    refunded bigint NOT NULL,
    refunding bigint NOT NULL,
    disputed bigint NOT NULL,
    withdrawn bigint NOT NULL,
    method text,
    failure_reason text,
    virtual_account jsonb,
    secret text,
    problem text,
    credited boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT payment_attempts_money_not_negative CHECK (((amount >= 0) AND (paid >= 0) AND (refunded >= 0) AND (refunding >= 0) AND (disputed >= 0) AND (withdrawn >= 0))),
    CONSTRAINT payment_attempts_state_known CHECK ((state = ANY (coinslot.attempt_states())))
);

COMMENT ON TABLE coinslot.payment_attempts IS 'Attempts to pay an order: what the gateway last said of each.';

COMMENT ON COLUMN coinslot.payment_attempts.secret IS 'What the gateway repeats in its unsigned webhooks about this attempt.';

COMMENT ON COLUMN coinslot.payment_attempts.problem IS 'Why this attempt may not be credited; null = nothing against it.';

COMMENT ON COLUMN coinslot.payment_attempts.credited IS 'This attempt moves the order''s tokens.';

CREATE FUNCTION coinslot.apply_attempt(order_id text, version bigint, source text, attempt coinslot.payment_attempts, OUT outcome text, OUT payment public.token_payments) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_known coinslot.payment_attempts;
  v_applied record;
begin
  select p.* into payment from public.token_payments p
  where p.order_id = apply_attempt.order_id for update;
  perform coinslot.check_attempt(order_id, attempt, source, apply_attempt.version, payment.gateway);
  if payment.id is null then
    outcome := 'unknown_order';
    if attempt.paid > attempt.refunded + attempt.withdrawn then
      perform coinslot.record_discrepancy('unknown_order', attempt, order_id);
    end if;
    return;
  end if;
  select a.* into v_known from coinslot.payment_attempts a
  where a.gateway = attempt.gateway and a.payment_key = attempt.payment_key;
  attempt.id := v_known.id;
  attempt.payment_id := payment.id;
  attempt.credited := coalesce(v_known.credited, false);
  if v_known.payment_id <> payment.id then
    outcome := 'refused';
    payment := coinslot.refuse_attempt(payment, attempt, 'wrong_order', source);
  elsif coinslot.same_fact(v_known, attempt) then
    outcome := 'unchanged';
    if payment.version = apply_attempt.version then
      perform coinslot.settle_refund(payment, attempt, source);
    end if;
    update public.token_payments p set version = p.version + 1 where p.id = payment.id
    returning p.* into payment;
  elsif payment.version <> apply_attempt.version then
    outcome := 'stale';
  else
    v_applied := coinslot.apply_news(payment, attempt, source);
    outcome := v_applied.outcome;
    payment := v_applied.payment;
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.apply_attempt(order_id text, version bigint, source text, attempt coinslot.payment_attempts, OUT outcome text, OUT payment public.token_payments) IS 'Applies what was read of one attempt to its order.';

CREATE FUNCTION coinslot.apply_gateway_payment(order_id text, version bigint, source text, attempt coinslot.payment_attempts, webhook_ids bigint[], OUT outcome coinslot.apply_outcome, OUT payment public.token_payments, OUT webhooks public.coinslot_webhook_verdict[]) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_applied record;
begin
  v_applied := coinslot.apply_attempt(
    apply_gateway_payment.order_id, apply_gateway_payment.version,
    apply_gateway_payment.source, attempt
  );
  outcome := v_applied.outcome;
  payment := v_applied.payment;
  webhooks := '{}';
  if cardinality(webhook_ids) > 0 and outcome <> 'stale' then
    webhooks := coinslot.settle_webhooks(webhook_ids, outcome, attempt, payment.id);
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.apply_gateway_payment(order_id text, version bigint, source text, attempt coinslot.payment_attempts, webhook_ids bigint[], OUT outcome coinslot.apply_outcome, OUT payment public.token_payments, OUT webhooks public.coinslot_webhook_verdict[]) IS 'See public.coinslot_apply_gateway_payment.';

CREATE FUNCTION coinslot.apply_news(before public.token_payments, attempt coinslot.payment_attempts, source text, OUT outcome text, OUT payment public.token_payments) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_settled record;
  v_known boolean := attempt.id is not null;
begin
  attempt.problem := coinslot.attempt_problem(before, attempt);
  if attempt.credited and attempt.problem is not null then
    outcome := 'refused';
    payment := coinslot.refuse_attempt(before, attempt, attempt.problem, source);
    return;
  end if;
  -- The first good attempt with money is credited, and stored as that.
  attempt.credited := attempt.credited
    or before.confirmed_at is null and attempt.paid > 0 and attempt.problem is null;
  attempt.id := coinslot.save_attempt(attempt, before.order_id);
  if attempt.id is null then
    outcome := 'refused';
    payment := coinslot.refuse_attempt(before, attempt, 'wrong_order', source);
    return;
  end if;
  v_settled := coinslot.settle_payment(before, attempt, source);
  outcome := v_settled.outcome;
  payment := v_settled.payment;
  if v_known then
    perform coinslot.settle_refund(payment, attempt, source);
  end if;
  if attempt.refunding > 0 then
    perform coinslot.read_later(payment.id);
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.apply_news(before public.token_payments, attempt coinslot.payment_attempts, source text, OUT outcome text, OUT payment public.token_payments) IS 'Stores what is new of an attempt and moves its order.';

CREATE FUNCTION coinslot.attempt_problem(payment public.token_payments, attempt coinslot.payment_attempts) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_wallet public.token_wallets;
begin
  case
    when attempt.gateway <> payment.gateway then return 'wrong_gateway';
    when attempt.live <> payment.live then return 'wrong_mode';
    when attempt.currency <> payment.currency then return 'wrong_currency';
    when attempt.amount <> payment.amount then return 'wrong_amount';
    when attempt.paid > 0 and attempt.paid <> attempt.amount
      then return 'wrong_amount';
    when attempt.paid = 0 or (
      attempt.credited
      and attempt.refunded + attempt.withdrawn >= payment.refunded + payment.withdrawn
    ) then return null;
    else
      v_wallet := coinslot.lock_wallet(payment.user_id);
      return case
        when (v_wallet.user_id is null or v_wallet.closed_at is not null) and not attempt.credited
          then 'wallet_closed'
        when v_wallet.tokens > coinslot.max_amount() - payment.tokens then 'wallet_full'
      end;
  end case;
end
$$;

COMMENT ON FUNCTION coinslot.attempt_problem(payment public.token_payments, attempt coinslot.payment_attempts) IS 'Why an attempt may not be credited, nor given back to, or null.';

CREATE FUNCTION coinslot.audit_lease() RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN '01:00:00'::interval;

COMMENT ON FUNCTION coinslot.audit_lease() IS 'Time to finish an audit that was begun.';

CREATE TABLE coinslot.audit_lines (
    audit_id bigint NOT NULL,
    payment_key text NOT NULL COLLATE pg_catalog."C",
    order_id text NOT NULL,
    currency text NOT NULL,
    paid_at timestamp with time zone,
    paid bigint NOT NULL,
    refunded bigint,
    our_paid bigint,
    our_refunded bigint,
    tokens bigint,
    verdict text NOT NULL,
    problem text,
    CONSTRAINT audit_lines_verdict_known CHECK ((verdict = ANY (ARRAY['matched'::text, 'unread'::text, 'unknown'::text, 'different'::text, 'missing'::text, 'foreign'::text, 'other_mode'::text])))
);

COMMENT ON TABLE coinslot.audit_lines IS 'One line per payment of an audit.';

COMMENT ON COLUMN coinslot.audit_lines.paid IS 'By the gateway, minor units.';

COMMENT ON COLUMN coinslot.audit_lines.refunded IS 'By the gateway; null = its list does not tell.';

COMMENT ON COLUMN coinslot.audit_lines.our_refunded IS 'Withdrawn by banks included.';

COMMENT ON COLUMN coinslot.audit_lines.tokens IS 'What the ledger holds for the payment.';

COMMENT ON COLUMN coinslot.audit_lines.verdict IS 'matched; unread: to be read; unknown to us; different; missing at the gateway; foreign: not of
an order of ours; other_mode.';

COMMENT ON COLUMN coinslot.audit_lines.problem IS 'Why the payment was not credited.';

CREATE FUNCTION coinslot.audit_payments(audit_id bigint, lines jsonb) RETURNS SETOF coinslot.audit_lines
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select coinslot.check_lines(audit_payments.lines);
  insert into coinslot.audit_lines as l
  select
    a.id, c.payment_key, c.order_id, c.currency, c.paid_at, c.paid, c.refunded, c.our_paid,
    c.our_refunded, c.tokens, c.verdict, c.problem
  from coinslot.audits a
  cross join lateral (
    select distinct on (p.payment_key) p.*
    from coinslot.compare_payments(a.gateway, audit_payments.lines) p
    order by p.payment_key, p.refunded nulls first
  ) c
  where a.id = audit_payments.audit_id and a.finished_at is null
  on conflict on constraint audit_lines_pkey do update set
    order_id = excluded.order_id, currency = excluded.currency,
    paid_at = coalesce(excluded.paid_at, l.paid_at), paid = excluded.paid,
    refunded = excluded.refunded, our_paid = excluded.our_paid,
    our_refunded = excluded.our_refunded, tokens = excluded.tokens, verdict = excluded.verdict,
    problem = excluded.problem
  returning l.*
$$;

COMMENT ON FUNCTION coinslot.audit_payments(audit_id bigint, lines jsonb) IS 'See public.coinslot_audit_payments.';

CREATE FUNCTION coinslot.audit_report(audit_id bigint, verdict text, after text, page_size integer) RETURNS SETOF coinslot.audit_lines
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select l.* from coinslot.audit_lines l
  where l.audit_id = audit_report.audit_id
    and l.verdict = coalesce(audit_report.verdict, l.verdict)
    and l.payment_key > coalesce(audit_report.after, '')
  order by l.payment_key
  limit least(greatest(coalesce(audit_report.page_size, 500), 1), 1000)
$$;

COMMENT ON FUNCTION coinslot.audit_report(audit_id bigint, verdict text, after text, page_size integer) IS 'See public.coinslot_audit_report.';

CREATE FUNCTION coinslot.audit_unlisted(audit_id bigint, after text, page_size integer) RETURNS TABLE(order_id text, payment_key text, currency text, live boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select p.order_id, t.payment_key, t.currency, t.live
  from coinslot.audits a
  inner join public.token_payments p
    on p.confirmed_at >= a.since and p.confirmed_at < a.until and p.gateway = a.gateway
  inner join coinslot.payment_attempts t on t.payment_id = p.id and t.credited
  where a.id = audit_unlisted.audit_id
    and t.payment_key > coalesce(audit_unlisted.after, '')
    and not exists (
      select from coinslot.audit_lines l
      where l.audit_id = a.id and l.payment_key = t.payment_key
    )
  order by t.payment_key
  limit least(greatest(coalesce(audit_unlisted.page_size, 100), 1), 1000)
$$;

COMMENT ON FUNCTION coinslot.audit_unlisted(audit_id bigint, after text, page_size integer) IS 'See public.coinslot_audit_unlisted.';

CREATE TABLE public.token_wallets (
    user_id uuid NOT NULL,
    tokens bigint DEFAULT 0 NOT NULL,
    held bigint DEFAULT 0 NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    closed_at timestamp with time zone,
    merged_into uuid,
    has_merged boolean DEFAULT false NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT token_wallets_held_in_range CHECK (((held >= 0) AND (held <= '9007199254740991'::bigint))),
    CONSTRAINT token_wallets_merged_empty CHECK (((merged_into IS NULL) OR ((tokens = 0) AND (held = 0) AND (closed_at IS NOT NULL)))),
    CONSTRAINT token_wallets_seq_not_negative CHECK ((seq >= 0)),
    CONSTRAINT token_wallets_tokens_in_range CHECK (((tokens >= '-9007199254740991'::bigint) AND (tokens <= '9007199254740991'::bigint)))
)
WITH (fillfactor='50');

COMMENT ON TABLE public.token_wallets IS 'Balance of each user: available = tokens - held.';

COMMENT ON COLUMN public.token_wallets.tokens IS 'Sum of the ledger. Below zero only by what a gateway took back or by a hold made in time.';

COMMENT ON COLUMN public.token_wallets.held IS 'Tokens set aside by open holds.';

COMMENT ON COLUMN public.token_wallets.seq IS 'Number of the latest ledger entry.';

COMMENT ON COLUMN public.token_wallets.closed_at IS 'Set when the user was deleted: only reversals follow. Set for good when it was merged.';

COMMENT ON COLUMN public.token_wallets.merged_into IS 'Took what was in here, once and for all.';

COMMENT ON COLUMN public.token_wallets.has_merged IS 'Others were merged into it: what has an idempotency key goes the slow way, which knows theirs.';

CREATE FUNCTION coinslot.available(wallet public.token_wallets) RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select wallet.tokens - case when wallet.held = 0 then 0 else (
    select coalesce(sum(h.amount), 0)::bigint
    from coinslot.token_holds h
    where h.user_id = wallet.user_id and h.status = 'held' and h.expires_at > clock_timestamp()
  ) end
$$;

COMMENT ON FUNCTION coinslot.available(wallet public.token_wallets) IS 'Tokens minus unexpired holds.';

CREATE FUNCTION coinslot.begin_audit(gateway text, since timestamp with time zone, until timestamp with time zone, again boolean) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  v_id bigint;
  v_argument text := case
    when not exists (select from coinslot.gateways g where g.id = begin_audit.gateway)
    then 'gateway'
    when begin_audit.since is null then 'since'
    when (begin_audit.since < begin_audit.until) is not true then 'until'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
  insert into coinslot.audits as a (gateway, since, until)
  values (begin_audit.gateway, begin_audit.since, begin_audit.until)
  on conflict on constraint audits_window_key do update
  set started_at = clock_timestamp(), finished_at = null
  where begin_audit.again
    or (a.finished_at is null and a.started_at < clock_timestamp() - coinslot.audit_lease())
  returning a.id into v_id;
  delete from coinslot.audit_lines l where l.audit_id = v_id;
  return v_id;
end
$$;

COMMENT ON FUNCTION coinslot.begin_audit(gateway text, since timestamp with time zone, until timestamp with time zone, again boolean) IS 'See public.coinslot_begin_audit.';

CREATE FUNCTION coinslot.cancel_order(order_id text) RETURNS public.token_payments
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_before public.token_payments;
  v_payment public.token_payments;
begin
  select p.* into v_before from public.token_payments p
  where p.order_id = cancel_order.order_id and p.user_id = v_user_id
  for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  if v_before.status = 'canceled' then
    return v_before;
  end if;
  if v_before.status <> all (coinslot.cancelable_statuses()) then
    perform coinslot.fail(
      'illegal_transition', jsonb_build_object('from', v_before.status, 'to', 'canceled')
    );
  end if;
  update public.token_payments p
  set status = 'canceled', canceled_at = clock_timestamp(), updated_at = clock_timestamp()
  where p.id = v_before.id
  returning p.* into v_payment;
  perform coinslot.record_event(v_payment, v_before.status, 'user');
  return v_payment;
end
$$;

COMMENT ON FUNCTION coinslot.cancel_order(order_id text) IS 'See public.cancel_token_order.';

CREATE FUNCTION coinslot.cancel_orders(payment_ids uuid[]) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  with unpaid as (
    select p.id, p.status from public.token_payments p where p.id = any (cancel_orders.payment_ids)
  ), canceled as (
    update public.token_payments p set
      status = 'canceled', canceled_at = clock_timestamp(), updated_at = clock_timestamp()
    from unpaid u where p.id = u.id
    returning p.id, p.user_id, u.status as from_status
  )
  insert into public.token_payment_events (payment_id, user_id, from_status, to_status, source)
  select c.id, c.user_id, c.from_status, 'canceled', 'user_deleted' from canceled c
$$;

COMMENT ON FUNCTION coinslot.cancel_orders(payment_ids uuid[]) IS 'Cancels unpaid orders.';

CREATE FUNCTION coinslot.cancelable_statuses() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN ARRAY['pending'::text, 'failed'::text];

COMMENT ON FUNCTION coinslot.cancelable_statuses() IS 'Where an order can be called off.';

CREATE FUNCTION coinslot.canonical_email(email text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
declare
  v_address text := lower(btrim(canonical_email.email, E' \t\r\n'));
  v_domain text := split_part(v_address, '@', -1);
  v_local text := left(v_address, -length(v_domain) - 1);
begin
  if v_local = '' or v_domain = '' then
    return v_address;
  end if;
  if v_local not like '"%' then
    v_local := left(v_local, 1) || split_part(substr(v_local, 2), '+', 1);
  end if;
  if v_domain in ('gmail.com', 'googlemail.com') then
    return coalesce(nullif(replace(v_local, '.', ''), ''), v_local) || '@gmail.com';
  end if;
  return v_local || '@' || v_domain;
end
$$;

COMMENT ON FUNCTION coinslot.canonical_email(email text) IS 'The address as it is compared: lower case, without a +tag, and at Gmail without dots.';

CREATE FUNCTION coinslot.capture_hold(hold_id uuid, amount bigint) RETURNS public.token_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_hold coinslot.token_holds := coinslot.open_hold(capture_hold.hold_id);
  v_amount bigint := coalesce(capture_hold.amount, v_hold.amount);
begin
  if v_amount not between 1 and v_hold.amount then
    perform coinslot.fail('invalid_amount', jsonb_build_object(
      'amount', v_amount, 'held', v_hold.amount
    ));
  end if;
  perform coinslot.resolve_hold(v_hold, 'captured', v_amount);
  return coinslot.post_entry(coinslot.new_entry(
    v_hold.user_id, 'spend', -v_amount, 'service', v_hold.idempotency_key, v_hold.feature,
    v_hold.reason, '{}', null, v_hold.id
  ));
end
$$;

COMMENT ON FUNCTION coinslot.capture_hold(hold_id uuid, amount bigint) IS 'See public.capture_token_hold.';

CREATE FUNCTION coinslot.check_attempt(order_id text, attempt coinslot.payment_attempts, source text, version bigint, order_gateway text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $_$
declare
  v_argument text := case
    when (attempt.state = any (coinslot.attempt_states())) is not true then 'state'
    when attempt.gateway is null then 'gateway'
    when (length(check_attempt.order_id) between 1 and 64) is not true then 'order_id'
    when (length(attempt.payment_key) between 1 and 255) is not true then 'payment_key'
    when (attempt.currency ~ '^[A-Z]{3}$') is not true then 'currency'
    when attempt.live is null then 'live'
    when (source ~ '^[a-z_]{1,32}$') is not true then 'source'
    when check_attempt.version is null and order_gateway is not null then 'version'
    when num_nulls(
      attempt.amount, attempt.paid, attempt.refunded, attempt.refunding, attempt.disputed,
      attempt.withdrawn
    ) > 0 or least(
      attempt.amount, attempt.paid, attempt.refunded, attempt.refunding, attempt.disputed,
      attempt.withdrawn
    ) < 0 or greatest(
      attempt.amount, attempt.paid, attempt.refunded, attempt.refunding, attempt.disputed,
      attempt.withdrawn
    ) > coinslot.max_amount() or (attempt.state = 'paid' and attempt.paid = 0) then 'amounts'
    when attempt.virtual_account ->> 'due_at' is not null
      and coinslot.parse_time(attempt.virtual_account ->> 'due_at') is null
    then 'virtual_account'
  end;
begin
  -- That of the order is known to be one. Asked apart: an expression with a query costs far more.
  if attempt.gateway is distinct from order_gateway then
    if not exists (select from coinslot.gateways g where g.id = attempt.gateway) then
      v_argument := 'gateway';
    end if;
  end if;
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
end
$_$;

COMMENT ON FUNCTION coinslot.check_attempt(order_id text, attempt coinslot.payment_attempts, source text, version bigint, order_gateway text) IS 'PT400 unless an attempt is well formed; order_gateway is null where the order is unknown.';

CREATE FUNCTION coinslot.check_buyer(user_id uuid) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  if not (select s.anonymous_purchases from coinslot.settings s where s.id) and exists (
    select from auth.users u where u.id = check_buyer.user_id and u.is_anonymous
  ) then
    perform coinslot.fail('account_required');
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.check_buyer(user_id uuid) IS 'PT403 for an anonymous user where those may not buy.';

CREATE FUNCTION coinslot.check_call(amount bigint, idempotency_key text, reason text, metadata jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  if (amount between 1 and coinslot.max_amount()) is not true then
    perform coinslot.fail('invalid_amount', jsonb_build_object('amount', amount));
  end if;
  if (length(idempotency_key) between 1 and 255) is not true then
    perform coinslot.fail(
      'invalid_argument', '{"argument": "idempotency_key", "min_length": 1, "max_length": 255}'
    );
  end if;
  perform coinslot.check_text('reason', reason, 500);
  if (jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 4096) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "metadata", "max_bytes": 4096}');
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.check_call(amount bigint, idempotency_key text, reason text, metadata jsonb) IS 'PT400 unless amount, key, reason and metadata can be stored.';

CREATE FUNCTION coinslot.check_ledger() RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  v_check coinslot.ledger_checks;
  v_to integer;
  v_wallets bigint;
  v_problems jsonb;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('coinslot.check_ledger', 0)) then
    return null;
  end if;
  v_check := coinslot.open_ledger_check();
  if v_check.id is null then
    return null;
  end if;
  v_to := least(v_check.done + coinslot.ledger_check_step(), 65536);
  with problems as materialized (
    select p.* from coinslot.verify_ledger(
      coinslot.first_user(v_check.done), coinslot.first_user(v_to)
    ) p
  )
  select
    count(distinct p.user_id),
    (select jsonb_agg(to_jsonb(s)) from (select * from problems limit 20) s)
  into v_wallets, v_problems from problems p;
  update coinslot.ledger_checks c set
    done = v_to,
    finished_at = case when v_to = 65536 then clock_timestamp() end,
    wallets = c.wallets + v_wallets,
    problems = case when jsonb_array_length(c.problems) < 20
      then c.problems || coalesce(v_problems, '[]') else c.problems
    end
  where c.id = v_check.id
  returning c.* into v_check;
  if v_check.finished_at is not null then
    perform coinslot.note_ledger_check(v_check);
  end if;
  return jsonb_build_object(
    'finished', v_check.finished_at is not null, 'wallets', v_check.wallets,
    'problems', v_check.problems
  );
end
$$;

COMMENT ON FUNCTION coinslot.check_ledger() IS 'See public.coinslot_check_ledger.';

CREATE FUNCTION coinslot.check_lines(lines jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $_$
begin
  if jsonb_typeof(check_lines.lines) is distinct from 'array' then
    perform coinslot.fail('invalid_argument', '{"argument": "lines"}');
  end if;
  if exists (
    select from jsonb_to_recordset(check_lines.lines) as l (
      payment_key text, currency text, paid_at timestamptz, paid bigint, refunded bigint,
      live boolean, missing boolean
    )
    where (
      length(l.payment_key) between 1 and 255 and l.currency ~ '^[A-Z]{3}$'
      and l.paid between 0 and coinslot.max_amount()
      and coalesce(l.refunded, 0) between 0 and coinslot.max_amount() and l.live is not null
    ) is not true
  ) then
    perform coinslot.fail('invalid_argument', '{"argument": "lines"}');
  end if;
exception when data_exception then
  perform coinslot.fail('invalid_argument', '{"argument": "lines"}');
end
$_$;

COMMENT ON FUNCTION coinslot.check_lines(lines jsonb) IS 'PT400 unless every line of a gateway''s list is well formed.';

CREATE FUNCTION coinslot.check_merge(from_user uuid, into_user uuid, idempotency_key text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_argument text := case
    when check_merge.from_user is null then 'from_user'
    when check_merge.into_user is null or check_merge.into_user = check_merge.from_user
    then 'into_user'
    when (length(check_merge.idempotency_key) between 1 and 255) is not true
    then 'idempotency_key'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.check_merge(from_user uuid, into_user uuid, idempotency_key text) IS 'PT400 unless it names two users and a key.';

CREATE FUNCTION coinslot.check_mergeable(user_id uuid) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_wallet public.token_wallets;
begin
  select w.* into v_wallet from public.token_wallets w where w.user_id = check_mergeable.user_id;
  if v_wallet.user_id is null or (v_wallet.closed_at is not null and v_wallet.merged_into is null)
  then
    perform coinslot.fail(
      'wallet_not_found', jsonb_build_object('user_id', check_mergeable.user_id)
    );
  end if;
  perform coinslot.check_open(v_wallet);
end
$$;

COMMENT ON FUNCTION coinslot.check_mergeable(user_id uuid) IS 'PT404 unless the wallet is open; PT409 if it was merged.';

CREATE FUNCTION coinslot.check_merged_sums(from_wallet public.token_wallets, into_user uuid) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_into public.token_wallets;
begin
  select w.* into v_into from public.token_wallets w where w.user_id = check_merged_sums.into_user;
  if abs(v_into.tokens::numeric + from_wallet.tokens) > coinslot.max_amount()
    or v_into.held::numeric + from_wallet.held > coinslot.max_amount()
  then
    perform coinslot.fail('invalid_amount', jsonb_build_object(
      'tokens', v_into.tokens, 'merged', from_wallet.tokens
    ));
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.check_merged_sums(from_wallet public.token_wallets, into_user uuid) IS 'PT400 where one wallet could not hold both.';

CREATE FUNCTION coinslot.check_open(wallet public.token_wallets) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  if wallet.merged_into is not null then
    perform coinslot.fail('wallet_merged', jsonb_build_object(
      'user_id', wallet.user_id, 'merged_into', (
        select m.owner_user from coinslot.merged_wallets m where m.from_user = wallet.user_id
      )
    ));
  end if;
  if wallet.user_id is null or wallet.closed_at is not null then
    perform coinslot.fail('wallet_not_found');
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.check_open(wallet public.token_wallets) IS 'PT404 unless the wallet is open; PT409 if it was merged.';

CREATE FUNCTION coinslot.check_order_limits(user_id uuid) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_settings coinslot.settings;
  v_now timestamptz := clock_timestamp();
  v_orders record;
begin
  select s.* into v_settings from coinslot.settings s where s.id;
  -- Of the user's own orders, sorted out here: asked for by `status` or `expires_at`, a planner
  -- without statistics would go through the open orders of everybody.
  select
    count(*) filter (where p.status = 'pending' and p.expires_at > v_now) as open,
    min(p.expires_at) filter (where p.status = 'pending' and p.expires_at > v_now) as closes_at,
    count(*) filter (where p.paid = 0 and p.created_at > v_now - interval '1 hour') as unpaid,
    min(p.created_at) filter (where p.paid = 0 and p.created_at > v_now - interval '1 hour')
    + interval '1 hour' as forgotten_at
  into v_orders
  from public.token_payments p
  where p.user_id = check_order_limits.user_id;
  if v_orders.open >= v_settings.max_open_orders then
    perform coinslot.fail('too_many_orders', jsonb_build_object(
      'max_open_orders', v_settings.max_open_orders,
      'retry_after', ceil(extract(epoch from v_orders.closes_at - v_now))
    ));
  end if;
  if v_orders.unpaid >= v_settings.max_unpaid_orders_per_hour then
    perform coinslot.fail('too_many_orders', jsonb_build_object(
      'max_unpaid_orders_per_hour', v_settings.max_unpaid_orders_per_hour,
      'retry_after', ceil(extract(epoch from v_orders.forgotten_at - v_now))
    ));
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.check_order_limits(user_id uuid) IS 'Refuses another order of a user who has enough of them. The caller has the wallet locked.';

CREATE FUNCTION coinslot.check_refund(reason text, idempotency_key text, account jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $_$
declare
  v_argument text := case
    when (length(btrim(check_refund.reason)) between 1 and 200) is not true then 'reason'
    when (length(check_refund.idempotency_key) between 1 and 255) is not true
    then 'idempotency_key'
    when check_refund.account is not null and (
      check_refund.account ->> 'bank' ~ '^[A-Za-z0-9_]{1,40}$'
      and check_refund.account ->> 'account_number' ~ '^[0-9]{4,20}$'
      and length(check_refund.account ->> 'holder') between 1 and 60
    ) is not true then 'account'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
end
$_$;

COMMENT ON FUNCTION coinslot.check_refund(reason text, idempotency_key text, account jsonb) IS 'PT400 unless reason, key and account can be stored.';

CREATE FUNCTION coinslot.check_text(argument text, value text, longest integer) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  if value is null or length(value) > longest then
    perform coinslot.fail(
      'invalid_argument', jsonb_build_object('argument', argument, 'max_length', longest)
    );
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.check_text(argument text, value text, longest integer) IS 'PT400 for a text too long.';

CREATE FUNCTION coinslot.check_ttl(ttl_seconds integer) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_longest integer;
begin
  select s.max_hold_seconds into v_longest from coinslot.settings s where s.id;
  if (check_ttl.ttl_seconds between 1 and v_longest) is not true then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'ttl_seconds', 'min', 1, 'max', v_longest
    ));
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.check_ttl(ttl_seconds integer) IS 'PT400 unless a hold may live that long.';

CREATE FUNCTION coinslot.max_amount() RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN '9007199254740991'::bigint;

COMMENT ON FUNCTION coinslot.max_amount() IS 'Largest amount or balance: 2^53 - 1.';

CREATE FUNCTION coinslot.refund_answers() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN ARRAY['accepted'::text, 'declined'::text, 'spent'::text, 'unknown'::text];

COMMENT ON FUNCTION coinslot.refund_answers() IS 'What gateways say to a refund, in our words.';

CREATE TABLE coinslot.refunds (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    payment_id uuid NOT NULL,
    order_id text NOT NULL,
    user_id uuid NOT NULL,
    gateway text NOT NULL,
    payment_key text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    tokens bigint NOT NULL,
    refunded_before bigint NOT NULL,
    refundable bigint NOT NULL,
    reason text NOT NULL,
    requested_by uuid,
    forced boolean NOT NULL,
    idempotency_key text NOT NULL COLLATE pg_catalog."C",
    status text DEFAULT 'requested'::text NOT NULL,
    tries integer DEFAULT 1 NOT NULL,
    answer text,
    failure_code text,
    failure_message text,
    attempts bigint DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT clock_timestamp(),
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT refunds_amount_positive CHECK (((amount >= 1) AND (amount <= coinslot.max_amount()))),
    CONSTRAINT refunds_answer_known CHECK ((answer = ANY (coinslot.refund_answers()))),
    CONSTRAINT refunds_fits CHECK (((amount <= refundable) AND (tokens >= 0) AND (refunded_before >= 0))),
    CONSTRAINT refunds_open_or_finished CHECK ((((status = ANY (ARRAY['requested'::text, 'pending'::text])) = (finished_at IS NULL)) AND ((finished_at IS NULL) = (next_attempt_at IS NOT NULL)))),
    CONSTRAINT refunds_status_known CHECK ((status = ANY (ARRAY['requested'::text, 'pending'::text, 'succeeded'::text, 'failed'::text])))
);

COMMENT ON TABLE coinslot.refunds IS 'Money asked back for an order, and what became of it.';

COMMENT ON COLUMN coinslot.refunds.payment_key IS 'The attempt whose money is given back.';

COMMENT ON COLUMN coinslot.refunds.amount IS 'Minor units to give back.';

COMMENT ON COLUMN coinslot.refunds.tokens IS 'Tokens set aside until the gateway is clear about it.';

COMMENT ON COLUMN coinslot.refunds.refunded_before IS 'Minor units refunded before it: it is done when there are so many more.';

COMMENT ON COLUMN coinslot.refunds.refundable IS 'Minor units that were left then; gateways that can, compare it.';

COMMENT ON COLUMN coinslot.refunds.requested_by IS 'The operator; null = the service itself.';

COMMENT ON COLUMN coinslot.refunds.forced IS 'Also where the tokens were spent already.';

COMMENT ON COLUMN coinslot.refunds.status IS 'requested: not seen at the gateway. pending: the gateway is at it. succeeded, failed: over, for as
long as the gateway shows it so.';

COMMENT ON COLUMN coinslot.refunds.tries IS 'Number of the idempotency key that the gateway gets.';

COMMENT ON COLUMN coinslot.refunds.answer IS 'What the gateway said to the present try; null = to be asked.';

CREATE FUNCTION coinslot.check_unspent(refund coinslot.refunds) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_wallet public.token_wallets := coinslot.lock_wallet(refund.user_id);
begin
  if v_wallet.held > 0 then
    v_wallet.held := v_wallet.held - coinslot.expire_holds_of(refund.user_id);
  end if;
  if refund.tokens > 0 and not refund.forced
    and v_wallet.tokens - v_wallet.held < refund.tokens
  then
    perform coinslot.fail('tokens_already_spent', jsonb_build_object(
      'tokens', v_wallet.tokens - v_wallet.held, 'required', refund.tokens
    ));
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.check_unspent(refund coinslot.refunds) IS 'Locks the wallet; PT409 unless it has the tokens of a refund, or the refund is forced.';

CREATE FUNCTION coinslot.webhook_lease() RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN '00:00:30'::interval;

COMMENT ON FUNCTION coinslot.webhook_lease() IS 'Time to finish a webhook that was taken.';

CREATE FUNCTION coinslot.webhook_outcomes() RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN (ARRAY['received'::text, 'not_yet'::text, 'failed'::text] || array_remove(coinslot.apply_outcomes(), 'stale'::text));

COMMENT ON FUNCTION coinslot.webhook_outcomes() IS 'not_yet: the money it claims is not to be seen yet. failed: the gateway could not be asked. Else
what applying the read came to.';

CREATE TABLE coinslot.webhooks (
    id bigint NOT NULL,
    gateway text NOT NULL,
    event_id text COLLATE pg_catalog."C",
    event_type text NOT NULL,
    order_id text NOT NULL,
    payment_key text NOT NULL,
    claims_paid boolean NOT NULL,
    headers jsonb NOT NULL,
    body jsonb NOT NULL,
    outcome text DEFAULT 'received'::text NOT NULL,
    detail text DEFAULT ''::text NOT NULL,
    deliveries bigint DEFAULT 1 NOT NULL,
    taken_deliveries bigint DEFAULT 1 NOT NULL,
    attempts bigint DEFAULT 0 NOT NULL,
    received_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    waiting_since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    taken_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamp with time zone,
    next_attempt_at timestamp with time zone DEFAULT (clock_timestamp() + coinslot.webhook_lease()),
    CONSTRAINT webhooks_outcome_known CHECK ((outcome = ANY (coinslot.webhook_outcomes())))
);

COMMENT ON TABLE coinslot.webhooks IS 'Webhooks of the gateways and what became of them.';

COMMENT ON COLUMN coinslot.webhooks.event_id IS 'Of a signed event; null = unsigned.';

COMMENT ON COLUMN coinslot.webhooks.order_id IS 'The order it names, or empty.';

COMMENT ON COLUMN coinslot.webhooks.payment_key IS 'The payment it names, or empty.';

COMMENT ON COLUMN coinslot.webhooks.body IS 'As received last, personal data blanked.';

COMMENT ON COLUMN coinslot.webhooks.outcome IS 'What the latest read came to; it is the last word once next_attempt_at is null.';

COMMENT ON COLUMN coinslot.webhooks.taken_deliveries IS 'Deliveries when the present read began: more of them mean that it may have missed something.';

COMMENT ON COLUMN coinslot.webhooks.waiting_since IS 'The first delivery that the present work answers: hints that come later share a finished row.';

COMMENT ON COLUMN coinslot.webhooks.next_attempt_at IS 'When to read again; null = no more.';

CREATE FUNCTION coinslot.check_webhook(webhook coinslot.webhooks) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_argument text := case
    when length(webhook.event_id) not between 1 and 255 then 'event_id'
    when (length(webhook.event_type) <= 100) is not true then 'event_type'
    when length(webhook.order_id) > 64 then 'order_id'
    when length(webhook.payment_key) > 255 then 'payment_key'
    when webhook.claims_paid is null then 'claims_paid'
    when (octet_length(webhook.headers::text) <= 8192) is not true then 'headers'
    when (octet_length(webhook.body::text) <= 65536) is not true then 'body'
  end;
begin
  -- Asked apart: an expression with a query costs far more.
  if not exists (select from coinslot.gateways g where g.id = webhook.gateway) then
    v_argument := 'gateway';
  end if;
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.check_webhook(webhook coinslot.webhooks) IS 'PT400 unless a webhook can be stored.';

CREATE FUNCTION coinslot.claim_payments(gateway text, batch integer) RETURNS SETOF public.coinslot_payment_to_read
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  with due as materialized (
    select
      r.payment_id,
      coalesce(r.reads >= case s.reads when 0 then 3 else s.reads end, false) and not exists (
        select from coinslot.payment_attempts a where a.payment_id = p.id and a.refunding > 0
      ) as enough
    from coinslot.payment_reads r
    inner join public.token_payments p on p.id = r.payment_id
    inner join coinslot.payment_statuses s on s.status = p.status
    where r.gateway = claim_payments.gateway and r.next_read_at <= clock_timestamp()
    order by r.next_read_at limit least(greatest(claim_payments.batch, 1), 1000)
    for update of r skip locked
  ), dropped as (
    delete from coinslot.payment_reads r using due
    where r.payment_id = due.payment_id and due.enough
  ), claimed as (
    update coinslot.payment_reads r
    set reads = r.reads + 1, next_read_at = clock_timestamp() + coinslot.read_wait(r.reads + 1)
    from due where r.payment_id = due.payment_id and not due.enough
    returning r.payment_id
  )
  select p, (
    select a.payment_key from coinslot.payment_attempts a
    where a.payment_id = p.id order by a.updated_at desc, a.id desc limit 1
  )
  from claimed c inner join public.token_payments p on p.id = c.payment_id
$$;

COMMENT ON FUNCTION coinslot.claim_payments(gateway text, batch integer) IS 'See public.coinslot_claim_payments.';

CREATE FUNCTION coinslot.claim_refunds(batch integer, refund_id uuid) RETURNS SETOF public.coinslot_refund_job
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  with due as materialized (
    select r.id from coinslot.refunds r
    where r.next_attempt_at <= clock_timestamp()
      and r.id = coalesce(claim_refunds.refund_id, r.id)
    order by r.next_attempt_at limit least(greatest(claim_refunds.batch, 1), 1000)
    for update skip locked
  ), taken as (
    update coinslot.refunds r set
      attempts = r.attempts + 1,
      next_attempt_at = clock_timestamp() + coinslot.refund_lease(r.attempts + 1)
    from due where r.id = due.id
    returning r.*
  ), shown as (
    insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, detail)
    select 'refund_unresolved', t.gateway, t.payment_key, t.order_id, jsonb_build_object(
      'refund_id', t.id, 'amount', t.amount, 'currency', t.currency, 'status', t.status,
      'tries', t.tries, 'answer', t.answer
    )
    from taken t where t.attempts > coinslot.refund_patience()
    on conflict (kind, gateway, payment_key, order_id) where resolved_at is null do nothing
  )
  select
    t.id, 'refund-' || t.id || '-' || t.tries,
    case when t.status = 'requested' and t.answer is null then 'ask' else 'read' end,
    t.tries, t.reason, t.amount, t.refundable, t.currency, t.gateway, t.payment_key,
    (
      select jsonb_build_object(
        'bank', a.bank, 'account_number', a.account_number, 'holder', a.holder
      ) from coinslot.refund_accounts a where a.refund_id = t.id
    ),
    p
  from taken t inner join public.token_payments p on p.id = t.payment_id
$$;

COMMENT ON FUNCTION coinslot.claim_refunds(batch integer, refund_id uuid) IS 'See public.coinslot_claim_refunds.';

CREATE FUNCTION coinslot.claim_webhooks(batch integer) RETURNS SETOF coinslot.webhooks
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
  with due as materialized (
    select w.id, clock_timestamp() as taken_at from coinslot.webhooks w
    where w.next_attempt_at <= clock_timestamp()
    order by w.next_attempt_at limit least(greatest(claim_webhooks.batch, 1), 1000)
    for update skip locked
  )
  update coinslot.webhooks w set
    next_attempt_at = due.taken_at + coinslot.webhook_lease(),
    taken_at = due.taken_at, taken_deliveries = w.deliveries
  from due where w.id = due.id
  returning w.*
$$;

COMMENT ON FUNCTION coinslot.claim_webhooks(batch integer) IS 'See public.coinslot_claim_webhooks.';

CREATE FUNCTION coinslot.close_orders(user_id uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  perform coinslot.cancel_orders(array(
    select p.id from public.token_payments p
    where p.user_id = close_orders.user_id and p.status = any (coinslot.cancelable_statuses())
    order by p.id for update
  ));
  perform coinslot.lock_wallet(close_orders.user_id);
  perform coinslot.cancel_orders(array(
    select p.id from public.token_payments p
    where p.user_id = close_orders.user_id and p.status = any (coinslot.cancelable_statuses())
    for update skip locked
  ));
end
$$;

COMMENT ON FUNCTION coinslot.close_orders(user_id uuid) IS 'Cancels the unpaid orders of a user and locks the wallet.';

CREATE FUNCTION coinslot.close_refund(refund_id uuid, reason text) RETURNS coinslot.refunds
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  v_payment public.token_payments;
  v_refund coinslot.refunds;
begin
  perform coinslot.check_text('reason', close_refund.reason, 300);
  select p.* into v_payment from public.token_payments p
  where p.id = (select r.payment_id from coinslot.refunds r where r.id = close_refund.refund_id)
  for update;
  update coinslot.refunds r set
    status = 'failed', failure_code = 'closed', failure_message = close_refund.reason,
    next_attempt_at = null, finished_at = clock_timestamp()
  where r.id = close_refund.refund_id and r.finished_at is null
  returning r.* into v_refund;
  if found then
    perform coinslot.end_refund(v_refund, v_payment, 'refund');
    return v_refund;
  end if;
  return coinslot.get_refund(close_refund.refund_id);
end
$$;

COMMENT ON FUNCTION coinslot.close_refund(refund_id uuid, reason text) IS 'See public.coinslot_close_refund.';

CREATE FUNCTION coinslot.close_wallet(user_id uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  perform coinslot.close_orders(close_wallet.user_id);
  update coinslot.token_holds h set status = 'released', resolved_at = clock_timestamp()
  where h.user_id = close_wallet.user_id and h.status = 'held' and h.refund_id is null;
  update public.token_wallets w set closed_at = clock_timestamp(), updated_at = clock_timestamp(),
    held = (
      select coalesce(sum(h.amount), 0) from coinslot.token_holds h
      where h.user_id = close_wallet.user_id and h.status = 'held'
    )
  where w.user_id = close_wallet.user_id and w.closed_at is null;
end
$$;

COMMENT ON FUNCTION coinslot.close_wallet(user_id uuid) IS 'Closes a wallet and releases its holds.';

CREATE FUNCTION coinslot.compare_payments(gateway text, lines jsonb) RETURNS SETOF coinslot.audit_lines
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select
    null::bigint, l.payment_key, coalesce(nullif(l.order_id, ''), p.order_id, ''),
    l.currency, l.paid_at, l.paid, l.refunded, a.paid, a.refunded + a.withdrawn, t.tokens,
    case
      when l.live <> (s.mode = 'live') then 'other_mode'
      when l.missing then 'missing'
      when a.id is null and coalesce(l.order_id, '') !~ coinslot.order_id_form()
      then 'foreign'
      when l.refunded is null then 'unread'
      when a.id is null then 'unknown'
      when (l.paid, l.currency) = (a.paid, a.currency)
        and l.refunded in (a.refunded, a.refunded + a.withdrawn)
        and coalesce(l.order_id, '') in ('', p.order_id)
        and (a.credited or a.problem is not null or a.paid <= a.refunded + a.withdrawn or exists (
          select from coinslot.discrepancies d
          where d.gateway = a.gateway and d.payment_key = a.payment_key and d.resolved_at is null
            and d.kind not like 'audit\_%'
        ))
      then 'matched'
      else 'different'
    end,
    a.problem
  from jsonb_to_recordset(compare_payments.lines) as l (
    payment_key text, order_id text, currency text, paid_at timestamptz, paid bigint,
    refunded bigint, live boolean, missing boolean
  )
  cross join coinslot.settings s
  left join coinslot.payment_attempts a
    on a.gateway = compare_payments.gateway and a.payment_key = l.payment_key
  left join public.token_payments p on p.id = a.payment_id
  left join lateral (
    select sum(e.delta)::bigint as tokens from public.token_ledger e
    where e.payment_id = p.id and a.credited
  ) t on true
$$;

COMMENT ON FUNCTION coinslot.compare_payments(gateway text, lines jsonb) IS 'A gateway''s payments beside ours, judged.';

CREATE FUNCTION coinslot.count_discrepancies() RETURNS TABLE(kind text, gateway text, open bigint)
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select d.kind, d.gateway, count(*)
  from coinslot.discrepancies d where d.resolved_at is null
  group by d.kind, d.gateway
$$;

COMMENT ON FUNCTION coinslot.count_discrepancies() IS 'Open discrepancies by kind and gateway.';

CREATE FUNCTION coinslot.count_payment_reads() RETURNS TABLE(gateway text, due bigint, overdue_seconds double precision)
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select
    g.id, count(r.next_read_at), extract(epoch from statement_timestamp() - min(r.next_read_at))
  from coinslot.gateways g
  left join coinslot.payment_reads r on r.gateway = g.id and r.next_read_at <= statement_timestamp()
  group by g.id
$$;

COMMENT ON FUNCTION coinslot.count_payment_reads() IS 'Orders that are due to be read again, by gateway.';

CREATE FUNCTION coinslot.count_refunds() RETURNS TABLE(gateway text, open bigint, oldest_seconds double precision)
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select g.id, count(r.id), extract(epoch from statement_timestamp() - min(r.created_at))
  from coinslot.gateways g
  left join coinslot.refunds r on r.gateway = g.id and r.finished_at is null
  group by g.id
$$;

COMMENT ON FUNCTION coinslot.count_refunds() IS 'Refunds that are not over, by gateway.';

CREATE FUNCTION coinslot.count_reviews() RETURNS TABLE(gateway text, payments bigint)
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select g.id, count(p.id)
  from coinslot.gateways g
  left join public.token_payments p on p.gateway = g.id and p.status = 'review' and exists (
    select from coinslot.discrepancies d where d.order_id = p.order_id and d.resolved_at is null
  )
  group by g.id
$$;

COMMENT ON FUNCTION coinslot.count_reviews() IS 'Orders that a person has to decide and has not, by gateway.';

CREATE FUNCTION coinslot.count_webhooks() RETURNS TABLE(gateway text, waiting bigint, oldest_seconds double precision, overdue_seconds double precision)
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select
    g.id, count(w.id), extract(epoch from statement_timestamp() - min(w.waiting_since)),
    extract(epoch from statement_timestamp() - min(w.next_attempt_at) filter (
      where w.next_attempt_at <= statement_timestamp()
    ))
  from coinslot.gateways g
  left join coinslot.webhooks w on w.gateway = g.id and w.next_attempt_at is not null
  group by g.id
$$;

COMMENT ON FUNCTION coinslot.count_webhooks() IS 'Webhooks that are not finished, by gateway.';

CREATE FUNCTION coinslot.create_order(product_id text, gateway text, currency text, idempotency_key text) RETURNS public.token_payments
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_settings coinslot.settings;
  v_order public.token_payments;
begin
  perform coinslot.check_text(
    'idempotency_key', coalesce(nullif(create_order.idempotency_key, ''), '-'), 255
  );
  perform pg_advisory_xact_lock_shared(coinslot.account_lock(v_user_id));
  perform coinslot.check_open(coinslot.lock_wallet(v_user_id));
  v_order := coinslot.find_order_replay(
    v_user_id, create_order.product_id, create_order.gateway, create_order.currency,
    nullif(create_order.idempotency_key, '')
  );
  if v_order.id is not null then
    return v_order;
  end if;
  perform coinslot.check_buyer(v_user_id);
  perform coinslot.check_order_limits(v_user_id);
  select s.* into v_settings from coinslot.settings s where s.id;
  v_order := coinslot.quote_order(
    v_user_id, create_order.product_id, create_order.gateway, create_order.currency,
    nullif(create_order.idempotency_key, '')
  );
  insert into public.token_payments as p (
    user_id, product_id, name, gateway, amount, currency, tokens, live, idempotency_key,
    expires_at
  ) values (
    v_order.user_id, v_order.product_id, v_order.name, v_order.gateway, v_order.amount,
    v_order.currency, v_order.tokens, v_settings.mode = 'live', v_order.idempotency_key,
    clock_timestamp() + v_settings.order_lifetime
  ) returning p.* into v_order;
  perform coinslot.record_event(v_order, null, 'user');
  return v_order;
end
$$;

COMMENT ON FUNCTION coinslot.create_order(product_id text, gateway text, currency text, idempotency_key text) IS 'See public.create_token_order.';

CREATE FUNCTION coinslot.create_profile() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  insert into public.profiles (id, display_name)
  values (new.id, left(coalesce(
    new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'name', ''
  ), 100))
  on conflict do nothing;
  return new;
end
$$;

COMMENT ON FUNCTION coinslot.create_profile() IS 'Trigger on auth.users: a profile for each user.';

CREATE FUNCTION coinslot.current_user_id() RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_user_id uuid := auth.uid();
begin
  if v_user_id is null then
    perform coinslot.fail('unauthenticated');
  end if;
  return v_user_id;
end
$$;

COMMENT ON FUNCTION coinslot.current_user_id() IS 'The signed-in user, or PT401.';

CREATE FUNCTION coinslot.debit(user_id uuid, caller text, amount bigint, feature text, idempotency_key text, reason text, metadata jsonb) RETURNS public.token_receipt
    LANGUAGE plpgsql
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
#variable_conflict use_column
declare
  v_tokens bigint;
  v_held bigint;
  v_seq bigint;
  v_now timestamptz;
begin
  if (
    debit.amount between 1 and 9007199254740991 and length(debit.reason) <= 500
    and length(debit.idempotency_key) between 1 and 255 and debit.metadata = '{}'
  ) is not true then
    perform coinslot.check_call(
      debit.amount, debit.idempotency_key, debit.reason, debit.metadata
    );
  end if;
  update public.token_wallets w
  set tokens = w.tokens - debit.amount, seq = w.seq + 1, updated_at = clock_timestamp()
  where w.user_id = debit.user_id and w.tokens - w.held >= debit.amount and w.closed_at is null
    and not w.has_merged
  returning w.tokens, w.held, w.seq, w.updated_at into v_tokens, v_held, v_seq, v_now;
  if found then
    insert into public.token_ledger (
      user_id, seq, delta, balance, created_at, kind, caller, idempotency_key, feature, reason,
      metadata
    ) values (
      debit.user_id, v_seq, -debit.amount, v_tokens, v_now, 'spend', debit.caller,
      debit.idempotency_key, debit.feature, debit.reason, debit.metadata
    )
    on conflict (user_id, caller, idempotency_key) where idempotency_key is not null do nothing;
    if found then
      if debit.caller = 'service' and v_held > 0 then
        perform coinslot.refuse_held_key(debit.user_id, debit.idempotency_key);
      end if;
      return row(
        debit.user_id, v_seq, -debit.amount, v_tokens, v_now, null, null, 'spend',
        debit.idempotency_key, debit.feature, debit.reason, debit.metadata, false
      )::public.token_receipt;
    end if;
    update public.token_wallets w set tokens = w.tokens + debit.amount, seq = w.seq - 1
    where w.user_id = debit.user_id;
  end if;
  return coinslot.debit_slowly(coinslot.new_entry(
    debit.user_id, 'spend', -debit.amount, debit.caller, debit.idempotency_key, debit.feature,
    debit.reason, debit.metadata
  ));
end
$$;

COMMENT ON FUNCTION coinslot.debit(user_id uuid, caller text, amount bigint, feature text, idempotency_key text, reason text, metadata jsonb) IS 'Takes tokens once per user, caller kind and key.';

CREATE TABLE public.token_ledger (
    user_id uuid NOT NULL,
    seq bigint NOT NULL,
    delta bigint NOT NULL,
    balance bigint NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    payment_id uuid,
    hold_id uuid,
    kind text NOT NULL COLLATE pg_catalog."C",
    caller text NOT NULL COLLATE pg_catalog."C",
    idempotency_key text COLLATE pg_catalog."C",
    feature text,
    reason text DEFAULT ''::text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT token_ledger_caller_known CHECK ((caller = ANY (ARRAY['user'::text, 'service'::text, 'system'::text]))),
    CONSTRAINT token_ledger_delta_not_zero CHECK ((delta <> 0)),
    CONSTRAINT token_ledger_key_with_caller CHECK (((caller = 'system'::text) = (idempotency_key IS NULL))),
    CONSTRAINT token_ledger_kind_known CHECK ((kind = ANY (ARRAY['signup_bonus'::text, 'purchase'::text, 'spend'::text, 'refund'::text, 'dispute'::text, 'reversal'::text, 'grant'::text, 'adjustment'::text, 'merge_out'::text, 'merge_in'::text]))),
    CONSTRAINT token_ledger_metadata_small CHECK ((octet_length((metadata)::text) <= 4096))
);

COMMENT ON TABLE public.token_ledger IS 'Every change of a balance, append-only, ordered by seq.';

COMMENT ON COLUMN public.token_ledger.seq IS 'Gap-free per wallet, from 1. The order of history.';

COMMENT ON COLUMN public.token_ledger.delta IS 'Tokens added (positive) or taken (negative).';

COMMENT ON COLUMN public.token_ledger.balance IS 'Tokens of the wallet after this entry.';

COMMENT ON COLUMN public.token_ledger.hold_id IS 'The hold whose capture this is.';

COMMENT ON COLUMN public.token_ledger.caller IS 'Who chose the idempotency key: user, service, or nobody (system).';

CREATE FUNCTION coinslot.debit_slowly(attempted public.token_ledger) RETURNS public.token_receipt
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_wallet public.token_wallets := coinslot.lock_wallet(attempted.user_id);
  v_receipt public.token_receipt := coinslot.find_replay(attempted);
begin
  if v_receipt.seq is not null then
    return v_receipt;
  end if;
  perform coinslot.check_open(v_wallet);
  if v_wallet.held > 0 then
    if attempted.caller = 'service' then
      perform coinslot.refuse_held_key(attempted.user_id, attempted.idempotency_key);
    end if;
    v_wallet.held := v_wallet.held - coinslot.expire_holds_of(attempted.user_id);
  end if;
  if v_wallet.tokens - v_wallet.held < -attempted.delta then
    perform coinslot.fail('insufficient_tokens', jsonb_build_object(
      'tokens', v_wallet.tokens - v_wallet.held, 'required', -attempted.delta
    ));
  end if;
  return coinslot.post_entry(attempted);
end
$$;

COMMENT ON FUNCTION coinslot.debit_slowly(attempted public.token_ledger) IS 'Decides a spend under the wallet lock.';

CREATE FUNCTION coinslot.end_refund(refund coinslot.refunds, payment public.token_payments, source text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  perform coinslot.free_set_aside(refund);
  delete from coinslot.refund_accounts a where a.refund_id = refund.id;
  update coinslot.discrepancies d set resolved_at = clock_timestamp()
  where d.kind = 'refund_unresolved' and d.order_id = payment.order_id
    and d.resolved_at is null;
  perform coinslot.record_event(
    payment, payment.status, end_refund.source, 'refund_' || refund.status, refund.payment_key
  );
  if refund.status = 'failed' then
    perform coinslot.read_later(payment.id);
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.end_refund(refund coinslot.refunds, payment public.token_payments, source text) IS 'Tidies up after a refund that is over.';

CREATE FUNCTION coinslot.end_webhook(webhook coinslot.webhooks, outcome text, detail text, again boolean) RETURNS public.coinslot_webhook_verdict
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_verdict public.coinslot_webhook_verdict;
  v_next timestamptz := case
    when webhook.deliveries > webhook.taken_deliveries
    then clock_timestamp() + coinslot.webhook_spacing()
    when again then clock_timestamp() + coinslot.webhook_wait(webhook.attempts)
  end;
begin
  if webhook.next_attempt_at is null then
    return null;
  end if;
  update coinslot.webhooks w set
    outcome = end_webhook.outcome, detail = left(end_webhook.detail, 200),
    attempts = w.attempts + 1, next_attempt_at = v_next,
    finished_at = case when v_next is null then clock_timestamp() end
  where w.id = webhook.id
  returning w.id, w.outcome, w.next_attempt_at is null into v_verdict;
  return v_verdict;
end
$$;

COMMENT ON FUNCTION coinslot.end_webhook(webhook coinslot.webhooks, outcome text, detail text, again boolean) IS 'Writes what a read of a webhook came to, whose row is locked; null if it had ended before.';

CREATE FUNCTION coinslot.expire_holds(batch integer) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_user_id uuid;
  v_wallets bigint := 0;
begin
  for v_user_id in
    select w.user_id from public.token_wallets w
    where w.user_id in (
      select h.user_id from coinslot.token_holds h
      where h.status = 'held' and h.expires_at < 'infinity'
        and h.expires_at <= clock_timestamp()
      order by h.expires_at limit expire_holds.batch
    )
    order by w.user_id for update skip locked
  loop
    perform coinslot.expire_holds_of(v_user_id);
    v_wallets := v_wallets + 1;
  end loop;
  return v_wallets;
end
$$;

COMMENT ON FUNCTION coinslot.expire_holds(batch integer) IS 'Sweeps expired holds; wallets swept.';

CREATE FUNCTION coinslot.expire_holds_of(user_id uuid) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_freed bigint;
begin
  with expired as (
    update coinslot.token_holds h
    set status = 'expired', resolved_at = clock_timestamp()
    where h.user_id = expire_holds_of.user_id and h.status = 'held'
      and h.expires_at <= clock_timestamp()
    returning h.amount
  )
  select coalesce(sum(expired.amount), 0) into v_freed from expired;
  if v_freed > 0 then
    update public.token_wallets w set held = w.held - v_freed, updated_at = clock_timestamp()
    where w.user_id = expire_holds_of.user_id;
  end if;
  return v_freed;
end
$$;

COMMENT ON FUNCTION coinslot.expire_holds_of(user_id uuid) IS 'Releases the expired holds of a locked wallet; tokens freed.';

CREATE FUNCTION coinslot.expire_orders(batch integer) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_count bigint;
begin
  with due as (
    select p.id, p.status
    from public.token_payments p
    where p.status in ('pending', 'awaiting_deposit') and p.expires_at <= clock_timestamp()
      and (p.status = 'pending' or p.virtual_account is not null)
    order by p.expires_at limit expire_orders.batch
    for update skip locked
  ), expired as (
    update public.token_payments p
    set status = 'expired', expired_at = clock_timestamp(), updated_at = clock_timestamp()
    from due where p.id = due.id
    returning p.id, p.user_id, p.payment_key, due.status as from_status
  ), events as (
    insert into public.token_payment_events (
      payment_id, user_id, from_status, to_status, source, payment_key
    )
    select e.id, e.user_id, e.from_status, 'expired', 'clock', e.payment_key from expired e
    returning id
  )
  select count(*) into v_count from events;
  return v_count;
end
$$;

COMMENT ON FUNCTION coinslot.expire_orders(batch integer) IS 'Expires unpaid orders; how many.';

CREATE FUNCTION coinslot.fail(error text, detail jsonb DEFAULT '{}'::jsonb) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
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

COMMENT ON FUNCTION coinslot.fail(error text, detail jsonb) IS 'Raises a registered error; never returns.';

CREATE FUNCTION coinslot.feature_price(feature text) RETURNS bigint
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_tokens bigint;
begin
  select p.tokens into v_tokens
  from public.token_features p where p.feature = feature_price.feature;
  if not found then
    perform coinslot.fail(
      'feature_not_found', jsonb_build_object('feature', left(feature_price.feature, 63))
    );
  end if;
  return v_tokens;
end
$$;

COMMENT ON FUNCTION coinslot.feature_price(feature text) IS 'Price of a feature in tokens, or PT404.';

CREATE FUNCTION coinslot.file_webhook(webhook coinslot.webhooks, OUT id bigint, OUT payment_key text, OUT readable_at timestamp with time zone) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_hints record;
begin
  payment_key := webhook.payment_key;
  readable_at := clock_timestamp();
  if webhook.event_id is not null then
    id := (
      select w.id from coinslot.webhooks w
      where w.gateway = webhook.gateway and w.event_id = webhook.event_id
    );
    return;
  end if;
  select
    count(*) as number, max(w.taken_at) as taken_at,
    max(w.id) filter (where w.payment_key = webhook.payment_key) as same_payment,
    max(w.id) filter (where w.payment_key = '') as no_payment
  into v_hints
  from coinslot.webhooks w
  where w.gateway = webhook.gateway and w.order_id = webhook.order_id and w.event_id is null;
  id := v_hints.same_payment;
  if id is null and v_hints.number >= 20 then
    id := v_hints.no_payment;
    payment_key := '';
  end if;
  readable_at := greatest(readable_at, v_hints.taken_at + coinslot.webhook_spacing());
end
$$;

COMMENT ON FUNCTION coinslot.file_webhook(webhook coinslot.webhooks, OUT id bigint, OUT payment_key text, OUT readable_at timestamp with time zone) IS 'The row that a delivery belongs to, and when its payment may be read.';

CREATE TABLE coinslot.token_holds (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    amount bigint NOT NULL,
    captured bigint DEFAULT 0 NOT NULL,
    status text DEFAULT 'held'::text NOT NULL COLLATE pg_catalog."C",
    feature text,
    idempotency_key text COLLATE pg_catalog."C",
    refund_id uuid,
    reason text DEFAULT ''::text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    resolved_at timestamp with time zone,
    CONSTRAINT token_holds_amount_positive CHECK (((amount >= 1) AND (amount <= coinslot.max_amount()))),
    CONSTRAINT token_holds_captured_fits CHECK ((((captured >= 0) AND (captured <= amount)) AND ((captured > 0) = (status = 'captured'::text)))),
    CONSTRAINT token_holds_key_or_refund CHECK (((idempotency_key IS NULL) = (refund_id IS NOT NULL))),
    CONSTRAINT token_holds_resolved_once CHECK (((status = 'held'::text) = (resolved_at IS NULL))),
    CONSTRAINT token_holds_status_known CHECK ((status = ANY (ARRAY['held'::text, 'captured'::text, 'released'::text, 'expired'::text])))
);

COMMENT ON TABLE coinslot.token_holds IS 'Tokens set aside for a running job.';

COMMENT ON COLUMN coinslot.token_holds.captured IS 'Tokens taken when the job succeeded.';

COMMENT ON COLUMN coinslot.token_holds.refund_id IS 'Set aside by the system for this refund: never expires, and no call but the funnel ends it.';

CREATE FUNCTION coinslot.find_hold_replay(user_id uuid, amount bigint, feature text, idempotency_key text) RETURNS coinslot.token_holds
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_users uuid[] := coinslot.histories_of(find_hold_replay.user_id);
  v_hold coinslot.token_holds;
begin
  select h.* into v_hold
  from coinslot.token_holds h
  where h.user_id = any (v_users)
    and h.idempotency_key = find_hold_replay.idempotency_key
    and h.status in ('held', 'captured')
  order by h.user_id = find_hold_replay.user_id desc, (h.feature, h.amount)
    is not distinct from (find_hold_replay.feature, find_hold_replay.amount) desc, h.user_id
  limit 1;
  if found then
    if v_hold.feature is distinct from find_hold_replay.feature
      or (v_hold.feature is null and v_hold.amount <> find_hold_replay.amount)
    then
      perform coinslot.fail('idempotency_key_reused');
    end if;
  elsif exists (
    select from public.token_ledger l
    where l.user_id = any (v_users) and l.caller = 'service'
      and l.idempotency_key = find_hold_replay.idempotency_key
  ) then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  return v_hold;
end
$$;

COMMENT ON FUNCTION coinslot.find_hold_replay(user_id uuid, amount bigint, feature text, idempotency_key text) IS 'The hold of an earlier identical call, or null.';

CREATE TABLE coinslot.merged_wallets (
    from_user uuid NOT NULL,
    into_user uuid NOT NULL,
    owner_user uuid NOT NULL,
    idempotency_key text NOT NULL COLLATE pg_catalog."C",
    tokens bigint NOT NULL,
    balance bigint NOT NULL,
    orders bigint NOT NULL,
    holds bigint NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT merged_wallets_two_wallets CHECK (((from_user <> into_user) AND (from_user <> owner_user)))
);

COMMENT ON TABLE coinslot.merged_wallets IS 'Which wallet became a part of which, and what it brought.';

COMMENT ON COLUMN coinslot.merged_wallets.owner_user IS 'Who has it now: into_user, or whoever that one was merged into since.';

COMMENT ON COLUMN coinslot.merged_wallets.tokens IS 'Tokens it brought; below zero is a debt.';

COMMENT ON COLUMN coinslot.merged_wallets.balance IS 'Tokens of into_user afterwards.';

CREATE FUNCTION coinslot.find_merge_replay(from_user uuid, into_user uuid, idempotency_key text) RETURNS coinslot.merged_wallets
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_merge coinslot.merged_wallets;
begin
  select m.* into v_merge from coinslot.merged_wallets m
  where m.idempotency_key = find_merge_replay.idempotency_key;
  if (v_merge.from_user, v_merge.into_user)
    <> (find_merge_replay.from_user, find_merge_replay.into_user)
  then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  return v_merge;
end
$$;

COMMENT ON FUNCTION coinslot.find_merge_replay(from_user uuid, into_user uuid, idempotency_key text) IS 'The merge of an earlier identical call, or null; PT409 if the key was another''s.';

CREATE FUNCTION coinslot.find_order_replay(user_id uuid, product_id text, gateway text, currency text, idempotency_key text) RETURNS public.token_payments
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_payment public.token_payments;
begin
  select p.* into v_payment from public.token_payments p
  where p.user_id = find_order_replay.user_id
    and p.idempotency_key = find_order_replay.idempotency_key;
  if found and (v_payment.product_id, v_payment.gateway, v_payment.currency) is distinct from
    (find_order_replay.product_id, find_order_replay.gateway, find_order_replay.currency)
  then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  return v_payment;
end
$$;

COMMENT ON FUNCTION coinslot.find_order_replay(user_id uuid, product_id text, gateway text, currency text, idempotency_key text) IS 'The order of an earlier identical call, or null.';

CREATE FUNCTION coinslot.find_payment(gateway text, order_id text, payment_key text) RETURNS public.token_payments
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_payment public.token_payments;
begin
  if find_payment.order_id <> '' then
    select p.* into v_payment from public.token_payments p where p.order_id = find_payment.order_id;
  else
    select p.* into v_payment
    from coinslot.payment_attempts a inner join public.token_payments p on p.id = a.payment_id
    where a.gateway = find_payment.gateway and a.payment_key = find_payment.payment_key;
  end if;
  return case when v_payment.gateway = find_payment.gateway then v_payment end;
end
$$;

COMMENT ON FUNCTION coinslot.find_payment(gateway text, order_id text, payment_key text) IS 'The payment of a gateway that an order id or a payment key belongs to.';

CREATE FUNCTION coinslot.find_refund_replay(payment_id uuid, amount bigint, payment_key text, idempotency_key text) RETURNS coinslot.refunds
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_refund coinslot.refunds;
begin
  select r.* into v_refund from coinslot.refunds r
  where r.payment_id = find_refund_replay.payment_id
    and r.idempotency_key = find_refund_replay.idempotency_key;
  if v_refund.amount <> find_refund_replay.amount
    or v_refund.payment_key <> find_refund_replay.payment_key
  then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  return v_refund;
end
$$;

COMMENT ON FUNCTION coinslot.find_refund_replay(payment_id uuid, amount bigint, payment_key text, idempotency_key text) IS 'The refund of an earlier identical call, or null.';

CREATE FUNCTION coinslot.find_replay(attempted public.token_ledger) RETURNS public.token_receipt
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_entry public.token_ledger;
begin
  select l.* into v_entry
  from public.token_ledger l
  where l.user_id = any (coinslot.histories_of(attempted.user_id))
    and l.caller = attempted.caller and l.idempotency_key = attempted.idempotency_key
  order by l.user_id = attempted.user_id desc, (l.kind, l.feature, l.delta, l.hold_id)
    is not distinct from (attempted.kind, attempted.feature, attempted.delta, attempted.hold_id)
    desc, l.user_id
  limit 1;
  if not found then
    return null;
  end if;
  if v_entry.kind <> attempted.kind or v_entry.hold_id is not null
    or v_entry.feature is distinct from attempted.feature
    or (attempted.feature is null and v_entry.delta <> attempted.delta)
  then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  return coinslot.receipt(v_entry, true);
end
$$;

COMMENT ON FUNCTION coinslot.find_replay(attempted public.token_ledger) IS 'The receipt of an earlier identical call; null if none; PT409 if it was another call.';

CREATE FUNCTION coinslot.finish_audit(audit_id bigint) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  v_audit coinslot.audits;
begin
  update coinslot.audits a set finished_at = coalesce(a.finished_at, clock_timestamp())
  where a.id = finish_audit.audit_id
  returning a.* into v_audit;
  if not found then
    perform coinslot.fail('invalid_argument', '{"argument": "audit_id"}');
  end if;
  update coinslot.discrepancies d set resolved_at = clock_timestamp()
  from coinslot.audit_lines l
  where l.audit_id = v_audit.id and d.gateway = v_audit.gateway
    and d.payment_key = l.payment_key and d.resolved_at is null
    and d.kind like 'audit\_%' and l.verdict <> 'unread'
    and (d.kind <> 'audit_' || l.verdict or (l.verdict = 'unknown' and l.paid <= l.refunded));
  insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, detail)
  select 'audit_' || l.verdict, v_audit.gateway, l.payment_key, l.order_id, jsonb_build_object(
    'audit_id', l.audit_id, 'currency', l.currency, 'paid', l.paid, 'refunded', l.refunded,
    'our_paid', l.our_paid, 'our_refunded', l.our_refunded
  )
  from coinslot.audit_lines l
  where l.audit_id = v_audit.id and l.verdict in ('unknown', 'different', 'missing')
    and not (l.verdict = 'unknown' and l.paid <= l.refunded)
  on conflict (kind, gateway, payment_key, order_id) where resolved_at is null do nothing;
  return (
    select coalesce(jsonb_agg(to_jsonb(t) order by t.verdict, t.currency), '[]') from (
      select
        l.verdict, l.currency, count(*) as payments, sum(l.paid) as paid,
        sum(l.refunded) as refunded, sum(l.our_paid) as our_paid,
        sum(l.our_refunded) as our_refunded, sum(l.tokens) as tokens
      from coinslot.audit_lines l where l.audit_id = v_audit.id
      group by l.verdict, l.currency
    ) t
  );
end
$$;

COMMENT ON FUNCTION coinslot.finish_audit(audit_id bigint) IS 'See public.coinslot_finish_audit.';

CREATE FUNCTION coinslot.finish_webhook(webhook_id bigint, outcome text, detail text, again boolean) RETURNS public.coinslot_webhook_verdict
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_webhook coinslot.webhooks;
begin
  if (finish_webhook.outcome = any (coinslot.webhook_outcomes())) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "outcome"}');
  end if;
  select w.* into v_webhook
  from coinslot.webhooks w where w.id = finish_webhook.webhook_id for update;
  return coinslot.end_webhook(
    v_webhook, finish_webhook.outcome, finish_webhook.detail, finish_webhook.again
  );
end
$$;

COMMENT ON FUNCTION coinslot.finish_webhook(webhook_id bigint, outcome text, detail text, again boolean) IS 'See public.coinslot_finish_webhook.';

CREATE FUNCTION coinslot.first_user(done integer) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select case when first_user.done between 1 and 65535 then (
    lpad(to_hex(first_user.done), 4, '0') || '0000-0000-0000-0000-000000000000'
  )::uuid end
$$;

COMMENT ON FUNCTION coinslot.first_user(done integer) IS 'Where a ledger check goes on; null = at the beginning, or beyond the end.';

CREATE FUNCTION coinslot.follow_confirmation() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform coinslot.grant_signup_bonus(new.id);
  return null;
end
$$;

COMMENT ON FUNCTION coinslot.follow_confirmation() IS 'Trigger on auth.users: the bonus follows what is confirmed.';

CREATE FUNCTION coinslot.follow_identity() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform coinslot.grant_signup_bonus(new.user_id);
  return null;
end
$$;

COMMENT ON FUNCTION coinslot.follow_identity() IS 'Trigger on auth.identities: the bonus follows a linked identity.';

CREATE FUNCTION coinslot.follow_user() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  if tg_op = 'DELETE' then
    perform coinslot.close_wallet(old.id);
    return old;
  end if;
  insert into public.token_wallets (user_id) values (new.id) on conflict do nothing;
  if new.deleted_at is not null then
    perform coinslot.close_wallet(new.id);
  elsif not found then
    perform coinslot.reopen_wallet(new.id);
  end if;
  return new;
end
$$;

COMMENT ON FUNCTION coinslot.follow_user() IS 'Trigger on auth.users: wallet and closing follow the account.';

CREATE FUNCTION coinslot.free_set_aside(refund coinslot.refunds) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_hold coinslot.token_holds;
begin
  if refund.tokens = 0 then
    return;
  end if;
  perform coinslot.lock_wallet(refund.user_id);
  select h.* into strict v_hold
  from coinslot.token_holds h where h.refund_id = refund.id and h.status = 'held' for update;
  perform coinslot.resolve_hold(v_hold, 'released', 0);
end
$$;

COMMENT ON FUNCTION coinslot.free_set_aside(refund coinslot.refunds) IS 'Frees the tokens of a refund.';

CREATE FUNCTION coinslot.get_backlog() RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select jsonb_build_object(
    'payments', (select jsonb_agg(to_jsonb(c)) from coinslot.count_payment_reads() c),
    'webhooks', (select jsonb_agg(to_jsonb(c)) from coinslot.count_webhooks() c),
    'refunds', (select jsonb_agg(to_jsonb(c)) from coinslot.count_refunds() c),
    'reviews', (select jsonb_agg(to_jsonb(c)) from coinslot.count_reviews() c),
    'discrepancies',
    (select coalesce(jsonb_agg(to_jsonb(c)), '[]') from coinslot.count_discrepancies() c),
    'holds', (select count(*) from coinslot.token_holds h where h.status = 'held'),
    'ledger', (
      select jsonb_build_object(
        'checked_at', extract(epoch from c.finished_at), 'wallets', c.wallets
      )
      from coinslot.ledger_checks c where c.finished_at is not null order by c.id desc limit 1
    )
  )
$$;

COMMENT ON FUNCTION coinslot.get_backlog() IS 'See public.coinslot_get_backlog.';

CREATE FUNCTION coinslot.get_refund(refund_id uuid) RETURNS coinslot.refunds
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select r.* from coinslot.refunds r where r.id = get_refund.refund_id
$$;

COMMENT ON FUNCTION coinslot.get_refund(refund_id uuid) IS 'See public.coinslot_get_refund.';

CREATE FUNCTION coinslot.get_settings() RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select jsonb_build_object(
    'mode', s.mode, 'signup_bonus', s.signup_bonus, 'max_open_orders', s.max_open_orders,
    'max_hold_seconds', s.max_hold_seconds,
    'order_lifetime_seconds', extract(epoch from s.order_lifetime)::bigint,
    'now', extract(epoch from now()),
    'gateways', (select jsonb_agg(g.id order by g.id) from coinslot.gateways g),
    'rpcs', (
      select jsonb_agg(p.proname order by p.proname) from pg_catalog.pg_proc p
      where p.pronamespace = 'public'::regnamespace and strpos(p.prosrc, 'coinslot.') > 0
        and (
          has_function_privilege('authenticated', p.oid, 'execute')
          or has_function_privilege('service_role', p.oid, 'execute')
        )
    )
  )
  from coinslot.settings s
$$;

COMMENT ON FUNCTION coinslot.get_settings() IS 'See public.coinslot_get_settings.';

CREATE FUNCTION coinslot.grant_signup_bonus(user_id uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_bonus bigint;
  v_wallet public.token_wallets;
  v_earned boolean;
begin
  select s.signup_bonus into v_bonus from coinslot.settings s;
  v_wallet := coinslot.lock_wallet(grant_signup_bonus.user_id);
  if v_bonus = 0 or v_wallet.user_id is null or v_wallet.closed_at is not null then
    return;
  end if;
  with confirmed as (
    select distinct c.identity_hash from coinslot.confirmed_identities c
    where c.user_id = grant_signup_bonus.user_id
  ), recorded as (
    insert into coinslot.identities (identity_hash, user_id)
    select c.identity_hash, grant_signup_bonus.user_id from confirmed c order by c.identity_hash
    on conflict do nothing
    returning identity_hash
  )
  select count(*) > 0 and count(*) = count(r.identity_hash) into v_earned
  from confirmed c left join recorded r on r.identity_hash = c.identity_hash;
  if v_earned and v_wallet.tokens <= coinslot.max_amount() - v_bonus then
    perform coinslot.post_entry(
      coinslot.new_entry(grant_signup_bonus.user_id, 'signup_bonus', v_bonus, 'system')
    );
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.grant_signup_bonus(user_id uuid) IS 'Gives the bonus to an account none of whose identities is used up, and uses them up.';

CREATE FUNCTION coinslot.guard_transition() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  if tg_op = 'INSERT' then
    if new.status = 'pending' then
      return new;
    end if;
  elsif exists (
    select from coinslot.payment_transitions t
    where t.from_status = old.status and t.to_status = new.status
  ) then
    return new;
  end if;
  perform coinslot.fail('illegal_transition', jsonb_build_object(
    'from', case tg_op when 'UPDATE' then old.status end, 'to', new.status
  ));
  return null;
end
$$;

COMMENT ON FUNCTION coinslot.guard_transition() IS 'Trigger: only legal moves of an order.';

CREATE FUNCTION coinslot.histories_of(user_id uuid) RETURNS uuid[]
    LANGUAGE sql STABLE
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
  select array_prepend(
    histories_of.user_id,
    array(select m.from_user from coinslot.merged_wallets m where m.owner_user = histories_of.user_id)
  )
$$;

COMMENT ON FUNCTION coinslot.histories_of(user_id uuid) IS 'The wallet and all that were merged into it: whose histories are its own.';

CREATE FUNCTION coinslot.hold(user_id uuid, amount bigint, feature text, idempotency_key text, reason text, ttl_seconds integer) RETURNS public.token_hold_receipt
    LANGUAGE plpgsql
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_wallet public.token_wallets;
  v_hold coinslot.token_holds;
begin
  perform coinslot.check_call(hold.amount, hold.idempotency_key, hold.reason, '{}');
  perform coinslot.check_ttl(hold.ttl_seconds);
  v_wallet := coinslot.lock_wallet(hold.user_id);
  if v_wallet.held > 0 then
    v_wallet.held := v_wallet.held - coinslot.expire_holds_of(hold.user_id);
  end if;
  v_hold := coinslot.find_hold_replay(
    hold.user_id, hold.amount, hold.feature, hold.idempotency_key
  );
  if v_hold.id is not null then
    return coinslot.hold_receipt(v_hold, true);
  end if;
  perform coinslot.check_open(v_wallet);
  if v_wallet.tokens - v_wallet.held < hold.amount then
    perform coinslot.fail('insufficient_tokens', jsonb_build_object(
      'tokens', v_wallet.tokens - v_wallet.held, 'required', hold.amount
    ));
  end if;
  update public.token_wallets w set held = w.held + hold.amount, updated_at = clock_timestamp()
  where w.user_id = hold.user_id;
  insert into coinslot.token_holds as h (
    user_id, amount, feature, idempotency_key, reason, expires_at
  ) values (
    hold.user_id, hold.amount, hold.feature, hold.idempotency_key, hold.reason,
    clock_timestamp() + make_interval(secs => hold.ttl_seconds)
  ) returning h.* into v_hold;
  return coinslot.hold_receipt(v_hold, false);
end
$$;

COMMENT ON FUNCTION coinslot.hold(user_id uuid, amount bigint, feature text, idempotency_key text, reason text, ttl_seconds integer) IS 'Sets tokens aside once per user and key.';

CREATE FUNCTION coinslot.hold_feature_for(user_id uuid, feature text, idempotency_key text, ttl_seconds integer) RETURNS public.token_hold_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return coinslot.hold(
    hold_feature_for.user_id, coinslot.feature_price(hold_feature_for.feature),
    hold_feature_for.feature, hold_feature_for.idempotency_key, '', hold_feature_for.ttl_seconds
  );
end
$$;

COMMENT ON FUNCTION coinslot.hold_feature_for(user_id uuid, feature text, idempotency_key text, ttl_seconds integer) IS 'See public.hold_feature_for.';

CREATE FUNCTION coinslot.hold_receipt(hold coinslot.token_holds, replayed boolean) RETURNS public.token_hold_receipt
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select row(
    hold.id, hold.user_id, hold.amount, hold.captured, hold.status, hold.feature,
    hold.idempotency_key, hold.reason, hold.expires_at, hold.created_at, hold.resolved_at,
    hold_receipt.replayed
  )::public.token_hold_receipt
$$;

COMMENT ON FUNCTION coinslot.hold_receipt(hold coinslot.token_holds, replayed boolean) IS 'Hold to receipt.';

CREATE FUNCTION coinslot.hold_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, ttl_seconds integer) RETURNS public.token_hold_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return coinslot.hold(
    hold_tokens_for.user_id, hold_tokens_for.amount, null, hold_tokens_for.idempotency_key,
    hold_tokens_for.reason, hold_tokens_for.ttl_seconds
  );
end
$$;

COMMENT ON FUNCTION coinslot.hold_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, ttl_seconds integer) IS 'See public.hold_tokens_for.';

CREATE FUNCTION coinslot.identities_of(account auth.users, canonical boolean) RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_email text := account.email;
  v_names text[];
begin
  if account.is_anonymous or account.deleted_at is not null then
    return array[]::text[];
  end if;
  v_email := case when canonical then coinslot.canonical_email(v_email)
    else lower(btrim(v_email)) end;
  v_names := array_remove(array[
    case when account.email_confirmed_at is not null then 'email:' || nullif(v_email, '') end,
    case when account.phone_confirmed_at is not null
      then 'phone:' || nullif(regexp_replace(account.phone, '[^0-9]', '', 'g'), '') end
  ] || array(
    select i.provider || ':' || coalesce(
      nullif(i.identity_data ->> 'sub', ''), nullif(to_jsonb(i) ->> 'provider_id', '')
    )
    from auth.identities i
    where i.user_id = account.id and i.provider not in ('email', 'phone')
  ), null);
  return case when v_names = '{}' then v_names else v_names || ('account:' || account.id) end;
end
$$;

COMMENT ON FUNCTION coinslot.identities_of(account auth.users, canonical boolean) IS 'Identities that an account has confirmed, with itself; empty if it has confirmed none.';

CREATE FUNCTION coinslot.judge_refund(refund coinslot.refunds, attempt coinslot.payment_attempts) RETURNS coinslot.refunds
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_refund coinslot.refunds;
  v_target bigint := refund.refunded_before + refund.amount;
  v_vanished boolean := refund.answer = 'accepted'
    and refund.attempts > coinslot.refund_patience();
  v_status text := case
    when attempt.refunded >= v_target then 'succeeded'
    when attempt.refunded + attempt.refunding >= v_target then 'pending'
    when refund.status = 'pending' or refund.answer = 'declined' or v_vanished then 'failed'
    else 'requested'
  end;
  v_open boolean := v_status in ('requested', 'pending');
  v_ask boolean := v_status = 'requested' and refund.answer in ('spent', 'unknown');
begin
  update coinslot.refunds r set
    status = v_status,
    tries = r.tries + case when v_ask and r.answer = 'spent' then 1 else 0 end,
    answer = case when not v_ask then r.answer end,
    failure_code = case
      when v_status = 'succeeded' then null
      when v_vanished then 'vanished'
      else r.failure_code
    end,
    failure_message = case when v_status <> 'succeeded' then r.failure_message end,
    next_attempt_at = case
      when v_status = 'requested' and r.answer is null then r.next_attempt_at
      when v_ask then clock_timestamp() + coinslot.refund_lease(r.attempts)
      when v_open then clock_timestamp() + coinslot.refund_wait(r.attempts)
    end,
    finished_at = case when not v_open then clock_timestamp() end
  where r.id = refund.id
  returning r.* into v_refund;
  return v_refund;
end
$$;

COMMENT ON FUNCTION coinslot.judge_refund(refund coinslot.refunds, attempt coinslot.payment_attempts) IS 'Moves an open refund to what a fresh read of its payment shows.';

CREATE FUNCTION coinslot.keep_an_owner(but_for uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  lock table coinslot.operators in share row exclusive mode;
  if not exists (
    select from coinslot.operators o
    where o.user_id = keep_an_owner.but_for and o.role = 'owner'
  ) then
    return;
  end if;
  perform from coinslot.operators o
  inner join auth.users u on u.id = o.user_id
  where o.user_id <> keep_an_owner.but_for and o.role = 'owner' and coinslot.may_act(u)
  for update of o;
  if not found then
    perform coinslot.fail('last_owner');
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.keep_an_owner(but_for uuid) IS 'Locks the operators; PT409 if this is an owner and no other one can act.';

CREATE FUNCTION coinslot.knows_secret(payment_id uuid, secret text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  if knows_secret.secret is null then
    return true;
  end if;
  return coalesce((
    select bool_or(
      a.secret is null
      or sha256(convert_to(a.secret, 'UTF8')) = sha256(convert_to(knows_secret.secret, 'UTF8'))
    )
    from coinslot.payment_attempts a where a.payment_id = knows_secret.payment_id
  ), true);
end
$$;

COMMENT ON FUNCTION coinslot.knows_secret(payment_id uuid, secret text) IS 'False if the payment has a secret and this is not it.';

CREATE FUNCTION coinslot.ledger_check_step() RETURNS integer
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select greatest(1, (65536 / ceil(greatest(c.reltuples, 1) / 2e6))::integer)
  from pg_catalog.pg_class c where c.oid = 'public.token_ledger'::regclass
$$;

COMMENT ON FUNCTION coinslot.ledger_check_step() IS 'How much of 65536 one step of a ledger check takes.';

CREATE TABLE coinslot.discrepancies (
    id bigint NOT NULL,
    kind text NOT NULL,
    gateway text NOT NULL,
    payment_key text NOT NULL,
    order_id text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    resolved_at timestamp with time zone,
    resolution text DEFAULT ''::text NOT NULL,
    CONSTRAINT discrepancies_kind_known CHECK ((kind = ANY (ARRAY['unknown_order'::text, 'wrong_order'::text, 'wrong_gateway'::text, 'wrong_mode'::text, 'wrong_currency'::text, 'wrong_amount'::text, 'wallet_closed'::text, 'wallet_full'::text, 'duplicate_payment'::text, 'illegal_transition'::text, 'refund_unresolved'::text, 'audit_unknown'::text, 'audit_different'::text, 'audit_missing'::text, 'ledger_unsound'::text])))
);

COMMENT ON TABLE coinslot.discrepancies IS 'What a person has to decide: money that fits no order, which is never credited by itself, and a
ledger that does not add up.';

COMMENT ON COLUMN coinslot.discrepancies.resolution IS 'What a person did about it; empty where it was resolved by what happened.';

CREATE FUNCTION coinslot.list_discrepancies(page_size integer, before bigint) RETURNS SETOF coinslot.discrepancies
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select d.* from coinslot.discrepancies d
  where d.resolved_at is null
    and d.id < coalesce(list_discrepancies.before, coinslot.max_amount())
  order by d.id desc
  limit least(greatest(coalesce(list_discrepancies.page_size, 100), 1), 1000)
$$;

COMMENT ON FUNCTION coinslot.list_discrepancies(page_size integer, before bigint) IS 'See public.coinslot_list_discrepancies.';

CREATE FUNCTION coinslot.list_operators() RETURNS SETOF public.coinslot_operator_account
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select o.user_id, u.email, o.role, o.since, u.id is not null and coinslot.may_act(u)
  from coinslot.operators o
  left join auth.users u on u.id = o.user_id
  order by o.since, o.user_id
$$;

COMMENT ON FUNCTION coinslot.list_operators() IS 'See public.coinslot_list_operators.';

CREATE FUNCTION coinslot.list_token_refunds(order_id text) RETURNS SETOF coinslot.refunds
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  perform coinslot.require_operator(variadic coinslot.operator_roles());
  perform from public.token_payments p where p.order_id = list_token_refunds.order_id;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  return query select r.* from coinslot.refunds r
  inner join public.token_payments p on p.id = r.payment_id
  where p.order_id = list_token_refunds.order_id
  order by r.created_at desc, r.id;
end
$$;

COMMENT ON FUNCTION coinslot.list_token_refunds(order_id text) IS 'See public.list_token_refunds.';

CREATE FUNCTION coinslot.list_webhooks(gateway text, outcome text, order_id text, page_size integer, before bigint) RETURNS SETOF coinslot.webhooks
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select w.* from coinslot.webhooks w
  where (list_webhooks.gateway is null or w.gateway = list_webhooks.gateway)
    and (list_webhooks.outcome is null or w.outcome = list_webhooks.outcome)
    and (list_webhooks.order_id is null or w.order_id = list_webhooks.order_id)
    and w.id < coalesce(list_webhooks.before, coinslot.max_amount())
  order by w.id desc
  limit least(greatest(coalesce(list_webhooks.page_size, 100), 1), 1000)
$$;

COMMENT ON FUNCTION coinslot.list_webhooks(gateway text, outcome text, order_id text, page_size integer, before bigint) IS 'See public.coinslot_list_webhooks.';

CREATE FUNCTION coinslot.lock_accounts(from_user uuid, into_user uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_from bigint := coinslot.account_lock(lock_accounts.from_user);
  v_into bigint := coinslot.account_lock(lock_accounts.into_user);
begin
  perform pg_advisory_xact_lock(least(v_from, v_into));
  perform pg_advisory_xact_lock(greatest(v_from, v_into));
end
$$;

COMMENT ON FUNCTION coinslot.lock_accounts(from_user uuid, into_user uuid) IS 'Keeps two accounts from other merges and from new orders.';

CREATE FUNCTION coinslot.lock_for_merge(from_user uuid, into_user uuid) RETURNS public.token_wallets
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_wallet public.token_wallets;
begin
  perform coinslot.check_mergeable(lock_for_merge.from_user);
  perform coinslot.check_mergeable(lock_for_merge.into_user);
  perform p.id from public.token_payments p
  where p.user_id = lock_for_merge.from_user order by p.id for update;
  perform coinslot.lock_wallet(least(lock_for_merge.from_user, lock_for_merge.into_user));
  perform coinslot.lock_wallet(greatest(lock_for_merge.from_user, lock_for_merge.into_user));
  perform coinslot.check_mergeable(lock_for_merge.from_user);
  perform coinslot.check_mergeable(lock_for_merge.into_user);
  perform coinslot.refuse_open_refund(array[lock_for_merge.from_user, lock_for_merge.into_user]);
  perform coinslot.expire_holds_of(lock_for_merge.from_user);
  perform coinslot.expire_holds_of(lock_for_merge.into_user);
  select w.* into strict v_wallet
  from public.token_wallets w where w.user_id = lock_for_merge.from_user;
  perform coinslot.check_merged_sums(v_wallet, lock_for_merge.into_user);
  return v_wallet;
end
$$;

COMMENT ON FUNCTION coinslot.lock_for_merge(from_user uuid, into_user uuid) IS 'Locks orders and wallets, and refuses what cannot be merged; the wallet that will be closed.';

CREATE FUNCTION coinslot.lock_wallet(user_id uuid) RETURNS public.token_wallets
    LANGUAGE sql
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
  select w.* from public.token_wallets w where w.user_id = lock_wallet.user_id for update
$$;

COMMENT ON FUNCTION coinslot.lock_wallet(user_id uuid) IS 'Locks and reads a wallet.';

CREATE FUNCTION coinslot.lock_wallet_of_hold(hold_id uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_locked uuid;
  v_owner uuid;
begin
  loop
    select h.user_id into v_owner from coinslot.token_holds h
    where h.id = lock_wallet_of_hold.hold_id and h.refund_id is null;
    if not found then
      perform coinslot.fail(
        'hold_not_found', jsonb_build_object('hold_id', lock_wallet_of_hold.hold_id)
      );
    end if;
    exit when v_owner = v_locked;
    perform coinslot.lock_wallet(v_owner);
    v_locked := v_owner;
  end loop;
end
$$;

COMMENT ON FUNCTION coinslot.lock_wallet_of_hold(hold_id uuid) IS 'Locks the wallet that a hold belongs to; PT404 unknown.';

CREATE FUNCTION coinslot.may_act(account auth.users) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select account.deleted_at is null
    and (account.banned_until is null or account.banned_until <= clock_timestamp())
$$;

COMMENT ON FUNCTION coinslot.may_act(account auth.users) IS 'False for the deleted and for the banned.';

CREATE FUNCTION coinslot.merge_receipt(merge coinslot.merged_wallets, replayed boolean) RETURNS public.token_merge_receipt
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select row(
    merge.from_user, merge.into_user, merge.tokens, merge.balance, merge.orders, merge.holds,
    merge.idempotency_key, merge.created_at, merge_receipt.replayed
  )::public.token_merge_receipt
$$;

COMMENT ON FUNCTION coinslot.merge_receipt(merge coinslot.merged_wallets, replayed boolean) IS 'Merge to receipt.';

CREATE FUNCTION coinslot.merge_wallets(from_user uuid, into_user uuid, idempotency_key text) RETURNS public.token_merge_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_wallet public.token_wallets;
  v_merge coinslot.merged_wallets;
begin
  perform coinslot.check_merge(
    merge_wallets.from_user, merge_wallets.into_user, merge_wallets.idempotency_key
  );
  perform coinslot.lock_accounts(merge_wallets.from_user, merge_wallets.into_user);
  v_merge := coinslot.find_merge_replay(
    merge_wallets.from_user, merge_wallets.into_user, merge_wallets.idempotency_key
  );
  if v_merge.from_user is not null then
    return coinslot.merge_receipt(v_merge, true);
  end if;
  v_wallet := coinslot.lock_for_merge(merge_wallets.from_user, merge_wallets.into_user);
  v_merge.from_user := merge_wallets.from_user;
  v_merge.into_user := merge_wallets.into_user;
  v_merge.idempotency_key := merge_wallets.idempotency_key;
  v_merge.tokens := v_wallet.tokens;
  v_merge.orders := coinslot.move_orders(merge_wallets.from_user, merge_wallets.into_user);
  v_merge.holds := coinslot.move_holds(merge_wallets.from_user, merge_wallets.into_user);
  v_merge.balance := coinslot.move_tokens(
    merge_wallets.from_user, merge_wallets.into_user, v_wallet.tokens
  );
  return coinslot.record_merge(v_merge);
end
$$;

COMMENT ON FUNCTION coinslot.merge_wallets(from_user uuid, into_user uuid, idempotency_key text) IS 'See public.merge_token_wallets.';

CREATE FUNCTION coinslot.merged_tokens(from_user uuid, to_user uuid) RETURNS TABLE(user_id uuid, tokens bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  return query
  select e.user_id, sum(e.tokens)::bigint
  from (
    select m.into_user as user_id, m.tokens from coinslot.merged_wallets m
    union all
    select m.from_user, -m.tokens from coinslot.merged_wallets m
  ) e
  where (merged_tokens.from_user is null or e.user_id >= merged_tokens.from_user)
    and (merged_tokens.to_user is null or e.user_id < merged_tokens.to_user)
  group by e.user_id;
end
$$;

COMMENT ON FUNCTION coinslot.merged_tokens(from_user uuid, to_user uuid) IS 'Tokens that merges brought to each wallet, less those that they took.';

CREATE FUNCTION coinslot.move_holds(from_user uuid, into_user uuid) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_moved record;
begin
  with moved as (
    update coinslot.token_holds h set
      user_id = move_holds.into_user,
      idempotency_key = case when exists (
        select from coinslot.token_holds o
        where o.user_id = move_holds.into_user and o.idempotency_key = h.idempotency_key
          and o.status in ('held', 'captured')
      ) or exists (
        select from public.token_ledger l
        where l.user_id = move_holds.into_user and l.caller = 'service'
          and l.idempotency_key = h.idempotency_key
      ) then 'merged:' || h.id else h.idempotency_key end
    where h.user_id = move_holds.from_user and h.status = 'held'
    returning h.amount
  )
  select count(*) as number, coalesce(sum(m.amount), 0)::bigint as tokens into v_moved from moved m;
  update public.token_wallets w set
    held = w.held + case when w.user_id = move_holds.into_user
      then v_moved.tokens else -v_moved.tokens end
  where w.user_id in (move_holds.from_user, move_holds.into_user);
  return v_moved.number;
end
$$;

COMMENT ON FUNCTION coinslot.move_holds(from_user uuid, into_user uuid) IS 'Gives the open holds of a locked wallet to another one; how many.';

CREATE FUNCTION coinslot.move_orders(from_user uuid, into_user uuid) RETURNS bigint
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  with refunds as (
    update coinslot.refunds r set user_id = move_orders.into_user
    where r.user_id = move_orders.from_user
  ), moved as (
    update public.token_payments p set
      user_id = move_orders.into_user, updated_at = clock_timestamp(),
      idempotency_key = case when not exists (
        select from public.token_payments o
        where o.user_id = move_orders.into_user and o.idempotency_key = p.idempotency_key
      ) then p.idempotency_key end
    where p.user_id = move_orders.from_user
    returning p.id, p.status
  ), noted as (
    insert into public.token_payment_events (
      payment_id, user_id, from_status, to_status, source, reason
    )
    select m.id, move_orders.into_user, m.status, m.status, 'merge', 'merged' from moved m
  )
  select count(*) from moved
$$;

COMMENT ON FUNCTION coinslot.move_orders(from_user uuid, into_user uuid) IS 'Gives the locked orders of a user and their refunds to another; how many orders.';

CREATE FUNCTION coinslot.move_payment(payment public.token_payments, facts coinslot.payment_facts, status text) RETURNS public.token_payments
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_payment public.token_payments;
begin
  -- The first credit of an order was stored with its attempt; only a later one can switch.
  if payment.confirmed_at is not null then
    update coinslot.payment_attempts a set credited = false
    where a.payment_id = payment.id and a.credited and a.id is distinct from facts.attempt_id;
    update coinslot.payment_attempts a set credited = true
    where a.id = facts.attempt_id and not a.credited;
    update coinslot.discrepancies d set resolved_at = clock_timestamp()
    where d.kind = 'duplicate_payment' and d.resolved_at is null
      and d.order_id = payment.order_id and d.payment_key = facts.payment_key
      and facts.attempt_id is not null;
  end if;
  update public.token_payments p set
    status = move_payment.status, method = coalesce(facts.method, p.method),
    payment_key = coalesce(facts.payment_key, p.payment_key),
    paid = facts.paid, refunded = facts.refunded, disputed = facts.disputed,
    withdrawn = facts.withdrawn, failure_reason = facts.failure_reason,
    virtual_account = case
      when facts.waiting then facts.virtual_account else p.virtual_account
    end,
    expires_at = facts.expires_at,
    expired_at = case when facts.expired then p.expired_at end,
    confirmed_at = coalesce(
      p.confirmed_at, case when facts.attempt_id is not null then clock_timestamp() end
    ),
    version = p.version + 1, updated_at = clock_timestamp()
  where p.id = payment.id
  returning p.* into v_payment;
  return v_payment;
end
$$;

COMMENT ON FUNCTION coinslot.move_payment(payment public.token_payments, facts coinslot.payment_facts, status text) IS 'Writes the facts of a payment and the status that follows from them.';

CREATE FUNCTION coinslot.move_tokens(from_user uuid, into_user uuid, tokens bigint) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  if move_tokens.tokens <> 0 then
    perform coinslot.post_entry(coinslot.new_entry(
      move_tokens.from_user, 'merge_out', -move_tokens.tokens, 'system',
      metadata => jsonb_build_object('into_user', move_tokens.into_user)
    ));
    perform coinslot.post_entry(coinslot.new_entry(
      move_tokens.into_user, 'merge_in', move_tokens.tokens, 'system',
      metadata => jsonb_build_object('from_user', move_tokens.from_user)
    ));
  end if;
  return (select w.tokens from public.token_wallets w where w.user_id = move_tokens.into_user);
end
$$;

COMMENT ON FUNCTION coinslot.move_tokens(from_user uuid, into_user uuid, tokens bigint) IS 'Writes a merge into both histories; the balance it leads to.';

CREATE FUNCTION coinslot.moved_tokens(from_user uuid, to_user uuid) RETURNS TABLE(user_id uuid, payment_id uuid, hold_id uuid, tokens bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  return query
  select e.user_id, e.payment_id, e.hold_id, sum(e.delta)::bigint
  from (
    select l.user_id, l.payment_id, l.hold_id, l.delta from public.token_ledger l
    where num_nonnulls(l.payment_id, l.hold_id) > 0
      and (moved_tokens.from_user is null or l.user_id >= moved_tokens.from_user)
      and (moved_tokens.to_user is null or l.user_id < moved_tokens.to_user)
      and (l.payment_id is null or l.user_id not in (select m.from_user from coinslot.merged_wallets m))
    union all
    select m.owner_user, l.payment_id, null, l.delta
    from coinslot.merged_wallets m
    inner join public.token_ledger l on l.user_id = m.from_user and l.payment_id is not null
    where (moved_tokens.from_user is null or m.owner_user >= moved_tokens.from_user)
      and (moved_tokens.to_user is null or m.owner_user < moved_tokens.to_user)
  ) e
  group by e.user_id, e.payment_id, e.hold_id;
end
$$;

COMMENT ON FUNCTION coinslot.moved_tokens(from_user uuid, to_user uuid) IS 'Sums of the ledger per payment and per hold, with whose they are.';

CREATE FUNCTION coinslot.new_attempt(gateway text, payment_key text, state text, amount bigint, currency text, live boolean, paid bigint, refunded bigint, refunding bigint, disputed bigint, withdrawn bigint, method text, failure_reason text, virtual_account jsonb, secret text) RETURNS coinslot.payment_attempts
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select row(
    null, null, new_attempt.gateway, new_attempt.payment_key, new_attempt.state,
    new_attempt.amount, new_attempt.currency, new_attempt.live, new_attempt.paid,
    new_attempt.refunded, new_attempt.refunding, new_attempt.disputed, new_attempt.withdrawn,
    left(new_attempt.method, 100), left(new_attempt.failure_reason, 500),
    new_attempt.virtual_account, new_attempt.secret, null, null, null, null
  )::coinslot.payment_attempts
$$;

COMMENT ON FUNCTION coinslot.new_attempt(gateway text, payment_key text, state text, amount bigint, currency text, live boolean, paid bigint, refunded bigint, refunding bigint, disputed bigint, withdrawn bigint, method text, failure_reason text, virtual_account jsonb, secret text) IS 'An attempt as a gateway describes it, not yet judged.';

CREATE FUNCTION coinslot.new_entry(user_id uuid, kind text, delta bigint, caller text, idempotency_key text DEFAULT NULL::text, feature text DEFAULT NULL::text, reason text DEFAULT ''::text, metadata jsonb DEFAULT '{}'::jsonb, payment_id uuid DEFAULT NULL::uuid, hold_id uuid DEFAULT NULL::uuid) RETURNS public.token_ledger
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select row(
    new_entry.user_id, null, new_entry.delta, null, null, new_entry.payment_id, new_entry.hold_id,
    new_entry.kind, new_entry.caller, new_entry.idempotency_key, new_entry.feature,
    new_entry.reason, new_entry.metadata
  )::public.token_ledger
$$;

COMMENT ON FUNCTION coinslot.new_entry(user_id uuid, kind text, delta bigint, caller text, idempotency_key text, feature text, reason text, metadata jsonb, payment_id uuid, hold_id uuid) IS 'A ledger entry that is not written yet.';

CREATE TABLE coinslot.ledger_checks (
    id bigint NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamp with time zone,
    done integer DEFAULT 0 NOT NULL,
    wallets bigint DEFAULT 0 NOT NULL,
    problems jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT ledger_checks_done_in_range CHECK (((done >= 0) AND (done <= 65536))),
    CONSTRAINT ledger_checks_finished_whole CHECK (((done = 65536) = (finished_at IS NOT NULL)))
);

COMMENT ON TABLE coinslot.ledger_checks IS 'Checks of the whole ledger, and what they found.';

COMMENT ON COLUMN coinslot.ledger_checks.done IS 'How far it has come: users whose ids begin with less than this, of 65536.';

COMMENT ON COLUMN coinslot.ledger_checks.wallets IS 'Wallets that do not add up.';

COMMENT ON COLUMN coinslot.ledger_checks.problems IS 'The first of them, as verify_ledger has it.';

CREATE FUNCTION coinslot.note_ledger_check(ledger_check coinslot.ledger_checks) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  update coinslot.discrepancies d set resolved_at = clock_timestamp()
  where d.kind = 'ledger_unsound' and d.resolved_at is null and ledger_check.wallets = 0;
  insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, detail)
  select 'ledger_unsound', '', '', '', jsonb_build_object(
    'wallets', ledger_check.wallets, 'problems', ledger_check.problems
  )
  where ledger_check.wallets > 0
  on conflict (kind, gateway, payment_key, order_id) where resolved_at is null
  do update set detail = excluded.detail
$$;

COMMENT ON FUNCTION coinslot.note_ledger_check(ledger_check coinslot.ledger_checks) IS 'Lists an unsound ledger among what needs a person.';

CREATE FUNCTION coinslot.open_hold(hold_id uuid) RETURNS coinslot.token_holds
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_hold coinslot.token_holds;
begin
  perform coinslot.lock_wallet_of_hold(open_hold.hold_id);
  select h.* into v_hold from coinslot.token_holds h where h.id = open_hold.hold_id for update;
  if v_hold.status <> 'held' or v_hold.expires_at <= clock_timestamp() then
    perform coinslot.fail('hold_resolved', jsonb_build_object(
      'status', case v_hold.status when 'held' then 'expired' else v_hold.status end,
      'captured', v_hold.captured
    ));
  end if;
  return v_hold;
end
$$;

COMMENT ON FUNCTION coinslot.open_hold(hold_id uuid) IS 'Locks wallet and hold; PT404 unknown, PT409 no longer open.';

CREATE FUNCTION coinslot.open_ledger_check() RETURNS coinslot.ledger_checks
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_check coinslot.ledger_checks;
begin
  select c.* into v_check from coinslot.ledger_checks c order by c.id desc limit 1;
  if v_check.started_at > clock_timestamp() - interval '1 day' then
    return case when v_check.finished_at is null then v_check end;
  end if;
  insert into coinslot.ledger_checks as c default values returning c.* into v_check;
  return v_check;
end
$$;

COMMENT ON FUNCTION coinslot.open_ledger_check() IS 'The ledger check that is due, or null.';

CREATE FUNCTION coinslot.open_payment(order_id text) RETURNS public.token_payments
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_payment public.token_payments;
begin
  select p.* into v_payment from public.token_payments p where p.order_id = open_payment.order_id;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  return v_payment;
end
$$;

COMMENT ON FUNCTION coinslot.open_payment(order_id text) IS 'See public.coinslot_open_payment.';

CREATE FUNCTION coinslot.own_histories() RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select coinslot.histories_of(auth.uid())
$$;

COMMENT ON FUNCTION coinslot.own_histories() IS 'The signed-in user and all whose wallets were merged into theirs.';

CREATE FUNCTION coinslot.parse_time(value text) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_time timestamptz;
begin
  v_time := parse_time.value::timestamptz;
  return case when isfinite(v_time) then v_time end;
exception when data_exception then
  return null;
end
$$;

COMMENT ON FUNCTION coinslot.parse_time(value text) IS 'A point in time, or null.';

CREATE FUNCTION coinslot.payment_facts(payment public.token_payments) RETURNS coinslot.payment_facts
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_attempt coinslot.payment_attempts;
  v_counted coinslot.payment_attempts;
  v_waiting coinslot.payment_attempts;
  v_latest coinslot.payment_attempts;
  v_tampered boolean := false;
  v_canceled boolean := payment.canceled_at is not null;
  v_failed boolean := false;
  v_refunded bigint;
  v_expires_at timestamptz := payment.expires_at;
begin
  for v_attempt in
    select a.* from coinslot.payment_attempts a where a.payment_id = payment.id
    order by a.credited desc, a.paid > a.refunded + a.withdrawn desc, a.id
  loop
    if v_attempt.paid > 0 and (v_attempt.credited or v_attempt.problem is null) then
      v_counted := case when v_counted.id is null then v_attempt else v_counted end;
    elsif v_attempt.paid > v_attempt.refunded + v_attempt.withdrawn then
      v_tampered := true;
    elsif v_attempt.problem is null and v_attempt.state = 'awaiting_deposit'
      and v_attempt.paid = 0 and ((v_attempt.updated_at, v_attempt.id)
        > (v_waiting.updated_at, v_waiting.id)) is not false
    then
      v_waiting := v_attempt;
    end if;
    v_canceled := v_canceled or v_attempt.state = 'canceled';
    v_failed := v_failed or v_attempt.state = 'failed';
    if ((v_attempt.updated_at, v_attempt.id) > (v_latest.updated_at, v_latest.id)) is not false then
      v_latest := v_attempt;
    end if;
  end loop;
  v_refunded := v_counted.refunded;
  if v_counted.refunding > 0 and v_counted.payment_key = payment.payment_key then
    v_refunded := greatest(v_refunded, least(
      payment.refunded, v_refunded + v_counted.refunding, v_counted.paid - v_counted.withdrawn
    ));
  end if;
  if v_waiting.id is not null then
    v_expires_at := greatest(
      v_expires_at, coinslot.parse_time(v_waiting.virtual_account ->> 'due_at')
    );
  end if;
  return row(
    v_counted.id,
    coalesce(v_counted.payment_key, v_waiting.payment_key),
    coalesce(v_counted.method, v_waiting.method),
    coalesce(v_counted.paid, 0), coalesce(v_refunded, 0),
    coalesce(v_counted.disputed, 0), coalesce(v_counted.withdrawn, 0),
    v_tampered, v_waiting.id is not null, v_canceled,
    payment.expired_at is not null and v_expires_at <= clock_timestamp()
    and (v_waiting.id is null or v_waiting.virtual_account is not null), v_failed,
    case when v_counted.id is null then v_latest.failure_reason end,
    v_waiting.virtual_account, v_expires_at
  )::coinslot.payment_facts;
end
$$;

COMMENT ON FUNCTION coinslot.payment_facts(payment public.token_payments) IS 'What the gateway has said of all attempts at an order, added up.';

CREATE FUNCTION coinslot.payment_status(facts coinslot.payment_facts) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select case
    when facts.paid > 0 then case
      when facts.refunded >= facts.paid then 'refunded'
      when facts.disputed > 0 then 'disputed'
      when facts.withdrawn > 0 and facts.refunded + facts.withdrawn >= facts.paid
      then 'charged_back'
      when facts.refunded + facts.withdrawn > 0 then 'partially_refunded'
      else 'completed'
    end
    when facts.tampered then 'review'
    when facts.waiting and not facts.expired then 'awaiting_deposit'
    when facts.expired then 'expired'
    when facts.failed and not facts.canceled then 'failed'
    when facts.canceled then 'canceled'
    else 'pending'
  end
$$;

COMMENT ON FUNCTION coinslot.payment_status(facts coinslot.payment_facts) IS 'Facts to status.';

CREATE FUNCTION coinslot.post_entry(entry public.token_ledger) RETURNS public.token_receipt
    LANGUAGE plpgsql
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_entry public.token_ledger;
begin
  with moved as (
    update public.token_wallets w
    set tokens = w.tokens + entry.delta, seq = w.seq + 1, updated_at = clock_timestamp()
    where w.user_id = entry.user_id
    returning w.tokens, w.seq
  )
  insert into public.token_ledger as l (
    user_id, seq, delta, balance, payment_id, hold_id, kind, caller, idempotency_key, feature,
    reason, metadata
  )
  select
    entry.user_id, moved.seq, entry.delta, moved.tokens, entry.payment_id, entry.hold_id,
    entry.kind, entry.caller, entry.idempotency_key, entry.feature, entry.reason, entry.metadata
  from moved
  returning l.* into strict v_entry;
  return coinslot.receipt(v_entry, false);
end
$$;

COMMENT ON FUNCTION coinslot.post_entry(entry public.token_ledger) IS 'Writes an entry and moves the balance by it.';

CREATE FUNCTION coinslot.quote_order(user_id uuid, product_id text, gateway text, currency text, idempotency_key text) RETURNS public.token_payments
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_order public.token_payments;
begin
  select p.id, p.name, p.tokens into v_order.product_id, v_order.name, v_order.tokens
  from public.token_products p where p.id = quote_order.product_id and p.active;
  if not found then
    perform coinslot.fail(
      'product_not_found', jsonb_build_object('product_id', left(quote_order.product_id, 63))
    );
  end if;
  select g.id into v_order.gateway
  from coinslot.gateways g where g.id = quote_order.gateway and g.active;
  if not found then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'gateway', 'known', (
        select jsonb_agg(g.id order by g.id) from coinslot.gateways g where g.active
      )
    ));
  end if;
  select r.currency, r.amount into v_order.currency, v_order.amount
  from public.token_prices r
  where r.product_id = quote_order.product_id and r.currency = quote_order.currency;
  if not found then
    perform coinslot.fail('invalid_argument', jsonb_build_object(
      'argument', 'currency', 'known', (
        select jsonb_agg(r.currency order by r.currency)
        from public.token_prices r where r.product_id = quote_order.product_id
      )
    ));
  end if;
  v_order.user_id := quote_order.user_id;
  v_order.idempotency_key := quote_order.idempotency_key;
  return v_order;
end
$$;

COMMENT ON FUNCTION coinslot.quote_order(user_id uuid, product_id text, gateway text, currency text, idempotency_key text) IS 'Name, tokens and price of an order, or what is wrong with it.';

CREATE FUNCTION coinslot.quote_refund(payment public.token_payments, amount bigint, payment_key text) RETURNS coinslot.refunds
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_attempt coinslot.payment_attempts :=
    coinslot.refundable_attempt(payment, quote_refund.payment_key);
  v_refund coinslot.refunds;
  v_back bigint;
begin
  if v_attempt.refunding > 0 then
    perform coinslot.fail('refund_in_progress', jsonb_build_object(
      'refund_id', null, 'amount', v_attempt.refunding, 'status', 'pending'
    ));
  end if;
  v_refund.refundable := greatest(
    0, coalesce(v_attempt.paid - v_attempt.refunded - v_attempt.withdrawn, 0)
  );
  v_refund.amount := coalesce(quote_refund.amount, v_refund.refundable);
  if quote_refund.amount not between 1 and coinslot.max_amount() then
    perform coinslot.fail('invalid_amount', jsonb_build_object('amount', quote_refund.amount));
  elsif v_refund.amount > v_refund.refundable or v_refund.refundable = 0 then
    perform coinslot.fail('not_refundable', jsonb_build_object(
      'refundable', v_refund.refundable, 'currency', payment.currency, 'status', payment.status
    ));
  end if;
  v_back := v_attempt.refunded + v_attempt.withdrawn;
  v_refund.tokens := case when v_attempt.credited then
    coinslot.tokens_to_reverse(payment.tokens, v_attempt.paid, v_back + v_refund.amount)
    - coinslot.tokens_to_reverse(payment.tokens, v_attempt.paid, v_back)
  else 0 end;
  v_refund.payment_id := payment.id;
  v_refund.order_id := payment.order_id;
  v_refund.user_id := payment.user_id;
  v_refund.gateway := v_attempt.gateway;
  v_refund.payment_key := v_attempt.payment_key;
  v_refund.currency := v_attempt.currency;
  v_refund.refunded_before := v_attempt.refunded;
  return v_refund;
end
$$;

COMMENT ON FUNCTION coinslot.quote_refund(payment public.token_payments, amount bigint, payment_key text) IS 'What a refund would give and take back, or PT400, PT409.';

CREATE FUNCTION coinslot.read_later(payment_id uuid) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  insert into coinslot.payment_reads (payment_id, gateway, next_read_at)
  select p.id, p.gateway, clock_timestamp() + coinslot.read_wait(0)
  from public.token_payments p where p.id = read_later.payment_id
  on conflict (payment_id) do update
  set reads = 0, next_read_at = least(payment_reads.next_read_at, excluded.next_read_at)
$$;

COMMENT ON FUNCTION coinslot.read_later(payment_id uuid) IS 'Puts an order on the reconciler''s schedule.';

CREATE FUNCTION coinslot.read_wait(reads integer) RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select coalesce(
    ('{2 minutes,5 minutes,10 minutes,20 minutes,40 minutes,80 minutes,3 hours}'::interval[])
    [read_wait.reads + 1], interval '6 hours'
  )
$$;

COMMENT ON FUNCTION coinslot.read_wait(reads integer) IS 'Time to the next read of an order that was read so often.';

CREATE FUNCTION coinslot.receipt(entry public.token_ledger, replayed boolean) RETURNS public.token_receipt
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select row(
    entry.user_id, entry.seq, entry.delta, entry.balance, entry.created_at, entry.payment_id,
    entry.hold_id, entry.kind, entry.idempotency_key, entry.feature, entry.reason,
    entry.metadata, receipt.replayed
  )::public.token_receipt
$$;

COMMENT ON FUNCTION coinslot.receipt(entry public.token_ledger, replayed boolean) IS 'Entry to receipt.';

CREATE FUNCTION coinslot.record_discrepancy(kind text, attempt coinslot.payment_attempts, order_id text) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  insert into coinslot.discrepancies (kind, gateway, payment_key, order_id, detail)
  values (
    record_discrepancy.kind, attempt.gateway, attempt.payment_key, record_discrepancy.order_id,
    jsonb_build_object(
      'state', attempt.state, 'amount', attempt.amount, 'currency', attempt.currency,
      'paid', attempt.paid, 'refunded', attempt.refunded, 'withdrawn', attempt.withdrawn,
      'live', attempt.live
    )
  )
  on conflict (kind, gateway, payment_key, order_id) where resolved_at is null do nothing
$$;

COMMENT ON FUNCTION coinslot.record_discrepancy(kind text, attempt coinslot.payment_attempts, order_id text) IS 'Leaves something for a person, once.';

CREATE FUNCTION coinslot.record_event(payment public.token_payments, from_status text, source text, reason text DEFAULT ''::text, payment_key text DEFAULT NULL::text, tokens bigint DEFAULT 0) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  insert into public.token_payment_events (
    payment_id, user_id, from_status, to_status, tokens, source, reason, payment_key
  ) values (
    payment.id, payment.user_id, record_event.from_status, payment.status, record_event.tokens,
    record_event.source, record_event.reason, record_event.payment_key
  )
$$;

COMMENT ON FUNCTION coinslot.record_event(payment public.token_payments, from_status text, source text, reason text, payment_key text, tokens bigint) IS 'Notes what happened to a payment: from_status led to what it is now.';

CREATE FUNCTION coinslot.record_merge(merge coinslot.merged_wallets) RETURNS public.token_merge_receipt
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_merge coinslot.merged_wallets;
begin
  update public.token_wallets w set
    closed_at = clock_timestamp(), merged_into = merge.into_user, updated_at = clock_timestamp()
  where w.user_id = merge.from_user;
  update public.token_wallets w set has_merged = true, updated_at = clock_timestamp()
  where w.user_id = merge.into_user;
  update coinslot.merged_wallets m set owner_user = merge.into_user where m.owner_user = merge.from_user;
  insert into coinslot.merged_wallets as m (
    from_user, into_user, owner_user, idempotency_key, tokens, balance, orders, holds
  ) values (
    merge.from_user, merge.into_user, merge.into_user, merge.idempotency_key, merge.tokens,
    merge.balance, merge.orders, merge.holds
  )
  on conflict (idempotency_key) do nothing
  returning m.* into v_merge;
  if not found then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  return coinslot.merge_receipt(v_merge, false);
end
$$;

COMMENT ON FUNCTION coinslot.record_merge(merge coinslot.merged_wallets) IS 'Closes the wallet that was merged, and keeps what the call answers.';

CREATE FUNCTION coinslot.record_refund_answer(refund_id uuid, tries integer, answer text, failure_code text, failure_message text) RETURNS public.token_payments
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  v_payment public.token_payments;
  v_argument text := case
    when record_refund_answer.tries is null then 'tries'
    when (record_refund_answer.answer = any (coinslot.refund_answers())) is not true then 'answer'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
  update public.token_payments p set version = p.version + 1
  from coinslot.refunds r
  where r.id = record_refund_answer.refund_id and p.id = r.payment_id
  returning p.* into v_payment;
  if not found then
    perform coinslot.fail('invalid_argument', '{"argument": "refund_id"}');
  end if;
  update coinslot.refunds r set
    answer = record_refund_answer.answer,
    failure_code = left(record_refund_answer.failure_code, 100),
    failure_message = left(record_refund_answer.failure_message, 300)
  where r.id = record_refund_answer.refund_id and r.tries = record_refund_answer.tries
    and r.finished_at is null and r.answer is distinct from 'accepted';
  return v_payment;
end
$$;

COMMENT ON FUNCTION coinslot.record_refund_answer(refund_id uuid, tries integer, answer text, failure_code text, failure_message text) IS 'See public.coinslot_record_refund_answer.';

CREATE FUNCTION coinslot.record_refusal(payment public.token_payments, payment_key text, reason text, source text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  if (
    select count(*) < 50 and not coalesce(bool_or(
      e.payment_key = record_refusal.payment_key and e.reason = record_refusal.reason
    ), false)
    from public.token_payment_events e
    where e.payment_id = payment.id and e.from_status = e.to_status
  ) then
    perform coinslot.record_event(
      payment, payment.status, record_refusal.source, record_refusal.reason,
      record_refusal.payment_key
    );
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.record_refusal(payment public.token_payments, payment_key text, reason text, source text) IS 'Notes an attempt that was refused and moved nothing.';

CREATE FUNCTION coinslot.refund_wait(attempts bigint) RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select coalesce(
    ('{5 seconds,30 seconds,2 minutes,10 minutes,30 minutes,1 hour,3 hours,6 hours}'::interval[])
    [greatest(refund_wait.attempts, 1)], interval '1 day'
  )
$$;

COMMENT ON FUNCTION coinslot.refund_wait(attempts bigint) IS 'Time to the next attempt at a refund.';

CREATE FUNCTION coinslot.refund_lease(attempts bigint) RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN GREATEST('00:01:00'::interval, coinslot.refund_wait(attempts));

COMMENT ON FUNCTION coinslot.refund_lease(attempts bigint) IS 'Time that whoever asks a gateway for a refund has it to themselves.';

CREATE FUNCTION coinslot.refund_patience() RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN 8;

COMMENT ON FUNCTION coinslot.refund_patience() IS 'Attempts after which a refund that is still open is shown to a person.';

CREATE FUNCTION coinslot.refundable_attempt(payment public.token_payments, payment_key text) RETURNS coinslot.payment_attempts
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select a.* from coinslot.payment_attempts a
  where a.payment_id = payment.id
    and a.payment_key = coalesce(refundable_attempt.payment_key, a.payment_key)
  order by a.credited desc, a.paid > a.refunded + a.withdrawn desc, a.id desc
  limit 1
$$;

COMMENT ON FUNCTION coinslot.refundable_attempt(payment public.token_payments, payment_key text) IS 'The attempt at a payment whose money a refund gives back.';

CREATE FUNCTION coinslot.refuse_attempt(payment public.token_payments, attempt coinslot.payment_attempts, problem text, source text) RETURNS public.token_payments
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_payment public.token_payments;
begin
  perform coinslot.record_discrepancy(refuse_attempt.problem, attempt, payment.order_id);
  perform coinslot.record_refusal(
    payment, attempt.payment_key, refuse_attempt.problem, refuse_attempt.source
  );
  update public.token_payments p set version = p.version + 1 where p.id = payment.id
  returning p.* into v_payment;
  return v_payment;
end
$$;

COMMENT ON FUNCTION coinslot.refuse_attempt(payment public.token_payments, attempt coinslot.payment_attempts, problem text, source text) IS 'Records what the gateway said and moves nothing.';

CREATE FUNCTION coinslot.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  perform coinslot.fail('append_only', jsonb_build_object('table', tg_table_name));
  return null;
end
$$;

COMMENT ON FUNCTION coinslot.refuse_change() IS 'Trigger: refuses update, delete and truncate.';

CREATE FUNCTION coinslot.refuse_held_key(user_id uuid, idempotency_key text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  if exists (
    select from coinslot.token_holds h
    where h.user_id = refuse_held_key.user_id
      and h.idempotency_key = refuse_held_key.idempotency_key
      and h.status = 'held' and h.expires_at > clock_timestamp()
  ) then
    perform coinslot.fail('idempotency_key_reused');
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.refuse_held_key(user_id uuid, idempotency_key text) IS 'PT409 if an open hold has the key.';

CREATE FUNCTION coinslot.refuse_open_refund(user_ids uuid[]) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_refund coinslot.refunds;
begin
  select r.* into v_refund from (
    select r.* from coinslot.refunds r where r.user_id = any (refuse_open_refund.user_ids) offset 0
  ) r
  where r.finished_at is null order by r.created_at limit 1;
  if found then
    perform coinslot.fail('refund_in_progress', jsonb_build_object(
      'refund_id', v_refund.id, 'order_id', v_refund.order_id, 'amount', v_refund.amount,
      'status', v_refund.status
    ));
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.refuse_open_refund(user_ids uuid[]) IS 'PT409 while money of one of these users is asked back. The caller has their wallets locked.';

CREATE FUNCTION coinslot.refuse_payment_attempt(order_id text, payment_key text, reason text, source text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  v_payment public.token_payments;
begin
  perform coinslot.check_text('payment_key', refuse_payment_attempt.payment_key, 255);
  perform coinslot.check_text('reason', refuse_payment_attempt.reason, 100);
  perform coinslot.check_text('source', refuse_payment_attempt.source, 32);
  select p.* into v_payment from public.token_payments p
  where p.order_id = refuse_payment_attempt.order_id for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  perform coinslot.record_refusal(
    v_payment, refuse_payment_attempt.payment_key, refuse_payment_attempt.reason,
    refuse_payment_attempt.source
  );
end
$$;

COMMENT ON FUNCTION coinslot.refuse_payment_attempt(order_id text, payment_key text, reason text, source text) IS 'See public.coinslot_refuse_payment_attempt.';

CREATE FUNCTION coinslot.release_hold(hold_id uuid) RETURNS public.token_hold_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
begin
  return coinslot.hold_receipt(
    coinslot.resolve_hold(coinslot.open_hold(release_hold.hold_id), 'released', 0), false
  );
end
$$;

COMMENT ON FUNCTION coinslot.release_hold(hold_id uuid) IS 'See public.release_token_hold.';

CREATE FUNCTION coinslot.remove_operator(who text) RETURNS coinslot.operators
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  v_user_id uuid := (
    select o.user_id from coinslot.operators o
    where o.user_id::text = lower(btrim(remove_operator.who))
  );
  v_operator coinslot.operators;
begin
  v_user_id := coalesce(v_user_id, coinslot.user_named(remove_operator.who));
  perform coinslot.keep_an_owner(v_user_id);
  delete from coinslot.operators o where o.user_id = v_user_id returning o.* into v_operator;
  return v_operator;
end
$$;

COMMENT ON FUNCTION coinslot.remove_operator(who text) IS 'See public.coinslot_remove_operator.';

CREATE FUNCTION coinslot.reopen_wallet(user_id uuid) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  update public.token_wallets w set closed_at = null, updated_at = clock_timestamp()
  where w.user_id = reopen_wallet.user_id and w.closed_at is not null and w.merged_into is null
$$;

COMMENT ON FUNCTION coinslot.reopen_wallet(user_id uuid) IS 'Opens the wallet of a user who came back; nothing is given.';

CREATE FUNCTION coinslot.replay_webhooks(gateway text, outcome text, order_id text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  v_count bigint;
begin
  with matching as materialized (
    select w.id from coinslot.webhooks w
    where (replay_webhooks.gateway is null or w.gateway = replay_webhooks.gateway)
      and (replay_webhooks.outcome is null or w.outcome = replay_webhooks.outcome)
      and (replay_webhooks.order_id is null or w.order_id = replay_webhooks.order_id)
    order by w.id for update
  )
  update coinslot.webhooks w set
    outcome = 'received', attempts = 0, finished_at = null, waiting_since = clock_timestamp(),
    next_attempt_at = clock_timestamp()
  from matching m where w.id = m.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

COMMENT ON FUNCTION coinslot.replay_webhooks(gateway text, outcome text, order_id text) IS 'See public.coinslot_replay_webhooks.';

CREATE FUNCTION coinslot.request_refund(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) RETURNS coinslot.refunds
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select coinslot.start_refund(
    request_refund.order_id, request_refund.amount, request_refund.reason,
    request_refund.idempotency_key, request_refund.force, request_refund.payment_key,
    request_refund.account, coinslot.require_operator('finance', 'owner')
  )
$$;

COMMENT ON FUNCTION coinslot.request_refund(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) IS 'See public.request_token_refund.';

CREATE FUNCTION coinslot.request_refund_for(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) RETURNS coinslot.refunds
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select coinslot.start_refund(
    request_refund_for.order_id, request_refund_for.amount, request_refund_for.reason,
    request_refund_for.idempotency_key, request_refund_for.force,
    request_refund_for.payment_key, request_refund_for.account, null
  )
$$;

COMMENT ON FUNCTION coinslot.request_refund_for(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) IS 'See public.request_token_refund_for.';

CREATE FUNCTION coinslot.require_operator(VARIADIC roles text[]) RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_user_id uuid := coinslot.current_user_id();
begin
  if not exists (
    select from coinslot.operators o
    inner join auth.users u on u.id = o.user_id
    where o.user_id = v_user_id and o.role = any(require_operator.roles) and coinslot.may_act(u)
  ) then
    perform coinslot.fail('forbidden', jsonb_build_object('roles', require_operator.roles));
  end if;
  return v_user_id;
end
$$;

COMMENT ON FUNCTION coinslot.require_operator(VARIADIC roles text[]) IS 'The signed-in operator, who has one of these roles; or PT401, PT403.';

CREATE FUNCTION coinslot.resolve_discrepancy(discrepancy_id bigint, resolution text) RETURNS coinslot.discrepancies
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  v_discrepancy coinslot.discrepancies;
begin
  perform coinslot.check_text('resolution', resolve_discrepancy.resolution, 500);
  if btrim(resolve_discrepancy.resolution) = '' then
    perform coinslot.fail('invalid_argument', '{"argument": "resolution", "min_length": 1}');
  end if;
  update coinslot.discrepancies d
  set resolved_at = clock_timestamp(), resolution = resolve_discrepancy.resolution
  where d.id = resolve_discrepancy.discrepancy_id and d.resolved_at is null
  returning d.* into v_discrepancy;
  if not found then
    select d.* into v_discrepancy
    from coinslot.discrepancies d where d.id = resolve_discrepancy.discrepancy_id;
  end if;
  return v_discrepancy;
end
$$;

COMMENT ON FUNCTION coinslot.resolve_discrepancy(discrepancy_id bigint, resolution text) IS 'See public.coinslot_resolve_discrepancy.';

CREATE FUNCTION coinslot.resolve_hold(hold coinslot.token_holds, status text, captured bigint) RETURNS coinslot.token_holds
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_hold coinslot.token_holds;
begin
  update coinslot.token_holds h
  set status = resolve_hold.status, captured = resolve_hold.captured,
    resolved_at = clock_timestamp()
  where h.id = hold.id
  returning h.* into strict v_hold;
  update public.token_wallets w set held = w.held - hold.amount, updated_at = clock_timestamp()
  where w.user_id = hold.user_id;
  return v_hold;
end
$$;

COMMENT ON FUNCTION coinslot.resolve_hold(hold coinslot.token_holds, status text, captured bigint) IS 'Ends an open, locked hold and frees what it set aside.';

CREATE FUNCTION coinslot.return_payments(order_ids text[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  with unread as materialized (
    select r.payment_id
    from coinslot.payment_reads r inner join public.token_payments p on p.id = r.payment_id
    where p.order_id = any (return_payments.order_ids)
    for update of r skip locked
  )
  update coinslot.payment_reads r set
    reads = greatest(r.reads - 1, 0),
    next_read_at = least(r.next_read_at, clock_timestamp() + interval '30 seconds')
  from unread u where r.payment_id = u.payment_id
$$;

COMMENT ON FUNCTION coinslot.return_payments(order_ids text[]) IS 'See public.coinslot_return_payments.';

CREATE FUNCTION coinslot.return_webhooks(webhook_ids bigint[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
  with unfinished as materialized (
    select w.id from coinslot.webhooks w
    where w.id = any (return_webhooks.webhook_ids) and w.next_attempt_at is not null
    order by w.id for update
  )
  update coinslot.webhooks w set next_attempt_at = clock_timestamp()
  from unfinished u where w.id = u.id
$$;

COMMENT ON FUNCTION coinslot.return_webhooks(webhook_ids bigint[]) IS 'See public.coinslot_return_webhooks.';

CREATE FUNCTION coinslot.revive_refunds(payment public.token_payments, attempt coinslot.payment_attempts, source text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_refund coinslot.refunds;
  v_before bigint;
begin
  for v_refund in
    select r.* from coinslot.refunds r
    where r.payment_id = payment.id and r.gateway = attempt.gateway
      and r.payment_key = attempt.payment_key and r.status = 'failed'
    order by r.created_at desc, r.id
  loop
    select case
      when bool_or(
        r.refunded_before < v_refund.refunded_before + v_refund.amount
        and v_refund.refunded_before < r.refunded_before + r.amount
      ) then max(r.refunded_before + r.amount)
      else v_refund.refunded_before
    end into v_before
    from coinslot.refunds r
    where r.payment_id = payment.id and r.gateway = attempt.gateway
      and r.payment_key = attempt.payment_key and r.status = 'succeeded';
    if attempt.refunded >= v_before + v_refund.amount then
      update coinslot.refunds r set
        status = 'succeeded', refunded_before = v_before, failure_code = null,
        failure_message = null, finished_at = clock_timestamp()
      where r.id = v_refund.id;
      perform coinslot.record_event(
        payment, payment.status, revive_refunds.source, 'refund_succeeded', attempt.payment_key
      );
    end if;
  end loop;
end
$$;

COMMENT ON FUNCTION coinslot.revive_refunds(payment public.token_payments, attempt coinslot.payment_attempts, source text) IS 'Lets refunds that failed succeed where the money went back after all.';

CREATE FUNCTION coinslot.run_maintenance(batch integer) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  if (run_maintenance.batch between 1 and 10000) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "batch", "min": 1, "max": 10000}');
  end if;
  return jsonb_build_object(
    'orders_expired', coinslot.expire_orders(run_maintenance.batch),
    'wallets_swept', coinslot.expire_holds(run_maintenance.batch)
  );
end
$$;

COMMENT ON FUNCTION coinslot.run_maintenance(batch integer) IS 'See public.coinslot_run_maintenance.';

CREATE FUNCTION coinslot.same_fact(known coinslot.payment_attempts, attempt coinslot.payment_attempts) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
  select known.id is not null and (
    known.state, known.amount, known.currency, known.live, known.paid, known.refunded,
    known.refunding, known.disputed, known.withdrawn, known.virtual_account, known.failure_reason
  ) is not distinct from (
    attempt.state, attempt.amount, attempt.currency, attempt.live, attempt.paid,
    attempt.refunded, attempt.refunding, attempt.disputed, attempt.withdrawn,
    attempt.virtual_account, attempt.failure_reason
  ) and coalesce(attempt.secret, known.secret) is not distinct from known.secret
$$;

COMMENT ON FUNCTION coinslot.same_fact(known coinslot.payment_attempts, attempt coinslot.payment_attempts) IS 'True if the gateway says of an attempt what it said last.';

CREATE FUNCTION coinslot.save_attempt(attempt coinslot.payment_attempts, order_id text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_id bigint;
  v_has_money boolean := attempt.paid > attempt.refunded + attempt.withdrawn;
begin
  insert into coinslot.payment_attempts as a (
    payment_id, gateway, payment_key, state, amount, currency, live, paid, refunded, refunding,
    disputed, withdrawn, method, failure_reason, virtual_account, secret, problem, credited
  ) values (
    attempt.payment_id, attempt.gateway, attempt.payment_key, attempt.state, attempt.amount,
    attempt.currency, attempt.live, attempt.paid, attempt.refunded, attempt.refunding,
    attempt.disputed, attempt.withdrawn, attempt.method, attempt.failure_reason,
    attempt.virtual_account, attempt.secret, attempt.problem, attempt.credited
  )
  on conflict (gateway, payment_key) do update set
    state = excluded.state, amount = excluded.amount, currency = excluded.currency,
    live = excluded.live, paid = excluded.paid, refunded = excluded.refunded,
    refunding = excluded.refunding, disputed = excluded.disputed, withdrawn = excluded.withdrawn,
    method = excluded.method, failure_reason = excluded.failure_reason,
    virtual_account = excluded.virtual_account, secret = coalesce(excluded.secret, a.secret),
    problem = excluded.problem, credited = excluded.credited, updated_at = clock_timestamp()
  where a.payment_id = excluded.payment_id
  returning a.id into v_id;
  if not found then
    return null;
  end if;
  update coinslot.discrepancies d set resolved_at = clock_timestamp()
  where d.gateway = attempt.gateway and d.payment_key = attempt.payment_key
    and d.order_id = save_attempt.order_id and d.resolved_at is null
    and d.kind <> 'refund_unresolved'
    and (not v_has_money or d.kind not in (coalesce(attempt.problem, ''), 'duplicate_payment'));
  if attempt.problem is not null and v_has_money then
    perform coinslot.record_discrepancy(attempt.problem, attempt, save_attempt.order_id);
  end if;
  return v_id;
end
$$;

COMMENT ON FUNCTION coinslot.save_attempt(attempt coinslot.payment_attempts, order_id text) IS 'Stores an attempt as the gateway last described it; its id.';

CREATE FUNCTION coinslot.save_refund(refund coinslot.refunds, account jsonb) RETURNS coinslot.refunds
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_refund coinslot.refunds;
begin
  insert into coinslot.refunds as r (
    payment_id, order_id, user_id, gateway, payment_key, amount, currency, tokens,
    refunded_before, refundable, reason, requested_by, forced, idempotency_key
  ) values (
    refund.payment_id, refund.order_id, refund.user_id, refund.gateway, refund.payment_key,
    refund.amount, refund.currency, refund.tokens, refund.refunded_before, refund.refundable,
    refund.reason, refund.requested_by, refund.forced, refund.idempotency_key
  ) returning r.* into v_refund;
  if save_refund.account is not null then
    insert into coinslot.refund_accounts (refund_id, bank, account_number, holder)
    values (
      v_refund.id, save_refund.account ->> 'bank', save_refund.account ->> 'account_number',
      save_refund.account ->> 'holder'
    );
  end if;
  return v_refund;
end
$$;

COMMENT ON FUNCTION coinslot.save_refund(refund coinslot.refunds, account jsonb) IS 'Writes a quoted refund.';

CREATE FUNCTION coinslot.save_webhook(webhook coinslot.webhooks, busy boolean, OUT verdict coinslot.delivery_verdict, OUT webhook_id bigint) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_filed record;
  v_webhook coinslot.webhooks;
begin
  perform pg_advisory_xact_lock(
    hashtextextended(webhook.gateway || coalesce(webhook.event_id, webhook.order_id), 0)
  );
  v_filed := coinslot.file_webhook(webhook);
  webhook_id := v_filed.id;
  if webhook_id is not null then
    update coinslot.webhooks w set
      deliveries = w.deliveries + 1, event_type = webhook.event_type, headers = webhook.headers,
      claims_paid = webhook.claims_paid or (w.claims_paid and w.finished_at is null),
      body = webhook.body
    where w.id = webhook_id
    returning w.* into v_webhook;
    verdict := coinslot.take_webhook(v_webhook, v_filed.readable_at, busy);
    return;
  end if;
  verdict := case
    when v_filed.readable_at <= clock_timestamp() and not busy then 'read' else 'scheduled'
  end;
  insert into coinslot.webhooks as w (
    gateway, event_id, event_type, order_id, payment_key, claims_paid, headers, body, taken_at,
    next_attempt_at
  ) values (
    webhook.gateway, webhook.event_id, webhook.event_type, webhook.order_id, v_filed.payment_key,
    webhook.claims_paid, webhook.headers, webhook.body, v_filed.readable_at,
    v_filed.readable_at + case verdict when 'read' then coinslot.webhook_lease() else '0' end
  )
  returning w.id into webhook_id;
end
$$;

COMMENT ON FUNCTION coinslot.save_webhook(webhook coinslot.webhooks, busy boolean, OUT verdict coinslot.delivery_verdict, OUT webhook_id bigint) IS 'Stores a delivery; whether to read the payment now.';

CREATE FUNCTION coinslot.schedule_maintenance() RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  if not exists (select from pg_catalog.pg_extension e where e.extname = 'pg_cron') then
    return false;
  end if;
  execute format(
    'select cron.schedule(%L, %L, %L)',
    'coinslot maintenance', '* * * * *', 'select coinslot.run_maintenance(500)'
  );
  return true;
end
$$;

COMMENT ON FUNCTION coinslot.schedule_maintenance() IS 'Has pg_cron run the maintenance every minute; false without pg_cron.';

CREATE FUNCTION coinslot.schedule_reads() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  if exists (
    select from coinslot.payment_statuses s
    where s.status = new.status and s.reads is distinct from 0
  ) then
    perform coinslot.read_later(new.id);
  else
    delete from coinslot.payment_reads r where r.payment_id = new.id;
  end if;
  return null;
end
$$;

COMMENT ON FUNCTION coinslot.schedule_reads() IS 'Trigger: orders that wait for something are read again, others are not.';

CREATE FUNCTION coinslot.set_aside(refund coinslot.refunds) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  if refund.tokens = 0 then
    return;
  end if;
  insert into coinslot.token_holds (user_id, amount, refund_id, reason, expires_at)
  values (refund.user_id, refund.tokens, refund.id, 'refund', 'infinity');
  update public.token_wallets w
  set held = w.held + refund.tokens, updated_at = clock_timestamp()
  where w.user_id = refund.user_id;
end
$$;

COMMENT ON FUNCTION coinslot.set_aside(refund coinslot.refunds) IS 'Holds the tokens of a refund.';

CREATE FUNCTION coinslot.settle_payment(before public.token_payments, attempt coinslot.payment_attempts, source text, OUT outcome text, OUT payment public.token_payments) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_facts coinslot.payment_facts := coinslot.payment_facts(before);
  v_status text := coinslot.payment_status(v_facts);
  v_duplicate boolean := attempt.problem is null and attempt.paid > 0
    and v_facts.attempt_id <> attempt.id;
  v_switched boolean := before.paid > 0 and v_facts.paid > 0
    and before.payment_key <> v_facts.payment_key;
  v_tokens bigint;
begin
  if v_status <> before.status and not exists (
    select from coinslot.payment_transitions t
    where t.from_status = before.status and t.to_status = v_status
  ) then
    outcome := 'refused';
    payment := coinslot.refuse_attempt(before, attempt, 'illegal_transition', source);
    return;
  end if;
  v_tokens := coinslot.settle_tokens(before, v_facts);
  payment := coinslot.move_payment(before, v_facts, v_status);
  if v_duplicate and attempt.paid > attempt.refunded + attempt.withdrawn then
    perform coinslot.record_discrepancy('duplicate_payment', attempt, before.order_id);
  end if;
  outcome := case
    when attempt.paid > 0 and attempt.problem is not null then 'review'
    when v_duplicate then 'duplicate'
    when before.paid = 0 and v_facts.paid > 0 then 'credited'
    when v_tokens < 0 then 'reversed'
    when v_tokens > 0 then 'restored'
    when v_status <> before.status or v_switched then 'moved'
    else 'unchanged'
  end;
  if outcome <> 'unchanged' then
    perform coinslot.record_event(
      payment, before.status, source,
      coalesce(attempt.problem, case when v_duplicate then 'duplicate_payment' else '' end),
      attempt.payment_key, v_tokens
    );
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.settle_payment(before public.token_payments, attempt coinslot.payment_attempts, source text, OUT outcome text, OUT payment public.token_payments) IS 'Moves a payment to what its attempts add up to.';

CREATE FUNCTION coinslot.settle_refund(payment public.token_payments, attempt coinslot.payment_attempts, source text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_refund coinslot.refunds;
begin
  update coinslot.refunds r set status = 'failed', failure_code = 'undone'
  where r.payment_id = payment.id and r.gateway = attempt.gateway
    and r.payment_key = attempt.payment_key
    and r.status = 'succeeded'
    and r.refunded_before + r.amount > attempt.refunded + attempt.refunding;
  select r.* into v_refund from coinslot.refunds r
  where r.payment_id = payment.id and r.gateway = attempt.gateway
    and r.payment_key = attempt.payment_key
    and r.finished_at is null;
  if found then
    v_refund := coinslot.judge_refund(v_refund, attempt);
    if v_refund.finished_at is null then
      return;
    end if;
    perform coinslot.end_refund(v_refund, payment, settle_refund.source);
  end if;
  if attempt.refunded > 0 then
    perform coinslot.revive_refunds(payment, attempt, settle_refund.source);
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.settle_refund(payment public.token_payments, attempt coinslot.payment_attempts, source text) IS 'Ends a refund that a fresh read decides, and frees its tokens.';

CREATE FUNCTION coinslot.settle_tokens(payment public.token_payments, facts coinslot.payment_facts) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_before bigint;
  v_entries bigint;
  v_now bigint;
  v_target bigint := case when facts.attempt_id is null then 0 else
    payment.tokens - coinslot.tokens_to_reverse(
      payment.tokens, facts.paid, facts.refunded + facts.withdrawn
    )
  end;
begin
  select coalesce(sum(l.delta), 0), count(*) into v_before, v_entries
  from public.token_ledger l where l.payment_id = payment.id;
  v_now := v_before;
  if v_entries = 0 and facts.attempt_id is not null and payment.tokens > 0 then
    perform coinslot.post_entry(coinslot.new_entry(
      payment.user_id, 'purchase', payment.tokens, 'system', payment_id => payment.id
    ));
    v_now := payment.tokens;
  end if;
  if v_target <> v_now then
    perform coinslot.post_entry(coinslot.new_entry(
      payment.user_id,
      case
        when v_target > v_now then 'reversal'
        when facts.withdrawn > payment.withdrawn then 'dispute'
        else 'refund'
      end,
      v_target - v_now, 'system', payment_id => payment.id
    ));
  end if;
  return v_target - v_before;
end
$$;

COMMENT ON FUNCTION coinslot.settle_tokens(payment public.token_payments, facts coinslot.payment_facts) IS 'Makes the ledger agree with the facts of a payment; the tokens moved.';

CREATE FUNCTION coinslot.settle_webhook(webhook coinslot.webhooks, outcome text, attempt coinslot.payment_attempts, payment_id uuid, shared boolean) RETURNS public.coinslot_webhook_verdict
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_not_yet boolean;
begin
  v_not_yet := webhook.claims_paid and attempt.paid = 0
    and attempt.state in ('ready', 'awaiting_deposit');
  if attempt.paid > 0 and (
    not webhook.claims_paid and (settle_webhook.outcome in ('unchanged', 'credited') or shared)
    or webhook.event_id is null and webhook.deliveries > 1
    and (settle_webhook.outcome = 'unchanged' or shared)
  ) then
    perform coinslot.read_later(settle_webhook.payment_id);
  end if;
  return coinslot.end_webhook(
    webhook, case when v_not_yet then 'not_yet' else settle_webhook.outcome end, '', v_not_yet
  );
end
$$;

COMMENT ON FUNCTION coinslot.settle_webhook(webhook coinslot.webhooks, outcome text, attempt coinslot.payment_attempts, payment_id uuid, shared boolean) IS 'Judges a webhook, whose row is locked, by what applying its payment came to.';

CREATE FUNCTION coinslot.settle_webhooks(webhook_ids bigint[], outcome text, attempt coinslot.payment_attempts, payment_id uuid) RETURNS public.coinslot_webhook_verdict[]
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_webhook coinslot.webhooks;
  v_verdict public.coinslot_webhook_verdict;
  v_verdicts public.coinslot_webhook_verdict[] := array[]::public.coinslot_webhook_verdict[];
begin
  for v_webhook in
    select w.* from coinslot.webhooks w where w.id = any (settle_webhooks.webhook_ids)
    order by w.id for update
  loop
    v_verdict := coinslot.settle_webhook(
      v_webhook, settle_webhooks.outcome, attempt, settle_webhooks.payment_id,
      cardinality(settle_webhooks.webhook_ids) > 1
    );
    if v_verdict.webhook_id is not null then
      v_verdicts := v_verdicts || v_verdict;
    end if;
  end loop;
  return v_verdicts;
end
$$;

COMMENT ON FUNCTION coinslot.settle_webhooks(webhook_ids bigint[], outcome text, attempt coinslot.payment_attempts, payment_id uuid) IS 'Judges webhooks by what applying their payment came to; those that had not ended before.';

CREATE FUNCTION coinslot.spend_tokens(amount bigint, idempotency_key text, reason text, metadata jsonb) RETURNS public.token_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  v_user_id uuid := auth.uid();
begin
  if v_user_id is null then
    perform coinslot.fail('unauthenticated');
  end if;
  return coinslot.debit(
    v_user_id, 'user', spend_tokens.amount, null, spend_tokens.idempotency_key,
    spend_tokens.reason, spend_tokens.metadata
  );
end
$$;

COMMENT ON FUNCTION coinslot.spend_tokens(amount bigint, idempotency_key text, reason text, metadata jsonb) IS 'See public.spend_tokens.';

CREATE FUNCTION coinslot.spend_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, metadata jsonb) RETURNS public.token_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return coinslot.debit(
    spend_tokens_for.user_id, 'service', spend_tokens_for.amount, null,
    spend_tokens_for.idempotency_key, spend_tokens_for.reason, spend_tokens_for.metadata
  );
end
$$;

COMMENT ON FUNCTION coinslot.spend_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, metadata jsonb) IS 'See public.spend_tokens_for.';

CREATE FUNCTION coinslot.start_refund(order_id text, amount bigint, reason text, idempotency_key text, force boolean, payment_key text, account jsonb, requested_by uuid) RETURNS coinslot.refunds
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_payment public.token_payments;
  v_refund coinslot.refunds;
begin
  perform coinslot.check_refund(
    start_refund.reason, start_refund.idempotency_key, start_refund.account
  );
  select p.* into v_payment from public.token_payments p
  where p.order_id = start_refund.order_id for update;
  if not found then
    perform coinslot.fail('order_not_found');
  end if;
  v_refund := coinslot.find_refund_replay(
    v_payment.id, start_refund.amount, start_refund.payment_key, start_refund.idempotency_key
  );
  if v_refund.id is not null then
    return v_refund;
  end if;
  select r.* into v_refund from coinslot.refunds r
  where r.payment_id = v_payment.id and r.finished_at is null;
  if found then
    perform coinslot.fail('refund_in_progress', jsonb_build_object(
      'refund_id', v_refund.id, 'amount', v_refund.amount, 'status', v_refund.status
    ));
  end if;
  v_refund := coinslot.quote_refund(v_payment, start_refund.amount, start_refund.payment_key);
  v_refund.reason := btrim(start_refund.reason);
  v_refund.idempotency_key := start_refund.idempotency_key;
  v_refund.forced := coalesce(start_refund.force, false);
  v_refund.requested_by := start_refund.requested_by;
  perform coinslot.check_unspent(v_refund);
  v_refund := coinslot.save_refund(v_refund, start_refund.account);
  perform coinslot.set_aside(v_refund);
  perform coinslot.record_event(
    v_payment, v_payment.status, 'refund', 'refund_requested', v_refund.payment_key
  );
  return v_refund;
end
$$;

COMMENT ON FUNCTION coinslot.start_refund(order_id text, amount bigint, reason text, idempotency_key text, force boolean, payment_key text, account jsonb, requested_by uuid) IS 'Asks for a refund and sets its tokens aside, once per order and key.';

CREATE FUNCTION coinslot.store_webhook(gateway text, event_id text, event_type text, order_id text, payment_key text, claims_paid boolean, headers jsonb, body jsonb, secret text, busy boolean, OUT verdict coinslot.delivery_verdict, OUT webhook_id bigint, OUT payment public.token_payments) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_webhook coinslot.webhooks;
  v_saved record;
begin
  v_webhook.gateway := store_webhook.gateway;
  v_webhook.event_id := store_webhook.event_id;
  v_webhook.event_type := store_webhook.event_type;
  v_webhook.order_id := store_webhook.order_id;
  v_webhook.payment_key := coalesce(store_webhook.payment_key, '');
  v_webhook.claims_paid := store_webhook.claims_paid;
  v_webhook.headers := store_webhook.headers;
  v_webhook.body := store_webhook.body;
  perform coinslot.check_webhook(v_webhook);
  payment := coinslot.find_payment(
    v_webhook.gateway, v_webhook.order_id, v_webhook.payment_key
  );
  verdict := case
    when v_webhook.event_id is not null then null
    when payment.id is null then 'unknown_order'
    when not coinslot.knows_secret(payment.id, store_webhook.secret) then 'forged'
  end;
  if verdict is null then
    v_webhook.order_id := coalesce(payment.order_id, v_webhook.order_id, '');
    v_saved := coinslot.save_webhook(v_webhook, coalesce(store_webhook.busy, false));
    verdict := v_saved.verdict;
    webhook_id := v_saved.webhook_id;
  end if;
end
$$;

COMMENT ON FUNCTION coinslot.store_webhook(gateway text, event_id text, event_type text, order_id text, payment_key text, claims_paid boolean, headers jsonb, body jsonb, secret text, busy boolean, OUT verdict coinslot.delivery_verdict, OUT webhook_id bigint, OUT payment public.token_payments) IS 'See public.coinslot_store_webhook.';

CREATE FUNCTION coinslot.take_webhook(webhook coinslot.webhooks, readable_at timestamp with time zone, busy boolean) RETURNS coinslot.delivery_verdict
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  v_due timestamptz := case
    when webhook.next_attempt_at <= webhook.taken_at + coinslot.webhook_lease()
    then webhook.next_attempt_at
    when webhook.event_id is not null then readable_at
    else least(webhook.next_attempt_at, readable_at)
  end;
  v_now boolean := v_due <= clock_timestamp() and not take_webhook.busy;
begin
  if webhook.event_id is not null and webhook.next_attempt_at is null then
    return 'duplicate';
  end if;
  update coinslot.webhooks w set
    outcome = case when webhook.next_attempt_at is null then 'received' else w.outcome end,
    attempts = case
      when webhook.next_attempt_at is null or v_due < webhook.next_attempt_at then 0
      else w.attempts
    end,
    waiting_since = case
      when webhook.next_attempt_at is null then clock_timestamp() else w.waiting_since
    end,
    finished_at = null,
    next_attempt_at = v_due + case when v_now then coinslot.webhook_lease() else '0' end,
    taken_at = greatest(w.taken_at, v_due),
    taken_deliveries = case when v_now then w.deliveries else w.taken_deliveries end
  where w.id = webhook.id;
  return case when v_now then 'read' else 'scheduled' end;
end
$$;

COMMENT ON FUNCTION coinslot.take_webhook(webhook coinslot.webhooks, readable_at timestamp with time zone, busy boolean) IS 'Leases a stored webhook to whoever delivers it again, or schedules it.';

CREATE FUNCTION coinslot.tokens_to_reverse(tokens bigint, paid bigint, returned bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select case
    when tokens_to_reverse.returned >= tokens_to_reverse.paid then tokens_to_reverse.tokens
    else div(
      tokens_to_reverse.tokens::numeric * tokens_to_reverse.returned, tokens_to_reverse.paid
    )::bigint
  end
$$;

COMMENT ON FUNCTION coinslot.tokens_to_reverse(tokens bigint, paid bigint, returned bigint) IS 'Tokens that go back for money returned so far.';

CREATE TABLE public.profiles (
    id uuid NOT NULL,
    display_name text DEFAULT ''::text NOT NULL,
    locale text DEFAULT 'en'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT profiles_display_name_short CHECK ((length(display_name) <= 100)),
    CONSTRAINT profiles_locale_known CHECK (((length(locale) <= 35) AND (locale ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$'::text)))
);

COMMENT ON TABLE public.profiles IS 'What a person shows of themselves.';

COMMENT ON COLUMN public.profiles.locale IS 'BCP 47 language tag, for example ko or en-US.';

CREATE FUNCTION coinslot.update_profile(display_name text, locale text) RETURNS public.profiles
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $_$
declare
  v_user_id uuid := coinslot.current_user_id();
  v_profile public.profiles;
begin
  perform coinslot.check_text('display_name', coalesce(update_profile.display_name, ''), 100);
  perform coinslot.check_text('locale', coalesce(update_profile.locale, 'en'), 35);
  if coalesce(update_profile.locale, 'en') !~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' then
    perform coinslot.fail('invalid_argument', '{"argument": "locale", "example": "ko"}');
  end if;
  update public.profiles p set
    display_name = coalesce(update_profile.display_name, p.display_name),
    locale = coalesce(update_profile.locale, p.locale)
  where p.id = v_user_id
  returning p.* into v_profile;
  if not found then
    perform coinslot.fail('unauthenticated');
  end if;
  return v_profile;
end
$_$;

COMMENT ON FUNCTION coinslot.update_profile(display_name text, locale text) IS 'See public.update_profile.';

CREATE FUNCTION coinslot.use_feature(feature text, idempotency_key text, metadata jsonb) RETURNS public.token_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return coinslot.debit(
    coinslot.current_user_id(), 'user', coinslot.feature_price(use_feature.feature),
    use_feature.feature, use_feature.idempotency_key, '', use_feature.metadata
  );
end
$$;

COMMENT ON FUNCTION coinslot.use_feature(feature text, idempotency_key text, metadata jsonb) IS 'See public.use_feature.';

CREATE FUNCTION coinslot.use_feature_for(user_id uuid, feature text, idempotency_key text, metadata jsonb) RETURNS public.token_receipt
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
  return coinslot.debit(
    use_feature_for.user_id, 'service', coinslot.feature_price(use_feature_for.feature),
    use_feature_for.feature, use_feature_for.idempotency_key, '', use_feature_for.metadata
  );
end
$$;

COMMENT ON FUNCTION coinslot.use_feature_for(user_id uuid, feature text, idempotency_key text, metadata jsonb) IS 'See public.use_feature_for.';

CREATE FUNCTION coinslot.user_named(who text) RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  v_who text := lower(btrim(user_named.who));
  v_ids uuid[];
begin
  v_ids := array(
    select u.id from auth.users u
    where u.deleted_at is null and (
      u.id::text = v_who
      or lower(u.email) = v_who and u.email_confirmed_at is not null and not u.is_anonymous
    )
  );
  if cardinality(v_ids) <> 1 then
    perform coinslot.fail('user_not_found', jsonb_build_object('users', cardinality(v_ids)));
  end if;
  return v_ids[1];
end
$$;

COMMENT ON FUNCTION coinslot.user_named(who text) IS 'The user of this id or of this confirmed e-mail; PT404 unless it is exactly one.';

CREATE FUNCTION coinslot.verify_attempts(from_user uuid, to_user uuid) RETURNS TABLE(user_id uuid, problem text, expected bigint, found bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  return query
  select p.user_id, 'attempt', m.attempt, m.payment
  from public.token_payments p
  left join coinslot.payment_attempts a on a.payment_id = p.id and a.credited
  cross join lateral (
    select
      coalesce(a.paid - a.withdrawn - greatest(
        a.refunded, least(p.refunded, a.refunded + a.refunding)
      ), 0) as attempt,
      p.paid - p.withdrawn - p.refunded as payment
  ) m
  where m.attempt <> m.payment
    and (verify_attempts.from_user is null or p.user_id >= verify_attempts.from_user)
    and (verify_attempts.to_user is null or p.user_id < verify_attempts.to_user);
end
$$;

COMMENT ON FUNCTION coinslot.verify_attempts(from_user uuid, to_user uuid) IS 'Payments whose money is not that of their credited attempt.';

CREATE FUNCTION coinslot.verify_keys(from_user uuid, to_user uuid) RETURNS TABLE(user_id uuid, problem text, expected bigint, found bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  return query
  select l.user_id, 'repeated_key', 1::bigint, count(*)
  from public.token_ledger l
  where l.idempotency_key is not null
    and (verify_keys.from_user is null or l.user_id >= verify_keys.from_user)
    and (verify_keys.to_user is null or l.user_id < verify_keys.to_user)
  group by l.user_id, l.caller, l.idempotency_key
  having count(*) > 1;
end
$$;

COMMENT ON FUNCTION coinslot.verify_keys(from_user uuid, to_user uuid) IS 'Idempotency keys that were used twice.';

CREATE FUNCTION coinslot.verify_ledger(from_user uuid, to_user uuid) RETURNS TABLE(user_id uuid, problem text, expected bigint, found bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
  select * from coinslot.verify_wallets(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_keys(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_sources(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_attempts(verify_ledger.from_user, verify_ledger.to_user)
  union all
  select * from coinslot.verify_merges(verify_ledger.from_user, verify_ledger.to_user)
$$;

COMMENT ON FUNCTION coinslot.verify_ledger(from_user uuid, to_user uuid) IS 'See public.coinslot_verify_ledger.';

CREATE FUNCTION coinslot.verify_merges(from_user uuid, to_user uuid) RETURNS TABLE(user_id uuid, problem text, expected bigint, found bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  return query
  select m.from_user, 'left_behind', 0::bigint, count(*)
  from coinslot.merged_wallets m inner join public.token_payments p on p.user_id = m.from_user
  where (verify_merges.from_user is null or m.from_user >= verify_merges.from_user)
    and (verify_merges.to_user is null or m.from_user < verify_merges.to_user)
  group by m.from_user;
end
$$;

COMMENT ON FUNCTION coinslot.verify_merges(from_user uuid, to_user uuid) IS 'Merged users who still have orders.';

CREATE FUNCTION coinslot.verify_sources(from_user uuid, to_user uuid) RETURNS TABLE(user_id uuid, problem text, expected bigint, found bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  return query
  with moved as materialized (
    select t.* from coinslot.moved_tokens(verify_sources.from_user, verify_sources.to_user) t
  ), sources as (
    select p.user_id, 'payment' as problem, p.id, case when p.paid = 0 then 0 else
      p.tokens - coinslot.tokens_to_reverse(p.tokens, p.paid, p.refunded + p.withdrawn)
    end as tokens
    from public.token_payments p
    union all
    select h.user_id, 'hold', h.id, h.captured from coinslot.token_holds h
    union all
    select r.user_id, 'refund', r.id, case when r.finished_at is null then r.tokens else 0 end
    from coinslot.refunds r
  ), found as (
    select m.user_id, 'payment' as problem, m.payment_id as id, m.tokens
    from moved m where m.payment_id is not null
    union all
    select m.user_id, 'hold', m.hold_id, -m.tokens from moved m where m.hold_id is not null
    union all
    select h.user_id, 'refund', h.refund_id, h.amount from coinslot.token_holds h
    where h.status = 'held' and h.refund_id is not null
  )
  select
    coalesce(s.user_id, f.user_id), coalesce(s.problem, f.problem),
    coalesce(s.tokens, 0), coalesce(f.tokens, 0)
  from (
    select * from sources o
    where (verify_sources.from_user is null or o.user_id >= verify_sources.from_user)
      and (verify_sources.to_user is null or o.user_id < verify_sources.to_user)
  ) s
  full join (
    select * from found o
    where (verify_sources.from_user is null or o.user_id >= verify_sources.from_user)
      and (verify_sources.to_user is null or o.user_id < verify_sources.to_user)
  ) f on f.id = s.id and f.user_id = s.user_id and f.problem = s.problem
  where coalesce(s.tokens, 0) <> coalesce(f.tokens, 0);
end
$$;

COMMENT ON FUNCTION coinslot.verify_sources(from_user uuid, to_user uuid) IS 'Payments, holds and refunds whose tokens the books do not bear out.';

CREATE FUNCTION coinslot.verify_wallets(from_user uuid, to_user uuid) RETURNS TABLE(user_id uuid, problem text, expected bigint, found bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  return query
  with wallets as (
    select w.* from public.token_wallets w
    where (verify_wallets.from_user is null or w.user_id >= verify_wallets.from_user)
      and (verify_wallets.to_user is null or w.user_id < verify_wallets.to_user)
  ), holds as (
    select h.user_id, sum(h.amount)::bigint as held
    from coinslot.token_holds h where h.status = 'held' group by h.user_id
  )
  select c.user_id, c.problem, c.expected, c.found
  from coinslot.wallet_books(verify_wallets.from_user, verify_wallets.to_user) b
  full join wallets w on w.user_id = b.user_id
  left join holds h on h.user_id = w.user_id
  left join coinslot.merged_tokens(verify_wallets.from_user, verify_wallets.to_user) m
    on m.user_id = w.user_id
  cross join lateral (
    select
      count(*) filter (where e.seq <> e.position) as gaps,
      count(*) filter (where e.balance <> e.running) as wrong_balances
    from (
      select
        l.seq, l.balance,
        row_number() over (order by l.seq) as position,
        sum(l.delta) over (order by l.seq) as running
      from public.token_ledger l
      where l.user_id = b.user_id and not (b.complete and b.chained)
    ) e
  ) o
  cross join lateral (values
    (b.user_id, 'no_wallet', 0, case when w.user_id is null then b.entries end),
    (b.user_id, 'signup_bonus', 1, nullif(greatest(b.bonuses, 1), 1)),
    (b.user_id, 'sequence_gaps', 0, nullif(o.gaps, 0)),
    (b.user_id, 'running_balance', 0, nullif(o.wrong_balances, 0)),
    (w.user_id, 'tokens', coalesce(b.tokens, 0), w.tokens),
    (w.user_id, 'seq', coalesce(b.entries, 0), w.seq),
    (w.user_id, 'held', coalesce(h.held, 0), w.held),
    (w.user_id, 'merged', coalesce(m.tokens, 0), coalesce(b.merged, 0))
  ) as c (user_id, problem, expected, found)
  where c.expected <> c.found;
end
$$;

COMMENT ON FUNCTION coinslot.verify_wallets(from_user uuid, to_user uuid) IS 'Wallets that their entries and holds do not add up to.';

CREATE FUNCTION coinslot.wallet_books(from_user uuid, to_user uuid) RETURNS TABLE(user_id uuid, entries bigint, tokens bigint, bonuses bigint, merged bigint, complete boolean, chained boolean)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  return query
  select
    l.user_id, count(*), sum(l.delta)::bigint,
    count(*) filter (where l.kind = 'signup_bonus'),
    sum(l.delta) filter (where l.kind in ('merge_in', 'merge_out'))::bigint,
    min(l.seq) = 1 and max(l.seq) = count(*),
    sum(hashint8extended(l.balance, l.seq)) - sum(hashint8extended(l.balance - l.delta, l.seq - 1))
    = hashint8extended(sum(l.delta)::bigint, count(*))::numeric - hashint8extended(0, 0)
  from public.token_ledger l
  where (wallet_books.from_user is null or l.user_id >= wallet_books.from_user)
    and (wallet_books.to_user is null or l.user_id < wallet_books.to_user)
  group by l.user_id;
end
$$;

COMMENT ON FUNCTION coinslot.wallet_books(from_user uuid, to_user uuid) IS 'Sums of the ledger per wallet, and whether its entries are without gaps and a chain.';

CREATE FUNCTION coinslot.webhook_spacing() RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    RETURN '00:00:03'::interval;

COMMENT ON FUNCTION coinslot.webhook_spacing() IS 'Least time between two reads for hints.';

CREATE FUNCTION coinslot.webhook_wait(attempts bigint) RETURNS interval
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select (
    '{2 seconds,10 seconds,1 minute,5 minutes,30 minutes,2 hours,12 hours,1 day,1 day}'::interval[]
  )[webhook_wait.attempts + 1]
$$;

COMMENT ON FUNCTION coinslot.webhook_wait(attempts bigint) IS 'Time to the next read of a webhook''s payment; null once it was read often enough.';

CREATE FUNCTION public.add_tokens(user_id uuid, amount bigint, idempotency_key text, reason text DEFAULT ''::text, kind text DEFAULT 'grant'::text) RETURNS public.token_receipt
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.add_tokens(
    add_tokens.user_id, add_tokens.amount, add_tokens.idempotency_key, add_tokens.reason,
    add_tokens.kind
  )
$$;

COMMENT ON FUNCTION public.add_tokens(user_id uuid, amount bigint, idempotency_key text, reason text, kind text) IS 'Service: gives a user tokens (kind grant) or corrects a balance (kind adjustment, may be
negative), once per idempotency key of the service.';

CREATE FUNCTION public.cancel_token_order(order_id text) RETURNS public.token_payments
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.cancel_order(cancel_token_order.order_id)
$$;

COMMENT ON FUNCTION public.cancel_token_order(order_id text) IS 'Calls off an unpaid order of the signed-in user.';

CREATE FUNCTION public.capture_token_hold(hold_id uuid, amount bigint DEFAULT NULL::bigint) RETURNS public.token_receipt
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.capture_hold(capture_token_hold.hold_id, capture_token_hold.amount)
$$;

COMMENT ON FUNCTION public.capture_token_hold(hold_id uuid, amount bigint) IS 'Service: spends all or part of an open hold and frees the rest.';

CREATE FUNCTION public.coinslot_add_operator(who text, role text) RETURNS coinslot.operators
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.add_operator(coinslot_add_operator.who, coinslot_add_operator.role)
$$;

COMMENT ON FUNCTION public.coinslot_add_operator(who text, role text) IS 'Service: gives a user, named by id or by confirmed e-mail, the role support, finance or owner.';

CREATE FUNCTION public.coinslot_apply_gateway_payment(order_id text, gateway text, payment_key text, state text, amount bigint, currency text, live boolean, source text, version bigint, paid bigint DEFAULT 0, refunded bigint DEFAULT 0, refunding bigint DEFAULT 0, disputed bigint DEFAULT 0, withdrawn bigint DEFAULT 0, method text DEFAULT NULL::text, failure_reason text DEFAULT NULL::text, virtual_account jsonb DEFAULT NULL::jsonb, webhook_ids bigint[] DEFAULT '{}'::bigint[], secret text DEFAULT NULL::text, OUT outcome text, OUT payment public.token_payments, OUT webhooks public.coinslot_webhook_verdict[]) RETURNS record
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select a.outcome, case when (a.payment).id is not null then a.payment end, a.webhooks
  from coinslot.apply_gateway_payment(
    coinslot_apply_gateway_payment.order_id, coinslot_apply_gateway_payment.version,
    coinslot_apply_gateway_payment.source,
    coinslot.new_attempt(
      coinslot_apply_gateway_payment.gateway, coinslot_apply_gateway_payment.payment_key,
      coinslot_apply_gateway_payment.state, coinslot_apply_gateway_payment.amount,
      coinslot_apply_gateway_payment.currency, coinslot_apply_gateway_payment.live,
      coinslot_apply_gateway_payment.paid, coinslot_apply_gateway_payment.refunded,
      coinslot_apply_gateway_payment.refunding, coinslot_apply_gateway_payment.disputed,
      coinslot_apply_gateway_payment.withdrawn, coinslot_apply_gateway_payment.method,
      coinslot_apply_gateway_payment.failure_reason, coinslot_apply_gateway_payment.virtual_account,
      coinslot_apply_gateway_payment.secret
    ),
    coinslot_apply_gateway_payment.webhook_ids
  ) a
$$;

COMMENT ON FUNCTION public.coinslot_apply_gateway_payment(order_id text, gateway text, payment_key text, state text, amount bigint, currency text, live boolean, source text, version bigint, paid bigint, refunded bigint, refunding bigint, disputed bigint, withdrawn bigint, method text, failure_reason text, virtual_account jsonb, webhook_ids bigint[], secret text, OUT outcome text, OUT payment public.token_payments, OUT webhooks public.coinslot_webhook_verdict[]) IS 'Service: applies what one fresh read of a gateway said about a payment. A verdict for each webhook
that led to it; none where the read was stale, or the webhook had ended before.';

CREATE FUNCTION public.coinslot_audit_payments(audit_id bigint, lines jsonb) RETURNS SETOF coinslot.audit_lines
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select * from coinslot.audit_payments(
    coinslot_audit_payments.audit_id, coinslot_audit_payments.lines
  )
$$;

COMMENT ON FUNCTION public.coinslot_audit_payments(audit_id bigint, lines jsonb) IS 'Service: compares a page of a gateway''s list with ours; the lines of its report.';

CREATE FUNCTION public.coinslot_audit_report(audit_id bigint, verdict text DEFAULT NULL::text, after text DEFAULT NULL::text, page_size integer DEFAULT 500) RETURNS SETOF coinslot.audit_lines
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select * from coinslot.audit_report(
    coinslot_audit_report.audit_id, coinslot_audit_report.verdict, coinslot_audit_report.after,
    coinslot_audit_report.page_size
  )
$$;

COMMENT ON FUNCTION public.coinslot_audit_report(audit_id bigint, verdict text, after text, page_size integer) IS 'Service: the lines of an audit by payment key; after = the last key of the page before.';

CREATE FUNCTION public.coinslot_audit_unlisted(audit_id bigint, after text DEFAULT NULL::text, page_size integer DEFAULT 100) RETURNS TABLE(order_id text, payment_key text, currency text, live boolean)
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select * from coinslot.audit_unlisted(
    coinslot_audit_unlisted.audit_id, coinslot_audit_unlisted.after,
    coinslot_audit_unlisted.page_size
  )
$$;

COMMENT ON FUNCTION public.coinslot_audit_unlisted(audit_id bigint, after text, page_size integer) IS 'Service: payments credited in an audit''s window that the gateway did not list.';

CREATE FUNCTION public.coinslot_begin_audit(gateway text, since timestamp with time zone, until timestamp with time zone, again boolean DEFAULT false) RETURNS bigint
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.begin_audit(
    coinslot_begin_audit.gateway, coinslot_begin_audit.since, coinslot_begin_audit.until,
    coinslot_begin_audit.again
  )
$$;

COMMENT ON FUNCTION public.coinslot_begin_audit(gateway text, since timestamp with time zone, until timestamp with time zone, again boolean) IS 'Service: the id of a new audit; null where it is done already, or being done.';

CREATE FUNCTION public.coinslot_check_ledger() RETURNS jsonb
    LANGUAGE sql
    SET search_path TO ''
    SET statement_timeout TO '55s'
    AS $$
  select coinslot.check_ledger()
$$;

COMMENT ON FUNCTION public.coinslot_check_ledger() IS 'Service: a step of the daily check, {finished, wallets, problems}; null = not due, or others are.';

CREATE FUNCTION public.coinslot_claim_payments(gateway text, batch integer DEFAULT 20) RETURNS SETOF public.coinslot_payment_to_read
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select * from coinslot.claim_payments(
    coinslot_claim_payments.gateway, coinslot_claim_payments.batch
  )
$$;

COMMENT ON FUNCTION public.coinslot_claim_payments(gateway text, batch integer) IS 'Service: orders of a gateway that are due to be read again, given to one caller each.';

CREATE FUNCTION public.coinslot_claim_refunds(batch integer DEFAULT 20, refund_id uuid DEFAULT NULL::uuid) RETURNS SETOF public.coinslot_refund_job
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select * from coinslot.claim_refunds(
    coinslot_claim_refunds.batch, coinslot_claim_refunds.refund_id
  )
$$;

COMMENT ON FUNCTION public.coinslot_claim_refunds(batch integer, refund_id uuid) IS 'Service: refunds that are due, leased to the caller.';

CREATE FUNCTION public.coinslot_claim_webhooks(batch integer DEFAULT 20) RETURNS SETOF coinslot.webhooks
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select * from coinslot.claim_webhooks(coinslot_claim_webhooks.batch)
$$;

COMMENT ON FUNCTION public.coinslot_claim_webhooks(batch integer) IS 'Service: webhooks that are due, leased to the caller.';

CREATE FUNCTION public.coinslot_close_refund(refund_id uuid, reason text) RETURNS coinslot.refunds
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.close_refund(coinslot_close_refund.refund_id, coinslot_close_refund.reason)
$$;

COMMENT ON FUNCTION public.coinslot_close_refund(refund_id uuid, reason text) IS 'Service: gives up a refund that no read can decide, and frees its tokens; null if unknown.';

CREATE FUNCTION public.coinslot_finish_audit(audit_id bigint) RETURNS jsonb
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.finish_audit(coinslot_finish_audit.audit_id)
$$;

COMMENT ON FUNCTION public.coinslot_finish_audit(audit_id bigint) IS 'Service: records what does not match; totals by verdict and currency.';

CREATE FUNCTION public.coinslot_finish_webhook(webhook_id bigint, outcome text, detail text DEFAULT ''::text, again boolean DEFAULT false) RETURNS public.coinslot_webhook_verdict
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.finish_webhook(
    coinslot_finish_webhook.webhook_id, coinslot_finish_webhook.outcome,
    coinslot_finish_webhook.detail, coinslot_finish_webhook.again
  )
$$;

COMMENT ON FUNCTION public.coinslot_finish_webhook(webhook_id bigint, outcome text, detail text, again boolean) IS 'Service: what came of a webhook whose payment could not be applied; again = try later. Null if it
had ended before.';

CREATE FUNCTION public.coinslot_get_backlog() RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select coinslot.get_backlog()
$$;

COMMENT ON FUNCTION public.coinslot_get_backlog() IS 'Service: what waits and how long, what needs a person, and the last ledger check.';

CREATE FUNCTION public.coinslot_get_refund(refund_id uuid) RETURNS coinslot.refunds
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select coinslot.get_refund(coinslot_get_refund.refund_id)
$$;

COMMENT ON FUNCTION public.coinslot_get_refund(refund_id uuid) IS 'Service: a refund, as it stands.';

CREATE FUNCTION public.coinslot_get_settings() RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select coinslot.get_settings()
$$;

COMMENT ON FUNCTION public.coinslot_get_settings() IS 'Service: mode and limits of this database.';

CREATE FUNCTION public.coinslot_list_discrepancies(page_size integer DEFAULT 100, before bigint DEFAULT NULL::bigint) RETURNS SETOF coinslot.discrepancies
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select * from coinslot.list_discrepancies(
    coinslot_list_discrepancies.page_size, coinslot_list_discrepancies.before
  )
$$;

COMMENT ON FUNCTION public.coinslot_list_discrepancies(page_size integer, before bigint) IS 'Service: open discrepancies, newest first; before = the last id of the page before.';

CREATE FUNCTION public.coinslot_list_operators() RETURNS SETOF public.coinslot_operator_account
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select * from coinslot.list_operators()
$$;

COMMENT ON FUNCTION public.coinslot_list_operators() IS 'Service: the operators, oldest first.';

CREATE FUNCTION public.coinslot_list_webhooks(gateway text DEFAULT NULL::text, outcome text DEFAULT NULL::text, order_id text DEFAULT NULL::text, page_size integer DEFAULT 100, before bigint DEFAULT NULL::bigint) RETURNS SETOF coinslot.webhooks
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select * from coinslot.list_webhooks(
    coinslot_list_webhooks.gateway, coinslot_list_webhooks.outcome, coinslot_list_webhooks.order_id,
    coinslot_list_webhooks.page_size, coinslot_list_webhooks.before
  )
$$;

COMMENT ON FUNCTION public.coinslot_list_webhooks(gateway text, outcome text, order_id text, page_size integer, before bigint) IS 'Service: webhooks, newest first; before = the last id of the page before.';

CREATE FUNCTION public.coinslot_open_payment(order_id text) RETURNS public.token_payments
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select coinslot.open_payment(coinslot_open_payment.order_id)
$$;

COMMENT ON FUNCTION public.coinslot_open_payment(order_id text) IS 'Service: an order and its version, to be read before the gateway is.';

CREATE FUNCTION public.coinslot_record_refund_answer(refund_id uuid, tries integer, answer text, failure_code text DEFAULT NULL::text, failure_message text DEFAULT NULL::text) RETURNS public.token_payments
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.record_refund_answer(
    coinslot_record_refund_answer.refund_id, coinslot_record_refund_answer.tries,
    coinslot_record_refund_answer.answer, coinslot_record_refund_answer.failure_code,
    coinslot_record_refund_answer.failure_message
  )
$$;

COMMENT ON FUNCTION public.coinslot_record_refund_answer(refund_id uuid, tries integer, answer text, failure_code text, failure_message text) IS 'Service: what the gateway said to a refund; the payment, to be read now.';

CREATE FUNCTION public.coinslot_refuse_payment_attempt(order_id text, payment_key text, reason text, source text) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.refuse_payment_attempt(
    coinslot_refuse_payment_attempt.order_id, coinslot_refuse_payment_attempt.payment_key,
    coinslot_refuse_payment_attempt.reason, coinslot_refuse_payment_attempt.source
  )
$$;

COMMENT ON FUNCTION public.coinslot_refuse_payment_attempt(order_id text, payment_key text, reason text, source text) IS 'Service: notes a claimed payment that the gateway does not confirm. Moves nothing.';

CREATE FUNCTION public.coinslot_remove_operator(who text) RETURNS coinslot.operators
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.remove_operator(coinslot_remove_operator.who)
$$;

COMMENT ON FUNCTION public.coinslot_remove_operator(who text) IS 'Service: makes an operator, named by id or by confirmed e-mail, a user like any other.';

CREATE FUNCTION public.coinslot_replay_webhooks(gateway text DEFAULT NULL::text, outcome text DEFAULT NULL::text, order_id text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.replay_webhooks(
    coinslot_replay_webhooks.gateway, coinslot_replay_webhooks.outcome,
    coinslot_replay_webhooks.order_id
  )
$$;

COMMENT ON FUNCTION public.coinslot_replay_webhooks(gateway text, outcome text, order_id text) IS 'Service: makes matching webhooks due again; how many.';

CREATE FUNCTION public.coinslot_resolve_discrepancy(discrepancy_id bigint, resolution text) RETURNS coinslot.discrepancies
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.resolve_discrepancy(
    coinslot_resolve_discrepancy.discrepancy_id, coinslot_resolve_discrepancy.resolution
  )
$$;

COMMENT ON FUNCTION public.coinslot_resolve_discrepancy(discrepancy_id bigint, resolution text) IS 'Service: a person has dealt with it. An earlier resolution stays; null if unknown.';

CREATE FUNCTION public.coinslot_return_payments(order_ids text[]) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.return_payments(coinslot_return_payments.order_ids)
$$;

COMMENT ON FUNCTION public.coinslot_return_payments(order_ids text[]) IS 'Service: gives back orders whose gateway could not be asked.';

CREATE FUNCTION public.coinslot_return_webhooks(webhook_ids bigint[]) RETURNS void
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.return_webhooks(coinslot_return_webhooks.webhook_ids)
$$;

COMMENT ON FUNCTION public.coinslot_return_webhooks(webhook_ids bigint[]) IS 'Service: gives back webhooks that are leased to the caller.';

CREATE FUNCTION public.coinslot_run_maintenance(batch integer DEFAULT 500) RETURNS jsonb
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.run_maintenance(coinslot_run_maintenance.batch)
$$;

COMMENT ON FUNCTION public.coinslot_run_maintenance(batch integer) IS 'Service: expires orders and holds; {orders_expired, wallets_swept}.';

CREATE FUNCTION public.coinslot_store_webhook(gateway text, event_id text, event_type text, order_id text, payment_key text, claims_paid boolean, headers jsonb, body jsonb, secret text DEFAULT NULL::text, busy boolean DEFAULT false, OUT verdict text, OUT webhook_id bigint, OUT payment public.token_payments) RETURNS record
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select s.verdict, s.webhook_id, case when (s.payment).id is not null then s.payment end
  from coinslot.store_webhook(
    coinslot_store_webhook.gateway, coinslot_store_webhook.event_id,
    coinslot_store_webhook.event_type, coinslot_store_webhook.order_id,
    coinslot_store_webhook.payment_key, coinslot_store_webhook.claims_paid,
    coinslot_store_webhook.headers, coinslot_store_webhook.body, coinslot_store_webhook.secret,
    coinslot_store_webhook.busy
  ) s
$$;

COMMENT ON FUNCTION public.coinslot_store_webhook(gateway text, event_id text, event_type text, order_id text, payment_key text, claims_paid boolean, headers jsonb, body jsonb, secret text, busy boolean, OUT verdict text, OUT webhook_id bigint, OUT payment public.token_payments) IS 'Service: stores a webhook; verdict read, scheduled, duplicate, unknown_order or forged. busy = the
caller cannot read it now: the sweep will.';

CREATE FUNCTION public.coinslot_verify_ledger(from_user uuid DEFAULT NULL::uuid, to_user uuid DEFAULT NULL::uuid) RETURNS TABLE(user_id uuid, problem text, expected bigint, found bigint)
    LANGUAGE sql STABLE
    SET search_path TO ''
    SET statement_timeout TO '55s'
    AS $$
  select * from coinslot.verify_ledger(
    coinslot_verify_ledger.from_user, coinslot_verify_ledger.to_user
  )
$$;

COMMENT ON FUNCTION public.coinslot_verify_ledger(from_user uuid, to_user uuid) IS 'Service: every wallet in [from_user, to_user) that does not add up. No rows = sound.';

CREATE FUNCTION public.create_token_order(product_id text, gateway text, currency text DEFAULT 'KRW'::text, idempotency_key text DEFAULT NULL::text) RETURNS public.token_payments
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.create_order(
    create_token_order.product_id, create_token_order.gateway, create_token_order.currency,
    create_token_order.idempotency_key
  )
$$;

COMMENT ON FUNCTION public.create_token_order(product_id text, gateway text, currency text, idempotency_key text) IS 'Makes an order of the signed-in user at the catalogue''s price. With a key: once per key.';

CREATE FUNCTION public.get_user_tokens() RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select coalesce(
    (
      select coinslot.available(w)
      from public.token_wallets w
      where w.user_id = (select coinslot.current_user_id())
    ), 0
  )
$$;

COMMENT ON FUNCTION public.get_user_tokens() IS 'Tokens the signed-in user can spend now.';

CREATE FUNCTION public.hold_feature_for(user_id uuid, feature text, idempotency_key text, ttl_seconds integer DEFAULT 600) RETURNS public.token_hold_receipt
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.hold_feature_for(
    hold_feature_for.user_id, hold_feature_for.feature, hold_feature_for.idempotency_key,
    hold_feature_for.ttl_seconds
  )
$$;

COMMENT ON FUNCTION public.hold_feature_for(user_id uuid, feature text, idempotency_key text, ttl_seconds integer) IS 'Service: sets aside what a feature costs a user until captured, released or expired.';

CREATE FUNCTION public.hold_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text DEFAULT ''::text, ttl_seconds integer DEFAULT 600) RETURNS public.token_hold_receipt
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.hold_tokens_for(
    hold_tokens_for.user_id, hold_tokens_for.amount, hold_tokens_for.idempotency_key,
    hold_tokens_for.reason, hold_tokens_for.ttl_seconds
  )
$$;

COMMENT ON FUNCTION public.hold_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, ttl_seconds integer) IS 'Service: sets tokens of a user aside until captured, released or expired.';

CREATE FUNCTION public.list_token_refunds(order_id text) RETURNS SETOF coinslot.refunds
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select * from coinslot.list_token_refunds(list_token_refunds.order_id)
$$;

COMMENT ON FUNCTION public.list_token_refunds(order_id text) IS 'Operators: the refunds of an order, newest first.';

CREATE FUNCTION public.merge_token_wallets(from_user uuid, into_user uuid, idempotency_key text) RETURNS public.token_merge_receipt
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.merge_wallets(
    merge_token_wallets.from_user, merge_token_wallets.into_user,
    merge_token_wallets.idempotency_key
  )
$$;

COMMENT ON FUNCTION public.merge_token_wallets(from_user uuid, into_user uuid, idempotency_key text) IS 'Service: moves tokens, orders, holds and refunds of one user to another, once and for good.';

CREATE FUNCTION public.release_token_hold(hold_id uuid) RETURNS public.token_hold_receipt
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.release_hold(release_token_hold.hold_id)
$$;

COMMENT ON FUNCTION public.release_token_hold(hold_id uuid) IS 'Service: frees what an open hold set aside; nothing is spent.';

CREATE FUNCTION public.request_token_refund(order_id text, reason text, idempotency_key text, amount bigint DEFAULT NULL::bigint, force boolean DEFAULT false, payment_key text DEFAULT NULL::text, account jsonb DEFAULT NULL::jsonb) RETURNS coinslot.refunds
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.request_refund(
    request_token_refund.order_id, request_token_refund.reason,
    request_token_refund.idempotency_key, request_token_refund.amount, request_token_refund.force,
    request_token_refund.payment_key, request_token_refund.account
  )
$$;

COMMENT ON FUNCTION public.request_token_refund(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) IS 'Operators, finance or owner: asks for money of an order to be given back; by default all of it.';

CREATE FUNCTION public.request_token_refund_for(order_id text, reason text, idempotency_key text, amount bigint DEFAULT NULL::bigint, force boolean DEFAULT false, payment_key text DEFAULT NULL::text, account jsonb DEFAULT NULL::jsonb) RETURNS coinslot.refunds
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.request_refund_for(
    request_token_refund_for.order_id, request_token_refund_for.reason,
    request_token_refund_for.idempotency_key, request_token_refund_for.amount,
    request_token_refund_for.force, request_token_refund_for.payment_key,
    request_token_refund_for.account
  )
$$;

COMMENT ON FUNCTION public.request_token_refund_for(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) IS 'Service: the same as request_refund, on an operator''s word.';

CREATE FUNCTION public.spend_tokens(amount bigint, idempotency_key text, reason text DEFAULT ''::text, metadata jsonb DEFAULT '{}'::jsonb) RETURNS public.token_receipt
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.spend_tokens(
    spend_tokens.amount, spend_tokens.idempotency_key, spend_tokens.reason, spend_tokens.metadata
  )
$$;

COMMENT ON FUNCTION public.spend_tokens(amount bigint, idempotency_key text, reason text, metadata jsonb) IS 'Spends tokens of the signed-in user, once per idempotency key. PT402 when there are too few.';

CREATE FUNCTION public.spend_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text DEFAULT ''::text, metadata jsonb DEFAULT '{}'::jsonb) RETURNS public.token_receipt
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.spend_tokens_for(
    spend_tokens_for.user_id, spend_tokens_for.amount, spend_tokens_for.idempotency_key,
    spend_tokens_for.reason, spend_tokens_for.metadata
  )
$$;

COMMENT ON FUNCTION public.spend_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, metadata jsonb) IS 'Service: spends tokens of a user, once per idempotency key of the service.';

CREATE FUNCTION public.tokens(profile public.profiles) RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select coinslot.available(w) from public.token_wallets w where w.user_id = profile.id
$$;

COMMENT ON FUNCTION public.tokens(profile public.profiles) IS 'Tokens the person can spend now.';

CREATE FUNCTION public.update_profile(display_name text DEFAULT NULL::text, locale text DEFAULT NULL::text) RETURNS public.profiles
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.update_profile(update_profile.display_name, update_profile.locale)
$$;

COMMENT ON FUNCTION public.update_profile(display_name text, locale text) IS 'Changes the signed-in user''s profile; what is null stays.';

CREATE FUNCTION public.use_feature(feature text, idempotency_key text, metadata jsonb DEFAULT '{}'::jsonb) RETURNS public.token_receipt
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.use_feature(
    use_feature.feature, use_feature.idempotency_key, use_feature.metadata
  )
$$;

COMMENT ON FUNCTION public.use_feature(feature text, idempotency_key text, metadata jsonb) IS 'Spends what a feature costs, once per idempotency key. PT402 when there are too few tokens.';

CREATE FUNCTION public.use_feature_for(user_id uuid, feature text, idempotency_key text, metadata jsonb DEFAULT '{}'::jsonb) RETURNS public.token_receipt
    LANGUAGE sql
    SET search_path TO ''
    AS $$
  select coinslot.use_feature_for(
    use_feature_for.user_id, use_feature_for.feature, use_feature_for.idempotency_key,
    use_feature_for.metadata
  )
$$;

COMMENT ON FUNCTION public.use_feature_for(user_id uuid, feature text, idempotency_key text, metadata jsonb) IS 'Service: spends what a feature costs a user, once per idempotency key of the service.';

CREATE TABLE coinslot.audits (
    id bigint NOT NULL,
    gateway text NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT audits_window_valid CHECK ((since < until))
);

COMMENT ON TABLE coinslot.audits IS 'Comparisons of a gateway''s books with ours.';

COMMENT ON COLUMN coinslot.audits.since IS 'Payments that the gateway dates in [since, until).';

ALTER TABLE coinslot.audits ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME coinslot.audits_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE coinslot.settings (
    id boolean DEFAULT true NOT NULL,
    mode text DEFAULT 'test'::text NOT NULL,
    signup_bonus bigint DEFAULT 5 NOT NULL,
    order_lifetime interval DEFAULT '01:00:00'::interval NOT NULL,
    max_open_orders integer DEFAULT 20 NOT NULL,
    max_unpaid_orders_per_hour integer DEFAULT 100 NOT NULL,
    max_hold_seconds integer DEFAULT 86400 NOT NULL,
    anonymous_purchases boolean DEFAULT true NOT NULL,
    canonical_emails boolean DEFAULT true NOT NULL,
    identity_salt text DEFAULT replace((gen_random_uuid())::text, '-'::text, ''::text) NOT NULL,
    CONSTRAINT settings_max_hold_seconds_positive CHECK ((max_hold_seconds > 0)),
    CONSTRAINT settings_max_open_orders_positive CHECK ((max_open_orders > 0)),
    CONSTRAINT settings_max_unpaid_orders_per_hour_positive CHECK ((max_unpaid_orders_per_hour > 0)),
    CONSTRAINT settings_mode_known CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
    CONSTRAINT settings_order_lifetime_positive CHECK ((order_lifetime > '00:00:00'::interval)),
    CONSTRAINT settings_signup_bonus_valid CHECK (((signup_bonus >= 0) AND (signup_bonus <= coinslot.max_amount()))),
    CONSTRAINT settings_single_row CHECK (id)
);

COMMENT ON TABLE coinslot.settings IS 'Settings of this database: exactly one row.';

COMMENT ON COLUMN coinslot.settings.mode IS 'test | live: which gateway payments are money here.';

COMMENT ON COLUMN coinslot.settings.signup_bonus IS 'Tokens for a newly confirmed identity.';

COMMENT ON COLUMN coinslot.settings.order_lifetime IS 'How long an unpaid order stays open.';

COMMENT ON COLUMN coinslot.settings.max_open_orders IS 'Unpaid orders one user may have open.';

COMMENT ON COLUMN coinslot.settings.max_unpaid_orders_per_hour IS 'Orders one user may make in an hour and pay nothing for, canceled ones as well.';

COMMENT ON COLUMN coinslot.settings.max_hold_seconds IS 'Longest life of a hold.';

COMMENT ON COLUMN coinslot.settings.anonymous_purchases IS 'False refuses orders of users who signed in without an identity.';

COMMENT ON COLUMN coinslot.settings.canonical_emails IS 'Count spellings of one mailbox (tags, dots at Gmail) as one identity, from now on.';

COMMENT ON COLUMN coinslot.settings.identity_salt IS 'Keeps identity hashes from being guessed.';

CREATE VIEW coinslot.confirmed_identities WITH (security_invoker='true') AS
 SELECT u.id AS user_id,
    u.created_at,
    encode(sha256(convert_to((s.identity_salt || identity.name), 'UTF8'::name)), 'hex'::text) AS identity_hash
   FROM ((coinslot.settings s
     CROSS JOIN auth.users u)
     CROSS JOIN LATERAL unnest(coinslot.identities_of(u.*, s.canonical_emails)) identity(name))
  WHERE s.id;

COMMENT ON VIEW coinslot.confirmed_identities IS 'Salted hashes of what each account has confirmed, and of the account itself.';

ALTER TABLE coinslot.discrepancies ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME coinslot.discrepancies_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE coinslot.errors (
    message text NOT NULL,
    sqlstate text NOT NULL,
    hint text NOT NULL,
    CONSTRAINT errors_sqlstate_is_http CHECK ((sqlstate ~ '^PT4[0-9]{2}$'::text))
);

COMMENT ON TABLE coinslot.errors IS 'Registry of the errors raised by the RPCs.';

CREATE TABLE coinslot.gateways (
    id text NOT NULL,
    name text NOT NULL,
    active boolean DEFAULT true NOT NULL,
    CONSTRAINT gateways_id_named CHECK ((id ~ '^[a-z][a-z0-9_]{0,30}$'::text))
);

COMMENT ON TABLE coinslot.gateways IS 'Payment gateways: adding one is adding a row.';

COMMENT ON COLUMN coinslot.gateways.active IS 'False refuses new orders; open ones go on.';

CREATE TABLE coinslot.identities (
    identity_hash text NOT NULL COLLATE pg_catalog."C",
    user_id uuid NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

COMMENT ON TABLE coinslot.identities IS 'Identities that earn no sign-up bonus any more.';

COMMENT ON COLUMN coinslot.identities.user_id IS 'The account that confirmed it first.';

ALTER TABLE coinslot.ledger_checks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME coinslot.ledger_checks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE coinslot.payment_attempts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME coinslot.payment_attempts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE coinslot.payment_reads (
    payment_id uuid NOT NULL,
    gateway text NOT NULL,
    reads integer DEFAULT 0 NOT NULL,
    next_read_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE coinslot.payment_reads IS 'Orders to be read again at their gateways, and when.';

COMMENT ON COLUMN coinslot.payment_reads.reads IS 'Reads since the order''s status changed.';

CREATE TABLE coinslot.payment_statuses (
    status text NOT NULL,
    settled boolean NOT NULL,
    reads integer,
    description text NOT NULL
);

COMMENT ON TABLE coinslot.payment_statuses IS 'The states of an order.';

COMMENT ON COLUMN coinslot.payment_statuses.settled IS 'The gateway has had the money.';

COMMENT ON COLUMN coinslot.payment_statuses.reads IS 'How often an order that stays so is read again at the gateway; null = for as long as it does.';

CREATE TABLE coinslot.payment_transitions (
    from_status text NOT NULL,
    to_status text NOT NULL,
    CONSTRAINT payment_transitions_move CHECK ((from_status <> to_status))
);

COMMENT ON TABLE coinslot.payment_transitions IS 'The legal moves between the states of an order.';

CREATE TABLE coinslot.refund_accounts (
    refund_id uuid NOT NULL,
    bank text NOT NULL,
    account_number text NOT NULL,
    holder text NOT NULL,
    CONSTRAINT refund_accounts_shaped CHECK (((bank ~ '^[A-Za-z0-9_]{1,40}$'::text) AND (account_number ~ '^[0-9]{4,20}$'::text) AND ((length(holder) >= 1) AND (length(holder) <= 60))))
);

COMMENT ON TABLE coinslot.refund_accounts IS 'Where the money of a deposit goes back to; deleted when the refund is over.';

ALTER TABLE coinslot.webhooks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME coinslot.webhooks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.token_features (
    feature text NOT NULL,
    tokens bigint NOT NULL,
    CONSTRAINT token_features_feature_named CHECK ((feature ~ '^[a-z][a-z0-9_]{0,62}$'::text)),
    CONSTRAINT token_features_tokens_positive CHECK (((tokens >= 1) AND (tokens <= coinslot.max_amount())))
);

COMMENT ON TABLE public.token_features IS 'What a use of each feature costs, in tokens.';

CREATE TABLE public.token_prices (
    product_id text NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT token_prices_amount_positive CHECK (((amount >= 1) AND (amount <= coinslot.max_amount()))),
    CONSTRAINT token_prices_currency_is_iso_4217 CHECK ((currency ~ '^[A-Z]{3}$'::text))
);

COMMENT ON TABLE public.token_prices IS 'Price of a product in each currency it is sold in.';

COMMENT ON COLUMN public.token_prices.amount IS 'Minor units: won for KRW, cents for USD.';

CREATE TABLE public.token_products (
    id text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    name_ko text NOT NULL,
    tokens bigint DEFAULT 0 NOT NULL,
    active boolean DEFAULT true NOT NULL,
    CONSTRAINT token_products_id_named CHECK ((id ~ '^[a-z][a-z0-9_]{0,62}$'::text)),
    CONSTRAINT token_products_kind_known CHECK ((kind = ANY (ARRAY['token_pack'::text, 'one_off'::text]))),
    CONSTRAINT token_products_tokens_fit_kind CHECK ((((tokens >= 0) AND (tokens <= coinslot.max_amount())) AND ((kind = 'token_pack'::text) = (tokens > 0))))
);

COMMENT ON TABLE public.token_products IS 'What is sold: packs of tokens, and single things.';

COMMENT ON COLUMN public.token_products.kind IS 'token_pack: credits tokens. one_off: credits none.';

COMMENT ON COLUMN public.token_products.active IS 'False takes it off sale; its orders stay valid.';

CREATE VIEW public.token_offers WITH (security_invoker='true') AS
 SELECT p.id,
    p.kind,
    p.name,
    p.name_ko,
    p.tokens,
    r.currency,
    r.amount,
        CASE
            WHEN (p.kind = 'token_pack'::text) THEN (GREATEST((0)::numeric, floor(((100)::numeric - (((100.0 * (r.amount)::numeric) * (first_value(p.tokens) OVER pack)::numeric) / ((p.tokens * first_value(r.amount) OVER pack))::numeric)))))::integer
            ELSE 0
        END AS discount_percent
   FROM (public.token_products p
     JOIN public.token_prices r ON ((p.id = r.product_id)))
  WHERE p.active
  WINDOW pack AS (PARTITION BY p.kind, r.currency ORDER BY p.tokens, r.amount);

COMMENT ON VIEW public.token_offers IS 'What is on sale: one row for each product and currency.';

COMMENT ON COLUMN public.token_offers.discount_percent IS 'How much cheaper a token is than in the smallest pack.';

CREATE TABLE public.token_payment_events (
    id bigint NOT NULL,
    payment_id uuid NOT NULL,
    user_id uuid NOT NULL,
    from_status text,
    to_status text NOT NULL,
    tokens bigint DEFAULT 0 NOT NULL,
    source text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    payment_key text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

COMMENT ON TABLE public.token_payment_events IS 'Every move of an order and every attempt that was refused, append-only.';

COMMENT ON COLUMN public.token_payment_events.user_id IS 'Whose order it was then.';

COMMENT ON COLUMN public.token_payment_events.tokens IS 'Tokens credited (+) or reversed (-) with it.';

COMMENT ON COLUMN public.token_payment_events.source IS 'What led to it: user, complete, webhook, …';

ALTER TABLE public.token_payment_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.token_payment_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW public.token_refunds WITH (security_invoker='true') AS
 SELECT id,
    payment_id,
    order_id,
    user_id,
    amount,
    currency,
    tokens,
    status,
    created_at,
    finished_at
   FROM coinslot.refunds r;

COMMENT ON VIEW public.token_refunds IS 'Money given back, or on its way, as its buyer sees it.';

ALTER TABLE ONLY coinslot.audit_lines
    ADD CONSTRAINT audit_lines_pkey PRIMARY KEY (audit_id, payment_key);

ALTER TABLE ONLY coinslot.audits
    ADD CONSTRAINT audits_pkey PRIMARY KEY (id);

ALTER TABLE ONLY coinslot.audits
    ADD CONSTRAINT audits_window_key UNIQUE (gateway, since, until);

ALTER TABLE ONLY coinslot.discrepancies
    ADD CONSTRAINT discrepancies_pkey PRIMARY KEY (id);

ALTER TABLE ONLY coinslot.errors
    ADD CONSTRAINT errors_pkey PRIMARY KEY (message);

ALTER TABLE ONLY coinslot.gateways
    ADD CONSTRAINT gateways_pkey PRIMARY KEY (id);

ALTER TABLE ONLY coinslot.identities
    ADD CONSTRAINT identities_pkey PRIMARY KEY (identity_hash);

ALTER TABLE ONLY coinslot.ledger_checks
    ADD CONSTRAINT ledger_checks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY coinslot.merged_wallets
    ADD CONSTRAINT merged_wallets_idempotency_key_key UNIQUE (idempotency_key);

ALTER TABLE ONLY coinslot.merged_wallets
    ADD CONSTRAINT merged_wallets_pkey PRIMARY KEY (from_user);

ALTER TABLE ONLY coinslot.operators
    ADD CONSTRAINT operators_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY coinslot.payment_attempts
    ADD CONSTRAINT payment_attempts_gateway_payment_key_key UNIQUE (gateway, payment_key);

ALTER TABLE ONLY coinslot.payment_attempts
    ADD CONSTRAINT payment_attempts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY coinslot.payment_reads
    ADD CONSTRAINT payment_reads_pkey PRIMARY KEY (payment_id);

ALTER TABLE ONLY coinslot.payment_statuses
    ADD CONSTRAINT payment_statuses_pkey PRIMARY KEY (status);

ALTER TABLE ONLY coinslot.payment_transitions
    ADD CONSTRAINT payment_transitions_pkey PRIMARY KEY (from_status, to_status);

ALTER TABLE ONLY coinslot.refund_accounts
    ADD CONSTRAINT refund_accounts_pkey PRIMARY KEY (refund_id);

ALTER TABLE ONLY coinslot.refunds
    ADD CONSTRAINT refunds_idempotency_key_key UNIQUE (payment_id, idempotency_key);

ALTER TABLE ONLY coinslot.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY coinslot.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY coinslot.token_holds
    ADD CONSTRAINT token_holds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY coinslot.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.token_features
    ADD CONSTRAINT token_features_pkey PRIMARY KEY (feature);

ALTER TABLE ONLY public.token_ledger
    ADD CONSTRAINT token_ledger_pkey PRIMARY KEY (user_id, seq);

ALTER TABLE ONLY public.token_payment_events
    ADD CONSTRAINT token_payment_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.token_payments
    ADD CONSTRAINT token_payments_idempotency_key_key UNIQUE (user_id, idempotency_key);

ALTER TABLE ONLY public.token_payments
    ADD CONSTRAINT token_payments_order_id_key UNIQUE (order_id);

ALTER TABLE ONLY public.token_payments
    ADD CONSTRAINT token_payments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.token_prices
    ADD CONSTRAINT token_prices_pkey PRIMARY KEY (product_id, currency);

ALTER TABLE ONLY public.token_products
    ADD CONSTRAINT token_products_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.token_wallets
    ADD CONSTRAINT token_wallets_pkey PRIMARY KEY (user_id);

CREATE INDEX audit_lines_open ON coinslot.audit_lines USING btree (audit_id, verdict, payment_key);

CREATE UNIQUE INDEX discrepancies_open ON coinslot.discrepancies USING btree (kind, gateway, payment_key, order_id) WHERE (resolved_at IS NULL);

CREATE INDEX merged_wallets_into_user ON coinslot.merged_wallets USING btree (into_user);

CREATE INDEX merged_wallets_owner_user ON coinslot.merged_wallets USING btree (owner_user);

CREATE UNIQUE INDEX payment_attempts_one_credited ON coinslot.payment_attempts USING btree (payment_id) WHERE credited;

CREATE INDEX payment_attempts_payment_id ON coinslot.payment_attempts USING btree (payment_id);

CREATE INDEX payment_reads_due ON coinslot.payment_reads USING btree (gateway, next_read_at);

CREATE INDEX payment_transitions_to_status ON coinslot.payment_transitions USING btree (to_status);

CREATE INDEX refunds_due ON coinslot.refunds USING btree (next_attempt_at) WHERE (next_attempt_at IS NOT NULL);

CREATE UNIQUE INDEX refunds_one_open ON coinslot.refunds USING btree (payment_id) WHERE (finished_at IS NULL);

CREATE INDEX refunds_user_id ON coinslot.refunds USING btree (user_id, created_at DESC);

CREATE INDEX token_holds_expiring ON coinslot.token_holds USING btree (expires_at) WHERE ((status = 'held'::text) AND (expires_at < 'infinity'::timestamp with time zone));

CREATE UNIQUE INDEX token_holds_idempotency ON coinslot.token_holds USING btree (user_id, idempotency_key) WHERE (status = ANY (ARRAY['held'::text, 'captured'::text]));

CREATE INDEX token_holds_open ON coinslot.token_holds USING btree (user_id, expires_at) WHERE (status = 'held'::text);

CREATE UNIQUE INDEX token_holds_refund_id ON coinslot.token_holds USING btree (refund_id) WHERE (refund_id IS NOT NULL);

CREATE INDEX token_holds_user_id ON coinslot.token_holds USING btree (user_id);

CREATE INDEX webhooks_due ON coinslot.webhooks USING btree (next_attempt_at) WHERE (next_attempt_at IS NOT NULL);

CREATE UNIQUE INDEX webhooks_event_id ON coinslot.webhooks USING btree (gateway, event_id) WHERE (event_id IS NOT NULL);

CREATE INDEX webhooks_order_id ON coinslot.webhooks USING btree (order_id, id);

CREATE INDEX webhooks_outcome ON coinslot.webhooks USING btree (outcome, id);

CREATE UNIQUE INDEX webhooks_unsigned ON coinslot.webhooks USING btree (gateway, order_id, payment_key) WHERE (event_id IS NULL);

CREATE UNIQUE INDEX token_ledger_idempotency ON public.token_ledger USING btree (user_id, caller, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX token_ledger_payment_id ON public.token_ledger USING btree (payment_id) WHERE (payment_id IS NOT NULL);

CREATE INDEX token_payment_events_payment_id ON public.token_payment_events USING btree (payment_id, id);

CREATE INDEX token_payment_events_user_id ON public.token_payment_events USING btree (user_id, id);

CREATE INDEX token_payments_expiring ON public.token_payments USING btree (expires_at) WHERE (status = ANY (ARRAY['pending'::text, 'awaiting_deposit'::text]));

CREATE INDEX token_payments_gateway ON public.token_payments USING btree (gateway, confirmed_at);

CREATE INDEX token_payments_history ON public.token_payments USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX token_payments_product_id ON public.token_payments USING btree (product_id);

CREATE INDEX token_payments_status ON public.token_payments USING btree (status) WHERE (status = 'review'::text);

CREATE TRIGGER token_ledger_append_only BEFORE DELETE OR UPDATE ON public.token_ledger FOR EACH ROW EXECUTE FUNCTION coinslot.refuse_change();

CREATE TRIGGER token_ledger_no_truncate BEFORE TRUNCATE ON public.token_ledger FOR EACH STATEMENT EXECUTE FUNCTION coinslot.refuse_change();

CREATE TRIGGER token_payment_events_append_only BEFORE DELETE OR UPDATE ON public.token_payment_events FOR EACH ROW EXECUTE FUNCTION coinslot.refuse_change();

CREATE TRIGGER token_payment_events_no_truncate BEFORE TRUNCATE ON public.token_payment_events FOR EACH STATEMENT EXECUTE FUNCTION coinslot.refuse_change();

CREATE TRIGGER token_payments_reads_inserted AFTER INSERT ON public.token_payments FOR EACH ROW EXECUTE FUNCTION coinslot.schedule_reads();

CREATE TRIGGER token_payments_reads_moved AFTER UPDATE OF status ON public.token_payments FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION coinslot.schedule_reads();

CREATE TRIGGER token_payments_status_inserted BEFORE INSERT ON public.token_payments FOR EACH ROW EXECUTE FUNCTION coinslot.guard_transition();

CREATE TRIGGER token_payments_status_moved BEFORE UPDATE OF status ON public.token_payments FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION coinslot.guard_transition();

ALTER TABLE ONLY coinslot.audit_lines
    ADD CONSTRAINT audit_lines_audit_id_fkey FOREIGN KEY (audit_id) REFERENCES coinslot.audits(id) ON DELETE CASCADE;

ALTER TABLE ONLY coinslot.audits
    ADD CONSTRAINT audits_gateway_fkey FOREIGN KEY (gateway) REFERENCES coinslot.gateways(id) ON DELETE RESTRICT;

ALTER TABLE ONLY coinslot.merged_wallets
    ADD CONSTRAINT merged_wallets_from_user_fkey FOREIGN KEY (from_user) REFERENCES public.token_wallets(user_id) ON DELETE RESTRICT;

ALTER TABLE ONLY coinslot.merged_wallets
    ADD CONSTRAINT merged_wallets_into_user_fkey FOREIGN KEY (into_user) REFERENCES public.token_wallets(user_id) ON DELETE RESTRICT;

ALTER TABLE ONLY coinslot.merged_wallets
    ADD CONSTRAINT merged_wallets_owner_user_fkey FOREIGN KEY (owner_user) REFERENCES public.token_wallets(user_id) ON DELETE RESTRICT;

ALTER TABLE ONLY coinslot.payment_attempts
    ADD CONSTRAINT payment_attempts_gateway_fkey FOREIGN KEY (gateway) REFERENCES coinslot.gateways(id) ON DELETE RESTRICT;

ALTER TABLE ONLY coinslot.payment_attempts
    ADD CONSTRAINT payment_attempts_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.token_payments(id) ON DELETE RESTRICT;

ALTER TABLE ONLY coinslot.payment_reads
    ADD CONSTRAINT payment_reads_gateway_fkey FOREIGN KEY (gateway) REFERENCES coinslot.gateways(id) ON DELETE RESTRICT;

ALTER TABLE ONLY coinslot.payment_reads
    ADD CONSTRAINT payment_reads_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.token_payments(id) ON DELETE CASCADE;

ALTER TABLE ONLY coinslot.payment_transitions
    ADD CONSTRAINT payment_transitions_from_status_fkey FOREIGN KEY (from_status) REFERENCES coinslot.payment_statuses(status) ON DELETE CASCADE;

ALTER TABLE ONLY coinslot.payment_transitions
    ADD CONSTRAINT payment_transitions_to_status_fkey FOREIGN KEY (to_status) REFERENCES coinslot.payment_statuses(status) ON DELETE CASCADE;

ALTER TABLE ONLY coinslot.refund_accounts
    ADD CONSTRAINT refund_accounts_refund_id_fkey FOREIGN KEY (refund_id) REFERENCES coinslot.refunds(id) ON DELETE CASCADE;

ALTER TABLE ONLY coinslot.refunds
    ADD CONSTRAINT refunds_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.token_payments(id) ON DELETE RESTRICT;

ALTER TABLE ONLY coinslot.token_holds
    ADD CONSTRAINT token_holds_refund_id_fkey FOREIGN KEY (refund_id) REFERENCES coinslot.refunds(id) ON DELETE RESTRICT;

ALTER TABLE ONLY coinslot.token_holds
    ADD CONSTRAINT token_holds_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.token_wallets(user_id) ON DELETE RESTRICT;

ALTER TABLE ONLY coinslot.webhooks
    ADD CONSTRAINT webhooks_gateway_fkey FOREIGN KEY (gateway) REFERENCES coinslot.gateways(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT profiles_id_fkey FOREIGN KEY (id) REFERENCES auth.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.token_ledger
    ADD CONSTRAINT token_ledger_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.token_payments(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.token_payment_events
    ADD CONSTRAINT token_payment_events_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.token_payments(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.token_payments
    ADD CONSTRAINT token_payments_gateway_fkey FOREIGN KEY (gateway) REFERENCES coinslot.gateways(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.token_payments
    ADD CONSTRAINT token_payments_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.token_products(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.token_payments
    ADD CONSTRAINT token_payments_status_fkey FOREIGN KEY (status) REFERENCES coinslot.payment_statuses(status) ON DELETE RESTRICT;

ALTER TABLE ONLY public.token_prices
    ADD CONSTRAINT token_prices_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.token_products(id) ON DELETE CASCADE;

CREATE POLICY "Nobody reads accounts through the API" ON coinslot.refund_accounts FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads attempts through the API" ON coinslot.payment_attempts FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads audit lines through the API" ON coinslot.audit_lines FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads audits through the API" ON coinslot.audits FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads checks through the API" ON coinslot.ledger_checks FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads discrepancies through the API" ON coinslot.discrepancies FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads gateways through the API" ON coinslot.gateways FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads identities through the API" ON coinslot.identities FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads merges through the API" ON coinslot.merged_wallets FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads operators through the API" ON coinslot.operators FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads settings through the API" ON coinslot.settings FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads statuses through the API" ON coinslot.payment_statuses FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads the registry through the API" ON coinslot.errors FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads the schedule through the API" ON coinslot.payment_reads FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads transitions through the API" ON coinslot.payment_transitions FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "Nobody reads webhooks through the API" ON coinslot.webhooks FOR SELECT TO anon, authenticated USING (false);

CREATE POLICY "People count their own holds" ON coinslot.token_holds FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY "People read their own refunds" ON coinslot.refunds FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

ALTER TABLE coinslot.audit_lines ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.audits ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.discrepancies ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.errors ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.gateways ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.identities ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.ledger_checks ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.merged_wallets ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.operators ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.payment_attempts ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.payment_reads ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.payment_statuses ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.payment_transitions ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.refund_accounts ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.refunds ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.settings ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.token_holds ENABLE ROW LEVEL SECURITY;

ALTER TABLE coinslot.webhooks ENABLE ROW LEVEL SECURITY;

CREATE POLICY "Everybody reads feature prices" ON public.token_features FOR SELECT TO anon, authenticated USING (true);

CREATE POLICY "Everybody reads prices" ON public.token_prices FOR SELECT TO anon, authenticated USING (true);

CREATE POLICY "Everybody reads products" ON public.token_products FOR SELECT TO anon, authenticated USING (true);

CREATE POLICY "People read the events of their own payments" ON public.token_payment_events FOR SELECT TO authenticated USING ((user_id = ANY (( SELECT coinslot.own_histories() AS own_histories)::uuid[])));

CREATE POLICY "People read their own ledger" ON public.token_ledger FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY "People read their own payments" ON public.token_payments FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

CREATE POLICY "People read their own profile" ON public.profiles FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = id));

CREATE POLICY "People read their own wallet" ON public.token_wallets FOR SELECT TO authenticated USING ((( SELECT auth.uid() AS uid) = user_id));

ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.token_features ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.token_ledger ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.token_payment_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.token_payments ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.token_prices ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.token_products ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.token_wallets ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA coinslot TO authenticated;
GRANT USAGE ON SCHEMA coinslot TO service_role;

GRANT USAGE ON SCHEMA public TO postgres;
GRANT USAGE ON SCHEMA public TO anon;
GRANT USAGE ON SCHEMA public TO authenticated;
GRANT USAGE ON SCHEMA public TO service_role;

REVOKE ALL ON FUNCTION coinslot.apply_outcomes() FROM PUBLIC;

REVOKE ALL ON TYPE coinslot.apply_outcome FROM PUBLIC;

REVOKE ALL ON TYPE coinslot.delivery_verdict FROM PUBLIC;

REVOKE ALL ON TYPE public.coinslot_operator_account FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.order_id_form() FROM PUBLIC;

GRANT SELECT ON TABLE public.token_payments TO authenticated;
GRANT SELECT ON TABLE public.token_payments TO service_role;

REVOKE ALL ON TYPE public.coinslot_payment_to_read FROM PUBLIC;
GRANT ALL ON TYPE public.coinslot_payment_to_read TO service_role;

REVOKE ALL ON TYPE public.coinslot_refund_job FROM PUBLIC;
GRANT ALL ON TYPE public.coinslot_refund_job TO service_role;

REVOKE ALL ON TYPE public.coinslot_webhook_verdict FROM PUBLIC;
GRANT ALL ON TYPE public.coinslot_webhook_verdict TO service_role;

REVOKE ALL ON TYPE public.token_hold_receipt FROM PUBLIC;
GRANT ALL ON TYPE public.token_hold_receipt TO authenticated;
GRANT ALL ON TYPE public.token_hold_receipt TO service_role;

REVOKE ALL ON TYPE public.token_merge_receipt FROM PUBLIC;
GRANT ALL ON TYPE public.token_merge_receipt TO service_role;

REVOKE ALL ON TYPE public.token_receipt FROM PUBLIC;
GRANT ALL ON TYPE public.token_receipt TO authenticated;
GRANT ALL ON TYPE public.token_receipt TO service_role;

REVOKE ALL ON FUNCTION coinslot.account_lock(user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.operator_roles() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.add_operator(who text, role text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.add_operator(who text, role text) TO service_role;

REVOKE ALL ON FUNCTION coinslot.add_tokens(user_id uuid, amount bigint, idempotency_key text, reason text, kind text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.add_tokens(user_id uuid, amount bigint, idempotency_key text, reason text, kind text) TO service_role;

REVOKE ALL ON FUNCTION coinslot.adopt_users() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.attempt_states() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.apply_attempt(order_id text, version bigint, source text, attempt coinslot.payment_attempts, OUT outcome text, OUT payment public.token_payments) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.apply_gateway_payment(order_id text, version bigint, source text, attempt coinslot.payment_attempts, webhook_ids bigint[], OUT outcome coinslot.apply_outcome, OUT payment public.token_payments, OUT webhooks public.coinslot_webhook_verdict[]) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.apply_gateway_payment(order_id text, version bigint, source text, attempt coinslot.payment_attempts, webhook_ids bigint[], OUT outcome coinslot.apply_outcome, OUT payment public.token_payments, OUT webhooks public.coinslot_webhook_verdict[]) TO service_role;

REVOKE ALL ON FUNCTION coinslot.apply_news(before public.token_payments, attempt coinslot.payment_attempts, source text, OUT outcome text, OUT payment public.token_payments) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.attempt_problem(payment public.token_payments, attempt coinslot.payment_attempts) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.audit_lease() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.audit_payments(audit_id bigint, lines jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.audit_payments(audit_id bigint, lines jsonb) TO service_role;

REVOKE ALL ON FUNCTION coinslot.audit_report(audit_id bigint, verdict text, after text, page_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.audit_report(audit_id bigint, verdict text, after text, page_size integer) TO service_role;

REVOKE ALL ON FUNCTION coinslot.audit_unlisted(audit_id bigint, after text, page_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.audit_unlisted(audit_id bigint, after text, page_size integer) TO service_role;

GRANT SELECT ON TABLE public.token_wallets TO authenticated;
GRANT SELECT ON TABLE public.token_wallets TO service_role;

REVOKE ALL ON FUNCTION coinslot.available(wallet public.token_wallets) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.available(wallet public.token_wallets) TO authenticated;
GRANT ALL ON FUNCTION coinslot.available(wallet public.token_wallets) TO service_role;

REVOKE ALL ON FUNCTION coinslot.begin_audit(gateway text, since timestamp with time zone, until timestamp with time zone, again boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.begin_audit(gateway text, since timestamp with time zone, until timestamp with time zone, again boolean) TO service_role;

REVOKE ALL ON FUNCTION coinslot.cancel_order(order_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.cancel_order(order_id text) TO authenticated;

REVOKE ALL ON FUNCTION coinslot.cancel_orders(payment_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.cancelable_statuses() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.canonical_email(email text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.capture_hold(hold_id uuid, amount bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.capture_hold(hold_id uuid, amount bigint) TO service_role;

REVOKE ALL ON FUNCTION coinslot.check_attempt(order_id text, attempt coinslot.payment_attempts, source text, version bigint, order_gateway text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.check_buyer(user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.check_call(amount bigint, idempotency_key text, reason text, metadata jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.check_ledger() FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.check_ledger() TO service_role;

REVOKE ALL ON FUNCTION coinslot.check_lines(lines jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.check_merge(from_user uuid, into_user uuid, idempotency_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.check_mergeable(user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.check_merged_sums(from_wallet public.token_wallets, into_user uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.check_open(wallet public.token_wallets) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.check_order_limits(user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.check_refund(reason text, idempotency_key text, account jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.check_text(argument text, value text, longest integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.check_ttl(ttl_seconds integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.max_amount() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.refund_answers() FROM PUBLIC;

GRANT SELECT(id) ON TABLE coinslot.refunds TO authenticated;
GRANT SELECT(id) ON TABLE coinslot.refunds TO service_role;

GRANT SELECT(payment_id) ON TABLE coinslot.refunds TO authenticated;
GRANT SELECT(payment_id) ON TABLE coinslot.refunds TO service_role;

GRANT SELECT(order_id) ON TABLE coinslot.refunds TO authenticated;
GRANT SELECT(order_id) ON TABLE coinslot.refunds TO service_role;

GRANT SELECT(user_id) ON TABLE coinslot.refunds TO authenticated;
GRANT SELECT(user_id) ON TABLE coinslot.refunds TO service_role;

GRANT SELECT(amount) ON TABLE coinslot.refunds TO authenticated;
GRANT SELECT(amount) ON TABLE coinslot.refunds TO service_role;

GRANT SELECT(currency) ON TABLE coinslot.refunds TO authenticated;
GRANT SELECT(currency) ON TABLE coinslot.refunds TO service_role;

GRANT SELECT(tokens) ON TABLE coinslot.refunds TO authenticated;
GRANT SELECT(tokens) ON TABLE coinslot.refunds TO service_role;

GRANT SELECT(status) ON TABLE coinslot.refunds TO authenticated;
GRANT SELECT(status) ON TABLE coinslot.refunds TO service_role;

GRANT SELECT(created_at) ON TABLE coinslot.refunds TO authenticated;
GRANT SELECT(created_at) ON TABLE coinslot.refunds TO service_role;

GRANT SELECT(finished_at) ON TABLE coinslot.refunds TO authenticated;
GRANT SELECT(finished_at) ON TABLE coinslot.refunds TO service_role;

REVOKE ALL ON FUNCTION coinslot.check_unspent(refund coinslot.refunds) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.webhook_lease() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.webhook_outcomes() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.check_webhook(webhook coinslot.webhooks) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.claim_payments(gateway text, batch integer) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.claim_payments(gateway text, batch integer) TO service_role;

REVOKE ALL ON FUNCTION coinslot.claim_refunds(batch integer, refund_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.claim_refunds(batch integer, refund_id uuid) TO service_role;

REVOKE ALL ON FUNCTION coinslot.claim_webhooks(batch integer) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.claim_webhooks(batch integer) TO service_role;

REVOKE ALL ON FUNCTION coinslot.close_orders(user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.close_refund(refund_id uuid, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.close_refund(refund_id uuid, reason text) TO service_role;

REVOKE ALL ON FUNCTION coinslot.close_wallet(user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.compare_payments(gateway text, lines jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.count_discrepancies() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.count_payment_reads() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.count_refunds() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.count_reviews() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.count_webhooks() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.create_order(product_id text, gateway text, currency text, idempotency_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.create_order(product_id text, gateway text, currency text, idempotency_key text) TO authenticated;

REVOKE ALL ON FUNCTION coinslot.create_profile() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.current_user_id() FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.current_user_id() TO authenticated;

REVOKE ALL ON FUNCTION coinslot.debit(user_id uuid, caller text, amount bigint, feature text, idempotency_key text, reason text, metadata jsonb) FROM PUBLIC;

GRANT SELECT ON TABLE public.token_ledger TO authenticated;
GRANT SELECT ON TABLE public.token_ledger TO service_role;

REVOKE ALL ON FUNCTION coinslot.debit_slowly(attempted public.token_ledger) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.end_refund(refund coinslot.refunds, payment public.token_payments, source text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.end_webhook(webhook coinslot.webhooks, outcome text, detail text, again boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.expire_holds(batch integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.expire_holds_of(user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.expire_orders(batch integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.fail(error text, detail jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.fail(error text, detail jsonb) TO authenticated;

REVOKE ALL ON FUNCTION coinslot.feature_price(feature text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.file_webhook(webhook coinslot.webhooks, OUT id bigint, OUT payment_key text, OUT readable_at timestamp with time zone) FROM PUBLIC;

GRANT SELECT(user_id) ON TABLE coinslot.token_holds TO authenticated;
GRANT SELECT(user_id) ON TABLE coinslot.token_holds TO service_role;

GRANT SELECT(amount) ON TABLE coinslot.token_holds TO authenticated;
GRANT SELECT(amount) ON TABLE coinslot.token_holds TO service_role;

GRANT SELECT(status) ON TABLE coinslot.token_holds TO authenticated;
GRANT SELECT(status) ON TABLE coinslot.token_holds TO service_role;

GRANT SELECT(expires_at) ON TABLE coinslot.token_holds TO authenticated;
GRANT SELECT(expires_at) ON TABLE coinslot.token_holds TO service_role;

REVOKE ALL ON FUNCTION coinslot.find_hold_replay(user_id uuid, amount bigint, feature text, idempotency_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.find_merge_replay(from_user uuid, into_user uuid, idempotency_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.find_order_replay(user_id uuid, product_id text, gateway text, currency text, idempotency_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.find_payment(gateway text, order_id text, payment_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.find_refund_replay(payment_id uuid, amount bigint, payment_key text, idempotency_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.find_replay(attempted public.token_ledger) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.finish_audit(audit_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.finish_audit(audit_id bigint) TO service_role;

REVOKE ALL ON FUNCTION coinslot.finish_webhook(webhook_id bigint, outcome text, detail text, again boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.finish_webhook(webhook_id bigint, outcome text, detail text, again boolean) TO service_role;

REVOKE ALL ON FUNCTION coinslot.first_user(done integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.follow_confirmation() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.follow_identity() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.follow_user() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.free_set_aside(refund coinslot.refunds) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.get_backlog() FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.get_backlog() TO service_role;

REVOKE ALL ON FUNCTION coinslot.get_refund(refund_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.get_refund(refund_id uuid) TO service_role;

REVOKE ALL ON FUNCTION coinslot.get_settings() FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.get_settings() TO service_role;

REVOKE ALL ON FUNCTION coinslot.grant_signup_bonus(user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.guard_transition() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.histories_of(user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.hold(user_id uuid, amount bigint, feature text, idempotency_key text, reason text, ttl_seconds integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.hold_feature_for(user_id uuid, feature text, idempotency_key text, ttl_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.hold_feature_for(user_id uuid, feature text, idempotency_key text, ttl_seconds integer) TO service_role;

REVOKE ALL ON FUNCTION coinslot.hold_receipt(hold coinslot.token_holds, replayed boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.hold_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, ttl_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.hold_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, ttl_seconds integer) TO service_role;

REVOKE ALL ON FUNCTION coinslot.identities_of(account auth.users, canonical boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.judge_refund(refund coinslot.refunds, attempt coinslot.payment_attempts) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.keep_an_owner(but_for uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.knows_secret(payment_id uuid, secret text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.ledger_check_step() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.list_discrepancies(page_size integer, before bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.list_discrepancies(page_size integer, before bigint) TO service_role;

REVOKE ALL ON FUNCTION coinslot.list_operators() FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.list_operators() TO service_role;

REVOKE ALL ON FUNCTION coinslot.list_token_refunds(order_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.list_token_refunds(order_id text) TO authenticated;

REVOKE ALL ON FUNCTION coinslot.list_webhooks(gateway text, outcome text, order_id text, page_size integer, before bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.list_webhooks(gateway text, outcome text, order_id text, page_size integer, before bigint) TO service_role;

REVOKE ALL ON FUNCTION coinslot.lock_accounts(from_user uuid, into_user uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.lock_for_merge(from_user uuid, into_user uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.lock_wallet(user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.lock_wallet_of_hold(hold_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.may_act(account auth.users) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.merge_receipt(merge coinslot.merged_wallets, replayed boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.merge_wallets(from_user uuid, into_user uuid, idempotency_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.merge_wallets(from_user uuid, into_user uuid, idempotency_key text) TO service_role;

REVOKE ALL ON FUNCTION coinslot.merged_tokens(from_user uuid, to_user uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.move_holds(from_user uuid, into_user uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.move_orders(from_user uuid, into_user uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.move_payment(payment public.token_payments, facts coinslot.payment_facts, status text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.move_tokens(from_user uuid, into_user uuid, tokens bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.moved_tokens(from_user uuid, to_user uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.new_attempt(gateway text, payment_key text, state text, amount bigint, currency text, live boolean, paid bigint, refunded bigint, refunding bigint, disputed bigint, withdrawn bigint, method text, failure_reason text, virtual_account jsonb, secret text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.new_attempt(gateway text, payment_key text, state text, amount bigint, currency text, live boolean, paid bigint, refunded bigint, refunding bigint, disputed bigint, withdrawn bigint, method text, failure_reason text, virtual_account jsonb, secret text) TO service_role;

REVOKE ALL ON FUNCTION coinslot.new_entry(user_id uuid, kind text, delta bigint, caller text, idempotency_key text, feature text, reason text, metadata jsonb, payment_id uuid, hold_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.note_ledger_check(ledger_check coinslot.ledger_checks) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.open_hold(hold_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.open_ledger_check() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.open_payment(order_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.open_payment(order_id text) TO service_role;

REVOKE ALL ON FUNCTION coinslot.own_histories() FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.own_histories() TO authenticated;

REVOKE ALL ON FUNCTION coinslot.parse_time(value text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.payment_facts(payment public.token_payments) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.payment_status(facts coinslot.payment_facts) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.post_entry(entry public.token_ledger) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.quote_order(user_id uuid, product_id text, gateway text, currency text, idempotency_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.quote_refund(payment public.token_payments, amount bigint, payment_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.read_later(payment_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.read_wait(reads integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.receipt(entry public.token_ledger, replayed boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.record_discrepancy(kind text, attempt coinslot.payment_attempts, order_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.record_event(payment public.token_payments, from_status text, source text, reason text, payment_key text, tokens bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.record_merge(merge coinslot.merged_wallets) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.record_refund_answer(refund_id uuid, tries integer, answer text, failure_code text, failure_message text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.record_refund_answer(refund_id uuid, tries integer, answer text, failure_code text, failure_message text) TO service_role;

REVOKE ALL ON FUNCTION coinslot.record_refusal(payment public.token_payments, payment_key text, reason text, source text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.refund_wait(attempts bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.refund_lease(attempts bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.refund_patience() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.refundable_attempt(payment public.token_payments, payment_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.refuse_attempt(payment public.token_payments, attempt coinslot.payment_attempts, problem text, source text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.refuse_change() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.refuse_held_key(user_id uuid, idempotency_key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.refuse_open_refund(user_ids uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.refuse_payment_attempt(order_id text, payment_key text, reason text, source text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.refuse_payment_attempt(order_id text, payment_key text, reason text, source text) TO service_role;

REVOKE ALL ON FUNCTION coinslot.release_hold(hold_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.release_hold(hold_id uuid) TO service_role;

REVOKE ALL ON FUNCTION coinslot.remove_operator(who text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.remove_operator(who text) TO service_role;

REVOKE ALL ON FUNCTION coinslot.reopen_wallet(user_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.replay_webhooks(gateway text, outcome text, order_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.replay_webhooks(gateway text, outcome text, order_id text) TO service_role;

REVOKE ALL ON FUNCTION coinslot.request_refund(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.request_refund(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) TO authenticated;

REVOKE ALL ON FUNCTION coinslot.request_refund_for(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.request_refund_for(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) TO service_role;

REVOKE ALL ON FUNCTION coinslot.require_operator(VARIADIC roles text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.resolve_discrepancy(discrepancy_id bigint, resolution text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.resolve_discrepancy(discrepancy_id bigint, resolution text) TO service_role;

REVOKE ALL ON FUNCTION coinslot.resolve_hold(hold coinslot.token_holds, status text, captured bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.return_payments(order_ids text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.return_payments(order_ids text[]) TO service_role;

REVOKE ALL ON FUNCTION coinslot.return_webhooks(webhook_ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.return_webhooks(webhook_ids bigint[]) TO service_role;

REVOKE ALL ON FUNCTION coinslot.revive_refunds(payment public.token_payments, attempt coinslot.payment_attempts, source text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.run_maintenance(batch integer) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.run_maintenance(batch integer) TO service_role;

REVOKE ALL ON FUNCTION coinslot.same_fact(known coinslot.payment_attempts, attempt coinslot.payment_attempts) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.save_attempt(attempt coinslot.payment_attempts, order_id text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.save_refund(refund coinslot.refunds, account jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.save_webhook(webhook coinslot.webhooks, busy boolean, OUT verdict coinslot.delivery_verdict, OUT webhook_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.schedule_maintenance() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.schedule_reads() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.set_aside(refund coinslot.refunds) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.settle_payment(before public.token_payments, attempt coinslot.payment_attempts, source text, OUT outcome text, OUT payment public.token_payments) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.settle_refund(payment public.token_payments, attempt coinslot.payment_attempts, source text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.settle_tokens(payment public.token_payments, facts coinslot.payment_facts) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.settle_webhook(webhook coinslot.webhooks, outcome text, attempt coinslot.payment_attempts, payment_id uuid, shared boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.settle_webhooks(webhook_ids bigint[], outcome text, attempt coinslot.payment_attempts, payment_id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.spend_tokens(amount bigint, idempotency_key text, reason text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.spend_tokens(amount bigint, idempotency_key text, reason text, metadata jsonb) TO authenticated;

REVOKE ALL ON FUNCTION coinslot.spend_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.spend_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, metadata jsonb) TO service_role;

REVOKE ALL ON FUNCTION coinslot.start_refund(order_id text, amount bigint, reason text, idempotency_key text, force boolean, payment_key text, account jsonb, requested_by uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.store_webhook(gateway text, event_id text, event_type text, order_id text, payment_key text, claims_paid boolean, headers jsonb, body jsonb, secret text, busy boolean, OUT verdict coinslot.delivery_verdict, OUT webhook_id bigint, OUT payment public.token_payments) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.store_webhook(gateway text, event_id text, event_type text, order_id text, payment_key text, claims_paid boolean, headers jsonb, body jsonb, secret text, busy boolean, OUT verdict coinslot.delivery_verdict, OUT webhook_id bigint, OUT payment public.token_payments) TO service_role;

REVOKE ALL ON FUNCTION coinslot.take_webhook(webhook coinslot.webhooks, readable_at timestamp with time zone, busy boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.tokens_to_reverse(tokens bigint, paid bigint, returned bigint) FROM PUBLIC;

GRANT SELECT ON TABLE public.profiles TO authenticated;
GRANT SELECT ON TABLE public.profiles TO service_role;

REVOKE ALL ON FUNCTION coinslot.update_profile(display_name text, locale text) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.update_profile(display_name text, locale text) TO authenticated;

REVOKE ALL ON FUNCTION coinslot.use_feature(feature text, idempotency_key text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.use_feature(feature text, idempotency_key text, metadata jsonb) TO authenticated;

REVOKE ALL ON FUNCTION coinslot.use_feature_for(user_id uuid, feature text, idempotency_key text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.use_feature_for(user_id uuid, feature text, idempotency_key text, metadata jsonb) TO service_role;

REVOKE ALL ON FUNCTION coinslot.user_named(who text) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.verify_attempts(from_user uuid, to_user uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.verify_keys(from_user uuid, to_user uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.verify_ledger(from_user uuid, to_user uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION coinslot.verify_ledger(from_user uuid, to_user uuid) TO service_role;

REVOKE ALL ON FUNCTION coinslot.verify_merges(from_user uuid, to_user uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.verify_sources(from_user uuid, to_user uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.verify_wallets(from_user uuid, to_user uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.wallet_books(from_user uuid, to_user uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.webhook_spacing() FROM PUBLIC;

REVOKE ALL ON FUNCTION coinslot.webhook_wait(attempts bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.add_tokens(user_id uuid, amount bigint, idempotency_key text, reason text, kind text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.add_tokens(user_id uuid, amount bigint, idempotency_key text, reason text, kind text) TO service_role;

REVOKE ALL ON FUNCTION public.cancel_token_order(order_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.cancel_token_order(order_id text) TO authenticated;

REVOKE ALL ON FUNCTION public.capture_token_hold(hold_id uuid, amount bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.capture_token_hold(hold_id uuid, amount bigint) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_add_operator(who text, role text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_add_operator(who text, role text) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_apply_gateway_payment(order_id text, gateway text, payment_key text, state text, amount bigint, currency text, live boolean, source text, version bigint, paid bigint, refunded bigint, refunding bigint, disputed bigint, withdrawn bigint, method text, failure_reason text, virtual_account jsonb, webhook_ids bigint[], secret text, OUT outcome text, OUT payment public.token_payments, OUT webhooks public.coinslot_webhook_verdict[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_apply_gateway_payment(order_id text, gateway text, payment_key text, state text, amount bigint, currency text, live boolean, source text, version bigint, paid bigint, refunded bigint, refunding bigint, disputed bigint, withdrawn bigint, method text, failure_reason text, virtual_account jsonb, webhook_ids bigint[], secret text, OUT outcome text, OUT payment public.token_payments, OUT webhooks public.coinslot_webhook_verdict[]) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_audit_payments(audit_id bigint, lines jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_audit_payments(audit_id bigint, lines jsonb) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_audit_report(audit_id bigint, verdict text, after text, page_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_audit_report(audit_id bigint, verdict text, after text, page_size integer) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_audit_unlisted(audit_id bigint, after text, page_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_audit_unlisted(audit_id bigint, after text, page_size integer) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_begin_audit(gateway text, since timestamp with time zone, until timestamp with time zone, again boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_begin_audit(gateway text, since timestamp with time zone, until timestamp with time zone, again boolean) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_check_ledger() FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_check_ledger() TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_claim_payments(gateway text, batch integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_claim_payments(gateway text, batch integer) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_claim_refunds(batch integer, refund_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_claim_refunds(batch integer, refund_id uuid) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_claim_webhooks(batch integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_claim_webhooks(batch integer) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_close_refund(refund_id uuid, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_close_refund(refund_id uuid, reason text) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_finish_audit(audit_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_finish_audit(audit_id bigint) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_finish_webhook(webhook_id bigint, outcome text, detail text, again boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_finish_webhook(webhook_id bigint, outcome text, detail text, again boolean) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_get_backlog() FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_get_backlog() TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_get_refund(refund_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_get_refund(refund_id uuid) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_get_settings() FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_get_settings() TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_list_discrepancies(page_size integer, before bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_list_discrepancies(page_size integer, before bigint) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_list_operators() FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_list_operators() TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_list_webhooks(gateway text, outcome text, order_id text, page_size integer, before bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_list_webhooks(gateway text, outcome text, order_id text, page_size integer, before bigint) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_open_payment(order_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_open_payment(order_id text) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_record_refund_answer(refund_id uuid, tries integer, answer text, failure_code text, failure_message text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_record_refund_answer(refund_id uuid, tries integer, answer text, failure_code text, failure_message text) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_refuse_payment_attempt(order_id text, payment_key text, reason text, source text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_refuse_payment_attempt(order_id text, payment_key text, reason text, source text) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_remove_operator(who text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_remove_operator(who text) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_replay_webhooks(gateway text, outcome text, order_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_replay_webhooks(gateway text, outcome text, order_id text) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_resolve_discrepancy(discrepancy_id bigint, resolution text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_resolve_discrepancy(discrepancy_id bigint, resolution text) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_return_payments(order_ids text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_return_payments(order_ids text[]) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_return_webhooks(webhook_ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_return_webhooks(webhook_ids bigint[]) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_run_maintenance(batch integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_run_maintenance(batch integer) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_store_webhook(gateway text, event_id text, event_type text, order_id text, payment_key text, claims_paid boolean, headers jsonb, body jsonb, secret text, busy boolean, OUT verdict text, OUT webhook_id bigint, OUT payment public.token_payments) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_store_webhook(gateway text, event_id text, event_type text, order_id text, payment_key text, claims_paid boolean, headers jsonb, body jsonb, secret text, busy boolean, OUT verdict text, OUT webhook_id bigint, OUT payment public.token_payments) TO service_role;

REVOKE ALL ON FUNCTION public.coinslot_verify_ledger(from_user uuid, to_user uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.coinslot_verify_ledger(from_user uuid, to_user uuid) TO service_role;

REVOKE ALL ON FUNCTION public.create_token_order(product_id text, gateway text, currency text, idempotency_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.create_token_order(product_id text, gateway text, currency text, idempotency_key text) TO authenticated;

REVOKE ALL ON FUNCTION public.get_user_tokens() FROM PUBLIC;
GRANT ALL ON FUNCTION public.get_user_tokens() TO authenticated;

REVOKE ALL ON FUNCTION public.hold_feature_for(user_id uuid, feature text, idempotency_key text, ttl_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.hold_feature_for(user_id uuid, feature text, idempotency_key text, ttl_seconds integer) TO service_role;

REVOKE ALL ON FUNCTION public.hold_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, ttl_seconds integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.hold_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, ttl_seconds integer) TO service_role;

REVOKE ALL ON FUNCTION public.list_token_refunds(order_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.list_token_refunds(order_id text) TO authenticated;

REVOKE ALL ON FUNCTION public.merge_token_wallets(from_user uuid, into_user uuid, idempotency_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.merge_token_wallets(from_user uuid, into_user uuid, idempotency_key text) TO service_role;

REVOKE ALL ON FUNCTION public.release_token_hold(hold_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.release_token_hold(hold_id uuid) TO service_role;

REVOKE ALL ON FUNCTION public.request_token_refund(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_token_refund(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) TO authenticated;

REVOKE ALL ON FUNCTION public.request_token_refund_for(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_token_refund_for(order_id text, reason text, idempotency_key text, amount bigint, force boolean, payment_key text, account jsonb) TO service_role;

REVOKE ALL ON FUNCTION public.spend_tokens(amount bigint, idempotency_key text, reason text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.spend_tokens(amount bigint, idempotency_key text, reason text, metadata jsonb) TO authenticated;

REVOKE ALL ON FUNCTION public.spend_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.spend_tokens_for(user_id uuid, amount bigint, idempotency_key text, reason text, metadata jsonb) TO service_role;

REVOKE ALL ON FUNCTION public.tokens(profile public.profiles) FROM PUBLIC;
GRANT ALL ON FUNCTION public.tokens(profile public.profiles) TO authenticated;
GRANT ALL ON FUNCTION public.tokens(profile public.profiles) TO service_role;

REVOKE ALL ON FUNCTION public.update_profile(display_name text, locale text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.update_profile(display_name text, locale text) TO authenticated;

REVOKE ALL ON FUNCTION public.use_feature(feature text, idempotency_key text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.use_feature(feature text, idempotency_key text, metadata jsonb) TO authenticated;

REVOKE ALL ON FUNCTION public.use_feature_for(user_id uuid, feature text, idempotency_key text, metadata jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.use_feature_for(user_id uuid, feature text, idempotency_key text, metadata jsonb) TO service_role;

GRANT SELECT ON TABLE public.token_features TO anon;
GRANT SELECT ON TABLE public.token_features TO authenticated;
GRANT SELECT ON TABLE public.token_features TO service_role;

GRANT SELECT ON TABLE public.token_prices TO anon;
GRANT SELECT ON TABLE public.token_prices TO authenticated;
GRANT SELECT ON TABLE public.token_prices TO service_role;

GRANT SELECT ON TABLE public.token_products TO anon;
GRANT SELECT ON TABLE public.token_products TO authenticated;
GRANT SELECT ON TABLE public.token_products TO service_role;

GRANT SELECT ON TABLE public.token_offers TO anon;
GRANT SELECT ON TABLE public.token_offers TO authenticated;
GRANT SELECT ON TABLE public.token_offers TO service_role;

GRANT SELECT ON TABLE public.token_payment_events TO authenticated;
GRANT SELECT ON TABLE public.token_payment_events TO service_role;

GRANT SELECT ON TABLE public.token_refunds TO authenticated;
GRANT SELECT ON TABLE public.token_refunds TO service_role;
