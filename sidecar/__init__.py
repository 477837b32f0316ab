"""Coinslot's sidecar: it proves what the payment gateways did and tells the database."""
