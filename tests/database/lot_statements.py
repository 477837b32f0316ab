"""Statements of the owner about lots: no call is there for them."""

from __future__ import annotations

from tests.lots.terms import Parts

EXPIRE_LOT = """
with ended as (
  update token_lots set expires_at = clock_timestamp()
  where user_id = %s and kind = 'grant' and seq = 2 returning user_id, expires_at
)
update token_wallets w set next_change_at = e.expires_at from ended e where w.user_id = e.user_id
"""
"""The time of somebody's second grant has come."""

FOLD = """
select coinslot.fold(w.user_id, coinslot.wallet_time(w))
from coinslot.lock_wallet(%s) w where w.user_id is not null
"""
"""Draws and expires what is due of a wallet."""

FOLD_ALL = """
select count(coinslot.fold(w.user_id, coinslot.wallet_time(w)))
from token_wallets w where w.user_id >= %s and w.user_id < %s
"""
LOTS = f"""
select l.user_id, {", ".join(Parts._fields)} from token_lots l
where l.user_id >= %s and l.user_id < %s order by l.id
"""
END_LOT = """
with ended as (
  update token_lots l set expires_at = clock_timestamp() where l.id = (
    select o.id from token_lots o where o.user_id >= %s and o.user_id < %s
    order by o.id offset %s limit 1
  )
  returning l.user_id, l.expires_at
)
update token_wallets w set next_change_at = least(w.next_change_at, e.expires_at)
from ended e where w.user_id = e.user_id
"""
