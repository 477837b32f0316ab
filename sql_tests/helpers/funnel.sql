-- Plays what a gateway says about one order, step by step. Needs call.sql.
--
--   A:paid paid=5000 refunded=1000    attempt A is read: state and whatever differs from an unpaid,
--                                     matching read with the order's present version
--   !cancel !expire !delete !fill     the buyer cancels, time passes, the user is deleted, the
--                                     wallet is filled to the brim
--   ?history ?open ?resolved ?events  what is in the books, what waits for a person or did so, what
--                                     was noted
--
-- A read answers `outcome status tokens`, and what verify_ledger() finds, should it find anything.

create function pg_temp.read(order_id text, step text) returns text
language plpgsql as $$
declare
  v_order public.payments;
  v_words text[] := string_to_array(step, ' ');
  v_read jsonb;
  v_answer jsonb;
begin
  select p.* into v_order from public.payments p where p.order_id = read.order_id;
  v_read := jsonb_build_object(
    'order_id', v_order.order_id, 'gateway', 'portone', 'state', split_part(v_words[1], ':', 2),
    'payment_key', split_part(v_words[1], ':', 1) || ' ' || v_order.order_id,
    'amount', v_order.amount, 'currency', v_order.currency, 'live', v_order.live,
    'source', 'webhook', 'version', v_order.version
  ) || coalesce((
    select jsonb_object_agg(split_part(w.word, '=', 1), substr(w.word, strpos(w.word, '=') + 1))
    from unnest(v_words[2:]) w (word)
  ), '{}');
  v_answer := pg_temp.as_service((
    select 'select * from apply_gateway_payment('
      || string_agg(format('%I => %L', a.key, a.value), ', ') || ')'
    from jsonb_each_text(v_read) a
  ));
  if v_answer ? 'error' then
    return pg_temp.refusal(v_answer);
  end if;
  return concat_ws(
    ' ', v_answer ->> 'outcome', v_answer #>> '{payment,status}',
    (select w.tokens from public.wallets w where w.user_id = v_order.user_id),
    (select 'UNSOUND ' || jsonb_agg(v)::text from coinslot.verify_ledger(null, null) v)
  );
end
$$;

create function pg_temp.step(payment public.payments, step text) returns text
language plpgsql as $$
begin
  case step
    when '!cancel' then
      return pg_temp.as_user(payment.user_id, format(
        'select * from cancel_order(%L)', payment.order_id
      )) ->> 'status';
    when '!expire' then
      perform pg_temp.change(format(
        'update public.payments set expires_at = clock_timestamp() where id = %L', payment.id
      ));
      return pg_temp.as_service('select run_maintenance() as n') #>> '{n,orders_expired}';
    when '!delete' then
      delete from auth.users u where u.id = payment.user_id;
      return 'gone';
    when '!fill' then
      return pg_temp.as_service(format(
        'select * from add_tokens(%L, 9007199254740991 - (
           select w.tokens from public.wallets w where w.user_id = %1$L
         ), %L)', payment.user_id, 'fill'
      )) ->> 'balance';
    when '?history' then
      return pg_temp.history(payment.user_id);
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
        from public.payment_events e where e.payment_id = payment.id
      );
    else
      return pg_temp.read(payment.order_id, step);
  end case;
end
$$;

-- A new user without tokens orders a product, and then the steps happen.
create function pg_temp.play(product text, steps text[]) returns text[]
language plpgsql as $$
declare
  v_user_id uuid := pg_temp.user_with(0);
  v_order public.payments;
  v_step text;
  v_answers text[];
begin
  perform pg_temp.as_user(v_user_id, format(
    'select * from create_order(%L, %L)', play.product, 'portone'
  ));
  select p.* into strict v_order from public.payments p where p.user_id = v_user_id;
  foreach v_step in array steps loop
    v_answers := v_answers || pg_temp.step(v_order, v_step);
  end loop;
  return v_answers;
end
$$;
