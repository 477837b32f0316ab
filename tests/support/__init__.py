"""Parts that the tests stand on: clusters, stacks, servers, gateways and people."""

import ssl
from functools import cache

# Each client of httpx, and each of ours, loads every authority there is: 60 ms of CPU. Here there
# are hundreds of them, on 127.0.0.1, and one at every look whether a server is ready yet.
ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]
