-- Money that goes back for tokens that are not there any more: they were used, or had expired. It
-- comes off what was recognised, and off breakage as far as they had expired, when it goes back.
--
-- Reports read what money did beyond the worth of the tokens that lots lost with it. A row is
-- written in the transaction that moves the money, and never changed: a month that is over stays.

create table coinslot.beyond_lots (
  id bigint generated always as identity,
  payment_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  currency text not null,
  live boolean not null,
  refunded bigint not null,
  breakage bigint not null,
  constraint beyond_lots_pkey primary key (id),
  constraint beyond_lots_payment_id_fkey foreign key (payment_id)
  references public.token_payments (id) on delete restrict
);
comment on table coinslot.beyond_lots is
'Money of orders that went back for tokens that no lot had, in minor units.';
comment on column coinslot.beyond_lots.refunded is
'Went back, less what the tokens were worth that lots lost with it: negative where that is more.';
comment on column coinslot.beyond_lots.breakage is
'What of it had been breakage. The rest had been recognised.';
create index beyond_lots_at on coinslot.beyond_lots (at);
create index beyond_lots_payment_id on coinslot.beyond_lots (payment_id);
alter table coinslot.beyond_lots enable row level security;
revoke all on table coinslot.beyond_lots from anon, authenticated, service_role;
create policy "Nobody reads what went beyond lots through the API" on coinslot.beyond_lots
for select to anon, authenticated using (false);
create trigger beyond_lots_append_only before update or delete or truncate
on coinslot.beyond_lots
for each statement execute function coinslot.refuse_change();

-- By the places of the draws in their lots, as lot_news() has it: both come to the same.
create function coinslot.taken_worth(user_id uuid, after_seq bigint)
returns table (currency text, live boolean, value bigint)
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return query
  with news as materialized (
    select d.id, d.lot_id from coinslot.lot_draws d
    where d.user_id = taken_worth.user_id and d.seq > taken_worth.after_seq
      and d.lot_id is not null
      and d.cause in ('refund', 'dispute', 'test_reversal', 'reversal')
  ), lots as (
    select l.id, l.price, l.price_tokens, greatest(0, l.price_tokens - l.tokens) as already,
      p.currency, p.live
    from public.token_lots l inner join public.token_payments p on p.id = l.payment_id
    where l.price is not null and l.id = any(array(select n.lot_id from news n))
  ), draws as (
    select d.id, l.price, l.price_tokens, l.currency, l.live,
      (l.already - d.tokens + sum(d.tokens) over w)::bigint as first_token,
      (l.already + sum(d.tokens) over w)::bigint as last_token
    from lots l inner join coinslot.lot_draws d on d.lot_id = l.id
    window w as (partition by d.lot_id order by d.id)
  )
  select w.currency, w.live, sum(w.value)::bigint
  from (
    select d.currency, d.live, coinslot.worth(d.price, d.price_tokens, d.last_token)
      - coinslot.worth(d.price, d.price_tokens, d.first_token) as value
    from draws d inner join news n on n.id = d.id
    union all
    select p.currency, p.live, coinslot.worth(
      l.price, l.price_tokens, greatest(0, l.price_tokens - l.tokens)
    ) - l.price
    from public.token_lots l inner join public.token_payments p on p.id = l.payment_id
    where l.user_id = taken_worth.user_id and l.seq > taken_worth.after_seq
      and l.kind = 'reversal' and l.price is not null
  ) w
  group by w.currency, w.live;
end
$$;
comment on function coinslot.taken_worth(uuid, bigint) is
'What the tokens are worth that money took from the lots of a locked wallet after an entry, by the
money of the lots; less what came back to lots with money.';
revoke all on function coinslot.taken_worth(uuid, bigint) from public;

-- The tokens of an order that had expired when their money went back, at the share of what their
-- lots' expired tokens were worth.
create function coinslot.covered_worth(payment_id uuid, refund_done boolean) returns bigint
language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return (
    with covered as (
      select t.lot_id, sum(t.tokens - t.returned) as tokens
      from coinslot.lot_takings t
      where t.payment_id = covered_worth.payment_id and t.origin = 'covered'
        and (covered_worth.refund_done or not exists (
          select from coinslot.refunds r where r.id = t.refund_id and r.finished_at is null
        ))
      group by t.lot_id
    ), draws as (
      select l.id, l.expired, l.price, l.price_tokens, d.cause, (
        greatest(0, l.price_tokens - l.tokens) + sum(d.tokens) over (
          partition by d.lot_id order by d.id
        )
      )::bigint as last_token, d.tokens
      from covered c
      inner join public.token_lots l on l.id = c.lot_id and l.price is not null
      inner join coinslot.lot_draws d on d.lot_id = l.id
    ), lots as (
      select d.id, d.expired, sum(
        coinslot.worth(d.price, d.price_tokens, d.last_token)
        - coinslot.worth(d.price, d.price_tokens, d.last_token - d.tokens)
      ) as value
      from draws d where d.cause = 'expiry' group by d.id, d.expired
    )
    select coalesce(sum(div(l.value * c.tokens, l.expired)), 0)::bigint
    from lots l inner join covered c on c.lot_id = l.id
  );
end
$$;
comment on function coinslot.covered_worth(uuid, boolean) is
'What the expired tokens of an order were worth whose money went back.';
revoke all on function coinslot.covered_worth(uuid, boolean) from public;

-- Tokens may be those of another order, in a currency in which nothing went back.
create function coinslot.note_beyond_lots(
  payment public.token_payments, after_seq bigint, money bigint, refund_done boolean
) returns void
language plpgsql volatile set search_path = '' set enable_seqscan = off as $$
declare
  v_breakage bigint := coinslot.covered_worth(payment.id, refund_done) - (
    select coalesce(sum(b.breakage), 0) from coinslot.beyond_lots b
    where b.payment_id = payment.id
  );
begin
  insert into coinslot.beyond_lots (payment_id, currency, live, refunded, breakage)
  select payment.id, b.currency, b.live, sum(b.refunded), sum(b.breakage)
  from (
    select payment.currency as currency, payment.live as live, note_beyond_lots.money as refunded,
      v_breakage as breakage
    union all
    select w.currency, w.live, -w.value, 0
    from coinslot.taken_worth(payment.user_id, note_beyond_lots.after_seq) w
  ) b
  group by b.currency, b.live
  having sum(b.refunded) <> 0 or sum(b.breakage) <> 0
  order by b.currency, b.live;
end
$$;
comment on function coinslot.note_beyond_lots(public.token_payments, bigint, bigint, boolean) is
'Writes what money of an order did beyond what its tokens were worth.';
revoke all on function coinslot.note_beyond_lots(public.token_payments, bigint, bigint, boolean)
from public;

-- The wallet is folded first: what its lots lose after this entry, they lose with the money.
create function coinslot.settle_lots(
  payment public.token_payments, tokens bigint, cause text, money bigint,
  refund_done boolean default false
) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  v_wallet public.token_wallets;
  v_moved bigint := 0;
begin
  if settle_lots.tokens <> 0 then
    v_wallet := coinslot.lock_wallet(payment.user_id);
    v_wallet := coinslot.fold(payment.user_id, coinslot.wallet_time(v_wallet));
  end if;
  if settle_lots.tokens > 0 then
    v_moved := coinslot.give_back(payment, settle_lots.tokens, settle_lots.refund_done);
  elsif settle_lots.tokens < 0 then
    v_moved := coinslot.take_tokens(
      payment, -settle_lots.tokens, settle_lots.cause, settle_lots.refund_done
    );
  end if;
  perform coinslot.note_beyond_lots(
    payment, v_wallet.seq, settle_lots.money, settle_lots.refund_done
  );
  return v_moved;
end
$$;
comment on function coinslot.settle_lots(
  public.token_payments, bigint, text, bigint, boolean
) is 'Gives tokens to a locked order, or takes them, as so much money went back of it; by how much
the balance moved.';
revoke all on function coinslot.settle_lots(public.token_payments, bigint, text, bigint, boolean)
from public;
