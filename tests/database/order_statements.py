"""Statements of the owner about orders and prices: no call is there for them."""

from __future__ import annotations

OVERDUE = "update token_payments set expires_at = clock_timestamp() where order_id = %s"

PAST = """
update token_payments set
  expires_at = clock_timestamp() - interval '3 hours',
  deposit_until = clock_timestamp() - interval '3 hours'
where order_id = %s
"""
PRICE = "update token_prices set amount = %s where product_id = %s and currency = 'KRW'"
