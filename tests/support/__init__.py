"""Parts that the tests stand on: clusters, stacks, servers, gateways and people."""
