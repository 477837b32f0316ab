"""Parts that the tests stand on: clusters, stacks, servers, gateways and people."""

from functools import cache

import httpx
from httpx._transports import default

# Each client of httpx, and each of ours, loads every authority there is: 60 ms of CPU. Here there
# are hundreds of them, on 127.0.0.1, and one at every look whether a server is ready yet.
default.create_ssl_context = httpx.create_ssl_context = cache(httpx.create_ssl_context)  # type: ignore[attr-defined]
