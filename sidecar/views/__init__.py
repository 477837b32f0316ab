"""HTTP routes: one blueprint per family."""

from sidecar.views.health import health
from sidecar.views.orders import orders
from sidecar.views.portone import portone

BLUEPRINTS = (health, portone, orders)
