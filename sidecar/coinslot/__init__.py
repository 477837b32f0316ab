"""Coinslot: prepaid tokens for apps on Supabase, bought through payment gateways."""
