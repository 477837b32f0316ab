-- Plays what happens to the lots of one user. Needs call.sql and funnel.sql.
--
--   A: grant 5 in=10            the service gives 5 tokens that expire in 10 hours; by default never
--   P: buy 10 price=5000 in=48  a product of 10 tokens is bought and paid; they last for 2 days
--   s: spend 5                  the user spends
--   s: back 3                   the service gives 3 of that spend back; by default all of it
--   h: hold 5 ttl=24            the service holds 5 tokens for 24 hours
--   h: capture 3 over  h: release  h: extend ttl=24
--   pass 10                     10 hours go by
--   P: refund amount=2500 force a refund is asked for
--   P: done  P: fail            the gateway shows it, or declines it
--   P: read refunded=2500       the gateway shows this of the payment, whoever caused it
--   debt 8                      a gateway takes 8 tokens of no order
--   fold  upkeep                the wallet is folded, the maintenance runs
--   delete  merge 3 P           the user is deleted; merged into one who has 3 tokens, P follows
--   ?lots ?tokens ?history      what lots would have left, by their names, and kinds of those without
--
-- A step answers what can be spent then, or its error, and what coinslot_verify_ledger() finds.
create temporary table names (name text, id uuid, key text, lot bigint);
create temporary table players (user_id uuid);

-- As if so many hours had gone by since all that is noted of a user's wallet.
create function pg_temp.pass(user_id uuid, hours numeric) returns void
language plpgsql as $$
declare
  v_ago interval := make_interval(secs => 3600 * hours::double precision);
begin
  update public.token_lots l set expires_at = l.expires_at - v_ago, created_at = l.created_at - v_ago
  where l.user_id = pass.user_id;
  update coinslot.token_holds h set created_at = h.created_at - v_ago,
    expires_at = h.expires_at - v_ago
  where h.user_id = pass.user_id;
  update public.token_wallets w set folded_at = w.folded_at - v_ago,
    next_change_at = w.next_change_at - v_ago
  where w.user_id = pass.user_id;
  update public.token_payments p set tokens_end_at = p.tokens_end_at - v_ago
  where p.user_id = pass.user_id;
end
$$;

create function pg_temp.available(user_id uuid) returns text
language sql as $$
  select coinslot.available(w)::text from public.token_wallets w where w.user_id = available.user_id
$$;

create function pg_temp.buy(user_id uuid, name text, tokens bigint, words jsonb) returns jsonb
language plpgsql as $$
declare
  v_product text := 'pack_' || lower(name);
  v_answer jsonb;
begin
  perform pg_temp.change(format(
    'select coinslot.set_product(%L, %L, tokens => %s, prices => %L, tokens_end_at => %L)',
    v_product, name, tokens, jsonb_build_object('KRW', coalesce((words ->> 'price')::bigint, 5000)),
    coalesce(clock_timestamp() + make_interval(hours => (words ->> 'in')::integer), 'infinity')
  ));
  v_answer := pg_temp.as_user(user_id, format(
    'select * from create_token_order(%L, ''portone'')', v_product
  ));
  insert into names (name, id, key) values (buy.name, (v_answer ->> 'id')::uuid, v_answer ->> 'order_id');
  perform pg_temp.read(v_answer ->> 'order_id', 'A:paid paid=' || (v_answer ->> 'amount'));
  update names n set lot = l.id from public.token_lots l
  where n.name = buy.name and l.payment_id = n.id;
  return v_answer;
end
$$;

create function pg_temp.money_step(name text, verb text, words jsonb, step text) returns jsonb
language plpgsql as $$
declare
  v_payment public.token_payments;
  v_refund coinslot.refunds;
begin
  select p.* into v_payment from public.token_payments p
  inner join names n on n.id = p.id where n.name = money_step.name;
  v_refund := pg_temp.latest_refund(v_payment.id);
  case verb
    when 'refund' then
      return pg_temp.invoke('request_token_refund_for', jsonb_strip_nulls(jsonb_build_object(
        'order_id', v_payment.order_id, 'reason', 'why', 'amount', words -> 'amount',
        'idempotency_key', gen_random_uuid(), 'force', words ? 'force'
      )));
    when 'fail' then
      perform pg_temp.refund_step(v_payment, '!answer declined');
      return jsonb_build_object('read', pg_temp.read(v_payment.order_id, format(
        'A:paid paid=%s refunded=%s', v_payment.paid, v_payment.refunded
      )));
    when 'done' then
      return jsonb_build_object('read', pg_temp.read(v_payment.order_id, format(
        'A:paid paid=%s refunded=%s', v_payment.paid, v_refund.refunded_before + v_refund.amount
      )));
    else
      return jsonb_build_object('read', pg_temp.read(v_payment.order_id, format(
        'A:paid paid=%s %s', v_payment.paid, split_part(step, 'read ', 2)
      )));
  end case;
end
$$;

create function pg_temp.lot_step(user_id uuid, name text, step text) returns jsonb
language plpgsql as $$
declare
  v_words jsonb := pg_temp.words(step);
  v_verb text := split_part(step, ' ', 1);
  v_number text := substring(step from '^\w+ (-?\d+)');
  v_known names;
  v_answer jsonb;
begin
  select n.* into v_known from names n where n.name = lot_step.name;
  case v_verb
    when 'buy' then
      return pg_temp.buy(user_id, name, v_number::bigint, v_words);
    when 'grant' then
      v_answer := pg_temp.invoke('add_tokens', jsonb_strip_nulls(jsonb_build_object(
        'user_id', user_id, 'amount', v_number, 'idempotency_key', gen_random_uuid(),
        'expires_at', clock_timestamp() + make_interval(hours => (v_words ->> 'in')::integer)
      )));
      insert into names (name, lot)
      select lot_step.name, l.id from public.token_lots l
      where l.user_id = lot_step.user_id and l.seq = (v_answer ->> 'seq')::bigint;
    when 'spend' then
      v_answer := pg_temp.invoke('spend_tokens_for', jsonb_build_object(
        'user_id', user_id, 'amount', v_number, 'idempotency_key', gen_random_uuid()
      ));
      insert into names (name, key) values (lot_step.name, v_answer ->> 'idempotency_key');
    when 'back' then
      v_answer := pg_temp.invoke('refund_spend_for', jsonb_strip_nulls(jsonb_build_object(
        'user_id', user_id, 'idempotency_key', gen_random_uuid(), 'spend_key', v_known.key,
        'amount', v_number
      )));
    when 'hold' then
      v_answer := pg_temp.invoke('hold_tokens_for', jsonb_build_object(
        'user_id', user_id, 'amount', v_number, 'idempotency_key', gen_random_uuid(),
        'ttl_seconds', 3600 * coalesce((v_words ->> 'ttl')::integer, 24)
      ));
      insert into names (name, id) values (lot_step.name, (v_answer ->> 'id')::uuid);
    when 'capture' then
      v_answer := pg_temp.invoke('capture_token_hold', jsonb_strip_nulls(jsonb_build_object(
        'hold_id', v_known.id, 'amount', v_number, 'allow_overage', v_words ? 'over'
      )));
    when 'release' then
      v_answer := pg_temp.invoke('release_token_hold', jsonb_build_object('hold_id', v_known.id));
    when 'extend' then
      v_answer := pg_temp.invoke('extend_token_hold', jsonb_build_object(
        'hold_id', v_known.id, 'ttl_seconds', 3600 * (v_words ->> 'ttl')::integer
      ));
    when 'debt' then
      perform coinslot.post_entry(coinslot.new_entry(
        user_id, 'refund', -v_number::bigint, 'system'
      ));
    when 'pass' then
      perform pg_temp.pass(user_id, v_number::numeric);
    when 'fold' then
      perform coinslot.fold(w.user_id, coinslot.wallet_time(w))
      from coinslot.lock_wallet(lot_step.user_id) w;
    when 'upkeep' then
      perform pg_temp.as_service('select coinslot_run_maintenance()');
    when 'delete' then
      delete from auth.users u where u.id = user_id;
    else
      return pg_temp.money_step(name, v_verb, v_words, step);
  end case;
  return v_answer;
end
$$;

create function pg_temp.lots(user_id uuid) returns text
language sql as $$
  select string_agg(coalesce(n.name, l.kind) || ' ' || coalesce(f.remaining, 0), ', ' order by l.id)
  from public.token_lots l
  inner join public.token_wallets w on w.user_id = l.user_id
  left join names n on n.lot = l.id
  left join coinslot.foreseen_lots(w, coinslot.wallet_time(w)) f on f.lot_id = l.id
  where l.user_id = lots.user_id
$$;

create function pg_temp.play_lots(steps text[]) returns text[]
language plpgsql as $$
declare
  v_user uuid := pg_temp.user_with(0);
  v_answers text[];
  v_answer jsonb;
  v_step text;
begin
  delete from names;
  foreach v_step in array steps
  loop
    v_answer := null;
    if v_step like '?%' then
      v_answers := v_answers || case v_step
        when '?lots' then pg_temp.lots(v_user)
        when '?tokens' then pg_temp.as_user(v_user, 'select get_user_tokens()') ->> 'get_user_tokens'
        else pg_temp.history(v_user)
      end;
      continue;
    elsif v_step like 'merge %' then
      v_answer := pg_temp.invoke('merge_token_wallets', jsonb_build_object(
        'from_user', v_user, 'idempotency_key', gen_random_uuid(),
        'into_user', pg_temp.user_with(split_part(v_step, ' ', 2)::bigint)
      ));
      v_user := coalesce(v_answer ->> 'into_user', v_user::text)::uuid;
    elsif v_step ~ '^\w+: ' then
      v_answer := pg_temp.lot_step(v_user, split_part(v_step, ': ', 1), split_part(v_step, ': ', 2));
    else
      v_answer := pg_temp.lot_step(v_user, '', v_step);
    end if;
    v_answers := v_answers || concat_ws(' ',
      case when v_answer ? 'error' then pg_temp.refusal(v_answer) else pg_temp.available(v_user) end,
      case when v_answer ->> 'read' like '%UNSOUND%' then 'read' end,
      (select 'UNSOUND ' || jsonb_agg(v)::text from coinslot.verify_ledger(null, null) v)
    );
  end loop;
  delete from players;
  insert into players values (v_user);
  return v_answers;
end
$$;
