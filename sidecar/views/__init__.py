"""HTTP routes: one blueprint per family."""

from sidecar.views.health import health
from sidecar.views.orders import orders
from sidecar.views.portone import portone
from sidecar.views.webhooks import webhooks

BLUEPRINTS = (health, portone, orders, webhooks)
