"""HTTP routes: one blueprint per family."""

from sidecar.views.health import health
from sidecar.views.openapi import openapi
from sidecar.views.orders import orders
from sidecar.views.pages import pages
from sidecar.views.portone import portone
from sidecar.views.refunds import refunds
from sidecar.views.store import store
from sidecar.views.stripe import stripe
from sidecar.views.toss import toss
from sidecar.views.webhooks import webhooks

BLUEPRINTS = (health, openapi, portone, toss, stripe, orders, refunds, webhooks, store, pages)
