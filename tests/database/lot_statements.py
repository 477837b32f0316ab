"""Statements of the owner about lots: no call is there for them."""

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
