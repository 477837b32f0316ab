-- Spending and granting tokens.
--
-- The common path is one wallet update and one ledger insert: the wallet pays if it can, and the
-- entry is written under the caller's key. Everything unusual (a repeated key, too few tokens, an
-- expired hold that still sets tokens aside) is decided afterwards, under the wallet's row lock.

create table public.token_features (
  feature text not null,
  tokens bigint not null,
  constraint token_features_pkey primary key (feature),
  constraint token_features_feature_named check (feature ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint token_features_tokens_positive check (tokens between 1 and coinslot.max_amount())
);
comment on table public.token_features is 'What a use of each feature costs, in tokens.';
insert into public.token_features (feature, tokens) values ('question', 1), ('answer', 2);

alter table public.token_features enable row level security;
revoke all on table public.token_features from anon, authenticated, service_role;
grant select on table public.token_features to anon, authenticated, service_role;
create policy "Everybody reads feature prices" on public.token_features
for select to anon, authenticated using (true);

create function coinslot.feature_price(feature text) returns bigint
language plpgsql stable set search_path = '' as $$
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
comment on function coinslot.feature_price(text) is 'Price of a feature in tokens, or PT404.';
revoke all on function coinslot.feature_price(text) from public;

-- The first result of a repeated call, or null where the key is free. The same key for another
-- call is a mistake in the caller. A feature's price may have changed in between: the feature is
-- what was asked for, so only calls that named an amount are compared by amount. Of wallets that
-- became one, the keys of all count: its own first, then what fits. A spend that was given back
-- pays for nothing, and its receipt would say that it does.
create function coinslot.find_replay(attempted public.token_ledger)
returns public.token_receipt
language plpgsql stable set search_path = '' as $$
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
  if v_entry.kind = 'spend' and coinslot.left_of_spend(v_entry) = 0 then
    perform coinslot.fail('spend_refunded', jsonb_build_object(
      'left', 0, 'spent', -v_entry.delta
    ));
  end if;
  return coinslot.receipt(v_entry, true);
end
$$;
comment on function coinslot.find_replay(public.token_ledger) is
'The receipt of an earlier identical call; null if none; PT409 if it was another call.';
revoke all on function coinslot.find_replay(public.token_ledger) from public;

-- Keys of the service are shared by entries and holds. An open hold means tokens are held, so a
-- wallet without any pays nothing for this check.
create function coinslot.refuse_held_key(user_id uuid, idempotency_key text) returns void
language plpgsql stable set search_path = '' as $$
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
comment on function coinslot.refuse_held_key(uuid, text) is 'PT409 if an open hold has the key.';
revoke all on function coinslot.refuse_held_key(uuid, text) from public;

-- A spend that did not go through at once. With the wallet locked, what is seen is final: the key
-- was used (answer again), the wallet is gone, a lot has ended, a refill is due, expired holds free
-- enough (spend again, which now succeeds), or there are too few tokens. A call that is refused
-- takes its fold back with it; the next one repeats it.
create function coinslot.debit_slowly(attempted public.token_ledger)
returns public.token_receipt
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets := coinslot.lock_wallet(attempted.user_id);
  v_receipt public.token_receipt := coinslot.find_replay(attempted);
  v_now timestamptz;
begin
  if v_receipt.seq is not null then
    return v_receipt;
  end if;
  perform coinslot.check_open(v_wallet);
  if v_wallet.held > 0 and attempted.caller = 'service' then
    perform coinslot.refuse_held_key(attempted.user_id, attempted.idempotency_key);
  end if;
  v_now := coinslot.wallet_time(v_wallet);
  v_wallet := coinslot.grant_refills(coinslot.fold_if_due(v_wallet, v_now), v_now);
  if v_wallet.tokens - v_wallet.held < -attempted.delta then
    perform coinslot.fail('insufficient_tokens', jsonb_build_object(
      'tokens', v_wallet.tokens - v_wallet.held, 'required', -attempted.delta
    ));
  end if;
  return coinslot.write_entry(attempted);
end
$$;
comment on function coinslot.debit_slowly(public.token_ledger) is
'Decides a spend under the wallet lock.';
revoke all on function coinslot.debit_slowly(public.token_ledger) from public;

-- Takes tokens. A repeated key makes the insert do nothing although the wallet has paid: the row
-- is still locked by us, so what it paid goes back before anybody can see it. Two statements cost
-- less here than one with two CTEs, and what is usual is checked in place: a call would be felt,
-- even that of coinslot.max_amount().
create function coinslot.debit(
  user_id uuid, caller text, amount bigint, feature text, idempotency_key text, reason text,
  metadata jsonb
) returns public.token_receipt
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_tokens bigint;
  v_held bigint;
  v_seq bigint;
  v_now timestamptz;
  v_low_mark bigint;
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
    and not w.has_merged and w.next_change_at > clock_timestamp()
  returning w.tokens, w.held, w.seq, w.updated_at, w.low_mark
  into v_tokens, v_held, v_seq, v_now, v_low_mark;
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
      if v_tokens - v_held < v_low_mark then
        perform coinslot.check_level(debit.user_id);
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
comment on function coinslot.debit(uuid, text, bigint, text, text, text, jsonb) is
'Takes tokens once per user, caller kind and key.';
revoke all on function coinslot.debit(uuid, text, bigint, text, text, text, jsonb) from public;

-- Entrances. Those for a user read the user from the JWT; those for the service name one. The
-- commonest asks auth.uid() itself: one call less in every spend.
create function coinslot.spend_tokens(
  amount bigint, idempotency_key text, reason text, metadata jsonb
) returns public.token_receipt
language plpgsql volatile security definer set search_path = '' as $$
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
comment on function coinslot.spend_tokens(bigint, text, text, jsonb) is 'See public.spend_tokens.';
revoke all on function coinslot.spend_tokens(bigint, text, text, jsonb) from public;
grant execute on function coinslot.spend_tokens(bigint, text, text, jsonb) to authenticated;

create function public.spend_tokens(
  amount bigint, idempotency_key text, reason text default '', metadata jsonb default '{}'
) returns public.token_receipt
language plpgsql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
begin
  return coinslot.spend_tokens(
    spend_tokens.amount, spend_tokens.idempotency_key, spend_tokens.reason, spend_tokens.metadata
  );
end
$$;
comment on function public.spend_tokens(bigint, text, text, jsonb) is
'Spends tokens of the signed-in user, once per idempotency key. PT402 when there are too few.';
revoke all on function public.spend_tokens(bigint, text, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.spend_tokens(bigint, text, text, jsonb) to authenticated;

create function coinslot.use_feature(feature text, idempotency_key text, metadata jsonb)
returns public.token_receipt
language plpgsql volatile security definer set search_path = '' as $$
begin
  return coinslot.debit(
    coinslot.current_user_id(), 'user', coinslot.feature_price(use_feature.feature),
    use_feature.feature, use_feature.idempotency_key, '', use_feature.metadata
  );
end
$$;
comment on function coinslot.use_feature(text, text, jsonb) is 'See public.use_feature.';
revoke all on function coinslot.use_feature(text, text, jsonb) from public;
grant execute on function coinslot.use_feature(text, text, jsonb) to authenticated;

create function public.use_feature(
  feature text, idempotency_key text, metadata jsonb default '{}'
) returns public.token_receipt
language plpgsql volatile
set search_path = '' set statement_timeout = '1s' set lock_timeout = '150ms' as $$
begin
  return coinslot.use_feature(
    use_feature.feature, use_feature.idempotency_key, use_feature.metadata
  );
end
$$;
comment on function public.use_feature(text, text, jsonb) is
'Spends what a feature costs, once per idempotency key. PT402 when there are too few tokens.';
revoke all on function public.use_feature(text, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.use_feature(text, text, jsonb) to authenticated;

create function coinslot.spend_tokens_for(
  user_id uuid, amount bigint, idempotency_key text, reason text, metadata jsonb
) returns public.token_receipt
language plpgsql volatile security definer set search_path = '' as $$
begin
  return coinslot.debit(
    spend_tokens_for.user_id, 'service', spend_tokens_for.amount, null,
    spend_tokens_for.idempotency_key, spend_tokens_for.reason, spend_tokens_for.metadata
  );
end
$$;
comment on function coinslot.spend_tokens_for(uuid, bigint, text, text, jsonb) is
'See public.spend_tokens_for.';
revoke all on function coinslot.spend_tokens_for(uuid, bigint, text, text, jsonb) from public;
grant execute on function coinslot.spend_tokens_for(uuid, bigint, text, text, jsonb)
to service_role;

create function public.spend_tokens_for(
  user_id uuid, amount bigint, idempotency_key text, reason text default '',
  metadata jsonb default '{}'
) returns public.token_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.spend_tokens_for(
    spend_tokens_for.user_id, spend_tokens_for.amount, spend_tokens_for.idempotency_key,
    spend_tokens_for.reason, spend_tokens_for.metadata
  );
end
$$;
comment on function public.spend_tokens_for(uuid, bigint, text, text, jsonb) is
'Service: spends tokens of a user, once per idempotency key of the service.';
revoke all on function public.spend_tokens_for(uuid, bigint, text, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.spend_tokens_for(uuid, bigint, text, text, jsonb)
to service_role;

create function coinslot.use_feature_for(
  user_id uuid, feature text, idempotency_key text, metadata jsonb
) returns public.token_receipt
language plpgsql volatile security definer set search_path = '' as $$
begin
  return coinslot.debit(
    use_feature_for.user_id, 'service', coinslot.feature_price(use_feature_for.feature),
    use_feature_for.feature, use_feature_for.idempotency_key, '', use_feature_for.metadata
  );
end
$$;
comment on function coinslot.use_feature_for(uuid, text, text, jsonb) is
'See public.use_feature_for.';
revoke all on function coinslot.use_feature_for(uuid, text, text, jsonb) from public;
grant execute on function coinslot.use_feature_for(uuid, text, text, jsonb) to service_role;

create function public.use_feature_for(
  user_id uuid, feature text, idempotency_key text, metadata jsonb default '{}'
) returns public.token_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.use_feature_for(
    use_feature_for.user_id, use_feature_for.feature, use_feature_for.idempotency_key,
    use_feature_for.metadata
  );
end
$$;
comment on function public.use_feature_for(uuid, text, text, jsonb) is
'Service: spends what a feature costs a user, once per idempotency key of the service.';
revoke all on function public.use_feature_for(uuid, text, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.use_feature_for(uuid, text, text, jsonb) to service_role;

-- Granting by hand or by an app's own rules. A grant adds; an adjustment corrects and may also
-- take, but never what the user does not have. A repeated call is told what it did the first time,
-- though its time may have passed.
create function coinslot.add_tokens(
  user_id uuid, amount bigint, idempotency_key text, reason text, kind text,
  expires_at timestamptz default null
) returns public.token_receipt
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_entry public.token_ledger := coinslot.new_entry(
    add_tokens.user_id, add_tokens.kind, add_tokens.amount, 'service',
    add_tokens.idempotency_key, null, add_tokens.reason
  );
  v_wallet public.token_wallets;
  v_now timestamptz;
  v_receipt public.token_receipt;
begin
  if (add_tokens.kind in ('grant', 'adjustment')) is not true then
    perform coinslot.fail('invalid_argument', '{"argument": "kind"}');
  elsif add_tokens.amount < 0 and add_tokens.expires_at is not null then
    perform coinslot.fail('invalid_argument', '{"argument": "expires_at"}');
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
  if v_wallet.held > 0 then
    perform coinslot.refuse_held_key(add_tokens.user_id, add_tokens.idempotency_key);
  end if;
  v_now := coinslot.wallet_time(v_wallet);
  perform coinslot.check_expiry(add_tokens.expires_at, v_now);
  if v_wallet.tokens > coinslot.max_amount() - add_tokens.amount then
    perform coinslot.fail('invalid_amount', jsonb_build_object('tokens', v_wallet.tokens));
  end if;
  return coinslot.post_credit(v_entry, v_wallet, v_now, add_tokens.expires_at);
end
$$;
comment on function coinslot.add_tokens(uuid, bigint, text, text, text, timestamptz) is
'See public.add_tokens.';
revoke all on function coinslot.add_tokens(uuid, bigint, text, text, text, timestamptz) from public;
grant execute on function coinslot.add_tokens(uuid, bigint, text, text, text, timestamptz)
to service_role;

create function public.add_tokens(
  user_id uuid, amount bigint, idempotency_key text, reason text default '',
  kind text default 'grant', expires_at timestamptz default null
) returns public.token_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.add_tokens(
    add_tokens.user_id, add_tokens.amount, add_tokens.idempotency_key, add_tokens.reason,
    add_tokens.kind, add_tokens.expires_at
  );
end
$$;
comment on function public.add_tokens(uuid, bigint, text, text, text, timestamptz) is
'Service: gives a user tokens (kind grant) or corrects a balance (kind adjustment, may be
negative), once per idempotency key of the service. With expires_at they expire then.';
revoke all on function public.add_tokens(uuid, bigint, text, text, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function public.add_tokens(uuid, bigint, text, text, text, timestamptz)
to service_role;
