"""A storm of renewals: people subscribe at all gateways and are charged while everything fails."""
