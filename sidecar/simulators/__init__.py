"""The payment gateways as simulators on loopback, for development and tests."""
