"""HTTP routes: one blueprint per family."""

from coinslot.gateways.portone.routes import portone
from coinslot.gateways.stripe.routes import stripe
from coinslot.gateways.toss.routes import toss
from coinslot.routes.health import health
from coinslot.routes.openapi import openapi
from coinslot.routes.orders import orders
from coinslot.routes.pages import pages
from coinslot.routes.refunds import refunds
from coinslot.routes.store import store
from coinslot.routes.webhooks import webhooks

BLUEPRINTS = (health, openapi, portone, toss, stripe, orders, refunds, webhooks, store, pages)
