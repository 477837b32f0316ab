-- Plays what a gateway says about one order, step by step. Needs call.sql.
--
--   A:paid paid=5000 refunded=1000    attempt A is read: state and whatever differs from an unpaid,
--                                     matching read with the order's present version
--   !cancel !expire !delete !fill     the buyer cancels, time passes, the user is deleted, the
--                                     wallet is filled to the brim
--   !long_ago  !void                  its time is over for two hours, the shop ends the orders of its
--                                     product
--   !reprice  !cheaper                its product costs 1 more, 1 less
--   !close  ?closings                 whoever closes orders at gateways claims it, and is done; what
--                                     is to be closed, and how often that was tried
--   !accept                           the service agrees to the refund that is proposed
--   !spend 8  !grant 8                the buyer spends tokens, the service gives some
--   !merge 3                          the buyer's wallet is merged into a new user's, who has 3 tokens
--   !refund amount=2000 key=r1 force  the service asks for a refund: by default of what is left,
--     attempt=A                       under the key r, without force, of no particular attempt
--   !claim  !later                    the order's latest refund is taken up; what is planned for
--                                     the order is due
--   !answer accepted tries=1          what the gateway said to it: accepted, declined, spent or
--                                     unknown, to the present try by default
--   !reconcile                        the reconciler claims what is due: the order, if it is, and
--                                     the attempt it is known by
--   ?history ?open ?resolved ?events  what is in the books, what waits for a person or did so, what
--                                     was noted
--   ?documents                        the receipts and credit notes: r0 is the first receipt, its
--                                     cause and amount, VAT, tax-free part, and who split it
--   ?wallet ?tokens ?refund ?reads    the wallet, what the buyer can spend, the order's refunds,
--                                     how often it was reconciled, and when it will be
--
-- A read answers `outcome status tokens`, and what coinslot_verify_ledger() finds, should it find anything.
-- A refund is shown as `status tries answer`, an answer that is not there left out; a claim answers
-- `todo tries`. What is refused answers the error.

-- A single thing, beside the packs that are there.
select pg_temp.change($$ select coinslot.set_product(
  'premium_reading', 'Premium Fortune Reading', '사주팔자 프리미엄 해석',
  prices => '{"KRW": 13000, "USD": 1000}'
) $$) \gset

-- name=value and bare words, the latter as true.
create function pg_temp.words(step text) returns jsonb
language sql as $$
  select coalesce(jsonb_object_agg(
    split_part(w.word, '=', 1),
    case when strpos(w.word, '=') = 0 then 'true' else substr(w.word, strpos(w.word, '=') + 1) end
  ), '{}')
  from unnest((string_to_array(step, ' '))[2:]) w (word)
$$;

-- Calls an RPC as the service, with named arguments.
create function pg_temp.invoke(rpc text, arguments jsonb) returns jsonb
language sql as $$
  select pg_temp.as_service(format('select * from %I(', invoke.rpc)
    || string_agg(format('%I => %L', a.key, a.value), ', ') || ')')
  from jsonb_each_text(arguments) a
$$;

create function pg_temp.read(order_id text, step text) returns text
language plpgsql as $$
declare
  v_order public.token_payments;
  v_what text := split_part(step, ' ', 1);
  v_answer jsonb;
begin
  select p.* into v_order from public.token_payments p where p.order_id = read.order_id;
  v_answer := pg_temp.invoke('coinslot_apply_gateway_payment', jsonb_build_object(
    'order_id', v_order.order_id, 'gateway', 'portone', 'state', split_part(v_what, ':', 2),
    'payment_key', split_part(v_what, ':', 1) || ' ' || v_order.order_id,
    'amount', v_order.amount, 'currency', v_order.currency, 'live', v_order.live,
    'source', 'webhook', 'version', v_order.version
  ) || pg_temp.words(step));
  if v_answer ? 'error' then
    return pg_temp.refusal(v_answer);
  end if;
  return concat_ws(
    ' ', v_answer ->> 'outcome', v_answer #>> '{payment,status}',
    (select w.tokens from public.token_wallets w where w.user_id = v_order.user_id),
    (select 'UNSOUND ' || jsonb_agg(v)::text from coinslot.verify_ledger(null, null) v)
  );
end
$$;

create function pg_temp.refunds(payment_id uuid) returns text
language sql as $$
  select string_agg(concat_ws(' ', r.status, r.tries, r.answer), ', ' order by r.created_at)
  from coinslot.refunds r where r.payment_id = refunds.payment_id
$$;

create function pg_temp.latest_refund(payment_id uuid) returns coinslot.refunds
language sql as $$
  select r.* from coinslot.refunds r where r.payment_id = latest_refund.payment_id
  order by r.created_at desc limit 1
$$;

create function pg_temp.refund_step(payment public.token_payments, step text) returns text
language plpgsql as $$
declare
  v_refund coinslot.refunds := pg_temp.latest_refund(payment.id);
  v_words jsonb := pg_temp.words(step);
  v_answer jsonb;
begin
  case split_part(step, ' ', 1)
    when '!refund' then
      v_answer := pg_temp.invoke('request_token_refund_for', jsonb_strip_nulls(jsonb_build_object(
        'order_id', payment.order_id, 'reason', 'why', 'amount', v_words -> 'amount',
        'idempotency_key', coalesce(v_words ->> 'key', 'r'), 'force', v_words ? 'force',
        'payment_key', (v_words ->> 'attempt') || ' ' || payment.order_id
      )));
    when '!answer' then
      v_answer := pg_temp.invoke('coinslot_record_refund_answer', jsonb_build_object(
        'refund_id', v_refund.id, 'answer', split_part(step, ' ', 2),
        'tries', coalesce(v_words -> 'tries', to_jsonb(v_refund.tries))
      ));
    when '!claim' then
      return (
        select nullif(concat_ws(' ', a ->> 'todo', a ->> 'tries'), '')
        from pg_temp.as_service(format(
          'select c.* from unnest(coinslot_claim_refunds(refund_id => %L)) c', v_refund.id
        )) a
      );
  end case;
  return case when v_answer ? 'error' then pg_temp.refusal(v_answer)
    else pg_temp.refunds(payment.id) end;
end
$$;

create function pg_temp.ending_step(payment public.token_payments, step text) returns text
language plpgsql as $$
declare
  v_answer jsonb;
begin
  case step
    when '?closings' then
      return (
        select format('round %s, %s tries', c.round, c.tries) from coinslot.payment_closings c
        where c.payment_id = payment.id
      );
    when '!accept' then
      v_answer := pg_temp.invoke(
        'accept_token_refund_for', jsonb_build_object('order_id', payment.order_id)
      );
      return case when v_answer ? 'error' then pg_temp.refusal(v_answer)
        else concat_ws(' ', v_answer ->> 'amount', pg_temp.refunds(payment.id)) end;
    else
      v_answer := pg_temp.as_service(format(
        'select c.round, array(select split_part(k, '' '', 1) from unnest(c.attempt_keys) k) as keys
         from unnest(coinslot_claim_closings(%L, 1000)) c where (c.payment).id = %L',
        payment.gateway, payment.id
      ));
      if v_answer is null or v_answer ->> 'round' is null then
        return 'not due';
      end if;
      perform pg_temp.as_service(format(
        'select coinslot_finish_closing(%L, %s)', payment.order_id, v_answer ->> 'round'
      ));
      return (
        select coalesce(string_agg(k, ' '), 'nothing known')
        from jsonb_array_elements_text(v_answer -> 'keys') k
      );
  end case;
end
$$;

create function pg_temp.step(payment public.token_payments, step text) returns text
language plpgsql as $$
begin
  case split_part(step, ' ', 1)
    when '!cancel' then
      return pg_temp.as_user(payment.user_id, format(
        'select * from cancel_token_order(%L)', payment.order_id
      )) ->> 'status';
    when '!expire' then
      perform pg_temp.change(format(
        'update public.token_payments set expires_at = clock_timestamp() where id = %L', payment.id
      ));
      return pg_temp.as_service('select coinslot_run_maintenance() as n') #>> '{n,orders_expired}';
    when '!long_ago' then
      perform pg_temp.change(format(
        'update public.token_payments set expires_at = expires_at - interval ''3 hours'',
           deposit_until = deposit_until - interval ''30 days'' where id = %L', payment.id
      ));
      return pg_temp.as_service('select coinslot_run_maintenance() as n') #>> '{n,orders_expired}';
    when '!reprice', '!cheaper' then
      perform pg_temp.change(format(
        'update public.token_prices set amount = amount + %s where product_id = %L',
        case step when '!reprice' then 1 else -1 end, payment.product_id
      ));
      return case step when '!reprice' then 'dearer' else 'cheaper' end;
    when '!void' then
      perform pg_temp.as_service(format(
        'select void_token_orders_for(%L) as n', payment.product_id
      ));
      return (select p.status from public.token_payments p where p.id = payment.id);
    when '!close', '?closings', '!accept' then
      return pg_temp.ending_step(payment, step);
    when '!delete' then
      delete from auth.users u where u.id = payment.user_id;
      return 'gone';
    when '!back' then
      insert into auth.users (id) values (payment.user_id);
      return 'back';
    when '!fill' then
      return pg_temp.as_service(format(
        'select * from add_tokens(%L, 9007199254740991 - (
           select w.tokens from public.token_wallets w where w.user_id = %1$L
         ), %L)', payment.user_id, 'fill'
      )) ->> 'balance';
    when '!merge' then
      return (
        select coalesce(a ->> 'balance', a ->> 'error') from pg_temp.invoke(
          'merge_token_wallets', jsonb_build_object(
            'from_user', payment.user_id, 'idempotency_key', gen_random_uuid(),
            'into_user', pg_temp.user_with(split_part(step, ' ', 2)::bigint)
          )
        ) a
      );
    when '!spend' then
      return (
        select coalesce(a ->> 'balance', pg_temp.refusal(a)) from pg_temp.as_user(
          payment.user_id, format(
            'select * from spend_tokens(%s, %L)', split_part(step, ' ', 2), gen_random_uuid()
          )
        ) a
      );
    when '!grant' then
      return pg_temp.as_service(format(
        'select * from add_tokens(%L, %s, %L)', payment.user_id, split_part(step, ' ', 2),
        gen_random_uuid()
      )) ->> 'balance';
    when '!resolve' then
      return (
        select string_agg(pg_temp.invoke('coinslot_resolve_discrepancy', jsonb_build_object(
          'discrepancy_id', d.id, 'resolution', 'by hand'
        )) ->> 'resolution', ', ')
        from coinslot.discrepancies d
        where d.order_id = payment.order_id and d.resolved_at is null
      );
    when '!refund', '!answer', '!claim' then
      return pg_temp.refund_step(payment, step);
    when '!later' then
      perform pg_temp.change(format(
        'update coinslot.refunds set next_attempt_at = clock_timestamp()
         where payment_id = %L and next_attempt_at is not null', payment.id
      ));
      perform pg_temp.change(format(
        'update coinslot.payment_reads set next_read_at = clock_timestamp()
         where payment_id = %L', payment.id
      ));
      return 'due';
    when '!reconcile' then
      return (
        select concat('claimed', ' ' || split_part(a ->> 'key', ' ', 1)) from pg_temp.as_service(
          format(
            'select count(*) as n, min(c.attempt_key) as key from unnest(coinslot_claim_payments(%L, 1000)) c
             where (c.payment).id = %L', payment.gateway, payment.id
          )
        ) a where a -> 'n' = '1'
      );
    when '?reads' then
      return (
        select format('reads=%s in %ss', r.reads, pg_temp.wait_until(r.next_read_at))
        from coinslot.payment_reads r where r.payment_id = payment.id
      );
    when '?wallet' then
      return pg_temp.wallet(payment.user_id);
    when '?tokens' then
      return pg_temp.as_user(payment.user_id, 'select get_user_tokens() as n') ->> 'n';
    when '?refund' then
      return pg_temp.refunds(payment.id);
    when '?history' then
      return pg_temp.history(payment.user_id);
    when '?documents' then
      return (
        select string_agg(concat_ws(' ',
          left(d.kind, 1) || substr(d.number, length(d.number) - 5)::integer - (
            select min(f.serial) from public.token_documents f
            where f.payment_id = d.payment_id and f.kind = d.kind
          ), d.cause, d.amount, d.vat, d.tax_free, d.tax_basis
        ), ', ' order by d.issued_at)
        from public.token_documents d where d.payment_id = payment.id
      );
    when '?open' then
      return (
        select string_agg(d.kind, ', ' order by d.id) from coinslot.discrepancies d
        where d.order_id = payment.order_id and d.resolved_at is null
      );
    when '?resolved' then
      return (
        select string_agg(d.kind, ', ' order by d.id) from coinslot.discrepancies d
        where d.order_id = payment.order_id and d.resolved_at is not null
      );
    when '?events' then
      return (
        select string_agg(concat_ws(' ',
          concat_ws('>', e.from_status, e.to_status), nullif(e.tokens, 0), nullif(e.reason, '')
        ), ', ' order by e.id)
        from public.token_payment_events e where e.payment_id = payment.id
      );
    else
      return pg_temp.read(payment.order_id, step);
  end case;
end
$$;

-- A new user without tokens orders a product, and then the steps happen to whoever has the order.
create function pg_temp.play(product text, steps text[]) returns text[]
language plpgsql as $$
declare
  v_user_id uuid := pg_temp.user_with(0);
  v_order public.token_payments;
  v_step text;
  v_answers text[];
begin
  perform pg_temp.as_user(v_user_id, format(
    'select * from create_token_order(%L, %L)', play.product, 'portone'
  ));
  select p.* into strict v_order from public.token_payments p where p.user_id = v_user_id;
  foreach v_step in array steps loop
    v_answers := v_answers || pg_temp.step(v_order, v_step);
    select p.* into strict v_order from public.token_payments p where p.id = v_order.id;
  end loop;
  -- For the stories after this one, should it have changed.
  update public.token_prices r set amount = v_order.amount
  where r.product_id = v_order.product_id and r.currency = v_order.currency;
  return v_answers;
end
$$;
