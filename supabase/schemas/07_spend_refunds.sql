-- Spends that are given back: to a user whose job failed after it was paid for, or by support. A
-- spend, a use of a feature and the capture of a hold are one to this: an entry that took tokens.
-- It gives back exactly what that entry took, at once or in parts, and never more.

-- No foreign keys to the ledger, of which no row ever goes: verify_ledger() proves both ends.
create table coinslot.spend_refunds (
  user_id uuid not null,
  seq bigint not null,
  spend_user uuid not null,
  spend_seq bigint not null,
  tokens bigint not null,
  constraint spend_refunds_pkey primary key (user_id, seq),
  constraint spend_refunds_tokens_positive check (tokens > 0)
);
comment on table coinslot.spend_refunds is 'Which entry of the ledger gives back which spend.';
comment on column coinslot.spend_refunds.user_id is
'Who got the tokens: whoever has the history of the spend, after merges too.';
comment on column coinslot.spend_refunds.spend_user is 'In whose history the spend stands.';
create index spend_refunds_spend on coinslot.spend_refunds (spend_user, spend_seq);
alter table coinslot.spend_refunds enable row level security;
revoke all on table coinslot.spend_refunds from anon, authenticated, service_role;
create policy "Nobody reads refunds of spends through the API" on coinslot.spend_refunds
for select to anon, authenticated using (false);

create function coinslot.left_of_spend(spend public.token_ledger) returns bigint
language sql stable set search_path = '' set enable_seqscan = off as $$
  select -spend.delta - coalesce(sum(r.tokens), 0)::bigint from coinslot.spend_refunds r
  where r.spend_user = spend.user_id and r.spend_seq = spend.seq
$$;
comment on function coinslot.left_of_spend(public.token_ledger) is
'What a spend took, less what was given back of it.';
revoke all on function coinslot.left_of_spend(public.token_ledger) from public;

-- A wallet that was merged while it was waited for is another one's by then. No merge waits for a
-- wallet that was merged, so two cannot wait for each other.
create function coinslot.lock_owner(user_id uuid) returns public.token_wallets
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets;
begin
  loop
    v_wallet := coinslot.lock_wallet(coalesce(
      (select m.owner_user from coinslot.merged_wallets m where m.from_user = lock_owner.user_id),
      lock_owner.user_id
    ));
    exit when v_wallet.merged_into is null;
  end loop;
  return v_wallet;
end
$$;
comment on function coinslot.lock_owner(uuid) is
'Locks the wallet that has the history of this user now; null where there is none.';
revoke all on function coinslot.lock_owner(uuid) from public;

-- By its number a spend is of this user's own history. By its key it may also stand in one that
-- was merged into it; where two of those share the key it is for nobody to guess. Keys of users and
-- of the service are apart here, too: what a user spends under a key that the service uses is not
-- given back in place of what the service spent.
create function coinslot.find_spend(user_id uuid, spend_key text, spend_seq bigint, caller text)
returns public.token_ledger
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_spends public.token_ledger[] := array(
    select l from public.token_ledger l
    where l.user_id = find_spend.user_id and l.seq = find_spend.spend_seq and l.kind = 'spend'
    union all
    select l from public.token_ledger l
    where l.user_id = find_spend.user_id and l.caller = find_spend.caller
      and l.idempotency_key = find_spend.spend_key and l.kind = 'spend'
  );
begin
  if v_spends = '{}' then
    v_spends := array(
      select l from public.token_ledger l
      where l.user_id = any (coinslot.histories_of(find_spend.user_id))
        and l.caller = find_spend.caller and l.idempotency_key = find_spend.spend_key
        and l.kind = 'spend'
    );
  end if;
  if cardinality(v_spends) <> 1 then
    perform coinslot.fail('spend_not_found', jsonb_build_object('spends', array(
      select jsonb_build_object('user_id', s.user_id, 'seq', s.seq) from unnest(v_spends) s
    )));
  end if;
  return v_spends[1];
end
$$;
comment on function coinslot.find_spend(uuid, text, bigint, text) is
'The one spend that is meant; PT404 if there is none, or more than one.';
revoke all on function coinslot.find_spend(uuid, text, bigint, text) from public;

-- An amount left out is whatever was left then.
create function coinslot.find_spend_refund(
  user_id uuid, idempotency_key text, spend public.token_ledger, amount bigint
) returns public.token_receipt
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare
  v_entry public.token_ledger;
begin
  select l.* into v_entry from public.token_ledger l
  left join coinslot.spend_refunds r on r.user_id = l.user_id and r.seq = l.seq
  where l.user_id = any (coinslot.histories_of(find_spend_refund.user_id))
    and l.caller = 'service' and l.idempotency_key = find_spend_refund.idempotency_key
  order by (r.spend_user, r.spend_seq) is not distinct from (spend.user_id, spend.seq) desc
  limit 1;
  if not found then
    return null;
  end if;
  perform from coinslot.spend_refunds r
  where r.user_id = v_entry.user_id and r.seq = v_entry.seq and r.spend_user = spend.user_id
    and r.spend_seq = spend.seq and r.tokens = coalesce(find_spend_refund.amount, r.tokens);
  if not found then
    perform coinslot.fail('idempotency_key_reused');
  end if;
  return coinslot.receipt(v_entry, true);
end
$$;
comment on function coinslot.find_spend_refund(uuid, text, public.token_ledger, bigint) is
'The receipt of an earlier identical call; null if none; PT409 if it was another call.';
revoke all on function coinslot.find_spend_refund(uuid, text, public.token_ledger, bigint)
from public;

create function coinslot.check_spend_refund(
  wallet public.token_wallets, spend public.token_ledger, amount bigint
) returns bigint
language plpgsql stable set search_path = '' as $$
declare
  v_left bigint := coinslot.left_of_spend(spend);
  v_amount bigint := coalesce(check_spend_refund.amount, v_left);
begin
  if v_left = 0 or v_amount > v_left then
    perform coinslot.fail('spend_refunded', jsonb_build_object(
      'left', v_left, 'spent', -spend.delta
    ));
  end if;
  if wallet.tokens > coinslot.max_amount() - v_amount then
    perform coinslot.fail('invalid_amount', jsonb_build_object('tokens', wallet.tokens));
  end if;
  return v_amount;
end
$$;
comment on function coinslot.check_spend_refund(
  public.token_wallets, public.token_ledger, bigint
) is 'Tokens to be given back, or PT409: no more than is left of the spend.';
revoke all on function coinslot.check_spend_refund(
  public.token_wallets, public.token_ledger, bigint
) from public;

-- Everything is decided under the lock of the wallet that has the history of the spend, so that two
-- at the same time give back no more than one after the other.
create function coinslot.refund_spend(
  user_id uuid, idempotency_key text, spend_key text, spend_seq bigint, amount bigint, reason text,
  caller text
) returns public.token_receipt
language plpgsql volatile
set search_path = '' set enable_seqscan = off as $$
declare
  v_wallet public.token_wallets := coinslot.lock_owner(refund_spend.user_id);
  v_spend public.token_ledger := coinslot.find_spend(
    refund_spend.user_id, refund_spend.spend_key, refund_spend.spend_seq, refund_spend.caller
  );
  v_receipt public.token_receipt := coinslot.find_spend_refund(
    v_wallet.user_id, refund_spend.idempotency_key, v_spend, refund_spend.amount
  );
  v_tokens bigint;
begin
  if v_receipt.seq is not null then
    return v_receipt;
  end if;
  perform coinslot.check_open(v_wallet);
  if v_wallet.held > 0 then
    perform coinslot.refuse_held_key(v_wallet.user_id, refund_spend.idempotency_key);
  end if;
  v_tokens := coinslot.check_spend_refund(v_wallet, v_spend, refund_spend.amount);
  v_receipt := coinslot.post_spend_refund(coinslot.new_entry(
    v_wallet.user_id, 'spend_refund', v_tokens, 'service', refund_spend.idempotency_key,
    v_spend.feature, refund_spend.reason,
    jsonb_build_object('spend_user', v_spend.user_id, 'spend_seq', v_spend.seq)
  ), v_spend, coinslot.wallet_time(v_wallet));
  insert into coinslot.spend_refunds (user_id, seq, spend_user, spend_seq, tokens)
  values (v_receipt.user_id, v_receipt.seq, v_spend.user_id, v_spend.seq, v_tokens);
  return v_receipt;
end
$$;
comment on function coinslot.refund_spend(uuid, text, text, bigint, bigint, text, text) is
'Gives a spend back, all or in part, once per key.';
revoke all on function coinslot.refund_spend(uuid, text, text, bigint, bigint, text, text)
from public;

create function coinslot.refund_spend_for(
  user_id uuid, idempotency_key text, spend_key text, spend_seq bigint, amount bigint, reason text,
  caller text
) returns public.token_receipt
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_argument text := case
    when num_nonnulls(refund_spend_for.spend_key, refund_spend_for.spend_seq) <> 1
    then 'spend_key'
    when (refund_spend_for.caller in ('user', 'service')) is not true then 'caller'
  end;
begin
  if v_argument is not null then
    perform coinslot.fail('invalid_argument', jsonb_build_object('argument', v_argument));
  end if;
  perform coinslot.check_call(
    coalesce(refund_spend_for.amount, 1), refund_spend_for.idempotency_key,
    refund_spend_for.reason, '{}'
  );
  return coinslot.refund_spend(
    refund_spend_for.user_id, refund_spend_for.idempotency_key, refund_spend_for.spend_key,
    refund_spend_for.spend_seq, refund_spend_for.amount, refund_spend_for.reason,
    refund_spend_for.caller
  );
end
$$;
comment on function coinslot.refund_spend_for(uuid, text, text, bigint, bigint, text, text) is
'See public.refund_spend_for.';
revoke all on function coinslot.refund_spend_for(uuid, text, text, bigint, bigint, text, text)
from public;
grant execute on function coinslot.refund_spend_for(uuid, text, text, bigint, bigint, text, text)
to service_role;

create function public.refund_spend_for(
  user_id uuid, idempotency_key text, spend_key text default null, spend_seq bigint default null,
  amount bigint default null, reason text default '', caller text default 'service'
) returns public.token_receipt
language plpgsql volatile set search_path = '' as $$
begin
  return coinslot.refund_spend_for(
    refund_spend_for.user_id, refund_spend_for.idempotency_key, refund_spend_for.spend_key,
    refund_spend_for.spend_seq, refund_spend_for.amount, refund_spend_for.reason,
    refund_spend_for.caller
  );
end
$$;
comment on function public.refund_spend_for(uuid, text, text, bigint, bigint, text, text) is
'Service: gives back what a spend took, all that is left of it or an amount, once per key. The spend
is named by its key (and by caller, whose key that is), or by its seq.';
revoke all on function public.refund_spend_for(uuid, text, text, bigint, bigint, text, text)
from public, anon, authenticated, service_role;
grant execute on function public.refund_spend_for(uuid, text, text, bigint, bigint, text, text)
to service_role;
